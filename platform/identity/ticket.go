package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// sealed is encryption under a key of the server's secret: of tickets, which
// the server hands out and wants back unread, and of what it must read again
// but nobody else shall.
type sealed struct{ aead cipher.AEAD }

func newSealed(key []byte) (sealed, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealed{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealed{aead}, err
}

// seal binds the text to its purpose and to whom it belongs.
func (s sealed) seal(text []byte, purpose, owner string) []byte {
	return s.aead.Seal(nil, nil, text, []byte(purpose+"|"+owner))
}

func (s sealed) open(box []byte, purpose, owner string) ([]byte, error) {
	return s.aead.Open(nil, nil, box, []byte(purpose+"|"+owner))
}

// How long a step of signing in may take.
const ticketLife = 10 * time.Minute

// ticket is what the server has to know again at the next step.
type ticket[T any] struct {
	Serial  []byte    `json:"s"` // of one use
	Expires time.Time `json:"e"`
	Body    T         `json:"b"`
}

// hand writes a ticket that is good at one door, for ten minutes.
func hand[T any](s *Service, purpose string, at Door, body T) string {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails
	text, err := json.Marshal(ticket[T]{serial, s.now().Add(ticketLife), body})
	if err != nil {
		panic(err) // our own types
	}
	return base64.RawURLEncoding.EncodeToString(s.box.seal(text, "ticket|"+purpose, at.String()))
}

// take reads a ticket. It returns [ErrTicketExpired], also for one of another
// door or purpose.
func take[T any](s *Service, purpose string, at Door, text string) (ticket[T], error) {
	var t ticket[T]
	box, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return t, ErrTicketExpired
	}
	plain, err := s.box.open(box, "ticket|"+purpose, at.String())
	if err != nil {
		return t, ErrTicketExpired
	}
	if err := json.Unmarshal(plain, &t); err != nil {
		return t, ErrTicketExpired
	}
	if left := t.Expires.Sub(s.now()); left <= 0 || left > ticketLife {
		return ticket[T]{}, ErrTicketExpired
	}
	return t, nil
}

// useUp makes a ticket useless from now on. It returns [ErrTicketExpired] to
// everybody but the first.
func (s *Service) useUp(ctx context.Context, serial []byte) error {
	hash := sha256.Sum256(serial)
	result, err := s.db.Global().NewRaw(`
		with gone as (delete from used_ticket where expires < now())
		insert into used_ticket (hash, expires) values (?, now() + make_interval(secs => ?)) on conflict do nothing`,
		hash[:], (2 * ticketLife).Seconds()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("use up a ticket: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("use up a ticket: %w", err)
	} else if n == 0 {
		return ErrTicketExpired
	}
	return nil
}
