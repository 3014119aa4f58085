package practice_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// surgery is a practice with two practitioners, two locations and three services.
type surgery struct {
	practice.Setup
	main, branch               id.Location
	amal, bea                  id.Practitioner
	amalTime, beaTime          id.Resource
	checkup, vaccination, acne id.Service
}

func newSurgery() surgery {
	s := surgery{
		main: id.New[id.Location](), branch: id.New[id.Location](),
		amal: id.New[id.Practitioner](), bea: id.New[id.Practitioner](),
		amalTime: id.New[id.Resource](), beaTime: id.New[id.Resource](),
		checkup: id.New[id.Service](), vaccination: id.New[id.Service](), acne: id.New[id.Service](),
	}
	price := 4800
	s.Setup = practice.Setup{
		Practice: practice.Practice{
			Name: "Praxis am Markt", Tagline: "Hautärzte", Phone: "030 1234567", Email: "praxis@example.org",
			Accent: "#0f5e66", Imprint: "Dr. Amal Beispiel", Hours: "Mo-Fr 8-12",
			Channels: []string{"mail", "sms"}, Asks: practice.Asks{Insurance: "für die \"Abrechnung\""},
		},
		Locations: []practice.Location{
			{ID: s.branch, Name: "Filiale", Street: "Weg 2", PostalCode: "10115", City: "Berlin", Position: 2},
			{ID: s.main, Name: "Markt", Street: "Markt 1", PostalCode: "10115", City: "Berlin", Access: "Aufzug", Position: 1},
		},
		Resources: []practice.Resource{
			{ID: s.amalTime, Kind: "practitioner", Name: "Dr. Amal"},
			{ID: s.beaTime, Kind: "practitioner", Name: "Bea", Capacity: 2},
		},
		Practitioners: []practice.Practitioner{
			{ID: s.bea, Resource: s.beaTime, Name: "Bea", Role: "MFA", Position: 2},
			{ID: s.amal, Resource: s.amalTime, Name: "Dr. Amal", Role: "Hautärztin", Position: 1},
		},
		Services: []practice.HealthcareService{
			{ID: s.checkup, Name: "Vorsorge", Minutes: 30, StepMinutes: 30, HorizonDays: 365, PriceCents: &price,
				Practitioners: []id.Practitioner{s.amal}, Position: 1},
			{ID: s.vaccination, Name: "Impfung", Minutes: 20, BufferAfter: 10, StepMinutes: 20, LeadMinutes: 60, HorizonDays: 365,
				Insurance: schedule.GKV | schedule.PKV, Practitioners: []id.Practitioner{s.bea, s.amal}, Position: 2},
			{ID: s.acne, Name: "Akne", Minutes: 15, StepMinutes: 15, HorizonDays: 365, Patients: schedule.NewPatients,
				Practitioners: []id.Practitioner{s.amal}, Position: 3},
		},
		Openings: []practice.Opening{
			{Practitioner: s.amal, Location: s.main, Weekdays: schedule.WeekdaysOf(1), From: 8 * 60, Until: 10 * 60},
			{Practitioner: s.amal, Location: s.main, Weekdays: schedule.WeekdaysOf(1), From: 10 * 60, Until: 11 * 60,
				Services: []id.Service{s.vaccination, s.acne}, Insurance: schedule.PKV | schedule.SEL, Patients: schedule.KnownPatients},
			{Practitioner: s.bea, Location: s.branch, Weekdays: schedule.WeekdaysOf(1), From: 9 * 60, Until: 10 * 60},
		},
	}
	return s
}

