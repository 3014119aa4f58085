package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	manyTenants = 10_000
	manyPeople  = 50_000
)

// manyTenant and manyPerson are the ids that the benchmark in web/server knows
// too: the n-th of each.
func manyTenant(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012x", n) }
func manyPerson(n int) string { return fmt.Sprintf("00000000-0000-7001-8000-%012x", n) }

// measureTenants looks at what many tenants cost: to find out whose host a
// request is for and what its sender may, the memory that takes, how soon a new
// tenant can be booked on two servers, and how long making one takes. It leaves
// the product's database full and so is the last.
func measureTenants(ctx context.Context, f *field) (all []result, err error) {
	if f.product != nil {
		f.product.stop()
		f.product = nil
	}
	begun := time.Now()
	if err := f.plantMany(ctx); err != nil {
		return nil, fmt.Errorf("plant %d tenants: %w", manyTenants, err)
	}
	planted := time.Since(begun)
	deciding, err := f.deciding(ctx)
	if err != nil {
		return nil, err
	}
	deciding.Values["planted_s"] = round(planted.Seconds())
	all = append(all, deciding)

	first, err := f.serve(ctx, false)
	if err != nil {
		return all, err
	}
	defer first.stop()
	second, err := f.serveAt(ctx, false, first.base)
	if err != nil {
		return all, err
	}
	defer second.stop()
	bookable, err := f.newTenants(ctx, first, second)
	if err != nil {
		return all, err
	}
	all = append(all, bookable)
	creating, err := f.creating(ctx, first)
	return append(all, creating), err
}

func round(x float64) float64 { return math.Round(x*100) / 100 }

// plantMany copies tenants and people into the product's tables, past the
// triggers, which would announce each to every server.
func (f *field) plantMany(ctx context.Context) error {
	tx, err := f.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, `set local session_replication_role = replica`); err != nil {
		return err
	}
	slug := func(n int) string { return "many-" + strconv.Itoa(n) }
	fill := func(table string, columns []string, rows int, row func(int) []any) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(rows, func(n int) ([]any, error) { return row(n), nil }))
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		return nil
	}
	if err := fill("tenant", []string{"id", "slug"}, manyTenants, func(n int) []any { return []any{manyTenant(n), slug(n)} }); err != nil {
		return err
	}
	if err := fill("tenant_slug", []string{"slug", "tenant_id"}, manyTenants, func(n int) []any { return []any{slug(n), manyTenant(n)} }); err != nil {
		return err
	}
	if err := fill("account", []string{"id", "email", "name"}, manyPeople, func(n int) []any {
		return []any{manyPerson(n), "person" + strconv.Itoa(n) + "@bench.example", "Person " + strconv.Itoa(n)}
	}); err != nil {
		return err
	}
	roles := []string{"owner", "practitioner", "front_desk", "front_desk", "billing"}
	if err := fill("member", []string{"tenant_id", "account_id", "role"}, manyPeople, func(n int) []any {
		return []any{manyTenant(n % manyTenants), manyPerson(n), roles[n/manyTenants%len(roles)]}
	}); err != nil {
		return err
	}
	// All of them, told once.
	if _, err := tx.Exec(ctx, `insert into registry_change (tenant) values (null)`); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	_, err = f.db.Exec(ctx, `analyze tenant, tenant_slug, account, member`)
	return err
}

// deciding runs the benchmark of the server's own door, in a process of its own.
func (f *field) deciding(ctx context.Context) (result, error) {
	program, err := f.compile(ctx, "web/server")
	if err != nil {
		return result{}, err
	}
	figures := map[string][]float64{}
	for range f.rounds {
		cmd := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^BenchmarkHostAndRights$", "-test.benchtime="+fmt.Sprint(f.seconds)+"s")
		cmd.Dir = "web/server"
		cmd.Env = append(os.Environ(), "SIEGEL_BENCH_DATABASE_URL="+f.databaseURL("siegel_server", productDatabase),
			"SIEGEL_BENCH_TENANTS="+strconv.Itoa(manyTenants), "SIEGEL_BENCH_PEOPLE="+strconv.Itoa(manyPeople))
		said, err := cmd.CombinedOutput()
		if err != nil {
			return result{}, fmt.Errorf("host and rights: %w: %s", err, said)
		}
		found := 0
		for line := range strings.Lines(string(said)) {
			fields := strings.Fields(line)
			if len(fields) < 4 || !strings.HasPrefix(fields[0], "BenchmarkHostAndRights") {
				continue
			}
			for i := 2; i+1 < len(fields); i += 2 {
				value, err := strconv.ParseFloat(fields[i], 64)
				if err != nil {
					return result{}, fmt.Errorf("host and rights: %w in: %s", err, line)
				}
				figures[fields[i+1]] = append(figures[fields[i+1]], value)
				found++
			}
		}
		if found == 0 {
			return result{}, fmt.Errorf("no figures of host and rights in: %s", said)
		}
	}
	of := func(name string) float64 { return median(figures[name]) }
	r := result{Name: "tenants", P50: of("p50-ns") / 1e6, P99: of("p99-ns") / 1e6, Values: map[string]float64{
		"p50_us": round(of("p50-ns") / 1000), "p99_us": round(of("p99-ns") / 1000), "first_time_us": round(of("cold-ns") / 1000),
		"tables_mib": round(of("heap-B") / (1 << 20)),
	}}
	r.miss(of("p50-ns") < 50_000, "%.1f µs for host and rights at the median, want less than 50", of("p50-ns")/1000)
	r.miss(of("p99-ns") < 1_000_000, "%.0f µs at p99, want less than 1000", of("p99-ns")/1000)
	r.miss(of("heap-B") < 20<<20, "%.1f MiB for policy and hosts, want less than 20", of("heap-B")/(1<<20))
	return r, nil
}

