package fhir_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/tenanttest"
)

// Where what is demanded here is written: the modules of gematik whose profiles,
// examples and capability statement our answers are held against, as published
// on 2024-10-01 (github.com/gematik/spec-ISiK-Terminplanung, 7db447d) and
// 2024-08-30 (github.com/gematik/spec-ISiK-Basismodul, ca8e7cd).
const (
	terminplanung = "ISiK Terminplanung 4.0.0"
	basismodul    = "ISiK Basismodul 4.0.0"
	profilesRoot  = "https://gematik.de/fhir/isik/StructureDefinition/"
)

// demand is one of a profile's: in each of what stands before the last dot, the
// element is there at least min and at most max times (0: as often as it likes),
// and each time holds, where that is given.
type demand struct {
	element  string
	min, max int
	holds    func(value any) bool
}

// shape is a profile in our own words.
type shape struct {
	module, profile, kind string
	demands               []demand
	whole                 func(o object) bool
}

func oneOf(words ...string) func(any) bool {
	return func(value any) bool {
		text, _ := value.(string)
		return slices.Contains(words, text)
	}
}

func to(kinds ...string) func(any) bool {
	return func(value any) bool {
		kind, name, found := strings.Cut(fmt.Sprint(value), "/")
		return found && name != "" && slices.Contains(kinds, kind)
	}
}

// practiceSetting holds of a coding in IHE Germany's value set of practice
// settings, to which all three profiles bind the specialty.
func practiceSetting(value any) bool {
	codes := map[string][]string{
		"http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen":      {"ALLG", "MZKH", "AUGE", "FRAU"},
		"http://ihe-d.de/CodeSystems/NichtaerztlicheFachrichtungen": {"PST"},
	}
	return slices.Contains(codes[fmt.Sprint(at(value, "system"))], fmt.Sprint(at(value, "code")))
}

func startsBeforeItEnds(o object) bool { return fmt.Sprint(o["start"]) <= fmt.Sprint(o["end"]) }

// shapes are those of what we answer with.
func shapes() []shape {
	specialty := []demand{{"specialty", 1, 0, nil}, {"specialty.coding", 1, 0, practiceSetting}}
	return []shape{
		{terminplanung, "ISiKKalender", "Schedule", append([]demand{
			{"active", 1, 1, nil}, {"serviceType", 1, 0, nil}, {"serviceType.coding.code", 1, 1, nil}, {"actor", 1, 0, nil}, {"actor.display", 1, 1, nil},
			{"actor.reference", 1, 1, to("Practitioner", "HealthcareService", "Location")},
			{"extension.url", 1, 1, oneOf("http://hl7.org/fhir/5.0/StructureDefinition/extension-Schedule.name")}, {"extension.valueString", 1, 1, nil},
		}, specialty...), nil},
		{terminplanung, "ISiKTerminblock", "Slot", []demand{
			{"schedule", 1, 1, nil}, {"schedule.reference", 1, 1, to("Schedule")}, {"start", 1, 1, nil}, {"end", 1, 1, nil},
			{"status", 1, 1, oneOf("busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error")},
		}, startsBeforeItEnds},
		{terminplanung, "ISiKMedizinischeBehandlungseinheit", "HealthcareService", append([]demand{
			{"active", 1, 1, nil}, {"type", 1, 0, nil}, {"type.coding.code", 1, 1, nil}, {"name", 1, 1, nil},
		}, specialty...), nil},
		{terminplanung, "ISiKTermin", "Appointment", append([]demand{
			{"status", 1, 1, oneOf("proposed", "pending", "booked", "cancelled")}, {"start", 1, 1, nil}, {"end", 1, 1, nil},
			{"slot", 1, 0, nil}, {"slot.reference", 1, 1, to("Slot")}, {"serviceType", 1, 0, nil},
			{"meta.tag.system", 1, 1, oneOf("http://fhir.de/CodeSystem/common-meta-tag-de")}, {"meta.tag.code", 1, 1, oneOf("external")},
			{"participant", 1, 0, nil}, {"participant.actor", 1, 1, nil}, {"participant.actor.display", 1, 1, nil}, {"participant.actor.reference", 1, 1, nil},
			{"participant.status", 1, 1, oneOf("accepted", "declined", "tentative", "needs-action")},
		}, specialty...), func(o object) bool {
			patients := 0
			for _, reference := range within(o, "participant.actor.reference") {
				if to("Patient")(reference) {
					patients++
				}
			}
			return patients > 0 && startsBeforeItEnds(o)
		}},
		{basismodul, "ISiKPersonImGesundheitsberuf", "Practitioner", []demand{
			{"identifier", 1, 0, nil}, {"identifier.system", 1, 1, nil}, {"identifier.value", 1, 1, nil},
			{"name", 1, 1, nil}, {"name.use", 1, 1, oneOf("official")}, {"name.family", 1, 1, nil}, {"name.given", 1, 0, nil},
		}, nil},
		{basismodul, "ISiKStandort", "Location", []demand{
			{"mode", 1, 1, oneOf("instance")}, {"physicalType", 1, 1, nil}, {"managingOrganization", 1, 1, nil}, {"name", 1, 1, nil},
			{"physicalType.coding.system", 1, 1, oneOf("http://terminology.hl7.org/CodeSystem/location-physical-type")},
		}, nil},
		{basismodul, "ISiKCodeSystem", "CodeSystem", []demand{
			{"url", 1, 1, nil}, {"version", 1, 1, nil}, {"name", 1, 1, nil}, {"status", 1, 1, nil}, {"content", 1, 1, nil},
			{"concept", 1, 0, nil}, {"concept.code", 1, 1, nil}, {"concept.display", 1, 1, nil},
		}, nil},
	}
}

