package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
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
	id id.Message
	to string
	// from is the sender's own address; where it is empty, or mails of its
	// domain cannot be signed, that of the installation.
	from          string
	name, replyTo string
	subject, body string
	// link is a whole line of the body that can be pressed, or empty.
	link string
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
	keys            SigningKeys
	bounces         *Bounces
	kept            connections
}

// MailConfig is how mails leave.
type MailConfig struct {
	// SMTPURL is smtp://[user:password@]host[:port] for TLS by STARTTLS, which
	// is demanded unless the host is this machine, or smtps:// for TLS from the
	// first byte (where signing in uses PLAIN). Ports default to 587 and 465.
	SMTPURL string
	// From is the address that mails come from; its domain should be one that
	// the SMTP server may send for.
	From string
	// Domain is the base domain; it names this server to others and stands in
	// message ids. A port is left away.
	Domain string
	// TLS is for an SMTP server with a certificate of a private authority; the
	// system's authorities where nil.
	TLS *tls.Config
	// Keys sign; a sender whose domain has none is not used.
	Keys SigningKeys
	// Bounces take what comes back; nil: it goes to From.
	Bounces *Bounces
}

func newMailer(c MailConfig) (*mailer, error) {
	from, domain, config := c.From, c.Domain, c.TLS
	u, err := url.Parse(c.SMTPURL)
	// The error of url.Parse repeats the URL, and so the password.
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("the smtp url is not smtp://host:port or smtps://host:port")
	}
	m := &mailer{host: u.Hostname(), user: u.User.Username(), port: 587, implicit: u.Scheme == "smtps", from: from, keys: c.Keys, bounces: c.Bounces}
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
	if m.bounces != nil {
		// Nobody is told of what goes well or waits, and nothing is sent back but the headers.
		opts = append(opts, gomail.WithDSNRcptNotifyType(gomail.DSNRcptNotifyFailure), gomail.WithDSNMailReturnType(gomail.DSNMailReturnHeadersOnly))
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
	from := m.from
	if what.from != "" && isAddress(what.from) && m.keys.Covers(what.from) {
		from = what.from
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	// Not by the library's FromFormat: it puts the name into quotes unescaped.
	msg.FromMailAddress(&netmail.Address{Name: what.name, Address: from})
	msg.ReplyToMailAddress(&netmail.Address{Name: what.name, Address: what.replyTo})
	msg.ToMailAddress(&netmail.Address{Address: what.to})
	if m.bounces != nil {
		msg.EnvelopeFromMailAddress(&netmail.Address{Address: m.bounces.address(what.id)})
	}
	msg.Subject(what.subject)
	// Stable over repetitions, so that a mailbox can drop the second copy.
	msg.SetMessageIDWithValue(what.id.UUID() + "@" + m.domain)
	msg.SetDate()
	// RFC 3834: no absence notes and no loops, please.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, what.body)
	msg.AddAlternativeString(gomail.TypeTextHTML, asHTML(what.subject, what.body, what.link))
	if what.ics != "" {
		kind := gomail.ContentType(ics.ContentType(what.ics))
		// The last alternative is what programs that know calendars act on (RFC
		// 6047); the file is for those that only open it.
		msg.AddAlternativeString(gomail.ContentType(strings.ReplaceAll(string(kind), "; charset=utf-8", "")), what.ics)
		if err := msg.AttachReader("termin.ics", strings.NewReader(what.ics), gomail.WithFileContentType("application/ics")); err != nil {
			return nil, fmt.Errorf("attach calendar: %w", err)
		}
	}
	if err := m.keys.sign(msg, from); err != nil {
		return nil, err
	}
	return msg, nil
}

// asHTML is a mail's text once more, word for word: paragraphs, lines, and the
// link made to be pressed. Nothing in it is loaded from anywhere.
func asHTML(subject, body, link string) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>` + html.EscapeString(subject) +
		`</title></head><body style="margin:0 auto;max-width:36rem;padding:1rem;font:1rem/1.5 sans-serif">`)
	for paragraph := range strings.SplitSeq(strings.TrimSpace(body), "\n\n") {
		b.WriteString("<p>")
		for i, line := range strings.Split(paragraph, "\n") {
			if i > 0 {
				b.WriteString("<br>\n")
			}
			before, after, found := strings.Cut(line, link)
			if link == "" || !found {
				b.WriteString(html.EscapeString(line))
				continue
			}
			address := html.EscapeString(link)
			b.WriteString(html.EscapeString(before) + `<a href="` + address + `" style="word-break:break-all">` + address + `</a>` + html.EscapeString(after))
		}
		b.WriteString("</p>\n")
	}
	b.WriteString("</body></html>\n")
	return b.String()
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
