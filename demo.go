package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"

	"siegel/platform/config"
	"siegel/platform/embedded"
	"siegel/tenants/registry"
	"siegel/web/app"
)

type demoCommand struct {
	Addr      string `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8080"`
	Data      string `help:"Folder that keeps the demo's data." type:"path"`
	Fresh     bool   `help:"Begin with an empty folder."`
	JSON      bool   `name:"json" help:"Print the table as one line of JSON when ready."`
	Names     bool   `help:"Also a name server, at which the portal brings up domains below praxis-muster.example."`
	TLS       bool   `name:"tls" help:"Speak https, with a certificate that browsers ask about."`
	Providers bool   `help:"Also stand-ins of LOX24, seven.io, sipgate, Twilio, Mittwald and IONOS, with accounts on the portal."`
}

type mailboxCommand struct {
	SMTP string `name:"smtp" default:"127.0.0.1:0"`
	HTTP string `name:"http" default:"127.0.0.1:8025"`
}

func (c mailboxCommand) Run(ctx context.Context) error {
	return embedded.RunMailbox(ctx, embedded.MailboxConfig{SMTPAddr: c.SMTP, HTTPAddr: c.HTTP, Ready: os.Stdout})
}

// table is what the demo prints: where to go and how to get in.
type table struct {
	Mailbox   string          `json:"mailbox"`
	Data      string          `json:"data"`
	Practices []practiceEntry `json:"practices"`
	Portal    portalEntry     `json:"portal"`
	// Servers are for tests that look into what the stores hold.
	Servers map[string]int `json:"servers"`
}

type practiceEntry struct {
	Name     string   `json:"name"`
	Patients string   `json:"patients"`
	Office   string   `json:"office"`
	SignIns  []signIn `json:"sign_ins"`
	// RecoveryCode opens everything without a password; in a real practice it
	// is on paper and nowhere else.
	RecoveryCode string `json:"recovery_code"`
}

// portalEntry is where resellers and the platform work.
type portalEntry struct {
	URL     string         `json:"url"`
	SignIns []portalSignIn `json:"sign_ins"`
}

// Run starts everything, waits for Ctrl-C and stops everything.
func (c demoCommand) Run(ctx context.Context) error {
	if !app.Built() {
		return errors.New("the web app is not built: run `go tool task demo`, which builds it")
	}
	dir, err := c.folder()
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer ln.Close()
	servers, err := startServers(ctx, dir, c.Addr)
	defer servers.stop()
	if err != nil {
		return err
	}
	if err := migrate(ctx, servers.postgres.URL(embedded.RoleOwner)); err != nil {
		return err
	}
	secret, err := keptSecret(filepath.Join(dir, "secret"))
	if err != nil {
		return err
	}
	sms, err := json.Marshal(map[string]string{"url": servers.mailbox.HTTP()})
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return err
	}
	plugins, err := pluginFolder()
	if err != nil {
		return err
	}
	scheme := "http://"
	if c.TLS {
		scheme = "https://"
		if ln, err = overTLS(ln); err != nil {
			return err
		}
	}
	settings := config.Config{
		DatabaseURL:      servers.postgres.URL(embedded.RoleServer),
		RelayDatabaseURL: servers.postgres.URL(embedded.RoleRelay),
		RedisURL:         servers.redis.URL(),
		Secret:           secret,
		BaseURL:          scheme + "localhost:" + port,
		SMTPURL:          "smtp://" + servers.mailbox.SMTP(),
		MailFrom:         "termine@siegel.example",
		OperatorName:     "Siegel Demo", OperatorAddress: "Beispielallee 1, 76131 Karlsruhe",
		OperatorEmail: "hallo@siegel.example", OperatorPhone: "+49 721 000100",
		PluginDir: plugins, SMSPlugin: "loopback", SMSSettings: string(sms),
		WebhooksPrivate: true, // for receivers on the same machine
	}
	var names *demoNames
	if c.Names {
		if names, err = startNames(); err != nil {
			return err
		}
		defer names.stop()
		settings.Resolvers, settings.PublicAddresses = []string{names.resolver}, []string{"127.0.0.1"}
	}
	var providers *demoProviders
	if c.Providers {
		if providers, err = startProviders(); err != nil {
			return err
		}
		defer providers.stop()
	}
	return serve(ctx, settings, ln, func(h *house) error {
		practices, err := seed(ctx, h, filepath.Join(dir, "sign-ins.json"))
		if err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		if names != nil {
			var slugs []string
			for _, p := range practices {
				slugs = append(slugs, p.Slug)
			}
			if err := names.add(ctx, h, slugs); err != nil {
				return err
			}
		}
		if providers != nil {
			if err := providers.add(ctx, h); err != nil {
				return err
			}
		}
		people, err := seedPortal(ctx, h, practices, filepath.Join(dir, "portal.json"))
		if err != nil {
			return fmt.Errorf("seed the portal: %w", err)
		}
		// The practices were not there yet when the server looked whom to send one.
		if err := h.probe.Keep(ctx); err != nil {
			return err
		}
		t := table{Mailbox: servers.mailbox.HTTP(), Data: dir, Servers: servers.pids()}
		for _, p := range practices {
			t.Practices = append(t.Practices, practiceEntry{
				Name: p.Name, SignIns: p.SignIns, RecoveryCode: p.RecoveryCode,
				Patients: scheme + h.registry.Host(p.Slug, registry.Patients),
				Office:   scheme + h.registry.Host(p.Slug, registry.Office),
			})
		}
		t.Portal = portalEntry{URL: scheme + h.registry.Host("", registry.Portal), SignIns: people}
		return t.print(os.Stdout, c.JSON)
	})
}

