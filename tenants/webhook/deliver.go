package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// Kind is that of the outbox's messages: an attempt at a delivery each.
const Kind = "webhook"

// pauses are those before each further attempt, somewhat more than three days
// in all; after the last attempt a delivery is dead.
var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

const (
	// givenUp is when an event is no longer worth telling, however often it was
	// tried.
	givenUp = 4 * 24 * time.Hour
	// longFailure is how long nothing may have arrived before a webhook whose
	// delivery died is switched off.
	longFailure = 72 * time.Hour
	// spared is how long a receiver that has just failed is left alone by events
	// that were not tried yet, so that one does not keep all others waiting.
	spared = time.Minute
	// messageLife is how long a message of the outbox may be carried.
	messageLife = 4 * 24 * time.Hour
)

// Handlers are those of the outbox.
func (s *Service) Handlers() map[string]jobs.Handler { return map[string]jobs.Handler{Kind: s.deliver} }

// Kinds are the kinds of messages, for a relay of their own.
func Kinds() []string { return []string{Kind} }

// due is a delivery together with where it goes.
type due struct {
	scope    id.Tenant
	delivery id.Delivery
	webhook  id.Webhook
	event    id.Event
	body     string
	byHand   bool
	attempt  int

	url         string
	secret, old []byte
	oldUntil    *time.Time
	failing     *time.Time
	tried       *time.Time
}

// deliver makes one attempt. Its message names the delivery and the number of
// the attempt, so that one which was recorded is not made again.
func (s *Service) deliver(ctx context.Context, m jobs.Message) error {
	ref, number, _ := strings.Cut(m.Ref, "_")
	var delivery id.Delivery
	err := delivery.Scan(ref)
	attempt, numberErr := strconv.Atoi(number)
	if err != nil || numberErr != nil {
		return jobs.Permanent(jobs.ErrMalformed.Because(errors.Join(err, numberErr)))
	}
	d := due{scope: m.Tenant, delivery: delivery, attempt: attempt}
	var status, webhook string
	var made int
	var created time.Time
	var found *postgres.Found
	err = s.DB.Batch(ctx, m.Tenant, func(b *postgres.Batch) {
		found = b.Row(`select d.webhook_id, d.event_id, d.body, d.by_hand, d.status, d.attempts, d.created, w.status, w.url, w.secret, w.old_secret, w.old_until, w.failing_since, w.tried
			from webhook_delivery d join webhook w on w.tenant_id = d.tenant_id and w.id = d.webhook_id
			where d.tenant_id = $1 and d.id = $2`, []any{m.Tenant, delivery},
			&d.webhook, &d.event, &d.body, &d.byHand, &status, &made, &created, &webhook, &d.url, &d.secret, &d.old, &d.oldUntil, &d.failing, &d.tried)
	})
	now := s.Now()
	switch {
	case err != nil:
		return fmt.Errorf("read a delivery: %w", err)
	case !found.OK:
		return jobs.ErrLapsed // the webhook was removed
	case status != "waiting" || made >= attempt:
		return nil
	case webhook != string(Active):
		return s.record(ctx, d, outcome{status: "dropped", reason: "webhook_off"})
	case m.Late || now.Sub(created) > givenUp:
		return s.record(ctx, d, outcome{status: "dead", reason: "too_late"})
	case attempt == 1 && !d.byHand && d.failing != nil && d.tried != nil && now.Sub(*d.tried) < spared:
		return s.putOff(ctx, d)
	}
	return s.record(ctx, d, s.send(ctx, d))
}

// outcome is what became of an attempt.
type outcome struct {
	status string // waiting: to be tried again, or dead after the last attempt
	code   int    // of the answer; 0 where there was none
	reason string
	took   time.Duration
	gone   bool // the receiver wants nothing any more
	asked  bool // the receiver was asked at all
}

