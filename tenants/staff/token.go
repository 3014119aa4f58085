package staff

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// What callers act on.
var (
	ErrUnknownToken = fault.New(fault.NotFound, "unknown_token")
	// ErrTokenRefused is returned for a token that is unknown, revoked or over.
	ErrTokenRefused   = fault.New(fault.Unauthenticated, "token_refused")
	ErrUnknownScope   = fault.New(fault.Invalid, "unknown_scope")
	ErrMalformedToken = fault.New(fault.Invalid, "malformed_token")
	ErrTooManyTokens  = fault.New(fault.Conflict, "too_many_tokens")
)

const (
	// LongestToken is for how long a token may be good.
	LongestToken = 366 * 24 * time.Hour
	// mostTokens is how many good ones a tenant may have at once.
	mostTokens = 50
	// tokenPrefix lets scanners for leaked secrets find ours.
	tokenPrefix = "siegel_"
	tokenName   = 80
	secretSize  = 32
)

// Token is a machine's way into one tenant.
type Token struct {
	ID       id.APIToken
	Name     string
	Scopes   []access.Role // of access.Scopes
	Creator  id.Account
	Created  time.Time // UTC
	Expires  time.Time // UTC
	LastUsed time.Time // UTC, to the minute; zero where never
	Revoked  time.Time // UTC; zero where it is not
}

// Tokens keeps the tokens of all tenants. It promises that one that is revoked
// is refused everywhere within [Age], and that its secret is known to whoever
// was shown it once and to nobody else. Safe for concurrent use.
type Tokens struct {
	db   *postgres.DB
	good *memo.Cache[tokenKey, Token]
	now  func() time.Time
}

type tokenKey struct {
	tenant id.Tenant
	token  id.APIToken
	hash   [sha256.Size]byte
}

// NewTokens returns Tokens.
func NewTokens(c Config) (*Tokens, error) {
	if c.DB == nil {
		return nil, errors.New("staff: no database")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Tokens{c.DB, memo.New[tokenKey, Token](Age, 5_000, c.Now), c.Now}, nil
}

// Create makes a token and returns the text that stands for it, which nobody
// can read again. It returns [ErrMalformedToken], [ErrUnknownScope] or
// [ErrTooManyTokens].
func (s *Tokens) Create(ctx context.Context, tenant id.Tenant, t Token) (text string, made Token, err error) {
	t.Name = strings.TrimSpace(t.Name)
	if left := t.Expires.Sub(s.now()); t.Name == "" || len([]rune(t.Name)) > tokenName || strings.ContainsFunc(t.Name, isControl) || left <= 0 || left > LongestToken {
		return "", Token{}, ErrMalformedToken
	}
	slices.Sort(t.Scopes)
	t.Scopes = slices.Compact(t.Scopes)
	if len(t.Scopes) == 0 {
		return "", Token{}, ErrUnknownScope
	}
	scopes := make([]string, len(t.Scopes))
	for i, scope := range t.Scopes {
		if !slices.Contains(access.Scopes(), scope) {
			return "", Token{}, ErrUnknownScope
		}
		scopes[i] = string(scope)
	}
	t.ID = id.New[id.APIToken]()
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process first
	hash := sha256.Sum256(secret)
	act := audit.Now(ctx, tenant, "token.create", t.ID.String())
	act.Detail = map[string]string{"name": t.Name, "scopes": strings.Join(scopes, " ")}
	var added *postgres.Found
	err = s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		added = b.Row(`
			insert into api_token (tenant_id, id, name, scopes, hash, creator, expires)
			select $1::uuid, $2::uuid, $3, $4::text[], $5::bytea, $6::uuid, $7::timestamptz
			where (select count(*) from api_token where tenant_id = $1::uuid and revoked is null and expires > now()) < $8
			returning created`,
			[]any{tenant, t.ID, t.Name, scopes, hash[:], t.Creator, t.Expires, mostTokens}, &t.Created)
		audit.RecordEach(b, act, `select 'tok_' || id from api_token where tenant_id = $9 and id = $10`, tenant, t.ID)
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("create token: %w", err)
	}
	if !added.OK {
		return "", Token{}, ErrTooManyTokens
	}
	t.Created, t.Expires = t.Created.UTC(), t.Expires.UTC()
	whose := t.ID.Bytes()
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(slices.Concat(whose[:], secret)), t, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Find returns the token that a text stands for. It returns [ErrTokenRefused],
// also for another tenant's. The answer is at most [Age] old.
func (s *Tokens) Find(ctx context.Context, tenant id.Tenant, text string) (Token, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(text, tokenPrefix))
	if err != nil || !strings.HasPrefix(text, tokenPrefix) || len(raw) != 16+secretSize {
		return Token{}, ErrTokenRefused
	}
	var token id.APIToken
	if token.Scan(uuid.UUID(raw[:16]).String()) != nil || token.IsZero() {
		return Token{}, ErrTokenRefused
	}
	hash := sha256.Sum256(raw[16:])
	return s.good.Get(ctx, tokenKey{tenant, token, hash}, func(ctx context.Context) (Token, error) {
		t, stored, err := s.use(ctx, tenant, token, hash)
		if err != nil {
			return Token{}, err
		}
		if subtle.ConstantTimeCompare(stored, hash[:]) != 1 || !t.Revoked.IsZero() || !s.now().Before(t.Expires) {
			return Token{}, ErrTokenRefused
		}
		return t, nil
	})
}

