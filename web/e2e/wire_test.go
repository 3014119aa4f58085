package e2e_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary stands in whatever is sent and refused, and in no answer.
const canary = "Zwieselmeyer"

// state is a hash of each table's rows and the names of all keys in Redis.
type state struct {
	tables map[string]string
	keys   map[string]bool
}

// state waits until no message is on its way, which changes rows by itself.
func (d *demo) state(t *testing.T) state {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); d.count(t, underWay) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the outbox does not empty")
		}
	}
	rows, err := d.db.Query(t.Context(), `
		select relname, (xpath('//h/text()', query_to_xml(format(
			'select md5(coalesce(string_agg(r::text, chr(10) order by r::text), '''')) as h from %I r', relname), false, true, '')))[1]::text
		from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like 'bun\_%'
			-- what a minute's job makes of audit_entry, and of the settings, by itself
			and relname not in ('audit_due', 'audit_batch', 'audit_link', 'audit_head', 'statement_version', 'service_state', 'shred_chain',
				'sign_in_history')`) // a failed sign-in is noted after its answer
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	s := state{tables: map[string]string{}, keys: map[string]bool{}}
	for rows.Next() {
		var name, hash string
		if err := rows.Scan(&name, &hash); err != nil {
			t.Fatal(err)
		}
		s.tables[name] = hash
	}
	if rows.Err() != nil || len(s.tables) < 15 {
		t.Fatalf("%d tables, %v", len(s.tables), rows.Err())
	}
	keys, err := d.redis.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k != "g:{shred}:state" { // the server puts it back after a test that emptied Redis
			s.keys[k] = true
		}
	}
	return s
}

// unchanged says what has changed since before. A key of Redis that is gone
// has expired; kinds are parts of names of keys that may have come.
func (d *demo) unchanged(t *testing.T, before state, kinds ...string) {
	t.Helper()
	after := d.state(t)
	for table, hash := range after.tables {
		if before.tables[table] != hash {
			t.Errorf("rows of %s have changed", table)
		}
	}
	for k := range after.keys {
		if !before.keys[k] && !slices.ContainsFunc(kinds, func(kind string) bool { return strings.Contains(k, kind) }) {
			t.Errorf("Redis has a new key %s", k)
		}
	}
}

// secured checks what every answer carries, whatever it says.
func secured(t *testing.T, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()",
	} {
		if got := a.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q", name, got)
		}
	}
	if a.Header.Get("Server") != "" {
		t.Errorf("it says what it is made of: %q", a.Header.Get("Server"))
	}
}

var malformedReason = regexp.MustCompile(`[^a-z_]`)

// refused checks a refusal: problem details with the reason, kept by no cache,
// without anything that was sent.
func refused(t *testing.T, a answer, want string, forbidden ...string) {
	t.Helper()
	if got := a.String(); got != want {
		t.Errorf("answered %s, want %s: %.200s", got, want, a.Body)
		return
	}
	secured(t, a)
	if media := a.Header.Get("Content-Type"); media != "application/problem+json" {
		t.Errorf("content type %q", media)
	}
	if caching := a.Header.Get("Cache-Control"); caching != "no-store" {
		t.Errorf("cache-control %q", caching)
	}
	if malformedReason.MatchString(a.Reason) {
		t.Errorf("reason %q", a.Reason)
	}
	id := a.Header.Get("X-Request-Id")
	if id == "" || !bytes.Contains(a.Body, []byte(`"request_id":"`+id+`"`)) {
		t.Errorf("request id %q is not in %s", id, a.Body)
	}
	said := bytes.ReplaceAll(a.Body, []byte(`"`+id+`"`), nil) // by chance it has short words in it
	for _, f := range append(forbidden, canary, "goroutine", ".go:", "SQLSTATE", "pgx", "fasthttp", "unmarshal") {
		if bytes.Contains(said, []byte(f)) {
			t.Errorf("the answer says %q: %s", f, a.Body)
		}
	}
}

// raw sends bytes on a connection of their own and reads all answers until
// none comes for a while or the server hangs up.
func (d *demo) raw(t *testing.T, sent string, wait time.Duration) (answers []answer, hungUp bool) {
	t.Helper()
	return d.answers(t, sent, wait, 300*time.Millisecond)
}

