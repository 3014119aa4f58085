package registry_test

import (
	"errors"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/registry"
)

func TestLife_GoesLegalStepsOnly(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	legal := map[registry.Status][]registry.Status{
		registry.Trial:     {registry.Active, registry.Suspended, registry.Closed},
		registry.Active:    {registry.Suspended, registry.Closed},
		registry.Suspended: {registry.Active, registry.Closed},
		registry.Closed:    {},
	}
	n := 0
	for from, ways := range legal {
		for _, to := range []registry.Status{registry.Trial, registry.Active, registry.Suspended, registry.Closed} {
			if from == to {
				continue
			}
			n++
			beginning := registry.Beginning{Slug: "life-" + string(rune('a'+n))}
			if from == registry.Trial {
				beginning.Trial = time.Hour
			}
			tenant, err := s.Begin(t.Context(), beginning)
			if err != nil {
				t.Fatal(err)
			}
			if from == registry.Suspended || from == registry.Closed {
				if err := s.SetStatus(t.Context(), tenant.ID, from); err != nil {
					t.Fatal(err)
				}
			}
			err = s.SetStatus(t.Context(), tenant.ID, to)
			allowed := false
			for _, way := range ways {
				allowed = allowed || way == to
			}
			if allowed && err != nil || !allowed && !errors.Is(err, registry.ErrIllegalStep) {
				t.Errorf("%s to %s: got %v", from, to, err)
			}
		}
	}
}

