package privacy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/privacy"
)

// tables are all that have rows of tenants.
func (o *office) tables(t *testing.T) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), o.URLs.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `select c.relname::text from pg_class c
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) < 50 {
		t.Fatalf("%d tables, %v", len(found), err)
	}
	return found
}

// unruled says what is wrong between tables and the rules on them.
func unruled(tables []string, rules []privacy.Rule) (problems []string) {
	ruled := map[string]int{}
	for _, r := range rules {
		ruled[r.Table]++
		if (r.Ends == privacy.WithThePractice) != (r.Why != "") {
			problems = append(problems, r.Table+" is kept without a reason, or deleted with one")
		}
		if !slices.Contains(tables, r.Table) {
			problems = append(problems, r.Table+" has a rule and does not exist")
		}
	}
	for _, table := range tables {
		if ruled[table] != 1 {
			problems = append(problems, table+" has no rule, or several: how long are its rows kept?")
		}
	}
	return problems
}

func TestEveryTableOfTenantsHasATimeOrAReason(t *testing.T) {
	t.Parallel()
	o := open(t)
	for _, problem := range unruled(o.tables(t), privacy.Rules()) {
		t.Error(problem)
	}
	// The walk is worth what it finds.
	kept := privacy.Rule{Table: "a", Ends: privacy.WithThePractice, Why: "a number"}
	for name, c := range map[string]struct {
		rules  []privacy.Rule
		wanted int
	}{
		"a rule":                {[]privacy.Rule{kept}, 0},
		"none":                  {nil, 1},
		"two":                   {[]privacy.Rule{kept, kept}, 1},
		"kept without a reason": {[]privacy.Rule{{Table: "a", Ends: privacy.WithThePractice}}, 1},
		"of a table that is no": {[]privacy.Rule{kept, {Table: "b", Ends: privacy.ByClock}}, 1},
	} {
		if got := unruled([]string{"a"}, c.rules); len(got) != c.wanted {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// rest plants, in each table that is purged beside bookings, one row that is
// over and one that is not. The young one's booking is there.
func (o *office) rest(t *testing.T, young id.Booking) map[string]int64 {
	t.Helper()
	tenant := o.Tenant.ID
	gone := id.New[id.Booking]().UUID()
	key := func() string { return uuid.NewString() }
	ago := func(days int) time.Time { return time.Now().UTC().AddDate(0, 0, -days) }
	planted := map[string]int64{}
	err := o.DB.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		// add inserts the row that is over and the one that is not.
		add := func(table, columns, values string, over, not []any) {
			planted[table]++
			for _, args := range [][]any{over, not} {
				b.Exec(`insert into `+table+` (tenant_id, `+columns+`) values ($1, `+values+`)`, append([]any{tenant}, args...)...)
			}
		}
		offered, waits := key(), key()
		for place, lastDay := range map[string]time.Time{offered: ago(3), waits: ago(-30)} {
			b.Exec(`insert into waiting (tenant_id, id, secret_hash, last_day, channel, language, sealed)
				values ($1, $2, sha256(convert_to($2::uuid::text, 'UTF8')), $3, 'mail', 'de', 'x')`, tenant, place, lastDay)
		}
		planted["waiting"]++
		const offer = "id, waiting_id, practitioner_id, location_id, starts, ends, made, expires"
		at := func(place string, days int) []any {
			return []any{key(), place, key(), key(), ago(days).Add(-time.Hour), ago(days), ago(days), ago(days)}
		}
		add("waiting_offer", offer, "$2, $3, $4, $5, $6, $7, $8, $9", at(offered, 1), at(waits, 1))
		b.Exec(`insert into waiting_offer (tenant_id, `+offer+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, append([]any{tenant}, at(waits, 8)...)...)
		planted["waiting_offer"]++ // a time long past, offered to somebody who still waits
		add("waiting_consent", "id, waiting_id, channel, version, until, given", "$2, $3, 'mail', '1', $4, $5",
			[]any{key(), offered, ago(9), ago(20)}, []any{key(), waits, ago(2), ago(20)})
		const word = "id, booking_id, suite, kid, enc, ct, received, done"
		add("communication", word, "$2, $3, 2, 'k', 'e', 'c', $4, $5", []any{key(), nil, ago(40), ago(31)}, []any{key(), nil, ago(40), ago(29)})
		add("communication", word, "$2, $3, 2, 'k', 'e', 'c', $4, $5", []any{key(), nil, ago(91), nil}, []any{key(), nil, ago(89), nil})
		add("communication", word, "$2, $3, 2, 'k', 'e', 'c', $4, $5", []any{key(), gone, ago(1), nil}, []any{key(), young.UUID(), ago(1), nil})
		add("privacy_request", "id, kind, source, status, due, closed, ciphertext", "$2, 'access', 'office', 'done', $3, $3, 'x'",
			[]any{key(), ago(4 * 366)}, []any{key(), ago(2 * 366)})
		add("customer", "id, version, epoch, ciphertext, changed, stored", "$2, 2, 0, null, $3, $4", []any{key(), 1001, ago(91)}, []any{key(), 1002, ago(89)})
		b.Exec(`insert into customer (tenant_id, id, version, epoch, ciphertext, changed, stored) values ($1, $2, 1, 1, 'x', 1003, $3)`, tenant, key(), ago(4000)) // whom the practice keeps
		add("handover", "booking_id, version", "$2, $3", []any{gone, 1}, []any{young.UUID(), 2})
		run := key()
		b.Exec(`insert into takeover (tenant_id, version, epoch, ciphertext) values ($1, 1, 1, 'x')`, tenant)
		b.Exec(`insert into takeover_run (tenant_id, id) values ($1, $2)`, tenant, run)
		add("takeover_row", "source, run_id, booking_id", "sha256(convert_to($2::uuid::text, 'UTF8')), $3, $2", []any{gone, run}, []any{young.UUID(), run})
		add("closure", "id, starts_on, ends_on, reason", "$2, $3, $3, 'krank'", []any{key(), ago(10)}, []any{key(), ago(6)})
		add("invitation", "id, email, name, role, language, invited_by, expires", "$2, $3, 'N', 'front_desk', 'de', 'I', $4",
			[]any{key(), "over@example.org", ago(1)}, []any{key(), "not@example.org", ago(-1)})
		const token = "id, name, scopes, hash, creator, expires, revoked"
		over, not, bare := key(), key(), key()
		add("api_token", token, "$2, 'T', '{inbox}', sha256('x'), $3, $4, $5", []any{over, key(), ago(-9), ago(91)}, []any{not, key(), ago(-9), ago(89)})
		add("api_token", token, "$2, 'T', '{inbox}', sha256('x'), $3, $4, $5", []any{bare, key(), ago(91), nil}, []any{key(), key(), ago(89), nil})
		add("connector", "id, name, creator, code_hash, code_expires, public_key, token_id, claimed, revoked", "$2, 'C', $3, sha256('x'), now(), 'k', $4, now(), $5",
			[]any{key(), key(), over, ago(91)}, []any{key(), key(), not, ago(89)})
		hook := key()
		b.Exec(`insert into webhook (tenant_id, id, name, url, events, secret, creator) values ($1, $2, 'W', 'https://x.example', '{appointment.booked}', 'x', $3)`, tenant, hook, key())
		add("webhook_delivery", "id, webhook_id, event_id, kind, body, created", "$2, $3, $4, 'k', 'b', $5", []any{key(), hook, key(), ago(100)}, []any{key(), hook, key(), ago(1)})
	})
	if err != nil {
		t.Fatal(err)
	}
	return planted
}

func TestPurgeDeletesOfEachTableWhatIsOverAndNothingElse(t *testing.T) {
	t.Parallel()
	o := open(t)
	if err := o.Keep(t.Context(), o.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	old, young := o.plant(t, 8), o.plant(t, 6)
	planted := o.rest(t, young)
	o.handMade(t, old, young)
	// Some of it is written by triggers as well.
	if err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) {
		for _, days := range []int{30, 32} {
			b.Exec(`insert into traffic_hour (tenant_id, hour, field, value, visits) values ($1, $2, 'page', '/', 9)`, o.Tenant.ID, time.Now().AddDate(0, 0, -days))
		}
	}); err != nil {
		t.Fatal(err)
	}
	before := map[string]int{}
	for table := range planted {
		before[table] = o.count(t, `select count(*) from `+table+` where tenant_id = $1`)
	}
	counts, err := o.Purge(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	for table, n := range planted {
		if left := o.count(t, `select count(*) from `+table+` where tenant_id = $1`); counts[table] != n || int64(before[table]-left) != n {
			t.Errorf("%s: %d of %d rows deleted, %d counted; want %d", table, before[table]-left, before[table], counts[table], n)
		}
	}
	// What a clock ends is planted, here or in a test of its own.
	own := []string{"audit_entry", "purge_proof", "purged_booking", "imported_busy"}
	for _, r := range privacy.Rules() {
		if r.Ends == privacy.ByClock && counts[r.Table] == 0 && !slices.Contains(own, r.Table) {
			t.Errorf("%s is said to be purged, and no row of it was", r.Table)
		}
		if r.Ends == privacy.WithThePractice && counts[r.Table] != 0 {
			t.Errorf("%s is said to be kept, and was purged", r.Table)
		}
	}
	if o.rows(t, old) != 0 {
		t.Error("something is left of a booking that is over")
	}
	if proofs, err := o.Proofs(t.Context(), o.Tenant.ID); err != nil || len(proofs) != 1 || proofs[0].Counts["communication"] != planted["communication"] {
		t.Errorf("proofs: %+v, %v", proofs, err)
	}
	if again, err := o.Purge(t.Context(), o.Tenant.ID); err != nil || len(again) != 0 {
		t.Errorf("purged again: %v %v", again, err)
	}
	// No row of a table names the booking any more, whatever the column is called.
	for _, table := range o.tables(t) {
		if strings.HasPrefix(table, "purge") {
			continue
		}
		if n := o.count(t, `select count(*) from `+table+` x where tenant_id = $1 and x::text like '%`+old.UUID()+`%'`); n != 0 {
			t.Errorf("%d rows of %s still name it", n, table)
		}
	}
	// A year later nothing is left that a clock ends, but what the clock has not reached.
	o.later(366 * 24 * time.Hour)
	if _, err := o.Purge(t.Context(), o.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"waiting", "waiting_offer", "waiting_consent", "communication", "handover", "takeover_row", "closure", "invitation", "connector", "api_token", "webhook_delivery"} {
		if n := o.count(t, `select count(*) from `+table+` where tenant_id = $1`); n != 0 {
			t.Errorf("a year later %d rows of %s are left", n, table)
		}
	}
	if n := o.count(t, `select count(*) from customer where tenant_id = $1`); n != 1 {
		t.Errorf("%d customers, want the one whom the practice keeps", n)
	}
}

// handMade hangs on bookings what goes with their appointment.
func (o *office) handMade(t *testing.T, bookings ...id.Booking) {
	t.Helper()
	err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) {
		for _, booking := range bookings {
			b.Exec(`insert into proposal (tenant_id, appointment_id, number, practitioner_id, location_id, starts, ends, expires, takes)
				select tenant_id, id, 0, practitioner_id, location_id, starts, ends, ends, '[]' from appointment where tenant_id = $1 and booking_id = $2`, o.Tenant.ID, booking)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
