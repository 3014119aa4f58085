package pluginhost_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/localdns"
)

func hostingTarget() sdk.Target {
	return sdk.Target{Name: "praxis.siegel.example", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, URL: "https://praxis.siegel.example"}
}

// A hosting plugin gets the protections of all plugins: only what is in the
// allow-list starts, what hangs ends with the deadline, and the provider's own
// answers are no fault of the plugin's.
func TestHostingPlugin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "siegel-plugin-hosting-loopback")
	if out, err := exec.Command("go", "build", "-o", path, "siegel/plugins/hosting/loopback").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	h, err := pluginhost.New(pluginhost.Config{Dir: dir, CallTimeout: time.Second, MinPause: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	s := localdns.New("praxis.example")
	web := httptest.NewServer(s)
	defer web.Close()
	settings := map[string]any{"url": web.URL}

	if err := os.WriteFile(filepath.Join(dir, "checksums.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Hosting(t.Context(), "hst-1", "loopback", settings); !errors.Is(err, pluginhost.ErrUnverified) {
		t.Errorf("not in the allow-list: error = %v, want ErrUnverified", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	line := hex.EncodeToString(sum[:]) + "  siegel-plugin-hosting-loopback\n"
	if err := os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	var p pluginhost.HostingProvider
	for range 50 { // the failed start has a pause
		if p, err = h.Hosting(t.Context(), "hst-1", "loopback", settings); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	if found, err := h.Verify(); err != nil || len(found) != 1 || found[0].Name != "loopback" || found[0].Err != nil {
		t.Errorf("verify = %+v, %v", found, err)
	}

	status, err := p.EnsureHost(t.Context(), "termine.praxis.example", hostingTarget(), false)
	if err != nil || status.State != sdk.HostReady || !s.Leads("termine.praxis.example", hostingTarget()) {
		t.Errorf("ensure = %+v, %v", status, err)
	}
	for range 5 { // more than the failures after which a plugin is replaced
		_, err = p.EnsureHost(t.Context(), "termine.stranger.example", hostingTarget(), false)
		if kind, _ := sdk.KindOf(err); kind != sdk.InvalidHost {
			t.Errorf("foreign name: error = %v, want kind invalid_host", err)
		}
	}
	s.Instead(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	began := time.Now()
	if _, err = p.HostStatus(t.Context(), "termine.praxis.example", hostingTarget()); err == nil {
		t.Error("status succeeded though the provider hangs")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("status came back after %v", took)
	}
	s.Instead(nil)
	if status, err = p.HostStatus(t.Context(), "termine.praxis.example", hostingTarget()); err != nil || status.State != sdk.HostReady {
		t.Errorf("status after the provider came back = %+v, %v", status, err)
	}
	if _, err := h.SMS(t.Context(), "hst-1", "loopback", settings); !errors.Is(err, pluginhost.ErrNotFound) {
		t.Errorf("a hosting plugin for messages: error = %v, want ErrNotFound", err)
	}
}
