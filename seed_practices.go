package main

import (
	"fmt"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/tenants/staff"
)

// sapling is a practice before it is planted.
type sapling struct {
	slug   string
	setup  practice.Setup
	people []person // the owner first
	// business is what the imprint says.
	business onboarding.Business
	// school is a calendar of school holidays to import, in iCalendar form.
	school string
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
func weekly(name string, who id.Practitioner, where id.Location, from, until float64, weekdays ...int) practice.Opening {
	return practice.Opening{
		Name: name, Practitioner: who, Location: where, Weekdays: schedule.WeekdaysOf(weekdays...),
		From: int(from * 60), Until: int(until * 60),
	}
}

// but changes a window in the ways given.
func but(o practice.Opening, changes ...func(*practice.Opening)) practice.Opening {
	for _, change := range changes {
		change(&o)
	}
	return o
}

// only restricts a window to some services.
func only(services ...id.Service) func(*practice.Opening) {
	return func(o *practice.Opening) { o.Services = services }
}

// privately restricts a window to those who pay themselves, or whose private
// insurance pays.
func privately(o *practice.Opening) { o.Insurance = schedule.PKV | schedule.SEL }

// byStaff keeps a window to the office.
func byStaff(o *practice.Opening) { o.Audience = practice.StaffOnly }

// walkIn makes a window an open consultation hour.
func walkIn(o *practice.Opening) { o.Audience = practice.WalkIn }

// released sells the slots of a day on the morning of that day.
func released(hour, minute int) func(*practice.Opening) {
	return func(o *practice.Opening) { o.Release = schedule.Release{Set: true, Minute: hour*60 + minute} }
}

// everySecondWeek lets a window be every second week only, counted from this one.
func everySecondWeek(o *practice.Opening) {
	o.EveryWeeks, o.Anchor = 2, schedule.DateOf(time.Now().UTC())
}

// termTime closes a window in the school holidays that the practice imports.
func termTime(o *practice.Opening) { o.SchoolHolidays = practice.OutsideHolidays }

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

// schoolHolidays are those of this year and the next, roughly as in
// Baden-Württemberg, in iCalendar form.
func schoolHolidays(now time.Time) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Siegel//Demo//DE\r\n")
	for year := now.Year(); year <= now.Year()+1; year++ {
		easter := schedule.Easter(year)
		for _, h := range []struct {
			name        string
			from, until schedule.Date
		}{
			{"Osterferien", easter + 1, easter + 6},
			{"Pfingstferien", easter + 50, easter + 62},
			{"Sommerferien", schedule.NewDate(year, time.July, 29), schedule.NewDate(year, time.September, 11)},
			{"Weihnachtsferien", schedule.NewDate(year, time.December, 23), schedule.NewDate(year+1, time.January, 9)},
		} {
			plain := func(d schedule.Date) string { return strings.ReplaceAll(d.String(), "-", "") }
			fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%[1]s-%[2]d@siegel.example\r\nDTSTAMP:%[2]d0101T000000Z\r\nDTSTART;VALUE=DATE:%[3]s\r\n"+
				"DTEND;VALUE=DATE:%[4]s\r\nSUMMARY:%[1]s\r\nEND:VEVENT\r\n", h.name, year, plain(h.from), plain(h.until+1))
		}
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

func cents(n int) *int { return &n }

// whole is a number that may be left out: years of age, days.
func whole(n int) *int { return &n }

func sonnenberg() sapling {
	ettlingen, schoellbronn := id.New[id.Location](), id.New[id.Location]()
	room, device := id.New[id.Resource](), id.New[id.Resource]()
	sommer, berg, team := id.New[id.Practitioner](), id.New[id.Practitioner](), id.New[id.Practitioner]()
	acute, findings, blood, ecg, first := id.New[id.Service](), id.New[id.Service](), id.New[id.Service](), id.New[id.Service](), id.New[id.Service]()
	doctors := []id.Practitioner{sommer, berg}
	general := practice.HealthcareService{ID: id.New[id.Service](), Name: "Allgemeine Sprechstunde", Category: "Sprechstunde",
		Description: "Neue oder andauernde Beschwerden in Ruhe besprechen", Minutes: 15, StepMinutes: 20, LeadMinutes: 60, HorizonDays: 60, Practitioners: doctors}
	services := []practice.HealthcareService{
		{ID: acute, Name: "Akute Beschwerden", Category: "Sprechstunde", Description: "Nur heute und morgen, kurz und gezielt",
			Minutes: 10, StepMinutes: 10, LeadMinutes: 15, HorizonDays: 1, Practitioners: doctors},
		general,
		{ID: findings, Name: "Befund besprechen", Category: "Sprechstunde", Minutes: 15, StepMinutes: 15, LeadMinutes: 120,
			HorizonDays: 60, Patients: schedule.KnownPatients, Practitioners: doctors},
		{ID: id.New[id.Service](), Name: "Videosprechstunde", Category: "Sprechstunde", Minutes: 10, StepMinutes: 10, LeadMinutes: 60,
			HorizonDays: 30, Held: practice.ByVideo, Patients: schedule.KnownPatients, Practitioners: []id.Practitioner{berg}},
		{ID: id.New[id.Service](), Name: "Gesundheits-Check-up", Category: "Vorsorge und Impfen",
			Description: "Ab 35 Jahren alle drei Jahre, zwischen 18 und 34 einmal", Instructions: "Bitte nüchtern kommen: acht Stunden vorher nichts essen, Wasser ist erlaubt.",
			Minutes: 30, BufferAfter: 5, StepMinutes: 30, LeadMinutes: 1440, HorizonDays: 90, Practitioners: doctors},
		{ID: id.New[id.Service](), Name: "Impfung", Category: "Vorsorge und Impfen", Instructions: "Impfpass mitbringen, wenn Sie einen haben.",
			Minutes: 10, StepMinutes: 10, LeadMinutes: 120, HorizonDays: 60, Practitioners: []id.Practitioner{team}},
		{ID: blood, Name: "Blutabnahme", Category: "Labor und Messungen", Description: "Nach Absprache mit der Praxis",
			Instructions: "Bitte nüchtern kommen.", Minutes: 10, StepMinutes: 10, LeadMinutes: 720, HorizonDays: 60, Practitioners: []id.Practitioner{team}},
		{ID: ecg, Name: "Ruhe-EKG", Category: "Labor und Messungen", Description: "Nach Absprache mit der Praxis", Minutes: 15, BufferAfter: 5,
			StepMinutes: 20, LeadMinutes: 720, HorizonDays: 60, MinAge: whole(12), Practitioners: []id.Practitioner{team},
			Needs: []practice.Need{{Role: "Raum", Resources: []id.Resource{room}}, {Role: "EKG-Gerät", Resources: []id.Resource{device}}}},
		{ID: id.New[id.Service](), Name: "Hyposensibilisierung", Category: "Labor und Messungen", Description: "Spritzen gegen die Allergie",
			Instructions: "Bitte bleiben Sie nach jeder Spritze eine halbe Stunde in der Praxis.", Minutes: 10, StepMinutes: 10, LeadMinutes: 720, HorizonDays: 90,
			SeriesCount: 6, SeriesEveryDays: 7, Practitioners: []id.Practitioner{team}},
		{ID: first, Name: "Erstgespräch", Category: "Sprechstunde", Description: "Wenn Sie neu bei uns sind", Instructions: "Bitte Befunde und Medikamentenplan mitbringen.",
			Minutes: 30, StepMinutes: 30, LeadMinutes: 1440, HorizonDays: 60, MinAge: whole(18), Patients: schedule.NewPatients,
			CancelMinutes: 1440, MoveMinutes: 1440, Practitioners: []id.Practitioner{sommer}},
		{ID: id.New[id.Service](), Name: "Reisemedizinische Beratung", Category: "Selbst zu zahlen, keine Kassenleistung",
			Description: "Ohne Impfstoff. Manche Kassen erstatten einen Teil.", Minutes: 20, StepMinutes: 20, LeadMinutes: 1440,
			HorizonDays: 90, PriceCents: cents(4800), Practitioners: []id.Practitioner{sommer}},
	}
	return sapling{
		slug: "praxis-sonnenberg",
		people: []person{
			{"Dr. Sabine Sommer", "sommer", staff.Owner},
			{"Tanja Brandt", "empfang", staff.FrontDesk},
		},
		business: onboarding.Business{
			Specialty: "general_practice", Company: "Praxis Sonnenberg", Street: "Musterstraße 1", PostalCode: "76275", City: "Ettlingen",
			Responsible: "Dr. med. Sabine Sommer", ProfessionalTitle: "Ärztin", TitleState: "Bundesrepublik Deutschland",
			Chamber: "Landesärztekammer Baden-Württemberg", Association: "Kassenärztliche Vereinigung Baden-Württemberg",
			ProfessionalRules: "Berufsordnung der Landesärztekammer Baden-Württemberg, https://www.aerztekammer-bw.de",
		},
		setup: practice.Setup{
			Practice: practice.Practice{
				Name: "Praxis Sonnenberg", Tagline: "Hausarztpraxis in Ettlingen", Phone: "+49 7243 000120", Email: "praxis@praxis-sonnenberg.example",
				Video:    practice.Video{Provider: "Muster Video GmbH, Berlin", Address: "https://video.muster.example/{room}"},
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
			Legs: []practice.Leg{{A: ettlingen, B: schoellbronn, Minutes: 20}},
			Resources: []practice.Resource{
				{ID: room, Kind: "room", Name: "Funktionsraum", Location: ettlingen},
				{ID: device, Kind: "device", Name: "EKG-Gerät", Location: ettlingen},
			},
			Practitioners: []practice.Practitioner{
				{ID: sommer, Name: "Frau Dr. Sommer", Role: "Fachärztin für Allgemeinmedizin"},
				{ID: berg, Name: "Herr Dr. Berg", Role: "Facharzt für Innere Medizin, Hausarzt", Position: 1},
				{ID: team, Name: "Praxisteam", Role: "Labor, Messungen und Impfungen", Position: 2},
			},
			Services: numbered(services),
			Openings: []practice.Opening{
				weekly("Onlinetermine", sommer, ettlingen, 8, 12, 1, 2, 3, 4, 5), weekly("Onlinetermine", sommer, ettlingen, 15, 17, 1, 2, 4),
				but(weekly("Privatsprechstunde", sommer, ettlingen, 17, 18, 4), privately),
				but(weekly("Akut heute", sommer, ettlingen, 12, 12.5, 1, 2, 3, 4, 5), only(acute), released(7, 30)),
				but(weekly("Nur am Telefon", sommer, ettlingen, 12.5, 13, 1, 2, 3, 4, 5), byStaff),
				weekly("Onlinetermine", berg, ettlingen, 8, 12, 1, 3, 5), weekly("Schöllbronn", berg, schoellbronn, 8, 12, 2, 4), weekly("Onlinetermine", berg, ettlingen, 15, 18, 1, 2),
				but(weekly("Offene Sprechstunde", berg, ettlingen, 12, 13, 5), walkIn),
				but(weekly("Samstagssprechstunde", berg, ettlingen, 9, 11, 6), only(general.ID), everySecondWeek),
				weekly("Labor", team, ettlingen, 7.5, 11, 1, 2, 3, 4, 5),
				{Name: "EKG", Resource: device, Location: ettlingen, Weekdays: schedule.WeekdaysOf(1, 2, 3, 4, 5), From: 8 * 60, Until: 12 * 60},
			},
			Closures: []practice.Closure{holidays(time.Now())},
			Quotas: []practice.Quota{{Name: "Neue je Woche", Max: 4, Per: schedule.Week, Services: []id.Service{first},
				Patients: schedule.NewPatients, ReleaseDays: whole(2)}},
			Chains: []practice.Chain{{Name: "Herz-Check", Description: "Blutabnahme, EKG und danach die Besprechung, an einem Vormittag",
				Steps: []practice.ChainStep{{Service: blood}, {Service: ecg, GreatestMinutes: 60}, {Service: findings, GreatestMinutes: 120}}}},
		},
	}
}

func zahnarzt() sapling {
	markt := id.New[id.Location]()
	klein, prophylaxis := id.New[id.Practitioner](), id.New[id.Practitioner]()
	checkup, pain, children := id.New[id.Service](), id.New[id.Service](), id.New[id.Service]()
	return sapling{
		slug:   "zahnarzt-am-markt",
		school: schoolHolidays(time.Now()),
		people: []person{{"Dr. Jonas Klein", "klein", staff.Owner}, {"Mira Vogt", "empfang", staff.FrontDesk}},
		business: onboarding.Business{
			Specialty: "dentist", Company: "Zahnarzt am Markt", Street: "Marktplatz 4", PostalCode: "76227", City: "Karlsruhe",
			Responsible: "Dr. med. dent. Jonas Klein", ProfessionalTitle: "Zahnarzt", TitleState: "Bundesrepublik Deutschland",
			Chamber: "Landeszahnärztekammer Baden-Württemberg", Association: "Kassenzahnärztliche Vereinigung Baden-Württemberg",
			ProfessionalRules: "Berufsordnung der Landeszahnärztekammer Baden-Württemberg, https://lzk-bw.de",
		},
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
				{ID: checkup, Name: "Kontrolle", Category: "Untersuchung", Minutes: 20, StepMinutes: 20, LeadMinutes: 120, HorizonDays: 180, Practitioners: []id.Practitioner{klein}},
				{ID: pain, Name: "Schmerzen", Category: "Untersuchung", Description: "Heute oder morgen", Minutes: 20, StepMinutes: 20, LeadMinutes: 15, HorizonDays: 1, Practitioners: []id.Practitioner{klein}},
				{Name: "Professionelle Zahnreinigung", Category: "Selbst zu zahlen, keine Kassenleistung", Description: "Viele Kassen zahlen etwas dazu.",
					Minutes: 60, StepMinutes: 60, LeadMinutes: 1440, HorizonDays: 180, PriceCents: cents(11000), Practitioners: []id.Practitioner{prophylaxis}},
				{ID: children, Name: "Kinderprophylaxe", Category: "Untersuchung", Description: "Für Kinder und Jugendliche, in der Schulzeit",
					Minutes: 30, StepMinutes: 30, LeadMinutes: 1440, HorizonDays: 180, MinAge: whole(6), MaxAge: whole(17), Practitioners: []id.Practitioner{klein}},
			}),
			Openings: []practice.Opening{
				but(weekly("Onlinetermine", klein, markt, 8, 13, 1, 2, 3, 4, 5), only(checkup, pain)),
				but(weekly("Onlinetermine", klein, markt, 14, 18, 1, 2, 3, 4), only(checkup, pain)),
				but(weekly("Schmerzen heute", klein, markt, 13, 13.5, 1, 2, 3, 4, 5), only(pain), released(7, 30)),
				but(weekly("Kindernachmittag", klein, markt, 14, 16, 5), only(children), termTime),
				weekly("Prophylaxe", prophylaxis, markt, 8, 13, 1, 2, 3, 4, 5), weekly("Prophylaxe", prophylaxis, markt, 14, 18, 1, 2, 3, 4),
			},
		},
	}
}

