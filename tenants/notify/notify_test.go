package notify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/plugins/sdk"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
)

var update = flag.Bool("update", false, "write the golden files")

// desk stands where bookings, practices and a provider of text messages stand,
// and keeps what it is asked to do.
type desk struct {
	out     booking.Outgoing
	facts   notify.Facts
	readErr error
	sentErr error
	smsErr  error

	mu    sync.Mutex
	ended []string
	texts []sdk.Message
}

func (d *desk) ConfirmationToSend(context.Context, id.Tenant, string) (booking.Outgoing, error) {
	return d.out, d.readErr
}
func (d *desk) ReceiptToSend(context.Context, id.Tenant, string) (booking.Outgoing, error) {
	return d.out, d.readErr
}
func (d *desk) ConfirmationSent(context.Context, id.Tenant, string) error {
	return d.end("confirmation")
}
func (d *desk) ChangeToSend(context.Context, id.Tenant, string) (booking.Outgoing, error) {
	return d.out, d.readErr
}
func (d *desk) ChangeSent(context.Context, id.Tenant, string) error  { return d.end("change") }
func (d *desk) ReceiptSent(context.Context, id.Tenant, string) error { return d.end("receipt") }
func (d *desk) RecallToSend(context.Context, id.Tenant, string) (booking.Outgoing, error) {
	return d.out, d.readErr
}
func (d *desk) RecallSent(context.Context, id.Tenant, string) error { return d.end("recall") }

func (d *desk) end(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = append(d.ended, what)
	return d.sentErr
}

func (d *desk) Practice(context.Context, id.Tenant) (notify.Facts, error) { return d.facts, nil }

func (d *desk) Send(_ context.Context, m sdk.Message) (sdk.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.texts = append(d.texts, m)
	return sdk.Receipt{Parts: 1}, d.smsErr
}

func (d *desk) route(context.Context, id.Tenant) ([]notify.Line, error) {
	return []notify.Line{{Provider: id.New[id.Provider](), Plugin: "desk", Open: func(context.Context) (notify.SMS, error) { return d, nil }}}, nil
}

const address = "mila.kanarienvogel@example.org"

func newDesk() *desk {
	return &desk{
		out: booking.Outgoing{
			BookingID: id.New[id.Booking](), Channel: "mail", Address: address, Language: "de",
			Link:       "https://praxis-sonnenberg.siegel.example/confirm#AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB",
			ManageLink: "https://praxis-sonnenberg.siegel.example/booking#AAAAAAAAAAAAAAAAAAAAAA",
			Code:       "123456",
			Stops: []booking.Stop{{
				Starts: time.Date(2026, 11, 26, 8, 20, 0, 0, time.UTC), Ends: time.Date(2026, 11, 26, 8, 40, 0, 0, time.UTC),
				Zone: "Europe/Berlin", Location: "Praxis am Markt, Hauptstraße 1, 10115 Berlin",
			}},
			Expires:      time.Date(2026, 11, 22, 10, 34, 0, 0, time.UTC),
			Practitioner: "Dr. Özlem Weiß",
			ICS:          "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		},
		facts: notify.Facts{Name: "Praxis Sonnenberg", Phone: "030 1234567", Email: "praxis@sonnenberg.example", SMSSender: "Sonnenberg"},
	}
}

type bundle struct {
	*desk
	*mailServer
	log      *bytes.Buffer
	handlers map[string]jobs.Handler
}

func setup(t *testing.T, d *desk, change ...func(*notify.Config)) bundle {
	t.Helper()
	server := startMailServer(t, nil)
	log := &bytes.Buffer{}
	c := notify.Config{
		Bookings: d, Practices: d, Route: d.route, Logger: slog.New(slog.NewTextHandler(log, nil)),
		MailConfig: notify.MailConfig{SMTPURL: "smtp://" + server.addr, From: "termine@siegel.example", Domain: "siegel.example:8080"},
	}
	for _, f := range change {
		f(&c)
	}
	s, err := notify.NewService(c)
	if err != nil {
		t.Fatal(err)
	}
	return bundle{d, server, log, s.Handlers()}
}

func message(kind string) jobs.Message {
	return jobs.Message{ID: id.New[id.Message](), Tenant: id.New[id.Tenant](), Kind: kind, Ref: "ref", Attempts: 1}
}

// carry calls the handler as a relay would.
func (b bundle) carry(t *testing.T, kind string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return b.handlers[kind](ctx, message(kind))
}

type letter struct {
	header             netmail.Header
	subject            string
	text, html         string
	calendar, attached string
	calendarType       string
}

// read takes a mail apart with the standard library, another implementation
// than the one that wrote it.
func read(t *testing.T, raw []byte) letter {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	l := letter{header: m.Header}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	l.take(t, textproto.MIMEHeader(m.Header), m.Body)
	return l
}

// take reads one part, and those in it.
func (l *letter) take(t *testing.T, header textproto.MIMEHeader, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			l.take(t, p.Header, p)
		}
	}
	switch header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "text/plain":
		l.text = string(content)
	case "text/html":
		l.html = string(content)
	case "text/calendar":
		l.calendarType, l.calendar = header.Get("Content-Type"), string(content)
	case "application/ics":
		l.attached = string(content)
	default:
		t.Errorf("nobody needs a part of type %s", kind)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\r\n", "\n")
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestEveryWordOfEveryMessage(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"de", "en"} {
		for _, kind := range []string{notify.ConfirmMail, notify.ReceiptMail, notify.ConfirmSMS} {
			t.Run(language+"/"+kind, func(t *testing.T) {
				t.Parallel()
				d := newDesk()
				d.out.Language = language
				if kind == notify.ConfirmSMS {
					d.out.Address = "+4915112345678"
				}
				b := setup(t, d)
				if err := b.carry(t, kind); err != nil {
					t.Fatal(err)
				}
				if kind == notify.ConfirmSMS {
					golden(t, language+"_"+kind, b.texts[0].Text+"\n")
					return
				}
				l := read(t, b.one(t).data)
				golden(t, language+"_"+kind, "Subject: "+l.subject+"\n\n"+l.text)
			})
		}
	}
}

