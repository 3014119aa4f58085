package shred_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/postgres"
	"siegel/platform/postgres/schema"
	"siegel/platform/redisdb"
	"siegel/platform/shred"
)

func TestMain(m *testing.M) { os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: schema.FS})) }

// world is what several servers share, and their clock.
type world struct {
	db    *postgres.DB
	redis *redisdb.Client
	file  string
	// patience is for how long a server waits for others that have the key.
	patience time.Duration

	mu  sync.Mutex
	now time.Time
	log bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	redis, err := redisdb.Open(t.Context(), redisdb.Config{URL: testdb.RedisURL(t), Secret: bytes.Repeat([]byte("s"), 32), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	return &world{db: testdb.OpenURL(t, testdb.New(t).Server), redis: redis, patience: 200 * time.Millisecond, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) server(t *testing.T) *shred.Chain {
	t.Helper()
	c, err := shred.New(shred.Config{DB: w.db, Redis: w.redis, File: w.file, Patience: w.patience, Now: w.clock, Logger: slog.New(slog.NewTextHandler(w, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) flush(t *testing.T) {
	t.Helper()
	if err := w.redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func seal(t *testing.T, c *shred.Chain, day shred.Day) []byte {
	t.Helper()
	sealed, err := c.Seal(t.Context(), day, []byte("erika@muster.example"), "tenant|7")
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func opens(t *testing.T, c *shred.Chain, sealed []byte) error {
	t.Helper()
	plain, err := c.Open(t.Context(), sealed, "tenant|7")
	if err == nil && string(plain) != "erika@muster.example" {
		t.Errorf("opened %q", plain)
	}
	return err
}

const day = 24 * time.Hour

func TestWhatIsSealedOpensUntilItsDayIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.server(t), w.server(t)
	sealed := seal(t, a, shred.DayOf(w.now)+3)
	if bytes.Contains(sealed, []byte("muster")) {
		t.Error("it is not sealed")
	}
	for range 4 { // today and three more, on a server that has slept as well
		if err := errors.Join(opens(t, a, sealed), opens(t, w.server(t), sealed)); err != nil {
			t.Fatal(err)
		}
		w.pass(day)
	}
	for _, c := range []*shred.Chain{a, b, w.server(t)} {
		if err := opens(t, c, sealed); !errors.Is(err, shred.ErrShredded) {
			t.Errorf("after its day: %v", err)
		}
	}
}

// The clock that says that the day is over may be wrong, and is not what the
// promise rests on: the key is gone.
func TestTheKeyOfADayThatIsOverIsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file = filepath.Join(t.TempDir(), "chain")
	a := w.server(t)
	sealed := seal(t, a, shred.DayOf(w.now))
	stores := func() []string {
		raw, err := w.redis.Raw().Get(t.Context(), "g:{shred}:state").Bytes()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := w.redis.Open("shred", raw, "g:{shred}:state")
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(w.file)
		if err != nil {
			t.Fatal(err)
		}
		return []string{hex.EncodeToString(plain[20:]), hex.EncodeToString(file[20:])}
	}
	old := stores()
	if old[0] != old[1] {
		t.Fatalf("two keys: %v", old)
	}
	w.pass(day)
	if err := a.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, now := range stores() {
		if now == old[0] {
			t.Error("yesterday's key is still kept")
		}
	}
	w.pass(-day) // as a backup's restorer would
	for name, c := range map[string]*shred.Chain{"the same server": a, "another": w.server(t)} {
		if err := opens(t, c, sealed); !errors.Is(err, shred.ErrShredded) {
			t.Errorf("%s opens it: %v", name, err)
		}
	}
}

func TestLosingRedisOrAllServersButOneLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.server(t), w.server(t)
	sealed := seal(t, a, shred.DayOf(w.now)+9)
	if err := opens(t, b, sealed); err != nil {
		t.Fatal(err)
	}
	w.flush(t)
	w.pass(2 * day)
	if err := opens(t, b, sealed); err != nil {
		t.Errorf("who has it in memory: %v", err)
	}
	if err := opens(t, w.server(t), sealed); err != nil {
		t.Errorf("a new server, after b has brought it back: %v", err)
	}
	if strings.Contains(w.log.String(), "lost") {
		t.Errorf("an alarm for nothing: %s", &w.log)
	}
}

func TestANewServerWaitsForWhoHasTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.server(t)
	sealed := seal(t, a, shred.DayOf(w.now)+9)
	w.flush(t)
	w.patience = 10 * time.Second // however late the other one comes
	time.AfterFunc(50*time.Millisecond, func() { _ = a.Keep(context.Background()) })
	if err := opens(t, w.server(t), sealed); err != nil {
		t.Error(err)
	}
}

func TestAChainThatIsLostEverywhereIsReplacedOnceWithAnAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed := seal(t, w.server(t), shred.DayOf(w.now)+9)
	w.flush(t)
	var wg sync.WaitGroup
	servers := make([]*shred.Chain, 4)
	news := make([][]byte, len(servers))
	for i := range servers {
		servers[i] = w.server(t)
		wg.Go(func() {
			news[i], _ = servers[i].Seal(t.Context(), shred.DayOf(w.now)+1, []byte("erika@muster.example"), "tenant|7")
		})
	}
	wg.Wait()
	for i, c := range servers {
		if err := opens(t, c, sealed); !errors.Is(err, shred.ErrShredded) {
			t.Errorf("what was lost opens: %v", err)
		}
		if err := opens(t, c, news[(i+1)%len(news)]); err != nil {
			t.Errorf("what another server sealed: %v", err)
		}
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("no alarm")
	}
}

// That Redis cannot be asked does not mean that it has lost anything.
func TestWhileRedisIsAwayNoChainIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed := seal(t, w.server(t), shred.DayOf(w.now)+9)
	there := w.redis
	away, err := redisdb.Open(t.Context(), redisdb.Config{URL: "unix://" + filepath.Join(t.TempDir(), "nobody") + "?db=0", Secret: bytes.Repeat([]byte("s"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = away.Close() })
	w.redis = away
	if err := opens(t, w.server(t), sealed); !errors.Is(err, shred.ErrUnavailable) {
		t.Errorf("without redis: %v", err)
	}
	w.redis = there
	if err := opens(t, w.server(t), sealed); err != nil {
		t.Errorf("with it again: %v", err)
	}
}

func TestAFileCarriesTheChainOverARestartOfEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.file = filepath.Join(t.TempDir(), "chain")
	sealed := seal(t, w.server(t), shred.DayOf(w.now)+9)
	w.flush(t)
	w.pass(3 * day)
	if err := opens(t, w.server(t), sealed); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(w.file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(w.file), ".shred-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatIsAlteredOrMeantForSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.server(t)
	sealed := seal(t, c, shred.DayOf(w.now)+1)
	for i := 16; i < len(sealed); i++ {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := c.Open(t.Context(), bad, "tenant|7"); err == nil {
			t.Fatalf("byte %d altered, and it opens", i)
		}
	}
	if _, err := c.Open(t.Context(), sealed, "tenant|8"); !errors.Is(err, shred.ErrTampered) {
		t.Errorf("of somebody else: %v", err)
	}
	for _, short := range [][]byte{nil, sealed[:10], sealed[:40]} {
		if _, err := c.Open(t.Context(), short, "tenant|7"); fault.From(err).Reason == "" || err == nil {
			t.Errorf("%d bytes: %v", len(short), err)
		}
	}
	for _, when := range []shred.Day{shred.DayOf(w.now) - 1, shred.DayOf(w.now) + shred.Reach + 1} {
		if _, err := c.Seal(t.Context(), when, []byte("x"), "y"); !errors.Is(err, shred.ErrPast) {
			t.Errorf("sealed for day %d: %v", when, err)
		}
	}
}

// Nothing in the database opens anything: what Postgres holds is a hash.
func TestADatabaseAndItsBackupOpenNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed := seal(t, w.server(t), shred.DayOf(w.now)+9)
	raw, err := w.redis.Raw().Get(t.Context(), "g:{shred}:state").Bytes()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := w.redis.Open("shred", raw, "g:{shred}:state")
	if err != nil {
		t.Fatal(err)
	}
	var row string
	if err := w.db.Global().NewRaw(`select shred_chain::text from shred_chain`).Scan(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	if key := hex.EncodeToString(plain[20:]); strings.Contains(row, key) || bytes.Contains(raw, plain[20:]) {
		t.Error("the key is written down")
	}
	w.flush(t)
	if err := opens(t, w.server(t), sealed); !errors.Is(err, shred.ErrShredded) {
		t.Errorf("opened with the database alone: %v", err)
	}
}
