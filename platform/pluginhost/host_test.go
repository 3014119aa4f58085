package pluginhost_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
)

// bench is one host with one stub in its folder.
type bench struct {
	*pluginhost.Host
	dir, name string
	log       *logBuffer
}

// setup makes a folder with the stub of that behaviour, under a name that no
// other test uses, and a host with short pauses.
func setup(t *testing.T, behaviour string, change ...func(*pluginhost.Config)) *bench {
	t.Helper()
	name := behaviour + "-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()[4:]))
	name = strings.Trim(name[:min(len(name), 30)], "-") + "-" + strconv.FormatInt(time.Now().UnixNano()%1e6, 10)
	b := &bench{dir: folder(t, name), name: name, log: &logBuffer{}}
	cfg := pluginhost.Config{
		Dir:         b.dir,
		CallTimeout: 5 * time.Second,
		MinPause:    50 * time.Millisecond,
		Logger:      slog.New(slog.NewTextHandler(b.log, nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if b.Host, err = pluginhost.New(cfg); err != nil {
		t.Fatalf("new: %v", err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if pids := processes(name); len(pids) > 0 {
			t.Errorf("processes %v are left after Close", pids)
		}
	})
	return b
}

// folder holds this test binary as a plugin, and its checksum.
func folder(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, prefix+name)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	allow(t, dir, path)
	return dir
}

func allow(t testing.TB, dir, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	line := hex.EncodeToString(sum[:]) + "  " + filepath.Base(path) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start fails the test unless the stub starts.
func (b *bench) start(t *testing.T) pluginhost.Provider {
	t.Helper()
	p, err := b.SMS(t.Context(), "one", b.name, nil)
	if err != nil {
		t.Fatalf("start: %v\n%s", err, b.log)
	}
	return p
}

func message(text string) sdk.Message {
	return sdk.Message{ID: "msg-1", To: "+4915112345678", Text: text}
}

// behaves sends until the plugin answers, at most for ten seconds.
func behaves(t *testing.T, p pluginhost.Provider) sdk.Receipt {
	t.Helper()
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var r sdk.Receipt
		if r, err = p.Send(t.Context(), message("behave")); err == nil {
			return r
		}
	}
	t.Fatalf("the plugin did not come back: %v", err)
	return sdk.Receipt{}
}

// processes are the live processes that run under a plugin's name.
func processes(name string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		args, _ := os.ReadFile(dir + "/cmdline") // empty for a zombie
		if first, _, _ := bytes.Cut(args, []byte{0}); string(first) == prefix+name {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestLoopbackDelivers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, prefix+"loopback")
	if out, err := exec.Command("go", "build", "-o", path, "siegel/plugins/sms/loopback").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	allow(t, dir, path)
	received := make(chan string, 1)
	mailbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- string(body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer mailbox.Close()
	h, err := pluginhost.New(pluginhost.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()

	if _, err := h.SMS(t.Context(), "one", "loopback", map[string]any{"url": "http://192.0.2.1"}); !errors.Is(err, pluginhost.ErrSettings) {
		t.Errorf("foreign address: error = %v, want ErrSettings", err)
	}
	p, err := h.SMS(t.Context(), "one", "loopback", map[string]any{"url": mailbox.URL})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	r, err := p.Send(t.Context(), message("Ihr Code: 123456"))
	if err != nil || r.Parts != 1 || r.ProviderID == "" {
		t.Errorf("send = %+v, %v; want one part and an id", r, err)
	}
	if got := <-received; !strings.Contains(got, "Ihr Code: 123456") || !strings.Contains(got, "msg-1") {
		t.Errorf("the mailbox received %s", got)
	}
	d, err := p.Describe(t.Context())
	if err != nil || d.Name != "loopback" || d.Processor.Company == "" {
		t.Errorf("describe = %+v, %v", d, err)
	}
}

func TestSameNameAndSettingsIsOneProcess(t *testing.T) {
	t.Parallel()
	b := setup(t, "good")
	got := make([]pluginhost.Provider, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _ = b.SMS(t.Context(), "one", b.name, map[string]any{"a": i % 2, "b": "x"}) })
	}
	wg.Wait()
	for i, p := range got {
		if p == nil || p != got[i%2] {
			t.Errorf("call %d got another instance", i)
		}
	}
	if got[0] == got[1] {
		t.Error("other settings got the same instance")
	}
	if pids := processes(b.name); len(pids) != 2 {
		t.Errorf("processes = %v, want two", pids)
	}
}

func TestPluginSeesNothingOfTheHost(t *testing.T) {
	t.Parallel()
	b := setup(t, "good")
	b.start(t)
	pid := strconv.Itoa(processes(b.name)[0])

	env, err := os.ReadFile("/proc/" + pid + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range strings.Split(strings.Trim(string(env), "\x00"), "\x00") {
		name, _, _ := strings.Cut(entry, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "SIEGEL_PLUGIN"}
	if !slices.Equal(names, want) {
		t.Errorf("environment = %v, want %v", names, want)
	}

	if in, err := os.Readlink("/proc/" + pid + "/fd/0"); err != nil || in != "/dev/null" {
		t.Errorf("stdin = %q, %v; want /dev/null", in, err)
	}

	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "NoNewPrivs:\t1") {
		t.Error("the plugin could gain privileges")
	}
	if os.Geteuid() == 0 {
		if strings.Contains(string(status), "Uid:\t0") || !strings.Contains(string(status), "Groups:\t \n") {
			t.Errorf("the plugin runs as root or in its groups:\n%s", status)
		}
		if !strings.Contains(string(status), "CapEff:\t0000000000000000") {
			t.Errorf("the plugin has capabilities:\n%s", status)
		}
	}
	limits, err := os.ReadFile("/proc/" + pid + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") && strings.Fields(line)[4] != "0" {
			t.Errorf("core dumps are possible: %s", line)
		}
	}
}

func TestOnlyAListedUnchangedBinaryStarts(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, b *bench, path string){
		"Changed": func(t *testing.T, _ *bench, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteString("x"); err != nil {
				t.Fatal(err)
			}
		},
		"Unlisted": func(t *testing.T, b *bench, _ string) {
			write(t, b, "# nothing\n")
		},
		"ListedUnderAnotherName": func(t *testing.T, b *bench, _ string) {
			list, _ := os.ReadFile(filepath.Join(b.dir, "checksums.txt"))
			write(t, b, strings.Replace(string(list), b.name, "other", 1))
		},
		"MalformedList": func(t *testing.T, b *bench, _ string) {
			list, _ := os.ReadFile(filepath.Join(b.dir, "checksums.txt"))
			write(t, b, string(list)+"whatever\n")
		},
		"NoList": func(t *testing.T, b *bench, _ string) {
			os.Remove(filepath.Join(b.dir, "checksums.txt"))
		},
		"ListWritableForEveryone": func(t *testing.T, b *bench, _ string) {
			os.Chmod(filepath.Join(b.dir, "checksums.txt"), 0o666)
		},
		"FolderWritableForEveryone": func(t *testing.T, b *bench, _ string) {
			os.Chmod(b.dir, 0o777)
		},
		"Directory": func(t *testing.T, _ *bench, path string) {
			os.Remove(path)
			os.Mkdir(path, 0o755)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "good")
			if found, err := b.Verify(); err != nil || len(found) != 1 || found[0].Err != nil {
				t.Fatalf("verify before = %+v, %v", found, err)
			}
			spoil(t, b, filepath.Join(b.dir, prefix+b.name))
			_, err := b.SMS(t.Context(), "one", b.name, nil)
			if !errors.Is(err, pluginhost.ErrUnverified) {
				t.Errorf("start: error = %v, want ErrUnverified", err)
			}
			if found, err := b.Verify(); err == nil && (len(found) != 1 || !errors.Is(found[0].Err, pluginhost.ErrUnverified)) {
				t.Errorf("verify = %+v, want ErrUnverified", found)
			}
			if pids := processes(b.name); len(pids) > 0 {
				t.Errorf("processes %v run all the same", pids)
			}
		})
	}
}