// use reads a token and the hash of its secret, and notes that whoever knows
// the secret has used it.
func (s *Tokens) use(ctx context.Context, tenant id.Tenant, token id.APIToken, shown [sha256.Size]byte) (t Token, hash []byte, err error) {
	var scopes []string
	var used, revoked *time.Time
	var found *postgres.Found
	err = s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select name, scopes, hash, creator, created, expires, last_used, revoked from api_token where tenant_id = $1 and id = $2`,
			[]any{tenant, token}, &t.Name, &scopes, &hash, &t.Creator, &t.Created, &t.Expires, &used, &revoked)
		// At most once a minute, so that a busy machine is not a row that is always written.
		b.Exec(`update api_token set last_used = now() where tenant_id = $1 and id = $2 and hash = $3
			and revoked is null and expires > now() and (last_used is null or last_used < now() - interval '1 minute')`, tenant, token, shown[:])
	})
	if err != nil {
		return Token{}, nil, fmt.Errorf("read token: %w", err)
	}
	if !found.OK {
		return Token{}, nil, ErrTokenRefused
	}
	t.ID = token
	t.complete(scopes, used, revoked)
	return t, hash, nil
}

func (t *Token) complete(scopes []string, used, revoked *time.Time) {
	t.Created, t.Expires = t.Created.UTC(), t.Expires.UTC()
	for _, scope := range scopes {
		// One that this version does not know opens nothing.
		if slices.Contains(access.Scopes(), access.Role(scope)) {
			t.Scopes = append(t.Scopes, access.Role(scope))
		}
	}
	if used != nil {
		t.LastUsed = used.UTC()
	}
	if revoked != nil {
		t.Revoked = revoked.UTC()
	}
}

// List returns the tenant's tokens, the newest first, those that are revoked or
// over among them for as long as a year.
func (s *Tokens) List(ctx context.Context, tenant id.Tenant) ([]Token, error) {
	var tokens []Token
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select id, name, scopes, creator, created, expires, last_used, revoked from api_token
			where tenant_id = $1 and least(coalesce(revoked, expires), expires) > now() - interval '1 year' order by created desc, id`,
			[]any{tenant}, func(rows pgx.Rows) error {
				var t Token
				var scopes []string
				var used, revoked *time.Time
				if err := rows.Scan(&t.ID, &t.Name, &scopes, &t.Creator, &t.Created, &t.Expires, &used, &revoked); err != nil {
					return err
				}
				t.complete(scopes, used, revoked)
				tokens = append(tokens, t)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// Renew lets a token be good for another [LongestToken], where less than half of
// that is left and it still is. It is for machines that a practice leaves to run.
func (s *Tokens) Renew(ctx context.Context, tenant id.Tenant, t Token) error {
	if t.Expires.Sub(s.now()) > LongestToken/2 {
		return nil
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`update api_token set expires = $3 where tenant_id = $1 and id = $2 and revoked is null and expires > now()`,
			tenant, t.ID, s.now().Add(LongestToken))
	})
	if err != nil {
		return fmt.Errorf("renew token: %w", err)
	}
	return nil
}

// Revoke ends a token. Revoking twice is harmless. It returns [ErrUnknownToken].
func (s *Tokens) Revoke(ctx context.Context, tenant id.Tenant, token id.APIToken) error {
	var exists bool
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		audit.RecordEach(b, audit.Now(ctx, tenant, "token.revoke", ""),
			`update api_token set revoked = now() where tenant_id = $9 and id = $10 and revoked is null returning 'tok_' || id`, tenant, token)
		b.Row(`select exists (select from api_token where tenant_id = $1 and id = $2)`, []any{tenant, token}, &exists)
	})
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if !exists {
		return ErrUnknownToken
	}
	return nil
}
