-- What visitors may read of announcements, since when parts of the service work
-- or do not, and resellers' domains that are looked at again.

alter table announcement add column public boolean not null default false;
comment on column announcement.public is 'Also shown to everybody, on the page that says whether the service works.';

create table service_state (
  part  text        not null constraint service_state_pk primary key
    constraint service_state_part check (part in ('database', 'memory', 'mail', 'texts')),
  well  boolean     not null,
  since timestamptz not null
);
comment on table service_state is 'What the page about the service says of each part, over restarts: whether it works, and since when.';
grant select, insert, update on service_state to siegel_server;

alter table reseller_base add column lost timestamptz;
comment on column reseller_base.lost is 'Since when nothing proves any more that the domain is the reseller''s; null where it is proven. After a grace it counts no more.';

-- Only what decides about names makes servers read them all again.
drop trigger registry_changed on reseller_base;
create trigger registry_changed after insert or delete or update of verified on reseller_base for each row execute function registry_changed();
