package fhir

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/registry"
	"siegel/web/server"
)

const (
	// envelopeMedia is a sealed form, the JSON of seal.Envelope; copyMedia the
	// patient's copy, in octets.
	envelopeMedia = "application/vnd.siegel.envelope+json"
	copyMedia     = "application/vnd.siegel.copy"
	// sealedWord is shown instead of who comes.
	sealedWord = "versiegelt"
)

// order is what $hold and $book are asked.
type order struct {
	appointment         map[string]any
	token, secret       []byte
	envelope            *seal.Envelope
	copy                []byte
	cancelled, schedule string
	address, language   string
	// request is the hash of the body: the same twice is one.
	request booking.Once
}

// machine reports whether a system of the practice's asks, with a token.
func (r *request) machine() bool { return r.Kind == registry.Office && !r.Token.ID.IsZero() }

// visitor is whom caps on holds are for. A machine books for many: what bounds
// it is its network, and how often its token may ask.
func (r *request) visitor(token []byte) booking.Visitor {
	browser := r.Visit
	if r.machine() {
		hash := sha256.Sum256(token)
		browser = "token " + r.Token.ID.UUID() + " " + base64.RawURLEncoding.EncodeToString(hash[:])
	}
	return booking.Visitor{Browser: browser, Address: r.Client}
}

func (r *request) invalid(reason, where, why string) error {
	return r.refuse(http.StatusUnprocessableEntity, reason, where, why)
}

func (r *request) malformed(where, why string) error {
	return r.refuse(http.StatusBadRequest, "malformed_body", where, why)
}

// order takes a body apart: Parameters, and nothing that it does not know.
func (r *request) order(operation string, wanted ...string) (*order, error) {
	if r.Kind != registry.Patients && !r.machine() {
		return nil, r.refuse(http.StatusUnauthorized, "signed_out", "", "no token")
	}
	body := r.c.Body()
	value, err := parse(body)
	root, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, r.malformed("", "expected a resource in JSON")
	}
	if textAt(root, "resourceType") == "Appointment" {
		return nil, r.invalid("parameters_needed", "Appointment", "who books comes sealed beside the Appointment: expected Parameters; see the capability statement")
	}
	if isPerson(root) {
		return nil, r.personal("Parameters")
	}
	if textAt(root, "resourceType") != "Parameters" {
		return nil, r.malformed("", "expected Parameters")
	}
	parts, ok := root["parameter"].([]any)
	if !ok || !onlyKeys(root, "resourceType", "parameter") {
		return nil, r.malformed("Parameters", "expected parameter and nothing else")
	}
	sum := sha256.Sum256(body)
	key := base64.RawURLEncoding.EncodeToString(sum[:])
	o := &order{request: booking.Once{Key: key, Request: server.RequestHash(key, operation, body)}}
	seen := map[string]bool{}
	for i, p := range parts {
		where := "Parameters.parameter[" + strconv.Itoa(i) + "]"
		part, _ := p.(map[string]any)
		name := textAt(part, "name")
		if resource, ok := part["resource"].(map[string]any); ok && isPerson(resource) {
			return nil, r.personal(where)
		}
		if !slices.Contains(wanted, name) || seen[name] || len(part) != 2 {
			return nil, r.malformed(where, "unknown here, twice, or not a name and one value")
		}
		seen[name] = true
		if err := r.part(o, where, name, part); err != nil {
			return nil, err
		}
	}
	if o.appointment == nil {
		return nil, r.malformed("Parameters", "appt-resource is missing")
	}
	return o, nil
}

