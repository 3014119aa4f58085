-- Resellers, and the people of resellers and of the platform.

create table reseller (
  id      uuid        not null constraint reseller_pk primary key,
  name    text        not null,
  created timestamptz not null default now()
);
comment on table reseller is 'Who sells and looks after practices. Sees counts and health of its tenants, never a patient.';

alter table tenant
  add column reseller_id uuid constraint tenant_reseller references reseller (id);
create index tenant_of_reseller on tenant (reseller_id);
comment on column tenant.reseller_id is 'Who looks after the tenant; null: the platform itself.';

create table reseller_member (
  reseller_id uuid        not null references reseller on delete cascade,
  account_id  uuid        not null references account on delete cascade,
  role        text        not null constraint reseller_member_role check (role in ('reseller_admin', 'reseller_agent')),
  created     timestamptz not null default now(),
  constraint reseller_member_pk primary key (reseller_id, account_id)
);
create index reseller_member_account on reseller_member (account_id);
comment on table reseller_member is 'Who works for a reseller, and as what.';

create table platform_member (
  account_id uuid        not null constraint platform_member_pk primary key references account on delete cascade,
  role       text        not null constraint platform_member_role check (role in ('platform_admin')),
  created    timestamptz not null default now()
);
comment on table platform_member is 'Who runs the installation.';

grant select, insert, update, delete on reseller, reseller_member, platform_member to siegel_server;
