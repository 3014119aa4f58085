-- When a practice is closed against its openings: public holidays of its Land,
-- days of its own that come back each year, and closures.

alter table practice
  add column land         text   not null default '',
  add column municipality text   not null default '',
  add column closed_days  text[] not null default '{}',
  add constraint practice_land check (land in ('', 'DE-BW', 'DE-BY', 'DE-BE', 'DE-BB', 'DE-HB', 'DE-HH', 'DE-HE', 'DE-MV',
    'DE-NI', 'DE-NW', 'DE-RP', 'DE-SL', 'DE-SN', 'DE-ST', 'DE-SH', 'DE-TH')),
  add constraint practice_municipality check (
    municipality = ''
    or municipality = 'catholic' and land in ('DE-BY', 'DE-SN', 'DE-TH')
    or municipality = 'augsburg' and land = 'DE-BY'),
  add constraint practice_closed_days check (cardinality(closed_days) <= 40);
comment on column practice.land is 'ISO 3166-2 code of the Land whose public holidays close the practice; empty: none does.';
comment on column practice.municipality is 'Where holidays differ within the Land: catholic (Mariä Himmelfahrt in BY, Fronleichnam in SN and TH), augsburg.';
comment on column practice.closed_days is 'Days of the practice''s own, each year: a month and day as 12-24, or a name as rosenmontag.';

create table closure (
  tenant_id          uuid    not null,
  id                 uuid    not null,
  practitioner_id    uuid,
  location_id        uuid,
  starts_on          date    not null,
  starts_minute      integer not null default 0 constraint closure_starts check (starts_minute between 0 and 1439),
  ends_on            date    not null,
  ends_minute        integer not null default 1440 constraint closure_ends check (ends_minute between 1 and 1440),
  reason             text    not null default '',
  public_text        text    not null default '',
  substitute_name    text    not null default '',
  substitute_address text    not null default '',
  substitute_phone   text    not null default '',
  constraint closure_pk primary key (tenant_id, id),
  constraint closure_order check (starts_on < ends_on or starts_on = ends_on and starts_minute < ends_minute),
  constraint closure_length check (ends_on - starts_on <= 730),
  constraint closure_substitute check (substitute_name <> '' or substitute_address = '' and substitute_phone = ''),
  constraint closure_practitioner foreign key (tenant_id, practitioner_id) references practitioner (tenant_id, id) on delete cascade,
  constraint closure_location foreign key (tenant_id, location_id) references location (tenant_id, id) on delete cascade
);
create index closure_end on closure (tenant_id, ends_on);
comment on table closure is 'A time at which the practice, one practitioner or one location is closed, in local wall time from a minute of starts_on to a minute of ends_on.';
comment on column closure.reason is 'For the office alone.';
comment on column closure.public_text is 'What patients are told.';
comment on column closure.substitute_name is 'The practice that patients turn to meanwhile.';

alter table closure enable row level security;
alter table closure force row level security;
create policy closure_tenant on closure
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update, delete on closure to siegel_server;
