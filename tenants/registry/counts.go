package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// What callers act on.
var (
	// ErrNotClosed is returned for correcting a month that still runs, or one
	// that the tenant has no count of.
	ErrNotClosed = fault.New(fault.Conflict, "month_not_closed")
	// ErrMalformedMonth is returned for a month that is none.
	ErrMalformedMonth = fault.New(fault.Invalid, "malformed_month")
)

// Month is a calendar month, "2026-11".
type Month string

// ParseMonth reads a month. It returns [ErrMalformedMonth].
func ParseMonth(s string) (Month, error) {
	if _, err := time.Parse("2006-01", s); err != nil || len(s) != 7 {
		return "", ErrMalformedMonth
	}
	return Month(s), nil
}

// MonthOf is the month of an instant by a zone's clock.
func MonthOf(t time.Time, zone *time.Location) Month { return Month(t.In(zone).Format("2006-01")) }

// In is when the month begins and ends by a zone's clock.
func (m Month) In(zone *time.Location) (from, until time.Time) {
	t, err := time.ParseInLocation("2006-01", string(m), zone)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	return t, t.AddDate(0, 1, 0)
}

func (m Month) next() Month {
	_, until := m.In(time.UTC)
	return Month(until.Format("2006-01"))
}

func (m Month) first() string { return string(m) + "-01" }

// Count is what a month of one tenant came to. A nil is what nobody could tell,
// never nothing.
type Count struct {
	Tenant id.Tenant
	// Slug is the tenant's now; empty where it is erased.
	Slug   string
	Plan   string
	Status Status
	// MonthlyCents is what the price list asked for the plan when the month was
	// closed.
	MonthlyCents *int
	// Bookings are the appointments made online, BookingsStaff those that staff
	// made; a move is none, nor what was brought along from another calendar.
	Bookings, BookingsStaff int
	// SMSParts are parts of text messages, SMSMicros their cost in millionths.
	SMSParts  *int
	SMSMicros *int64
}

// Correction mends a closed month as a row of a later one.
type Correction struct {
	Tenant   id.Tenant
	Slug     string
	Concerns Month
	What     string // a column of [Count]: bookings, bookings_staff, sms_parts, sms_micros, monthly_cents
	Delta    int64
	Note     string
	Created  time.Time // UTC
}

// Counts are a month of all tenants that a domain looks after.
type Counts struct {
	Month  Month
	Zone   string
	Closed time.Time // UTC; zero while the month runs
	Rows   []Count
	// Corrections concern earlier months.
	Corrections []Correction
}

// scope is a reseller's id, or nil for the tenants that have none.
func scope(reseller id.Reseller) string {
	if reseller.IsZero() {
		return nilUUID
	}
	return reseller.UUID()
}

// CountsOf are a month's counts: the closed ones as they were closed, those of
// the running month as they are now. The platform's are of the tenants without
// a reseller where reseller is zero. It returns [ErrUnknownReseller].
func (s *Service) CountsOf(ctx context.Context, reseller id.Reseller, month Month) (Counts, error) {
	zone, prices, err := s.clockOf(ctx, reseller)
	if err != nil {
		return Counts{}, err
	}
	c := Counts{Month: month, Zone: zone.String(), Rows: []Count{}, Corrections: []Correction{}}
	var closed time.Time
	err = s.DB.Global().NewRaw(`select closed from month_closed where scope = ? and month = ?`, scope(reseller), month.first()).Scan(ctx, &closed)
	switch {
	case err == nil:
		c.Closed = closed.UTC()
		c.Rows, err = s.closedRows(ctx, reseller, month)
	case errors.Is(err, sql.ErrNoRows) && month == MonthOf(s.Now(), zone):
		c.Rows, err = s.running(ctx, reseller, month, zone, prices)
	case errors.Is(err, sql.ErrNoRows):
		err = nil
	}
	if err != nil {
		return Counts{}, fmt.Errorf("read counts: %w", err)
	}
	var rows []struct {
		Tenant   id.Tenant
		Slug     *string
		Concerns time.Time
		What     string
		Delta    int64
		Note     string
		Created  time.Time
	}
	err = s.DB.Global().NewRaw(`
		select c.tenant, t.slug, c.concerns, c.what, c.delta, c.note, c.created
		from count_correction c left join tenant t on t.id = c.tenant
		where c.month = ? and coalesce(c.reseller_id, '`+nilUUID+`') = ? order by c.created, c.id`, month.first(), scope(reseller)).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Counts{}, fmt.Errorf("read corrections: %w", err)
	}
	for _, r := range rows {
		c.Corrections = append(c.Corrections, Correction{r.Tenant, text(r.Slug), Month(r.Concerns.Format("2006-01")), r.What, r.Delta, r.Note, r.Created.UTC()})
	}
	return c, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Months are those that a domain has closed, the newest first.