func TestResume_GoesBackToWhatItWas(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	s := service(t, open(t), c.now)
	trial, err := s.Begin(t.Context(), registry.Beginning{Slug: "trial", Trial: 10 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []registry.Tenant{trial, create(t, s, "active")} {
		if err := s.Suspend(t.Context(), tenant.ID, "Rechnung offen"); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.ByID(t.Context(), tenant.ID); got.Paused(c.now()) != "suspended" {
			t.Fatalf("%s: suspended, and not paused: %+v", tenant.Slug, got)
		}
		if err := s.Resume(t.Context(), tenant.ID); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.ByID(t.Context(), tenant.ID); got != tenant || got.Paused(c.now()) != "" {
			t.Fatalf("%s: resumed, it is %+v", tenant.Slug, got)
		}
		if err := s.Resume(t.Context(), tenant.ID); !errors.Is(err, registry.ErrIllegalStep) {
			t.Fatalf("%s: resumed twice: %v", tenant.Slug, err)
		}
	}
}

func TestTrial_PausesBookingAtItsEndAndNothingElse(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	s := service(t, open(t), c.now)
	tenant, err := s.Begin(t.Context(), registry.Beginning{Slug: "probe", Trial: 30 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := tenant.Paused(c.now()); got != "" {
		t.Fatalf("a new trial is paused: %s", got)
	}
	c.add(30 * 24 * time.Hour)
	resolved, kind, err := s.Resolve(t.Context(), "probe.localhost:8080")
	if err != nil || kind != registry.Patients || resolved.Paused(c.now()) != "trial_ended" {
		t.Fatalf("at its end: %+v, %s, %v", resolved, kind, err)
	}
	if _, _, err := s.Resolve(t.Context(), "probe.office.localhost:8080"); err != nil {
		t.Fatalf("the office is gone: %v", err)
	}
	if err := s.SetPlan(t.Context(), tenant.ID, "standard"); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.ByID(t.Context(), tenant.ID); got.Status != registry.Active || got.Plan != "standard" || got.Paused(c.now()) != "" {
		t.Fatalf("with a plan it is %+v", got)
	}
	if err := s.SetTrial(t.Context(), tenant.ID, c.now()); !errors.Is(err, registry.ErrIllegalStep) {
		t.Fatalf("a plan went back to a trial: %v", err)
	}
}

func TestNotice(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	s := service(t, open(t), c.now)
	tenant := create(t, s, "leaving")
	ends := c.now().Add(48 * time.Hour)
	if err := s.GiveNotice(t.Context(), tenant.ID, c.now().Add(-time.Hour), ""); !errors.Is(err, registry.ErrMalformed) {
		t.Fatalf("a notice to yesterday: %v", err)
	}
	if err := s.GiveNotice(t.Context(), tenant.ID, ends, "zieht um"); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.ByID(t.Context(), tenant.ID); got.Paused(c.now()) != "" || got.EraseAfter.Sub(got.NoticeEnds) != registry.Grace {
		t.Fatalf("before its end: %+v", got)
	}
	c.add(48 * time.Hour)
	if got, _ := s.ByID(t.Context(), tenant.ID); got.Paused(c.now()) != "notice_over" {
		t.Fatalf("at its end: %+v", got)
	}
	if err := s.WithdrawNotice(t.Context(), tenant.ID); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.ByID(t.Context(), tenant.ID); got.Paused(c.now()) != "" {
		t.Fatalf("withdrawn: %+v", got)
	}
	if err := s.WithdrawNotice(t.Context(), tenant.ID); !errors.Is(err, registry.ErrIllegalStep) {
		t.Fatalf("withdrawn twice: %v", err)
	}
}

func TestRename_TheOldSlugLeadsToTheNewOneForGood(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	tenant, other := create(t, s, "old"), create(t, s, "other")
	if err := s.Rename(t.Context(), tenant.ID, "new"); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Resolve(t.Context(), "new.localhost:8080"); err != nil || got.ID != tenant.ID {
		t.Fatalf("by the new slug: %+v, %v", got, err)
	}
	for host, want := range map[string]string{"old.localhost:8080": "new.localhost:8080", "old.office.localhost:8080": "new.office.localhost:8080"} {
		_, _, err := s.Resolve(t.Context(), host)
		var moved *registry.MovedError
		if !errors.As(err, &moved) || moved.Host != want || !errors.Is(err, registry.ErrUnknownHost) {
			t.Errorf("%s: got %v, want moved to %s", host, err, want)
		}
	}
	if _, err := s.BySlug(t.Context(), "old"); !errors.Is(err, registry.ErrUnknownHost) {
		t.Errorf("the old slug is still a slug: %v", err)
	}
	if _, err := s.Create(t.Context(), "old"); !errors.Is(err, registry.ErrSlugTaken) {
		t.Errorf("somebody else got the old slug: %v", err)
	}
	if err := s.Rename(t.Context(), other.ID, "old"); !errors.Is(err, registry.ErrSlugTaken) {
		t.Errorf("somebody else took the old slug: %v", err)
	}
	if err := s.Rename(t.Context(), tenant.ID, "old"); err != nil {
		t.Errorf("going back: %v", err)
	}
	if err := s.Rename(t.Context(), id.New[id.Tenant](), "nobody"); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestMove_KeepsEverythingButThePlan(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	nord, sued := reseller(t, s, "Nord"), reseller(t, s, "Süd")
	tenant, err := s.Begin(t.Context(), registry.Beginning{Slug: "wander", Reseller: nord.ID, Plan: "a"})
	if err != nil {
		t.Fatal(err)
	}
	one := 1
	if err := s.SetLimits(t.Context(), sued.ID, registry.Active, &one); err != nil {
		t.Fatal(err)
	}
	if err := s.Move(t.Context(), tenant.ID, sued.ID); err != nil {
		t.Fatal(err)
	}
	want := tenant
	want.Reseller, want.Plan = sued.ID, ""
	if got, _ := s.ByID(t.Context(), tenant.ID); got != want {
		t.Fatalf("moved: %+v, want %+v", got, want)
	}
	second := create(t, s, "second")
	if err := s.Move(t.Context(), second.ID, sued.ID); !errors.Is(err, registry.ErrTooManyTenants) {
		t.Errorf("past the limit: %v", err)
	}
	if _, err := s.Begin(t.Context(), registry.Beginning{Slug: "third", Reseller: sued.ID}); !errors.Is(err, registry.ErrTooManyTenants) {
		t.Errorf("begun past the limit: %v", err)
	}
	if err := s.Move(t.Context(), tenant.ID, id.Reseller{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.ByID(t.Context(), tenant.ID); !got.Reseller.IsZero() {
		t.Fatalf("moved to none: %+v", got)
	}
	if err := s.Move(t.Context(), tenant.ID, id.New[id.Reseller]()); !errors.Is(err, registry.ErrUnknownReseller) {
		t.Errorf("to nobody: %v", err)
	}
	if err := s.SetLimits(t.Context(), nord.ID, registry.Suspended, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(t.Context(), registry.Beginning{Slug: "fourth", Reseller: nord.ID}); !errors.Is(err, registry.ErrResellerSuspended) {
		t.Errorf("a suspended reseller began a tenant: %v", err)
	}
}

func TestBegin_IsSeenElsewhereWithinASecond(t *testing.T) {
	t.Parallel()
	db := open(t)
	c := &clock{t: time.Now()}
	here, elsewhere := service(t, db, c.now), service(t, db, c.now)
	if _, _, err := elsewhere.Resolve(t.Context(), "fresh.localhost:8080"); !errors.Is(err, registry.ErrUnknownHost) {
		t.Fatal(err)
	}
	tenant := create(t, here, "fresh")
	c.add(registry.Age)
	if got, _, err := elsewhere.Resolve(t.Context(), "fresh.localhost:8080"); err != nil || got != tenant {
		t.Fatalf("a second later: %+v, %v", got, err)
	}
	// After hours without a question everything is read again.
	c.add(5 * time.Hour)
	if got, _, err := elsewhere.Resolve(t.Context(), "fresh.localhost:8080"); err != nil || got != tenant {
		t.Fatalf("hours later: %+v, %v", got, err)
	}
}

func reseller(t *testing.T, s *registry.Service, name string) registry.Reseller {
	t.Helper()
	r, err := s.NewReseller(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
