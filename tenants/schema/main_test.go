package schema_test

import (
	"os"
	"testing"

	"siegel/platform/embedded/testdb"
	"siegel/platform/postgres"
	platform "siegel/platform/postgres/schema"
	tenants "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: platform.FS}, postgres.Set{Name: "tenants", FS: tenants.FS}))
}
