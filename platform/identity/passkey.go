package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"siegel/platform/id"
)

// MaxPasskeys is how many an account may have.
const MaxPasskeys = 20

// Site is where a browser uses a passkey: the relying party's id, which the
// offices of all practices share, and the one origin that the page is of.
type Site struct {
	RPID   string // a host name, without a port
	Origin string // scheme, host, and port where there is one
	At     Door
}

// Passkey is a credential of an account, as its owner knows it.
type Passkey struct {
	ID   []byte
	RPID string
	Name string
	// PRFSalt and WrappedMemberKey are set where it unlocks too.
	PRFSalt          []byte
	WrappedMemberKey []byte
	Created, Used    time.Time // UTC; Used is zero before the first time
}

// relying is the library's view of a site. User verification is always wanted:
// that is what makes a passkey two factors. Only the page's own origin counts.
func (site Site) relying() (*webauthn.WebAuthn, error) {
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: ticketLife, TimeoutUVD: ticketLife}
	w, err := webauthn.New(&webauthn.Config{
		RPID: site.RPID, RPDisplayName: "Siegel", RPOrigins: []string{site.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil, fmt.Errorf("relying party %s: %w", site.RPID, err)
	}
	return w, nil
}

// holder is an account as the library wants it.
type holder struct {
	account     Account
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { b := h.account.ID.Bytes(); return b[:] }
func (h holder) WebAuthnName() string                       { return h.account.Email }
func (h holder) WebAuthnDisplayName() string                { return h.account.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

// Ceremony is a challenge on its way to an authenticator.
type Ceremony struct {
	Options json.RawMessage // publicKey, as the browser's JSON functions read it
	Ticket  string
}

type ceremony struct {
	Account id.Account           `json:"a"` // zero where anybody may answer
	Session webauthn.SessionData `json:"s"`
}

// StartPasskey begins to add a passkey to an account. It returns
// [ErrTooManyPasskeys].
func (s *Service) StartPasskey(ctx context.Context, session Session, site Site) (Ceremony, error) {
	w, err := site.relying()
	if err != nil {
		return Ceremony{}, err
	}
	h, err := s.holder(ctx, session.Account, site.RPID)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.credentials) >= MaxPasskeys {
		return Ceremony{}, ErrTooManyPasskeys
	}
	var known []protocol.CredentialDescriptor
	for _, c := range h.credentials {
		known = append(known, c.Descriptor())
	}
	options, data, err := w.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin passkey: %w", err)
	}
	text, err := json.Marshal(options.Response)
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin passkey: %w", err)
	}
	return Ceremony{text, hand(s, "passkey-new", site.At, ceremony{session.Account, *data})}, nil
}

// NewPasskey is the authenticator's answer to [Service.StartPasskey].
type NewPasskey struct {
	Ticket     string
	Credential json.RawMessage
	Name       string
	// PRFSalt (32 bytes) and WrappedMemberKey come together or not at all.
	PRFSalt          []byte
	WrappedMemberKey []byte
}

// AddPasskey adds a passkey. With the account's first factor come recovery
// codes, which are said this once. It returns [ErrWrongProof], [ErrTicketExpired]
// or [ErrMalformedAccount].
func (s *Service) AddPasskey(ctx context.Context, session Session, site Site, in NewPasskey) (codes []string, err error) {
	if !isLine(in.Name, 100) || !fitsWrap(in.PRFSalt, in.WrappedMemberKey) {
		return nil, ErrMalformedAccount
	}
	t, err := take[ceremony](s, "passkey-new", site.At, in.Ticket)
	if err != nil {
		return nil, err
	}
	if t.Body.Account != session.Account {
		return nil, ErrTicketExpired
	}
	w, err := site.relying()
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(in.Credential)
	if err != nil {
		return nil, ErrWrongProof.Because(err)
	}
	h, err := s.holder(ctx, session.Account, site.RPID)
	if err != nil {
		return nil, err
	}
	credential, err := w.CreateCredential(h, t.Body.Session, parsed)
	if err != nil {
		return nil, ErrWrongProof.Because(err)
	}
	if err := s.useUp(ctx, t.Serial); err != nil {
		return nil, err
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return nil, fmt.Errorf("store passkey: %w", err)
	}
	var one int
	added, err := s.row(ctx, `
		insert into passkey (id, account_id, rp_id, record, name, prf_salt, wrapped_member_key)
		select $1::bytea, $2::uuid, $3::text, $4::bytea, $5::text, $6::bytea, $7::bytea
		where (select count(*) from passkey where account_id = $2::uuid) < $8::int
		on conflict (id) do nothing returning 1`,
		[]any{credential.ID, session.Account, site.RPID, record, in.Name, orNull(in.PRFSalt), orNull(in.WrappedMemberKey), MaxPasskeys}, &one)
	if err != nil {
		return nil, fmt.Errorf("store passkey: %w", err)
	}
	if !added {
		return nil, ErrTooManyPasskeys
	}
	s.sessions.Clear()
	return s.firstCodes(ctx, session.Account)
}

