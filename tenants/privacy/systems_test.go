package privacy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/postgres"
	"siegel/tenants/privacy"
)

// Each of the practice's systems is named in its statement and in its record of
// processing while it is on, and not before or after.
func TestThePracticesSystemsAreNamed(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	of := func(d privacy.Document) (keys []string) {
		for _, s := range sentences(d) {
			if strings.HasPrefix(s.Key, "systems.") || s.Key == "fact.told" || s.Key == "after.forwarded" || s.Key == "cell.until_taken" || s.Key == "kept.told" {
				keys = append(keys, s.Key)
			}
		}
		slices.Sort(keys)
		return slices.Compact(keys)
	}
	look := func(when string, statement, records []string) {
		t.Helper()
		if got := of(o.document(t, privacy.Statement, "de")); !slices.Equal(got, statement) {
			t.Errorf("%s the statement has %q, want %q", when, got, statement)
		}
		if got := of(o.document(t, privacy.Records, "de")); !slices.Equal(got, records) {
			t.Errorf("%s the record has %q, want %q", when, got, records)
		}
	}
	look("before anything is on,", nil, nil)
	if d := o.document(t, privacy.Statement, "de"); slices.ContainsFunc(d.Sections, func(s privacy.Section) bool { return s.ID == "systems" }) {
		t.Error("a section stands empty")
	}

	hook := `insert into webhook (tenant_id, id, name, url, events, status, secret, creator)
		values ($1, gen_random_uuid(), 'x', '%s', '%s', '%s', '\x00', gen_random_uuid())`
	token := `insert into api_token (tenant_id, id, name, scopes, hash, creator, expires, revoked)
		values ($1, gen_random_uuid(), 'x', '{%s}', sha256(gen_random_uuid()::text::bytea), gen_random_uuid(), now() + interval '%s', %s)`
	o.inTenant(t, fmt.Sprintf(hook, "https://offer.example/in", "{offer.changed}", "active"))
	o.inTenant(t, fmt.Sprintf(hook, "https://off.example/in", "{appointment.booked}", "off"))
	o.inTenant(t, fmt.Sprintf(token, "s:appointments.book", "-1 day", "null"))
	o.inTenant(t, fmt.Sprintf(token, "s:appointments.read", "1 day", "now()"))
	o.inTenant(t, fmt.Sprintf(token, "s:rules.read", "1 day", "null"))
	look("with what hears of nobody, is off, over or revoked,", nil, nil)

	o.inTenant(t, fmt.Sprintf(hook, "https://hooks.praxis.example/told?key=geheim", "{appointment.moved,offer.changed}", "failed"))
	look("with a webhook", []string{"kept.told", "systems.webhook"}, []string{"fact.told", "kept.told", "systems.webhook"})
	if all := text(o.document(t, privacy.Records, "de")); !strings.Contains(all, "hooks.praxis.example") || strings.Contains(all, "geheim") || strings.Contains(all, "off.example") {
		t.Errorf("the record does not name the hosts that are told, and nothing else of their addresses:\n%s", all)
	}
	if all := text(o.document(t, privacy.Statement, "de")); strings.Contains(all, "hooks.praxis.example") {
		t.Error("the public statement names the host of a webhook")
	}

	o.inTenant(t, `insert into calendar_feed (tenant_id, practitioner_id, hash, creator) values ($1, gen_random_uuid(), sha256('x'), gen_random_uuid())`)
	o.inTenant(t, fmt.Sprintf(token, "s:appointments.book,s:rules.read", "1 day", "null"))
	o.inTenant(t, fmt.Sprintf(token, "s:appointments.read", "1 day", "null"))
	o.inTenant(t, `insert into calendar (tenant_id, id, name, kind, resource_id) select tenant_id, gen_random_uuid(), 'Privat', 'busy', id from resource where tenant_id = $1 limit 1`)
	o.inTenant(t, `insert into connector (tenant_id, id, name, creator, code_hash, code_expires, public_key, token_id, claimed)
		select tenant_id, gen_random_uuid(), 'x', creator, hash, now(), '\x00', id, now() from api_token where tenant_id = $1 limit 1`)
	all := []string{"systems.busy", "systems.connector", "systems.feed", "systems.fhir", "systems.token", "systems.webhook"}
	look("with all of them", append([]string{"kept.told"}, all...), append([]string{"fact.told", "kept.told"}, all...))

	o.inTenant(t, `insert into forwarding (tenant_id, mode) values ($1, 'forward')`)
	d := o.document(t, privacy.Statement, "de")
	if !has(d, "after.forwarded") || has(d, "after.card") || !has(d, "cell.until_taken") || has(d, "cell.until_card") {
		t.Error("a practice whose bookings go to its own systems is said to keep cards here")
	}
	if got := text(d); strings.ContainsAny(got, "{}") {
		t.Error("a placeholder was left")
	}
}

func TestTheStatementSaysThatRecordsAreKept(t *testing.T) {
	t.Parallel()
	o := open(t)
	if has(o.document(t, privacy.Statement, "de"), "kept.customer") {
		t.Error("records are said to be kept where there are none")
	}
	// The practice's own fields are a record under its own id, and nobody's.
	o.inTenant(t, `insert into customer (tenant_id, id, version, epoch, ciphertext, changed) values ($1, $1, 1, 1, '\x00', 1)`)
	if has(o.document(t, privacy.Statement, "de"), "kept.customer") {
		t.Error("the practice's own fields were taken for somebody")
	}
	o.inTenant(t, `insert into customer (tenant_id, id, version, epoch, ciphertext, changed) values ($1, gen_random_uuid(), 1, 1, '\x00', 2)`)
	if d := o.document(t, privacy.Statement, "de"); !has(d, "kept.customer") || !has(d, "l.kept.customer") || has(d, "l.kept.customer_files") {
		t.Error("the statement of a medical practice does not say how long records are kept, or speaks of documents")
	}
}

// Whoever helps gets what people report: it is the reseller where there is one.
func TestTheStatementNamesWhoHelps(t *testing.T) {
	t.Parallel()
	o := open(t)
	said := func() string {
		for _, s := range sentences(o.document(t, privacy.Statement, "de")) {
			if s.Key == "else.support" {
				return s.Text
			}
		}
		return ""
	}
	if before := said(); before == "" || strings.Contains(before, "Netz GmbH") {
		t.Errorf("without a reseller: %q", before)
	}
	seller, err := o.Registry.NewReseller(t.Context(), "Netz GmbH")
	if err != nil {
		t.Fatal(err)
	}
	o.exec(t, `update reseller set support_phone = '+49 40 1', support_email = 'hilfe@netz.example' where id = ?`, seller.ID)
	o.exec(t, `update tenant set reseller_id = ? where id = ?`, seller.ID, o.Tenant.ID)
	// Whose a tenant is, servers remember for a moment.
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(said(), "Netz GmbH (+49 40 1, hilfe@netz.example)"); {
		if time.Now().After(deadline) {
			t.Fatalf("with a reseller: %q", said())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// inTenant runs something among the tenant's rows; $1 is its id.
func (o *office) inTenant(t *testing.T, query string) {
	t.Helper()
	if err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) { b.Exec(query, o.Tenant.ID) }); err != nil {
		t.Fatal(err)
	}
}
