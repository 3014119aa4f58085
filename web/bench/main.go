// Command bench measures the built server against a bare floor and against
// fixed targets.
//
// The floor is a child process of this program: Fiber, pgx and go-redis doing
// the same reads and writes as the product, on the same Postgres and Redis in
// databases of its own, without tenancy, sealing, schema validation, idempotency,
// caps or messages. Product and floor take turns, with the same client over the
// same number of connections; each figure is the median of the rounds. Ratios
// are good as targets, absolute figures only for the machine and its minute.
//
// It promises to drive the product as a black box: `siegel demo` for the
// stores, `siegel migrate` and `siegel serve` for the rest, over HTTP and with
// the caps that hold in production. Visitors are told apart as they are behind
// a proxy, by X-Forwarded-For. Practices are planted by SQL. Only the engine
// cannot be reached so: its Go benchmarks run in processes of their own, in
// turn with a plain loop in this one.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// floorCommand, as the first argument, makes this program the floor.
const floorCommand = "serve-floor"

type options struct {
	rounds   int
	only     string
	seconds  float64
	bookings int
	waves    int
	binary   string
}

// result is one row of the table and of bench.json.
type result struct {
	Name      string  `json:"name"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Rate      float64 `json:"rate"`
	FloorRate float64 `json:"floor_rate"`
	Ratio     float64 `json:"ratio"`
	// Values are figures of another kind, by name.
	Values map[string]float64 `json:"values,omitempty"`
	// Missed names the targets that were not met.
	Missed []string `json:"missed,omitempty"`
	// Absolute says which limits in time were met on this machine in this
	// minute. They decide nothing.
	Absolute []string `json:"absolute,omitempty"`
}

// miss records a target unless it was met.
func (r *result) miss(met bool, format string, args ...any) {
	if !met {
		r.Missed = append(r.Missed, fmt.Sprintf(format, args...))
	}
}

// absolute records whether a limit in time was met.
func (r *result) absolute(met bool, format string, args ...any) {
	word := "met"
	if !met {
		word = "missed"
	}
	r.Absolute = append(r.Absolute, word+": "+fmt.Sprintf(format, args...))
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == floorCommand {
		err = serveFloor(ctx)
	} else {
		err = bench(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds a figure is the median of")
	flag.StringVar(&o.only, "only", "", "comma-separated names: engine, slots, slots_cached, history, hold, booking (with confirm), wave, memory, start, page, tenants, swap, messages, connector")
	flag.Float64Var(&o.seconds, "seconds", 2, "length of one timed section")
	flag.IntVar(&o.bookings, "bookings", 1500, "bookings a round of booking and confirm")
	flag.IntVar(&o.waves, "waves", 1000, "waves of fifty at once on one slot")
	flag.StringVar(&o.binary, "binary", "bin/siegel", "the built binary")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 || o.seconds <= 0 || o.bookings < 1 || o.waves < 0 {
		return fmt.Errorf("malformed arguments")
	}
	results, err := measure(ctx, o)
	if len(results) > 0 {
		printTable(results)
		content, jsonErr := json.MarshalIndent(results, "", "  ")
		if jsonErr != nil {
			return jsonErr
		}
		if err := os.WriteFile("bench.json", append(content, '\n'), 0o644); err != nil {
			return err
		}
	}
	return err
}

// parts are what --only chooses from, in the order in which they run.
func parts() []struct {
	name string
	run  func(context.Context, *field) ([]result, error)
} {
	return []struct {
		name string
		run  func(context.Context, *field) ([]result, error)
	}{
		{"engine", measureEngine}, {"page", measurePage}, {"start", measureStart}, {"memory", measureMemory},
		{"slots", measureSlots}, {"slots_cached", measureSlotsCached}, {"history", measureHistory},
		{"hold", measureHold}, {"booking", measureBooking}, {"wave", measureWave}, {"plugin", measurePlugin}, {"tenants", measureTenants},
		{"swap", measureSwap}, {"messages", measureMessages}, {"connector", measureConnector},
	}
}

func measure(ctx context.Context, o options) (results []result, err error) {
	var chosen []string
	if o.only != "" {
		chosen = strings.Split(strings.ReplaceAll(o.only, "confirm", "booking"), ",")
	}
	wanted := func(name string) bool {
		for _, c := range chosen {
			if c == name {
				return true
			}
		}
		return len(chosen) == 0
	}
	for _, c := range chosen {
		known := false
		for _, p := range parts() {
			known = known || p.name == c
		}
		if !known {
			return nil, fmt.Errorf("nothing is called %q", c)
		}
	}
	f, err := prepare(ctx, o)
	defer func() {
		if f != nil {
			f.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	for _, p := range parts() {
		if !wanted(p.name) {
			continue
		}
		begun := time.Now()
		more, err := p.run(ctx, f)
		results = append(results, more...)
		if err != nil {
			return results, fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n", p.name, time.Since(begun).Seconds())
		if n := f.refused.Swap(0); n > 0 {
			fmt.Fprintf(os.Stderr, "%s: %d answers of 503, asked again a second later\n", p.name, n)
		}
	}
	return results, nil
}

func printTable(results []result) {
	tab := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "name\tp50 ms\tp99 ms\trate/s\tfloor/s\tratio\t")
	for _, r := range results {
		if r.Rate == 0 && r.P50 == 0 {
			continue
		}
		fmt.Fprintf(tab, "%s\t%.3f\t%.3f\t%.0f\t%.0f\t%.3f\t\n", r.Name, r.P50, r.P99, r.Rate, r.FloorRate, r.Ratio)
	}
	tab.Flush()
	for _, r := range results {
		if len(r.Values) > 0 {
			content, _ := json.Marshal(r.Values)
			fmt.Printf("%s: %s\n", r.Name, content)
		}
	}
	for _, r := range results {
		for _, a := range r.Absolute {
			fmt.Printf("%s: %s\n", r.Name, a)
		}
	}
	for _, r := range results {
		for _, m := range r.Missed {
			fmt.Printf("MISSED %s: %s\n", r.Name, m)
		}
	}
}
