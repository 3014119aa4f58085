package e2e_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	rounds       = 50
	crowd        = 200 // patients a round
	chainRounds  = 10
	flushRounds  = 12
	forgetRounds = 5
	forgetCrowd  = 30
)

// TestRace lets patients race for the same time through the HTTP API, each
// from a network and a browser of their own, under the real caps.
func TestRace(t *testing.T) {
	d := running(t)
	r := newRace(t, d)
	before := d.count(t, "select count(*) from appointment where status = 'booked'")

	t.Run("ForOneSlot", r.forOneSlot)
	t.Run("ForSlotsThatAllOverlap", r.forSlotsThatAllOverlap)
	t.Run("ForSlotsOfWhichSomeOverlap", r.forSlotsOfWhichSomeOverlap)
	t.Run("WhileRedisIsFlushed", r.whileRedisIsFlushed)
	t.Run("AfterRedisForgotTheHolds", r.afterRedisForgotTheHolds)

	if n := d.count(t, "select count(*) from appointment where status = 'booked'") - before; n != r.confirmed {
		t.Errorf("%d confirmations were answered with 200, and %d appointments exist", r.confirmed, n)
	}
	for rule, query := range map[string]string{
		"occupations of a unit overlap": `select count(*) from occupation a join occupation b
			on (a.tenant_id, a.resource_id, a.unit) = (b.tenant_id, b.resource_id, b.unit) and a.appointment_id < b.appointment_id
			and a.session <> b.session and a.starts < b.ends and b.starts < a.ends`,
		"units lie above the capacity":        `select count(*) from occupation o join resource r on (r.tenant_id, r.id) = (o.tenant_id, o.resource_id) where o.unit > r.capacity`,
		"appointments have not one envelope":  `select count(*) from appointment a where 1 <> (select count(*) from envelope e where (e.tenant_id, e.appointment_id) = (a.tenant_id, a.id))`,
		"appointments have not one copy":      `select count(*) from appointment a where 1 <> (select count(*) from patient_copy c where (c.tenant_id, c.appointment_id) = (a.tenant_id, a.id))`,
		"appointments have not one time":      `select count(*) from appointment a where status <> 'cancelled' and 1 <> (select count(*) from occupation o where (o.tenant_id, o.appointment_id, o.resource_id) = (a.tenant_id, a.id, a.resource_id))`,
		"messages could not be sent":          `select count(*) from outbox where status = 'dead'`,
		"occupations are of one that is gone": `select count(*) from occupation o where not exists (select from appointment a where (a.tenant_id, a.id) = (o.tenant_id, o.appointment_id))`,
	} {
		if n := d.count(t, query); n != 0 {
			t.Errorf("%d %s", n, rule)
		}
	}
}

// race is a practice and those who race for its times.
type race struct {
	d         *demo
	practice  practice
	visitors  []*visitor
	confirmed int // all answers of 200 to a confirmation
	// at, where given, is called by each patient who has got so far.
	at func(step string)
}

func (r *race) reached(step string) {
	if r.at != nil {
		r.at(step)
	}
}

func newRace(t *testing.T, d *demo) *race {
	r := &race{d: d}
	for n := range crowd {
		r.visitors = append(r.visitors, d.visitor(d.host("praxis-sonnenberg"), n))
	}
	r.practice = r.visitors[0].practice(t)
	return r
}

// outcome is what became of one patient: how far they got, and the answer
// that ended it.
type outcome struct {
	step string // hold, book, mail, confirm
	answer
}

func (o outcome) won() bool { return o.step == "confirm" && o.Status == 200 }

// tally counts outcomes by what they say.
type tally map[string]int

func (c tally) String() string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(c)) {
		words = append(words, fmt.Sprintf("%d × %s", c[k], k))
	}
	return strings.Join(words, ", ")
}

// try goes the whole way of one patient, until the first refusal.
func (r *race) try(v *visitor, s slot) outcome {
	f := newForm()
	if a := v.post("/api/v1/holds", f.hold(s)); a.Err != nil || a.Status != 201 {
		return outcome{"hold", a}
	}
	r.reached("held")
	return r.bookAndConfirm(v, f)
}

