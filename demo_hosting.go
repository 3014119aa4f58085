package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/localdns"
	"siegel/tenants/provider"
)

// demoZone is the domain of a practice's own in the demo.
const demoZone = "praxis-muster.example"

// demoNames is the world's DNS as the demo has it: a name server on this
// machine, at which the portal brings domains up.
type demoNames struct {
	dns      *localdns.Server
	resolver string // its address
	web      string // of its records
	stop     func()
}

func startNames() (*demoNames, error) {
	n := &demoNames{dns: localdns.New(demoZone, "localhost")}
	var stop func()
	var err error
	if n.resolver, stop, err = n.dns.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		stop()
		return nil, fmt.Errorf("listen: %w", err)
	}
	web := &http.Server{Handler: n.dns, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = web.Serve(ln) }()
	n.web = "http://" + ln.Addr().String()
	n.stop = func() {
		_ = web.Close()
		stop()
	}
	return n, nil
}

// add gives the practices' hosts addresses, something that leads elsewhere, and
// the platform an account with the name server.
func (n *demoNames) add(ctx context.Context, h *house, slugs []string) error {
	n.dns.Change(nil, []sdk.Record{{Type: sdk.A, Name: "www." + demoZone, Value: "192.0.2.80", TTL: 60}})
	for _, slug := range slugs {
		n.dns.Change(nil, []sdk.Record{{Type: sdk.A, Name: slug + ".localhost", Value: "127.0.0.1", TTL: 60}})
	}
	return keepAccount(ctx, h, provider.Draft{
		Kind: provider.Hosting, Plugin: "loopback", Name: "Namensserver der Demo", Currency: "EUR", Enabled: true,
		Settings: map[string]any{"url": n.web},
	})
}
