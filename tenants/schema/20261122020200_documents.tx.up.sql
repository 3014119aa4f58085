-- Documents that a practice which is no medical one keeps with its customers.

create table customer_file (
  tenant_id   uuid        not null,
  id          uuid        not null,
  customer_id uuid        not null,
  epoch       integer     not null constraint customer_file_epoch check (epoch > 0),
  ciphertext  bytea       not null constraint customer_file_size check (length(ciphertext) between 16412 and 5259292),
  stored      timestamptz not null default now(),
  constraint customer_file_pk primary key (tenant_id, id),
  constraint customer_file_customer foreign key (tenant_id, customer_id) references customer (tenant_id, id) on delete cascade
);
create index customer_file_of_customer on customer_file (tenant_id, customer_id);
-- What is random does not become smaller.
alter table customer_file alter column ciphertext set storage external;
comment on table customer_file is 'A file under the practice''s book key. What it is called and of which type it is stands in the customer''s record, which the server cannot read either; the server knows whose it is, and how long it is in steps of 16 kilobytes.';

alter table customer_file enable row level security;
alter table customer_file force row level security;
create policy customer_file_tenant on customer_file
  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid));
grant select, insert, update, delete on customer_file to siegel_server;

create trigger customer_file_deleted after delete on customer_file for each row execute function deletion_recorded('tenant_id', 'id');

-- Who is forgotten leaves no document, in the same transaction.
create function customer_files_forgotten() returns trigger language plpgsql as $$
begin
  delete from customer_file where tenant_id = new.tenant_id and customer_id = new.id;
  return null;
end
$$;
create trigger customer_files_forgotten after update of ciphertext on customer for each row
  when (old.ciphertext is not null and new.ciphertext is null) execute function customer_files_forgotten();