// part reads one parameter.
func (r *request) part(o *order, where, name string, part map[string]any) (err error) {
	switch name {
	case "appt-resource":
		resource, _ := part["resource"].(map[string]any)
		if textAt(resource, "resourceType") != "Appointment" {
			return r.malformed(where, "expected an Appointment")
		}
		o.appointment = resource
	case "hold":
		o.token, err = octets(textAt(part, "valueBase64Binary"), 16)
	case "secret":
		o.secret, err = octets(textAt(part, "valueBase64Binary"), 16)
	case "sealed":
		var text []byte
		if text, err = binary(part, envelopeMedia); err == nil {
			var e seal.Envelope
			if e, err = seal.ParseEnvelope(text); err != nil {
				return err
			}
			o.envelope = &e
		}
	case "copy":
		o.copy, err = binary(part, copyMedia)
	case "cancelled-appt-id":
		o.cancelled = textAt(part, "valueUri")
	case "schedule":
		value, _ := part["valueReference"].(map[string]any)
		if !onlyKeys(value, "reference") {
			return r.malformed(where, "expected a reference and nothing else")
		}
		o.schedule = textAt(value, "reference")
	case "address":
		o.address = textAt(part, "valueString")
	case "language":
		o.language = textAt(part, "valueCode")
	}
	empty := name == "cancelled-appt-id" && o.cancelled == "" || name == "schedule" && o.schedule == "" || name == "address" && o.address == ""
	if err != nil || empty || len(o.address) > 254 || len(o.language) > 8 || len(o.cancelled) > 300 {
		return r.malformed(where, "not a value of this parameter")
	}
	return nil
}

func octets(text string, size int) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != size {
		return nil, errMalformed
	}
	return b, nil
}

// binary is the content of a Binary that says what it is, and nothing else.
func binary(part map[string]any, of string) ([]byte, error) {
	resource, _ := part["resource"].(map[string]any)
	if textAt(resource, "resourceType") != "Binary" || textAt(resource, "contentType") != of || !onlyKeys(resource, "resourceType", "contentType", "data") {
		return nil, errMalformed
	}
	return base64.StdEncoding.Strict().DecodeString(textAt(resource, "data"))
}

func onlyKeys(o map[string]any, known ...string) bool {
	for key := range o {
		if !slices.Contains(known, key) {
			return false
		}
	}
	return true
}

// isPerson says of a resource that it tells who somebody is.
func isPerson(o map[string]any) bool {
	return slices.Contains([]string{"Patient", "RelatedPerson", "Person"}, textAt(o, "resourceType"))
}

// personal refuses what would be readable here. Not a word of it is repeated.
func (r *request) personal(where string) error {
	return r.invalid("personal_data", where, "nothing personal may come in readable form: it belongs into the sealed Binary; an Appointment says only what the server has said")
}

// wanted is the slot that an Appointment names, by its slot or by the schedule
// and the start. Whether it is free, others decide.
func (r *request) wanted(v *view, o *order) (term, error) {
	a := o.appointment
	var c calendar
	var starts time.Time
	var group string
	var ok bool
	switch {
	case o.schedule == "" && a["slot"] != nil:
		c, starts, group, ok = v.named(r.local("Slot", textAt(only(a, "slot"), "reference")))
	case o.schedule != "" && a["slot"] == nil:
		if c, ok = v.calendar(r.local("Schedule", o.schedule)); ok {
			var err error
			starts, err = time.Parse(time.RFC3339, textAt(a, "start"))
			starts, ok = starts.UTC(), err == nil && starts.Nanosecond() == 0 && starts.Unix()%60 == 0
		}
	}
	if !ok {
		return term{}, r.invalid("unknown_slot", "Appointment.slot", "expected one slot of this practice, or schedule and Appointment.start")
	}
	t := term{calendar: c, starts: starts, ends: starts.Add(c.plan.Service.Duration), group: group}
	if text := textAt(a, "end"); text != "" {
		if end, err := time.Parse(time.RFC3339, text); err != nil || !end.Equal(t.ends) {
			return term{}, r.invalid("slot_not_offered", "Appointment.end", "the slot does not end then")
		}
	}
	return t, nil
}

// local is the id in a reference of a type to this practice; empty for any other.
func (r *request) local(kind, reference string) string {
	name, ok := strings.CutPrefix(strings.TrimPrefix(reference, r.base+"/"), kind+"/")
	if !ok || !isID(name) {
		return ""
	}
	return name
}

