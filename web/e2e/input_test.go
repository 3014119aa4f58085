package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// scenario is a request that must be refused and change nothing.
type scenario struct {
	name   string
	method string // POST where empty
	path   string
	body   any // a string is sent as it stands
	header []string
	want   string
	// forbidden stand in no answer, beside the canary.
	forbidden []string
	// leaves are parts of names of keys that Redis may have afterwards.
	leaves []string
}

func (s scenario) ask(t *testing.T, v *visitor) answer {
	t.Helper()
	if s.method == "" {
		s.method = http.MethodPost
	}
	switch body := s.body.(type) {
	case nil:
		return v.send(s.method, s.path, nil, s.header...)
	case string:
		return v.send(s.method, s.path, []byte(body), s.header...)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return v.send(s.method, s.path, raw, s.header...)
	}
}

func refuseAll(t *testing.T, v *visitor, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			before := v.d.state(t)
			refused(t, s.ask(t, v), s.want, s.forbidden...)
			v.d.unchanged(t, before, s.leaves...)
		})
	}
}

// document writes JSON with m's members and then more, as it stands.
func document(t *testing.T, m map[string]any, more string) string {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(raw), "}") + more
}

// aHold holds a time that no other test wants.
func aHold(t *testing.T, v *visitor, service, doctor string) (practice, form, slot) {
	t.Helper()
	p := v.practice(t)
	free := v.slots(t, p.Services[service], p.Doctors[doctor])
	s, f := free[len(free)-1], newForm()
	if a := v.post("/api/v1/holds", f.hold(s)); a.Status != 201 {
		t.Fatalf("%v: %s", a, a.Body)
	}
	return p, f, s
}

func (v *visitor) release(t *testing.T, f form) {
	t.Helper()
	if a := v.post("/api/v1/holds/release", map[string]any{"token": b64(f.Token)}); a.Status != 204 {
		t.Errorf("release: %v", a)
	}
}

