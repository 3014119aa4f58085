package practice

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

type practiceRow struct {
	bun.BaseModel `bun:"table:practice"`

	TenantID  id.Tenant `bun:",pk"`
	Name      string
	Tagline   string
	Phone     string
	Email     string
	Zone      string
	Accent    string
	Imprint   string
	Hours     string
	Channels  []string `bun:",array"`
	Asks      Asks     `bun:"type:jsonb"`
	SMSSender string   `bun:"sms_sender"`

	Land               schedule.Land
	Municipality       schedule.Municipality
	ClosedDays         []string `bun:",array"`
	BookingsPerContact *int
	VideoProvider      string
	VideoAddress       string
}

type locationRow struct {
	bun.BaseModel `bun:"table:location"`

	TenantID     id.Tenant   `bun:",pk"`
	ID           id.Location `bun:",pk"`
	Name         string
	Street       string
	PostalCode   string
	City         string
	Phone        string
	Hours        string
	Access       string
	Zone         string
	Position     int
	Land         schedule.Land
	Municipality schedule.Municipality
}

type legRow struct {
	bun.BaseModel `bun:"table:leg"`

	TenantID id.Tenant   `bun:",pk"`
	AID      id.Location `bun:"a_id,pk"`
	BID      id.Location `bun:"b_id,pk"`
	Minutes  int
}

type resourceRow struct {
	bun.BaseModel `bun:"table:resource"`

	TenantID   id.Tenant   `bun:",pk"`
	ID         id.Resource `bun:",pk"`
	Kind       string
	Name       string
	Capacity   int
	LocationID id.Location
}

type practitionerRow struct {
	bun.BaseModel `bun:"table:practitioner"`

	TenantID   id.Tenant       `bun:",pk"`
	ID         id.Practitioner `bun:",pk"`
	ResourceID id.Resource
	Name       string
	Role       string
	Position   int
}

type serviceRow struct {
	bun.BaseModel `bun:"table:service"`

	TenantID        id.Tenant  `bun:",pk"`
	ID              id.Service `bun:",pk"`
	Name            string
	Category        string
	Description     string
	Instructions    string
	DurationMinutes int
	BufferBefore    int
	BufferAfter     int
	StepMinutes     int
	LeadMinutes     int
	HorizonDays     int
	PriceCents      *int
	Insurance       []string `bun:",array"`
	Patients        string
	MinAge          *int
	MaxAge          *int
	Referral        bool
	ReferralCode    bool
	Seats           int
	ByStaff         bool
	CancelMinutes   int
	MoveMinutes     int
	SeriesEveryDays *int
	SeriesCount     *int
	Held            Held
	Position        int
}

type serviceOfferRow struct {
	bun.BaseModel `bun:"table:service_practitioner"`

	TenantID       id.Tenant       `bun:",pk"`
	ServiceID      id.Service      `bun:",pk"`
	PractitionerID id.Practitioner `bun:",pk"`
	Minutes        *int
}

type serviceNeedRow struct {
	bun.BaseModel `bun:"table:service_need"`

	TenantID    id.Tenant  `bun:",pk"`
	ServiceID   id.Service `bun:",pk"`
	Position    int        `bun:",pk"`
	Role        string
	ResourceIDs []string `bun:"resource_ids,array"`
}

type openingRow struct {
	bun.BaseModel `bun:"table:opening"`

	TenantID       id.Tenant `bun:",pk"`
	ID             id.Window `bun:",pk"`
	Name           string
	PractitionerID id.Practitioner
	ResourceID     id.Resource
	LocationID     id.Location
	Weekdays       int
	FromMinute     int
	UntilMinute    int
	ValidFrom      dateColumn
	ValidUntil     dateColumn
	EveryWeeks     int
	Anchor         dateColumn
	ServiceIDs     []string `bun:"service_ids,array"`
	Insurance      []string `bun:",array"`
	Patients       string
	OpenToAllDays  *int
	Audience       Audience
	Capacity       *int
	LeadMinutes    *int
	HorizonDays    *int
	ReleaseDays    *int
	ReleaseMinute  *int
	SchoolHolidays SchoolDays
	Referral       bool
}

type closureRow struct {
	bun.BaseModel `bun:"table:closure"`

	TenantID          id.Tenant  `bun:",pk"`
	ID                id.Closure `bun:",pk"`
	PractitionerID    id.Practitioner
	LocationID        id.Location
	ResourceID        id.Resource
	StartsOn          dateColumn
	StartsMinute      int
	EndsOn            dateColumn
	EndsMinute        int
	Reason            string
	PublicText        string
	SubstituteName    string
	SubstituteAddress string
	SubstitutePhone   string
}

type quotaRow struct {
	bun.BaseModel `bun:"table:quota"`

	TenantID        id.Tenant `bun:",pk"`
	ID              id.Quota  `bun:",pk"`
	Name            string
	Max             int
	Per             string
	ServiceIDs      []string `bun:"service_ids,array"`
	WindowIDs       []string `bun:"window_ids,array"`
	PractitionerIDs []string `bun:"practitioner_ids,array"`
	Insurance       []string `bun:",array"`
	Patients        string
	ReleaseDays     *int
	ValidFrom       dateColumn
	ValidUntil      dateColumn
}

