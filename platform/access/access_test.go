package access_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"siegel/platform/access"
)

func policy(t *testing.T) *access.Policy {
	t.Helper()
	p, err := access.New()
	if err != nil {
		t.Fatalf("read the policy: %v", err)
	}
	return p
}

// table is the policy as a reader sees it: who may what, where.
func table(t *testing.T) (may map[access.Role]map[access.Kind][]string, all []string) {
	t.Helper()
	p := policy(t)
	text, err := os.ReadFile("policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.TrimSpace(line), ", "); cells[0] == "p" {
			all = append(all, cells[3])
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	may = map[access.Role]map[access.Kind][]string{}
	for _, role := range append(access.Roles(), access.Scopes()...) {
		may[role] = map[access.Kind][]string{}
		for _, kind := range []access.Kind{access.Tenant, access.Reseller, access.Platform} {
			for _, operation := range all {
				if p.Can(role, kind, operation) {
					may[role][kind] = append(may[role][kind], operation)
				}
			}
		}
	}
	return may, all
}

// sealed are the operations that hand out or change what is of patients, if only
// as ciphertext, and the keys to it.
var sealed = []string{"getKeyring", "listAppointments", "storeCard", "acceptAppointment", "declineAppointment", "bookAtDesk", "moveAtDesk", "takeOver", "getTakeover",
	"setAppointmentStatus", "getBookingHistory", "watchChanges", "listAudit", "exportAudit"}

// What holds whoever adds rows: a row too many breaks one of these.
func TestRights(t *testing.T) {
	t.Parallel()
	may, all := table(t)
	if len(all) < 50 {
		t.Fatalf("only %d operations", len(all))
	}
	person := []access.Role{access.Owner, access.Practitioner, access.FrontDesk, access.Billing, access.Support}
	portal := []access.Role{access.ResellerAdmin, access.ResellerAgent, access.PlatformAdmin}

	t.Run("PatientsAreOfTenantsOnly", func(t *testing.T) {
		if n := len(may[access.Patient][access.Reseller]) + len(may[access.Patient][access.Platform]); n != 0 {
			t.Errorf("%d operations of the portal", n)
		}
		for _, operation := range may[access.Patient][access.Tenant] {
			if slices.Contains(sealed, operation) {
				t.Errorf("a patient may %s", operation)
			}
		}
	})
	t.Run("StrangersSeeNothingThatIsSealed", func(t *testing.T) {
		for _, kind := range []access.Kind{access.Tenant, access.Reseller, access.Platform} {
			for _, operation := range may[access.Anyone][kind] {
				if slices.Contains(sealed, operation) || strings.HasPrefix(operation, "remove") || strings.HasPrefix(operation, "put") || strings.HasPrefix(operation, "export") {
					t.Errorf("anyone may %s", operation)
				}
			}
		}
	})
	t.Run("PeopleOfAPracticeDoNothingInThePortal", func(t *testing.T) {
		for _, role := range person {
			for _, kind := range []access.Kind{access.Reseller, access.Platform} {
				for _, operation := range may[role][kind] {
					if !slices.Contains(may[access.Anyone][kind], operation) && !slices.Contains(may[access.Arriving][kind], operation) {
						t.Errorf("%s may %s in a domain of kind %s", role, operation, kind)
					}
				}
			}
		}
	})
	t.Run("PeopleOfThePortalDoNothingInAPractice", func(t *testing.T) {
		for _, role := range portal {
			for _, operation := range may[role][access.Tenant] {
				// What is about their own account is the same everywhere.
				if !slices.Contains(may[access.Anyone][access.Tenant], operation) && !slices.Contains(may[access.Arriving][access.Tenant], operation) {
					t.Errorf("%s may %s in a tenant", role, operation)
				}
			}
			for _, operation := range append(may[role][access.Reseller], may[role][access.Platform]...) {
				if slices.Contains(sealed, operation) && operation != "listAudit" && operation != "exportAudit" {
					t.Errorf("%s may %s", role, operation)
				}
			}
		}
	})
	t.Run("NobodyInAPracticeMayMoreThanItsOwner", func(t *testing.T) {
		// Only the connector itself can say what it has.
		own := []string{"takeDue", "getConnectorWraps"}
		for _, role := range append(person, access.Scopes()...) {
			for _, operation := range may[role][access.Tenant] {
				if !slices.Contains(own, operation) && !slices.Contains(may[access.Owner][access.Tenant], operation) {
					t.Errorf("%s may %s, an owner may not", role, operation)
				}
			}
		}
	})
	t.Run("OwnersAlone", func(t *testing.T) {
		for _, operation := range []string{"putPractice", "putWindow", "removeService", "listAudit", "exportAudit", "verifyAudit", "putAuditSetting", "listTokens", "createToken", "revokeToken"} {
			for _, role := range access.Roles() {
				if slices.Contains(may[role][access.Tenant], operation) != (role == access.Owner) {
					t.Errorf("%s, %s", role, operation)
				}
			}
		}
	})
	t.Run("BillingAndSupportSeeNothingThatIsSealed", func(t *testing.T) {
		for _, role := range []access.Role{access.Billing, access.Support, access.Arriving} {
			for _, operation := range may[role][access.Tenant] {
				if slices.Contains(sealed, operation) {
					t.Errorf("%s may %s", role, operation)
				}
			}
		}
	})
	t.Run("MachinesMakeNoMachinesAndNoPeople", func(t *testing.T) {
		for _, scope := range access.Scopes() {
			if len(may[scope][access.Tenant]) == 0 {
				t.Errorf("%s opens nothing", scope)
			}
			if n := len(may[scope][access.Reseller]) + len(may[scope][access.Platform]); n != 0 {
				t.Errorf("%s opens %d operations of the portal", scope, n)
			}
			for _, operation := range may[scope][access.Tenant] {
				for _, word := range []string{"Token", "Keyring", "Invit", "Person", "Role", "Session", "Factor", "Practice"} {
					if strings.Contains(operation, word) {
						t.Errorf("%s opens %s", scope, operation)
					}
				}
			}
		}
	})
	t.Run("AConnectorMayByItsScopesAlone", func(t *testing.T) {
		if !slices.Equal(may[access.Connector][access.Tenant], may[access.Anyone][access.Tenant]) {
			t.Error("it may more than a stranger without any scope")
		}
	})
}

func TestCan_DeniesWhatNoRowNames(t *testing.T) {
	t.Parallel()
	p := policy(t)
	_, all := table(t)

	for _, role := range []access.Role{"", "owner", "admin", "s:r:owner", "s:everything", "appointments.read", "r:admin", "R:owner", "r:owner ", "r:*", "acc_0197aaaa-0000-7000-8000-000000000000"} {
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
	_, all := table(t)

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
		err := p.Covers(slices.DeleteFunc(slices.Clone(all), func(operation string) bool { return operation == "getHealth" || operation == "getReady" }))
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

// A row is a decision: what casbin enforces, one by one, is what is remembered.
func TestWhatIsRememberedIsWhatCasbinEnforces(t *testing.T) {
	t.Parallel()
	const rows = `p, r:anyone, tenant, home
p, r:owner, tenant, putWindow
p, r:arriving, reseller, getSession
p, s:rules.read, tenant, getRules
g, r:owner, r:arriving
g, r:arriving, r:anyone`
	p, err := access.Parse(rows)
	if err != nil {
		t.Fatal(err)
	}
	enforce, err := access.Enforcer(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range append(append(access.Roles(), access.Scopes()...), "r:nobody") {
		for _, kind := range []access.Kind{access.Tenant, access.Reseller, access.Platform} {
			for _, operation := range []string{"home", "putWindow", "getSession", "getRules", "nothing"} {
				want, err := enforce(string(role), string(kind), operation)
				if err != nil {
					t.Fatal(err)
				}
				if got := p.Can(role, kind, operation); got != want {
					t.Errorf("%s, %s, %s: %v, casbin says %v", role, kind, operation, got, want)
				}
			}
		}
	}
}
