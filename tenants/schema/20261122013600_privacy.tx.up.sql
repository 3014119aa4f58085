-- What is told about data, how long they are kept, and what became of them.

-- Of the operator.

create table operator_profile (
  one                boolean     not null default true constraint operator_profile_pk primary key constraint operator_profile_one check (one),
  land               text        not null default '',
  responsible        text        not null default '',
  register           text        not null default '',
  vat_id             text        not null default '',
  protection_officer text        not null default '',
  privacy_email      text        not null default '',
  traffic            boolean     not null default false,
  changed            timestamptz not null default now()
);
comment on table operator_profile is 'What the law wants said of who runs the installation, beside what the environment names.';
comment on column operator_profile.traffic is 'Whether visits of the portal are counted.';

create table processor (
  id        uuid        not null constraint processor_pk primary key,
  component text        not null constraint processor_component check (component in
    ('hosting', 'database', 'mail', 'backup', 'monitoring', 'support', 'reseller', 'sms', 'dns')),
  own       boolean     not null default false,
  plugin    text        not null default '',
  seller    uuid        constraint processor_seller references reseller on delete cascade,
  company   text        not null default '',
  address   text        not null default '',
  country   text        not null constraint processor_country check (country ~ '^[A-Z]{2}$'),
  purpose   text        not null,
  contract  date,
  secrecy   date,
  changed   timestamptz not null default now(),
  constraint processor_named check (own or (company <> '' and address <> '' and contract is not null and secrecy is not null)),
  constraint processor_of_seller check ((component = 'reseller') = (seller is not null)),
  constraint processor_of_plugin check ((component in ('sms', 'dns')) = (plugin <> ''))
);
create unique index processor_seller_once on processor (seller) where seller is not null;
create unique index processor_plugin_once on processor (component, plugin) where plugin <> '';
comment on table processor is 'Who works for the operator with data, as the operator has entered it. Names no tenant.';
comment on column processor.own is 'The operator does it itself: nobody else is told anything.';
comment on column processor.country is 'Where the data are while they are worked with (ISO 3166-1 alpha-2).';
comment on column processor.secrecy is 'Since when they have undertaken to keep professional secrets (section 203 StGB).';

create table evidence (
  id       uuid        not null constraint evidence_pk primary key,
  kind     text        not null constraint evidence_kind check (kind in ('c5_type1', 'c5_type2', 'iso27001', 'other')),
  title    text        not null,
  subject  text        not null,
  auditor  text        not null,
  country  text        not null constraint evidence_country check (country ~ '^[A-Z]{2}$'),
  issued   date        not null,
  until    date        not null,
  changed  timestamptz not null default now(),
  constraint evidence_order check (issued < until)
);
comment on table evidence is 'Attestations that the operator can show, such as C5 (section 393 SGB V). subject is what was examined.';

create table disclosure (
  id          uuid        not null constraint disclosure_pk primary key,
  received    date        not null,
  authority   text        not null,
  legal_basis text        not null,
  concerns    uuid,
  decision    text        not null constraint disclosure_decision check (decision in ('open', 'refused', 'given', 'partly')),
  given       text        not null default '',
  told        date,
  forbidden   text        not null default '',
  changed     timestamptz not null default now(),
  constraint disclosure_given check (decision in ('open', 'refused') or given <> '')
);
comment on table disclosure is 'What authorities asked for and what they were given: kinds of data, never the data.';
comment on column disclosure.concerns is 'The practice, if it is one; told is when it was told, forbidden why it may not be.';

create table breach (
  id       uuid        not null constraint breach_pk primary key,
  drill    boolean     not null,
  noticed  timestamptz not null,
  what     text        not null,
  begins   timestamptz not null,
  ends     timestamptz not null,
  concerns uuid[]      not null default '{}',
  reported timestamptz,
  closed   timestamptz,
  constraint breach_order check (begins < ends)
);
comment on table breach is 'A breach of data protection, or a drill of one. concerns are practices; none means all.';

grant select, insert, update on operator_profile to siegel_server;
grant select, insert, update, delete on processor, evidence to siegel_server;
grant select, insert, update on disclosure, breach to siegel_server;

-- Of a tenant.

