package schedule_test

import (
	"errors"
	"testing"
	"time"

	"siegel/tenants/schedule"
)

func TestDateIsACalendarDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		days    schedule.Date
		weekday int
	}{
		{"1970-01-01", 0, 4},
		{"1970-01-04", 3, 7},
		{"1969-12-31", -1, 3},
		{"2024-02-29", 19782, 4},
		{"2026-03-29", 20541, 7},
		{"2026-11-23", 20780, 1},
	} {
		d, err := schedule.ParseDate(c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		if d != c.days || d.Weekday() != c.weekday || d.String() != c.text {
			t.Errorf("%s: got day %d, weekday %d, text %s", c.text, d, d.Weekday(), d)
		}
	}
}

func TestDateRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026-02-29", "2026-13-01", "2026-1-01", "2026-11-23T00:00:00Z", "23.11.2026", " 2026-11-23"} {
		if d, err := schedule.ParseDate(text); !errors.Is(err, schedule.ErrMalformedDate) {
			t.Errorf("%q: got %v, %v", text, d, err)
		}
	}
}

func TestDateOfIsTheLocalOne(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	if got := schedule.DateOf(at.In(zone(t, "Europe/Berlin"))).String(); got != "2026-11-23" {
		t.Errorf("in Berlin it is %s", got)
	}
	if got := schedule.DateOf(at).String(); got != "2026-11-22" {
		t.Errorf("in UTC it is %s", got)
	}
}
