package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// rules are a practice's as its office reads them.
type rules struct {
	Version                                                                                           int64
	Practice                                                                                          map[string]any
	Locations, Resources, Practitioners, Services, Windows, Closures, Quotas, Chains, Calendars, Legs []map[string]any
}

func (v *visitor) rules(t *testing.T) (r rules) {
	t.Helper()
	a := v.get("/api/v1/rules")
	if a.Status != 200 {
		t.Fatalf("rules: %v %s", a, a.Body)
	}
	a.into(t, &r)
	return r
}

// of finds a rule by what it is called.
func of(t *testing.T, list []map[string]any, name string) map[string]any {
	t.Helper()
	i := slices.IndexFunc(list, func(m map[string]any) bool { return m["name"] == name })
	if i < 0 {
		t.Fatalf("there is no %q", name)
	}
	return list[i]
}

func edit(version int64, value any) map[string]any {
	return map[string]any{"version": version, "outside": "ask", "value": value}
}

func (v *visitor) put(kind, id string, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{Err: err}
	}
	return v.send(http.MethodPut, "/api/v1/rules/"+kind+"/"+id, raw)
}

// The demo's practices use what the rules can say; a change of any of it is
// read back as it was sent, and undone leaves nothing behind.
func TestRulesAreReadChangedAndPutBack(t *testing.T) {
	d := running(t)
	owner := d.staff(t, 0, 920)
	first := owner.rules(t)
	if school := of(t, d.staff(t, 1, 919).rules(t).Calendars, "Schulferien"); school["kind"] != "school_holidays" || school["entries"].(float64) < 4 {
		t.Errorf("imported school holidays: %v", school)
	}
	lists := func(r rules) map[string][]map[string]any {
		return map[string][]map[string]any{"locations": r.Locations, "resources": r.Resources, "practitioners": r.Practitioners, "services": r.Services,
			"windows": r.Windows, "closures": r.Closures, "quotas": r.Quotas, "chains": r.Chains, "legs": r.Legs, "practice": {r.Practice}}
	}
	for kind, list := range lists(first) {
		t.Run(kind, func(t *testing.T) {
			if len(list) == 0 {
				t.Fatal("the demo has none")
			}
			before, version := d.state(t), owner.rules(t).Version
			for i, value := range list {
				id, changed := "practice", with(value, "tagline", "anders")
				switch kind {
				case "practice":
				case "legs":
					id, changed = fmt.Sprint(value["a"], ".", value["b"]), with(value, "minutes", 77)
				case "closures":
					id, changed = value["id"].(string), with(value, "reason", "anders")
				default:
					id, changed = value["id"].(string), with(value, "name", "anders")
				}
				for _, value := range []map[string]any{changed, value} {
					a := owner.put(kind, id, edit(version, value))
					version++
					if a.Status != 200 {
						t.Fatalf("%v %s", a, a.Body)
					}
					var saved struct {
						Version int64
						Outside []any
					}
					if a.into(t, &saved); saved.Version != version || saved.Outside == nil || len(saved.Outside) > 0 {
						t.Errorf("%s", a.Body)
					}
					list := lists(owner.rules(t))[kind]
					if got := list[slices.IndexFunc(list, func(m map[string]any) bool { return m["id"] == value["id"] && m["a"] == value["a"] })]; fmt.Sprint(got) != fmt.Sprint(value) {
						t.Errorf("%d: put\n%v, read\n%v", i, value, got)
					}
				}
			}
			after := d.state(t)
			delete(before.tables, "practice")    // its version has risen
			delete(before.tables, "audit_entry") // and each edit is in the trail
			for table, hash := range before.tables {
				if after.tables[table] != hash {
					t.Errorf("rows of %s differ", table)
				}
			}
		})
	}
}

