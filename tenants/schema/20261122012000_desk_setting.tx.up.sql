-- What an owner decides about the desk's screens.

create table desk_setting (
  tenant_id    uuid    not null constraint desk_setting_pk primary key,
  lock_minutes integer not null constraint desk_setting_lock check (lock_minutes between 2 and 60)
);
comment on table desk_setting is 'How the desk''s screens behave; the product''s defaults where there is no row.';
comment on column desk_setting.lock_minutes is 'After how many minutes without anybody there the opened names go from the screen.';

alter table desk_setting enable row level security;
alter table desk_setting force row level security;
create policy desk_setting_tenant on desk_setting
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update on desk_setting to siegel_server;