func (r *race) bookAndConfirm(v *visitor, f form) outcome {
	if a := v.post("/api/v1/bookings", f.booking(r.practice)); a.Err != nil || a.Status != 202 {
		return outcome{"book", a}
	}
	r.reached("booked")
	// Who waits for a mail looks now and then whether there is still something
	// to confirm.
	var lost answer
	polls := 0
	code, err := r.d.code(f.Address, func() bool {
		if polls++; polls%20 != 0 {
			return false
		}
		lost = v.post("/api/v1/bookings/peek", map[string]any{"secret": b64(f.Secret)})
		return lost.Err != nil || lost.Status != 200
	})
	if err != nil || code == "" {
		if err != nil {
			lost.Err = err
		}
		return outcome{"mail", lost}
	}
	r.reached("mailed")
	return outcome{"confirm", v.post("/api/v1/bookings/confirm", f.confirmation(code))}
}

// run lets all visitors try at once, each at one of the choices, and returns
// what became of them.
func (r *race) run(choices []slot) (tally, int) {
	var (
		begin, all sync.WaitGroup
		outcomes   = make([]outcome, len(r.visitors))
	)
	begin.Add(1)
	for i, v := range r.visitors {
		all.Go(func() {
			begin.Wait()
			outcomes[i] = r.try(v, choices[i%len(choices)])
		})
	}
	begin.Done()
	all.Wait()
	return r.sum(outcomes)
}

func (r *race) sum(outcomes []outcome) (tally, int) {
	seen, won := tally{}, 0
	for _, o := range outcomes {
		seen[o.step+" "+o.String()]++
		if o.won() {
			won++
		}
	}
	r.confirmed += won
	return seen, won
}

// only reports whether nothing but the given outcomes was seen.
func (c tally) only(allowed ...string) bool {
	for k := range c {
		if !slices.Contains(allowed, k) {
			return false
		}
	}
	return true
}

func (r *race) forOneSlot(t *testing.T) {
	free := r.visitors[0].slots(t, r.practice.Services["Allgemeine Sprechstunde"], r.practice.Doctors["Herr Dr. Berg"])
	for n := range rounds {
		seen, won := r.run(free[n : n+1])
		if won != 1 || !seen.only("confirm 200", "hold 409 slot_taken") {
			t.Fatalf("round %d: %v", n, seen)
		}
		r.d.forgetMessages(t)
	}
}

// hours finds, on days on which nothing is booked, the times around a full
// hour at which services of Dr. Sommer of different lengths begin.
func (r *race) hours(t *testing.T) (hours []map[string]slot) {
	t.Helper()
	at := map[time.Time]map[string]slot{}
	for _, name := range []string{"Allgemeine Sprechstunde", "Befund besprechen", "Gesundheits-Check-up", "Reisemedizinische Beratung"} {
		for _, s := range r.visitors[0].slots(t, r.practice.Services[name], r.practice.Doctors["Frau Dr. Sommer"]) {
			if at[s.Starts] == nil {
				at[s.Starts] = map[string]slot{}
			}
			at[s.Starts][name] = s
		}
	}
	var last time.Time
	for _, full := range slices.SortedFunc(maps.Keys(at), time.Time.Compare) {
		before := at[full.Add(-30*time.Minute)]["Gesundheits-Check-up"]
		if len(at[full]) < 4 || before.Service == "" || full.Sub(last) < 2*time.Hour {
			continue
		}
		last = full
		hours = append(hours, map[string]slot{
			"half an hour earlier": before, // till five past, with its buffer
			"fifteen minutes":      at[full]["Allgemeine Sprechstunde"],
			"another fifteen":      at[full]["Befund besprechen"],
			"twenty":               at[full]["Reisemedizinische Beratung"],
			"half an hour":         at[full]["Gesundheits-Check-up"],
			"a quarter later":      at[full.Add(15*time.Minute)]["Befund besprechen"],
			"twenty later":         at[full.Add(20*time.Minute)]["Allgemeine Sprechstunde"],
		})
	}
	return hours
}

func (r *race) forSlotsThatAllOverlap(t *testing.T) {
	hours := r.hours(t)
	for n := range rounds {
		h := hours[n]
		seen, won := r.run([]slot{h["half an hour earlier"], h["fifteen minutes"], h["another fifteen"], h["twenty"], h["half an hour"]})
		if won != 1 || !seen.only("confirm 200", "hold 409 slot_taken") {
			t.Fatalf("round %d: %v", n, seen)
		}
		r.d.forgetMessages(t)
	}
}

