package pluginhost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
)

const prefix = "siegel-plugin-sms-"

// TestMain lets the test binary be three things: the tests; under a plugin's
// name, a stub that behaves as the name says; and a host to be killed.
func TestMain(m *testing.M) {
	if behaviour, ok := strings.CutPrefix(filepath.Base(os.Args[0]), prefix); ok {
		behaviour, _, _ = strings.Cut(behaviour, "-")
		runStub(behaviour)
		return
	}
	if dir := os.Getenv("SIEGEL_TEST_HOST"); dir != "" {
		runHost(dir)
		return
	}
	os.Setenv("SIEGEL_TEST_SECRET", "hunter2") // what no plugin may see
	os.Exit(m.Run())
}

// runHost starts the stub that dir holds, says so, and waits to be killed.
func runHost(dir string) {
	h, err := pluginhost.New(pluginhost.Config{Dir: dir, RunDir: os.Getenv("SIEGEL_TEST_RUN")})
	if err != nil {
		panic(err)
	}
	found, err := h.Verify()
	if err != nil || len(found) != 1 {
		panic(fmt.Sprint(found, err))
	}
	if _, err := h.SMS(context.Background(), "one", found[0].Name, nil); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	select {}
}

// stub is a plugin that misbehaves in one way.
type stub struct{ behaviour string }

func runStub(behaviour string) {
	switch behaviour {
	case "mute": // never says where it listens
		select {}
	case "garbage": // says nonsense
		fmt.Println("\x1b[2Jlevel=ERROR msg=forged")
		select {}
	case "flood": // says no end of nonsense
		for line := strings.Repeat("x", 1<<16); ; {
			os.Stdout.WriteString(line)
		}
	case "lost": // sends the host to a socket that is not its own
		fmt.Println("1|1|unix|/run/postgresql/.s.PGSQL.5432|grpc|")
		select {}
	case "deaf": // says where it listens, and never accepts
		path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "socket")
		if _, err := net.Listen("unix", path); err != nil {
			panic(err)
		}
		fmt.Println("1|1|unix|" + path + "|grpc|")
		select {}
	case "old": // speaks a version that nobody knows
		fmt.Println("1|99|unix|/tmp/x|grpc|")
		select {}
	case "quit":
		os.Exit(3)
	}
	sdk.ServeSMS(stub{behaviour})
}

func (s stub) Describe(context.Context) (sdk.Description, error) {
	d := sdk.Description{
		Name: strings.TrimPrefix(filepath.Base(os.Args[0]), prefix), Version: "0", Schema: json.RawMessage(`{"type":"object"}`),
		Processor: sdk.Processor{Company: "Stub", Address: "Here", Country: "DE"},
	}
	switch s.behaviour {
	case "misnamed":
		d.Name = "other"
	case "verbose":
		d.Processor.Address = strings.Repeat("x", 10<<20)
	case "frozen":
		select {}
	}
	return d, nil
}

func (s stub) Configure(_ context.Context, settings sdk.Settings) error {
	if s.behaviour == "picky" || strings.Contains(string(settings), "refuse") {
		return &sdk.Error{Kind: sdk.BadSettings, Detail: "never good enough"}
	}
	return nil
}

func (s stub) DryRun(context.Context, sdk.Message) (sdk.Estimate, error) {
	return sdk.Estimate{Parts: 1}, nil
}

// Send misbehaves; with the text "behave" it does not.
func (s stub) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	r := sdk.Receipt{ProviderID: fmt.Sprint(os.Getpid()), Parts: 1}
	if m.Text == "behave" {
		return r, nil
	}
	switch s.behaviour {
	case "hang":
		select {}
	case "slow":
		time.Sleep(time.Second)
	case "crash":
		os.Exit(1)
	case "oversize":
		r.ProviderID = strings.Repeat("x", 10<<20)
	case "refuse":
		return r, &sdk.Error{Kind: sdk.Funds, Detail: "empty"}
	case "noise":
		fmt.Fprintf(os.Stderr, "forged\x1b[31m\r to +4915112345678 %s\n", strings.Repeat("y", 1<<20))
		for i := range 1000 {
			fmt.Fprintf(os.Stderr, "line %d\n", i)
		}
		for range 20 {
			fmt.Fprintln(os.Stdout, strings.Repeat("z", 1<<16))
		}
	case "parent":
		// Outlives a careless host: its own child, holding its pipes.
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = []string{prefix + "mute-child-of-" + s.behaviour}
		cmd.Stdout, cmd.Stderr = os.NewFile(1, ""), os.NewFile(2, "")
		if err := cmd.Start(); err != nil {
			return r, &sdk.Error{Kind: sdk.Unknown, Detail: err.Error()}
		}
	}
	return r, nil
}
