package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"
)

const (
	// bookingsASecond is how often somebody confirms while messages are timed.
	bookingsASecond = 50
	// reminders are all due in the same minute.
	reminders = 100_000
)

// measureMessages times a confirmation until its mail is at the mail server, at
// fifty bookings a second: in quiet, and while a hundred thousand reminders are
// due. These find that their patients have withdrawn, so that what is timed is
// our own work and no provider's. What claiming one of so many costs, a
// benchmark of the outbox says.
func measureMessages(ctx context.Context, f *field) ([]result, error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	quiet, handed, err := f.confirmations(ctx)
	if err != nil {
		return nil, err
	}
	r := result{Name: "confirm_to_mail", P50: handed.percentile(0.5), P99: handed.percentile(0.99), Rate: handed.rate()}
	r.Values = map[string]float64{"given_up": float64(len(quiet.times) - len(handed.times))}
	r.absolute(r.P50 < 200 && r.P99 < 2000, "p50 %.0f ms, want below 200; p99 %.0f ms, want below 2000", r.P50, r.P99)

	if _, err := f.db.Exec(ctx, `insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
		select gen_random_uuid(), $1::uuid, 'reminder_mail', gen_random_uuid() || '_1_1', now(), now() + interval '1 hour'
		from generate_series(1, $2)`, f.practices[0].tenant, reminders); err != nil {
		return nil, fmt.Errorf("queue reminders: %w", err)
	}
	begun := time.Now()
	loud, beside, err := f.confirmations(ctx)
	if err != nil {
		return nil, err
	}
	for waiting := 1; waiting > 0; time.Sleep(50 * time.Millisecond) {
		if err := f.db.QueryRow(ctx, `select count(*) from outbox where kind = 'reminder_mail' and status = 'waiting'`).Scan(&waiting); err != nil {
			return nil, err
		}
		if time.Since(begun) > 5*time.Minute {
			return nil, fmt.Errorf("%d reminders still wait after five minutes", waiting)
		}
	}
	drained := float64(reminders) / time.Since(begun).Seconds()
	d := result{Name: "confirm_beside_reminders", P50: loud.percentile(0.5), P99: loud.percentile(0.99), Rate: loud.rate()}
	d.Ratio = d.P50 / quiet.percentile(0.5)
	d.Values = map[string]float64{
		"quiet_p50_ms": quiet.percentile(0.5), "quiet_p99_ms": quiet.percentile(0.99), "p50_ratio": d.Ratio, "p99_ratio": d.P99 / quiet.percentile(0.99),
		"mail_p50_ms": beside.percentile(0.5), "mail_p99_ms": beside.percentile(0.99), "reminders_a_second": drained,
	}
	d.miss(d.Ratio <= 1.5, "confirming takes %.2f of its time in quiet, more than 1.5", d.Ratio)
	d.absolute(drained >= float64(reminders)/60, "%.0f reminders a second, want those of a minute to leave within it", drained)
	claim, err := f.claiming(ctx)
	if err != nil {
		return nil, err
	}
	d.Values["claim_µs"] = claim
	d.absolute(claim < 100, "claiming one of %d takes %.0f µs, want below 100", reminders, claim)
	return []result{r, d}, nil
}

// confirmations are what confirming took, and how long after it was asked for
// the mail was handed over.
func (f *field) confirmations(ctx context.Context) (confirmed, handed sample, err error) {
	n := int(bookingsASecond * max(f.seconds, 1) * 5)
	patients := f.patients(f.product, n)
	if _, err := f.crowd(ctx, f.product, patients, func(c *client, p patient, _ int) error {
		if err := p.hold(c); err != nil {
			return err
		}
		return p.book(c, f.kid)
	}); err != nil {
		return confirmed, handed, err
	}
	codes, err := f.product.codes(patients)
	if err != nil {
		return confirmed, handed, err
	}
	conns, err := f.connect(f.product, bookingsASecond)
	if err != nil {
		return confirmed, handed, err
	}
	defer conns.close()
	asked, took := make([]time.Time, n), make([]time.Duration, n)
	free := make(chan *client, len(conns))
	for _, c := range conns {
		free <- c
	}
	var wg sync.WaitGroup
	var once sync.Once
	every := time.NewTicker(time.Second / bookingsASecond)
	defer every.Stop()
	begun := time.Now()
	for i, p := range patients {
		<-every.C
		c := <-free
		wg.Go(func() {
			asked[i] = time.Now()
			if failed := p.confirm(c, codes[i]); failed != nil {
				once.Do(func() { err = failed })
			}
			took[i] = time.Since(asked[i])
			free <- c
		})
	}
	wg.Wait()
	if err != nil {
		return confirmed, handed, err
	}
	confirmed = sample{times: took, elapsed: time.Since(begun)}
	handed.elapsed = confirmed.elapsed
	// What could not leave within its minute is given up: the patient has the page.
	for waiting := 1; waiting > 0; time.Sleep(20 * time.Millisecond) {
		if err := f.db.QueryRow(ctx, `select count(*) from outbox where kind = 'receipt_mail' and status = 'waiting'`).Scan(&waiting); err != nil {
			return confirmed, handed, err
		}
	}
	for i, p := range patients {
		if at, ok := f.sink.booked.LoadAndDelete(p.secret); ok {
			handed.times = append(handed.times, at.(time.Time).Sub(asked[i]))
		}
	}
	if len(handed.times) == 0 {
		return confirmed, handed, fmt.Errorf("none of %d mails arrived", n)
	}
	slices.Sort(confirmed.times)
	slices.Sort(handed.times)
	return confirmed, handed, nil
}

// claiming is what it costs to claim one message of very many, in microseconds.
func (f *field) claiming(ctx context.Context) (float64, error) {
	program, err := f.compile(ctx, "platform/jobs")
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^BenchmarkClaim$", "-test.benchtime=500x")
	cmd.Dir = "platform/jobs"
	said, err := cmd.CombinedOutput()
	cost := figure(string(said), "µs/message")
	if err != nil || cost == 0 {
		return 0, fmt.Errorf("BenchmarkClaim: %w: %s", err, said)
	}
	return cost, nil
}
