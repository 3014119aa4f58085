package e2e_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The walls between tenants, proven for whatever the server's own description
// lists: an operation that is added is tried without anybody thinking of it, and
// one for which no request can be made up fails until somebody says how.

type schema = map[string]any

// operation is one of the description.
type operation struct {
	name, method, path string
	hosts              []string
	places             []place
	body               schema
	document           schema
	raw                bool
}

// place is where a request names something: a step of the path, a field of the
// query, or a field of the body, as keys one below the other.
type place struct {
	in       string // path, query, body
	at       []string
	prefix   string // of the id; "" is a bare uuid
	required bool
}

func (p place) String() string { return p.in + " " + strings.Join(p.at, ".") }

// collections say of which kind an id in a path is, by the word before it, where
// the description has it as a text.
var collections = map[string]string{
	"locations": "loc_", "resources": "res_", "practitioners": "prc_", "services": "svc_", "windows": "win_", "closures": "cls_",
	"quotas": "quo_", "chains": "chn_", "calendars": "cal_", "appointments": "apt_", "bookings": "bkg_", "tokens": "tok_", "connectors": "con_",
	"legs": "loc_.loc_", "practice": "", "people": "acc_", "support": "acc_", "members": "acc_", "invitations": "inv_", "providers": "pvd_",
	"deliveries": "msg_", "sessions": "", "passkeys": "", "hosts": "host", "domains": "host", "bases": "host",
	"tenants": "ten_", "resellers": "rsl_", "requests": "req_", "problems": "", "announcements": "",
	"webhooks": "whk_", "files": "fil_", "sent": "dlv_", "feeds": "prc_", "busy": nobodys,
	// No ids of anybody's: a month, a plugin's name, the secret of a carrier's
	// hook, a kind of document or message, a language.
	"counts": nobodys, "carriers": nobodys, "sms": nobodys, "documents": nobodys, "papers": nobodys, "texts": nobodys, "{kind}": nobodys,
	// FHIR's ids have no prefix; that they open nothing elsewhere is proven in web/fhir.
	"Schedule": "", "Slot": "", "HealthcareService": "", "Practitioner": "", "Location": "", "CodeSystem": "",
	// The operator's own registers, which have no tenant.
	"processors": "", "evidence": "", "disclosures": "", "breaches": "",
}

const nobodys = "nobody's"

// named says of which kind a field of a query or a body is that the description
// has as a text.
var named = map[string]string{
	"service": "svc_", "practitioner": "prc_", "location": "loc_", "resource": "res_", "appointment": "apt_", "booking_id": "bkg_",
	"hold": "hld_", "chain": "chn_", "booking": "bkg_", "actor": "acc_", "object": "apt_", "account": "acc_", "envelope_id": "", "tenant": "",
}

// unnamed are texts that are called like an id and are none, by operation.
var unnamed = map[string][]string{}

func (d *demo) operations(t *testing.T) []operation {
	t.Helper()
	a := d.visitor(d.host("praxis-sonnenberg.office"), 960).get("/api/v1/openapi.json")
	var document schema
	if a.into(t, &document); a.Status != 200 {
		t.Fatalf("no description: %v", a)
	}
	var all []operation
	for path, item := range document["paths"].(schema) {
		for method, o := range item.(schema) {
			o := o.(schema)
			op := operation{name: o["operationId"].(string), method: strings.ToUpper(method), path: path, hosts: texts(o["x-hosts"]), document: document}
			op.read(t, o)
			all = append(all, op)
		}
	}
	for _, r := range document["x-raw"].([]any) {
		r := r.(schema)
		op := operation{name: r["operation"].(string), method: r["method"].(string), path: r["path"].(string), hosts: texts(r["x-hosts"]), raw: true}
		for _, step := range strings.Split(op.path, "/") {
			if name, ok := strings.CutPrefix(step, ":"); ok {
				op.places = append(op.places, place{"path", []string{name}, op.kindInPath(t, step), true})
			}
		}
		all = append(all, op)
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.name+a.path, b.name+b.path) })
	return all
}

