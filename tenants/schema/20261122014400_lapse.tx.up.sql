-- Requests that nobody answers in time lapse, and their patients hear of it.

alter table appointment
  drop constraint appointment_cancelled_by,
  add constraint appointment_cancelled_by check (cancelled_by in ('patient', 'practice', 'moved', 'lapsed')),
  add column answer_until timestamptz,
  add column told         timestamptz;
comment on column appointment.answer_until is 'Of a request: until when the practice answers; then it lapses.';
comment on column appointment.told is 'Of a lapsed request: when its patient was told, which happens once by itself.';

create table request_setting (
  tenant_id uuid    not null constraint request_setting_pk primary key,
  hours     integer not null constraint request_setting_hours check (hours between 1 and 336)
);
comment on table request_setting is 'For how long a practice lets requests wait; the product''s default where there is no row.';

alter table request_setting enable row level security;
alter table request_setting force row level security;
create policy request_setting_tenant on request_setting
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update, delete on request_setting to siegel_server;
