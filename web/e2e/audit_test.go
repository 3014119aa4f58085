package e2e_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// audited is what `siegel audit --json` prints.
type audited struct {
	Verdict             string
	Bookings, Confirmed int
	Problem             string
	Places              []struct {
		Kind, Name, Problem string
		Parts               int
		Bytes               int64
		Proven              bool
		Findings            []struct{ Word, Spelling, Where string }
	}
	Served struct {
		Files   int
		Altered []string
		Problem string
	}
	Directory struct {
		Fingerprint, Compared, Problem string
		Sequence                       int64
	}
}

// audit runs the command against the demo. meanwhile is called with the address
// word once the bookings were made; it is asked for the links after that.
func (d *demo) audit(t *testing.T, practice string, meanwhile func(word string), more ...string) (r audited, code int) {
	t.Helper()
	path, err := filepath.Abs(cmp.Or(os.Getenv("SIEGEL_BINARY"), binary))
	if err != nil {
		t.Fatal(err)
	}
	tag := "audit" + hex.EncodeToString(random(4))
	args := append([]string{"audit", "--json", "--practice", practice, "--address", tag + "+{}@example.org", "--bookings", "1"}, more...)
	if meanwhile != nil {
		args = append(args, "--confirm")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	in, inErr := cmd.StdinPipe()
	said, saidErr := cmd.StderrPipe()
	if err := errors.Join(inErr, saidErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	heard := bufio.NewReader(said)
	if meanwhile != nil {
		if _, err := heard.ReadString('\n'); err != nil {
			t.Fatalf("it did not ask for links: %v", err)
		}
		link, word := d.auditMail(t, tag)
		meanwhile(word)
		fmt.Fprintln(in, link)
	}
	_ = in.Close()
	rest, _ := io.ReadAll(heard)
	err = cmd.Wait()
	if json.Unmarshal(out.Bytes(), &r) != nil {
		t.Fatalf("no report: %v %s", err, rest)
	}
	return r, cmd.ProcessState.ExitCode()
}

var confirmLink = regexp.MustCompile(`https?://\S+/confirm#[\w.-]+`)

// auditMail waits for the confirmation mail to an audit, and reads its link and
// the word in its address.
func (d *demo) auditMail(t *testing.T, tag string) (link, word string) {
	t.Helper()
	for {
		all, err := d.messages()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if rest, ok := strings.CutPrefix(m.To, tag+"+"); ok {
				word, _, _ = strings.Cut(rest, "@")
				return confirmLink.FindString(m.Text), word
			}
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the confirmation mail did not come")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stores are the flags that give an audit access to everything of the demo.
func (d *demo) stores(t *testing.T, log string) []string {
	t.Helper()
	host := d.db.Config().Host
	return []string{"--database", "host=" + host + " port=5432 user=postgres dbname=siegel sslmode=disable",
		"--redis", "unix://" + d.redis.Options().Addr, "--log", log, "--data", d.data}
}

func TestAnAuditFindsEverythingSealedAndWhatIsPlanted(t *testing.T) {
	d := running(t)
	log, state := filepath.Join(t.TempDir(), "siegel.log"), filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(log, []byte("time=now level=INFO msg=ready\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	practice := d.table.Practices[0].Patients
	flags := append(d.stores(t, log), "--office", d.table.Practices[0].Office, "--state", state)
	before := d.count(t, `select count(*) from appointment where status <> 'cancelled'`)

	r, code := d.audit(t, practice, func(string) {}, flags...)
	if code != 0 || r.Verdict != "sealed" || r.Bookings != 1 || r.Confirmed != 1 || len(r.Places) != 4 || r.Served.Files < 10 || len(r.Served.Altered) != 0 || r.Directory.Problem != "" {
		t.Fatalf("%d %+v", code, r)
	}
	for _, p := range r.Places {
		if !p.Proven || len(p.Findings) != 0 || p.Bytes == 0 || p.Problem != "" {
			t.Errorf("%+v", p)
		}
	}
	if n := d.count(t, `select count(*) from appointment where status <> 'cancelled'`); n != before {
		t.Errorf("%d appointments stand after the audit, %d before", n, before)
	}

	// A server that leaks, in each place in another spelling.
	ctx := t.Context()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := d.db.Exec(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`create table leak (tenant_id uuid, said bytea)`)
	defer exec(`drop table leak`)
	stray := filepath.Join(d.data, "redis", "stray.txt")
	r, code = d.audit(t, practice, func(word string) {
		exec(`insert into leak values (gen_random_uuid(), convert_to($1, 'UTF8'))`, "x"+word)
		if err := d.redis.Set(ctx, "leak", b64([]byte("ab"+word)), 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(log, []byte("level=WARN to="+word), 0o600), os.WriteFile(stray, []byte(strings.ToUpper(hex.EncodeToString([]byte(word)))), 0o600)); err != nil {
			t.Fatal(err)
		}
	}, flags...)
	if err := errors.Join(d.redis.Del(ctx, "leak").Err(), os.Remove(stray)); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range r.Places {
		for _, f := range p.Findings {
			found[p.Kind] = f.Where + ", " + f.Spelling
		}
	}
	want := map[string]string{"database": "leak, hex", "redis": "key leak, base64 at 2", "file": log + ", plain", "folder": stray + ", hex, upper case"}
	for kind, where := range want {
		if found[kind] != where {
			t.Errorf("%s: found in %q, want %q", kind, found[kind], where)
		}
	}
	if code == 0 || r.Verdict != "leaking" || r.Directory.Compared != "remembered" {
		t.Errorf("%d %s %+v", code, r.Verdict, r.Directory)
	}
	if n := d.count(t, `select count(*) from appointment where status <> 'cancelled'`); n != before {
		t.Errorf("%d appointments stand after the audit, %d before", n, before)
	}
}

func TestAnAuditFindsAPageServedAlteredAndAKeyThatIsAnothers(t *testing.T) {
	d := running(t)
	there, err := url.Parse(d.table.Practices[0].Patients)
	if err != nil {
		t.Fatal(err)
	}
	altered := ""
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + d.port})
			r.Out.Host = there.Host
			r.Out.Header.Set("Origin", there.String())
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(res *http.Response) error {
			if path := res.Request.URL.Path; strings.HasSuffix(path, ".js") && (altered == "" || altered == path) {
				altered = path
				content, err := io.ReadAll(res.Body)
				content = append(content, "\nfetch('/stolen')"...)
				res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
				res.Header.Set("Content-Length", fmt.Sprint(len(content)))
				return err
			}
			return nil
		},
	})
	defer proxy.Close()
	r, code := d.audit(t, proxy.URL, nil, "--log", os.DevNull)
	if code == 0 || r.Verdict != "leaking" || !slices.Equal(r.Served.Altered, []string{strings.TrimPrefix(altered, "/")}) {
		t.Errorf("%d %s altered %q, want %q", code, r.Verdict, r.Served.Altered, altered)
	}
	r, code = d.audit(t, there.String(), nil, "--log", os.DevNull, "--fingerprint", "0000 "+r.Directory.Fingerprint[5:])
	if code == 0 || r.Verdict != "leaking" || r.Directory.Problem == "" || r.Bookings != 0 {
		t.Errorf("a key that is not the practice's: %d %s %+v", code, r.Verdict, r.Directory)
	}
	// Nothing is sealed to it, and who sees no rows says so.
	role := append(d.stores(t, os.DevNull)[2:], "--database", strings.Replace(d.stores(t, "")[1], "user=postgres", "user=siegel_audit_blind", 1))
	if _, err := d.db.Exec(t.Context(), `create role siegel_audit_blind login; grant siegel_server to siegel_audit_blind`); err != nil {
		t.Fatal(err)
	}
	defer d.db.Exec(t.Context(), `drop role siegel_audit_blind`)
	if r, code = d.audit(t, there.String(), nil, role...); code == 0 || r.Verdict != "unproven" || !strings.Contains(r.Places[0].Problem, "row-level security") {
		t.Errorf("a role from which rows are hidden: %d %s %+v", code, r.Verdict, r.Places)
	}
}
