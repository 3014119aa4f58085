-- What becomes of an appointment: moved, cancelled, come, not come; and what
-- staff books by telephone.

alter table appointment
  add column sequence      integer not null default 0,
  add column replaces_id   uuid,
  add column first_starts  timestamptz,
  add column cancelled_by  text constraint appointment_cancelled_by check (cancelled_by in ('patient', 'practice', 'moved')),
  add column cancel_reason text constraint appointment_cancel_reason check (cancel_reason in ('ill', 'absent', 'asked', 'double', 'other')),
  add column excused       boolean not null default false,
  add column overridden    text constraint appointment_overridden check (overridden in ('urgent', 'agreed', 'other')),
  add constraint appointment_cancelled check (cancelled_by is null or status = 'cancelled');
comment on column appointment.sequence is 'Rises with each change of the booking (RFC 5545 SEQUENCE).';
comment on column appointment.replaces_id is 'The appointment that this one was moved from (ISiK Appointment.replaces). Both have the same booking_id.';
comment on column appointment.first_starts is 'When the patient first booked it for, where it was moved since: what the sealed form says.';
comment on column appointment.excused is 'Of who did not come: that they had called.';
comment on column appointment.overridden is 'Why staff booked it against the rules.';

alter table resource
  add column overflow integer not null default 0 constraint resource_overflow check (overflow between 0 and 20);
comment on column resource.overflow is 'How many units beyond capacity staff may book at once.';

-- What a booking was before; what it is now, appointment_booking_once finds.
create index appointment_ended on appointment (tenant_id, booking_id) where status in ('cancelled', 'entered-in-error');
