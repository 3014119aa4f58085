package practice

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

// attempts is how often a read that met an edit starts over.
const attempts = 3

const selectVersion = `select version from practice where tenant_id = $1`

// version reads the version of what the tenant offers.
func (s *Service) version(ctx context.Context, tenant id.Tenant) (int64, error) {
	var (
		version int64
		found   *postgres.Found
	)
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(selectVersion, []any{tenant.UUID()}, &version)
	})
	if err != nil {
		return 0, fmt.Errorf("read practice version: %w", err)
	}
	if !found.OK {
		s.kept.drop(tenant)
		return 0, ErrUnknownPractice
	}
	return version, nil
}

// load reads all that the tenant offers, in one round trip, and keeps it.
func (s *Service) load(ctx context.Context, tenant id.Tenant) (*Offer, error) {
	for range attempts {
		r, err := s.read(ctx, tenant)
		if err != nil {
			return nil, fmt.Errorf("load practice: %w", err)
		}
		if r.version != r.offer.Version {
			continue // each statement sees its own moment; an edit came between
		}
		offer, err := s.build(r)
		if err != nil {
			return nil, fmt.Errorf("load practice: %w", err)
		}
		s.kept.put(offer)
		return offer, nil
	}
	return nil, ErrChanging
}

// rows is what load reads, before it is put together.
type rows struct {
	offer    *Offer
	offers   map[id.Service][]id.Practitioner
	openings []Opening
	from     schedule.Date // closures that ended before were not read
	version  int64         // as it was at the end
}

func (s *Service) read(ctx context.Context, tenant id.Tenant) (*rows, error) {
	var (
		r     *rows
		asks  []byte
		found *postgres.Found
		only  = []any{tenant.UUID()}
	)
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// Made here since the batch may run again.
		o := &Offer{Tenant: tenant}
		p := &o.Practice
		r = &rows{offer: o, offers: map[id.Service][]id.Practitioner{}, from: schedule.DateOf(s.now().UTC()) - closuresKept}
		found = b.Row(`
			select version, name, tagline, phone, email, zone, accent, imprint, hours, channels, asks, sms_sender,
			       land, municipality, closed_days
			  from practice where tenant_id = $1`, only,
			&o.Version, &p.Name, &p.Tagline, &p.Phone, &p.Email, &p.Zone, &p.Accent, &p.Imprint, &p.Hours,
			&p.Channels, &asks, &p.SMSSender, &p.Land, &p.Municipality, &p.ClosedDays)

		b.Rows(`
			select id, name, street, postal_code, city, phone, hours, access, zone, position
			  from location where tenant_id = $1 order by position, name, id`, only,
			func(rows pgx.Rows) error {
				var l Location
				err := rows.Scan(&l.ID, &l.Name, &l.Street, &l.PostalCode, &l.City, &l.Phone, &l.Hours, &l.Access, &l.Zone, &l.Position)
				o.Locations = append(o.Locations, l)
				return err
			})
		b.Rows(`
			select id, kind, name, capacity
			  from resource where tenant_id = $1 order by name, id`, only,
			func(rows pgx.Rows) error {
				var x Resource
				err := rows.Scan(&x.ID, &x.Kind, &x.Name, &x.Capacity)
				o.Resources = append(o.Resources, x)
				return err
			})
		b.Rows(`
			select id, resource_id, name, role, position
			  from practitioner where tenant_id = $1 order by position, name, id`, only,
			func(rows pgx.Rows) error {
				var x Practitioner
				err := rows.Scan(&x.ID, &x.Resource, &x.Name, &x.Role, &x.Position)
				o.Practitioners = append(o.Practitioners, x)
				return err
			})
		b.Rows(`
			select id, name, category, description, instructions, duration_minutes, buffer_before, buffer_after,
			       step_minutes, lead_minutes, horizon_days, price_cents, insurance, patients, position
			  from service where tenant_id = $1 order by position, name, id`, only,
			func(rows pgx.Rows) error {
				var (
					x         HealthcareService
					insurance []string
					patients  string
				)
				if err := rows.Scan(&x.ID, &x.Name, &x.Category, &x.Description, &x.Instructions, &x.Minutes,
					&x.BufferBefore, &x.BufferAfter, &x.StepMinutes, &x.LeadMinutes, &x.HorizonDays, &x.PriceCents,
					&insurance, &patients, &x.Position); err != nil {
					return err
				}
				c, err := readCondition(insurance, patients)
				x.Insurance, x.Patients = c.Insurance, c.Patients
				o.Services = append(o.Services, x)
				return err
			})
		b.Rows(`
			select service_id, practitioner_id
			  from service_practitioner where tenant_id = $1`, only,
			func(rows pgx.Rows) error {
				var (
					service      id.Service
					practitioner id.Practitioner
				)
				err := rows.Scan(&service, &practitioner)
				r.offers[service] = append(r.offers[service], practitioner)
				return err
			})
		b.Rows(`
			select id, practitioner_id, location_id, weekdays, from_minute, until_minute,
			       coalesce(valid_from - date '1970-01-01', 0), coalesce(valid_until - date '1970-01-01', 0),
			       service_ids::text[], insurance, patients
			  from opening where tenant_id = $1 order by weekdays, from_minute, id`, only,
			func(rows pgx.Rows) error {
				var (
					x                   Opening
					weekdays            int
					services, insurance []string
					patients            string
				)
				if err := rows.Scan(&x.ID, &x.Practitioner, &x.Location, &weekdays, &x.From, &x.Until,
					(*int32)(&x.ValidFrom), (*int32)(&x.ValidUntil), &services, &insurance, &patients); err != nil {
					return err
				}
				for _, text := range services {
					var service id.Service
					if err := service.Scan(text); err != nil {
						return err
					}
					x.Services = append(x.Services, service)
				}
				c, err := readCondition(insurance, patients)
				x.Insurance, x.Patients = c.Insurance, c.Patients
				for day := range 7 {
					if weekdays&(1<<day) != 0 {
						x.Weekday = day + 1
						r.openings = append(r.openings, x)
					}
				}
				return err
			})
		b.Rows(`
			select id, practitioner_id, location_id, starts_on - date '1970-01-01', starts_minute,
			       ends_on - date '1970-01-01', ends_minute, reason, public_text,
			       substitute_name, substitute_address, substitute_phone
			  from closure where tenant_id = $1 and ends_on >= $2 order by starts_on, starts_minute, id`,
			[]any{tenant.UUID(), r.from.String()},
			func(rows pgx.Rows) error {
				var c Closure
				err := rows.Scan(&c.ID, &c.Practitioner, &c.Location, (*int32)(&c.From), &c.FromMinute,
					(*int32)(&c.Until), &c.UntilMinute, &c.Reason, &c.PublicText,
					&c.Substitute.Name, &c.Substitute.Address, &c.Substitute.Phone)
				o.Closures = append(o.Closures, c)
				return err
			})
		b.Row(selectVersion, only, &r.version)
	})
	if err != nil {
		return nil, err
	}
	if !found.OK {
		s.kept.drop(tenant)
		return nil, ErrUnknownPractice
	}
	if err := json.Unmarshal(asks, &r.offer.Practice.Asks); err != nil {
		return nil, fmt.Errorf("read practice.asks: %w", err)
	}
	return r, nil
}

