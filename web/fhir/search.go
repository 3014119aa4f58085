package fhir

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// page is how many matches an answer has where nobody says, pageMost at most.
	page     = 50
	pageMost = 200
	// mostValues is how many values one parameter may have.
	mostValues = 40
)

// kind is a type of resource that can be read and searched.
type kind struct {
	name string
	// params are what can be searched by, with FHIR's types for them.
	params map[string]string
	// includes and reverse are what _include and _revinclude can name.
	includes, reverse []string
	find              func(r *request, v *view, q *query) ([]any, error)
}

func (f *face) kinds() []kind {
	return []kind{
		{"Schedule", map[string]string{"_id": "token", "active": "token", "service-type": "token", "specialty": "token", "actor": "reference"},
			[]string{"Schedule:actor"}, []string{"Slot:schedule"}, f.findSchedules},
		{"Slot", map[string]string{"_id": "token", "schedule": "reference", "status": "token", "start": "date"},
			[]string{"Slot:schedule"}, nil, f.findSlots},
		{"HealthcareService", map[string]string{"_id": "token", "active": "token", "service-type": "token", "specialty": "token", "name": "string"},
			nil, []string{"Schedule:actor"}, f.findServices},
		{"Practitioner", map[string]string{"_id": "token", "identifier": "token", "name": "string", "family": "string", "given": "string"},
			nil, []string{"Schedule:actor"}, f.findPractitioners},
		{"Location", map[string]string{"_id": "token", "name": "string"}, nil, []string{"Schedule:actor"}, f.findLocations},
		{"CodeSystem", map[string]string{"_id": "token", "url": "uri", "context-type-value": "composite"}, nil, nil, f.findCodes},
	}
}

// query is what a search asks for.
type query struct {
	r *request
	// values are, of each parameter, what all of which some has to match.
	values           map[string][][]string
	include, reverse bool
	// actors says that what the included calendars name comes too.
	actors        bool
	offset, count int
	zone          *time.Location
	now           time.Time
	// cut says that the search looked less far than it was asked to.
	cut bool
}

// asked reads a search. What it does not know it refuses, and does not repeat:
// a search that quietly leaves out a condition finds what nobody wanted.
func (r *request) asked(k kind, zone *time.Location) (*query, error) {
	q := &query{r: r, values: map[string][][]string{}, count: page, zone: zone, now: time.Now()}
	values, err := url.ParseQuery(string(r.c.Request().URI().QueryString()))
	if err != nil {
		return nil, r.refuse(http.StatusBadRequest, "malformed_query", "", "not a query")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all := values[name]
		one := len(all) == 1
		switch {
		case k.params[name] != "":
			for _, text := range all {
				choices := split(text)
				if len(choices) > mostValues || len(all) > mostValues || slices.Contains(choices, "") {
					return nil, r.refuse(http.StatusBadRequest, "malformed_parameter", k.name+"."+name, "empty, or too many values")
				}
				q.values[name] = append(q.values[name], choices)
			}
		case (name == "_format" || name == "_pretty") && one:
		case name == "_count" && one:
			if q.count, err = strconv.Atoi(all[0]); err != nil || q.count < 0 {
				return nil, r.refuse(http.StatusBadRequest, "malformed_parameter", "_count", "expected a number")
			}
			q.count = min(q.count, pageMost)
		case name == "_offset" && one:
			if q.offset, err = strconv.Atoi(all[0]); err != nil || q.offset < 0 {
				return nil, r.refuse(http.StatusBadRequest, "malformed_parameter", "_offset", "expected a number")
			}
		case name == "_sort" && one && k.name == "Slot" && all[0] == "start":
		case name == "_include" && allIn(all, k.includes):
			q.include = true
		case name == "_include:iterate" && k.name == "Slot" && allIn(all, []string{"Schedule:actor"}):
			q.actors = true
		case name == "_revinclude" && allIn(all, k.reverse):
			q.reverse = true
		default:
			return nil, r.refuse(http.StatusBadRequest, "unknown_parameter", k.name, "a parameter, modifier or value that this search does not have; see the capability statement")
		}
	}
	return q, nil
}

// allIn says that each text is one of the known ones; a type of target behind
// them, such as Schedule:actor:Practitioner, is for narrowing and not known.
func allIn(texts, known []string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !slices.Contains(known, text) })
}

// split parts a value at its commas (FHIR R4, section 3.1.1.4.0.1): a comma
// behind a backslash is one.
func split(text string) []string {
	var parts []string
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == ',':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(text[i])
		}
	}
	return append(parts, b.String())
}

