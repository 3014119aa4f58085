-- Nobody reports on a mail that the mail server has taken: it is open no longer.

drop index message_delivery_open;
create index message_delivery_open on message_delivery (created)
  where state = 'queued' or state = 'submitted' and provider_id is not null;