// within are all values at a path; lists on the way are gone through.
func within(value any, path string) []any {
	found := []any{value}
	for step := range strings.SplitSeq(path, ".") {
		var next []any
		for _, one := range found {
			o, _ := one.(object)
			switch x := o[step].(type) {
			case nil:
			case []any:
				next = append(next, x...)
			default:
				next = append(next, x)
			}
		}
		found = next
	}
	return found
}

// complaints are what a resource lacks of a shape.
func (s shape) complaints(o object) (all []string) {
	say := func(format string, a ...any) {
		all = append(all, s.profile+" ("+s.module+"): "+fmt.Sprintf(format, a...))
	}
	if o["resourceType"] != s.kind {
		say("it is a %v", o["resourceType"])
	}
	if !slices.Contains(within(o, "meta.profile"), any(profilesRoot+s.profile)) {
		say("it does not claim the profile")
	}
	for _, d := range s.demands {
		parents, last := []any{o}, d.element
		if i := strings.LastIndex(d.element, "."); i >= 0 {
			parents, last = within(o, d.element[:i]), d.element[i+1:]
		}
		for _, parent := range parents {
			values := within(parent, last)
			if len(values) < d.min || d.max > 0 && len(values) > d.max {
				say("%s is there %d times", d.element, len(values))
			}
			for _, value := range values {
				if d.holds != nil && !d.holds(value) {
					say("%s may not be %v", d.element, value)
				}
			}
		}
	}
	if s.whole != nil && !s.whole(o) {
		say("a rule of the whole resource is broken: %v", o)
	}
	return all
}

func shaped(t *testing.T, profile string, found ...object) {
	t.Helper()
	i := slices.IndexFunc(shapes(), func(s shape) bool { return s.profile == profile })
	if len(found) == 0 || i < 0 {
		t.Errorf("%s: nothing to look at", profile)
		return
	}
	for _, o := range found {
		for _, complaint := range shapes()[i].complaints(o) {
			t.Error(complaint)
		}
	}
}

func TestAShapeFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	whole := func() object {
		return object{
			"resourceType": "Slot", "meta": object{"profile": []any{profilesRoot + "ISiKTerminblock"}}, "status": "free",
			"schedule": object{"reference": "Schedule/1"}, "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:15:00Z",
		}
	}
	slot := shapes()[1]
	if found := slot.complaints(whole()); found != nil {
		t.Fatal(found)
	}
	for name, spoil := range map[string]func(o object){
		"NoStart": func(o object) { delete(o, "start") }, "NoProfile": func(o object) { delete(o, "meta") },
		"NoReference": func(o object) { o["schedule"] = object{"display": "x"} }, "OfAnother": func(o object) { o["schedule"] = object{"reference": "Slot/1"} },
		"NoSuchStatus": func(o object) { o["status"] = "open" }, "Backwards": func(o object) { o["end"] = "2026-12-01T08:00:00Z" },
		"AnotherKind": func(o object) { o["resourceType"] = "Schedule" },
	} {
		o := whole()
		spoil(o)
		if found := slot.complaints(o); len(found) == 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestWhatIsOfferedHasTheShapesOfISiKsProfiles(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.edit(t, practice.Practitioner{ID: h.Practitioner, Name: "Dr. med. Jana von Sommer", Role: "Hausärztin"})
	all := func(path string) []object { return h.get(t, path).resources("match") }
	schedules, services := all("Schedule"), all("HealthcareService")
	shaped(t, "ISiKKalender", schedules...)
	shaped(t, "ISiKTerminblock", all("Slot?_count=20")...)
	shaped(t, "ISiKMedizinischeBehandlungseinheit", services...)
	shaped(t, "ISiKPersonImGesundheitsberuf", all("Practitioner?given=jana&family=von")...)
	shaped(t, "ISiKStandort", all("Location")...)
	shaped(t, "ISiKCodeSystem", all("CodeSystem")...)

	t.Run("WhoHasNoGivenNameDoesNotClaimTheProfile", func(t *testing.T) {
		group := all("Practitioner?_id=" + h.Group.UUID())[0]
		if at(group, "meta") != nil || at(group, "name", 0, "_given", 0, "extension", 0, "valueCode") != "unknown" || at(group, "name", 0, "text") != "Gruppe" {
			t.Errorf("%v", group)
		}
	})
	t.Run("PeopleAreSearchedByTheirParts", func(t *testing.T) {
		for query, want := range map[string]int{"family=Sommer": 0, "family=von%20Som": 1, "given=Jan": 1, "given=Dr": 0, "identifier=" + h.Group.UUID(): 1,
			"identifier=urn:siegel:practitioner%7C" + h.Group.UUID(): 1, "identifier=x": 0} {
			if got := len(all("Practitioner?" + query)); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
	})
	t.Run("TheTypesAreTheSameEverywhereAndTheirCodesAreShown", func(t *testing.T) {
		const usage = "CodeSystem?context-type-value=https://gematik.de/fhir/isik/CodeSystem/ContextType%7CResourceUsage$http://hl7.org/fhir/resource-types%7C"
		known := within(all(usage + "HealthcareService")[0], "concept.code")
		for _, s := range services {
			if !slices.Contains(known, at(s, "type", 0, "coding", 0, "code")) {
				t.Errorf("the code of %v is shown nowhere", s["name"])
			}
		}
		for _, s := range schedules {
			if !slices.Contains(known, at(s, "serviceType", 0, "coding", 0, "code")) {
				t.Errorf("the code of %v is shown nowhere", s["id"])
			}
		}
		if len(all(usage+"Schedule")) != 1 || len(all(usage+"Patient")) != 0 || len(all("CodeSystem?url=urn:siegel:service")) != 1 {
			t.Error("it is not found by what uses it")
		}
	})
	t.Run("CalendarsComeWithWhatTheyAreOf", func(t *testing.T) {
		for path, want := range map[string]int{"HealthcareService?_id=" + h.Quarter.UUID(): 1, "Practitioner?_id=" + h.Practitioner.UUID(): 2, "Location": 3} {
			sign := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
			if got := h.get(t, path+sign+"_revinclude=Schedule:actor").resources("include"); len(got) != want {
				t.Errorf("%s: %d calendars, want %d", path, len(got), want)
			}
			if got := h.get(t, path).resources("include"); len(got) != 0 {
				t.Errorf("%s: not asked for, and %d come", path, len(got))
			}
		}
	})
}

// What gematik's capability statement of the module demands of a server (SHALL),
// with how we differ: an empty reason is that we do not.
func TestTheStatementSaysWhatISiKDemandsOrREADMESaysWhyNot(t *testing.T) {
	t.Parallel()
	h := open(t)
	statement := h.get(t, "metadata").body
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if at(statement, "kind") != "instance" || at(statement, "software", "name") != "Siegel" || fmt.Sprint(at(statement, "software", "version")) == "<nil>" ||
		!slices.Contains(within(statement, "format"), any("application/fhir+json")) {
		t.Errorf("an instance says its software, version and format: %v", statement["software"])
	}
	claimed := map[string]bool{}
	for _, r := range within(statement, "rest.resource") {
		kind := fmt.Sprint(at(r, "type"))
		for what, path := range map[string]string{"": "interaction.code", "profile ": "supportedProfile", "_include=": "searchInclude", "_revinclude=": "searchRevInclude", "operation ": "operation.definition"} {
			for _, value := range within(r, path) {
				claimed[kind+" "+what+strings.TrimPrefix(fmt.Sprint(value), profilesRoot)] = true
			}
		}
		for _, p := range within(r, "searchParam") {
			claimed[kind+"?"+fmt.Sprint(at(p, "name"))+" "+fmt.Sprint(at(p, "type"))] = true
			if definition := fmt.Sprint(at(p, "definition")); !strings.HasPrefix(definition, "http://hl7.org/fhir/SearchParameter/") {
				t.Errorf("%s has a parameter defined by %s", kind, definition)
			}
		}
	}
	demands := []string{"Appointment profile ISiKTermin", "Appointment operation https://gematik.de/fhir/isik/OperationDefinition/AppointmentBook",
		"Schedule profile ISiKKalender", "Schedule _include=Schedule:actor", "Schedule _revinclude=Slot:schedule",
		"Slot profile ISiKTerminblock", "Slot _include=Slot:schedule", "HealthcareService profile ISiKMedizinischeBehandlungseinheit", "HealthcareService _revinclude=Schedule:actor"}
	for kind, params := range map[string][]string{
		"Schedule":          {"_id token", "active token", "service-type token", "specialty token", "actor reference"},
		"Slot":              {"_id token", "schedule reference", "status token", "start date"},
		"HealthcareService": {"_id token", "active token", "service-type token", "specialty token", "name string"},
		// Of the Basismodul, for those whom a calendar is of.
		"Practitioner": {"_id token", "identifier token", "family string", "given string"},
	} {
		demands = append(demands, kind+" read", kind+" search-type")
		for _, p := range params {
			demands = append(demands, kind+"?"+p)
		}
	}
	for _, d := range demands {
		if !claimed[d] {
			t.Errorf("%s demands %s", terminplanung, d)
		}
	}
	// Where we differ, both languages of the README say so, and we do not claim it.
	for what, claims := range map[string][]string{
		"`Appointment`: read, search, PATCH": {"Appointment read", "Appointment search-type", "Appointment patch"},
		"`Patient`: create":                  {"Patient create", "Patient read"},
		"`_revinclude=Appointment:slot`":     {"Slot _revinclude=Appointment:slot"},
		"`_revinclude=Appointment:actor`":    {"HealthcareService _revinclude=Appointment:actor"},
		"`application/fhir+xml`":             nil,
		"`Prefer: respond-async`":            nil,
	} {
		if n := strings.Count(string(readme), what); n != 2 {
			t.Errorf("README.md says %d times how we differ: %s", n, what)
		}
		for _, c := range claims {
			if claimed[c] {
				t.Errorf("claimed, and not so: %s", c)
			}
		}
	}
	if slices.Contains(within(statement, "format"), any("application/fhir+xml")) {
		t.Error("XML is claimed")
	}
}

// The operation's rules, and its answers in the shape of the module's examples.
func TestBookingAnswersAsISiKsOperationDemands(t *testing.T) {
	t.Parallel()
	h := open(t)
	offer, err := h.Practice.Rules(t.Context(), h.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	half, _ := offer.Service(h.Half)
	half.ByStaff = true
	h.edit(t, half)
	quarter, _ := offer.Service(h.Quarter)
	quarter.Instructions = "Bitte nüchtern erscheinen."
	h.edit(t, quarter)
	c := h.machine()

	a := c.hold(t, h.slot(t, tenanttest.At(3, 9, 0)))
	shaped(t, "ISiKTermin", a.appointment)
	t.Run("201WhereItIsBooked", func(t *testing.T) {
		got := c.post(t, "book", a.order())
		if got.status != http.StatusCreated || got.body["status"] != "booked" || got.body["id"] == nil || at(got.body, "slot", 0, "reference") != at(a.appointment, "slot", 0, "reference") ||
			got.body["patientInstruction"] != "Bitte nüchtern erscheinen." {
			t.Errorf("%d %s", got.status, got.text)
		}
		shaped(t, "ISiKTermin", got.body)
	})
	t.Run("202WhereItWaits", func(t *testing.T) {
		calendar := h.get(t, "Schedule?actor=HealthcareService/"+h.Half.UUID()).resources("match")[0]["id"].(string)
		free := h.get(t, "Slot?schedule=Schedule/"+calendar+"&status=free&start=ge"+tenanttest.At(4, 0, 0).UTC().Format("2006-01-02")).resources("match")
		waits := c.hold(t, free[0]["id"].(string))
		got := c.post(t, "book", waits.order())
		if got.status != http.StatusAccepted || got.body["status"] != "pending" {
			t.Errorf("%d %s", got.status, got.text)
		}
		shaped(t, "ISiKTermin", got.body)
	})
	t.Run("400WhereItCannotBeRead", func(t *testing.T) {
		for _, body := range []string{`{"resourceType":"Parameters","parameter":[`, `{"resourceType":"Slot"}`, `[]`} {
			if got := c.post(t, "book", body); got.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", body, got.status, got.text)
			}
		}
	})
	t.Run("422WhereItMayNotBe", func(t *testing.T) {
		b := c.hold(t, h.slot(t, tenanttest.At(3, 12, 0)))
		with := func(change object) object {
			o := maps.Clone(b.appointment)
			maps.Copy(o, change)
			return b.order(object{"name": "appt-resource", "resource": o})
		}
		// As the module's example is: a bare Appointment that names a patient.
		example := object{"resourceType": "Appointment", "status": "proposed", "start": "2026-12-10T09:00:00Z", "end": "2026-12-10T09:30:00Z",
			"slot": []object{{"reference": "Slot/x"}}, "participant": []object{{"actor": object{"reference": "Patient/x", "display": "Test Patient"}, "status": "accepted"}}}
		for name, body := range map[string]any{
			"NotProposed":    with(object{"status": "booked"}),
			"UnknownType":    with(object{"serviceType": []object{{"coding": []object{{"system": "urn:siegel:service", "code": id.New[id.Service]().UUID()}}}}}),
			"UnknownSlot":    with(object{"slot": []object{{"reference": "Slot/x"}}}),
			"AnotherEnd":     with(object{"end": "2026-01-01T00:00:00Z"}),
			"BareAsInISiK":   example,
			"PriorityInside": with(object{"_priority": object{"extension": []object{{"url": profilesRoot + "ISiKTerminPriorityExtension"}}}}),
		} {
			if got := c.post(t, "book", body); got.status != http.StatusUnprocessableEntity || got.body["resourceType"] != "OperationOutcome" {
				t.Errorf("%s: %d %s", name, got.status, got.text)
			}
		}
	})
	t.Run("CancelledApptIDNamesWhatItReplaces", func(t *testing.T) {
		b := c.hold(t, h.slot(t, tenanttest.At(3, 13, 0)))
		old := c.post(t, "book", b.order()).body["id"].(string)
		to := c.hold(t, h.slot(t, tenanttest.At(5, 13, 0)))
		to.form.Secret = b.form.Secret
		got := c.post(t, "book", to.order(object{"name": "sealed"}, object{"name": "cancelled-appt-id", "valueUri": "http://" + office + "/fhir/R4/Appointment/" + old}))
		if got.status != http.StatusCreated || at(got.body, "extension", 0, "url") != "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.replaces" ||
			at(got.body, "extension", 0, "valueReference", "reference") != "Appointment/"+old {
			t.Errorf("%d %s", got.status, got.text)
		}
		shaped(t, "ISiKTermin", got.body)
		if n := h.count(t, "appointment where status = 'cancelled' and cancelled_by = 'moved'"); n != 1 {
			t.Errorf("%d have ended", n)
		}
	})
	t.Run("WhatWeDoNotSpeakIsRefusedAndNotIgnored", func(t *testing.T) {
		got := c.ask(t, http.MethodGet, office, "/fhir/R4/Appointment/"+a.appointment["id"].(string), nil, "Authorization", "Bearer "+h.secret)
		if got.status != http.StatusNotFound {
			t.Errorf("read: %d %s", got.status, got.text)
		}
		if got := c.ask(t, http.MethodGet, patients, "/fhir/R4/Schedule", nil, "Accept", "application/fhir+xml"); got.status != http.StatusNotAcceptable {
			t.Errorf("XML: %d", got.status)
		}
	})
}