func write(t *testing.T, b *bench, list string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "checksums.txt"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownNameIsNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t, "good")
	for _, name := range []string{"nobody", "", "../" + b.name, "UPPER"} {
		if _, err := b.SMS(t.Context(), "one", name, nil); !errors.Is(err, pluginhost.ErrNotFound) {
			t.Errorf("SMS(%q): error = %v, want ErrNotFound", name, err)
		}
	}
}

func TestPluginThatDoesNotGreetIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []string{"mute", "garbage", "flood", "lost", "old", "quit", "misnamed", "verbose", "frozen", "deaf"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			b := setup(t, behaviour, func(c *pluginhost.Config) { c.StartTimeout = 3 * time.Second })
			began := time.Now()
			_, err := b.SMS(t.Context(), "one", b.name, nil)
			if !errors.Is(err, pluginhost.ErrUnavailable) {
				t.Errorf("error = %v, want ErrUnavailable", err)
			}
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("took %v", took)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("the error repeats control characters: %q", err)
			}
			if pids := processes(b.name); len(pids) > 0 {
				t.Errorf("processes %v are left", pids)
			}
		})
	}
}

func TestRefusedSettingsAreTheCallersFault(t *testing.T) {
	t.Parallel()
	b := setup(t, "picky")
	_, err := b.SMS(t.Context(), "one", b.name, map[string]any{"token": "hunter2"})
	if kind, _ := sdk.KindOf(err); !errors.Is(err, pluginhost.ErrSettings) || kind != sdk.BadSettings {
		t.Errorf("error = %v, want ErrSettings with kind settings", err)
	}
	if strings.Contains(err.Error()+b.log.String(), "hunter2") {
		t.Error("a setting's value was told")
	}
}

