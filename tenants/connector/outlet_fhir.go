package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// fhirPush puts Patient and Appointment (FHIR R4) on a server of the practice.
// Both have ids that are made of the booking: putting them again changes
// nothing.
type fhirPush struct {
	Outlet
	base   string
	client *http.Client
}

func newFHIR(o Outlet) (outlet, error) {
	u, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("url is none")
	}
	if u.Scheme == "http" && o.Token != "" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		return nil, errors.New("a token is not sent in the clear: url has to be https")
	}
	return &fhirPush{o, u.String(), &http.Client{Timeout: programTime, CheckRedirect: refuseRedirect}}, nil
}

func (f *fhirPush) name() string { return f.Name }
func (f *fhirPush) most() int    { return 1 }

func (*fhirPush) prepare([]Item) (json.RawMessage, error) { return nil, nil }

func (f *fhirPush) hand(ctx context.Context, items []Item, _ json.RawMessage, _ bool) error {
	for _, i := range items {
		patient, appointment := fhirResources(i)
		for _, put := range []struct {
			path     string
			resource any
		}{{"/Patient/" + fhirPatient(i), patient}, {"/Appointment/" + i.Booking, appointment}} {
			b, err := json.Marshal(put.resource)
			if err != nil {
				return err
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodPut, f.base+put.path, bytes.NewReader(b))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/fhir+json")
			r.Header.Set("Accept", "application/fhir+json")
			if f.Token != "" {
				r.Header.Set("Authorization", "Bearer "+f.Token)
			}
			if err := expect2xx(f.client.Do(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

type object map[string]any

// fhirSpace is for ids that are made of others.
var fhirSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:siegel:patient"))

// fhirPatient is the id of the booking's patient: one for each booking, since
// who they are, the practice decides.
func fhirPatient(i Item) string { return uuid.NewSHA1(fhirSpace, []byte(i.Booking)).String() }

func fhirResources(i Item) (patient, appointment object) {
	patient = object{
		"resourceType": "Patient", "id": fhirPatient(i),
		"identifier": []object{{"system": "urn:siegel:booking", "value": i.Booking}},
		"name":       []object{{"use": "official", "family": i.Family, "given": []string{i.Given}}},
	}
	if i.BirthDate != "" {
		patient["birthDate"] = i.BirthDate
	}
	if i.Gender != "" {
		patient["gender"] = i.Gender
	}
	var telecom []object
	if i.Phone != "" {
		telecom = append(telecom, object{"system": "phone", "value": i.Phone})
	}
	if i.Email != "" {
		telecom = append(telecom, object{"system": "email", "value": i.Email})
	}
	if telecom != nil {
		patient["telecom"] = telecom
	}
	status := i.Status
	if status == "" {
		status = "booked"
	}
	appointment = object{
		"resourceType": "Appointment", "id": i.Booking, "status": status,
		"identifier": []object{{"system": "urn:siegel:booking", "value": i.Booking}},
		"start":      i.Starts.UTC().Format(time.RFC3339), "end": i.Ends.UTC().Format(time.RFC3339),
		"serviceType": []object{{"text": i.Service}},
		"participant": []object{
			{"actor": object{"reference": "Patient/" + fhirPatient(i), "display": strings.TrimSpace(i.Family + ", " + i.Given)}, "status": "accepted"},
			{"actor": object{"display": i.Practitioner}, "status": "accepted"},
			{"actor": object{"display": i.Location}, "status": "accepted"},
		},
	}
	if i.Note != "" {
		appointment["comment"] = i.Note
	}
	return patient, appointment
}
