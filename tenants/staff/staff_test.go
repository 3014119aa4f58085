package staff_test

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/access"
	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/platform/seal"
	tenantschema "siegel/tenants/schema"
	"siegel/tenants/staff"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

func open(t *testing.T) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testdb.New(t).Server, MaxConns: 8})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

func service(t *testing.T, db *postgres.DB, now func() time.Time) *staff.Service {
	t.Helper()
	s, err := staff.NewService(staff.Config{DB: db, Now: now})
	if err != nil {
		t.Fatalf("new service: %v", err)
	}
	return s
}

// vouch is 32 bytes, different for each n.
func vouch(n byte) []byte { return bytes.Repeat([]byte{n}, seal.VouchSize) }

func TestRole(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	ours, theirs := id.New[id.Tenant](), id.New[id.Tenant]()
	account := id.New[id.Account]()
	if err := s.Add(t.Context(), ours, account, staff.Practitioner, vouch(1)); err != nil {
		t.Fatal(err)
	}

	if role, err := s.Role(t.Context(), ours, account); err != nil || role != staff.Practitioner {
		t.Errorf("got %q, %v; want %q", role, err, staff.Practitioner)
	}
	for name, ask := range map[string]struct {
		tenant  id.Tenant
		account id.Account
	}{
		"AnotherTenant":  {theirs, account},
		"NoTenant":       {id.Tenant{}, account},
		"AnotherAccount": {ours, id.New[id.Account]()},
		"NoAccount":      {ours, id.Account{}},
	} {
		if role, err := s.Role(t.Context(), ask.tenant, ask.account); err == nil || role != "" {
			t.Errorf("%s: got the role %q, %v", name, role, err)
		}
	}
	if _, err := s.Role(t.Context(), theirs, account); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("another tenant: got %v, want %v", err, staff.ErrNotMember)
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)

	t.Run("OfOneMembershipThereIsOne", func(t *testing.T) {
		t.Parallel()
		tenant, account := id.New[id.Tenant](), id.New[id.Account]()
		var added, already atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				switch err := s.Add(t.Context(), tenant, account, staff.FrontDesk, vouch(1)); {
				case err == nil:
					added.Add(1)
				case errors.Is(err, staff.ErrAlreadyMember):
					already.Add(1)
				default:
					t.Errorf("unexpected: %v", err)
				}
			})
		}
		wg.Wait()
		if added.Load() != 1 || already.Load() != 9 {
			t.Fatalf("%d added, %d already; want 1 and 9", added.Load(), already.Load())
		}
	})

	t.Run("NeverChangesARole", func(t *testing.T) {
		t.Parallel()
		tenant, account := id.New[id.Tenant](), id.New[id.Account]()
		if err := s.Add(t.Context(), tenant, account, staff.FrontDesk, vouch(1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Add(t.Context(), tenant, account, staff.Owner, vouch(1)); !errors.Is(err, staff.ErrAlreadyMember) {
			t.Fatalf("got %v, want %v", err, staff.ErrAlreadyMember)
		}
		if role, err := s.Role(t.Context(), tenant, account); err != nil || role != staff.FrontDesk {
			t.Fatalf("got %q, %v; want %q", role, err, staff.FrontDesk)
		}
	})

	t.Run("RefusesUnknownRoles", func(t *testing.T) {
		t.Parallel()
		for _, role := range []staff.Role{"", "admin", "r:owner", "OWNER"} {
			if err := s.Add(t.Context(), id.New[id.Tenant](), id.New[id.Account](), role, vouch(1)); !errors.Is(err, staff.ErrUnknownRole) {
				t.Errorf("%q: got %v, want %v", role, err, staff.ErrUnknownRole)
			}
		}
	})

	t.Run("RefusesVouchesOfAnotherLength", func(t *testing.T) {
		t.Parallel()
		for _, v := range [][]byte{{}, vouch(1)[1:], append(vouch(1), 1)} {
			if err := s.Add(t.Context(), id.New[id.Tenant](), id.New[id.Account](), staff.Owner, v); !errors.Is(err, staff.ErrMalformedVouch) {
				t.Errorf("%d bytes: got %v, want %v", len(v), err, staff.ErrMalformedVouch)
			}
		}
	})

	t.Run("ActsAtOnceThoughItWasMissedBefore", func(t *testing.T) {
		t.Parallel()
		tenant, account := id.New[id.Tenant](), id.New[id.Account]()
		if _, err := s.Role(t.Context(), tenant, account); !errors.Is(err, staff.ErrNotMember) {
			t.Fatalf("got %v, want %v", err, staff.ErrNotMember)
		}
		if err := s.Add(t.Context(), tenant, account, staff.Owner, vouch(1)); err != nil {
			t.Fatal(err)
		}
		if role, err := s.Role(t.Context(), tenant, account); err != nil || role != staff.Owner {
			t.Fatalf("got %q, %v; want %q", role, err, staff.Owner)
		}
	})
}

func TestVouch(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	ours, theirs := id.New[id.Tenant](), id.New[id.Tenant]()
	account, colleague := id.New[id.Account](), id.New[id.Account]()
	for _, m := range []struct {
		tenant  id.Tenant
		account id.Account
		vouch   []byte
	}{{ours, account, vouch(1)}, {theirs, account, vouch(2)}, {ours, colleague, vouch(3)}} {
		if err := s.Add(t.Context(), m.tenant, m.account, staff.Owner, m.vouch); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(t.Context(), ours, account, staff.Owner, vouch(4)); !errors.Is(err, staff.ErrAlreadyMember) {
		t.Errorf("added again: got %v, want %v", err, staff.ErrAlreadyMember)
	}
	if got, err := s.Vouch(t.Context(), ours, account); err != nil || !bytes.Equal(got, vouch(1)) {
		t.Errorf("ours: got %x, %v", got, err)
	}
	if got, err := s.Vouch(t.Context(), theirs, account); err != nil || !bytes.Equal(got, vouch(2)) {
		t.Errorf("theirs: got %x, %v", got, err)
	}
	if got, err := s.Vouch(t.Context(), theirs, colleague); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("another tenant: got %x, %v, want %v", got, err, staff.ErrNotMember)
	}
	// Who comes back vouches anew.
	if err := s.Remove(t.Context(), ours, account); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(t.Context(), ours, account, staff.Owner, vouch(5)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Vouch(t.Context(), ours, account); err != nil || !bytes.Equal(got, vouch(5)) {
		t.Errorf("after coming back: got %x, %v", got, err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	db := open(t)
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	here, elsewhere := service(t, db, now), service(t, db, now)
	tenant, account := id.New[id.Tenant](), id.New[id.Account]()
	if err := here.Add(t.Context(), tenant, account, staff.Owner, vouch(1)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*staff.Service{here, elsewhere} {
		if _, err := s.Role(t.Context(), tenant, account); err != nil {
			t.Fatal(err)
		}
	}

	if err := here.Remove(t.Context(), id.New[id.Tenant](), account); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("removed from another tenant: got %v, want %v", err, staff.ErrNotMember)
	}
	if err := here.Remove(t.Context(), tenant, account); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Role(t.Context(), tenant, account); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("here: got %v, want %v", err, staff.ErrNotMember)
	}
	offset.Store(int64(time.Second))
	if _, err := elsewhere.Role(t.Context(), tenant, account); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("elsewhere, a second later: got %v, want %v", err, staff.ErrNotMember)
	}
	if err := here.Remove(t.Context(), tenant, account); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("removed twice: got %v, want %v", err, staff.ErrNotMember)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	ours, theirs := id.New[id.Tenant](), id.New[id.Tenant]()
	first, second := id.New[id.Account](), id.New[id.Account]()
	for _, m := range []struct {
		tenant  id.Tenant
		account id.Account
		role    staff.Role
	}{{ours, first, staff.Owner}, {theirs, first, staff.FrontDesk}, {ours, second, staff.FrontDesk}} {
		if err := s.Add(t.Context(), m.tenant, m.account, m.role, vouch(1)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.List(t.Context(), ours)
	if err != nil || len(got) != 2 || got[0].Account != first || got[0].Role != staff.Owner || got[1].Account != second {
		t.Fatalf("got %+v, %v; want our two members", got, err)
	}
	if got, err := s.List(t.Context(), id.New[id.Tenant]()); err != nil || len(got) != 0 {
		t.Fatalf("got %+v, %v for a tenant without members", got, err)
	}
}

// Without the database nobody is a member, and nobody is told that they are not.
func TestRole_WithoutDatabase(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := service(t, db, nil)
	tenant, account := id.New[id.Tenant](), id.New[id.Account]()
	if err := s.Add(t.Context(), tenant, account, staff.Owner, vouch(1)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	role, err := s.Role(t.Context(), tenant, account)
	if err == nil || role != "" || fault.From(err).Code == fault.Forbidden {
		t.Fatalf("got %q, %v; want a failure other than %v", role, err, staff.ErrNotMember)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	for role, want := range map[staff.Role]access.Role{
		staff.Owner: access.Owner, staff.Practitioner: access.Practitioner, staff.FrontDesk: access.FrontDesk,
		"": "", "admin": "", "r:owner": "", "anyone": "", "patient": "",
	} {
		if got := role.Access(); got != want {
			t.Errorf("%q: got %q, want %q", role, got, want)
		}
	}
}
