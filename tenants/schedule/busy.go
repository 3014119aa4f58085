package schedule

import (
	"slices"
	"sort"
)

// fullIntervals returns, in order and disjoint, the times at which capacity or
// more busy intervals lie over each other.
func fullIntervals(busy []Interval, capacity int) []Interval {
	if len(busy) == 0 {
		return nil
	}
	// Which start belongs to which end does not matter for counting.
	bounds := make([]int64, 0, 2*len(busy))
	for _, b := range busy {
		if b.Starts < b.Ends {
			bounds = append(bounds, b.Starts)
		}
	}
	n := len(bounds)
	for _, b := range busy {
		if b.Starts < b.Ends {
			bounds = append(bounds, b.Ends)
		}
	}
	starts, ends := bounds[:n], bounds[n:]
	slices.Sort(starts)
	slices.Sort(ends)

	full := make([]Interval, 0, n)
	for over, s, e := 0, 0, 0; e < n; {
		if s < n && starts[s] < ends[e] {
			if over++; over == capacity {
				full = append(full, Interval{Starts: starts[s]})
			}
			s++
			continue
		}
		if over--; over == capacity-1 {
			full[len(full)-1].Ends = ends[e]
		}
		e++
	}
	return full
}

// firstEndingAfter returns the index of the first interval that ends after at.
func firstEndingAfter(full []Interval, at int64) int {
	return sort.Search(len(full), func(i int) bool { return full[i].Ends > at })
}