// send asks the receiver once.
func (s *Service) send(ctx context.Context, d due) (o outcome) {
	o = outcome{status: "waiting", asked: true}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, strings.NewReader(d.body))
	if err != nil {
		o.reason = "unreachable"
		return o
	}
	begun := time.Now()
	now := s.Now()
	signature, err := s.sign(d, now)
	if err != nil {
		return outcome{status: "dead", reason: "secret_unreadable"}
	}
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Siegel-Webhook/1"},
		"Webhook-Id": {d.event.String()}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
	}
	res, err := s.Client.Do(r)
	o.took = time.Since(begun)
	if err != nil {
		o.reason = why(err)
		return o
	}
	_, _ = io.CopyN(io.Discard, res.Body, answerOctets)
	res.Body.Close()
	o.took, o.code = time.Since(begun), res.StatusCode
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		o.status, o.reason = "delivered", ""
	case res.StatusCode >= 300 && res.StatusCode < 400:
		o.reason = "redirect"
	case res.StatusCode == http.StatusGone:
		o.status, o.reason, o.gone = "dead", "gone", true
	default:
		o.reason = "answer"
	}
	return o
}

// sign makes the header webhook-signature: one signature by the secret and,
// while there is one, by the former.
func (s *Service) sign(d due, now time.Time) (string, error) {
	secrets := [][]byte{d.secret}
	if d.oldUntil != nil && now.Before(*d.oldUntil) {
		secrets = append(secrets, d.old)
	}
	var all []string
	for _, closed := range secrets {
		secret, err := s.seal.Open(nil, nil, closed, bound(d.scope, d.webhook))
		if err != nil {
			return "", fmt.Errorf("open a webhook's secret: %w", err)
		}
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%d.%s", d.event, now.Unix(), d.body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " "), nil
}

// record writes what became of an attempt and queues the next one. Whoever
// carried the same attempt at the same time and recorded it first has it.
func (s *Service) record(ctx context.Context, d due, o outcome) error {
	var pause time.Duration
	if o.status == "waiting" {
		if d.attempt > len(pauses) {
			o.status = "dead"
		} else {
			pause = spread(pauses[d.attempt-1])
		}
	}
	now := s.Now()
	var code, millis *int64
	if o.code != 0 {
		c := int64(o.code)
		code = &c
	}
	if o.asked {
		ms := o.took.Milliseconds()
		millis = &ms
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := s.DB.Batch(ctx, d.scope, func(b *postgres.Batch) {
		b.Exec(`
			with recorded as (
				update webhook_delivery set status = $3, attempts = $4, code = $5, reason = $6, millis = $7, tried = $8
				where tenant_id = $1 and id = $2 and status = 'waiting' and attempts < $4
				returning id
			)
			insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
			select gen_random_uuid(), $1, $9, r.id || '_' || ($4::int + 1), now() + make_interval(secs => $10), now() + make_interval(secs => $11)
			from recorded r where $3 = 'waiting'`,
			d.scope, d.delivery, o.status, d.attempt, code, o.reason, millis, now, Kind, pause.Seconds(), (pause + messageLife).Seconds())
		switch {
		case o.status == "delivered":
			b.Exec(`update webhook set tried = $3, succeeded = $3, failing_since = null where tenant_id = $1 and id = $2`, d.scope, d.webhook, now)
		case o.asked:
			// Whoever switches it off writes the letters: once for each time.
			b.Exec(`
				with before as (
					select status from webhook where tenant_id = $1 and id = $2 for update
				), after as (
					update webhook w set tried = $3, failing_since = coalesce(failing_since, $3),
						status = case when w.status = 'active' and ($4 or $5 and failing_since <= $6) then 'failed' else w.status end
					from before where w.tenant_id = $1 and w.id = $2
					returning w.id, before.status = 'active' and w.status = 'failed' as fell
				)
				insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
				select gen_random_uuid(), $1, $7, after.id || '_' || whom.account_id, now(), now() + make_interval(secs => $8)
				from after, (`+whom+`) whom where after.fell`,
				d.scope, d.webhook, now, o.gone, o.status == "dead", now.Add(-longFailure), letterKind, letterTTL.Seconds())
		}
	})
	if err != nil {
		return fmt.Errorf("record a delivery: %w", err)
	}
	return nil
}

// putOff tries later what was not tried yet.
func (s *Service) putOff(ctx context.Context, d due) error {
	err := s.DB.Batch(ctx, d.scope, func(b *postgres.Batch) {
		jobs.Add(b, jobs.Message{Tenant: d.scope, Kind: Kind, Ref: d.delivery.UUID() + "_1",
			At: time.Now().Add(spared + rand.N(4*time.Minute)), TTL: messageLife})
	})
	if err != nil {
		return fmt.Errorf("put a delivery off: %w", err)
	}
	return nil
}

// spread makes pauses up to a tenth longer, so that what failed together does
// not come back together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/10) }