// appointment writes a slot with whom it is for. booked and name are the ids of
// the booking and of what it is now; zero before there is one.
func (t term) appointment(v *view, status string, booked id.Booking, name string) object {
	o := v.classified("ISiKTermin", object{
		"resourceType": "Appointment", "status": status,
		"meta":  object{"tag": []any{object{"system": "http://fhir.de/CodeSystem/common-meta-tag-de", "code": "external"}}},
		"start": stamp(t.starts), "end": stamp(t.ends),
		"serviceType": []any{t.serviceType()},
		"slot":        []any{object{"reference": "Slot/" + t.name()}},
	})
	accepted := "accepted"
	if status != booking.StatusBooked {
		accepted = "needs-action"
	}
	participants := []any{
		object{"actor": reference("Practitioner", t.practitioner.ID.UUID(), t.practitioner.Name), "status": accepted},
		object{"actor": reference("HealthcareService", t.service.ID.UUID(), t.service.Name), "status": accepted},
		object{"actor": reference("Location", t.location.ID.UUID(), t.location.Name), "status": accepted},
	}
	if !booked.IsZero() {
		o["identifier"] = []any{object{"system": bookingSystem, "value": booked.UUID()}}
		// Who it is, only the practice reads: the name is in its own systems.
		participants = append([]any{object{"actor": reference("Patient", booked.UUID(), sealedWord), "status": accepted}}, participants...)
	}
	if name != "" {
		o["id"] = name
	}
	if t.service.Instructions != "" {
		o["patientInstruction"] = t.service.Instructions
	}
	o["participant"] = participants
	return o
}

// keys are all that an Appointment from outside may have.
var keys = []string{"resourceType", "id", "meta", "tag", "profile", "identifier", "system", "value", "code", "display", "status", "start", "end",
	"serviceType", "specialty", "coding", "text", "slot", "reference", "type", "participant", "actor", "required", "extension", "url", "valueInstant", "patientInstruction"}

// says refuses an Appointment that says anything which the server has not said:
// each of its texts is one of the server's own, a code, or the same instant.
func (r *request) says(t term, own object, got map[string]any) error {
	known := map[string]bool{}
	for _, word := range []string{"Appointment", reasonPrefix + "expires", "proposed", "pending", "booked", "accepted", "tentative", "needs-action", "required", "optional", "information-only",
		"Patient", "Practitioner", "HealthcareService", "Location", isik + "ISiKTermin"} {
		known[word] = true
	}
	var learn func(any)
	learn = func(value any) {
		switch x := value.(type) {
		case object:
			for _, v := range x {
				learn(v)
			}
		case []any:
			for _, v := range x {
				learn(v)
			}
		case string:
			known[x] = true
		}
	}
	learn(own)
	var look func(where string, value any) error
	look = func(where string, value any) error {
		switch x := value.(type) {
		case map[string]any:
			for key, v := range x {
				if !slices.Contains(keys, key) {
					return r.personal(where)
				}
				if err := look(where+"."+key, v); err != nil {
					return err
				}
			}
		case []any:
			for i, v := range x {
				if err := look(where+"["+strconv.Itoa(i)+"]", v); err != nil {
					return err
				}
			}
		case string:
			if known[x] || known[strings.TrimPrefix(x, r.base+"/")] {
				return nil
			}
			// The other instant that an Appointment of ours has is when a hold ends.
			soon := func(at time.Time) bool {
				return strings.HasSuffix(where, ".valueInstant") && time.Until(at).Abs() < booking.PendingByMail
			}
			if at, err := time.Parse(time.RFC3339, x); err == nil && (at.Equal(t.starts) || at.Equal(t.ends) || soon(at)) {
				return nil
			}
			return r.personal(where)
		default: // numbers, and what is true or false: none is needed
			return r.personal(where)
		}
		return nil
	}
	return look("Appointment", got)
}

