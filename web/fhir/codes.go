package fhir

import (
	"slices"
	"strconv"
)

// codesID is the id of the only CodeSystem: the practice's services.
const codesID = "services"

// usage is how ISiK asks for the codes that a type of resource uses: a
// context-type-value of context type and value.
const usage = "https://gematik.de/fhir/isik/CodeSystem/ContextType|ResourceUsage$http://hl7.org/fhir/resource-types|"

// codedIn are the types in which a service's code stands.
func codedIn() []string { return []string{"HealthcareService", "Schedule", "Slot", "Appointment"} }

// codes writes the practice's services as the CodeSystem that their types are
// codes of (ISiKCodeSystem). It is a fragment: every practice's services are
// codes of the same system.
func (v *view) codes() object {
	var concepts, contexts []any
	for _, s := range v.Services {
		concepts = append(concepts, object{"code": s.ID.UUID(), "display": s.Name})
	}
	for _, kind := range codedIn() {
		contexts = append(contexts, object{
			"code":                 object{"system": "https://gematik.de/fhir/isik/CodeSystem/ContextType", "code": "ResourceUsage"},
			"valueCodeableConcept": object{"coding": []any{object{"system": "http://hl7.org/fhir/resource-types", "code": kind}}},
		})
	}
	o := object{
		"resourceType": "CodeSystem", "id": codesID, "url": serviceSystem, "version": strconv.FormatInt(v.Version, 10),
		"name": "SiegelServices", "status": "active", "content": "fragment", "caseSensitive": true, "useContext": contexts,
	}
	if concepts != nil {
		o["concept"] = concepts
		claim(o, "ISiKCodeSystem")
	}
	return o
}

func (f *face) findCodes(_ *request, v *view, q *query) (found []any, err error) {
	used := func(value string) bool {
		return slices.ContainsFunc(codedIn(), func(kind string) bool { return value == usage+kind })
	}
	if q.every("_id", token("", codesID)) && q.every("url", func(value string) bool { return value == serviceSystem }) &&
		q.every("context-type-value", used) {
		found = append(found, v.codes())
	}
	return found, nil
}
