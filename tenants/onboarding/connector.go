package onboarding

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/audit"
	"siegel/tenants/keyring"
	"siegel/tenants/staff"
)

// ConnectorCodeLife is how long a code for pairing is good.
const ConnectorCodeLife = 15 * time.Minute

// What callers act on.
var (
	// ErrConnectorCode is returned for a code that is wrong, used up or too old.
	ErrConnectorCode = fault.New(fault.Forbidden, "connector_code")
	// ErrUnknownConnector is returned for a connector that there is not, or no
	// longer.
	ErrUnknownConnector = fault.New(fault.NotFound, "unknown_connector")
	// ErrConnectorExists is returned for pairing a second one.
	ErrConnectorExists = fault.New(fault.Conflict, "connector_exists")
	// ErrMalformedConnector is returned for a name or a key that is none.
	ErrMalformedConnector = fault.New(fault.Invalid, "malformed_connector")
)

// Connector is the program in a practice that takes its bookings to the
// practice's own systems.
type Connector struct {
	ID      id.Connector
	Name    string
	Created time.Time // UTC
	// CodeExpires is until when its code can be typed, UTC.
	CodeExpires time.Time
	// Claimed is when the code was typed; zero before.
	Claimed time.Time
	// Seen is when it last asked, to the minute; zero before it did.
	Seen time.Time
	// Public is its key, once claimed. Nobody who knows its name knows that it
	// is the practice's before the six words were compared.
	Public []byte
	// Waiting is how many bookings it has yet to take.
	Waiting int
	// Oldest is since when the first of them waits; zero where none does.
	Oldest time.Time
}

// crockford is base 32 without what people mistake for something else.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// PairConnector begins a pairing, in the place of one whose code nobody typed,
// and returns the code that the connector is to be given: 40 bits, as ABCD-EFGH. It
// returns [ErrConnectorExists] or [ErrMalformedConnector].
func (s *Service) PairConnector(ctx context.Context, tenant id.Tenant, creator id.Account, name string) (code string, c Connector, err error) {
	name = strings.TrimSpace(name)
	if n := len([]rune(name)); n == 0 || n > 80 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", Connector{}, ErrMalformedConnector
	}
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process first
	for i, b := range raw {
		if i == 4 {
			code += "-"
		}
		code += string(crockford[b%32])
	}
	c = Connector{ID: id.New[id.Connector](), Name: name, CodeExpires: s.Now().UTC().Add(ConnectorCodeLife).Truncate(time.Second)}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`delete from connector where tenant_id = $1 and claimed is null`, tenant)
		b.Row(`insert into connector (tenant_id, id, name, creator, code_hash, code_expires)
			values ($1, $2, $3, $4, $5, $6) returning created`,
			[]any{tenant, c.ID, name, creator, codeHash(tenant, code), c.CodeExpires}, &c.Created)
		audit.Record(b, audit.Now(ctx, tenant, "connector.pair", c.ID.String()))
	})
	if postgres.Violates(err, "connector_one") {
		return "", Connector{}, ErrConnectorExists.Because(err)
	}
	if err != nil {
		return "", Connector{}, fmt.Errorf("pair connector: %w", err)
	}
	c.Created = c.Created.UTC()
	return code, c, nil
}

// codeHash reads a code as people type it.
func codeHash(tenant id.Tenant, code string) []byte {
	plain := strings.Map(func(r rune) rune {
		switch r {
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		case '-', ' ':
			return -1
		}
		return r
	}, strings.ToUpper(code))
	sum := sha256.Sum256([]byte(tenant.UUID() + "|connector|" + plain))
	return sum[:]
}

// ClaimConnector gives the connector that knows the code its token, and notes
// its key. From then on every change of a booking waits for it, and so does
// what is still to come. It can open nothing before an owner has compared words
// and wrapped keys for it. How often it may be tried is for the caller. It
// returns [ErrConnectorCode] or [ErrMalformedConnector].
func (s *Service) ClaimConnector(ctx context.Context, tokens *staff.Tokens, tenant id.Tenant, code string, public []byte) (c id.Connector, token string, err error) {
	if _, err := seal.NewPublicKey(public); err != nil {
		return c, "", ErrMalformedConnector.Because(err)
	}
	var name string
	var creator id.Account
	var found *postgres.Found
	hash := codeHash(tenant, code)
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select id, name, creator from connector
			where tenant_id = $1 and code_hash = $2 and code_expires > now() and claimed is null and revoked is null`,
			[]any{tenant, hash}, &c, &name, &creator)
	})
	if err != nil {
		return c, "", fmt.Errorf("claim connector: %w", err)
	}
	if !found.OK {
		return c, "", ErrConnectorCode
	}
	token, made, err := tokens.Create(ctx, tenant, staff.Token{
		Name: name, Creator: creator, Expires: s.Now().Add(staff.LongestToken),
		Scopes: []access.Role{access.ScopeInbox, access.ScopeReadRules, access.ScopeWriteCalendars},
	})
	if err != nil {
		return c, "", err
	}
	var one int
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`update connector set claimed = now(), public_key = $3, token_id = $4
			where tenant_id = $1 and id = $2 and claimed is null and revoked is null returning 1`, []any{tenant, c, public, made.ID}, &one)
		// What the practice has yet to see, or could lose by a change of ways.
		b.Exec(`insert into handover (tenant_id, booking_id, version)
			select a.tenant_id, a.booking_id, nextval('handover_version') from appointment a
			where a.tenant_id = $1 and a.starts > now() and a.status not in ('cancelled', 'entered-in-error', 'proposed', 'waitlist')
			  and (exists (select from envelope e where e.tenant_id = $1 and e.booking_id = a.booking_id)
			    or exists (select from card k where k.tenant_id = $1 and k.booking_id = a.booking_id))
			order by a.starts
			on conflict do nothing`, tenant)
		audit.RecordEach(b, audit.Now(ctx, tenant, "connector.claim", ""), `select 'con_' || id from connector where tenant_id = $9 and id = $10 and token_id = $11`, tenant, c, made.ID)
	})
	if err != nil {
		return c, "", fmt.Errorf("claim connector: %w", err)
	}
	if !found.OK { // somebody else was quicker
		return c, "", errors.Join(ErrConnectorCode, tokens.Revoke(ctx, tenant, made.ID))
	}
	return c, token, nil
}

// Connector is the tenant's. It returns [ErrUnknownConnector] where it has none.
func (s *Service) Connector(ctx context.Context, tenant id.Tenant) (Connector, error) {
	var c Connector
	var claimed, seen, oldest *time.Time
	var found *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select id, name, created, code_expires, claimed, seen, public_key,
			(select count(*) from handover where tenant_id = $1), (select min(since) from handover where tenant_id = $1)
			from connector where tenant_id = $1 and revoked is null`,
			[]any{tenant}, &c.ID, &c.Name, &c.Created, &c.CodeExpires, &claimed, &seen, &c.Public, &c.Waiting, &oldest)
	})
	if err != nil {
		return Connector{}, fmt.Errorf("read connector: %w", err)
	}
	if !found.OK {
		return Connector{}, ErrUnknownConnector
	}
	c.Created, c.CodeExpires = c.Created.UTC(), c.CodeExpires.UTC()
	for from, to := range map[*time.Time]*time.Time{claimed: &c.Claimed, seen: &c.Seen, oldest: &c.Oldest} {
		if from != nil {
			*to = from.UTC()
		}
	}
	return c, nil
}

