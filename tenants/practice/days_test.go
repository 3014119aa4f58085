package practice_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// crowd is a practice of four who offer the same, with quotas, windows of all
// kinds, some for one group alone.
func crowd(s *surgery) {
	s.Practitioners = append(s.Practitioners,
		practice.Practitioner{ID: id.New[id.Practitioner](), Name: "Cem", Position: 3},
		practice.Practitioner{ID: id.New[id.Practitioner](), Name: "Dana", Position: 4})
	random := rand.New(rand.NewPCG(7, 8))
	s.Openings = nil
	s.Services[1].Practitioners = nil
	s.Services[1].HorizonDays = 90
	for _, p := range s.Practitioners {
		s.Services[1].Practitioners = append(s.Services[1].Practitioners, p.ID)
		for day := 1; day <= 5; day++ {
			from := 8*60 + 20*random.IntN(6)
			o := practice.Opening{
				ID: id.New[id.Window](), Practitioner: p.ID, Location: s.main, Weekdays: schedule.WeekdaysOf(day), From: from, Until: from + 120,
			}
			switch random.IntN(4) {
			case 0:
				o.Insurance = schedule.PKV
			case 1:
				o.Location = s.branch
			case 2:
				o.EveryWeeks, o.Anchor = 2, monday
			}
			s.Openings = append(s.Openings, o)
		}
	}
	s.Openings = append(s.Openings, practice.Opening{
		ID: id.New[id.Window](), Practitioner: s.bea, Location: s.main, Weekdays: schedule.WeekdaysOf(6), From: 23 * 60, Until: 25 * 60,
	})
	s.Closures = []practice.Closure{{Stretch: schedule.Stretch{From: monday + 10, Until: monday + 20, UntilMinute: 1440}}}
}

// Days says, at a fraction of the work, how many slots a list of them would have.
func TestDaysCountWhatListsHave(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, crowd)
	for _, q := range []practice.Query{{Service: s.vaccination}, {Service: s.vaccination, Practitioner: s.bea}} {
		q.From = schedule.DateOf(saturday)
		days, err := f.Days(t.Context(), tenant, q)
		if err != nil {
			t.Fatal(err)
		}
		if last := days.Days[len(days.Days)-1].Date; last < q.From+85 || last > q.From+90 {
			t.Errorf("the last day is %v", last)
		}
		at := 0
		for date, end := q.From, q.From+95; date < end; date++ {
			q.From, q.To = date, date+1
			list := f.ask(t, tenant, q)
			count := practice.DayCount{Date: date}
			if at < len(days.Days) && days.Days[at].Date == date {
				count = days.Days[at]
				at++
			}
			if count.Free != len(list.Slots) {
				t.Errorf("%v: counted %d of %d slots", date, count.Free, len(list.Slots))
			}
			var listed, counted []string
			for _, c := range list.Conditions {
				listed = append(listed, whom(c))
			}
			for _, c := range count.Conditions {
				counted = append(counted, whom(days.Conditions[c]))
			}
			slices.Sort(listed)
			slices.Sort(counted)
			if !slices.Equal(listed, counted) {
				t.Errorf("%v: conditions %q of %q", date, counted, listed)
			}
			i := slices.IndexFunc(days.Closed, func(d practice.ClosedDay) bool { return d.Date == date })
			if i >= 0 != (len(list.Closed) == 1) && date < days.To || i >= 0 && days.Closed[i] != list.Closed[0] {
				t.Errorf("%v: closed %v, %v", date, i, list.Closed)
			}
		}
	}
}

func TestNextAreTheFirstOfEachCondition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, crowd)
	const n = 3
	next, err := f.Next(t.Context(), tenant, practice.Query{Service: s.vaccination}, n)
	if err != nil {
		t.Fatal(err)
	}
	list := f.ask(t, tenant, practice.Query{Service: s.vaccination, From: schedule.DateOf(saturday), To: schedule.DateOf(saturday) + 62})
	var want []practice.Slot
	found := map[int32]int{}
	for _, x := range list.Slots {
		if found[x.Condition]++; found[x.Condition] <= n {
			want = append(want, x)
		}
	}
	if len(found) != 2 || len(next.Slots) != 2*n {
		t.Fatalf("%d conditions, %d slots", len(found), len(next.Slots))
	}
	for i := range want {
		if got := next.Slots[i]; got.Starts != want[i].Starts || got.Practitioner != want[i].Practitioner ||
			whom(next.Conditions[got.Condition]) != whom(list.Conditions[want[i].Condition]) {
			t.Errorf("slot %d is %+v, want %+v", i, got, want[i])
		}
	}
}

func TestAheadRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	for name, c := range map[string]struct {
		q    practice.Query
		want error
	}{
		"backwards":      {practice.Query{Service: s.checkup, From: monday, To: monday}, practice.ErrRange},
		"three years":    {practice.Query{Service: s.checkup, From: monday, To: monday + 731}, practice.ErrRange},
		"no service":     {practice.Query{From: monday}, practice.ErrUnknownService},
		"unknown chain":  {practice.Query{Chain: id.New[id.Chain](), From: monday}, practice.ErrUnknownChain},
		"after the last": {practice.Query{Service: s.checkup, From: monday + 600}, nil},
		"two years":      {practice.Query{Service: s.checkup, From: monday, To: monday + 730}, nil},
	} {
		if _, err := f.Days(t.Context(), tenant, c.q); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for _, n := range []int{0, 21} {
		if _, err := f.Next(t.Context(), tenant, practice.Query{Service: s.checkup}, n); !errors.Is(err, practice.ErrRange) {
			t.Errorf("next %d: got %v", n, err)
		}
	}
}

// Two at one location who have the same hours, of which one is half booked.
func twins(s *surgery) {
	s.Openings = nil
	for _, p := range []id.Practitioner{s.amal, s.bea} {
		s.Openings = append(s.Openings, practice.Opening{Practitioner: p, Location: s.main, Weekdays: schedule.WeekdaysOf(1), From: 8 * 60, Until: 16 * 60})
	}
	s.Resources[1].Capacity = 1
}

func TestAnyPractitioner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, twins)
	// Bea has a third of the day left: from 13:20.
	f.appoint(t, tenant, s.beaTime, s.main, berlin(0, 8*60), berlin(0, 13*60+20), practice.Session{}, 1)
	q := practice.Query{Service: s.vaccination}
	all := f.ask(t, tenant, q)

	t.Run("ShowsEachStartOnce", func(t *testing.T) {
		if len(all.Slots) != 24 {
			t.Errorf("%d slots, want one every twenty minutes for eight hours", len(all.Slots))
		}
		for i := 1; i < len(all.Slots); i++ {
			if all.Slots[i].Starts == all.Slots[i-1].Starts {
				t.Errorf("twice: %q", lines(s, all)[i])
			}
		}
	})
	t.Run("IsStableForASeed", func(t *testing.T) {
		q.Seed = "a browser's own"
		first := f.ask(t, tenant, q)
		if again := f.ask(t, tenant, q); !slices.Equal(first.Slots, again.Slots) {
			t.Error("the same seed, other practitioners")
		}
		narrow := q
		narrow.To, narrow.From = monday+8, monday-2
		if wider := f.ask(t, tenant, narrow); !slices.Equal(wider.Slots[:24], first.Slots) {
			t.Error("another range, other practitioners")
		}
	})
	t.Run("IsFairByLoad", func(t *testing.T) {
		const seeds = 400
		bea := 0
		for i := range seeds {
			q.Seed = fmt.Sprint(i)
			list := f.ask(t, tenant, q)
			// At two both are free.
			i := slices.IndexFunc(list.Slots, func(x practice.Slot) bool { return x.Starts == berlin(0, 14*60).Unix() })
			if list.Practitioners[list.Slots[i].Practitioner] == s.bea {
				bea++
			}
		}
		// She has 8 of 32 free slots (the buffer of ten minutes behind each included).
		share, want := float64(bea)/seeds, 8.0/32
		if deviation := 4 * math.Sqrt(want*(1-want)/seeds); math.Abs(share-want) > deviation {
			t.Errorf("Bea is offered in %.3f of the seeds, want %.3f", share, want)
		}
	})
}

func BenchmarkDays(b *testing.B) {
	f := newFixture(b)
	s, tenant := f.plant(b, func(s *surgery) { crowd(s); s.Services[1].HorizonDays = 730 })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Days(b.Context(), tenant, practice.Query{Service: s.vaccination, From: monday}); err != nil {
			b.Fatal(err)
		}
	}
}
