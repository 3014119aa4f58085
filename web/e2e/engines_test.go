//go:build engines

package e2e_test

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// The suites of this folder once more, with what an installation of several
// machines puts between the server and its stores. The programs are Debian's.

// suite is what tests that were written for a demo say of any server.
var suite = []struct {
	name string
	test func(*testing.T)
}{
	{"RaceForSeatsRoomsAndQuotas", TestRaceForSeatsRoomsAndQuotas},
	{"RequestsAreAnsweredByTheOffice", TestRequestsAreAnsweredByTheOffice},
	{"InputOfHoldsAndLinks", TestInputOfHoldsAndLinks}, {"InputOfCodes", TestInputOfCodes},
	{"RulesAreReadChangedAndPutBack", TestRulesAreReadChangedAndPutBack},
	{"RulesNameAppointmentsOutside", TestRulesNameAppointmentsOutside},
	{"TheWeekSaysWhy", TestTheWeekSaysWhy}, {"CalendarsAreImportedAndForgotten", TestCalendarsAreImportedAndForgotten},
	{"SessionsOpenOneOfficeOnly", TestSessionsOpenOneOfficeOnly}, {"SuspendedPracticesTakeNoBookings", TestSuspendedPracticesTakeNoBookings},
	{"OfficesSeeTheirOwn", TestOfficesSeeTheirOwn}, {"LookingChangesNothing", TestLookingChangesNothing},
	{"ChangesAreSaidToTheirOfficeOnly", TestChangesAreSaidToTheirOfficeOnly},
	{"WallsSecretsAreOfOnePractice", TestWallsSecretsAreOfOnePractice},
}

// pass lets the suite run against the server of c.
func (c *chaos) pass() {
	if shared.process != nil {
		c.t.Fatal("a demo runs already")
	}
	shared.start.Do(func() {})
	shared.port, shared.db, shared.redis, shared.data = c.d.port, c.d.db, c.d.redis, c.dir
	shared.table = c.asleep.table
	shared.table.Mailbox = c.d.table.Mailbox
	for i, p := range shared.table.Practices {
		shared.table.Practices[i].Patients = "http://" + c.d.host(name(p.Patients))
		shared.table.Practices[i].Office = "http://" + c.d.host(name(p.Office))
	}
	defer func() { shared.start, shared.db, shared.redis = sync.Once{}, nil, nil }()
	for _, s := range suite {
		c.t.Run(s.name, s.test)
	}
	if c.t.Failed() {
		c.t.Logf("the server: %s", c.server.said())
	}
}

// name is what stands before .localhost.
func name(address string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "http://"), ".localhost")
	return host
}

// bouncerConnections is how many the server's roles have to share: fewer than
// either would open by itself, so that none keeps one of its own.
const bouncerConnections = 4

// behindPgBouncer puts PgBouncer in transaction mode before the database.
func (c *chaos) behindPgBouncer() {
	c.t.Helper()
	dir := filepath.Join(c.asleep.data, "pgbouncer")
	c.must(os.Mkdir(dir, 0o755))
	users := ""
	for _, role := range []string{"siegel_server", "siegel_relay", "siegel_owner", "postgres"} {
		users += fmt.Sprintf("%q \"\"\n", role)
	}
	c.must(os.WriteFile(filepath.Join(dir, "users.txt"), []byte(users), 0o644))
	c.must(os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(fmt.Sprintf(`[databases]
* = host=%s port=5432
[pgbouncer]
pool_mode = transaction
default_pool_size = %d
max_client_conn = 200
auth_type = trust
auth_file = %[3]s/users.txt
admin_users = postgres
unix_socket_dir = %[3]s
listen_port = 6432
server_login_retry = 1
`, c.asleep.db.Config().Host, bouncerConnections, dir)), 0o644))
	args := []string{filepath.Join(dir, "pgbouncer.ini")}
	if os.Geteuid() == 0 { // which it refuses to run as
		who, err := user.Lookup("postgres")
		c.must(err)
		uid, _ := strconv.Atoi(who.Uid)
		c.must(os.Chown(dir, uid, -1))
		args = append([]string{"-u", who.Username}, args...)
	}
	bouncer := spawn(c.t, filepath.Join(c.dir, "pgbouncer.log"), nil, nil, "/usr/sbin/pgbouncer", args...)
	c.t.Cleanup(bouncer.kill)
	socket := filepath.Join(dir, ".s.PGSQL.6432")
	c.until(bouncer, func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	c.toPostgres.lead(socket)
}

// until waits for something that a program does once it runs.
func (c *chaos) until(of *child, done func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if of.ended() || time.Now().After(deadline) {
			c.t.Fatalf("it does not come to it: %s", of.said())
		}
	}
}

// TestPgBouncer: migrations, the suite and the faults, all through PgBouncer in
// transaction mode.
func TestPgBouncer(t *testing.T) {
	c := newChaos(t, (*chaos).behindPgBouncer)
	t.Run("Migrations", c.migrationsThroughPgBouncer)
	c.t = t
	t.Run("Suite", func(t *testing.T) {
		c.t = t
		c.pass()
	})
	c.t = t
	c.suffer(c.faults())
}

