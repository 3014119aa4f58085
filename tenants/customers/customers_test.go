package customers_test

import (
	"bytes"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/customers"
)

func TestStore(t *testing.T) {
	t.Parallel()
	f := setup(t)

	t.Run("TheSecondDeskGetsWhatIsThere", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		first := fresh()
		f.store(t, tenant, first)
		one, other := next(first), next(first)
		f.store(t, tenant, one)
		out, err := f.Store(t.Context(), tenant, []customers.Record{other})
		if err != nil || len(out.Current) != 1 {
			t.Fatalf("got %+v, %v", out, err)
		}
		if c := out.Current[0]; c.ID != one.ID || c.Version != 2 || !bytes.Equal(c.Ciphertext, one.Ciphertext) {
			t.Errorf("the second desk got version %d", c.Version)
		}
		if all, _ := f.all(t, tenant, 0, 10); len(all) != 1 || !bytes.Equal(all[0].Ciphertext, one.Ciphertext) {
			t.Error("the first desk's version was overwritten")
		}
	})

	t.Run("OneConflictHoldsUpNothingElse", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		a, b := fresh(), fresh()
		f.store(t, tenant, a)
		f.store(t, tenant, b)
		f.store(t, tenant, next(a))
		unknown := next(fresh())
		out, err := f.Store(t.Context(), tenant, []customers.Record{next(a), next(b), unknown})
		if err != nil || len(out.Current) != 2 || out.Current[0].ID != a.ID || out.Current[1].ID != unknown.ID || out.Current[1].Version != 0 {
			t.Fatalf("got %+v, %v; want the first and the unknown one", out.Current, err)
		}
		for _, r := range first(f.all(t, tenant, 0, 10)) {
			if r.Version != 2 {
				t.Errorf("a record is at version %d", r.Version)
			}
		}
	})

	t.Run("WhatWasDeletedStaysDeleted", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		r := fresh()
		f.store(t, tenant, r)
		_, cursor := f.all(t, tenant, 0, 10)
		f.store(t, tenant, gone(r))
		news, _ := f.all(t, tenant, cursor, 10)
		if len(news) != 1 || !news[0].Gone() || news[0].Version != 2 || news[0].Epoch != 0 {
			t.Fatalf("other desks hear %+v", news)
		}
		again := r
		for _, x := range []customers.Record{again, next(next(r)), gone(gone(r))} {
			out, err := f.Store(t.Context(), tenant, []customers.Record{x})
			if err != nil || len(out.Current) != 1 || !out.Current[0].Gone() {
				t.Errorf("version %d came back: %+v, %v", x.Version, out, err)
			}
		}
		if page, err := f.After(t.Context(), tenant, 0, 10); err != nil || page.Total != 0 {
			t.Errorf("%d are counted, %v", page.Total, err)
		}
	})

	t.Run("RefusesWhatNoClientMakes", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		for name, spoil := range map[string]func(*customers.Record){
			"Empty":        func(r *customers.Record) { r.Ciphertext = []byte{} },
			"FirstIsGone":  func(r *customers.Record) { r.Ciphertext, r.Epoch = nil, 0 },
			"GoneOfEpoch":  func(r *customers.Record) { r.Ciphertext, r.Version = nil, 2 },
			"NoPlaintext":  func(r *customers.Record) { r.Ciphertext = random(12 + 16) },
			"HalfAStep":    func(r *customers.Record) { r.Ciphertext = random(12 + 512 + 16) },
			"OneByteMore":  func(r *customers.Record) { r.Ciphertext = random(12 + 1025 + 16) },
			"TooLong":      func(r *customers.Record) { r.Ciphertext = random(12 + 33*1024 + 16) },
			"NoVersion":    func(r *customers.Record) { r.Version = 0 },
			"HugeVersion":  func(r *customers.Record) { r.Version = math.MaxInt32 + 1 },
			"NoEpoch":      func(r *customers.Record) { r.Epoch = 0 },
			"NegativeTime": func(r *customers.Record) { r.Epoch = -1 },
			"NoID":         func(r *customers.Record) { r.ID = id.Customer{} },
		} {
			r := fresh()
			spoil(&r)
			if _, err := f.Store(t.Context(), tenant, []customers.Record{r}); !errors.Is(err, customers.ErrMalformed) {
				t.Errorf("%s: got %v, want %v", name, err, customers.ErrMalformed)
			}
		}
		r := fresh()
		for name, list := range map[string][]customers.Record{"None": nil, "Twice": {r, r}, "TooMany": make([]customers.Record, customers.MaxTogether+1)} {
			if _, err := f.Store(t.Context(), tenant, list); !errors.Is(err, customers.ErrMalformed) {
				t.Errorf("%s: got %v, want %v", name, err, customers.ErrMalformed)
			}
		}
		if all, cursor := f.all(t, tenant, 0, 10); len(all) != 0 || cursor != 0 {
			t.Errorf("something was stored: %d", len(all))
		}
		r.Ciphertext = random(12 + 32*1024 + 16)
		f.store(t, tenant, r)
	})
}