func TestProvidersAnswerIsPassedOn(t *testing.T) {
	t.Parallel()
	b := setup(t, "refuse")
	p := b.start(t)
	for range 10 { // more than MaxFailures: an answer is no failure
		_, err := p.Send(t.Context(), message("x"))
		if kind, _ := sdk.KindOf(err); kind != sdk.Funds || errors.Is(err, pluginhost.ErrUnavailable) {
			t.Fatalf("error = %v, want kind funds", err)
		}
	}
}

func TestCrashIsUnavailableThenRestarted(t *testing.T) {
	t.Parallel()
	b := setup(t, "crash", func(c *pluginhost.Config) { c.MinPause = 4 * time.Second })
	p := b.start(t)
	before := behaves(t, p)
	began := time.Now()
	if _, err := p.Send(t.Context(), message("x")); !errors.Is(err, pluginhost.ErrUnavailable) {
		t.Errorf("error = %v, want ErrUnavailable", err)
	}
	took := time.Since(began)
	for len(processes(b.name)) > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	began = time.Now()
	_, err := p.Send(t.Context(), message("behave")) // in the pause
	took += time.Since(began)
	if f := fault.From(err); !errors.Is(err, pluginhost.ErrUnavailable) || f.RetryAfter <= 0 {
		t.Errorf("in the pause: error = %v, want ErrUnavailable with RetryAfter", err)
	}
	if took > time.Second {
		t.Errorf("two failing calls took %v", took)
	}
	if d, err := p.Describe(t.Context()); err != nil || d.Name != b.name {
		t.Errorf("describe in the pause = %+v, %v", d, err)
	}
	if after := behaves(t, p); after.ProviderID == before.ProviderID {
		t.Errorf("the same process %s answers after a crash", after.ProviderID)
	}
}