// build puts the rows together.
func (s *Service) build(r *rows) (*Offer, error) {
	o := r.offer
	o.locations = index(o.Locations, func(l Location) id.Location { return l.ID })
	o.resources = index(o.Resources, func(x Resource) id.Resource { return x.ID })
	o.practitioners = index(o.Practitioners, func(x Practitioner) id.Practitioner { return x.ID })
	o.services = index(o.Services, func(x HealthcareService) id.Service { return x.ID })

	for i := range o.Services {
		x := &o.Services[i]
		x.Practitioners = r.offers[x.ID]
		if x.Practitioners == nil {
			x.Practitioners = []id.Practitioner{}
		}
		slices.SortFunc(x.Practitioners, func(a, b id.Practitioner) int {
			return cmp.Compare(o.practitioners[a], o.practitioners[b])
		})
	}

	calendar := o.calendar(r.from)
	o.openings = make(map[id.Practitioner][]opening, len(o.Practitioners))
	for _, x := range r.openings {
		zone, err := s.zone(o.Locations[o.locations[x.Location]].Zone)
		if err != nil {
			return nil, err
		}
		o.openings[x.Practitioner] = append(o.openings[x.Practitioner], opening{
			Opening: schedule.Opening{
				ID: x.ID, Location: x.Location, Zone: zone, Weekday: x.Weekday, From: x.From, Until: x.Until,
				ValidFrom: x.ValidFrom, ValidUntil: x.ValidUntil, Services: x.Services,
				Closed: calendar.closed(x.Practitioner, x.Location, zone),
			},
			condition: Condition{x.Insurance, x.Patients},
		})
	}
	return o, nil
}

func index[K comparable, V any](all []V, key func(V) K) map[K]int {
	m := make(map[K]int, len(all))
	for i, v := range all {
		m[key(v)] = i
	}
	return m
}

func readCondition(codes []string, word string) (Condition, error) {
	insurance, err := ParseInsurances(codes)
	if err != nil {
		return Condition{}, err
	}
	patients, ok := parsePatients(word)
	if !ok {
		return Condition{}, fmt.Errorf("unknown kind of patients %q", word)
	}
	return Condition{insurance, patients}, nil
}