// fitsWrap holds for a PRF salt and what is wrapped with its help, or neither.
func fitsWrap(salt, wrapped []byte) bool {
	return len(salt) == 0 && len(wrapped) == 0 || len(salt) == 32 && len(wrapped) > 0 && len(wrapped) <= 4096
}

func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// NamePasskey gives one of the account's passkeys another name, and
// [Service.WrapPasskey] the member key. Both return [ErrUnknownFactor].
func (s *Service) NamePasskey(ctx context.Context, account id.Account, passkey []byte, name string) error {
	if !isLine(name, 100) {
		return ErrMalformedAccount
	}
	return s.changePasskey(ctx, `update passkey set name = $3 where account_id = $1 and id = $2 returning 1`, account, passkey, name)
}

// WrapPasskey lets a passkey open the member key from now on.
func (s *Service) WrapPasskey(ctx context.Context, account id.Account, passkey, prfSalt, wrapped []byte) error {
	if !fitsWrap(prfSalt, wrapped) || len(wrapped) == 0 {
		return ErrMalformedAccount
	}
	return s.changePasskey(ctx, `update passkey set prf_salt = $3, wrapped_member_key = $4 where account_id = $1 and id = $2 returning 1`,
		account, passkey, prfSalt, wrapped)
}

func (s *Service) changePasskey(ctx context.Context, statement string, args ...any) error {
	var one int
	ok, err := s.row(ctx, statement, args, &one)
	if err != nil {
		return fmt.Errorf("change passkey: %w", err)
	}
	if !ok {
		return ErrUnknownFactor
	}
	return nil
}

// RemovePasskey takes a passkey away. It returns [ErrLastFactor] where demanded
// is set and nothing else is left, and [ErrUnknownFactor].
func (s *Service) RemovePasskey(ctx context.Context, account id.Account, passkey []byte, demanded bool) error {
	return s.removeFactor(ctx, account, demanded, `
		delete from passkey where account_id = $1 and id = $3 and (not $2
		  or exists (select from totp t where t.account_id = $1)
		  or exists (select from passkey p where p.account_id = $1 and p.id <> $3)) returning 1`, passkey)
}

// StartAssertion asks for any passkey of the site. Whose it is turns out later,
// so asking tells nothing about who has an account.
func (s *Service) StartAssertion(ctx context.Context, site Site, in Entry) (Ceremony, error) {
	if err := s.knock(ctx, "passkey", in.IP); err != nil {
		return Ceremony{}, err
	}
	w, err := site.relying()
	if err != nil {
		return Ceremony{}, err
	}
	options, data, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin assertion: %w", err)
	}
	text, err := json.Marshal(options.Response)
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin assertion: %w", err)
	}
	return Ceremony{text, hand(s, "passkey", site.At, ceremony{Session: *data})}, nil
}

// Assertion is an authenticator's answer to [Service.StartAssertion].
type Assertion struct {
	Ticket     string          `json:"ticket"`
	Credential json.RawMessage `json:"credential"`
}

