package main

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"siegel/platform/config"
)

var settingName = regexp.MustCompile(`\bSIEGEL_[A-Z_]+`)

// Whatever the files for operators set is something that the server reads.
func TestCharts_SetOnlyWhatTheServerReads(t *testing.T) {
	t.Parallel()
	known := []string{"SIEGEL_IMAGE"} // of compose itself
	fields := reflect.TypeFor[config.Config]()
	for i := range fields.NumField() {
		known = append(known, fields.Field(i).Tag.Get("env"))
	}
	found := map[string]bool{}
	err := filepath.WalkDir("charts", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		for _, setting := range settingName.FindAllString(string(text), -1) {
			plain := strings.TrimSuffix(setting, "_FILE")
			if found[plain] = true; !slices.Contains(known, plain) && plain != "SIEGEL_" {
				t.Errorf("%s sets %s, which nobody reads", name, setting)
			}
		}
		return err
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("%d settings, %v", len(found), err)
	}
}

// The unit takes from the server what it does not need.
func TestCharts_TheUnitIsHardened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"siegel.service", "siegel-backup.service", "siegel-journal.service"} {
		text, err := os.ReadFile("charts/systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, line := range []string{
			"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectClock=yes",
			"ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectControlGroups=yes", "ProtectProc=invisible",
			"RestrictNamespaces=yes", "RestrictSUIDSGID=yes", "LockPersonality=yes", "MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service",
			"SystemCallArchitectures=native", "LimitCORE=0", "UMask=0077", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
		} {
			if !slices.Contains(lines, line) {
				t.Errorf("%s lacks %s", name, line)
			}
		}
		if strings.Contains(string(text), "User=root") || !strings.Contains(string(text), "\nUser=siegel") {
			t.Errorf("%s runs as root", name)
		}
	}
}

var (
	criterion  = regexp.MustCompile(`\b([A-Z]{2,3})-(\d\d)(?: to [A-Z]{2,3}-(\d\d))?`)
	namedCheck = regexp.MustCompile("`([^` ]+(?: [a-z]+)?)`")
	taskName   = regexp.MustCompile(`(?m)^  ([a-z-]+):$`)
)

// criteria is how many criteria each area of C5:2020 has.
var criteria = map[string]int{
	"OIS": 7, "SP": 3, "HR": 6, "AM": 6, "PS": 7, "OPS": 24, "IDM": 9, "CRY": 4, "COS": 8, "PI": 3,
	"DEV": 10, "SSO": 5, "SIM": 5, "BCM": 4, "COM": 4, "INQ": 4, "PSS": 12,
}

// The page on C5 has every criterion once, and each check that it names exists.
func TestCharts_C5NamesChecksThatThereAre(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("charts/C5.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range sources(t) {
		for _, d := range file.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasSuffix(file.name, "_test.go") {
				tests[f.Name.Name] = true
			}
		}
	}
	taskfile, err := os.ReadFile("Taskfile.yml")
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[string]bool{}
	for _, m := range taskName.FindAllSubmatch(taskfile, -1) {
		tasks["task "+string(m[1])] = true
	}

	seen := map[string]int{}
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !criterion.MatchString(cells[1]) {
			continue
		}
		for _, m := range criterion.FindAllStringSubmatch(cells[1], -1) {
			from, _ := strconv.Atoi(m[2])
			to := from
			if m[3] != "" {
				to, _ = strconv.Atoi(m[3])
			}
			for n := from; n <= to; n++ {
				seen[fmt.Sprintf("%s-%02d", m[1], n)]++
			}
		}
		checks := namedCheck.FindAllStringSubmatch(cells[3], -1)
		if (len(checks) == 0) != (strings.TrimSpace(cells[2]) == "–") {
			t.Errorf("%s: a promise without a check, or a check without a promise", strings.TrimSpace(cells[1]))
		}
		for _, m := range checks {
			_, err := os.Stat(m[1])
			if !tests[m[1]] && !tasks[m[1]] && err != nil {
				t.Errorf("%s names %s, which there is not", strings.TrimSpace(cells[1]), m[1])
			}
		}
	}
	for area, n := range criteria {
		for i := 1; i <= n; i++ {
			name := fmt.Sprintf("%s-%02d", area, i)
			if seen[name] != 1 {
				t.Errorf("%s stands %d times on the page", name, seen[name])
			}
			delete(seen, name)
		}
	}
	for name := range seen {
		t.Errorf("%s is no criterion of the catalogue", name)
	}
}
