package schedule_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// slowSlots is the rule said minute by minute: it looks at a wall clock at
// every minute of UTC and knows nothing of spans, grids or sorting.
// closures are each opening's.
func slowSlots(openings []schedule.Opening, closures [][]schedule.Stretch, svc schedule.Service, capacity int, busy []schedule.Interval, from, to schedule.Date, now time.Time) []schedule.Slot {
	free := func(minute time.Time) bool {
		over := 0
		for _, b := range busy {
			if b.Starts <= minute.Unix() && minute.Unix() < b.Ends {
				over++
			}
		}
		return over < capacity
	}
	civil := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	inside := func(o schedule.Opening, day, minute time.Time) bool {
		local := minute.In(o.Zone)
		wall := local.Hour()*60 + local.Minute()
		return civil(local.Date()).Equal(day) && o.From <= wall && wall < o.Until
	}
	shut := func(closures []schedule.Stretch, zone *time.Location, minute time.Time) bool {
		local := minute.In(zone)
		wall := civil(local.Date()).Add(time.Duration(local.Hour()*60+local.Minute()) * time.Minute)
		return slices.ContainsFunc(closures, func(c schedule.Stretch) bool {
			bound := func(d schedule.Date, minute int) time.Time {
				return civil(1970, 1, 1+int(d)).Add(time.Duration(minute) * time.Minute)
			}
			return !wall.Before(bound(c.From, c.FromMinute)) && wall.Before(bound(c.Until, c.UntilMinute))
		})
	}
	offers := func(o schedule.Opening, closures []schedule.Stretch, starts time.Time) bool {
		local := starts.In(o.Zone)
		day := civil(local.Date())
		n := schedule.Date(day.Unix() / (24 * 60 * 60))
		horizon := civil(now.In(o.Zone).Date()).AddDate(0, 0, svc.Horizon)
		isoDay := (int(local.Weekday())+6)%7 + 1
		switch {
		case n < from || n >= to || isoDay != o.Weekday,
			o.ValidFrom != 0 && n < o.ValidFrom,
			o.ValidUntil != 0 && n > o.ValidUntil,
			len(o.Services) > 0 && !slices.Contains(o.Services, svc.ID),
			starts.Before(now.Add(svc.Lead)) || day.After(horizon),
			(local.Hour()*60+local.Minute()-o.From)%int(svc.Step.Minutes()) != 0:
			return false
		}
		for m := starts; m.Before(starts.Add(svc.Duration)); m = m.Add(time.Minute) {
			if !inside(o, day, m) || shut(closures, o.Zone, m) {
				return false
			}
		}
		return true
	}

	slots := []schedule.Slot{}
	begin := time.Unix(int64(from)*24*60*60, 0).Add(-26 * time.Hour)
	end := time.Unix(int64(to)*24*60*60, 0).Add(26 * time.Hour)
	for starts := begin; starts.Before(end); starts = starts.Add(time.Minute) {
		best := -1
		for i, o := range openings {
			if !offers(o, closures[i], starts) {
				continue
			}
			if best < 0 || wins(o, openings[best]) {
				best = i
			}
		}
		if best < 0 {
			continue
		}
		taken := false
		for m := starts.Add(-svc.BufferBefore); m.Before(starts.Add(svc.Duration + svc.BufferAfter)); m = m.Add(time.Minute) {
			taken = taken || !free(m)
		}
		if !taken {
			slots = append(slots, schedule.Slot{Starts: starts.Unix(), Ends: starts.Add(svc.Duration).Unix(), Opening: best})
		}
	}
	return slots
}

// wins reports whether an opening that comes later in the list beats another.
func wins(later, earlier schedule.Opening) bool {
	if (len(later.Services) > 0) != (len(earlier.Services) > 0) {
		return len(later.Services) > 0
	}
	return later.From > earlier.From
}

// changes are days on which clocks change, or a day is missing.
var changes = []struct{ zone, date string }{
	{"Europe/Berlin", "2026-03-29"},
	{"Europe/Berlin", "2026-10-25"},
	{"Australia/Lord_Howe", "2026-04-05"},
	{"Australia/Lord_Howe", "2026-10-04"},
	{"America/Sao_Paulo", "2018-11-04"},
	{"America/Sao_Paulo", "2018-02-18"},
	{"Pacific/Apia", "2011-12-30"},
	{"Africa/Casablanca", "2026-02-15"},
	{"America/St_Johns", "2010-11-07"}, // clocks went back at one minute past midnight, into the day before
	{"Asia/Kathmandu", "2026-06-01"},
	{"Pacific/Kwajalein", "1993-08-21"},
}

func TestSlotsAgreeWithAWallClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
		change := rapid.SampledFrom(changes).Draw(t, "change")
		main, err := time.LoadLocation(change.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := schedule.ParseDate(change.date)
		if err != nil {
			t.Fatal(err)
		}
		from := day + schedule.Date(pick("from", -1, 0))
		to := day + schedule.Date(pick("to", 1, 2))
		midnight := int64(day) * 24 * 60 * 60

		svc := schedule.Service{
			ID:           id.New[id.Service](),
			Duration:     minutes(5 * pick("duration", 1, 30)),
			BufferBefore: minutes(pick("before", 0, 40)),
			BufferAfter:  minutes(pick("after", 0, 40)),
			Step:         minutes(5 * pick("step", 1, 18)),
			Lead:         minutes(pick("lead", 0, 300)),
			Horizon:      pick("horizon", 0, 4),
		}
		now := time.Unix(midnight+int64(pick("now", -50*3600, 20*3600)), int64(pick("fraction", 0, 1)))
		var openings []schedule.Opening
		for range pick("openings", 1, 4) {
			o := schedule.Opening{
				Zone:    main,
				Weekday: (day + schedule.Date(pick("weekday", -1, 1))).Weekday(),
				From:    5 * pick("opens", 0, 287),
			}
			o.Until = min(o.From+5*pick("open for", 1, 80), 24*60)
			switch pick("restricted", 0, 3) {
			case 0:
				o.Services = []id.Service{id.New[id.Service](), svc.ID}
			case 1:
				o.Zone = time.FixedZone("elsewhere", 3600*pick("offset", -12, 14))
			case 2:
				o.ValidFrom, o.ValidUntil = day, day
			}
			openings = append(openings, o)
		}
		// Some closures are of the place, some of one opening only.
		stretches := func(name string, least, most int) (all []schedule.Stretch) {
			for range pick(name, least, most) {
				c := schedule.Stretch{From: day + schedule.Date(pick("closes on", -2, 2)), FromMinute: pick("closes", 0, 1439)}
				if pick("to the minute", 0, 2) > 0 {
					c.FromMinute -= c.FromMinute % 15
				}
				c.Until, c.UntilMinute = c.From+schedule.Date(pick("closed days", 0, 2)), pick("closed until", 0, 1440)
				all = append(all, c)
			}
			return all
		}
		closures := make([][]schedule.Stretch, len(openings))
		everybody := stretches("closures", 0, 2)
		for i := range openings {
			closures[i] = append(stretches("own closures", 0, 1), everybody...)
			for _, c := range closures[i] {
				openings[i].Closed = c.AppendIn(openings[i].Closed, openings[i].Zone)
			}
			openings[i].Closed = schedule.Union(openings[i].Closed)
		}
		var busy []schedule.Interval
		for range pick("busy", 0, 12) {
			b := schedule.Interval{Starts: midnight + 60*int64(pick("busy from", -40*60, 40*60))}
			b.Ends = b.Starts + 60*int64(pick("busy for", 0, 240))
			busy = append(busy, b)
		}
		capacity := pick("capacity", 1, 3)

		got := schedule.Slots([]schedule.Slot{}, openings, svc, capacity, busy, from, to, now)
		want := slowSlots(openings, closures, svc, capacity, busy, from, to, now)
		if !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", starts(got), starts(want))
		}

		// A start is offered exactly if it would be free with nobody else there.
		empty := slowSlots(openings, closures, svc, 1, nil, from, to, now)
		for at := int64(from)*86400 - 15*3600; at < int64(to)*86400+15*3600; at += 300 {
			opening, ok := schedule.Offered(openings, svc, at, now)
			k, listed := slices.BinarySearchFunc(empty, at, func(s schedule.Slot, at int64) int { return int(s.Starts - at) })
			inRange := false // by the date of the opening that offers it
			if ok {
				d := schedule.DateOf(time.Unix(at, 0).In(openings[opening].Zone))
				inRange = d >= from && d < to
			}
			if listed && (!ok || inRange && opening != empty[k].Opening) {
				t.Fatalf("%v is listed for opening %d, offered %v for %d", time.Unix(at, 0).UTC(), empty[k].Opening, ok, opening)
			}
			if inRange && !listed {
				t.Fatalf("%v is offered, but not listed", time.Unix(at, 0).UTC())
			}
		}
	})
}
