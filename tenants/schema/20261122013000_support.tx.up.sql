-- Support that a practice lets in for a time; names that are looked at again;
-- and who was told of a new version of the agreement.

alter table member
  drop constraint member_role,
  add constraint member_role check (role in ('owner', 'practitioner', 'front_desk', 'billing', 'support')),
  add constraint member_until_for_support check ((role = 'support') = (until is not null)),
  add constraint member_support_without_keys check (role <> 'support' or vouch is null);

alter table tenant_host add column lost timestamptz;
comment on column tenant_host.lost is 'Since when nothing proves any more that the host is the practice''s; null where it is proven. After a grace it counts no more.';

create table agreement_told (
  tenant_id  uuid        not null,
  version    text        not null,
  account_id uuid        not null,
  told       timestamptz not null default now(),
  constraint agreement_told_pk primary key (tenant_id, version, account_id)
);
comment on table agreement_told is 'Which owner was written to about which version of the agreement: once.';

alter table agreement_told enable row level security;
alter table agreement_told force row level security;
create policy agreement_told_tenant on agreement_told
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update, delete on agreement_told to siegel_server;

create table agreement_published (
  version text        not null constraint agreement_published_pk primary key,
  done    timestamptz not null default now()
);
comment on table agreement_published is 'Versions of which all owners have been told.';
grant select, insert on agreement_published to siegel_server;

alter table portal_invitation add column sent integer not null default 1;
