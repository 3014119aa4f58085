// Package config is the one table of what an operator can set.
//
// Everything comes from the environment. Each secret has a twin with _FILE at
// the end that names a file to read it from. [Load] refuses what is missing or
// malformed, naming the variable and never its value.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Config is what `siegel serve` and `siegel migrate` read.
type Config struct {
	// DatabaseURL connects as a member of the role siegel_server.
	DatabaseURL string `env:"SIEGEL_DATABASE_URL"`
	// RelayDatabaseURL connects as a member of the role siegel_relay.
	RelayDatabaseURL string `env:"SIEGEL_RELAY_DATABASE_URL"`
	// OwnerDatabaseURL connects as the owner of the schema; only migrate reads it.
	OwnerDatabaseURL string `env:"SIEGEL_OWNER_DATABASE_URL"`
	// RedisURL is redis://host:port/db or unix://path?db=n.
	RedisURL string `env:"SIEGEL_REDIS_URL"`
	// Secret is what record keys and hashes are derived from, at least 32
	// characters. All replicas share it; another one signs nobody in.
	Secret string `env:"SIEGEL_SECRET"`
	// BaseURL is the address below which tenants live; https, but for localhost.
	BaseURL string `env:"SIEGEL_BASE_URL" envDefault:"http://localhost:8080"`
	// Listen is the address that the server listens on.
	Listen string `env:"SIEGEL_LISTEN" envDefault:"127.0.0.1:8080"`
	// TrustedProxies are networks whose X-Forwarded-For is believed.
	TrustedProxies []string `env:"SIEGEL_TRUSTED_PROXIES" envSeparator:","`
	// SMTPURL is smtp://[user:password@]host[:port] or smtps://….
	SMTPURL string `env:"SIEGEL_SMTP_URL"`
	// MailFrom is the address that mails come from.
	MailFrom string `env:"SIEGEL_MAIL_FROM"`
	// PluginDir holds the plugin binaries and their checksums.txt.
	PluginDir string `env:"SIEGEL_PLUGIN_DIR"`
	// SMSPlugin is the plugin that text messages go through; empty sends none.
	SMSPlugin string `env:"SIEGEL_SMS_PLUGIN"`
	// SMSSettings are the plugin's settings, as JSON.
	SMSSettings string `env:"SIEGEL_SMS_SETTINGS" envDefault:"{}"`
}

// secrets may come from files instead.
var secrets = []string{"SIEGEL_DATABASE_URL", "SIEGEL_RELAY_DATABASE_URL", "SIEGEL_OWNER_DATABASE_URL",
	"SIEGEL_REDIS_URL", "SIEGEL_SECRET", "SIEGEL_SMTP_URL", "SIEGEL_SMS_SETTINGS"}

// Load reads the environment, given as os.Environ gives it.
func Load(environ []string) (Config, error) {
	vars := env.ToMap(environ)
	for _, name := range secrets {
		path := vars[name+"_FILE"]
		if path == "" {
			continue
		}
		if vars[name] != "" {
			return Config{}, fmt.Errorf("%s and %s_FILE are both set", name, name)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return Config{}, fmt.Errorf("%s_FILE: %w", name, err)
		}
		vars[name] = strings.TrimSpace(string(content))
	}
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		return Config{}, fmt.Errorf("environment: %w", err)
	}
	return c, nil
}

// CheckServe reports everything that `siegel serve` lacks.
func (c Config) CheckServe() error {
	var missing []error
	for _, need := range []struct{ name, value string }{
		{"SIEGEL_DATABASE_URL", c.DatabaseURL}, {"SIEGEL_RELAY_DATABASE_URL", c.RelayDatabaseURL},
		{"SIEGEL_REDIS_URL", c.RedisURL}, {"SIEGEL_SMTP_URL", c.SMTPURL}, {"SIEGEL_MAIL_FROM", c.MailFrom},
	} {
		if need.value == "" {
			missing = append(missing, errors.New(need.name+" is not set"))
		}
	}
	if len(c.Secret) < 32 {
		missing = append(missing, errors.New("SIEGEL_SECRET has fewer than 32 characters"))
	}
	if c.SMSPlugin != "" && c.PluginDir == "" {
		missing = append(missing, errors.New("SIEGEL_SMS_PLUGIN is set, SIEGEL_PLUGIN_DIR is not"))
	}
	_, _, errBase := c.Base()
	_, errProxies := c.Proxies()
	_, errSMS := c.SMS()
	return errors.Join(append(missing, errBase, errProxies, errSMS)...)
}

// Base is the scheme, and the domain with its port, below which tenants live.
func (c Config) Base() (scheme, domain string, err error) {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", "", errors.New("SIEGEL_BASE_URL is not like https://example.org")
	}
	local := u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", "", errors.New("SIEGEL_BASE_URL must be https: browsers seal nothing on a page that came in the clear")
	}
	return u.Scheme, u.Host, nil
}

// Proxies are the trusted networks.
func (c Config) Proxies() ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, s := range c.TrustedProxies {
		p, err := netip.ParsePrefix(strings.TrimSpace(s))
		if err != nil {
			return nil, errors.New("SIEGEL_TRUSTED_PROXIES is not a list like 10.0.0.0/8,fd00::/8")
		}
		proxies = append(proxies, p.Masked())
	}
	return proxies, nil
}

// SMS are the settings of the SMS plugin.
func (c Config) SMS() (map[string]any, error) {
	settings := map[string]any{}
	if err := json.Unmarshal([]byte(c.SMSSettings), &settings); err != nil || settings == nil {
		return nil, errors.New("SIEGEL_SMS_SETTINGS is not a JSON object")
	}
	return settings, nil
}