// answers waits so long for the first answer, and for whatever comes after one.
func (d *demo) answers(t *testing.T, sent string, wait, more time.Duration) (answers []answer, hungUp bool) {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+d.port)
	if err != nil {
		t.Error(err)
		return nil, false
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, sent) }() // the server may hang up before all is sent
	in := bufio.NewReader(conn)
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	method, _, _ := strings.Cut(sent, " ")
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			var timeout net.Error
			return answers, !(errors.As(err, &timeout) && timeout.Timeout())
		}
		a := answer{Status: res.StatusCode, Header: res.Header}
		a.Body, a.Err = io.ReadAll(res.Body)
		a.Reason = reason(a.Body)
		answers = append(answers, a)
		_ = conn.SetReadDeadline(time.Now().Add(more))
	}
}

// attack is what is sent, and how it is refused.
type attack struct{ name, sent, want string }

// attacks are all that two readers could take differently.
func (d *demo) attacks() []attack {
	host := d.host("praxis-sonnenberg")
	zip := &bytes.Buffer{}
	z := gzip.NewWriter(zip)
	_, _ = z.Write(bytes.Repeat([]byte(canary), 1<<16))
	_ = z.Close()
	get := func(lines ...string) string {
		return "GET /api/v1/practice HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	body := `{"secret":"` + canary + `"}`
	post := func(body string, lines ...string) string {
		return "POST /api/v1/bookings/peek HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + body
	}
	const typed = "Content-Type: application/json"
	length := func(b string) string { return "Content-Length: " + strconv.Itoa(len(b)) }
	smuggled := "GET /" + canary + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"

	return []attack{
		{"TwoHosts", get("Host: "+host, "Host: "+d.host("zahnarzt-am-markt")), "400 malformed_request"},
		{"TheSameHostTwice", get("Host: "+host, "Host: "+host), "400 malformed_request"},
		{"NoHost", get("Accept: */*"), "400 malformed_request"},
		{"NoHostInOldHTTP", "GET /api/v1/practice HTTP/1.0\r\n\r\n", "400 malformed_header"},
		{"EmptyHost", get("Host:"), "400 malformed_request"},
		{"AbsoluteTarget", "GET http://" + d.host("zahnarzt-am-markt") + "/api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "400 malformed_target"},
		{"AbsoluteTargetOfTheSameHost", "GET http://" + host + "/api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "400 malformed_target"},
		{"AsteriskTarget", "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "400 malformed_target"},
		{"TargetWithoutSlash", "GET " + canary + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "400 malformed_request"},
		{"TargetWithBackslash", "GET /\\" + canary + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "400 malformed_target"},
		{"NoTarget", "GET\r\nHost: " + host + "\r\n\r\n", "400 malformed_request"},
		{"NotHTTP", canary + "\r\n\r\n", "400 malformed_request"},
		{"HTTP2WithoutTLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "405 method_not_allowed"},
		{"SpaceBeforeColon", get("Host: "+host, "X-Word : "+canary), "400 malformed_header"},
		{"SpaceBeforeColonOfLength", post(body, typed, "Content-Length : "+strconv.Itoa(len(body))), "400 malformed_header"},
		{"FoldedHeader", get("Host: "+host, "X-Word: a", " "+canary), "400 malformed_header"},
		{"HeaderWithoutColon", get("Host: "+host, canary), "400 malformed_request"},
		{"HeaderWithoutName", get("Host: "+host, ": "+canary), "400 malformed_request"},
		{"NulInHeader", get("Host: "+host, "X-Word: "+canary+"\x00"), "400 malformed_request"},
		{"LengthAndTransferEncoding", post("0\r\n\r\n"+smuggled, typed, "Content-Length: 5", "Transfer-Encoding: chunked"), "400 malformed_header"},
		{"TransferEncodingAndLength", post("0\r\n\r\n"+smuggled, typed, "Transfer-Encoding: chunked", "Content-Length: 5"), "400 malformed_header"},
		{"DifferingLengths", post(body+smuggled, typed, length(body), "Content-Length: 1"), "400 malformed_request"},
		{"TheSameLengthTwice", post(body, typed, length(body), length(body)), "400 malformed_request"},
		{"LengthList", post(body, typed, length(body)+", "+strconv.Itoa(len(body))), "400 malformed_request"},
		{"SignedLength", post(body, typed, "Content-Length: +"+strconv.Itoa(len(body))), "400 malformed_request"},
		{"NegativeLength", post(body, typed, "Content-Length: -1"), "400 malformed_request"},
		{"UnknownTransferEncoding", post("0\r\n\r\n"+smuggled, typed, "Transfer-Encoding: xchunked"), "400 malformed_request"},
		{"ListedTransferEncoding", post("0\r\n\r\n"+smuggled, typed, "Transfer-Encoding: identity, chunked"), "400 malformed_request"},
		{"TwoTransferEncodings", post("0\r\n\r\n"+smuggled, typed, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"), "400 malformed_header"},
		{"TransferEncodingWithTab", post("0\r\n\r\n"+smuggled, typed, "Transfer-Encoding:\x0bchunked"), "400 malformed_request"},
		{"TransferEncodingWithSpace", post("0\r\n\r\n"+smuggled, typed, "Transfer-Encoding : chunked"), "400 malformed_header"},
		{"MalformedChunk", post("x"+canary+"\r\n", typed, "Transfer-Encoding: chunked"), "400 malformed_request"},
		{"Compressed", post(zip.String(), typed, "Content-Encoding: gzip", length(zip.String())), "415 content_encoding"},
		{"SaidToBeIdentity", post(body, typed, "Content-Encoding: identity", length(body)), "415 content_encoding"},
		{"BodyTooLarge", post(strings.Repeat(canary, 6000), typed, length(strings.Repeat(canary, 6000))), "413 body_too_large"},
		{"BodyOfGigabytes", post("", typed, "Content-Length: 99999999999"), "413 body_too_large"},
		{"ChunkedBodyTooLarge", post(strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 17)+"0\r\n\r\n", typed, "Transfer-Encoding: chunked"), "413 body_too_large"},
		{"HeaderTooLarge", get("Host: "+host, "X-Word: "+strings.Repeat(canary, 1000)), "431 malformed_request"},
		{"TargetTooLong", "GET /" + strings.Repeat(canary, 1000) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "431 malformed_request"},
		{"NoContentType", post(body, length(body)), "415 content_type"},
		{"FormContentType", post(body, "Content-Type: application/x-www-form-urlencoded", length(body)), "415 content_type"},
		{"TextContentType", post(body, "Content-Type: text/plain", length(body)), "415 content_type"},
		{"NearlyJSONContentType", post(body, "Content-Type: application/jsonp", length(body)), "415 content_type"},
		{"TwoContentTypes", post(body, typed, "Content-Type: text/plain", length(body)), "400 malformed_header"},
		{"CrossSite", post(body, typed, "Sec-Fetch-Site: cross-site", length(body)), "403 foreign_origin"},
		{"SameSite", post(body, typed, "Sec-Fetch-Site: same-site", length(body)), "403 foreign_origin"},
		{"FromTheAddressBar", post(body, typed, "Sec-Fetch-Site: none", length(body)), "403 foreign_origin"},
		{"ForeignOrigin", post(body, typed, "Origin: https://"+canary+".example", length(body)), "403 foreign_origin"},
		{"OriginOfAnotherPractice", post(body, typed, "Origin: http://"+d.host("zahnarzt-am-markt"), length(body)), "403 foreign_origin"},
		{"OriginOfTheOffice", post(body, typed, "Origin: http://"+d.host("praxis-sonnenberg.office"), length(body)), "403 foreign_origin"},
		{"OriginOfAnotherScheme", post(body, typed, "Origin: https://"+host, length(body)), "403 foreign_origin"},
		{"OriginOfAnotherPort", post(body, typed, "Origin: http://praxis-sonnenberg.localhost:1", length(body)), "403 foreign_origin"},
		{"OpaqueOrigin", post(body, typed, "Origin: null", length(body)), "403 foreign_origin"},
		{"UnknownHost", get("Host: " + strings.ToLower(canary) + ".localhost:" + d.port), "404 unknown_host"},
		{"BaseHost", get("Host: localhost:" + d.port), "404 unknown_host"},
		{"AddressAsHost", get("Host: 127.0.0.1:" + d.port), "404 unknown_host"},
		{"HostWithoutPort", get("Host: praxis-sonnenberg.localhost"), "404 unknown_host"},
		{"HostWithAnotherPort", get("Host: praxis-sonnenberg.localhost:80"), "404 unknown_host"},
		{"HostWithTwoPorts", get("Host: " + host + ":" + d.port), "400 malformed_request"},
		{"HostWithLeadingZeroPort", get("Host: praxis-sonnenberg.localhost:0" + d.port), "404 unknown_host"},
		{"HostWithTrailingDot", get("Host: praxis-sonnenberg.localhost.:" + d.port), "404 unknown_host"},
		{"HostWithUser", get("Host: x@" + host), "404 unknown_host"},
		{"HostWithPath", get("Host: " + host + "/"), "400 malformed_request"},
		{"NestedHost", get("Host: x." + host), "404 unknown_host"},
		{"PunycodeHost", get("Host: xn--praxis-sonnenberg-tfb.localhost:" + d.port), "404 unknown_host"},
		{"HostInUnicode", get("Host: praxis-ſonnenberg.localhost:" + d.port), "404 unknown_host"},
		{"HostEncoded", get("Host: praxis%2dsonnenberg.localhost:" + d.port), "400 malformed_request"},
		{"TwoHostsInOne", get("Host: " + host + "," + d.host("zahnarzt-am-markt")), "400 malformed_request"},
	}
}

func TestWireRefusesWhatTwoReadersCouldTakeDifferently(t *testing.T) {
	d := running(t)
	before := d.state(t)
	t.Run("so", func(t *testing.T) { // returns when all have ended
		for _, c := range d.attacks() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				answers, _ := d.raw(t, c.sent, 5*time.Second)
				if len(answers) != 1 {
					t.Fatalf("%d answers: %v", len(answers), answers)
				}
				refused(t, answers[0], c.want)
			})
		}
	})
	d.unchanged(t, before)
}

// Fields by which proxies say what they were asked move nobody to another
// practice: only the Host header counts.
func TestWireIgnoresWhatOnlyProxiesSay(t *testing.T) {
	d := running(t)
	host, other := d.host("praxis-sonnenberg"), d.host("zahnarzt-am-markt")
	for _, c := range []struct{ name, line, host string }{
		{"XForwardedHost", "X-Forwarded-Host: " + other, host},
		{"Forwarded", "Forwarded: host=" + other + ";proto=https", host},
		{"XHost", "X-Host: " + other, host},
		{"XOriginalHost", "X-Original-Host: " + other, host},
		{"XOriginalURL", "X-Original-URL: /healthz", host},
		{"XRewriteURL", "X-Rewrite-URL: /healthz", host},
		{"XHTTPMethodOverride", "X-HTTP-Method-Override: DELETE", host},
		{"XForwardedProto", "X-Forwarded-Proto: https", host},
		{"UpperCase", "Accept: */*", strings.ToUpper(host)},
	} {
		t.Run(c.name, func(t *testing.T) {
			answers, _ := d.raw(t, "GET /api/v1/practice HTTP/1.1\r\nHost: "+c.host+"\r\n"+c.line+"\r\n\r\n", 3*time.Second)
			if len(answers) != 1 || answers[0].Status != 200 || !bytes.Contains(answers[0].Body, []byte(`"name":"Praxis Sonnenberg"`)) {
				t.Fatalf("%v", answers)
			}
			secured(t, answers[0])
		})
	}
	t.Run("OneConnectionTwoPractices", func(t *testing.T) {
		ask := func(host string) string { return "GET /api/v1/practice HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }
		sent := strings.TrimSuffix(strings.Repeat(ask(host)+ask(other), 5), "\r\n") + "Connection: close\r\n\r\n"
		answers, _ := d.answers(t, sent, 10*time.Second, 10*time.Second)
		if len(answers) != 10 {
			t.Fatalf("%d answers", len(answers))
		}
		for i, a := range answers {
			own, foreign := "Praxis Sonnenberg", "Zahnarzt am Markt"
			if i%2 == 1 {
				own, foreign = foreign, own
			}
			if !bytes.Contains(a.Body, []byte(own)) || bytes.Contains(a.Body, []byte(foreign)) {
				t.Errorf("answer %d is not of %s", i, own)
			}
		}
	})
}

// Whoever stops in the middle does not keep a connection.
func TestWireDoesNotWaitForever(t *testing.T) {
	d := running(t)
	host := d.host("praxis-sonnenberg")
	// All at once, and more than there are cores: each waits ten seconds.
	var all sync.WaitGroup
	for name, sent := range map[string]string{
		"nothing at all":      "",
		"half a request line": "GET /api",
		"half a header":       "GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Word: " + canary,
		"bare line feeds":     "GET / HTTP/1.1\nHost: " + host + "\n\n",
		"half a body":         "POST /api/v1/bookings/peek HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{" + canary,
		"half a chunk":        "POST /api/v1/bookings/peek HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{" + canary,
	} {
		all.Go(func() {
			began := time.Now()
			answers, hungUp := d.answers(t, sent, 15*time.Second, 2*time.Second)
			if !hungUp {
				t.Errorf("%s: still connected after %v", name, time.Since(began))
			}
			if len(answers) > 1 {
				t.Errorf("%s: %v", name, answers)
			}
			for _, a := range answers {
				if a.Status < 400 || a.Status > 499 {
					t.Errorf("%s: answered %v", name, a)
				}
				refused(t, a, a.String())
			}
		})
	}
	all.Wait()
}

func TestWireMethods(t *testing.T) {
	d := running(t)
	v := d.visitor(d.host("praxis-sonnenberg"), 900)
	before := d.state(t)
	for _, path := range []string{"/", "/sealed", "/api/v1/practice", "/api/v1/keys", "/healthz"} {
		get, head := v.send(http.MethodGet, path, nil, "Accept-Encoding", "identity"), v.send(http.MethodHead, path, nil, "Accept-Encoding", "identity")
		if get.Status != 200 || head.Status != 200 || len(head.Body) != 0 || len(get.Body) == 0 {
			t.Errorf("GET %s answers %v, HEAD %v with %d bytes", path, get, head, len(head.Body))
		}
		secured(t, head)
		for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control", "Etag"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s of %s is %q by HEAD, %q by GET", name, path, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
	for _, path := range []string{"/", "/api/v1/holds", "/nowhere"} {
		for _, method := range []string{"PATCH", "TRACE", "CONNECT", "PROPFIND", strings.ToUpper(canary), "get"} {
			t.Run(method+strings.ReplaceAll(path, "/", "_"), func(t *testing.T) {
				answers, _ := d.raw(t, method+" "+path+" HTTP/1.1\r\nHost: "+v.host+"\r\nCookie: siegel-visit="+canary+"\r\nContent-Length: 0\r\n\r\n", 3*time.Second)
				if len(answers) != 1 {
					t.Fatalf("%v", answers)
				}
				refused(t, answers[0], "405 method_not_allowed")
			})
		}
	}
	for _, c := range [][2]string{{"OPTIONS", "/"}, {"OPTIONS", "/api/v1/holds"}, {"GET", "/api/v1/holds"}, {"HEAD", "/api/v1/holds"},
		{"POST", "/api/v1/practice"}, {"DELETE", "/api/v1/holds"}, {"DELETE", "/api/v1/practice"}, {"PUT", "/api/v1/practice"}, {"PUT", "/api/v1/holds"}, {"GET", "/nowhere"}, {"POST", "/"}} {
		t.Run(c[0]+strings.ReplaceAll(c[1], "/", "_"), func(t *testing.T) {
			a := v.send(c[0], c[1], nil, "Content-Type", "application/json")
			if c[0] == http.MethodHead {
				if a.Status != 404 {
					t.Fatalf("%v", a)
				}
				secured(t, a)
				return
			}
			refused(t, a, "404 not_found")
		})
	}
	d.unchanged(t, before)
}

// without returns a copy of m without some keys.
func without(m map[string]any, keys ...string) map[string]any {
	m = maps.Clone(m)
	for _, k := range keys {
		delete(m, k)
	}
	return m
}

// with returns a copy of m with some keys set.
func with(m map[string]any, pairs ...any) map[string]any {
	m = maps.Clone(m)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// RFC 9116, on every kind of host.
func TestWhoFindsAWeaknessIsToldWhomToTell(t *testing.T) {
	d := running(t)
	for _, name := range []string{"praxis-sonnenberg", "praxis-sonnenberg.office", "portal"} {
		a := d.visitor(d.host(name), 0).get("/.well-known/security.txt")
		if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Fatalf("%s: %s", name, a)
		}
		secured(t, a)
		said := map[string]string{}
		for line := range strings.Lines(string(a.Body)) {
			field, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			said[field] = value
		}
		ends, err := time.Parse(time.RFC3339, said["Expires"])
		if in := time.Until(ends); err != nil || in < 30*24*time.Hour || in > 365*24*time.Hour {
			t.Errorf("%s: it ends %q (%v)", name, said["Expires"], err)
		}
		if !strings.HasPrefix(said["Contact"], "mailto:") || !strings.Contains(said["Contact"], "@") {
			t.Errorf("%s: contact %q", name, said["Contact"])
		}
	}
}
