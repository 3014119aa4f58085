package keyring

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/audit"
)

// fits checks wraps against the directory that they come with. Each of added
// must be for somebody listed who may hold it. Of all, each data and book key
// must be listed: clients refuse a keyring with another. And the recovery key and one
// owner must find every key that new data is written under: a practice that
// lost the others would otherwise have lost its patients.
func fits(d seal.Directory, added, all []seal.Wrap) error {
	for _, w := range added {
		if w.Check() != nil || !mayHold(d, w) {
			return ErrMalformedKeyring
		}
	}
	for _, w := range all {
		if !lists(d, w) {
			return ErrMalformedKeyring
		}
	}
	complete := func(holder string) bool {
		has := func(kind seal.Kind, epoch int) bool {
			return slices.ContainsFunc(all, func(w seal.Wrap) bool {
				return w.Kind == kind && w.Epoch == epoch && w.Holder == holder
			})
		}
		return has(seal.KindIdentity, 1) && has(seal.KindData, d.Current().Epoch) && has(seal.KindBook, d.CurrentBook().Epoch)
	}
	owner := slices.ContainsFunc(d.Members, func(m seal.Member) bool {
		return m.Role == seal.RoleOwner && complete(m.KID)
	})
	if !owner || !complete(d.Recovery.KID) {
		return ErrMalformedKeyring
	}
	return nil
}

// goesBack says whether next would take up an older key again, or another key
// for an epoch whose book key is known.
func goesBack(newest, next seal.Directory) bool {
	for _, k := range newest.BookKeys {
		if again, listed := next.Book(k.Epoch); listed && !bytes.Equal(again.Check, k.Check) {
			return true
		}
	}
	return next.Current().Epoch < newest.Current().Epoch || next.CurrentBook().Epoch < newest.CurrentBook().Epoch
}

// lists says whether the directory lists the key that is wrapped.
func lists(d seal.Directory, w seal.Wrap) bool {
	switch w.Kind {
	case seal.KindData:
		return slices.ContainsFunc(d.DataKeys, func(k seal.DataKey) bool { return k.Epoch == w.Epoch })
	case seal.KindBook:
		_, listed := d.Book(w.Epoch)
		return listed
	default:
		return w.Epoch == 1
	}
}

// mayHold says whether the directory lists a wrap's holder, and the holder may
// have it: the identity key is for owners and recovery alone.
func mayHold(d seal.Directory, w seal.Wrap) bool {
	member := slices.IndexFunc(d.Members, func(m seal.Member) bool { return m.KID == w.Holder })
	recovery := w.Holder == d.Recovery.KID
	if member < 0 && !recovery {
		return false
	}
	return w.Kind != seal.KindIdentity || recovery || d.Members[member].Role == seal.RoleOwner
}

// holders are the kids that a directory lets hold wraps.
func holders(d seal.Directory) []string {
	kids := []string{d.Recovery.KID}
	for _, m := range d.Members {
		kids = append(kids, m.KID)
	}
	return kids
}

// dropWraps deletes the wraps of those whom the directory does not let hold
// them, and those of an identity that is no more, and returns what is left,
// without its ciphertext.
func dropWraps(ctx context.Context, tx bun.Tx, tenant id.Tenant, next seal.Directory, succeeded bool) ([]seal.Wrap, error) {
	owners := []string{""}
	if !succeeded {
		owners = append(owners, next.Recovery.KID)
	}
	for _, m := range next.Members {
		if m.Role == seal.RoleOwner && !succeeded {
			owners = append(owners, m.KID)
		}
	}
	_, err := tx.NewRaw(
		`delete from wrapped_key where tenant_id = ? and (holder not in (?) or kind = 'identity' and holder not in (?))`,
		tenant, bun.List(holders(next)), bun.List(owners),
	).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("drop wrapped keys: %w", err)
	}
	var rows []struct {
		Kind   string
		Epoch  int
		Holder string
	}
	err = tx.NewRaw(`select kind, epoch, holder from wrapped_key where tenant_id = ?`, tenant).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read wrapped keys: %w", err)
	}
	wraps := make([]seal.Wrap, 0, len(rows))
	for _, r := range rows {
		wraps = append(wraps, seal.Wrap{Kind: seal.Kind(r.Kind), Epoch: r.Epoch, Holder: r.Holder})
	}
	return wraps, nil
}

func insertWraps(ctx context.Context, tx bun.Tx, tenant id.Tenant, wraps []seal.Wrap) error {
	for _, w := range wraps {
		_, err := tx.NewRaw(`
			insert into wrapped_key (tenant_id, kind, epoch, holder, enc, ct) values (?, ?, ?, ?, ?, ?)`,
			tenant, string(w.Kind), w.Epoch, w.Holder, []byte(w.Enc), []byte(w.CT),
		).Exec(ctx)
		if err != nil {
			return fmt.Errorf("insert wrapped key: %w", err)
		}
	}
	return nil
}

func insertDirectory(ctx context.Context, tx bun.Tx, tenant id.Tenant, d seal.Directory, signed seal.Signed) error {
	_, err := tx.NewRaw(`
		insert into key_directory (tenant_id, sequence, document, signature, issued, expires)
		values (?, ?, ?, ?, ?, ?)`,
		tenant, d.Sequence, []byte(signed.Document), []byte(signed.Signature), d.Issued, d.Expires,
	).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert key directory: %w", err)
	}
	act := audit.Now(ctx, tenant, "keyring.put", "")
	act.Detail = map[string]string{"sequence": strconv.FormatInt(d.Sequence, 10)}
	return audit.RecordTx(ctx, tx, act)
}

// newestDirectory returns the newest directory and its bytes, or [ErrNoKeys].
func newestDirectory(ctx context.Context, tx bun.Tx, tenant id.Tenant) (seal.Directory, []byte, error) {
	var rows []struct {
		Document  []byte
		Signature []byte
	}
	err := tx.NewRaw(`
		select document, signature from key_directory
		where tenant_id = ? order by sequence desc limit 1`, tenant,
	).Scan(ctx, &rows)
	if err != nil {
		return seal.Directory{}, nil, fmt.Errorf("read key directory: %w", err)
	}
	if len(rows) == 0 {
		return seal.Directory{}, nil, ErrNoKeys
	}
	d, err := seal.ParseDirectory(rows[0].Document, rows[0].Signature)
	if err != nil {
		return seal.Directory{}, nil, fmt.Errorf("stored key directory: %w", err)
	}
	return d, rows[0].Document, nil
}
