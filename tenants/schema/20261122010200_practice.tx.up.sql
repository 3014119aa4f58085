-- What a practice offers. Every edit raises practice.version in its own
-- transaction; a booking commits only against the version it was checked with.

create table practice (
  tenant_id   uuid    not null constraint practice_pk primary key,
  version     bigint  not null default 1,
  name        text    not null,
  tagline     text    not null default '',
  phone       text    not null,
  email       text    not null,
  zone        text    not null default 'Europe/Berlin',
  accent      text    not null default '',
  imprint     text    not null,
  hours       text    not null,
  channels    text[]  not null default '{mail}',
  asks        jsonb   not null default '{}',
  sms_sender  text    not null default '',
  constraint practice_channels check (channels <@ array['mail', 'sms'] and cardinality(channels) > 0)
);
comment on table practice is 'The public face of a tenant (FHIR Organization).';
comment on column practice.hours is 'Opening hours in words, for people.';
comment on column practice.asks is 'Optional fields that the practice switched on (gender, insurance, note), each with its reason.';

create table location (
  tenant_id   uuid    not null,
  id          uuid    not null,
  name        text    not null,
  street      text    not null,
  postal_code text    not null,
  city        text    not null,
  phone       text    not null default '',
  hours       text    not null default '',
  access      text    not null default '',
  zone        text    not null default 'Europe/Berlin',
  position    integer not null default 0,
  constraint location_pk primary key (tenant_id, id)
);
comment on table location is 'Where patients come to (FHIR Location). zone is the IANA name that its wall times are in.';

create table resource (
  tenant_id uuid    not null,
  id        uuid    not null,
  kind      text    not null constraint resource_kind check (kind in ('practitioner', 'room', 'device')),
  name      text    not null,
  capacity  integer not null default 1 constraint resource_capacity check (capacity between 1 and 100),
  constraint resource_pk primary key (tenant_id, id)
);
comment on table resource is 'What can be occupied (FHIR Schedule.actor). capacity is how many at once.';

create table practitioner (
  tenant_id   uuid    not null,
  id          uuid    not null,
  resource_id uuid    not null,
  name        text    not null,
  role        text    not null default '',
  position    integer not null default 0,
  constraint practitioner_pk primary key (tenant_id, id),
  constraint practitioner_resource_once unique (tenant_id, resource_id),
  constraint practitioner_resource foreign key (tenant_id, resource_id) references resource (tenant_id, id)
);
comment on table practitioner is 'Whom a patient can choose (FHIR Practitioner). Its time is the time of its resource.';

create table service (
  tenant_id        uuid    not null,
  id               uuid    not null,
  name             text    not null,
  category         text    not null default '',
  description      text    not null default '',
  instructions     text    not null default '',
  duration_minutes integer not null constraint service_duration check (duration_minutes between 5 and 480),
  buffer_before    integer not null default 0 constraint service_buffer_before check (buffer_before between 0 and 120),
  buffer_after     integer not null default 0 constraint service_buffer_after check (buffer_after between 0 and 120),
  step_minutes     integer not null default 5 constraint service_step check (step_minutes between 5 and 240),
  lead_minutes     integer not null default 60 constraint service_lead check (lead_minutes >= 0),
  horizon_days     integer not null default 90 constraint service_horizon check (horizon_days between 0 and 730),
  price_cents      integer constraint service_price check (price_cents >= 0),
  insurance        text[]  not null default '{}',
  patients         text    not null default 'all' constraint service_patients check (patients in ('all', 'new', 'known')),
  position         integer not null default 0,
  constraint service_pk primary key (tenant_id, id),
  constraint service_insurance check (insurance <@ array['GKV', 'PKV', 'BEI', 'BG', 'SEL', 'SOZ'])
);
comment on table service is 'A kind of appointment (FHIR HealthcareService). An empty insurance list means all. step_minutes is the grid on which slots begin, counted from the opening.';

create table service_practitioner (
  tenant_id       uuid not null,
  service_id      uuid not null,
  practitioner_id uuid not null,
  constraint service_practitioner_pk primary key (tenant_id, service_id, practitioner_id),
  constraint service_practitioner_service foreign key (tenant_id, service_id) references service (tenant_id, id) on delete cascade,
  constraint service_practitioner_practitioner foreign key (tenant_id, practitioner_id) references practitioner (tenant_id, id) on delete cascade
);
comment on table service_practitioner is 'Who offers what.';

create table opening (
  tenant_id       uuid    not null,
  id              uuid    not null,
  practitioner_id uuid    not null,
  location_id     uuid    not null,
  weekday         integer not null constraint opening_weekday check (weekday between 1 and 7),
  from_minute     integer not null constraint opening_from check (from_minute between 0 and 1439),
  until_minute    integer not null constraint opening_until check (until_minute between 1 and 1440),
  valid_from      date,
  valid_until     date,
  service_ids     uuid[]  not null default '{}',
  insurance       text[]  not null default '{}',
  patients        text    not null default 'all' constraint opening_patients check (patients in ('all', 'new', 'known')),
  constraint opening_pk primary key (tenant_id, id),
  constraint opening_order check (from_minute < until_minute),
  constraint opening_insurance check (insurance <@ array['GKV', 'PKV', 'BEI', 'BG', 'SEL', 'SOZ']),
  constraint opening_practitioner foreign key (tenant_id, practitioner_id) references practitioner (tenant_id, id) on delete cascade,
  constraint opening_location foreign key (tenant_id, location_id) references location (tenant_id, id)
);
comment on table opening is 'A weekly opening (ISO weekday, minutes of local wall time at the location). No service ids: all that the practitioner offers. valid_until is the last day.';

do $$
declare t text;
begin
  foreach t in array array['practice', 'location', 'resource', 'practitioner', 'service', 'service_practitioner', 'opening'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
