package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"siegel/platform/id"
)

// Bounces is where mails come back to that could not be delivered. Each mail
// has a return address of its own; whoever writes to one that we made says with
// it which mail came back. What they write is thrown away unread: it may repeat
// the patient's address.
type Bounces struct {
	domain     string
	secret     []byte
	deliveries *Deliveries
}

// NewBounces takes mail for a domain whose MX record points to where
// [Bounces.Serve] listens. secret is what return addresses are made with, so
// that nobody can write one.
func NewBounces(domain string, secret []byte, d *Deliveries) (*Bounces, error) {
	if !isAddress("x@"+domain) || len(secret) < 32 || d == nil {
		return nil, errors.New("notify: a domain, a secret and deliveries are needed for what comes back")
	}
	return &Bounces{domain: strings.ToLower(domain), secret: secret, deliveries: d}, nil
}

// address is where a mail comes back to.
func (b *Bounces) address(message id.Message) string {
	bare := strings.ReplaceAll(message.UUID(), "-", "")
	return "b-" + bare + "-" + b.mac(bare) + "@" + b.domain
}

func (b *Bounces) mac(bare string) string {
	h := hmac.New(sha256.New, b.secret)
	h.Write([]byte("siegel|bounce|1|" + bare))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:10]))
}

// message is which mail an address was made for.
func (b *Bounces) message(address string) (message id.Message, ok bool) {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	bare, mac, _ := strings.Cut(strings.TrimPrefix(local, "b-"), "-")
	raw, err := hex.DecodeString(bare)
	if err != nil || len(raw) != 16 || domain != b.domain || !strings.HasPrefix(local, "b-") || !hmac.Equal([]byte(mac), []byte(b.mac(bare))) {
		return message, false
	}
	dashed := bare[:8] + "-" + bare[8:12] + "-" + bare[12:16] + "-" + bare[16:20] + "-" + bare[20:]
	return message, message.Scan(dashed) == nil
}

// largestBounce bounds what is thrown away of one mail, in bytes.
const largestBounce = 1 << 20

// Serve takes what comes back, until ctx ends.
func (b *Bounces) Serve(ctx context.Context, ln net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &bounce{all: b}, nil }))
	server.Domain, server.MaxRecipients, server.MaxMessageBytes, server.MaxLineLength = b.domain, 4, largestBounce, 2000
	server.ReadTimeout, server.WriteTimeout = 30*time.Second, 30*time.Second
	server.ErrorLog = silent{}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	err := server.Serve(limited{ln, make(chan struct{}, 64)})
	if ctx.Err() != nil || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

// limited lets so many talk at once; the others wait at the door.
type limited struct {
	net.Listener
	places chan struct{}
}

func (l limited) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placed{Conn: conn, places: l.places}, nil
}

type placed struct {
	net.Conn
	places chan struct{}
	left   bool
}

func (p *placed) Close() error {
	if !p.left {
		p.left = true
		<-p.places
	}
	return p.Conn.Close()
}

// silent: what others say to us is not repeated in a log.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

type bounce struct {
	all *Bounces
	of  []id.Message
}

func (s *bounce) Reset()        { s.of = nil }
func (s *bounce) Logout() error { return nil }

// Mail takes reports only, which come from nobody (RFC 5321 section 4.5.5).
func (s *bounce) Mail(from string, _ *smtp.MailOptions) error {
	if from != "" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "takes delivery reports only"}
	}
	return nil
}

func (s *bounce) Rcpt(to string, _ *smtp.RcptOptions) error {
	message, ok := s.all.message(to)
	if !ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such address"}
	}
	s.of = append(s.of, message)
	return nil
}

func (s *bounce) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, message := range s.of {
		if err := s.all.deliveries.cameBack(ctx, message); err != nil {
			slog.Warn("a mail that came back could not be noted", "message", message.String(), "error", err)
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not now"}
		}
	}
	return nil
}
