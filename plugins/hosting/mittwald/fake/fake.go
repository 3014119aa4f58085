// Package fake is Mittwald's mStudio API v2 as its generated client describes
// it, for tests and demonstrations: ingresses and DNS zones of one project.
//
// What is made shows up a little later ([Mittwald.Lag]); ownership is verified
// once the TXT record is there, in a zone or in the world's DNS
// ([Mittwald.Elsewhere]); a certificate takes a [Mittwald.Settle] and is not
// had without address records. What a test wants instead, it sets with
// [Mittwald.Instead].
package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Project is the only one there is.
const Project = "339d6458-839f-4809-a03d-78700069690c"

type ingress struct {
	id, host         string
	paths            json.RawMessage
	verified         bool
	acme, created    bool
	exceeded         bool
	hidden           int // reads until it shows up
	certificateAfter int // settles
}

type zone struct {
	id, domain string
	sets       map[string]json.RawMessage // by the last part of the path
}

// Mittwald is an [http.Handler] below /v2.
type Mittwald struct {
	// Lag is for how many reads a new ingress is not found.
	Lag int
	// Slow is how many settles a certificate takes; 1 where 0.
	Slow int

	token string

	mu        sync.Mutex
	ingresses []*ingress
	zones     []*zone
	elsewhere map[string]bool // "name type value"
	foreign   []string        // host names of other customers
	next      int
	requests  []string
	instead   http.HandlerFunc
}

// New makes a fake with one token and zones of its project.
func New(token string, zones ...string) *Mittwald {
	f := &Mittwald{token: token, elsewhere: map[string]bool{}}
	for _, domain := range zones {
		f.zones = append(f.zones, f.newZone(domain))
	}
	return f
}

func (f *Mittwald) uuid() string {
	f.next++
	return fmt.Sprintf("6f1a2b3c-0000-4000-8000-%012x", f.next)
}

func (f *Mittwald) newZone(domain string) *zone {
	return &zone{id: f.uuid(), domain: domain, sets: map[string]json.RawMessage{
		"a": json.RawMessage(`{}`), "txt": json.RawMessage(`{}`), "mx": json.RawMessage(`{"records":[{"fqdn":"mx1.agenturserver.de","priority":10}]}`),
		"cname": json.RawMessage(`{}`), "srv": json.RawMessage(`{}`), "caa": json.RawMessage(`{}`),
	}}
}

// Instead answers all further requests with h; nil goes back to Mittwald's ways.
func (f *Mittwald) Instead(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead = h
}

// Requests are those made so far, as method and path.
func (f *Mittwald) Requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Owned makes a host name another customer's.
func (f *Mittwald) Owned(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.foreign = append(f.foreign, host)
}

// Elsewhere sets or removes a record in DNS that Mittwald does not keep.
func (f *Mittwald) Elsewhere(name, kind, value string, there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.elsewhere[name+" "+kind+" "+value] = there
}

// Occupy makes an ingress that leads to something else.
func (f *Mittwald) Occupy(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ingresses = append(f.ingresses, &ingress{
		id: f.uuid(), host: host, verified: true, acme: true, created: true,
		paths: json.RawMessage(`[{"path":"/","target":{"useDefaultPage":true}}]`),
	})
}

// Exceed lets the certificate of a host name not come in time.
func (f *Mittwald) Exceed(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.ingresses {
		if in.host == host {
			in.exceeded, in.created = true, false
		}
	}
}

// Settle lets a minute pass: certificates are issued where they can be.
func (f *Mittwald) Settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.ingresses {
		if in.acme && in.verified && !in.exceeded && len(f.errors(in)) == 0 {
			if in.certificateAfter--; in.certificateAfter <= 0 {
				in.created = true
			}
		}
	}
}

// Values are the TXT values of a zone.
func (f *Mittwald) Values(domain string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if z := f.zone(domain); z != nil {
		return entries(z)
	}
	return nil
}

// Leads says whether requests for a host name, over TLS, get to a URL.
func (f *Mittwald) Leads(host, url string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.ingresses {
		if in.host == host {
			return in.created && in.verified && strings.Contains(string(in.paths), `"`+url+`"`)
		}
	}
	return false
}

