package schema_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"siegel/platform/embedded/testdb"
)

// unjournaled are the tables of which a row may come back with a backup
// although it was deleted since. Every other table of tenants, and of people,
// has a trigger that writes down what is erased. A new table belongs here only
// if nothing in it is anybody's, or something else takes it away again.
var unjournaled = []string{
	// What a practice offers and how: the owner sets it again.
	"practice", "location", "resource", "practitioner", "service", "service_practitioner", "service_need", "leg", "opening", "closure",
	"quota", "chain", "chain_step", "calendar", "calendar_days", "imported_busy", "desk_setting", "sign_in_rule", "oidc_provider",
	"business", "agreement", "invitation", "message_setting", "message_template", "waiting_setting", "request_setting", "call_back_setting", "embedding",
	"agreement_told", "customer_setting", "privacy_setting", "retention", "forwarding",
	// Times, which go with their appointment; counters.
	"occupation", "quota_use", "change_counter",
	"takeover", "takeover_run", "takeover_row", "proposal", "handover", "statement_shown", "purged_booking", "traffic_hour",
	// Deleted when its time is over, and again after a restore.
	"probe", // written over every day
	"privacy_request", "purge_proof", "statement_version", "audit_horizon", "webhook_delivery",
	// Signed, so that an older one is noticed; wrapped keys go with their member.
	"key_directory", "wrapped_key", "keyring",
	// Only ever added to.
	"audit_entry", "audit_setting", "audit_batch", "audit_link", "audit_head", "api_token",
}

func TestWhatIsErasedIsWrittenDown(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.New(t).Super)
	rows, err := conn.Query(t.Context(), `
		select c.relname::text, exists (select from pg_trigger g join pg_proc p on p.oid = g.tgfoid
		  where g.tgrelid = c.oid and g.tgenabled <> 'D' and g.tgtype & 9 = 9 and p.prosrc ~ 'insert into deletion_journal')
		from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition and c.relname <> 'outbox'
		order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var written bool
	if _, err := pgx.ForEachRow(rows, []any{&name, &written}, func() error {
		if listed := slices.Contains(unjournaled, name); listed == written {
			t.Errorf("%s: its erasures are written down: %v; it is listed as one that needs it not: %v", name, written, listed)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, global := range []string{"tenant", "account", "passkey", "reseller_member", "platform_member"} {
		if err := conn.QueryRow(t.Context(), `select exists (select from pg_trigger g join pg_proc p on p.oid = g.tgfoid
			where g.tgrelid = $1::regclass and p.prosrc ~ 'insert into deletion_journal')`, global).Scan(&written); err != nil || !written {
			t.Errorf("erasures of %s are not written down (%v)", global, err)
		}
	}
}
