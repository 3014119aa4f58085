-- The rest of what decides about slots: windows with all their conditions,
-- services by role, quotas, chains, ways between locations, imported calendars.

alter table location
  add column land         text not null default '',
  add column municipality text not null default '',
  add constraint location_land check (land in ('', 'DE-BW', 'DE-BY', 'DE-BE', 'DE-BB', 'DE-HB', 'DE-HH', 'DE-HE', 'DE-MV',
    'DE-NI', 'DE-NW', 'DE-RP', 'DE-SL', 'DE-SN', 'DE-ST', 'DE-SH', 'DE-TH')),
  add constraint location_municipality check (
    municipality = ''
    or municipality = 'catholic' and land in ('DE-BY', 'DE-SN', 'DE-TH')
    or municipality = 'augsburg' and land = 'DE-BY');
comment on column location.land is 'ISO 3166-2 code of the Land whose public holidays close the location; empty: the practice''s.';

alter table practice
  add column bookings_per_contact integer constraint practice_bookings_per_contact check (bookings_per_contact between 1 and 20);
comment on column practice.bookings_per_contact is 'How many bookings one contact may have pending or confirmed within the hour; null: as many as the caps allow.';

alter table resource
  add column location_id uuid,
  add constraint resource_location foreign key (tenant_id, location_id) references location (tenant_id, id);
comment on column resource.location_id is 'Where a room or device stands; null: it comes along.';

create table leg (
  tenant_id uuid    not null,
  a_id      uuid    not null,
  b_id      uuid    not null,
  minutes   integer not null constraint leg_minutes check (minutes between 1 and 480),
  constraint leg_pk primary key (tenant_id, a_id, b_id),
  constraint leg_order check (a_id < b_id),
  constraint leg_a foreign key (tenant_id, a_id) references location (tenant_id, id) on delete cascade,
  constraint leg_b foreign key (tenant_id, b_id) references location (tenant_id, id) on delete cascade
);
comment on table leg is 'How long the way between two locations takes, in both directions.';

alter table service
  add column min_age        integer constraint service_min_age check (min_age between 0 and 130),
  add column max_age        integer constraint service_max_age check (max_age between 0 and 130),
  add column referral       boolean not null default false,
  add column seats          integer not null default 1 constraint service_seats check (seats between 1 and 100),
  add column by_staff       boolean not null default false,
  add column cancel_minutes integer not null default 0 constraint service_cancel check (cancel_minutes between 0 and 43200),
  add column move_minutes   integer not null default 0 constraint service_move check (move_minutes between 0 and 43200),
  add constraint service_ages check (min_age <= max_age);
comment on column service.seats is 'How many patients share one session; above one it is a group.';
comment on column service.by_staff is 'A booking counts only when staff has accepted it.';
comment on column service.cancel_minutes is 'How long before the start patients can still cancel.';

alter table service_practitioner
  add column minutes integer constraint service_practitioner_minutes check (minutes between 5 and 480);
comment on column service_practitioner.minutes is 'How long it takes with this practitioner; null: as long as the service says.';

create table service_need (
  tenant_id    uuid    not null,
  service_id   uuid    not null,
  position     integer not null constraint service_need_position check (position between 0 and 9),
  role         text    not null,
  resource_ids uuid[]  not null constraint service_need_resources check (cardinality(resource_ids) between 1 and 50),
  constraint service_need_pk primary key (tenant_id, service_id, position),
  constraint service_need_service foreign key (tenant_id, service_id) references service (tenant_id, id) on delete cascade
);
comment on table service_need is 'What a service needs besides the practitioner: any one of these rooms or devices.';

alter table opening
  alter column practitioner_id drop not null,
  add column resource_id      uuid,
  add column name             text     not null default '',
  add column weekdays         smallint not null default 0,
  add column every_weeks      integer  not null default 1 constraint opening_every_weeks check (every_weeks between 1 and 52),
  add column anchor           date,
  add column open_to_all_days integer constraint opening_open_to_all check (open_to_all_days between 0 and 365),
  add column audience         text     not null default 'online' constraint opening_audience check (audience in ('online', 'staff', 'walk_in')),
  add column capacity         integer constraint opening_capacity check (capacity between 1 and 100),
  add column lead_minutes     integer constraint opening_lead check (lead_minutes >= 0),
  add column horizon_days     integer constraint opening_horizon check (horizon_days between 0 and 730),
  add column release_days     integer constraint opening_release_days check (release_days between 0 and 365),
  add column release_minute   integer constraint opening_release_minute check (release_minute between 0 and 1439),
  add column school_holidays  text     not null default 'any' constraint opening_school_holidays check (school_holidays in ('any', 'only', 'not')),
  add column referral         boolean  not null default false;
