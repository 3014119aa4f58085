package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"siegel/platform/config"
)

// complete is what a server needs.
func complete() map[string]string {
	return map[string]string{
		"SIEGEL_DATABASE_URL":       "postgres://siegel@db/siegel?password=hush",
		"SIEGEL_RELAY_DATABASE_URL": "postgres://relay@db/siegel?password=hush",
		"SIEGEL_REDIS_URL":          "redis://:hush@redis/0",
		"SIEGEL_SECRET":             "hush hush hush hush hush hush hu",
		"SIEGEL_BASE_URL":           "https://termine.example",
		"SIEGEL_SMTP_URL":           "smtps://user:hush@mail.example",
		"SIEGEL_MAIL_FROM":          "termine@siegel.example",
		"SIEGEL_OPERATOR_NAME":      "Siegel",
		"SIEGEL_OPERATOR_ADDRESS":   "Beispielallee 1, 76131 Karlsruhe",
		"SIEGEL_OPERATOR_EMAIL":     "hallo@siegel.example",
	}
}

func load(t *testing.T, vars map[string]string) (config.Config, error) {
	t.Helper()
	var environ []string
	for k, v := range vars {
		environ = append(environ, k+"="+v)
	}
	return config.Load(environ)
}

func mustLoad(t *testing.T, vars map[string]string) config.Config {
	t.Helper()
	c, err := load(t, vars)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, nil)
	if c.BaseURL != "http://localhost:8080" || c.Listen != "127.0.0.1:8080" || c.SMSSettings != "{}" || c.DatabaseURL != "" {
		t.Errorf("%+v", c)
	}
}

func TestTheProcessesOwnEnvironmentIsNotRead(t *testing.T) {
	t.Setenv("SIEGEL_SECRET", "from the process")
	if c := mustLoad(t, nil); c.Secret != "" {
		t.Errorf("secret %q", c.Secret)
	}
}

func TestCompleteServes(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, complete())
	if err := c.CheckServe(); err != nil {
		t.Fatal(err)
	}
	if scheme, domain, err := c.Base(); scheme != "https" || domain != "termine.example" || err != nil {
		t.Error(scheme, domain, err)
	}
}

