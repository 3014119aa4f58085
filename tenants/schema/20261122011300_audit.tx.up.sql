-- Who did what to what, when, from where.

create table audit_entry (
  tenant_id uuid        not null,
  id        uuid        not null,
  at        timestamptz not null default now(),
  actor     text        not null
    constraint audit_entry_actor check (actor in ('person', 'token', 'patient', 'support', 'reseller', 'platform', 'system')),
  actor_id  uuid,
  act       text        not null constraint audit_entry_act check (act ~ '^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$'),
  object    text        not null default '' constraint audit_entry_object check (length(object) <= 200),
  detail    text        not null default '{}' constraint audit_entry_detail check (length(detail) <= 4000),
  address   text        not null default '',
  constraint audit_entry_pk primary key (tenant_id, id)
);
create index audit_entry_at on audit_entry (tenant_id, at, id);
comment on table audit_entry is 'The trail of a tenant, of a reseller or of the platform (tenant_id is then the reseller''s id or one fixed id). Nobody who serves requests can change or delete a row. Never a patient''s data.';
comment on column audit_entry.actor_id is 'Account or token; null for the system and for patients, whom nobody tells apart.';
comment on column audit_entry.detail is 'JSON object of texts with sorted keys: exactly the bytes that the chain''s hashes cover.';
comment on column audit_entry.address is 'IP address as audit_setting says; a patient''s never.';

create table audit_setting (
  tenant_id uuid not null constraint audit_setting_pk primary key,
  address   text not null constraint audit_setting_address check (address in ('none', 'truncated', 'full'))
);
comment on table audit_setting is 'How much of an IP address is kept of who works in a tenant; truncated where there is no row.';

create table audit_batch (
  tenant_id uuid        not null,
  number    bigint      not null constraint audit_batch_number check (number > 0),
  made      timestamptz not null,
  entries   integer     not null constraint audit_batch_entries check (entries > 0),
  previous  bytea       not null constraint audit_batch_previous check (length(previous) = 32),
  hash      bytea       not null constraint audit_batch_hash check (length(hash) = 32),
  seal      bytea       not null constraint audit_batch_seal check (length(seal) = 32),
  constraint audit_batch_pk primary key (tenant_id, number)
);
comment on table audit_batch is 'The chain: hash covers the batch''s entries in their places and the previous batch''s hash. seal is a MAC of it under a key that the database does not know.';

create table audit_link (
  tenant_id uuid    not null,
  entry_id  uuid    not null,
  batch     bigint  not null,
  place     integer not null,
  constraint audit_link_pk primary key (tenant_id, entry_id),
  constraint audit_link_place unique (tenant_id, batch, place),
  constraint audit_link_batch foreign key (tenant_id, batch) references audit_batch (tenant_id, number),
  constraint audit_link_entry foreign key (tenant_id, entry_id) references audit_entry (tenant_id, id)
);
comment on table audit_link is 'Which batch an entry is in. Entries without a row are not chained yet.';

create table audit_head (
  tenant_id uuid   not null constraint audit_head_pk primary key,
  number    bigint not null default 0,
  hash      bytea  not null default decode(repeat('00', 32), 'hex') constraint audit_head_hash check (length(hash) = 32)
);
comment on table audit_head is 'The last batch, so that a chain cut off at its end is found; also the lock under which a batch is made.';

create table audit_due (
  id        bigint generated always as identity constraint audit_due_pk primary key,
  tenant_id uuid   not null
);
comment on table audit_due is 'A row for each entry that nobody has chained yet, of all tenants: an id and nothing else.';

