package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// measureStart times `siegel serve` from its start to the first 200 of
// /readyz, with one plugin and without, the schema being current.
func measureStart(ctx context.Context, f *field) ([]result, error) {
	var all []result
	for _, plugin := range []bool{false, true} {
		var took sample
		for range f.rounds + 1 {
			begun := time.Now()
			s, err := f.serve(ctx, plugin)
			if err != nil {
				return nil, err
			}
			took.times = append(took.times, time.Since(begun))
			s.stop()
		}
		took.times = took.times[1:] // the first one warms the disk's cache
		row, limit := took.wave("start"), 500.0
		row.Rate, row.Missed = 0, nil
		if plugin {
			row.Name, limit = "start_plugin", 560
		}
		row.miss(row.P50 <= limit, "ready after %.0f ms, want at most %.0f", row.P50, limit)
		all = append(all, row)
	}
	return all, nil
}

// measureMemory looks at the resident set of a server that was just started,
// of its plugin, and of the server with 64 clients that look, hold and book.
func measureMemory(ctx context.Context, f *field) ([]result, error) {
	if f.product != nil {
		f.product.stop()
		f.product = nil
	}
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	if err := f.settle(ctx); err != nil {
		return nil, err
	}
	pid := f.product.cmd.Process.Pid
	time.Sleep(2 * time.Second)
	idle, err := memory(pid)
	if err != nil {
		return nil, err
	}
	var busy, plugin float64
	done := make(chan error, 1)
	patients, looking := f.patients(f.product, 4*f.bookings), f.looking(f.product, f.slots, noCache)
	go func() {
		_, err := f.crowd(ctx, f.product, patients, func(c *client, p patient, _ int) error {
			if err := looking.do(c); err != nil {
				return err
			}
			if err := p.hold(c); err != nil {
				return err
			}
			return p.book(c, f.kid)
		})
		done <- err
	}()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				return nil, err
			}
			running = false
		case <-time.After(50 * time.Millisecond):
		}
		now, err := memory(pid)
		if err != nil {
			return nil, err
		}
		busy = max(busy, now)
		for _, child := range children(pid) {
			if now, err := memory(child); err == nil {
				plugin = max(plugin, now)
			}
		}
	}
	r := result{Name: "memory", Values: map[string]float64{"idle_mib": idle, "clients_64_mib": busy, "plugin_mib": plugin}}
	r.miss(idle <= 60, "%.0f MiB idle, want at most 60", idle)
	r.miss(busy <= 120, "%.0f MiB at 64 clients, want at most 120", busy)
	r.miss(plugin <= 20, "%.0f MiB a plugin, want at most 20", plugin)
	return []result{r}, f.settle(ctx)
}

var (
	tag       = regexp.MustCompile(`<(?:script|link)\b[^>]*>`)
	attribute = regexp.MustCompile(`\b(src|href|rel)="([^"]*)"`)
)

// measurePage adds up what a patient's first page names in its HTML. Fonts and
// logo come after; what scripts fetch later does too.
func measurePage(ctx context.Context, f *field) ([]result, error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	get := func(path string) (size int, media string, body []byte, err error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.product.addr+path, nil)
		if err != nil {
			return 0, "", nil, err
		}
		request.Host = f.slots.slug + "." + f.product.base
		plain, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, "", nil, err
		}
		defer plain.Body.Close()
		if body, err = io.ReadAll(plain.Body); err != nil || plain.StatusCode != http.StatusOK {
			return 0, "", nil, fmt.Errorf("%s: %d %w", path, plain.StatusCode, err)
		}
		request.Header.Set("Accept-Encoding", "gzip") // by hand: the length as it travels
		zipped, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, "", nil, err
		}
		defer zipped.Body.Close()
		n, err := io.Copy(io.Discard, zipped.Body)
		return int(n), plain.Header.Get("Content-Type"), body, err
	}
	_, _, html, err := get("/")
	if err != nil {
		return nil, err
	}
	requests, bytes := 1, 0
	for _, t := range tag.FindAllString(string(html), -1) {
		var address, rel string
		for _, a := range attribute.FindAllStringSubmatch(t, -1) {
			if a[1] == "rel" {
				rel = a[2]
			} else {
				address = a[2]
			}
		}
		if address == "" || rel == "icon" || strings.HasPrefix(address, "data:") {
			continue
		}
		size, media, _, err := get(address)
		if err != nil {
			return nil, err
		}
		requests++
		if strings.Contains(media, "javascript") || strings.Contains(media, "css") {
			bytes += size
		}
	}
	r := result{Name: "page", Values: map[string]float64{"script_and_style_kib": float64(bytes) / 1024, "requests": float64(requests)}}
	r.miss(bytes <= 60<<10, "%.1f KiB of script and style, want at most 60", float64(bytes)/1024)
	r.miss(requests <= 6, "%d requests, want at most 6", requests)
	return []result{r}, nil
}
