package feed_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	golangical "github.com/arran4/golang-ical"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/tenants/feed"
	"siegel/tenants/tenanttest"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

type bundle struct {
	*tenanttest.Fixture
	*feed.Service
}

func setup(t *testing.T) bundle {
	t.Helper()
	f := tenanttest.New(t)
	s, err := feed.NewService(feed.Config{DB: f.DB, Base: "localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	return bundle{f, s}
}

// book writes an appointment of a practitioner.
func (b bundle) book(t *testing.T, who id.Practitioner, booking id.Booking, starts time.Time, status string, sequence int) {
	t.Helper()
	made := id.New[id.Appointment]()
	if _, err := testdb.OpenURL(t, b.URLs.Super).Global().NewRaw(`
		insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash, sequence)
		values (?, ?, ?, ?, 'online', ?, ?, ?, ?, ?, ?, sha256(?::text::bytea), ?)`,
		b.Tenant.ID, made, booking, status, who, id.New[id.Resource](), b.Location, starts, starts.Add(20*time.Minute), starts, made.UUID(), sequence).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAFeedShowsWhenSomebodyIsBusyAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, _, err := b.Make(t.Context(), b.Tenant.ID, b.Practitioner, id.New[id.Account]())
	if err != nil {
		t.Fatal(err)
	}
	empty, err := b.Calendar(t.Context(), b.Tenant.ID, token)
	if err != nil || !strings.Contains(empty, "BEGIN:VCALENDAR") || strings.Contains(empty, "VEVENT") {
		t.Fatalf("without appointments: %q, %v", empty, err)
	}
	moved, starts := id.New[id.Booking](), tenanttest.At(200, 10, 0)
	b.book(t, b.Practitioner, moved, tenanttest.At(3, 9, 0), "cancelled", 0)
	b.book(t, b.Practitioner, moved, starts, "booked", 1)
	b.book(t, b.Practitioner, id.New[id.Booking](), tenanttest.At(-2, 9, 0), "fulfilled", 0)
	b.book(t, b.Practitioner, id.New[id.Booking](), tenanttest.At(1, 9, 0), "noshow", 0)
	b.book(t, b.Practitioner, id.New[id.Booking](), tenanttest.At(-40, 9, 0), "fulfilled", 0)
	b.book(t, b.Group, id.New[id.Booking](), tenanttest.At(5, 9, 0), "booked", 0)
	text, err := b.Calendar(t.Context(), b.Tenant.ID, token)
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := golangical.ParseCalendar(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(calendar.Events()); n != 2 {
		t.Fatalf("%d events:\n%s", n, text)
	}
	found := false
	for _, e := range calendar.Events() {
		for _, p := range e.Properties {
			switch p.IANAToken {
			case "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "STATUS", "TRANSP", "CLASS":
			case "SUMMARY":
				if p.Value != "Belegt" {
					t.Errorf("summary %q", p.Value)
				}
			default:
				t.Errorf("an event has %s", p.IANAToken)
			}
		}
		if at, err := e.GetStartAt(); err != nil {
			t.Error(err)
		} else if at.Equal(starts) {
			found = true
			if e.Id() != moved.UUID()+"@localhost" {
				t.Errorf("uid %q", e.Id())
			}
		}
	}
	if !found {
		t.Errorf("nothing at %v:\n%s", starts, text)
	}
	for _, want := range []string{"REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n", "X-PUBLISHED-TTL:PT15M\r\n", "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n", "NAME:Belegt\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, secret := range []string{"Muster", "Viertelstunde", "Ettlingen", "Praxis"} {
		if strings.Contains(text, secret) {
			t.Errorf("it says %q", secret)
		}
	}
	if again, err := b.Calendar(t.Context(), b.Tenant.ID, token); err != nil || again != text {
		t.Errorf("the same times are another text: %v", err)
	}
}

func TestAnAddressThatWasRenewedOrRevokedIsAsUnknownAsAnyOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	by := id.New[id.Account]()
	first, _, err := b.Make(t.Context(), b.Tenant.ID, b.Practitioner, by)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := b.Make(t.Context(), b.Tenant.ID, b.Practitioner, by)
	if err != nil || first == second {
		t.Fatalf("%q, %v", second, err)
	}
	there, _ := b.Plant(t, "andere")
	unknown := func(name string, tenant id.Tenant, token string) {
		t.Helper()
		if text, err := b.Calendar(t.Context(), tenant, token); !errors.Is(err, feed.ErrUnknown) || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	unknown("renewed", b.Tenant.ID, first)
	unknown("nothing", b.Tenant.ID, "")
	unknown("another practice", there.ID, second)
	if _, err := b.Calendar(t.Context(), b.Tenant.ID, second); err != nil {
		t.Errorf("the new one: %v", err)
	}
	if err := b.Revoke(t.Context(), there.ID, b.Practitioner); !errors.Is(err, feed.ErrUnknown) {
		t.Errorf("another practice ends it: %v", err)
	}
	if _, _, err := b.Make(t.Context(), there.ID, b.Practitioner, by); !errors.Is(err, feed.ErrUnknownPractitioner) {
		t.Errorf("another practice renews it: %v", err)
	}
	if err := b.Revoke(t.Context(), b.Tenant.ID, b.Practitioner); err != nil {
		t.Fatal(err)
	}
	unknown("revoked", b.Tenant.ID, second)
	if all, err := b.List(t.Context(), b.Tenant.ID); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
