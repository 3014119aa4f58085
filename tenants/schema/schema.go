// Package schema holds every migration of tenant tables, in time order. It
// imports nothing of ours. A migration creates its table's row-level security
// in the same transaction.
package schema

import "embed"

// FS are the migrations.
//
//go:embed *.sql
var FS embed.FS
