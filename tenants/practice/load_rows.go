package practice

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

// readPlaces reads locations and the ways between them.
func (r *rows) readPlaces(b *postgres.Batch) {
	o, only := r.offer, []any{r.offer.Tenant.UUID()}
	b.Rows(`
		select id, name, street, postal_code, city, phone, hours, access, zone, position, land, municipality
		  from location where tenant_id = $1 order by position, name, id`, only,
		func(rows pgx.Rows) error {
			var l Location
			err := rows.Scan(&l.ID, &l.Name, &l.Street, &l.PostalCode, &l.City, &l.Phone, &l.Hours, &l.Access, &l.Zone,
				&l.Position, &l.Land, &l.Municipality)
			o.Locations = append(o.Locations, l)
			return err
		})
	b.Rows(`
		select a_id, b_id, minutes
		  from leg where tenant_id = $1 order by a_id, b_id`, only,
		func(rows pgx.Rows) error {
			var l Leg
			err := rows.Scan(&l.A, &l.B, &l.Minutes)
			o.Legs = append(o.Legs, l)
			return err
		})
}

// readPeople reads resources, and the practitioners among them.
func (r *rows) readPeople(b *postgres.Batch) {
	o, only := r.offer, []any{r.offer.Tenant.UUID()}
	b.Rows(`
		select id, kind, name, capacity, location_id
		  from resource where tenant_id = $1 order by name, id`, only,
		func(rows pgx.Rows) error {
			var x Resource
			err := rows.Scan(&x.ID, &x.Kind, &x.Name, &x.Capacity, &x.Location)
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
}

// readServices reads services, who offers them, what they need, and chains of them.
func (r *rows) readServices(b *postgres.Batch) {
	o, only := r.offer, []any{r.offer.Tenant.UUID()}
	b.Rows(`
		select id, name, category, description, instructions, duration_minutes, buffer_before, buffer_after,
		       step_minutes, lead_minutes, horizon_days, price_cents, insurance, patients, position,
		       min_age, max_age, referral, seats, by_staff, cancel_minutes, move_minutes,
		       coalesce(series_every_days, 0), coalesce(series_count, 0), held, referral_code
		  from service where tenant_id = $1 order by position, name, id`, only,
		func(rows pgx.Rows) error {
			var (
				x    HealthcareService
				whom scannedWho
			)
			if err := rows.Scan(&x.ID, &x.Name, &x.Category, &x.Description, &x.Instructions, &x.Minutes,
				&x.BufferBefore, &x.BufferAfter, &x.StepMinutes, &x.LeadMinutes, &x.HorizonDays, &x.PriceCents,
				&whom.insurance, &whom.patients, &x.Position,
				&x.MinAge, &x.MaxAge, &x.Referral, &x.Seats, &x.ByStaff, &x.CancelMinutes, &x.MoveMinutes,
				&x.SeriesEveryDays, &x.SeriesCount, &x.Held, &x.ReferralCode); err != nil {
				return err
			}
			var err error
			x.Insurance, x.Patients, err = whom.parse()
			o.Services = append(o.Services, x)
			return err
		})
	b.Rows(`
		select service_id, practitioner_id, minutes
		  from service_practitioner where tenant_id = $1`, only,
		func(rows pgx.Rows) error {
			var (
				service id.Service
				who     provider
			)
			err := rows.Scan(&service, &who.practitioner, &who.minutes)
			r.providers[service] = append(r.providers[service], who)
			return err
		})
	b.Rows(`
		select service_id, role, resource_ids::text[]
		  from service_need where tenant_id = $1 order by service_id, position`, only,
		func(rows pgx.Rows) error {
			var (
				service   id.Service
				need      Need
				resources []string
			)
			if err := rows.Scan(&service, &need.Role, &resources); err != nil {
				return err
			}
			var err error
			need.Resources, err = parseIDs[id.Resource](resources)
			r.needs[service] = append(r.needs[service], need)
			return err
		})
	b.Rows(`
		select id, name, description, position
		  from chain where tenant_id = $1 order by position, name, id`, only,
		func(rows pgx.Rows) error {
			var c Chain
			err := rows.Scan(&c.ID, &c.Name, &c.Description, &c.Position)
			o.Chains = append(o.Chains, c)
			return err
		})
	b.Rows(`
		select chain_id, service_id, least_minutes, greatest_minutes, optional
		  from chain_step where tenant_id = $1 order by chain_id, position`, only,
		func(rows pgx.Rows) error {
			var (
				chain id.Chain
				x     ChainStep
			)
			err := rows.Scan(&chain, &x.Service, &x.LeastMinutes, &x.GreatestMinutes, &x.Optional)
			r.steps[chain] = append(r.steps[chain], x)
			return err
		})
}

// day writes a date, which may be null, as the number that [schedule.Date] is.
func day(column string) string { return "coalesce(" + column + " - date '1970-01-01', 0)" }

func (r *rows) readOpenings(b *postgres.Batch) {
	o := r.offer
	b.Rows(`
		select id, name, practitioner_id, resource_id, location_id, weekdays, from_minute, until_minute,
		       `+day("valid_from")+`, `+day("valid_until")+`, every_weeks, `+day("anchor")+`,
		       service_ids::text[], insurance, patients, open_to_all_days, audience, coalesce(capacity, 0),
		       coalesce(lead_minutes, 0), horizon_days, release_days, release_minute, school_holidays, referral
		  from opening where tenant_id = $1 order by weekdays, from_minute, id`, []any{o.Tenant.UUID()},
		func(rows pgx.Rows) error {
			var (
				x            Opening
				weekdays     int
				services     []string
				whom         scannedWho
				days, minute *int
			)
			if err := rows.Scan(&x.ID, &x.Name, &x.Practitioner, &x.Resource, &x.Location, &weekdays, &x.From, &x.Until,
				(*int32)(&x.ValidFrom), (*int32)(&x.ValidUntil), &x.EveryWeeks, (*int32)(&x.Anchor),
				&services, &whom.insurance, &whom.patients, &x.OpenToAllDays, &x.Audience, &x.Capacity,
				&x.LeadMinutes, &x.HorizonDays, &days, &minute, &x.SchoolHolidays, &x.Referral); err != nil {
				return err
			}
			x.Weekdays = schedule.Weekdays(weekdays)
			if days != nil && minute != nil {
				x.Release = schedule.Release{Set: true, Days: *days, Minute: *minute}
			}
			var err error
			if x.Services, err = parseIDs[id.Service](services); err != nil {
				return err
			}
			x.Insurance, x.Patients, err = whom.parse()
			o.Openings = append(o.Openings, x)
			return err
		})
}

func (r *rows) readClosures(b *postgres.Batch) {
	o := r.offer
	b.Rows(`
		select id, practitioner_id, location_id, resource_id, starts_on - date '1970-01-01', starts_minute,
		       ends_on - date '1970-01-01', ends_minute, reason, public_text,
		       substitute_name, substitute_address, substitute_phone
		  from closure where tenant_id = $1 and ends_on >= $2 order by starts_on, starts_minute, id`,
		[]any{o.Tenant.UUID(), r.from.String()},
		func(rows pgx.Rows) error {
			var c Closure
			err := rows.Scan(&c.ID, &c.Practitioner, &c.Location, &c.Resource, (*int32)(&c.From), &c.FromMinute,
				(*int32)(&c.Until), &c.UntilMinute, &c.Reason, &c.PublicText,
				&c.Substitute.Name, &c.Substitute.Address, &c.Substitute.Phone)
			o.Closures = append(o.Closures, c)
			return err
		})
}

func (r *rows) readQuotas(b *postgres.Batch) {
	o := r.offer
	b.Rows(`
		select id, name, max, per, service_ids::text[], window_ids::text[], practitioner_ids::text[],
		       insurance, patients, release_days, `+day("valid_from")+`, `+day("valid_until")+`
		  from quota where tenant_id = $1 order by name, id`, []any{o.Tenant.UUID()},
		func(rows pgx.Rows) error {
			var (
				x                                Quota
				per                              string
				services, windows, practitioners []string
				whom                             scannedWho
			)
			if err := rows.Scan(&x.ID, &x.Name, &x.Max, &per, &services, &windows, &practitioners,
				&whom.insurance, &whom.patients, &x.ReleaseDays, (*int32)(&x.ValidFrom), (*int32)(&x.ValidUntil)); err != nil {
				return err
			}
			var err error
			if x.Per, err = parsePeriod(per); err != nil {
				return err
			}
			if x.Services, err = parseIDs[id.Service](services); err != nil {
				return err
			}
			if x.Windows, err = parseIDs[id.Window](windows); err != nil {
				return err
			}
			if x.Practitioners, err = parseIDs[id.Practitioner](practitioners); err != nil {
				return err
			}
			x.Insurance, x.Patients, err = whom.parse()
			o.Quotas = append(o.Quotas, x)
			return err
		})
}

func parsePeriod(word string) (schedule.Period, error) {
	switch word {
	case "day":
		return schedule.Day, nil
	case "week":
		return schedule.Week, nil
	case "month":
		return schedule.Month, nil
	}
	return 0, fmt.Errorf("unknown period %q", word)
}

// readCalendars reads what was imported: of school holidays the days that lie
// ahead, of busy times only that there are some.
func (r *rows) readCalendars(b *postgres.Batch) {
	o := r.offer
	b.Rows(`
		select c.id, c.name, c.kind, c.resource_id, c.imported,
		       (select count(*) from calendar_days d where d.tenant_id = c.tenant_id and d.calendar_id = c.id)
		     + (select count(*) from imported_busy i where i.tenant_id = c.tenant_id and i.calendar_id = c.id
		                                                and i.resource_id = c.resource_id)
		  from calendar c where c.tenant_id = $1 order by c.name, c.id`, []any{o.Tenant.UUID()},
		func(rows pgx.Rows) error {
			var c Calendar
			err := rows.Scan(&c.ID, &c.Name, &c.Kind, &c.Resource, &c.Imported, &c.Entries)
			c.Imported = c.Imported.UTC()
			o.Calendars = append(o.Calendars, c)
			return err
		})
	b.Rows(`
		select calendar_id, starts_on - date '1970-01-01', ends_on - date '1970-01-01'
		  from calendar_days where tenant_id = $1 and ends_on >= $2`, []any{o.Tenant.UUID(), r.from.String()},
		func(rows pgx.Rows) error {
			var (
				calendar    id.Calendar
				from, until int32
			)
			err := rows.Scan(&calendar, &from, &until)
			o.schoolHolidays = append(o.schoolHolidays, daysWithoutSchool(calendar, schedule.Date(from), schedule.Date(until)))
			return err
		})
}

// scannedWho is insurance and kind of patients as they are stored.
type scannedWho struct {
	insurance []string
	patients  string
}

func (w scannedWho) parse() (schedule.Insurances, schedule.Patients, error) {
	insurance, err := schedule.ParseInsurances(w.insurance)
	if err != nil {
		return 0, 0, err
	}
	patients, ok := schedule.ParsePatients(w.patients)
	if !ok {
		return 0, 0, fmt.Errorf("unknown kind of patients %q", w.patients)
	}
	return insurance, patients, nil
}

// parseIDs reads ids as the database writes them.
func parseIDs[T any, P interface {
	*T
	Scan(any) error
}](texts []string) ([]T, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	ids := make([]T, len(texts))
	for i, text := range texts {
		if err := P(&ids[i]).Scan(text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
