-- Tenants and their people.

create table tenant (
  id      uuid        not null constraint tenant_pk primary key,
  slug    text        not null constraint tenant_slug_once unique,
  status  text        not null default 'active'
    constraint tenant_status check (status in ('trial', 'active', 'suspended', 'closed')),
  created timestamptz not null default now(),
  constraint tenant_slug_form check (slug ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$')
);
comment on table tenant is 'A practice or business. Its slug is its host name below the base domain.';

create table member (
  tenant_id  uuid        not null,
  account_id uuid        not null,
  role       text        not null constraint member_role check (role in ('owner', 'practitioner', 'front_desk')),
  vouch      bytea       not null constraint member_vouch check (length(vouch) = 32),
  created    timestamptz not null default now(),
  constraint member_pk primary key (tenant_id, account_id)
);
comment on table member is 'Who works in a tenant, and as what.';
comment on column member.vouch is 'The member''s own word, under the member''s key, that the tenant''s identity key is the right one. Only the member''s client can make or check it.';

alter table member enable row level security;
alter table member force row level security;
create policy member_tenant on member
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));

create table change_counter (
  tenant_id uuid   not null constraint change_counter_pk primary key,
  counter   bigint not null default 0
);
comment on table change_counter is 'Counts what the office should look at again. Updated last in a transaction, so that a higher number is always the later commit.';

alter table change_counter enable row level security;
alter table change_counter force row level security;
create policy change_counter_tenant on change_counter
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));

grant select, insert, update on tenant to siegel_server;
grant select, insert, update, delete on member to siegel_server;
grant select, insert, update on change_counter to siegel_server;
