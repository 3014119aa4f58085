package fhir

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// Names of ours and of others that say what a code or an identifier is of.
const (
	serviceSystem   = "urn:siegel:service"
	bookingSystem   = "urn:siegel:booking"
	reasonPrefix    = "urn:siegel:"
	practiceSystem  = "urn:siegel:practitioner"
	doctorsSystem   = "http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen"
	othersSystem    = "http://ihe-d.de/CodeSystems/NichtaerztlicheFachrichtungen"
	insuranceSystem = "http://fhir.de/CodeSystem/versicherungsart-de-basis"
	nameExtension   = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Schedule.name"
	replaces        = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.replaces"
	absent          = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
	places          = "http://terminology.hl7.org/CodeSystem/location-physical-type"
)

// view is a practice's offer as one request sees it.
type view struct {
	*practice.Offer
	// specialty is a CodeableConcept; nil where the trade has no code.
	specialty object
	schedules []calendar
}

// calendar is what a FHIR Schedule is here: a service with a practitioner at a
// location. Its id is made of those three, so that it stays the same.
type calendar struct {
	id           string
	service      practice.HealthcareService
	practitioner practice.Practitioner
	location     practice.Location
	plan         *practice.Plan
}

// specialties are our trades in the words of IHE Germany's practice settings,
// which ISiK demands: code system, code, display. Physiotherapy, hairdressing
// and whatever else takes appointments have none there.
func specialties() map[string][3]string {
	return map[string][3]string{
		"general_practice": {doctorsSystem, "ALLG", "Allgemeinmedizin"},
		"dentist":          {doctorsSystem, "MZKH", "Zahnmedizin"},
		"ophthalmology":    {doctorsSystem, "AUGE", "Augenheilkunde"},
		"gynaecology":      {doctorsSystem, "FRAU", "Frauenheilkunde und Geburtshilfe"},
		"psychotherapy":    {othersSystem, "PST", "Psychotherapie"},
	}
}

func (f *face) view(r *request) (*view, error) {
	tenant := r.Tenant.ID
	offer, err := f.Practice.Offer(r.ctx, tenant)
	if err != nil {
		return nil, err
	}
	trade, err := f.Specialty(r.ctx, tenant)
	if err != nil {
		return nil, err
	}
	v := &view{Offer: offer}
	if code, ok := specialties()[trade]; ok {
		v.specialty = concept(code[0], code[1], code[2])
	}
	for _, service := range offer.Services {
		for _, who := range service.Practitioners {
			plan, err := offer.Plan(service.ID, who)
			if err != nil {
				continue // who does not offer it after all
			}
			practitioner, ok := offer.Practitioner(who)
			if !ok {
				continue
			}
			v.add(calendar{service: service, practitioner: practitioner, plan: plan})
		}
	}
	return v, nil
}

// add adds a calendar for each location at which patients can book.
func (v *view) add(c calendar) {
	var seen []id.Location
	for i := range c.plan.Openings {
		o := &c.plan.Openings[i]
		if o.Staff || o.WalkIn || slices.Contains(seen, o.Location) {
			continue
		}
		seen = append(seen, o.Location)
		var ok bool
		if c.location, ok = v.Location(o.Location); !ok {
			continue
		}
		hash := sha256.Sum256([]byte("schedule|" + c.service.ID.UUID() + "|" + c.practitioner.ID.UUID() + "|" + c.location.ID.UUID()))
		c.id = hex.EncodeToString(hash[:16])
		v.schedules = append(v.schedules, c)
	}
}

// calendar finds a calendar by its id.
func (v *view) calendar(id string) (calendar, bool) {
	i := slices.IndexFunc(v.schedules, func(c calendar) bool { return c.id == id })
	if i < 0 {
		return calendar{}, false
	}
	return v.schedules[i], true
}

// of says of a practitioner, service or location that the calendar is theirs.
func (c calendar) of(o object) bool {
	switch name := o["id"]; o["resourceType"] {
	case "Practitioner":
		return name == c.practitioner.ID.UUID()
	case "HealthcareService":
		return name == c.service.ID.UUID()
	case "Location":
		return name == c.location.ID.UUID()
	}
	return false
}

func concept(system, code, display string) object {
	return object{"coding": []any{object{"system": system, "code": code, "display": display}}, "text": display}
}

func reference(kind, id, display string) object {
	return object{"reference": kind + "/" + id, "display": display}
}

func (c calendar) serviceType() object {
	return concept(serviceSystem, c.service.ID.UUID(), c.service.Name)
}

// classified adds what kind of work it is, and with that claims the profile:
// without a specialty none of ISiK's is met.
func (v *view) classified(profile string, o object) object {
	if v.specialty != nil {
		o["specialty"] = []any{v.specialty}
		claim(o, profile)
	}
	return o
}

// isik is where the names of gematik's profiles begin.
const isik = "https://gematik.de/fhir/isik/StructureDefinition/"