// deep nests n arrays.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestInputOfTheForm(t *testing.T) {
	d := running(t)
	v := d.visitor(d.host("praxis-sonnenberg"), 901)
	p, f, _ := aHold(t, v, "Allgemeine Sprechstunde", "Herr Dr. Berg")
	other := d.visitor(d.host("zahnarzt-am-markt"), 901).practice(t)
	good := f.booking(p)
	sealed := p.envelope()
	const path = "/api/v1/bookings"

	var all []scenario
	add := func(name, want string, body any, header ...string) {
		all = append(all, scenario{name: name, path: path, body: body, header: header, want: want})
	}
	for name, body := range map[string]any{
		"Nothing": "", "Null": "null", "Number": "1", "Text": `"` + canary + `"`, "List": "[]", "Object": "{}", "NotJSON": canary, "HalfJSON": `{"token":"` + canary,
		"UnknownField":         with(good, "x", canary),
		"UnknownFieldByName":   with(good, canary, 1),
		"PlaintextFamilyName":  with(good, "family_name", canary),
		"PlaintextBirthDate":   with(good, "birth_date", "1970-01-01"),
		"PlaintextInsurance":   with(good, "insurance", "GKV"),
		"PlaintextPatient":     with(good, "patient", map[string]any{"family_name": canary}),
		"PlaintextInEnvelope":  with(good, "envelope", map[string]any{"v": 1, "suite": 2, "tenant": p.Tenant, "kid": p.KID, "envelope_id": sealed.ID, "enc": sealed.Enc, "ct": sealed.CT, "note": canary}),
		"DuplicateField":       document(t, good, `,"language":"`+canary+`"}`),
		"CaseFoldedDuplicate":  document(t, good, `,"Language":"en"}`),
		"CaseFolded":           document(t, without(good, "language"), `,"Language":"de"}`),
		"FoldedBeyondASCII":    document(t, without(good, "token"), `,"to`+"\u212a"+`en":"`+b64(f.Token)+`"}`),
		"EscapedDuplicate":     document(t, good, `,"l\u0061nguage":"en"}`),
		"DuplicateInEnvelope":  document(t, without(good, "envelope"), `,"envelope":`+document(t, map[string]any{"v": 1, "suite": 2, "tenant": p.Tenant, "kid": p.KID, "envelope_id": sealed.ID, "enc": sealed.Enc, "ct": sealed.CT}, `,"ct":"AAAA"}`)+"}"),
		"SecondValue":          document(t, good, `}{}`),
		"TrailingWord":         document(t, good, `}`+canary),
		"Comment":              document(t, good, `/*`+canary+`*/}`),
		"TrailingComma":        document(t, good, `,}`),
		"ByteOrderMark":        "\ufeff" + document(t, good, "}"),
		"NotUTF8":              document(t, without(good, "language"), `,"language":"`+"\xff"+`"}`),
		"SeventeenLevels":      document(t, good, `,"x":`+deep(17)+"}"),
		"ThousandsOfLevels":    deep(30000),
		"NoToken":              without(good, "token"),
		"NoChannel":            without(good, "channel"),
		"NoAddress":            without(good, "address"),
		"NoSecretHash":         without(good, "secret_hash"),
		"NullToken":            with(good, "token", nil),
		"NumberAsToken":        with(good, "token", 1),
		"TokenNotBase64":       with(good, "token", canary+"!"),
		"TokenInPaddedBase64":  with(good, "token", b64(f.Token)+"=="),
		"TokenWithStrayBits":   with(good, "token", b64(f.Token)[:21]+"_"),
		"TextAsEnvelope":       with(good, "envelope", canary),
		"UnknownChannel":       with(good, "channel", "pigeon"),
		"EndlessAddress":       with(good, "address", strings.Repeat("a", 250)+"@muster.example"),
		"EndlessLanguage":      with(good, "language", canary),
		"ListAsAddress":        with(good, "address", []string{f.Address}),
		"EnvelopeVersionText":  with(good, "envelope", map[string]any{"v": "1", "suite": 2, "tenant": p.Tenant, "kid": p.KID, "envelope_id": sealed.ID, "enc": sealed.Enc, "ct": sealed.CT}),
		"EnvelopeWithoutCT":    with(good, "envelope", map[string]any{"v": 1, "suite": 2, "tenant": p.Tenant, "kid": p.KID, "envelope_id": sealed.ID, "enc": sealed.Enc}),
		"EnvelopeNotBase64":    with(good, "envelope", envelope{1, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, canary + "!"}),
		"ProofWithUnknownPart": with(good, "proof", map[string]any{"algorithm": "SHA-256", "challenge": "1", "number": 1, "salt": "1", "signature": "1", "x": canary}),
	} {
		add(name, "400 malformed_body", body)
	}
	add("NoCopy", "400 malformed_copy", without(good, "copy"))
	add("NoEnvelope", "400 malformed_envelope", without(good, "envelope"))
	list := func(envelopes, copies int) map[string]any {
		body := without(good, "envelope", "copy")
		body["envelopes"], body["copies"] = slices.Repeat([]any{sealed}, envelopes), slices.Repeat([]any{good["copy"]}, copies)
		return body
	}
	add("NoFormAtAll", "400 malformed_items", without(good, "envelope", "copy"))
	add("OneFormAndAList", "400 malformed_items", with(good, "copies", []any{}))
	add("FewerCopies", "400 malformed_items", list(2, 1))
	add("MoreFormsThanSlots", "400 malformed_items", list(2, 2))
	add("ThirteenForms", "400 malformed_body", list(13, 13))
	for name, e := range map[string]envelope{
		"EnvelopeVersion":         {2, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeSuite":           {1, 1, p.Tenant, p.KID, sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeOfAnotherTenant": {1, 2, other.Tenant, p.KID, sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeOfNoTenant":      {1, 2, uuid(), p.KID, sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopePrefixedTenant":  {1, 2, "ten_" + p.Tenant, p.KID, sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeUpperTenant":     {1, 2, strings.ToUpper(p.Tenant), p.KID, sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeShortKid":        {1, 2, p.Tenant, p.KID[1:], sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeNoKid":           {1, 2, p.Tenant, "", sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeBadID":           {1, 2, p.Tenant, p.KID, canary, sealed.Enc, sealed.CT},
		"EnvelopePrefixedID":      {1, 2, p.Tenant, p.KID, "env_" + sealed.ID, sealed.Enc, sealed.CT},
		"EnvelopeShortEnc":        {1, 2, p.Tenant, p.KID, sealed.ID, b64(random(1119)), sealed.CT},
		"EnvelopeLongEnc":         {1, 2, p.Tenant, p.KID, sealed.ID, b64(random(1121)), sealed.CT},
		"EnvelopeNoCT":            {1, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, ""},
		"EnvelopeTagOnly":         {1, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, b64(random(16))},
		"EnvelopeUnpadded":        {1, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, b64(random(2048 + 17))},
		"EnvelopeOfPlaintext":     {1, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, b64([]byte(`{"family_name":"` + canary + `"}`))},
		"EnvelopeTooLong":         {1, 2, p.Tenant, p.KID, sealed.ID, sealed.Enc, b64(random(16384 + 16))},
	} {
		add(name, "400 malformed_envelope", with(good, "envelope", e))
	}
	add("EnvelopeForAnotherKey", "409 key_changed", with(good, "envelope", envelope{1, 2, p.Tenant, b64(random(16)), sealed.ID, sealed.Enc, sealed.CT}))
	add("EnvelopeForAnotherPracticesKey", "409 key_changed", with(good, "envelope", envelope{1, 2, p.Tenant, other.KID, sealed.ID, sealed.Enc, sealed.CT}))
	for n := range map[int]bool{0: true, 15: true, 17: true, 64: true} {
		add(fmt.Sprintf("TokenOf%dBytes", n), "400 malformed_token", with(good, "token", b64(random(n))))
		add(fmt.Sprintf("SecretOf%dBytes", n), "400 malformed_secret", with(good, "secret", b64(random(n))))
	}
	add("UnknownToken", "410 hold_expired", with(good, "token", b64(random(16))))
	add("SecretOfAnotherHash", "400 malformed_secret", with(good, "secret_hash", b64(random(32))))
	add("NoSecret", "400 malformed_secret", without(good, "secret"))
	add("ShortHash", "400 malformed_secret", with(good, "secret_hash", b64(random(31))))
	for _, n := range []int{0, 1023, 1024, 12 + 1023 + 16, 12 + 1025 + 16, 12 + 8*1024 + 16} {
		add(fmt.Sprintf("CopyOf%dBytes", n), "400 malformed_copy", with(good, "copy", b64(random(n))))
	}
	for i, address := range []string{"", canary, "a@b", "@muster.example", "a@", "a b@muster.example", "Erika <a@muster.example>", "a@muster.example, b@muster.example",
		"a@muster.example\r\nBcc: " + canary + "@muster.example", "a@muster.example\x00", "a@[127.0.0.1]", "\"a b\"@muster.example ", "ä@muster.example", "a@müster.example", "a@muster..example", "+4915112345678"} {
		add(fmt.Sprintf("MailAddress%d", i), "422 invalid_address", with(good, "address", address))
	}
	sms := with(without(good, "secret"), "channel", "sms", "address", "+4915112345678")
	for i, number := range []string{"", canary, "112", "+49721000450", "072430001", "+12025550123", "+8615012345678", "+49 900 1234567", "a@muster.example", strings.Repeat("9", 40)} {
		add(fmt.Sprintf("Number%d", i), "422 invalid_address", with(sms, "address", number))
	}
	add("SecretBesidesText", "400 malformed_secret", with(sms, "secret", b64(f.Secret)))
	add("TextWithoutProof", "428 proof_required", sms)
	add("TextWithMadeUpProof", "428 proof_required", with(sms, "proof", map[string]any{"algorithm": "SHA-256", "challenge": "1", "number": 1, "salt": "x?expires=9999999999&", "signature": "1"}))
	for name, k := range map[string]string{"NoKey": "", "ShortKey": "0123456789abcde", "LongKey": strings.Repeat("k", 65), "KeyWithSpace": "0123456789abcdef ghi", "KeyInUnicode": "0123456789abcdefä"} {
		add(name, "400 idempotency_key_missing", good, "Idempotency-Key", k)
	}
	refuseAll(t, v, all)

	// All that was refused changed nothing: the same form still books, once.
	key := onceKey()
	book := func(body map[string]any) answer {
		return scenario{path: path, body: body, header: []string{"Idempotency-Key", key}}.ask(t, v)
	}
	if a := book(good); a.Status != 202 {
		t.Fatalf("the form that was never wrong: %v %s", a, a.Body)
	}
	if a := book(good); a.Status != 202 {
		t.Errorf("the same again: %v", a)
	}
	before := d.state(t)
	refused(t, book(with(good, "language", "en")), "422 idempotency_mismatch")
	if code, err := d.code(f.Address, func() bool { return false }); err != nil {
		t.Error(err)
	} else {
		refuseAll(t, v, []scenario{
			{name: "WrongCode", path: "/api/v1/bookings/confirm", body: f.confirmation(b64(random(16))), want: "410 link_expired"},
			{name: "NoCode", path: "/api/v1/bookings/confirm", body: map[string]any{"secret": b64(f.Secret)}, want: "410 link_expired"},
			{name: "AnotherSecret", path: "/api/v1/bookings/confirm", body: map[string]any{"secret": b64(random(16)), "code": code}, want: "410 link_expired"},
			{name: "NoKeyToConfirm", path: "/api/v1/bookings/confirm", body: f.confirmation(code), header: []string{"Idempotency-Key", ""}, want: "400 idempotency_key_missing"},
			{name: "ViewOfPending", path: "/api/v1/bookings/view", body: map[string]any{"secret": b64(f.Secret)}, want: "404 not_found"},
		})
		d.unchanged(t, before)
		foreign := d.visitor(d.host("zahnarzt-am-markt"), 901)
		refuseAll(t, foreign, []scenario{
			{name: "AtAnotherPractice", path: "/api/v1/bookings/confirm", body: f.confirmation(code), want: "410 link_expired"},
			{name: "PeekAtAnotherPractice", path: "/api/v1/bookings/peek", body: map[string]any{"secret": b64(f.Secret)}, want: "410 link_expired"},
			{name: "TokenAtAnotherPractice", path: "/api/v1/holds/extend", body: map[string]any{"token": b64(f.Token)}, want: "410 hold_expired"},
		})
		a := v.post("/api/v1/bookings/confirm", f.confirmation(code))
		if a.Status != 200 {
			t.Fatalf("the right code: %v %s", a, a.Body)
		}
		again := v.post("/api/v1/bookings/confirm", f.confirmation(code))
		if again.Status != 200 || !bytes.Equal(field(t, a.Body, "appointment"), field(t, again.Body, "appointment")) {
			t.Errorf("the right code again: %v", again)
		}
		refuseAll(t, v, []scenario{
			{name: "UsedToken", path: path, body: good, want: "410 hold_expired"},
			{name: "UsedTokenExtended", path: "/api/v1/holds/extend", body: map[string]any{"token": b64(f.Token)}, want: "410 hold_expired"},
		})
		refuseAll(t, foreign, []scenario{
			{name: "ViewAtAnotherPractice", path: "/api/v1/bookings/view", body: map[string]any{"secret": b64(f.Secret)}, want: "404 not_found"},
		})
	}
}

func field(t *testing.T, body []byte, name string) json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(body, &m); err != nil || len(m[name]) == 0 {
		t.Fatalf("no %s in %s: %v", name, body, err)
	}
	return m[name]
}

func TestInputOfHoldsAndLinks(t *testing.T) {
	d := running(t)
	v := d.visitor(d.host("praxis-sonnenberg"), 902)
	p := v.practice(t)
	other := d.visitor(d.host("zahnarzt-am-markt"), 902).practice(t)
	free := v.slots(t, p.Services["Allgemeine Sprechstunde"], p.Doctors["Frau Dr. Sommer"])
	s, f := free[len(free)-1], newForm()
	good := f.hold(s)
	changed := without(good, "starts")

	var all []scenario
	add := func(name, want, path string, body any) {
		all = append(all, scenario{name: name, path: path, body: body, want: want})
	}
	const holds, peek = "/api/v1/holds", "/api/v1/bookings/peek"
	for name, starts := range map[string]any{
		"BesidesTheGrid": s.Starts.Add(time.Minute), "WithFractions": s.Starts.Add(time.Millisecond), "AtNight": s.Starts.Truncate(24 * time.Hour).Add(2 * time.Hour),
		"LongAgo": "1970-01-01T00:00:00Z", "Yesterday": time.Now().AddDate(0, 0, -1).UTC(), "FarAhead": "9999-12-31T23:59:59Z",
		// Half past two has no instant on the day on which clocks go forward;
		// these are what readers of different minds may take it for.
		"GapByWinterTime": "2027-03-28T02:30:00+01:00", "GapBySummerTime": "2027-03-28T02:30:00+02:00", "GapEdge": "2027-03-28T01:00:00Z", "JustBeforeTheGap": "2027-03-28T00:59:59Z",
	} {
		add("Starts"+name, "422 slot_not_offered", holds, with(good, "starts", starts))
	}
	for name, starts := range map[string]any{
		"WithoutZone": "2027-03-28T02:30:00", "DateOnly": "2027-03-28", "Number": 1800000000, "Word": canary, "Empty": "", "ThirteenthMonth": "2027-13-01T08:00:00Z", "Hour25": "2027-03-28T25:00:00Z",
		"FebruaryThirtieth": "2027-02-30T08:00:00Z", "TrailingText": s.Starts.Format(time.RFC3339) + canary,
	} {
		add("Malformed"+name, "400 malformed_body", holds, with(good, "starts", starts))
	}
	for name, body := range map[string]any{
		"UnknownField": with(good, "x", canary), "Plaintext": with(good, "family_name", canary),
		"BareID": with(good, "service", strings.TrimPrefix(s.Service, "svc_")), "IDOfAnotherKind": with(good, "service", s.Practitioner), "UpperCaseID": with(good, "service", strings.ToUpper(s.Service)),
		"WordAsID": with(good, "practitioner", canary), "AnyPractitioner": with(good, "practitioner", "any"), "BracedID": with(good, "location", "loc_{"+strings.TrimPrefix(s.Location, "loc_")+"}"),
	} {
		add(name, "400 malformed_body", holds, body)
	}
	item := without(good, "token", "proof")
	for name, body := range map[string]any{
		"NoStarts": changed, "NoService": without(good, "service"), "NoPractitioner": without(good, "practitioner"), "NullStarts": with(good, "starts", nil),
		"StartsYearOne": with(good, "starts", "0001-01-01T00:00:00Z"), "NothingAtAll": map[string]any{"token": b64(f.Token)},
		"OneAndAList": with(good, "items", []any{item}), "EmptyList": map[string]any{"token": b64(f.Token), "items": []any{}},
		"HalfAnItem": map[string]any{"token": b64(f.Token), "items": []any{item, without(item, "location")}},
	} {
		add(name, "400 malformed_items", holds, body)
	}
	thirteen := make([]any, 13)
	for i := range thirteen {
		thirteen[i] = item
	}
	add("ThirteenItems", "400 malformed_body", holds, map[string]any{"token": b64(f.Token), "items": thirteen})
	add("QuotaOfAnotherKind", "400 malformed_body", holds, with(good, "quotas", []any{s.Service}))
	add("QuotaOfNobody", "422 slot_not_offered", holds, with(good, "quotas", []any{"quo_" + uuid()}))
	add("OneSlotTwice", "409 slot_taken", holds, map[string]any{"token": b64(f.Token), "items": []any{item, item}})
	// Foreign ids read like ids of nothing.
	for name, body := range map[string]any{
		"ServiceOfNobody": with(good, "service", "svc_"+uuid()), "ServiceOfAnotherPractice": with(good, "service", other.Services["Kontrolle"]),
		"PractitionerOfNobody": with(good, "practitioner", "prc_"+uuid()), "PractitionerOfAnotherPractice": with(good, "practitioner", other.Doctors["Herr Dr. Klein"]),
		"LocationOfNobody": with(good, "location", "loc_"+uuid()), "LocationOfAnotherPractice": with(good, "location", other.Places["Durlach"]),
		"LocationOnAnotherDay": with(good, "location", p.Places["Zweigpraxis Schöllbronn"]), "NotThatPersonsWork": with(good, "practitioner", p.Doctors["Praxisteam"]),
	} {
		add(name, "422 slot_not_offered", holds, body)
	}
	add("ShortToken", "400 malformed_token", holds, with(good, "token", b64(random(15))))
	all = append(all,
		scenario{name: "NoKey", path: holds, body: good, header: []string{"Idempotency-Key", ""}, want: "400 idempotency_key_missing"},
		scenario{name: "ShortKey", path: holds, body: good, header: []string{"Idempotency-Key", "short"}, want: "400 idempotency_key_missing"})
	for _, path := range []string{"/api/v1/holds/extend", "/api/v1/holds/release"} {
		add("UnknownField"+strings.ReplaceAll(path, "/", "_"), "400 malformed_body", path, map[string]any{"token": b64(f.Token), "x": canary})
		add("NoToken"+strings.ReplaceAll(path, "/", "_"), "400 malformed_body", path, map[string]any{})
	}
	add("ExtendUnknown", "410 hold_expired", "/api/v1/holds/extend", map[string]any{"token": b64(random(16))})
	for _, one := range []string{"peek", "confirm", "view"} {
		path, want := "/api/v1/bookings/"+one, "410 link_expired"
		if one == "view" {
			want = "404 not_found"
		}
		add(one+"MadeUpLink", want, path, map[string]any{"secret": b64(random(16)), "code": b64(random(16))})
		add(one+"ShortSecret", "400 malformed_secret", path, map[string]any{"secret": b64(random(15))})
		add(one+"EmptySecret", "400 malformed_secret", path, map[string]any{"secret": ""})
		add(one+"NoSecret", "400 malformed_body", path, map[string]any{})
		add(one+"EndlessCode", "400 malformed_body", path, map[string]any{"secret": b64(random(16)), "code": strings.Repeat("1", 65)})
		add(one+"NumberAsCode", "400 malformed_body", path, map[string]any{"secret": b64(random(16)), "code": 123456})
		add(one+"Plaintext", "400 malformed_body", path, map[string]any{"secret": b64(random(16)), "family_name": canary})
	}
	today := time.Now()
	day := func(n int) string { return today.AddDate(0, 0, n).Format(time.DateOnly) }
	look := func(name, want, query string) {
		all = append(all, scenario{name: name, method: http.MethodGet, path: "/api/v1/" + query, want: want})
	}
	slots := "slots?service=" + s.Service
	look("NoService", "400 malformed_request", "slots?from="+day(1)+"&to="+day(2))
	look("NoDates", "400 malformed_request", slots)
	look("NoEnd", "400 malformed_request", slots+"&from="+day(1))
	for name, query := range map[string]string{"EmptyDate": "&from=&to=" + day(2), "LongDate": "&from=" + day(1) + "T00:00:00Z&to=" + day(2)} {
		look(name, "400 malformed_request", slots+query)
	}
	for name, query := range map[string]string{"NoSuchDay": "&from=2027-02-30&to=2027-03-01", "WordAsDate": "&from=x&to=" + day(2), "ShortYear": "&from=27-01-01&to=27-01-02", "Negative": "&from=-001-01-01&to=" + day(2)} {
		look(name, "400 malformed_date", slots+query)
	}
	look("TwoMonthsAndADay", "422 range_invalid", slots+"&from="+day(1)+"&to="+day(64))
	look("ThousandsOfYears", "422 range_invalid", slots+"&from=0001-01-01&to=9999-12-31")
	look("BackToFront", "422 range_invalid", slots+"&from="+day(3)+"&to="+day(2))
	look("NoDays", "422 range_invalid", slots+"&from="+day(3)+"&to="+day(3))
	dates := "&from=" + day(1) + "&to=" + day(2)
	look("SlotsOfNobodysService", "404 unknown_service", "slots?service=svc_"+uuid()+dates)
	look("SlotsOfAForeignService", "404 unknown_service", "slots?service="+other.Services["Kontrolle"]+dates)
	look("SlotsOfNobody", "404 unknown_practitioner", slots+"&practitioner=prc_"+uuid()+dates)
	look("SlotsOfAForeigner", "404 unknown_practitioner", slots+"&practitioner="+other.Doctors["Herr Dr. Klein"]+dates)
	look("WordAsService", "400 malformed_id", "slots?service="+canary+dates)
	look("WordAsPractitioner", "400 malformed_id", slots+"&practitioner="+canary+dates)
	look("WordAsHold", "400 malformed_id", "challenge?hold="+canary)
	look("EndlessService", "400 malformed_request", "slots?service="+strings.Repeat(canary, 6)+dates)
	slices.SortStableFunc(all, func(a, b scenario) int { return strings.Compare(a.path, b.path) })
	refuseAll(t, v, all)

	t.Run("ForeignIDsReadLikeIDsOfNothing", func(t *testing.T) {
		shape := func(a answer) string {
			var m map[string]any
			a.into(t, &m)
			delete(m, "request_id")
			return fmt.Sprint(a.Status, m)
		}
		for _, c := range [][2]string{
			{"slots?service=svc_" + uuid() + dates, "slots?service=" + other.Services["Kontrolle"] + dates},
			{slots + "&practitioner=prc_" + uuid() + dates, slots + "&practitioner=" + other.Doctors["Herr Dr. Klein"] + dates},
		} {
			if a, b := shape(v.get("/api/v1/"+c[0])), shape(v.get("/api/v1/"+c[1])); a != b {
				t.Errorf("%s, and for a foreign one %s", a, b)
			}
		}
		for k, foreign := range map[string]string{"service": other.Services["Kontrolle"], "practitioner": other.Doctors["Herr Dr. Klein"], "location": other.Places["Durlach"]} {
			nobody := foreign[:4] + uuid()
			if a, b := shape(v.post(holds, with(good, k, nobody))), shape(v.post(holds, with(good, k, foreign))); a != b {
				t.Errorf("%s, and for a foreign %s %s", a, k, b)
			}
		}
	})

	key := onceKey()
	hold := func(body map[string]any) answer {
		return scenario{path: holds, body: body, header: []string{"Idempotency-Key", key}}.ask(t, v)
	}
	a := hold(good)
	if a.Status != 201 {
		t.Fatalf("the time that was never wrong: %v %s", a, a.Body)
	}
	if again := hold(good); again.Status != 201 || !bytes.Equal(again.Body, a.Body) {
		t.Errorf("the same again: %v %s", again, again.Body)
	}
	before := d.state(t)
	refused(t, hold(with(good, "starts", free[len(free)-3].Starts)), "422 idempotency_mismatch")
	refused(t, v.post(holds, with(newForm().hold(s), "token", b64(random(16)))), "409 slot_taken")
	// A release by somebody else is answered the same, and releases nothing.
	v.release(t, newForm())
	refused(t, v.post(holds, newForm().hold(s)), "409 slot_taken")
	d.unchanged(t, before)
	v.release(t, f)
}

// puzzle is a challenge of ALTCHA's protocol.
type puzzle struct{ Algorithm, Challenge, Salt, Signature string }

// solved finds the number behind a puzzle.
func (p puzzle) solved() map[string]any {
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(p.Salt + strconv.Itoa(n)))
		if hex.EncodeToString(sum[:]) == p.Challenge {
			return map[string]any{"algorithm": p.Algorithm, "challenge": p.Challenge, "number": n, "salt": p.Salt, "signature": p.Signature}
		}
	}
}

