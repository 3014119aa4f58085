package main

// floorSchema has the product's tables as far as bookings touch them: the same
// columns, primary keys, uniqueness, exclusion and index for reading. Foreign
// keys, checks and row-level security are the product's own business.
const floorSchema = `
create extension if not exists btree_gist;
create table practice (tenant_id uuid primary key, slug text not null unique, version bigint not null default 1);
create table resource (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
create table appointment (
  tenant_id uuid not null, id uuid not null, booking_id uuid not null, status text not null, source text not null,
  practitioner_id uuid not null, resource_id uuid not null, location_id uuid not null,
  starts timestamptz not null, ends timestamptz not null, cancel_until timestamptz not null,
  secret_hash bytea not null, created timestamptz not null default now(),
  primary key (tenant_id, id), unique (tenant_id, secret_hash), unique (tenant_id, booking_id)
);
create index on appointment (tenant_id, starts);
create table occupation (
  tenant_id uuid not null, resource_id uuid not null, unit integer not null,
  starts timestamptz not null, ends timestamptz not null, appointment_id uuid not null,
  primary key (tenant_id, resource_id, unit, starts),
  exclude using gist (tenant_id with =, resource_id with =, unit with =, tstzrange(starts, ends, '[)') with &&)
);
create index on occupation (tenant_id, resource_id, starts) include (ends, unit);
create table envelope (
  tenant_id uuid not null, id uuid not null, booking_id uuid not null, appointment_id uuid not null,
  suite smallint not null, kid text not null, enc bytea not null, ct bytea not null,
  received timestamptz not null default now(),
  primary key (tenant_id, id), unique (tenant_id, booking_id)
);
create table patient_copy (
  tenant_id uuid not null, booking_id uuid not null, appointment_id uuid not null, ciphertext bytea not null,
  primary key (tenant_id, booking_id)
);
create table outbox (
  id uuid primary key, tenant_id uuid not null, kind text not null, ref text not null,
  created timestamptz not null default now(), deadline timestamptz not null, status text not null default 'waiting'
);
create table change_counter (tenant_id uuid primary key, counter bigint not null default 0);
create table audit_entry (
  tenant_id uuid not null, id uuid not null, at timestamptz not null default now(), actor text not null, actor_id uuid,
  act text not null, object text not null, detail text not null, address text not null,
  primary key (tenant_id, id)
);
create index on audit_entry (tenant_id, at, id);
create table audit_due (id bigint generated always as identity primary key, tenant_id uuid not null);
create table statement_version (tenant_id uuid not null, number integer not null, primary key (tenant_id, number));
create table statement_shown (tenant_id uuid not null, booking_id uuid not null, number integer not null, primary key (tenant_id, booking_id));
create table message_delivery (
  message_id uuid primary key, tenant_id uuid not null, booking_id uuid, channel text not null, kind text not null,
  state text not null default 'queued', code text not null default '', reserved_on date not null, settled boolean not null,
  attempts integer not null default 0, created timestamptz not null default now(), submitted timestamptz
);
create index on message_delivery (created) where state = 'queued';
create index on message_delivery (tenant_id, created);
create index on message_delivery (created);
create index on message_delivery (tenant_id, booking_id) where booking_id is not null;
create index on message_delivery (tenant_id, created) where state in ('failed', 'expired');
`