update opening set weekdays = 1 << (weekday - 1);
alter table opening
  drop column weekday,
  drop constraint opening_until,
  drop constraint opening_order,
  add constraint opening_weekdays check (weekdays between 1 and 127),
  add constraint opening_until check (until_minute between 1 and 2880),
  add constraint opening_order check (from_minute < until_minute and until_minute - from_minute <= 1440),
  add constraint opening_whose check ((practitioner_id is null) <> (resource_id is null)),
  add constraint opening_anchor check (every_weeks = 1 or anchor is not null),
  add constraint opening_release check ((release_days is null) = (release_minute is null)),
  add constraint opening_resource foreign key (tenant_id, resource_id) references resource (tenant_id, id) on delete cascade;
comment on table opening is 'A weekly window (minutes of local wall time at the location; beyond 1440 it crosses midnight). No service ids: all that the practitioner offers. valid_until is the last day.';
comment on column opening.weekdays is 'Bit 0 is Monday, bit 6 Sunday. All seven, with equal valid_from and valid_until: an extra opening.';
comment on column opening.resource_id is 'The room or device whose window it is; such a window only says when it can be used.';
comment on column opening.open_to_all_days is 'From so many days before on, insurance and patients restrict no longer.';
comment on column opening.release_days is 'Slots of a day come into sale at release_minute so many days before; null: at once.';

alter table closure
  add column resource_id uuid,
  add constraint closure_resource foreign key (tenant_id, resource_id) references resource (tenant_id, id) on delete cascade;
comment on column closure.resource_id is 'The room or device that is closed; null: it is about people.';

create table quota (
  tenant_id        uuid    not null,
  id               uuid    not null,
  name             text    not null,
  max              integer not null constraint quota_max check (max between 0 and 10000),
  per              text    not null constraint quota_per check (per in ('day', 'week', 'month')),
  service_ids      uuid[]  not null default '{}',
  window_ids       uuid[]  not null default '{}',
  practitioner_ids uuid[]  not null default '{}',
  insurance        text[]  not null default '{}',
  patients         text    not null default 'all' constraint quota_patients check (patients in ('all', 'new', 'known')),
  release_days     integer constraint quota_release check (release_days between 0 and 365),
  valid_from       date,
  valid_until      date,
  constraint quota_pk primary key (tenant_id, id),
  constraint quota_insurance check (insurance <@ array['GKV', 'PKV', 'BEI', 'BG', 'SEL', 'SOZ'])
);
comment on table quota is 'At most so many in a period. Empty lists mean all; release_days: from so many days before on it limits no longer.';

create table quota_use (
  tenant_id      uuid    not null,
  quota_id       uuid    not null,
  period         date    not null,
  number         integer not null constraint quota_use_number check (number > 0),
  appointment_id uuid    not null,
  constraint quota_use_pk primary key (tenant_id, quota_id, period, number),
  constraint quota_use_quota foreign key (tenant_id, quota_id) references quota (tenant_id, id) on delete cascade,
  constraint quota_use_appointment foreign key (tenant_id, appointment_id) references appointment (tenant_id, id) on delete cascade
);
create index quota_use_of_appointment on quota_use (tenant_id, appointment_id);
comment on table quota_use is 'What an appointment uses up. period is the first day of the quota''s period, in the location''s zone.';

create table chain (
  tenant_id   uuid    not null,
  id          uuid    not null,
  name        text    not null,
  description text    not null default '',
  position    integer not null default 0,
  constraint chain_pk primary key (tenant_id, id)
);
comment on table chain is 'Services that are booked together, in this order.';

