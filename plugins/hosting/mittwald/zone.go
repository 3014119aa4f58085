package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnshost"
)

// zone is one of the project's, as the API has it. There is a zone for each
// name that has records.
type zone struct {
	ID        string `json:"id"`
	Domain    string `json:"domain"`
	RecordSet struct {
		Addresses struct {
			A       []string        `json:"a"`
			AAAA    []string        `json:"aaaa"`
			Managed json.RawMessage `json:"managedBy"` // then Mittwald keeps them
		} `json:"combinedARecords"`
		TXT struct {
			Entries []string `json:"entries"`
		} `json:"txt"`
	} `json:"recordSet"`
}

// zone finds the zone of exactly that name. Where the project has only one
// that the name is below, a zone is made, if it may be; nil where the project
// has none.
func (a *account) zone(ctx context.Context, name string, create bool) (*zone, error) {
	var zones []zone
	err := a.call(ctx, http.MethodGet, "/projects/"+a.project+"/dns-zones", nil, &zones)
	if err != nil {
		return nil, plain(err)
	}
	var names []string
	for _, z := range zones {
		names = append(names, strings.ToLower(z.Domain))
	}
	found, ok := dnshost.ZoneOf(name, names)
	if !ok {
		return nil, nil
	}
	z := &zones[slices.Index(names, found)]
	if !uuid.MatchString(z.ID) {
		return nil, unreadable()
	}
	if found == name {
		return z, nil
	}
	if !create {
		return &zone{Domain: name}, nil // would be made
	}
	var made zone
	body := map[string]string{"name": strings.TrimSuffix(name, "."+found), "parentZoneId": z.ID}
	if err := a.call(ctx, http.MethodPost, "/dns-zones", body, &made); err != nil {
		return nil, plain(err)
	}
	if !uuid.MatchString(made.ID) {
		return nil, unreadable()
	}
	return &zone{ID: made.ID, Domain: name}, nil
}

// settings of a record set: the least that Mittwald takes.
func settings() map[string]any { return map[string]any{"ttl": map[string]int{"seconds": dnshost.TTL}} }

func (a *account) put(ctx context.Context, z *zone, kind string, body map[string]any) error {
	if body == nil {
		body = map[string]any{} // none
	} else {
		body["settings"] = settings()
	}
	return plain(a.call(ctx, http.MethodPut, "/dns-zones/"+z.ID+"/record-sets/"+kind, body, nil))
}

// addText adds a value to the others.
func (a *account) addText(ctx context.Context, z *zone, value string) error {
	if slices.Contains(z.RecordSet.TXT.Entries, value) {
		return nil
	}
	z.RecordSet.TXT.Entries = append(z.RecordSet.TXT.Entries, value)
	return a.put(ctx, z, "txt", map[string]any{"entries": z.RecordSet.TXT.Entries})
}

// removeText takes a value from among the others.
func (a *account) removeText(ctx context.Context, z *zone, value string) error {
	if z.ID == "" || !slices.Contains(z.RecordSet.TXT.Entries, value) {
		return nil
	}
	z.RecordSet.TXT.Entries = slices.DeleteFunc(z.RecordSet.TXT.Entries, func(e string) bool { return e == value })
	if len(z.RecordSet.TXT.Entries) == 0 {
		return a.put(ctx, z, "txt", nil)
	}
	return a.put(ctx, z, "txt", map[string]any{"entries": z.RecordSet.TXT.Entries})
}

// setAddresses leads the zone's name to the ingress.
func (a *account) setAddresses(ctx context.Context, z *zone, in *ingress, replace bool) error {
	there := &z.RecordSet.Addresses
	if len(there.Managed) > 0 && string(there.Managed) != "null" {
		return nil // Mittwald's own doing, which takes a while
	}
	v4, v6 := split(in.addresses())
	if slices.Equal(there.A, v4) && slices.Equal(there.AAAA, v6) {
		return nil
	}
	if len(there.A)+len(there.AAAA) > 0 && !replace {
		return &sdk.Error{Kind: sdk.Conflict, Detail: "there are address records that lead elsewhere"}
	}
	return a.put(ctx, z, "a", map[string]any{"a": v4, "aaaa": v6})
}

func (a *account) removeAddresses(ctx context.Context, z *zone, in *ingress) error {
	there := &z.RecordSet.Addresses
	v4, v6 := split(in.addresses())
	if z.ID == "" || len(there.Managed) > 0 && string(there.Managed) != "null" ||
		!slices.Equal(there.A, v4) || !slices.Equal(there.AAAA, v6) {
		return nil
	}
	return a.put(ctx, z, "a", nil)
}

func split(records []sdk.Record) (v4, v6 []string) {
	v4, v6 = []string{}, []string{}
	for _, r := range records {
		if r.Type == sdk.A {
			v4 = append(v4, r.Value)
		} else {
			v6 = append(v6, r.Value)
		}
	}
	return v4, v6
}

func (p *plugin) AddChallenge(ctx context.Context, c sdk.Challenge) error {
	a, err := p.account.Get()
	if err != nil {
		return err
	}
	p.writes.Lock()
	defer p.writes.Unlock()
	z, err := a.zone(ctx, c.Name, true)
	if err != nil {
		return err
	}
	if z == nil {
		return dnshost.ErrForeign()
	}
	return a.addText(ctx, z, c.Value)
}

func (p *plugin) RemoveChallenge(ctx context.Context, c sdk.Challenge) error {
	a, err := p.account.Get()
	if err != nil {
		return err
	}
	p.writes.Lock()
	defer p.writes.Unlock()
	z, err := a.zone(ctx, c.Name, false)
	if err != nil {
		return err
	}
	if z == nil {
		return dnshost.ErrForeign()
	}
	if z.ID == "" {
		return nil
	}
	if err := a.removeText(ctx, z, c.Value); err != nil {
		return err
	}
	if len(z.RecordSet.TXT.Entries) > 0 {
		return nil
	}
	// A zone of that name serves nothing else.
	if err := a.call(ctx, http.MethodDelete, "/dns-zones/"+z.ID, nil, nil); err != nil && !isNotFound(err) {
		return err
	}
	return nil
}
