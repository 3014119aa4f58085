package e2e_test

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// fieldsOf say of which kind a field is whose name alone does not tell, by
// operation.
var fieldsOf = map[string]string{
	"switchDomain.id": "rsl_", "planDomain.provider": "pvd_", "startDomain.provider": "pvd_", "preferTenantHost.name": "host",
	"putContractModel.reseller": "rsl_",
}

// reseller is one with a practice of its own, somebody who works for it, and
// one of everything that has an id.
func (d *demo) reseller(t *testing.T, id, tenant string) map[string]string {
	t.Helper()
	own := map[string]string{"rsl_": "rsl_" + id, "ten_": "ten_" + tenant}
	tail := id[24:]
	for prefix, made := range map[string]struct{ id, query string }{
		"acc_":          {uuid(), `with a as (insert into account (id, email, name) values ($1, 'wand-' || $3::text || '@example.org', 'Wand') returning id) insert into reseller_member (reseller_id, account_id, role) select $2::uuid, id, 'reseller_admin' from a`},
		"inv_":          {uuid(), `insert into portal_invitation (id, reseller_id, email, name, role, invited_by, expires) values ($1, $2::uuid, 'neu-' || $3::text || '@example.org', 'Neu', 'reseller_agent', 'x', now() + interval '1 day')`},
		"announcements": {uuid(), `insert into announcement (id, reseller_id, level, german, english, starts, ends) values ($1, $2::uuid, 'info', $3::text, 'x', now() + interval '9 days', now() + interval '10 days')`},
		"problems":      {uuid(), `insert into problem_report (id, tenant_id, reseller_id, origin, page, version, browser, text, requests) values ($1, $4::uuid, $2::uuid, 'office', '', '', '', $3::text, '')`},
		"pvd_":          {uuid(), `insert into provider (id, kind, plugin, scope, scope_id, name, position, enabled, company, address, country) values ($1, 'sms', 'loopback', 'reseller', $2::uuid, $3::text, 9, false, 'x', 'x', 'DE')`},
		"msg_":          {uuid(), `insert into outbox (id, tenant_id, kind, ref, deadline, status) values ($1, $2::uuid, 'x', $3::text, now(), 'sent')`},
	} {
		query, args := made.query, []any{made.id, id, tail}
		if strings.Contains(query, "$4") {
			args = append(args, tenant)
		}
		if _, err := d.db.Exec(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", prefix, err)
		}
		if own[prefix] = made.id; strings.HasSuffix(prefix, "_") {
			own[prefix] = prefix + made.id
		}
	}
	own["host"], own["bases"] = "wand-"+tail+".example", "basis-"+tail+".example"
	for query, args := range map[string][]any{
		`insert into tenant_host (host, tenant_id, challenge) values ($1, $2, 'x')`:                                                              {own["host"], tenant},
		`insert into reseller_base (base, reseller_id, challenge) values ($1, $2, 'x')`:                                                          {own["bases"], id},
		`insert into domain_setup (host, tenant_id, provider_id, by, stopped) values ($1, $2::uuid, gen_random_uuid(), gen_random_uuid(), true)`: {own["host"], tenant},
	} {
		if _, err := d.db.Exec(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	return own
}

// portalKind is which of a reseller's ids stands at a place.
func (op operation) portalKind(p place) string {
	last := p.at[len(p.at)-1]
	switch {
	case p.prefix == "" && strings.Contains(op.path, "/announcements/"):
		return "announcements"
	case p.prefix == "" && strings.Contains(op.path, "/problems/"):
		return "problems"
	case p.prefix == "host" && strings.Contains(op.path, "/bases/"):
		return "bases"
	case p.in == "query" && (last == "scope" || last == "reseller"):
		return "rsl_"
	}
	return p.prefix
}

// resellersRows are hashes of all that a reseller and its practice have.
func (d *demo) resellersRows(t *testing.T, reseller, tenant string) map[string]string {
	t.Helper()
	all := d.rows(t, tenant)
	maps.Copy(all, prefixed("of the reseller ", d.rows(t, reseller)))
	for _, table := range []string{"reseller_member", "reseller_base", "portal_invitation", "announcement", "problem_report", "tenant", "month_count", "count_correction"} {
		var hash string
		if err := d.db.QueryRow(t.Context(), `select md5(coalesce(string_agg(r::text, chr(10) order by r::text), '')) from `+table+` r where reseller_id = $1`, reseller).Scan(&hash); err != nil {
			t.Fatal(err)
		}
		all[table] = hash
	}
	var hash string
	if err := d.db.QueryRow(t.Context(), `select md5(r::text) from reseller r where id = $1`, reseller).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	all["reseller"] = hash
	return all
}

func prefixed(by string, m map[string]string) map[string]string {
	all := map[string]string{}
	for k, v := range m {
		all[by+k] = v
	}
	return all
}

// What a reseller asks for of another's, whatever the server's description
// lists for the portal, is answered as what does not exist, and changes nothing.
func TestWallsOfThePortal(t *testing.T) {
	d := running(t)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := d.db.Exec(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(name string) (reseller, tenant string) {
		reseller, tenant = uuid(), uuid()
		exec(`insert into reseller (id, name) values ($1, $2)`, reseller, name)
		exec(`insert into tenant (id, slug, reseller_id) values ($1, $2, $3)`, tenant, "wand-"+tenant[28:], reseller)
		return reseller, tenant
	}
	a, ours := begin("Wand Nord")
	b, theirs := begin("Wand Süd")
	own, foreign := d.reseller(t, a, ours), d.reseller(t, b, theirs)
	me := strings.TrimPrefix(own["acc_"], "acc_")
	exec(`insert into totp (account_id, secret, last_step) values ($1, '', 0)`, me)
	exec(`insert into undertaking (account_id, version, language, text_hash) select $1, max(version), 'de', '' from undertaking`, me)
	v := d.visitor(d.host("portal"), 990)
	enter := func() {
		raw := random(32)
		hash := sha256.Sum256(raw)
		exec(`insert into session (id_hash, id, account_id, domain_kind, domain_id, proven, expires) values ($1, $2, $3, 'reseller', $4, now(), now() + interval '1 hour')`,
			hash[:], uuid(), me, a)
		u := &http.Cookie{Name: "siegel-session", Value: b64(raw), Path: "/"}
		v.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: v.host, Path: "/"}, []*http.Cookie{u})
	}
	enter()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) { // until the server knows the new practices
		got := v.get("/api/v1/portal/tenants/" + own["ten_"])
		if got.Status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("its own practice: %v %s", got, got.Body)
		}
	}
	tried := 0
	before := d.resellersRows(t, b, theirs)
	for _, op := range d.operations(t) {
		if never[op.name] != "" || !slices.Contains(op.hosts, "portal") {
			continue
		}
		op.places = append(op.places, op.more()...)
		for _, p := range op.places {
			kind := op.portalKind(p)
			if kind == nobodys {
				continue
			}
			t.Run(op.name+"/"+p.String(), func(t *testing.T) {
				nothing := kind + uuid()
				id := foreign[kind]
				switch {
				case kind == "host" || kind == "bases":
					nothing = "wand-" + uuid()[:8] + ".example"
				case kind == "announcements" || kind == "problems":
					nothing = uuid()
				case id == "": // nobody's portal has any of that kind: sessions, passkeys
					id = kind + theirs
				}
				hit, miss := v.portalAsk(op, p, own, id), v.portalAsk(op, p, own, nothing)
				after := d.resellersRows(t, b, theirs)
				if changed := differences(before, after); len(changed) > 0 {
					t.Errorf("the other reseller's %v have changed", changed)
				}
				before = after
				if hit.Err != nil || miss.Err != nil {
					t.Fatal(hit.Err, miss.Err)
				}
				if x, y := hit.shape(id), miss.shape(nothing); x != y {
					t.Errorf("another's: %s\nnothing: %s", x, y)
				}
				if hit.Status == 400 && (hit.Reason == "malformed_body" || hit.Reason == "malformed_request") && shallow[op.name] == "" {
					t.Errorf("the request was refused for its form, so nobody looked at the id: %s", hit.Body)
				}
				if hit.Status >= 500 || hit.Status == 401 {
					t.Errorf("%v %s", hit, hit.Body)
				}
				for _, secret := range []string{"Wand Süd", b, theirs} {
					if secret != strings.TrimPrefix(strings.TrimPrefix(id, "rsl_"), "ten_") && strings.Contains(string(hit.Body), secret) {
						t.Errorf("the answer tells of the other reseller: %s", hit.Body)
					}
				}
				tried++
			})
		}
	}
	if tried < 40 {
		t.Errorf("only %d places were tried", tried)
	}
	// What names nobody: lists are of one's own.
	for _, path := range []string{"/api/v1/portal/tenants", "/api/v1/portal/people", "/api/v1/portal/problems", "/api/v1/portal/announcements", "/api/v1/portal/bases", "/api/v1/providers", "/api/v1/portal/certificates", "/api/v1/portal/counts"} {
		got := v.get(path)
		if got.Status != 200 {
			t.Errorf("%s: %v %s", path, got, got.Body)
		}
		for kind, id := range foreign {
			bare := id[strings.IndexByte(id, '_')+1:]
			if strings.Contains(string(got.Body), bare) {
				t.Errorf("%s tells of another's %s: %s", path, kind, got.Body)
			}
		}
	}
}

