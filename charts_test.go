package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
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
