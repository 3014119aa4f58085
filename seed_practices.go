package main

import (
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/tenants/staff"
)

// sapling is a practice before it is planted.
type sapling struct {
	slug   string
	setup  practice.Setup
	people []person // the owner first
}

type person struct {
	name, mailbox string
	role          staff.Role
}

// The demo's practices. Numbers are from ranges that nobody has, addresses
// from example domains.
func demoPractices() []sapling { return []sapling{sonnenberg(), zahnarzt(), physio()} }

// weekly opens a practitioner at a place on the given ISO weekdays, from and
// until in hours.
func weekly(who id.Practitioner, where id.Location, from, until float64, weekdays ...int) []practice.Opening {
	var all []practice.Opening
	for _, day := range weekdays {
		all = append(all, practice.Opening{
			Practitioner: who, Location: where, Weekday: day, From: int(from * 60), Until: int(until * 60),
		})
	}
	return all
}

func join(lists ...[]practice.Opening) (all []practice.Opening) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// holidays is the practice's leave over the coming turn of the year, from
// Christmas Eve to New Year's Day.
func holidays(now time.Time) practice.Closure {
	return practice.Closure{
		Stretch: schedule.Stretch{
			From:  schedule.NewDate(now.Year(), time.December, 24),
			Until: schedule.NewDate(now.Year()+1, time.January, 1), UntilMinute: 24 * 60,
		},
		Reason: "Betriebsurlaub", PublicText: "Praxisurlaub zum Jahreswechsel",
		Substitute: practice.Substitute{Name: "Praxis am Stadtgarten", Address: "Beispielweg 2, Ettlingen", Phone: "+49 7243 000340"},
	}
}

func cents(n int) *int { return &n }

