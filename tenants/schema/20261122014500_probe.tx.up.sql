-- The sealed word of the day, by which it shows that a practice can still open
-- what is sealed to it.

create table probe (
  tenant_id uuid        not null constraint probe_pk primary key,
  id        uuid        not null,
  suite     smallint,
  kid       text,
  enc       bytea,
  ct        bytea,
  word      bytea       not null constraint probe_word check (length(word) = 32),
  sent      timestamptz not null,
  due       timestamptz not null,
  opened    timestamptz,
  told      timestamptz,
  constraint probe_sealed check (opened is not null or (suite is not null and kid is not null and enc is not null and ct is not null))
);
comment on table probe is 'A practice''s newest synthetic envelope; no booking. Once opened, its ciphertext goes.';
comment on column probe.word is 'SHA-256 of what is sealed: only who opens the envelope knows what has it.';
comment on column probe.due is 'The end of the practice''s next open day after it was sent. Unopened then, it alarms.';

alter table probe enable row level security;
alter table probe force row level security;
create policy probe_tenant on probe
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update, delete on probe to siegel_server;

-- The rest of what is over by the clock, after purge_tenant: waiting places,
-- patients' words, requests, and what names a booking of which nothing is left.
-- It runs as the schema's owner, since some of it the server may not delete.
create function purge_rest(whose uuid, at timestamptz, appointments_before timestamptz, audit_before timestamptz, proofs_before timestamptz)
  returns table (relation text, purged bigint)
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform set_config('siegel.tenant', whose::text, true);

  -- An address for an earlier time is unreadable once its last day is over.
  relation := 'waiting_offer'; delete from waiting_offer x where x.tenant_id = whose and (x.ends < appointments_before
    or exists (select from waiting w where w.tenant_id = whose and w.id = x.waiting_id and w.last_day < at::date - 1)); get diagnostics purged = row_count; return next;
  relation := 'waiting'; delete from waiting x where x.tenant_id = whose and x.last_day < at::date - 1; get diagnostics purged = row_count; return next;
  relation := 'waiting_consent'; delete from waiting_consent x where x.tenant_id = whose
    and least(x.until::timestamptz, x.withdrawn) < appointments_before; get diagnostics purged = row_count; return next;
  relation := 'communication'; delete from communication x where x.tenant_id = whose and (x.done < at - interval '30 days' or x.received < at - interval '90 days'
    or x.booking_id is not null and not exists (select from appointment a where a.tenant_id = whose and a.booking_id = x.booking_id)); get diagnostics purged = row_count; return next;
  relation := 'privacy_request'; delete from privacy_request x where x.tenant_id = whose and x.closed < proofs_before; get diagnostics purged = row_count; return next;
  -- Other desks have heard of it by then.
  relation := 'customer'; delete from customer x where x.tenant_id = whose and x.ciphertext is null and x.stored < at - interval '90 days'; get diagnostics purged = row_count; return next;
  relation := 'handover'; delete from handover x where x.tenant_id = whose
    and not exists (select from appointment a where a.tenant_id = whose and a.booking_id = x.booking_id); get diagnostics purged = row_count; return next;
  relation := 'takeover_row'; delete from takeover_row x where x.tenant_id = whose
    and not exists (select from appointment a where a.tenant_id = whose and a.booking_id = x.booking_id); get diagnostics purged = row_count; return next;
  -- Why somebody was away is nobody's business later.
  relation := 'closure'; delete from closure x where x.tenant_id = whose and x.ends_on < (appointments_before - interval '1 day')::date; get diagnostics purged = row_count; return next;
  relation := 'invitation'; delete from invitation x where x.tenant_id = whose and x.expires < at; get diagnostics purged = row_count; return next;
  relation := 'connector'; delete from connector x where x.tenant_id = whose and x.revoked < audit_before; get diagnostics purged = row_count; return next;
  relation := 'api_token'; delete from api_token x where x.tenant_id = whose and least(x.revoked, x.expires) < audit_before
    and not exists (select from connector c where c.tenant_id = whose and c.token_id = x.id); get diagnostics purged = row_count; return next;
end
$$;
revoke execute on function purge_rest from public;
grant execute on function purge_rest to siegel_server;

alter table evidence add column told timestamptz;
comment on column evidence.told is 'When owners and operator were written to that it ends; null again with another date.';