func TestAfter_IsOneTenants(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a, b := id.New[id.Tenant](), id.New[id.Tenant]()
	r := fresh()
	f.store(t, a, r)
	if all, _ := f.all(t, b, 0, 10); len(all) != 0 {
		t.Error("another tenant reads it")
	}
	out, err := f.Store(t.Context(), b, []customers.Record{next(r)})
	if err != nil || len(out.Current) != 1 || out.Current[0].Version != 0 || out.Current[0].Ciphertext != nil {
		t.Errorf("another tenant learns of it: %+v, %v", out, err)
	}
	f.store(t, b, r) // an id that another has is a free one
	if all, _ := f.all(t, a, 0, 10); len(all) != 1 || all[0].Version != 1 {
		t.Error("another tenant changed it")
	}
}

func TestStore_ManyAtOnceInMedicalPracticesNeedsTheSwitch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tenant := id.New[id.Tenant]()
	several := func() []customers.Record { return []customers.Record{fresh(), fresh()} }
	if _, err := f.Store(t.Context(), tenant, several()); !errors.Is(err, customers.ErrImportOff) {
		t.Errorf("without the switch: %v", err)
	}
	one := fresh()
	f.store(t, tenant, one)
	f.store(t, tenant, next(one), fresh()) // one that comes with changes of others is no import
	if err := f.SetImport(t.Context(), tenant, true); err != nil {
		t.Fatal(err)
	}
	f.store(t, tenant, several()...)
	if err := f.SetImport(t.Context(), tenant, false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Store(t.Context(), tenant, several()); !errors.Is(err, customers.ErrImportOff) {
		t.Errorf("switched off again: %v", err)
	}
	f.store(t, f.trade, several()...)
	for who, want := range map[id.Tenant]customers.Setting{tenant: {Medical: true}, f.trade: {Import: true}, id.New[id.Tenant](): {Medical: true}} {
		if got, err := f.Setting(t.Context(), who); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

// Desks add, change and delete at once while others follow by their cursors:
// whoever follows ends with exactly what is stored, and each version is won by
// one desk.
func TestAfter_FollowersMissNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const desks, rounds = 4, 25
	shared := fresh()
	f.store(t, f.trade, shared)
	var wins atomic.Int64
	var writing, following sync.WaitGroup
	done := make(chan struct{})
	for range desks {
		writing.Go(func() {
			mine := []customers.Record{fresh(), fresh(), fresh()}
			f.store(t, f.trade, mine...)
			for i := range rounds {
				r := shared
				r.Version = i + 2
				out, err := f.Store(t.Context(), f.trade, []customers.Record{r, next(mine[i%2])})
				if err != nil {
					t.Errorf("store: %v", err)
					return
				}
				mine[i%2] = next(mine[i%2])
				wins.Add(int64(1 - len(out.Current)))
			}
			f.store(t, f.trade, gone(mine[2]))
		})
	}
	for range 3 {
		following.Go(func() {
			known, cursor := map[id.Customer]int{}, int64(0)
			for last := false; ; {
				for {
					page, err := f.After(t.Context(), f.trade, cursor, 7)
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
					for _, r := range page.Records {
						if r.Version <= known[r.ID] {
							t.Errorf("version %d came after %d", r.Version, known[r.ID])
						}
						if known[r.ID] = r.Version; r.Gone() {
							delete(known, r.ID)
						}
					}
					if cursor = page.Cursor; !page.More {
						break
					}
				}
				if last {
					break
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
			for _, r := range first(f.all(t, f.trade, 0, 1000)) {
				if !r.Gone() && known[r.ID] != r.Version {
					t.Errorf("a follower has version %d of %d", known[r.ID], r.Version)
				}
				delete(known, r.ID)
			}
			if len(known) > 0 {
				t.Errorf("a follower still has %d that were deleted", len(known))
			}
		})
	}
	writing.Wait()
	close(done)
	following.Wait()
	if wins.Load() != rounds {
		t.Errorf("%d versions were won, want %d", wins.Load(), rounds)
	}
}

func TestStore_RemembersDeletionsForAWhileOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tenant := id.New[id.Tenant]()
	old, recent := fresh(), fresh()
	for _, r := range []customers.Record{old, recent} {
		f.store(t, tenant, r)
		f.store(t, tenant, gone(r))
	}
	if err := f.db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Exec(`update customer set stored = now() - interval '91 days' where tenant_id = $1 and id = $2`, tenant, old.ID)
	}); err != nil {
		t.Fatal(err)
	}
	f.store(t, tenant, fresh())
	all, _ := f.all(t, tenant, 0, 10)
	if len(all) != 2 || all[0].ID != recent.ID || !all[0].Gone() {
		t.Errorf("got %+v", all)
	}
}

func first[A, B any](a A, _ B) A { return a }
