package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"siegel/plugins/sdk"
)

// keeper is a hosting plugin that answers with what it is told to, however
// wrong.
type keeper struct {
	changes []sdk.Change
	status  sdk.HostStatus
	records []sdk.Record
	err     error
	heard   *sdk.Target
}

func (k keeper) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name: "stub", Version: "1", Schema: json.RawMessage(`{"type":"object"}`), Capabilities: []sdk.Capability{sdk.Proxy, sdk.Manual},
		Processor: sdk.Processor{Company: "Stub", Address: "Here", Country: "DE"},
	}, nil
}
func (k keeper) Configure(context.Context, sdk.Settings) error { return k.err }
func (k keeper) PlanHost(context.Context, string, sdk.Target) ([]sdk.Change, error) {
	return k.changes, k.err
}
func (k keeper) EnsureHost(_ context.Context, _ string, to sdk.Target, _ bool) (sdk.HostStatus, error) {
	if k.heard != nil {
		*k.heard = to
	}
	return k.status, k.err
}
func (k keeper) HostStatus(context.Context, string, sdk.Target) (sdk.HostStatus, error) {
	return k.status, k.err
}
func (k keeper) RemoveHost(context.Context, string, sdk.Target) ([]sdk.Record, error) {
	return k.records, k.err
}

func connectHosting(t *testing.T, impl sdk.Hosting) *sdk.HostingClient {
	t.Helper()
	wire := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	sdk.RegisterHosting(server, impl)
	go func() { _ = server.Serve(wire) }()
	conn, err := grpc.NewClient("passthrough:wire", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return wire.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
	})
	return sdk.NewHostingClient(conn)
}

