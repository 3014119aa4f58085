-- Systems elsewhere that are told what has happened, and calendars that show
-- when somebody is busy.

create table webhook (
  tenant_id     uuid        not null,
  id            uuid        not null,
  name          text        not null constraint webhook_name check (length(name) between 1 and 80),
  url           text        not null constraint webhook_url check (length(url) between 1 and 500),
  events        text[]      not null constraint webhook_events check (cardinality(events) > 0),
  status        text        not null default 'active' constraint webhook_status check (status in ('active', 'off', 'failed')),
  secret        bytea       not null,
  old_secret    bytea,
  old_until     timestamptz,
  creator       uuid        not null,
  created       timestamptz not null default now(),
  tried         timestamptz,
  succeeded     timestamptz,
  failing_since timestamptz,
  constraint webhook_pk primary key (tenant_id, id),
  constraint webhook_old_secret check ((old_secret is null) = (old_until is null))
);
comment on table webhook is 'Where a system elsewhere is told of events. tenant_id may be the id of a reseller, which hears of its tenants.';
comment on column webhook.secret is 'What messages are signed with, encrypted under a key of the server''s; the one before is good beside it until old_until.';
comment on column webhook.status is 'off: by a person; failed: nobody had answered for days.';
comment on column webhook.failing_since is 'Since when nothing has arrived; null where the last thing did.';

create table webhook_delivery (
  tenant_id  uuid        not null,
  id         uuid        not null,
  webhook_id uuid        not null,
  event_id   uuid        not null,
  kind       text        not null,
  body       text        not null constraint webhook_delivery_body check (length(body) <= 4000),
  by_hand    boolean     not null default false,
  status     text        not null default 'waiting' constraint webhook_delivery_status check (status in ('waiting', 'delivered', 'dead', 'dropped')),
  attempts   integer     not null default 0,
  code       integer,
  reason     text        not null default '',
  millis     integer,
  created    timestamptz not null default now(),
  tried      timestamptz,
  constraint webhook_delivery_pk primary key (tenant_id, id),
  constraint webhook_delivery_webhook foreign key (tenant_id, webhook_id) references webhook (tenant_id, id) on delete cascade
);
create index webhook_delivery_latest on webhook_delivery (tenant_id, webhook_id, created desc);
create index webhook_delivery_created on webhook_delivery (tenant_id, created);
comment on table webhook_delivery is 'One event on its way to one webhook, and what became of it. The body has ids and times, never a person or a service; of the answer only its number is kept.';
comment on column webhook_delivery.event_id is 'The same for all webhooks and all repetitions: by it receivers know what they had.';

create table calendar_feed (
  tenant_id       uuid        not null,
  practitioner_id uuid        not null,
  hash            bytea       not null constraint calendar_feed_hash check (length(hash) = 32),
  creator         uuid        not null,
  created         timestamptz not null default now(),
  fetched         timestamptz,
  constraint calendar_feed_pk primary key (tenant_id, practitioner_id),
  constraint calendar_feed_once unique (tenant_id, hash)
);
comment on table calendar_feed is 'An address under which calendar programs see when a practitioner is busy, and nothing more. hash is the SHA-256 of what is secret in it.';

