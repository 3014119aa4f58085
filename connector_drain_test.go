package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/connector"
	"siegel/tenants/inbox"
)

// waiting is how many bookings wait for the connector; the bench asks for more.
var waiting = flag.Int("waiting", 300, "bookings that wait for the connector at once")

// Whatever has gathered is handed over in one go, each once, and what it takes
// of memory does not grow with how much waits.
func TestConnectorDrainsWhatHasGathered(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "termine.jsonl")
	d := withConnector(t, connector.Settings{Outlets: []connector.Outlet{{Kind: "jsonl", File: file}}})
	d.pair(t)
	d.admit(t)
	letters, err := inbox.NewService(inbox.Config{DB: d.DB})
	d.ok(t, err)
	d.ok(t, letters.SetMode(t.Context(), d.Tenant.ID, inbox.Forward))
	d.gather(t, *waiting)

	begun := time.Now()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), connectorDir+"="+d.dir, connectorAddr+"="+d.addr, connectorPeak+"=yes")
	said, err := c.CombinedOutput()
	took := time.Since(begun)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(said)
	if peak == nil {
		t.Fatalf("it does not say what it took: %s", said)
	}
	kilobytes, _ := strconv.ParseFloat(string(peak[1]), 64)
	t.Logf("drained %d in %.1f s, peak %.1f MiB", *waiting, took.Seconds(), kilobytes/1024)
	if n := d.count(t, "envelope") + d.count(t, "handover"); n != 0 {
		t.Errorf("%d are left", n)
	}
	b, err := os.ReadFile(file)
	d.ok(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		event, _, _ := strings.Cut(line[strings.Index(line, `"event":"`)+9:], `"`)
		if seen[event] {
			t.Fatalf("%s twice", event)
		}
		seen[event] = true
	}
	if len(seen) != *waiting {
		t.Errorf("%d of %d arrived", len(seen), *waiting)
	}
}

// gather has bookings wait as if they had come while nobody was there.
func (d *paired) gather(t *testing.T, n int) {
	t.Helper()
	directory, err := seal.ParseDirectory(d.Keys.Stored.Directory.Document, d.Keys.Stored.Directory.Signature)
	d.ok(t, err)
	key, err := directory.Current().Key()
	d.ok(t, err)
	super := testdb.OpenURL(t, d.URLs.Super)
	const page = 500
	first := time.Now().UTC().Truncate(time.Second).Add(24 * time.Hour)
	for from := 0; from < n; from += page {
		some := min(page, n-from)
		plants := make([]*planted, some)
		sealed := make([]seal.Envelope, some)
		var group errgroup.Group
		group.SetLimit(4)
		for k := range some {
			plants[k] = &planted{booking: id.New[id.Booking](), current: id.New[id.Appointment](), family: fmt.Sprintf("Fall%06d", from+k), starts: first.Add(time.Duration(from+k) * time.Minute)}
			group.Go(func() (err error) {
				p := plants[k]
				sealed[k], err = seal.Seal(key, d.Tenant.ID.UUID(), id.New[id.Envelope]().UUID(), p.booking.UUID(), d.plaintext(p))
				return err
			})
		}
		d.ok(t, group.Wait())
		d.ok(t, super.Batch(context.WithoutCancel(t.Context()), d.Tenant.ID, func(b *postgres.Batch) {
			// Without triggers: their work for each booking is not what is measured.
			b.Exec(`set local session_replication_role = replica`)
			for k, p := range plants {
				b.Exec(insertPlanted, d.Tenant.ID, p.current, p.booking, d.Practitioner, d.Location, p.starts, p.starts.Add(15*time.Minute), random32(), nil, 0)
				inbox.AppendEnvelope(b, d.Tenant.ID, p.current, p.booking, sealed[k])
				b.Exec(`insert into handover (tenant_id, booking_id, version) values ($1, $2, nextval('handover_version'))`, d.Tenant.ID, p.booking)
			}
		}))
	}
	d.ok(t, super.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) { b.Exec(`analyze appointment, envelope, handover`) }))
}
