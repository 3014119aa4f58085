-- The practice's keys, as the server may hold them: public, or wrapped.

create table key_directory (
  tenant_id uuid        not null,
  sequence  bigint      not null constraint key_directory_sequence check (sequence > 0),
  document  bytea       not null,
  signature bytea       not null constraint key_directory_signature check (length(signature) = 64),
  issued    timestamptz not null,
  expires   timestamptz not null,
  constraint key_directory_pk primary key (tenant_id, sequence)
);
comment on table key_directory is 'The signed list of a practice''s keys and members, exactly the bytes that an owner signed.';

create table wrapped_key (
  tenant_id uuid    not null,
  kind      text    not null constraint wrapped_key_kind check (kind in ('identity', 'data', 'book')),
  epoch     integer not null constraint wrapped_key_epoch check (epoch > 0),
  holder    text    not null,
  enc       bytea   not null,
  ct        bytea   not null,
  constraint wrapped_key_pk primary key (tenant_id, kind, epoch, holder)
);
comment on table wrapped_key is 'A practice key sealed for one holder: the kid of a member''s key, or of the recovery key.';

create table keyring (
  tenant_id       uuid        not null constraint keyring_pk primary key,
  recovery_proven timestamptz
);
comment on column keyring.recovery_proven is 'When the printed recovery code was typed back. Public booking stays closed before.';

do $$
declare t text;
begin
  foreach t in array array['key_directory', 'wrapped_key', 'keyring'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