// every reports whether each of a parameter's conditions has a value that fits.
func (q *query) every(name string, fits func(value string) bool) bool {
	for _, choices := range q.values[name] {
		if !slices.ContainsFunc(choices, fits) {
			return false
		}
	}
	return true
}

// token says of codes of a system whether one is the value's: code, system|code,
// |code or system|.
func token(system string, codes ...string) func(string) bool {
	return func(value string) bool {
		named, code, qualified := strings.Cut(value, "|")
		if !qualified {
			return slices.Contains(codes, value)
		}
		return named == system && (code == "" && named != "" || slices.Contains(codes, code))
	}
}

// refers says of the ids of a type whether one is the value's: Type/id, id, or
// the address of one here.
func (q *query) refers(to map[string]string) func(string) bool {
	return func(value string) bool {
		value = strings.TrimPrefix(value, q.r.base+"/")
		kind, id, typed := strings.Cut(value, "/")
		if typed {
			return to[kind] != "" && to[kind] == id
		}
		return slices.Contains(slices.Collect(maps.Values(to)), value)
	}
}

// specialtyCode is the trade's code and what it is a code of; empty where there
// is none.
func (v *view) specialtyCode() (system, code string) {
	if v.specialty == nil {
		return "", ""
	}
	coding := v.specialty["coding"].([]any)[0].(object)
	return coding["system"].(string), coding["code"].(string)
}

// works reports whether a service is what is searched for by active,
// service-type and specialty.
func (q *query) works(v *view, service string) bool {
	return q.every("active", token("", "true")) && q.every("service-type", token(serviceSystem, service)) &&
		q.every("specialty", func(value string) bool {
			system, code := v.specialtyCode()
			return code != "" && token(system, code)(value)
		})
}

// calendars are those that a search for Schedules finds.
func (q *query) calendars(v *view) (found []calendar) {
	for _, c := range v.schedules {
		actors := map[string]string{"Practitioner": c.practitioner.ID.UUID(), "HealthcareService": c.service.ID.UUID(), "Location": c.location.ID.UUID()}
		if q.every("_id", token("", c.id)) && q.every("actor", q.refers(actors)) && q.works(v, c.service.ID.UUID()) {
			found = append(found, c)
		}
	}
	return found
}

func (f *face) findSchedules(_ *request, v *view, q *query) (found []any, err error) {
	for _, c := range q.calendars(v) {
		found = append(found, c)
	}
	return found, nil
}

func (f *face) findServices(_ *request, v *view, q *query) (found []any, err error) {
	for _, s := range v.Services {
		if q.every("_id", token("", s.ID.UUID())) && q.works(v, s.ID.UUID()) && q.every("name", func(n string) bool { return within(s.Name, n) }) {
			found = append(found, v.service(s))
		}
	}
	return found, nil
}

func (f *face) findPractitioners(_ *request, v *view, q *query) (found []any, err error) {
	for _, p := range v.Practitioners {
		named := func(n string) bool {
			return slices.ContainsFunc(strings.Fields(p.Name), func(word string) bool { return within(word, n) }) || within(p.Name, n)
		}
		written, _ := humanName(p.Name)
		part := func(of string) func(string) bool {
			return func(n string) bool {
				return slices.ContainsFunc(textsAt(written, of), func(word string) bool { return within(word, n) })
			}
		}
		if q.every("_id", token("", p.ID.UUID())) && q.every("identifier", token(practiceSystem, p.ID.UUID())) &&
			q.every("name", named) && q.every("family", part("family")) && q.every("given", part("given")) {
			found = append(found, v.practitioner(p))
		}
	}
	return found, nil
}

func (f *face) findLocations(_ *request, v *view, q *query) (found []any, err error) {
	for _, l := range v.Locations {
		if q.every("_id", token("", l.ID.UUID())) && q.every("name", func(n string) bool { return within(l.Name, n) }) {
			found = append(found, v.location(l))
		}
	}
	return found, nil
}

func (f *face) findSlots(r *request, v *view, q *query) (found []any, err error) {
	if err := f.Bookable(r.ctx); err != nil {
		return nil, err
	}
	// An id says which calendar and which day: nothing else is looked through.
	if ids := q.values["_id"]; ids != nil {
		return f.slotsNamed(r, v, q)
	}
	when, err := q.span("start")
	if err != nil || !q.every("status", token("http://hl7.org/fhir/slotstatus", "free")) {
		return nil, err // of what is taken nobody is told
	}
	var calendars []calendar
	for _, c := range v.schedules {
		if q.every("schedule", q.refers(map[string]string{"Schedule": c.id})) {
			calendars = append(calendars, c)
		}
	}
	return f.slotsOf(r, calendars, when)
}

