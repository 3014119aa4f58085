-- What all tenants share: people, their sessions, messages on their way out.
--
-- Two roles come with the schema and own nothing: siegel_server serves
-- requests, siegel_relay carries the outbox. A login role joins one of them.

do $$
begin
  if not exists (select from pg_roles where rolname = 'siegel_server') then
    create role siegel_server nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'siegel_relay') then
    create role siegel_relay nologin;
  end if;
end
$$;

grant usage on schema public to siegel_server, siegel_relay;

create table account (
  id                uuid        not null constraint account_pk primary key,
  email             text        not null constraint account_email_once unique,
  name              text        not null,
  language          text        not null default 'de',
  member_public_key bytea,
  created           timestamptz not null default now(),
  constraint account_email_lower check (email = lower(email))
);
comment on table account is 'A person who signs in. May be a member of several tenants.';
comment on column account.member_public_key is 'X-Wing public key that practice keys are wrapped for; its private part is known to the browser alone.';

create table credential (
  account_id         uuid  not null references account on delete cascade,
  kind               text  not null constraint credential_kind check (kind in ('password')),
  salt               bytea not null constraint credential_salt_length check (length(salt) = 16),
  sign_in_hash       bytea not null,
  wrapped_member_key bytea not null,
  changed            timestamptz not null default now(),
  constraint credential_pk primary key (account_id, kind)
);
comment on table credential is 'A way to sign in and unlock. The server sees a secret derived from the password, never the password, and keeps its hash.';

create table session (
  id_hash    bytea       not null constraint session_pk primary key,
  account_id uuid        not null references account on delete cascade,
  tenant_id  uuid        not null,
  created    timestamptz not null default now(),
  last_seen  timestamptz not null default now(),
  expires    timestamptz not null
);
create index session_account on session (account_id);
comment on table session is 'A signed-in browser in one office. id_hash is the SHA-256 of a 256-bit id that only the cookie holds.';

create table outbox (
  id            uuid        not null constraint outbox_pk primary key,
  tenant_id     uuid        not null,
  kind          text        not null,
  ref           text        not null,
  created       timestamptz not null default now(),
  run_at        timestamptz not null default now(),
  deadline      timestamptz not null,
  attempts      integer     not null default 0,
  claimed_until timestamptz,
  status        text        not null default 'waiting'
    constraint outbox_status check (status in ('waiting', 'sent', 'dropped', 'dead')),
  reason        text        not null default '',
  finished      timestamptz
);
create index outbox_due on outbox (run_at) where status = 'waiting';
comment on table outbox is 'Messages to send, ids only: the address is read at the moment of sending, and a message whose address has lapsed ends dropped.';

alter table outbox enable row level security;
alter table outbox force row level security;
create policy outbox_tenant on outbox to siegel_server
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
create policy outbox_relay on outbox to siegel_relay using (true) with check (true);

create table message_budget (
  scope   text    not null,
  channel text    not null constraint message_budget_channel check (channel in ('sms')),
  day     date    not null,
  taken   integer not null default 0,
  ceiling integer not null,
  constraint message_budget_pk primary key (scope, channel, day),
  constraint message_budget_kept check (taken <= ceiling)
);
comment on table message_budget is 'What may still be spent today: a row a tenant (scope is its id) and one for all (scope is empty). Taken in the transaction that queues the message.';

grant select, insert, update, delete on account, credential, session to siegel_server;
grant select, insert on outbox to siegel_server;
grant select, insert, update on message_budget to siegel_server;
grant select, update, delete on outbox to siegel_relay;