do $$
declare t text;
begin
  foreach t in array array['audit_entry', 'audit_setting', 'audit_batch', 'audit_link', 'audit_head'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
  end loop;
end
$$;

grant select, insert on audit_entry, audit_batch, audit_link to siegel_server;
grant select, insert, update on audit_head, audit_setting to siegel_server;
grant select, insert, delete on audit_due to siegel_server;

-- Every transition of an appointment is in the trail, whatever wrote it, in its
-- transaction. Who acts is said by the setting siegel.actor: kind, id, whole
-- and truncated address between bars.
create function appointment_recorded() returns trigger language plpgsql as $$
declare
  actor text := coalesce(nullif(current_setting('siegel.actor', true), ''), 'system|||');
begin
  if tg_op = 'UPDATE' and new.status = old.status then
    return null;
  end if;
  insert into audit_due (tenant_id) values (new.tenant_id);
  insert into audit_entry (tenant_id, id, actor, actor_id, act, object, detail, address) values (
    new.tenant_id, gen_random_uuid(), split_part(actor, '|', 1), nullif(split_part(actor, '|', 2), '')::uuid,
    'appointment.' || replace(new.status, '-', '_'), 'apt_' || new.id,
    case when new.cancelled_by is null then '{}' else '{"by":"' || new.cancelled_by || '"}' end,
    coalesce((select case address when 'full' then split_part(actor, '|', 3) when 'none' then '' end
      from audit_setting where tenant_id = new.tenant_id), split_part(actor, '|', 4)));
  return null;
end
$$;
create trigger appointment_recorded after insert or update of status on appointment
  for each row execute function appointment_recorded();

-- Machines that act for a tenant.

create table api_token (
  tenant_id uuid        not null,
  id        uuid        not null,
  name      text        not null constraint api_token_name check (length(name) between 1 and 80),
  scopes    text[]      not null constraint api_token_scopes check (cardinality(scopes) > 0),
  hash      bytea       not null constraint api_token_hash check (length(hash) = 32),
  creator   uuid        not null,
  created   timestamptz not null default now(),
  expires   timestamptz not null,
  last_used timestamptz,
  revoked   timestamptz,
  constraint api_token_pk primary key (tenant_id, id)
);
comment on table api_token is 'A machine''s way in. hash is the SHA-256 of the 256-bit secret that was shown once.';

alter table api_token enable row level security;
alter table api_token force row level security;
create policy api_token_tenant on api_token
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update on api_token to siegel_server;

-- People of support are members for a time.
alter table member
  drop constraint member_role,
  add constraint member_role check (role in ('owner', 'practitioner', 'front_desk', 'billing', 'support'));

-- Help: what people report, and what offices are told.

create table problem_report (
  id          uuid        not null constraint problem_report_pk primary key,
  tenant_id   uuid        not null,
  reseller_id uuid,
  origin      text        not null constraint problem_report_origin check (origin in ('patient', 'office')),
  page        text        not null constraint problem_report_page check (length(page) <= 80),
  version     text        not null constraint problem_report_version check (length(version) <= 40),
  browser     text        not null constraint problem_report_browser check (length(browser) <= 80),
  text        text        not null constraint problem_report_text check (length(text) <= 2000),
  requests    text        not null constraint problem_report_requests check (length(requests) <= 400),
  created     timestamptz not null default now()
);
create index problem_report_reseller on problem_report (reseller_id, created);
create index problem_report_tenant on problem_report (tenant_id);
comment on table problem_report is 'What somebody reported, exactly as they were shown it. For those who look after the tenant; deleted after 90 days.';

create table announcement (
  id          uuid        not null constraint announcement_pk primary key,
  reseller_id uuid,
  level       text        not null constraint announcement_level check (level in ('info', 'warning')),
  german      text        not null constraint announcement_german check (length(german) between 1 and 600),
  english     text        not null constraint announcement_english check (length(english) between 1 and 600),
  starts      timestamptz not null,
  ends        timestamptz not null,
  created     timestamptz not null default now(),
  constraint announcement_order check (starts < ends)
);
create index announcement_ends on announcement (ends);
comment on table announcement is 'What the platform (no reseller) or a reseller tells its offices.';

grant select, insert, delete on problem_report to siegel_server;
grant select, insert, update, delete on announcement to siegel_server;
