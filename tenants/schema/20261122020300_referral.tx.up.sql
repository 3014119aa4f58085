-- Kinds of appointment that take a code of 116117 and no other word for a referral.
alter table service
  add column referral_code boolean not null default false,
  add constraint service_referral_code check (referral or not referral_code);
comment on column service.referral_code is 'Patients'' pages take a referral''s code of twelve characters and nothing else. Only the practice can see whether it did: the code is sealed.';