func sonnenberg() sapling {
	ettlingen, schoellbronn := id.New[id.Location](), id.New[id.Location]()
	sommer, berg, team := id.New[id.Practitioner](), id.New[id.Practitioner](), id.New[id.Practitioner]()
	doctors := []id.Practitioner{sommer, berg}
	general := practice.HealthcareService{ID: id.New[id.Service](), Name: "Allgemeine Sprechstunde", Category: "Sprechstunde",
		Description: "Neue oder andauernde Beschwerden in Ruhe besprechen", Minutes: 15, StepMinutes: 20, LeadMinutes: 60, HorizonDays: 60, Practitioners: doctors}
	services := []practice.HealthcareService{
		{ID: id.New[id.Service](), Name: "Akute Beschwerden", Category: "Sprechstunde", Description: "Nur heute und morgen, kurz und gezielt",
			Minutes: 10, StepMinutes: 10, LeadMinutes: 15, HorizonDays: 1, Practitioners: doctors},
		general,
		{ID: id.New[id.Service](), Name: "Befund besprechen", Category: "Sprechstunde", Minutes: 15, StepMinutes: 15, LeadMinutes: 120,
			HorizonDays: 60, Patients: practice.KnownPatients, Practitioners: doctors},
		{ID: id.New[id.Service](), Name: "Videosprechstunde", Category: "Sprechstunde", Minutes: 10, StepMinutes: 10, LeadMinutes: 60,
			HorizonDays: 30, Patients: practice.KnownPatients, Practitioners: []id.Practitioner{berg}},
		{ID: id.New[id.Service](), Name: "Gesundheits-Check-up", Category: "Vorsorge und Impfen",
			Description: "Ab 35 Jahren alle drei Jahre, zwischen 18 und 34 einmal", Instructions: "Bitte nüchtern kommen: acht Stunden vorher nichts essen, Wasser ist erlaubt.",
			Minutes: 30, BufferAfter: 5, StepMinutes: 30, LeadMinutes: 1440, HorizonDays: 90, Practitioners: doctors},
		{ID: id.New[id.Service](), Name: "Impfung", Category: "Vorsorge und Impfen", Instructions: "Impfpass mitbringen, wenn Sie einen haben.",
			Minutes: 10, StepMinutes: 10, LeadMinutes: 120, HorizonDays: 60, Practitioners: []id.Practitioner{team}},
		{ID: id.New[id.Service](), Name: "Blutabnahme", Category: "Labor und Messungen", Description: "Nach Absprache mit der Praxis",
			Instructions: "Bitte nüchtern kommen.", Minutes: 10, StepMinutes: 10, LeadMinutes: 720, HorizonDays: 60, Practitioners: []id.Practitioner{team}},
		{ID: id.New[id.Service](), Name: "Reisemedizinische Beratung", Category: "Selbst zu zahlen, keine Kassenleistung",
			Description: "Ohne Impfstoff. Manche Kassen erstatten einen Teil.", Minutes: 20, StepMinutes: 20, LeadMinutes: 1440,
			HorizonDays: 90, PriceCents: cents(4800), Practitioners: []id.Practitioner{sommer}},
	}
	private := weekly(sommer, ettlingen, 17, 18, 4)
	for i := range private {
		private[i].Insurance = practice.PKV | practice.SEL
	}
	return sapling{
		slug: "praxis-sonnenberg",
		people: []person{
			{"Dr. Sabine Sommer", "sommer", staff.Owner},
			{"Tanja Brandt", "empfang", staff.FrontDesk},
		},
		setup: practice.Setup{
			Practice: practice.Practice{
				Name: "Praxis Sonnenberg", Tagline: "Hausarztpraxis in Ettlingen", Phone: "+49 7243 000120", Email: "praxis@praxis-sonnenberg.example",
				Hours:    "Mo–Fr 8–12 Uhr, Mo, Di und Do auch 15–18 Uhr",
				Imprint:  "Praxis Sonnenberg, Dr. med. Sabine Sommer, Musterstraße 1, 76275 Ettlingen. Ärztin, verliehen in der Bundesrepublik Deutschland. Landesärztekammer Baden-Württemberg; Kassenärztliche Vereinigung Baden-Württemberg. praxis@praxis-sonnenberg.example",
				Channels: []string{"mail", "sms"}, SMSSender: "Sonnenberg",
				Land: "DE-BW", ClosedDays: []schedule.Yearly{"12-24", "12-31"},
				Asks: practice.Asks{
					Insurance: "Für die Anmeldung am Empfang, damit es schneller geht.",
					Note:      "Damit wir uns auf Sie einstellen können.",
				},
			},
			Locations: []practice.Location{
				{ID: ettlingen, Name: "Ettlingen", Street: "Musterstraße 1", PostalCode: "76275", City: "Ettlingen", Phone: "+49 7243 000120",
					Hours: "Mo, Di, Do 8–12, 15–18 Uhr; Mi, Fr 8–12 Uhr", Access: "Ohne Stufen, Aufzug vorhanden", Zone: "Europe/Berlin"},
				{ID: schoellbronn, Name: "Zweigpraxis Schöllbronn", Street: "Beispielgasse 3", PostalCode: "76275", City: "Ettlingen", Phone: "+49 7243 000125",
					Hours: "Di, Do 8–12 Uhr", Access: "Eine Stufe am Eingang, wir helfen gern", Zone: "Europe/Berlin", Position: 1},
			},
			Practitioners: []practice.Practitioner{
				{ID: sommer, Name: "Frau Dr. Sommer", Role: "Fachärztin für Allgemeinmedizin"},
				{ID: berg, Name: "Herr Dr. Berg", Role: "Facharzt für Innere Medizin, Hausarzt", Position: 1},
				{ID: team, Name: "Praxisteam", Role: "Labor, Messungen und Impfungen", Position: 2},
			},
			Services: numbered(services),
			Openings: join(
				weekly(sommer, ettlingen, 8, 12, 1, 2, 3, 4, 5), weekly(sommer, ettlingen, 15, 17, 1, 2, 4), private,
				weekly(berg, ettlingen, 8, 12, 1, 3, 5), weekly(berg, schoellbronn, 8, 12, 2, 4), weekly(berg, ettlingen, 15, 18, 1, 2),
				weekly(team, ettlingen, 7.5, 11, 1, 2, 3, 4, 5),
			),
			Closures: []practice.Closure{holidays(time.Now())},
		},
	}
}

