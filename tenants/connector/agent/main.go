// Command agent is the connector alone, for the computers of practices: it has
// nothing of the server and builds for Windows and macOS as well.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Windows knows no zones by these names

	"github.com/alecthomas/kong"

	"siegel/tenants/connector/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli struct {
		Connector command.Commands `cmd:"" help:"The program at the practice that takes its bookings to its own systems."`
	}
	parsed := kong.Parse(&cli, kong.Name("siegel"), kong.UsageOnError(), kong.Vars{"state": command.DefaultState()},
		kong.BindTo(ctx, (*context.Context)(nil)))
	parsed.FatalIfErrorf(parsed.Run())
}