func TestRulesOfOneOfficeAndRole(t *testing.T) {
	d := running(t)
	owner, desk, other := d.staff(t, 0, 921), d.member(t, 0, 1, 922), d.staff(t, 1, 923)
	all := owner.rules(t)
	if read := desk.rules(t); read.Version != all.Version || len(read.Windows) != len(all.Windows) {
		t.Error("the front desk reads other rules")
	}
	window, closure := all.Windows[0], all.Closures[0]
	id, closed := window["id"].(string), closure["id"].(string)
	before := d.state(t)
	refused(t, desk.put("windows", id, edit(all.Version, window)), "403 forbidden")
	refused(t, desk.send(http.MethodDelete, fmt.Sprintf("/api/v1/rules/windows/%s?version=%d", id, all.Version), nil), "403 forbidden")
	refused(t, desk.put("practice", "practice", edit(all.Version, all.Practice)), "403 forbidden")
	refused(t, other.send(http.MethodDelete, fmt.Sprintf("/api/v1/rules/windows/%s?version=%d", id, other.rules(t).Version), nil), "404 unknown_rule")
	// What another practice has is nothing here.
	refused(t, other.put("windows", id, edit(other.rules(t).Version, window)), "422 unknown_reference")
	d.unchanged(t, before)

	if a := desk.put("closures", closed, edit(all.Version, closure)); a.Status != 200 {
		t.Errorf("the front desk closes: %v %s", a, a.Body)
	}
	if a := desk.send(http.MethodDelete, fmt.Sprintf("/api/v1/rules/closures/%s?version=%d", closed, all.Version+1), nil); a.Status != 200 {
		t.Errorf("the front desk opens: %v %s", a, a.Body)
	}
	if a := owner.put("closures", closed, edit(all.Version+2, closure)); a.Status != 200 {
		t.Errorf("%v %s", a, a.Body)
	}
}

func TestRulesNameAppointmentsOutside(t *testing.T) {
	d := running(t)
	owner := d.staff(t, 2, 924)
	all := owner.rules(t)
	who, where := of(t, all.Practitioners, "Leyla Aydin"), of(t, all.Locations, "Lindenhof")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// A Friday at half past eight, which only the mornings cover.
	day := time.Now().In(berlin).AddDate(0, 0, 14)
	for day.Weekday() != time.Friday {
		day = day.AddDate(0, 0, 1)
	}
	starts := time.Date(day.Year(), day.Month(), day.Day(), 8, 30, 0, 0, berlin)
	tenant, appointment := strings.TrimPrefix(owner.session(t), "ten_"), uuid()
	if _, err := d.db.Exec(t.Context(), `
		insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
		values ($1, $2, $2, 'booked', 'staff', $3, $4, $5, $6, $7, $6, sha256($8))`, tenant, appointment,
		who["id"].(string)[4:], who["resource"].(string)[4:], where["id"].(string)[4:], starts, starts.Add(25*time.Minute), []byte(appointment)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := d.db.Exec(context.Background(), `delete from appointment where id = $1`, appointment); err != nil {
			t.Error(err)
		}
	})
	mornings := all.Windows[slices.IndexFunc(all.Windows, func(w map[string]any) bool { return w["practitioner"] == who["id"] && w["from"] == "08:00" })]
	id := mornings["id"].(string)
	outside := func(a answer) string {
		var said struct {
			Outside []struct {
				Appointment, Practitioner, Location string
				Booking                             string `json:"booking_id"`
				Starts, Ends                        time.Time
			}
		}
		if a.into(t, &said); len(said.Outside) != 1 {
			return string(a.Body)
		}
		x := said.Outside[0]
		return fmt.Sprint(x.Appointment, x.Booking, x.Practitioner == who["id"], x.Location == where["id"], x.Starts.Equal(starts), x.Ends.Equal(starts.Add(25*time.Minute)))
	}
	want := fmt.Sprint("apt_"+appointment, "bkg_"+appointment, true, true, true, true)
	before := d.state(t)
	shorter := with(mornings, "from", "08:31")
	a := owner.put("windows", id, edit(all.Version, shorter))
	refused(t, a, "409 appointments_outside")
	if got := outside(a); got != want {
		t.Errorf("asked: %s", got)
	}
	a = owner.send(http.MethodDelete, fmt.Sprintf("/api/v1/rules/windows/%s?version=%d", id, all.Version), nil)
	refused(t, a, "409 appointments_outside")
	if got := outside(a); got != want {
		t.Errorf("asked: %s", got)
	}
	// A holiday that is planned names them too.
	date := starts.Format(time.DateOnly)
	closure := map[string]any{"id": "cls_" + uuid(), "from": date, "from_time": "00:00", "until": date, "until_time": "24:00", "reason": "", "text": ""}
	refused(t, owner.put("closures", closure["id"].(string), edit(all.Version, closure)), "409 appointments_outside")
	d.unchanged(t, before)

	a = owner.put("windows", id, with(edit(all.Version, shorter), "outside", "keep"))
	if got := outside(a); a.Status != 200 || got != want {
		t.Errorf("kept: %v %s", a, got)
	}
	if a = owner.put("windows", id, edit(all.Version+1, mornings)); a.Status != 200 {
		t.Errorf("%v %s", a, a.Body)
	}
	refused(t, owner.send(http.MethodDelete, fmt.Sprintf("/api/v1/rules/locations/%s?version=%d", where["id"], all.Version+2), nil), "409 in_use")
}

