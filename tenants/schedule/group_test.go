package schedule_test

import (
	"errors"
	"testing"

	"siegel/tenants/schedule"
)

func TestEveryGroupIsSplitIntoAtMostTwoThatDoNotOverlap(t *testing.T) {
	t.Parallel()
	for g := schedule.Group(0); g <= schedule.Everyone; g++ {
		var all schedule.Group
		parts := g.Split()
		for _, who := range parts {
			part := schedule.GroupOf(who.Insurance, who.Patients)
			if part == 0 || all&part != 0 {
				t.Fatalf("%012b: %v", g, parts)
			}
			all |= part
		}
		if all != g || len(parts) > 2 {
			t.Fatalf("%012b: %v", g, parts)
		}
	}
	if got := schedule.Everyone.Split(); len(got) != 1 || got[0] != (schedule.Who{}) {
		t.Errorf("everyone is %v", got)
	}
}

func TestInsurancesAndPatientsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	set, err := schedule.ParseInsurances([]string{"SOZ", "GKV"})
	if err != nil || set != schedule.GKV|schedule.SOZ {
		t.Errorf("got %b %v", set, err)
	}
	if _, err := schedule.ParseInsurances([]string{"gkv"}); !errors.Is(err, schedule.ErrInvalidInsurance) {
		t.Errorf("got %v", err)
	}
	for _, p := range []schedule.Patients{schedule.AllPatients, schedule.NewPatients, schedule.KnownPatients} {
		if got, ok := schedule.ParsePatients(p.String()); !ok || got != p || !p.Valid() {
			t.Errorf("%s: got %s %v", p, got, ok)
		}
	}
	if _, ok := schedule.ParsePatients("some"); ok || schedule.Patients(3).Valid() || schedule.Insurances(64).Valid() {
		t.Error("took what there is not")
	}
}
