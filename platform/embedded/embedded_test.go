package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"siegel/platform/embedded"
)

// TestMain is also the parent that is killed, and the mailbox's own process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "play-mailbox":
			err := embedded.RunMailbox(context.Background(), embedded.MailboxConfig{
				SMTPAddr: "127.0.0.1:0", HTTPAddr: os.Args[2], Ready: os.Stdout})
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		case "play-parent":
			playParent(os.Args[2])
		}
	}
	os.Exit(m.Run())
}

func playParent(dir string) {
	ctx := context.Background()
	p, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: filepath.Join(dir, "postgres")})
	if err == nil {
		var r *embedded.Redis
		if r, err = embedded.StartRedis(ctx, embedded.RedisConfig{Dir: filepath.Join(dir, "redis")}); err == nil {
			var m *embedded.Mailbox
			if m, err = embedded.StartMailbox(ctx, os.Args[0], "play-mailbox", "127.0.0.1:0"); err == nil {
				_ = json.NewEncoder(os.Stdout).Encode([]int{p.PID(), r.PID(), m.PID()})
				select {}
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// folder is one that an unprivileged child can pass through, unlike t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sgl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startPostgres(t *testing.T, c embedded.PostgresConfig) *embedded.Postgres {
	t.Helper()
	p, err := embedded.StartPostgres(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	return p
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func TestPostgresHasItsRolesAndKeepsItsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "a", "b")
	p := startPostgres(t, embedded.PostgresConfig{Dir: dir, Durable: true})
	for role, want := range map[string]string{
		"owner": "siegel_owner", embedded.RoleServer: "siegel_server", embedded.RoleRelay: "siegel_relay", embedded.RoleSuper: "postgres",
	} {
		if got := query(t, p.URL(role), `select current_user::text || ' ' || current_database()`); got != want+" siegel" {
			t.Errorf("%s signs in as %q", role, got)
		}
	}
	if got := query(t, p.URL("owner"), `select string_agg(rolname || rolsuper || rolbypassrls || rolcreaterole, ' ' order by rolname) from pg_roles where rolname like 'siegel%'`); got !=
		"siegel_ownerfalsefalsetrue siegel_relayfalsefalsefalse siegel_serverfalsefalsefalse" {
		t.Errorf("rights: %s", got)
	}
	for setting, want := range map[string]string{
		"listen_addresses": "", "fsync": "on", "synchronous_commit": "on", "max_connections": "200",
		"log_min_error_statement": "panic", "server_encoding": "UTF8", "TimeZone": "UTC",
	} {
		if got := query(t, p.URL("owner"), `show `+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if status := procStatus(t, p.PID()); os.Geteuid() == 0 && status["Uid"] == "0" {
		t.Error("it runs as root")
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others can look into its folder: %v %v", info.Mode(), err)
	}

	query(t, p.URL("owner"), `with made as (select set_config('a.b', 'c', false)) select 'ok' from made`)
	conn, err := pgx.Connect(t.Context(), p.URL("owner"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `create table kept as select 'still here' as word`); err != nil {
		t.Fatal(err)
	}
	// A session that is open and idle does not hold the stop up.
	start := time.Now()
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("stopped twice: %v", err)
	}
	conn.Close(context.Background())
	gone(t, p.PID())

	p = startPostgres(t, embedded.PostgresConfig{Dir: dir, Durable: true})
	if got := query(t, p.URL("owner"), `select word from kept`); got != "still here" {
		t.Errorf("after a restart: %q", got)
	}
}

func TestPostgresWithoutDurability(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, embedded.PostgresConfig{Dir: filepath.Join(folder(t), "pg")})
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if got := query(t, p.URL("owner"), `show `+setting); got != "off" {
			t.Errorf("%s is %s", setting, got)
		}
	}
	if got := query(t, p.DatabaseURL(embedded.RoleSuper, "postgres"), `select current_database()::text`); got != "postgres" {
		t.Errorf("another database: %s", got)
	}
}

func TestALongPathStillHasASocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("long", 20), strings.Repeat("path", 20))
	p := startPostgres(t, embedded.PostgresConfig{Dir: filepath.Join(dir, "pg")})
	if got := query(t, p.URL("owner"), `select 'ok'`); got != "ok" {
		t.Error(got)
	}
	r := startRedis(t, filepath.Join(dir, "redis"))
	ping(t, r.URL())
	sockets := query(t, p.URL("postgres"), `show unix_socket_directories`)
	if err := errors.Join(p.Stop(), r.Stop()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder %s stayed: %v", sockets, err)
	}
}

