-- The practice's own customer records, and what people ask of their data.

create table customer (
  tenant_id  uuid        not null,
  id         uuid        not null,
  version    integer     not null constraint customer_version check (version > 0),
  epoch      integer     not null,
  ciphertext bytea,
  changed    bigint      not null,
  stored     timestamptz not null default now(),
  constraint customer_pk primary key (tenant_id, id),
  constraint customer_changed_once unique (tenant_id, changed),
  constraint customer_gone check ((ciphertext is null) = (epoch = 0))
);
comment on table customer is 'What a practice keeps of somebody, under its book key. The server knows how many there are, when each changed, and how long each is in steps of a kilobyte.';
comment on column customer.ciphertext is 'Null once deleted: the row stays for a time, so that other desks hear of it.';
comment on column customer.changed is 'The number of the tenant''s change counter with which this was stored; what a desk has seen is below its cursor.';

create table customer_setting (
  tenant_id uuid    not null constraint customer_setting_pk primary key,
  import    boolean not null
);
comment on table customer_setting is 'What an owner decided about customer records; the strictest where there is no row.';
comment on column customer_setting.import is 'Whether many records may be brought in at once although the trade is a medical one.';

create table privacy_request (
  tenant_id  uuid        not null,
  id         uuid        not null,
  kind       text        not null constraint privacy_request_kind check (kind in
    ('access', 'portability', 'rectification', 'erasure', 'restriction', 'objection')),
  source     text        not null constraint privacy_request_source check (source in ('patient', 'office')),
  status     text        not null default 'open' constraint privacy_request_status check (status in ('open', 'done', 'refused')),
  booking_id uuid,
  received   timestamptz not null default now(),
  due        timestamptz not null,
  closed     timestamptz,
  envelope   text,
  version    integer     not null default 0,
  epoch      integer     not null default 0,
  ciphertext bytea,
  constraint privacy_request_pk primary key (tenant_id, id),
  constraint privacy_request_closed check ((status = 'open') = (closed is null)),
  constraint privacy_request_content check (envelope is not null or ciphertext is not null)
);
create index privacy_request_open on privacy_request (tenant_id, due) where status = 'open';
comment on table privacy_request is 'Requests under Art. 15 to 21 GDPR: what is asked and until when. Who asks and in which words is sealed.';
comment on column privacy_request.envelope is 'As the person sealed it to the practice''s data key, until the practice has opened it.';
comment on column privacy_request.ciphertext is 'The same and what was done about it, under the practice''s book key.';

do $$
declare t text;
begin
  foreach t in array array['customer', 'customer_setting', 'privacy_request'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
