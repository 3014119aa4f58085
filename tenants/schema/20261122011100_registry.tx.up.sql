-- Which tenants there are, where they are in their life, under which names they
-- are reached, who looks after them, and what a month came to.

-- Life cycle.

alter table tenant
  add column reason       text        not null default '',
  add column since        timestamptz not null default now(),
  add column came_from    text constraint tenant_came_from check (came_from in ('trial', 'active')),
  add column plan         text        not null default '',
  add column trial_ends   timestamptz,
  add column reminded     integer     not null default 0 constraint tenant_reminded check (reminded between 0 and 3),
  add column notice_ends  timestamptz,
  add column erase_after  timestamptz,
  add column set_up       boolean     not null default true,
  add constraint tenant_reason_length check (length(reason) <= 300),
  add constraint tenant_plan_length check (length(plan) <= 60),
  add constraint tenant_came_from_where_suspended check (status = 'suspended' or came_from is null),
  add constraint tenant_erased_after_notice check (erase_after >= notice_ends);
comment on column tenant.reason is 'Why the status is what it is, in the words of whoever set it.';
comment on column tenant.came_from is 'What a suspended tenant was before, and becomes again when resumed.';
comment on column tenant.trial_ends is 'When the public can no longer book, unless the trial became a plan. Nothing is deleted then.';
comment on column tenant.reminded is 'How many reminders of the trial''s end have been queued: 7 days before, 1 day before, at the end.';
comment on column tenant.notice_ends is 'When the contract ends: from then on the public cannot book.';
comment on column tenant.erase_after is 'When everything of the tenant is erased, unless somebody does so before.';
comment on column tenant.set_up is 'False while a reseller has yet to hand the tenant over to its owner.';

alter table member add column until timestamptz;
comment on column member.until is 'When the membership of somebody from support ends by itself.';

-- What every status may become. Closed is the end.
create function tenant_step() returns trigger language plpgsql as $$
begin
  if new.status is distinct from old.status then
    if not (old.status = 'trial'     and new.status in ('active', 'suspended', 'closed')
         or old.status = 'active'    and new.status in ('suspended', 'closed')
         or old.status = 'suspended' and new.status in (coalesce(old.came_from, 'active'), 'active', 'closed')) then
      raise exception 'a tenant that is % does not become %', old.status, new.status
        using errcode = 'check_violation', constraint = 'tenant_legal_step';
    end if;
    new.since := now();
    new.came_from := case when new.status = 'suspended' then old.status end;
  end if;
  return new;
end
$$;
create trigger tenant_step before update of status on tenant for each row execute function tenant_step();

-- Names. A slug belongs to the tenant that had it first, for good: mails of
-- years ago name it.

create table tenant_slug (
  slug      text        not null constraint tenant_slug_pk primary key,
  tenant_id uuid        not null,
  created   timestamptz not null default now()
);
create index tenant_slug_of on tenant_slug (tenant_id);
comment on table tenant_slug is 'All slugs that tenants have or had. One that is no longer the tenant''s leads to the one that is.';

create table slug_retired (
  hash bytea not null constraint slug_retired_pk primary key constraint slug_retired_hash check (length(hash) = 32)
);
comment on table slug_retired is 'SHA-256 of slugs whose tenant was erased: nobody gets them again.';

insert into tenant_slug (slug, tenant_id) select slug, id from tenant;

create function tenant_slug_taken() returns trigger language plpgsql as $$
begin
  insert into tenant_slug (slug, tenant_id) values (new.slug, new.id) on conflict (slug) do nothing;
  if exists (select from slug_retired where hash = sha256(convert_to(new.slug, 'UTF8')))
     or not exists (select from tenant_slug where slug = new.slug and tenant_id = new.id) then
    raise exception 'the slug is taken' using errcode = 'unique_violation', constraint = 'tenant_slug_once';
  end if;
  return new;
end
$$;
create trigger tenant_slug_taken before insert or update of slug on tenant for each row execute function tenant_slug_taken();

