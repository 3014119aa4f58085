package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
)

// gathered is how many bookings wait for the connector, as after a long time
// without it.
const gathered = 100_000

// What the connector may take for them, on two cores, and of memory at any time.
const (
	drainSeconds = 60
	drainMiB     = 100
)

// drained is what the test says of itself.
var drained = regexp.MustCompile(`drained (\d+) in ([\d.]+) s, peak ([\d.]+) MiB`)

// measureConnector has a connector, in a process of its own, take all that
// waits: fetched, opened, written to a file and acknowledged. It is the root's
// test with more to do, since only that can pair one.
func measureConnector(ctx context.Context, f *field) ([]result, error) {
	program, err := f.compile(ctx, ".")
	if err != nil {
		return nil, err
	}
	said, err := exec.CommandContext(ctx, program, "-test.run=^TestConnectorDrainsWhatHasGathered$", "-test.v", "-test.timeout=30m",
		"-waiting="+strconv.Itoa(gathered)).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("drain: %w: %s", err, said)
	}
	figures := drained.FindSubmatch(said)
	if figures == nil {
		return nil, fmt.Errorf("no figures in: %s", said)
	}
	seconds, _ := strconv.ParseFloat(string(figures[2]), 64)
	peak, _ := strconv.ParseFloat(string(figures[3]), 64)
	row := result{Name: "connector", Rate: gathered / seconds, Values: map[string]float64{"waiting": gathered, "seconds": seconds, "peak_mib": math.Round(peak)}}
	row.miss(peak < drainMiB, "%.0f MiB at its peak, want less than %d", peak, drainMiB)
	row.absolute(seconds < drainSeconds, "%d drained in %.1f s, want less than %d", gathered, seconds, drainSeconds)
	return []result{row}, nil
}