func texts(v any) (all []string) {
	list, _ := v.([]any)
	for _, x := range list {
		all = append(all, fmt.Sprint(x))
	}
	return all
}

// read finds all places of an operation in which an id may stand.
func (op *operation) read(t *testing.T, o schema) {
	t.Helper()
	list, _ := o["parameters"].([]any)
	for _, p := range list {
		p := p.(schema)
		name, in := p["name"].(string), p["in"].(string)
		s := op.resolved(p["schema"].(schema))
		prefix, isID := s["x-id"].(string)
		switch in {
		case "path":
			if !isID && s["format"] != "uuid" {
				prefix = op.kindInPath(t, "{"+name+"}")
			}
			op.places = append(op.places, place{in, []string{name}, prefix, true})
		case "query":
			if known, ok := named[name]; ok && !isID && s["type"] == "string" && !slices.Contains(unnamed[op.name], name) {
				prefix, isID = known, true
			}
			if isID {
				op.places = append(op.places, place{in, []string{name}, prefix, p["required"] == true})
			}
		}
	}
	if body, ok := o["requestBody"].(schema); ok {
		content, _ := body["content"].(schema)["application/json"].(schema)
		if content != nil {
			op.body = op.resolved(content["schema"].(schema))
			op.inBody(op.body, nil)
		}
	}
}

func (op *operation) kindInPath(t *testing.T, step string) string {
	t.Helper()
	steps := strings.Split(op.path, "/")
	i := slices.Index(steps, step)
	kind, known := collections[steps[max(i-1, 0)]]
	if !known {
		t.Errorf("%s %s: nobody says of which kind %s is (collections)", op.method, op.path, step)
	}
	return kind
}

func (op *operation) resolved(s schema) schema {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s
	}
	found := op.document
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		found = found[step].(schema)
	}
	return found
}

func (op *operation) inBody(s schema, at []string) {
	if len(at) > 6 {
		return
	}
	s = op.resolved(s)
	name := ""
	if len(at) > 0 {
		name = at[len(at)-1]
	}
	prefix, isID := s["x-id"].(string)
	if known, ok := named[name]; ok && !isID && s["type"] == "string" && !slices.Contains(unnamed[op.name], name) {
		prefix, isID = known, true
	}
	if isID || s["format"] == "uuid" {
		op.places = append(op.places, place{"body", slices.Clone(at), prefix, false})
	}
	if items, ok := s["items"].(schema); ok {
		op.inBody(items, append(slices.Clone(at), "[]"))
	}
	properties, _ := s["properties"].(schema)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		op.inBody(properties[key].(schema), append(slices.Clone(at), key))
	}
}

// made is a value that a schema lets through.
func (op *operation) made(s schema, own map[string]string, deep int) any {
	s = op.resolved(s)
	if prefix, ok := s["x-id"].(string); ok {
		return cmp.Or(own[prefix], prefix+uuid())
	}
	if values, ok := s["enum"].([]any); ok {
		return values[0]
	}
	kind, _ := s["type"].(string)
	if kinds := texts(s["type"]); len(kinds) > 0 {
		kind = kinds[0]
	}
	least := 0
	for _, k := range []string{"minimum", "minLength", "minItems"} {
		if v, ok := s[k].(float64); ok {
			least = int(v)
		}
	}
	switch kind {
	case "object":
		o := map[string]any{}
		properties, _ := s["properties"].(schema)
		for _, key := range texts(s["required"]) {
			if prefix, ok := named[key]; ok && own[prefix] != "" {
				o[key] = own[prefix]
				continue
			}
			if p, ok := properties[key].(schema); ok && deep < 8 {
				o[key] = op.made(p, own, deep+1)
				if o[key] == "xxx" && strings.HasSuffix(key, "_time") {
					o[key] = map[bool]string{true: "08:00", false: "09:00"}[key == "from_time"]
				}
				if o[key] == "xxx" && (key == "from" || key == "until") {
					o[key] = time.Now().AddDate(0, 0, 40).Format(time.DateOnly)
				}
			}
		}
		return o
	case "array":
		list := []any{}
		for range least {
			list = append(list, op.made(s["items"].(schema), own, deep+1))
		}
		return list
	case "integer", "number":
		return max(least, 1)
	case "boolean":
		return false
	}
	switch {
	case s["contentEncoding"] == "base64url":
		return b64(random(32))
	case s["format"] == "date-time":
		return time.Now().UTC().AddDate(0, 0, 3).Truncate(time.Hour).Format(time.RFC3339)
	case s["format"] == "uuid":
		return uuid()
	case s["format"] == "email":
		return "nobody@praxis.example"
	}
	return strings.Repeat("x", max(least, 3))
}