// What is missing or malformed is named, all at once, and never its value.
func TestCheckServeNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value string }{
		{"SIEGEL_DATABASE_URL", ""}, {"SIEGEL_RELAY_DATABASE_URL", ""}, {"SIEGEL_REDIS_URL", ""}, {"SIEGEL_SMTP_URL", ""}, {"SIEGEL_MAIL_FROM", ""}, {"SIEGEL_OPERATOR_NAME", ""}, {"SIEGEL_OPERATOR_ADDRESS", ""}, {"SIEGEL_OPERATOR_EMAIL", ""},
		{"SIEGEL_SECRET", ""}, {"SIEGEL_SECRET", "hush hush hush hush hush hush h"},
		{"SIEGEL_BASE_URL", "http://hush.example"}, {"SIEGEL_BASE_URL", "hush"},
		{"SIEGEL_TRUSTED_PROXIES", "hush"}, {"SIEGEL_SMS_SETTINGS", `{"hush":`}, {"SIEGEL_SMS_SETTINGS", `["hush"]`}, {"SIEGEL_SMS_SETTINGS", "null"},
		{"SIEGEL_SMS_PLUGIN", "hush"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Parallel()
			vars := complete()
			vars[c.name] = c.value
			err := mustLoad(t, vars).CheckServe()
			if err == nil {
				t.Fatal("it would serve")
			}
			if !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("AllAtOnce", func(t *testing.T) {
		t.Parallel()
		err := mustLoad(t, map[string]string{"SIEGEL_BASE_URL": "x", "SIEGEL_TRUSTED_PROXIES": "x"}).CheckServe()
		for _, name := range []string{"SIEGEL_DATABASE_URL", "SIEGEL_RELAY_DATABASE_URL", "SIEGEL_REDIS_URL", "SIEGEL_SMTP_URL", "SIEGEL_MAIL_FROM", "SIEGEL_OPERATOR_NAME", "SIEGEL_SECRET", "SIEGEL_BASE_URL", "SIEGEL_TRUSTED_PROXIES"} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%s is not named in %v", name, err)
			}
		}
	})
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("hush hush hush hush hush hush hu\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"SIEGEL_DATABASE_URL", "SIEGEL_RELAY_DATABASE_URL", "SIEGEL_OWNER_DATABASE_URL", "SIEGEL_BACKUP_DATABASE_URL", "SIEGEL_REDIS_URL", "SIEGEL_SECRET", "SIEGEL_SMTP_URL", "SIEGEL_SMS_SETTINGS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := mustLoad(t, map[string]string{name + "_FILE": file})
			got := map[string]string{
				"SIEGEL_DATABASE_URL": c.DatabaseURL, "SIEGEL_RELAY_DATABASE_URL": c.RelayDatabaseURL, "SIEGEL_OWNER_DATABASE_URL": c.OwnerDatabaseURL, "SIEGEL_BACKUP_DATABASE_URL": c.BackupDatabaseURL,
				"SIEGEL_REDIS_URL": c.RedisURL, "SIEGEL_SECRET": c.Secret, "SIEGEL_SMTP_URL": c.SMTPURL, "SIEGEL_SMS_SETTINGS": c.SMSSettings,
			}[name]
			if got != "hush hush hush hush hush hush hu" {
				t.Errorf("read %q", got)
			}
			// Two sources might differ: neither wins.
			if _, err := load(t, map[string]string{name: "hush", name + "_FILE": file}); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hush") {
				t.Errorf("both: %v", err)
			}
			if _, err := load(t, map[string]string{name + "_FILE": file + ".missing"}); err == nil || !strings.Contains(err.Error(), name+"_FILE") {
				t.Errorf("no file: %v", err)
			}
		})
	}
	t.Run("OnlySecretsHaveOne", func(t *testing.T) {
		t.Parallel()
		if c := mustLoad(t, map[string]string{"SIEGEL_MAIL_FROM_FILE": file}); c.MailFrom != "" {
			t.Errorf("%q", c.MailFrom)
		}
	})
}

func TestBase(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://example.org":       "https example.org",
		"https://example.org/":      "https example.org",
		"https://example.org:8443":  "https example.org:8443",
		"http://localhost":          "http localhost",
		"http://localhost:8080":     "http localhost:8080",
		"http://demo.localhost:80":  "http demo.localhost:80",
		"https://localhost":         "https localhost",
		"http://example.org":        "",
		"http://localhost.evil.org": "",
		"http://notlocalhost":       "",
		"http://127.0.0.1:8080":     "",
		"ftp://localhost":           "",
		"//example.org":             "",
		"example.org":               "",
		"":                          "",
		"https://":                  "",
		"https://example.org/path":  "",
		"https://example.org?x":     "",
		"https://example.org#x":     "",
		"https://user@example.org":  "",
		"https://example.org:x":     "",
		"https://exa mple.org":      "",
	} {
		scheme, domain, err := config.Config{BaseURL: url}.Base()
		if got := strings.TrimSpace(scheme + " " + domain); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", url, got, err)
		}
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, map[string]string{"SIEGEL_TRUSTED_PROXIES": "10.1.2.3/8, fd00::/8"})
	got, err := c.Proxies()
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"10.0.0.1", "10.0.0.0/33", "any", "10.0.0.0/8,", "*"} {
		if got, err := mustLoad(t, map[string]string{"SIEGEL_TRUSTED_PROXIES": bad}).Proxies(); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	for _, none := range []map[string]string{nil, {"SIEGEL_TRUSTED_PROXIES": ""}} {
		if got, err := mustLoad(t, none).Proxies(); err != nil || len(got) != 0 {
			t.Errorf("nobody is trusted by default: %v, %v", got, err)
		}
	}
}

func TestSMSSettings(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, map[string]string{"SIEGEL_SMS_SETTINGS": `{"url":"http://localhost:1","retries":3}`})
	if got, err := c.SMS(); err != nil || got["url"] != "http://localhost:1" || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := mustLoad(t, nil).SMS(); err != nil || got == nil || len(got) != 0 {
		t.Errorf("without any: %v, %v", got, err)
	}
}