create table tenant_host (
  host      text        not null,
  tenant_id uuid        not null constraint tenant_host_tenant references tenant (id),
  challenge text        not null,
  preferred boolean     not null default false,
  verified  timestamptz,
  checked   timestamptz,
  problem   text        not null default '',
  created   timestamptz not null default now(),
  constraint tenant_host_pk primary key (host, tenant_id),
  constraint tenant_host_preferred check (not preferred or verified is not null),
  constraint tenant_host_form check (host ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$' and length(host) <= 253)
);
create index tenant_host_of on tenant_host (tenant_id);
create unique index tenant_host_verified_once on tenant_host (host) where verified is not null;
create unique index tenant_host_preferred_once on tenant_host (tenant_id) where preferred;
comment on table tenant_host is 'Host names of practices'' own, for patients only, in the ASCII form (punycode). Many may claim one; it is whose who has verified it.';

-- Resellers.

alter table reseller
  add column version        bigint   not null default 1,
  add column status         text     not null default 'active' constraint reseller_status check (status in ('active', 'suspended')),
  add column sender_name    text     not null default '',
  add column sender_email   text     not null default '',
  add column support_phone  text     not null default '',
  add column support_email  text     not null default '',
  add column accent         text     not null default '' constraint reseller_accent check (accent = '' or accent ~ '^#[0-9a-f]{6}$'),
  add column imprint        text     not null default '',
  add column logo           bytea    constraint reseller_logo_size check (length(logo) <= 65536),
  add column logo_type      text     not null default '' constraint reseller_logo_type check (logo_type in ('', 'image/png', 'image/jpeg', 'image/webp')),
  add column contract_model text     not null default 'operator' constraint reseller_contract_model check (contract_model in ('operator', 'reseller')),
  add column zone           text     not null default 'Europe/Berlin',
  add column prices         jsonb    not null default '[]',
  add column max_tenants    integer  constraint reseller_max_tenants check (max_tenants >= 0),
  add column trial_days     integer  not null default 30 constraint reseller_trial_days check (trial_days between 0 and 365),
  add constraint reseller_logo_with_type check ((logo is null) = (logo_type = ''));
comment on column reseller.contract_model is 'operator: a practice''s contract is with the operator. reseller: it is with the reseller, and the operator is its sub-processor.';
comment on column reseller.zone is 'The zone by whose clock a month ends.';
comment on column reseller.prices is 'The price list: plan, name, monthly_cents, sms_part_micros (millionths).';
comment on column reseller.max_tenants is 'How many tenants the reseller may have at once; null: as many as it likes.';

create table reseller_base (
  base        text        not null,
  reseller_id uuid        not null constraint reseller_base_reseller references reseller on delete cascade,
  challenge   text        not null,
  verified    timestamptz,
  checked     timestamptz,
  problem     text        not null default '',
  created     timestamptz not null default now(),
  constraint reseller_base_pk primary key (base, reseller_id),
  constraint reseller_base_form check (base ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$' and length(base) <= 200)
);
create unique index reseller_base_verified_once on reseller_base (base) where verified is not null;
create index reseller_base_of on reseller_base (reseller_id);
comment on table reseller_base is 'Domains of resellers'' own: <slug>.<base> is the patients'' host of each of their tenants once it is verified.';

-- Who changed. Servers keep all names in memory and ask once a second which
-- tenants to read again; a row without a tenant means all of them.

create table registry_change (
  version bigint generated always as identity constraint registry_change_pk primary key,
  tenant  uuid,
  at      timestamptz not null default now()
);
create index registry_change_at on registry_change (at);
comment on table registry_change is 'What of the registry changed. Versions rise in the order of commits. Thrown away after a day.';

create function registry_changed() returns trigger language plpgsql as $$
declare whose uuid;
begin
  -- Held until the commit, so that whoever has seen a version has seen all below it.
  perform pg_advisory_xact_lock(7316234, 1);
  case tg_table_name
    when 'tenant' then whose := case when tg_op = 'DELETE' then old.id else new.id end;
    when 'tenant_host' then whose := case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
    else whose := null;
  end case;
  insert into registry_change (tenant) values (whose);
  return null;
end
$$;
create trigger registry_changed after insert or update or delete on tenant for each row execute function registry_changed();
create trigger registry_changed after insert or update or delete on tenant_host for each row execute function registry_changed();
create trigger registry_changed after insert or update or delete on reseller_base for each row execute function registry_changed();
create trigger registry_changed after update or delete on reseller for each row execute function registry_changed();

-- What a month came to.

create table month_count (
  month           date    not null constraint month_count_first check (extract(day from month) = 1),
  tenant          uuid    not null,
  reseller_id     uuid,
  plan            text    not null,
  status          text    not null,
  monthly_cents   integer,
  bookings        integer not null,
  bookings_staff  integer not null,
  sms_parts       integer,
  sms_micros  bigint,
  closed          timestamptz not null default now(),
  constraint month_count_pk primary key (month, tenant)
);
create index month_count_of_reseller on month_count (reseller_id, month);
comment on table month_count is 'A tenant''s month, closed: it never changes again. Null is what nobody could tell when it was closed, never nothing.';

create table count_correction (
  id          uuid        not null constraint count_correction_pk primary key,
  month       date        not null,
  concerns    date        not null,
  tenant      uuid        not null,
  reseller_id uuid,
  what        text        not null constraint count_correction_what check (what in ('bookings', 'bookings_staff', 'sms_parts', 'sms_micros', 'monthly_cents')),
  delta       bigint      not null constraint count_correction_delta check (delta <> 0),
  note        text        not null constraint count_correction_note check (length(note) between 1 and 300),
  account_id  uuid,
  created     timestamptz not null default now(),
  constraint count_correction_later check (month > concerns)
);
create index count_correction_of_reseller on count_correction (reseller_id, month);
comment on table count_correction is 'What was wrong in a closed month, as a row of a later one.';

create function is_frozen() returns trigger language plpgsql as $$
begin
  raise exception '% is closed', tg_table_name using errcode = 'check_violation', constraint = tg_table_name || '_frozen';
end
$$;
create trigger month_count_frozen before update or delete on month_count for each row execute function is_frozen();
create trigger count_correction_frozen before update or delete on count_correction for each row execute function is_frozen();

create table month_closed (
  scope  uuid not null,
  month  date not null,
  closed timestamptz not null default now(),
  constraint month_closed_pk primary key (scope, month)
);
comment on table month_closed is 'Which months of which reseller (nil: of the platform itself) are closed.';

-- Who is asked to work for a reseller or for the platform (no reseller).

create table portal_invitation (
  id          uuid        not null constraint portal_invitation_pk primary key,
  reseller_id uuid        constraint portal_invitation_reseller references reseller on delete cascade,
  email       text        not null constraint portal_invitation_email_lower check (email = lower(email)),
  name        text        not null,
  role        text        not null,
  language    text        not null default 'de',
  invited_by  text        not null,
  created     timestamptz not null default now(),
  expires     timestamptz not null,
  constraint portal_invitation_role check (role = 'platform_admin' and reseller_id is null
    or role in ('reseller_admin', 'reseller_agent') and reseller_id is not null),
  constraint portal_invitation_once unique nulls not distinct (reseller_id, email)
);
comment on table portal_invitation is 'Somebody who was asked to work in the portal and has not answered.';
grant select, insert, update, delete on portal_invitation to siegel_server;

-- Erasure.

create table deletion_certificate (
  id          uuid        not null constraint deletion_certificate_pk primary key,
  tenant      uuid        not null,
  reseller_id uuid,
  reason      text        not null,
  erased      timestamptz not null default now(),
  tables      jsonb       not null,
  redis_keys  integer     not null,
  people      integer     not null,
  mail_to     text        not null default '',
  mail_name   text        not null default '',
  language    text        not null default 'de'
);
create index deletion_certificate_of_reseller on deletion_certificate (reseller_id);
comment on table deletion_certificate is 'That a tenant is gone: which tables, how many rows, when. Nothing of what was in them.';
comment on column deletion_certificate.mail_to is 'Where the certificate goes; emptied a week later.';

-- Every column that names a tenant is called tenant_id, domain_id, scope_id or,
-- as text, scope.
create function tenant_relations() returns table (relation regclass, name text, col text, is_text boolean)
language sql stable as $$
  select c.oid::regclass, c.relname::text, a.attname::text, a.atttypid = 'text'::regtype
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
   where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
     and c.relkind in ('r', 'p') and not c.relispartition and not a.attisdropped and a.attnum > 0
     and (a.attname in ('tenant_id', 'domain_id', 'scope_id') and a.atttypid = 'uuid'::regtype
          or a.attname = 'scope' and a.atttypid = 'text'::regtype
             and not exists (select from pg_attribute i where i.attrelid = c.oid and i.attname = 'scope_id'))
     and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
   order by c.relname
$$;
comment on function tenant_relations is 'All tables that hold something of a tenant, found in the catalogue, so that a new one is never forgotten.';

create policy outbox_owner on outbox to current_user
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));

