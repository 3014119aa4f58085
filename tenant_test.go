package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"siegel/platform/embedded/testdb"
)

// shellOf runs the command against stores of the test's own.
func shellOf(t *testing.T) func(code int, args ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "siegel")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	urls := testdb.New(t)
	env := append(os.Environ(), "SIEGEL_DATABASE_URL="+urls.Server, "SIEGEL_REDIS_URL="+testdb.RedisURL(t),
		"SIEGEL_SECRET=a secret for tests, thirty-two b.", "SIEGEL_BASE_URL=http://localhost:8080",
		"SIEGEL_OPERATOR_NAME=Siegel", "SIEGEL_OPERATOR_ADDRESS=Hier 1", "SIEGEL_OPERATOR_EMAIL=post@siegel.example", "SIEGEL_OPERATOR_PHONE=+49 721 1")
	return func(code int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, args...)
		var out, errs bytes.Buffer
		cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &errs
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("siegel %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
}

func TestCommands_DoWhatTheScreensDo(t *testing.T) {
	t.Parallel()
	siegel := shellOf(t)
	var reseller struct{ ID string }
	if err := json.Unmarshal([]byte(siegel(0, "reseller", "create", "Nord", "--json")), &reseller); err != nil || !strings.HasPrefix(reseller.ID, "rsl_") {
		t.Fatalf("%+v, %v", reseller, err)
	}
	out := siegel(0, "tenant", "create", "praxis", "--reseller", reseller.ID, "--specialty", "dentist", "--company", "Praxis Eins", "--contact", "Dr. Eins",
		"--street", "Weg 1", "--postal-code", "76275", "--city", "Ettlingen", "--phone", "+49 7243 11", "--email", "eins@example.org", "--owner", "Dr. Eins", "--owner-email", "owner@example.org")
	if !strings.Contains(out, "Praxis Eins") || !strings.Contains(out, "praxis.office.localhost:8080") || !strings.Contains(out, "keys_missing") {
		t.Errorf("created:\n%s", out)
	}
	siegel(4, "tenant", "create", "praxis")
	siegel(2, "tenant", "create", "office")
	siegel(3, "tenant", "show", "nobody")
	var tenant struct {
		ID, Status string
		Troubles   []string
	}
	read := func(text string) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &tenant); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	if read(siegel(0, "tenant", "suspend", "praxis", "--reason", "Rechnung", "--json")); tenant.Status != "suspended" {
		t.Errorf("%+v", tenant)
	}
	if read(siegel(0, "tenant", "resume", "praxis", "--json")); tenant.Status != "trial" {
		t.Errorf("%+v", tenant)
	}
	siegel(4, "tenant", "resume", "praxis")
	if read(siegel(0, "tenant", "rename", "praxis", "neu", "--json")); tenant.Status != "trial" {
		t.Errorf("%+v", tenant)
	}
	if read(siegel(0, "tenant", "move", tenant.ID, "--json")); tenant.ID == "" {
		t.Errorf("%+v", tenant)
	}
	if out := siegel(0, "tenant", "host", "add", "neu", "termine.example.com"); !strings.Contains(out, "_siegel-challenge.termine.example.com") {
		t.Errorf("host: %s", out)
	}
	if out := siegel(0, "tenant", "list"); !strings.Contains(out, "neu") {
		t.Errorf("list: %s", out)
	}
	file := filepath.Join(t.TempDir(), "alles.zip")
	siegel(0, "tenant", "export", "neu", file)
	if content, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(content, []byte("PK")) {
		t.Errorf("export: %v", err)
	}
	siegel(1, "tenant", "export", "neu", file) // never over what is there
	siegel(4, "tenant", "erase", "neu", "--yes", "neu")
	siegel(0, "tenant", "close", "neu")
	siegel(2, "tenant", "erase", "neu", "--yes", "alt")
	if out := siegel(0, "tenant", "erase", "neu", "--yes", "neu"); !strings.Contains(out, "certificate of deletion") || !strings.Contains(out, "practice") {
		t.Errorf("erase: %s", out)
	}
	siegel(3, "tenant", "show", "neu")
	siegel(3, "platform", "admin", "add", "nobody@example.org")
	if out := siegel(0, "platform", "admin", "add", "paula@example.org", "--name", "Paula"); !strings.Contains(out, "invited") {
		t.Errorf("admin: %s", out)
	}
	if out := siegel(0, "reseller", "list"); !strings.Contains(out, "Nord") {
		t.Errorf("resellers: %s", out)
	}
	if out := siegel(0, "reseller", "counts", "2026-11"); !strings.Contains(out, "2026-11") {
		t.Errorf("counts: %s", out)
	}
}