func hostTarget() sdk.Target {
	return sdk.Target{Name: "praxis.siegel.example", URL: "https://praxis.siegel.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}}
}

const hostOfTests = "termine.praxis.example"

func TestHostingTravels(t *testing.T) {
	t.Parallel()
	cname := sdk.Record{Type: sdk.CNAME, Name: hostOfTests, Value: "praxis.siegel.example", TTL: 300}
	var heard sdk.Target
	want := keeper{
		heard:   &heard,
		changes: []sdk.Change{{Action: sdk.RemoveRecord, Record: sdk.Record{Type: sdk.A, Name: hostOfTests, Value: "192.0.2.1"}}, {Action: sdk.SetRecord, Record: cname}, {Action: sdk.RequestCertificate}},
		status: sdk.HostStatus{
			State: sdk.HostPending, Again: 7 * time.Second,
			Steps:   []sdk.HostStep{{Part: sdk.PartRecords, State: sdk.HostReady}, {Part: sdk.PartCertificate, State: sdk.HostPending, Detail: "not yet"}},
			Records: []sdk.WantedRecord{{Record: cname, Present: true}},
		},
		records: []sdk.Record{cname},
	}
	client := connectHosting(t, want)
	if d, err := client.Describe(t.Context()); err != nil || !d.Has(sdk.Proxy) || !d.Has(sdk.Manual) || d.Has(sdk.Challenges) {
		t.Errorf("describe = %+v, %v", d, err)
	}
	if got, err := client.PlanHost(t.Context(), hostOfTests, hostTarget()); err != nil || !reflect.DeepEqual(got, want.changes) {
		t.Errorf("plan = %+v, %v", got, err)
	}
	if got, err := client.EnsureHost(t.Context(), hostOfTests, hostTarget(), true); err != nil || !reflect.DeepEqual(got, want.status) {
		t.Errorf("ensure = %+v, %v", got, err)
	}
	if !reflect.DeepEqual(heard, hostTarget()) {
		t.Errorf("the plugin heard %+v", heard)
	}
	if got, err := client.HostStatus(t.Context(), hostOfTests, hostTarget()); err != nil || !reflect.DeepEqual(got, want.status) {
		t.Errorf("status = %+v, %v", got, err)
	}
	if got, err := client.RemoveHost(t.Context(), hostOfTests, hostTarget()); err != nil || !reflect.DeepEqual(got, want.records) {
		t.Errorf("remove = %+v, %v", got, err)
	}
}

func TestHostingErrorTravels(t *testing.T) {
	t.Parallel()
	for _, want := range []sdk.Error{
		{Kind: sdk.Auth, Detail: "refused"}, {Kind: sdk.Funds}, {Kind: sdk.RateLimited, RetryAfter: time.Minute}, {Kind: sdk.InvalidHost},
		{Kind: sdk.Conflict}, {Kind: sdk.Blocked}, {Kind: sdk.Temporary}, {Kind: sdk.BadSettings}, {Kind: sdk.Unknown},
	} {
		client := connectHosting(t, keeper{err: &want})
		_, err := client.EnsureHost(t.Context(), hostOfTests, hostTarget(), false)
		var got *sdk.Error
		if !errors.As(err, &got) || *got != want {
			t.Errorf("error = %v, want %v", err, &want)
		}
	}
	client := connectHosting(t, keeper{err: errors.New("GET https://x/?key=hunter2")})
	if _, err := client.RemoveHost(t.Context(), hostOfTests, hostTarget()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error = %v", err)
	}
}

// What a plugin must not answer is the plugin's fault, and reaches nobody.
func TestMalformedHostingReplyIsThePluginsFault(t *testing.T) {
	t.Parallel()
	bad := func(r sdk.Record) keeper {
		return keeper{records: []sdk.Record{r}, changes: []sdk.Change{{Action: sdk.SetRecord, Record: r}}, status: sdk.HostStatus{State: sdk.HostPending, Records: []sdk.WantedRecord{{Record: r}}}}
	}
	for name, k := range map[string]keeper{
		"NoState":       {status: sdk.HostStatus{}},
		"OtherType":     bad(sdk.Record{Type: "NS", Name: hostOfTests, Value: "ns.evil.example"}),
		"NameWithSlash": bad(sdk.Record{Type: sdk.TXT, Name: "a/b.example", Value: "x"}),
		"NewLine":       bad(sdk.Record{Type: sdk.TXT, Name: hostOfTests, Value: "a\nb"}),
		"NoAddress":     bad(sdk.Record{Type: sdk.A, Name: hostOfTests, Value: "praxis.example"}),
		"LongText":      bad(sdk.Record{Type: sdk.TXT, Name: hostOfTests, Value: strings.Repeat("x", 256)}),
		"TooMany":       {records: make([]sdk.Record, 33), changes: make([]sdk.Change, 33), status: sdk.HostStatus{State: sdk.HostReady, Records: make([]sdk.WantedRecord, 33)}},
	} {
		client := connectHosting(t, k)
		if _, err := client.EnsureHost(t.Context(), hostOfTests, hostTarget(), false); !errors.Is(err, sdk.ErrMalformedReply) {
			t.Errorf("%s: ensure: %v, want ErrMalformedReply", name, err)
		}
		if len(k.records) == 0 {
			continue
		}
		if _, err := client.PlanHost(t.Context(), hostOfTests, hostTarget()); !errors.Is(err, sdk.ErrMalformedReply) {
			t.Errorf("%s: plan: %v, want ErrMalformedReply", name, err)
		}
		if _, err := client.RemoveHost(t.Context(), hostOfTests, hostTarget()); !errors.Is(err, sdk.ErrMalformedReply) {
			t.Errorf("%s: remove: %v, want ErrMalformedReply", name, err)
		}
	}
}

func TestPluginWithoutChallenges(t *testing.T) {
	t.Parallel()
	client := connectHosting(t, keeper{})
	c := sdk.Challenge{Name: "_acme-challenge.praxis.example", Value: strings.Repeat("a", 43)}
	if err := client.AddChallenge(t.Context(), c); !errors.Is(err, sdk.ErrUnsupported) {
		t.Errorf("add: %v, want ErrUnsupported", err)
	}
	if err := client.RemoveChallenge(t.Context(), c); !errors.Is(err, sdk.ErrUnsupported) {
		t.Errorf("remove: %v, want ErrUnsupported", err)
	}
}

func TestTargetsThatNobodyReaches(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sdk.Target){
		"NoName":    func(t *sdk.Target) { t.Name = "" },
		"Itself":    func(t *sdk.Target) { t.Name = hostOfTests },
		"Anything":  func(t *sdk.Target) { t.Addresses = []netip.Addr{netip.IPv4Unspecified()} },
		"Multicast": func(t *sdk.Target) { t.Addresses = []netip.Addr{netip.MustParseAddr("ff02::1")} },
		"Zone":      func(t *sdk.Target) { t.Addresses = []netip.Addr{netip.MustParseAddr("fe80::1%eth0")} },
		"TooMany":   func(t *sdk.Target) { t.Addresses = make([]netip.Addr, 9) },
		"Script":    func(t *sdk.Target) { t.URL = "javascript:alert(1)" },
		"Password":  func(t *sdk.Target) { t.URL = "https://a:b@praxis.example" },
	} {
		to := hostTarget()
		change(&to)
		_, err := connectHosting(t, keeper{}).EnsureHost(t.Context(), hostOfTests, to, false)
		if kind, _ := sdk.KindOf(err); kind != sdk.InvalidHost {
			t.Errorf("%s: %v, want kind invalid_host", name, err)
		}
	}
}
