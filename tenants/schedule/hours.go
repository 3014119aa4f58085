package schedule

// OpenHours appends when one of the openings is open, of their windows that
// begin on the local dates [from, to): less what is closed of each, in order
// and disjoint. It asks for nothing else: who wants those of some services or
// of walk-ins only, gives those only.
func OpenHours(dst []Interval, openings []Opening, from, to Date) []Interval {
	n := len(dst)
	for i := range openings {
		o := &openings[i]
		var room [8]span
		spans := appendSpans(room[:0], o.Zone, from.seconds()-daySeconds, to.seconds()+2*daySeconds)
		for date := from; date < to; date++ {
			if !o.Weekdays.Has(date.Weekday()) || !o.inForce(date) {
				continue
			}
			w := windowIn(spans, o, date)
			for k := range spans {
				dst = o.appendOpen(dst, w.own(k))
			}
		}
	}
	return append(dst[:n], Union(dst[n:])...)
}

// appendOpen appends what is not closed of an interval.
func (o *Opening) appendOpen(dst []Interval, in Interval) []Interval {
	for in.Starts < in.Ends {
		shut, ok := o.closed(in.Starts, in.Ends)
		if !ok {
			return append(dst, in)
		}
		if shut.Starts > in.Starts {
			dst = append(dst, Interval{in.Starts, shut.Starts})
		}
		in.Starts = shut.Ends
	}
	return dst
}

// Outside appends all time that lies in none of some intervals, which are in
// order and disjoint: what [Supply].Shut is to a supply that is open then.
func Outside(dst, open []Interval) []Interval {
	const begin, end = -1 << 62, 1 << 62
	at := int64(begin)
	for _, i := range open {
		if at < i.Starts {
			dst = append(dst, Interval{at, i.Starts})
		}
		at = i.Ends
	}
	return append(dst, Interval{at, end})
}