// What a message may be made of is a closed list: whoever adds a field has to
// ask whether a mail may say it.
func TestMessagesKnowNothingOfServiceReasonOrPatient(t *testing.T) {
	t.Parallel()
	want := []string{"BookingID", "Channel", "Address", "Other", "Language", "Link", "ManageLink", "Code", "Stops", "Expires", "Practitioner", "Requested", "Change", "ICS"}
	var got []string
	for f := range reflect.TypeFor[booking.Outgoing]().Fields() {
		got = append(got, f.Name)
	}
	for f := range reflect.TypeFor[booking.Stop]().Fields() {
		got = append(got, f.Name)
	}
	want = append(want, "Starts", "Ends", "Zone", "Location")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestUnknownLanguageIsWrittenInGerman(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.out.Language = "tlh"
	b := setup(t, d)
	if err := b.carry(t, notify.ConfirmMail); err != nil {
		t.Fatal(err)
	}
	if got := read(t, b.one(t).data).subject; got != "Bitte Termin bestätigen" {
		t.Errorf("subject %q", got)
	}
}

func TestWallTimeIsThatOfTheLocation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		starts         time.Time
		language, want string
	}{
		"BeforeTheSpringChange": {time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC), "de", "Sonntag, 28. März 2027, 1:30 Uhr"},
		"AfterTheSpringChange":  {time.Date(2027, 3, 28, 1, 30, 0, 0, time.UTC), "de", "Sonntag, 28. März 2027, 3:30 Uhr"},
		"AfterTheAutumnChange":  {time.Date(2026, 10, 25, 8, 5, 0, 0, time.UTC), "de", "Sonntag, 25. Oktober 2026, 9:05 Uhr"},
		"DayOfTheLocation":      {time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC), "de", "Freitag, 1. Januar 2027, 0:30 Uhr"},
		"Midnight":              {time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC), "en", "Friday, 1 January 2027, 12:00 am"},
		"Noon":                  {time.Date(2026, 12, 31, 11, 0, 0, 0, time.UTC), "en", "Thursday, 31 December 2026, 12:00 pm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			d.out.Stops[0].Starts, d.out.Language = c.starts, c.language
			b := setup(t, d)
			if err := b.carry(t, notify.ConfirmMail); err != nil {
				t.Fatal(err)
			}
			if got := read(t, b.one(t).data).text; !strings.Contains(got, c.want) {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
		})
	}
}