// quotas are those that a slot's group counts towards. It has to be free, since
// only what is free says for whom.
func (f *face) quotas(r *request, t term, o *order) (term, []id.Quota, error) {
	free, err := f.free(r, []calendar{t.calendar}, span{t.starts, t.starts.Add(time.Minute)})
	if err != nil {
		return t, nil, err
	}
	name := r.local("Slot", textAt(only(o.appointment, "slot"), "reference"))
	for _, one := range free {
		if one.name() == name || name == "" && one.group == "" {
			return one, one.alternative.Quotas, nil
		}
	}
	if name == "" && len(free) > 0 {
		return t, nil, r.invalid("slot_not_named", "Appointment.slot", "the time is offered to several groups: name the slot")
	}
	// Taken or not offered at all: the hold says which.
	return t, nil, nil
}

// hold takes a slot out of sale (IHE ITI-116).
func (f *face) hold(r *request) (int, any, error) {
	o, err := r.order("fhirHold", "appt-resource", "schedule", "hold")
	if err != nil {
		return 0, nil, err
	}
	if err := f.Bookable(r.ctx); err != nil {
		return 0, nil, err
	}
	v, err := f.view(r)
	if err != nil {
		return 0, nil, err
	}
	t, err := r.wanted(v, o)
	if err != nil {
		return 0, nil, err
	}
	if textAt(o.appointment, "status") != "proposed" {
		return 0, nil, r.invalid("wrong_status", "Appointment.status", "expected proposed")
	}
	t, quotas, err := f.quotas(r, t, o)
	if err != nil {
		return 0, nil, err
	}
	if err := r.says(t, t.appointment(v, "proposed", id.Booking{}, ""), o.appointment); err != nil {
		return 0, nil, err
	}
	if o.token == nil {
		return 0, nil, r.invalid("hold_missing", "Parameters", "hold is missing: 16 random octets that only you know")
	}
	held, err := f.Booking.Hold(r.ctx, r.Tenant.ID, booking.HoldRequest{Token: o.token, Items: []booking.HoldItem{{
		Service: t.service.ID, Practitioner: t.practitioner.ID, Location: t.location.ID, Starts: t.starts, Quotas: quotas,
	}}}, r.visitor(o.token), o.request)
	if err != nil {
		return 0, nil, err
	}
	answer := t.appointment(v, "proposed", held.Items[0].Booking, held.ID.UUID())
	answer["extension"] = []any{expires(held.Expires)}
	return http.StatusCreated, answer, nil
}

// book books what is held, or moves an appointment into it (ISiK $book).
func (f *face) book(r *request) (int, any, error) {
	o, err := r.order("fhirBook", "appt-resource", "schedule", "hold", "sealed", "copy", "secret", "cancelled-appt-id", "address", "language")
	if err != nil {
		return 0, nil, err
	}
	v, err := f.view(r)
	if err != nil {
		return 0, nil, err
	}
	t, err := r.wanted(v, o)
	if err != nil {
		return 0, nil, err
	}
	if textAt(o.appointment, "status") != "proposed" {
		return 0, nil, r.invalid("wrong_status", "Appointment.status", "expected proposed")
	}
	hold, held := holdOf(o.appointment)
	booked, named := bookingOf(o.appointment)
	if !held || !named {
		return 0, nil, r.invalid("hold_needed", "Appointment.id", "expected what $hold has answered: what is sealed is bound to its identifier")
	}
	if err := r.says(t, t.appointment(v, "proposed", booked, hold.UUID()), o.appointment); err != nil {
		return 0, nil, err
	}
	switch {
	case o.token == nil:
		return 0, nil, r.invalid("hold_missing", "Parameters", "hold is missing: the token that $hold was asked with")
	case o.secret == nil:
		return 0, nil, r.invalid("secret_missing", "Parameters", "secret is missing: 16 random octets, with which the patient sees, moves and cancels")
	case o.copy == nil:
		return 0, nil, r.invalid("copy_missing", "Parameters", "copy is missing: what the patient's page shows, sealed with the secret")
	}
	if o.cancelled != "" {
		return f.move(r, v, o, t, hold, booked)
	}
	status, answer, err := f.stands(r, v, o, t, booked)
	if !errors.Is(err, booking.ErrUnknownBooking) {
		return status, answer, err
	}
	status, answer, err = f.begin(r, v, o, t, hold, booked)
	if errors.Is(err, booking.ErrHoldExpired) {
		// Perhaps because the same request has just used it up.
		if status, answer, again := f.stands(r, v, o, t, booked); again == nil {
			return status, answer, nil
		}
	}
	return status, answer, err
}

