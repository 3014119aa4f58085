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

	"siegel/platform/telemetry"
)

type commands struct {
	Serve     serveCommand      `cmd:"" help:"Serve patients and offices. Reads the environment, starts nothing else."`
	Migrate   migrateCommand    `cmd:"" help:"Bring the database's schema up to date. Reads SIEGEL_OWNER_DATABASE_URL."`
	Backup    backupCommands    `cmd:"" help:"Encrypted backups, and copies of the deletion journal."`
	Restore   restoreCommand    `cmd:"" help:"Bring a backup back into an empty database; what was erased stays erased. Reads SIEGEL_OWNER_DATABASE_URL."`
	Doctor    doctorCommand     `cmd:"" help:"Say in plain words whether this installation is well. Reads the same environment as serve."`
	Audit     auditCommand      `cmd:"" help:"Book synthetically, search what the operator stores, compare what is served, and report whether all is sealed."`
	Demo      demoCommand       `cmd:"" help:"Everything on this machine: private Postgres and Redis, a mailbox, three practices."`
	Tenant    tenantCommands    `cmd:"" help:"Practices: create, list, suspend, export, erase, … Reads the same environment as serve."`
	Reseller  resellerCommands  `cmd:"" help:"Resellers: create, list, limits, counts."`
	Platform  platformCommands  `cmd:"" help:"Those who run the installation."`
	Connector connectorCommands `cmd:"" help:"The program at the practice that takes its bookings to its own systems."`
	Ready     readyCommand      `cmd:"" help:"Ask a server whether it can do its work; for images that have nothing else to ask with." hidden:""`
	Mailbox   mailboxCommand    `cmd:"" help:"A mailbox that takes all mail and text messages and shows them (the demo's)." hidden:""`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(telemetry.Log(os.Stderr, false)))
	// What was opened or typed must not reach a disk through a crash.
	noCoreDumps()
	collectLess()

	var cli commands
	command := kong.Parse(&cli, kong.Name("siegel"), kong.UsageOnError(),
		kong.Description("Appointment booking for practices. What patients write is sealed in their browser."),
		kong.Vars{"state": defaultState()}, kong.BindTo(ctx, (*context.Context)(nil)))
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
