package schedule

import (
	"cmp"
	"slices"
	"time"

	"siegel/platform/fault"
)

// What a caller can act on.
var (
	ErrUnknownLand = fault.New(fault.Invalid, "unknown_land")
	// ErrUnknownMunicipality is also returned where the Land has no such rule.
	ErrUnknownMunicipality = fault.New(fault.Invalid, "unknown_municipality")
)

// Land is a Land of the Federal Republic by its ISO 3166-2 code, DE-BW to DE-TH.
type Land string

// Municipality names a rule that holds in some municipalities of a Land only.
type Municipality string

const (
	// Anywhere has no rule of its own.
	Anywhere Municipality = ""
	// Catholic is, in Bavaria, a municipality with more Catholic than Protestant
	// inhabitants at the last census, as the Landesamt für Statistik finds
	// (Mariä Himmelfahrt; since the census of 2022, from 2025 on, a slightly
	// different list); in Saxony and Thuringia one that the Land's ordinance
	// names, often a part of a municipality only (Fronleichnam). A municipality
	// that is none of these, a mostly Protestant one too, is [Anywhere].
	Catholic Municipality = "catholic"
	// Augsburg is the city: its Friedensfest is the only holiday of one city,
	// and it counts as Catholic.
	Augsburg Municipality = "augsburg"
)

// Holiday is a public holiday. Name is German, as on calendars.
type Holiday struct {
	Date Date
	Name string
}

// feast is a row of the table: a day, and when it is a holiday.
type feast struct {
	name string
	// A feast is on month and day, or days after Easter Sunday, or the
	// Wednesday before 23 November.
	month  time.Month
	day    int
	easter int
	repent bool
	// first and last are the years in which it is a holiday; zero is no limit.
	first, last int
	// only restricts it to municipalities; empty is all.
	only []Municipality
}

func on(month time.Month, day int, name string) feast {
	return feast{name: name, month: month, day: day}
}

func easterAnd(days int, name string) feast { return feast{name: name, easter: days} }

func (f feast) since(year int) feast { f.first = year; return f }
func (f feast) once(year int) feast  { f.first, f.last = year, year; return f }
func (f feast) in(only ...Municipality) feast {
	f.only = only
	return f
}

// everywhere are the nine that all Länder have. 3 October is federal law
// (Einigungsvertrag Art. 2 Abs. 2), the others stand in each Land's act.
func everywhere() []feast {
	return []feast{
		on(time.January, 1, "Neujahr"),
		easterAnd(-2, "Karfreitag"),
		easterAnd(1, "Ostermontag"),
		on(time.May, 1, "Tag der Arbeit"),
		easterAnd(39, "Christi Himmelfahrt"),
		easterAnd(50, "Pfingstmontag"),
		on(time.October, 3, "Tag der Deutschen Einheit"),
		on(time.December, 25, "Erster Weihnachtstag"),
		on(time.December, 26, "Zweiter Weihnachtstag"),
	}
}

