package schedule_test

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"siegel/tenants/schedule"
)

const day = 24 * 60 // in minutes

// clock is a clock on a wall, read at every minute of UTC for some weeks.
type clock struct {
	zone  *time.Location
	first int64 // the instant of minute 0, in seconds since 1970 UTC
	// shows is what the clock shows at each minute, as minutes since 1970-01-01
	// 00:00 on the wall.
	shows []int
	// found is what firstShowing has found.
	found map[int]int
}

func readClock(zone *time.Location, first int64, minutes int) *clock {
	c := &clock{zone, first, make([]int, minutes), map[int]int{}}
	for m := range c.shows {
		local := time.Unix(first+int64(m)*60, 0).In(zone)
		year, month, dayOfMonth := local.Date()
		midnight := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
		c.shows[m] = int(midnight.Unix()/60) + local.Hour()*60 + local.Minute()
	}
	return c
}

// firstShowing is the first minute at which the clock shows a wall time or a
// later one.
func (c *clock) firstShowing(wall int) int {
	m, known := c.found[wall]
	if !known {
		m = slices.IndexFunc(c.shows, func(shows int) bool { return shows >= wall })
		c.found[wall] = m
	}
	return m
}

// today is the date that the clock shows at an instant.
func (c *clock) today(now time.Time) int {
	year, month, dayOfMonth := now.In(c.zone).Date()
	return int(time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Unix()) / (day * 60)
}

// zoneNames are zones of offices that are not in Berlin: half an hour of
// summer time, changes at midnight or into the day before, two hours at once,
// quarters of an hour, a month of fasting in between, none at all.
var zoneNames = []string{
	"Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "America/Sao_Paulo", "Asia/Kathmandu",
	"Pacific/Apia", "Pacific/Chatham", "Asia/Beirut", "Africa/Cairo", "America/Nuuk", "Antarctica/Troll",
}

// oddDays are days before the years of the random ones on which something
// happened to a wall clock that does not happen every year.
var oddDays = []struct{ zone, date string }{
	{"Pacific/Apia", "2011-12-30"},      // left out altogether
	{"Pacific/Kwajalein", "1993-08-21"}, // likewise
	{"America/St_Johns", "2010-11-07"},  // put back at one minute past midnight, into the day before
	{"America/Sao_Paulo", "2018-02-18"}, // put back at midnight
	{"America/Sao_Paulo", "2018-11-04"}, // the day began at one o'clock
	{"Asia/Kathmandu", "1986-01-01"},    // a quarter of an hour was left out
	{"Africa/Casablanca", "2018-10-28"}, // did not change although it had been said
}

const firstOracleYear, lastOracleYear = 2024, 2037

// change is an instant at which a zone's clocks are put forward or back.
type change struct {
	zone string
	at   int64
}

func (c change) String() string { return fmt.Sprintf("%s %s", c.zone, utc(c.at)) }

func utc(at int64) string { return time.Unix(at, 0).UTC().Format("2006-01-02T15:04:05Z") }

// changes are all changes of clocks in the zones and years of the oracle, found
// by looking at the offset every quarter of an hour.
var changes = sync.OnceValue(func() []change {
	var all []change
	begin := time.Date(firstOracleYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	end := time.Date(lastOracleYear+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for _, name := range zoneNames {
		zone := mustZone(name)
		_, before := time.Unix(begin, 0).In(zone).Zone()
		for at := begin; at < end; at += 15 * 60 {
			if _, offset := time.Unix(at, 0).In(zone).Zone(); offset != before {
				all = append(all, change{name, at})
				before = offset
			}
		}
	}
	return all
})

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// season is a zone and thirty days of it, which many practices share.
type season struct {
	name     string
	from, to schedule.Date
	// here is the clock of the main location, there that of another one.
	here  *clock
	there func() *clock
	odd   schedule.Date // a day of interest, about which windows like to be
}

const (
	seasonDays = 30
	daysBefore = 12 // what a clock can be asked for before the first day
	daysAfter  = 4
)

func newSeason(zone, elsewhere string, from, odd schedule.Date) *season {
	first := (int64(from) - daysBefore) * day * 60
	minutes := (daysBefore + seasonDays + daysAfter) * day
	return &season{
		name:  fmt.Sprintf("%s and %s from %s", zone, elsewhere, from),
		from:  from,
		to:    from + seasonDays,
		here:  readClock(mustZone(zone), first, minutes),
		there: sync.OnceValue(func() *clock { return readClock(mustZone(elsewhere), first, minutes) }),
		odd:   odd,
	}
}
