package fhir_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/tenants/tenanttest"
)

// Whoever reads all that was answered and stored finds these nowhere.
const name = "Lukáš Novák"

func TestAtThePatientsDoorABookingWaitsForItsPatient(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.patient()
	slot := h.slot(t, tenanttest.At(3, 9, 15))
	a := c.hold(t, slot)
	if at(a.appointment, "status") != "proposed" || at(a.appointment, "participant", 0, "actor", "display") != "versiegelt" {
		t.Errorf("held is %v", a.appointment)
	}
	address := object{"name": "address", "valueString": "lukas@novak.example"}
	for _, missing := range []string{"sealed", "copy", "secret", "hold"} {
		if got := c.post(t, "book", a.order(address, object{"name": missing})); got.status != 422 || !strings.HasSuffix(got.reason(), "_missing") {
			t.Errorf("without %s: %d %s", missing, got.status, got.reason())
		}
	}
	if got := c.post(t, "book", a.order()); got.status != 422 || got.reason() != "address_missing" {
		t.Fatalf("without an address: %d %s", got.status, got.text)
	}
	order := a.order(address)
	for range 2 { // the same twice is one
		got := c.post(t, "book", order)
		if got.status != http.StatusAccepted || got.body["status"] != "pending" || at(got.body, "identifier", 0, "value") != a.booking.UUID() {
			t.Fatalf("book: %d %s", got.status, got.text)
		}
	}
	if n := h.count(t, "appointment"); n != 0 {
		t.Fatalf("%d appointments before anybody confirmed", n)
	}
	if n := h.count(t, "outbox where kind = 'confirm_mail'"); n != 1 {
		t.Errorf("%d mails for one booking", n)
	}
	out, err := h.booking.ConfirmationToSend(t.Context(), h.Tenant.ID, base64.RawURLEncoding.EncodeToString(a.form.SecretHash[:]))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(out.Link, "#")
	_, code, _ = strings.Cut(code, ".")
	booked, err := h.booking.Confirm(t.Context(), h.Tenant.ID, a.form.Secret[:], code)
	if err != nil {
		t.Fatal(err)
	}
	got := c.post(t, "book", order)
	if got.status != http.StatusCreated || got.body["status"] != "booked" || got.body["id"] != booked.Appointment.UUID() {
		t.Errorf("asked again once it was confirmed: %d %s", got.status, got.text)
	}
}

func TestAMachinesBookingCountsAtOnceAndTheOfficeOpensIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.machine()
	slot := h.slot(t, tenanttest.At(3, 10, 0))
	a := c.hold(t, slot)
	if got := c.post(t, "book", a.order(object{"name": "address", "valueString": "lukas@novak.example"})); got.status != 422 || got.reason() != "personal_data" {
		t.Errorf("an address that nobody would use: %d %s", got.status, got.reason())
	}
	var first string
	for range 2 {
		got := c.post(t, "book", a.order())
		if got.status != http.StatusCreated || got.body["status"] != "booked" || at(got.body, "slot", 0, "reference") != "Slot/"+slot {
			t.Fatalf("book: %d %s", got.status, got.text)
		}
		if first == "" {
			first = got.body["id"].(string)
		}
		if got.body["id"] != first {
			t.Error("the same request made another appointment")
		}
	}
	for what, want := range map[string]int{"appointment where status = 'booked'": 1, "occupation": 1, "envelope": 1, "patient_copy": 1, "outbox where kind like '%mail%'": 0} {
		if n := h.count(t, what); n != want {
			t.Errorf("%d in %s, want %d", n, what, want)
		}
	}
	var envelope seal.Envelope
	entries := h.entries(t)
	if len(entries) != 1 || entries[0].Envelope == nil {
		t.Fatalf("the office sees %+v", entries)
	}
	envelope = *entries[0].Envelope
	if plain, err := seal.Open(h.dataKey(t), envelope, a.booking.UUID()); err != nil || !strings.Contains(string(plain), `"note"`) {
		t.Errorf("it does not open: %s, %v", plain, err)
	}
	if got := h.get(t, "Slot/"+slot); got.body["status"] != "busy" {
		t.Errorf("the slot is %v", got.body["status"])
	}
	t.Run("NobodyBooksItTwice", func(t *testing.T) {
		for who, c := range map[string]caller{"Machine": h.machine(), "Patient": h.patient()} {
			if got := c.post(t, "hold", holding(slot, random(16))); got.status != http.StatusConflict || got.reason() != "slot_taken" {
				t.Errorf("%s: %d %s", who, got.status, got.reason())
			}
		}
	})
	t.Run("ASecretIsOfOneBooking", func(t *testing.T) {
		b := c.hold(t, h.slot(t, tenanttest.At(3, 11, 0)))
		got := c.post(t, "book", b.order(object{"name": "secret", "valueBase64Binary": b64(a.form.Secret[:])}))
		if got.status != 400 || got.reason() != "malformed_secret" {
			t.Errorf("%d %s", got.status, got.text)
		}
		if n := h.count(t, "appointment"); n != 1 {
			t.Errorf("%d appointments", n)
		}
	})
	t.Run("AHoldIsOfItsOwnSlot", func(t *testing.T) {
		b, other := c.hold(t, h.slot(t, tenanttest.At(4, 11, 0))), c.hold(t, h.slot(t, tenanttest.At(4, 12, 0)))
		if got := c.post(t, "book", b.order(object{"name": "hold", "valueBase64Binary": b64(other.token)})); got.status != http.StatusGone {
			t.Errorf("another's token: %d %s", got.status, got.text)
		}
		if got := c.post(t, "book", b.order(object{"name": "hold", "valueBase64Binary": b64(random(16))})); got.status != http.StatusGone {
			t.Errorf("a token of nothing: %d %s", got.status, got.text)
		}
		if n := h.count(t, "appointment"); n != 1 {
			t.Errorf("%d appointments", n)
		}
	})
}

