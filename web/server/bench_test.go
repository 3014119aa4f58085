package server_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// BenchmarkHostAndRights is what every request of an office pays before its
// handler: whose host it is, what its sender is there, and whether that may do
// it. It looks at the tenants and people that web/bench has planted, says the
// median and the 99th percentile of people who came a moment ago, the median of
// those who come for the first time, and the memory that names and policy take.
func BenchmarkHostAndRights(b *testing.B) {
	url := os.Getenv("SIEGEL_BENCH_DATABASE_URL")
	if url == "" {
		b.Skip("web/bench plants what this looks at")
	}
	number := func(name string) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil || n < 1 {
			b.Fatalf("%s: %v", name, err)
		}
		return n
	}
	tenants, people := number("SIEGEL_BENCH_TENANTS"), number("SIEGEL_BENCH_PEOPLE")
	db, err := postgres.Open(b.Context(), postgres.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	before := heap()
	policy, err := access.New()
	if err != nil {
		b.Fatal(err)
	}
	names, err := registry.NewService(registry.Config{DB: db, Base: "bench.example:8080", Scheme: "http"})
	if err != nil {
		b.Fatal(err)
	}
	members, err := staff.NewService(staff.Config{DB: db})
	if err != nil {
		b.Fatal(err)
	}
	host := func(n int) string { return fmt.Sprintf("many-%d.office.bench.example:8080", n%tenants) }
	decide := func(n int) {
		tenant, kind, err := names.Resolve(b.Context(), host(n))
		if err != nil || kind != registry.Office {
			b.Fatalf("%s: %v %v", host(n), kind, err)
		}
		var account id.Account
		if err := account.Scan(uuid.MustParse(fmt.Sprintf("00000000-0000-7001-8000-%012x", n)).String()); err != nil {
			b.Fatal(err)
		}
		role, err := members.Role(b.Context(), tenant.ID, account)
		if err != nil {
			b.Fatal(err)
		}
		if !policy.Can(role.Access(), access.Tenant, "getSession") {
			b.Fatalf("%s may not see the own session", role)
		}
	}
	decide(0)
	took := heap() - before

	cold := make([]time.Duration, 0, 2000)
	for n := range cap(cold) {
		person := 1 + n*(people-1)/cap(cold)
		begun := time.Now()
		decide(person)
		cold = append(cold, time.Since(begun))
	}
	const active = 500 // people who click now
	for n := range active {
		decide(n)
	}
	warm := make([]time.Duration, 0, 1<<20)
	for n := 0; b.Loop(); n++ {
		begun := time.Now()
		decide(n % active)
		if len(warm) < cap(warm) {
			warm = append(warm, time.Since(begun))
		}
	}
	slices.Sort(cold)
	slices.Sort(warm)
	b.ReportMetric(float64(warm[len(warm)/2]), "p50-ns")
	b.ReportMetric(float64(warm[len(warm)*99/100]), "p99-ns")
	b.ReportMetric(float64(cold[len(cold)/2]), "cold-ns")
	b.ReportMetric(float64(took), "heap-B")
}

// heap is how much is in use after what nobody needs is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
