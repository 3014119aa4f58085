-- What owners have yet to be told of the annex.

alter table provider_approval
  add column tell text not null default '' constraint provider_approval_tell check (tell in ('', 'announced', 'emergency'));
create index provider_approval_untold on provider_approval (announced) where tell <> '';
comment on column provider_approval.tell is 'What the owners of the tenants of the scope are to be told by letter; empty once the letters are queued.';