create table privacy_setting (
  tenant_id uuid    not null constraint privacy_setting_pk primary key,
  email     text    not null default '',
  traffic   boolean not null default false
);
comment on table privacy_setting is 'Where questions about data go, and whether visits of the patients'' pages are counted.';

create table retention (
  tenant_id uuid    not null,
  subject   text    not null constraint retention_subject check (subject in ('appointments', 'audit', 'traffic')),
  days      integer not null constraint retention_days check (days > 0),
  changed   timestamptz not null default now(),
  constraint retention_pk primary key (tenant_id, subject)
);
comment on table retention is 'How long a tenant keeps what, where it is longer than the strictest.';

create table purge_proof (
  tenant_id uuid        not null,
  id        uuid        not null,
  at        timestamptz not null,
  counts    jsonb       not null,
  constraint purge_proof_pk primary key (tenant_id, id)
);
comment on table purge_proof is 'That something was deleted because its time was over: how many rows of which table.';

create table statement_version (
  tenant_id uuid        not null,
  number    integer     not null constraint statement_version_number check (number > 0),
  hash      bytea       not null constraint statement_version_hash check (length(hash) = 32),
  german    jsonb       not null,
  english   jsonb       not null,
  made      timestamptz not null default now(),
  constraint statement_version_pk primary key (tenant_id, number)
);
comment on table statement_version is 'The privacy statement as it was shown from an instant on. For the operator''s, tenant_id is the fixed id of the platform.';

create table statement_shown (
  tenant_id  uuid    not null,
  booking_id uuid    not null,
  number     integer not null,
  constraint statement_shown_pk primary key (tenant_id, booking_id),
  constraint statement_shown_version foreign key (tenant_id, number) references statement_version (tenant_id, number)
);
comment on table statement_shown is 'Which version of the privacy statement stood beside a booking when it was confirmed.';

create table purged_booking (
  tenant_id uuid        not null,
  hour      timestamptz not null,
  online    boolean     not null,
  bookings  integer     not null,
  constraint purged_booking_pk primary key (tenant_id, hour, online)
);
comment on table purged_booking is 'How many bookings were made in an hour of which nothing else is left, until their month is closed.';

create table traffic_hour (
  tenant_id uuid        not null,
  hour      timestamptz not null,
  field     text        not null constraint traffic_hour_field check (field in ('page', 'status', 'referrer', 'browser', 'system', 'language', 'bytes')),
  value     text        not null constraint traffic_hour_value check (length(value) between 1 and 120),
  visits    bigint      not null constraint traffic_hour_visits check (visits > 0),
  constraint traffic_hour_pk primary key (tenant_id, hour, field, value)
);
comment on table traffic_hour is 'How often pages were asked for in an hour, by one field at a time: nothing tells which values belong together. For the portal, tenant_id is the fixed id of the platform.';

create table audit_horizon (
  tenant_id uuid   not null constraint audit_horizon_pk primary key,
  number    bigint not null,
  hash      bytea  not null constraint audit_horizon_hash check (length(hash) = 32)
);
comment on table audit_horizon is 'The last batch of a trail that was deleted because its time was over: what is left begins behind it.';

