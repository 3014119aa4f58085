package registry_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/registry"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)

	t.Run("IsFoundBySlugAndID", func(t *testing.T) {
		t.Parallel()
		want := create(t, s, "praxis-ost")
		if want.Status != registry.Active || want.ID.IsZero() {
			t.Fatalf("got %+v, want an active tenant", want)
		}
		if got, err := s.BySlug(t.Context(), "praxis-ost"); err != nil || got != want {
			t.Errorf("by slug: got %+v, %v", got, err)
		}
		if got, err := s.ByID(t.Context(), want.ID); err != nil || got != want {
			t.Errorf("by id: got %+v, %v", got, err)
		}
	})

	t.Run("IsFoundAtOnceThoughItWasMissedBefore", func(t *testing.T) {
		t.Parallel()
		if _, err := s.BySlug(t.Context(), "soon"); !errors.Is(err, registry.ErrUnknownHost) {
			t.Fatalf("got %v, want %v", err, registry.ErrUnknownHost)
		}
		create(t, s, "soon")
		if _, err := s.BySlug(t.Context(), "soon"); err != nil {
			t.Fatalf("after creating it: %v", err)
		}
	})

	t.Run("OfOneSlugThereIsOne", func(t *testing.T) {
		t.Parallel()
		var created, taken atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				switch _, err := s.Create(t.Context(), "twin"); {
				case err == nil:
					created.Add(1)
				case errors.Is(err, registry.ErrSlugTaken):
					taken.Add(1)
				default:
					t.Errorf("unexpected: %v", err)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || taken.Load() != 9 {
			t.Fatalf("%d created, %d taken; want 1 and 9", created.Load(), taken.Load())
		}
	})

	for slug, want := range map[string]error{
		"":                      registry.ErrMalformedSlug,
		"-a":                    registry.ErrMalformedSlug,
		"a-":                    registry.ErrMalformedSlug,
		"A":                     registry.ErrMalformedSlug,
		"a.b":                   registry.ErrMalformedSlug,
		"a_b":                   registry.ErrMalformedSlug,
		"a b":                   registry.ErrMalformedSlug,
		"a\x00":                 registry.ErrMalformedSlug,
		"praxis\n":              registry.ErrMalformedSlug,
		"práxis":                registry.ErrMalformedSlug,
		"рraxis":                registry.ErrMalformedSlug, // a Cyrillic letter
		"xn--praxis-ost":        registry.ErrMalformedSlug,
		"ab--cd":                registry.ErrMalformedSlug,
		strings.Repeat("a", 51): registry.ErrMalformedSlug,
		"office":                registry.ErrReservedSlug,
		"portal":                registry.ErrReservedSlug,
		"www":                   registry.ErrReservedSlug,
		"api":                   registry.ErrReservedSlug,
		"mail":                  registry.ErrReservedSlug,
		"admin":                 registry.ErrReservedSlug,
		"assets":                registry.ErrReservedSlug,
	} {
		t.Run("Refuses/"+slug, func(t *testing.T) {
			t.Parallel()
			if _, err := s.Create(t.Context(), slug); !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
			if _, err := s.BySlug(t.Context(), slug); !errors.Is(err, registry.ErrUnknownHost) {
				t.Fatalf("by slug: got %v, want %v", err, registry.ErrUnknownHost)
			}
		})
	}
	for _, slug := range []string{"a", "7", "a-b", "praxis--ost", strings.Repeat("z", 50)} {
		t.Run("Accepts/"+slug, func(t *testing.T) {
			t.Parallel()
			create(t, s, slug)
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	if got, err := s.List(t.Context()); err != nil || got == nil || len(got) != 0 {
		t.Fatalf("got %v, %v; want an empty list", got, err)
	}
	b, a := create(t, s, "b"), create(t, s, "a")
	if got, err := s.List(t.Context()); err != nil || !slices.Equal(got, []registry.Tenant{a, b}) {
		t.Fatalf("got %+v, %v; want a, b", got, err)
	}
}

func TestSetStatus_ActsElsewhereWithinASecond(t *testing.T) {
	t.Parallel()
	db := open(t)
	c := &clock{t: time.Now()}
	here, elsewhere := service(t, db, c.now), service(t, db, c.now)
	tenant := create(t, here, "life")
	see := func(s *registry.Service) registry.Status {
		t.Helper()
		got, err := s.BySlug(t.Context(), "life")
		if err != nil {
			t.Fatal(err)
		}
		return got.Status
	}
	if see(here) != registry.Active || see(elsewhere) != registry.Active {
		t.Fatal("a new tenant is not active")
	}
	if err := here.SetStatus(t.Context(), tenant.ID, registry.Suspended); err != nil {
		t.Fatal(err)
	}
	if got := see(here); got != registry.Suspended {
		t.Errorf("here it is still %s", got)
	}
	c.add(time.Second)
	if got := see(elsewhere); got != registry.Suspended {
		t.Errorf("elsewhere it is still %s a second later", got)
	}
	if err := here.SetStatus(t.Context(), tenant.ID, "sleeping"); err == nil {
		t.Error("a status that does not exist was stored")
	}
	if err := here.SetStatus(t.Context(), id.New[id.Tenant](), registry.Active); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("unknown tenant: got %v, want %v", err, registry.ErrUnknownTenant)
	}
	if _, err := here.ByID(t.Context(), id.New[id.Tenant]()); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("by unknown id: got %v, want %v", err, registry.ErrUnknownTenant)
	}
}

func TestBySlug_WithoutDatabase(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := service(t, db, nil)
	db.Close()
	if _, err := s.BySlug(t.Context(), "praxis"); err == nil || errors.Is(err, registry.ErrUnknownHost) {
		t.Fatalf("got %v, want a failure other than %v", err, registry.ErrUnknownHost)
	}
}