// newTenants makes tenants, one after the other, and waits until both servers
// have slots of each.
func (f *field) newTenants(ctx context.Context, servers ...*side) (result, error) {
	k, err := f.demoKeys(ctx)
	if err != nil {
		return result{}, err
	}
	var took []float64
	for n := range max(f.rounds, 5) {
		p := newPractice("bench-new-"+strconv.Itoa(n), 1)
		if err := p.plant(ctx, f.db, f.floorDB, k); err != nil {
			return result{}, err
		}
		begun := time.Now()
		for _, s := range servers {
			if err := f.bookable(ctx, s, servers[0].base, p); err != nil {
				return result{}, err
			}
		}
		took = append(took, time.Since(begun).Seconds()*1000)
	}
	r := result{Name: "tenants_new", P50: median(took), P99: slices.Max(took), Values: map[string]float64{"slowest_ms": round(slices.Max(took))}}
	r.miss(slices.Max(took) <= 1000, "bookable on both servers after %.0f ms, want at most 1000", slices.Max(took))
	return r, nil
}

// bookable waits until a server has slots of a practice.
func (f *field) bookable(ctx context.Context, s *side, base string, p *practice) error {
	c, err := dial(s.addr, &f.refused)
	if err != nil {
		return err
	}
	defer c.close()
	from := time.Now().In(berlin()).AddDate(0, 0, 1)
	path := fmt.Sprintf("/api/v1/slots?service=svc_%s&practitioner=prc_%s&from=%s&to=%s", p.service, p.practitioners[0],
		from.Format(time.DateOnly), from.AddDate(0, 0, 7).Format(time.DateOnly))
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		status, body, err := c.do(call{host: p.slug + "." + base, path: path, cacheControl: noCache})
		if err != nil {
			return err
		}
		if status == http.StatusOK && len(body) > 500 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s was not bookable in time", p.slug)
}

// creating makes tenants from a template as an operator does: by a process of
// its own. What another one takes that only looks at a tenant is not counted.
func (f *field) creating(ctx context.Context, s *side) (result, error) {
	run := func(args ...string) (float64, error) {
		begun := time.Now()
		cmd := exec.CommandContext(ctx, f.binary, args...)
		cmd.Env = append(os.Environ(), f.environment(s.base, s.addr)...)
		if said, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("siegel %s: %w: %s", strings.Join(args[:2], " "), err, said)
		}
		return time.Since(begun).Seconds() * 1000, nil
	}
	var took, whole []float64
	for n := range max(f.rounds, 5) {
		looking, err := run("tenant", "show", "many-0", "--json")
		if err != nil {
			return result{}, err
		}
		making, err := run("tenant", "create", "bench-made-"+strconv.Itoa(n), "--specialty=general_practice", "--company=Praxis Bench", "--contact=Dr. Bench",
			"--street=Messweg 1", "--postal-code=10115", "--city=Berlin", "--phone=+49 30 000000", "--email=praxis@bench.example", "--json")
		if err != nil {
			return result{}, err
		}
		took, whole = append(took, making-looking), append(whole, making)
	}
	r := result{Name: "tenants_create", P50: median(took), P99: slices.Max(took), Values: map[string]float64{"with_start_ms": round(median(whole))}}
	r.miss(median(took) < 200, "%.0f ms to make a tenant, want less than 200", median(took))
	return r, nil
}