// Everything writes down all that there is in a stable order.
func (f *Mittwald) Everything() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, in := range f.ingresses {
		lines = append(lines, fmt.Sprint("ingress ", in.host, " ", string(in.paths), in.verified, in.acme, in.created))
	}
	for _, z := range f.zones {
		for kind, set := range z.sets {
			lines = append(lines, fmt.Sprint("zone ", z.domain, " ", kind, " ", string(set)))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (f *Mittwald) zone(domain string) *zone {
	for _, z := range f.zones {
		if z.domain == domain {
			return z
		}
	}
	return nil
}

func entries(z *zone) []string {
	var set struct{ Entries []string }
	_ = json.Unmarshal(z.sets["txt"], &set)
	return set.Entries
}

// The addresses of the project's ingress.
const (
	V4 = "203.0.113.80"
	V6 = "2001:db8:80::1"
)

func proof(in *ingress) string { return "mittwald-ownership-" + in.id[len(in.id)-12:] }

// errors are what Mittwald's own look into DNS says.
func (f *Mittwald) errors(in *ingress) []string {
	out := []string{}
	var set struct{ A, AAAA []string }
	if z := f.zone(in.host); z != nil {
		_ = json.Unmarshal(z.sets["a"], &set)
	}
	if !slices.Contains(set.A, V4) && !f.elsewhere[in.host+" A "+V4] && in.certificateAfter > 0 {
		out = append(out, "ERROR_NO_A_RECORD")
	}
	if in.exceeded {
		out = append(out, "ERROR_ACME_CERTIFICATE_REQUEST_DEADLINE_EXCEEDED")
	}
	return out
}

func (f *Mittwald) view(in *ingress) map[string]any {
	ownership := map[string]any{"verified": in.verified}
	if !in.verified {
		ownership["txtRecord"] = proof(in)
	}
	return map[string]any{
		"id": in.id, "hostname": in.host, "projectId": Project, "isDefault": false, "isEnabled": true,
		"ips": map[string]any{"v4": []string{V4}, "v6": []string{V6}}, "ownership": ownership, "paths": in.paths,
		"tls": map[string]any{"acme": in.acme, "isCreated": in.created}, "dnsValidationErrors": f.errors(in),
	}
}

func (f *Mittwald) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	path, below := strings.CutPrefix(r.URL.Path, "/v2/")
	parts := strings.Split(path, "/")
	switch {
	case r.Header.Get("X-Access-Token") != f.token:
		fail(w, http.StatusUnauthorized, "Unauthorized")
	case !below:
		fail(w, http.StatusNotFound, "NotFound")
	case parts[0] == "ingresses" && len(parts) == 1:
		f.ingressList(w, r)
	case parts[0] == "ingresses":
		i := slices.IndexFunc(f.ingresses, func(in *ingress) bool { return in.id == parts[1] })
		if i < 0 || f.ingresses[i].hidden > 0 {
			if i >= 0 {
				f.ingresses[i].hidden--
			}
			fail(w, http.StatusNotFound, "NotFound")
			return
		}
		f.oneIngress(w, r, i, strings.Join(parts[2:], "/"))
	case parts[0] == "projects" && len(parts) == 3 && parts[2] == "dns-zones" && r.Method == http.MethodGet:
		if parts[1] != Project {
			fail(w, http.StatusForbidden, "PermissionDenied")
			return
		}
		out := []any{}
		for _, z := range f.zones {
			sets := map[string]any{"combinedARecords": z.sets["a"]}
			for _, kind := range []string{"cname", "mx", "srv", "txt", "caa"} {
				sets[kind] = z.sets[kind]
			}
			out = append(out, map[string]any{"id": z.id, "domain": z.domain, "recordSet": sets})
		}
		answer(w, http.StatusOK, out)
	case parts[0] == "dns-zones":
		f.dnsZones(w, r, parts[1:])
	default:
		fail(w, http.StatusNotFound, "NotFound")
	}
}

var hostname = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]{2,}$`)

func (f *Mittwald) ingressList(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		out := []any{}
		for _, in := range f.ingresses {
			if !strings.Contains(in.host, r.URL.Query().Get("hostnameSubstring")) {
				continue
			}
			if in.hidden > 0 {
				in.hidden--
				continue
			}
			out = append(out, f.view(in))
		}
		answer(w, http.StatusOK, out)
		return
	}
	var in struct {
		ProjectID string          `json:"projectId"`
		Hostname  string          `json:"hostname"`
		Paths     json.RawMessage `json:"paths"`
	}
	switch {
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case json.NewDecoder(r.Body).Decode(&in) != nil || !hostname.MatchString(in.Hostname) || len(in.Paths) == 0:
		answer(w, http.StatusBadRequest, map[string]any{
			"type": "ValidationError", "message": "Validation failed",
			"validationErrors": []any{map[string]any{"message": "should be hostname", "path": ".hostname", "type": "format", "context": map[string]string{"format": "hostname"}}},
		})
	case in.ProjectID != Project:
		fail(w, http.StatusForbidden, "PermissionDenied")
	case slices.Contains(f.foreign, in.Hostname) || slices.ContainsFunc(f.ingresses, func(i *ingress) bool { return i.host == in.Hostname }):
		fail(w, http.StatusConflict, "Conflict")
	default:
		made := &ingress{id: f.uuid(), host: in.Hostname, paths: in.Paths, hidden: f.Lag, certificateAfter: max(f.Slow, 1)}
		f.ingresses = append(f.ingresses, made)
		answer(w, http.StatusCreated, map[string]any{"id": made.id, "ownership": map[string]any{"verified": false, "txtRecord": proof(made)}})
	}
}

func (f *Mittwald) oneIngress(w http.ResponseWriter, r *http.Request, i int, action string) {
	in := f.ingresses[i]
	switch r.Method + " " + action {
	case "GET ":
		answer(w, http.StatusOK, f.view(in))
	case "DELETE ":
		f.ingresses = slices.Delete(f.ingresses, i, i+1)
		w.WriteHeader(http.StatusNoContent)
	case "PATCH paths":
		_ = json.NewDecoder(r.Body).Decode(&in.paths)
		w.WriteHeader(http.StatusNoContent)
	case "PATCH tls":
		var body struct{ ACME bool }
		_ = json.NewDecoder(r.Body).Decode(&body)
		in.acme = body.ACME
		w.WriteHeader(http.StatusOK)
	case "POST actions/verify-ownership":
		z := f.zone(in.host)
		if z != nil && slices.Contains(entries(z), proof(in)) || f.elsewhere[in.host+" TXT "+proof(in)] {
			in.verified = true
			w.WriteHeader(http.StatusOK)
			return
		}
		fail(w, http.StatusBadRequest, "ValidationError")
	case "POST actions/request-acme-certificate-issuance":
		in.exceeded = false
		w.WriteHeader(http.StatusOK)
	default:
		fail(w, http.StatusNotFound, "NotFound")
	}
}

func (f *Mittwald) dnsZones(w http.ResponseWriter, r *http.Request, parts []string) {
	if len(parts) == 0 && r.Method == http.MethodPost {
		var in struct{ Name, ParentZoneID string }
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.Name == "" {
			fail(w, http.StatusBadRequest, "ValidationError")
			return
		}
		for _, z := range f.zones {
			if z.id == in.ParentZoneID {
				made := f.newZone(in.Name + "." + z.domain)
				made.sets["mx"] = json.RawMessage(`{}`)
				f.zones = append(f.zones, made)
				answer(w, http.StatusCreated, map[string]string{"id": made.id})
				return
			}
		}
		fail(w, http.StatusNotFound, "NotFound")
		return
	}
	i := slices.IndexFunc(f.zones, func(z *zone) bool { return len(parts) > 0 && z.id == parts[0] })
	switch {
	case i < 0:
		fail(w, http.StatusNotFound, "NotFound")
	case len(parts) == 1 && r.Method == http.MethodDelete:
		f.zones = slices.Delete(f.zones, i, i+1)
		w.WriteHeader(http.StatusNoContent)
	case len(parts) == 3 && parts[1] == "record-sets" && r.Method == http.MethodPut && f.zones[i].sets[parts[2]] != nil:
		var set map[string]any
		if json.NewDecoder(r.Body).Decode(&set) != nil {
			fail(w, http.StatusBadRequest, "ValidationError")
			return
		}
		delete(set, "settings") // given back elsewhere; not what tests compare
		encoded, _ := json.Marshal(set)
		f.zones[i].sets[parts[2]] = encoded
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, http.StatusNotFound, "NotFound")
	}
}

func fail(w http.ResponseWriter, status int, kind string) {
	answer(w, status, map[string]string{"type": kind, "message": "refused"})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
