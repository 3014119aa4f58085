package e2e_test

import (
	"bufio"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// signInSecret is the half of a password that the server gets to see.
func signInSecret(t *testing.T, password, salt string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(salt)
	if err != nil {
		t.Fatal(err)
	}
	master := argon2.IDKey([]byte(password), raw, 2, 19456, 1, 32)
	secret, err := hkdf.Key(sha256.New, master, nil, "siegel|sign-in|1", 32)
	if err != nil {
		t.Fatal(err)
	}
	return b64(secret)
}

// staff is a visitor of practice n's office, signed in as its owner.
func (d *demo) staff(t *testing.T, n, from int) *visitor {
	t.Helper()
	return d.member(t, n, 0, from)
}

// member is a visitor of practice n's office, signed in as one of its people.
func (d *demo) member(t *testing.T, n, person, from int) *visitor {
	t.Helper()
	practice := d.table.Practices[n]
	v := d.visitor(strings.TrimPrefix(practice.Office, "http://"), from)
	who := practice.SignIns[person]
	var start struct{ KDF, Salt string }
	v.post("/api/v1/session/start", map[string]any{"email": who.Email}).into(t, &start)
	if start.KDF != "argon2id-19456-2-1" {
		t.Fatalf("kdf %q", start.KDF)
	}
	a := v.post("/api/v1/session", map[string]any{"email": who.Email, "sign_in_secret": signInSecret(t, who.Password, start.Salt)})
	if a.Status != 200 {
		t.Fatalf("sign in: %v %s", a, a.Body)
	}
	// That it is used is noted once a minute: not while a test compares rows.
	if _, err := d.db.Exec(t.Context(), "update session set last_seen = now() + interval '1 hour'"); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *visitor) cookie(t *testing.T, name string) *http.Cookie {
	t.Helper()
	for _, c := range v.client.Jar.Cookies(&url.URL{Scheme: "http", Host: v.host, Path: "/"}) {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s at %s", name, v.host)
	return nil
}

// Routes of the two kinds of host, with bodies that would pass.
var (
	patientRoutes = []scenario{
		{method: "GET", path: "/api/v1/keys"}, {method: "GET", path: "/api/v1/slots?service=svc_x&from=2027-01-01&to=2027-01-02"}, {method: "GET", path: "/api/v1/challenge"},
		{path: "/api/v1/holds", body: `{}`}, {path: "/api/v1/holds/extend", body: `{}`}, {path: "/api/v1/holds/release", body: `{}`},
		{path: "/api/v1/bookings", body: `{}`}, {path: "/api/v1/bookings/peek", body: `{}`}, {path: "/api/v1/bookings/confirm", body: `{}`}, {path: "/api/v1/bookings/view", body: `{}`},
		{method: "GET", path: "/confirm"}, {method: "GET", path: "/booking"}, {method: "GET", path: "/sealed"},
	}
	officeRoutes = []scenario{
		{method: "GET", path: "/api/v1/session"}, {method: "DELETE", path: "/api/v1/session"}, {method: "GET", path: "/api/v1/keyring"},
		{method: "GET", path: "/api/v1/appointments?from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z"}, {path: "/api/v1/cards", body: `{}`}, {method: "GET", path: "/api/v1/events"},
		{path: "/api/v1/session/seen", body: `{}`}, {method: "GET", path: "/api/v1/rules"},
		{method: "PUT", path: "/api/v1/rules/windows/win_x", body: `{}`}, {method: "DELETE", path: "/api/v1/rules/windows/win_x?version=1"},
	}
	signInRoutes = []scenario{{path: "/api/v1/session/start", body: `{"email":"x"}`}, {path: "/api/v1/session", body: `{"email":"x","sign_in_secret":""}`}}
)

func (s scenario) title() string {
	path, _, _ := strings.Cut(s.path, "?")
	return s.method + strings.ReplaceAll(path, "/", "_")
}

func TestHostsKeepToTheirKind(t *testing.T) {
	d := running(t)
	patient, stranger, portal := d.visitor(d.host("praxis-sonnenberg"), 910), d.visitor(d.host("praxis-sonnenberg.office"), 910), d.visitor(d.host("portal"), 910)
	owner := d.staff(t, 0, 911)
	before := d.state(t)
	for _, s := range append(officeRoutes, signInRoutes...) {
		t.Run("PatientsHost"+s.title(), func(t *testing.T) { refused(t, s.ask(t, patient), "404 not_found") })
	}
	for _, s := range officeRoutes {
		t.Run("SignedOut"+s.title(), func(t *testing.T) { refused(t, s.ask(t, stranger), "401 signed_out") })
	}
	for _, s := range patientRoutes {
		t.Run("OfficesHost"+s.title(), func(t *testing.T) {
			refused(t, s.ask(t, stranger), "404 not_found")
			refused(t, s.ask(t, owner), "404 not_found")
		})
	}
	// People sign in at the portal as well; the rest of an office is not there.
	office := slices.DeleteFunc(slices.Clone(officeRoutes), func(s scenario) bool { return strings.HasPrefix(s.path, "/api/v1/session") })
	for _, s := range append(office, patientRoutes...) {
		t.Run("PortalsHost"+s.title(), func(t *testing.T) { refused(t, s.ask(t, portal), "404 not_found") })
	}
	d.unchanged(t, before)
}

func TestSessionsOpenOneOfficeOnly(t *testing.T) {
	d := running(t)
	a, b := d.staff(t, 0, 912), d.staff(t, 1, 913)
	cookie := a.cookie(t, "siegel-session")
	if raw, err := base64.RawURLEncoding.DecodeString(cookie.Value); err != nil || len(raw) < 16 {
		t.Errorf("session id of %d bytes, %v", len(raw), err)
	}
	for _, c := range []struct {
		name, host, value, want string
	}{
		{"InTheOfficeOfAnother", d.host("zahnarzt-am-markt.office"), cookie.Value, "401 signed_out"},
		{"AtThePatientsHost", d.host("praxis-sonnenberg"), cookie.Value, "404 not_found"},
		{"Cut", a.host, cookie.Value[:len(cookie.Value)-1], "401 signed_out"},
		{"Empty", a.host, "", "401 signed_out"},
		{"MadeUp", a.host, b64(random(32)), "401 signed_out"},
		{"Endless", a.host, strings.Repeat(canary, 200), "401 signed_out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := d.visitor(c.host, 914)
			for _, s := range officeRoutes {
				before := d.state(t)
				s.header = []string{"Cookie", "siegel-session=" + c.value}
				refused(t, s.ask(t, v), c.want, cookie.Value)
				d.unchanged(t, before)
			}
		})
	}
	t.Run("SignedOutItIsOver", func(t *testing.T) {
		res := a.send(http.MethodDelete, "/api/v1/session", nil)
		if res.Status != 204 || !strings.Contains(res.Header.Get("Set-Cookie"), "Max-Age=0") {
			t.Fatalf("%v %v", res, res.Header)
		}
		refused(t, a.send(http.MethodGet, "/api/v1/session", nil, "Cookie", "siegel-session="+cookie.Value), "401 signed_out")
		if other := b.get("/api/v1/session"); other.Status != 200 {
			t.Errorf("another's session: %v", other)
		}
	})
}

func TestSignInTellsStrangersNothing(t *testing.T) {
	d := running(t)
	office := d.visitor(d.host("praxis-sonnenberg.office"), 915)
	start := func(v *visitor, email string) (salt string) {
		var s struct{ KDF, Salt string }
		v.post("/api/v1/session/start", map[string]any{"email": email}).into(t, &s)
		return s.KDF + s.Salt
	}
	known := d.table.Practices[0].SignIns[0].Email
	nobody := canary + "@praxis-sonnenberg.example"
	if a, b := start(office, nobody), start(office, nobody); a != b || len(a) != len(start(office, known)) || a == start(office, "x"+nobody) {
		t.Errorf("nobody's salt is %q, then %q", a, b)
	}
	elsewhere := d.table.Practices[1].SignIns[0]
	var salt struct{ Salt string }
	office.post("/api/v1/session/start", map[string]any{"email": elsewhere.Email}).into(t, &salt)
	right := signInSecret(t, elsewhere.Password, salt.Salt)
	failures := func() int {
		return d.count(t, `select count(*) from sign_in_history h join account a on a.id = h.account_id where not h.success and a.email = $1`, known)
	}
	before, failed := d.state(t), failures()
	for name, body := range map[string]map[string]any{
		"WrongSecret":             {"email": known, "sign_in_secret": b64(random(32))},
		"NoSecret":                {"email": known, "sign_in_secret": ""},
		"Nobody":                  {"email": nobody, "sign_in_secret": b64(random(32))},
		"MemberOfAnotherPractice": {"email": elsewhere.Email, "sign_in_secret": right},
		"Unknown":                 {"email": "", "sign_in_secret": b64(random(32))},
	} {
		t.Run(name, func(t *testing.T) {
			a := office.post("/api/v1/session", body)
			refused(t, a, "401 sign_in_failed", known, elsewhere.Email)
			if a.Header.Get("Set-Cookie") != "" {
				t.Errorf("a cookie: %v", a.Header)
			}
		})
	}
	for name, body := range map[string]map[string]any{
		"PlaintextPassword": {"email": known, "sign_in_secret": b64(random(32)), "password": canary},
		"PasswordAsSecret":  {"email": known, "sign_in_secret": d.table.Practices[0].SignIns[0].Password},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, office.post("/api/v1/session", body), "400 malformed_body", known, d.table.Practices[0].SignIns[0].Password)
		})
	}
	d.unchanged(t, before, "sign-in")
	for deadline := time.Now().Add(20 * time.Second); failures() <= failed; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the account's owner sees %d failed attempts, as before", failed)
		}
	}
}