create table chain_step (
  tenant_id        uuid    not null,
  chain_id         uuid    not null,
  position         integer not null constraint chain_step_position check (position between 0 and 9),
  service_id       uuid    not null,
  least_minutes    integer not null default 0 constraint chain_step_least check (least_minutes between 0 and 1440),
  greatest_minutes integer not null default 0 constraint chain_step_greatest check (greatest_minutes between 0 and 1440),
  optional         boolean not null default false,
  constraint chain_step_pk primary key (tenant_id, chain_id, position),
  constraint chain_step_gap check (greatest_minutes = 0 or least_minutes <= greatest_minutes),
  constraint chain_step_chain foreign key (tenant_id, chain_id) references chain (tenant_id, id) on delete cascade,
  constraint chain_step_service foreign key (tenant_id, service_id) references service (tenant_id, id)
);
comment on column chain_step.greatest_minutes is 'The longest wait after the step before; 0: a day.';

create table calendar (
  tenant_id   uuid        not null,
  id          uuid        not null,
  name        text        not null,
  kind        text        not null constraint calendar_kind check (kind in ('school_holidays', 'busy')),
  resource_id uuid,
  imported    timestamptz not null default now(),
  constraint calendar_pk primary key (tenant_id, id),
  constraint calendar_whose check ((kind = 'busy') = (resource_id is not null)),
  constraint calendar_resource foreign key (tenant_id, resource_id) references resource (tenant_id, id) on delete cascade
);
comment on table calendar is 'A calendar that somebody imported. Of its entries only the times are kept, of school holidays the names too.';

create table calendar_days (
  tenant_id   uuid not null,
  calendar_id uuid not null,
  starts_on   date not null,
  ends_on     date not null,
  name        text not null default '',
  constraint calendar_days_pk primary key (tenant_id, calendar_id, starts_on),
  constraint calendar_days_order check (starts_on <= ends_on),
  constraint calendar_days_calendar foreign key (tenant_id, calendar_id) references calendar (tenant_id, id) on delete cascade
);
comment on table calendar_days is 'School holidays, both days inclusive.';

create table imported_busy (
  tenant_id   uuid        not null,
  calendar_id uuid        not null,
  resource_id uuid        not null,
  starts      timestamptz not null,
  ends        timestamptz not null,
  constraint imported_busy_pk primary key (tenant_id, resource_id, starts, calendar_id),
  constraint imported_busy_order check (starts < ends and ends <= starts + interval '24 hours'),
  constraint imported_busy_calendar foreign key (tenant_id, calendar_id) references calendar (tenant_id, id) on delete cascade
);
comment on table imported_busy is 'Busy time of a resource from an imported calendar, cut at a day''s length, without a subject.';

-- Patients of one group share unit and session; everything else has a session of its own.
alter table occupation
  add column session uuid    not null default gen_random_uuid(),
  add column seat    integer not null default 1 constraint occupation_seat check (seat > 0),
  drop constraint occupation_pk,
  drop constraint appointment_no_overlap,
  add constraint occupation_pk primary key (tenant_id, resource_id, unit, starts, seat),
  add constraint appointment_no_overlap exclude using gist (
    tenant_id with =, resource_id with =, unit with =, tstzrange(starts, ends, '[)') with &&, session with <>
  ) where (unit > 0) deferrable initially immediate;
comment on constraint appointment_no_overlap on occupation is 'The condition is true of every row; it keeps the index from being taken for reads, which have occupation_span.';
-- A resource is one tenant's: without this a planner multiplies the two and takes an index for small that is not.
create statistics occupation_of_resource (dependencies) on tenant_id, resource_id from occupation;
comment on column occupation.session is 'Random, or for a group the keyed hash of service, practitioner and start, which tells only that patients share a session.';
comment on column occupation.seat is 'The place in a group session, from 1.';

alter table appointment
  add column set_id      uuid,
  add column set_number  integer not null default 0,
  add column move_until  timestamptz;
create index appointment_set on appointment (tenant_id, set_id) where set_id is not null;
comment on column appointment.set_id is 'Appointments that were booked together, all or none: a chain, a series, a family. It is the first one''s id.';

do $$
declare t text;
begin
  foreach t in array array['leg', 'service_need', 'quota', 'quota_use', 'chain', 'chain_step', 'calendar', 'calendar_days', 'imported_busy'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
