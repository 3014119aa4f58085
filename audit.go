package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"siegel/web/app"
	"siegel/web/blind"
)

type auditCommand struct {
	Practice    string   `help:"The patients' address of a practice that has agreed, such as https://praxis.example.org." placeholder:"URL"`
	Office      string   `help:"Its office's address: then that page is compared too." placeholder:"URL"`
	Address     string   `help:"Where the confirmation mails go. \"{}\" in it becomes a word that is looked for: audit+{}@example.org." placeholder:"MAIL"`
	Bookings    int      `help:"How many synthetic bookings are made, 1 to 10." default:"2"`
	Confirm     bool     `help:"Read the links out of the confirmation mails from standard input, one a line: then appointments are written, and cancelled again."`
	Database    string   `help:"Search this Postgres. The role has to see all rows of all tenants." env:"SIEGEL_AUDIT_DATABASE_URL" placeholder:"URL"`
	Redis       string   `help:"Search this Redis." env:"SIEGEL_AUDIT_REDIS_URL" placeholder:"URL"`
	Log         []string `help:"Search this log file; may be repeated." placeholder:"FILE"`
	Data        []string `help:"Search all files below this folder; may be repeated." placeholder:"FOLDER"`
	Manifest    string   `help:"Compare what is served with this published list of SHA-256 (as sha256sum writes it) instead of with the web app in this program." placeholder:"FILE"`
	Publish     bool     `help:"Print the list for the web app in this program, and do nothing else."`
	Fingerprint string   `help:"The fingerprint of the practice's keys, as it printed it."`
	State       string   `help:"A file in which audits remember what they saw: a key directory that goes back is found." placeholder:"FILE"`
	Language    string   `help:"Of the report." enum:"de,en" default:"de"`
	JSON        bool     `help:"Print the report for programs." name:"json"`
}

// errAudit is what the exit code says; the report says the rest.
var errAudit = errors.New("the audit did not find everything sealed")

// Run audits a running installation and prints the report. It fails unless
// everything that was looked at is sealed, and each search is proven.
func (c auditCommand) Run(ctx context.Context) error {
	manifest, err := c.manifest()
	if err != nil {
		return err
	}
	if c.Publish {
		_, err := os.Stdout.WriteString(manifest.String())
		return err
	}
	if c.Practice == "" || c.Address == "" {
		return errors.New("--practice and --address are needed")
	}
	config := blind.Config{
		Practice: c.Practice, Office: c.Office, Address: c.Address, Bookings: c.Bookings, DatabaseURL: c.Database, RedisURL: c.Redis,
		Files: c.Log, Folders: c.Data, Manifest: manifest, Fingerprint: c.Fingerprint, State: c.State, Client: auditClient(),
	}
	if c.Confirm {
		config.Links = askForLinks
	}
	report, err := blind.Run(ctx, config)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.Write(os.Stdout, c.Language)
	}
	if err == nil && report.Verdict != blind.Sealed {
		err = errAudit
	}
	return err
}

func (c auditCommand) manifest() (blind.Manifest, error) {
	if c.Manifest == "" {
		return blind.ManifestOf(app.FS())
	}
	f, err := os.Open(c.Manifest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return blind.ReadManifest(f)
}

// auditClient reaches all of localhost on this computer (RFC 6761), as browsers
// do.
func auditClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dial(ctx, network, address)
	}
	return &http.Client{Transport: transport}
}

func askForLinks(_ context.Context, n int) ([]string, error) {
	fmt.Fprintf(os.Stderr, "The links out of the %d confirmation mails, one a line:\n", n)
	var links []string
	for lines := bufio.NewScanner(os.Stdin); len(links) < n && lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			links = append(links, line)
		}
	}
	if len(links) < n {
		return nil, errors.New("not all links were given")
	}
	return links, nil
}
