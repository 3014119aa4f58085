package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	practiceCount     = 40
	practitionerCount = 10
	slotMinutes       = 15
	busyCount         = 200 // appointments in the days of slotDays
	slotDays          = 30
	// heldADay is how many slots of a day are used: no more than the product
	// lets be unconfirmed at once.
	heldADay  = 10
	slotsADay = 32
	weekdays  = 300
)

// practice is one that both sides know, under the same ids. Its practitioners
// work on weekdays from 8 to 12 and from 14 to 18 in quarters of an hour.
type practice struct {
	tenant, slug, service, location string
	practitioners                   []string
}

func newPractice(slug string, practitioners int) *practice {
	p := &practice{tenant: newID(), slug: slug, service: newID(), location: newID()}
	for range practitioners {
		p.practitioners = append(p.practitioners, newID())
	}
	return p
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails on supported systems
	return b
}

// keys is a key directory as the demo made one. The server reads from it which
// key may be sealed to, and never sees a booking opened.
type keys struct {
	document, signature []byte
	kid                 string
	// agreement is the version that the demo's practices accepted.
	agreement string
}

func (f *field) plant(ctx context.Context) error {
	k, err := f.demoKeys(ctx)
	if err != nil {
		return err
	}
	f.kid = k.kid
	for n := range weekdays * heldADay {
		at, _ := slotStart(n, heldADay)
		f.starts = append(f.starts, at)
	}
	if _, err := f.floorDB.Exec(ctx, floorSchema); err != nil {
		return fmt.Errorf("floor's tables: %w", err)
	}
	f.slots, f.history = newPractice("bench-slots", 1), newPractice("bench-history", 1)
	for i := range practiceCount {
		f.practices = append(f.practices, newPractice(fmt.Sprintf("bench-%d", i), practitionerCount))
	}
	for _, p := range append(f.practices, f.slots, f.history) {
		if err := p.plant(ctx, f.db, f.floorDB, k); err != nil {
			return err
		}
	}
	for _, p := range []*practice{f.slots, f.history} {
		if err := p.fill(ctx, f.db, f.floorDB); err != nil {
			return err
		}
	}
	for _, db := range []*pgx.Conn{f.db, f.floorDB} {
		if _, err := db.Exec(ctx, `analyze`); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) demoKeys(ctx context.Context) (k keys, err error) {
	db, err := pgx.Connect(ctx, f.databaseURL("postgres", "siegel"))
	if err != nil {
		return k, err
	}
	defer db.Close(ctx)
	if err := db.QueryRow(ctx, `select document, signature from key_directory order by sequence desc limit 1`).
		Scan(&k.document, &k.signature); err != nil {
		return k, fmt.Errorf("the demo's keys: %w", err)
	}
	if err := db.QueryRow(ctx, `select version from agreement order by accepted desc limit 1`).Scan(&k.agreement); err != nil {
		return k, fmt.Errorf("the demo's agreement: %w", err)
	}
	var directory struct {
		DataKeys []struct {
			KID string `json:"kid"`
		} `json:"data_keys"`
	}
	if err := json.Unmarshal(k.document, &directory); err != nil {
		return k, err
	}
	k.kid = directory.DataKeys[len(directory.DataKeys)-1].KID
	return k, nil
}

func (p *practice) plant(ctx context.Context, product, floor *pgx.Conn, k keys) error {
	var b pgx.Batch
	b.Queue(`insert into tenant (id, slug) values ($1, $2)`, p.tenant, p.slug)
	b.Queue(`insert into practice (tenant_id, name, phone, email, imprint, hours) values ($1, $2, '+49 721 000', 'praxis@bench.example', 'Bench', 'Mo–Fr')`, p.tenant, p.slug)
	b.Queue(`insert into location (tenant_id, id, name, street, postal_code, city) values ($1, $2, 'Mitte', 'Musterstraße 1', '76133', 'Karlsruhe')`, p.tenant, p.location)
	b.Queue(`insert into resource (tenant_id, id, kind, name) select $1, u, 'practitioner', 'Person' from unnest($2::uuid[]) u`, p.tenant, p.practitioners)
	b.Queue(`insert into practitioner (tenant_id, id, resource_id, name, position) select $1, u, u, 'Person ' || n, n from unnest($2::uuid[]) with ordinality x (u, n)`, p.tenant, p.practitioners)
	b.Queue(`insert into service (tenant_id, id, name, duration_minutes, step_minutes, lead_minutes, horizon_days) values ($1, $2, 'Sprechstunde', $3, $3, 0, 700)`, p.tenant, p.service, slotMinutes)
	b.Queue(`insert into service_practitioner (tenant_id, service_id, practitioner_id) select $1, $2, u from unnest($3::uuid[]) u`, p.tenant, p.service, p.practitioners)
	b.Queue(`insert into opening (tenant_id, id, practitioner_id, location_id, weekdays, from_minute, until_minute)
		select $1, gen_random_uuid(), u, $2, 31, f, t from unnest($3::uuid[]) u, (values (480, 720), (840, 1080)) w (f, t)`,
		p.tenant, p.location, p.practitioners)
	b.Queue(`insert into key_directory (tenant_id, sequence, document, signature, issued, expires) values ($1, 1, $2, $3, now(), now() + interval '90 days')`, p.tenant, k.document, k.signature)
	b.Queue(`insert into keyring (tenant_id, recovery_proven) values ($1, now())`, p.tenant)
	b.Queue(`insert into business (tenant_id, specialty, open) values ($1, 'general_practice', true)`, p.tenant)
	// Nothing is booked before the operator has said who works with data.
	b.Queue(`insert into processor (id, component, own, country, purpose) select gen_random_uuid(), c, true, 'DE', 'Bench'
		from unnest(array['hosting', 'database', 'mail', 'backup', 'monitoring', 'support']) c where not exists (select from processor)`)
	// As if accepted by a demo's owner, whose edition is the newest.
	b.Queue(`insert into agreement (tenant_id, id, version, language, provider, hash, document, account_id, name)
		select $1, gen_random_uuid(), $2, 'de', sha256(''), sha256(''), '', gen_random_uuid(), 'Bench'`, p.tenant, k.agreement)
	if err := product.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	b = pgx.Batch{}
	b.Queue(`insert into practice (tenant_id, slug) values ($1, $2)`, p.tenant, p.slug)
	b.Queue(`insert into statement_version (tenant_id, number) values ($1, 1)`, p.tenant)
	b.Queue(`insert into resource (tenant_id, id) select $1, u from unnest($2::uuid[]) u`, p.tenant, p.practitioners)
	return floor.SendBatch(ctx, &b).Close()
}

// fill books busyCount appointments in the next slotDays days, on both sides.
func (p *practice) fill(ctx context.Context, sides ...*pgx.Conn) error {
	var starts []time.Time
	for i := 0; ; i++ {
		at, days := slotStart(i, slotsADay)
		if days >= slotDays {
			break
		}
		starts = append(starts, at)
	}
	for _, db := range sides {
		var b pgx.Batch
		for i := range busyCount {
			at := starts[i*len(starts)/busyCount]
			id := newID()
			b.Queue(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
				values ($1, $2, $3, 'booked', 'online', $4, $4, $5, $6, $7, $6, $8)`,
				p.tenant, id, newID(), p.practitioners[0], p.location, at, at.Add(slotMinutes*time.Minute), random(32))
			b.Queue(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id) values ($1, $2, 1, $3, $4, $5)`,
				p.tenant, p.practitioners[0], at, at.Add(slotMinutes*time.Minute), id)
		}
		if err := db.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
	}
	return nil
}

// berlin is where all practices are.
func berlin() *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // time/tzdata is linked in
	}
	return zone
}

// slotStart is the n-th slot where perDay slots are used on each weekday from
// tomorrow, and how many days away it is.
func slotStart(n, perDay int) (time.Time, int) {
	today := time.Now().In(berlin())
	day := 0
	for weekday := n / perDay; ; {
		day++
		at := today.AddDate(0, 0, day).Weekday()
		if at == time.Saturday || at == time.Sunday {
			continue
		}
		if weekday == 0 {
			break
		}
		weekday--
	}
	slot := n % perDay * (slotsADay / perDay)
	hour, quarter := 8+slot/4, slot%4
	if hour >= 12 {
		hour += 2
	}
	date := today.AddDate(0, 0, day)
	return time.Date(date.Year(), date.Month(), date.Day(), hour, quarter*slotMinutes, 0, 0, berlin()), day
}