do $$
declare t text;
begin
  foreach t in array array['privacy_setting', 'retention', 'purge_proof', 'statement_version', 'statement_shown', 'purged_booking',
      'traffic_hour', 'audit_horizon'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
  end loop;
end
$$;
grant select, insert, update on privacy_setting, retention to siegel_server;
grant select, insert on purge_proof, statement_version, statement_shown to siegel_server;
grant select, insert, update on traffic_hour to siegel_server;
grant select on purged_booking, audit_horizon to siegel_server;

-- Whoever confirms had the newest version linked on the page.
create function statement_was_shown() returns trigger language plpgsql as $$
begin
  insert into statement_shown (tenant_id, booking_id, number)
  select new.tenant_id, new.booking_id, max(v.number) from statement_version v where v.tenant_id = new.tenant_id having max(v.number) is not null
  on conflict do nothing;
  return null;
end
$$;
create trigger statement_was_shown after insert on appointment
  for each row when (new.source = 'online') execute function statement_was_shown();

-- Deletes of one tenant what is older than the instants given, and says how
-- many rows. It runs as the schema's owner, who may delete from the trail and
-- the outbox where the server may not. A booking goes whole: when the last of
-- its appointments is old enough.
create function purge_tenant(whose uuid, appointments_before timestamptz, audit_before timestamptz, traffic_before timestamptz,
  counts_before timestamptz, proofs_before timestamptz) returns table (relation text, purged bigint)
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  gone uuid[];
  plans text[];
  last_batch bigint;
begin
  perform set_config('siegel.tenant', whose::text, true);

  select array_agg(b.booking_id) into gone from (
    select a.booking_id from appointment a where a.tenant_id = whose
    group by a.booking_id having max(a.ends) < appointments_before order by 1 limit 5000) b;
  if gone is not null then
    insert into purged_booking (tenant_id, hour, online, bookings)
      select whose, date_trunc('hour', a.created), a.source = 'online', count(*) from appointment a
       where a.tenant_id = whose and a.booking_id = any(gone) and a.replaces_id is null and a.status <> 'entered-in-error'
         and a.source in ('online', 'staff') and not a.test group by 2, 3
      on conflict (tenant_id, hour, online) do update set bookings = purged_booking.bookings + excluded.bookings;
    select array_agg(r.plan::text) into plans from reminder r where r.tenant_id = whose and r.booking_id = any(gone);

    relation := 'card'; delete from card x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'envelope'; delete from envelope x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'patient_copy'; delete from patient_copy x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'reminder'; delete from reminder x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'reminder_consent'; delete from reminder_consent x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'statement_shown'; delete from statement_shown x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'message_delivery'; delete from message_delivery x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'outbox'; delete from outbox x where x.tenant_id = whose and exists (
      select from unnest(gone || coalesce(plans::uuid[], '{}')) g where x.ref like '%' || g::text || '%'); get diagnostics purged = row_count; return next;
    relation := 'occupation'; delete from occupation x using appointment a where x.tenant_id = whose and a.tenant_id = whose
      and x.appointment_id = a.id and a.booking_id = any(gone); get diagnostics purged = row_count; return next;
    relation := 'appointment'; delete from appointment x where x.tenant_id = whose and x.booking_id = any(gone); get diagnostics purged = row_count; return next;
  end if;

  relation := 'imported_busy'; delete from imported_busy x where x.tenant_id = whose and x.ends < appointments_before; get diagnostics purged = row_count; return next;
  relation := 'traffic_hour'; delete from traffic_hour x where x.tenant_id = whose and x.hour < traffic_before; get diagnostics purged = row_count; return next;
  relation := 'purged_booking'; delete from purged_booking x where x.tenant_id = whose and x.hour < counts_before; get diagnostics purged = row_count; return next;
  relation := 'purge_proof'; delete from purge_proof x where x.tenant_id = whose and x.at < proofs_before; get diagnostics purged = row_count; return next;

  -- The trail goes by whole batches from its beginning, so that what is left is
  -- still a chain.
  perform from audit_head h where h.tenant_id = whose for update;
  select max(b.number) into last_batch from audit_batch b where b.tenant_id = whose and not exists (
    select from audit_link l join audit_entry e on e.tenant_id = whose and e.id = l.entry_id
     where l.tenant_id = whose and l.batch <= b.number and e.at >= audit_before);
  if last_batch is not null then
    insert into audit_horizon (tenant_id, number, hash) select whose, b.number, b.hash from audit_batch b where b.tenant_id = whose and b.number = last_batch
      on conflict (tenant_id) do update set number = excluded.number, hash = excluded.hash;
    relation := 'audit_entry';
    create temporary table old_entry on commit drop as select l.entry_id from audit_link l where l.tenant_id = whose and l.batch <= last_batch;
    delete from audit_link x where x.tenant_id = whose and x.batch <= last_batch;
    delete from audit_batch x where x.tenant_id = whose and x.number <= last_batch;
    delete from audit_entry x using old_entry o where x.tenant_id = whose and x.id = o.entry_id; get diagnostics purged = row_count;
    drop table old_entry;
    return next;
  end if;
end
$$;
revoke execute on function purge_tenant from public;
grant execute on function purge_tenant to siegel_server;
