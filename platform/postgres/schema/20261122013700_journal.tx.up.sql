-- What was erased, so that a restored backup does not bring it back.

do $$
begin
  if not exists (select from pg_roles where rolname = 'siegel_backup') then
    create role siegel_backup nologin;
  end if;
end
$$;
grant usage on schema public to siegel_backup;

create table deletion_journal (
  id       uuid        not null default gen_random_uuid() constraint deletion_journal_pk primary key,
  at       timestamptz not null default now(),
  relation text        not null,
  columns  text[]      not null,
  hash     bytea       not null constraint deletion_journal_hash check (length(hash) = 32),
  shipped  timestamptz
);
create index deletion_journal_unshipped on deletion_journal (at) where shipped is null;
comment on table deletion_journal is 'Which rows were erased: a hash of each one''s key, nothing of what was in it. Copied to where the backups are, and replayed over a restored one.';
comment on column deletion_journal.hash is 'SHA-256 of the table''s name and the values of columns, joined by |.';
comment on column deletion_journal.shipped is 'When it was copied to where the backups are.';

-- The trigger of every table whose rows are erased, and not merely moved or
-- made again. Its arguments are the columns that tell a row from all others
-- (uuid or text). It runs as the owner: the server can neither read the
-- journal nor erase without it.
create function deletion_recorded() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  named text := tg_table_name;
  c text;
begin
  foreach c in array tg_argv loop
    named := named || '|' || coalesce(to_jsonb(old) ->> c, '');
  end loop;
  insert into deletion_journal (relation, columns, hash)
    values (tg_table_name, array(select unnest(tg_argv)), sha256(convert_to(named, 'UTF8')));
  return null;
end
$$;
revoke all on function deletion_recorded from public;

create trigger account_deleted after delete on account for each row execute function deletion_recorded('id');
create trigger passkey_deleted after delete on passkey for each row execute function deletion_recorded('id');

grant select, delete, update (shipped) on deletion_journal to siegel_backup;

-- The doctor tells whether the schema is the binary's.
do $$
begin
  if to_regclass('bun_migrations_platform') is not null then
    grant select on bun_migrations_platform to siegel_server;
  end if;
end
$$;
