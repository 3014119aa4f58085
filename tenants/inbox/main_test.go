package inbox_test

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/platform/seal"
	tenantschema "siegel/tenants/schema"

	"siegel/tenants/inbox"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

type fixture struct {
	*inbox.Service
	db *postgres.DB
}

func setup(t *testing.T) *fixture {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testdb.New(t).Server, MaxConns: 8})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(db.Close)
	s, err := inbox.NewService(inbox.Config{DB: db})
	if err != nil {
		t.Fatalf("new service: %v", err)
	}
	return &fixture{s, db}
}

// noon is when the tests' appointments start.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// booked is an online booking that was confirmed.
type booked struct {
	tenant      id.Tenant
	appointment id.Appointment
	booking     id.Booking
	envelope    seal.Envelope
	starts      time.Time
	status      string
}

func booking(tenant id.Tenant) booked {
	return booked{
		tenant: tenant, appointment: id.New[id.Appointment](), booking: id.New[id.Booking](),
		envelope: seal.Envelope{
			V: 1, Suite: seal.Suite, Tenant: tenant.UUID(), KID: seal.KID(random(8)), EnvelopeID: uuid.NewString(),
			Enc: random(1120), CT: random(2048 + 16),
		},
		starts: noon, status: "booked",
	}
}

// confirm does to the database what confirming a booking does, as far as the
// inbox is concerned.
func (f *fixture) confirm(t *testing.T, b booked) booked {
	t.Helper()
	if err := f.tryConfirm(t.Context(), b); err != nil {
		t.Fatalf("confirm: %v", err)
	}
	return b
}

func (f *fixture) tryConfirm(ctx context.Context, b booked) error {
	return f.db.Batch(ctx, b.tenant, func(batch *postgres.Batch) {
		batch.Exec(`
			insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
			values ($1::uuid, $2::uuid, $3::uuid, $4::text, 'online', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
			        $5::timestamptz, $5::timestamptz + interval '20 minutes', $5::timestamptz, $6::bytea)`,
			b.tenant, b.appointment, b.booking, b.status, b.starts, random(32))
		inbox.AppendEnvelope(batch, b.tenant, b.appointment, b.booking, b.envelope)
		inbox.RaiseCounter(batch, b.tenant)
	})
}

func (b booked) card() inbox.Card {
	var e id.Envelope
	if err := e.UnmarshalText([]byte("env_" + b.envelope.EnvelopeID)); err != nil {
		panic(err)
	}
	return inbox.Card{Appointment: b.appointment, Envelope: e, Version: 1, Epoch: 1, Ciphertext: random(12 + 2048 + 16)}
}

// today returns what the office sees of the tests' day.
func (f *fixture) today(t *testing.T, tenant id.Tenant) ([]inbox.Entry, int64) {
	t.Helper()
	entries, cursor, err := f.Entries(t.Context(), tenant, noon.Add(-12*time.Hour), noon.Add(12*time.Hour))
	if err != nil {
		t.Fatalf("entries: %v", err)
	}
	return entries, cursor
}

func (f *fixture) one(t *testing.T, b booked) inbox.Entry {
	t.Helper()
	entries, _ := f.today(t, b.tenant)
	for _, e := range entries {
		if e.Appointment == b.appointment {
			return e
		}
	}
	t.Fatalf("the appointment is not among %d", len(entries))
	return inbox.Entry{}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