// stands answers with what became of a request like this before. It returns
// booking.ErrUnknownBooking where there was none.
func (f *face) stands(r *request, v *view, o *order, t term, booked id.Booking) (int, any, error) {
	before, err := f.Booking.View(r.ctx, r.Tenant.ID, o.secret)
	if err != nil {
		return 0, nil, err
	}
	return standing(v, t, before.Visit, booked)
}

// begin books what is held: at once for a machine, else once its patient has
// confirmed.
func (f *face) begin(r *request, v *view, o *order, t term, hold id.Hold, booked id.Booking) (int, any, error) {
	if o.envelope == nil {
		return 0, nil, r.invalid("sealed_missing", "Parameters", "sealed is missing: who books, as an encrypted Binary")
	}
	if err := f.Bookable(r.ctx); err != nil {
		return 0, nil, err
	}
	if err := f.claimed(r, o.token, t, hold, booked); err != nil {
		return 0, nil, err
	}
	forms := []booking.Form{{Envelope: *o.envelope, Copy: o.copy}}
	if r.machine() {
		if o.address != "" {
			return 0, nil, r.invalid("personal_data", "Parameters", "no address: nothing is sent for what a system of the practice's books")
		}
		made, err := f.Booking.BookForPatient(r.ctx, r.Tenant.ID, booking.MachineBooking{Hold: hold, Token: o.token, Forms: forms, Secret: o.secret})
		if err != nil {
			return 0, nil, err
		}
		return standing(v, t, made.Visit, booked)
	}
	if o.address == "" {
		return 0, nil, r.invalid("address_missing", "Parameters", "address is missing: where the patient is asked to confirm")
	}
	hash := sha256.Sum256(o.secret)
	pending, err := f.Booking.Book(r.ctx, r.Tenant.ID, booking.BookRequest{
		Token: o.token, Forms: forms, Channel: booking.Mail, Address: o.address, Secret: o.secret, SecretHash: hash[:], Language: o.language,
	}, o.request)
	if err != nil {
		return 0, nil, err
	}
	answer := t.appointment(v, booking.StatusPending, booked, hold.UUID())
	answer["extension"] = []any{expires(pending.Expires)}
	return http.StatusAccepted, answer, nil
}

// standing answers with how a booking stands. A secret of another booking, or
// of one that is elsewhere by now, is not this request's.
func standing(v *view, t term, visit booking.Visit, booked id.Booking) (int, any, error) {
	switch {
	case visit.Booking != booked:
		return 0, nil, booking.ErrMalformedSecret
	case !visit.Starts.Equal(t.starts), visit.Practitioner != t.practitioner.ID, visit.Location != t.location.ID,
		visit.Status == booking.StatusCancelled, visit.Status == "entered-in-error", visit.Status == "noshow":
		return 0, nil, booking.ErrWrongStatus
	}
	status := http.StatusCreated
	if visit.Status == booking.StatusPending || visit.Status == booking.StatusProposed {
		status = http.StatusAccepted
	}
	return status, t.appointment(v, visit.Status, booked, visit.Appointment.UUID()), nil
}

