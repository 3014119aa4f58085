package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/config"
	"siegel/platform/embedded/testdb"
	"siegel/tenants/tenanttest"
)

// patient is an installation that is well.
func patient(t *testing.T) (config.Config, *testdb.DB) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	db := testdb.New(t)
	return config.Config{
		DatabaseURL: db.Server, RelayDatabaseURL: db.Relay, RedisURL: testdb.RedisURL(t), Secret: string(tenanttest.Secret),
		BaseURL: "http://localhost:8080", SMTPURL: "smtp://" + ln.Addr().String(), MailFrom: "termine@siegel.example",
		OperatorName: "Siegel", OperatorAddress: "Hier 1", OperatorEmail: "post@siegel.example",
		PluginDir: plugins, SMSSettings: "{}",
	}, db
}

// kept is a folder of backups, of which the newest and the journal are so old.
func kept(t *testing.T, age time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	at := time.Now().Add(-age)
	name := filepath.Join(dir, "siegel-20261122T000000Z"+backupSuffix)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "journal.until"), []byte(at.UTC().Format(time.RFC3339)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDoctor_FindsNothingWrongWhereAllIsWell(t *testing.T) {
	t.Parallel()
	c, _ := patient(t)
	c.DayKeysPath = filepath.Join(t.TempDir(), "day.key")
	found := examine(t.Context(), c, kept(t, time.Minute))
	var said strings.Builder
	if err := found.print(&said); err != nil {
		t.Fatal(err)
	}
	if found.count(wrong) > 0 {
		t.Errorf("\n%s", said.String())
	}
	for _, about := range []string{"version", "settings", "postgres", "role", "walls", "schema", "outbox", "redis", "clock", "mail", "plugins", "day keys", "disk", "backups", "journal"} {
		if !strings.Contains(said.String(), " "+about+" ") {
			t.Errorf("nothing is said about %s:\n%s", about, said.String())
		}
	}
	if strings.Contains(said.String(), string(tenanttest.Secret)) || strings.Contains(said.String(), c.DatabaseURL) {
		t.Error("it says what is secret")
	}
}

func TestDoctor_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, c *config.Config, exec func(string))
		age   time.Duration
		want  string // about, and a part of what is said
	}{
		"NoOperator": {func(_ *testing.T, c *config.Config, _ func(string)) { c.OperatorName = "" }, 0, "settings: SIEGEL_OPERATOR_NAME is not set"},
		"NoDatabase": {func(_ *testing.T, c *config.Config, _ func(string)) { c.DatabaseURL = "postgres://127.0.0.1:1/x" }, 0, "postgres: does not answer"},
		"PrivilegedRole": {func(_ *testing.T, c *config.Config, _ func(string)) {
			c.DatabaseURL = strings.Replace(c.DatabaseURL, "siegel_server", "siegel_owner", 1)
		}, 0, "role: the server's role could"},
		"AWallIsOpen": {func(_ *testing.T, _ *config.Config, exec func(string)) {
			exec(`alter table card no force row level security`)
		}, 0, "walls: row-level security is not forced on card"},
		"OldSchema": {func(_ *testing.T, _ *config.Config, exec func(string)) {
			exec(`delete from bun_migrations_tenants where name = (select max(name) from bun_migrations_tenants)`)
		}, 0, "schema: 1 migrations are not applied"},
		"MessagesWait": {func(_ *testing.T, _ *config.Config, exec func(string)) {
			exec(`insert into outbox (id, tenant_id, kind, ref, run_at, deadline) values (gen_random_uuid(), gen_random_uuid(), 'k', 'r', now() - interval '1 hour', now() + interval '1 hour')`)
		}, 0, "outbox: 1 messages wait, the oldest for 1h"},
		"NoRedis": {func(_ *testing.T, c *config.Config, _ func(string)) { c.RedisURL = "redis://127.0.0.1:1/0" }, 0, "redis: does not answer"},
		"NoMail":  {func(_ *testing.T, c *config.Config, _ func(string)) { c.SMTPURL = "smtp://127.0.0.1:1" }, 0, "mail: nobody answers"},
		"AlteredPlugin": {func(t *testing.T, c *config.Config, _ func(string)) {
			c.PluginDir = t.TempDir()
			if err := os.WriteFile(filepath.Join(c.PluginDir, "siegel-plugin-sms-x"), []byte("altered"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(c.PluginDir, "checksums.txt"), []byte(strings.Repeat("0", 64)+"  siegel-plugin-sms-x\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, 0, "plugins: sms x would not start"},
		"OthersReadTheDayKeys": {func(t *testing.T, c *config.Config, _ func(string)) {
			c.DayKeysPath = filepath.Join(t.TempDir(), "day.key")
			if err := os.WriteFile(c.DayKeysPath, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, 0, "day keys: others may read"},
		"OldBackup":  {func(*testing.T, *config.Config, func(string)) {}, 48 * time.Hour, "backups: the newest is"},
		"OldJournal": {func(*testing.T, *config.Config, func(string)) {}, time.Hour, "journal: was last copied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, db := patient(t)
			super, err := pgx.Connect(t.Context(), db.Super)
			if err != nil {
				t.Fatal(err)
			}
			tc.spoil(t, &c, func(sql string) {
				if _, err := super.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			})
			_ = super.Close(t.Context())
			about, says, _ := strings.Cut(tc.want, ": ")
			found := examine(t.Context(), c, kept(t, tc.age))
			for _, f := range found {
				if f.About == about && f.State == wrong && strings.Contains(f.Says, says) {
					return
				}
			}
			t.Errorf("want %s among %+v", tc.want, found)
		})
	}
}