type chainRow struct {
	bun.BaseModel `bun:"table:chain"`

	TenantID    id.Tenant `bun:",pk"`
	ID          id.Chain  `bun:",pk"`
	Name        string
	Description string
	Position    int
}

type chainStepRow struct {
	bun.BaseModel `bun:"table:chain_step"`

	TenantID        id.Tenant `bun:",pk"`
	ChainID         id.Chain  `bun:",pk"`
	Position        int       `bun:",pk"`
	ServiceID       id.Service
	LeastMinutes    int
	GreatestMinutes int
	Optional        bool
}

func (r practiceRow) key() any     { return r.TenantID }
func (r locationRow) key() any     { return r.ID }
func (r legRow) key() any          { return [2]id.Location{r.AID, r.BID} }
func (r resourceRow) key() any     { return r.ID }
func (r practitionerRow) key() any { return r.ID }
func (r serviceRow) key() any      { return r.ID }
func (r serviceOfferRow) key() any { return [2]any{r.ServiceID, r.PractitionerID} }
func (r serviceNeedRow) key() any  { return [2]any{r.ServiceID, r.Position} }
func (r openingRow) key() any      { return r.ID }
func (r closureRow) key() any      { return r.ID }
func (r quotaRow) key() any        { return r.ID }
func (r chainRow) key() any        { return r.ID }
func (r chainStepRow) key() any    { return [2]any{r.ChainID, r.Position} }

// stored are all rows of a tenant's rules, imported calendars apart.
type stored struct {
	practice      sheet[practiceRow]
	locations     sheet[locationRow]
	legs          sheet[legRow]
	resources     sheet[resourceRow]
	practitioners sheet[practitionerRow]
	services      sheet[serviceRow]
	offers        sheet[serviceOfferRow]
	needs         sheet[serviceNeedRow]
	openings      sheet[openingRow]
	closures      sheet[closureRow]
	quotas        sheet[quotaRow]
	chains        sheet[chainRow]
	steps         sheet[chainStepRow]
}

// sheets returns all of them, each before those that refer to it.
func (t *stored) sheets() []sheets {
	return []sheets{&t.practice, &t.locations, &t.legs, &t.resources, &t.practitioners, &t.services, &t.offers, &t.needs,
		&t.openings, &t.closures, &t.quotas, &t.chains, &t.steps}
}

// write makes the database, which has before, have t.
func (t stored) write(ctx context.Context, tx bun.Tx, before stored) error {
	was, is := before.sheets(), t.sheets()
	for i := range is {
		if err := is[i].insertNew(ctx, tx, was[i]); err != nil {
			return err
		}
	}
	for i := range is {
		if err := is[i].updateChanged(ctx, tx, was[i]); err != nil {
			return err
		}
	}
	for i := range slices.Backward(is) {
		if err := is[i].deleteGone(ctx, tx, was[i]); err != nil {
			return err
		}
	}
	return nil
}

