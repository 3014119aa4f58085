package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pluginLimit is what handing a message to a plugin's process and hearing back
// may take at the median.
const pluginLimit = 250 * time.Microsecond

// measurePlugin times Send from the host's call to its answer, with a plugin
// that does nothing: what is left is the boundary. The best of the rounds
// counts, since whatever else the machine does only adds to it.
func measurePlugin(ctx context.Context, f *field) ([]result, error) {
	program, err := f.compile(ctx, "platform/pluginhost")
	if err != nil {
		return nil, err
	}
	length := time.Duration(f.seconds * float64(time.Second)).String()
	r := result{Name: "plugin_send"}
	for range f.rounds {
		cmd := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^BenchmarkSend$", "-test.benchtime="+length)
		cmd.Dir = "platform/pluginhost"
		said, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("BenchmarkSend: %w: %s", err, said)
		}
		p50, p99 := figure(string(said), "p50-µs"), figure(string(said), "p99-µs")
		if p50 == 0 {
			return nil, fmt.Errorf("no figures of BenchmarkSend in: %s", said)
		}
		if p50 /= 1000; r.P50 == 0 || p50 < r.P50 {
			r.P50, r.P99, r.Rate = p50, p99/1000, 1000/p50
		}
	}
	limit := float64(pluginLimit) / float64(time.Millisecond)
	r.miss(r.P50 < limit, "Send through the plugin boundary takes %.0f µs at the median, more than %v", r.P50*1000, pluginLimit)
	return []result{r}, nil
}

// figure is the number before a unit in what a benchmark prints; 0 where there
// is none.
func figure(said, unit string) float64 {
	for line := range strings.Lines(said) {
		fields := strings.Fields(line)
		if at := slices.Index(fields, unit); at > 0 {
			n, _ := strconv.ParseFloat(fields[at-1], 64)
			return n
		}
	}
	return 0
}
