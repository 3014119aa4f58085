package connector

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/ics"
)

// Calendars read the same event again without harm: it has a UID that stays
// and a number that rises. Both outlets write files as a whole.

// icsFolder keeps a file for each booking.
type icsFolder struct{ Outlet }

func (f icsFolder) name() string { return f.Name }
func (f icsFolder) most() int    { return 100 }

func (icsFolder) prepare([]Item) (json.RawMessage, error) { return nil, nil }

func (f icsFolder) hand(_ context.Context, items []Item, _ json.RawMessage, _ bool) error {
	if err := os.MkdirAll(f.Folder, 0o700); err != nil {
		return err
	}
	var writing errgroup.Group
	writing.SetLimit(atOnce)
	for _, i := range items {
		writing.Go(func() error {
			calendar, err := ics.Publish(event(i))
			if err != nil {
				return err
			}
			return writeFile(filepath.Join(f.Folder, i.Booking+".ics"), []byte(calendar))
		})
	}
	return writing.Wait()
}

// icsFile keeps one file with everything from today on.
type icsFile struct {
	Outlet
	journal *journal
}

func (f *icsFile) name() string { return f.Name }
func (f *icsFile) most() int    { return 1 << 20 }

func (*icsFile) prepare([]Item) (json.RawMessage, error) { return nil, nil }

func (f *icsFile) hand(_ context.Context, items []Item, _ json.RawMessage, _ bool) error {
	var events []ics.Event
	add := func(i Item, _ record) { events = append(events, event(i)) }
	since := time.Now().Add(-24 * time.Hour).Unix()
	if err := f.journal.each(func(r *record) bool { return r.ends >= since && r.kind != Cancelled }, add); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.File), 0o700); err != nil {
		return err
	}
	calendar, err := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Siegel//Appointments//EN\r\nEND:VCALENDAR\r\n", error(nil)
	if len(events) > 0 {
		calendar, err = ics.Publish(events...)
	}
	if err != nil {
		return err
	}
	return writeFile(f.File, []byte(calendar))
}

// event is a booking as the practice's own calendar shows it: with its name.
func event(i Item) ics.Event {
	name := strings.TrimSpace(i.Family + ", " + i.Given)
	var about []string
	for _, line := range []string{i.BirthDate, i.Phone, i.Email, i.Insurance, i.Service, i.Note, i.Referral, i.Booker} {
		if line != "" {
			about = append(about, line)
		}
	}
	if i.Kind == Requested {
		name = "? " + name
	}
	return ics.Event{
		UID: ics.UID(i.Booking, "siegel.local"), Sequence: int(i.Version), Cancelled: i.Kind == Cancelled,
		// The same state is the same bytes, whenever it is written.
		Stamp: i.Starts, Starts: i.Starts, Ends: i.Ends, // in UTC: a wall clock strikes one hour a year twice
		Summary: name, Location: i.Practitioner + ", " + i.Location, Description: strings.Join(about, "; "),
	}
}
