-- People who sign in: where, by what, from which browsers, and what they
-- accepted before.

-- A session is of a domain: a tenant's office, or what somebody is in the
-- portal, which they may switch.
delete from session;
alter table session rename column tenant_id to domain_id;
alter table session
  add column id          uuid not null constraint session_id_once unique,
  add column domain_kind text not null default 'tenant'
    constraint session_domain_kind check (domain_kind in ('tenant', 'reseller', 'platform')),
  add column proven      timestamptz,
  add column method      text not null default 'password',
  add column ip          text not null default '',
  add column browser     text not null default '',
  add column system      text not null default '';
comment on table session is 'A signed-in browser in one office or in the portal. id_hash is the SHA-256 of a 256-bit id that only the cookie holds; id is what its owner ends it by.';
comment on column session.domain_id is 'The tenant or reseller; the nil uuid for the platform.';
comment on column session.proven is 'When the person last proved that it is they, beyond the cookie.';
comment on column session.ip is 'As the domain''s setting says: truncated or full.';

-- Nothing is lost when a password is: a new one signs in, and what it cannot
-- unwrap is gone until a passkey opens it or a new key is made.
alter table credential alter column wrapped_member_key drop not null;
comment on column credential.wrapped_member_key is 'The member key under the password''s other half; null after a recovery, which restores no keys.';

create table totp (
  account_id uuid        not null constraint totp_pk primary key references account on delete cascade,
  secret     bytea       not null,
  last_step  bigint      not null,
  created    timestamptz not null default now()
);
comment on table totp is 'A second factor: codes by time (RFC 6238). The secret is encrypted under a key of the server''s secret; a step is taken once.';

create table recovery_code (
  account_id uuid  not null references account on delete cascade,
  code_hash  bytea not null,
  used       timestamptz,
  constraint recovery_code_pk primary key (account_id, code_hash)
);
comment on table recovery_code is 'Codes on paper that stand in for a lost second factor, once each. They open no key.';

create table passkey (
  id                 bytea       not null constraint passkey_pk primary key,
  account_id         uuid        not null references account on delete cascade,
  rp_id              text        not null,
  record             bytea       not null,
  name               text        not null,
  prf_salt           bytea       constraint passkey_prf_salt check (length(prf_salt) = 32),
  wrapped_member_key bytea,
  created            timestamptz not null default now(),
  used               timestamptz,
  constraint passkey_wrap check ((prf_salt is null) = (wrapped_member_key is null))
);
create index passkey_account on passkey (account_id, rp_id);
comment on table passkey is 'A WebAuthn credential that verifies its user. Where the authenticator has a PRF, it also wraps the member key; the PRF''s output never leaves the browser.';

create table used_ticket (
  hash    bytea       not null constraint used_ticket_pk primary key,
  expires timestamptz not null
);
comment on table used_ticket is 'What the server handed out for one use and took back. Until it would have expired anyway.';

create table trusted_device (
  hash       bytea       not null constraint trusted_device_pk primary key,
  account_id uuid        not null references account on delete cascade,
  browser    text        not null,
  system     text        not null,
  created    timestamptz not null default now(),
  expires    timestamptz not null
);
create index trusted_device_account on trusted_device (account_id);
comment on table trusted_device is 'Where an account''s second factor is not asked for again today. The hash is of the device''s cookie, the account and the door.';

create table undertaking (
  account_id uuid        not null references account on delete cascade,
  version    text        not null,
  language   text        not null,
  text_hash  bytea       not null,
  accepted   timestamptz not null default now(),
  constraint undertaking_pk primary key (account_id, version)
);
comment on table undertaking is 'Who undertook to keep secrets (section 203 StGB), to which words, and when.';

create table sign_in_history (
  id          uuid        not null constraint sign_in_history_pk primary key,
  account_id  uuid        not null references account on delete cascade,
  domain_kind text        not null,
  domain_id   uuid        not null,
  at          timestamptz not null default now(),
  keep_until  timestamptz not null,
  method      text        not null,
  success     boolean     not null,
  ip          text        not null,
  browser     text        not null,
  system      text        not null
);
create index sign_in_history_account on sign_in_history (account_id, at desc);
create index sign_in_history_end on sign_in_history (keep_until);
create index sign_in_history_domain on sign_in_history (domain_id);
comment on table sign_in_history is 'Against faults and abuse only: when and whence somebody signed in or tried to. Goes at keep_until.';

create table account_recovery (
  id          uuid        not null constraint account_recovery_pk primary key,
  account_id  uuid        not null references account on delete cascade,
  domain_kind text        not null,
  domain_id   uuid        not null,
  created     timestamptz not null default now(),
  expires     timestamptz not null,
  used        timestamptz
);
create index account_recovery_account on account_recovery (account_id);
comment on table account_recovery is 'A link by mail to a new password. Nothing of the link is kept.';

-- What each domain decides about signing in. For the portal's domains tenant_id
-- is the reseller's id, or the uuid that stands for the platform.
create table sign_in_rule (
  tenant_id     uuid    not null constraint sign_in_rule_pk primary key,
  second_factor boolean not null default false,
  full_ip       boolean not null default false,
  history_days  integer not null default 90
    constraint sign_in_rule_days check (history_days between 1 and 365)
);
comment on table sign_in_rule is 'Whether everybody needs a second factor, and what the history of sign-ins keeps.';

create table oidc_provider (
  tenant_id     uuid        not null constraint oidc_provider_pk primary key,
  issuer        text        not null,
  client_id     text        not null,
  client_secret bytea       not null,
  label         text        not null,
  changed       timestamptz not null default now()
);
comment on table oidc_provider is 'Where a domain''s people may sign in by OpenID Connect. The secret is encrypted under a key of the server''s secret.';

create table oidc_binding (
  tenant_id  uuid        not null,
  issuer     text        not null,
  subject    text        not null,
  account_id uuid        not null,
  bound      timestamptz not null default now(),
  constraint oidc_binding_pk primary key (tenant_id, issuer, subject),
  constraint oidc_binding_account unique (tenant_id, issuer, account_id)
);
comment on table oidc_binding is 'Which person of a provider is which account, from the first sign-in on.';

do $$
declare t text;
begin
  foreach t in array array['sign_in_rule', 'oidc_provider', 'oidc_binding'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;

grant select, insert, update, delete on totp, recovery_code, passkey, used_ticket, trusted_device,
  undertaking, sign_in_history, account_recovery to siegel_server;
