package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/connector"
	"siegel/tenants/keyring"
)

// A practice's computer was off for a week, and its line bad on the days when it
// was not; bookings came, were moved and cancelled, and the practice began new
// keys. When it is back each outlet has the last state of each, once.
func TestConnectorOfflineForAWeek(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "termine.jsonl")
	d := withConnector(t, connector.Settings{Outlets: []connector.Outlet{{Kind: "jsonl", File: file}}})
	d.pair(t)
	d.admit(t)
	var ahead atomic.Int64
	var cut atomic.Bool
	client := dialing(d.addr)
	reach := client.Transport.(*http.Transport).DialContext
	client.Transport.(*http.Transport).DisableKeepAlives = true
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if cut.Load() {
			return nil, errors.New("the line is cut")
		}
		return reach(ctx, network, addr)
	}
	run := func() error {
		a, err := connector.Open(t.Context(), connector.Config{Dir: d.dir, Client: client, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
		d.ok(t, err)
		defer a.Close()
		return a.Once(t.Context())
	}
	all := []*planted{d.plant(t)}
	d.ok(t, run())
	if got := handed(t, file); len(got) != 1 {
		t.Fatalf("%d arrived before", len(got))
	}

	cut.Store(true)
	for day := 1; day <= 7; day++ {
		ahead.Store(int64(time.Duration(day) * 24 * time.Hour))
		for range 12 {
			all = append(all, d.plant(t))
		}
		d.move(t, all[len(all)-3])
		d.cancel(t, all[len(all)-5])
		d.move(t, all[0])
		switch day {
		case 3: // the directory is signed anew
			_, signed := d.next(t, func(*seal.Directory) {})
			d.ok(t, d.house.keyring.Append(t.Context(), d.Tenant.ID, keyring.Next{Directory: signed}))
		case 2, 5: // it is switched on, and nothing comes through
			if run() == nil {
				t.Error("without a line nothing is wrong")
			}
		}
		if got := handed(t, file); len(got) != 1 {
			t.Fatalf("%d arrived by a cut line", len(got))
		}
	}
	cut.Store(false)
	d.ok(t, run())
	if n := d.count(t, "handover"); n != 0 {
		t.Errorf("%d are still due", n)
	}
	events, last := map[string]int{}, map[string]connector.Item{}
	for _, i := range handed(t, file) {
		if events[i.Event]++; events[i.Event] > 1 {
			t.Errorf("%s twice", i.Event)
		}
		last[i.Family] = i
	}
	for _, p := range all {
		i, ok := last[p.family]
		if !ok && p.kind == connector.Cancelled {
			continue // no outlet ever knew of it
		}
		if !ok || i.Kind != p.kind || !i.Starts.Equal(p.starts) {
			t.Errorf("%s is %s at %v, want %s at %v", p.family, i.Kind, i.Starts, p.kind, p.starts)
		}
	}
	d.ok(t, run())
	if again := handed(t, file); len(again) != len(events) {
		t.Errorf("asked again, %d instead of %d", len(again), len(events))
	}
}

// Times of the practice's own calendar go up, and nothing else of it; what is
// taken away there is free again here.
func TestConnectorSendsBusyTimes(t *testing.T) {
	t.Parallel()
	d := withConnector(t, connector.Settings{})
	var resource id.Resource
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select resource_id from practitioner where tenant_id = $1 and id = $2`, []any{d.Tenant.ID, d.Practitioner}, &resource)
	}))
	calendar := filepath.Join(t.TempDir(), "privat.ics")
	settings, err := json.Marshal(connector.Settings{Status: "off", Busy: []connector.BusyOf{{Name: "Privat", File: calendar, Resource: resource.String()}}})
	d.ok(t, err)
	d.ok(t, os.WriteFile(filepath.Join(d.dir, connector.SettingsFile), settings, 0o600))
	starts := time.Now().UTC().Truncate(time.Hour).Add(49 * time.Hour)
	event := func(at time.Time) string {
		return "BEGIN:VEVENT\r\nUID:" + at.Format("150405") + "@x\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" + at.Format("20060102T150405Z") + "\r\nDTEND:" + at.Add(time.Hour).Format("20060102T150405Z") +
			"\r\nSUMMARY:Scheidung Meierhofer\r\nLOCATION:Amtsgericht\r\nATTENDEE:mailto:anwalt@kanzlei.example\r\nEND:VEVENT\r\n"
	}
	write := func(events ...string) {
		t.Helper()
		d.ok(t, os.WriteFile(calendar, []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+strings.Join(events, "")+"END:VCALENDAR\r\n"), 0o600))
	}
	d.pair(t)
	d.admit(t)
	write(event(starts), event(starts.Add(3*time.Hour)))
	run := func(want int) {
		t.Helper()
		a := d.agent(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		for until := time.Now().Add(30 * time.Second); d.count(t, "imported_busy") != want; time.Sleep(30 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%d busy times, want %d", d.count(t, "imported_busy"), want)
			}
		}
		stop()
		d.ok(t, <-ended)
		a.Close()
	}
	run(2)
	var at time.Time
	var whole string
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select min(starts) from imported_busy where tenant_id = $1 and resource_id = $2`, []any{d.Tenant.ID, resource}, &at)
		b.Row(`select coalesce(string_agg(c::text, '') , '') || coalesce((select string_agg(b::text, '') from imported_busy b where b.tenant_id = $1), '') from calendar c where c.tenant_id = $1`,
			[]any{d.Tenant.ID}, &whole)
	}))
	if !at.Equal(starts) {
		t.Errorf("busy from %v, want %v", at, starts)
	}
	for _, secret := range []string{"Meierhofer", "Amtsgericht", "kanzlei"} {
		if strings.Contains(whole, secret) {
			t.Errorf("the server has %q: %s", secret, whole)
		}
	}
	write(event(starts))
	run(1)
}
