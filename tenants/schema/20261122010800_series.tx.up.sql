-- Services that are given as a series: so many appointments at a rhythm.

alter table service
  add column series_every_days integer constraint service_series_every check (series_every_days between 1 and 92),
  add column series_count      integer constraint service_series_count check (series_count between 2 and 12),
  add constraint service_series check ((series_every_days is null) = (series_count is null));
comment on column service.series_every_days is 'How many days lie between two appointments of the series; null: it is not given as one.';
comment on column service.series_count is 'How many appointments the series has.';
