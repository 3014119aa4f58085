package help_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/tenants/help"
)

// failing is a part that can be broken.
type failing struct{ broken, unused atomic.Bool }

func (f *failing) check(context.Context) error {
	switch {
	case f.unused.Load():
		return help.ErrUnused
	case f.broken.Load():
		return errors.New("broken")
	default:
		return nil
	}
}

func TestStatus_TellsSinceWhenAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	db := testdb.OpenURL(t, testdb.New(t).Server)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var mail, texts failing
	texts.unused.Store(true)
	begin := func() *help.Status {
		t.Helper()
		s, err := help.NewStatus(help.StatusConfig{DB: db, Now: func() time.Time { return now },
			Checks: map[help.Part]func(context.Context) error{help.Mail: mail.check, help.Texts: texts.check}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	is := func(s *help.Status, well bool, since time.Time) {
		t.Helper()
		s.Look(t.Context())
		found, looked := s.Conditions()
		if len(found) != 1 || found[0] != (help.Condition{Part: help.Mail, Well: well, Since: since}) || !looked.Equal(now) {
			t.Errorf("%+v at %v, want well %v since %v", found, looked, well, since)
		}
	}
	s := begin()
	if found, looked := s.Conditions(); len(found) != 0 || !looked.IsZero() {
		t.Errorf("before the first look: %v, %v", found, looked)
	}
	first := now
	is(s, true, first)
	now = now.Add(time.Hour)
	is(s, true, first)
	mail.broken.Store(true)
	broke := now
	is(s, false, broke)
	now = now.Add(time.Hour)
	is(begin(), false, broke) // a restart forgets nothing
	is(s, false, broke)
	mail.broken.Store(false)
	is(s, true, now)
	texts.unused.Store(false)
	s.Look(t.Context())
	if found, _ := s.Conditions(); len(found) != 2 || found[1].Part != help.Texts {
		t.Errorf("in use by now: %+v", found)
	}
}

// The page is for the hour when the database is away.
func TestStatus_WithoutDatabase(t *testing.T) {
	t.Parallel()
	db := testdb.OpenURL(t, testdb.New(t).Server)
	s, err := help.NewStatus(help.StatusConfig{DB: db, Checks: map[help.Part]func(context.Context) error{help.Database: db.Ping}})
	if err != nil {
		t.Fatal(err)
	}
	s.Look(t.Context())
	db.Close()
	s.Look(t.Context())
	if found, _ := s.Conditions(); len(found) != 1 || found[0].Well || found[0].Since.IsZero() {
		t.Errorf("%+v", found)
	}
}
