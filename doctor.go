package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"siegel/platform/backup"
	"siegel/platform/config"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
)

const (
	// skewLimit is how far the clocks of machine and stores may be apart.
	skewLimit = 2 * time.Second
	// lateLimit is how long a message may be due before somebody should look.
	lateLimit = 5 * time.Minute
	// journalLimit is how old the copy of the deletion journal may be.
	journalLimit = 10 * time.Minute
	// backupLimit is how old the newest backup may be.
	backupLimit = 26 * time.Hour
	// renewLimit is how long a certificate is good at least; renewal begins well
	// before.
	renewLimit = 14 * 24 * time.Hour
	// freeLimit is the share of a disk that should be free.
	freeLimit = 0.1
)

type doctorCommand struct {
	JSON    bool   `name:"json" help:"Print JSON."`
	Backups string `type:"existingdir" help:"The folder of the backups, to look at their age."`
}

// Run says how things are, from the environment that serve reads, and changes
// nothing. It fails where anything is wrong; a warning is for the next quiet
// hour.
func (d doctorCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	findings := examine(ctx, c, d.Backups)
	if d.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(findings)
	} else {
		err = findings.print(os.Stdout)
	}
	if err != nil {
		return err
	}
	if n := findings.count(wrong); n > 0 {
		return fmt.Errorf("%d of %d are wrong", n, len(findings))
	}
	return nil
}

// How a finding is meant.
const (
	fine    = "ok"
	warning = "warning"
	wrong   = "wrong"
)

type finding struct {
	About string `json:"about"`
	State string `json:"state"`
	Says  string `json:"says"`
}

type findings []finding

func (f *findings) add(about, state, format string, args ...any) {
	*f = append(*f, finding{about, state, fmt.Sprintf(format, args...)})
}

func (f findings) count(state string) (n int) {
	for _, one := range f {
		if one.State == state {
			n++
		}
	}
	return n
}

func (f findings) print(w io.Writer) error {
	for _, one := range f {
		if _, err := fmt.Fprintf(w, "%-8s %-13s %s\n", one.State, one.About, one.Says); err != nil {
			return err
		}
	}
	return nil
}

func examine(ctx context.Context, c config.Config, backups string) findings {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var f findings
	f.settings(c)
	f.database(ctx, c)
	f.outbox(ctx, c)
	f.redis(ctx, c)
	f.mail(ctx, c)
	f.plugins(c)
	f.certificate(ctx, c)
	f.dayKeys(c)
	f.disks(c, backups)
	f.backups(backups)
	return f
}

func (f *findings) settings(c config.Config) {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version += " " + s.Value
			}
		}
		version += ", " + info.GoVersion
	}
	f.add("version", fine, "siegel %s", version)
	if err := c.CheckServe(); err != nil {
		for line := range strings.Lines(err.Error()) {
			f.add("settings", wrong, "%s", strings.TrimSpace(line))
		}
		return
	}
	f.add("settings", fine, "complete; run by %s", c.OperatorName)
}

// database looks at the server's role, the walls between tenants, the schema
// and the clock.
func (f *findings) database(ctx context.Context, c config.Config) {
	db, err := postgres.Open(ctx, postgres.Config{URL: c.DatabaseURL, MaxConns: 1})
	if err != nil {
		f.add("postgres", wrong, "does not answer: %v", err)
		return
	}
	defer db.Close()
	var number int
	var version, size string
	var now time.Time
	err = db.Global().NewRaw(`select current_setting('server_version_num')::int, current_setting('server_version'),
		pg_size_pretty(pg_database_size(current_database())), clock_timestamp()`).Scan(ctx, &number, &version, &size, &now)
	switch {
	case err != nil:
		f.add("postgres", wrong, "does not answer: %v", err)
		return
	case number < 150000:
		f.add("postgres", wrong, "is version %s: 15 or later is needed", version)
	default:
		f.add("postgres", fine, "version %s, %s", version, size)
	}
	f.clock("postgres", now)
	if err := db.CheckRole(ctx); err != nil {
		f.add("role", wrong, "the server's role could walk past row-level security: %v", err)
	} else {
		f.add("role", fine, "the server's role owns nothing and is bound by row-level security")
	}
	var open string
	err = db.Global().NewRaw(`select coalesce(string_agg(c.relname, ', ' order by c.relname), '') from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relkind in ('r', 'p') and a.attname = 'tenant_id' and not a.attisdropped and not (c.relrowsecurity and c.relforcerowsecurity)
		  and exists (select from pg_policy p where p.polrelid = c.oid)`).Scan(ctx, &open)
	switch {
	case err != nil:
		f.add("walls", wrong, "cannot be looked at: %v", err)
	case open != "":
		f.add("walls", wrong, "row-level security is not forced on %s", open)
	default:
		f.add("walls", fine, "row-level security is forced on every table of tenants")
	}
	f.schema(ctx, db)
	var due time.Time
	if err := db.Global().NewRaw(`select coalesce(min(at), now()) from audit_due`).Scan(ctx, &due); err == nil && time.Since(due) > lateLimit {
		f.add("audit", warning, "the trail has not been chained since %s", due.UTC().Format(time.RFC3339))
	}
}