// SignInByPasskey signs in with a passkey alone: it is something that the
// person has, and it asked for what they know or are. It returns
// [ErrSignInFailed], [ErrTicketExpired] or [ErrTooManyAttempts].
func (s *Service) SignInByPasskey(ctx context.Context, site Site, a Assertion, in Entry) (cookie string, session Session, err error) {
	if err := s.knock(ctx, "passkey", in.IP); err != nil {
		return "", Session{}, err
	}
	in.Domain = in.At.domain()
	account, err := s.assert(ctx, site, a)
	if err != nil {
		return "", Session{}, err
	}
	if in.Domain, err = in.allowed(ctx, account); err != nil {
		return "", Session{}, err
	}
	return s.enter(ctx, account, in, MethodPasskey)
}

// assert checks an assertion and says whose it is. An assertion counts once.
func (s *Service) assert(ctx context.Context, site Site, a Assertion) (id.Account, error) {
	t, err := take[ceremony](s, "passkey", site.At, a.Ticket)
	if err != nil {
		return id.Account{}, err
	}
	w, err := site.relying()
	if err != nil {
		return id.Account{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(a.Credential)
	if err != nil {
		return id.Account{}, ErrSignInFailed.Because(err)
	}
	var account id.Account
	var trouble error
	credential, err := w.ValidateDiscoverableLogin(func(_, user []byte) (webauthn.User, error) {
		if len(user) != 16 {
			return nil, ErrUnknownAccount
		}
		var raw [16]byte
		copy(raw[:], user)
		account = accountOf(raw)
		h, err := s.holder(ctx, account, site.RPID)
		if err != nil && !errors.Is(err, ErrUnknownAccount) {
			trouble = err
		}
		return h, err
	}, t.Body.Session, parsed)
	if trouble != nil {
		return id.Account{}, trouble
	}
	if err != nil {
		return id.Account{}, ErrSignInFailed.Because(err)
	}
	if credential.Authenticator.CloneWarning {
		return id.Account{}, ErrSignInFailed.Because(errors.New("the passkey's counter went back: it may have been copied"))
	}
	if err := s.useUp(ctx, t.Serial); err != nil {
		return id.Account{}, err
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return id.Account{}, fmt.Errorf("store passkey: %w", err)
	}
	_, err = s.db.Global().NewRaw(`update passkey set record = ?, used = now() where id = ? and account_id = ?`,
		record, credential.ID, account).Exec(ctx)
	if err != nil {
		return id.Account{}, fmt.Errorf("store passkey: %w", err)
	}
	return account, nil
}

func accountOf(raw [16]byte) (account id.Account) {
	_ = account.Scan(raw[:]) // never fails: 16 bytes are a uuid
	return account
}

func (s *Service) holder(ctx context.Context, account id.Account, rpID string) (holder, error) {
	a, err := s.Account(ctx, account)
	if err != nil {
		return holder{}, err
	}
	h := holder{account: a}
	var records [][]byte
	err = s.db.Global().NewRaw(`select record from passkey where account_id = ? and rp_id = ? order by created`, account, rpID).Scan(ctx, &records)
	if err != nil {
		return holder{}, fmt.Errorf("read passkeys: %w", err)
	}
	for _, record := range records {
		var c webauthn.Credential
		if err := json.Unmarshal(record, &c); err != nil {
			return holder{}, fmt.Errorf("read passkey: %w", err)
		}
		h.credentials = append(h.credentials, c)
	}
	return h, nil
}

func (s *Service) passkeys(ctx context.Context, account id.Account) ([]Passkey, error) {
	var rows []struct {
		ID               []byte
		RpID             string
		Name             string
		PrfSalt          []byte
		WrappedMemberKey []byte
		Created          time.Time
		Used             *time.Time
	}
	err := s.db.Global().NewRaw(`
		select id, rp_id, name, prf_salt, wrapped_member_key, created, used from passkey where account_id = ? order by created`, account,
	).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	list := make([]Passkey, 0, len(rows))
	for _, r := range rows {
		p := Passkey{ID: r.ID, RPID: r.RpID, Name: r.Name, PRFSalt: r.PrfSalt, WrappedMemberKey: r.WrappedMemberKey, Created: r.Created.UTC()}
		if r.Used != nil {
			p.Used = r.Used.UTC()
		}
		list = append(list, p)
	}
	return list, nil
}
