-- Who carries messages: providers in their order, which of them are approved,
-- and what became of each message.

create table provider (
  id           uuid        not null constraint provider_pk primary key,
  kind         text        not null constraint provider_kind check (kind in ('sms', 'hosting')),
  plugin       text        not null,
  scope        text        not null constraint provider_scope check (scope in ('platform', 'reseller', 'tenant')),
  scope_id     uuid        not null,
  name         text        not null,
  position     integer     not null,
  enabled      boolean     not null default true,
  settings     jsonb       not null default '{}',
  secrets      bytea       not null default '',
  price_micros bigint      not null default 0 constraint provider_price check (price_micros between 0 and 100000000),
  currency     text        not null default 'EUR' constraint provider_currency check (currency ~ '^[A-Z]{3}$'),
  company      text        not null,
  address      text        not null,
  country      text        not null,
  version      text        not null default '',
  reports      boolean     not null default false,
  balance      boolean     not null default false,
  revision     integer     not null default 1,
  bootstrap    boolean     not null default false,
  created      timestamptz not null default now(),
  constraint provider_platform check ((scope = 'platform') = (scope_id = '00000000-0000-0000-0000-000000000000'))
);
create index provider_of_scope on provider (kind, scope, scope_id, position);
create unique index provider_bootstrap on provider (kind) where bootstrap;
comment on table provider is 'An account with a provider. Read before there is a tenant, and by those of the portal, so not under row-level security.';
comment on column provider.secrets is 'AES-256-GCM under a key of the server''s secret, bound to the row; never shown again.';
comment on column provider.bootstrap is 'Kept as the environment says.';
comment on column provider.price_micros is 'What a part costs, in millionths; the counts of costs rest on it.';

create table provider_approval (
  kind      text        not null,
  plugin    text        not null,
  scope     text        not null,
  scope_id  uuid        not null,
  company   text        not null,
  address   text        not null,
  country   text        not null,
  announced timestamptz not null default now(),
  notice_ends timestamptz not null,
  effective timestamptz not null,
  by        uuid,
  emergency text        not null default '',
  constraint provider_approval_pk primary key (kind, plugin, scope, scope_id)
);
comment on table provider_approval is 'The annex of the agreement: who may process messages for the tenants of a scope, and from when. Emergency is the reason where one took effect before its notice was over.';

create table provider_stance (
  tenant_id uuid        not null,
  kind      text        not null,
  plugin    text        not null,
  stance    text        not null constraint provider_stance_value check (stance in ('objected', 'agreed')),
  by        uuid        not null,
  reason    text        not null default '',
  at        timestamptz not null default now(),
  constraint provider_stance_pk primary key (tenant_id, kind, plugin)
);
comment on table provider_stance is 'What a tenant has said of a provider: it objects, or it agrees to one outside the EEA. Counted by those of the portal, so not under row-level security.';

create table provider_balance (
  provider_id uuid        not null constraint provider_balance_pk primary key references provider on delete cascade,
  micros      bigint,
  currency    text        not null default '',
  low_micros  bigint      not null default 0,
  failure     text        not null default '',
  asked       timestamptz not null default now()
);
comment on table provider_balance is 'What an account had when it was last asked; micros is null where it does not tell.';

create table message_delivery (
  message_id   uuid        not null constraint message_delivery_pk primary key,
  tenant_id    uuid        not null,
  booking_id   uuid,
  provider_id  uuid,
  plugin       text        not null default '',
  provider_ref text        not null default '',
  state        text        not null default 'queued'
    constraint message_delivery_state check (state in ('queued', 'submitted', 'delivered', 'failed', 'expired')),
  code         text        not null default '',
  reserved_on  date        not null,
  settled      boolean     not null default false,
  attempts     integer     not null default 0,
  refused      integer     not null default 0,
  parts        integer     not null default 0,
  cost_micros  bigint      not null default 0,
  currency     text        not null default 'EUR',
  created      timestamptz not null default now(),
  submitted    timestamptz,
  ended        timestamptz,
  constraint message_delivery_counts check (attempts >= refused)
);
create index message_delivery_by_ref on message_delivery (provider_id, provider_ref) where provider_ref <> '';
create index message_delivery_open on message_delivery (created) where state in ('queued', 'submitted');
create index message_delivery_of_tenant on message_delivery (tenant_id, created);
create index message_delivery_by_day on message_delivery (created);
create index message_delivery_of_booking on message_delivery (tenant_id, booking_id) where booking_id is not null;
comment on table message_delivery is 'What became of a text message: ids, counts and times, never a number or a text. Found by the provider''s id before the tenant is known, so not under row-level security.';
comment on column message_delivery.attempts is 'Calls begun, refused of them answered with no: where more were begun than refused, one may have left.';

-- States only go on, whoever writes.
create function message_delivery_goes_on() returns trigger language plpgsql as $$
begin
  if old.state <> new.state and (old.state in ('delivered', 'failed', 'expired')
      or (old.state = 'submitted' and new.state = 'queued')) then
    new.state := old.state;
    new.ended := old.ended;
    new.code := old.code;
  elsif old.state <> new.state and new.state in ('delivered', 'failed', 'expired') then
    new.ended := now();
  end if;
  return new;
end
$$;
create trigger message_delivery_monotone before update of state on message_delivery
  for each row execute function message_delivery_goes_on();

grant select, insert, update, delete on provider, provider_approval, provider_stance, provider_balance to siegel_server;
grant select, insert, update, delete on message_delivery to siegel_server;
