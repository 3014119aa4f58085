-- What a practice brings along from the calendar that it had before, and other
-- times that it offers to somebody who has asked for one.

alter table appointment
  add column test boolean not null default false,
  drop constraint appointment_source,
  add constraint appointment_source check (source in ('online', 'staff', 'takeover'));
comment on column appointment.source is 'Booked online, by staff, or taken over from another calendar, whose hours may have been others.';
comment on column appointment.test is 'Of nobody: it takes its time, is counted nowhere, and nothing is sent about it.';

create table takeover (
  tenant_id  uuid        not null,
  version    integer     not null constraint takeover_version check (version > 0),
  epoch      integer     not null,
  ciphertext bytea       not null,
  begun      timestamptz not null default now(),
  constraint takeover_pk primary key (tenant_id)
);
comment on table takeover is 'A takeover under way, until the switch-over. ciphertext, under the book key: how the columns are read, and the secret of the sources.';

create table takeover_run (
  tenant_id uuid        not null,
  id        uuid        not null,
  made      timestamptz not null default now(),
  constraint takeover_run_pk primary key (tenant_id, id),
  constraint takeover_run_takeover foreign key (tenant_id) references takeover (tenant_id) on delete cascade
);
comment on table takeover_run is 'What was taken over at once, and can be undone at once.';

create table takeover_row (
  tenant_id  uuid  not null,
  source     bytea not null constraint takeover_row_source check (length(source) = 32),
  run_id     uuid  not null,
  booking_id uuid  not null,
  constraint takeover_row_pk primary key (tenant_id, source),
  constraint takeover_row_run foreign key (tenant_id, run_id) references takeover_run (tenant_id, id) on delete cascade
);
create index takeover_row_of_run on takeover_row (tenant_id, run_id);
comment on column takeover_row.source is 'Which row of the old calendar it was, keyed by a secret that only the practice knows: the same row is never taken over twice.';

-- Times that a practice offers instead of the one that was asked for. They are
-- offered, not held: whoever is first has them.
create table proposal (
  tenant_id       uuid        not null,
  appointment_id  uuid        not null,
  number          smallint    not null constraint proposal_number check (number between 0 and 2),
  practitioner_id uuid        not null,
  location_id     uuid        not null,
  starts          timestamptz not null,
  ends            timestamptz not null,
  expires         timestamptz not null,
  takes           jsonb       not null,
  constraint proposal_pk primary key (tenant_id, appointment_id, number),
  constraint proposal_appointment foreign key (tenant_id, appointment_id) references appointment (tenant_id, id) on delete cascade,
  constraint proposal_order check (starts < ends)
);
comment on column proposal.takes is 'What the appointment would occupy: which service it is, nobody keeps.';

do $$
declare t text;
begin
  foreach t in array array['takeover', 'takeover_run', 'takeover_row', 'proposal'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
