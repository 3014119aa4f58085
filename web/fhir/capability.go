package fhir

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"siegel/platform/release"
)

// changed is when what the face can do was last changed.
const changed = "2026-11-22"

const sealedSaid = `People are known to the practice alone. No Patient can be read, searched or written here, and nothing personal is taken in readable form: ` +
	`who books travels as an encrypted Binary (contentType ` + envelopeMedia + `) that only the practice opens, in its office or by its connector. ` +
	`An Appointment that names, describes or comments anybody is refused with 422. ` +
	`How to seal, step by step: web/fhir/README.md of the source.`

const bookSaid = `$hold takes a slot out of sale for ten minutes and says the booking's identifier, which what is sealed is bound to. ` +
	`$book then takes Parameters: appt-resource (what $hold answered), hold (its token), sealed and copy (Binary), secret; on the patients' host also address, to which the request to confirm goes. ` +
	`202: it waits for the patient, or for the practice; 201: it counts; the same request may be sent again at any time and is answered with how it stands. ` +
	`With cancelled-appt-id the old appointment ends and the new one begins together, or neither does.`

// profiles are gematik's that what can be searched keeps to: of ISiK
// Terminplanung 4.0.0, and for people, places and codes of ISiK Basismodul 4.0.0.
// A trade without a code of theirs meets none of the first (README.md).
func profiles() map[string]string {
	return map[string]string{
		"Schedule": "ISiKKalender", "Slot": "ISiKTerminblock", "HealthcareService": "ISiKMedizinischeBehandlungseinheit",
		"Practitioner": "ISiKPersonImGesundheitsberuf", "Location": "ISiKStandort", "CodeSystem": "ISiKCodeSystem",
	}
}

// definition is the name of FHIR R4's definition of a search parameter.
func definition(kind, name string) string {
	of := kind + "-" + name
	switch {
	case name == "_id":
		of = "Resource-id"
	case name == "family" || name == "given":
		of = "individual-" + name
	case kind == "CodeSystem":
		of = "conformance-" + name
	}
	return "http://hl7.org/fhir/SearchParameter/" + of
}

// metadata answers with the CapabilityStatement.
func (f *face) metadata(r *request) (int, any, error) {
	var resources []any
	for _, k := range f.kinds() {
		o := object{"type": k.name, "interaction": []any{object{"code": "read"}, object{"code": "search-type"}}, "versioning": "no-version"}
		var params []any
		for _, name := range slices.Sorted(maps.Keys(k.params)) {
			params = append(params, object{"name": name, "type": k.params[name], "definition": definition(k.name, name)})
		}
		o["searchParam"] = params
		if profile := profiles()[k.name]; profile != "" {
			o["supportedProfile"] = []any{isik + profile}
		}
		if k.includes != nil {
			o["searchInclude"] = k.includes
		}
		if k.reverse != nil {
			o["searchRevInclude"] = k.reverse
		}
		if k.name == "Slot" {
			o["documentation"] = "What is free, as patients see it, for each group that it is offered to (extension urn:siegel:condition). From now on; without an end four weeks. What is taken is not listed; read by its id it is busy, and gone once it is over."
		}
		resources = append(resources, o)
	}
	resources = append(resources,
		object{"type": "Appointment", "supportedProfile": []any{isik + "ISiKTermin"}, "documentation": bookSaid, "operation": []any{
			object{"name": "hold", "definition": r.base + "/OperationDefinition/hold", "documentation": "Takes a slot out of sale (IHE ITI-116)."},
			object{"name": "book", "definition": "https://gematik.de/fhir/isik/OperationDefinition/AppointmentBook", "documentation": bookSaid},
		}},
		object{"type": "Patient", "documentation": sealedSaid},
		object{"type": "Binary", "documentation": "Only inside the Parameters of $book: sealed (" + envelopeMedia + ") and copy (" + copyMedia + ")."},
	)
	return http.StatusOK, object{
		"resourceType": "CapabilityStatement", "status": "active", "date": changed, "kind": "instance", "fhirVersion": version,
		"software":       object{"name": "Siegel", "version": cmp.Or(release.Own(), "unreleased")},
		"implementation": object{"description": "Appointments of one practice", "url": r.base},
		"format":         []string{media, "json"},
		"rest": []any{object{
			"mode": "server", "documentation": sealedSaid,
			"security": object{"cors": false, "description": "On the patients' host the offer is public, and a booking waits for its patient. On the office's host everything but this statement wants Authorization: Bearer with a token of the scope appointments.book."},
			"resource": resources,
		}},
	}, nil
}