func TestManyMachinesAtOnceGetOneAppointment(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.machine()
	slot := h.slot(t, tenanttest.At(5, 10, 0))
	a := c.hold(t, slot)
	order := a.order()
	var all sync.WaitGroup
	ids := make([]any, 8)
	for i := range ids {
		all.Go(func() {
			got := c.post(t, "book", order)
			if got.status == http.StatusCreated {
				ids[i] = got.body["id"]
			} else {
				ids[i] = got.text
			}
		})
	}
	all.Wait()
	for _, one := range ids {
		if one != ids[0] {
			t.Errorf("one request at the same time: %v and %v", ids[0], one)
		}
	}
	if n := h.count(t, "appointment"); n != 1 {
		t.Errorf("%d appointments", n)
	}
}

func TestMoving(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.machine()
	a := c.hold(t, h.slot(t, tenanttest.At(3, 10, 0)))
	old := c.post(t, "book", a.order()).body["id"].(string)
	envelope := h.entries(t)[0].Envelope.EnvelopeID

	newSlot := h.slot(t, tenanttest.At(4, 16, 0))
	b := c.hold(t, newSlot)
	b.form.Secret = a.form.Secret
	moving := func(id string, change ...object) object {
		return b.order(append([]object{{"name": "sealed"}, {"name": "cancelled-appt-id", "valueUri": id}}, change...)...)
	}
	t.Run("NeedsTheSecret", func(t *testing.T) {
		got := c.post(t, "book", moving("Appointment/"+old, object{"name": "secret", "valueBase64Binary": b64(random(16))}))
		if got.status != 422 || got.reason() != "unknown_appointment" {
			t.Errorf("%d %s", got.status, got.text)
		}
	})
	t.Run("NeedsTheRightAppointment", func(t *testing.T) {
		for _, id := range []string{old, "Appointment/" + a.booking.UUID(), "http://elsewhere.example/fhir/Appointment/" + old, "x"} {
			if got := c.post(t, "book", moving(id)); got.status != 422 || got.reason() != "unknown_appointment" {
				t.Errorf("%s: %d %s", id, got.status, got.text)
			}
		}
	})
	t.Run("SealsNothingAnew", func(t *testing.T) {
		if got := c.post(t, "book", b.order(object{"name": "cancelled-appt-id", "valueUri": "Appointment/" + old})); got.status != 422 || got.reason() != "sealed_stays" {
			t.Errorf("%d %s", got.status, got.text)
		}
	})
	if n := h.count(t, "appointment where status = 'booked'"); n != 1 {
		t.Fatalf("refused, and %d are booked", n)
	}
	for range 2 {
		got := c.post(t, "book", moving("http://"+office+"/fhir/R4/Appointment/"+old))
		if got.status != http.StatusCreated || got.body["status"] != "booked" || at(got.body, "extension", 0, "valueReference", "reference") != "Appointment/"+old ||
			at(got.body, "identifier", 0, "value") != a.booking.UUID() || got.body["id"] != b.appointment["id"] {
			t.Fatalf("%d %s", got.status, got.text)
		}
	}
	if n := h.count(t, "appointment where status = 'booked'"); n != 1 {
		t.Errorf("%d are booked", n)
	}
	if n := h.count(t, "appointment where status = 'cancelled' and cancelled_by = 'moved'"); n != 1 {
		t.Errorf("%d were moved", n)
	}
	for _, e := range h.entries(t) {
		if e.Status == "booked" && e.Envelope.EnvelopeID != envelope {
			t.Error("what was sealed is another's")
		}
	}
	if got := h.get(t, "Slot?start="+tenanttest.At(3, 10, 0).UTC().Format("2006-01-02T15:04Z")+"&schedule=Schedule/"+strings.Split(newSlot, "-")[0]); at(got.body, "total") != float64(1) {
		t.Errorf("the old time is not free again: %s", got.text)
	}
	t.Run("OrNothing", func(t *testing.T) {
		taken := c.hold(t, h.slot(t, tenanttest.At(6, 9, 0)))
		next := c.hold(t, h.slot(t, tenanttest.At(6, 10, 0)))
		// The hold is another's: neither the old ends nor the new begins.
		next.form.Secret = a.form.Secret
		order := next.order(object{"name": "sealed"}, object{"name": "hold", "valueBase64Binary": b64(taken.token)},
			object{"name": "cancelled-appt-id", "valueUri": "Appointment/" + b.appointment["id"].(string)})
		if got := c.post(t, "book", order); got.status != http.StatusGone {
			t.Errorf("%d %s", got.status, got.text)
		}
		if n := h.count(t, "appointment where status = 'booked'"); n != 1 {
			t.Errorf("%d are booked", n)
		}
	})
}