// ConnectorOf is the connector that a token was made for, and notes that it
// asked. It returns [ErrUnknownConnector].
func (s *Service) ConnectorOf(ctx context.Context, tenant id.Tenant, token id.APIToken) (c id.Connector, public []byte, err error) {
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select id, public_key from connector where tenant_id = $1 and token_id = $2 and revoked is null`, []any{tenant, token}, &c, &public)
		b.Exec(`update connector set seen = now() where tenant_id = $1 and token_id = $2 and revoked is null
			and (seen is null or seen < now() - interval '1 minute')`, tenant, token)
	})
	if err != nil {
		return c, nil, fmt.Errorf("find connector: %w", err)
	}
	if !found.OK {
		return c, nil, ErrUnknownConnector
	}
	return c, public, nil
}

// RevokeConnector ends a connector: its token, its place in the directory and,
// where bookings were forwarded to it, the forwarding. Where the directory lists
// it, the next one has to come along, in which it is not and new keys have
// begun. It returns [ErrUnknownConnector], [ErrKeysHeld], and what
// keyring.Service.Append returns.
func (s *Service) RevokeConnector(ctx context.Context, tokens *staff.Tokens, tenant id.Tenant, c id.Connector, next *keyring.Next) error {
	held, err := s.Keyring.Holding(ctx, tenant)
	if err != nil && !errors.Is(err, keyring.ErrNoKeys) {
		return err
	}
	var token id.APIToken
	end := func(ctx context.Context, tx bun.Tx) error {
		var rows []struct{ TokenID id.APIToken }
		err := tx.NewRaw(`update connector set revoked = now() where tenant_id = ? and id = ? and revoked is null returning token_id`, tenant, c).Scan(ctx, &rows)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrUnknownConnector
		}
		token = rows[0].TokenID
		// Nobody takes what is due any more; the practice's browsers open it.
		// Told at once, it ends at once.
		const told = `insert into change_counter (tenant_id, counter) values (?, 1) on conflict (tenant_id) do update set counter = change_counter.counter + 1`
		for _, end := range []string{`delete from handover where tenant_id = ?`, `delete from forwarding where tenant_id = ?`, told} {
			if _, err := tx.NewRaw(end, tenant).Exec(ctx); err != nil {
				return err
			}
		}
		return audit.RecordTx(ctx, tx, audit.Now(ctx, tenant, "connector.revoke", c.String()))
	}
	switch {
	case next != nil:
		err = s.Keyring.Append(ctx, tenant, *next, func(ctx context.Context, tx bun.Tx, d seal.Directory) error {
			if _, listed := d.Member(c.UUID()); listed || d.Current().Epoch <= held.Epoch {
				return ErrKeysHeld
			}
			if err := end(ctx, tx); err != nil {
				return err
			}
			return agrees(ctx, tx, tenant, d)
		})
	case held.Connector(c):
		return ErrKeysHeld
	default:
		err = s.DB.InTenant(ctx, tenant, end)
	}
	if err != nil {
		return fmt.Errorf("revoke connector: %w", err)
	}
	if token.IsZero() {
		return nil
	}
	return tokens.Revoke(ctx, tenant, token)
}

// connectors adds those that were paired to who may be in the directory.
func connectors(ctx context.Context, tx bun.Tx, tenant id.Tenant, roles map[string]string) error {
	var rows []struct{ ID id.Connector }
	err := tx.NewRaw(`select id from connector where tenant_id = ? and claimed is not null and revoked is null`, tenant).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read connectors: %w", err)
	}
	for _, r := range rows {
		roles[r.ID.UUID()] = string(seal.RoleConnector)
	}
	return nil
}