func (f *face) slotsOf(r *request, calendars []calendar, when span) (found []any, err error) {
	if len(calendars) > mostCalendars {
		return nil, r.refuse(http.StatusBadRequest, "too_many_schedules", "Slot.schedule", "name the schedules: at most "+strconv.Itoa(mostCalendars)+" at once")
	}
	free, err := f.free(r, calendars, when)
	for _, t := range free {
		found = append(found, t)
	}
	return found, err
}

func (f *face) slotsNamed(r *request, v *view, q *query) (found []any, err error) {
	when, err := q.instants("start")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, name := range q.values["_id"][0] {
		if seen[name] || !q.every("_id", token("", name)) {
			continue
		}
		seen[name] = true
		t, err := f.slot(r, v, name)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if when.has(t.starts) && q.every("schedule", q.refers(map[string]string{"Schedule": t.id})) && q.every("status", token("http://hl7.org/fhir/slotstatus", t.status)) {
			found = append(found, t)
		}
	}
	return found, nil
}

// span is the time that a search of slots looks at: from now on, and where
// nobody says until when, some weeks.
func (q *query) span(name string) (span, error) {
	when, err := q.instants(name)
	if err != nil {
		return when, err
	}
	if when.from.Before(q.now) {
		when.from = q.now
	}
	if when.until.Equal(forever) {
		when.until = when.from.AddDate(0, 0, shownDays)
	}
	if furthest := when.from.AddDate(0, 0, furthestDays); when.until.After(furthest) {
		when.until, q.cut = furthest, true
	}
	return when, nil
}

