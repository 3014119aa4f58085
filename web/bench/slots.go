package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// noCache, as Cache-Control, wants no answer from a moment ago.
const noCache = "no-cache"

// measureSlots asks for 30 days of one practitioner, computed anew each time:
// alone, and in company.
func measureSlots(ctx context.Context, f *field) ([]result, error) {
	return f.measureLooks(ctx, "slots", noCache)
}

// measureSlotsCached asks the same as people do. The product answers with what
// it said less than a second ago, the floor from a list that lies ready.
func measureSlotsCached(ctx context.Context, f *field) ([]result, error) {
	if err := f.pack(ctx, f.slots); err != nil {
		return nil, err
	}
	return f.measureLooks(ctx, "slots_cached", "")
}

func (f *field) measureLooks(ctx context.Context, name, cacheControl string) (all []result, err error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	for _, clients := range []int{1, 16, crowd} {
		r, err := f.alternate(ctx, clients, f.looking(f.product, f.slots, cacheControl), f.looking(f.floor, f.slots, cacheControl))
		if err != nil {
			return all, err
		}
		row := r.result(name)
		if clients == 1 {
			row.miss(row.P50 <= 2, "p50 %.2f ms alone, want at most 2", row.P50)
		} else {
			row.Name = fmt.Sprintf("%s_%d", name, clients)
		}
		row.miss(row.Ratio >= 0.5, "%.2f of the floor, want at least 0.5", row.Ratio)
		all = append(all, row)
	}
	return all, nil
}

// looking asks for the slots of a practice's first practitioner.
func (f *field) looking(s *side, p *practice, cacheControl string) contender {
	return contender{s, func(c *client) error {
		from := time.Now().In(berlin()).AddDate(0, 0, 1)
		body, err := c.expect(http.StatusOK, call{host: p.slug + "." + s.base, cacheControl: cacheControl, path: fmt.Sprintf(
			"/api/v1/slots?service=svc_%s&practitioner=prc_%s&from=%s&to=%s", p.service, p.practitioners[0],
			from.Format(time.DateOnly), from.AddDate(0, 0, slotDays).Format(time.DateOnly))})
		if err == nil && len(body) < 30_000 {
			return fmt.Errorf("only %d bytes of slots", len(body))
		}
		return err
	}}
}

// measureHistory compares two practitioners who have the same days ahead of
// them, one of whom has a past. Its floor is the other.
func measureHistory(ctx context.Context, f *field) ([]result, error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	if err := f.history.age(ctx, f.db); err != nil {
		return nil, fmt.Errorf("plant the past: %w", err)
	}
	r, err := f.alternate(ctx, 1, f.looking(f.product, f.history, noCache), f.looking(f.product, f.slots, noCache))
	if err != nil {
		return nil, err
	}
	row := r.result("history")
	times := 1 / row.Ratio
	row.Values = map[string]float64{"times": times}
	row.miss(times <= 1.2, "takes %.2f times as long with %d past appointments, want at most 1.2", times, pastCount)
	return []result{row}, nil
}

// pastCount is how many appointments a practitioner has had.
const pastCount = 50_000

// age gives the practice's first practitioner a past: one appointment after
// the other, up to this hour.
func (p *practice) age(ctx context.Context, db *pgx.Conn) error {
	if _, err := db.Exec(ctx, `
		with past as (
			insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
			select $1, gen_random_uuid(), gen_random_uuid(), 'fulfilled', 'online', $2, $2, $3, at, at + $5, at, sha256(int4send(n) || uuid_send($2))
			  from generate_series(1, $4::int) n, lateral (select date_trunc('hour', now()) - n * $5::interval as at) x
			returning *)
		insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
		select tenant_id, resource_id, 1, starts, ends, id from past`,
		p.tenant, p.practitioners[0], p.location, pastCount, slotMinutes*time.Minute); err != nil {
		return err
	}
	_, err := db.Exec(ctx, `vacuum analyze appointment, occupation`)
	return err
}