func zahnarzt() sapling {
	markt := id.New[id.Location]()
	klein, prophylaxis := id.New[id.Practitioner](), id.New[id.Practitioner]()
	return sapling{
		slug:   "zahnarzt-am-markt",
		people: []person{{"Dr. Jonas Klein", "klein", staff.Owner}, {"Mira Vogt", "empfang", staff.FrontDesk}},
		setup: practice.Setup{
			Practice: practice.Practice{
				Name: "Zahnarzt am Markt", Tagline: "Zahnarztpraxis in Durlach", Phone: "+49 721 000450", Email: "praxis@zahnarzt-am-markt.example",
				Hours: "Mo–Do 8–13 und 14–18 Uhr, Fr 8–13 Uhr", Accent: "#2f4f8f",
				Imprint:  "Zahnarzt am Markt, Dr. med. dent. Jonas Klein, Marktplatz 4, 76227 Karlsruhe. Zahnarzt, verliehen in der Bundesrepublik Deutschland. Landeszahnärztekammer Baden-Württemberg. praxis@zahnarzt-am-markt.example",
				Channels: []string{"mail"}, Land: "DE-BW",
			},
			Locations: []practice.Location{{ID: markt, Name: "Durlach", Street: "Marktplatz 4", PostalCode: "76227", City: "Karlsruhe",
				Hours: "Mo–Do 8–13, 14–18 Uhr; Fr 8–13 Uhr", Access: "Ohne Stufen", Zone: "Europe/Berlin"}},
			Practitioners: []practice.Practitioner{
				{ID: klein, Name: "Herr Dr. Klein", Role: "Zahnarzt"},
				{ID: prophylaxis, Name: "Prophylaxe-Team", Role: "Zahnreinigung", Position: 1},
			},
			Services: numbered([]practice.HealthcareService{
				{Name: "Kontrolle", Category: "Untersuchung", Minutes: 20, StepMinutes: 20, LeadMinutes: 120, HorizonDays: 180, Practitioners: []id.Practitioner{klein}},
				{Name: "Schmerzen", Category: "Untersuchung", Description: "Heute oder morgen", Minutes: 20, StepMinutes: 20, LeadMinutes: 15, HorizonDays: 1, Practitioners: []id.Practitioner{klein}},
				{Name: "Professionelle Zahnreinigung", Category: "Selbst zu zahlen, keine Kassenleistung", Description: "Viele Kassen zahlen etwas dazu.",
					Minutes: 60, StepMinutes: 60, LeadMinutes: 1440, HorizonDays: 180, PriceCents: cents(11000), Practitioners: []id.Practitioner{prophylaxis}},
			}),
			Openings: join(weekly(klein, markt, 8, 13, 1, 2, 3, 4, 5), weekly(klein, markt, 14, 18, 1, 2, 3, 4),
				weekly(prophylaxis, markt, 8, 13, 1, 2, 3, 4, 5), weekly(prophylaxis, markt, 14, 18, 1, 2, 3, 4)),
		},
	}
}

func physio() sapling {
	lindenhof := id.New[id.Location]()
	room := id.New[id.Resource]()
	aydin, group := id.New[id.Practitioner](), id.New[id.Practitioner]()
	return sapling{
		slug:   "physio-lindenhof",
		people: []person{{"Leyla Aydin", "aydin", staff.Owner}},
		setup: practice.Setup{
			Practice: practice.Practice{
				Name: "Physio Lindenhof", Tagline: "Physiotherapie in Mannheim", Phone: "+49 621 000780", Email: "hallo@physio-lindenhof.example",
				Hours: "Mo–Fr 8–19 Uhr", Accent: "#6b3f7a",
				Imprint:  "Physio Lindenhof, Leyla Aydin, Lindenhofstraße 12, 68163 Mannheim. hallo@physio-lindenhof.example",
				Channels: []string{"mail", "sms"},
				Asks:     practice.Asks{Gender: "Für die passende Umkleide."},
			},
			Locations: []practice.Location{{ID: lindenhof, Name: "Lindenhof", Street: "Lindenhofstraße 12", PostalCode: "68163", City: "Mannheim",
				Hours: "Mo–Fr 8–19 Uhr", Access: "Aufzug vorhanden", Zone: "Europe/Berlin"}},
			Resources: []practice.Resource{{ID: room, Kind: "practitioner", Name: "Gruppenraum", Capacity: 6}},
			Practitioners: []practice.Practitioner{
				{ID: aydin, Name: "Leyla Aydin", Role: "Physiotherapeutin"},
				{ID: group, Resource: room, Name: "Rückengruppe", Role: "Sechs Plätze", Position: 1},
			},
			Services: numbered([]practice.HealthcareService{
				{Name: "Krankengymnastik", Category: "Auf Rezept", Instructions: "Bitte das Rezept mitbringen.", Minutes: 25, BufferAfter: 5, StepMinutes: 30,
					LeadMinutes: 240, HorizonDays: 60, Practitioners: []id.Practitioner{aydin}},
				{Name: "Rückengruppe", Category: "Selbst zu zahlen", Minutes: 60, StepMinutes: 60, LeadMinutes: 240, HorizonDays: 30,
					PriceCents: cents(1500), Practitioners: []id.Practitioner{group}},
			}),
			Openings: join(weekly(aydin, lindenhof, 8, 12, 1, 2, 3, 4, 5), weekly(aydin, lindenhof, 14, 19, 1, 2, 3, 4),
				weekly(group, lindenhof, 18, 19, 2, 4)),
		},
	}
}

func numbered(services []practice.HealthcareService) []practice.HealthcareService {
	for i := range services {
		services[i].Position = i
	}
	return services
}
