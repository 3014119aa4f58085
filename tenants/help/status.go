package help

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"siegel/platform/postgres"
)

// Part is something of the service that works or does not.
type Part string

// The parts, named for visitors and not for machines.
const (
	Database Part = "database"
	Memory   Part = "memory" // what holds slots while somebody books
	Mail     Part = "mail"
	Texts    Part = "texts"
)

// Parts are all of them, in the order in which they are told.
func Parts() []Part { return []Part{Database, Memory, Mail, Texts} }

const (
	// lookEvery is how often a [Status] looks.
	lookEvery = 15 * time.Second
	// lookTime is how long a part may take to answer.
	lookTime = 5 * time.Second
)

// ErrUnused is what a check returns for a part that nobody uses, or of which
// nothing is known yet: it is not told.
var ErrUnused = errors.New("the part is not in use")

// Condition is how a part does.
type Condition struct {
	Part  Part
	Well  bool
	Since time.Time // UTC
}

// StatusConfig is what a [Status] needs.
type StatusConfig struct {
	// DB keeps since when, over restarts.
	DB *postgres.DB
	// Checks say what is wrong with a part, nil where nothing is, or [ErrUnused].
	Checks map[Part]func(context.Context) error
	// Now is time.Now where nil.
	Now func() time.Time
}

// Status knows how the service does. It looks on its own, a few times a minute:
// who asks is answered from memory, so that asking cannot be used to keep the
// parts busy. Safe for concurrent use.
type Status struct {
	StatusConfig

	mu      sync.Mutex
	found   map[Part]Condition
	unsaved map[Part]bool // true: it has changed; false: nobody knows since when
	looked  time.Time
}

// NewStatus returns a Status that has not looked yet.
func NewStatus(c StatusConfig) (*Status, error) {
	if c.DB == nil {
		return nil, errors.New("help: no database")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Status{StatusConfig: c, found: map[Part]Condition{}, unsaved: map[Part]bool{}}, nil
}

// Run looks until ctx ends.
func (s *Status) Run(ctx context.Context) {
	for {
		s.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// Conditions are those of the parts that are in use, in the order of [Parts],
// and when somebody last looked: zero, where nobody has.
func (s *Status) Conditions() ([]Condition, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Condition{}
	for _, part := range Parts() {
		if c, ok := s.found[part]; ok {
			all = append(all, c)
		}
	}
	return all, s.looked
}

// Look asks every part once, all at the same time. Since when is remembered in
// the database as soon as there is one.
func (s *Status) Look(ctx context.Context) {
	said := make(map[Part]error, len(s.Checks))
	var mu sync.Mutex
	var asked sync.WaitGroup
	for part, check := range s.Checks {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, lookTime)
			defer cancel()
			err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			said[part] = err
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return
	}
	now := s.Now().UTC().Truncate(time.Second)
	s.mu.Lock()
	s.looked = now
	for part, err := range said {
		if errors.Is(err, ErrUnused) {
			delete(s.found, part)
			delete(s.unsaved, part)
			continue
		}
		before, known := s.found[part]
		if well := err == nil; !known || before.Well != well {
			s.found[part] = Condition{part, well, now}
			s.unsaved[part] = known || s.unsaved[part]
		}
	}
	waiting := map[Condition]bool{}
	for part, changed := range s.unsaved {
		waiting[s.found[part]] = changed
	}
	s.mu.Unlock()
	for c, changed := range waiting {
		since, err := s.save(ctx, c, changed)
		if err != nil {
			return // the next look tries again; the page tells what it knows
		}
		s.mu.Lock()
		if s.found[c.Part] == c {
			c.Since = since
			s.found[c.Part] = c
			delete(s.unsaved, c.Part)
		}
		s.mu.Unlock()
	}
}

// save remembers a condition and returns since when it holds: where it has not
// changed before our eyes, as long as others remember it so.
func (s *Status) save(ctx context.Context, c Condition, changed bool) (since time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = s.DB.Global().NewRaw(`
		insert into service_state as x (part, well, since) values (?0, ?1, ?2)
		on conflict (part) do update set well = excluded.well,
		  since = case when x.well = excluded.well and not ?3 then x.since else excluded.since end
		returning since`, string(c.Part), c.Well, c.Since, changed).Scan(ctx, &since)
	if err != nil {
		return since, fmt.Errorf("remember how a part does: %w", err)
	}
	return since.UTC(), nil
}
