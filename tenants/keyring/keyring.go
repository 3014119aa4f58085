// Package keyring keeps a practice's keys as the server may have them: the
// signed directory of public keys, and practice keys wrapped for their holders.
//
// A [Service] promises that the directory only grows, each signed by the
// identity of the one before; that a directory and the wraps it calls for come
// together or not at all; that a wrapped key is never overwritten; and that
// nobody can be left without the recovery key's wraps. It cannot promise that a
// wrap opens, nor that the first directory is the practice's: the keys to tell
// are not here. Clients check for themselves.
package keyring

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/audit"
)

// Age is how old an answer may be that is given from memory.
const Age = time.Second

// What callers act on. Directories are also refused with the errors of
// platform/seal.
var (
	// ErrNoKeys is returned for a practice that has made no keys yet.
	ErrNoKeys = fault.New(fault.NotFound, "keys_missing")
	// ErrKeyChanged is returned for a key that is not, or no longer, the one to
	// seal to: seal again.
	ErrKeyChanged = fault.New(fault.Conflict, "key_changed")
	// ErrSequence is returned for a directory that does not follow the newest
	// one: somebody else was quicker.
	ErrSequence = fault.New(fault.Conflict, "directory_sequence")
	// ErrMalformedKeyring is returned for wraps that do not fit the directory.
	ErrMalformedKeyring = fault.New(fault.Invalid, "malformed_keyring")
)

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Now is the clock by which directories are accepted and answers age;
	// time.Now where nil. Whether one has expired since, the database says.
	Now func() time.Time
}

// Service keeps the keys of all tenants. Safe for concurrent use.
type Service struct {
	db     *postgres.DB
	now    func() time.Time
	newest *memo.Cache[id.Tenant, state]
	// listed is what directories say that were verified before, by hash.
	listed *memo.Cache[[sha256.Size]byte, listing]
}

// state is what is remembered of a tenant's newest directory.
type state struct {
	signed seal.Signed
	listing
	open   bool
	proven time.Time
}

// listing is what a directory says.
type listing struct {
	kid      string
	sequence int64
	epoch    int
	expires  time.Time
	members  map[string]string // kid by account
	owners   map[string]bool

	fingerprint string
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("keyring: no database")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{
		db: c.DB, now: c.Now,
		newest: memo.New[id.Tenant, state](Age, 10_000, c.Now),
		listed: memo.New[[sha256.Size]byte, listing](time.Hour, 10_000, c.Now),
	}, nil
}

// Directory returns the newest directory, exactly as it was signed. It returns
// [ErrNoKeys].
func (s *Service) Directory(ctx context.Context, tenant id.Tenant) (document, signature []byte, err error) {
	st, err := s.state(ctx, tenant)
	if err != nil {
		return nil, nil, err
	}
	return bytes.Clone(st.signed.Document), bytes.Clone(st.signed.Signature), nil
}

// Current returns the kids of the data keys that bookings may be sealed to, the
// preferred one last, and whether the public may book: the recovery code has
// been proven and the directory has not expired. It returns [ErrNoKeys].
func (s *Service) Current(ctx context.Context, tenant id.Tenant) (kids []string, open bool, err error) {
	st, err := s.state(ctx, tenant)
	if err != nil {
		return nil, false, err
	}
	return []string{st.kid}, st.open, nil
}

// Accept says whether an envelope sealed to kid may be taken. It returns
// [ErrNoKeys], or [ErrKeyChanged] for any other than the current key.
func (s *Service) Accept(ctx context.Context, tenant id.Tenant, kid string) error {
	kids, _, err := s.Current(ctx, tenant)
	if err != nil {
		return err
	}
	if !slices.Contains(kids, kid) {
		return ErrKeyChanged
	}
	return nil
}

func (s *Service) state(ctx context.Context, tenant id.Tenant) (state, error) {
	return s.newest.Get(ctx, tenant, func(ctx context.Context) (state, error) {
		var st state
		var found *postgres.Found
		var proven *time.Time
		err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
			found = b.Row(`
				select d.document, d.signature, d.expires > now() and k.recovery_proven is not null, k.recovery_proven
				from key_directory d join keyring k on k.tenant_id = d.tenant_id
				where d.tenant_id = $1
				order by d.sequence desc limit 1`,
				[]any{tenant}, (*[]byte)(&st.signed.Document), (*[]byte)(&st.signed.Signature), &st.open, &proven)
		})
		if err != nil {
			return state{}, fmt.Errorf("read key directory: %w", err)
		}
		if !found.OK {
			return state{}, ErrNoKeys
		}
		if proven != nil {
			st.proven = proven.UTC()
		}
		hash := sha256.Sum256(slices.Concat(st.signed.Document, st.signed.Signature))
		st.listing, err = s.listed.Get(ctx, hash, func(context.Context) (listing, error) {
			d, err := seal.ParseDirectory(st.signed.Document, st.signed.Signature)
			if err != nil {
				// Not the caller's mistake, whatever the parser calls it.
				return listing{}, fault.New(fault.Internal, "internal").Because(fmt.Errorf("stored key directory: %w", err))
			}
			l := listing{kid: d.Current().KID, sequence: d.Sequence, epoch: d.Current().Epoch, expires: d.Expires, members: map[string]string{}}
			l.fingerprint, l.owners = d.Fingerprint(), map[string]bool{}
			for _, m := range d.Members {
				l.members[m.Account] = m.KID
				l.owners[m.Account] = m.Role == seal.RoleOwner
			}
			return l, nil
		})
		return st, err
	})
}

