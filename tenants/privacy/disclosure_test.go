package privacy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/id"
	"siegel/tenants/audit"
	"siegel/tenants/privacy"
)

func TestWhatAuthoritiesGotIsKeptAndThePracticeIsTold(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx := t.Context()
	told := func() int {
		t.Helper()
		trail, err := o.audit.List(ctx, o.Tenant.ID, audit.Filter{Act: "disclosure."})
		if err != nil {
			t.Fatal(err)
		}
		return len(trail)
	}
	draft := privacy.DisclosureDraft{Received: "2026-11-20", Authority: "Amtsgericht Hier", LegalBasis: "§ 94 StPO", Concerns: o.Tenant.ID, Decision: "open"}
	entry, err := o.EnterDisclosure(ctx, uuid.Nil, draft)
	if err != nil || told() != 0 {
		t.Fatalf("told %d times before anything was decided (%v)", told(), err)
	}
	draft.Decision, draft.Given, draft.Forbidden = "partly", "Zeiten von Terminen", "§ 95a StPO bis 1. Februar"
	if _, err := o.EnterDisclosure(ctx, entry, draft); err != nil || told() != 0 {
		t.Errorf("told %d times though it is forbidden (%v)", told(), err)
	}
	draft.Forbidden = ""
	for range 2 {
		if _, err := o.EnterDisclosure(ctx, entry, draft); err != nil {
			t.Fatal(err)
		}
	}
	if told() != 1 {
		t.Errorf("told %d times", told())
	}
	all, err := o.Disclosures(ctx)
	if err != nil || len(all) != 1 || all[0].Given != "Zeiten von Terminen" || all[0].Told.IsZero() {
		t.Errorf("%+v %v", all, err)
	}
	var mistakes privacy.Mistakes
	draft.Given = ""
	if _, err := o.EnterDisclosure(ctx, entry, draft); !errors.As(err, &mistakes) || mistakes[0].Field != "given" {
		t.Errorf("given and not said what: %v", err)
	}
	if _, err := o.EnterDisclosure(ctx, uuid.New(), privacy.DisclosureDraft{Received: "2026-11-20", Authority: "A", LegalBasis: "B", Decision: "refused"}); !errors.Is(err, privacy.ErrUnknown) {
		t.Errorf("an entry that there is not: %v", err)
	}
}

func TestABreachNamesPracticesAndBookingsAndItsClock(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx := t.Context()
	foreign, _ := o.Plant(t, "andere")
	before, during := o.plant(t, 10), o.plant(t, 2)
	now := time.Now().UTC()
	one, err := o.Notice(ctx, privacy.Breach{Drill: true, What: "Übung", Begins: now.AddDate(0, 0, -5), Ends: now.AddDate(0, 0, -1), Concerns: []id.Tenant{o.Tenant.ID}})
	if err != nil {
		t.Fatal(err)
	}
	b, affected, err := o.AffectedBy(ctx, one)
	if err != nil || len(affected) != 1 || affected[0].Tenant != o.Tenant.ID || len(affected[0].Bookings) != 2 {
		t.Fatalf("%+v %v, want %v and %v", affected, err, before, during)
	}
	if left := b.Due().Sub(b.Noticed); left != 72*time.Hour {
		t.Errorf("the clock runs %v", left)
	}
	all, err := o.Notice(ctx, privacy.Breach{What: "Alles", Begins: now.AddDate(0, 0, -12), Ends: now.AddDate(0, 0, -5)})
	if err != nil {
		t.Fatal(err)
	}
	if _, affected, err = o.AffectedBy(ctx, all); err != nil || len(affected) != 2 {
		t.Fatalf("%+v %v", affected, err)
	}
	for _, a := range affected {
		switch {
		case a.Tenant == foreign.ID && len(a.Bookings) != 0, a.Tenant == o.Tenant.ID && (len(a.Bookings) != 1 || a.Bookings[0] != before):
			t.Errorf("%s: %v", a.Slug, a.Bookings)
		}
	}
	for _, reported := range []bool{true, false} {
		if err := o.Step(ctx, one, reported); err != nil {
			t.Error(err)
		}
		if err := o.Step(ctx, one, reported); !errors.Is(err, privacy.ErrUnknown) {
			t.Errorf("twice: %v", err)
		}
	}
	if found, err := o.Breaches(ctx); err != nil || len(found) != 2 {
		t.Errorf("%v %v", found, err)
	}
	if _, err := o.Notice(ctx, privacy.Breach{What: "Verdreht", Begins: now, Ends: now}); err == nil {
		t.Error("a breach without a time was taken")
	}
}
