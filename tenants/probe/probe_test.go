package probe_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
	"siegel/tenants/probe"
	"siegel/tenants/registry"
	"siegel/tenants/schedule"
	"siegel/tenants/tenanttest"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

// monday is noon of a Monday without holidays around it. The practice is open
// from six till ten in the evening, every day.
var monday = berlin(1, 12, 0)

func berlin(day, hour, minute int) time.Time {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // the zone is part of every system that runs tests
	}
	return time.Date(2027, 3, day, hour, minute, 0, 0, zone)
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.t = t }

// house is a practice with probes, by a clock of its own.
type house struct {
	*probe.Service
	*tenanttest.Fixture
	clock    *clock
	registry *registry.Service
	keys     seal.Unlocked
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{Fixture: tenanttest.New(t), clock: &clock{t: monday}}
	var err error
	if h.registry, err = registry.NewService(registry.Config{DB: h.DB, Base: "localhost:8080", Scheme: "http", Now: h.clock.now, Platform: registry.Brand{Name: "Siegel"}}); err != nil {
		t.Fatal(err)
	}
	if h.Practice, err = practice.NewService(practice.Config{DB: h.DB, Now: h.clock.now}); err != nil {
		t.Fatal(err)
	}
	h.Service = h.another(t)
	stored := h.Keys.Stored
	if h.keys, err = stored.Locked().Unlock(tenanttest.Password, stored.KDF, stored.Salt); err != nil {
		t.Fatal(err)
	}
	return h
}

