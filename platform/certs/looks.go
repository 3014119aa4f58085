package certs

import (
	"sync"
	"time"
)

// looks bounds how often names are looked up that turn out to be unknown. A
// name that was known before is not kept out by strangers' names.
type looks struct {
	perSecond int
	now       func() time.Time

	mu     sync.Mutex
	second time.Time
	spent  int
	known  map[string]struct{}
}

// maxKnown bounds the memory of known names.
const maxKnown = 20_000

func (l *looks) turn() {
	if now := l.now(); now.Sub(l.second) >= time.Second || now.Before(l.second) {
		l.second, l.spent = now, 0
	}
}

func (l *looks) mayAsk(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	_, known := l.known[host]
	return known || l.spent < l.perSecond
}

func (l *looks) heard(host string, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	if !known {
		l.spent++
		delete(l.known, host)
		return
	}
	if l.known == nil || len(l.known) >= maxKnown {
		l.known = map[string]struct{}{}
	}
	l.known[host] = struct{}{}
}