func (s *Service) Months(ctx context.Context, reseller id.Reseller) ([]Month, error) {
	var rows []time.Time
	err := s.DB.Global().NewRaw(`select month from month_closed where scope = ? order by month desc limit 120`, scope(reseller)).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read months: %w", err)
	}
	months := make([]Month, 0, len(rows))
	for _, r := range rows {
		months = append(months, Month(r.Format("2006-01")))
	}
	return months, nil
}

func (s *Service) closedRows(ctx context.Context, reseller id.Reseller, month Month) ([]Count, error) {
	var rows []struct {
		Tenant        id.Tenant
		Slug          *string
		Plan, Status  string
		MonthlyCents  *int
		Bookings      int
		BookingsStaff int
		SmsParts      *int
		SmsMicros     *int64
	}
	err := s.DB.Global().NewRaw(`
		select c.tenant, t.slug, c.plan, c.status, c.monthly_cents, c.bookings, c.bookings_staff, c.sms_parts, c.sms_micros
		from month_count c left join tenant t on t.id = c.tenant
		where c.month = ? and coalesce(c.reseller_id, '`+nilUUID+`') = ? order by t.slug nulls last, c.tenant`, month.first(), scope(reseller)).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	counts := make([]Count, 0, len(rows))
	for _, r := range rows {
		counts = append(counts, Count{r.Tenant, text(r.Slug), r.Plan, Status(r.Status), r.MonthlyCents, r.Bookings, r.BookingsStaff, r.SmsParts, r.SmsMicros})
	}
	return counts, nil
}

// clockOf is by whose clock a scope's months end, and its price list.
func (s *Service) clockOf(ctx context.Context, reseller id.Reseller) (*time.Location, []Price, error) {
	name, prices := "Europe/Berlin", []Price(nil)
	if !reseller.IsZero() {
		r, err := s.Reseller(ctx, reseller)
		if err != nil {
			return nil, nil, err
		}
		name, prices = r.Zone, r.Prices
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, nil, fmt.Errorf("zone of a reseller: %w", err)
	}
	return zone, prices, nil
}

// running counts a month that is not closed.
func (s *Service) running(ctx context.Context, reseller id.Reseller, month Month, zone *time.Location, prices []Price) ([]Count, error) {
	from, until := month.In(zone)
	tenants, err := s.names.all(ctx, func(t Tenant) bool { return t.Reseller == reseller })
	if err != nil {
		return nil, err
	}
	counts := []Count{}
	for _, t := range tenants {
		c, counts1, err := s.count(ctx, t, from, until, prices)
		if err != nil {
			return nil, err
		}
		if counts1 {
			counts = append(counts, c)
		}
	}
	return counts, nil
}

// count counts a tenant's month. It says whether the month is the tenant's at
// all: not where it began later or was closed before.
func (s *Service) count(ctx context.Context, t Tenant, from, until time.Time, prices []Price) (Count, bool, error) {
	c := Count{Tenant: t.ID, Slug: t.Slug, Plan: t.Plan, Status: t.Status}
	var created, since time.Time
	if err := s.DB.Global().NewRaw(`select created, since from tenant where id = ?`, t.ID).Scan(ctx, &created, &since); err != nil {
		return Count{}, false, fmt.Errorf("read tenant: %w", err)
	}
	if !created.Before(until) || t.Status == Closed && since.Before(from) {
		return Count{}, false, nil
	}
	for _, p := range prices {
		if p.Plan == t.Plan {
			cents := p.MonthlyCents
			c.MonthlyCents = &cents
		}
	}
	err := s.DB.Batch(ctx, t.ID, func(b *postgres.Batch) {
		// One that was moved is one booking: the first of its rows counts.
		// Those that were deleted since, because their time was over, still count.
		b.Row(`select coalesce(sum(n) filter (where source = 'online'), 0)::int, coalesce(sum(n) filter (where source = 'staff'), 0)::int from (
			select source, 1 as n
			from appointment where tenant_id = $1 and created >= $2 and created < $3 and replaces_id is null and status <> 'entered-in-error' and not test
			union all select case when online then 'online' else 'staff' end, bookings from purged_booking where tenant_id = $1 and hour >= $2 and hour < $3) made`,
			[]any{t.ID, from.UTC(), until.UTC()}, &c.Bookings, &c.BookingsStaff)
	})
	if err != nil {
		return Count{}, false, fmt.Errorf("count bookings: %w", err)
	}
	if s.Sources.Spent != nil {
		parts, micros, err := s.Sources.Spent(ctx, t.ID, from.UTC(), until.UTC())
		if err != nil {
			return Count{}, false, fmt.Errorf("count text messages: %w", err)
		}
		c.SMSParts, c.SMSMicros = &parts, &micros
	}
	return c, true, nil
}