func TestKilledPluginIsRestarted(t *testing.T) {
	t.Parallel()
	b := setup(t, "good")
	p := b.start(t)
	for range 3 {
		old := behaves(t, p).ProviderID
		pid, _ := strconv.Atoi(old)
		syscall.Kill(pid, syscall.SIGKILL)
		for behaves(t, p).ProviderID == old {
		}
	}
}

func TestHangEndsAtTheDeadlineAndIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t, "hang", func(c *pluginhost.Config) { c.CallTimeout = 300 * time.Millisecond; c.MaxFailures = 2 })
	p := b.start(t)
	before := behaves(t, p)
	for range 2 {
		began := time.Now()
		_, err := p.Send(t.Context(), message("x"))
		if !errors.Is(err, pluginhost.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want ErrUnavailable by the deadline", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	}
	if after := behaves(t, p); after.ProviderID == before.ProviderID {
		t.Error("the stuck process was not replaced")
	}
}

func TestStoppedProcessIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t, "good", func(c *pluginhost.Config) { c.CallTimeout = 200 * time.Millisecond })
	p := b.start(t)
	before := behaves(t, p)
	pid, _ := strconv.Atoi(before.ProviderID)
	testdb.Freeze(t, pid)
	if after := behaves(t, p); after.ProviderID == before.ProviderID {
		t.Error("a stopped process answered")
	}
}

func TestCallersOwnCancelIsNoFailureOfThePlugin(t *testing.T) {
	t.Parallel()
	b := setup(t, "hang", func(c *pluginhost.Config) { c.MaxFailures = 1 })
	p := b.start(t)
	before := behaves(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := p.Send(ctx, message("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if after := behaves(t, p); after.ProviderID != before.ProviderID {
		t.Error("the process was replaced because a caller left")
	}
}

func TestOversizeReplyIsUnavailable(t *testing.T) {
	t.Parallel()
	b := setup(t, "oversize")
	p := b.start(t)
	if _, err := p.Send(t.Context(), message("x")); !errors.Is(err, pluginhost.ErrUnavailable) {
		t.Errorf("error = %v, want ErrUnavailable", err)
	}
	behaves(t, p)
}

func TestCallsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, "slow", func(c *pluginhost.Config) { c.MaxInFlight = 2; c.CallTimeout = 1700 * time.Millisecond })
	p := b.start(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sent, refused int
	for range 8 { // two at a time, a second each: the third pair is out of time
		wg.Go(func() {
			_, err := p.Send(t.Context(), message("x"))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				sent++
			} else if errors.Is(err, pluginhost.ErrUnavailable) {
				refused++
			}
		})
	}
	wg.Wait()
	if sent < 2 || sent > 4 || sent+refused != 8 {
		t.Errorf("sent %d, refused %d of 8; want 2 to 4 sent and the rest refused", sent, refused)
	}
}

func TestOutputCannotForgeOrFloodTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t, "noise")
	p := b.start(t)
	if _, err := p.Send(t.Context(), message("x")); err != nil {
		t.Fatalf("send: %v", err)
	}
	behaves(t, p)
	b.Close()
	log := b.log.String()
	if !strings.Contains(log, "forged") || !strings.Contains(log, "line 1") {
		t.Errorf("what the plugin wrote is not in the log:\n%.2000s", log)
	}
	if len(log) > 40<<10 {
		t.Errorf("the log has %d bytes", len(log))
	}
	if strings.ContainsAny(log, "\x1b\r") || strings.Contains(log, "4915112345678") || strings.Contains(log, "zzzz") {
		t.Errorf("the log has what it must not have:\n%.2000s", log)
	}
}

