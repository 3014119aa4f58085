package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"siegel/platform/fault"
	"siegel/platform/ics"
	"siegel/platform/id"
)

const (
	// smtpTimeout bounds connecting, and again sending.
	smtpTimeout = 10 * time.Second
	// headerLimit bounds what may stand in a header, in bytes: the longest
	// address (RFC 5321 section 4.5.3.1.3).
	headerLimit = 254
)

// mail is one message on its way out.
type mail struct {
	id            id.Message
	to            string
	name, replyTo string
	subject, body string
	// ics is attached where it is not empty.
	ics string
}

// mailer speaks SMTP. Connections are kept for the next mail for a moment: to be
// greeted, to agree on keys and to sign in takes longer than a mail.
type mailer struct {
	host, user, password string
	port                 int
	// implicit TLS from the first byte; plain allows none, on this machine only.
	implicit, plain bool
	tls             *tls.Config
	from, domain    string
	kept            connections
}

func newMailer(rawURL, from, domain string, config *tls.Config) (*mailer, error) {
	u, err := url.Parse(rawURL)
	// The error of url.Parse repeats the URL, and so the password.
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("the smtp url is not smtp://host:port or smtps://host:port")
	}
	m := &mailer{host: u.Hostname(), user: u.User.Username(), port: 587, implicit: u.Scheme == "smtps", from: from}
	m.password, _ = u.User.Password()
	if m.implicit {
		m.port = 465
	}
	if p := u.Port(); p != "" {
		if m.port, err = strconv.Atoi(p); err != nil {
			return nil, errors.New("the smtp url has a malformed port")
		}
	}
	m.plain = !m.implicit && isLoopback(m.host)
	if !isAddress(from) {
		return nil, errors.New("the sender is not a mail address")
	}
	m.domain, _, _ = strings.Cut(domain, ":")
	if m.domain == "" || strings.ContainsFunc(m.domain, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the base domain is malformed")
	}
	if config == nil {
		config = &tls.Config{}
	}
	m.tls = config.Clone()
	m.tls.ServerName, m.tls.MinVersion = m.host, tls.VersionTLS12
	return m, nil
}

// send hands the mail to the server. It returns [ErrUnsendable] for what the
// server, or the format, will never take; any other error is worth another try.
// Errors carry the server's code and none of its words, which may repeat the
// address.
func (m *mailer) send(ctx context.Context, what mail) error {
	msg, err := m.message(what)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*smtpTimeout)
	defer cancel()
	var conn *connection
	for {
		if conn = m.kept.take(); conn == nil {
			if conn, err = m.connect(ctx); err != nil {
				return fault.New(fault.Unavailable, "smtp_unreachable")
			}
		}
		if err = conn.send(ctx, msg); !errors.Is(err, errStale) {
			break
		}
		conn.close()
	}
	if err == nil {
		m.kept.keep(conn)
		return nil
	}
	conn.close() // who knows what the server waits for
	// What fails after the server said yes is no reason to send it twice.
	if msg.IsDelivered() {
		return nil
	}
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return fault.New(fault.Unavailable, "smtp_failed")
	}
	code := refused.ErrorCode()
	if code >= 500 && code < 600 {
		return ErrUnsendable.Because(fmt.Errorf("the server says %d", code))
	}
	if code == 0 {
		return fault.New(fault.Unavailable, "smtp_failed")
	}
	return fault.New(fault.Unavailable, "smtp_"+strconv.Itoa(code))
}

// options are those of every connection.
func (m *mailer) options() []gomail.Option {
	opts := []gomail.Option{
		gomail.WithPort(m.port), gomail.WithHELO(m.domain), gomail.WithTimeout(smtpTimeout), gomail.WithTLSConfig(m.tls),
	}
	auth := gomail.SMTPAuthAutoDiscover
	switch {
	case m.implicit:
		opts, auth = append(opts, gomail.WithTLSPolicy(gomail.NoTLS)), gomail.SMTPAuthPlain
	case m.plain:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.user != "" {
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(m.user), gomail.WithPassword(m.password))
	}
	return opts
}

func (m *mailer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if m.implicit {
		return (&tls.Dialer{Config: m.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// message writes the headers. What comes from outside is refused rather than
// repaired where it could end a header or is longer than any honest one.
func (m *mailer) message(what mail) (*gomail.Msg, error) {
	if !isAddress(what.to) || !isAddress(what.replyTo) {
		return nil, ErrUnsendable.Because(errors.New("malformed address"))
	}
	if !isHeader(what.name) || !isHeader(what.subject) {
		return nil, ErrUnsendable.Because(errors.New("malformed header"))
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	// Not by the library's FromFormat: it puts the name into quotes unescaped.
	msg.FromMailAddress(&netmail.Address{Name: what.name, Address: m.from})
	msg.ReplyToMailAddress(&netmail.Address{Name: what.name, Address: what.replyTo})
	msg.ToMailAddress(&netmail.Address{Address: what.to})
	msg.Subject(what.subject)
	// Stable over repetitions, so that a mailbox can drop the second copy.
	msg.SetMessageIDWithValue(what.id.UUID() + "@" + m.domain)
	msg.SetDate()
	// RFC 3834: no absence notes and no loops, please.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, what.body)
	if what.ics != "" {
		if err := msg.AttachReader("termin.ics", strings.NewReader(what.ics),
			gomail.WithFileContentType(gomail.ContentType(ics.ContentType(what.ics)))); err != nil {
			return nil, fmt.Errorf("attach calendar: %w", err)
		}
	}
	return msg, nil
}

// isAddress accepts one bare address: no display name, no list, no comment.
func isAddress(s string) bool {
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Address == s && isHeader(s)
}

// isHeader accepts what can stand in a header without ending it.
func isHeader(s string) bool {
	return s != "" && len(s) <= headerLimit && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
		})
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
