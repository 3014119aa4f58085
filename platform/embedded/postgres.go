package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Roles of a cluster. All sign in without a password, over the socket only.
const (
	RoleSuper  = "postgres"
	RoleOwner  = "siegel_owner"  // owns the database, runs the migrations
	RoleServer = "siegel_server" // serves requests, owns nothing
	RoleRelay  = "siegel_relay"  // carries the outbox
)

// DatabaseName is the database that a cluster comes with, empty.
const DatabaseName = "siegel"

// postgresSocket is the name that a server gives its socket and a client looks for.
const postgresSocket = ".s.PGSQL.5432"

// PostgresConfig says where a cluster lives and how careful it is.
type PostgresConfig struct {
	// Dir holds the cluster, its log and (where the path is short enough) its
	// socket. It is made where it is missing; a cluster found there is used again.
	Dir string
	// Durable keeps what was committed through a crash of the machine. Leave it
	// off for tests, which are faster without.
	Durable bool
}

// Postgres is a running cluster.
type Postgres struct {
	child   *child
	sockets string
	cleanup func()
	stop    sync.Once
	stopped error
}

// StartPostgres makes the cluster where there is none and returns when it
// answers and has its roles and its database. ctx bounds the start, not the
// life of the server, which ends by [Postgres.Stop] or with this process.
func StartPostgres(ctx context.Context, c PostgresConfig) (*Postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	as, err := unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	if err := as.folder(dir); err != nil {
		return nil, fmt.Errorf("folder of postgres: %w", err)
	}
	data := filepath.Join(dir, "data")
	if err := initdb(ctx, bin, data, c.Durable, as); err != nil {
		return nil, err
	}
	sockets, cleanup, err := as.socketFolder(dir, postgresSocket)
	if err != nil {
		return nil, fmt.Errorf("folder of postgres' socket: %w", err)
	}
	p := &Postgres{sockets: sockets, cleanup: cleanup}
	if err := p.start(ctx, bin, data, filepath.Join(dir, "postgres.log"), c.Durable, as); err != nil {
		cleanup()
		return nil, err
	}
	if err := p.furnish(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// initdb makes a cluster beside its place and moves it there when it is whole,
// so that one that was interrupted is not taken for a cluster.
func initdb(ctx context.Context, bin, data string, durable bool, as *account) error {
	if version, err := os.ReadFile(filepath.Join(data, "PG_VERSION")); err == nil {
		return checkVersion(ctx, bin, strings.TrimSpace(string(version)), data)
	}
	unfinished := data + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	args := []string{"--pgdata=" + unfinished, "--username=" + RoleSuper, "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"}
	if !durable {
		args = append(args, "--no-sync")
	}
	var output bytes.Buffer
	cmd := exec.Command(filepath.Join(bin, "initdb"), args...)
	cmd.Dir, cmd.Env = filepath.Dir(data), environment()
	cmd.Stdout, cmd.Stderr = &output, &output
	run, err := spawn(cmd, as, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-run.done:
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-run.done
		return ctx.Err()
	}
	if run.err != nil {
		return fmt.Errorf("initdb: %w: %s", run.err, output.String())
	}
	return os.Rename(unfinished, data)
}

func checkVersion(ctx context.Context, bin, version, data string) error {
	said, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("postgres --version: %w", err)
	}
	// "postgres (PostgreSQL) 15.14 (Debian …)"
	if fields := strings.Fields(string(said)); len(fields) > 2 && strings.Split(fields[2], ".")[0] != version {
		return fmt.Errorf("the cluster in %s is of Postgres %s and the server is %s: remove the folder or install that version", data, version, fields[2])
	}
	return nil
}

func (p *Postgres) start(ctx context.Context, bin, data, logPath string, durable bool, as *account) error {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + p.sockets, "unix_socket_permissions=0700", "port=5432",
		"max_connections=200", "timezone=UTC", "log_timezone=UTC", "jit=off",
		// What is logged can be read by whoever reads logs: no statement, which
		// has its values in its text, and no detail of a row.
		"log_min_error_statement=panic", "log_min_duration_statement=-1", "log_error_verbosity=terse",
	}
	if !durable {
		settings = append(settings, "fsync=off", "full_page_writes=off", "synchronous_commit=off",
			"wal_level=minimal", "max_wal_senders=0", "autovacuum=off", "shared_buffers=32MB")
	}
	args := []string{"-D", data}
	for _, s := range settings {
		args = append(args, "-c", s)
	}

	deadline := time.Now().Add(startTimeout)
	for {
		log, err := os.Create(logPath)
		if err != nil {
			return err
		}
		// The server itself and not pg_ctl, whose child would outlive us.
		cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
		cmd.Dir, cmd.Env = data, environment()
		cmd.Stdout, cmd.Stderr = log, log
		p.child, err = spawn(cmd, as, syscall.SIGINT)
		log.Close()
		if err != nil {
			return err
		}
		for !p.child.ended() {
			if ready(data, cmd.Process.Pid) {
				return nil
			}
			if ctx.Err() != nil || time.Now().After(deadline) {
				return errors.Join(fmt.Errorf("postgres was not ready in time: %s", tail(logPath)), ctx.Err(), p.child.stop(syscall.SIGQUIT))
			}
			time.Sleep(5 * time.Millisecond)
		}
		// The server of a parent that was killed may still be on its way out.
		if text := tail(logPath); !strings.Contains(text, "postmaster.pid") || time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("postgres ended at once: %s", text)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// ready looks into postmaster.pid: the first line is the server's process, the
// eighth its state.
func ready(data string, pid int) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}

// furnish makes what is missing of the roles and the database.
func (p *Postgres) furnish(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.DatabaseURL(RoleSuper, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to a new cluster: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, role := range []string{
		RoleOwner + " login createrole", // the migrations may name roles
		RoleServer + " login",
		RoleRelay + " login",
	} {
		name, _, _ := strings.Cut(role, " ")
		if err := unless(ctx, conn, `select from pg_roles where rolname = $1`, name, "create role "+role); err != nil {
			return err
		}
	}
	return unless(ctx, conn, `select from pg_database where datname = $1`, DatabaseName,
		"create database "+DatabaseName+" owner "+RoleOwner)
}

func unless(ctx context.Context, conn *pgx.Conn, exists, name, create string) error {
	found, err := conn.Exec(ctx, exists, name)
	if err == nil && found.RowsAffected() == 0 {
		_, err = conn.Exec(ctx, create)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", create, err)
	}
	return nil
}

// URL is where a role finds the database: "owner", "siegel_server",
// "siegel_relay" or "postgres", the superuser.
func (p *Postgres) URL(role string) string { return p.DatabaseURL(role, DatabaseName) }

// DatabaseURL is where a role finds another database of the cluster.
func (p *Postgres) DatabaseURL(role, database string) string {
	if role == "owner" {
		role = RoleOwner
	}
	return (&url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {p.sockets}, "port": {"5432"}, "sslmode": {"disable"}}.Encode(),
	}).String()
}

// Done is closed when the server has ended, for whatever reason.
func (p *Postgres) Done() <-chan struct{} { return p.child.done }

// PID is the server's process.
func (p *Postgres) PID() int { return p.child.cmd.Process.Pid }

// Stop cuts the sessions, which rolls back what they had open, and waits for
// the server to end. It may be called again.
func (p *Postgres) Stop() error {
	p.stop.Do(func() {
		p.stopped = p.child.stop(syscall.SIGINT, syscall.SIGQUIT)
		p.cleanup()
	})
	return p.stopped
}

// postgresBin finds the folder of initdb and postgres: the one on the path, or
// the newest where Debian puts them.
func postgresBin() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			if dir := filepath.Dir(real); isFile(filepath.Join(dir, "initdb")) {
				return dir, nil
			}
		}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	major := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return major(b) - major(a) })
	for _, dir := range dirs {
		if isFile(filepath.Join(dir, "postgres")) && isFile(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", errMissing("postgres", "postgresql")
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
