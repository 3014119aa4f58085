package provider_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/provider"
)

// owner makes an owner of a tenant.
func (d desk) owner(t *testing.T, tenant id.Tenant, name string) id.Account {
	t.Helper()
	account := id.New[id.Account]()
	d.exec(t, `insert into account (id, email, name) values (?, ?, ?)`, account, name+"@example.org", name)
	if err := d.db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Exec(`insert into member (tenant_id, account_id, role) values ($1, $2, 'owner')`, tenant, account)
	}); err != nil {
		t.Fatal(err)
	}
	return account
}

// letters are the refs of the queued letters of a tenant.
func (d desk) letters(t *testing.T, tenant id.Tenant) (refs []string) {
	t.Helper()
	for {
		told, err := d.Tell(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !told {
			break
		}
	}
	var all string
	if err := d.db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Row(`select coalesce(string_agg(ref, ' ' order by created, ref), '') from outbox where kind = 'provider_mail'`, nil, &all)
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Fields(all)
}

func TestOwnersAreToldOnceOfWhatChanges(t *testing.T) {
	t.Parallel()
	d := setup(t)
	one, two, other := d.owner(t, d.tenant, "one"), d.owner(t, d.tenant, "two"), d.owner(t, d.neighbour, "other")
	if err := d.Bootstrap(t.Context(), provider.SMS, "lox", map[string]any{"token": "x"}); err != nil {
		t.Fatal(err)
	}
	if got := d.letters(t, d.tenant); len(got) != 0 {
		t.Errorf("told of what was there from the start: %v", got)
	}
	twilio := d.put(t, onPlatform, "twilio")
	want := []string{"announced_sms_twilio_" + one.UUID(), "announced_sms_twilio_" + two.UUID()}
	slices.Sort(want)
	if got := d.letters(t, d.tenant); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if got := d.letters(t, d.neighbour); !slices.Equal(got, []string{"announced_sms_twilio_" + other.UUID()}) {
		t.Errorf("the neighbour was told %v", got)
	}
	// Changed settings, and the same company for a reseller, are no news.
	if _, err := d.Put(t.Context(), onPlatform, provider.Draft{ID: twilio.ID, Name: "T", Enabled: true, Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	d.put(t, of(access.Reseller, d.reseller.Bytes()), "twilio")
	if got := d.letters(t, d.tenant); len(got) != 2 {
		t.Errorf("told again: %v", got)
	}
	if err := d.Emergency(t.Context(), onPlatform, provider.SMS, "twilio", "Ausfall", d.by); err != nil {
		t.Fatal(err)
	}
	if got := d.letters(t, d.neighbour); !slices.Contains(got, "emergency_sms_twilio_"+other.UUID()) || len(got) != 2 {
		t.Errorf("the emergency: %v", got)
	}
}

func TestALetterIsReadAsItIsSent(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.exec(t, `update tenant set slug = 'praxis-eins' where id = ?`, d.tenant)
	owner := d.owner(t, d.tenant, "one")
	d.put(t, onPlatform, "twilio")
	ref := d.letters(t, d.tenant)[0]
	l, err := d.Letter(t.Context(), d.tenant, ref)
	if err != nil || l.To != "one@example.org" || l.Told != provider.ToldAnnounced || l.Processor.Company != "twilio GmbH" || l.Practice != "praxis-eins" || l.NoticeEnds.IsZero() {
		t.Errorf("%+v, %v", l, err)
	}
	for name, c := range map[string]struct {
		tenant id.Tenant
		ref    string
	}{
		"OfTheNeighbour": {d.neighbour, ref},
		"NotListed":      {d.tenant, "announced_sms_seven_" + owner.UUID()},
		"Nobody":         {d.tenant, "announced_sms_twilio_" + id.New[id.Account]().UUID()},
		"Malformed":      {d.tenant, "announced"},
		"MalformedOwner": {d.tenant, "announced_sms_twilio_x"},
	} {
		if _, err := d.Letter(t.Context(), c.tenant, c.ref); !errors.Is(err, provider.ErrNobody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
