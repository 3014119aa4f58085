-- What patients can do where no time fits them, and on the practice's own site:
-- wait for an earlier time, ask to be called, write a line; and the sites that
-- may frame the patients' pages.

create table waiting_setting (
  tenant_id uuid    not null constraint waiting_setting_pk primary key,
  off       uuid[]  not null default '{}',
  at_once   integer not null default 1  constraint waiting_setting_at_once check (at_once between 1 and 10),
  minutes   integer not null default 60 constraint waiting_setting_minutes check (minutes between 5 and 1440)
);
comment on table waiting_setting is 'How a practice offers freed times to those who wait; the defaults where there is no row.';
comment on column waiting_setting.off is 'Services that nobody can wait for.';
comment on column waiting_setting.at_once is 'How many are offered one time at once; whoever takes it first has it.';
comment on column waiting_setting.minutes is 'How long an offer stands.';

create table waiting (
  tenant_id   uuid        not null,
  id          uuid        not null,
  secret_hash bytea       not null constraint waiting_secret_hash check (length(secret_hash) = 32),
  booking_id  uuid,
  joined      timestamptz not null default now(),
  last_day    date        not null,
  channel     text        not null constraint waiting_channel check (channel in ('mail', 'sms')),
  language    text        not null,
  sealed      bytea       not null,
  constraint waiting_pk primary key (tenant_id, id),
  constraint waiting_secret_once unique (tenant_id, secret_hash)
);
create index waiting_order on waiting (tenant_id, joined, id);
comment on table waiting is 'A place on the waiting list. No name is here or below it: who waits is known to nobody but the holder of the link.';
comment on column waiting.secret_hash is 'SHA-256 of the secret of the link: of the booking that is to become an earlier one, or of the place itself.';
comment on column waiting.booking_id is 'The booking that a taken offer replaces; null: there is none yet.';
comment on column waiting.sealed is 'Address, link and wishes, the service among them, under the key of last_day, which dies with it (platform/shred).';

create table waiting_consent (
  tenant_id  uuid        not null,
  id         uuid        not null,
  waiting_id uuid        not null,
  channel    text        not null constraint waiting_consent_channel check (channel in ('mail', 'sms')),
  version    text        not null,
  until      date        not null,
  given      timestamptz not null default now(),
  withdrawn  timestamptz,
  constraint waiting_consent_pk primary key (tenant_id, id),
  constraint waiting_consent_order check (given <= withdrawn)
);
create index waiting_consent_place on waiting_consent (tenant_id, waiting_id);
comment on table waiting_consent is 'That somebody wanted to hear of earlier times, until when, by which channel, to which words.';

create table waiting_offer (
  tenant_id       uuid        not null,
  id              uuid        not null,
  waiting_id      uuid        not null,
  state           text        not null default 'open' constraint waiting_offer_state check (state in ('open', 'taken', 'declined', 'ended')),
  practitioner_id uuid        not null,
  location_id     uuid        not null,
  starts          timestamptz not null,
  ends            timestamptz not null,
  made            timestamptz not null default now(),
  expires         timestamptz not null,
  by_hand         boolean     not null default false,
  constraint waiting_offer_pk primary key (tenant_id, id),
  constraint waiting_offer_once unique (tenant_id, waiting_id, practitioner_id, starts),
  constraint waiting_offer_place foreign key (tenant_id, waiting_id) references waiting (tenant_id, id) on delete cascade,
  constraint waiting_offer_order check (starts < ends and made <= expires)
);
create index waiting_offer_time on waiting_offer (tenant_id, practitioner_id, starts) where state = 'open';
comment on table waiting_offer is 'A time offered to somebody who waits. It stays in sale meanwhile: an offer is no hold.';

create table call_back_setting (
  tenant_id uuid    not null constraint call_back_setting_pk primary key,
  open      boolean not null,
  topics    text[]  not null default '{}' constraint call_back_setting_topics check (cardinality(topics) <= 20)
);
comment on table call_back_setting is 'Whether patients can ask to be called, and what about.';

create table communication (
  tenant_id  uuid        not null,
  id         uuid        not null,
  booking_id uuid,
  suite      smallint    not null,
  kid        text        not null,
  enc        bytea       not null,
  ct         bytea       not null,
  received   timestamptz not null default now(),
  done       timestamptz,
  constraint communication_pk primary key (tenant_id, id)
);
create index communication_open on communication (tenant_id, received) where done is null;
comment on table communication is 'A sealed word from a patient (FHIR Communication): about a booking, or, without one, the wish to be called.';
comment on column communication.done is 'When somebody ticked it off; it goes thirty days later.';

create table embedding (
  tenant_id uuid   not null constraint embedding_pk primary key,
  sites     text[] not null default '{}' constraint embedding_sites check (cardinality(sites) <= 20)
);
comment on table embedding is 'The origins of the practice''s own pages, which may frame the patients'' pages.';

do $$
declare t text;
begin
  foreach t in array array['waiting_setting', 'waiting', 'waiting_consent', 'waiting_offer', 'call_back_setting', 'communication',
    'embedding'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
