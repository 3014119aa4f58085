-- A table of tenants and one of all, for the tests of this package.

do $$
declare t text;
begin
  if not exists (select from pg_roles where rolname = 'siegel_server') then
    create role siegel_server nologin;
  end if;

  -- Semicolons; blank lines; a question mark, and a body within a body.
  foreach t in array array['note', 'line'] loop
    execute format($f$create table %I (
      tenant_id uuid not null,
      id        integer not null,
      body      text not null default 'is it; is it?',
      constraint %I primary key (tenant_id, id))$f$, t, t || '_pk');
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;

alter table note add constraint note_length check (length(body) < 100);
alter table line add constraint line_of_note foreign key (tenant_id, id) references note (tenant_id, id)
  deferrable initially deferred;

create table town (
  name text not null constraint town_pk primary key,
  size integer not null default 0
);
grant select, insert, update, delete on town to siegel_server;