// Several migrations at once take turns, and leave no lock behind on the
// connections that others get after them.
func (c *chaos) migrationsThroughPgBouncer(t *testing.T) {
	if _, err := c.d.db.Exec(t.Context(), `create database fresh owner siegel_owner`); err != nil {
		t.Fatal(err)
	}
	binary, err := filepath.Abs(cmp.Or(os.Getenv("SIEGEL_BINARY"), binary))
	if err != nil {
		t.Fatal(err)
	}
	var all []*child
	for n := range 2 {
		all = append(all, spawn(t, filepath.Join(c.dir, fmt.Sprintf("migrate-%d.log", n)), nil,
			[]string{"SIEGEL_OWNER_DATABASE_URL=postgres://siegel_owner@" + c.toPostgres.addr + "/fresh?sslmode=disable"}, binary, "migrate"))
	}
	for _, m := range all {
		if m.wait(t, 2*time.Minute); !m.cmd.ProcessState.Success() {
			t.Errorf("%v: %s", m.cmd.ProcessState, m.said())
		}
	}
	for deadline := time.Now().Add(20 * time.Second); c.d.count(t, `select count(*) from pg_locks where locktype = 'advisory'`) != 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a lock was left")
		}
	}
}

// tcpRedis starts a Redis on a port of its own, set as the server asks of any.
func (c *chaos) tcpRedis(args ...string) (at string, of *child) {
	c.t.Helper()
	port := freePort(c.t)
	of = spawn(c.t, filepath.Join(c.dir, "redis-"+port+".log"), nil, nil, "redis-server", append([]string{"--port", port,
		"--bind", "127.0.0.1", "--dir", c.dir, "--save", "", "--appendonly", "no", "--repl-diskless-load", "swapdb",
		"--maxmemory-policy", "noeviction"}, args...)...)
	c.t.Cleanup(of.kill)
	at = "127.0.0.1:" + port
	one := client(c.t, at)
	c.until(of, func() bool { return one.Ping(c.t.Context()).Err() == nil })
	return at, of
}

func client(t *testing.T, at string) *redis.Client {
	one := redis.NewClient(&redis.Options{Addr: at, Protocol: 2})
	t.Cleanup(func() { one.Close() })
	return one
}

// TestSentinel: the suite, and patients who book while the primary is killed
// and the Sentinels make the replica the next one. What was held there may be
// lost; what was confirmed is not, and nothing is booked twice.
func TestSentinel(t *testing.T) {
	var primary *child
	var replica string
	c := newChaos(t, func(c *chaos) {
		var at string
		at, primary = c.tcpRedis()
		host, port, _ := net.SplitHostPort(at)
		replica, _ = c.tcpRedis("--replicaof", host+" "+port)
		var sentinels []string
		for range 3 {
			mine := freePort(t)
			file := filepath.Join(c.dir, "sentinel-"+mine+".conf")
			c.must(os.WriteFile(file, []byte(fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor siegel %s %s 2\n"+
				"sentinel down-after-milliseconds siegel 1000\nsentinel failover-timeout siegel 5000\n", mine, c.dir, host, port)), 0o600))
			s := spawn(t, filepath.Join(c.dir, "sentinel-"+mine+".log"), nil, nil, "redis-server", file, "--sentinel")
			t.Cleanup(s.kill)
			one := client(t, "127.0.0.1:"+mine)
			c.until(s, func() bool { return one.Ping(t.Context()).Err() == nil })
			sentinels = append(sentinels, "127.0.0.1:"+mine)
		}
		for _, s := range sentinels { // that they know one another, and the replica
			one := redis.NewSentinelClient(&redis.Options{Addr: s, Protocol: 2})
			t.Cleanup(func() { one.Close() })
			c.until(primary, func() bool {
				others, _ := one.Sentinels(t.Context(), "siegel").Result()
				replicas, _ := one.Replicas(t.Context(), "siegel").Result()
				return len(others) == 2 && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok"
			})
		}
		c.redisURL = "redis+sentinel://" + sentinels[0] + "/siegel?addr=" + sentinels[1] + "&addr=" + sentinels[2]
	})
	t.Run("Suite", func(t *testing.T) {
		c.t = t
		c.pass()
	})
	c.t = t
	c.suffer([]fault{
		{"NothingHappens", c.wait, true},
		{"PrimaryIsKilled", func() {
			primary.kill()
			next := client(c.t, replica)
			c.until(c.server, func() bool {
				role, _ := next.Do(c.t.Context(), "role").Slice()
				return len(role) > 0 && role[0] == "master"
			})
		}, false},
		{"NothingHappensAfter", c.wait, true},
	})
}

// TestCluster: the suite, and patients who book, with a cluster of three nodes.
func TestCluster(t *testing.T) {
	c := newChaos(t, func(c *chaos) {
		args, nodes := []string{"--cluster", "create"}, []string{}
		var last *child
		for range 3 {
			var at string
			at, last = c.tcpRedis("--cluster-enabled", "yes", "--cluster-config-file", fmt.Sprintf("nodes-%d.conf", len(nodes)))
			nodes = append(nodes, at)
		}
		args = append(append(args, nodes...), "--cluster-yes")
		made := spawn(t, filepath.Join(c.dir, "create.log"), nil, nil, "redis-cli", args...)
		if made.wait(t, time.Minute); !made.cmd.ProcessState.Success() {
			t.Fatal(made.said())
		}
		for _, at := range nodes {
			one := client(t, at)
			c.until(last, func() bool {
				info, _ := one.ClusterInfo(t.Context()).Result()
				return strings.Contains(info, "cluster_state:ok")
			})
		}
		c.redisURL = "redis+cluster://" + nodes[0] + "?addr=" + nodes[1]
	})
	t.Run("Suite", func(t *testing.T) {
		c.t = t
		c.pass()
	})
	c.t = t
	c.suffer([]fault{{"NothingHappens", c.wait, true}, {"ServerIsReplaced", c.replace, true}})
}
