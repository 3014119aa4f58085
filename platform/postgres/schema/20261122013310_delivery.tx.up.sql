-- What becomes of mails is kept beside what becomes of text messages, and
-- reminders have a budget of their own, on the day on which they leave.

alter table message_delivery
  add column channel text not null default 'sms' constraint message_delivery_channel check (channel in ('mail', 'sms')),
  add column kind    text not null default '',
  add column budget  text not null default 'sms' constraint message_delivery_budget check (budget in ('sms', 'sms_reminder'));
comment on table message_delivery is 'What became of a message: ids, counts and times, never an address or a text. Found by the provider''s id, or by that of a mail that came back, before the tenant is known, so not under row-level security.';
comment on column message_delivery.kind is 'What it was about, as the outbox names it; empty until the first attempt.';
comment on column message_delivery.budget is 'Of which budget a part was taken, on reserved_on.';
create index message_delivery_failed on message_delivery (tenant_id, created) where state in ('failed', 'expired');

alter table message_budget
  drop constraint message_budget_channel,
  add constraint message_budget_channel check (channel in ('sms', 'sms_reminder'));
comment on column message_budget.channel is 'sms: codes and what staff has to say. sms_reminder: reminders, which may be queued weeks ahead and leave the others their share.';
