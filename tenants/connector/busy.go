package connector

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"siegel/platform/ics"
)

// BusyOf is a calendar of the practice whose times are taken, by a file or an
// address. The office learns from when to when, and never why.
type BusyOf struct {
	Name string `json:"name"`
	File string `json:"file"`
	URL  string `json:"url"` // https, on the public internet
	// Resource is whose time it is: the id of a practitioner's or a room's
	// resource (res_…) in the office.
	Resource string `json:"resource"`
}

const (
	busyEvery  = 5 * time.Minute
	busyAhead  = 366 * 24 * time.Hour
	busyOctets = 16 << 20
)

// keepBusy reads the calendars again and again and sends what has changed.
func (a *Agent) keepBusy(ctx context.Context) {
	if len(a.settings.Busy) == 0 {
		return
	}
	client := outside()
	sent := map[string][32]byte{}
	for {
		for _, b := range a.settings.Busy {
			if !a.holdsKeys() {
				break // nobody has compared words yet
			}
			err := a.sendBusy(ctx, client, b, sent)
			a.trouble("busy "+b.Name, err)
		}
		wait := busyEvery
		if !a.holdsKeys() {
			wait = 3 * time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (a *Agent) sendBusy(ctx context.Context, client *http.Client, b BusyOf, sent map[string][32]byte) error {
	content, err := b.read(ctx, client)
	if err != nil {
		return err
	}
	a.mu.Lock()
	zone, err := time.LoadLocation(a.names.Zone)
	a.mu.Unlock()
	if err != nil {
		zone = time.UTC
	}
	now := a.Now()
	bare, err := onlyTimes(content, zone, now.Truncate(24*time.Hour), now.Add(busyAhead))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(bare))
	if sent[b.Name] == sum {
		return nil
	}
	// Rules change under the owner's hands: once more with the newest version.
	for range 3 {
		var rules struct {
			Version int64 `json:"version"`
		}
		if err := a.office.send(ctx, http.MethodGet, "/api/v1/rules", nil, &rules); err != nil {
			return err
		}
		err = a.office.send(ctx, http.MethodPut, "/api/v1/calendars/"+b.calendar(a.pairing.Tenant), map[string]any{
			"version": rules.Version, "outside": "keep", "name": b.Name, "kind": "busy", "resource": b.Resource, "format": "ics", "content": bare,
		}, nil)
		if refusal := (*refusedError)(nil); !errors.As(err, &refusal) || refusal.Reason != "rules_changed" {
			break
		}
	}
	if err == nil {
		sent[b.Name] = sum
	}
	return err
}

// calendar is the id that the office knows the calendar by: the same name is
// the same calendar.
func (b BusyOf) calendar(tenant string) string {
	return "cal_" + uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:siegel:busy:"+tenant+":"+b.Name)).String()
}

func (b BusyOf) read(ctx context.Context, client *http.Client) ([]byte, error) {
	if b.File != "" {
		f, err := os.Open(b.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return limited(f)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL, nil)
	if err != nil {
		return nil, errors.New("the calendar's address is none")
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the calendar cannot be fetched: %w", errors.Unwrap(err)) // without the address, which is a secret
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the calendar's server answers %d", res.StatusCode)
	}
	return limited(res.Body)
}

func limited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, busyOctets+1))
	if err == nil && len(b) > busyOctets {
		err = errors.New("the calendar is too large")
	}
	return b, err
}

// onlyTimes is a calendar with the times of another and nothing else of it.
func onlyTimes(content []byte, zone *time.Location, from, to time.Time) (string, error) {
	spans, err := ics.Busy(bytes.NewReader(content), zone, from, to)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Siegel//Busy//EN\r\n")
	for _, s := range spans {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nDTSTART:%s\r\nDTEND:%s\r\nEND:VEVENT\r\n", utc(s.Starts), utc(s.Ends))
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String(), nil
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
