-- The program that runs inside a practice and takes its bookings to the
-- practice's own systems.

create table connector (
  tenant_id    uuid        not null,
  id           uuid        not null,
  name         text        not null constraint connector_name check (length(name) between 1 and 80),
  creator      uuid        not null,
  created      timestamptz not null default now(),
  code_hash    bytea       not null constraint connector_code_hash check (length(code_hash) = 32),
  code_expires timestamptz not null,
  public_key   bytea,
  token_id     uuid,
  claimed      timestamptz,
  seen         timestamptz,
  revoked      timestamptz,
  constraint connector_pk primary key (tenant_id, id),
  constraint connector_token foreign key (tenant_id, token_id) references api_token (tenant_id, id),
  constraint connector_claim check ((claimed is null) = (public_key is null) and (claimed is null) = (token_id is null))
);
create unique index connector_one on connector (tenant_id) where revoked is null;
comment on table connector is 'A program in the practice with a key and a token of its own. One at a time; it is waiting for its code until claimed.';

create table forwarding (
  tenant_id uuid        not null constraint forwarding_pk primary key,
  mode      text        not null constraint forwarding_mode check (mode in ('book', 'forward')),
  changed   timestamptz not null default now()
);
comment on table forwarding is 'Where opened bookings live: book, as cards here, which is so where there is no row; forward, in the practice alone, once its connector has them.';

-- From one sequence, so that a version is never used twice, whatever was deleted.
create sequence handover_version;
grant usage on sequence handover_version to siegel_server;

create table handover (
  tenant_id  uuid        not null,
  booking_id uuid        not null,
  version    bigint      not null,
  since      timestamptz not null default now(),
  constraint handover_pk primary key (tenant_id, booking_id)
);
create index handover_order on handover (tenant_id, version);
comment on table handover is 'Bookings whose state the practice''s connector has yet to take. The row goes when it acknowledges the version that is in it.';

-- Whatever changes an appointment makes it due, in its transaction.
create function appointment_to_hand_over() returns trigger language plpgsql as $$
begin
  if exists (select from connector where tenant_id = new.tenant_id and claimed is not null and revoked is null) then
    insert into handover (tenant_id, booking_id, version)
    values (new.tenant_id, new.booking_id, nextval('handover_version'))
    on conflict (tenant_id, booking_id) do update set version = excluded.version, since = now();
  end if;
  return null;
end
$$;
create trigger appointment_to_hand_over
  after insert or update of status, starts, ends, practitioner_id, location_id on appointment
  for each row execute function appointment_to_hand_over();

do $$
declare t text;
begin
  foreach t in array array['connector', 'forwarding', 'handover'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;

-- A booking's appointments, those it was moved away from among them.
create index appointment_of_booking on appointment (tenant_id, booking_id);
