package connector

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"time"
)

// quiet is after how long without a word, pings among them, a stream is taken
// for dead.
const quiet = 45 * time.Second

// listen keeps a stream to the office open that says when something changed,
// and wakes the agent. While there is none, the agent asks by itself.
func (a *Agent) listen(ctx context.Context, wake chan<- struct{}) {
	pause := firstPause
	for ctx.Err() == nil {
		if a.holdsKeys() {
			began := a.Now()
			a.stream(ctx, wake)
			a.note(func(h *health) { h.Streaming = false })
			rouse(wake) // from now on it asks by itself
			if a.Now().Sub(began) > mostPause {
				pause = firstPause
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
}

func (a *Agent) stream(ctx context.Context, wake chan<- struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := a.office.request(ctx, http.MethodGet, "/api/v1/events", nil)
	if err != nil {
		return
	}
	dead := time.AfterFunc(quiet, cancel)
	defer dead.Stop()
	r.Header.Set("Accept", "text/event-stream")
	res, err := a.office.client.Do(r)
	if err != nil {
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return
	}
	a.note(func(h *health) { h.Streaming = true })
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		dead.Reset(quiet)
		if strings.HasPrefix(lines.Text(), "data:") {
			rouse(wake)
		}
	}
}

func rouse(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