// Holding is who holds a practice's keys, as its newest directory says.
type Holding struct {
	Sequence int64
	// Epoch is that of the data key.
	Epoch   int
	Expires time.Time // UTC
	// Members is how many people are listed.
	Members int
	// RecoveryProven is when the printed code was typed back, UTC; zero before.
	RecoveryProven time.Time
	// Fingerprint is that of the identity.
	Fingerprint string

	members map[string]string
	owners  map[string]bool
}

// Owns says whether an account is listed as an owner, who knows the identity key.
func (h Holding) Owns(account id.Account) bool { return h.owners[account.UUID()] }

// Lists says whether an account is listed with the member key that it has now.
func (h Holding) Lists(account id.Account, public []byte) bool {
	return len(public) > 0 && h.members[account.UUID()] == seal.KID(public)
}

// Knows says whether an account is listed, with whichever key.
func (h Holding) Knows(account id.Account) bool { return h.members[account.UUID()] != "" }

// Connector says whether a connector is listed, with whichever key.
func (h Holding) Connector(c id.Connector) bool { return h.members[c.UUID()] != "" }

// Holding is at most [Age] old. It returns [ErrNoKeys].
func (s *Service) Holding(ctx context.Context, tenant id.Tenant) (Holding, error) {
	st, err := s.state(ctx, tenant)
	if err != nil {
		return Holding{}, err
	}
	return Holding{Sequence: st.sequence, Epoch: st.epoch, Expires: st.expires, Members: len(st.members),
		RecoveryProven: st.proven, Fingerprint: st.fingerprint, members: st.members, owners: st.owners}, nil
}

// Held returns the newest directory and what is wrapped for a holder, named by
// its kid, as of one moment: a directory and wraps of two moments read as
// tampered. It returns [ErrNoKeys].
func (s *Service) Held(ctx context.Context, tenant id.Tenant, holder string) (seal.Signed, []seal.Wrap, error) {
	var (
		signed seal.Signed
		wraps  []seal.Wrap
		found  bool
	)
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// One statement, so one snapshot: no row of wraps is a directory alone.
		b.Rows(`
			select d.document, d.signature, w.kind, w.epoch, w.holder, w.enc, w.ct
			from (select tenant_id, document, signature from key_directory
			      where tenant_id = $1 order by sequence desc limit 1) d
			left join wrapped_key w on w.tenant_id = d.tenant_id and w.holder = $2
			order by w.kind, w.epoch`,
			[]any{tenant, holder}, func(rows pgx.Rows) error {
				found = true
				var (
					kind, by *string
					epoch    *int
					w        seal.Wrap
				)
				if err := rows.Scan((*[]byte)(&signed.Document), (*[]byte)(&signed.Signature), &kind, &epoch, &by, (*[]byte)(&w.Enc), (*[]byte)(&w.CT)); err != nil {
					return err
				}
				if kind != nil {
					w.Kind, w.Epoch, w.Holder = seal.Kind(*kind), *epoch, *by
					wraps = append(wraps, w)
				}
				return nil
			})
	})
	if err != nil {
		return seal.Signed{}, nil, fmt.Errorf("read wrapped keys: %w", err)
	}
	if !found {
		return seal.Signed{}, nil, ErrNoKeys
	}
	return signed, wraps, nil
}

// First is a practice's first keyring, as its first owner's browser made it.
type First struct {
	Directory seal.Signed
	Wraps     []seal.Wrap
	// RecoveryProven says that the printed recovery code was typed back. Until
	// then the public cannot book; see [Service.ProveRecovery].
	RecoveryProven bool
}

// Also is what belongs to a change of keys and is done with it, or not at all.
// It gets the directory that the change leads to.
type Also func(ctx context.Context, tx bun.Tx, next seal.Directory) error

