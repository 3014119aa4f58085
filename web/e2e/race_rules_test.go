package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestRaceForSeatsRoomsAndQuotas lets patients race for the seats of a course
// and, two at a time, for a room that two people need, and for a quota: none is
// ever given out twice, and families get all or nothing.
func TestRaceForSeatsRoomsAndQuotas(t *testing.T) {
	d := running(t)
	leaveNoAppointment(t, d)
	whole := t // what is looked at below goes only at its end
	t.Run("Seats", func(t *testing.T) {
		r := raceAt(t, d, "physio-lindenhof", 40, 300)
		free := r.visitors[0].slots(t, r.practice.Services["Rückenschule"], r.practice.Doctors["Kursleitung"])
		// A day lets few be unconfirmed at once, so it takes some rounds to fill up.
		families, singles := 0, 0
		for range 6 {
			pairs, alone := r.inParts(t, free[0])
			families, singles = families+pairs, singles+alone
		}
		if got := 2*families + singles; got != 8 {
			t.Errorf("%d families and %d others have %d of eight seats", families, singles, got)
		}
		if n := d.count(t, "select count(distinct (unit, session)) from occupation where starts = $1", free[0].Starts); n != 1 {
			t.Errorf("%d sessions at one time", n)
		}
		if n := d.count(t, "select count(*) from occupation where starts = $1 and seat between 1 and 8", free[0].Starts); n != 8 {
			t.Errorf("%d of eight seats are taken", n)
		}
	})
	t.Run("Quota", func(t *testing.T) {
		r := raceAt(t, d, "physio-lindenhof", 20, 400)
		owner := d.staff(t, 2, 460)
		gym := r.practice.Services["Krankengymnastik"]
		quota := map[string]any{"id": "quo_" + uuid(), "name": "Drei am Tag", "max": 3, "per": "day", "services": []any{gym}, "windows": []any{},
			"practitioners": []any{}, "insurance": []any{}, "patients": "all"}
		if a := owner.put("quotas", quota["id"].(string), edit(owner.rules(t).Version, quota)); a.Status != 200 {
			t.Fatalf("%v %s", a, a.Body)
		}
		whole.Cleanup(func() {
			path := fmt.Sprintf("/api/v1/rules/quotas/%s?version=%d&outside=keep", quota["id"], owner.rules(whole).Version)
			if a := owner.send(http.MethodDelete, path, nil); a.Status != 200 {
				whole.Errorf("%v %s", a, a.Body)
			}
		})
		free := r.visitors[0].slots(t, gym, r.practice.Doctors["Leyla Aydin"])
		day := free[len(free)-1].Starts.Format(time.DateOnly)
		var ofDay []slot
		for _, s := range free {
			if s.Starts.Format(time.DateOnly) == day {
				ofDay = append(ofDay, s)
			}
		}
		won := 0
		for range 3 {
			won += r.each(func(i int, v *visitor) bool {
				f := newForm()
				s := ofDay[i%len(ofDay)]
				if a := v.post("/api/v1/holds", with(f.hold(s), "quotas", []any{quota["id"]})); a.Status != 201 {
					return false
				}
				return r.bookAndConfirm(v, f).won()
			})
		}
		if n := d.count(t, "select count(*) from quota_use where quota_id = $1", quota["id"].(string)[4:]); won != 3 || n != 3 {
			t.Errorf("%d were booked and %d counted of three", won, n)
		}
	})
	for rule, query := range map[string]string{
		"occupations of a unit overlap": `select count(*) from occupation a join occupation b
			on (a.tenant_id, a.resource_id, a.unit) = (b.tenant_id, b.resource_id, b.unit) and a.appointment_id < b.appointment_id
			and a.session <> b.session and a.starts < b.ends and b.starts < a.ends`,
		"quotas are exceeded": `select count(*) from quota_use u join quota q on (q.tenant_id, q.id) = (u.tenant_id, u.quota_id) where u.number > q.max`,
		"sets are torn": `select count(*) from appointment a where set_id is not null
			and 2 <> (select count(*) from appointment b where (b.tenant_id, b.set_id) = (a.tenant_id, a.set_id))`,
	} {
		if n := d.count(t, query); n != 0 {
			t.Errorf("%d %s", n, rule)
		}
	}
}

// leaveNoAppointment takes away at the end what a test has booked: others count
// who lies outside of changed hours.
func leaveNoAppointment(t *testing.T, d *demo) {
	t.Helper()
	var begun time.Time
	if err := d.db.QueryRow(t.Context(), "select now()").Scan(&begun); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := d.db.Exec(context.Background(), "delete from appointment where created >= $1", begun); err != nil {
			t.Error(err)
		}
	})
}

// raceAt is a race at another practice.
func raceAt(t *testing.T, d *demo, slug string, visitors, from int) *race {
	t.Helper()
	r := &race{d: d}
	for n := range visitors {
		r.visitors = append(r.visitors, d.visitor(d.host(slug), from+n))
	}
	r.practice = r.visitors[0].practice(t)
	return r
}

