-- What a practice decides about its messages: under which name, in which
-- words, and when not.

alter table practice
  add column message_name text not null default '' constraint practice_message_name check (length(message_name) <= 80);
comment on column practice.message_name is 'The name in messages, where it is not that of the practice: one that names no specialty.';

create table message_setting (
  tenant_id   uuid    not null constraint message_setting_pk primary key,
  quiet_from  integer not null constraint message_setting_from check (quiet_from between 0 and 1439),
  quiet_until integer not null constraint message_setting_until check (quiet_until between 0 and 1439)
);
comment on table message_setting is 'When a practice sends; the product''s defaults where there is no row.';
comment on column message_setting.quiet_from is 'Minutes of the practice''s wall time; between from and until no reminder leaves. Equal: no quiet hours.';

create table message_template (
  tenant_id uuid not null,
  kind      text not null,
  language  text not null constraint message_template_language check (language in ('de', 'en')),
  subject   text not null constraint message_template_subject check (length(subject) <= 120),
  body      text not null constraint message_template_body check (length(body) between 1 and 2000),
  constraint message_template_pk primary key (tenant_id, kind, language)
);
comment on table message_template is 'A practice''s own words for one message in one language, with placeholders; the product''s own where there is no row.';

do $$
declare t text;
begin
  foreach t in array array['message_setting', 'message_template'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
