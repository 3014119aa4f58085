package identity

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"siegel/platform/id"
	"siegel/platform/postgres"
)

// The methods of signing in, as the history and the API name them.
const (
	MethodTOTP     = "totp"
	MethodRecovery = "recovery"
	MethodPasskey  = "passkey"
	MethodOIDC     = "oidc"
)

// Codes by time as every app makes them (RFC 6238): SHA-1, six digits, thirty
// seconds. A clock may be one step off.
const (
	totpStep   = 30 * time.Second
	totpDrift  = 1
	totpDigits = otp.DigitsSix
	totpSize   = 20
)

// recoveryCodes is how many codes are printed, of fifty random bits each.
const recoveryCodes = 10

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

// Factors is what an account can show beside its password.
type Factors struct {
	TOTP          bool
	RecoveryCodes int // left
	Passkeys      []Passkey
}

// Factors reads what the account has.
func (s *Service) Factors(ctx context.Context, account id.Account) (Factors, error) {
	var f Factors
	err := s.db.Global().NewRaw(`
		select exists (select from totp where account_id = ?0),
		  (select count(*) from recovery_code where account_id = ?0 and used is null)`, account,
	).Scan(ctx, &f.TOTP, &f.RecoveryCodes)
	if err != nil {
		return f, fmt.Errorf("read factors: %w", err)
	}
	f.Passkeys, err = s.passkeys(ctx, account)
	return f, err
}

// factors are the methods that the account can take the second step with. It
// has none as long as it has neither codes by time nor a passkey.
func (s *Service) factors(ctx context.Context, account id.Account) ([]string, error) {
	var totp, passkey, codes bool
	err := s.db.Global().NewRaw(`
		select exists (select from totp where account_id = ?0), exists (select from passkey where account_id = ?0),
		  exists (select from recovery_code where account_id = ?0 and used is null)`, account,
	).Scan(ctx, &totp, &passkey, &codes)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	if !totp && !passkey {
		return nil, nil
	}
	methods := []string{}
	for _, m := range []struct {
		has  bool
		name string
	}{{totp, MethodTOTP}, {passkey, MethodPasskey}, {codes, MethodRecovery}} {
		if m.has {
			methods = append(methods, m.name)
		}
	}
	return methods, nil
}

// Second is the second step of a sign-in. One of Code and Recovery is set.
type Second struct {
	Ticket   string // of [SecondNeeded]
	Code     string // six digits, by time
	Recovery string // from paper
	// Until is when the device stops being trusted with this account.
	Until time.Time
	Entry
}

// Second finishes a sign-in. Beside the session's cookie it returns the one of
// the device, which asks no second factor of this account until in.Until. It
// returns [ErrSignInFailed] for a wrong code, [ErrTicketExpired] or
// [ErrTooManyAttempts].
func (s *Service) Second(ctx context.Context, in Second) (cookie, device string, session Session, err error) {
	t, err := take[id.Account](s, "second", in.At, in.Ticket)
	if err != nil {
		return "", "", Session{}, err
	}
	account := t.Body
	in.Domain = in.At.domain()
	giveBack, err := s.attemptSecond(ctx, account, in.IP)
	if err != nil {
		return "", "", Session{}, err
	}
	method := MethodTOTP
	var ok bool
	if in.Recovery != "" {
		method = MethodRecovery
		ok, err = s.spendRecoveryCode(ctx, account, in.Recovery)
	} else {
		ok, err = s.checkTOTP(ctx, account, in.Code)
	}
	if err != nil {
		return "", "", Session{}, err
	}
	if !ok {
		s.noteFailure(ctx, account, in.Entry, method)
		return "", "", Session{}, ErrSignInFailed
	}
	if in.Domain, err = in.allowed(ctx, account); err != nil {
		return "", "", Session{}, err
	}
	if err := s.useUp(ctx, t.Serial); err != nil {
		return "", "", Session{}, err
	}
	if device, err = s.trust(ctx, account, in.Entry, in.Until); err != nil {
		return "", "", Session{}, err
	}
	if cookie, session, err = s.enter(ctx, account, in.Entry, method); err != nil {
		return "", "", Session{}, err
	}
	giveBack(ctx)
	return cookie, device, session, nil
}

// NewTOTP is a secret that is not the account's yet.
type NewTOTP struct {
	Secret string // base32, for typing
	URI    string // otpauth:, for a QR code
	Ticket string // for [Service.ConfirmTOTP]
}

type totpOffer struct {
	Account id.Account `json:"a"`
	Secret  []byte     `json:"s"`
}

// StartTOTP makes a secret. Nothing is stored before a code has shown that an
// app has it.
func (s *Service) StartTOTP(session Session, at Door, issuer string) NewTOTP {
	secret := make([]byte, totpSize)
	_, _ = rand.Read(secret) // never fails
	text := base32Plain.EncodeToString(secret)
	uri := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + session.Email}
	uri.RawQuery = "secret=" + text + "&issuer=" + url.PathEscape(issuer) + "&algorithm=SHA1&digits=6&period=30"
	return NewTOTP{text, uri.String(), hand(s, "totp", at, totpOffer{session.Account, secret})}
}

