package notify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/platform/shred"
	"siegel/plugins/sdk"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
	"siegel/tenants/tenanttest"
)

// month is a practice over thirty days that pass in seconds: the database and
// the services read a clock of the test's, mails and text messages arrive at
// places that note when.
type month struct {
	*tenanttest.Fixture
	bookings  *booking.Service
	reminders *notify.Reminders
	relay     *jobs.Relay
	super     *postgres.DB
	mails     *mailServer
	began     time.Time

	mu      sync.Mutex
	now     time.Time
	arrived []arrival
	ids     map[string]int // how often each message id arrived
	dying   []dying        // what Redis forgets, by the clock of the test
	used    map[time.Time]bool
}

type arrival struct {
	to, what string
	at       time.Time
}

type dying struct {
	key string
	at  time.Time
}

// patient is what somebody does in this month, and what they have to hear.
type patient struct {
	n                 int
	address           string
	channel           booking.Channel
	online            bool
	booked, starts    time.Time
	appointment       id.Appointment
	secret            []byte
	reminded          bool
	acts, until       time.Time // until: no reminder after this
	unconfirmed, lost bool
}

func (m *month) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// mailsDown and textsDown are when the providers fail.
func (m *month) mailsDown(at time.Time) bool {
	return !at.Before(m.day(6, 10, 30)) && at.Before(m.day(6, 12, 5))
}
func (m *month) textsDown(at time.Time) bool {
	return !at.Before(m.day(9, 8, 0)) && at.Before(m.day(9, 9, 0))
}

func (m *month) day(n, hour, minute int) time.Time {
	b := m.began
	return time.Date(b.Year(), b.Month(), b.Day()+n, hour, minute, 0, 0, b.Location())
}

// Send stands where a provider of text messages stands.
func (m *month) Send(_ context.Context, text sdk.Message) (sdk.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.textsDown(m.now) {
		return sdk.Receipt{}, &sdk.Error{Kind: sdk.Temporary}
	}
	what := "reminder"
	if !strings.HasPrefix(text.Text, "Erinnerung") {
		what = "change"
	}
	m.arrived = append(m.arrived, arrival{text.To, what, m.now})
	m.ids[text.ID]++
	return sdk.Receipt{Parts: 1}, nil
}

const comesBack = "nobody-"