// CloseMonths closes every month that is over and not closed, of every reseller
// and of the platform. A month that was begun is finished; closing one twice
// changes nothing.
func (s *Service) CloseMonths(ctx context.Context) error {
	resellers, err := s.Resellers(ctx)
	if err != nil {
		return err
	}
	scopes := []id.Reseller{{}}
	for _, r := range resellers {
		scopes = append(scopes, r.ID)
	}
	var errs []error
	for _, reseller := range scopes {
		if err := s.closeMonthsOf(ctx, reseller); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) closeMonthsOf(ctx context.Context, reseller id.Reseller) error {
	zone, prices, err := s.clockOf(ctx, reseller)
	if err != nil {
		return err
	}
	running := MonthOf(s.Now(), zone)
	// After the last closed one comes the next; at first, the month in which the
	// first tenant began.
	var last, began *time.Time
	err = s.DB.Global().NewRaw(`
		select (select max(month) from month_closed where scope = ?0),
		       (select min(created) from tenant where coalesce(reseller_id, '`+nilUUID+`') = ?0)`, scope(reseller)).Scan(ctx, &last, &began)
	if err != nil {
		return fmt.Errorf("read closed months: %w", err)
	}
	var month Month
	switch {
	case last != nil:
		month = Month(last.Format("2006-01")).next()
	case began != nil:
		month = MonthOf(*began, zone)
	default:
		return nil
	}
	for ; month < running; month = month.next() {
		if err := s.closeMonth(ctx, reseller, month, zone, prices); err != nil {
			return fmt.Errorf("close %s: %w", month, err)
		}
		slog.InfoContext(ctx, "a month is closed", "month", string(month), "scope", scope(reseller))
	}
	return nil
}

func (s *Service) closeMonth(ctx context.Context, reseller id.Reseller, month Month, zone *time.Location, prices []Price) error {
	counts, err := s.running(ctx, reseller, month, zone, prices)
	if err != nil {
		return err
	}
	for _, c := range counts {
		if err := s.freeze(ctx, reseller, month, c); err != nil {
			return err
		}
	}
	_, err = s.DB.Global().NewRaw(`insert into month_closed (scope, month) values (?, ?) on conflict do nothing`, scope(reseller), month.first()).Exec(ctx)
	return err
}

func (s *Service) freeze(ctx context.Context, reseller id.Reseller, month Month, c Count) error {
	_, err := s.DB.Global().NewRaw(`
		insert into month_count (month, tenant, reseller_id, plan, status, monthly_cents, bookings, bookings_staff, sms_parts, sms_micros)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
		month.first(), c.Tenant, reseller, c.Plan, string(c.Status), c.MonthlyCents, c.Bookings, c.BookingsStaff, c.SMSParts, c.SMSMicros).Exec(ctx)
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	return nil
}

// Correct mends a closed month: the correction is a row of the running month.
// It returns [ErrNotClosed] or [Mistakes].
func (s *Service) Correct(ctx context.Context, reseller id.Reseller, c Correction, by id.Account) error {
	var wrong Mistakes
	switch c.What {
	case "bookings", "bookings_staff", "sms_parts", "sms_micros", "monthly_cents":
	default:
		wrong = append(wrong, Mistake{"what", "unknown"})
	}
	if c.Delta == 0 {
		wrong = append(wrong, Mistake{"delta", "missing"})
	}
	if c.Note == "" || !isText(c.Note, 300) {
		wrong = append(wrong, Mistake{"note", "malformed"})
	}
	if err := wrong.orNil(); err != nil {
		return err
	}
	zone, _, err := s.clockOf(ctx, reseller)
	if err != nil {
		return err
	}
	result, err := s.DB.Global().NewRaw(`
		insert into count_correction (id, month, concerns, tenant, reseller_id, what, delta, note, account_id)
		select ?, ?, m.month, m.tenant, m.reseller_id, ?, ?, ?, ? from month_count m
		where m.tenant = ? and m.month = ? and coalesce(m.reseller_id, '`+nilUUID+`') = ?
		  and exists (select from month_closed x where x.scope = ? and x.month = m.month)`,
		uuid.Must(uuid.NewV7()).String(), MonthOf(s.Now(), zone).first(), c.What, c.Delta, c.Note, by,
		c.Tenant, c.Concerns.first(), scope(reseller), scope(reseller)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("correct: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return ErrNotClosed
	}
	return nil
}

// ResellerOf is the reseller of a domain; zero for the platform.
func ResellerOf(domain access.Domain) id.Reseller {
	var r id.Reseller
	if domain.Kind == access.Reseller {
		_ = r.Scan(domain.ID.String())
	}
	return r
}

// RunningMonth is the month that a reseller's clock shows, or the platform's
// where it is zero. It returns [ErrUnknownReseller].
func (s *Service) RunningMonth(ctx context.Context, reseller id.Reseller) (Month, error) {
	zone, _, err := s.clockOf(ctx, reseller)
	if err != nil {
		return "", err
	}
	return MonthOf(s.Now(), zone), nil
}
