package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"siegel/platform/backup"
	"siegel/platform/config"
	"siegel/tenants/registry"
)

type restoreCommand struct {
	File     string `arg:"" type:"existingfile" help:"The backup."`
	Journal  string `required:"" type:"existingdir" help:"The folder with the copies of the deletion journal."`
	Identity string `required:"" type:"existingfile" help:"The file with the key."`
}

func (r restoreCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	if c.OwnerDatabaseURL == "" {
		return errors.New("SIEGEL_OWNER_DATABASE_URL is not set")
	}
	identities, err := readIdentities(r.Identity)
	if err != nil {
		return err
	}
	f, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	report, err := backup.Restore(ctx, restoreTarget(c.OwnerDatabaseURL), f, r.Journal, identities...)
	if err != nil {
		return err
	}
	fmt.Printf("restored %d rows of %d tables, as of %s; %d rows that were erased since are erased again\n",
		report.Rows, report.Tables, report.At.Format(time.RFC3339), report.Replayed)
	fmt.Printf("The journal reaches until %s: what was erased after that is back, and has to be erased by hand.\n",
		report.JournalUntil.Format(time.RFC3339))
	fmt.Println("Everybody has to sign in again. Start Redis empty, and the server with the same SIEGEL_SECRET.")
	return nil
}

func restoreTarget(ownerURL string) backup.Target {
	return backup.Target{URL: ownerURL, Sets: migrationSets(), Erase: map[string]backup.Erase{"tenant": registry.EraseAgain}}
}
