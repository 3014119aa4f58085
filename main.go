// Command siegel is appointment booking whose operator cannot read what
// patients write. Each subcommand has a file of its own; this package only
// wires.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // images without zone files would know no zone

	"github.com/alecthomas/kong"
)

type commands struct {
	Serve    serveCommand     `cmd:"" help:"Serve patients and offices. Reads the environment, starts nothing else."`
	Migrate  migrateCommand   `cmd:"" help:"Bring the database's schema up to date. Reads SIEGEL_OWNER_DATABASE_URL."`
	Demo     demoCommand      `cmd:"" help:"Everything on this machine: private Postgres and Redis, a mailbox, three practices."`
	Tenant   tenantCommands   `cmd:"" help:"Practices: create, list, suspend, export, erase, … Reads the same environment as serve."`
	Reseller resellerCommands `cmd:"" help:"Resellers: create, list, limits, counts."`
	Platform platformCommands `cmd:"" help:"Those who run the installation."`
	Mailbox  mailboxCommand   `cmd:"" help:"A mailbox that takes all mail and text messages and shows them (the demo's)." hidden:""`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	// What was opened or typed must not reach a disk through a crash.
	noCoreDumps()
	collectLess()

	var cli commands
	command := kong.Parse(&cli, kong.Name("siegel"), kong.UsageOnError(),
		kong.Description("Appointment booking for practices. What patients write is sealed in their browser."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	command.FatalIfErrorf(command.Run())
}

// collectLess lets the heap, which is small, grow further between collections:
// a tenth of the processor for some 20 MiB. GOGC, where set, decides.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

func noCoreDumps() {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		slog.Warn("core dumps stay on", "err", err)
	}
}
