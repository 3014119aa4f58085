package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// engineCase is a Go benchmark of the availability engine and what is wanted of it.
type engineCase struct {
	name, folder, benchmark string
	// days are those of the plain loop that it is compared with.
	days int
	// ratio is the least share of the plain loop's rate; zero is none, then the
	// limit decides, as far as the core is as fast as loopTime says.
	ratio float64
	// allocations are the most that one computation may make. They do not grow
	// with the slots.
	allocations float64
	// limit is for a core that has nothing else to do; zero is none.
	limit time.Duration
	// peer is whether it is what cal.com's engine was measured with.
	peer bool
}

// loopTime is what the plain loop takes over 30 days on the core that limits
// in time are for.
const loopTime = 50 * time.Microsecond

// timesPeer is how many times the loop computes what cal.com's engine does
// once: 20,000 to 10 in a second of one core.
const timesPeer = 2000

func engineCases() []engineCase {
	return []engineCase{
		{"engine", "tenants/practice", "BenchmarkSlotsAndJSON", 30, 0.5, 32, 60 * time.Microsecond, true},
		{"engine_365", "tenants/practice", "BenchmarkYearAndJSON", 365, 0.5, 32, 0, false},
		{"engine_practice", "tenants/schedule", "BenchmarkPractice", 30, 0, 500, 2 * time.Millisecond, false},
		{"engine_chain", "tenants/schedule", "BenchmarkChain", 30, 0, 1000, 5 * time.Millisecond, false},
	}
}

// measureEngine runs the engine's own benchmarks, in processes of their own, in
// turn with a plain loop. Times are those of the processor, garbage collection
// included: what else the machine does hardly shows in them.
func measureEngine(ctx context.Context, f *field) (all []result, err error) {
	length := time.Duration(f.seconds * float64(time.Second))
	for _, e := range engineCases() {
		program, err := f.compile(ctx, e.folder)
		if err != nil {
			return all, err
		}
		// What it takes to start and to make the practice is not the engine's.
		once, err := benchmark(ctx, program, e, "1x")
		if err != nil {
			return all, err
		}
		var (
			r      rounds
			loop   = newPlainLoop(e.days)
			allocs float64
		)
		for range f.rounds {
			many, err := benchmark(ctx, program, e, length.String())
			if err != nil {
				return all, err
			}
			if many.n <= once.n || many.cpu <= once.cpu {
				return all, fmt.Errorf("%s: too short a section to measure", e.name)
			}
			allocs = many.allocations
			took := (many.cpu - once.cpu) / time.Duration(many.n-once.n)
			rate, floor := 1/took.Seconds(), loop.rate(length)
			r.p50 = append(r.p50, took.Seconds()*1000)
			r.rate, r.floor, r.ratio = append(r.rate, rate), append(r.floor, floor), append(r.ratio, rate/floor)
		}
		all = append(all, e.judge(r.result(e.name), allocs))
	}
	return all, nil
}

func (e engineCase) judge(row result, allocations float64) result {
	row.Values = map[string]float64{"allocations": allocations}
	if e.ratio > 0 {
		row.miss(row.Ratio >= e.ratio, "%.3f of the plain loop, want at least %.3f", row.Ratio, e.ratio)
	} else {
		slower := max(1, 1/row.FloorRate/loopTime.Seconds())
		limit := e.limit.Seconds() * 1000 * slower
		row.miss(row.P50 <= limit, "%.3f ms, want at most %.3f on a core as fast as this", row.P50, limit)
	}
	row.miss(allocations <= e.allocations, "%.0f allocations, want at most %.0f", allocations, e.allocations)
	if e.limit > 0 {
		limit := e.limit.Seconds() * 1000
		row.absolute(row.P50 <= limit, "%.3f ms of a core, want at most %.3f", row.P50, limit)
	}
	if e.peer {
		row.Values["times_cal.com"] = math.Round(row.Ratio * timesPeer)
	}
	return row
}

// compile makes a program of the tests in a folder of the tree, at whose root
// this one runs.
func (f *field) compile(ctx context.Context, folder string) (program string, err error) {
	program = filepath.Join(f.dir, path.Base(folder)+".test")
	if said, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./"+folder).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", folder, err, said)
	}
	return program, nil
}

// cost is what a run of a benchmark took in all.
type cost struct {
	n           int
	cpu         time.Duration
	allocations float64 // of one computation
}

// benchmark runs a Go benchmark for some time, or so many times ("7x").
func benchmark(ctx context.Context, program string, e engineCase, length string) (c cost, err error) {
	cmd := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^"+e.benchmark+"$", "-test.benchmem",
		"-test.cpu=1", "-test.benchtime="+length)
	cmd.Dir = e.folder
	said, err := cmd.CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("%s: %w: %s", e.benchmark, err, said)
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	// BenchmarkSlots  22527  13626 ns/op  504.0 slots  5506 B/op  7 allocs/op
	for line := range strings.Lines(string(said)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != e.benchmark || fields[len(fields)-1] != "allocs/op" {
			continue
		}
		var errN, errAllocations error
		c.n, errN = strconv.Atoi(fields[1])
		c.allocations, errAllocations = strconv.ParseFloat(fields[len(fields)-2], 64)
		return c, errors.Join(errN, errAllocations)
	}
	return c, fmt.Errorf("no figures of %s in: %s", e.benchmark, said)
}

// plainLoop is the floor of the engine: no rules, no conditions, what is taken
// in order, and of each free slot only its start.
type plainLoop struct {
	from, to time.Time
	busy     []span
	text     []byte
}

// newPlainLoop has busyCount of the slots taken, evenly.
func newPlainLoop(days int) *plainLoop {
	l := &plainLoop{from: time.Date(2026, 11, 23, 0, 0, 0, 0, berlin())}
	l.to = l.from.AddDate(0, 0, days)
	var starts []int64
	for at := range free(l.from, l.to, nil) {
		starts = append(starts, at)
	}
	for i := range busyCount {
		at := starts[i*len(starts)/busyCount]
		l.busy = append(l.busy, span{at, at + slotMinutes*60})
	}
	return l
}

// rate is how often the loop runs in a second of the processor.
func (l *plainLoop) rate(length time.Duration) float64 {
	before, n := ownTime(), 0
	for until := time.Now().Add(length); time.Now().Before(until); n++ {
		l.compute()
	}
	return float64(n) / (ownTime() - before).Seconds()
}

// ownTime is how long this process has had the processor.
func ownTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (l *plainLoop) compute() {
	out := append(l.text[:0], '[')
	for at := range free(l.from, l.to, l.busy) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = time.Unix(at, 0).In(l.from.Location()).AppendFormat(out, time.RFC3339)
		out = append(out, '"')
	}
	l.text = append(out, ']')
}