// ConfirmTOTP makes the secret the account's second factor, in place of the one
// that it had. With the account's first factor come recovery codes, which are
// said this once. It returns [ErrWrongProof] or [ErrTicketExpired].
func (s *Service) ConfirmTOTP(ctx context.Context, session Session, at Door, ticket, code string) (codes []string, err error) {
	t, err := take[totpOffer](s, "totp", at, ticket)
	if err != nil {
		return nil, err
	}
	if t.Body.Account != session.Account {
		return nil, ErrTicketExpired
	}
	giveBack, err := s.attemptSecond(ctx, session.Account, netip.Addr{})
	if err != nil {
		return nil, err
	}
	step, ok := matchTOTP(t.Body.Secret, code, s.now(), 0)
	if !ok {
		return nil, ErrWrongProof
	}
	if err := s.useUp(ctx, t.Serial); err != nil {
		return nil, err
	}
	box := s.box.seal(t.Body.Secret, "totp", session.Account.UUID())
	_, err = s.db.Global().NewRaw(`
		insert into totp (account_id, secret, last_step) values (?, ?, ?)
		on conflict (account_id) do update set secret = excluded.secret, last_step = excluded.last_step, created = now()`,
		session.Account, box, step).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("store second factor: %w", err)
	}
	giveBack(ctx)
	s.sessions.Clear()
	return s.firstCodes(ctx, session.Account)
}

// RemoveTOTP takes the app away. It returns [ErrLastFactor] where demanded is
// set and nothing else is left, and [ErrUnknownFactor].
func (s *Service) RemoveTOTP(ctx context.Context, account id.Account, demanded bool) error {
	return s.removeFactor(ctx, account, demanded,
		`delete from totp where account_id = $1 and (not $2 or exists (select from passkey p where p.account_id = $1)) returning 1`)
}

// ClearFactors takes every second factor of an account away, and whatever
// devices are trusted: for an owner who helps a colleague that lost them.
func (s *Service) ClearFactors(ctx context.Context, account id.Account) error {
	err := s.db.Batch(ctx, Scope(OfPlatform()), func(b *postgres.Batch) {
		for _, table := range []string{"totp", "recovery_code", "passkey", "trusted_device", "session"} {
			b.Exec(`delete from `+table+` where account_id = $1`, account)
		}
	})
	if err != nil {
		return fmt.Errorf("clear factors: %w", err)
	}
	s.sessions.Clear()
	return nil
}

// removeFactor runs a statement that removes one unless it is the last.
// $1 account, $2 demanded, then the rest.
func (s *Service) removeFactor(ctx context.Context, account id.Account, demanded bool, statement string, more ...any) error {
	var removed *postgres.Found
	var one int
	err := s.db.Batch(ctx, Scope(OfPlatform()), func(b *postgres.Batch) {
		// Two that are removed at once must not each take the other for the rest.
		b.Exec(`select 1 from account where id = $1 for update`, account)
		removed = b.Row(statement, append([]any{account, demanded}, more...), &one)
		b.Exec(`
			delete from recovery_code c where account_id = $1
			and not exists (select from totp where account_id = $1) and not exists (select from passkey where account_id = $1)`, account)
	})
	if err != nil {
		return fmt.Errorf("remove factor: %w", err)
	}
	s.sessions.Clear()
	if removed.OK {
		return nil
	}
	left, err := s.factors(ctx, account)
	if err != nil {
		return err
	}
	if demanded && len(left) > 0 {
		return ErrLastFactor
	}
	return ErrUnknownFactor
}

// checkTOTP takes a code once. A code of a step that was taken, or of an older
// one, is wrong.
func (s *Service) checkTOTP(ctx context.Context, account id.Account, code string) (bool, error) {
	var box []byte
	var last int64
	found, err := s.row(ctx, `select secret, last_step from totp where account_id = $1`, []any{account}, &box, &last)
	if err != nil || !found {
		return false, err
	}
	secret, err := s.box.open(box, "totp", account.UUID())
	if err != nil {
		return false, fmt.Errorf("open second factor: %w", err)
	}
	step, ok := matchTOTP(secret, code, s.now(), last)
	if !ok {
		return false, nil
	}
	var one int
	return s.row(ctx, `update totp set last_step = $2 where account_id = $1 and last_step < $2 and secret = $3 returning 1`,
		[]any{account, step, box}, &one)
}