-- It runs as the schema's owner, who may delete where the server may not: what
-- is only ever added to. Row-level security is forced, so it too sees one
-- tenant only, and that one has to be closed.
create function erase_tenant(whose uuid) returns table (relation text, erased bigint)
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  waiting regclass[];
  stuck regclass[];
  r record;
  other uuid;
  n bigint;
  people uuid[];
  elsewhere uuid[];
begin
  if not exists (select from tenant t where t.id = whose and t.status = 'closed' for update) then
    raise exception 'only a closed tenant is erased' using errcode = 'check_violation', constraint = 'tenant_erase_closed';
  end if;
  perform set_config('siegel.tenant', whose::text, true);
  select array_agg(distinct m.account_id) into people from member m where m.tenant_id = whose;

  -- Counted before, since some rows go with others.
  for r in select * from tenant_relations() loop
    execute format('select count(*) from %s where %I = $1::%s', r.relation, r.col, case when r.is_text then 'text' else 'uuid' end)
      into n using whose;
    relation := r.name; erased := n;
    return next;
  end loop;

  insert into slug_retired (hash) select sha256(convert_to(s.slug, 'UTF8')) from tenant_slug s where s.tenant_id = whose on conflict do nothing;
  select array_agg(distinct x.relation) into waiting from tenant_relations() x;
  while cardinality(waiting) > 0 loop
    stuck := '{}';
    for r in select x.* from tenant_relations() x where x.relation = any(waiting) loop
      begin
        execute format('delete from %s where %I = $1::%s', r.relation, r.col, case when r.is_text then 'text' else 'uuid' end) using whose;
      exception when foreign_key_violation then
        stuck := stuck || r.relation;
      end;
    end loop;
    if cardinality(stuck) = cardinality(waiting) then
      raise exception 'tables hold on to each other: %', stuck;
    end if;
    waiting := stuck;
  end loop;

  delete from tenant t where t.id = whose;

  -- People who worked nowhere else go too.
  select coalesce(array_agg(p), '{}') into people from unnest(people) p
   where not exists (select from reseller_member x where x.account_id = p)
     and not exists (select from platform_member x where x.account_id = p);
  for other in select t.id from tenant t where cardinality(people) > 0 loop
    perform set_config('siegel.tenant', other::text, true);
    select array_agg(m.account_id) into elsewhere from member m where m.tenant_id = other and m.account_id = any(people);
    if elsewhere is not null then
      select coalesce(array_agg(p), '{}') into people from unnest(people) p where p <> all(elsewhere);
    end if;
  end loop;
  perform set_config('siegel.tenant', whose::text, true);
  delete from account a where a.id = any(people);
  get diagnostics n = row_count;
  relation := 'account'; erased := n;
  return next;
end
$$;
revoke all on function erase_tenant from public;
grant execute on function erase_tenant to siegel_server;

grant select, insert on tenant_slug, month_count, count_correction, month_closed, slug_retired to siegel_server;
grant select, insert, update, delete on tenant_host, reseller_base to siegel_server;
grant select, insert, delete on registry_change to siegel_server;
grant select, insert, update on deletion_certificate to siegel_server;