// claimed refuses a token that holds something else than what is to be booked.
func (f *face) claimed(r *request, token []byte, t term, hold id.Hold, booked id.Booking) error {
	c, err := f.Booking.Claimed(r.ctx, r.Tenant.ID, token)
	if err != nil {
		return err
	}
	if len(c.Slots) != 1 || c.ID != hold {
		return booking.ErrHoldExpired
	}
	s := c.Slots[0]
	if s.Booking != booked || s.Service != t.service.ID || s.Practitioner != t.practitioner.ID || s.Location != t.location.ID || !s.Starts.Equal(t.starts) {
		return r.invalid("hold_of_another", "Appointment", "the hold is of another slot")
	}
	return nil
}

// move ends an appointment and books what is held in its place, or does neither
// (ISiK cancelled-appt-id). Who has the secret of its booking may, within the
// time that patients have to move; what was sealed stays as it is.
func (f *face) move(r *request, v *view, o *order, t term, hold id.Hold, held id.Booking) (int, any, error) {
	if o.envelope != nil || o.address != "" || o.language != "" {
		return 0, nil, r.invalid("sealed_stays", "Parameters", "who books was sealed before: neither sealed nor address nor language")
	}
	unknown := r.invalid("unknown_appointment", "cancelled-appt-id", "no appointment of this secret's")
	var old id.Appointment
	if old.UnmarshalText([]byte("apt_"+r.local("Appointment", o.cancelled))) != nil {
		return 0, nil, unknown
	}
	before, err := f.Booking.View(r.ctx, r.Tenant.ID, o.secret)
	if errors.Is(err, booking.ErrUnknownBooking) {
		return 0, nil, unknown
	}
	if err != nil {
		return 0, nil, err
	}
	visits := before.Visits()
	isNew := func(x booking.Visit) bool { return x.Appointment.UUID() == hold.UUID() }
	i := slices.IndexFunc(visits, isNew)
	if i >= 0 { // it was moved by the same request before
		history, err := f.Booking.History(r.ctx, r.Tenant.ID, visits[i].Booking)
		if err != nil {
			return 0, nil, err
		}
		if !slices.ContainsFunc(history, func(c booking.Chapter) bool { return c.Appointment == old && c.CancelledBy == "moved" }) {
			return 0, nil, unknown
		}
		return moved(v, t, visits[i], old)
	}
	if i = slices.IndexFunc(visits, func(x booking.Visit) bool { return x.Appointment == old }); i < 0 {
		return 0, nil, unknown
	}
	if err := f.claimed(r, o.token, t, hold, held); err != nil {
		return 0, nil, err
	}
	after, err := f.Booking.Move(r.ctx, r.Tenant.ID, booking.MoveRequest{
		Secret: o.secret, Booking: visits[i].Booking, Hold: hold, Token: o.token, Copy: o.copy,
	})
	if err != nil {
		return 0, nil, err
	}
	visits = after.Visits()
	if i = slices.IndexFunc(visits, isNew); i < 0 {
		return 0, nil, booking.ErrBusy
	}
	return moved(v, t, visits[i], old)
}

// moved answers with the new appointment, which names the old one.
func moved(v *view, t term, visit booking.Visit, old id.Appointment) (int, any, error) {
	status, answer, err := standing(v, t, visit, visit.Booking)
	if o, ok := answer.(object); ok {
		o["extension"] = []any{object{"url": replaces, "valueReference": object{"reference": "Appointment/" + old.UUID()}}}
	}
	return status, answer, err
}

func expires(at time.Time) object {
	return object{"url": reasonPrefix + "expires", "valueInstant": stamp(at)}
}

func holdOf(a map[string]any) (h id.Hold, ok bool) {
	err := h.UnmarshalText([]byte("hld_" + textAt(a, "id")))
	return h, err == nil
}

func bookingOf(a map[string]any) (b id.Booking, ok bool) {
	i := only(a, "identifier")
	err := b.UnmarshalText([]byte("bkg_" + textAt(i, "value")))
	return b, err == nil && textAt(i, "system") == bookingSystem
}

// isMissing reports whether a problem is that there is nothing, any more.
func isMissing(err error) bool {
	var p *server.Problem
	return errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusGone)
}