// Wherever a name could stand, it is refused, and comes back nowhere.
func TestNothingPersonalComesInReadable(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.patient()
	a := c.hold(t, h.slot(t, tenanttest.At(3, 9, 15)))
	with := func(change object) object {
		o := maps.Clone(a.appointment)
		maps.Copy(o, change)
		return a.order(object{"name": "appt-resource", "resource": o}, object{"name": "address", "valueString": "lukas@novak.example"})
	}
	person := object{"resourceType": "Patient", "name": []object{{"text": name}}}
	for place, body := range map[string]any{
		"PatientAlone":         person,
		"PatientAsParameter":   parameters(object{"name": "patient", "resource": person}),
		"PatientForAppt":       parameters(object{"name": "appt-resource", "resource": person}),
		"Contained":            with(object{"contained": []object{person}}),
		"Description":          with(object{"description": name}),
		"Comment":              with(object{"comment": name}),
		"PatientInstruction":   with(object{"patientInstruction": name}),
		"Narrative":            with(object{"text": object{"status": "generated", "div": "<div>" + name + "</div>"}}),
		"ReasonCode":           with(object{"reasonCode": []object{{"text": name}}}),
		"ServiceText":          with(object{"serviceType": []object{{"text": name}}}),
		"Identifier":           with(object{"identifier": []object{{"system": "urn:siegel:booking", "value": a.booking.UUID()}, {"value": name}}}),
		"Extension":            with(object{"extension": []object{{"url": "urn:siegel:expires", "valueString": name}}}),
		"ExtensionOfBirth":     with(object{"extension": []object{{"url": "urn:siegel:expires", "valueInstant": "1984-06-30T00:00:00Z"}}}),
		"ElementExtension":     with(object{"_status": object{"extension": []object{{"url": name}}}}),
		"Key":                  with(object{name: "x"}),
		"Number":               with(object{"minutesDuration": 19840630}),
		"Participant":          with(object{"participant": []object{{"actor": object{"reference": "Patient/example", "display": name}, "status": "accepted"}}}),
		"ParticipantDisplay":   with(object{"participant": []object{{"actor": object{"reference": "Patient/" + a.booking.UUID(), "display": name}, "status": "accepted"}}}),
		"PractitionerDisplay":  with(object{"participant": []object{{"actor": object{"reference": "Practitioner/" + h.Practitioner.UUID(), "display": name}, "status": "accepted"}}}),
		"ParticipantOutThere":  with(object{"participant": []object{{"actor": object{"reference": "https://kis.example/Patient/1"}, "status": "accepted"}}}),
		"ScheduleDisplay":      parameters(object{"name": "appt-resource", "resource": object{"resourceType": "Appointment", "status": "proposed"}}, object{"name": "schedule", "valueReference": object{"reference": "Schedule/1", "display": name}}),
		"SealedThatIsReadable": a.order(object{"name": "sealed", "resource": object{"resourceType": "Binary", "contentType": "application/fhir+json", "data": b64([]byte(name))}}),
		"SealedThatIsNoCipher": a.order(object{"name": "sealed", "resource": object{"resourceType": "Binary", "contentType": "application/vnd.siegel.envelope+json", "data": b64([]byte(`{"name":"` + name + `"}`))}}),
		"BinaryWithContext":    a.order(object{"name": "copy", "resource": object{"resourceType": "Binary", "contentType": "application/vnd.siegel.copy", "data": b64(a.form.Copy), "securityContext": object{"display": name}}}),
	} {
		t.Run(place, func(t *testing.T) {
			got := c.post(t, "book", body)
			if got.status != 422 && got.status != 400 {
				t.Errorf("%d %s", got.status, got.text)
			}
			for _, secret := range []string{name, "Lukáš", "1984", "kis.example"} {
				if strings.Contains(got.text, secret) {
					t.Errorf("it is repeated: %s", got.text)
				}
			}
		})
	}
	if n := h.count(t, "outbox"); n != 0 {
		t.Errorf("refused, and %d messages wait", n)
	}
	// The same without any of it goes through.
	if got := c.post(t, "book", a.order(object{"name": "address", "valueString": "lukas@novak.example"})); got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestHoldingByScheduleAndTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.machine()
	starts := tenanttest.At(3, 14, 30)
	schedule := strings.Split(h.slot(t, starts), "-")[0]
	order := func(start, end string) object {
		o := object{"resourceType": "Appointment", "status": "proposed", "start": start}
		if end != "" {
			o["end"] = end
		}
		return parameters(object{"name": "appt-resource", "resource": o}, object{"name": "schedule", "valueReference": object{"reference": "Schedule/" + schedule}},
			object{"name": "hold", "valueBase64Binary": b64(random(16))})
	}
	const form = "2006-01-02T15:04:05Z07:00"
	for start, want := range map[string]string{
		starts.AddDate(0, 0, -10).Format(form): "slot_not_offered", "morgen": "unknown_slot", starts.Format("2006-01-02T15:04:30Z07:00"): "unknown_slot",
	} {
		if got := c.post(t, "hold", order(start, "")); got.status != 422 || got.reason() != want {
			t.Errorf("%s: %d %s, want %s", start, got.status, got.reason(), want)
		}
	}
	if got := c.post(t, "hold", order(starts.Format(form), starts.AddDate(0, 0, 1).Format(form))); got.status != 422 {
		t.Errorf("another end: %d", got.status)
	}
	got := c.post(t, "hold", order(starts.Format(form), ""))
	if got.status != http.StatusCreated || at(got.body, "slot", 0, "reference") == nil {
		t.Errorf("%d %s", got.status, got.text)
	}
	text, _ := json.Marshal(got.body)
	if !strings.Contains(string(text), "needs-action") {
		t.Errorf("held, not accepted: %s", text)
	}
}

