package api

import (
	"fmt"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// The rules as JSON has them: dates as 2006-01-02, times of day as 15:04 on the
// wall of the location, and beyond 24:00 for what ends after midnight.

var errTime = fault.New(fault.Invalid, "malformed_time")

// minutes is a time of day in minutes since midnight, up to 48:00.
type minutes int

func (m minutes) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%02d:%02d", m/60, m%60), nil }

func (m *minutes) UnmarshalText(text []byte) error {
	if len(text) != 5 || text[2] != ':' {
		return errTime
	}
	digit := func(i int) int { return int(text[i]) - '0' }
	for _, i := range []int{0, 1, 3, 4} {
		if d := digit(i); d < 0 || d > 9 {
			return errTime
		}
	}
	hour, minute := 10*digit(0)+digit(1), 10*digit(3)+digit(4)
	if *m = minutes(60*hour + minute); minute > 59 || *m > 48*60 {
		return errTime
	}
	return nil
}

type practiceValue struct {
	Name               string                `json:"name"`
	Tagline            string                `json:"tagline"`
	Phone              string                `json:"phone"`
	Email              string                `json:"email"`
	Zone               string                `json:"zone"`
	Accent             string                `json:"accent"`
	Imprint            string                `json:"imprint"`
	Hours              string                `json:"hours"`
	Channels           []string              `json:"channels"`
	Asks               practice.Asks         `json:"asks"`
	SMSSender          string                `json:"sms_sender"`
	Land               schedule.Land         `json:"land"`
	Municipality       schedule.Municipality `json:"municipality"`
	ClosedDays         []schedule.Yearly     `json:"closed_days"`
	BookingsPerContact *int                  `json:"bookings_per_contact,omitempty"`
	VideoProvider      string                `json:"video_provider,omitempty"`
	VideoAddress       string                `json:"video_address,omitempty" doc:"Of https; {room} in it stands for the room that is sealed in each booking"`
}

func sayPractice(p practice.Practice) practiceValue {
	return practiceValue{
		p.Name, p.Tagline, p.Phone, p.Email, p.Zone, p.Accent, p.Imprint, p.Hours, filled(p.Channels), p.Asks,
		p.SMSSender, p.Land, p.Municipality, filled(p.ClosedDays), p.BookingsPerContact,
		p.Video.Provider, p.Video.Address,
	}
}

// ref is what stands in the path where others have their id.
func (practiceValue) ref() string { return "practice" }

func (v practiceValue) rule() practice.Rule {
	return practice.Practice{
		Name: v.Name, Tagline: v.Tagline, Phone: v.Phone, Email: v.Email, Zone: v.Zone, Accent: v.Accent,
		Imprint: v.Imprint, Hours: v.Hours, Channels: v.Channels, Asks: v.Asks, SMSSender: v.SMSSender, Land: v.Land,
		Municipality: v.Municipality, ClosedDays: v.ClosedDays, BookingsPerContact: v.BookingsPerContact,
		Video: practice.Video{Provider: v.VideoProvider, Address: v.VideoAddress},
	}
}

type locationValue struct {
	ID           id.Location           `json:"id"`
	Name         string                `json:"name"`
	Street       string                `json:"street"`
	PostalCode   string                `json:"postal_code"`
	City         string                `json:"city"`
	Phone        string                `json:"phone"`
	Hours        string                `json:"hours"`
	Access       string                `json:"access"`
	Zone         string                `json:"zone"`
	Land         schedule.Land         `json:"land,omitempty"`
	Municipality schedule.Municipality `json:"municipality,omitempty"`
	Position     int                   `json:"position" required:"false" minimum:"0" maximum:"100000"`
}

func sayLocation(l practice.Location) locationValue {
	return locationValue{
		l.ID, l.Name, l.Street, l.PostalCode, l.City, l.Phone, l.Hours, l.Access, l.Zone, l.Land, l.Municipality, l.Position,
	}
}

func (v locationValue) ref() string { return v.ID.String() }

func (v locationValue) rule() practice.Rule {
	return practice.Location{
		ID: v.ID, Name: v.Name, Street: v.Street, PostalCode: v.PostalCode, City: v.City, Phone: v.Phone, Hours: v.Hours,
		Access: v.Access, Zone: v.Zone, Land: v.Land, Municipality: v.Municipality, Position: v.Position,
	}
}

type legValue struct {
	A       id.Location `json:"a"`
	B       id.Location `json:"b"`
	Minutes int         `json:"minutes"`
}

func sayLeg(l practice.Leg) legValue { return legValue(l) }

func (v legValue) ref() string { return v.A.String() + "." + v.B.String() }

func (v legValue) rule() practice.Rule { return practice.Leg(v) }

type resourceValue struct {
	ID       id.Resource `json:"id"`
	Kind     string      `json:"kind" enum:"practitioner,room,device"`
	Name     string      `json:"name"`
	Capacity int         `json:"capacity" minimum:"1"`
	Location id.Location `json:"location,omitzero"`
}

func sayResource(r practice.Resource) resourceValue { return resourceValue(r) }

func (v resourceValue) ref() string { return v.ID.String() }

func (v resourceValue) rule() practice.Rule { return practice.Resource(v) }

type practitionerValue struct {
	ID id.Practitioner `json:"id"`
	// Resource is whose time theirs is. A new one gets a resource of their own
	// where none is named; it never changes.
	Resource id.Resource `json:"resource,omitzero"`
	Name     string      `json:"name"`
	Role     string      `json:"role"`
	Position int         `json:"position" minimum:"0" maximum:"100000"`
}

func sayPractitioner(p practice.Practitioner) practitionerValue { return practitionerValue(p) }

func (v practitionerValue) ref() string { return v.ID.String() }

func (v practitionerValue) rule() practice.Rule { return practice.Practitioner(v) }

type providerValue struct {
	ID      id.Practitioner `json:"id"`
	Minutes int             `json:"minutes,omitzero" minimum:"1"`
}

type needValue struct {
	Role      string        `json:"role"`
	Resources []id.Resource `json:"resources"`
}

type serviceValue struct {
	ID            id.Service `json:"id"`
	Name          string     `json:"name"`
	Category      string     `json:"category"`
	Description   string     `json:"description"`
	Instructions  string     `json:"instructions"`
	Minutes       int        `json:"minutes"`
	BufferBefore  int        `json:"buffer_before"`
	BufferAfter   int        `json:"buffer_after"`
	Step          int        `json:"step" minimum:"1"`
	LeadMinutes   int        `json:"lead_minutes"`
	HorizonDays   int        `json:"horizon_days"`
	PriceCents    *int       `json:"price_cents,omitempty" maximum:"100000000"`
	Insurance     []string   `json:"insurance" enum:"GKV,PKV,BEI,BG,SEL,SOZ"`
	Patients      string     `json:"patients" enum:"all,new,known"`
	MinAge        *int       `json:"min_age,omitempty"`
	MaxAge        *int       `json:"max_age,omitempty"`
	Referral      bool       `json:"referral"`
	ReferralCode  bool       `json:"referral_code,omitempty" doc:"Nothing without referral"`
	Seats         int        `json:"seats" minimum:"1"`
	Confirmation  string     `json:"confirmation" enum:"at_once,by_staff"`
	CancelMinutes int        `json:"cancel_minutes"`
	MoveMinutes   int        `json:"move_minutes"`
	// Both or neither.
	SeriesCount     int             `json:"series_count,omitempty"`
	SeriesEveryDays int             `json:"series_every_days,omitempty"`
	Held            practice.Held   `json:"held,omitempty" enum:"in_person,by_video,either"`
	Practitioners   []providerValue `json:"practitioners"`
	Needs           []needValue     `json:"needs"`
	Position        int             `json:"position" minimum:"0" maximum:"100000"`
}

func sayService(x practice.HealthcareService) serviceValue {
	v := serviceValue{
		ID: x.ID, Name: x.Name, Category: x.Category, Description: x.Description, Instructions: x.Instructions,
		Minutes: x.Minutes, BufferBefore: x.BufferBefore, BufferAfter: x.BufferAfter, Step: x.StepMinutes,
		LeadMinutes: x.LeadMinutes, HorizonDays: x.HorizonDays, PriceCents: x.PriceCents,
		Insurance: x.Insurance.Codes(), Patients: x.Patients.String(), MinAge: x.MinAge, MaxAge: x.MaxAge,
		Referral: x.Referral, ReferralCode: x.ReferralCode, Seats: x.Seats, Confirmation: confirmation(x.ByStaff),
		CancelMinutes: x.CancelMinutes, MoveMinutes: x.MoveMinutes, Position: x.Position,
		SeriesCount: x.SeriesCount, SeriesEveryDays: x.SeriesEveryDays,
		Held: x.Held, Practitioners: []providerValue{}, Needs: []needValue{},
	}
	for _, p := range x.Practitioners {
		v.Practitioners = append(v.Practitioners, providerValue{p, x.Durations[p]})
	}
	for _, n := range x.Needs {
		v.Needs = append(v.Needs, needValue{n.Role, filled(n.Resources)})
	}
	return v
}

func confirmation(byStaff bool) string {
	if byStaff {
		return "by_staff"
	}
	return "at_once"
}

func (v serviceValue) ref() string { return v.ID.String() }

func (v serviceValue) rule() practice.Rule {
	x := practice.HealthcareService{
		ID: v.ID, Name: v.Name, Category: v.Category, Description: v.Description, Instructions: v.Instructions,
		Minutes: v.Minutes, BufferBefore: v.BufferBefore, BufferAfter: v.BufferAfter, StepMinutes: v.Step,
		LeadMinutes: v.LeadMinutes, HorizonDays: v.HorizonDays, PriceCents: v.PriceCents,
		MinAge: v.MinAge, MaxAge: v.MaxAge, Referral: v.Referral, ReferralCode: v.Referral && v.ReferralCode, Seats: v.Seats, ByStaff: v.Confirmation == "by_staff",
		CancelMinutes: v.CancelMinutes, MoveMinutes: v.MoveMinutes, Position: v.Position,
		SeriesCount: v.SeriesCount, SeriesEveryDays: v.SeriesEveryDays, Held: v.Held,
		Durations: map[id.Practitioner]int{},
	}
	for _, p := range v.Practitioners {
		x.Practitioners = append(x.Practitioners, p.ID)
		if p.Minutes != 0 {
			x.Durations[p.ID] = p.Minutes
		}
	}
	for _, n := range v.Needs {
		x.Needs = append(x.Needs, practice.Need(n))
	}
	x.Insurance, x.Patients = whom(v.Insurance, v.Patients)
	return x
}

// whom reads for which patients something is; what the standard lacks becomes
// what a check refuses.
func whom(codes []string, word string) (schedule.Insurances, schedule.Patients) {
	const none = 0xff
	insurance, err := schedule.ParseInsurances(codes)
	if err != nil {
		insurance = none
	}
	patients, ok := schedule.ParsePatients(word)
	if !ok {
		patients = none
	}
	return insurance, patients
}

type releaseValue struct {
	Days int     `json:"days"`
	Time minutes `json:"time"`
}

type windowValue struct {
	ID             id.Window       `json:"id"`
	Name           string          `json:"name"`
	Practitioner   id.Practitioner `json:"practitioner,omitzero"`
	Resource       id.Resource     `json:"resource,omitzero"`
	Location       id.Location     `json:"location"`
	Weekdays       []int           `json:"weekdays" minItems:"1" maxItems:"7" uniqueItems:"true"`
	From           minutes         `json:"from"`
	Until          minutes         `json:"until"`
	ValidFrom      schedule.Date   `json:"valid_from,omitzero"`
	ValidUntil     schedule.Date   `json:"valid_until,omitzero"`
	EveryWeeks     int             `json:"every_weeks" minimum:"1"`
	Anchor         schedule.Date   `json:"anchor,omitzero"`
	Services       []id.Service    `json:"services"`
	Insurance      []string        `json:"insurance" enum:"GKV,PKV,BEI,BG,SEL,SOZ"`
	Patients       string          `json:"patients" enum:"all,new,known"`
	OpenToAllDays  *int            `json:"open_to_all_days,omitempty"`
	Audience       string          `json:"audience" enum:"online,staff,walk_in"`
	Capacity       int             `json:"capacity,omitzero" minimum:"1"`
	LeadMinutes    int             `json:"lead_minutes,omitzero"`
	HorizonDays    *int            `json:"horizon_days,omitempty"`
	Release        *releaseValue   `json:"release,omitempty"`
	SchoolHolidays string          `json:"school_holidays" enum:"any,only,not"`
	Referral       bool            `json:"referral"`
}

func sayWindow(o practice.Opening) windowValue {
	v := windowValue{
		ID: o.ID, Name: o.Name, Practitioner: o.Practitioner, Resource: o.Resource, Location: o.Location,
		Weekdays: o.Weekdays.Days(), From: minutes(o.From), Until: minutes(o.Until), ValidFrom: o.ValidFrom,
		ValidUntil: o.ValidUntil, EveryWeeks: max(o.EveryWeeks, 1), Anchor: o.Anchor, Services: filled(o.Services),
		Insurance: o.Insurance.Codes(), Patients: o.Patients.String(), OpenToAllDays: o.OpenToAllDays,
		Audience: string(o.Audience), Capacity: o.Capacity, LeadMinutes: o.LeadMinutes, HorizonDays: o.HorizonDays,
		SchoolHolidays: string(o.SchoolHolidays), Referral: o.Referral,
	}
	if o.Release.Set {
		v.Release = &releaseValue{o.Release.Days, minutes(o.Release.Minute)}
	}
	return v
}

func (v windowValue) ref() string { return v.ID.String() }

func (v windowValue) rule() practice.Rule {
	o := practice.Opening{
		ID: v.ID, Name: v.Name, Practitioner: v.Practitioner, Resource: v.Resource, Location: v.Location,
		Weekdays: schedule.WeekdaysOf(v.Weekdays...), From: int(v.From), Until: int(v.Until), ValidFrom: v.ValidFrom,
		ValidUntil: v.ValidUntil, EveryWeeks: v.EveryWeeks, Anchor: v.Anchor, Services: v.Services,
		OpenToAllDays: v.OpenToAllDays, Audience: practice.Audience(v.Audience), Capacity: v.Capacity,
		LeadMinutes: v.LeadMinutes, HorizonDays: v.HorizonDays, SchoolHolidays: practice.SchoolDays(v.SchoolHolidays),
		Referral: v.Referral,
	}
	if v.Release != nil {
		o.Release = schedule.Release{Set: true, Days: v.Release.Days, Minute: int(v.Release.Time)}
	}
	if len(o.Weekdays.Days()) != len(v.Weekdays) {
		o.Weekdays = 0 // some are none of the seven
	}
	o.Insurance, o.Patients = whom(v.Insurance, v.Patients)
	return o
}

type closureValue struct {
	ID           id.Closure           `json:"id"`
	Practitioner id.Practitioner      `json:"practitioner,omitzero"`
	Location     id.Location          `json:"location,omitzero"`
	Resource     id.Resource          `json:"resource,omitzero"`
	From         schedule.Date        `json:"from"`
	FromTime     minutes              `json:"from_time"`
	Until        schedule.Date        `json:"until"`
	UntilTime    minutes              `json:"until_time"`
	Reason       string               `json:"reason"`
	Text         string               `json:"text"`
	Substitute   *practice.Substitute `json:"substitute,omitempty"`
}

func sayClosure(c practice.Closure) closureValue {
	v := closureValue{
		c.ID, c.Practitioner, c.Location, c.Resource, c.From, minutes(c.FromMinute), c.Until, minutes(c.UntilMinute),
		c.Reason, c.PublicText, nil,
	}
	if c.Substitute != (practice.Substitute{}) {
		v.Substitute = &c.Substitute
	}
	return v
}

func (v closureValue) ref() string { return v.ID.String() }

func (v closureValue) rule() practice.Rule {
	c := practice.Closure{
		ID: v.ID, Practitioner: v.Practitioner, Location: v.Location, Resource: v.Resource,
		Stretch: schedule.Stretch{From: v.From, FromMinute: int(v.FromTime), Until: v.Until, UntilMinute: int(v.UntilTime)},
		Reason:  v.Reason, PublicText: v.Text,
	}
	if v.Substitute != nil {
		c.Substitute = *v.Substitute
	}
	return c
}

var periods = []string{schedule.Day: "day", schedule.Week: "week", schedule.Month: "month"}

type quotaValue struct {
	ID            id.Quota          `json:"id"`
	Name          string            `json:"name"`
	Max           int               `json:"max"`
	Per           string            `json:"per" enum:"day,week,month"`
	Services      []id.Service      `json:"services"`
	Windows       []id.Window       `json:"windows"`
	Practitioners []id.Practitioner `json:"practitioners"`
	Insurance     []string          `json:"insurance" enum:"GKV,PKV,BEI,BG,SEL,SOZ"`
	Patients      string            `json:"patients" enum:"all,new,known"`
	ReleaseDays   *int              `json:"release_days,omitempty"`
	ValidFrom     schedule.Date     `json:"valid_from,omitzero"`
	ValidUntil    schedule.Date     `json:"valid_until,omitzero"`
}

func sayQuota(q practice.Quota) quotaValue {
	return quotaValue{
		q.ID, q.Name, q.Max, periods[q.Per], filled(q.Services), filled(q.Windows), filled(q.Practitioners),
		q.Insurance.Codes(), q.Patients.String(), q.ReleaseDays, q.ValidFrom, q.ValidUntil,
	}
}

func (v quotaValue) ref() string { return v.ID.String() }

func (v quotaValue) rule() practice.Rule {
	q := practice.Quota{
		ID: v.ID, Name: v.Name, Max: v.Max, Services: v.Services, Windows: v.Windows, Practitioners: v.Practitioners,
		ReleaseDays: v.ReleaseDays, ValidFrom: v.ValidFrom, ValidUntil: v.ValidUntil,
	}
	for period, word := range periods {
		if word == v.Per {
			q.Per = schedule.Period(period)
		}
	}
	q.Insurance, q.Patients = whom(v.Insurance, v.Patients)
	return q
}

type stepValue struct {
	Service         id.Service `json:"service"`
	LeastMinutes    int        `json:"least_minutes"`
	GreatestMinutes int        `json:"greatest_minutes"`
	Optional        bool       `json:"optional"`
}

type chainValue struct {
	ID          id.Chain    `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Position    int         `json:"position" minimum:"0" maximum:"100000"`
	Steps       []stepValue `json:"steps"`
}

func sayChain(c practice.Chain) chainValue {
	return chainValue{c.ID, c.Name, c.Description, c.Position, each(c.Steps, func(x practice.ChainStep) stepValue { return stepValue(x) })}
}

func (v chainValue) ref() string { return v.ID.String() }

func (v chainValue) rule() practice.Rule {
	c := practice.Chain{ID: v.ID, Name: v.Name, Description: v.Description, Position: v.Position}
	for _, x := range v.Steps {
		c.Steps = append(c.Steps, practice.ChainStep(x))
	}
	return c
}

type calendarValue struct {
	ID       id.Calendar           `json:"id"`
	Name     string                `json:"name"`
	Kind     practice.CalendarKind `json:"kind" enum:"school_holidays,busy"`
	Resource id.Resource           `json:"resource,omitzero"`
	Imported time.Time             `json:"imported"`
	Entries  int                   `json:"entries"`
}

func sayCalendar(c practice.Calendar) calendarValue { return calendarValue(c) }

// affectedBody is an appointment outside of all hours.
type affectedBody struct {
	Appointment  id.Appointment  `json:"appointment"`
	Booking      id.Booking      `json:"booking_id"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Starts       time.Time       `json:"starts"`
	Ends         time.Time       `json:"ends"`
}

func sayAffected(a practice.Affected) affectedBody { return affectedBody(a) }

// each says each of a list, never null.
func each[T, V any](all []T, say func(T) V) []V {
	said := make([]V, len(all))
	for i, v := range all {
		said[i] = say(v)
	}
	return said
}

// filled is a list that is never null.
func filled[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
