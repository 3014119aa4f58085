package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// Kept is how long it is kept what was sent, and what became of it.
const Kept = 30 * 24 * time.Hour

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID    id.Delivery
	Event id.Event
	// Kind is the event's, Body what is sent.
	Kind, Body string
	// ByHand says that a person asked for it, as a test or once more.
	ByHand bool
	// Status is waiting, delivered, dead (given up), or dropped (the webhook was
	// switched off before).
	Status   string
	Attempts int
	// Code is that of the last answer; 0 where there was none. Reason says in a
	// stable word why it has not arrived.
	Code   int
	Reason string
	Took   time.Duration
	// Created and Tried are UTC; Tried is zero before the first attempt.
	Created, Tried time.Time
}

// Deliveries are the latest to a webhook, the newest first, at most 100. It
// returns [ErrUnknown].
func (s *Service) Deliveries(ctx context.Context, scope id.Tenant, webhook id.Webhook) ([]Delivery, error) {
	if _, err := s.Find(ctx, scope, webhook); err != nil {
		return nil, err
	}
	return s.deliveries(ctx, scope, `webhook_id = $2 order by created desc, id limit 100`, webhook)
}

func (s *Service) deliveries(ctx context.Context, scope id.Tenant, which string, args ...any) ([]Delivery, error) {
	var all []Delivery
	err := s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
		b.Rows(`select id, event_id, kind, body, by_hand, status, attempts, coalesce(code, 0), reason, coalesce(millis, 0), created, tried
			from webhook_delivery where tenant_id = $1 and `+which, append([]any{scope}, args...), func(rows pgx.Rows) error {
			var d Delivery
			var millis int64
			var tried *time.Time
			if err := rows.Scan(&d.ID, &d.Event, &d.Kind, &d.Body, &d.ByHand, &d.Status, &d.Attempts, &d.Code, &d.Reason, &millis, &d.Created, &tried); err != nil {
				return err
			}
			d.Took, d.Created, d.Tried = time.Duration(millis)*time.Millisecond, d.Created.UTC(), utc(tried)
			all = append(all, d)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	return all, nil
}

// Test sends an event of the kind "webhook.test", which says nothing. It
// returns [ErrUnknown] or [ErrOff].
func (s *Service) Test(ctx context.Context, scope id.Tenant, webhook id.Webhook) (Delivery, error) {
	body, err := json.Marshal(map[string]any{
		"type": "webhook.test", "timestamp": s.Now().UTC().Format(time.RFC3339), "data": map[string]any{"webhook": webhook},
	})
	if err != nil {
		return Delivery{}, fmt.Errorf("write a test: %w", err)
	}
	return s.queue(ctx, scope, webhook, "webhook.test", `select $10::uuid, $11::uuid, $12::uuid, 'webhook.test', $13
		from webhook where tenant_id = $9 and id = $11::uuid and status = 'active'`, id.New[id.Event](), string(body))
}

// Replay sends a delivery once more, under the same event id, so that a
// receiver that has had it knows. It returns [ErrUnknown], [ErrUnknownDelivery]
// or [ErrOff].
func (s *Service) Replay(ctx context.Context, scope id.Tenant, webhook id.Webhook, delivery id.Delivery) (Delivery, error) {
	found, err := s.deliveries(ctx, scope, `webhook_id = $2 and id = $3`, webhook, delivery)
	if err != nil {
		return Delivery{}, err
	}
	if len(found) == 0 {
		return Delivery{}, ErrUnknownDelivery
	}
	return s.queue(ctx, scope, webhook, "webhook.replay", `select $10::uuid, $11::uuid, $12::uuid, d.kind, d.body
		from webhook_delivery d join webhook w on w.tenant_id = d.tenant_id and w.id = d.webhook_id
		where d.tenant_id = $9 and d.webhook_id = $11::uuid and d.id = $13::uuid and w.status = 'active'`, found[0].Event, delivery)
}

// queue adds a delivery by hand. which selects its id, webhook, event, kind and
// body; $9 is the scope, $10 to $12 are the ids, $13 is last.
func (s *Service) queue(ctx context.Context, scope id.Tenant, webhook id.Webhook, act, which string, event id.Event, last any) (Delivery, error) {
	if _, err := s.Find(ctx, scope, webhook); err != nil {
		return Delivery{}, err
	}
	made := id.New[id.Delivery]()
	err := s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
		audit.RecordEach(b, audit.Now(ctx, scope, act, ""), `
			insert into webhook_delivery (tenant_id, id, webhook_id, event_id, kind, body, by_hand)
			select $9::uuid, x.*, true from (`+which+`) x returning 'whk_' || webhook_id`, scope, made, webhook, event, last)
		b.Exec(`insert into outbox (id, tenant_id, kind, ref, deadline)
			select gen_random_uuid(), tenant_id, $3, id || '_1', now() + make_interval(secs => $4) from webhook_delivery where tenant_id = $1 and id = $2`,
			scope, made, Kind, messageLife.Seconds())
	})
	if err != nil {
		return Delivery{}, fmt.Errorf("queue a delivery: %w", err)
	}
	found, err := s.deliveries(ctx, scope, `id = $2`, made)
	if err != nil {
		return Delivery{}, err
	}
	if len(found) == 0 {
		return Delivery{}, ErrOff
	}
	s.Wake()
	return found[0], nil
}

// Purge adds to a batch that deliveries are forgotten that are older than
// [Kept] by now, and hands count how many they were.
func Purge(b *postgres.Batch, scope id.Tenant, now time.Time, count func(int64)) {
	b.Rows(`with gone as (delete from webhook_delivery where tenant_id = $1 and created < $2 returning 1) select count(*) from gone`,
		[]any{scope, now.Add(-Kept)}, func(rows pgx.Rows) error {
			var n int64
			err := rows.Scan(&n)
			count(n)
			return err
		})
}
