-- Bringing up domains of practices' own: how far each of them is.

create table domain_setup (
  host          text        not null,
  tenant_id     uuid        not null constraint domain_setup_tenant references tenant (id) on delete cascade,
  provider_id   uuid        not null,
  by            uuid        not null,
  replace       boolean     not null default false,
  removing      boolean     not null default false,
  step          text        not null default 'ownership'
    constraint domain_setup_step check (step in ('ownership', 'records', 'propagation', 'certificate', 'request', 'done')),
  proxy         boolean     not null default false,
  problem       text        not null default '' constraint domain_setup_problem check (length(problem) <= 40),
  stopped       boolean     not null default false,
  records       jsonb       not null default '[]',
  tries         integer     not null default 0,
  started       timestamptz not null default now(),
  since         timestamptz not null default now(),
  next_at       timestamptz not null default now(),
  claimed_until timestamptz,
  constraint domain_setup_pk primary key (tenant_id, host),
  constraint domain_setup_host check (host ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$' and length(host) <= 253)
);
create index domain_setup_due on domain_setup (next_at) where not stopped and (step <> 'done' or removing);
comment on table domain_setup is 'Domains that are being brought up, or are, or are being taken back. Whoever works on them looks for those of all tenants.';
comment on column domain_setup.provider_id is 'At whom the records are set. It may be gone by now: then the domain stays and only taking it back needs hands.';
comment on column domain_setup.problem is 'What it waits for, one word; stopped says that somebody has to decide.';
comment on column domain_setup.records is 'What somebody has to set or remove by hand: type, name, value, present.';
comment on column domain_setup.since is 'When the step began.';

grant select, insert, update, delete on domain_setup to siegel_server;