func TestTheWeekSaysWhy(t *testing.T) {
	d := running(t)
	owner := d.member(t, 0, 1, 927) // the front desk sees it too
	all := owner.rules(t)
	service, who := of(t, all.Services, "Allgemeine Sprechstunde")["id"], of(t, all.Practitioners, "Frau Dr. Sommer")["id"]
	monday := time.Now().AddDate(0, 0, 7)
	closed := func() bool { // a part of its week
		return slices.ContainsFunc(all.Closures, func(c map[string]any) bool {
			return c["from"].(string) <= monday.AddDate(0, 0, 6).Format(time.DateOnly) && c["until"].(string) >= monday.Format(time.DateOnly)
		})
	}
	for monday.Weekday() != time.Monday || closed() {
		monday = monday.AddDate(0, 0, 1)
	}
	week := func(service, who any, from string) answer {
		return owner.get(fmt.Sprintf("/api/v1/rules/week?service=%v&practitioner=%v&from=%s", service, who, from))
	}
	var said struct {
		Zone    string
		Step    int `json:"step_minutes"`
		Windows map[string]string
		Cells   []struct {
			Starts         time.Time
			Reason, Window string
		}
	}
	a := week(service, who, monday.Format(time.DateOnly))
	if a.Status != 200 {
		t.Fatalf("%v %s", a, a.Body)
	}
	a.into(t, &said)
	reasons := map[string]int{}
	for _, c := range said.Cells {
		reasons[c.Reason]++
		if c.Window != "" && said.Windows[c.Window] == "" {
			t.Errorf("%v: window %s has no name", c.Starts, c.Window)
		}
	}
	// At half past twelve there is a window for staff alone; at noon one for
	// another service.
	if said.Zone != "Europe/Berlin" || said.Step != 15 || reasons["offered"] == 0 || reasons["staff_only"] == 0 || reasons["other_service"] == 0 {
		t.Errorf("%s, every %d minutes, %v", said.Zone, said.Step, reasons)
	}
	before := d.state(t)
	for want, a := range map[string]answer{
		"404 unknown_service":      week("svc_"+uuid(), who, "2027-01-04"),
		"404 unknown_practitioner": week(service, "prc_"+uuid(), "2027-01-04"),
		"400 malformed_id":         week(service, "any", "2027-01-04"),
		"400 malformed_date":       week(service, who, "2027-02-30"),
		"400 malformed_request":    owner.get(fmt.Sprint("/api/v1/rules/week?service=", service)),
	} {
		refused(t, a, want)
	}
	d.unchanged(t, before)
}

