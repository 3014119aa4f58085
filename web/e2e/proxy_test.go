package e2e_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// behind starts nginx with the configuration that we ship, without TLS and on
// a port of its own, before a demo, and returns the demo as seen through it.
func behind(t *testing.T, d *demo) *demo {
	t.Helper()
	shipped, err := os.ReadFile("../../charts/systemd/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	dir := t.TempDir()
	through := &demo{port: freePort(t), table: d.table, data: d.data}
	config := string(shipped)
	for from, to := range map[string]string{
		`listen 443 ssl http2 default_server;`:      "listen 127.0.0.1:" + through.port + ";",
		`listen \[::\]:443 [^\n]*\n`:                "\n",
		`ssl_[^\n]*\n`:                              "\n",
		`(?s)\n    server \{\n        listen 80 .*`: "\n}\n",
		`server 127\.0\.0\.1:8080`:                  "server 127.0.0.1:" + d.port,
		`/var/log/nginx/error\.log`:                 filepath.Join(dir, "error.log"),
	} {
		changed := regexp.MustCompile(from).ReplaceAllString(config, to)
		if changed == config {
			t.Fatalf("the configuration has no %s", from)
		}
		config = changed
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config = strings.Replace(config, "http {", "http {\n    "+kind+"_temp_path "+filepath.Join(dir, kind)+";", 1)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte("daemon off;\npid "+filepath.Join(dir, "pid")+";\n"+config), 0o644); err != nil {
		t.Fatal(err)
	}
	nginx := spawn(t, filepath.Join(dir, "nginx.log"), nil, nil, program, "-e", filepath.Join(dir, "error.log"), "-c", file)
	t.Cleanup(nginx.stop)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://127.0.0.1:" + through.port + "/healthz"); err == nil {
			res.Body.Close()
			return through
		}
		if nginx.ended() || time.Now().After(deadline) {
			t.Fatalf("nginx does not start: %s", nginx.said())
		}
	}
}

// What a proxy of ours lets through is answered as if it were not there, and no
// attack gets further for it: one refusal, or nothing; never two answers, never
// another practice, never a changed row.
func TestBehindNginxNothingIsTakenDifferently(t *testing.T) {
	d := running(t)
	through := behind(t, d)
	// The host that a browser names is that of the base, whatever the port.
	ask := func(host string, lines ...string) string {
		return "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
	}
	host, other := d.host("praxis-sonnenberg"), d.host("zahnarzt-am-markt")
	for _, lines := range [][]string{nil, {"X-Forwarded-Host: " + other}, {"Forwarded: host=" + other}, {"X_Forwarded_Host: " + other}} {
		answers, _ := through.raw(t, ask(host, lines...), 3*time.Second)
		if len(answers) != 1 || answers[0].Status != 200 || !bytes.Contains(answers[0].Body, []byte(`"name":"Praxis Sonnenberg"`)) {
			t.Fatalf("%q: %v", lines, answers)
		}
		if got := answers[0].Header["Content-Security-Policy"]; len(got) != 1 || !strings.Contains(got[0], "trusted-types") {
			t.Errorf("%d policies: %q", len(got), got)
		}
	}
	before := d.state(t)
	attacks := d.attacks()
	t.Run("so", func(t *testing.T) { // returns when all have ended
		for _, c := range attacks {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				answers, _ := through.raw(t, c.sent, 3*time.Second)
				if len(answers) > 1 {
					t.Fatalf("%d answers: %v", len(answers), answers)
				}
				for _, a := range answers {
					// nginx makes one of two names, and leaves out a line that is no header.
					harmless := a.Status == 200 && !bytes.Contains(a.Body, []byte("Zahnarzt")) &&
						(strings.HasPrefix(c.name, "AbsoluteTarget") || c.name == "HeaderWithoutColon")
					if a.Status < 400 && !harmless || bytes.Contains(a.Body, []byte(canary)) {
						t.Errorf("%s: %.300s", a, a.Body)
					}
					if a.Header.Get("Content-Security-Policy") == "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%s comes without headers: %v", a, a.Header)
					}
					if said := a.Header.Get("Server"); strings.Contains(said, "/") {
						t.Errorf("it says its version: %s", said)
					}
				}
			})
		}
	})
	d.unchanged(t, before)
}