// schema compares what has been applied with what this binary brings.
func (f *findings) schema(ctx context.Context, db *postgres.DB) {
	pending, unknown, err := db.Pending(ctx, migrationSets()...)
	switch {
	case err != nil:
		f.add("schema", wrong, "cannot be looked at (siegel migrate brings it up to date): %v", err)
	case pending > 0:
		f.add("schema", wrong, "%d migrations are not applied: run siegel migrate", pending)
	case unknown > 0:
		f.add("schema", warning, "is newer than this binary, by %d migrations", unknown)
	default:
		f.add("schema", fine, "is this binary's")
	}
}

func (f *findings) clock(whose string, now time.Time) {
	if skew := time.Since(now).Abs(); skew > skewLimit {
		f.add("clock", wrong, "this machine and %s are %s apart: codes and deadlines suffer", whose, skew.Round(time.Second))
		return
	}
	f.add("clock", fine, "this machine and %s agree", whose)
}

// outbox looks at what should have left, as the relay.
func (f *findings) outbox(ctx context.Context, c config.Config) {
	db, err := postgres.Open(ctx, postgres.Config{URL: c.RelayDatabaseURL, MaxConns: 1})
	if err != nil {
		f.add("outbox", wrong, "the relay's role cannot sign in: %v", err)
		return
	}
	defer db.Close()
	if err := db.CheckRole(ctx); err != nil {
		f.add("role", wrong, "the relay's role could walk past row-level security: %v", err)
	}
	var waiting, dead int
	var age float64
	err = db.Global().NewRaw(`select count(*) filter (where status = 'waiting' and run_at <= now()),
		coalesce(extract(epoch from now() - min(run_at) filter (where status = 'waiting')), 0),
		count(*) filter (where status = 'dead' and finished > now() - interval '1 day') from outbox`).Scan(ctx, &waiting, &age, &dead)
	late := time.Duration(age * float64(time.Second)).Round(time.Second)
	switch {
	case err != nil:
		f.add("outbox", wrong, "cannot be read: %v", err)
	case late > lateLimit:
		f.add("outbox", wrong, "%d messages wait, the oldest for %s: is a server running?", waiting, late)
	case dead > 0:
		f.add("outbox", warning, "%d messages of the last day could not be sent", dead)
	default:
		f.add("outbox", fine, "%d messages wait, none for long", waiting)
	}
}

func (f *findings) redis(ctx context.Context, c config.Config) {
	r, err := redisdb.Open(ctx, redisdb.Config{URL: c.RedisURL, Secret: []byte(c.Secret)})
	if err != nil {
		f.add("redis", wrong, "cannot be opened: %v", err)
		return
	}
	defer r.Close()
	now, err := r.Raw().Time(ctx).Result()
	if err != nil {
		f.add("redis", wrong, "does not answer: %v", err)
		return
	}
	version := "unknown"
	if info, err := r.Raw().InfoMap(ctx, "server").Result(); err == nil {
		version = info["Server"]["redis_version"]
	}
	f.add("redis", fine, "version %s", version)
	f.clock("redis", now)
	warnings, err := r.Warnings(ctx)
	if err != nil {
		f.add("redis", warning, "does not show its settings: %v", err)
	}
	for _, w := range warnings {
		f.add("redis", warning, "%s", w)
	}
}

// mail opens a connection and hears who is there.
func (f *findings) mail(ctx context.Context, c config.Config) {
	u, err := url.Parse(c.SMTPURL)
	if err != nil || u.Host == "" {
		f.add("mail", wrong, "SIEGEL_SMTP_URL names no server")
		return
	}
	port := cmp.Or(u.Port(), map[string]string{"smtps": "465"}[u.Scheme], "587")
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		f.add("mail", wrong, "nobody answers at %s port %s", u.Hostname(), port)
		return
	}
	_ = conn.Close()
	f.add("mail", fine, "%s answers", u.Hostname())
}