// What is offered to several groups at one time is a slot for each, which says
// for whom; its quota counts those who take it, and nobody else.
func TestASlotOfAGroupUsesUpItsQuota(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.edit(t, practice.Quota{ID: id.New[id.Quota](), Name: "Neue", Max: 1, Per: schedule.Day, Patients: schedule.NewPatients})
	c := h.machine()
	calendar := h.get(t, "Schedule?service-type="+h.Quarter.UUID()).resources("match")[0]["id"].(string)
	offeredAt := func(hour int) map[string]string {
		a := h.get(t, "Slot?schedule="+calendar+"&start="+tenanttest.At(3, hour, 0).UTC().Format("2006-01-02T15:04Z"))
		found := map[string]string{}
		for _, s := range a.resources("match") {
			who, _ := at(s, "extension", 0, "extension", 0, "valueCode").(string)
			found[who] = s["id"].(string)
		}
		return found
	}
	both := offeredAt(9)
	if len(both) != 2 || both["new"] == "" || both["known"] == "" || both["new"] == both["known"] {
		t.Fatalf("offered to %v", both)
	}
	body := parameters(object{"name": "appt-resource", "resource": object{"resourceType": "Appointment", "status": "proposed", "start": tenanttest.At(3, 9, 0).UTC().Format("2006-01-02T15:04:05Z07:00")}},
		object{"name": "schedule", "valueReference": object{"reference": "Schedule/" + calendar}}, object{"name": "hold", "valueBase64Binary": b64(random(16))})
	if got := c.post(t, "hold", body); got.status != 422 || got.reason() != "slot_not_named" {
		t.Errorf("held for nobody in particular: %d %s", got.status, got.text)
	}
	a := c.hold(t, both["new"])
	if got := c.post(t, "book", a.order()); got.status != http.StatusCreated || at(got.body, "slot", 0, "reference") != "Slot/"+both["new"] {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if n := h.count(t, "quota_use"); n != 1 {
		t.Errorf("%d are counted", n)
	}
	later := offeredAt(10)
	if later["new"] != "" || later["known"] == "" {
		t.Errorf("used up, and still offered to %v", later)
	}
	c.hold(t, later["known"])
	if n := h.count(t, "quota_use"); n != 1 {
		t.Errorf("%d are counted", n)
	}
}

func TestWhereStaffHasTheLastWordItIsARequest(t *testing.T) {
	t.Parallel()
	h := open(t)
	offer, err := h.Practice.Rules(t.Context(), h.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	quarter, _ := offer.Service(h.Quarter)
	quarter.ByStaff = true
	h.edit(t, quarter)
	c := h.machine()
	a := c.hold(t, h.slot(t, tenanttest.At(3, 9, 0)))
	got := c.post(t, "book", a.order())
	if got.status != http.StatusAccepted || got.body["status"] != "pending" {
		t.Fatalf("%d %s", got.status, got.text)
	}
	var appointment id.Appointment
	if err := appointment.UnmarshalText([]byte("apt_" + got.body["id"].(string))); err != nil {
		t.Fatal(err)
	}
	t.Run("AndIsMovedByNobodyElse", func(t *testing.T) {
		b := c.hold(t, h.slot(t, tenanttest.At(3, 12, 0)))
		b.form.Secret = a.form.Secret
		order := b.order(object{"name": "sealed"}, object{"name": "cancelled-appt-id", "valueUri": "Appointment/" + appointment.UUID()})
		if got := c.post(t, "book", order); got.status != http.StatusConflict || got.reason() != "move_by_staff" {
			t.Errorf("%d %s", got.status, got.text)
		}
	})
	if err := h.booking.Accept(t.Context(), h.Tenant.ID, appointment); err != nil {
		t.Fatal(err)
	}
	if got := c.post(t, "book", a.order()); got.status != http.StatusCreated || got.body["status"] != "booked" {
		t.Errorf("accepted: %d %s", got.status, got.text)
	}
	t.Run("DeclinedItIsOver", func(t *testing.T) {
		b := c.hold(t, h.slot(t, tenanttest.At(3, 13, 0)))
		got := c.post(t, "book", b.order())
		var other id.Appointment
		if err := other.UnmarshalText([]byte("apt_" + got.body["id"].(string))); err != nil {
			t.Fatal(err)
		}
		if err := h.booking.Decline(t.Context(), h.Tenant.ID, other); err != nil {
			t.Fatal(err)
		}
		if got := c.post(t, "book", b.order()); got.status != http.StatusConflict || got.reason() != "wrong_status" {
			t.Errorf("%d %s", got.status, got.text)
		}
	})
}
