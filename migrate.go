package main

import (
	"context"
	"errors"
	"os"

	"siegel/platform/config"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	tenantsschema "siegel/tenants/schema"
)

type migrateCommand struct{}

func (migrateCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	if c.OwnerDatabaseURL == "" {
		return errors.New("SIEGEL_OWNER_DATABASE_URL is not set")
	}
	return migrate(ctx, c.OwnerDatabaseURL)
}

func migrate(ctx context.Context, ownerURL string) error {
	return postgres.Migrate(ctx, ownerURL, migrationSets()...)
}

// migrationSets has what all tenants share before what belongs to one.
func migrationSets() []postgres.Set {
	return []postgres.Set{
		{Name: "platform", FS: platformschema.FS},
		{Name: "tenants", FS: tenantsschema.FS},
	}
}
