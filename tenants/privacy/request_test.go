package privacy_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/privacy"
)

type requests struct {
	*privacy.Requests
	db      *postgres.DB
	tenant  id.Tenant
	stopped atomic.Int64
}

func openRequests(t *testing.T) *requests {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testdb.New(t).Server, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	r := &requests{db: db, tenant: id.New[id.Tenant]()}
	r.Requests, err = privacy.NewRequests(privacy.RequestsConfig{DB: db, Stop: func(context.Context, id.Tenant, []byte) error {
		r.stopped.Add(1)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// booked makes an appointment with its patient's copy and returns the secret of
// its link.
func (r *requests) booked(t *testing.T) (secret []byte, booking id.Booking) {
	t.Helper()
	secret, booking = random(16), id.New[id.Booking]()
	hash := sha256.Sum256(secret)
	appointment := id.New[id.Appointment]()
	err := r.db.Batch(t.Context(), r.tenant, func(b *postgres.Batch) {
		b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
			values ($1::uuid, $2::uuid, $3::uuid, 'booked', 'online', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(), now() + interval '20 minutes', now(), $4::bytea)`,
			r.tenant, appointment, booking, hash[:])
		b.Exec(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1::uuid, $2::uuid, $3::uuid, $4::bytea)`, r.tenant, booking, appointment, random(1024))
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret, booking
}

func (r *requests) envelope() seal.Envelope {
	return seal.Envelope{V: 1, Suite: seal.Suite, Tenant: r.tenant.UUID(), KID: seal.KID(random(8)), EnvelopeID: uuid.NewString(), Enc: random(1120), CT: random(2048 + 16)}
}

func note(version int) privacy.RequestNote {
	return privacy.RequestNote{Version: version, Epoch: 1, Ciphertext: random(12 + 1024 + 16)}
}

func (r *requests) list(t *testing.T) []privacy.Request {
	t.Helper()
	all, err := r.List(t.Context(), r.tenant)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (r *requests) copies(t *testing.T) (n int) {
	t.Helper()
	if err := r.db.Batch(t.Context(), r.tenant, func(b *postgres.Batch) {
		b.Row(`select count(*) from patient_copy where tenant_id = $1`, []any{r.tenant}, &n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRequests_ByALink(t *testing.T) {
	t.Parallel()
	r := openRequests(t)
	secret, booking := r.booked(t)
	for i, kind := range []privacy.RequestKind{privacy.Access, privacy.Objection, privacy.Erasure} {
		request, e := id.New[id.Request](), r.envelope()
		for range 2 { // again is the same request
			if err := r.Ask(t.Context(), r.tenant, secret, request, kind, e); err != nil {
				t.Fatal(err)
			}
		}
		all := r.list(t)
		if len(all) != i+1 {
			t.Fatalf("%d requests, want %d", len(all), i+1)
		}
		var got privacy.Request
		for _, q := range all {
			if q.ID == request {
				got = q
			}
		}
		if got.Kind != kind || got.Source != "patient" || got.Status != privacy.RequestOpen || got.Booking != booking || got.Envelope == nil || got.Envelope.EnvelopeID != e.EnvelopeID ||
			!got.Due.Equal(got.Received.AddDate(0, 1, 0)) && got.Due.Sub(got.Received) < 28*24*time.Hour {
			t.Errorf("%s: got %+v", kind, got)
		}
		if stops, copies := r.stopped.Load(), r.copies(t); stops != int64(2*i) || (copies == 0) != (kind == privacy.Erasure) {
			t.Errorf("%s: messages were stopped %d times, %d copies are left", kind, stops, copies)
		}
	}
	for range 3 {
		if err := r.Ask(t.Context(), r.tenant, secret, id.New[id.Request](), privacy.Access, r.envelope()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Ask(t.Context(), r.tenant, secret, id.New[id.Request](), privacy.Access, r.envelope()); !errors.Is(err, privacy.ErrTooManyRequests) {
		t.Errorf("the seventh: %v", err)
	}
}

func TestRequests_ByALinkThatIsNone(t *testing.T) {
	t.Parallel()
	r := openRequests(t)
	secret, _ := r.booked(t)
	ask := func(secret []byte, kind privacy.RequestKind, request id.Request, e seal.Envelope) error {
		return r.Ask(t.Context(), r.tenant, secret, request, kind, e)
	}
	foreign := r.envelope()
	foreign.Tenant = uuid.NewString()
	short := r.envelope()
	short.CT = short.CT[1:]
	for name, c := range map[string]struct {
		err, want error
	}{
		"AnotherSecret":   {ask(random(16), privacy.Erasure, id.New[id.Request](), r.envelope()), privacy.ErrUnknownRequest},
		"NoSecret":        {ask(nil, privacy.Erasure, id.New[id.Request](), r.envelope()), privacy.ErrUnknownRequest},
		"AnotherKind":     {ask(secret, "everything", id.New[id.Request](), r.envelope()), privacy.ErrMalformedRequest},
		"NoID":            {ask(secret, privacy.Access, id.Request{}, r.envelope()), privacy.ErrMalformedRequest},
		"AnothersTenant":  {ask(secret, privacy.Access, id.New[id.Request](), foreign), privacy.ErrMalformedRequest},
		"BrokenEnvelope":  {ask(secret, privacy.Access, id.New[id.Request](), short), seal.ErrMalformedEnvelope},
		"AnotherPractice": {r.Ask(t.Context(), id.New[id.Tenant](), secret, id.New[id.Request](), privacy.Access, r.envelope()), privacy.ErrMalformedRequest},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.err, c.want)
		}
	}
	if len(r.list(t)) > 0 || r.stopped.Load() > 0 || r.copies(t) != 1 {
		t.Error("something was stored, stopped or deleted")
	}
}

func TestRequests_AreAnsweredByOneDeskAtATime(t *testing.T) {
	t.Parallel()
	r := openRequests(t)
	secret, _ := r.booked(t)
	asked, entered := id.New[id.Request](), id.New[id.Request]()
	if err := r.Ask(t.Context(), r.tenant, secret, asked, privacy.Access, r.envelope()); err != nil {
		t.Fatal(err)
	}
	received := time.Now().AddDate(0, 0, -20).UTC().Truncate(time.Second)
	if err := r.Enter(t.Context(), r.tenant, entered, privacy.Rectification, received, note(1)); err != nil {
		t.Fatal(err)
	}
	if err := r.Enter(t.Context(), r.tenant, entered, privacy.Rectification, received, note(1)); !errors.Is(err, privacy.ErrRequestChanged) {
		t.Errorf("entered twice: %v", err)
	}
	if all := r.list(t); len(all) != 2 || all[0].ID != entered || all[0].Due.Before(received.AddDate(0, 0, 28)) {
		t.Fatalf("the most urgent is not first: %+v", all)
	}

	first, second := note(1), note(1)
	if err := r.Write(t.Context(), r.tenant, asked, privacy.RequestOpen, first); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(t.Context(), r.tenant, asked, privacy.RequestDone, second); !errors.Is(err, privacy.ErrRequestChanged) {
		t.Errorf("the second desk: %v", err)
	}
	if err := r.Write(t.Context(), r.tenant, asked, privacy.RequestDone, note(2)); err != nil {
		t.Fatal(err)
	}
	for _, q := range r.list(t) {
		if q.ID == asked && (q.Envelope != nil || q.Note.Version != 2 || q.Status != privacy.RequestDone || q.Closed.IsZero()) {
			t.Errorf("got %+v", q)
		}
	}
	for name, err := range map[string]error{
		"AnotherTenants": r.Write(t.Context(), id.New[id.Tenant](), asked, privacy.RequestDone, note(3)),
		"Unknown":        r.Write(t.Context(), r.tenant, id.New[id.Request](), privacy.RequestDone, note(1)),
	} {
		if !errors.Is(err, privacy.ErrRequestChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	half := note(3)
	half.Ciphertext = half.Ciphertext[:500]
	for name, err := range map[string]error{
		"AnotherStatus":  r.Write(t.Context(), r.tenant, asked, "lost", note(3)),
		"BrokenNote":     r.Write(t.Context(), r.tenant, asked, privacy.RequestOpen, half),
		"NoDay":          r.Enter(t.Context(), r.tenant, id.New[id.Request](), privacy.Access, time.Time{}, note(1)),
		"SecondVersion":  r.Enter(t.Context(), r.tenant, id.New[id.Request](), privacy.Access, received, note(2)),
		"AnotherRequest": r.Enter(t.Context(), r.tenant, id.New[id.Request](), "x", received, note(1)),
	} {
		if !errors.Is(err, privacy.ErrMalformedRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.db.Batch(t.Context(), r.tenant, func(b *postgres.Batch) {
		b.Exec(`update privacy_request set closed = now() - interval '3 years 1 day' where tenant_id = $1 and id = $2`, r.tenant, asked)
	}); err != nil {
		t.Fatal(err)
	}
	if all := r.list(t); len(all) != 1 || all[0].ID != entered {
		t.Errorf("one answered more than three years ago is still listed: %d", len(all))
	}
}