// another is a second server on the same stores.
func (h *house) another(t *testing.T) *probe.Service {
	t.Helper()
	s, err := probe.NewService(probe.Config{DB: h.DB, Registry: h.registry, Practice: h.Practice, Keyring: h.Keyring, Now: h.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at lets it become an instant, and what is due be done.
func (h *house) at(t *testing.T, instant time.Time) {
	t.Helper()
	h.clock.set(instant)
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) newest(t *testing.T) probe.Probe {
	t.Helper()
	p, ok, err := h.Newest(t.Context(), h.Tenant.ID)
	if err != nil || !ok {
		t.Fatalf("there is no probe: %v", err)
	}
	return p
}

// word opens a probe as a desk does.
func (h *house) word(t *testing.T, p probe.Probe) (id.Envelope, []byte) {
	t.Helper()
	plain, err := h.keys.Open(*p.Envelope, p.Envelope.EnvelopeID)
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Probe seal.Bytes }
	if err := json.Unmarshal(plain, &said); err != nil {
		t.Fatal(err)
	}
	var envelope id.Envelope
	if err := envelope.UnmarshalText([]byte("env_" + p.Envelope.EnvelopeID)); err != nil {
		t.Fatal(err)
	}
	return envelope, said.Probe
}

func (h *house) answer(t *testing.T) {
	t.Helper()
	envelope, word := h.word(t, h.newest(t))
	if err := h.Answer(t.Context(), h.Tenant.ID, envelope, word); err != nil {
		t.Fatal(err)
	}
}

func (h *house) owner(t *testing.T, name string) id.Account {
	t.Helper()
	account := id.New[id.Account]()
	if _, err := h.DB.Global().NewRaw(`insert into account (id, email, name) values (?, ?, ?)`, account, strings.ToLower(name)+"@example.org", name).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`insert into member (tenant_id, account_id, role, vouch) values ($1, $2, 'owner', $3)`, h.Tenant.ID, account, make([]byte, 32))
	})
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// letters are whom letters wait for.
func (h *house) letters(t *testing.T) []string {
	t.Helper()
	refs := []string{}
	err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
		b.Rows(`select ref from outbox where kind = 'probe_mail' order by ref`, nil, func(rows pgx.Rows) error {
			var ref string
			err := rows.Scan(&ref)
			refs = append(refs, ref)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

// trouble says whether those who look after the practice see the alarm.
func (h *house) trouble(t *testing.T) bool {
	t.Helper()
	tenant, err := h.registry.ByID(t.Context(), h.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	state, err := h.registry.StateOf(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(state.Troubles, func(x registry.Trouble) bool { return x.Code == registry.ProbeUnopened && x.Code.Level() == 2 })
}

func TestOneProbeADayThatOnlyTheKeysOpen(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.at(t, monday)
	first := h.newest(t)
	if want := berlin(2, 22, 0); !first.Due.Equal(want) || first.Late || !first.Opened.IsZero() {
		t.Fatalf("sent at noon: %+v, want it due at the end of the next day, %v", first, want)
	}
	envelope, word := h.word(t, first)
	for name, wrong := range map[string][]byte{"Nothing": nil, "Other": make([]byte, 32), "ItsHash": func() []byte { s := sha256.Sum256(word); return s[:] }()} {
		if err := h.Answer(t.Context(), h.Tenant.ID, envelope, wrong); !errors.Is(err, probe.ErrUnopened) {
			t.Errorf("%s is taken for the word: %v", name, err)
		}
	}
	if p := h.newest(t); p.Envelope == nil {
		t.Fatal("wrong words opened it")
	}
	for range 2 { // two desks at once
		if err := h.Answer(t.Context(), h.Tenant.ID, envelope, word); err != nil {
			t.Fatal(err)
		}
	}
	if p := h.newest(t); p.Envelope != nil || !p.Opened.Equal(monday) {
		t.Errorf("opened: %+v", p)
	}
	h.at(t, berlin(1, 23, 30))
	if p := h.newest(t); p.Envelope != nil {
		t.Error("a second one on the same day")
	}
	h.at(t, berlin(2, 0, 30))
	second := h.newest(t)
	if second.Envelope == nil || second.Envelope.EnvelopeID == first.Envelope.EnvelopeID || !second.Due.Equal(berlin(2, 22, 0)) {
		t.Fatalf("the next day: %+v, want another, due the same evening", second)
	}
	// Who was slow does no harm, and does not answer for today's.
	if err := h.Answer(t.Context(), h.Tenant.ID, envelope, word); err != nil || h.newest(t).Envelope == nil {
		t.Errorf("yesterday's word: %v", err)
	}
	h.isNoBooking(t)
}

// isNoBooking holds that a probe is in no list, no statistic and no calendar.
func (h *house) isNoBooking(t *testing.T) {
	t.Helper()
	box, err := inbox.NewService(inbox.Config{DB: h.DB})
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := box.Entries(t.Context(), h.Tenant.ID, monday.AddDate(0, 0, -30), monday.AddDate(0, 0, 30))
	if err != nil || len(entries) != 0 {
		t.Errorf("the office lists %d appointments (%v)", len(entries), err)
	}
	due, err := box.Due(t.Context(), h.Tenant.ID, 0, 10)
	if err != nil || len(due) != 0 {
		t.Errorf("the connector is to hand over %d (%v)", len(due), err)
	}
	tenant, err := h.registry.ByID(t.Context(), h.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	state, err := h.registry.StateOf(t.Context(), tenant)
	if err != nil || state.Bookings != 0 || slices.Max(state.Days) != 0 {
		t.Errorf("it is counted: %+v (%v)", state, err)
	}
}

func TestALateProbeAlarmsOnceAndUntilItIsOpened(t *testing.T) {
	t.Parallel()
	h := open(t)
	owners := []string{h.owner(t, "Anna").UUID(), h.owner(t, "Berta").UUID()}
	slices.Sort(owners)
	h.at(t, monday)
	h.at(t, berlin(2, 21, 59))
	if h.newest(t).Late || len(h.letters(t)) != 0 || h.trouble(t) {
		t.Fatal("alarmed before the open day was over")
	}
	h.clock.set(berlin(2, 22, 0).Add(time.Minute))
	var group sync.WaitGroup
	for _, s := range []*probe.Service{h.Service, h.another(t), h.another(t)} {
		group.Go(func() {
			if err := s.Keep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := h.letters(t); !slices.Equal(got, owners) {
		t.Fatalf("letters wait for %q, want each owner once: %q", got, owners)
	}
	if !h.newest(t).Late || !h.trouble(t) {
		t.Error("no alarm in the office or in the portal")
	}
	letter, err := h.Letter(t.Context(), h.Tenant.ID, owners[0])
	if err != nil || letter.To == "" || !letter.Until.Equal(berlin(2, 22, 0)) || letter.Link != "http://praxis.office.localhost:8080/" || letter.From.Name != "Siegel" {
		t.Errorf("letter %+v, %v", letter, err)
	}
	// It stays one alarm, and no newer probe covers it up.
	late := h.newest(t).Envelope.EnvelopeID
	h.at(t, berlin(5, 12, 0))
	if h.newest(t).Envelope.EnvelopeID != late || len(h.letters(t)) != 2 || !h.trouble(t) {
		t.Error("three days later it is another alarm, or none")
	}
	before, after := h.counter(t), int64(0)
	h.answer(t)
	if after = h.counter(t); after <= before {
		t.Error("the other desks are not told that it is open")
	}
	h.clock.set(berlin(5, 12, 5)) // what the portal remembers is a minute old at most
	if h.newest(t).Late || h.trouble(t) {
		t.Error("still alarmed once it was opened")
	}
	if _, err := h.Letter(t.Context(), h.Tenant.ID, owners[0]); !errors.Is(err, probe.ErrNobody) {
		t.Errorf("the letter is still sent: %v", err)
	}
	h.at(t, berlin(6, 1, 0))
	if p := h.newest(t); p.Envelope == nil || !p.Due.Equal(berlin(6, 22, 0)) {
		t.Errorf("the day after: %+v", p)
	}
}

func (h *house) counter(t *testing.T) int64 {
	t.Helper()
	var counter int64
	if err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select counter from change_counter where tenant_id = $1`, []any{h.Tenant.ID}, &counter)
	}); err != nil {
		t.Fatal(err)
	}
	return counter
}

func TestAClosedPracticeHasUntilTheEndOfItsNextOpenDay(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.owner(t, "Anna")
	h.at(t, monday)
	// Entered after the probe was sent: Tuesday to Thursday nobody is there.
	_, err := h.Practice.Put(t.Context(), h.Tenant.ID, practice.Closure{ID: id.New[id.Closure](),
		Stretch: schedule.Stretch{From: schedule.NewDate(2027, 3, 2), Until: schedule.NewDate(2027, 3, 4), UntilMinute: 24 * 60}}, practice.Edit{Keep: true, Version: h.version(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, instant := range []time.Time{berlin(2, 22, 30), berlin(4, 23, 0), berlin(5, 21, 59)} {
		h.at(t, instant)
		if h.newest(t).Late || len(h.letters(t)) != 0 {
			t.Fatalf("alarmed at %v, while the practice was closed", instant)
		}
	}
	h.at(t, berlin(5, 22, 1))
	if !h.newest(t).Late || len(h.letters(t)) != 1 {
		t.Errorf("not alarmed at the end of Friday: %+v", h.newest(t))
	}
}

func (h *house) version(t *testing.T) int64 {
	t.Helper()
	rules, err := h.Practice.Rules(t.Context(), h.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	return rules.Version
}

func TestNewKeysGetAWordOfTheirOwnAndNoLonger(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.at(t, monday)
	before := h.newest(t)
	private, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	d := h.keys.Directory
	sum := sha256.Sum256(h.Keys.Stored.Directory.Document)
	d.Sequence, d.Previous = d.Sequence+1, sum[:]
	d.DataKeys = append(slices.Clone(d.DataKeys), seal.DataKey{KID: private.KID(), Suite: seal.Suite, Epoch: 2, Public: private.PublicKey().Bytes()})
	signed, err := d.Sign(h.keys.Identity)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := private.Seed()
	if err != nil {
		t.Fatal(err)
	}
	next := keyring.Next{Directory: signed}
	for _, public := range []seal.Bytes{d.Members[0].Public, d.Recovery.Public} {
		holder, err := seal.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		w, err := seal.WrapKey(holder, h.Tenant.ID.UUID(), seal.KindData, 2, seed)
		if err != nil {
			t.Fatal(err)
		}
		next.Wraps = append(next.Wraps, w)
	}
	if err := h.Keyring.Append(t.Context(), h.Tenant.ID, next); err != nil {
		t.Fatal(err)
	}
	h.at(t, monday.Add(time.Hour))
	after := h.newest(t)
	if after.Envelope.KID != private.KID() || after.Envelope.EnvelopeID == before.Envelope.EnvelopeID || !after.Due.Equal(before.Due) || !after.Sent.Equal(before.Sent) {
		t.Fatalf("sealed to %s, due %v; want the new key and %v", after.Envelope.KID, after.Due, before.Due)
	}
	h.keys.Data[private.KID()] = private
	h.answer(t)
	if p := h.newest(t); p.Envelope != nil {
		t.Error("its word opens nothing")
	}
}

func TestWhoCannotBeBookedGetsNone(t *testing.T) {
	t.Parallel()
	for name, close := range map[string]func(t *testing.T, h *house){
		"Suspended": func(t *testing.T, h *house) {
			if err := h.registry.Suspend(t.Context(), h.Tenant.ID, "test"); err != nil {
				t.Fatal(err)
			}
		},
		"RecoveryUnproven": func(t *testing.T, h *house) {
			if err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) { b.Exec(`update keyring set recovery_proven = null`) }); err != nil {
				t.Fatal(err)
			}
		},
		"NeverOpen": func(t *testing.T, h *house) {
			if err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
				b.Exec(`update opening set valid_until = date '2027-01-01'`)
				b.Exec(`update practice set version = version + 1`)
			}); err != nil {
				t.Fatal(err)
			}
		},
		"Nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			if close != nil {
				close(t, h)
			}
			h.at(t, monday)
			if _, sent, err := h.Newest(t.Context(), h.Tenant.ID); err != nil || sent != (close == nil) {
				t.Errorf("sent: %v (%v)", sent, err)
			}
		})
	}
}
