package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"siegel/platform/backup"
	"siegel/platform/config"
)

// backupSuffix is how backups are called.
const backupSuffix = ".backup.age"

type backupCommands struct {
	Create  backupCreate  `cmd:"" default:"withargs" help:"Write a backup, and the deletion journal beside it."`
	Journal backupJournal `cmd:"" help:"Copy what was erased since the last time; for every minute."`
	Check   backupCheck   `cmd:"" help:"Read a backup to its end."`
	Key     backupKey     `cmd:"" help:"Make a key that backups are encrypted to. Keep it away from this machine."`
}

type backupCreate struct {
	To   string `arg:"" type:"existingdir" help:"The folder of the backups: on another disk, better on another machine."`
	Keep int    `default:"0" help:"How many backups stay in the folder; 0 keeps all."`
}

func (b backupCreate) Run(ctx context.Context) error {
	c, recipients, err := backupSettings()
	if err != nil {
		return err
	}
	name := filepath.Join(b.To, "siegel-"+time.Now().UTC().Format("20060102T150405Z")+backupSuffix)
	var report backup.Report
	if err := backup.Save(name, func(w io.Writer) (err error) {
		report, err = backup.Write(ctx, c.BackupDatabaseURL, recipients, w)
		return err
	}); err != nil {
		return err
	}
	if _, err := backup.ShipJournal(ctx, c.BackupDatabaseURL, recipients, b.To); err != nil {
		return err
	}
	fmt.Printf("%s: %d tables, %d rows, as of %s\n", name, report.Tables, report.Rows, report.At.Format(time.RFC3339))
	fmt.Println("SIEGEL_SECRET and the key of the backup are not in it: keep them elsewhere.")
	return thin(b.To, b.Keep)
}

// thin removes all but the newest backups. Copies of the journal stay.
func thin(dir string, keep int) error {
	if keep <= 0 {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "siegel-*"+backupSuffix))
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names[:max(0, len(names)-keep)] {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return nil
}

type backupJournal struct {
	To string `arg:"" type:"existingdir" help:"The folder of the backups."`
}

func (b backupJournal) Run(ctx context.Context) error {
	c, recipients, err := backupSettings()
	if err != nil {
		return err
	}
	n, err := backup.ShipJournal(ctx, c.BackupDatabaseURL, recipients, b.To)
	if n > 0 {
		fmt.Printf("%d erased rows copied\n", n)
	}
	return err
}

func backupSettings() (config.Config, []age.Recipient, error) {
	c, err := config.Load(os.Environ())
	if err != nil {
		return c, nil, err
	}
	if c.BackupDatabaseURL == "" {
		return c, nil, errors.New("SIEGEL_BACKUP_DATABASE_URL is not set")
	}
	if len(c.BackupRecipients) == 0 {
		return c, nil, errors.New("SIEGEL_BACKUP_RECIPIENTS is not set: make a key with siegel backup key")
	}
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(c.BackupRecipients, "\n")))
	if err != nil {
		return c, nil, errors.New("SIEGEL_BACKUP_RECIPIENTS is not a list of age keys like age1…,age1…")
	}
	return c, recipients, nil
}

type backupCheck struct {
	File     string `arg:"" type:"existingfile" help:"The backup."`
	Identity string `required:"" type:"existingfile" help:"The file with the key."`
}

func (b backupCheck) Run() error {
	identities, err := readIdentities(b.Identity)
	if err != nil {
		return err
	}
	f, err := os.Open(b.File)
	if err != nil {
		return err
	}
	defer f.Close()
	report, err := backup.Check(f, identities...)
	if err != nil {
		return err
	}
	fmt.Printf("whole: %d tables, %d rows, as of %s\n", report.Tables, report.Rows, report.At.Format(time.RFC3339))
	return nil
}

func readIdentities(name string) ([]age.Identity, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	identities, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("%s holds no key: %w", name, err)
	}
	return identities, nil
}

type backupKey struct {
	File string `arg:"" help:"Where to write the key; it must not exist."`
}

func (b backupKey) Run() error {
	// Hybrid: who records backups today shall not read them on a later computer.
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	f, err := os.OpenFile(b.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "# created: %s\n%s\n", time.Now().UTC().Format(time.RFC3339), identity)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	fmt.Printf("The key is in %s: print it, keep it away from this machine, and delete it here.\nWithout it no backup opens. The server needs only this:\n\nSIEGEL_BACKUP_RECIPIENTS=%s\n", b.File, identity.Recipient())
	return nil
}
