package inbox

import (
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
)

// AppendEnvelope adds to a batch the insertion of a booking's envelope, which
// happens only if the appointment exists by then: a confirm that was overtaken
// leaves nothing. An envelope that was acknowledged before does not come back.
// The caller has checked the envelope and that it is the tenant's. An envelope
// id that another booking has is a violation of envelope_pk, which undoes the
// batch.
func AppendEnvelope(b *postgres.Batch, tenant id.Tenant, appointment id.Appointment, booking id.Booking, e seal.Envelope) {
	b.Exec(`
		insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct)
		select $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::smallint, $6::text, $7::bytea, $8::bytea
		where exists (select from appointment where tenant_id = $1::uuid and id = $4::uuid)
		  and not exists (select from card where tenant_id = $1::uuid and booking_id = $3::uuid)`,
		tenant, e.EnvelopeID, booking, appointment, e.Suite, e.KID, []byte(e.Enc), []byte(e.CT))
}

// RaiseCounter adds to a batch that the tenant's offices have something new to
// look at. It belongs last: the counter's row stays locked until the commit, so
// that a higher count is always the later commit.
func RaiseCounter(b *postgres.Batch, tenant id.Tenant) {
	b.Exec(`
		insert into change_counter (tenant_id, counter) values ($1::uuid, 1)
		on conflict (tenant_id) do update set counter = change_counter.counter + 1`, tenant)
}
