package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
)

// ErrPrivilegedRole: the role that the server signed in with could walk past
// row-level security.
var ErrPrivilegedRole = fault.New(fault.Internal, "privileged_role")

// privileges finds a role that can walk past row-level security, among the
// one that signed in and those it can become, inherited or not. A role that may
// create roles can make itself a member of any owner.
const privileges = `
select r.rolname::text,
       case when r.rolsuper      then 'is superuser'
            when r.rolbypassrls  then 'has bypassrls'
            when r.rolcreaterole then 'has createrole'
            when r.rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
                                 then 'reaches the server''s files'
            else 'owns tables' end
  from pg_roles r
 where (pg_has_role(session_user, r.oid, 'member') or pg_has_role(current_user, r.oid, 'member'))
   and (r.rolsuper or r.rolbypassrls or r.rolcreaterole
        or r.rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
        or exists (select from pg_class c where c.relowner = r.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')))
 order by r.rolname = session_user desc, r.rolname
 limit 1`

// CheckRole returns [ErrPrivilegedRole] where the role is a superuser, has
// BYPASSRLS or CREATEROLE, owns a table, or is a member of a role of that kind.
// A server that gets it must not start: nothing else would notice.
func (db *DB) CheckRole(ctx context.Context) error {
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var role, why string
	err = conn.QueryRow(ctx, privileges).Scan(&role, &why)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check role: %w", translateIn(ctx, err))
	}
	return ErrPrivilegedRole.Because(fmt.Errorf("role %s %s", role, why))
}
