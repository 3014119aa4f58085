-- Keys that die with their day: which chain counts, and where it stands. The
-- hash tells whether somebody's key is the right one, and opens nothing.

create table shred_chain (
  one   boolean     not null default true constraint shred_chain_pk primary key constraint shred_chain_one check (one),
  id    uuid        not null,
  day   date        not null,
  hash  bytea       not null constraint shred_chain_hash check (length(hash) = 32),
  begun timestamptz not null default now()
);
comment on table shred_chain is 'The one chain of day keys in force. hash is the SHA-256 of the key of its day; the key itself is in no database and no backup.';

grant select, insert, update on shred_chain to siegel_server, siegel_relay;