// further returns what a Land adds to everywhere, as in force since 2018. The
// second result is false for what is no Land.
//
// Each row names the paragraph it comes from. Compared with the text of the
// paragraph, in editions of various years: BB, BE (edition of 2023, which has
// no days that are holidays once), BY, HB (edition of 2017), HE, NI, NW, RP,
// SH, SL, SN, ST, TH. Known from reports of the amendments only: the three days
// that Berlin has once, Reformationstag in HB and HH, Frauentag in MV. For BW
// the list comes from what its authorities publish. Which municipalities are
// Catholic is for the practice to say: the lists are not kept here.
//
// Where an act counts every Sunday as a holiday (BE, HE), the table has none of
// them: only Brandenburg names Easter and Pentecost Sunday besides.
func further(land Land) ([]feast, bool) {
	var (
		epiphany    = on(time.January, 6, "Heilige Drei Könige")
		women       = on(time.March, 8, "Internationaler Frauentag")
		corpus      = easterAnd(60, "Fronleichnam")
		assumption  = on(time.August, 15, "Mariä Himmelfahrt")
		children    = on(time.September, 20, "Weltkindertag")
		reformation = on(time.October, 31, "Reformationstag")
		saints      = on(time.November, 1, "Allerheiligen")
		repentance  = feast{name: "Buß- und Bettag", repent: true}
		peace       = on(time.August, 8, "Augsburger Hohes Friedensfest")
	)
	switch land {
	case "DE-BW": // Gesetz über die Sonntage und Feiertage (FTG) § 1
		return []feast{epiphany, corpus, saints}, true
	case "DE-BY": // Feiertagsgesetz (FTG) Art. 1 Abs. 1 Nr. 1; Mariä Himmelfahrt Nr. 2 with Abs. 3; Augsburg Abs. 2
		return []feast{epiphany, corpus, saints, assumption.in(Catholic, Augsburg), peace.in(Augsburg)}, true
	case "DE-BE": // Gesetz über die Sonn- und Feiertage § 1 Abs. 1; Frauentag since GVBl. 2019 S. 22
		return []feast{
			women.since(2019),
			on(time.May, 8, "75. Jahrestag der Befreiung vom Nationalsozialismus").once(2020),
			on(time.May, 8, "80. Jahrestag der Befreiung vom Nationalsozialismus").once(2025),
			on(time.June, 17, "75. Jahrestag des Aufstandes vom 17. Juni 1953").once(2028),
		}, true
	case "DE-BB": // Feiertagsgesetz (FTG) § 2 Abs. 1
		return []feast{easterAnd(0, "Ostersonntag"), easterAnd(49, "Pfingstsonntag"), reformation}, true
	case "DE-HB": // Gesetz über die Sonn-, Gedenk- und Feiertage § 2 Abs. 1; amended in June 2018
		return []feast{reformation.since(2018)}, true
	case "DE-HH": // Feiertagsgesetz § 1; amended by HmbGVBl. 2018 S. 63
		return []feast{reformation.since(2018)}, true
	case "DE-HE": // Hessisches Feiertagsgesetz (HFeiertagsG) § 1 Abs. 1
		return []feast{corpus}, true
	case "DE-MV": // Feiertagsgesetz Mecklenburg-Vorpommern (FTG M-V) § 2; Frauentag by the amendment of 2022
		return []feast{women.since(2023), reformation}, true
	case "DE-NI": // Niedersächsisches Gesetz über die Feiertage (NFeiertagsG) § 2 Abs. 1; amended by Nds. GVBl. 2018 S. 122
		return []feast{reformation.since(2018)}, true
	case "DE-NW": // Feiertagsgesetz NW § 2 Abs. 1
		return []feast{corpus, saints}, true
	case "DE-RP": // Landesgesetz über den Schutz der Sonn- und Feiertage (LFtG) § 2 Abs. 1
		return []feast{corpus, saints}, true
	case "DE-SL": // Feiertagsgesetz (SFG) § 2 Abs. 1
		return []feast{corpus, assumption, saints}, true
	case "DE-SN": // Gesetz über Sonn- und Feiertage (SächsSFG) § 1 Abs. 1; Fronleichnam where an ordinance says
		return []feast{corpus.in(Catholic), reformation, repentance}, true
	case "DE-ST": // Gesetz über die Sonn- und Feiertage (FeiertG LSA) § 2
		return []feast{epiphany, reformation}, true
	case "DE-SH": // Gesetz über Sonn- und Feiertage (SFTG) § 2 Abs. 1; amended by GVOBl. 2018 S. 69
		return []feast{reformation.since(2018)}, true
	case "DE-TH": // Thüringer Feier- und Gedenktagsgesetz (ThürFGtG) § 2 Abs. 1; Fronleichnam Abs. 2; amended by GVBl. 2019 S. 22
		return []feast{corpus.in(Catholic), children.since(2019), reformation}, true
	}
	return nil, false
}

// Check returns [ErrUnknownLand] for a land that is none, and
// [ErrUnknownMunicipality] for a rule that the Land does not have.
func (m Municipality) Check(land Land) error {
	feasts, ok := further(land)
	if !ok {
		return ErrUnknownLand
	}
	if m == Anywhere || slices.ContainsFunc(feasts, func(f feast) bool { return slices.Contains(f.only, m) }) {
		return nil
	}
	return ErrUnknownMunicipality
}

// Holidays returns the public holidays of a year, in order. It promises the
// law for 2018 and later. A land that is none has no holidays.
func Holidays(land Land, municipality Municipality, year int) []Holiday {
	feasts, ok := further(land)
	if !ok {
		return nil
	}
	var holidays []Holiday
	for _, f := range append(everywhere(), feasts...) {
		if year < f.first || (f.last != 0 && year > f.last) ||
			(len(f.only) > 0 && !slices.Contains(f.only, municipality)) {
			continue
		}
		holidays = append(holidays, Holiday{f.date(year), f.name})
	}
	slices.SortFunc(holidays, func(a, b Holiday) int { return cmp.Compare(a.Date, b.Date) })
	return holidays
}

func (f feast) date(year int) Date {
	switch {
	case f.repent:
		before := NewDate(year, time.November, 22)
		const wednesday = 3
		return before - Date((before.Weekday()-wednesday+7)%7)
	case f.month != 0:
		return NewDate(year, f.month, f.day)
	}
	return Easter(year) + Date(f.easter)
}

// Easter returns Easter Sunday of a Gregorian year, by the anonymous Gregorian
// algorithm (Meeus, Jones and Butcher).
func Easter(year int) Date {
	var (
		a       = year % 19
		b, c    = year / 100, year % 100
		d, e    = b / 4, b % 4
		g       = (8*b + 13) / 25
		h       = (19*a + b - d - g + 15) % 30
		i, k    = c / 4, c % 4
		l       = (32 + 2*e + 2*i - h - k) % 7
		m       = (a + 11*h + 19*l) / 433
		month   = (h + l - 7*m + 90) / 25
		ordinal = (h + l - 7*m + 33*month + 19) % 32
	)
	return NewDate(year, time.Month(month), ordinal)
}
