-- A relay finds what is due of its own kinds by the index, however much waits
-- of others.

drop index outbox_due;
create index outbox_due on outbox (kind, run_at) where status = 'waiting';