do $$
declare t text;
begin
  foreach t in array array['webhook', 'webhook_delivery', 'calendar_feed'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;

-- Nothing is sent any more to an address, or shown at one, that was taken back.
create trigger webhook_deleted after delete on webhook for each row execute function deletion_recorded('tenant_id', 'id');
create trigger calendar_feed_deleted after delete on calendar_feed for each row execute function deletion_recorded('tenant_id', 'practitioner_id');

create function instant_text(at timestamptz) returns text language sql stable as
$$ select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') $$;

-- Queues an event for all webhooks of a tenant that asked for it, in the
-- transaction of what has happened.
create function webhook_tell(whose uuid, about text, data jsonb) returns void language plpgsql as $$
declare
  event uuid := gen_random_uuid();
  said text := jsonb_build_object('type', about, 'timestamp', instant_text(now()), 'data', data)::text;
begin
  with queued as (
    insert into webhook_delivery (tenant_id, id, webhook_id, event_id, kind, body)
    select whose, gen_random_uuid(), w.id, event, about, said from webhook w
     where w.tenant_id = whose and w.status = 'active' and about = any(w.events)
    returning id
  )
  insert into outbox (id, tenant_id, kind, ref, deadline)
  select gen_random_uuid(), whose, 'webhook', q.id || '_1', now() + interval '4 days' from queued q;
end
$$;

create function appointment_told() returns trigger language plpgsql as $$
declare about text;
begin
  if new.test or not exists (select from webhook where tenant_id = new.tenant_id and status = 'active') then
    return null;
  end if;
  about := case
    when tg_op = 'INSERT' then case when new.replaces_id is null then 'appointment.booked' else 'appointment.moved' end
    when new.status = 'cancelled' and old.status <> 'cancelled' then
      case when new.cancelled_by = 'moved' then null else 'appointment.cancelled' end -- what takes its place is told
    when new.status <> old.status then 'appointment.status'
    when (new.starts, new.ends, new.practitioner_id, new.location_id) is distinct from (old.starts, old.ends, old.practitioner_id, old.location_id) then 'appointment.moved'
  end;
  if about is not null then
    perform webhook_tell(new.tenant_id, about, jsonb_build_object('tenant', 'ten_' || new.tenant_id, 'appointment', 'apt_' || new.id,
      'booking', 'bkg_' || new.booking_id, 'status', new.status, 'practitioner', 'prc_' || new.practitioner_id,
      'location', 'loc_' || new.location_id, 'starts', instant_text(new.starts), 'ends', instant_text(new.ends))
      || case when new.replaces_id is null then '{}' else jsonb_build_object('replaces', 'apt_' || new.replaces_id) end);
  end if;
  return null;
end
$$;
create trigger appointment_told after insert or update of status, starts, ends, practitioner_id, location_id on appointment
  for each row execute function appointment_told();

create function envelope_told() returns trigger language plpgsql as $$
begin
  if exists (select from webhook where tenant_id = new.tenant_id and status = 'active') then
    perform webhook_tell(new.tenant_id, 'inbox.new', jsonb_build_object('tenant', 'ten_' || new.tenant_id,
      'appointment', 'apt_' || new.appointment_id, 'booking', 'bkg_' || new.booking_id));
  end if;
  return null;
end
$$;
create trigger envelope_told after insert on envelope for each row execute function envelope_told();

create function practice_told() returns trigger language plpgsql as $$
begin
  if new.version <> old.version and exists (select from webhook where tenant_id = new.tenant_id and status = 'active') then
    perform webhook_tell(new.tenant_id, 'offer.changed', jsonb_build_object('tenant', 'ten_' || new.tenant_id, 'version', new.version));
  end if;
  return null;
end
$$;
create trigger practice_told after update of version on practice for each row execute function practice_told();

-- A reseller's rows are seen under its own id. Whose row it was about is put
-- back, since the transaction goes on.
create function reseller_tell(reseller uuid, about text, whose tenant) returns void language plpgsql as $$
declare before text := coalesce(current_setting('siegel.tenant', true), '');
begin
  if reseller is null then
    return;
  end if;
  perform set_config('siegel.tenant', reseller::text, true);
  perform webhook_tell(reseller, about, jsonb_build_object('tenant', 'ten_' || whose.id, 'status', whose.status));
  perform set_config('siegel.tenant', before, true);
end
$$;

create function tenant_told() returns trigger language plpgsql as $$
begin
  case tg_op
  when 'INSERT' then
    perform reseller_tell(new.reseller_id, 'tenant.created', new);
  when 'DELETE' then
    perform reseller_tell(old.reseller_id, 'tenant.erased', old);
  else
    if new.reseller_id is distinct from old.reseller_id then
      perform reseller_tell(old.reseller_id, 'tenant.moved_away', new);
      perform reseller_tell(new.reseller_id, 'tenant.moved_here', new);
    end if;
    if new.status <> old.status then
      perform reseller_tell(new.reseller_id, case new.status when 'suspended' then 'tenant.suspended' when 'closed' then 'tenant.closed'
        else case when old.status = 'suspended' then 'tenant.resumed' else 'tenant.activated' end end, new);
    end if;
    if new.set_up and not old.set_up then
      perform reseller_tell(new.reseller_id, 'tenant.handed_over', new);
    end if;
    if (new.notice_ends is null) <> (old.notice_ends is null) then
      perform reseller_tell(new.reseller_id, case when new.notice_ends is null then 'tenant.notice_withdrawn' else 'tenant.notice_given' end, new);
    end if;
  end case;
  return null;
end
$$;
create trigger tenant_told after insert or update or delete on tenant for each row execute function tenant_told();