// book makes an appointment at the first practice and returns its id and its
// envelope's.
func book(t *testing.T, d *demo, from int) (appointment string, e envelope) {
	t.Helper()
	v := d.visitor(d.host("praxis-sonnenberg"), from)
	p, f, _ := aHold(t, v, "Blutabnahme", "Praxisteam")
	e = p.envelope()
	if a := v.post("/api/v1/bookings", with(f.booking(p), "envelope", e)); a.Status != 202 {
		t.Fatalf("%v %s", a, a.Body)
	}
	code, err := d.code(f.Address, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	a := v.post("/api/v1/bookings/confirm", f.confirmation(code))
	var booked struct{ Appointment string }
	if a.into(t, &booked); booked.Appointment == "" {
		t.Fatalf("%v %s", a, a.Body)
	}
	return booked.Appointment, e
}

// A suspended practice says so and takes nothing new; its office goes on.
func TestSuspendedPracticesTakeNoBookings(t *testing.T) {
	d := running(t)
	v := d.visitor(d.host("zahnarzt-am-markt"), 925)
	p, f, s := aHold(t, v, "Kontrolle", "Herr Dr. Klein")
	status := func(word string) {
		t.Helper()
		if _, err := d.db.Exec(t.Context(), "update tenant set status = $1 where slug = 'zahnarzt-am-markt'", word); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond) // what a server may remember of a tenant
	}
	status("suspended")
	defer status("active")
	var offer struct {
		Booking string
		Reason  string `json:"closed_reason"`
	}
	if v.get("/api/v1/practice").into(t, &offer); offer.Booking != "closed" || offer.Reason != "suspended" {
		t.Errorf("the practice says %+v", offer)
	}
	for path, body := range map[string]any{"/api/v1/holds": newForm().hold(s), "/api/v1/bookings": f.booking(p)} {
		if a := v.post(path, body); a.Status != 409 || reason(a.Body) != "booking_closed" {
			t.Errorf("POST %s: %v %s", path, a, a.Body)
		}
	}
}