func TestWhatWasSentIsForgotten(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		notify.ConfirmMail: "confirmation", notify.ConfirmSMS: "confirmation", notify.ReceiptMail: "receipt",
		notify.ChangeMail: "change", notify.ChangeSMS: "change",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			if kind == notify.ConfirmSMS || kind == notify.ChangeSMS {
				d.out.Address = "+4915112345678"
			}
			b := setup(t, d)
			if err := b.carry(t, kind); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(d.ended, []string{want}) {
				t.Errorf("ended %v", d.ended)
			}
		})
	}
}

func TestForgettingThatFailsSendsNothingTwice(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.sentErr = fault.New(fault.Unavailable, "holds_unavailable")
	b := setup(t, d)
	if err := b.carry(t, notify.ConfirmMail); err != nil {
		t.Errorf("sent, but the relay is told %v", err)
	}
	b.one(t)
	if len(d.ended) < 2 || !strings.Contains(b.log.String(), "holds_unavailable") {
		t.Errorf("%d tries, log %q", len(d.ended), b.log)
	}
}

func TestLapsedAddressDropsTheMessage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{notify.ConfirmMail, notify.ConfirmSMS, notify.ReceiptMail, notify.ChangeMail, notify.ChangeSMS} {
		d := newDesk()
		d.readErr = fault.New(fault.Expired, "address_lapsed").Because(errors.New("no record"))
		b := setup(t, d)
		if err := b.carry(t, kind); !errors.Is(err, jobs.ErrLapsed) {
			t.Errorf("%s: %v", kind, err)
		}
		if len(b.received()) != 0 || len(d.texts) != 0 || len(d.ended) != 0 {
			t.Errorf("%s: something was sent or ended", kind)
		}
	}
}

func TestNothingIsSentAfterItsDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, newDesk())
	for kind, h := range b.handlers {
		if kind == booking.Changed {
			continue // sends nothing at any time
		}
		m := message(kind)
		m.Late = true
		if err := h(t.Context(), m); err == nil || errors.Is(err, jobs.ErrLapsed) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if len(b.received()) != 0 || len(b.texts) != 0 {
		t.Error("something was sent")
	}
}

func TestUnreadableBookingIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.readErr = fault.New(fault.Unavailable, "holds_unavailable")
	b := setup(t, d)
	if err := b.carry(t, notify.ConfirmMail); fault.From(err).Reason != "holds_unavailable" || permanent(err) {
		t.Errorf("got %v", err)
	}
}

// permanent asks the way the relay does: by the type that jobs.Permanent gives.
func permanent(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if reflect.TypeOf(err) == reflect.TypeOf(jobs.Permanent(errors.New("x"))) {
			return true
		}
	}
	return false
}

func TestNewServiceRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*notify.Config){
		"NoBookings":        func(c *notify.Config) { c.Bookings = nil },
		"NoPractices":       func(c *notify.Config) { c.Practices = nil },
		"ForeignScheme":     func(c *notify.Config) { c.SMTPURL = "http://localhost" },
		"NoHost":            func(c *notify.Config) { c.SMTPURL = "smtp://" },
		"MalformedURL":      func(c *notify.Config) { c.SMTPURL = "smtp://user:hunter2%zz@host" },
		"SenderWithName":    func(c *notify.Config) { c.From = "Siegel <a@b.example>" },
		"SenderIsNoAddress": func(c *notify.Config) { c.From = "siegel" },
		"NoDomain":          func(c *notify.Config) { c.Domain = "" },
		"MalformedDomain":   func(c *notify.Config) { c.Domain = "a\r\nb" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			c := notify.Config{Bookings: d, Practices: d, MailConfig: notify.MailConfig{SMTPURL: "smtp://localhost:25", From: "a@b.example", Domain: "b.example"}}
			if _, err := notify.NewService(c); err != nil {
				t.Fatal(err)
			}
			spoil(&c)
			_, err := notify.NewService(c)
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}