var refusals = map[string]struct {
	edit func(*surgery)
	want error
}{
	"practice without a name":   {func(s *surgery) { s.Practice.Name = " " }, practice.ErrMissingName},
	"zone that is none":         {func(s *surgery) { s.Practice.Zone = "Europe/Bielefeld" }, practice.ErrUnknownZone},
	"zone of the machine":       {func(s *surgery) { s.Locations[0].Zone = "Local" }, practice.ErrUnknownZone},
	"zone that is a path":       {func(s *surgery) { s.Locations[0].Zone = "../../etc/passwd" }, practice.ErrUnknownZone},
	"accent that is no colour":  {func(s *surgery) { s.Practice.Accent = "red;}" }, practice.ErrInvalidAccent},
	"channel that is none":      {func(s *surgery) { s.Practice.Channels = []string{"fax"} }, practice.ErrInvalidChannels},
	"resource of unknown kind":  {func(s *surgery) { s.Resources[0].Kind = "cat" }, practice.ErrInvalidResource},
	"resource too big":          {func(s *surgery) { s.Resources[0].Capacity = 101 }, practice.ErrInvalidResource},
	"shared resource":           {func(s *surgery) { s.Practitioners[0].Resource = s.amalTime }, practice.ErrInvalidResource},
	"resource of nobody":        {func(s *surgery) { s.Practitioners[0].Resource = id.New[id.Resource]() }, practice.ErrUnknownReference},
	"no duration":               {func(s *surgery) { s.Services[0].Minutes = 0 }, practice.ErrInvalidDuration},
	"duration over eight hours": {func(s *surgery) { s.Services[0].Minutes = 481 }, practice.ErrInvalidDuration},
	"negative buffer":           {func(s *surgery) { s.Services[0].BufferAfter = -1 }, practice.ErrInvalidBuffer},
	"step too fine":             {func(s *surgery) { s.Services[0].StepMinutes = 1 }, practice.ErrInvalidStep},
	"negative lead":             {func(s *surgery) { s.Services[0].LeadMinutes = -1 }, practice.ErrInvalidLead},
	"horizon over two years":    {func(s *surgery) { s.Services[0].HorizonDays = 731 }, practice.ErrInvalidHorizon},
	"negative price":            {func(s *surgery) { s.Services[0].PriceCents = new(int); *s.Services[0].PriceCents = -1 }, practice.ErrInvalidPrice},
	"insurance that is none":    {func(s *surgery) { s.Services[0].Insurance = 1 << 6 }, schedule.ErrInvalidInsurance},
	"patients that are none":    {func(s *surgery) { s.Openings[0].Patients = 3 }, practice.ErrInvalidPatients},
	"service of nobody known":   {func(s *surgery) { s.Services[0].Practitioners = []id.Practitioner{id.New[id.Practitioner]()} }, practice.ErrUnknownReference},
	"service twice by one":      {func(s *surgery) { s.Services[0].Practitioners = []id.Practitioner{s.amal, s.amal} }, practice.ErrDuplicateID},
	"two services with one id":  {func(s *surgery) { s.Services[1].ID = s.checkup }, practice.ErrDuplicateID},
	"opening of nobody known":   {func(s *surgery) { s.Openings[0].Practitioner = id.New[id.Practitioner]() }, practice.ErrUnknownReference},
	"opening nowhere":           {func(s *surgery) { s.Openings[0].Location = id.Location{} }, practice.ErrUnknownReference},
	"opening for no service":    {func(s *surgery) { s.Openings[0].Services = []id.Service{id.New[id.Service]()} }, practice.ErrUnknownReference},
	"opening on an eighth day":  {func(s *surgery) { s.Openings[0].Weekdays = 1 << 7 }, practice.ErrInvalidOpening},
	"opening that ends at once": {func(s *surgery) { s.Openings[0].Until = s.Openings[0].From }, practice.ErrInvalidOpening},
	"opening of over a day":     {func(s *surgery) { s.Openings[0].Until = s.Openings[0].From + 24*60 + 1 }, practice.ErrInvalidOpening},
	"opening that is never valid": {func(s *surgery) {
		s.Openings[0].ValidFrom, s.Openings[0].ValidUntil = schedule.Date(20001), schedule.Date(20000)
	}, practice.ErrInvalidOpening},
	"land that is none":            {func(s *surgery) { s.Practice.Land = "BE" }, schedule.ErrUnknownLand},
	"municipality without a land":  {func(s *surgery) { s.Practice.Municipality = schedule.Catholic }, schedule.ErrUnknownLand},
	"municipality of another land": {func(s *surgery) { s.Practice.Land, s.Practice.Municipality = "DE-BE", schedule.Augsburg }, schedule.ErrUnknownMunicipality},
	"closed day that is none":      {func(s *surgery) { s.Practice.ClosedDays = []schedule.Yearly{"31-12"} }, schedule.ErrMalformedYearly},
	"too many closed days":         {func(s *surgery) { s.Practice.ClosedDays = slices.Repeat([]schedule.Yearly{"12-24"}, 41) }, practice.ErrTooManyDays},
	"closure of nobody known":      closing(practice.ErrUnknownReference, func(c *practice.Closure) { c.Practitioner = id.New[id.Practitioner]() }),
	"closure nowhere":              closing(practice.ErrUnknownReference, func(c *practice.Closure) { c.Location = id.New[id.Location]() }),
	"closure without a date":       closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.From = 0 }),
	"closure that ends before":     closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.Until = c.From - 1 }),
	"closure that ends at once":    closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.FromMinute, c.UntilMinute = 600, 600 }),
	"closure from a 25th hour":     closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.FromMinute, c.Until = 1440, c.From+1 }),
	"closure until a 25th hour":    closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.UntilMinute = 1441 }),
	"closure for good":             closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.Until = c.From + 731 }),
	"closure with endless words":   closing(practice.ErrInvalidText, func(c *practice.Closure) { c.PublicText = strings.Repeat("ä", 301) }),
	"closure with control signs":   closing(practice.ErrInvalidText, func(c *practice.Closure) { c.Reason = "a\x1bb" }),
	"substitute without a name":    closing(practice.ErrInvalidClosure, func(c *practice.Closure) { c.Substitute.Phone = "030 7654321" }),
	"two closures with the same id": {func(s *surgery) {
		c := wholeMonday()
		c.ID = id.New[id.Closure]()
		s.Closures = []practice.Closure{c, c}
	}, practice.ErrDuplicateID},
}

type refusal = struct {
	edit func(*surgery)
	want error
}

// closing is a refusal of a closure of all of Monday with one thing changed.
func closing(want error, edit func(*practice.Closure)) refusal {
	return refusal{func(s *surgery) {
		c := wholeMonday()
		edit(&c)
		s.Closures = []practice.Closure{c}
	}, want}
}

func wholeMonday() practice.Closure { return practice.Closure{Stretch: schedule.WholeDay(monday)} }

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, tenant := newSurgery(), id.New[id.Tenant]()
			c.edit(&s)
			if err := f.Create(t.Context(), tenant, s.Setup); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, err := f.Offer(t.Context(), tenant); !errors.Is(err, practice.ErrUnknownPractice) {
				t.Errorf("something was stored: %v", err)
			}
		})
	}
}