func TestOfficesSeeTheirOwn(t *testing.T) {
	d := running(t)
	appointment, e := book(t, d, 916)
	a, b := d.staff(t, 0, 916), d.staff(t, 1, 917)
	soon := "/api/v1/appointments?from=" + time.Now().UTC().Format(time.RFC3339) + "&to=" + time.Now().AddDate(0, 0, 61).UTC().Format(time.RFC3339)
	own, foreign := a.get(soon), b.get(soon)
	if own.Status != 200 || !strings.Contains(string(own.Body), appointment) || !strings.Contains(string(own.Body), e.ID) {
		t.Fatalf("the practice does not see its appointment: %v %.300s", own, own.Body)
	}
	if foreign.Status != 200 || strings.Contains(string(foreign.Body), appointment) || strings.Contains(string(foreign.Body), "apt_") {
		t.Errorf("another practice sees %.300s", foreign.Body)
	}
	card := map[string]any{"appointment": appointment, "envelope": "env_" + e.ID, "version": 1, "epoch": 1, "ciphertext": b64(random(12 + 2048 + 16))}
	nobodys := with(card, "appointment", "apt_"+uuid(), "envelope", "env_"+uuid())

	t.Run("ForeignIDsReadLikeIDsOfNothing", func(t *testing.T) {
		before := d.state(t)
		theirs, nothing := b.post("/api/v1/cards", card), b.post("/api/v1/cards", nobodys)
		refused(t, theirs, nothing.String(), appointment, e.ID)
		if nothing.Status != 404 {
			t.Errorf("%v", nothing)
		}
		id := regexp.MustCompile(`"request_id":"[^"]*"`)
		if x, y := id.ReplaceAllString(string(theirs.Body), ""), id.ReplaceAllString(string(nothing.Body), ""); x != y {
			t.Errorf("%s, and for nothing %s", x, y)
		}
		d.unchanged(t, before)
	})
	t.Run("MalformedCards", func(t *testing.T) {
		var all []scenario
		add := func(name, want string, body map[string]any) {
			all = append(all, scenario{name: name, path: "/api/v1/cards", body: body, want: want})
		}
		add("AnotherEnvelope", "404 no_envelope", with(card, "envelope", "env_"+uuid()))
		add("AnotherAppointment", "404 no_envelope", with(card, "appointment", "apt_"+uuid()))
		add("Plaintext", "400 malformed_body", with(card, "family_name", canary))
		add("PlaintextAsCiphertext", "400 malformed_card", with(card, "ciphertext", b64([]byte(canary))))
		add("EmptyCiphertext", "400 malformed_card", with(card, "ciphertext", ""))
		add("UnpaddedCiphertext", "400 malformed_card", with(card, "ciphertext", b64(random(12+2047+16))))
		add("VersionZero", "400 malformed_body", with(card, "version", 0))
		add("NegativeEpoch", "400 malformed_body", with(card, "epoch", -1))
		add("FractionalVersion", "400 malformed_body", with(card, "version", 1.5))
		add("BareID", "400 malformed_body", with(card, "appointment", strings.TrimPrefix(appointment, "apt_")))
		all = append(all, scenario{name: "FromAnotherSite", path: "/api/v1/cards", body: card, header: []string{"Sec-Fetch-Site", "cross-site"}, want: "403 foreign_origin"},
			scenario{name: "FromThePatientsPages", path: "/api/v1/cards", body: card, header: []string{"Origin", "http://" + d.host("praxis-sonnenberg")}, want: "403 foreign_origin"},
			scenario{name: "SignOutFromAnotherSite", method: "DELETE", path: "/api/v1/session", header: []string{"Sec-Fetch-Site", "cross-site"}, want: "403 foreign_origin"})
		refuseAll(t, a, all)
	})
	t.Run("MalformedRanges", func(t *testing.T) {
		var all []scenario
		for name, c := range map[string][2]string{
			"NoRange": {"", "400 malformed_request"}, "NoEnd": {"?from=2027-01-01T00:00:00Z", "400 malformed_request"}, "Dates": {"?from=2027-01-01&to=2027-01-02", "400 malformed_request"},
			"WithoutZone": {"?from=2027-03-28T02:30:00&to=2027-03-29T00:00:00Z", "400 malformed_request"}, "Word": {"?from=" + canary + "&to=" + canary, "400 malformed_request"},
			"BackToFront": {"?from=2027-01-02T00:00:00Z&to=2027-01-01T00:00:00Z", "400 malformed_range"}, "Empty": {"?from=2027-01-02T00:00:00Z&to=2027-01-02T00:00:00Z", "400 malformed_range"},
			"AllTimes": {"?from=0001-01-01T00:00:00Z&to=9999-12-31T00:00:00Z", "400 malformed_range"},
		} {
			all = append(all, scenario{name: name, method: "GET", path: "/api/v1/appointments" + c[0], want: c[1]})
		}
		refuseAll(t, a, all)
	})
	t.Run("ACardIsStoredOnce", func(t *testing.T) {
		if stored := a.post("/api/v1/cards", card); stored.Status != 201 {
			t.Fatalf("%v %s", stored, stored.Body)
		}
		refuseAll(t, a, []scenario{{name: "Again", path: "/api/v1/cards", body: with(card, "ciphertext", b64(random(12+2048+16))), want: "409 card_exists"}})
	})
}

