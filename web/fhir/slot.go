package fhir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

const (
	// slotsKept bounds the lists of slots that are remembered for a second.
	slotsKept = 128
	// shownDays is how far a search without an end looks, and furthestDays how
	// far any does.
	shownDays    = 28
	furthestDays = 59
	// mostCalendars is how many calendars one search looks into.
	mostCalendars = 64
)

// slotsKey is a question about one service with one practitioner; changes is
// how often something had changed at the tenant before it was asked.
type slotsKey struct {
	tenant       id.Tenant
	changes      uint64
	service      id.Service
	practitioner id.Practitioner
	from, to     schedule.Date
}

// term is a slot of a calendar for one group of patients.
type term struct {
	calendar
	starts, ends time.Time // UTC
	terms        practice.Terms
	// alternative is for whom it is; group tells it from others at the same time
	// and is empty where there can be none.
	alternative practice.Alternative
	group       string
	status      string // free, busy
}

// name is the id of the slot's resource: of its calendar, its minute, and where
// one minute is offered to several groups, of the group.
func (t term) name() string {
	name := t.id + "-" + strconv.FormatInt(t.starts.Unix()/60, 36)
	if t.group != "" {
		name += "-" + t.group
	}
	return name
}

func groupName(a practice.Alternative) string {
	parts := append(a.Insurance.Codes(), a.Patients.String())
	for _, q := range a.Quotas {
		parts = append(parts, q.UUID())
	}
	hash := sha256.Sum256([]byte(strings.Join(parts, "|")))
	return hex.EncodeToString(hash[:4])
}

// resource writes the slot (ISiKTerminblock).
func (t term) resource(v *view) object {
	o := v.classified("ISiKTerminblock", object{
		"resourceType": "Slot", "id": t.name(), "status": t.status,
		"schedule":    object{"reference": "Schedule/" + t.id},
		"serviceType": []any{t.serviceType()},
		"start":       stamp(t.starts), "end": stamp(t.ends),
	})
	if for_ := condition(t.terms, t.alternative.Who, t.service.ReferralCode); for_ != nil && t.status == "free" {
		o["extension"] = for_
	}
	return o
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// span is a stretch of time, half-open.
type span struct{ from, until time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.until) }

// free lists what is free of calendars in a span, in order of the start.
func (f *face) free(r *request, calendars []calendar, within span) ([]term, error) {
	var found []term
	if !within.from.Before(within.until) {
		return nil, nil
	}
	// Local dates of any zone are at most a day beside those of UTC.
	from, to := schedule.DateOf(within.from.UTC())-1, schedule.DateOf(within.until.UTC())+2
	type pair struct {
		service      id.Service
		practitioner id.Practitioner
	}
	asked := map[pair]bool{}
	for _, c := range calendars {
		p := pair{c.service.ID, c.practitioner.ID}
		if asked[p] {
			continue
		}
		asked[p] = true
		list, err := f.list(r, slotsKey{r.Tenant.ID, f.Practice.Changes(r.Tenant.ID), p.service, p.practitioner, from, to})
		if err != nil {
			return nil, err
		}
		found = terms(found, list, calendars, p.service, p.practitioner, within)
	}
	slices.SortStableFunc(found, func(a, b term) int { return a.starts.Compare(b.starts) })
	return found, nil
}

// list asks for free slots as patients' pages do; an answer may be a second old.
func (f *face) list(r *request, k slotsKey) (practice.SlotList, error) {
	return f.slots.Get(r.ctx, k, func(ctx context.Context) (practice.SlotList, error) {
		return f.Booking.Find(ctx, k.tenant, practice.Query{Service: k.service, Practitioner: k.practitioner, From: k.from, To: k.to})
	})
}

// terms appends the slots of a list that lie in the span and in a calendar that
// was asked for, once for each group that they are for.
func terms(dst []term, list practice.SlotList, calendars []calendar, service id.Service, practitioner id.Practitioner, within span) []term {
	for _, s := range list.Slots {
		starts := time.Unix(s.Starts, 0).UTC()
		if !within.has(starts) {
			continue
		}
		i := slices.IndexFunc(calendars, func(c calendar) bool {
			return c.service.ID == service && c.practitioner.ID == practitioner && c.location.ID == list.Locations[s.Location]
		})
		if i < 0 {
			continue
		}
		c := list.Conditions[s.Condition]
		for _, a := range c.Alternatives {
			t := term{calendar: calendars[i], starts: starts, ends: time.Unix(s.Ends, 0).UTC(), terms: c.Terms, alternative: a, status: "free"}
			if len(c.Alternatives) > 1 || len(a.Quotas) > 0 {
				t.group = groupName(a)
			}
			dst = append(dst, t)
		}
	}
	return dst
}

func isGroup(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == 4 && text == strings.ToLower(text)
}

// named reads the id of a slot: whose calendar, when, and for which group.
func (v *view) named(name string) (c calendar, starts time.Time, group string, ok bool) {
	whose, rest, found := strings.Cut(name, "-")
	minute, group, told := strings.Cut(rest, "-")
	minutes, err := strconv.ParseInt(minute, 36, 40)
	if c, ok = v.calendar(whose); !ok || !found || err != nil || minutes <= 0 || told && !isGroup(group) || strconv.FormatInt(minutes, 36) != minute {
		return calendar{}, time.Time{}, "", false
	}
	return c, time.Unix(minutes*60, 0).UTC(), group, true
}

// slot finds a slot by its id. One that was offered and is taken is busy; one
// that is over is gone.
func (f *face) slot(r *request, v *view, name string) (term, error) {
	c, starts, group, ok := v.named(name)
	if !ok {
		return term{}, r.refuse(http.StatusNotFound, "not_found", "Slot", "")
	}
	now := time.Now()
	if starts.Before(now) {
		return term{}, r.refuse(http.StatusGone, "slot_over", "Slot", "it lies in the past")
	}
	if starts.After(now.AddDate(2, 0, 0)) {
		return term{}, r.refuse(http.StatusNotFound, "not_found", "Slot", "")
	}
	found, err := f.free(r, []calendar{c}, span{starts, starts.Add(time.Minute)})
	if err != nil {
		return term{}, err
	}
	for _, t := range found {
		if t.name() == name {
			return t, nil
		}
	}
	opening, offered := c.plan.Offered(starts.Unix(), now, false)
	if !offered || c.plan.Openings[opening].Location != c.location.ID {
		return term{}, r.refuse(http.StatusNotFound, "not_found", "Slot", "")
	}
	busy := term{calendar: c, starts: starts, ends: starts.Add(c.plan.Service.Duration), status: "busy", group: group}
	return busy, nil
}
