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
	// BackupDatabaseURL connects as a role that reads every row; only backup
	// reads it.
	BackupDatabaseURL string `env:"SIEGEL_BACKUP_DATABASE_URL"`
	// BackupRecipients are the age keys (age1…) that backups are encrypted to.
	BackupRecipients []string `env:"SIEGEL_BACKUP_RECIPIENTS" envSeparator:","`
	// RedisURL is redis://host:port/db, unix://path?db=n, for Sentinels
	// redis+sentinel://host:port/name?addr=host:port, for a cluster
	// redis+cluster://host:port?addr=host:port; with rediss for TLS. More hosts are
	// more of addr.
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
	// MetricsListen is where Prometheus finds metrics: a loopback or private
	// address; empty measures nothing.
	MetricsListen string `env:"SIEGEL_METRICS_LISTEN"`
	// TracesURL is where traces go by OTLP over HTTP; empty makes none. TracesRatio
	// is the share of requests that are traced.
	TracesURL   string  `env:"SIEGEL_TRACES_URL"`
	TracesRatio float64 `env:"SIEGEL_TRACES_RATIO" envDefault:"0.01"`
	// LogJSON writes the log as JSON lines.
	LogJSON bool `env:"SIEGEL_LOG_JSON"`
	// TLSListen is where the server listens with TLS, instead of Listen, with
	// certificates that it gets itself; empty where something before it has them.
	TLSListen string `env:"SIEGEL_TLS_LISTEN"`
	// HTTPListen is where the authority asks and visitors are sent to https; it
	// goes with TLSListen.
	HTTPListen string `env:"SIEGEL_HTTP_LISTEN"`
	// ACMEDirectory is the authority's address; Let's Encrypt where empty.
	ACMEDirectory string `env:"SIEGEL_ACME_DIRECTORY"`
	// ACMEEmail is where the authority writes to.
	ACMEEmail string `env:"SIEGEL_ACME_EMAIL"`
	// ACMERoots is a file with the certificates (PEM) that are believed when
	// talking to an authority of one's own.
	ACMERoots string `env:"SIEGEL_ACME_ROOTS"`
	// ACMEHosting is the hosting plugin that proves the base domain, for one
	// certificate for all names below it; empty gets one for each host.
	ACMEHosting string `env:"SIEGEL_ACME_HOSTING"`
	// ACMEHostingSettings are that plugin's settings, as JSON.
	ACMEHostingSettings string `env:"SIEGEL_ACME_HOSTING_SETTINGS" envDefault:"{}"`
	// PublicAddresses are those under which the world reaches the server, for
	// domains of practices at which no alias may stand; where there are none,
	// those that DNS gives for the base.
	PublicAddresses []string `env:"SIEGEL_PUBLIC_ADDRESSES" envSeparator:","`
	// Resolvers are the DNS servers that are asked whether records have spread,
	// such as 192.0.2.53; the machine's own where empty.
	Resolvers []string `env:"SIEGEL_RESOLVERS" envSeparator:","`
	// DayKeysPath keeps the keys of reminders over a restart of everything, on a
	// single machine; no backup may have it. Empty keeps them in Redis alone.
	DayKeysPath string `env:"SIEGEL_DAY_KEYS_PATH"`
	// SMTPURL is smtp://[user:password@]host[:port] or smtps://….
	SMTPURL string `env:"SIEGEL_SMTP_URL"`
	// MailFrom is the address that mails come from.
	MailFrom string `env:"SIEGEL_MAIL_FROM"`
	// DKIMDir is a folder of keys that sign mails, each called as the name that
	// DNS has for it: <selector>._domainkey.<domain>.pem. Senders of resellers are
	// used once their domain has one.
	DKIMDir string `env:"SIEGEL_DKIM_DIR"`
	// BounceDomain is where mails come back to that could not be delivered, and
	// BounceListen where the server takes them (SMTP). Both or none.
	BounceDomain string `env:"SIEGEL_BOUNCE_DOMAIN"`
	BounceListen string `env:"SIEGEL_BOUNCE_LISTEN"`
	// OperatorName, OperatorAddress (one line), OperatorEmail and OperatorPhone
	// are who runs this installation, as agreements and letters name it.
	OperatorName    string `env:"SIEGEL_OPERATOR_NAME"`
	OperatorAddress string `env:"SIEGEL_OPERATOR_ADDRESS"`
	OperatorEmail   string `env:"SIEGEL_OPERATOR_EMAIL"`
	OperatorPhone   string `env:"SIEGEL_OPERATOR_PHONE"`
	// OIDCPrivate lets sign-in providers be on private networks, and without
	// TLS: for an installation whose owners are also its operator.
	OIDCPrivate bool `env:"SIEGEL_OIDC_PRIVATE"`
	// WebhooksPrivate lets webhooks go to private networks, and without TLS: for
	// an installation whose owners are also its operator.
	WebhooksPrivate bool `env:"SIEGEL_WEBHOOKS_PRIVATE"`
	// PluginDir holds the plugin binaries and their checksums.txt.
	PluginDir string `env:"SIEGEL_PLUGIN_DIR"`
	// SMSPlugin is the plugin that text messages go through; empty sends none.
	SMSPlugin string `env:"SIEGEL_SMS_PLUGIN"`
	// SMSSettings are the plugin's settings, as JSON.
	SMSSettings string `env:"SIEGEL_SMS_SETTINGS" envDefault:"{}"`
}

