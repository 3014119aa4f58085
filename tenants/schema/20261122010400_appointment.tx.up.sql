-- Appointments, sealed bookings on their way, and the cards they become.

create extension if not exists btree_gist;

create table appointment (
  tenant_id       uuid        not null,
  id              uuid        not null,
  booking_id      uuid        not null,
  status          text        not null constraint appointment_status check (status in
    ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled', 'cancelled', 'noshow', 'waitlist', 'entered-in-error')),
  source          text        not null constraint appointment_source check (source in ('online', 'staff')),
  practitioner_id uuid        not null,
  resource_id     uuid        not null,
  location_id     uuid        not null,
  starts          timestamptz not null,
  ends            timestamptz not null,
  cancel_until    timestamptz not null,
  secret_hash     bytea       not null constraint appointment_secret_hash check (length(secret_hash) = 32),
  created         timestamptz not null default now(),
  constraint appointment_pk primary key (tenant_id, id),
  constraint appointment_secret_once unique (tenant_id, secret_hash),
  constraint appointment_order check (starts < ends)
);
create unique index appointment_booking_once on appointment (tenant_id, booking_id)
  where status not in ('cancelled', 'entered-in-error');
create index appointment_starts on appointment (tenant_id, starts);
comment on table appointment is 'What is booked with whom and when (FHIR Appointment). Which service it is, the server does not keep: a service can be a diagnosis.';

create table occupation (
  tenant_id      uuid        not null,
  resource_id    uuid        not null,
  unit           integer     not null constraint occupation_unit check (unit > 0),
  starts         timestamptz not null,
  ends           timestamptz not null,
  appointment_id uuid        not null,
  constraint occupation_pk primary key (tenant_id, resource_id, unit, starts),
  constraint occupation_order check (starts < ends),
  constraint occupation_appointment foreign key (tenant_id, appointment_id) references appointment (tenant_id, id) on delete cascade,
  constraint occupation_resource foreign key (tenant_id, resource_id) references resource (tenant_id, id),
  constraint appointment_no_overlap exclude using gist (
    tenant_id with =, resource_id with =, unit with =, tstzrange(starts, ends, '[)') with &&
  ) deferrable initially immediate
);
create index occupation_span on occupation (tenant_id, resource_id, starts) include (ends, unit);
comment on table occupation is 'Busy time of a resource, buffers included. The constraint is the promise that nothing is booked twice.';

create table envelope (
  tenant_id      uuid        not null,
  id             uuid        not null,
  booking_id     uuid        not null,
  appointment_id uuid        not null,
  suite          smallint    not null,
  kid            text        not null,
  enc            bytea       not null,
  ct             bytea       not null,
  received       timestamptz not null default now(),
  constraint envelope_pk primary key (tenant_id, id),
  constraint envelope_booking_once unique (tenant_id, booking_id),
  constraint envelope_appointment foreign key (tenant_id, appointment_id) references appointment (tenant_id, id) on delete cascade
);
create index envelope_of_appointment on envelope (tenant_id, appointment_id);
comment on table envelope is 'A sealed booking until the practice has it. Deleted by the acknowledgement, never before.';

create table card (
  tenant_id      uuid        not null,
  booking_id     uuid        not null,
  appointment_id uuid        not null,
  version        integer     not null,
  epoch          integer     not null,
  ciphertext     bytea       not null,
  changed        timestamptz not null default now(),
  constraint card_pk primary key (tenant_id, booking_id),
  constraint card_appointment foreign key (tenant_id, appointment_id) references appointment (tenant_id, id) on delete cascade
);
create index card_of_appointment on card (tenant_id, appointment_id);
comment on table card is 'The opened booking under the practice''s book key: what colleagues read.';

create table patient_copy (
  tenant_id      uuid  not null,
  booking_id     uuid  not null,
  appointment_id uuid  not null,
  ciphertext     bytea not null,
  constraint patient_copy_pk primary key (tenant_id, booking_id),
  constraint patient_copy_appointment foreign key (tenant_id, appointment_id) references appointment (tenant_id, id) on delete cascade
);
create index patient_copy_of_appointment on patient_copy (tenant_id, appointment_id);
comment on table patient_copy is 'Service and instructions for the holder of the link; the key comes from the link''s secret.';

do $$
declare t text;
begin
  foreach t in array array['appointment', 'occupation', 'envelope', 'card', 'patient_copy'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
