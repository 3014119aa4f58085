package provider_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

// The way of a new provider: announced, told of by letter, and until its notice
// is over neither chosen nor failed over to; then it is both, for all who have
// not objected.
func TestANewProviderCarriesNothingBeforeItsNoticeIsOver(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := t.Context()
	owner := d.owner(t, d.tenant, "one")
	if err := d.Bootstrap(ctx, provider.SMS, "lox", map[string]any{"token": "x"}); err != nil {
		t.Fatal(err)
	}
	seven := d.put(t, onPlatform, "seven")
	refs := d.letters(t, d.tenant)
	if len(refs) != 1 {
		t.Fatalf("the owner is told %v", refs)
	}
	letter, err := d.Letter(ctx, d.tenant, refs[0])
	if err != nil || letter.Told != provider.ToldAnnounced || letter.Processor.Company != "seven GmbH" || time.Until(letter.NoticeEnds) < 29*24*time.Hour {
		t.Errorf("the letter: %+v, %v", letter, err)
	}
	if err := d.First(ctx, onPlatform, seven.ID); !errors.Is(err, provider.ErrUnapproved) {
		t.Errorf("it takes over before its notice is over: %v", err)
	}
	for _, tenant := range []id.Tenant{d.tenant, d.neighbour} {
		if got := d.goes(t, tenant); !slices.Equal(got, []string{"lox"}) {
			t.Errorf("messages go %v", got)
		}
	}
	if err := d.Object(ctx, d.tenant, provider.SMS, "seven", "Wir bleiben, wo wir sind.", owner); err != nil {
		t.Fatal(err)
	}
	d.inForce(t)
	if err := d.First(ctx, onPlatform, seven.ID); err != nil {
		t.Fatal(err)
	}
	if mine, theirs := d.goes(t, d.tenant), d.goes(t, d.neighbour); !slices.Equal(mine, []string{"lox"}) || !slices.Equal(theirs, []string{"seven", "lox"}) {
		t.Errorf("who objected: %v; who did not: %v", mine, theirs)
	}
}

func TestWhoObjectsIsSeenByThoseWhoLookAfterThem(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := t.Context()
	owner := d.owner(t, d.tenant, "one")
	d.put(t, onPlatform, "lox")
	d.inForce(t)
	d.put(t, onPlatform, "seven")
	if err := errors.Join(d.Object(ctx, d.tenant, provider.SMS, "seven", "Zu weit weg.", owner), d.Object(ctx, d.neighbour, provider.SMS, "seven", "", d.by)); err != nil {
		t.Fatal(err)
	}
	for _, scope := range []access.Domain{onPlatform, of(access.Reseller, d.reseller.Bytes())} {
		all, err := d.Objections(ctx, scope, provider.SMS, "seven")
		if err != nil || len(all) != 2 {
			t.Fatalf("%v: %+v, %v", scope, all, err)
		}
		for _, o := range all {
			switch {
			case o.At.IsZero():
				t.Errorf("nobody knows when: %+v", o)
			case o.Tenant == d.tenant && (o.By != "one" || o.Reason != "Zu weit weg." || o.Slug != "one"):
				t.Errorf("%+v", o)
			case o.Tenant == d.neighbour && (o.By != "" || o.Reason != ""):
				t.Errorf("%+v", o)
			}
		}
	}
	for name, ask := range map[string]func() ([]provider.Objection, error){
		"AnotherReseller": func() ([]provider.Objection, error) {
			return d.Objections(ctx, of(access.Reseller, id.New[id.Reseller]().Bytes()), provider.SMS, "seven")
		},
		"AnotherProvider": func() ([]provider.Objection, error) { return d.Objections(ctx, onPlatform, provider.SMS, "lox") },
	} {
		if all, err := ask(); err != nil || len(all) != 0 {
			t.Errorf("%s: %+v, %v", name, all, err)
		}
	}
}
