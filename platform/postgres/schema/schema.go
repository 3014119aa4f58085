// Package schema holds the migrations of the tables that all tenants share.
package schema

import "embed"

// FS are the migrations.
//
//go:embed *.sql
var FS embed.FS
