package connector

import (
	"context"
	"errors"
	"log/slog"

	"siegel/platform/seal"
)

// refreshKeys asks for the directory and for what is wrapped for the connector,
// where it holds none or an hour is over. Nothing is believed that the identity
// which was pinned on pairing did not sign, that is older than what was seen,
// or that has run out.
func (a *Agent) refreshKeys(ctx context.Context) error {
	if a.holdsKeys() && a.Now().Sub(a.keysRead) < keysEvery {
		return nil
	}
	served, err := a.office.keys(ctx)
	if err != nil {
		return err
	}
	a.note(func(h *health) { h.Reached = a.Now() })
	if served.Directory == nil {
		return ErrNoDirectory
	}
	keys, err := a.believe(served)
	a.trouble("keys", err)
	if errors.Is(err, seal.ErrNotMember) {
		words, wordsErr := a.pairing.words()
		a.note(func(h *health) { h.Keys, h.Words = false, words })
		a.trouble("keys", nil)
		return wordsErr
	}
	if err != nil {
		a.note(func(h *health) { h.Keys = false })
		return err
	}
	if keys.Directory.Sequence != a.pairing.Sequence || keys.Directory.Fingerprint() != a.pairing.Pin {
		a.pairing.Sequence, a.pairing.Pin = keys.Directory.Sequence, keys.Directory.Fingerprint()
		if err := a.pairing.write(a.Dir); err != nil {
			return err
		}
	}
	a.keys, a.keysRead = keys, a.Now()
	a.note(func(h *health) { h.Keys, h.Words = true, nil })
	if n, err := a.office.practice(ctx); err == nil {
		a.note(func(*health) { a.names = n })
	} else {
		slog.Warn("the practice's names could not be read", "err", err)
	}
	return nil
}

// believe opens a keyring as a member's browser would, with what pairing pinned
// in the place of a vouch.
func (a *Agent) believe(s served) (seal.Unlocked, error) {
	p := a.pairing
	d, err := seal.ParseDirectory(s.Directory.Document, s.Directory.Signature)
	if err != nil {
		return seal.Unlocked{}, err
	}
	if err := d.Check(p.Tenant, a.Now(), p.Pin); err != nil {
		return seal.Unlocked{}, err
	}
	if d.Sequence < p.Sequence {
		return seal.Unlocked{}, seal.ErrDirectoryOld
	}
	vouch, err := d.Vouch(p.member, p.Connector)
	if err != nil {
		return seal.Unlocked{}, err
	}
	return seal.Locked{
		Tenant: p.Tenant, Account: p.Connector, Directory: *s.Directory, Vouch: vouch, Wraps: s.Keys, Pin: p.Pin, Sequence: p.Sequence,
	}.UnlockWith(p.member)
}
