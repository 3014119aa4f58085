package practice

import (
	"cmp"
	"slices"

	"siegel/tenants/schedule"
)

// WalkInHours is an open consultation hour: come without booking. Practitioner
// and Location are indexes into the tables of the list.
type WalkInHours struct {
	Starts, Ends           int64
	Practitioner, Location int32
	Name                   string
}

// walkIns returns the consultation hours of those whom the question is about
// that are not over.
func (t *tables) walkIns() []WalkInHours {
	all := []WalkInHours{}
	for i, p := range t.list.Practitioners {
		all = t.walkInsOf(all, t.offer.open[p], int32(i))
	}
	slices.SortStableFunc(all, func(a, b WalkInHours) int { return cmp.Compare(a.Starts, b.Starts) })
	return all
}

func (t *tables) walkInsOf(all []WalkInHours, windows []window, practitioner int32) []WalkInHours {
	for i := range windows {
		w := &windows[i]
		serves := slices.ContainsFunc(t.steps, func(s step) bool {
			return len(w.Services) == 0 || len(s.plans) > 0 && slices.Contains(w.Services, s.plans[0].Service.ID)
		})
		if !w.WalkIn || !serves {
			continue
		}
		for _, hours := range schedule.OpenHours(nil, []schedule.Opening{w.Opening}, t.From, t.To) {
			if hours.Ends > t.Now.Unix() {
				all = append(all, WalkInHours{hours.Starts, hours.Ends, practitioner, t.place(w.Location), t.offer.Openings[w.at].Name})
			}
		}
	}
	return all
}
