package schedule_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"siegel/tenants/schedule"
)

// class says for whom a slot of opening i is on a date, in a window that began
// on that date or the one before: it asks for each kind of insurance, new and
// known, one after the other.
func (p *practice) class(i, window, date int, used [][]schedule.Use) schedule.Class {
	var (
		o     = &p.plan.Openings[i]
		today = p.clocks[i].today(p.query.Now)
		class = schedule.Class{Condition: o.Condition}
		whom  = o.For
	)
	if o.OpenToAll >= 0 && today >= window-o.OpenToAll {
		whom = schedule.Everyone
	}
	for bit := range 12 {
		patient := schedule.Group(1) << bit
		if whom&patient == 0 {
			continue
		}
		counted, full := []int{}, false
		for _, k := range slices.Sorted(slices.Values(o.Quotas)) {
			quota := &p.plan.Quotas[k]
			over := quota.Release >= 0 && today >= date-quota.Release
			if quota.For&patient == 0 || over ||
				quota.ValidFrom != 0 && date < int(quota.ValidFrom) || quota.ValidUntil != 0 && date > int(quota.ValidUntil) {
				continue
			}
			counted = append(counted, k)
			if k < len(used) {
				for _, use := range used[k] {
					full = full || use.Period == periodOf(quota.Per, date) && use.N >= quota.Max
				}
			}
			full = full || quota.Max <= 0
		}
		if full {
			continue
		}
		k := slices.IndexFunc(class.Alternatives, func(a schedule.Alternative) bool { return slices.Equal(a.Quotas, counted) })
		if k < 0 {
			class.Alternatives = append(class.Alternatives, schedule.Alternative{Quotas: counted})
			k = len(class.Alternatives) - 1
		}
		class.Alternatives[k].For |= patient
	}
	return class
}

// periodOf is the first date of the period that a date lies in.
func periodOf(per schedule.Period, date int) schedule.Date {
	switch per {
	case schedule.Week:
		return schedule.Date(date - (date+3)%7)
	case schedule.Month:
		year, month, _ := time.Unix(int64(date)*day*60, 0).UTC().Date()
		return schedule.Date(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix() / (day * 60))
	}
	return schedule.Date(date)
}

// classText writes a class so that two that mean the same are the same.
func classText(c schedule.Class) string {
	var all []string
	for _, a := range c.Alternatives {
		all = append(all, fmt.Sprintf("%03x%v", uint16(a.For), slices.Sorted(slices.Values(a.Quotas))))
	}
	slices.Sort(all)
	return fmt.Sprintf("%d: %s", c.Condition, strings.Join(all, " "))
}
