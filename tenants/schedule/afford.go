package schedule

// group returns whom a stop is for.
func (t *party) group(s Stop) Group { return t.classes[s.Class].Group() }

// groupOf returns who can have all of some stops, by their classes.
func (t *party) groupOf(stops Itinerary) Group {
	all := Everyone
	for _, s := range stops {
		all &= t.group(s)
	}
	return all
}

// affords returns who can have all of some stops together: where they count
// towards the same quota, what is left of it has to be enough for all.
func (t *party) affords(stops Itinerary) Group {
	all := t.groupOf(stops)
	for n, s := range stops[1:] {
		for _, a := range t.classes[s.Class].Alternatives {
			for _, quota := range a.Quotas {
				counted := a.For & all
				for who := Group(1); who != 0 && who <= counted; who <<= 1 {
					if counted&who != 0 && t.uses(stops[:n+2], s, quota, who) > t.left(s, quota) {
						all &^= who
					}
				}
			}
		}
	}
	return all
}

// uses returns how many of some stops a patient books out of the quota of a stop.
func (t *party) uses(stops Itinerary, of Stop, quota int, who Group) int {
	n := 0
	for _, s := range stops {
		for _, a := range t.classes[s.Class].Alternatives {
			for _, i := range a.Quotas {
				if a.For&who != 0 && t.sameQuota(s, i, of, quota) {
					n++
				}
			}
		}
	}
	return n
}

// sameQuota reports whether two stops count towards one quota, in one period.
// Of different plans, quotas are told apart by their ids.
func (t *party) sameQuota(a Stop, i int, b Stop, k int) bool {
	p, _ := t.plan(a)
	n, _ := t.plan(b)
	x, y := &p.Quotas[i], &n.Quotas[k]
	if x != y && (x.ID.IsZero() || x.ID != y.ID) {
		return false
	}
	return x.Per.First(dateIn(p.Openings[a.Opening].Zone, a.Starts)) == y.Per.First(dateIn(n.Openings[b.Opening].Zone, b.Starts))
}

// left returns what is left of the quota of a stop.
func (t *party) left(s Stop, quota int) int {
	p, load := t.plan(s)
	q := &p.Quotas[quota]
	return q.Max - q.used(dateIn(p.Openings[s.Opening].Zone, s.Starts), load.Used, quota)
}

// narrowed returns the stops with classes that are for nobody whom a quota
// keeps from having all of them.
func (t *party) narrowed(stops Itinerary, group Group) Itinerary {
	if t.groupOf(stops) == group {
		return stops
	}
	for i := range stops {
		of := t.classes[stops[i].Class]
		var kept []Alternative
		for _, a := range of.Alternatives {
			if a.For &= group; a.For != 0 {
				kept = append(kept, a)
			}
		}
		t.classes, stops[i].Class = appendClass(t.classes, of.Condition, kept)
	}
	return stops
}