// more are places whose names alone do not tell what they hold.
func (op operation) more() (places []place) {
	if op.raw {
		return nil
	}
	for at, kind := range fieldsOf {
		name, field, _ := strings.Cut(at, ".")
		if name != op.name {
			continue
		}
		if properties, _ := op.body["properties"].(schema); properties[field] != nil {
			places = append(places, place{"body", []string{field}, kind, false})
		}
	}
	item, _ := op.document["paths"].(schema)[op.path].(schema)
	o, _ := item[strings.ToLower(op.method)].(schema)
	list, _ := o["parameters"].([]any)
	for _, p := range list {
		if p := p.(schema); p["in"] == "query" && (p["name"] == "reseller" || p["name"] == "scope") {
			places = append(places, place{"query", []string{p["name"].(string)}, "rsl_", false})
		}
	}
	return places
}

// portalAsk makes a request in which one place holds an id and all others what
// is the caller's own.
func (v *visitor) portalAsk(op operation, at place, own map[string]string, id string) answer {
	path, query := op.path, []string{}
	for _, q := range op.places {
		value := own[op.portalKind(q)]
		if q.String() == at.String() {
			value = id
		}
		if value == "" && q.prefix == nobodys {
			value = time.Now().AddDate(0, -1, 0).Format("2006-01")
		}
		if value == "" {
			value = q.prefix + uuid()
		}
		switch {
		case q.in == "path":
			path = strings.NewReplacer("{"+q.at[0]+"}", value, ":"+q.at[0], value).Replace(path)
		case q.in == "query" && (q.required || q.String() == at.String()):
			query = append(query, q.at[0]+"="+value)
		}
	}
	query = append(query, op.fill(query)...)
	var body []byte
	if op.body != nil {
		value := op.made(op.body, own, 0)
		if o, ok := value.(map[string]any); ok && o["currency"] != nil {
			o["currency"] = "EUR"
		}
		if at.in == "body" {
			value = op.put(value, op.body, at.at, own, id)
		}
		body, _ = json.Marshal(value)
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return v.send(op.method, path, body)
}
