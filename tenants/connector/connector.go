// Package connector is the program that runs inside a practice and takes its
// bookings to the practice's own systems.
//
// An [Agent] promises that it opens nothing before somebody compared six words,
// and believes no key directory but those of the identity that was compared, in
// rising order; that a booking is acknowledged to the server only after it is on
// the practice's disk and every outlet has it; that whatever ends it, at
// whichever step, no outlet loses a booking and no outlet of files has one
// twice: what an outlet is about to do is in the [journal] before, and that it
// did it after. An outlet that is another program gets a booking again after a
// crash in between, under the same event id, which tells the second from the
// first. Its log has ids and counts, and never a name.
//
// It does not promise secrecy against whoever administers the practice's own
// computer: what it opens is meant to be there.
package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"siegel/platform/release"
	"siegel/platform/seal"
)

// Config is what an [Agent] needs. Dir is required.
type Config struct {
	// Dir is the one folder that it keeps its state in.
	Dir string
	// Client speaks to the office; nil is one with sensible limits.
	Client *http.Client
	// Now is the clock; time.Now where nil.
	Now func() time.Time
	// Version is this program's; [release.Own] where empty.
	Version string
	// Step, where set, is told of every step after which a crash would find
	// something else on the disk.
	Step func(step string)
}

// Agent is one practice's connector.
type Agent struct {
	Config
	pairing  pairing
	settings Settings
	journal  *journal
	outlets  []outlet
	office   *office
	keys     seal.Unlocked
	keysRead time.Time
	probed   time.Time
	names    names
	unlock   func()

	mu     sync.Mutex
	health health
}

// health is what the status page says of the agent itself.
type health struct {
	Started   time.Time
	Reached   time.Time // when the office last answered
	Streaming bool
	Mode      string
	Server    string   // the version that the office runs
	Words     []string // to be compared; empty once keys are there
	Keys      bool
	Trouble   map[string]string // what does not work, by part
	Handed    int
	Refused   int // envelopes that did not open, or were none of the practice's
}

// Open reads the state folder, finishes what a crash interrupted, and returns
// an agent to [Agent.Run]. It returns [ErrNotPaired], [ErrRunning], or what is
// wrong with the settings or the journal.
func Open(ctx context.Context, c Config) (*Agent, error) {
	if c.Dir == "" {
		return nil, errors.New("connector: no state folder")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Step == nil {
		c.Step = func(string) {}
	}
	if c.Version == "" {
		c.Version = release.Own()
	}
	if c.Client == nil {
		c.Client = newClient()
	}
	unlock, err := lock(c.Dir)
	if err != nil {
		return nil, err
	}
	a := &Agent{Config: c, unlock: unlock, health: health{Started: c.Now(), Trouble: map[string]string{}}}
	if err := a.open(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *Agent) open(ctx context.Context) error {
	var err error
	if a.pairing, err = readPairing(a.Dir); err != nil {
		return err
	}
	if a.settings, err = ReadSettings(a.Dir); err != nil {
		return err
	}
	if a.office, err = newOffice(a.Client, a.pairing.Office, a.pairing.Token); err != nil {
		return err
	}
	if a.outlets, err = a.settings.outlets(a.Dir); err != nil {
		return err
	}
	names := make([]string, len(a.outlets))
	for i, o := range a.outlets {
		names[i] = o.name()
	}
	if a.journal, err = openJournal(a.Dir, a.pairing.member, names, a.Now(), a.Step); err != nil {
		return err
	}
	for _, o := range a.outlets {
		if f, ok := o.(*icsFile); ok {
			f.journal = a.journal
		}
	}
	a.recover(ctx)
	return nil
}

// Close ends the use of the state folder.
func (a *Agent) Close() {
	if a.journal != nil {
		a.journal.close()
	}
	if a.unlock != nil {
		a.unlock()
		a.unlock = nil
	}
}

// pause grows from failure to failure.
const (
	firstPause = time.Second
	mostPause  = 30 * time.Second
	keysEvery  = time.Hour
	probeEvery = time.Hour
)

// Run follows the inbox until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group.Go(func() { a.keepBusy(ctx) })
	wake := make(chan struct{}, 1)
	group.Go(func() { a.listen(ctx, wake) })

	pause := firstPause
	for ctx.Err() == nil {
		err := a.Once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		a.trouble("office", err)
		if errors.Is(err, ErrRevoked) {
			return err
		}
		wait := a.idle()
		if err != nil {
			slog.Warn("connector", "err", err)
			wait, pause = pause, min(2*pause, mostPause)
		} else {
			pause = firstPause
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-wake:
			if err != nil { // a word from the server heals no outlet
				<-time.After(firstPause)
			}
		}
		timer.Stop()
	}
	return nil
}

// idle is how long nothing is asked while nothing is said: not at all where
// asking waits by itself.
func (a *Agent) idle() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !a.health.Keys:
		return 3 * time.Second
	case a.health.Streaming:
		return time.Minute
	default:
		return 0
	}
}

// Once takes all that is due. Where no stream says when there is more, it waits
// some seconds for it.
func (a *Agent) Once(ctx context.Context) error {
	if err := a.refreshKeys(ctx); err != nil {
		return err
	}
	if !a.holdsKeys() {
		return nil
	}
	a.openProbe(ctx)
	return a.drain(ctx)
}

func (a *Agent) holdsKeys() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.health.Keys
}

// trouble notes what does not work, or that it does again.
func (a *Agent) trouble(part string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		delete(a.health.Trouble, part)
		return
	}
	a.health.Trouble[part] = err.Error()
}

func (a *Agent) note(change func(*health)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.health)
}

// drain takes page after page. While one is handed over, the next is fetched.
func (a *Agent) drain(ctx context.Context) error {
	type fetched struct {
		page page
		err  error
	}
	fetch := func(handed []handed, after int64, wait int) <-chan fetched {
		c := make(chan fetched, 1)
		go func() {
			p, err := a.office.take(ctx, handed, after, wait)
			c <- fetched{p, err}
		}()
		return c
	}
	wait := 0
	if !a.streaming() {
		wait = 8
	}
	next := fetch(nil, 0, wait)
	var acks []handed
	var failed error
	for {
		got := <-next
		if got.err != nil {
			return errors.Join(failed, got.err)
		}
		a.note(func(h *health) { h.Reached, h.Mode, h.Server = a.Now(), got.page.Mode, got.page.Version })
		if len(got.page.Due) == 0 {
			break
		}
		next = fetch(acks, got.page.Due[len(got.page.Due)-1].Version, 0)
		var err error
		if acks, err = a.handOver(ctx, got.page.Due); err != nil {
			failed = err
		}
		if ctx.Err() != nil {
			<-next
			return ctx.Err()
		}
	}
	if len(acks) > 0 {
		a.Step("acknowledge")
		if _, err := a.office.acknowledge(ctx, acks); err != nil {
			return errors.Join(failed, err)
		}
		a.Step("acknowledged")
	}
	if failed != nil {
		return fmt.Errorf("hand over: %w", failed)
	}
	return nil
}

func (a *Agent) streaming() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.health.Streaming
}