func TestAFolderOutOfReachIsExplained(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs its children as somebody else")
	}
	dir := folder(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: filepath.Join(dir, "pg")})
	if err == nil || !strings.Contains(err.Error(), "cannot enter "+dir) {
		t.Errorf("%v", err)
	}
}

func TestAnInterruptedInitdbIsMadeGood(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "pg")
	if err := os.MkdirAll(filepath.Join(dir, "data.unfinished", "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := startPostgres(t, embedded.PostgresConfig{Dir: dir})
	if got := query(t, p.URL("owner"), `select 'ok'`); got != "ok" {
		t.Error(got)
	}
}

func TestAnotherVersionsClusterIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "pg")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "Postgres 7") {
		t.Errorf("%v", err)
	}
}

// Not parallel: the path is the whole process's.
func TestAMissingRedisIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Dir: filepath.Join(folder(t), "redis")})
	if err == nil || !strings.Contains(err.Error(), "apt install redis-server") {
		t.Errorf("%v", err)
	}
	// Postgres is found where Debian puts it, too.
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(found) == 0 {
		_, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: filepath.Join(folder(t), "pg")})
		if err == nil || !strings.Contains(err.Error(), "apt install postgresql") {
			t.Errorf("%v", err)
		}
	}
}

func startRedis(t *testing.T, dir string) *embedded.Redis {
	t.Helper()
	r, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop() })
	return r
}

func ping(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestRedisKeepsNothingOnDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "redis")
	r := startRedis(t, dir)
	client := ping(t, r.URL())
	for setting, want := range map[string]string{
		"save": "", "appendonly": "no", "repl-diskless-load": "swapdb", "maxmemory-policy": "noeviction",
		"databases": "64", "port": "0", "crash-log-enabled": "no",
	} {
		got, err := client.ConfigGet(t.Context(), setting).Result()
		if err != nil || got[setting] != want {
			t.Errorf("%s is %q, want %q (%v)", setting, got[setting], want, err)
		}
	}
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	// Databases are apart, the last one included.
	last := ping(t, r.DatabaseURL(embedded.RedisDatabases-1))
	if n, err := last.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
		t.Errorf("another database sees the key: %d %v", n, err)
	}
	if os.Geteuid() == 0 && procStatus(t, r.PID())["Uid"] == "0" {
		t.Error("it runs as root")
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	gone(t, r.PID())
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "redis.log" {
			t.Errorf("it left %s", path)
		}
		return nil
	})
	if n, err := ping(t, startRedis(t, dir).URL()).Exists(t.Context(), "k").Result(); err != nil || n != 0 {
		t.Errorf("a key outlived the server: %d %v", n, err)
	}
}

func TestAKilledParentLeavesNoChild(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	parent := exec.Command(os.Args[0], "play-parent", dir)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = parent.Process.Kill() }()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var children []int
	if err != nil || json.Unmarshal(line, &children) != nil || len(children) != 3 {
		t.Fatalf("children: %s %v", line, err)
	}
	family := descendants(t, parent.Process.Pid)
	for _, child := range children {
		if !slices.Contains(family, child) {
			t.Errorf("process %d is no child: %v", child, family)
		}
	}
	if len(family) < 5 { // Postgres has several of its own
		t.Errorf("only %v", family)
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for _, pid := range family {
		gone(t, pid)
	}
	// The cluster of the killed one starts again, at once.
	p := startPostgres(t, embedded.PostgresConfig{Dir: filepath.Join(dir, "postgres")})
	if got := query(t, p.URL("owner"), `select 'ok'`); got != "ok" {
		t.Error(got)
	}
}

// procStatus reads the first words of /proc/<pid>/status; Uid is the effective one.
func procStatus(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			status[strings.TrimSuffix(fields[0], ":")] = fields[1]
			if fields[0] == "Uid:" {
				status["Uid"] = fields[2]
			}
		}
	}
	return status
}

// gone waits until a process has ended; one that nobody has buried counts.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		status := procStatus(t, pid)
		if status == nil || status["State"] == "Z" || status["State"] == "X" {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("process %d (%s) is still there", pid, status["Name"])
			return
		}
	}
}

func descendants(t *testing.T, root int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if parent, err := strconv.Atoi(procStatus(t, pid)["PPid"]); err == nil {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	var all []int
	for queue := children[root]; len(queue) > 0; queue = queue[1:] {
		all = append(all, queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return all
}
