package practice

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// What [Setup.Check] finds wrong. A [Mistake] says where.
var (
	ErrMissingName      = fault.New(fault.Invalid, "missing_name")
	ErrInvalidText      = fault.New(fault.Invalid, "invalid_text")
	ErrUnknownZone      = fault.New(fault.Invalid, "unknown_zone")
	ErrInvalidAccent    = fault.New(fault.Invalid, "invalid_accent")
	ErrInvalidChannels  = fault.New(fault.Invalid, "invalid_channels")
	ErrInvalidLimit     = fault.New(fault.Invalid, "invalid_limit")
	ErrInvalidResource  = fault.New(fault.Invalid, "invalid_resource")
	ErrInvalidLeg       = fault.New(fault.Invalid, "invalid_leg")
	ErrInvalidDuration  = fault.New(fault.Invalid, "invalid_duration")
	ErrInvalidBuffer    = fault.New(fault.Invalid, "invalid_buffer")
	ErrInvalidStep      = fault.New(fault.Invalid, "invalid_step")
	ErrInvalidLead      = fault.New(fault.Invalid, "invalid_lead")
	ErrInvalidHorizon   = fault.New(fault.Invalid, "invalid_horizon")
	ErrInvalidPrice     = fault.New(fault.Invalid, "invalid_price")
	ErrInvalidAge       = fault.New(fault.Invalid, "invalid_age")
	ErrInvalidSeats     = fault.New(fault.Invalid, "invalid_seats")
	ErrInvalidDeadline  = fault.New(fault.Invalid, "invalid_deadline")
	ErrInvalidSeries    = fault.New(fault.Invalid, "invalid_series")
	ErrInvalidNeed      = fault.New(fault.Invalid, "invalid_need")
	ErrInvalidPatients  = fault.New(fault.Invalid, "invalid_patients")
	ErrInvalidOpening   = fault.New(fault.Invalid, "invalid_opening")
	ErrInvalidClosure   = fault.New(fault.Invalid, "invalid_closure")
	ErrInvalidQuota     = fault.New(fault.Invalid, "invalid_quota")
	ErrInvalidChain     = fault.New(fault.Invalid, "invalid_chain")
	ErrTooManyDays      = fault.New(fault.Invalid, "too_many_closed_days")
	ErrUnknownReference = fault.New(fault.Invalid, "unknown_reference")
	ErrDuplicateID      = fault.New(fault.Invalid, "duplicate_id")
	// ErrDuplicateOpening is returned for two openings that differ in nothing
	// but id and name.
	ErrDuplicateOpening = fault.New(fault.Invalid, "duplicate_opening")
	// ErrNeverOffered is returned for an opening in which nothing can ever be
	// booked: on none of its dates, or for nobody.
	ErrNeverOffered = fault.New(fault.Invalid, "never_offered")
)

// Mistake is one thing that is wrong with a rule.
type Mistake struct {
	// Kind and ID name the rule as the API does; the practice has no id.
	Kind, ID string
	// Field is the rule's member that is wrong, in the API's words.
	Field string
	Err   error
}

func (m Mistake) Error() string { return fmt.Sprintf("%s %s: %s: %v", m.Kind, m.ID, m.Field, m.Err) }

// Unwrap returns the fault.
func (m Mistake) Unwrap() error { return m.Err }

