-- Appointments by video: at the provider whom the practice has a contract with.
-- The room of an appointment stands nowhere here: it is sealed with the booking.

alter table practice
  add column video_provider text not null default '' constraint practice_video_provider check (length(video_provider) <= 480),
  add column video_address  text not null default '' constraint practice_video_address check (length(video_address) <= 300 and (video_address = '' or video_address like 'https://%')),
  add constraint practice_video check ((video_provider = '') = (video_address = ''));
comment on column practice.video_provider is 'Who carries the practice''s video visits; empty: there are none.';
comment on column practice.video_address is 'Where a visit is: {room} stands for what is sealed in each booking. Without it all visits are at one address.';

alter table service
  add column held text not null default 'in_person' constraint service_held check (held in ('in_person', 'by_video', 'either'));
comment on column service.held is 'Whether patients come, or speak by video; with either they say so, sealed, when they book.';
