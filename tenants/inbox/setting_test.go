package inbox_test

import (
	"errors"
	"testing"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tenant, other := id.New[id.Tenant](), id.New[id.Tenant]()
	lock := func(t *testing.T, tenant id.Tenant) int {
		t.Helper()
		s, err := f.Settings(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return s.LockMinutes
	}
	if got := lock(t, tenant); got != 10 {
		t.Errorf("undecided: got %d minutes, want 10", got)
	}
	for _, minutes := range []int{1, 61, 0, -5} {
		if err := f.SetSettings(t.Context(), tenant, inbox.Settings{LockMinutes: minutes}); !errors.Is(err, inbox.ErrMalformedSetting) {
			t.Errorf("%d minutes: got %v, want %v", minutes, err, inbox.ErrMalformedSetting)
		}
	}
	for _, minutes := range []int{2, 60, 5} {
		if err := f.SetSettings(t.Context(), tenant, inbox.Settings{LockMinutes: minutes}); err != nil || lock(t, tenant) != minutes {
			t.Errorf("%d minutes: got %v, and then %d", minutes, err, lock(t, tenant))
		}
	}
	if got := lock(t, other); got != 10 {
		t.Errorf("another practice: got %d minutes, want 10", got)
	}
}

// TestEntriesNameWhatTheyTake: rooms and devices, and never the practitioner's own time.
func TestEntriesNameWhatTheyTake(t *testing.T) {
	t.Parallel()
	f := setup(t)
	b := f.confirm(t, booking(id.New[id.Tenant]()))
	if got := f.one(t, b).Takes; got != nil {
		t.Errorf("takes %v; want nothing", got)
	}
	room := id.New[id.Resource]()
	err := f.db.Batch(t.Context(), b.tenant, func(batch *postgres.Batch) {
		batch.Exec(`insert into resource (tenant_id, id, kind, name, capacity) values ($1::uuid, $2::uuid, 'room', 'Labor', 1)`, b.tenant, room)
		batch.Exec(`insert into resource (tenant_id, id, kind, name, capacity)
			select tenant_id, resource_id, 'practitioner', 'Dr. Sommer', 1 from appointment where tenant_id = $1::uuid`, b.tenant)
		batch.Exec(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
			select tenant_id, r, 1, starts, ends, id from appointment, unnest(array[resource_id, $2::uuid]) r where tenant_id = $1::uuid`, b.tenant, room)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.one(t, b).Takes; len(got) != 1 || got[0] != room {
		t.Errorf("takes %v; want the room %v alone", got, room)
	}
}
