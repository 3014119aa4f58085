// Package command is how the connector is called: the same in the one binary
// that does everything, on Linux, and in the one for the practice's computer,
// on any system.
package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sync/errgroup"

	"siegel/tenants/connector"
)

// Commands are those of a connector.
type Commands struct {
	Pair pairCommand `cmd:"" help:"Pair with a practice by the code that its office shows."`
	Run  runCommand  `cmd:"" help:"Take the practice's bookings to its own systems, until ended."`
	Unit unitCommand `cmd:"" help:"Print what runs it as a service on this system."`
	Try  tryCommand  `cmd:"" help:"Hand an example over to every outlet of the settings, without the practice."`
}

// stateFolder is where a connector keeps its state.
type stateFolder struct {
	State string `default:"${state}" help:"Folder that it keeps its state and settings.json in." type:"path"`
}

// DefaultState is the folder of the user that the connector runs as; what the
// variable state stands for.
func DefaultState() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "siegel-connector"
	}
	return filepath.Join(dir, "siegel-connector")
}

type pairCommand struct {
	stateFolder
	Office string `arg:"" help:"Address of the office, as in the browser: https://praxis.office.example"`
	Code   string `arg:"" help:"The code, as ABCD-EFGH."`
}

func (c pairCommand) Run(ctx context.Context) error {
	words, err := connector.Pair(ctx, connector.Config{Dir: c.State}, c.Office, c.Code)
	if err != nil {
		return err
	}
	fmt.Printf("Bitte vergleichen Sie diese sechs Wörter mit denen im Büro / compare these six words with those in the office:\n\n    %s\n\n", strings.Join(words, "  "))
	fmt.Printf("Danach / then: siegel connector run --state %s\n", c.State)
	return nil
}

// Spare has this program collect its garbage early: on a practice's computer
// memory is worth more than some time of the processor.
func Spare() { debug.SetGCPercent(25) }

type runCommand struct{ stateFolder }

func (c runCommand) Run(ctx context.Context) error {
	Spare()
	a, err := connector.Open(ctx, connector.Config{Dir: c.State})
	if err != nil {
		return err
	}
	defer a.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Run(ctx) })
	group.Go(func() error {
		return a.Serve(ctx, func(address string) { slog.Info("status page", "listen", "http://"+address) })
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

type tryCommand struct{ stateFolder }

func (c tryCommand) Run(ctx context.Context) error {
	report, err := connector.Try(ctx, c.State)
	for name, result := range report {
		fmt.Printf("%-20s %s\n", name, result)
	}
	return err
}

type unitCommand struct {
	stateFolder
	System string `help:"systemd, launchd or windows; this system's where left out." default:"" enum:",systemd,launchd,windows"`
}

func (c unitCommand) Run() error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	system := c.System
	if system == "" {
		system = map[string]string{"windows": "windows", "darwin": "launchd"}[runtime.GOOS]
	}
	fmt.Print(connector.Unit(system, binary, c.State))
	return nil
}