// Save stores a practice's first keyring. It returns [ErrSequence] where there
// is one already, [ErrMalformedKeyring], or an error of platform/seal.
func (s *Service) Save(ctx context.Context, tenant id.Tenant, f First, also ...Also) error {
	d, err := s.parse(tenant, f.Directory)
	if err != nil {
		return err
	}
	if d.Sequence != 1 {
		return ErrSequence
	}
	if err := fits(d, f.Wraps, f.Wraps); err != nil {
		return err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		if err := insertDirectory(ctx, tx, tenant, d, f.Directory); err != nil {
			return err
		}
		if err := insertWraps(ctx, tx, tenant, f.Wraps); err != nil {
			return err
		}
		_, err := tx.NewRaw(
			`insert into keyring (tenant_id, recovery_proven) values (?, case when ? then now() end)`,
			tenant, f.RecoveryProven,
		).Exec(ctx)
		if err != nil {
			return err
		}
		return do(ctx, tx, d, also)
	})
	return s.saved(tenant, err)
}

// ProveRecovery records that the printed recovery code was typed back. It
// returns [ErrNoKeys].
func (s *Service) ProveRecovery(ctx context.Context, tenant id.Tenant) error {
	var found *postgres.Found
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		var one int
		found = b.Row(`
			update keyring set recovery_proven = coalesce(recovery_proven, now())
			where tenant_id = $1 returning 1`, []any{tenant}, &one)
		audit.Record(b, audit.Now(ctx, tenant, "keyring.prove_recovery", ""))
	})
	if err != nil {
		return fmt.Errorf("prove recovery: %w", err)
	}
	if !found.OK {
		return ErrNoKeys
	}
	s.newest.Forget(tenant)
	return nil
}

// Next is a directory that follows the newest one, with the wraps that it adds.
type Next struct {
	Directory seal.Signed
	Wraps     []seal.Wrap
	// RecoveryProven says that a new recovery code was typed back already.
	RecoveryProven bool
}

// Append stores the next directory and the wraps that come with it, and drops
// the wraps of holders who are no longer listed, and those of the identity for
// who is an owner no more; with a new identity, all of the old one. It returns
// [ErrNoKeys], [ErrSequence] unless the directory's sequence and hash follow the
// newest one, seal.ErrDirectoryPin where another identity signed it without the
// word of the old one and of the recovery code, [ErrMalformedKeyring],
// or another error of platform/seal. A new recovery key has yet to be proven.
func (s *Service) Append(ctx context.Context, tenant id.Tenant, n Next, also ...Also) error {
	next, err := s.parse(tenant, n.Directory)
	if err != nil {
		return err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		newest, document, err := newestDirectory(ctx, tx, tenant)
		if err != nil {
			return err
		}
		// The parser has verified next's signature by next's own identity: with
		// newest's fingerprint as the pin, that is newest's or one after it.
		if err := next.Check(tenant.UUID(), s.now(), newest.Fingerprint()); err != nil {
			return err
		}
		if !next.Succeeds(newest) {
			return seal.ErrDirectoryPin
		}
		// Two who append at once both get this far; the primary key lets one in.
		hash := sha256.Sum256(document)
		if next.Sequence != newest.Sequence+1 || !bytes.Equal(next.Previous, hash[:]) {
			return ErrSequence
		}
		if goesBack(newest, next) {
			return ErrMalformedKeyring
		}

		kept, err := dropWraps(ctx, tx, tenant, next, !bytes.Equal(next.Identity, newest.Identity))
		if err != nil {
			return err
		}
		if err := fits(next, n.Wraps, slices.Concat(kept, n.Wraps)); err != nil {
			return err
		}
		if err := insertDirectory(ctx, tx, tenant, next, n.Directory); err != nil {
			return err
		}
		if err := insertWraps(ctx, tx, tenant, n.Wraps); err != nil {
			return err
		}
		if next.Recovery.KID != newest.Recovery.KID {
			_, err = tx.NewRaw(`update keyring set recovery_proven = case when ? then now() end where tenant_id = ?`, n.RecoveryProven, tenant).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return do(ctx, tx, next, also)
	})
	return s.saved(tenant, err)
}

func do(ctx context.Context, tx bun.Tx, next seal.Directory, also []Also) error {
	for _, f := range also {
		if err := f(ctx, tx, next); err != nil {
			return err
		}
	}
	return nil
}

// parse accepts a directory that is this tenant's and counts now.
func (s *Service) parse(tenant id.Tenant, signed seal.Signed) (seal.Directory, error) {
	d, err := seal.ParseDirectory(signed.Document, signed.Signature)
	if err != nil {
		return seal.Directory{}, err
	}
	return d, d.Check(tenant.UUID(), s.now(), "")
}

// saved turns the outcome of a transaction into what callers act on.
func (s *Service) saved(tenant id.Tenant, err error) error {
	switch {
	case err == nil:
		s.newest.Forget(tenant)
		return nil
	case postgres.Violates(err, "key_directory_pk"):
		return ErrSequence.Because(err)
	case postgres.Violates(err, "wrapped_key_pk"):
		return ErrMalformedKeyring.Because(err)
	default:
		return fmt.Errorf("store key directory: %w", err)
	}
}