func newMonth(t *testing.T) *month {
	t.Helper()
	m := &month{Fixture: tenanttest.New(t), ids: map[string]int{}, used: map[time.Time]bool{}}
	m.began = tenanttest.At(1, 0, 0)
	m.now = m.began
	m.super = testdb.OpenURL(t, m.URLs.Super)
	// Whoever connects from here on asks this clock for the time.
	for _, q := range []string{
		`create schema fake`, `create table fake.clock (t timestamptz not null)`, `grant usage on schema fake to public`, `grant select on fake.clock to public`,
		`create function fake.now() returns timestamptz language sql stable as 'select t from fake.clock'`,
		`do $$ begin execute format('alter database %I set search_path = fake, pg_catalog, public', current_database()); end $$`,
		`update practice set reminders = '{10080,1440,120}', version = version + 1`,
	} {
		if _, err := m.super.Global().NewRaw(q).Exec(t.Context()); err != nil {
			t.Fatal(q, err)
		}
	}
	if _, err := m.super.Global().NewRaw(`insert into fake.clock values (?)`, m.now).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := testdb.OpenURL(t, m.URLs.Server)
	url := func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil }
	budget := notify.Budget{PerTenant: 10_000, InAll: 10_000}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if m.bookings, err = booking.NewService(booking.Config{
		DB: db, Redis: m.Redis, Practice: m.Practice, Keyring: m.Keyring, Budget: budget, Base: "localhost:8080", PatientURL: url, Now: m.clock,
	}); err != nil {
		t.Fatal(err)
	}
	keys, err := shred.New(shred.Config{DB: db, Redis: m.Redis, Now: m.clock, Patience: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if m.reminders, err = notify.NewReminders(notify.RemindersConfig{DB: db, Keys: keys, Bookings: m.bookings, Budget: budget, PatientURL: url, Now: m.clock}); err != nil {
		t.Fatal(err)
	}
	settings, err := notify.NewSettings(db, m.Practice.Changed)
	if err != nil {
		t.Fatal(err)
	}
	m.mails = startMailServer(t, nil)
	m.mails.judge = func(to string) *smtp.SMTPError {
		m.mu.Lock()
		defer m.mu.Unlock()
		switch {
		case m.mailsDown(m.now):
			return &smtp.SMTPError{Code: 451, Message: "later"}
		case strings.HasPrefix(to, comesBack):
			return &smtp.SMTPError{Code: 550, Message: "nobody here"}
		}
		return nil
	}
	s, err := notify.NewService(notify.Config{
		Bookings: m.bookings, Practices: face{}, Reminders: m.reminders, Settings: settings, Deliveries: notify.NewDeliveries(db), Logger: quiet,
		Route: func(context.Context, id.Tenant) ([]notify.Line, error) {
			return []notify.Line{{Provider: id.New[id.Provider](), Plugin: "test", Open: func(context.Context) (notify.SMS, error) { return m, nil }}}, nil
		},
		MailConfig: notify.MailConfig{SMTPURL: "smtp://" + m.mails.addr, From: "termine@siegel.example", Domain: "siegel.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.relay, err = jobs.NewRelay(jobs.Config{DB: testdb.OpenURL(t, m.URLs.Relay), Handlers: s.Handlers(), Workers: 8, Poll: time.Hour, Lease: lease, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.relay.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return m
}

// face is what the practice says of itself.
type face struct{}

func (face) Practice(context.Context, id.Tenant) (notify.Facts, error) {
	return notify.Facts{Name: "Praxis Sonnenberg", Phone: "030 1234567", Email: "praxis@sonnenberg.example"}, nil
}

// set puts all clocks to an instant. Redis forgets what it would have.
func (m *month) set(t *testing.T, at time.Time) {
	t.Helper()
	if _, err := m.super.Global().NewRaw(`update fake.clock set t = ?`, at).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.now = at
	var gone []string
	rest := m.dying[:0]
	for _, d := range m.dying {
		if d.at.After(at) {
			rest = append(rest, d)
		} else {
			gone = append(gone, d.key)
		}
	}
	m.dying = rest
	m.mu.Unlock()
	if len(gone) > 0 {
		if err := m.Redis.Raw().Del(t.Context(), gone...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// forgets says what Redis keeps only for a while.
func (m *month) forgets(after time.Duration, parts ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dying = append(m.dying, dying{redisdb.TenantKey(m.Tenant.ID, parts...), m.now.Add(after)})
}

// lease is so long that what is being carried is told apart from what waits.
const lease = 500 * 24 * time.Hour

// drain waits until everything that is due has been looked at.
func (m *month) drain(t *testing.T) {
	t.Helper()
	for {
		var due int
		if err := m.super.Global().NewRaw(`select count(*) from outbox
			where status = 'waiting' and not (run_at > ?0::timestamptz and run_at < ?0::timestamptz + interval '400 days')`, m.clock()).Scan(t.Context(), &due); err != nil {
			t.Fatal(err)
		}
		m.note()
		if due == 0 {
			return
		}
		m.relay.Wake()
		time.Sleep(time.Millisecond)
	}
}

var (
	subjectLine = regexp.MustCompile(`(?m)^Subject: (.*)\r$`)
	idLine      = regexp.MustCompile(`(?m)^Message-ID: (.*)\r$`)
)

// note takes what the mail server got since.
func (m *month) note() {
	m.mails.mu.Lock()
	mails := m.mails.mails
	m.mails.mails = nil
	m.mails.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range mails {
		subject := string(subjectLine.FindSubmatch(e.data)[1])
		what := "change"
		switch {
		case strings.HasPrefix(subject, "Erinnerung"):
			what = "reminder"
		case strings.HasPrefix(subject, "Termin gebucht"):
			what = "receipt"
		case strings.HasPrefix(subject, "=?"):
			continue // to be confirmed: these patients are sometimes faster than the mail
		}
		m.arrived = append(m.arrived, arrival{e.to, what, m.now})
		m.ids[string(idLine.FindSubmatch(e.data)[1])]++
	}
}

// until lets the time pass, from one message that is due to the next.
func (m *month) until(t *testing.T, target time.Time) {
	t.Helper()
	for {
		var next []time.Time
		if err := m.super.Global().NewRaw(`select run_at from outbox where status = 'waiting' and run_at <= ? order by run_at limit 1`, target).Scan(t.Context(), &next); err != nil {
			t.Fatal(err)
		}
		if len(next) == 0 {
			m.set(t, target)
			m.drain(t)
			return
		}
		if next[0].After(m.clock()) {
			m.set(t, next[0])
		}
		m.drain(t)
	}
}

// slot is a quarter of an hour of a day that nobody has yet.
func (m *month) slot(day int) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; ; day++ {
		for q := range 64 {
			at := m.day(day, 6, 15*((q*29)%64)) // spread over the day
			if !m.used[at] {
				m.used[at] = true
				return at
			}
		}
	}
}

func (m *month) desk(starts time.Time) booking.DeskTime {
	return booking.DeskTime{Service: m.Quarter, Practitioner: m.Practitioner, Location: m.Location, Starts: starts, OverHold: true}
}

func (m *month) card() []byte { return bytes.Repeat([]byte("x"), 12+2048+16) }

// book makes the appointment, at the desk or online.
func (m *month) book(t *testing.T, p *patient) {
	ctx, tenant := t.Context(), m.Tenant.ID
	if !p.online {
		form := m.Seal(t, id.New[id.Booking]())
		made, err := m.bookings.BookAtDesk(ctx, tenant, booking.DeskBooking{
			DeskTime: m.desk(p.starts), Booking: id.New[id.Booking](), Epoch: 1, Card: m.card(), SecretHash: form.SecretHash[:], Copy: form.Copy,
		})
		if err != nil {
			t.Errorf("patient %d at the desk: %v", p.n, err)
			return
		}
		p.appointment, p.secret = made, form.Secret[:]
		return
	}
	once := func() booking.Once {
		return booking.Once{Key: base64.RawURLEncoding.EncodeToString([]byte(id.New[id.Message]().UUID())[:24]), Request: []byte(id.New[id.Message]().UUID())[:32]}
	}
	token := id.New[id.Message]().Bytes()
	hold, err := m.bookings.Hold(ctx, tenant, booking.HoldRequest{Token: token[:], Items: []booking.HoldItem{{
		Service: m.Quarter, Practitioner: m.Practitioner, Location: m.Location, Starts: p.starts,
	}}}, booking.Visitor{Browser: fmt.Sprint(p.n), Address: netip.AddrFrom4([4]byte{127, byte(p.n >> 8), byte(p.n), 1})}, once())
	if err != nil {
		t.Errorf("patient %d holds: %v", p.n, err)
		return
	}
	form := m.Seal(t, hold.Items[0].Booking)
	p.secret = form.Secret[:]
	if _, err := m.bookings.Book(ctx, tenant, booking.BookRequest{
		Token: token[:], Forms: []booking.Form{{Envelope: form.Envelope, Copy: form.Copy}}, Channel: booking.Mail, Address: p.address,
		Secret: form.Secret[:], SecretHash: form.SecretHash[:], Language: "de",
	}, once()); err != nil {
		t.Errorf("patient %d books: %v", p.n, err)
		return
	}
	out, err := m.bookings.ConfirmationToSend(ctx, tenant, base64.RawURLEncoding.EncodeToString(form.SecretHash[:]))
	if err != nil {
		t.Errorf("patient %d: %v", p.n, err)
		return
	}
	_, code, _ := strings.Cut(out.Link[strings.IndexByte(out.Link, '#'):], ".")
	if p.unconfirmed {
		return
	}
	if p.lost { // staff takes the time while the patient looks for the mail
		if _, err := m.bookings.BookAtDesk(ctx, tenant, booking.DeskBooking{DeskTime: m.desk(p.starts), Booking: id.New[id.Booking](), Epoch: 1, Card: m.card()}); err != nil {
			t.Errorf("patient %d is overtaken: %v", p.n, err)
		}
	}
	booked, err := m.bookings.Confirm(ctx, tenant, form.Secret[:], code)
	if p.lost {
		if fault.From(err).Code != fault.Conflict {
			t.Errorf("patient %d is not overtaken: %v", p.n, err)
		}
		return
	}
	if err != nil {
		t.Errorf("patient %d confirms: %v", p.n, err)
		return
	}
	p.appointment = booked.Appointment
	m.forgets(time.Minute, "receipt", booked.Booking.UUID())
}

// tell lets the practice say what became of the appointment.
func (m *month) tell(t *testing.T, p *patient) {
	message, err := m.bookings.Tell(t.Context(), m.Tenant.ID, booking.Released{Appointment: p.appointment, Channel: p.channel, Address: p.address, Language: "de"})
	if err != nil {
		t.Errorf("patient %d is told: %v", p.n, err)
		return
	}
	m.forgets(time.Hour, "released", message.UUID())
}

// all runs f for each patient, some at once.
func all(patients []*patient, f func(*patient)) {
	var wait sync.WaitGroup
	queue := make(chan *patient)
	for range 6 {
		wait.Go(func() {
			for p := range queue {
				f(p)
			}
		})
	}
	for _, p := range patients {
		queue <- p
	}
	close(queue)
	wait.Wait()
}

// wanted are when the reminders of an appointment are due, told apart from the
// product: an hour before the night where they would fall into it.
func wanted(starts, asked time.Time) (due []time.Time) {
	for _, before := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, 2 * time.Hour} {
		at := starts.Add(-before)
		if minute := at.Hour()*60 + at.Minute(); minute < 7*60 {
			at = time.Date(at.Year(), at.Month(), at.Day()-1, 20, 0, 0, 0, at.Location())
		} else if minute >= 21*60 {
			at = time.Date(at.Year(), at.Month(), at.Day(), 20, 0, 0, 0, at.Location())
		}
		if at.After(asked) {
			due = append(due, at)
		}
	}
	return due
}

// A thousand patients book, confirm or do not, move, cancel, withdraw, are
// overtaken, have mailboxes that refuse, and meet two outages. Each message
// arrives when it should, once; none after a withdrawal, none for what was never
// booked; every row of the outbox has its end (I12, I13).
func TestAMonthOfAThousandPatients(t *testing.T) {
	t.Parallel()
	m := newMonth(t)
	ctx, tenant := t.Context(), m.Tenant.ID
	byDay := map[int][]*patient{}
	var everybody []*patient
	for n := range 1000 {
		p := &patient{n: n, channel: booking.Mail, address: fmt.Sprintf("p%d@muster.example", n), online: n%3 == 0, reminded: n%4 != 3}
		switch {
		case n%30 == 0:
			p.unconfirmed, p.reminded = true, false
		case n%33 == 0:
			p.lost, p.reminded = true, false
		case !p.online && n%25 == 7:
			p.address = fmt.Sprintf("%s%d@muster.example", comesBack, n)
		case !p.online && n%5 == 0:
			p.channel, p.address = booking.SMS, fmt.Sprintf("+49151120%05d", n)
		}
		day := n % 19
		p.booked, p.acts = m.day(day, 9, 0), m.day(day+1, 11, 0)
		p.starts = m.slot(day + 2 + n/19%8)
		byDay[day] = append(byDay[day], p)
		everybody = append(everybody, p)
	}

	type expected struct {
		to, what string
	}
	due := map[expected][]time.Time{} // what has to arrive, and when
	expect := func(p *patient, what string, at time.Time) {
		if p.channel == booking.Mail && strings.HasPrefix(p.address, comesBack) {
			return
		}
		due[expected{p.address, what}] = append(due[expected{p.address, what}], at)
	}
	for day := range 20 {
		today := byDay[day]
		m.until(t, m.day(day, 9, 0))
		all(today, func(p *patient) {
			m.book(t, p)
			if p.reminded && p.secret != nil {
				err := m.reminders.Ask(ctx, tenant, notify.Wish{Secret: p.secret, Channel: p.channel, Address: p.address, Language: "de", Version: "1"})
				if err != nil {
					t.Errorf("patient %d asks: %v", p.n, err)
				}
			}
		})
		if t.Failed() {
			return
		}
		m.drain(t)
		m.until(t, m.day(day, 11, 0))
		if day == 0 {
			continue
		}
		all(byDay[day-1], func(p *patient) {
			if p.unconfirmed || p.lost {
				return
			}
			switch p.n % 10 {
			case 1: // is moved
				p.starts = m.slot(day + 3)
				made, err := m.bookings.MoveAtDesk(ctx, tenant, p.appointment, m.desk(p.starts))
				if err != nil {
					t.Errorf("patient %d is moved: %v", p.n, err)
					return
				}
				p.appointment = made
				m.tell(t, p)
			case 2: // cancels
				if _, err := m.bookings.Cancel(ctx, tenant, p.secret, id.Booking{}); err != nil {
					t.Errorf("patient %d cancels: %v", p.n, err)
				}
				p.until = m.clock()
			case 4: // wants to hear nothing any more
				if err := m.reminders.Stop(ctx, tenant, p.secret); err != nil {
					t.Errorf("patient %d withdraws: %v", p.n, err)
				}
				p.until = m.clock()
			case 5: // is cancelled by the practice
				if err := m.bookings.SetStatus(ctx, tenant, p.appointment, booking.StatusChange{Status: booking.StatusCancelled, Reason: "ill"}); err != nil {
					t.Errorf("patient %d is cancelled: %v", p.n, err)
					return
				}
				p.until = m.clock()
				m.tell(t, p)
			}
		})
		if t.Failed() {
			return
		}
		m.drain(t)
	}
	m.until(t, m.day(31, 0, 0))

	// What each should have heard.
	for _, p := range everybody {
		if p.unconfirmed || p.lost {
			continue
		}
		if p.online {
			expect(p, "receipt", p.booked)
		}
		if p.n%10 == 1 || p.n%10 == 5 {
			expect(p, "change", p.acts)
		}
		if !p.reminded {
			continue
		}
		first := p.booked
		if p.n%10 == 1 {
			first = p.acts // the move planned them anew
		}
		for _, at := range wanted(p.starts, first) {
			if p.until.IsZero() || !at.After(p.until) {
				expect(p, "reminder", at)
			}
		}
	}
	// A move plans anew, but what left before it has left.
	moved := func(p *patient, at time.Time) bool { return p.n%10 == 1 && !at.After(p.acts) }
	whose := map[string]*patient{}
	for _, p := range everybody {
		whose[p.address] = p
	}
	got := map[expected][]time.Time{}
	early := 0
	for _, a := range m.arrived {
		p := whose[a.to]
		if a.what == "reminder" && moved(p, a.at) {
			early++
			continue
		}
		got[expected{a.to, a.what}] = append(got[expected{a.to, a.what}], a.at)
	}
	var late, missed int
	for e, times := range due {
		arrived := got[e]
		delete(got, e)
		for _, at := range times {
			// An outage may make a message late by its time to live, or end it.
			slack, lossy := time.Duration(0), false
			if p := whose[e.to]; p.channel == booking.Mail && m.mailsDown(at) || p.channel == booking.SMS && m.textsDown(at) {
				slack, lossy = 2*time.Hour+10*time.Second, true
			}
			found := -1
			for i, a := range arrived {
				if !a.Before(at) && a.Sub(at) <= slack+time.Second {
					found = i
					break
				}
			}
			switch {
			case found >= 0:
				if arrived[found].Sub(at) > time.Second {
					late++
				}
				arrived = append(arrived[:found:found], arrived[found+1:]...)
			case lossy:
				missed++
			default:
				t.Errorf("patient %d: no %s at %v", whose[e.to].n, e.what, at)
			}
		}
		if len(arrived) > 0 {
			t.Errorf("patient %d: %s nobody asked for, at %v", whose[e.to].n, e.what, arrived)
		}
	}
	for e, times := range got {
		t.Errorf("patient %d: %s nobody asked for, at %v", whose[e.to].n, e.what, times)
	}
	for message, n := range m.ids {
		if n != 1 {
			t.Errorf("%s arrived %d times", message, n)
		}
	}
	if late == 0 || missed == 0 || early == 0 || len(m.arrived) < 1400 {
		t.Errorf("not the month it should be: %d messages, %d late, %d missed, %d before a move", len(m.arrived), late, missed, early)
	}
	var ends []struct {
		Status, Reason string
		N              int
	}
	if err := m.super.Global().NewRaw(`select status, reason, count(*) as n from outbox group by 1, 2`).Scan(ctx, &ends); err != nil {
		t.Fatal(err)
	}
	for _, e := range ends {
		switch e.Status + " " + e.Reason {
		case "sent ", "dropped address_lapsed", "dead unsendable_message", "dead message_too_late":
		default:
			if e.Status != "sent" { // a sent one may have failed before
				t.Errorf("%d messages are %s %s", e.N, e.Status, e.Reason)
			}
		}
	}
	for what, query := range map[string]string{
		"accounts are still open":             `select count(*) from message_delivery where state = 'queued' and channel = 'mail'`,
		"addresses are kept":                  `select count(*) from reminder`,
		"text messages are paid but not sent": `select abs((select coalesce(sum(taken), 0) from message_budget where scope = '') - (select count(*) from message_delivery where channel = 'sms' and state = 'submitted'))`,
		"refused mails that nobody can see":   `select 1 where not exists (select from message_delivery where state = 'failed' and channel = 'mail')`,
	} {
		var n []int
		if err := m.super.Global().NewRaw(query).Scan(ctx, &n); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(what, err)
		}
		if len(n) > 0 && n[0] != 0 {
			t.Errorf("%d %s", n[0], what)
		}
	}
	t.Logf("%d messages, %d late and %d missed for outages, %d before a move", len(m.arrived), late, missed, early)
}