func (f *findings) plugins(c config.Config) {
	if c.PluginDir == "" {
		f.add("plugins", fine, "none are set up")
		return
	}
	host, err := pluginhost.New(pluginhost.Config{Dir: c.PluginDir})
	if err != nil {
		f.add("plugins", wrong, "%v", err)
		return
	}
	defer host.Close()
	found, err := host.Verify()
	if err != nil {
		f.add("plugins", wrong, "none would start: %v", err)
		return
	}
	good := 0
	for _, p := range found {
		if p.Err != nil {
			f.add("plugins", wrong, "%s %s would not start: %v", p.Service, p.Name, p.Err)
			continue
		}
		good++
	}
	f.add("plugins", fine, "%d are as their list of checksums says", good)
	if info, err := os.Stat(c.PluginDir); err == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 {
			f.add("plugins", warning, "the folder %s belongs to user %d and not to root", c.PluginDir, s.Uid)
		}
	}
}

// certificate looks at what visitors are shown on the office's host.
func (f *findings) certificate(ctx context.Context, c config.Config) {
	scheme, base, err := c.Base()
	if err != nil || scheme != "https" || c.TLSListen == "" {
		return // something before it has the certificates
	}
	name, _, err := net.SplitHostPort(base)
	if err != nil {
		name = base
	}
	name = "portal." + name
	_, port, err := net.SplitHostPort(c.TLSListen)
	if err != nil {
		f.add("certificate", wrong, "SIEGEL_TLS_LISTEN has no port")
		return
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("localhost", port))
	if err != nil {
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) {
			f.add("certificate", wrong, "that of %s is not good: %v", name, err)
			return
		}
		f.add("certificate", warning, "cannot be looked at, is a server running? %v", err)
		return
	}
	defer conn.Close()
	ends := conn.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter //nolint:forcetypeassert // tls.Dialer's promise
	state := fine
	if time.Until(ends) < renewLimit {
		state = wrong
	}
	f.add("certificate", state, "that of %s is good until %s", name, ends.UTC().Format(time.DateOnly))
}

// dayKeys makes sure that nobody else reads the keys of reminders.
func (f *findings) dayKeys(c config.Config) {
	if c.DayKeysPath == "" {
		return
	}
	info, err := os.Stat(c.DayKeysPath)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.add("day keys", warning, "there are none yet in %s: the server's first start makes them", c.DayKeysPath)
	case err != nil:
		f.add("day keys", wrong, "%v", err)
	case info.Mode().Perm()&0o077 != 0:
		f.add("day keys", wrong, "others may read %s", c.DayKeysPath)
	default:
		f.add("day keys", fine, "only their user reads %s; leave it out of every backup", c.DayKeysPath)
	}
}

func (f *findings) disks(c config.Config, backups string) {
	seen := map[uint64]bool{}
	for _, path := range []string{"/", os.TempDir(), filepath.Dir(c.DayKeysPath), backups} {
		var s syscall.Statfs_t
		var info syscall.Stat_t
		if path == "" || path == "." || syscall.Statfs(path, &s) != nil || syscall.Stat(path, &info) != nil || s.Blocks == 0 || seen[info.Dev] {
			continue
		}
		seen[info.Dev] = true
		free := float64(s.Bavail) / float64(s.Blocks)
		state := fine
		if free < freeLimit {
			state = warning
		}
		f.add("disk", state, "%s has %s %% free", path, strconv.Itoa(int(100*free)))
	}
}

// backups looks at how much would be lost, and how much would come back.
func (f *findings) backups(dir string) {
	if dir == "" {
		f.add("backups", warning, "nobody has looked: name their folder with --backups")
		return
	}
	names, _ := filepath.Glob(filepath.Join(dir, "siegel-*"+backupSuffix))
	if len(names) == 0 {
		f.add("backups", wrong, "there is none in %s", dir)
	} else if info, err := os.Stat(slices.Max(names)); err != nil || time.Since(info.ModTime()) > backupLimit {
		f.add("backups", wrong, "the newest is %s", filepath.Base(slices.Max(names)))
	} else {
		f.add("backups", fine, "the newest is %s", filepath.Base(info.Name()))
	}
	until, err := backup.JournalUntil(dir)
	switch {
	case err != nil:
		f.add("journal", wrong, "was never copied: what was erased would come back with a backup")
	case time.Since(until) > journalLimit:
		f.add("journal", wrong, "was last copied at %s: what was erased since would come back", until.Format(time.RFC3339))
	default:
		f.add("journal", fine, "copied until %s", until.Format(time.RFC3339))
	}
}