func TestInputOfCodes(t *testing.T) {
	d := running(t)
	v := d.visitor(d.host("praxis-sonnenberg"), 903)
	p, f, s := aHold(t, v, "Reisemedizinische Beratung", "Frau Dr. Sommer")
	var held struct{ Hold string }
	v.send(http.MethodPost, "/api/v1/holds/extend", []byte(`{"token":"`+b64(f.Token)+`"}`)).into(t, &held)
	number := "+49151" + strconv.Itoa(10_000_000+int(random(1)[0])*1000+int(random(1)[0]))
	var asked puzzle
	v.get("/api/v1/challenge?hold="+held.Hold).into(t, &asked)
	proof := asked.solved()
	form := with(without(f.booking(p), "secret"), "channel", "sms", "address", number)

	before := d.state(t)
	refused(t, v.post("/api/v1/bookings", with(form, "proof", with(proof, "number", 1<<20))), "428 proof_required")
	elsewhere := d.visitor(v.host, 904)
	_, f2, _ := aHold(t, elsewhere, "Allgemeine Sprechstunde", "Frau Dr. Sommer")
	stolen := with(without(f2.booking(p), "secret"), "channel", "sms", "address", number, "proof", proof)
	refused(t, elsewhere.post("/api/v1/bookings", stolen), "428 proof_required")
	elsewhere.release(t, f2)
	d.unchanged(t, before, "held:", "once:", "browser:", "network:")

	if a := v.post("/api/v1/bookings", with(form, "proof", proof)); a.Status != 202 {
		t.Fatalf("%v %s", a, a.Body)
	}
	refused(t, v.post("/api/v1/bookings", with(form, "proof", proof)), "428 proof_required") // used up
	var code string
	for deadline := time.Now().Add(20 * time.Second); code == "" && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		list, err := d.messages()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.Kind == "sms" && m.To == number {
				code = sixDigits(m.Text)
			}
		}
	}
	if code == "" {
		t.Fatal("no text message came")
	}
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	before = d.state(t)
	for left := 4; left >= 0; left-- {
		a := v.post("/api/v1/bookings/confirm", f.confirmation(wrong))
		refused(t, a, "422 wrong_code", code, wrong)
		var said struct {
			TriesLeft *int `json:"tries_left"`
		}
		if a.into(t, &said); said.TriesLeft == nil || *said.TriesLeft != left {
			t.Errorf("want %d tries left: %s", left, a.Body)
		}
	}
	refused(t, v.post("/api/v1/bookings/confirm", f.confirmation(wrong)), "410 link_expired")
	refused(t, v.post("/api/v1/bookings/confirm", f.confirmation(code)), "410 link_expired") // too late
	d.unchanged(t, before, "tries:")
	// Given up is given back.
	if a := elsewhere.post("/api/v1/holds", newForm().hold(s)); a.Status != 201 {
		t.Errorf("the time after six wrong codes: %v", a)
	}
}

func sixDigits(text string) string {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(word) == 6 {
			return word
		}
	}
	return ""
}