// matchTOTP finds the step that the code is of, after the last one taken.
func matchTOTP(secret []byte, code string, now time.Time, last int64) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	text := base32Plain.EncodeToString(secret)
	at := now.Unix() / int64(totpStep.Seconds())
	match, found := int64(0), false
	for step := at - totpDrift; step <= at+totpDrift; step++ {
		want, err := hotp.GenerateCodeCustom(text, uint64(step), hotp.ValidateOpts{Digits: totpDigits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > last {
			match, found = step, true
		}
	}
	return match, found
}

// NewRecoveryCodes replaces the account's codes. They are said this once. They
// sign in; no key comes back through them.
func (s *Service) NewRecoveryCodes(ctx context.Context, account id.Account) ([]string, error) {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		raw := make([]byte, 7)
		_, _ = rand.Read(raw) // never fails
		text := strings.ToLower(base32Plain.EncodeToString(raw))[:10]
		codes[i] = text[:5] + "-" + text[5:]
	}
	err := s.db.Batch(ctx, Scope(OfPlatform()), func(b *postgres.Batch) {
		b.Exec(`delete from recovery_code where account_id = $1`, account)
		for _, code := range codes {
			b.Exec(`insert into recovery_code (account_id, code_hash) values ($1, $2)`, account, s.codeHash(account, code))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("store recovery codes: %w", err)
	}
	return codes, nil
}

// firstCodes makes recovery codes for an account that has none left.
func (s *Service) firstCodes(ctx context.Context, account id.Account) ([]string, error) {
	var left int
	err := s.db.Global().NewRaw(`select count(*) from recovery_code where account_id = ? and used is null`, account).Scan(ctx, &left)
	if err != nil {
		return nil, fmt.Errorf("count recovery codes: %w", err)
	}
	if left > 0 {
		return nil, nil
	}
	return s.NewRecoveryCodes(ctx, account)
}

func (s *Service) spendRecoveryCode(ctx context.Context, account id.Account, code string) (bool, error) {
	var one int
	return s.row(ctx, `
		update recovery_code set used = now() where account_id = $1 and code_hash = $2 and used is null returning 1`,
		[]any{account, s.codeHash(account, code)}, &one)
}

// codeHash forgives what people do to a code while copying it.
func (s *Service) codeHash(account id.Account, code string) []byte {
	kept := bytes.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '2' && r <= '7':
			return r
		case r == '0':
			return 'o'
		case r == '1':
			return 'l'
		default:
			return -1
		}
	}, []byte(strings.ToLower(code)))
	m := hmac.New(sha256.New, s.codeKey)
	m.Write([]byte(account.UUID() + "|"))
	m.Write(kept)
	return m.Sum(nil)
}

// row runs one statement on what all share and reads its first row.
func (s *Service) row(ctx context.Context, statement string, args []any, dest ...any) (bool, error) {
	var found *postgres.Found
	err := s.db.Batch(ctx, Scope(OfPlatform()), func(b *postgres.Batch) { found = b.Row(statement, args, dest...) })
	if err != nil {
		return false, err
	}
	return found.OK, nil
}

// trusted reports whether the device need not show a second factor.
func (s *Service) trusted(ctx context.Context, account id.Account, in Entry) (bool, error) {
	hash, ok := deviceHash(in.Device, account, in.At)
	if !ok {
		return false, nil
	}
	var one int
	return s.row(ctx, `select 1 from trusted_device where hash = $1 and account_id = $2 and expires > now()`, []any{hash, account}, &one)
}

// trust makes the device trusted with the account until then. A device keeps
// its cookie, whoever else uses it: each account is trusted for itself.
func (s *Service) trust(ctx context.Context, account id.Account, in Entry, until time.Time) (device string, err error) {
	left := until.Sub(s.now())
	if left <= 0 {
		return "", nil
	}
	device = in.Device
	hash, ok := deviceHash(device, account, in.At)
	if !ok {
		device, _ = newCookie()
		hash, _ = deviceHash(device, account, in.At)
	}
	_, err = s.db.Global().NewRaw(`
		insert into trusted_device (hash, account_id, browser, system, expires) values (?, ?, ?, ?, now() + make_interval(secs => ?))
		on conflict (hash) do update set expires = excluded.expires`,
		hash, account, in.Agent.Browser, in.Agent.System, min(left, 24*time.Hour).Seconds()).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("trust device: %w", err)
	}
	return device, nil
}

// DistrustDevices asks the account's second factor everywhere again.
func (s *Service) DistrustDevices(ctx context.Context, account id.Account) error {
	if _, err := s.db.Global().NewRaw(`delete from trusted_device where account_id = ?`, account).Exec(ctx); err != nil {
		return fmt.Errorf("distrust devices: %w", err)
	}
	return nil
}

// TrustedDevices counts the devices that need not show the second factor today.
func (s *Service) TrustedDevices(ctx context.Context, account id.Account) (n int, err error) {
	err = s.db.Global().NewRaw(`select count(*) from trusted_device where account_id = ? and expires > now()`, account).Scan(ctx, &n)
	return n, err
}

func deviceHash(device string, account id.Account, at Door) ([]byte, bool) {
	if _, ok := hashCookie(device); !ok {
		return nil, false
	}
	sum := sha256.Sum256([]byte(device + "|" + account.UUID() + "|" + at.String()))
	return sum[:], true
}
