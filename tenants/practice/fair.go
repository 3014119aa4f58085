package practice

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// lot is what a plan drew for its slots of one date, up to an index.
type lot struct {
	luck  float64
	date  schedule.Date
	until int
}

// lots draws for each plan and date, by rendezvous hashing: for one seed it is
// always the same practitioner who comes first, over all seeds each as often as
// they have free slots on that date.
func (t *tables) lots() [][]lot {
	var (
		ends = t.ends
		all  = make([][]lot, len(ends))
		days = newDayClock()
		seed = hash(t.Seed)
		at   = 0
	)
	for i := range ends {
		p := &t.steps[0].plans[i]
		for at < ends[i] {
			first, date := at, days.date(&p.Openings[t.found[at].Opening], t.found[at].Starts)
			for at++; at < ends[i] && days.date(&p.Openings[t.found[at].Opening], t.found[at].Starts) == date; at++ {
			}
			t.fill(date)
			all[i] = append(all[i], lot{luck(seed, p.Practitioner, date, at-first), date, at})
		}
	}
	return all
}

func hash(seed string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(seed))
	return h.Sum64()
}

// luck is a random number by what it is drawn for. Of several, the greatest is
// each with a probability in proportion to its weight.
func luck(seed uint64, p id.Practitioner, date schedule.Date, weight int) float64 {
	bytes := p.Bytes()
	x := mix(seed ^ binary.BigEndian.Uint64(bytes[:8]))
	x = mix(x ^ binary.BigEndian.Uint64(bytes[8:]))
	x = mix(x ^ uint64(date))
	return float64(weight) / -math.Log((float64(x>>11)+0.5)/(1<<53))
}

// mix spreads every bit over all (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// dayClock tells to which date a slot belongs, fast where slots come in order.
type dayClock struct {
	zone        *time.Location
	from, until int64 // between which the zone's offset stays
	offset      int64
}

func newDayClock() *dayClock { return &dayClock{} }

// date returns the local date of a slot.
func (c *dayClock) date(o *schedule.Opening, starts int64) schedule.Date {
	if o.Zone != c.zone || starts < c.from || starts >= c.until {
		t := time.Unix(starts, 0).In(o.Zone)
		_, offset := t.Zone()
		from, until := t.ZoneBounds()
		c.zone, c.offset, c.from, c.until = o.Zone, int64(offset), math.MinInt64, math.MaxInt64
		if !from.IsZero() {
			c.from = from.Unix()
		}
		if !until.IsZero() {
			c.until = until.Unix()
		}
	}
	const day = 24 * 60 * 60
	local := starts + c.offset
	date := local / day
	if local < date*day {
		date--
	}
	return schedule.Date(date)
}