// put sets a field of a body, making what is missing on its way.
func (op *operation) put(body any, s schema, at []string, own map[string]string, value any) any {
	if len(at) == 0 {
		return value
	}
	s = op.resolved(s)
	if at[0] == "[]" {
		items := s["items"].(schema)
		list, _ := body.([]any)
		if len(list) == 0 {
			list = []any{op.made(items, own, 0)}
		}
		list[0] = op.put(list[0], items, at[1:], own, value)
		return list
	}
	o, _ := body.(map[string]any)
	if o == nil {
		o, _ = op.made(s, own, 0).(map[string]any)
	}
	o[at[0]] = op.put(o[at[0]], s["properties"].(schema)[at[0]].(schema), at[1:], own, value)
	return o
}

// underWay counts the messages that change rows by themselves: due, or tried
// before. What waits for its day changes nothing.
const underWay = `select count(*) from outbox where status = 'waiting' and (run_at <= now() or attempts > 0)`

// rows are hashes of what a tenant has in every table, and its keys in Redis.
func (d *demo) rows(t *testing.T, tenant string) map[string]string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); d.count(t, underWay) > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	rows, err := d.db.Query(t.Context(), `
		select c.relname || '.' || a.attname, (xpath('//h/text()', query_to_xml(format(
			'select md5(coalesce(string_agg(r::text, chr(10) order by r::text), '''')) as h from %I r where %I::text = %L', c.relname, a.attname, $1::text), false, true, '')))[1]::text
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('tenant_id', 'tenant', 'domain_id', 'scope') and not a.attisdropped
		where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
			-- what a minute's job makes of audit_entry, and of the settings, by itself
			and c.relname not in ('audit_due', 'audit_batch', 'audit_link', 'audit_head', 'statement_version', 'session')`, tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, hash string
		if err := rows.Scan(&name, &hash); err != nil {
			t.Fatal(err)
		}
		all[name] = hash
	}
	if rows.Err() != nil || len(all) < 15 {
		t.Fatalf("%d tables, %v", len(all), rows.Err())
	}
	keys, err := d.redis.Keys(t.Context(), "t:{"+tenant+"}*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	for _, k := range keys {
		dump, err := d.redis.Dump(t.Context(), k).Result()
		if err == nil { // else it has expired just now
			all["redis "+k] = dump
		}
	}
	return all
}