// folder is where the demo keeps its data. As root the servers run as somebody
// else, who must be able to walk down to it.
func (c demoCommand) folder() (string, error) {
	dir := c.Data
	if dir == "" {
		here, err := os.Getwd()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(here, "var", "demo")
		if os.Geteuid() == 0 {
			h := fnv.New32a()
			_, _ = io.WriteString(h, here)
			dir = fmt.Sprintf("/var/tmp/siegel-demo-%08x", h.Sum32())
		}
	}
	if c.Fresh {
		// Only what a demo has made is taken away.
		for _, name := range []string{"postgres", "redis", "secret", "sign-ins.json", "portal.json"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return "", err
			}
		}
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// servers are the child processes of a demo.
type servers struct {
	postgres *embedded.Postgres
	redis    *embedded.Redis
	mailbox  *embedded.Mailbox
}

func startServers(ctx context.Context, dir, addr string) (s servers, err error) {
	// Ctrl-C must not cut the stores off from those who still use them: they
	// are stopped last, by name.
	ctx = context.WithoutCancel(ctx)
	if s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: filepath.Join(dir, "postgres"), Durable: true}); err != nil {
		return s, err
	}
	if s.redis, err = embedded.StartRedis(ctx, embedded.RedisConfig{Dir: filepath.Join(dir, "redis")}); err != nil {
		return s, err
	}
	binary, err := os.Executable()
	if err != nil {
		return s, err
	}
	page := "127.0.0.1:8025"
	if _, port, err := net.SplitHostPort(addr); err == nil && port != "8080" {
		page = "127.0.0.1:0" // a second demo beside the first
	}
	s.mailbox, err = embedded.StartMailbox(ctx, binary, "mailbox", "--http", page)
	return s, err
}

func (s servers) pids() map[string]int {
	return map[string]int{"siegel": os.Getpid(), "postgres": s.postgres.PID(), "redis": s.redis.PID(), "mailbox": s.mailbox.PID()}
}

func (s servers) stop() {
	if s.mailbox != nil {
		_ = s.mailbox.Stop()
	}
	if s.redis != nil {
		_ = s.redis.Stop()
	}
	if s.postgres != nil {
		_ = s.postgres.Stop()
	}
}

// keptSecret reads the server's secret, or makes one the first time.
func keptSecret(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return string(content), err
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	secret := base64.RawURLEncoding.EncodeToString(b)
	return secret, os.WriteFile(path, []byte(secret), 0o600)
}

// pluginFolder is beside the binary, where the Taskfile builds the plugins.
func pluginFolder() (string, error) {
	binary, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(binary), "plugins")
	if _, err := os.Stat(filepath.Join(dir, "checksums.txt")); err != nil {
		return "", fmt.Errorf("no plugins beside the binary: run `go tool task demo`, which builds them: %w", err)
	}
	return dir, nil
}

func (t table) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(t)
	}
	fmt.Fprintf(w, "\nSiegel is ready. Ctrl-C stops it; %s keeps its data.\n\n", t.Data)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range t.Practices {
		fmt.Fprintf(tab, "%s\n  patients\t%s\n  office\t%s\n", p.Name, p.Patients, p.Office)
		for _, s := range p.SignIns {
			fmt.Fprintf(tab, "  %s\t%s\t%s\n", s.Role, s.Email, s.Password)
		}
		fmt.Fprintf(tab, "  recovery code\t%s\n\n", p.RecoveryCode)
	}
	fmt.Fprintf(tab, "Portal (each code once; secrets for an authenticator app, or oathtool --totp -b)\n  %s\n", t.Portal.URL)
	for _, s := range t.Portal.SignIns {
		fmt.Fprintf(tab, "  %s\t%s\t%s\t%s\n", s.Role, s.Email, s.Password, s.TOTPSecret)
	}
	_, _ = fmt.Fprintln(tab)
	fmt.Fprintf(tab, "Mailbox (mail and text messages)\n  %s\n", t.Mailbox)
	return tab.Flush()
}