// Looking changes no row, whoever looks, however it ends.
func TestLookingChangesNothing(t *testing.T) {
	d := running(t)
	patient, owner, stranger := d.visitor(d.host("praxis-sonnenberg"), 918), d.staff(t, 0, 918), d.visitor(d.host("praxis-sonnenberg.office"), 919)
	p := patient.practice(t)
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	paths := []string{"/", "/confirm", "/booking", "/sealed", "/healthz", "/readyz", "/nowhere", "/api/v1/practice", "/api/v1/keys", "/api/v1/challenge", "/api/v1/challenge?hold=hld_" + uuid(),
		"/api/v1/slots?service=" + p.Services["Impfung"] + "&from=" + day(1) + "&to=" + day(9), "/api/v1/session", "/api/v1/keyring", "/api/v1/appointments?from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z",
		"/api/v1/bookings/confirm", "/api/v1/bookings/confirm?secret=" + b64(random(16)), "/api/v1/holds", "/api/v1/cards"}
	before := d.state(t)
	for _, v := range []*visitor{patient, owner, stranger} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			for _, path := range paths {
				a := v.send(method, path, nil)
				if a.Err != nil || a.Status >= 500 {
					t.Errorf("%s %s%s: %v", method, v.host, path, a)
				}
				secured(t, a)
				if a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %s%s sets a cookie", method, v.host, path)
				}
			}
		}
	}
	d.unchanged(t, before)
}