// secrets may come from files instead.
var secrets = []string{"SIEGEL_DATABASE_URL", "SIEGEL_RELAY_DATABASE_URL", "SIEGEL_OWNER_DATABASE_URL", "SIEGEL_BACKUP_DATABASE_URL",
	"SIEGEL_REDIS_URL", "SIEGEL_SECRET", "SIEGEL_SMTP_URL", "SIEGEL_SMS_SETTINGS", "SIEGEL_ACME_HOSTING_SETTINGS"}

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
		{"SIEGEL_OPERATOR_NAME", c.OperatorName}, {"SIEGEL_OPERATOR_ADDRESS", c.OperatorAddress}, {"SIEGEL_OPERATOR_EMAIL", c.OperatorEmail},
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
	if (c.BounceDomain == "") != (c.BounceListen == "") {
		missing = append(missing, errors.New("SIEGEL_BOUNCE_DOMAIN and SIEGEL_BOUNCE_LISTEN go together"))
	}
	if c.HTTPListen != "" && c.TLSListen == "" {
		missing = append(missing, errors.New("SIEGEL_HTTP_LISTEN is set, SIEGEL_TLS_LISTEN is not"))
	}
	if c.ACMEHosting != "" && (c.PluginDir == "" || c.TLSListen == "") {
		missing = append(missing, errors.New("SIEGEL_ACME_HOSTING needs SIEGEL_PLUGIN_DIR and SIEGEL_TLS_LISTEN"))
	}
	_, errAddresses := c.Addresses()
	_, errHosting := c.ACMEHostingOptions()
	missing = append(missing, errAddresses, errHosting)
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

// Addresses are the public ones.
func (c Config) Addresses() ([]netip.Addr, error) {
	var addresses []netip.Addr
	for _, s := range c.PublicAddresses {
		a, err := netip.ParseAddr(strings.TrimSpace(s))
		if err != nil || a.Zone() != "" || a.IsUnspecified() {
			return nil, errors.New("SIEGEL_PUBLIC_ADDRESSES is not a list like 192.0.2.7,2001:db8::7")
		}
		addresses = append(addresses, a.Unmap())
	}
	return addresses, nil
}

// ACMEHostingOptions are the settings of the hosting plugin that proves the
// base domain.
func (c Config) ACMEHostingOptions() (map[string]any, error) {
	settings := map[string]any{}
	if c.ACMEHostingSettings == "" {
		return settings, nil
	}
	if err := json.Unmarshal([]byte(c.ACMEHostingSettings), &settings); err != nil || settings == nil {
		return nil, errors.New("SIEGEL_ACME_HOSTING_SETTINGS is not a JSON object")
	}
	return settings, nil
}

// SMS are the settings of the SMS plugin.
func (c Config) SMS() (map[string]any, error) {
	settings := map[string]any{}
	if err := json.Unmarshal([]byte(c.SMSSettings), &settings); err != nil || settings == nil {
		return nil, errors.New("SIEGEL_SMS_SETTINGS is not a JSON object")
	}
	return settings, nil
}
