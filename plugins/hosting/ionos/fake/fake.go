// Package fake is the IONOS DNS API v1 as its documentation and its clients
// describe it, for tests and demonstrations.
//
// It checks the key, answers errors as lists, gives TXT contents back in
// quotation marks, takes full names only, refuses an alias beside other
// records, and does with PATCH and PUT what they do there: replace all records
// of a name and type, and the whole zone. What a test wants instead, it sets
// with [IONOS.Instead].
package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Record is one of a zone.
type Record struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RootName string `json:"rootName"`
	Type     string `json:"type"`
	Content  string `json:"content"`
	Changed  string `json:"changeDate"`
	TTL      int    `json:"ttl"`
	Prio     int    `json:"prio"`
	Disabled bool   `json:"disabled"`
}

type zone struct {
	id, name string
	records  []Record
}

// IONOS is an [http.Handler] below /dns/v1.
type IONOS struct {
	key string

	mu       sync.Mutex
	zones    []*zone
	next     int
	requests []string
	instead  http.HandlerFunc
}

// New makes a fake with one key and zones that have the records with which
// IONOS parks a new domain.
func New(key string, zones ...string) *IONOS {
	f := &IONOS{key: key}
	for _, name := range zones {
		z := &zone{id: f.uuid(), name: name}
		f.zones = append(f.zones, z)
		f.add(z, Record{Name: name, Type: "NS", Content: "ns1045.ui-dns.org", TTL: 86400})
		f.add(z, Record{Name: name, Type: "MX", Content: "mx00.ionos.de", Prio: 10, TTL: 3600})
		f.add(z, Record{Name: "www." + name, Type: "A", Content: "217.160.0.1", TTL: 3600})
		f.add(z, Record{Name: name, Type: "TXT", Content: `"v=spf1 include:_spf-eu.ionos.com ~all"`, TTL: 3600})
	}
	return f
}

func (f *IONOS) uuid() string {
	f.next++
	return fmt.Sprintf("11af3414-ebba-11e9-8df5-%012x", f.next)
}

func (f *IONOS) add(z *zone, r Record) Record {
	r.ID, r.RootName, r.Changed = f.uuid(), z.name, "2026-11-22T08:00:00.000Z"
	z.records = append(z.records, r)
	return r
}

// Instead answers all further requests with h; nil goes back to IONOS's ways.
func (f *IONOS) Instead(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead = h
}

// Requests are those made so far, as method and path.
func (f *IONOS) Requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Records are those under a name.
func (f *IONOS) Records(name string) []Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Record
	for _, z := range f.zones {
		for _, r := range z.records {
			if r.Name == name {
				out = append(out, r)
			}
		}
	}
	return out
}

// Everything writes down all records in a stable order.
func (f *IONOS) Everything() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, z := range f.zones {
		for _, r := range z.records {
			lines = append(lines, fmt.Sprint(r.Name, " ", r.Type, " ", r.Content))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (f *IONOS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	instead := f.instead
	f.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path, below := strings.CutPrefix(r.URL.Path, "/dns/v1/zones")
	switch parts := strings.Split(strings.Trim(path, "/"), "/"); {
	case r.Header.Get("X-Api-Key") != f.key:
		fail(w, http.StatusUnauthorized, "UNAUTHORIZED", "The customer is not authorized to do this operation.")
	case !below:
		w.WriteHeader(http.StatusNotFound)
	case parts[0] == "" && r.Method == http.MethodGet:
		var out []map[string]any
		for _, z := range f.zones {
			out = append(out, map[string]any{"id": z.id, "name": z.name, "type": "NATIVE"})
		}
		answer(w, http.StatusOK, out)
	case parts[0] == "":
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		i := slices.IndexFunc(f.zones, func(z *zone) bool { return z.id == parts[0] })
		if i < 0 {
			fail(w, http.StatusNotFound, "ZONE_NOT_FOUND", "Zone does not exist.")
			return
		}
		f.inZone(w, r, f.zones[i], parts[1:])
	}
}

func (f *IONOS) inZone(w http.ResponseWriter, r *http.Request, z *zone, parts []string) {
	switch {
	case len(parts) == 0 && r.Method == http.MethodGet:
		q := r.URL.Query()
		out := []Record{}
		for _, rec := range z.records {
			types := strings.Split(q.Get("recordType"), ",")
			if strings.HasSuffix(rec.Name, q.Get("suffix")) && (q.Get("recordName") == "" || rec.Name == q.Get("recordName")) &&
				(types[0] == "" || slices.Contains(types, rec.Type)) {
				out = append(out, rec)
			}
		}
		answer(w, http.StatusOK, map[string]any{"id": z.id, "name": z.name, "type": "NATIVE", "records": out})
	case len(parts) == 0 && (r.Method == http.MethodPatch || r.Method == http.MethodPut):
		f.replace(w, r, z)
	case len(parts) == 1 && parts[0] == "records" && r.Method == http.MethodPost:
		f.post(w, r, z)
	case len(parts) == 2 && parts[0] == "records" && r.Method == http.MethodDelete:
		i := slices.IndexFunc(z.records, func(rec Record) bool { return rec.ID == parts[1] })
		if i < 0 {
			fail(w, http.StatusNotFound, "RECORD_NOT_FOUND", "Record does not exist.")
			return
		}
		z.records = slices.Delete(z.records, i, i+1)
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// replace is what makes PATCH and PUT dangerous.
func (f *IONOS) replace(w http.ResponseWriter, r *http.Request, z *zone) {
	in, ok := read(w, r, z)
	if !ok {
		return
	}
	z.records = slices.DeleteFunc(z.records, func(there Record) bool {
		return r.Method == http.MethodPut || slices.ContainsFunc(in, func(n Record) bool { return n.Name == there.Name && n.Type == there.Type })
	})
	for _, rec := range in {
		f.add(z, rec)
	}
	w.WriteHeader(http.StatusOK)
}

func (f *IONOS) post(w http.ResponseWriter, r *http.Request, z *zone) {
	in, ok := read(w, r, z)
	if !ok {
		return
	}
	var out []Record
	for _, rec := range in {
		for _, there := range z.records {
			if there.Name == rec.Name && (there.Type == "CNAME" || rec.Type == "CNAME") {
				invalid(w, rec)
				return
			}
		}
	}
	for _, rec := range in {
		out = append(out, f.add(z, rec))
	}
	answer(w, http.StatusCreated, out)
}

func read(w http.ResponseWriter, r *http.Request, z *zone) (in []Record, ok bool) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil || r.Header.Get("Content-Type") != "application/json" {
		fail(w, http.StatusBadRequest, "INVALID_DATA", "The body is not a list of records.")
		return nil, false
	}
	for i, rec := range in {
		if rec.Name != z.name && !strings.HasSuffix(rec.Name, "."+z.name) || rec.Content == "" || rec.Type == "" || rec.TTL < 60 {
			invalid(w, rec)
			return nil, false
		}
		if rec.Type == "TXT" && !strings.HasPrefix(rec.Content, `"`) {
			in[i].Content = `"` + rec.Content + `"`
		}
	}
	return in, true
}

func invalid(w http.ResponseWriter, r Record) {
	answer(w, http.StatusBadRequest, []any{map[string]any{
		"code": "INVALID_RECORD", "message": "Record is invalid.",
		"parameters": map[string]any{"errorRecord": r, "invalid": []string{"name"}, "requiredFields": []string{}, "invalidFields": []string{"name"}},
	}})
}

func fail(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, []map[string]string{{"code": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
