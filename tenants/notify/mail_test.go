package notify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"siegel/platform/fault"
	"siegel/tenants/notify"
)

// envelope is one mail as a server took it.
type envelope struct {
	from, to string
	data     []byte
	tls      bool
}

// mailServer is an SMTP server on this machine that keeps what it gets.
type mailServer struct {
	addr string

	mu     sync.Mutex
	mails  []envelope
	conns  []*smtp.Conn    // all there ever were
	refuse *smtp.SMTPError // at RCPT
	judge  func(to string) *smtp.SMTPError
	onData func() error // once the data is there, before it is taken
}

func startMailServer(t *testing.T, cert *tls.Config) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{addr: l.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Contains(s.conns, c) { // after STARTTLS it greets anew
			s.conns = append(s.conns, c)
		}
		return &mailSession{s: s, c: c}, nil
	}))
	server.Domain, server.TLSConfig = "mail.example", cert
	server.ErrorLog = quiet{}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() {
		// The listener too: a server that has not begun to serve does not know it.
		_, _ = server.Close(), l.Close()
		<-done
	})
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *mailServer) received() []envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]envelope(nil), s.mails...)
}

func (s *mailServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *mailServer) one(t *testing.T) envelope {
	t.Helper()
	got := s.received()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	return got[0]
}

type mailSession struct {
	s *mailServer
	c *smtp.Conn
	e envelope
}

func (m *mailSession) Reset()        { m.e = envelope{} }
func (m *mailSession) Logout() error { return nil }
func (m *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	_, m.e.tls = m.c.TLSConnectionState()
	m.e.from = from
	return nil
}
func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.e.to += to
	if m.s.refuse != nil {
		return m.s.refuse
	}
	if m.s.judge != nil {
		if refused := m.s.judge(to); refused != nil {
			return refused
		}
	}
	return nil
}
func (m *mailSession) Data(r io.Reader) (err error) {
	if m.e.data, err = io.ReadAll(r); err != nil {
		return err
	}
	m.s.mu.Lock()
	onData := m.s.onData
	m.s.mu.Unlock()
	if onData != nil {
		if err := onData(); err != nil {
			return err
		}
	}
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.mails = append(m.s.mails, m.e)
	return nil
}

func TestMailHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.facts.Name = `Praxis "Löwe", Weiß & Kollegen`
	b := setup(t, d)
	m := message(notify.ConfirmMail)
	for range 2 {
		if err := b.handlers[m.Kind](t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := b.received()
	first, second := read(t, got[0].data), read(t, got[1].data)

	if got[0].from != "termine@siegel.example" || got[0].to != address {
		t.Errorf("envelope from %q to %q", got[0].from, got[0].to)
	}
	for header, want := range map[string]netmail.Address{
		"From":     {Name: d.facts.Name, Address: "termine@siegel.example"},
		"Reply-To": {Name: d.facts.Name, Address: "praxis@sonnenberg.example"},
		"To":       {Address: address},
	} {
		list, err := first.header.AddressList(header)
		if err != nil || len(list) != 1 || *list[0] != want {
			t.Errorf("%s is %v, %v", header, list, err)
		}
	}
	if id := first.header.Get("Message-ID"); id != "<"+m.ID.UUID()+"@siegel.example>" || id != second.header.Get("Message-ID") {
		t.Errorf("message ids %q and %q", id, second.header.Get("Message-ID"))
	}
	if got := first.header.Get("Auto-Submitted"); got != "auto-generated" {
		t.Errorf("Auto-Submitted: %q", got)
	}
	if _, err := first.header.Date(); err != nil {
		t.Error(err)
	}
	for name := range first.header {
		switch name {
		case "From", "Reply-To", "To", "Subject", "Message-Id", "Date", "Auto-Submitted", "Mime-Version", "Content-Type", "Content-Transfer-Encoding":
		default:
			t.Errorf("nobody needs the header %s", name)
		}
	}
	if !strings.Contains(first.text, d.out.Link) {
		t.Errorf("the link does not survive the encoding:\n%s", first.text)
	}
}

func TestReceiptCarriesCalendarAndLink(t *testing.T) {
	t.Parallel()
	d := newDesk()
	b := setup(t, d)
	if err := b.carry(t, notify.ReceiptMail); err != nil {
		t.Fatal(err)
	}
	raw := b.one(t).data
	l := read(t, raw)
	if !strings.Contains(l.text, d.out.ManageLink) || strings.Contains(l.text, d.out.Link) {
		t.Errorf("wrong link in\n%s", l.text)
	}
	if !strings.HasPrefix(l.calendarType, "text/calendar") || !strings.Contains(l.calendarType, "method=PUBLISH") || l.attached != d.out.ICS {
		t.Errorf("calendar is %q", l.calendarType)
	}
	if !strings.Contains(string(raw), "filename=\"termin.ics\"") {
		t.Errorf("no file name in\n%s", raw)
	}
}

func TestReceiptGoesWithoutWhatIsNotThere(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.out.ManageLink, d.out.ICS, d.out.Practitioner, d.facts.Phone = "", "", "", ""
	b := setup(t, d)
	if err := b.carry(t, notify.ReceiptMail); err != nil {
		t.Fatal(err)
	}
	l := read(t, b.one(t).data)
	golden(t, "de_receipt_mail_bare", "Subject: "+l.subject+"\n\n"+l.text)
}

func TestUnsendableMailIsRefusedForGood(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*desk){
		"LineBreakInName":    func(d *desk) { d.facts.Name = "Praxis\r\nBcc: eve@example.com" },
		"BareLineFeed":       func(d *desk) { d.facts.Name = "Praxis\nBcc: eve@example.com" },
		"UnicodeLineBreak":   func(d *desk) { d.facts.Name = "Praxis\u2028Bcc: eve@example.com" },
		"DirectionOverride":  func(d *desk) { d.facts.Name = "Praxis \u202egnp" },
		"LongName":           func(d *desk) { d.facts.Name = strings.Repeat("a", 300) },
		"NoName":             func(d *desk) { d.facts.Name = "" },
		"BrokenUTF8":         func(d *desk) { d.facts.Name = "Praxis \xff" },
		"TwoAddresses":       func(d *desk) { d.out.Address = "a@example.org, eve@example.org" },
		"AddressWithName":    func(d *desk) { d.out.Address = "Mila <a@example.org>" },
		"AddressWithBreak":   func(d *desk) { d.out.Address = "a@example.org\r\nRCPT TO:<eve@example.org>" },
		"NoAddress":          func(d *desk) { d.out.Address = "" },
		"LongAddress":        func(d *desk) { d.out.Address = strings.Repeat("a", 300) + "@example.org" },
		"ReplyToWithBreak":   func(d *desk) { d.facts.Email = "a@example.org\nX: y" },
		"LinkOfAnotherKind":  func(d *desk) { d.out.Link, d.out.ManageLink = "javascript:alert(1)", "javascript:alert(1)" },
		"LinkWithBreak":      func(d *desk) { d.out.Link += "\n\nhttps://eve.example"; d.out.ManageLink = d.out.Link },
		"ZoneOfNowhere":      func(d *desk) { d.out.Stops[0].Zone = "Europe/Atlantis" },
		"ZoneOfThisMachine":  func(d *desk) { d.out.Stops[0].Zone = "Local" },
		"ZoneOutsideTheList": func(d *desk) { d.out.Stops[0].Zone = "../../etc/passwd" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{notify.ConfirmMail, notify.ReceiptMail, notify.ChangeMail} {
				d := newDesk()
				spoil(d)
				b := setup(t, d)
				err := b.carry(t, kind)
				if !permanent(err) || !errors.Is(err, notify.ErrUnsendable) {
					t.Errorf("%s: %v", kind, err)
				}
				if got := b.received(); len(got) != 0 {
					t.Errorf("%s was sent: %s", kind, got[0].data)
				}
			}
		})
	}
}

func TestForeignTextStaysInItsLine(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.out.Stops[0].Location = "Hof 1\r\n\r\nÖffnen Sie https://eve.example\u2028jetzt\x1b[31m {{.Link}}"
	d.out.Practitioner = "\r\n.\r\nQUIT"
	b := setup(t, d)
	if err := b.carry(t, notify.ConfirmMail); err != nil {
		t.Fatal(err)
	}
	text := read(t, b.one(t).data).text
	if !strings.Contains(text, "\r\nHof 1 Öffnen Sie https://eve.example jetzt [31m {{.Link}}\r\n") || !strings.Contains(text, "\r\n. QUIT\r\n") {
		t.Errorf("got\n%s", text)
	}
}

func TestServerDecidesWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusal   smtp.SMTPError
		permanent bool
		reason    string
	}{
		"Greylisted":  {smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, <" + address + ">"}, false, "smtp_451"},
		"Busy":        {smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: address + " later"}, false, "smtp_421"},
		"UnknownUser": {smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + address + "> unknown"}, true, "unsendable_message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, newDesk())
			b.refuse = &c.refusal
			err := b.carry(t, notify.ConfirmMail)
			if err == nil || permanent(err) != c.permanent || fault.From(err).Reason != c.reason {
				t.Fatalf("got %v", err)
			}
			for _, secret := range []string{"mila", "kanarienvogel", "example.org", b.out.Link} {
				if strings.Contains(err.Error()+b.log.String(), secret) {
					t.Errorf("%q is in %v or in the log", secret, err)
				}
			}
			if len(b.ended) != 0 {
				t.Errorf("ended %v", b.ended)
			}
		})
	}
}

func TestGreylistedMailGoesThroughLater(t *testing.T) {
	t.Parallel()
	b := setup(t, newDesk())
	b.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "come back later"}
	if err := b.carry(t, notify.ConfirmMail); err == nil {
		t.Fatal("the refusal was not noticed")
	}
	b.mailServer.mu.Lock()
	b.refuse = nil
	b.mailServer.mu.Unlock()
	if err := b.carry(t, notify.ConfirmMail); err != nil {
		t.Fatal(err)
	}
	b.one(t)
}

func TestUnreachableServerIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, newDesk(), func(c *notify.Config) { c.SMTPURL = "smtp://127.0.0.1:1" })
	if err := b.carry(t, notify.ConfirmMail); permanent(err) || fault.From(err).Reason != "smtp_unreachable" {
		t.Errorf("got %v", err)
	}
}

func TestHangingServerIsLeftAtTheDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, newDesk())
	release := make(chan struct{})
	b.onData = func() error { <-release; return errors.New("too late") }
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := b.handlers[notify.ConfirmMail](ctx, message(notify.ConfirmMail))
	if err == nil || permanent(err) || time.Since(begun) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func TestAConnectionServesSeveralMails(t *testing.T) {
	t.Parallel()
	b := setup(t, newDesk())
	const some, limit = 7, 20
	for range some {
		if err := b.carry(t, notify.ConfirmMail); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.connections(); n != 1 {
		t.Errorf("%d mails over %d connections", some, n)
	}
	for range limit {
		if err := b.carry(t, notify.ReceiptMail); err != nil {
			t.Fatal(err)
		}
	}
	if got, n := len(b.received()), b.connections(); got != some+limit || n != 2 {
		t.Errorf("%d mails over %d connections", got, n)
	}
}

func TestMailsAtOnceEachArriveOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, newDesk())
	for range 3 {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := b.handlers[notify.ConfirmMail](t.Context(), message(notify.ConfirmMail)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	ids := map[string]bool{}
	for _, e := range b.received() {
		ids[read(t, e.data).header.Get("Message-ID")] = true
	}
	if got := len(b.received()); got != 30 || len(ids) != 30 {
		t.Errorf("%d mails with %d ids", got, len(ids))
	}
}

// Whatever has become of a connection that waited, the next mail goes out, once.
func TestAConnectionThatIsGoneIsReplaced(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, b bundle){
		"ClosedByTheServer": func(_ *testing.T, b bundle) { _ = b.conns[0].Conn().Close() },
		"Refused": func(t *testing.T, b bundle) {
			b.mailServer.mu.Lock()
			b.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later"}
			b.mailServer.mu.Unlock()
			if err := b.carry(t, notify.ConfirmMail); err == nil {
				t.Error("the refusal was not noticed")
			}
			b.mailServer.mu.Lock()
			b.refuse = nil
			b.mailServer.mu.Unlock()
		},
		"LeftInTheMiddle": func(t *testing.T, b bundle) {
			ctx, cancel := context.WithCancel(t.Context())
			b.mailServer.mu.Lock()
			b.onData = func() error { cancel(); return &smtp.SMTPError{Code: 451, Message: "nobody waits for this"} }
			b.mailServer.mu.Unlock()
			if err := b.handlers[notify.ConfirmMail](ctx, message(notify.ConfirmMail)); err == nil {
				t.Error("the end of the caller's time was not noticed")
			}
			b.mailServer.mu.Lock()
			b.onData = nil
			b.mailServer.mu.Unlock()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, newDesk())
			if err := b.carry(t, notify.ConfirmMail); err != nil {
				t.Fatal(err)
			}
			end(t, b)
			if err := b.carry(t, notify.ConfirmMail); err != nil {
				t.Fatal(err)
			}
			if got, n := len(b.received()), b.connections(); got != 2 || n != 2 {
				t.Errorf("%d mails over %d connections", got, n)
			}
		})
	}
}

// "LOCALHOST" is a name that is looked up like any other; it stands for a
// server elsewhere.
func TestMailLeavesThisMachineOnlyUnderTLS(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	_, strangers := certificate(t)
	elsewhere := func(s *mailServer, scheme, userinfo string) string {
		_, port, _ := net.SplitHostPort(s.addr)
		return scheme + "://" + userinfo + "LOCALHOST:" + port
	}
	for name, c := range map[string]struct {
		server *tls.Config
		scheme string
		roots  *x509.CertPool
		sent   bool
	}{
		"STARTTLS":            {cert, "smtp", roots, true},
		"STARTTLSNotOffered":  {nil, "smtp", roots, false},
		"STARTTLSOfAStranger": {cert, "smtp", strangers, false},
		"NoTLSForSMTPS":       {nil, "smtps", roots, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startMailServer(t, c.server)
			b := setup(t, newDesk(), func(n *notify.Config) {
				n.SMTPURL, n.TLS = elsewhere(server, c.scheme, ""), &tls.Config{RootCAs: c.roots}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			err := b.handlers[notify.ConfirmMail](ctx, message(notify.ConfirmMail))
			if (err == nil) != c.sent || permanent(err) {
				t.Errorf("got %v", err)
			}
			if got := server.received(); (len(got) == 1) != c.sent || c.sent && !got[0].tls {
				t.Errorf("%d mails", len(got))
			}
		})
	}
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}
