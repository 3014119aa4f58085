-- Certificates of hosts, shared by all replicas: what belongs to no tenant,
-- since a handshake comes before anybody knows whose host it is for.

create table certificate_file (
  key      text        not null constraint certificate_file_pk primary key
    constraint certificate_file_key_length check (length(key) between 1 and 1000),
  value    bytea       not null,
  modified timestamptz not null default now()
);
comment on table certificate_file is 'Certificates, their keys, accounts at authorities and challenges under way, as a tree of files.';
comment on column certificate_file.value is 'Sealed with AES-256-GCM under a key derived from the server''s secret, bound to the key of the row.';

create table certificate_lock (
  name    text        not null constraint certificate_lock_pk primary key
    constraint certificate_lock_name_length check (length(name) between 1 and 1000),
  holder  uuid        not null,
  expires timestamptz not null
);
comment on table certificate_lock is 'Which replica works on what. A lock that its holder no longer renews falls to the next.';

create table certificate_attempt (
  host    text        not null constraint certificate_attempt_host_length check (length(host) between 1 and 260),
  at      timestamptz not null default now(),
  renewal boolean     not null
);
create index certificate_attempt_host on certificate_attempt (host, at);
create index certificate_attempt_at on certificate_attempt (at);
comment on table certificate_attempt is 'Requests to the authority in the last day, which limits them. Older rows go with the next attempt.';

grant select, insert, update, delete on certificate_file, certificate_lock, certificate_attempt to siegel_server;