func differences(before, after map[string]string) (names []string) {
	for name, hash := range after {
		if was, ok := before[name]; !ok || was != hash {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok && !strings.HasPrefix(name, "redis ") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ids finds one of each kind that a tenant has.
func (d *demo) ids(t *testing.T, tenant string) map[string]string {
	t.Helper()
	own := map[string]string{"ten_": "ten_" + tenant, "": uuid()}
	for prefix, query := range map[string]string{
		"loc_": "select id from location", "prc_": "select id from practitioner", "res_": "select id from resource", "svc_": "select id from service",
		"win_": "select id from opening", "cls_": "select id from closure", "quo_": "select id from quota", "chn_": "select id from chain",
		"cal_": "select id from calendar", "apt_": "select id from appointment", "bkg_": "select booking_id from appointment", "env_": "select id from envelope",
		"con_": "select id from connector", "acc_": "select account_id from member", "tok_": "select id from api_token", "inv_": "select id from invitation", "msg_": "select id from outbox",
		"whk_": "select id from webhook", "dlv_": "select id from webhook_delivery",
	} {
		var id string
		err := d.db.QueryRow(t.Context(), "select coalesce((select x::text from ("+query+" where tenant_id = $1 limit 1) q (x)), '')", tenant).Scan(&id)
		if err != nil {
			t.Fatalf("%s: %v", prefix, err)
		}
		if id != "" {
			own[prefix] = prefix + id
		}
	}
	own["loc_.loc_"] = own["loc_"] + "." + own["loc_"]
	own["host"] = "termine-" + tenant[28:] + ".example"
	if _, err := d.db.Exec(t.Context(), `insert into tenant_host (host, tenant_id, challenge) values ($1, $2, 'x') on conflict do nothing`, own["host"], tenant); err != nil {
		t.Fatal(err)
	}
	return own
}

var variable = regexp.MustCompile(`"(request_id|challenge|salt|signature)":"[^"]*"|"(at|created|now|starts|ends|expires)":"[^"]*"|"version":\d+`)

// same says of two answers that nobody can tell them apart but by what they were
// asked for.
func (a answer) shape(asked string) string {
	body := variable.ReplaceAllString(string(a.Body), "")
	for _, part := range strings.Split(asked, ".") {
		if _, bare, ok := strings.Cut(part, "_"); ok {
			body = strings.ReplaceAll(body, bare, "ID")
		}
		body = strings.ReplaceAll(body, part, "ID")
	}
	h := a.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Set-Cookie", "Content-Length", "Etag"} {
		h.Del(name)
	}
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(h)) {
		lines = append(lines, k+": "+strings.Join(h[k], ", "))
	}
	return fmt.Sprintf("%d\n%s\n%s", a.Status, strings.Join(lines, "\n"), body)
}

// prove shows within the session that it is they.
func (d *demo) prove(t *testing.T, v *visitor, email, password string) {
	t.Helper()
	var start struct{ Salt string }
	v.post("/api/v1/session/start", map[string]any{"email": email}).into(t, &start)
	if a := v.post("/api/v1/session/confirm", map[string]any{"sign_in_secret": signInSecret(t, password, start.Salt)}); a.Status >= 300 {
		t.Fatalf("confirm: %v %s", a, a.Body)
	}
}

// never are operations that end what the others need. What they do to others is
// tried elsewhere, or they name nobody else.
var never = map[string]string{
	"signOut": "ends the session that the others need", "watchChanges": "a stream: see TestChangesAreSaidToTheirOfficeOnly",
}

// shallow are operations whose request cannot be made up, so that they refuse it
// before they look at the id.
var shallow = map[string]string{
	"askOfData": "what is sealed to the request cannot be made up",
}

func TestWallsNobodyTellsAnothersFromNothing(t *testing.T) {
	d := running(t)
	const mine, theirs = 1, 0
	bookedThere, _ := book(t, d, 961) // at the first practice
	tenant := func(n int) string {
		return d.visitor(strings.TrimPrefix(d.table.Practices[n].Patients, "http://"), 962+n).practice(t).Tenant
	}
	a, b := tenant(mine), tenant(theirs)
	who := d.table.Practices[mine].SignIns[0]
	owner := d.staff(t, mine, 965)
	d.prove(t, owner, who.Email, who.Password)
	patient := d.visitor(strings.TrimPrefix(d.table.Practices[mine].Patients, "http://"), 966)
	own, foreign := d.ids(t, a), d.ids(t, b)
	if foreign["apt_"] == "" || bookedThere == "" {
		t.Fatal("the other practice has no appointment")
	}
	rules := func() (r map[string]any) {
		owner.get("/api/v1/rules").into(t, &r)
		return r
	}
	tried := 0
	for _, op := range d.operations(t) {
		if never[op.name] != "" {
			continue
		}
		if len(op.places) == 0 && op.method == http.MethodGet {
			continue // names nothing: the host and the session decide, and have tests of their own
		}
		for _, host := range op.hosts {
			v := owner
			switch host {
			case "patients":
				v = patient
			case "portal":
				continue // see TestWallsOfThePortal
			}
			for _, p := range op.places {
				if p.prefix == nobodys {
					continue
				}
				t.Run(op.name+"/"+host+"/"+p.String(), func(t *testing.T) {
					id := foreign[p.prefix]
					if id == "" {
						// The other practice has none of that kind; an id of it is another's all the same.
						id = p.prefix + strings.TrimPrefix(foreign["apt_"], "apt_")
					}
					ask := func(id string) answer {
						path, query := op.path, []string{}
						for _, q := range op.places {
							value := own[q.prefix]
							if q.String() == p.String() {
								value = id
							}
							if value == "" {
								value = q.prefix + uuid()
							}
							switch q.in {
							case "path":
								path = strings.NewReplacer("{"+q.at[0]+"}", value, ":"+q.at[0], value).Replace(path)
							case "query":
								// Of those that may be missing only the one in question; and a
								// service, where it is that or a chain.
								if q.required || q.String() == p.String() || q.at[0] == "service" && !(p.in == "query" && p.at[0] == "chain") {
									query = append(query, q.at[0]+"="+value)
								}
							}
						}
						query = append(query, op.fill(query)...)
						var body []byte
						if op.body != nil {
							value := op.made(op.body, own, 0)
							if v, ok := op.ruleBody(rules, own); ok {
								value = v
							}
							if p.in == "body" {
								value = op.put(value, op.body, p.at, own, id)
							} else if o, ok := value.(map[string]any); ok && op.isRule() {
								if inner, ok := o["value"].(map[string]any); ok && inner["id"] != nil {
									inner["id"] = id
								}
							}
							body, _ = json.Marshal(value)
						}
						if len(query) > 0 {
							path += "?" + strings.Join(query, "&")
						}
						return v.send(op.method, path, body)
					}
					before := d.rows(t, b)
					hit := ask(id)
					changed := differences(before, d.rows(t, b))
					nothing := p.prefix + uuid()
					switch p.prefix {
					case "loc_.loc_":
						nothing = "loc_" + uuid() + ".loc_" + uuid()
					case "host":
						nothing = "termine-" + uuid()[:8] + ".example"
					}
					miss := ask(nothing)
					if hit.Err != nil || miss.Err != nil {
						t.Fatal(hit.Err, miss.Err)
					}
					if len(changed) > 0 {
						t.Errorf("the other tenant's %v have changed", changed)
					}
					if x, y := hit.shape(id), miss.shape(nothing); x != y {
						t.Errorf("another's: %s\nnothing: %s", x, y)
					}
					if hit.Status == 400 && shallow[op.name] == "" && (hit.Reason == "malformed_body" || hit.Reason == "malformed_request") {
						t.Errorf("the request was refused for its form, so nobody looked at the id: %s", hit.Body)
					}
					if hit.Status >= 500 {
						t.Errorf("%v %s", hit, hit.Body)
					}
					tried++
				})
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d places were tried", tried)
	}
}

// fill adds what a query needs beside ids.
func (op *operation) fill(have []string) (more []string) {
	if op.raw {
		return nil // it is not described what a query of theirs may hold
	}
	item, _ := op.document["paths"].(schema)[op.path].(schema)
	o, _ := item[strings.ToLower(op.method)].(schema)
	list, _ := o["parameters"].([]any)
	from := time.Now().UTC().AddDate(0, 0, 1)
	for _, p := range list {
		p := p.(schema)
		name := p["name"].(string)
		if p["in"] != "query" || slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, name+"=") }) || p["required"] != true {
			continue
		}
		s := op.resolved(p["schema"].(schema))
		value := fmt.Sprint(op.made(s, nil, 0))
		switch {
		case name == "from" && s["format"] != "date-time":
			value = from.Format(time.DateOnly)
		case name == "to" && s["format"] != "date-time":
			value = from.AddDate(0, 0, 7).Format(time.DateOnly)
		case name == "to":
			value = from.AddDate(0, 0, 7).Format(time.RFC3339)
		}
		more = append(more, name+"="+value)
	}
	return more
}