func physio() sapling {
	lindenhof := id.New[id.Location]()
	room := id.New[id.Resource]()
	aydin, group, course := id.New[id.Practitioner](), id.New[id.Practitioner](), id.New[id.Practitioner]()
	return sapling{
		slug:   "physio-lindenhof",
		people: []person{{"Leyla Aydin", "aydin", staff.Owner}},
		business: onboarding.Business{
			Specialty: "physiotherapy", Company: "Physio Lindenhof", Street: "Lindenhofstraße 12", PostalCode: "68163", City: "Mannheim",
			Responsible: "Leyla Aydin", ProfessionalTitle: "Physiotherapeutin", TitleState: "Baden-Württemberg",
			ProfessionalRules: "Masseur- und Physiotherapeutengesetz (MPhG), https://www.gesetze-im-internet.de/mphg", Alone: true,
		},
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
				{ID: course, Name: "Kursleitung", Role: "Kurse", Position: 2},
			},
			Services: numbered([]practice.HealthcareService{
				{Name: "Krankengymnastik", Category: "Auf Rezept", Instructions: "Bitte das Rezept mitbringen.", Minutes: 25, BufferAfter: 5, StepMinutes: 30,
					LeadMinutes: 240, HorizonDays: 60, Practitioners: []id.Practitioner{aydin}},
				{Name: "Rückengruppe", Category: "Selbst zu zahlen", Minutes: 60, StepMinutes: 60, LeadMinutes: 240, HorizonDays: 30,
					PriceCents: cents(1500), Practitioners: []id.Practitioner{group}},
				{Name: "Rückenschule", Category: "Kurse", Description: "Acht Plätze, alle üben zusammen", Instructions: "Bitte Sportschuhe mitbringen.", Minutes: 60,
					StepMinutes: 60, Seats: 8, LeadMinutes: 60, HorizonDays: 60, PriceCents: cents(1200), CancelMinutes: 1440, Practitioners: []id.Practitioner{course}},
			}),
			Openings: []practice.Opening{
				weekly("Behandlungen", aydin, lindenhof, 8, 12, 1, 2, 3, 4, 5), weekly("Behandlungen", aydin, lindenhof, 14, 19, 1, 2, 3, 4),
				weekly("Rückengruppe", group, lindenhof, 18, 19, 2, 4), weekly("Kurse", course, lindenhof, 17, 19, 1, 3),
			},
		},
	}
}

func numbered(services []practice.HealthcareService) []practice.HealthcareService {
	for i := range services {
		services[i].Position = i
	}
	return services
}