// forever is after everything.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// instants is the stretch that all conditions of a date parameter leave. Dates
// without a zone are those of the practice.
func (q *query) instants(name string) (span, error) {
	when := span{time.Unix(0, 0), forever}
	for _, choices := range q.values[name] {
		if len(choices) > 1 {
			return when, q.r.refuse(http.StatusBadRequest, "malformed_parameter", name, "one value at a time")
		}
		prefix, from, until, ok := date(choices[0], q.zone)
		later := func(t time.Time) { when.from = latest(when.from, t) }
		sooner := func(t time.Time) {
			if t.Before(when.until) {
				when.until = t
			}
		}
		switch {
		case !ok:
			return when, q.r.refuse(http.StatusBadRequest, "malformed_parameter", name, "expected a date or an instant such as ge2026-12-01")
		case prefix == "eq":
			later(from)
			sooner(until)
		case prefix == "ge":
			later(from)
		case prefix == "gt", prefix == "sa":
			later(until)
		case prefix == "le":
			sooner(until)
		case prefix == "lt", prefix == "eb":
			sooner(from)
		}
	}
	return when, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// date reads a value of a date parameter: a prefix, and the stretch that the
// date or instant stands for.
func date(text string, zone *time.Location) (prefix string, from, until time.Time, ok bool) {
	prefix = "eq"
	if len(text) > 2 && slices.Contains([]string{"eq", "ge", "gt", "sa", "le", "lt", "eb"}, text[:2]) {
		prefix, text = text[:2], text[2:]
	}
	if len(text) > 40 {
		return "", from, until, false
	}
	for _, form := range []struct {
		layout              string
		years, months, days int
		lasts               time.Duration
	}{
		{layout: "2006", years: 1}, {layout: "2006-01", months: 1}, {layout: time.DateOnly, days: 1},
		{layout: "2006-01-02T15:04", lasts: time.Minute}, {layout: "2006-01-02T15:04Z07:00", lasts: time.Minute},
		{layout: "2006-01-02T15:04:05", lasts: time.Second}, {layout: time.RFC3339, lasts: time.Second},
	} {
		at, err := time.ParseInLocation(form.layout, text, zone)
		if err != nil {
			continue
		}
		// Milliseconds tell nothing: slots begin on full minutes.
		return prefix, at, at.AddDate(form.years, form.months, form.days).Add(form.lasts), at.Year() > 1970 && at.Year() < 9000
	}
	return "", from, until, false
}

// search answers with a Bundle.
func (f *face) search(r *request, k kind) (int, any, error) {
	v, err := f.view(r)
	if err != nil {
		return 0, nil, err
	}
	zone, err := time.LoadLocation(v.Practice.Zone)
	if err != nil {
		zone = time.UTC
	}
	q, err := r.asked(k, zone)
	if err != nil {
		return 0, nil, err
	}
	all, err := k.find(r, v, q)
	if err != nil {
		return 0, nil, err
	}
	shown := all[min(q.offset, len(all)):]
	shown = shown[:min(q.count, len(shown))]
	b := bundle{base: r.base, seen: map[string]bool{}}
	for _, one := range shown {
		b.add(v, one, "match")
	}
	if err := f.included(r, v, q, shown, &b); err != nil {
		return 0, nil, err
	}
	if q.cut {
		b.entries = append(b.entries, object{"resource": object{"resourceType": "OperationOutcome", "issue": []any{object{
			"severity": "information", "code": "incomplete", "diagnostics": "looked " + strconv.Itoa(furthestDays) + " days far: ask on from there",
		}}}, "search": object{"mode": "outcome"}})
	}
	answer := object{"resourceType": "Bundle", "type": "searchset", "total": len(all), "link": q.links(k, len(all))}
	if b.entries != nil {
		answer["entry"] = b.entries
	}
	return http.StatusOK, answer, nil
}

// bundle gathers each resource once.
type bundle struct {
	base    string
	seen    map[string]bool
	entries []any
}

func (b *bundle) add(v *view, one any, mode string) {
	o, ok := one.(object)
	if written, other := one.(interface{ resource(*view) object }); !ok && other {
		o = written.resource(v)
	}
	address := b.base + "/" + o["resourceType"].(string) + "/" + o["id"].(string)
	if !b.seen[address] {
		b.seen[address] = true
		b.entries = append(b.entries, object{"fullUrl": address, "resource": o, "search": object{"mode": mode}})
	}
}

// included adds what stands beside the matches.
func (f *face) included(r *request, v *view, q *query, shown []any, b *bundle) error {
	var calendars []calendar
	for _, one := range shown {
		switch x := one.(type) {
		case object: // what calendars are of
			for _, c := range v.schedules {
				if q.reverse && c.of(x) {
					b.add(v, c, "include")
				}
			}
		case calendar:
			calendars = append(calendars, x)
		case term:
			if q.include || q.actors {
				calendars = append(calendars, x.calendar)
				b.add(v, x.calendar, "include")
			}
		}
	}
	for _, c := range calendars {
		if _, isSlot := shown[0].(term); q.actors || q.include && !isSlot {
			b.add(v, v.practitioner(c.practitioner), "include")
			b.add(v, v.service(c.service), "include")
			b.add(v, v.location(c.location), "include")
		}
	}
	if !q.reverse {
		return nil
	}
	if err := f.Bookable(r.ctx); err != nil {
		return err
	}
	slots, err := f.slotsOf(r, calendars, span{q.now, q.now.AddDate(0, 0, shownDays)})
	for _, one := range slots {
		b.add(v, one, "include")
	}
	return err
}

// links say where this page is, and where the others are.
func (q *query) links(k kind, total int) []any {
	values, _ := url.ParseQuery(string(q.r.c.Request().URI().QueryString()))
	at := func(relation string, offset int) object {
		values.Set("_offset", strconv.Itoa(offset))
		values.Set("_count", strconv.Itoa(q.count))
		return object{"relation": relation, "url": q.r.base + "/" + k.name + "?" + values.Encode()}
	}
	links := []any{at("self", q.offset)}
	if q.count > 0 && q.offset+q.count < total {
		links = append(links, at("next", q.offset+q.count))
	}
	if q.count > 0 && q.offset > 0 {
		links = append(links, at("previous", max(0, q.offset-q.count)))
	}
	return links
}

// read answers with one resource.
func (f *face) read(r *request, k kind) (int, any, error) {
	name := strings.Clone(r.c.Params("id"))
	if !isID(name) {
		return 0, nil, r.refuse(http.StatusBadRequest, "malformed_id", k.name+".id", "not an id (FHIR R4, datatype id)")
	}
	v, err := f.view(r)
	if err != nil {
		return 0, nil, err
	}
	if k.name == "Slot" {
		if err := f.Bookable(r.ctx); err != nil {
			return 0, nil, err
		}
		t, err := f.slot(r, v, name)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, t.resource(v), nil
	}
	found, err := k.find(r, v, &query{r: r, values: map[string][][]string{"_id": {{name}}}, now: time.Now(), zone: time.UTC})
	if err != nil {
		return 0, nil, err
	}
	if len(found) != 1 {
		return 0, nil, r.refuse(http.StatusNotFound, "not_found", k.name, "")
	}
	if c, ok := found[0].(calendar); ok {
		return http.StatusOK, c.resource(v), nil
	}
	return http.StatusOK, found[0], nil
}

// isID accepts what FHIR calls an id.
func isID(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	return !strings.ContainsFunc(text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '.'
	})
}
