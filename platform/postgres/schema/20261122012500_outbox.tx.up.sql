-- A claimed message is due again when its lease ends: one column says when a
-- message may be taken, and its index holds nothing that may not yet.

alter table outbox drop column claimed_until;
comment on column outbox.run_at is 'When a relay may take the message; while one carries it, the end of its lease.';