// A new booking is said at once, as a number and nothing else.
func TestChangesAreSaidToTheirOfficeOnly(t *testing.T) {
	d := running(t)
	a, b := d.staff(t, 0, 920), d.staff(t, 1, 921)
	listen := func(v *visitor) <-chan string {
		said := make(chan string, 100)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+v.host+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		client := *v.client
		client.Timeout = 0
		res, err := client.Do(r)
		if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%v %v", res, err)
		}
		t.Cleanup(func() { res.Body.Close() })
		go func() {
			word := ""
			for lines := bufio.NewReader(res.Body); ; {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if word += line; line != "\n" {
					continue
				}
				if word != ": ping\n\n" {
					said <- word
				}
				word = ""
			}
		}()
		return said
	}
	own, foreign := listen(a), listen(b)
	first, firstForeign := <-own, <-foreign
	if !strings.Contains(first, "event: changed\ndata: ") || !strings.Contains(firstForeign, "event: changed\ndata: ") {
		t.Fatalf("%q, %q", first, firstForeign)
	}
	book(t, d, 920)
	select {
	case said := <-own:
		if !regexp.MustCompile(`^event: changed\ndata: \d+\n\n$`).MatchString(said) {
			t.Errorf("said %q", said)
		}
	case <-time.After(5 * time.Second):
		t.Error("nothing was said within 5 s")
	}
	select {
	case said := <-foreign:
		t.Errorf("another office hears %q", said)
	case <-time.After(300 * time.Millisecond):
	}
}