// Here several can win. That no two of them overlap is for SQL to say.
func (r *race) forSlotsOfWhichSomeOverlap(t *testing.T) {
	hours := r.hours(t)
	for n := range chainRounds {
		h := hours[n]
		choices := slices.Collect(maps.Values(h))
		seen, won := r.run(choices)
		if won < 1 || won > 3 || !seen.only("confirm 200", "hold 409 slot_taken") {
			t.Fatalf("round %d: %v", n, seen)
		}
		r.d.forgetMessages(t)
	}
}

func (r *race) whileRedisIsFlushed(t *testing.T) {
	free := r.visitors[0].slots(t, r.practice.Services["Allgemeine Sprechstunde"], r.practice.Doctors["Herr Dr. Berg"])
	for n := range flushRounds {
		flush := sync.OnceFunc(func() {
			if err := r.d.redis.FlushAll(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		})
		// By turns: when the first holds, has booked, has the mail, or at no
		// step in particular.
		step := []string{"held", "booked", "mailed", ""}[n%4]
		r.at = func(s string) {
			if s == step {
				flush()
			}
		}
		if step == "" {
			time.AfterFunc(rand.N(100*time.Millisecond), flush)
		}
		seen, won := r.run(free[n : n+1])
		flush() // where the time was over before
		r.at = nil
		if lost := map[string]int{"held": seen["book 410 hold_expired"], "booked": seen["mail 410 link_expired"] + seen["confirm 410 link_expired"],
			"mailed": seen["confirm 410 link_expired"], "": 1}[step]; lost == 0 {
			t.Errorf("round %d: nobody noticed the flush: %v", n, seen)
		}
		allowed := []string{"confirm 200", "hold 409 slot_taken", "confirm 409 slot_taken",
			"book 410 hold_expired", "mail 410 link_expired", "confirm 410 link_expired"}
		if won > 1 || !seen.only(allowed...) {
			t.Fatalf("round %d: %v", n, seen)
		}
		// Whoever tries again finds the slot free, or sold.
		again := r.try(r.visitors[n], free[n])
		_, more := r.sum([]outcome{again})
		if won+more != 1 || won == 1 && again.String() != "409 slot_taken" {
			t.Fatalf("round %d: %v, and then %s %v", n, seen, again.step, again)
		}
		r.d.forgetMessages(t)
	}
}

// A Redis that fails over can lose the last holds and keep what is pending:
// then several hold a link to the same time, and the database decides.
func (r *race) afterRedisForgotTheHolds(t *testing.T) {
	free := r.visitors[0].slots(t, r.practice.Services["Allgemeine Sprechstunde"], r.practice.Doctors["Herr Dr. Berg"])
	for n := range forgetRounds {
		var (
			begin, all sync.WaitGroup
			outcomes   = make([]outcome, forgetCrowd)
		)
		begin.Add(1)
		for i, v := range r.visitors[:forgetCrowd] {
			f := newForm()
			a := answer{Status: 409}
			// The step that marks a mail as sent brings its hold back: again, then.
			for tries := 0; a.Status == 409 && tries < 20; tries++ {
				if err := r.d.redis.Del(t.Context(), "t:{"+r.practice.Tenant+"}:live").Err(); err != nil {
					t.Fatal(err)
				}
				a = v.post("/api/v1/holds", f.hold(free[n]))
			}
			if a.Err != nil || a.Status != 201 {
				t.Fatalf("round %d, hold %d: %v", n, i, a)
			}
			if a := v.post("/api/v1/bookings", f.booking(r.practice)); a.Err != nil || a.Status != 202 {
				t.Fatalf("round %d, booking %d: %v", n, i, a)
			}
			all.Go(func() {
				code, err := r.d.code(f.Address, func() bool { return false })
				if err != nil {
					outcomes[i] = outcome{"mail", answer{Err: err}}
					return
				}
				begin.Wait()
				outcomes[i] = outcome{"confirm", v.post("/api/v1/bookings/confirm", f.confirmation(code))}
			})
		}
		time.Sleep(100 * time.Millisecond) // so that most have their mail, and wait for each other
		begin.Done()
		all.Wait()
		seen, won := r.sum(outcomes)
		if won != 1 || seen["confirm 409 slot_taken"] != forgetCrowd-1 {
			t.Fatalf("round %d: %v", n, seen)
		}
		r.d.forgetMessages(t)
	}
}
