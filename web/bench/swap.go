package main

import (
	"context"
	"fmt"
	"os/exec"
)

// measureSwap times bookings beside 200 text messages a second, first with a
// provider at peace and then while it is swapped ten times, killed five times
// and hung twice. The storm is that of the test which counts its messages.
func measureSwap(ctx context.Context, f *field) ([]result, error) {
	program, err := f.compile(ctx, "tenants/notify")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestSwappingProvidersUnderLoadLosesNothing$", "-test.v")
	cmd.Dir = "tenants/notify"
	out, err := cmd.CombinedOutput()
	said := string(out)
	if err != nil {
		return nil, fmt.Errorf("the storm: %w: %s", err, said)
	}
	r := result{Name: "booking_while_swapping", P50: figure(said, "storm-p50-µs") / 1000, P99: figure(said, "storm-p99-µs") / 1000}
	quiet, quietest := figure(said, "quiet-p50-µs")/1000, figure(said, "quiet-p99-µs")/1000
	if r.P50 == 0 || quiet == 0 {
		return nil, fmt.Errorf("no figures in: %s", said)
	}
	r.Ratio = r.P50 / quiet
	r.Values = map[string]float64{"quiet_p50_ms": quiet, "quiet_p99_ms": quietest, "p50_ratio": r.Ratio, "p99_ratio": r.P99 / quietest}
	r.miss(r.Ratio <= 1.5, "bookings take %.2f of their time in quiet at the median, more than 1.5", r.Ratio)
	r.miss(r.P99 <= 3*quietest, "bookings take %.2f of their time in quiet at p99, more than 3", r.P99/quietest)
	return []result{r}, nil
}
