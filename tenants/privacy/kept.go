package privacy

// Rule says how long the rows of one of a tenant's tables are kept.
type Rule struct {
	Table string
	// Ends is what ends the time of a row; see the constants.
	Ends End
	// Why says of what no clock ends why it is kept.
	Why string
}

// End is what ends the time of a row.
type End string

// The ends of times.
const (
	// ByClock: [Service.Purge] deletes it and counts it in its proof.
	ByClock End = "clock"
	// WithItsParent: it goes with a row that Purge deletes.
	WithItsParent End = "parent"
	// WithThePractice: it is kept until somebody deletes it, or all of the practice.
	WithThePractice End = "practice"
)

// Rules are those of every table that has rows of tenants. A table without one
// fails a test.
func Rules() []Rule {
	of := func(ends End, why string, tables ...string) (rules []Rule) {
		for _, table := range tables {
			rules = append(rules, Rule{table, ends, why})
		}
		return rules
	}
	var all []Rule
	for _, some := range [][]Rule{
		of(ByClock, "", "appointment", "occupation", "card", "envelope", "patient_copy", "reminder", "reminder_consent", "statement_shown", "outbox",
			"imported_busy", "traffic_hour", "purged_booking", "purge_proof", "audit_entry",
			"waiting", "waiting_offer", "waiting_consent", "communication", "privacy_request", "customer", "handover", "takeover_row",
			"closure", "invitation", "connector", "api_token", "webhook_delivery"),
		of(WithItsParent, "", "customer_file", "quota_use", "proposal", "audit_link", "audit_batch"),
		of(WithThePractice, "what the practice offers, by whom and where: it is public", "practice", "location", "resource", "practitioner", "service",
			"service_practitioner", "service_need", "leg", "opening", "quota", "chain", "chain_step", "calendar", "calendar_days"),
		of(WithThePractice, "what the practice has decided; nothing in it is a patient's", "desk_setting", "sign_in_rule", "oidc_provider", "oidc_binding", "message_setting",
			"message_template", "waiting_setting", "request_setting", "call_back_setting", "embedding", "customer_setting", "privacy_setting", "retention",
			"forwarding", "audit_setting", "webhook", "calendar_feed"),
		of(WithThePractice, "who works in the practice, until they leave", "member"),
		of(WithThePractice, "the business and its contract, which have to be shown for as long as they last", "business", "agreement", "agreement_told"),
		of(WithThePractice, "every list of keys is held against the one before; wrapped keys go with their holder", "key_directory", "wrapped_key", "keyring"),
		of(WithThePractice, "which words were published when has to be shown (Art. 5 (2) GDPR)", "statement_version"),
		of(WithThePractice, "where the trail now begins, and its newest link", "audit_horizon", "audit_head"),
		of(WithThePractice, "one row, written over every day", "probe"),
		of(WithThePractice, "a number", "change_counter"),
		of(WithThePractice, "until the switch-over, which deletes it", "takeover", "takeover_run"),
	} {
		all = append(all, some...)
	}
	return all
}
