package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"siegel/platform/postgres"
)

// Roles belong to the cluster, so these carry names of their own and go again.
func TestARoleThatCanPassTheWallIsRefused(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{})
	if err := db.CheckRole(t.Context()); err != nil {
		t.Errorf("the server's own role: %v", err)
	}
	conn := superuser(t, urls)
	for name, tc := range map[string]struct {
		make []string
		why  string
	}{
		"check_plain":       {[]string{`create role check_plain login`}, ""},
		"check_member":      {[]string{`create role check_member login in role siegel_server`}, ""},
		"check_super":       {[]string{`create role check_super login superuser`}, "is superuser"},
		"check_bypass":      {[]string{`create role check_bypass login bypassrls`}, "has bypassrls"},
		"check_createrole":  {[]string{`create role check_createrole login createrole`}, "has createrole"},
		"check_owner":       {[]string{`create role check_owner login`, `create table owned (n int)`, `alter table owned owner to check_owner`}, "owns tables"},
		"check_viewer":      {[]string{`create role check_viewer login`, `create view seen as select 1`, `alter view seen owner to check_viewer`}, "owns tables"},
		"check_in_owner":    {[]string{`create role check_in_owner login in role siegel_owner`}, "siegel_owner"},
		"check_noinherit":   {[]string{`create role check_noinherit login noinherit in role siegel_owner`}, "siegel_owner"},
		"check_in_bypass":   {[]string{`create role check_group bypassrls nologin`, `create role check_in_bypass login in role check_group`}, "check_group has bypassrls"},
		"check_far":         {[]string{`create role check_middle in role siegel_owner`, `create role check_far login in role check_middle`}, "siegel_owner"},
		"check_reads_files": {[]string{`create role check_reads_files login in role pg_read_server_files`}, "files"},
	} {
		for _, s := range tc.make {
			if _, err := conn.Exec(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			if fields := strings.Fields(s); fields[1] == "role" {
				t.Cleanup(func() {
					_, _ = conn.Exec(context.Background(), `drop owned by `+fields[2])
					if _, err := conn.Exec(context.Background(), `drop role `+fields[2]); err != nil {
						t.Error(err)
					}
				})
			}
		}
		u, err := url.Parse(urls.Server)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(name)
		err = openURL(t, postgres.Config{URL: u.String(), MaxConns: 1}).CheckRole(t.Context())
		if tc.why == "" && err != nil {
			t.Errorf("%s: %v, want it let in", name, err)
		}
		if tc.why != "" && (!errors.Is(err, postgres.ErrPrivilegedRole) || !strings.Contains(err.Error(), tc.why)) {
			t.Errorf("%s: %v, want it refused: %s", name, err, tc.why)
		}
	}
}