// claim adds that a resource keeps to a profile of gematik's.
func claim(o object, profile string) {
	meta, _ := o["meta"].(object)
	if meta == nil {
		meta = object{}
	}
	meta["profile"] = []any{isik + profile}
	o["meta"] = meta
}

// resource writes the calendar as a Schedule (ISiKKalender).
func (c calendar) resource(v *view) object {
	return v.classified("ISiKKalender", object{
		"resourceType": "Schedule", "id": c.id, "active": true,
		"extension":   []any{object{"url": nameExtension, "valueString": c.service.Name + " · " + c.practitioner.Name}},
		"serviceType": []any{c.serviceType()},
		"actor": []any{
			reference("Practitioner", c.practitioner.ID.UUID(), c.practitioner.Name),
			reference("HealthcareService", c.service.ID.UUID(), c.service.Name),
			reference("Location", c.location.ID.UUID(), c.location.Name),
		},
	})
}

// service writes what can be booked (ISiKMedizinischeBehandlungseinheit).
func (v *view) service(s practice.HealthcareService) object {
	o := v.classified("ISiKMedizinischeBehandlungseinheit", object{
		"resourceType": "HealthcareService", "id": s.ID.UUID(), "active": true, "name": s.Name,
		"type":                []any{concept(serviceSystem, s.ID.UUID(), s.Name)},
		"appointmentRequired": true,
	})
	if s.Category != "" {
		o["category"] = []any{object{"text": s.Category}}
	}
	if s.Description != "" {
		o["comment"] = s.Description
	}
	if s.Instructions != "" {
		o["extraDetails"] = s.Instructions
	}
	var places []any
	for _, l := range v.Locations {
		if slices.ContainsFunc(v.schedules, func(c calendar) bool { return c.service.ID == s.ID && c.location.ID == l.ID }) {
			places = append(places, reference("Location", l.ID.UUID(), l.Name))
		}
	}
	if places != nil {
		o["location"] = places
	}
	return o
}

// practitioner writes who treats (ISiKPersonImGesundheitsberuf, as far as what a
// practice writes of somebody is the name of a person).
func (v *view) practitioner(p practice.Practitioner) object {
	name, whole := humanName(p.Name)
	o := object{"resourceType": "Practitioner", "id": p.ID.UUID(), "active": true, "name": []any{name},
		"identifier": []any{object{"system": practiceSystem, "value": p.ID.UUID()}}}
	if p.Role != "" {
		o["qualification"] = []any{object{"code": object{"text": p.Role}}}
	}
	if whole {
		claim(o, "ISiKPersonImGesundheitsberuf")
	}
	return o
}

// location writes where (ISiKStandort).
func (v *view) location(l practice.Location) object {
	o := object{"resourceType": "Location", "id": l.ID.UUID(), "status": "active", "mode": "instance", "name": l.Name,
		"physicalType":         concept(places, "si", "Site"),
		"managingOrganization": object{"type": "Organization", "display": v.Practice.Name}}
	claim(o, "ISiKStandort")
	address := object{}
	for key, value := range map[string]string{"postalCode": l.PostalCode, "city": l.City} {
		if value != "" {
			address[key] = value
		}
	}
	if l.Street != "" {
		address["line"] = []any{l.Street}
	}
	if len(address) > 0 {
		o["address"] = address
	}
	if l.Phone != "" {
		o["telecom"] = []any{object{"system": "phone", "value": l.Phone}}
	}
	if l.Access != "" {
		o["description"] = l.Access
	}
	return o
}

// condition writes for whom a slot is. The server checks none of it, since it
// never learns who books.
func condition(terms practice.Terms, who schedule.Who, code bool) []any {
	var parts []any
	part := func(url, kind string, value any) { parts = append(parts, object{"url": url, kind: value}) }
	for _, code := range who.Insurance.Codes() {
		part("insurance", "valueCoding", object{"system": insuranceSystem, "code": code})
	}
	if who.Patients != schedule.AllPatients {
		part("patients", "valueCode", who.Patients.String())
	}
	if terms.MinAge != nil {
		part("min-age", "valueInteger", *terms.MinAge)
	}
	if terms.MaxAge != nil {
		part("max-age", "valueInteger", *terms.MaxAge)
	}
	if terms.Referral {
		part("referral", "valueBoolean", true)
	}
	if terms.Referral && code {
		part("referral-code", "valueBoolean", true)
	}
	if terms.PriceCents != nil {
		part("price", "valueMoney", object{"value": float64(*terms.PriceCents) / 100, "currency": "EUR"})
	}
	if parts == nil {
		return nil
	}
	return []any{object{"url": reasonPrefix + "condition", "extension": parts}}
}

// within reports whether a text begins with what is looked for, whatever the
// case (FHIR search, type string).
func within(text, wanted string) bool {
	return len(text) >= len(wanted) && strings.HasPrefix(strings.ToLower(text), strings.ToLower(wanted))
}