func TestCloseLeavesNoProcess(t *testing.T) {
	t.Parallel()
	b := setup(t, "parent")
	p := b.start(t)
	if _, err := p.Send(t.Context(), message("x")); err != nil {
		t.Fatalf("send: %v", err)
	}
	const child = "mute-child-of-parent"
	if len(processes(child)) == 0 {
		t.Fatal("the stub has no child")
	}
	began := time.Now()
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("close took %v", took)
	}
	for deadline := time.Now().Add(time.Second); len(processes(child)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			syscall.Kill(processes(child)[0], syscall.SIGKILL)
			t.Fatal("the plugin's child is left")
		}
	}
	if _, err := p.Send(t.Context(), message("behave")); !errors.Is(err, pluginhost.ErrUnavailable) {
		t.Errorf("send after Close: error = %v, want ErrUnavailable", err)
	}
	if _, err := b.SMS(t.Context(), "one", b.name, nil); !errors.Is(err, pluginhost.ErrUnavailable) {
		t.Errorf("SMS after Close: error = %v, want ErrUnavailable", err)
	}
}

func TestCloseEndsAStartUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t, "mute")
	failed := make(chan error, 1)
	go func() {
		_, err := b.SMS(t.Context(), "one", b.name, nil)
		failed <- err
	}()
	for len(processes(b.name)) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	began := time.Now()
	b.Close()
	if err := <-failed; !errors.Is(err, pluginhost.ErrUnavailable) {
		t.Errorf("error = %v, want ErrUnavailable", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestKilledHostLeavesNoOrphanAndItsFolderIsSwept(t *testing.T) {
	t.Parallel()
	name := "good-orphan"
	dir := folder(t, name)
	run, err := os.MkdirTemp("", "run") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(run)
	os.Chmod(run, 0o755)
	host := exec.Command("/proc/self/exe")
	host.Env = []string{"SIEGEL_TEST_HOST=" + dir, "SIEGEL_TEST_RUN=" + run}
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		host.Process.Kill()
		t.Fatalf("the host said %q, %v", line, err)
	}
	pids := processes(name)
	if len(pids) != 1 {
		t.Fatalf("processes = %v, want one", pids)
	}

	// A neighbour that is alive keeps its folder.
	neighbour, err := pluginhost.New(pluginhost.Config{Dir: dir, RunDir: run})
	if err != nil {
		t.Fatal(err)
	}
	defer neighbour.Close()
	if n := len(entries(t, run)); n != 2 {
		t.Errorf("%d folders beside a living neighbour, want 2", n)
	}

	host.Process.Kill()
	host.Wait()
	for deadline := time.Now().Add(5 * time.Second); len(processes(name)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			syscall.Kill(pids[0], syscall.SIGKILL)
			t.Fatal("the plugin lives on five seconds after its host")
		}
	}

	next, err := pluginhost.New(pluginhost.Config{Dir: dir, RunDir: run})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if n := len(entries(t, run)); n != 2 { // the neighbour's and the next one's
		t.Errorf("%d folders after the sweep, want 2", n)
	}
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	e, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestNothingLeaks runs alone, before the parallel tests go on.
func TestNothingLeaks(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	descriptors := len(entries(t, "/proc/self/fd"))
	round := func(behaviour string) {
		name := fmt.Sprintf("%s-leak", behaviour)
		h, err := pluginhost.New(pluginhost.Config{
			Dir: folder(t, name), MinPause: 10 * time.Millisecond, StartTimeout: time.Second,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := h.SMS(t.Context(), "one", name, nil); err == nil {
			_, _ = p.Send(t.Context(), message("x"))
			behaves(t, p)
			_, _ = p.Send(t.Context(), message("x"))
		}
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for _, behaviour := range []string{"good", "crash", "oversize", "garbage", "frozen", "deaf", "quit"} {
		round(behaviour)
	}
	runtime.GC()
	goleak.VerifyNone(t, ignore)
	if now := len(entries(t, "/proc/self/fd")); now > descriptors+2 { // the poller's own
		t.Errorf("%d descriptors before, %d after", descriptors, now)
	}
}

func BenchmarkSend(b *testing.B) {
	h, err := pluginhost.New(pluginhost.Config{Dir: folder(b, "good"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	p, err := h.SMS(b.Context(), "one", "good", nil)
	if err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := p.Send(b.Context(), message("behave")); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1000, "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1000, "p99-µs")
}
