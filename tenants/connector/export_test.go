package connector

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"siegel/platform/seal"
)

// Tried is an outlet as tests drive it.
type Tried struct{ outlet }

// TryOutlet opens an outlet.
func TryOutlet(o Outlet, dir string) (Tried, error) {
	if o.Name == "" {
		o.Name = o.Kind
	}
	made, err := o.open(dir)
	return Tried{made}, err
}

func (t Tried) Most() int                                     { return t.most() }
func (t Tried) Prepare(items []Item) (json.RawMessage, error) { return t.prepare(items) }
func (t Tried) Hand(ctx context.Context, items []Item, mark json.RawMessage, again bool) error {
	return t.hand(ctx, items, mark, again)
}

func Outside() *http.Client { return outside() }

func OnlyTimes(content []byte, zone *time.Location, from, to time.Time) (string, error) {
	return onlyTimes(content, zone, from, to)
}

func ReadBooking(plaintext []byte, tenant, booking string) error {
	_, _, _, err := readBooking(plaintext, tenant, booking)
	return err
}

func (a *Agent) Pages() http.Handler { return a.pages() }

// Versions has the agent be of a version, and the office say another.
func (a *Agent) Versions(own, office string) {
	a.Version = own
	a.note(func(h *health) { h.Server = office })
}

// Paired is an agent that was paired with a practice whose directory is given,
// as far as believing directories goes.
func Paired(d seal.Directory, connector string, member seal.PrivateKey, now time.Time) *Agent {
	return &Agent{
		Config:  Config{Now: func() time.Time { return now }},
		pairing: pairing{Tenant: d.Tenant, Connector: connector, Pin: d.Fingerprint(), Sequence: d.Sequence, member: member},
	}
}

func (a *Agent) Believe(signed seal.Signed, wraps []seal.Wrap) (seal.Unlocked, error) {
	return a.believe(served{&signed, wraps})
}

// Kept is an agent with a journal and a status page, and no office.
func Kept(dir string, member seal.PrivateKey, now time.Time, items ...Item) (*Agent, error) {
	j, err := openJournal(dir, member, nil, now, func(string) {})
	if err != nil {
		return nil, err
	}
	a := &Agent{Config: Config{Now: func() time.Time { return now }}, journal: j, health: health{Trouble: map[string]string{}}, names: names{Zone: "Europe/Berlin"}}
	for _, i := range items {
		if err := j.append(entry{Have: &i}); err != nil {
			return nil, err
		}
	}
	return a, nil
}