func (op *operation) isRule() bool {
	return strings.HasPrefix(op.path, "/api/v1/rules/") && op.method == http.MethodPut
}

// ruleBody is a rule that the practice has, to put it again.
func (op *operation) ruleBody(rules func() map[string]any, own map[string]string) (any, bool) {
	if !op.isRule() {
		return nil, false
	}
	r := rules()
	kind := strings.Split(op.path, "/")[4]
	var value any
	switch list := r[kind].(type) {
	case []any:
		if len(list) > 0 {
			value = list[0]
		}
	case map[string]any:
		value = list
	}
	if value == nil {
		value = op.made(op.resolved(op.body["properties"].(schema)["value"].(schema)), own, 0)
	}
	return map[string]any{"version": r["version"], "outside": "keep", "value": value}, true
}

// A secret that opens a booking elsewhere opens nothing here.
func TestWallsSecretsAreOfOnePractice(t *testing.T) {
	d := running(t)
	there, here := d.visitor(d.host("praxis-sonnenberg"), 970), d.visitor(d.host("zahnarzt-am-markt"), 971)
	p, f, _ := aHold(t, there, "Blutabnahme", "Praxisteam")
	before := d.rows(t, p.Tenant)
	for _, path := range []string{"/api/v1/holds/extend", "/api/v1/holds/release"} {
		hit, miss := here.post(path, map[string]any{"token": b64(f.Token)}), here.post(path, map[string]any{"token": b64(random(16))})
		if hit.shape("") != miss.shape("") {
			t.Errorf("%s: %s, and for nothing %s", path, hit.shape(""), miss.shape(""))
		}
	}
	if changed := differences(before, d.rows(t, p.Tenant)); len(changed) > 0 {
		t.Errorf("%v have changed", changed)
	}
	if a := there.post("/api/v1/bookings", f.booking(p)); a.Status != 202 {
		t.Fatalf("%v %s", a, a.Body)
	}
	code, err := d.code(f.Address, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	secrets := func(when string) {
		before := d.rows(t, p.Tenant)
		for _, path := range []string{"peek", "confirm", "view", "cancel"} {
			body := func(secret []byte, code string) map[string]any {
				b := map[string]any{"secret": b64(secret)}
				if path == "peek" || path == "confirm" {
					b["code"] = code
				}
				return b
			}
			hit, miss := here.post("/api/v1/bookings/"+path, body(f.Secret, code)), here.post("/api/v1/bookings/"+path, body(random(16), b64(random(16))))
			if hit.Status < 400 || hit.shape("") != miss.shape("") {
				t.Errorf("%s, %s: %s, and for nothing %s", when, path, hit.shape(""), miss.shape(""))
			}
		}
		if changed := differences(before, d.rows(t, p.Tenant)); len(changed) > 0 {
			t.Errorf("%s: %v have changed", when, changed)
		}
	}
	secrets("pending")
	if a := there.post("/api/v1/bookings/confirm", f.confirmation(code)); a.Status != 200 {
		t.Fatalf("%v %s", a, a.Body)
	}
	secrets("booked")
}

// Whatever is said about the host, the tenant is the one of the Host header or none.
func TestWallsHostConfusion(t *testing.T) {
	d := running(t)
	host, other := d.host("praxis-sonnenberg"), d.host("zahnarzt-am-markt")
	name, port, _ := strings.Cut(host, ":")
	otherName, _, _ := strings.Cut(other, ":")
	const own, foreign = `"name":"Praxis Sonnenberg"`, "Zahnarzt"
	for _, c := range []struct {
		name, request string
		serves        bool // else nobody's page
	}{
		{"Plain", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n\r\n", true},
		{"Case", "GET /api/v1/practice HTTP/1.1\r\nHost: PRAXIS-Sonnenberg.LocalHost:" + port + "\r\n\r\n", true},
		{"TrailingDot", "GET /api/v1/practice HTTP/1.1\r\nHost: " + name + ".:" + port + "\r\n\r\n", false},
		{"TwoDots", "GET /api/v1/practice HTTP/1.1\r\nHost: " + name + "..:" + port + "\r\n\r\n", false},
		{"LeadingDot", "GET /api/v1/practice HTTP/1.1\r\nHost: ." + host + "\r\n\r\n", false},
		{"NoPort", "GET /api/v1/practice HTTP/1.1\r\nHost: " + name + "\r\n\r\n", false},
		{"OtherPort", "GET /api/v1/practice HTTP/1.1\r\nHost: " + name + ":1\r\n\r\n", false},
		{"Missing", "GET /api/v1/practice HTTP/1.1\r\n\r\n", false},
		{"Empty", "GET /api/v1/practice HTTP/1.1\r\nHost: \r\n\r\n", false},
		{"OldHTTPWithout", "GET /api/v1/practice HTTP/1.0\r\n\r\n", false},
		{"Duplicate", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\nHost: " + other + "\r\n\r\n", false},
		{"DuplicateFolded", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n " + other + "\r\n\r\n", false},
		{"List", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + ", " + other + "\r\n\r\n", false},
		{"AbsoluteForm", "GET http://" + other + "/api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n\r\n", false},
		{"AbsoluteFormOwn", "GET http://" + host + "/api/v1/practice HTTP/1.1\r\nHost: " + other + "\r\n\r\n", false},
		{"UserInfo", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "@" + other + "\r\n\r\n", false},
		{"Path", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "/" + other + "\r\n\r\n", false},
		{"Punycode", "GET /api/v1/practice HTTP/1.1\r\nHost: xn--praxis-sonnenberg-abc.localhost:" + port + "\r\n\r\n", false},
		{"Unicode", "GET /api/v1/practice HTTP/1.1\r\nHost: práxis-sonnenberg.localhost:" + port + "\r\n\r\n", false},
		{"FullWidthDot", "GET /api/v1/practice HTTP/1.1\r\nHost: praxis-sonnenberg。localhost:" + port + "\r\n\r\n", false},
		{"Percent", "GET /api/v1/practice HTTP/1.1\r\nHost: praxis%2dsonnenberg.localhost:" + port + "\r\n\r\n", false},
		{"Below", "GET /api/v1/practice HTTP/1.1\r\nHost: " + otherName + "." + host + "\r\n\r\n", false},
		{"Twice", "GET /api/v1/practice HTTP/1.1\r\nHost: " + name + "." + host + "\r\n\r\n", false},
		{"Zero", "GET /api/v1/practice HTTP/1.1\r\nHost: praxis-sonnenberg\x00.localhost:" + port + "\r\n\r\n", false},
		{"Address", "GET /api/v1/practice HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\n\r\n", false},
		{"Base", "GET /api/v1/practice HTTP/1.1\r\nHost: localhost:" + port + "\r\n\r\n", false},
		{"Forwarded", "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\nX-Forwarded-Host: " + other + "\r\nForwarded: host=" + other + "\r\nX-Host: " + other + "\r\nX-Forwarded-Server: " + other + "\r\n\r\n", true},
		{"ForwardedOnly", "GET /api/v1/practice HTTP/1.1\r\nHost: nobody.localhost:" + port + "\r\nX-Forwarded-Host: " + host + "\r\n\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			answers, _ := d.raw(t, c.request, 3*time.Second)
			for _, a := range answers {
				if strings.Contains(string(a.Body), foreign) {
					t.Fatalf("another practice answers: %v %.200s", a, a.Body)
				}
				if !c.serves && strings.Contains(string(a.Body), own) {
					t.Errorf("it answers: %v", a)
				}
			}
			if c.serves && (len(answers) != 1 || answers[0].Status != 200 || !strings.Contains(string(answers[0].Body), own)) {
				t.Errorf("%v", answers)
			}
		})
	}
}

// A machine's token opens what its scopes say, in its own practice, until it ends.
func TestWallsOfTokens(t *testing.T) {
	d := running(t)
	who := d.table.Practices[0].SignIns[0]
	owner := d.staff(t, 0, 975)
	ask := map[string]any{"name": "Praxissoftware", "scopes": []string{"appointments.read"}, "days": 1}
	// Signing in was a proof: one that is over by now.
	if _, err := d.db.Exec(t.Context(), `update session set proven = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	if a := owner.post("/api/v1/tokens", ask); a.String() != "403 proof_needed" {
		t.Fatalf("without a proof: %v", a)
	}
	d.prove(t, owner, who.Email, who.Password)
	var made struct {
		Secret string
		Token  struct{ ID string }
	}
	if a := owner.post("/api/v1/tokens", ask); a.Status != 201 {
		t.Fatalf("%v %s", a, a.Body)
	} else {
		a.into(t, &made)
	}
	if n := d.count(t, `select count(*) from api_token where encode(hash, 'base64') like '%'||$1||'%'`, made.Secret[30:]); n != 0 {
		t.Error("the secret itself is stored")
	}
	machine := func(host, secret string) func(method, path string, body []byte) string {
		v := d.visitor(d.host(host), 976)
		return func(method, path string, body []byte) string {
			return v.send(method, path, body, "Authorization", "Bearer "+secret).String()
		}
	}
	const range_ = "/api/v1/appointments?from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z"
	here, elsewhere := machine("praxis-sonnenberg.office", made.Secret), machine("zahnarzt-am-markt.office", made.Secret)
	raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(made.Secret, "siegel_"))
	raw[40] ^= 1
	for name, c := range map[string]struct{ got, want string }{
		"ItsScope":         {here("GET", range_, nil), "200"},
		"AnotherScope":     {here("GET", "/api/v1/rules", nil), "403 forbidden"},
		"Writing":          {here("POST", "/api/v1/cards", []byte(`{}`)), "403 forbidden"},
		"TheTrail":         {here("GET", "/api/v1/audit", nil), "403 forbidden"},
		"Keys":             {here("GET", "/api/v1/keyring", nil), "403 forbidden"},
		"MakingTokens":     {here("POST", "/api/v1/tokens", []byte(`{"name":"x","scopes":["rules.read"],"days":1}`)), "403 forbidden"},
		"AnotherPractice":  {elsewhere("GET", range_, nil), "401 token_refused"},
		"AnotherSecret":    {machine("praxis-sonnenberg.office", "siegel_"+b64(raw))("GET", range_, nil), "401 token_refused"},
		"NoToken":          {machine("praxis-sonnenberg.office", canary)("GET", range_, nil), "401 token_refused"},
		"ThePatientsHost":  {machine("praxis-sonnenberg", made.Secret)("GET", range_, nil), "404 not_found"},
		"AsARoleOfAPerson": {owner.post("/api/v1/tokens", with(ask, "scopes", []string{"r:owner"})).String(), "422 unknown_scope"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
	if a := owner.send("DELETE", "/api/v1/tokens/"+made.Token.ID, nil); a.Status != 204 {
		t.Fatalf("%v", a)
	}
	for revoked := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		begun := time.Now()
		if here("GET", range_, nil) == "401 token_refused" {
			break
		}
		if begun.Sub(revoked) > time.Second {
			t.Fatal("it is revoked and still lets in")
		}
	}
	trail := owner.get("/api/v1/audit?act=token.")
	for _, word := range []string{`"token.create"`, `"token.revoke"`, made.Token.ID} {
		if !strings.Contains(string(trail.Body), word) {
			t.Errorf("the trail lacks %s: %.500s", word, trail.Body)
		}
	}
	if strings.Contains(string(trail.Body), made.Secret) {
		t.Error("the trail has the secret")
	}
}
