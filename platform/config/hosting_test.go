package config_test

import (
	"strings"
	"testing"

	"siegel/platform/config"
)

// What goes together is refused apart, and what is malformed is named without
// its value.
func TestCertificatesAndAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ environ, want string }{
		"RedirectWithoutTLS": {"SIEGEL_HTTP_LISTEN=:80", "SIEGEL_TLS_LISTEN is not"},
		"PluginWithoutTLS":   {"SIEGEL_ACME_HOSTING=ionos", "SIEGEL_ACME_HOSTING needs"},
		"Addresses":          {"SIEGEL_PUBLIC_ADDRESSES=hunter2", "SIEGEL_PUBLIC_ADDRESSES is not"},
		"Settings":           {"SIEGEL_ACME_HOSTING_SETTINGS=hunter2", "SIEGEL_ACME_HOSTING_SETTINGS is not"},
	} {
		cfg, err := config.Load([]string{c.environ})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := cfg.CheckServe(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error = %v, want %q", name, err, c.want)
		}
	}
	cfg, err := config.Load([]string{"SIEGEL_PUBLIC_ADDRESSES=192.0.2.7, 2001:db8::7"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cfg.Addresses(); err != nil || len(got) != 2 {
		t.Errorf("addresses = %v, %v", got, err)
	}
}