func TestCalendarsAreImportedAndForgotten(t *testing.T) {
	d := running(t)
	owner, desk := d.staff(t, 2, 928), d.member(t, 1, 1, 929)
	all := owner.rules(t)
	calendar, day := "cal_"+uuid(), time.Now().AddDate(0, 0, 40).Format("20060102")
	body := map[string]any{"version": all.Version, "name": "Privat", "kind": "busy", "resource": of(t, all.Practitioners, "Leyla Aydin")["resource"], "format": "ics",
		"content": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" + day + "T080000Z\r\nDTEND:" + day +
			"T090000Z\r\nSUMMARY:" + canary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}
	put := func(v *visitor, id string, body any) answer {
		return scenario{method: http.MethodPut, path: "/api/v1/calendars/" + id, body: body}.ask(t, v)
	}
	before := d.state(t)
	for want, bodies := range map[string][]any{
		"400 malformed_body": {"{}", with(body, "kind", canary), with(body, "format", "csv"), with(body, canary, 1), without(body, "content"), with(body, "resource", "prc_"+uuid())},
		"409 rules_changed":  {with(body, "version", all.Version+1)},
	} {
		for _, body := range bodies {
			refused(t, put(owner, calendar, body), want)
		}
	}
	refused(t, put(owner, canary, body), "400 malformed_id")
	refused(t, put(desk, calendar, body), "403 forbidden")
	for _, body := range []map[string]any{with(body, "content", canary), with(body, "resource", "res_"+uuid()), with(body, "kind", "school_holidays"), with(body, "name", canary+"\x00"), with(body, "content", "")} {
		if a := put(owner, calendar, body); a.Status < 400 || a.Status >= 500 || strings.Contains(string(a.Body), canary) {
			t.Errorf("%v %s", a, a.Body)
		}
	}
	refused(t, put(owner, calendar, with(body, "content", strings.Repeat(canary, 3<<20/len(canary)))), "422 calendar_too_large")
	d.unchanged(t, before)

	var said struct {
		Version int64
		Entries int
	}
	// Far more than other requests may bring.
	body["content"] = strings.Replace(body["content"].(string), "SUMMARY:", strings.Repeat("COMMENT:"+strings.Repeat("x", 60)+"\r\n", 15_000)+"SUMMARY:", 1)
	a := put(owner, calendar, body)
	if a.into(t, &said); a.Status != 200 || said.Version != all.Version+1 || said.Entries != 1 {
		t.Fatalf("%v %s", a, a.Body)
	}
	listed := of(t, owner.rules(t).Calendars, "Privat")
	if listed["id"] != calendar || listed["kind"] != "busy" || listed["resource"] != body["resource"] || listed["entries"] != 1.0 {
		t.Errorf("listed as %v", listed)
	}
	if n := d.count(t, `select count(*) from imported_busy where calendar_id = $1`, calendar[4:]); n != 1 {
		t.Errorf("%d rows", n)
	}
	refused(t, owner.send(http.MethodDelete, fmt.Sprintf("/api/v1/calendars/%s?version=%d", calendar, all.Version), nil), "409 rules_changed")
	if a := owner.send(http.MethodDelete, fmt.Sprintf("/api/v1/calendars/%s?version=%d", calendar, all.Version+1), nil); a.Status != 200 {
		t.Errorf("%v %s", a, a.Body)
	}
	refused(t, owner.send(http.MethodDelete, fmt.Sprintf("/api/v1/calendars/%s?version=%d", calendar, all.Version+2), nil), "404 unknown_rule")
	if n := d.count(t, `select count(*) from imported_busy where calendar_id = $1`, calendar[4:]); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// session returns the tenant that an office is signed in to.
func (v *visitor) session(t *testing.T) string {
	t.Helper()
	var s struct{ Tenant string }
	v.get("/api/v1/session").into(t, &s)
	return s.Tenant
}

func TestInputOfRules(t *testing.T) {
	d := running(t)
	owner := d.staff(t, 1, 925)
	foreign := d.staff(t, 0, 926).rules(t)
	all := owner.rules(t)
	window, service, person, place := all.Windows[0], all.Services[0], all.Practitioners[0], all.Locations[0]
	id := func(m map[string]any) string { return m["id"].(string) }
	closure := map[string]any{"id": "cls_" + uuid(), "from": "2027-05-01", "from_time": "00:00", "until": "2027-05-02", "until_time": "24:00", "reason": "", "text": ""}
	quota := map[string]any{"id": "quo_" + uuid(), "name": "Neue", "max": 3, "per": "week", "services": []any{}, "windows": []any{}, "practitioners": []any{}, "insurance": []any{}, "patients": "new"}
	chain := map[string]any{"id": "chn_" + uuid(), "name": "Kette", "description": "", "position": 0, "steps": []any{
		map[string]any{"service": id(service), "least_minutes": 0, "greatest_minutes": 0, "optional": false},
		map[string]any{"service": id(service), "least_minutes": 0, "greatest_minutes": 60, "optional": true}}}
	room := map[string]any{"id": "res_" + uuid(), "kind": "room", "name": "Raum", "capacity": 1}

	var scenarios []scenario
	put := func(name, want, kind, id string, body any) {
		scenarios = append(scenarios, scenario{name: kind + name, method: http.MethodPut, path: "/api/v1/rules/" + kind + "/" + id, body: body, want: want})
	}
	bad := func(name, want, kind string, value map[string]any) {
		put(name, want, kind, id(value), edit(all.Version, value))
	}
	good := edit(all.Version, window)
	for name, body := range map[string]any{
		"Nothing": "", "Null": "null", "List": "[]", "Object": "{}", "HalfJSON": `{"version":` + canary, "NoVersion": without(good, "version"), "NoOutside": without(good, "outside"),
		"NoValue": without(good, "value"), "UnknownField": with(good, canary, 1), "VersionZero": with(good, "version", 0), "VersionAsText": with(good, "version", "1"),
		"OutsideWord": with(good, "outside", canary), "DuplicateField": document(t, good, `,"version":1}`), "SeventeenLevels": document(t, good, `,"x":`+deep(17)+"}"),
	} {
		put(name, "400 malformed_body", "windows", id(window), body)
	}
	for name, value := range map[string]map[string]any{
		"UnknownMember": with(window, canary, 1), "NoID": without(window, "id"), "IDOfAnotherKind": with(window, "id", id(service)), "NoFrom": without(window, "from"),
		"FromNumber": with(window, "from", 480), "FromWord": with(window, "from", canary), "FromHour": with(window, "from", "8:00"), "FromMinute": with(window, "from", "08:60"), "UntilSeconds": with(window, "until", "12:00:00"),
		"UntilThreeDays": with(window, "until", "48:01"), "FromWithSign": with(window, "from", "+8:00"), "EighthDay": with(window, "weekdays", []int{8}), "NoDay": with(window, "weekdays", []int{}), "DayTwice": with(window, "weekdays", []int{1, 1}),
		"DayByName": with(window, "weekdays", []string{canary}), "February30": with(window, "valid_from", "2027-02-30"), "DateWithTime": with(window, "valid_from", "2027-02-01T00:00:00Z"), "Insurance": with(window, "insurance", []string{canary}),
		"Patients": with(window, "patients", canary), "Audience": with(window, "audience", canary), "SchoolHolidays": with(window, "school_holidays", canary), "CapacityZero": with(window, "capacity", 0), "ReleaseWord": with(window, "release", canary),
		"ReleaseWithoutTime": with(window, "release", map[string]any{"days": 1}), "ServiceWord": with(window, "services", []string{canary}), "BareID": with(window, "location", id(place)[4:]), "HalfWeek": with(window, "every_weeks", 0.5),
	} {
		want := "400 malformed_body"
		if name == "EighthDay" {
			want = "422 invalid_opening"
		}
		put(name, want, "windows", id(window), edit(all.Version, value))
	}
	put("OfAnotherPath", "400 malformed_id", "windows", "win_"+uuid(), good)
	put("WordInThePath", "400 malformed_id", "windows", canary, good)
	put("Unknown", "404 not_found", "cats", "cat_"+uuid(), good)
	put("UnderATenantsID", "400 malformed_id", "practice", "ten_"+uuid(), edit(all.Version, all.Practice))
	put("Ahead", "409 rules_changed", "windows", id(window), with(good, "version", all.Version+1))

	bad("OfNobody", "422 unknown_reference", "windows", with(window, "practitioner", "prc_"+uuid()))
	bad("OfAnotherPractices", "422 unknown_reference", "windows", with(window, "practitioner", id(foreign.Practitioners[0])))
	bad("AtAnotherPractices", "422 unknown_reference", "windows", with(window, "location", id(foreign.Locations[0])))
	bad("ForAnotherPractices", "422 unknown_reference", "windows", with(window, "services", []string{id(foreign.Services[0])}))
	bad("BackToFront", "422 invalid_opening", "windows", with(window, "until", "07:00"))
	bad("WithoutAnchor", "422 invalid_opening", "windows", with(window, "every_weeks", 2))
	bad("Twice", "422 duplicate_opening", "windows", with(window, "id", "win_"+uuid()))
	bad("Never", "422 never_offered", "windows", with(with(with(window, "weekdays", []int{1}), "valid_from", "2027-01-05"), "valid_until", "2027-01-06"))
	bad("EndlessName", "422 invalid_text", "windows", with(window, "name", strings.Repeat(canary, 11)))
	bad("ControlSign", "422 invalid_text", "windows", with(window, "name", canary+"\x1b[2J"))
	bad("NoMinutes", "422 invalid_duration", "services", with(service, "minutes", 0))
	bad("NoName", "422 missing_name", "services", with(service, "name", " "))
	bad("Price", "422 invalid_price", "services", with(service, "price_cents", -1))
	bad("Confirmation", "400 malformed_body", "services", with(service, "confirmation", canary))
	bad("Ages", "422 invalid_age", "services", with(with(service, "min_age", 9), "max_age", 8))
	bad("OverlappingSessions", "422 invalid_step", "services", with(with(service, "seats", 8), "step", 5))
	bad("NeedOfNothing", "422 unknown_reference", "services", with(service, "needs", []any{map[string]any{"role": "Raum", "resources": []string{"res_" + uuid()}}}))
	bad("ProviderTwice", "422 duplicate_id", "services", with(service, "practitioners", []any{map[string]any{"id": id(person)}, map[string]any{"id": id(person)}}))
	bad("ProviderInNoTime", "400 malformed_body", "services", with(service, "practitioners", []any{map[string]any{"id": id(person), "minutes": 0}}))
	bad("AnothersTime", "422 invalid_resource", "practitioners", with(person, "resource", all.Practitioners[1]["resource"]))
	bad("ZoneOfTheMachine", "422 unknown_zone", "locations", with(place, "zone", "Local"))
	bad("ZoneAsPath", "422 unknown_zone", "locations", with(place, "zone", "../../etc/passwd"))
	bad("Land", "422 unknown_land", "locations", with(place, "land", canary))
	bad("Kind", "400 malformed_body", "resources", with(room, "kind", canary))
	bad("NoRoom", "400 malformed_body", "resources", with(room, "capacity", 0))
	bad("TooMuchRoom", "422 invalid_resource", "resources", with(room, "capacity", 101))
	bad("BackToFront", "422 invalid_closure", "closures", with(closure, "until", "2027-04-30"))
	bad("TimeBeyondTheDay", "422 invalid_closure", "closures", with(closure, "until_time", "24:01"))
	bad("NoDate", "400 malformed_body", "closures", without(closure, "from"))
	bad("Substitute", "422 invalid_closure", "closures", with(closure, "substitute", map[string]any{"name": "", "address": canary, "phone": ""}))
	bad("Per", "400 malformed_body", "quotas", with(quota, "per", "year"))
	bad("Max", "422 invalid_quota", "quotas", with(quota, "max", -1))
	bad("Window", "422 unknown_reference", "quotas", with(quota, "windows", []string{id(foreign.Windows[0])}))
	bad("OneStep", "422 invalid_chain", "chains", with(chain, "steps", chain["steps"].([]any)[:1]))
	bad("OptionalFirst", "422 invalid_chain", "chains", with(chain, "steps", []any{chain["steps"].([]any)[1], chain["steps"].([]any)[0]}))
	profile := func(name, want string, value map[string]any) {
		put(name, want, "practice", "practice", edit(all.Version, value))
	}
	profile("Accent", "422 invalid_accent", with(all.Practice, "accent", "red;}"))
	profile("Channel", "422 invalid_channels", with(all.Practice, "channels", []string{canary}))
	profile("ClosedDay", "400 malformed_yearly_day", with(all.Practice, "closed_days", []string{canary}))
	profile("BookingsPerContact", "422 invalid_limit", with(all.Practice, "bookings_per_contact", 0))
	leg := map[string]any{"a": id(place), "b": id(foreign.Locations[0]), "minutes": 5}
	put("ToAnotherPractices", "422 unknown_reference", "legs", fmt.Sprint(leg["a"], ".", leg["b"]), edit(all.Version, leg))
	put("OfAnotherPath", "400 malformed_id", "legs", fmt.Sprint(leg["b"], ".", leg["a"]), edit(all.Version, leg))

	remove := func(name, want, path string) {
		scenarios = append(scenarios, scenario{name: "Remove" + name, method: http.MethodDelete, path: "/api/v1/rules/" + path, want: want})
	}
	now := fmt.Sprintf("?version=%d", all.Version)
	remove("WithoutVersion", "400 malformed_request", "windows/"+id(window))
	remove("VersionWord", "400 malformed_request", "windows/"+id(window)+"?version="+canary)
	remove("OutsideWord", "400 malformed_request", "windows/"+id(window)+now+"&outside="+canary)
	remove("Stale", "409 rules_changed", fmt.Sprintf("windows/%s?version=%d", id(window), all.Version+7))
	remove("Unknown", "404 unknown_rule", "windows/win_"+uuid()+now)
	remove("Foreign", "404 unknown_rule", "windows/"+id(foreign.Windows[0])+now)
	remove("Word", "400 malformed_id", "windows/"+canary+now)
	remove("OfAnotherKind", "400 malformed_id", "windows/"+id(service)+now)
	remove("HalfALeg", "400 malformed_id", "legs/"+id(place)+now)
	remove("ALocationInUse", "409 in_use", "locations/"+id(place)+now)
	remove("SomebodyInUse", "409 in_use", "practitioners/"+id(person)+now)
	remove("AServiceInUse", "409 in_use", "services/"+id(service)+now)
	remove("ThePractice", "404 not_found", "practice/practice"+now)
	refuseAll(t, owner, scenarios)

	t.Run("TheFieldIsNamed", func(t *testing.T) {
		var said struct {
			Field  string
			Errors []struct{ Where, Why string }
		}
		owner.put("windows", id(window), edit(all.Version, with(window, "until", "07:00"))).into(t, &said)
		if said.Field != "until" || len(said.Errors) != 1 || said.Errors[0].Where != "body.value.until" || said.Errors[0].Why != "invalid_opening" {
			t.Errorf("a window: %+v", said)
		}
		said.Field, said.Errors = "", nil
		owner.send(http.MethodDelete, "/api/v1/rules/services/"+id(service)+now, nil).into(t, &said)
		if said.Field != "" || len(said.Errors) == 0 || !strings.HasPrefix(said.Errors[0].Where, "windows.win_") || !strings.HasSuffix(said.Errors[0].Where, ".services") {
			t.Errorf("a service in use: %+v", said)
		}
	})
	// All that was refused changed nothing: the same window is still saved.
	if a := owner.put("windows", id(window), good); a.Status != 200 {
		t.Errorf("the window that was never wrong: %v %s", a, a.Body)
	}
	refuseAll(t, owner, []scenario{{name: "windowsStale", method: http.MethodPut, path: "/api/v1/rules/windows/" + id(window), body: good, want: "409 rules_changed"}})
}
