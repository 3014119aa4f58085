-- From wanting to take part to the first bookable slot: registrations, the
-- facts of a business, its agreement, invitations.

-- Who joins vouches for the practice's identity only once the words have been
-- compared; and not everybody who works in a practice reads names.
alter table member
  alter column vouch drop not null,
  drop constraint member_role,
  add constraint member_role check (role in ('owner', 'practitioner', 'front_desk', 'billing'));
comment on column member.vouch is 'The member''s own word, under the member''s key, that the tenant''s identity key is the right one; null until the words were compared. Only the member''s client can make or check it.';

create table registration (
  id        uuid        not null constraint registration_pk primary key,
  email     text        not null constraint registration_email_lower check (email = lower(email)),
  visitor   bytea       not null,
  details   jsonb       not null,
  tenant_id uuid,
  claimed   timestamptz,
  confirmed timestamptz,
  created   timestamptz not null default now(),
  expires   timestamptz not null default now() + interval '24 hours'
);
create index registration_email on registration (email);
create index registration_visitor on registration (visitor);
create index registration_expires on registration (expires);
comment on table registration is 'A business that somebody wants to set up, until the address is confirmed; kept for a day. Belongs to no tenant yet.';
comment on column registration.visitor is 'A keyed hash of the network that it came from, for counting.';
comment on column registration.tenant_id is 'The tenant that confirming has made, so that a confirmation that broke off goes on.';

grant select, insert, update, delete on registration to siegel_server;

create table business (
  tenant_id          uuid        not null constraint business_pk primary key,
  specialty          text        not null,
  company            text        not null default '',
  street             text        not null default '',
  postal_code        text        not null default '',
  city               text        not null default '',
  responsible        text        not null default '',
  chamber            text        not null default '',
  professional_title text        not null default '',
  title_state        text        not null default '',
  professional_rules text        not null default '',
  association        text        not null default '',
  register           text        not null default '',
  vat_id             text        not null default '',
  protection_officer text        not null default '',
  alone              boolean     not null default false,
  open               boolean     not null default false,
  first_opened       timestamptz,
  created            timestamptz not null default now()
);
comment on table business is 'What the law wants said of a business, and whether its owner has opened booking.';
comment on column business.association is 'For physicians and psychotherapists the KV, for dentists the KZV.';
comment on column business.alone is 'One person holds the keys, knowingly: the recovery code is the second holder.';

create table agreement (
  tenant_id  uuid        not null,
  id         uuid        not null,
  version    text        not null,
  language   text        not null,
  provider   bytea       not null constraint agreement_provider check (length(provider) = 32),
  hash       bytea       not null constraint agreement_hash check (length(hash) = 32),
  document   text        not null,
  account_id uuid        not null,
  name       text        not null,
  accepted   timestamptz not null default now(),
  constraint agreement_pk primary key (tenant_id, id)
);
comment on table agreement is 'Each acceptance of terms and processing agreement, with the text as it was read.';
comment on column agreement.provider is 'SHA-256 of who the other parties are: other parties are another agreement.';
comment on column agreement.hash is 'SHA-256 of document.';

create table invitation (
  tenant_id  uuid        not null,
  id         uuid        not null,
  handover   boolean     not null default false,
  email      text        not null constraint invitation_email_lower check (email = lower(email)),
  name       text        not null,
  role       text        not null constraint invitation_role check (role in ('owner', 'practitioner', 'front_desk', 'billing')),
  language   text        not null,
  invited_by text        not null,
  sent       integer     not null default 1,
  created    timestamptz not null default now(),
  expires    timestamptz not null,
  constraint invitation_pk primary key (tenant_id, id),
  constraint invitation_once unique (tenant_id, email),
  constraint invitation_handover check (not handover or role = 'owner')
);
comment on table invitation is 'Somebody who was asked to join and has not answered. handover: the first owner, asked by who prepared the practice.';

do $$
declare t text;
begin
  foreach t in array array['business', 'agreement', 'invitation'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy %I on %I '
      'using (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid)) '
      'with check (tenant_id = (select nullif(current_setting(''siegel.tenant'', true), '''')::uuid))', t || '_tenant', t);
    execute format('grant select, insert, update, delete on %I to siegel_server', t);
  end loop;
end
$$;
