package fhir_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

func TestTheStatementSaysThatPeopleComeSealed(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.get(t, "metadata")
	if a.status != 200 || at(a.body, "fhirVersion") != "4.0.1" || !strings.Contains(at(a.body, "rest", 0, "documentation").(string), "encrypted Binary") {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if at(a.body, "implementation", "url") != "http://"+patients+"/fhir/R4" {
		t.Errorf("it says to be at %v", at(a.body, "implementation", "url"))
	}
	have := map[string][]string{}
	for _, r := range at(a.body, "rest", 0, "resource").([]any) {
		params, _ := at(r, "searchParam").([]any)
		kind := at(r, "type").(string)
		have[kind] = []string{}
		for _, p := range params {
			have[kind] = append(have[kind], at(p, "name").(string))
		}
	}
	for kind, params := range map[string][]string{
		"Schedule": {"_id", "active", "service-type", "specialty", "actor"}, "Slot": {"_id", "schedule", "status", "start"},
		"HealthcareService": {"_id", "active", "service-type", "specialty", "name"}, "Practitioner": {"_id"}, "Location": {"_id"}, "Patient": {}, "Appointment": {},
	} {
		for _, p := range params {
			if !slices.Contains(have[kind], p) {
				t.Errorf("%s lacks %s, which ISiK demands: %v", kind, p, have[kind])
			}
		}
		if have[kind] == nil {
			t.Errorf("it says nothing of %s", kind)
		}
	}
}

func TestTheOfferIsReadAndSearchedInISiKsShapes(t *testing.T) {
	t.Parallel()
	h := open(t)
	all := h.get(t, "Schedule").resources("match")
	if len(all) != 3 { // two services of one person, one of the group
		t.Fatalf("%d schedules", len(all))
	}
	for _, s := range all {
		if s["active"] != true || at(s, "serviceType", 0, "coding", 0, "code") == nil || at(s, "specialty", 0, "coding", 0, "code") != "ALLG" ||
			at(s, "actor", 0, "reference") == nil || at(s, "actor", 0, "display") == nil {
			t.Errorf("not as ISiKKalender has it: %v", s)
		}
	}
	one := all[0]["id"].(string)
	quarter := h.Quarter.UUID()
	for path, want := range map[string]int{
		"Schedule?_id=" + one: 1,
		"Schedule?actor=Practitioner/" + h.Practitioner.UUID():                          2,
		"Schedule?actor=Practitioner/" + h.Practitioner.UUID() + "," + h.Group.UUID():   3,
		"Schedule?actor=" + h.Location.UUID() + "&actor=" + h.Group.UUID():              1,
		"Schedule?actor=Location/" + h.Practitioner.UUID():                              0,
		"Schedule?service-type=" + quarter:                                              1,
		"Schedule?service-type=urn:siegel:service|" + quarter:                           1,
		"Schedule?service-type=|" + quarter:                                             0,
		"Schedule?specialty=ALLG":                                                       3,
		"Schedule?specialty=http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen|":      3,
		"Schedule?specialty=AUGE":                                                       0,
		"Schedule?active=true":                                                          3,
		"Schedule?active=false":                                                         0,
		"HealthcareService?name=halbe":                                                  1,
		"HealthcareService?name=stunde":                                                 0, // begins with
		"HealthcareService?_id=" + quarter + "," + h.Half.UUID():                        2,
		"Practitioner?name=Muster":                                                      1,
		"Location?name=Hi":                                                              1,
		"Schedule?actor=http://" + patients + "/fhir/R4/Practitioner/" + h.Group.UUID(): 1,
		"Schedule?actor=http://elsewhere.example/Practitioner/" + h.Group.UUID():        0,
	} {
		a := h.get(t, strings.ReplaceAll(path, "|", "%7C"))
		if got := len(a.resources("match")); a.status != 200 || got != want || at(a.body, "total") != float64(want) {
			t.Errorf("%s: %d matches, want %d: %.300s", path, got, want, a.text)
		}
	}
	for _, path := range []string{"Schedule/" + one, "HealthcareService/" + quarter, "Practitioner/" + h.Group.UUID(), "Location/" + h.Location.UUID()} {
		kind, name, _ := strings.Cut(path, "/")
		if a := h.get(t, path); a.status != 200 || a.body["resourceType"] != kind || a.body["id"] != name {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}

func TestSlotsAreThoseOfTheOtherInterface(t *testing.T) {
	t.Parallel()
	h := open(t)
	starts := tenanttest.At(3, 9, 15).UTC()
	name := h.slot(t, starts)
	day := tenanttest.At(3, 0, 0).Format(time.DateOnly)
	schedule := "Schedule/" + strings.Split(name, "-")[0]
	a := h.get(t, "Slot?schedule="+schedule+"&start="+day+"&_count=200")
	if got := len(a.resources("match")); got != 64 { // sixteen hours
		t.Fatalf("%d quarters of an hour on a day", got)
	}
	for query, want := range map[string]int{
		"start=ge" + day + "&start=lt" + day: 0,
		"start=" + day + "&status=free":      64,
		"start=" + day + "&status=busy":      0,
		"start=" + day + "&status=busy,free": 64,
		"start=ge" + starts.Format(time.RFC3339) + "&start=le" + starts.Format(time.RFC3339):                     1,
		"start=gt" + starts.Format(time.RFC3339) + "&start=lt" + starts.Add(16*time.Minute).Format(time.RFC3339): 1,
		"start=lt2020": 0,
	} {
		a := h.get(t, "Slot?schedule="+schedule+"&_count=0&"+query)
		if at(a.body, "total") != float64(want) {
			t.Errorf("%s: %v, want %d", query, at(a.body, "total"), want)
		}
	}
	t.Run("PagesFollowOneAnother", func(t *testing.T) {
		seen, next := map[string]bool{}, "/fhir/R4/Slot?schedule="+schedule+"&start="+day+"&_count=25"
		for pages := 0; next != ""; pages++ {
			a := h.ask(t, http.MethodGet, patients, next, nil)
			for _, s := range a.resources("match") {
				if seen[s["id"].(string)] {
					t.Fatal("a slot on two pages")
				}
				seen[s["id"].(string)] = true
			}
			next = ""
			for _, l := range at(a.body, "link").([]any) {
				if u, err := url.Parse(at(l, "url").(string)); at(l, "relation") == "next" && err == nil && pages < 9 {
					next = u.RequestURI()
				}
			}
		}
		if len(seen) != 64 {
			t.Errorf("%d slots on all pages", len(seen))
		}
	})
	t.Run("WhatStandsBesideComesOnce", func(t *testing.T) {
		a := h.get(t, "Slot?schedule="+schedule+"&start="+day+"&_include=Slot:schedule&_include:iterate=Schedule:actor")
		if got := len(a.resources("include")); got != 4 {
			t.Errorf("%d beside the slots, want a schedule and its three actors", got)
		}
		a = h.get(t, "Schedule?service-type="+h.GroupService.UUID()+"&_revinclude=Slot:schedule&_include=Schedule:actor")
		kinds := map[string]int{}
		for _, r := range a.resources("include") {
			kinds[r["resourceType"].(string)]++
		}
		if kinds["Slot"] < 16*20 || kinds["Practitioner"] != 1 || kinds["Location"] != 1 || kinds["HealthcareService"] != 1 {
			t.Errorf("beside a schedule: %v", kinds)
		}
	})
	t.Run("AHeldSlotKeepsItsIdAndIsBusy", func(t *testing.T) {
		if a := h.get(t, "Slot/"+name); a.status != 200 || a.body["status"] != "free" || a.body["start"] != starts.Format(time.RFC3339) {
			t.Fatalf("%d %s", a.status, a.text)
		}
		h.patient().hold(t, name)
		a := h.get(t, "Slot/"+name)
		if a.status != 200 || a.body["status"] != "busy" || a.body["id"] != name {
			t.Errorf("%d %s", a.status, a.text)
		}
		if a := h.get(t, "Slot?_id="+name+"&status=free"); at(a.body, "total") != float64(0) {
			t.Errorf("it is listed as free: %s", a.text)
		}
		if a := h.get(t, "Slot?_id="+name); at(a.body, "total") != float64(1) {
			t.Errorf("it is not found by its id: %s", a.text)
		}
	})
	t.Run("WhatIsOverIsGone", func(t *testing.T) {
		past := strings.Split(name, "-")[0] + "-" + strconv.FormatInt(time.Now().Add(-time.Hour).Unix()/60, 36)
		if a := h.get(t, "Slot/"+past); a.status != http.StatusGone {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
	t.Run("OfAClosedPracticeThereAreNone", func(t *testing.T) {
		h.closed = booking.ErrClosed
		defer func() { h.closed = nil }()
		for _, path := range []string{"Slot", "Slot/" + name, "Slot?_id=" + name, "Schedule?_revinclude=Slot:schedule"} {
			if a := h.get(t, path); a.status != http.StatusConflict || a.reason() != "booking_closed" {
				t.Errorf("%s: %d %s", path, a.status, a.reason())
			}
		}
	})
}

func TestFailuresAreSaidAsFHIRSaysThem(t *testing.T) {
	t.Parallel()
	h := open(t)
	body := holding("x-y", random(16))
	for name, c := range map[string]struct {
		method, path string
		body         any
		headers      []string
		status       int
		reason       string
	}{
		"NoSuchThing":       {"GET", "Schedule/" + strings.Repeat("0", 32), nil, nil, 404, "not_found"},
		"NoID":              {"GET", "Schedule/a_b", nil, nil, 400, "malformed_id"},
		"LongID":            {"GET", "Slot/" + strings.Repeat("a", 65), nil, nil, 400, "malformed_id"},
		"NoType":            {"GET", "Observation", nil, nil, 404, "not_found"},
		"People":            {"GET", "Patient/1", nil, nil, 404, "sealed"},
		"PeopleComing":      {"POST", "Patient", object{"resourceType": "Patient"}, nil, 404, "sealed"},
		"Appointments":      {"GET", "Appointment", nil, nil, 404, "not_found"},
		"WritingTheOffer":   {"POST", "Slot", object{}, nil, 405, "method_not_allowed"},
		"ChangingTheOffer":  {"PUT", "Schedule/1", object{}, nil, 405, "method_not_allowed"},
		"RemovingIt":        {"DELETE", "Location/1", nil, nil, 405, "method_not_allowed"},
		"Patching":          {"PATCH", "Slot/1", object{}, nil, 405, "method_not_allowed"},
		"AskingForBook":     {"GET", "Appointment/$book", nil, nil, 405, "method_not_allowed"},
		"XML":               {"GET", "metadata", nil, []string{"Accept", "application/fhir+xml"}, 406, "not_acceptable"},
		"XMLByFormat":       {"GET", "metadata?_format=xml", nil, nil, 406, "not_acceptable"},
		"AnotherVersion":    {"GET", "metadata", nil, []string{"Accept", "application/fhir+json; fhirVersion=5.0"}, 406, "not_acceptable"},
		"XMLBody":           {"POST", "Appointment/$book", "<a/>", []string{"Content-Type", "application/fhir+xml"}, 415, "content_type"},
		"Form":              {"POST", "Appointment/$hold", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content_type"},
		"NoJSON":            {"POST", "Appointment/$book", "{", nil, 400, "malformed_body"},
		"TwoOfOneKey":       {"POST", "Appointment/$book", `{"resourceType":"Parameters","resourceType":"Parameters"}`, nil, 400, "malformed_body"},
		"AnotherResource":   {"POST", "Appointment/$book", object{"resourceType": "Basic"}, nil, 400, "malformed_body"},
		"TooMuch":           {"POST", "Appointment/$book", `{"a":"` + strings.Repeat("x", 70<<10) + `"}`, nil, 413, "body_too_large"},
		"UnknownSlot":       {"POST", "Appointment/$hold", body, nil, 422, "unknown_slot"},
		"AnotherPage":       {"POST", "Appointment/$hold", body, []string{"Origin", "http://elsewhere.example"}, 403, "foreign_origin"},
		"UnknownParameter":  {"GET", "Slot?patient=1", nil, nil, 400, "unknown_parameter"},
		"UnknownModifier":   {"GET", "Schedule?actor:Practitioner=1", nil, nil, 400, "unknown_parameter"},
		"UnknownInclude":    {"GET", "Slot?_include=Slot:patient", nil, nil, 400, "unknown_parameter"},
		"UnknownRevinclude": {"GET", "Slot?_revinclude=Appointment:slot", nil, nil, 400, "unknown_parameter"},
		"EmptyValue":        {"GET", "Slot?schedule=", nil, nil, 400, "malformed_parameter"},
		"NoDate":            {"GET", "Slot?start=tomorrow", nil, nil, 400, "malformed_parameter"},
		"NoDay":             {"GET", "Slot?start=2026-02-30", nil, nil, 400, "malformed_parameter"},
		"PrefixNobodyNeeds": {"GET", "Slot?start=ap2026-02-20", nil, nil, 400, "malformed_parameter"},
		"NegativeCount":     {"GET", "Slot?_count=-1", nil, nil, 400, "malformed_parameter"},
		"CountTwice":        {"GET", "Slot?_count=1&_count=2", nil, nil, 400, "unknown_parameter"},
		"NoQuery":           {"GET", "Slot?_id=%zz", nil, nil, 400, "malformed_query"},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.ask(t, c.method, patients, "/fhir/R4/"+c.path, c.body, c.headers...)
			if a.status != c.status || a.reason() != c.reason {
				t.Errorf("%d %s, want %d %s: %s", a.status, a.reason(), c.status, c.reason, a.text)
			}
		})
	}
}

func TestAcceptableIsWhateverTakesJSON(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, accept := range []string{"", "*/*", "application/fhir+json", "application/json", "application/fhir+xml;q=0.5, application/fhir+json;fhirVersion=4.0", "text/html, */*;q=0.1"} {
		if a := h.get(t, "metadata", "Accept", accept); a.status != 200 {
			t.Errorf("%q: %d", accept, a.status)
		}
	}
	for _, format := range []string{"json", "application/fhir%2Bjson", "application/fhir+json", "application/json"} {
		if a := h.get(t, "metadata?_format="+format, "Accept", "application/fhir+xml"); a.status != 200 {
			t.Errorf("_format=%s: %d", format, a.status)
		}
	}
}

// What is put into a search finds nothing, changes nothing and comes back in no
// answer but in the address of the page itself.
func TestNothingComesThroughSearches(t *testing.T) {
	t.Parallel()
	h := open(t)
	corpus := []string{
		`' or 1=1--`, `"; drop table appointment; --`, `1) union select secret_hash from appointment`, `<script>alert(1)</script>`, `{{7*7}}`, `${7*7}`,
		`../../../etc/passwd`, `%00`, "a\x00b", `\`, `\\,`, `,,,`, `|`, `||||`, `Schedule/`, `Schedule/../Slot`, `http://169.254.169.254/`, strings.Repeat("9", 500), `-1`, `NaN`,
		`*`, `ge9999-12-31T23:59:59Z`, `ge0000-01-01`, "Muster\r\nSet-Cookie: a=b", `‮gnp`, `$ne`, `[$gt]=`, `(|(uid=*))`, `=cmd|'/c calc'!A1`,
	}
	for kind, params := range map[string][]string{
		"Schedule": {"_id", "active", "service-type", "specialty", "actor", "_include", "_revinclude", "_count", "_offset"},
		"Slot":     {"_id", "schedule", "status", "start", "_sort", "_include"}, "HealthcareService": {"name", "service-type"}, "Practitioner": {"name", "_id"}, "Location": {"name"},
	} {
		for _, p := range params {
			for _, evil := range corpus {
				a := h.get(t, kind+"?"+p+"="+url.QueryEscape(evil))
				switch {
				case a.status == 200 && at(a.body, "total") == float64(0), a.status == 400, p == "_offset" && a.status == 200:
				default:
					t.Errorf("%s?%s=%.40q: %d %.200s", kind, p, evil, a.status, a.text)
				}
				delete(a.body, "link")
				if len(evil) > 4 && strings.Contains(a.text, `"diagnostics":"`+evil) {
					t.Errorf("%s?%s=%.40q is repeated: %.200s", kind, p, evil, a.text)
				}
			}
		}
		for _, evil := range corpus {
			if a := h.get(t, kind+"/"+url.PathEscape(evil)); a.status != 400 && a.status != 404 {
				t.Errorf("%s/%.40q: %d", kind, evil, a.status)
			}
		}
	}
}

// An id of another practice's is as good as one of nobody's.
func TestAnotherPracticesThingsAreNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Plant(t, "nebenan")
	theirs := "nebenan.localhost:8080"
	there := h.ask(t, http.MethodGet, theirs, "/fhir/R4/Schedule", nil).resources("match")
	if len(there) != 3 {
		t.Fatalf("%d schedules there", len(there))
	}
	schedule := there[0]["id"].(string)
	ids := map[string]string{"Schedule": schedule}
	for i, kind := range []string{"Practitioner", "HealthcareService", "Location"} {
		_, ids[kind], _ = strings.Cut(at(there[0], "actor", i, "reference").(string), "/")
	}
	slot := h.ask(t, http.MethodGet, theirs, "/fhir/R4/Slot?_count=1&schedule="+schedule, nil).resources("match")[0]["id"].(string)
	ids["Slot"] = slot
	for kind, name := range ids {
		if a := h.ask(t, http.MethodGet, theirs, "/fhir/R4/"+kind+"/"+name, nil); a.status != 200 {
			t.Errorf("there, %s: %d", kind, a.status)
		}
		if a := h.get(t, kind+"/"+name); a.status != 404 || strings.Contains(a.text, "nebenan") {
			t.Errorf("here, %s: %d %s", kind, a.status, a.text)
		}
		if a := h.get(t, kind+"?_id="+name); at(a.body, "total") != float64(0) {
			t.Errorf("here, %s is found: %s", kind, a.text)
		}
	}
	if a := h.patient().post(t, "hold", holding(slot, random(16))); a.status != 422 || a.reason() != "unknown_slot" {
		t.Errorf("its slot: %d %s", a.status, a.reason())
	}
}

func TestOnlyATokenOfTheScopeIsLetInAtTheOffice(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"TheStatementIsForAll":  {"metadata", nil, 200},
		"Nobody":                {"Slot", nil, 401},
		"AnotherScope":          {"Slot", []string{"Authorization", "Bearer " + h.limited}, 403},
		"NoToken":               {"Slot", []string{"Authorization", "Bearer siegel_x"}, 401},
		"NoTokenAtTheStatement": {"metadata", []string{"Authorization", "Bearer siegel_x"}, 401},
		"TheScope":              {"Slot", []string{"Authorization", "Bearer " + h.secret}, 200},
	} {
		if a := h.ask(t, http.MethodGet, office, "/fhir/R4/"+c.path, nil, c.headers...); a.status != c.status {
			t.Errorf("%s: %d, want %d: %s", name, a.status, c.status, a.text)
		}
	}
	slot := h.slot(t, tenanttest.At(3, 9, 0))
	for bearer, want := range map[string]int{"": 401, h.limited: 403} {
		c := caller{h, office, bearer}
		if a := c.post(t, "hold", holding(slot, random(16))); a.status != want {
			t.Errorf("held: %d, want %d", a.status, want)
		}
	}
}
