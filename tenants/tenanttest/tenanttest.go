// Package tenanttest gives tests a practice that can be booked, on a database
// and a Redis of the test's own, with real keys.
package tenanttest

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/platform/redisdb"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
	"siegel/tenants/schedule"
	tenantsschema "siegel/tenants/schema"
)

// Main runs a package's tests; call it from TestMain.
func Main(m *testing.M) int {
	return testdb.Run(m, postgres.Set{Name: "platform", FS: platformschema.FS}, postgres.Set{Name: "tenants", FS: tenantsschema.FS})
}

// Secret is the server's secret in tests.
var Secret = []byte("a secret for tests, thirty-two b.")

// Password unlocks the practice.
const Password = "sechs gute worte zum testen hier"

// Fixture is a practice on stores of the test's own. It is open from six in
// the morning till ten in the evening, every day, in Europe/Berlin.
type Fixture struct {
	URLs     *testdb.DB
	DB       *postgres.DB
	Redis    *redisdb.Client
	RedisURL string

	Registry *registry.Service
	Practice *practice.Service
	Keyring  *keyring.Service

	Tenant       registry.Tenant
	Location     id.Location
	Practitioner id.Practitioner
	// Quarter takes 15 minutes, Half 30 minutes and a buffer of 10 behind it.
	Quarter, Half id.Service
	// Group bears three at once, in services of 60 minutes.
	Group        id.Practitioner
	GroupService id.Service

	Keys seal.Keyring
}

// New makes a fixture.
func New(t testing.TB) *Fixture {
	t.Helper()
	f := &Fixture{URLs: testdb.New(t), RedisURL: testdb.RedisURL(t)}
	f.DB = testdb.OpenURL(t, f.URLs.Server)
	var err error
	// A Redis that is slow because the machine is busy is nothing that these tests are about.
	if f.Redis, err = redisdb.Open(t.Context(), redisdb.Config{URL: f.RedisURL, Secret: Secret, Timeout: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Redis.Close() })
	if f.Registry, err = registry.NewService(registry.Config{DB: f.DB, Base: "localhost:8080"}); err != nil {
		t.Fatal(err)
	}
	if f.Practice, err = practice.NewService(practice.Config{DB: f.DB}); err != nil {
		t.Fatal(err)
	}
	if f.Keyring, err = keyring.NewService(keyring.Config{DB: f.DB}); err != nil {
		t.Fatal(err)
	}
	f.Tenant, f.Keys = f.Plant(t, "praxis")
	return f
}

// Plant makes a tenant with a practice and keys. The first one's ids are those
// of the fixture.
func (f *Fixture) Plant(t testing.TB, slug string) (registry.Tenant, seal.Keyring) {
	t.Helper()
	tenant, err := f.Registry.Create(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	setup := f.setup(slug)
	if err := f.Practice.Create(t.Context(), tenant.ID, setup); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.NewKeyring(tenant.ID.UUID(), id.New[id.Account]().UUID(), Password, []byte("sixteen bytes ok"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	err = f.Keyring.Save(t.Context(), tenant.ID, keyring.First{Directory: keys.Stored.Directory, Wraps: keys.Stored.Wraps, RecoveryProven: true})
	if err != nil {
		t.Fatal(err)
	}
	return tenant, keys
}

func (f *Fixture) setup(slug string) practice.Setup {
	place, who, group := id.New[id.Location](), id.New[id.Practitioner](), id.New[id.Practitioner]()
	room := id.New[id.Resource]()
	quarter, half, together := id.New[id.Service](), id.New[id.Service](), id.New[id.Service]()
	if f.Location.IsZero() {
		f.Location, f.Practitioner, f.Group = place, who, group
		f.Quarter, f.Half, f.GroupService = quarter, half, together
	}
	s := practice.Setup{
		Practice: practice.Practice{Name: "Praxis " + slug, Phone: "+49 7243 000120", Email: "praxis@" + slug + ".example",
			Imprint: "Praxis", Hours: "immer", Channels: []string{"mail", "sms"}},
		Locations: []practice.Location{{ID: place, Name: "Hier", Street: "Musterstraße 1", PostalCode: "76275", City: "Ettlingen", Zone: "Europe/Berlin"}},
		Resources: []practice.Resource{{ID: room, Kind: "room", Name: "Saal", Capacity: 3}},
		Practitioners: []practice.Practitioner{
			{ID: who, Name: "Frau Dr. Muster"}, {ID: group, Resource: room, Name: "Gruppe", Position: 1},
		},
		Services: []practice.HealthcareService{
			{ID: quarter, Name: "Viertelstunde", Minutes: 15, StepMinutes: 15, HorizonDays: 365, Practitioners: []id.Practitioner{who}},
			{ID: half, Name: "Halbe Stunde", Minutes: 30, BufferAfter: 10, StepMinutes: 15, HorizonDays: 365, Practitioners: []id.Practitioner{who}},
			{ID: together, Name: "Gruppe", Minutes: 60, StepMinutes: 60, HorizonDays: 365, Practitioners: []id.Practitioner{group}},
		},
	}
	for day := 1; day <= 7; day++ {
		for _, p := range []id.Practitioner{who, group} {
			s.Openings = append(s.Openings, practice.Opening{Practitioner: p, Location: place, Weekdays: schedule.WeekdaysOf(day), From: 6 * 60, Until: 22 * 60})
		}
	}
	return s
}

// At is a wall time n days from today in Europe/Berlin.
func At(n, hour, minute int) time.Time {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // the zone is part of every system that runs tests
	}
	now := time.Now().In(berlin)
	return time.Date(now.Year(), now.Month(), now.Day()+n, hour, minute, 0, 0, berlin)
}

// Form is a sealed form as a patient's browser makes it.
type Form struct {
	Envelope   seal.Envelope
	Secret     seal.Secret
	SecretHash [sha256.Size]byte
	Copy       seal.Bytes
}

// Seal seals a form for a booking of the fixture's practice.
func (f *Fixture) Seal(t testing.TB, booking id.Booking) Form {
	t.Helper()
	directory, err := seal.ParseDirectory(f.Keys.Stored.Directory.Document, f.Keys.Stored.Directory.Signature)
	if err != nil {
		t.Fatal(err)
	}
	key, err := directory.Current().Key()
	if err != nil {
		t.Fatal(err)
	}
	tenant := f.Tenant.ID.UUID()
	var form Form
	form.Secret = seal.NewSecret()
	form.SecretHash = form.Secret.Hash()
	plain := []byte(`{"v":1,"note":"` + strings.Repeat("x", 20) + `"}`)
	if form.Envelope, err = seal.Seal(key, tenant, id.New[id.Envelope]().UUID(), booking.UUID(), plain); err != nil {
		t.Fatal(err)
	}
	if form.Copy, err = seal.SealCopy(form.Secret, tenant, booking.UUID(), []byte(`{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	return form
}