// rows returns the setup as rows. The setup is complete and has been checked.
func (s Setup) rows(tenant id.Tenant) stored {
	var t stored
	p := s.Practice
	closedDays := make([]string, len(p.ClosedDays))
	for i, day := range p.ClosedDays {
		closedDays[i] = string(day)
	}
	t.practice = sheet[practiceRow]{{
		TenantID: tenant, Name: p.Name, Tagline: p.Tagline, Phone: p.Phone, Email: p.Email, Zone: p.Zone,
		Accent: p.Accent, Imprint: p.Imprint, Hours: p.Hours, Channels: p.Channels, Asks: p.Asks, SMSSender: p.SMSSender,
		Land: p.Land, Municipality: p.Municipality, ClosedDays: closedDays, BookingsPerContact: p.BookingsPerContact,
		VideoProvider: p.Video.Provider, VideoAddress: p.Video.Address,
	}}
	for _, l := range s.Locations {
		t.locations = append(t.locations, locationRow{
			TenantID: tenant, ID: l.ID, Name: l.Name, Street: l.Street, PostalCode: l.PostalCode, City: l.City,
			Phone: l.Phone, Hours: l.Hours, Access: l.Access, Zone: l.Zone, Position: l.Position,
			Land: l.Land, Municipality: l.Municipality,
		})
	}
	for _, l := range s.Legs {
		t.legs = append(t.legs, legRow{TenantID: tenant, AID: l.A, BID: l.B, Minutes: l.Minutes})
	}
	for _, r := range s.Resources {
		t.resources = append(t.resources, resourceRow{
			TenantID: tenant, ID: r.ID, Kind: r.Kind, Name: r.Name, Capacity: r.Capacity, LocationID: r.Location,
		})
	}
	for _, x := range s.Practitioners {
		t.practitioners = append(t.practitioners, practitionerRow{
			TenantID: tenant, ID: x.ID, ResourceID: x.Resource, Name: x.Name, Role: x.Role, Position: x.Position,
		})
	}
	for _, x := range s.Services {
		t.services = append(t.services, serviceRow{
			TenantID: tenant, ID: x.ID, Name: x.Name, Category: x.Category, Description: x.Description,
			Instructions: x.Instructions, DurationMinutes: x.Minutes, BufferBefore: x.BufferBefore,
			BufferAfter: x.BufferAfter, StepMinutes: x.StepMinutes, LeadMinutes: x.LeadMinutes,
			HorizonDays: x.HorizonDays, PriceCents: x.PriceCents, Insurance: x.Insurance.Codes(),
			Patients: x.Patients.String(), MinAge: x.MinAge, MaxAge: x.MaxAge, Referral: x.Referral, ReferralCode: x.Referral && x.ReferralCode, Seats: x.Seats,
			ByStaff: x.ByStaff, CancelMinutes: x.CancelMinutes, MoveMinutes: x.MoveMinutes, Position: x.Position,
			SeriesEveryDays: orNull(x.SeriesEveryDays), SeriesCount: orNull(x.SeriesCount),
			Held: x.Held,
		})
		for _, p := range x.Practitioners {
			offer := serviceOfferRow{TenantID: tenant, ServiceID: x.ID, PractitionerID: p}
			if minutes, ok := x.Durations[p]; ok {
				offer.Minutes = &minutes
			}
			t.offers = append(t.offers, offer)
		}
		for i, n := range x.Needs {
			t.needs = append(t.needs, serviceNeedRow{
				TenantID: tenant, ServiceID: x.ID, Position: i, Role: n.Role, ResourceIDs: uuids(n.Resources),
			})
		}
	}
	for _, o := range s.Openings {
		row := openingRow{
			TenantID: tenant, ID: o.ID, Name: o.Name, PractitionerID: o.Practitioner, ResourceID: o.Resource,
			LocationID: o.Location, Weekdays: int(o.Weekdays), FromMinute: o.From, UntilMinute: o.Until,
			ValidFrom: dateColumn(o.ValidFrom), ValidUntil: dateColumn(o.ValidUntil), EveryWeeks: o.EveryWeeks, Anchor: dateColumn(o.Anchor),
			ServiceIDs: uuids(o.Services), Insurance: o.Insurance.Codes(), Patients: o.Patients.String(),
			OpenToAllDays: o.OpenToAllDays, Audience: o.Audience, Capacity: orNull(o.Capacity),
			LeadMinutes: orNull(o.LeadMinutes), HorizonDays: o.HorizonDays, SchoolHolidays: o.SchoolHolidays, Referral: o.Referral,
		}
		if o.Release.Set {
			row.ReleaseDays, row.ReleaseMinute = &o.Release.Days, &o.Release.Minute
		}
		t.openings = append(t.openings, row)
	}
	for _, c := range s.Closures {
		t.closures = append(t.closures, closureRow{
			TenantID: tenant, ID: c.ID, PractitionerID: c.Practitioner, LocationID: c.Location, ResourceID: c.Resource,
			StartsOn: dateColumn(c.From), StartsMinute: c.FromMinute, EndsOn: dateColumn(c.Until), EndsMinute: c.UntilMinute,
			Reason: c.Reason, PublicText: c.PublicText, SubstituteName: c.Substitute.Name,
			SubstituteAddress: c.Substitute.Address, SubstitutePhone: c.Substitute.Phone,
		})
	}
	for _, q := range s.Quotas {
		t.quotas = append(t.quotas, quotaRow{
			TenantID: tenant, ID: q.ID, Name: q.Name, Max: q.Max, Per: periodWords[q.Per], ServiceIDs: uuids(q.Services),
			WindowIDs: uuids(q.Windows), PractitionerIDs: uuids(q.Practitioners), Insurance: q.Insurance.Codes(),
			Patients: q.Patients.String(), ReleaseDays: q.ReleaseDays, ValidFrom: dateColumn(q.ValidFrom), ValidUntil: dateColumn(q.ValidUntil),
		})
	}
	for _, c := range s.Chains {
		t.chains = append(t.chains, chainRow{TenantID: tenant, ID: c.ID, Name: c.Name, Description: c.Description, Position: c.Position})
		for i, x := range c.Steps {
			t.steps = append(t.steps, chainStepRow{
				TenantID: tenant, ChainID: c.ID, Position: i, ServiceID: x.Service,
				LeastMinutes: x.LeastMinutes, GreatestMinutes: x.GreatestMinutes, Optional: x.Optional,
			})
		}
	}
	return t
}

// periodWords are the values of quota.per, by [schedule.Period].
var periodWords = [...]string{"day", "week", "month"}

// uuids returns the ids in the form that an array column takes, never nil.
func uuids[T interface{ UUID() string }](all []T) []string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = v.UUID()
	}
	return texts
}

// orNull returns what is stored for a number whose zero is none of its own.
func orNull(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