// Mistakes are all things that are wrong with a setup.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	texts := make([]string, len(m))
	for i := range m {
		texts[i] = m[i].Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the faults, in order.
func (m Mistakes) Unwrap() []error {
	errs := make([]error, len(m))
	for i := range m {
		errs[i] = m[i]
	}
	return errs
}

// Check returns all that is wrong with a complete setup, as [Mistakes]: what
// each rule says, what it refers to, and what makes no sense together.
func (s Setup) Check() error {
	c := checker{setup: &s, seen: map[any]bool{}}
	c.of(s.Practice)
	s.Practice.check(&c)
	each(&c, s.Locations, Location.check)
	each(&c, s.Legs, Leg.check)
	each(&c, s.Resources, Resource.check)
	each(&c, s.Practitioners, Practitioner.check)
	each(&c, s.Services, HealthcareService.check)
	each(&c, s.Openings, Opening.check)
	each(&c, s.Closures, Closure.check)
	each(&c, s.Quotas, Quota.check)
	each(&c, s.Chains, Chain.check)
	if len(c.mistakes) > 0 {
		return c.mistakes
	}
	return nil
}

// checker gathers mistakes, and knows the rule that is looked at.
type checker struct {
	setup    *Setup
	mistakes Mistakes
	kind, id string
	seen     map[any]bool // names of rules, and resources that have an owner
}

func each[T Rule](c *checker, rules []T, check func(T, *checker)) {
	for _, r := range rules {
		c.of(r)
		check(r, c)
	}
}

// of turns to a rule, which is the only one of its name.
func (c *checker) of(r Rule) {
	c.kind, c.id = r.name()
	c.once("id", [2]string{c.kind, c.id}, ErrDuplicateID)
}

func (c *checker) fail(field string, err *fault.Error, format string, args ...any) {
	c.wrap(field, err.Because(fmt.Errorf(format, args...)))
}

func (c *checker) wrap(field string, err error) {
	if err != nil {
		c.mistakes = append(c.mistakes, Mistake{c.kind, c.id, field, err})
	}
}

func (c *checker) once(field string, v any, err *fault.Error) {
	if c.seen[v] {
		c.fail(field, err, "%v stands twice", v)
	}
	c.seen[v] = true
}

func (c *checker) within(field string, err *fault.Error, n, least, most int) {
	if n < least || n > most {
		c.fail(field, err, "%d is not within %d and %d", n, least, most)
	}
}

// maybe is within, for a number that may be left out.
func (c *checker) maybe(field string, err *fault.Error, n *int, least, most int) {
	if n != nil {
		c.within(field, err, *n, least, most)
	}
}

// The longest texts, in characters.
const (
	maxName = 120
	maxLine = 300
	maxText = 4000
)

func (c *checker) named(name string) {
	if strings.TrimSpace(name) == "" {
		c.fail("name", ErrMissingName, "empty")
	}
	c.text("name", name, maxName)
}

// text checks a text of at most so many characters; longer ones than a line may
// have several.
func (c *checker) text(field, s string, most int) {
	odd := func(r rune) bool { return unicode.IsControl(r) && (r != '\n' || most <= maxLine) }
	if utf8.RuneCountInString(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, odd) {
		c.fail(field, ErrInvalidText, "longer than %d characters, or with control characters", most)
	}
}

func (c *checker) zone(name string) {
	_, err := loadZone(name)
	c.wrap("zone", err)
}

func (c *checker) group(insurance schedule.Insurances, patients schedule.Patients) {
	if !insurance.Valid() {
		c.fail("insurance", schedule.ErrInvalidInsurance, "%b", insurance)
	}
	if !patients.Valid() {
		c.fail("patients", ErrInvalidPatients, "%d", patients)
	}
}

func (c *checker) validity(err *fault.Error, from, until schedule.Date) {
	if from != 0 && until != 0 && from > until {
		c.fail("valid_until", err, "%v is before %v", until, from)
	}
}

func (c *checker) holidays(land schedule.Land, m schedule.Municipality) {
	if land == "" && m == schedule.Anywhere {
		return
	}
	c.wrap("land", m.Check(land))
}

// Whether the setup has what is referred to; a zero id refers to nothing.

func (c *checker) location(field string, l id.Location) {
	refers(c, field, l, c.setup.Locations, func(o Location) id.Location { return o.ID })
}

func (c *checker) resource(field string, r id.Resource) {
	refers(c, field, r, c.setup.Resources, func(o Resource) id.Resource { return o.ID })
}

func (c *checker) practitioner(field string, p id.Practitioner) {
	refers(c, field, p, c.setup.Practitioners, func(o Practitioner) id.Practitioner { return o.ID })
}

func (c *checker) service(field string, x id.Service) {
	refers(c, field, x, c.setup.Services, func(o HealthcareService) id.Service { return o.ID })
}

func (c *checker) window(field string, w id.Window) {
	refers(c, field, w, c.setup.Openings, func(o Opening) id.Window { return o.ID })
}

func refers[T any, K comparable](c *checker, field string, to K, all []T, key func(T) K) {
	if !slices.ContainsFunc(all, func(v T) bool { return key(v) == to }) {
		c.fail(field, ErrUnknownReference, "%v", to)
	}
}

// distinct checks a list of references: each is known, none stands twice.
func distinct[T comparable](c *checker, field string, all []T, known func(string, T)) {
	for i, v := range all {
		if known(field, v); slices.Contains(all[:i], v) {
			c.fail(field, ErrDuplicateID, "%v stands twice", v)
		}
	}
}

var accentForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func (p Practice) check(c *checker) {
	c.named(p.Name)
	c.zone(p.Zone)
	c.text("tagline", p.Tagline, maxLine)
	c.text("phone", p.Phone, maxName)
	c.text("email", p.Email, maxLine)
	c.text("imprint", p.Imprint, maxText)
	c.text("hours", p.Hours, maxText)
	c.text("sms_sender", p.SMSSender, 20)
	for _, reason := range []string{p.Asks.Gender, p.Asks.Insurance, p.Asks.Note} {
		c.text("asks", reason, maxLine)
	}
	if p.Accent != "" && !accentForm.MatchString(p.Accent) {
		c.fail("accent", ErrInvalidAccent, "not #rrggbb")
	}
	for i, channel := range p.Channels {
		if (channel != "mail" && channel != "sms") || slices.Contains(p.Channels[:i], channel) {
			c.fail("channels", ErrInvalidChannels, "neither mail nor sms, or twice")
		}
	}
	c.holidays(p.Land, p.Municipality)
	if len(p.ClosedDays) > maxClosedDays {
		c.fail("closed_days", ErrTooManyDays, "%d", len(p.ClosedDays))
	}
	for _, day := range p.ClosedDays {
		c.wrap("closed_days", day.Check())
	}
	p.Video.check(c)
	c.maybe("bookings_per_contact", ErrInvalidLimit, p.BookingsPerContact, 1, 20)
}

func (l Location) check(c *checker) {
	c.named(l.Name)
	c.zone(l.Zone)
	c.text("street", l.Street, maxLine)
	c.text("postal_code", l.PostalCode, 20)
	c.text("city", l.City, maxName)
	c.text("phone", l.Phone, maxName)
	c.text("hours", l.Hours, maxText)
	c.text("access", l.Access, maxText)
	c.holidays(l.Land, l.Municipality)
}

func (l Leg) check(c *checker) {
	c.location("a", l.A)
	c.location("b", l.B)
	if l.A == l.B {
		c.fail("b", ErrInvalidLeg, "leads to where it begins")
	}
	c.within("minutes", ErrInvalidLeg, l.Minutes, 1, 480)
}

func (r Resource) check(c *checker) {
	c.named(r.Name)
	if !slices.Contains([]string{"practitioner", "room", "device"}, r.Kind) {
		c.fail("kind", ErrInvalidResource, "none of the three")
	}
	c.within("capacity", ErrInvalidResource, r.Capacity, 1, 100)
	if !r.Location.IsZero() {
		c.location("location", r.Location)
	}
}

func (x Practitioner) check(c *checker) {
	c.named(x.Name)
	c.text("role", x.Role, maxLine)
	c.resource("resource", x.Resource)
	c.once("resource", x.Resource, ErrInvalidResource)
}

// minutes returns how long the service takes with a practitioner.
func (x HealthcareService) minutes(p id.Practitioner) int { return either(x.Durations[p], x.Minutes) }

func (x HealthcareService) check(c *checker) {
	c.named(x.Name)
	c.text("category", x.Category, maxName)
	c.text("description", x.Description, maxText)
	c.text("instructions", x.Instructions, maxText)
	c.within("minutes", ErrInvalidDuration, x.Minutes, 5, 480)
	c.within("buffer_before", ErrInvalidBuffer, x.BufferBefore, 0, 120)
	c.within("buffer_after", ErrInvalidBuffer, x.BufferAfter, 0, 120)
	c.within("step", ErrInvalidStep, x.StepMinutes, 5, 240)
	c.within("lead_minutes", ErrInvalidLead, x.LeadMinutes, 0, 730*24*60)
	c.within("horizon_days", ErrInvalidHorizon, x.HorizonDays, 0, 730)
	if x.PriceCents != nil && *x.PriceCents < 0 {
		c.fail("price_cents", ErrInvalidPrice, "%d", *x.PriceCents)
	}
	c.group(x.Insurance, x.Patients)
	c.maybe("min_age", ErrInvalidAge, x.MinAge, 0, 130)
	c.maybe("max_age", ErrInvalidAge, x.MaxAge, 0, 130)
	if x.MinAge != nil && x.MaxAge != nil && *x.MinAge > *x.MaxAge {
		c.fail("max_age", ErrInvalidAge, "%d is below %d", *x.MaxAge, *x.MinAge)
	}
	c.within("seats", ErrInvalidSeats, x.Seats, 1, 100)
	c.within("cancel_minutes", ErrInvalidDeadline, x.CancelMinutes, 0, 30*24*60)
	c.within("move_minutes", ErrInvalidDeadline, x.MoveMinutes, 0, 30*24*60)
	if x.SeriesCount != 0 || x.SeriesEveryDays != 0 {
		c.within("series_count", ErrInvalidSeries, x.SeriesCount, 2, MaxBooked)
		c.within("series_every_days", ErrInvalidSeries, x.SeriesEveryDays, 1, maxEvery)
	}
	distinct(c, "practitioners", x.Practitioners, c.practitioner)
	for p, minutes := range x.Durations {
		c.within("practitioners", ErrInvalidDuration, minutes, 5, 480)
		if !slices.Contains(x.Practitioners, p) {
			c.fail("practitioners", ErrUnknownReference, "a duration for %v, who does not offer it", p)
		}
	}
	for _, p := range x.Practitioners {
		// Or the first booking of a session would take those beside it out of sale.
		if long := x.BufferBefore + x.minutes(p) + x.BufferAfter; x.Seats > 1 && x.StepMinutes < long {
			c.fail("step", ErrInvalidStep, "sessions of %d minutes every %d overlap", long, x.StepMinutes)
		}
	}
	x.checkHeld(c)
	x.checkNeeds(c)
}

func (x HealthcareService) checkNeeds(c *checker) {
	if len(x.Needs) > 10 {
		c.fail("needs", ErrInvalidNeed, "%d of them", len(x.Needs))
		return
	}
	places := map[id.Resource]int{}
	for _, need := range x.Needs {
		if strings.TrimSpace(need.Role) == "" {
			c.fail("needs", ErrMissingName, "no role")
		}
		c.text("needs", need.Role, maxName)
		distinct(c, "needs", need.Resources, c.resource)
		if len(need.Resources) == 0 || len(need.Resources) > 50 {
			c.fail("needs", ErrInvalidNeed, "%s: %d resources", need.Role, len(need.Resources))
		}
	}
	for _, r := range c.setup.Resources {
		places[r.ID] = r.Capacity
	}
	for _, p := range c.setup.Practitioners {
		if slices.Contains(x.Practitioners, p.ID) && !fillable(x.Needs, places, p.Resource) {
			c.fail("needs", ErrInvalidNeed, "with %v they cannot all be filled at once", p.ID)
		}
	}
}

// fillable reports whether each need can have a resource of its own, of those
// that have so many places. Nobody helps themselves.
func fillable(needs []Need, places map[id.Resource]int, self id.Resource) bool {
	holds := map[id.Resource][]int{} // needs that have one of its places
	var fill func(n int, tried map[id.Resource]bool) bool
	fill = func(n int, tried map[id.Resource]bool) bool {
		for _, r := range needs[n].Resources {
			if tried[r] || r == self {
				continue
			}
			tried[r] = true
			if len(holds[r]) < places[r] {
				holds[r] = append(holds[r], n)
				return true
			}
			for i, other := range holds[r] {
				if fill(other, tried) { // it moves to another
					holds[r][i] = n
					return true
				}
			}
		}
		return false
	}
	for n := range needs {
		if !fill(n, map[id.Resource]bool{}) {
			return false
		}
	}
	return true
}

func (o Opening) check(c *checker) {
	c.text("name", o.Name, maxName)
	c.location("location", o.Location)
	switch {
	case o.Practitioner.IsZero() == o.Resource.IsZero():
		c.fail("practitioner", ErrInvalidOpening, "of a practitioner or of a resource")
	case o.Resource.IsZero():
		c.practitioner("practitioner", o.Practitioner)
	default:
		c.resource("resource", o.Resource)
		o.checkResource(c)
	}
	if o.Weekdays == 0 || o.Weekdays > schedule.EveryDay {
		c.fail("weekdays", ErrInvalidOpening, "%b", o.Weekdays)
	}
	c.within("from", ErrInvalidOpening, o.From, 0, 24*60-1)
	if o.From >= o.Until || o.Until-o.From > 24*60 {
		c.fail("until", ErrInvalidOpening, "minutes %d to %d", o.From, o.Until)
	}
	c.validity(ErrInvalidOpening, o.ValidFrom, o.ValidUntil)
	c.within("every_weeks", ErrInvalidOpening, o.EveryWeeks, 1, 52)
	if o.EveryWeeks > 1 && o.Anchor == 0 {
		c.fail("anchor", ErrInvalidOpening, "every so many weeks from when on?")
	}
	distinct(c, "services", o.Services, c.service)
	c.group(o.Insurance, o.Patients)
	c.maybe("open_to_all_days", ErrInvalidOpening, o.OpenToAllDays, 0, 365)
	if !slices.Contains([]Audience{Online, StaffOnly, WalkIn}, o.Audience) {
		c.fail("audience", ErrInvalidOpening, "none of the three")
	}
	c.within("capacity", ErrInvalidOpening, o.Capacity, 0, 100)
	c.within("lead_minutes", ErrInvalidLead, o.LeadMinutes, 0, 730*24*60)
	c.maybe("horizon_days", ErrInvalidHorizon, o.HorizonDays, 0, 730)
	if o.Release.Set {
		c.within("release", ErrInvalidOpening, o.Release.Days, 0, 365)
		c.within("release", ErrInvalidOpening, o.Release.Minute, 0, 24*60-1)
	}
	if !slices.Contains([]SchoolDays{AnyDay, SchoolHolidays, OutsideHolidays}, o.SchoolHolidays) {
		c.fail("school_holidays", ErrInvalidOpening, "none of the three")
	}
	o.checkSense(c)
}

// checkResource refuses what means nothing in the opening of a room or device.
func (o Opening) checkResource(c *checker) {
	for _, r := range c.setup.Resources {
		if r.ID == o.Resource && !r.Location.IsZero() && r.Location != o.Location {
			c.fail("location", ErrInvalidOpening, "it stands elsewhere")
		}
	}
	switch {
	case len(o.Services) > 0:
		c.fail("services", ErrInvalidOpening, "of a resource's opening")
	case o.Insurance != 0, o.Patients != schedule.AllPatients, o.OpenToAllDays != nil, o.Referral:
		c.fail("patients", ErrInvalidOpening, "of a resource's opening")
	case o.Audience != Online:
		c.fail("audience", ErrInvalidOpening, "of a resource's opening")
	case o.Capacity != 0, o.LeadMinutes != 0, o.HorizonDays != nil, o.Release.Set:
		c.fail("capacity", ErrInvalidOpening, "of a resource's opening")
	}
}

// checkSense refuses an opening that never is one, and one that there is twice.
func (o Opening) checkSense(c *checker) {
	if o.ValidFrom != 0 && o.ValidUntil != 0 && o.EveryWeeks > 0 && o.ValidUntil-o.ValidFrom < 7*schedule.Date(o.EveryWeeks) {
		opens := false
		for date := o.ValidFrom; date <= o.ValidUntil; date++ {
			opens = opens || o.begins(date)
		}
		if !opens {
			c.fail("weekdays", ErrNeverOffered, "on no day from %v to %v", o.ValidFrom, o.ValidUntil)
		}
	}
	if len(o.Services) > 0 && o.Audience != WalkIn {
		group, offered, anybody := schedule.GroupOf(o.Insurance, o.Patients), false, false
		for _, x := range c.setup.Services {
			if !slices.Contains(o.Services, x.ID) || !slices.Contains(x.Practitioners, o.Practitioner) {
				continue
			}
			offered = true
			anybody = anybody || o.OpenToAllDays != nil || group&schedule.GroupOf(x.Insurance, x.Patients) != 0
		}
		switch {
		case !offered:
			c.fail("services", ErrNeverOffered, "its practitioner offers none of them")
		case !anybody:
			c.fail("patients", ErrNeverOffered, "nobody can book any of its services")
		}
	}
	for _, other := range c.setup.Openings {
		if other.ID == o.ID {
			break // of two that are the same, the second is the mistake
		}
		if o.same(other) {
			c.fail("name", ErrDuplicateOpening, "as %v", other.ID)
		}
	}
}

// begins reports whether the opening begins on a date, school holidays apart.
func (o Opening) begins(date schedule.Date) bool {
	monday := func(d schedule.Date) schedule.Date { return d - schedule.Date(d.Weekday()-1) }
	return o.Weekdays.Has(date.Weekday()) && (o.EveryWeeks <= 1 || (monday(date)-monday(o.Anchor))/7%schedule.Date(o.EveryWeeks) == 0)
}

// same reports whether two openings say the same.
func (o Opening) same(x Opening) bool {
	return o.Practitioner == x.Practitioner && o.Resource == x.Resource && o.Location == x.Location &&
		o.Weekdays == x.Weekdays && o.From == x.From && o.Until == x.Until &&
		o.ValidFrom == x.ValidFrom && o.ValidUntil == x.ValidUntil && o.EveryWeeks == x.EveryWeeks && o.Anchor == x.Anchor &&
		slices.Equal(o.Services, x.Services) && o.Insurance == x.Insurance && o.Patients == x.Patients &&
		equal(o.OpenToAllDays, x.OpenToAllDays) && o.Audience == x.Audience && o.Capacity == x.Capacity &&
		o.LeadMinutes == x.LeadMinutes && equal(o.HorizonDays, x.HorizonDays) && o.Release == x.Release &&
		o.SchoolHolidays == x.SchoolHolidays && o.Referral == x.Referral
}

func equal(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (c Closure) check(k *checker) {
	if !c.Practitioner.IsZero() {
		k.practitioner("practitioner", c.Practitioner)
	}
	if !c.Location.IsZero() {
		k.location("location", c.Location)
	}
	if !c.Resource.IsZero() {
		k.resource("resource", c.Resource)
		if !c.Practitioner.IsZero() {
			k.fail("resource", ErrInvalidClosure, "of a resource or of a practitioner")
		}
	}
	switch {
	case c.From == 0:
		k.fail("from", ErrInvalidClosure, "no date")
	case c.Until == 0 || c.From > c.Until || c.Until-c.From > maxClosure:
		k.fail("until", ErrInvalidClosure, "from %v to %v", c.From, c.Until)
	case c.From == c.Until && c.FromMinute >= c.UntilMinute:
		k.fail("until_time", ErrInvalidClosure, "ends before it starts")
	}
	k.within("from_time", ErrInvalidClosure, c.FromMinute, 0, 24*60-1)
	k.within("until_time", ErrInvalidClosure, c.UntilMinute, 1, 24*60)
	if c.Substitute.Name == "" && c.Substitute != (Substitute{}) {
		k.fail("substitute", ErrInvalidClosure, "without a name")
	}
	k.text("reason", c.Reason, maxLine)
	k.text("text", c.PublicText, maxLine)
	for _, text := range []string{c.Substitute.Name, c.Substitute.Address, c.Substitute.Phone} {
		k.text("substitute", text, maxLine)
	}
}

func (q Quota) check(c *checker) {
	c.named(q.Name)
	c.within("max", ErrInvalidQuota, q.Max, 0, 10_000)
	if int(q.Per) >= len(periodWords) {
		c.fail("per", ErrInvalidQuota, "%d", q.Per)
	}
	distinct(c, "services", q.Services, c.service)
	distinct(c, "windows", q.Windows, c.window)
	distinct(c, "practitioners", q.Practitioners, c.practitioner)
	c.group(q.Insurance, q.Patients)
	c.maybe("release_days", ErrInvalidQuota, q.ReleaseDays, 0, 365)
	c.validity(ErrInvalidQuota, q.ValidFrom, q.ValidUntil)
}

func (x Chain) check(c *checker) {
	c.named(x.Name)
	c.text("description", x.Description, maxText)
	if len(x.Steps) < 2 || len(x.Steps) > 10 {
		c.fail("steps", ErrInvalidChain, "%d of them", len(x.Steps))
	}
	for i, step := range x.Steps {
		c.service("steps", step.Service)
		if i == 0 && (step.Optional || step.LeastMinutes != 0 || step.GreatestMinutes != 0) {
			c.fail("steps", ErrInvalidChain, "the first one is optional, or waits")
		}
		c.within("steps", ErrInvalidChain, step.LeastMinutes, 0, 24*60)
		c.within("steps", ErrInvalidChain, step.GreatestMinutes, 0, 24*60)
		if step.GreatestMinutes != 0 && step.LeastMinutes > step.GreatestMinutes {
			c.fail("steps", ErrInvalidChain, "waits at least %d and at most %d minutes", step.LeastMinutes, step.GreatestMinutes)
		}
	}
}

// loadZone returns the zone of an IANA name. It returns [ErrUnknownZone] also
// for "Local" and "", which mean something on each machine, and UTC for "UTC".
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, ErrUnknownZone.Because(fmt.Errorf("%q", name))
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrUnknownZone.Because(err)
	}
	return zone, nil
}
