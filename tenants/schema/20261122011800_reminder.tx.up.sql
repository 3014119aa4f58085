-- Reminders, for who asked for them: when, and under the key of its day the
-- one address that they go to.

alter table practice
  add column reminders integer[] not null default '{1440}',
  add constraint practice_reminders check (reminders <@ array[120, 1440, 2880, 10080]);
comment on column practice.reminders is 'How many minutes before an appointment patients who asked for it are reminded; empty: never.';

create table reminder (
  tenant_id  uuid    not null,
  booking_id uuid    not null,
  plan       uuid    not null,
  channel    text    not null constraint reminder_channel check (channel in ('mail', 'sms')),
  language   text    not null,
  last_day   date    not null,
  sealed     bytea   not null,
  constraint reminder_pk primary key (tenant_id, booking_id),
  constraint reminder_plan_once unique (tenant_id, plan)
);
comment on table reminder is 'A patient who wants to be reminded. Goes with the last reminder, with a withdrawal, and with the appointment.';
comment on column reminder.plan is 'What messages on their way name: another one when the appointment was moved, so that the older lapse.';
comment on column reminder.sealed is 'Address and link under the key of last_day, which dies with it (platform/shred).';

create table reminder_consent (
  tenant_id  uuid        not null,
  id         uuid        not null,
  booking_id uuid        not null,
  channel    text        not null constraint reminder_consent_channel check (channel in ('mail', 'sms')),
  version    text        not null,
  given      timestamptz not null default now(),
  withdrawn  timestamptz,
  constraint reminder_consent_pk primary key (tenant_id, id),
  constraint reminder_consent_order check (given <= withdrawn)
);
create index reminder_consent_booking on reminder_consent (tenant_id, booking_id);
comment on table reminder_consent is 'That somebody wanted to be reminded, of which booking, by which channel, to which words; whoever it was is sealed elsewhere.';

do $$
declare t text;
begin
  foreach t in array array['reminder', 'reminder_consent'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