// each lets all visitors try at once and counts those who succeed.
func (r *race) each(try func(i int, v *visitor) bool) (won int) {
	var (
		begin, all sync.WaitGroup
		wins       = make([]bool, len(r.visitors))
	)
	begin.Add(1)
	for i, v := range r.visitors {
		all.Go(func() {
			begin.Wait()
			wins[i] = try(i, v)
		})
	}
	begin.Done()
	all.Wait()
	for _, w := range wins {
		if w {
			won++
		}
	}
	return won
}

// inParts lets every fourth visitor try for two seats and the others for one.
func (r *race) inParts(t *testing.T, s slot) (pairs, alone int) {
	t.Helper()
	var mu sync.Mutex
	r.each(func(i int, v *visitor) bool {
		f := newForm()
		hold, two := f.hold(s), i%4 == 0
		if two {
			item := without(hold, "token")
			hold = map[string]any{"token": hold["token"], "items": []any{item, item}}
		}
		if a := v.post("/api/v1/holds", hold); a.Status != 201 {
			return false
		}
		booking := f.booking(r.practice)
		if two {
			one, copied := booking["envelope"], booking["copy"]
			booking = without(booking, "envelope", "copy")
			booking["envelopes"], booking["copies"] = []any{one, r.practice.envelope()}, []any{copied, copied}
		}
		if a := v.post("/api/v1/bookings", booking); a.Status != 202 {
			t.Errorf("%v %s", a, a.Body)
			return false
		}
		code, err := r.d.code(f.Address, func() bool { return false })
		if err != nil {
			t.Error(err)
			return false
		}
		a := v.post("/api/v1/bookings/confirm", f.confirmation(code))
		if a.Status != 200 {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if two {
			pairs++
		} else {
			alone++
		}
		return true
	})
	return pairs, alone
}

// A service that staff confirms makes requests: the patient is told so, the
// office sees them and answers, and a time that was declined is free again.
func TestRequestsAreAnsweredByTheOffice(t *testing.T) {
	d := running(t)
	leaveNoAppointment(t, d)
	owner := d.staff(t, 2, 461)
	service := of(t, owner.rules(t).Services, "Rückengruppe")
	if a := owner.put("services", service["id"].(string), edit(owner.rules(t).Version, with(service, "confirmation", "by_staff"))); a.Status != 200 {
		t.Fatalf("%v %s", a, a.Body)
	}
	defer func() { owner.put("services", service["id"].(string), edit(owner.rules(t).Version, service)) }()
	time.Sleep(1100 * time.Millisecond) // what a server may remember of an offer

	type visit struct{ Status, Appointment, Confirmation string }
	for n, verdict := range []struct{ say, status string }{{"accept", "booked"}, {"decline", "cancelled"}} {
		r := raceAt(t, d, "physio-lindenhof", 1, 470+n)
		v, f := r.visitors[0], newForm()
		s := v.slots(t, service["id"].(string), r.practice.Doctors["Rückengruppe"])[n]
		if a := v.post("/api/v1/holds", f.hold(s)); a.Status != 201 {
			t.Fatalf("%v %s", a, a.Body)
		}
		if a := v.post("/api/v1/bookings", f.booking(r.practice)); a.Status != 202 {
			t.Fatalf("%v %s", a, a.Body)
		}
		var peeked, requested, seen visit
		v.post("/api/v1/bookings/peek", map[string]any{"secret": b64(f.Secret)}).into(t, &peeked)
		if peeked.Status != "pending" || peeked.Confirmation != "by_staff" {
			t.Errorf("before confirming: %+v", peeked)
		}
		code, err := d.code(f.Address, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		v.post("/api/v1/bookings/confirm", f.confirmation(code)).into(t, &requested)
		if requested.Status != "requested" {
			t.Fatalf("confirmed: %+v", requested)
		}
		path := "/api/v1/appointments/" + requested.Appointment + "/" + verdict.say
		if a := v.post(path, map[string]any{}); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound && a.Status != http.StatusUnauthorized {
			t.Errorf("a patient may %s: %v", verdict.say, a)
		}
		var list struct {
			Appointments []struct{ ID, Status string }
		}
		owner.get(fmt.Sprintf("/api/v1/appointments?from=%s&to=%s", s.Starts.Format(time.RFC3339), s.Ends.Format(time.RFC3339))).into(t, &list)
		if len(list.Appointments) != 1 || list.Appointments[0].ID != requested.Appointment || list.Appointments[0].Status != "pending" {
			t.Errorf("the office sees %+v", list)
		}
		for range 2 {
			if a := owner.post(path, map[string]any{}); a.Status != 200 {
				t.Fatalf("%v %s", a, a.Body)
			}
		}
		if v.post("/api/v1/bookings/view", map[string]any{"secret": b64(f.Secret)}).into(t, &seen); seen.Status != verdict.status {
			t.Errorf("after %s the patient sees %+v", verdict.say, seen)
		}
		if n := d.count(t, "select count(*) from occupation where appointment_id = $1", requested.Appointment[4:]); (n == 1) != (verdict.say == "accept") {
			t.Errorf("after %s it takes %d times", verdict.say, n)
		}
	}
}
