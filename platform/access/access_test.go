package access_test

import (
	"slices"
	"strings"
	"testing"

	"siegel/platform/access"
)

var (
	probes   = []string{"getHealth", "getReady"}
	pages    = []string{"home", "assets"}
	patient  = []string{"patientPages", "getPractice", "getKeys", "listSlots", "listSlotDays", "listNextSlots", "getChallenge", "holdSlot", "extendHold", "releaseHold", "book", "peekBooking", "confirmBooking", "viewBooking"}
	doorstep = []string{"getPractice", "startSession", "signIn"}
	office   = []string{"getSession", "keepSession", "signOut", "getKeyring", "listAppointments", "storeCard", "acceptAppointment", "declineAppointment", "watchChanges", "getRules", "getRulesWeek"}
	closing  = []string{"putClosure", "removeClosure"}
	editing  = []string{"putPractice", "putLocation", "removeLocation", "putLeg", "removeLeg", "putResource", "removeResource", "putPractitioner", "removePractitioner",
		"putService", "removeService", "putWindow", "removeWindow", "putQuota", "removeQuota", "putChain", "removeChain", "putCalendar", "removeCalendar"}
	all = distinct(probes, pages, patient, doorstep, office, closing, editing)
)

func distinct(lists ...[]string) []string {
	joined := slices.Concat(lists...)
	slices.Sort(joined)
	return slices.Compact(joined)
}

func policy(t *testing.T) *access.Policy {
	t.Helper()
	p, err := access.New()
	if err != nil {
		t.Fatalf("read the policy: %v", err)
	}
	return p
}

// The whole table, both ways: what a role may do, and that it may do nothing else.
func TestCan(t *testing.T) {
	t.Parallel()
	p := policy(t)

	may := map[access.Role][]string{
		access.Anyone:       slices.Concat(probes, pages, doorstep),
		access.Patient:      slices.Concat(pages, patient),
		access.Owner:        slices.Concat(probes, pages, doorstep, office, closing, editing),
		access.Practitioner: slices.Concat(probes, pages, doorstep, office),
		access.FrontDesk:    slices.Concat(probes, pages, doorstep, office, closing),
	}
	for role, operations := range may {
		for _, operation := range all {
			want := slices.Contains(operations, operation)
			if got := p.Can(role, access.Tenant, operation); got != want {
				t.Errorf("%s, %s: got %v, want %v", role, operation, got, want)
			}
			for _, kind := range []access.Kind{access.Reseller, access.Platform, ""} {
				if p.Can(role, kind, operation) {
					t.Errorf("%s may %s in the domain %q", role, operation, kind)
				}
			}
		}
	}
}

func TestCan_DeniesWhatNoRowNames(t *testing.T) {
	t.Parallel()
	p := policy(t)

	for _, role := range []access.Role{"", "owner", "admin", "r:admin", "R:owner", "r:owner ", "r:*", "acc_0197aaaa-0000-7000-8000-000000000000"} {
		for _, operation := range all {
			if p.Can(role, access.Tenant, operation) {
				t.Errorf("%q may %s", role, operation)
			}
		}
	}
	for _, operation := range []string{"", "*", "getsession", "getSession ", "dropEverything"} {
		if p.Can(access.Owner, access.Tenant, operation) {
			t.Errorf("an owner may do the unlisted %q", operation)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	p := policy(t)

	t.Run("AcceptsExactlyTheOperations", func(t *testing.T) {
		t.Parallel()
		if err := p.Covers(all); err != nil {
			t.Fatalf("got %v, want full cover", err)
		}
	})
	t.Run("NamesEveryOperationWithoutARow", func(t *testing.T) {
		t.Parallel()
		err := p.Covers(append(slices.Clone(all), "exportEverything", "readMinds"))
		if err == nil || !strings.Contains(err.Error(), `"exportEverything"`) || !strings.Contains(err.Error(), `"readMinds"`) {
			t.Fatalf("got %v, want both operations named", err)
		}
	})
	t.Run("NamesEveryRowWithoutAnOperation", func(t *testing.T) {
		t.Parallel()
		err := p.Covers(distinct(pages, patient, doorstep, office))
		if err == nil || !strings.Contains(err.Error(), `"getHealth"`) || !strings.Contains(err.Error(), `"getReady"`) {
			t.Fatalf("got %v, want both rows named", err)
		}
	})
}

func TestParse_RefusesRowsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]string{
		"RoleNobodyHas":     "p, r:janitor, tenant, getHealth",
		"RoleWithoutPrefix": "p, owner, tenant, getHealth",
		"UnknownKind":       "p, r:owner, galaxy, getHealth",
		"MissingOperation":  "p, r:owner, tenant",
		"EmptyOperation":    "p, r:owner, tenant, ",
		"OneFieldTooMany":   "p, r:owner, tenant, getHealth, deny",
		"Repeated":          "p, r:owner, tenant, getHealth\np, r:owner, tenant, getHealth",
		"Garbage":           "r:owner tenant getHealth",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := access.Parse(rows); err == nil {
				t.Fatalf("%q was accepted", rows)
			}
		})
	}
	if _, err := access.Parse("p, r:owner, tenant, getHealth"); err != nil {
		t.Fatalf("a proper row was refused: %v", err)
	}
}
