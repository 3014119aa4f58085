package inbox_test

import (
	"errors"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

// connect gives a tenant a connector, as pairing does.
func (f *fixture) connect(t *testing.T, tenant id.Tenant) {
	t.Helper()
	token := id.New[id.APIToken]()
	err := f.db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Exec(`insert into api_token (tenant_id, id, name, scopes, hash, creator, expires)
			values ($1, $2, 'x', '{inbox}', $3, gen_random_uuid(), now() + interval '1 day')`, tenant, token, random(32))
		b.Exec(`insert into connector (tenant_id, id, name, creator, code_hash, code_expires, public_key, token_id, claimed)
			values ($1, gen_random_uuid(), 'x', gen_random_uuid(), $2, now(), '\x00', $3, now())`, tenant, random(32), token)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) due(t *testing.T, tenant id.Tenant) []inbox.Due {
	t.Helper()
	due, err := f.Due(t.Context(), tenant, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

func (f *fixture) acknowledge(t *testing.T, tenant id.Tenant, handed ...inbox.Handed) {
	t.Helper()
	if err := f.HandedOver(t.Context(), tenant, handed); err != nil {
		t.Fatal(err)
	}
}

func TestHandover(t *testing.T) {
	t.Parallel()
	f := setup(t)
	said := func(d inbox.Due) inbox.Handed { return inbox.Handed{Booking: d.Booking, Version: d.Version} }

	t.Run("IsDueToAConnectorOnly", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		if got := f.due(t, b.tenant); len(got) != 0 {
			t.Errorf("%d due without a connector", len(got))
		}
		if err := f.SetMode(t.Context(), b.tenant, inbox.Forward); !errors.Is(err, inbox.ErrNoConnector) {
			t.Errorf("forwarding to nobody: %v", err)
		}
		if mode, err := f.Mode(t.Context(), b.tenant); err != nil || mode != inbox.Book {
			t.Errorf("got %s, %v", mode, err)
		}
		if err := f.SetMode(t.Context(), b.tenant, "both"); !errors.Is(err, inbox.ErrUnknownMode) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("KeepsTheEnvelopeForTheBookAndLetsItGoWhereForwarded", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		f.connect(t, tenant)
		b := f.confirm(t, booking(tenant))
		due := f.due(t, tenant)
		if len(due) != 1 || due[0].Envelope == nil || due[0].Booking != b.booking || !due[0].Starts.Equal(noon) || due[0].Status != "booked" {
			t.Fatalf("got %+v", due)
		}
		f.acknowledge(t, tenant, said(due[0]))
		if e := f.one(t, b); len(f.due(t, tenant)) != 0 || e.Envelope == nil {
			t.Errorf("still due, or the envelope is gone: %+v", e)
		}
		// From then on: what waits in an envelope is due again, and goes.
		if err := f.SetMode(t.Context(), tenant, inbox.Forward); err != nil {
			t.Fatal(err)
		}
		_, before := f.today(t, tenant)
		due = f.due(t, tenant)
		if len(due) != 1 {
			t.Fatalf("%d due", len(due))
		}
		if err := f.Acknowledge(t.Context(), tenant, b.card()); !errors.Is(err, inbox.ErrForwarding) {
			t.Errorf("a card: %v", err)
		}
		f.acknowledge(t, tenant, said(due[0]))
		if e := f.one(t, b); e.Envelope != nil || e.Card != nil {
			t.Errorf("left: %+v", e)
		}
		if _, after := f.today(t, tenant); after != before+1 {
			t.Errorf("the count went from %d to %d", before, after)
		}
	})
	t.Run("AStateThatChangedStaysDueWithItsEnvelope", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		f.connect(t, tenant)
		if err := f.SetMode(t.Context(), tenant, inbox.Forward); err != nil {
			t.Fatal(err)
		}
		b := f.confirm(t, booking(tenant))
		old := f.due(t, tenant)[0]
		err := f.db.Batch(t.Context(), tenant, func(batch *postgres.Batch) {
			batch.Exec(`update appointment set status = 'cancelled', cancelled_by = 'patient' where tenant_id = $1 and id = $2`, tenant, b.appointment)
		})
		if err != nil {
			t.Fatal(err)
		}
		f.acknowledge(t, tenant, said(old))
		now := f.due(t, tenant)
		if len(now) != 1 || now[0].Version <= old.Version || now[0].Status != "cancelled" || now[0].Envelope == nil {
			t.Fatalf("got %+v", now)
		}
	})
	t.Run("WhatDidNotOpenStaysForPeople", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		f.connect(t, tenant)
		if err := f.SetMode(t.Context(), tenant, inbox.Forward); err != nil {
			t.Fatal(err)
		}
		b := f.confirm(t, booking(tenant))
		d := said(f.due(t, tenant)[0])
		d.Keep = true
		f.acknowledge(t, tenant, d)
		if e := f.one(t, b); e.Envelope == nil || len(f.due(t, tenant)) != 0 {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("ComesInOrderAPageAtATime", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		f.connect(t, tenant)
		for n := range 5 {
			b := booking(tenant)
			b.starts = noon.Add(-time.Duration(n) * time.Hour)
			f.confirm(t, b)
		}
		first, err := f.Due(t.Context(), tenant, 0, 3)
		if err != nil || len(first) != 3 {
			t.Fatalf("got %d, %v", len(first), err)
		}
		rest, err := f.Due(t.Context(), tenant, first[2].Version, 3)
		if err != nil || len(rest) != 2 || first[0].Version >= first[1].Version || rest[0].Version <= first[2].Version {
			t.Errorf("got %+v, %v", rest, err)
		}
	})
	t.Run("IsOneTenants", func(t *testing.T) {
		t.Parallel()
		tenant, other := id.New[id.Tenant](), id.New[id.Tenant]()
		f.connect(t, tenant)
		f.connect(t, other)
		f.confirm(t, booking(tenant))
		if got := f.due(t, other); len(got) != 0 {
			t.Errorf("another tenant sees %d", len(got))
		}
		f.acknowledge(t, other, said(f.due(t, tenant)[0]))
		if got := f.due(t, tenant); len(got) != 1 {
			t.Error("another tenant acknowledged")
		}
	})
}
