package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
)

// jar is what a browser keeps of cookies.
type jar map[string]string

func (j jar) String() string {
	var all []string
	for name, value := range j {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

// call is a request of a browser with these cookies; it reads the answer's JSON.
func (h *house) call(t *testing.T, j jar, host, method, path, body string) (*http.Response, map[string]any) {
	t.Helper()
	res := h.do(t, method, host, path, body, "Cookie", j.String())
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(j, c.Name)
		} else {
			j[c.Name] = c.Value
		}
	}
	var answer map[string]any
	if content := text(t, res); content != "" && json.Unmarshal([]byte(content), &answer) != nil {
		t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, content)
	}
	return res, answer
}

func (h *house) want(t *testing.T, status int, j jar, host, method, path, body string) map[string]any {
	t.Helper()
	res, answer := h.call(t, j, host, method, path, body)
	if res.StatusCode != status {
		t.Fatalf("%s %s: %d %v, want %d", method, path, res.StatusCode, answer, status)
	}
	return answer
}

// Signing in with all its steps, over the wire.
func TestSignIn_SecondFactor(t *testing.T) {
	t.Parallel()
	h := setup(t, "http").serve(t)
	account, signIn := h.member(t)
	j := jar{}
	if answer := h.want(t, 200, j, office, "POST", "/api/v1/session", signIn); len(answer["must"].([]any)) != 0 {
		t.Errorf("must %v", answer["must"])
	}

	// A proof older than five minutes is none.
	if _, err := h.DB.Global().NewRaw(`update session set proven = now() - interval '6 minutes'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(identity.Age)
	if answer := h.want(t, 403, j, office, "POST", "/api/v1/account/totp/start", `{}`); answer["reason"] != "proof_needed" {
		t.Errorf("got %v", answer)
	}
	secret := signIn[strings.Index(signIn, `"sign_in_secret"`):]
	before := j["siegel-session"]
	h.want(t, 204, j, office, "POST", "/api/v1/session/confirm", `{`+secret)
	if j["siegel-session"] == before {
		t.Error("the session's cookie outlives a proof")
	}
	offer := h.want(t, 200, j, office, "POST", "/api/v1/account/totp/start", `{}`)
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(offer["secret"].(string), at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	say := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	codes := h.want(t, 200, j, office, "POST", "/api/v1/account/totp", say(map[string]any{"ticket": offer["ticket"], "code": code(time.Now())}))
	if len(codes["codes"].([]any)) != 10 {
		t.Errorf("got %v", codes)
	}

	desk := jar{}
	half := h.want(t, 401, desk, office, "POST", "/api/v1/session", signIn)
	if half["reason"] != "second_factor_needed" || len(desk) != 0 {
		t.Fatalf("got %v, cookies %v", half, desk)
	}
	// The code of the next step: a step that ends on the way makes none too old.
	h.want(t, 200, desk, office, "POST", "/api/v1/session/second", say(map[string]any{"ticket": half["ticket"], "totp": code(time.Now().Add(30 * time.Second))}))
	if desk["siegel-session"] == "" || desk["siegel-device"] == "" {
		t.Fatalf("cookies %v: want the session's and the device's, each of its own", desk)
	}
	h.want(t, 204, desk, office, "DELETE", "/api/v1/session", "")
	h.want(t, 200, desk, office, "POST", "/api/v1/session", signIn) // the device is trusted today
	got := h.want(t, 200, desk, office, "GET", "/api/v1/account", "")
	if got["totp"] != true || got["account"] != account.String() {
		t.Errorf("got %v", got)
	}
}

func TestSignIn_Passkey(t *testing.T) {
	t.Parallel()
	h := setup(t, "http").serve(t)
	account, signIn := h.member(t)
	j := jar{}
	h.want(t, 200, j, office, "POST", "/api/v1/session", signIn)
	start := h.want(t, 200, j, office, "POST", "/api/v1/account/passkeys/start", `{}`)
	rp := virtualwebauthn.RelyingParty{ID: "office.localhost", Name: "Siegel", Origin: "http://" + office}
	handle := account.Bytes()
	authenticator := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: handle[:]})
	credential := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	// The library drops leading zeros of a public key: one in 128 would be malformed.
	for len(credential.Key.AttestationData()) != 77 {
		credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	raw, _ := json.Marshal(start["public_key"])
	creation, err := virtualwebauthn.ParseAttestationOptions(string(raw))
	if err != nil || creation.RelyingPartyID != "office.localhost" {
		t.Fatalf("%s: %v", raw, err)
	}
	body, _ := json.Marshal(map[string]any{
		"ticket": start["ticket"], "credential": virtualwebauthn.CreateAttestationResponse(rp, authenticator, credential, *creation),
		"name": "Empfang", "prf_salt": base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "wrapped_member_key": base64.RawURLEncoding.EncodeToString(make([]byte, 60)),
	})
	h.want(t, 200, j, office, "POST", "/api/v1/account/passkeys", string(body))

	fresh := jar{}
	start = h.want(t, 200, fresh, office, "POST", "/api/v1/session/passkey/start", `{}`)
	raw, _ = json.Marshal(start["public_key"])
	request, err := virtualwebauthn.ParseAssertionOptions(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	credential.Counter++
	body, _ = json.Marshal(map[string]any{"ticket": start["ticket"], "credential": virtualwebauthn.CreateAssertionResponse(rp, authenticator, credential, *request)})
	answer := h.want(t, 200, fresh, office, "POST", "/api/v1/session/passkey", string(body))
	if unlock := answer["unlock"].(map[string]any); unlock["passkey"] != true {
		t.Errorf("got %v", answer)
	}
	if res, _ := h.call(t, jar{}, office, "POST", "/api/v1/session/passkey", string(body)); res.StatusCode < 400 {
		t.Error("a replayed assertion signs in")
	}
}

// Whoever has something to do first may do that, and nothing else.
func TestArriving(t *testing.T) {
	t.Parallel()
	h := setup(t, "http").serve(t)
	_, signIn := h.member(t)
	if err := h.identity.SetRule(t.Context(), identity.OfTenant(h.Tenant.ID), identity.Rule{SecondFactor: true, HistoryDays: 90}); err != nil {
		t.Fatal(err)
	}
	j := jar{}
	answer := h.want(t, 200, j, office, "POST", "/api/v1/session", signIn)
	if must := answer["must"].([]any); len(must) != 1 || must[0] != identity.MustSecondFactor || answer["role"] != "owner" {
		t.Errorf("got %v", answer)
	}
	for _, path := range []string{"/api/v1/appointments?from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z", "/api/v1/keyring", "/api/v1/rules"} {
		if answer := h.want(t, 403, j, office, "GET", path, ""); answer["reason"] != "forbidden" {
			t.Errorf("%s: got %v", path, answer)
		}
	}
	h.want(t, 200, j, office, "GET", "/api/v1/account", "")
	h.want(t, 200, j, office, "POST", "/api/v1/account/totp/start", `{}`)
}

func TestPortal_SignInSwitchAndUndertaking(t *testing.T) {
	t.Parallel()
	h := setup(t, "http").serve(t)
	account, signIn := h.member(t)
	const portal = "portal.localhost:8080"
	h.want(t, 401, jar{}, portal, "POST", "/api/v1/session", signIn) // of a practice only
	reseller := id.New[id.Reseller]()
	for _, statement := range []string{
		`insert into reseller (id, name) values ('` + reseller.UUID() + `', 'Vertrieb Nord')`,
		`insert into reseller_member (reseller_id, account_id, role) values ('` + reseller.UUID() + `', '` + account.UUID() + `', 'reseller_agent')`,
		`insert into platform_member (account_id, role) values ('` + account.UUID() + `', 'platform_admin')`,
	} {
		if _, err := h.DB.Global().NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	j := jar{}
	answer := h.want(t, 200, j, portal, "POST", "/api/v1/session", signIn)
	if domains := answer["domains"].([]any); len(domains) != 2 || answer["role"] != "platform_admin" || len(answer["must"].([]any)) != 2 {
		t.Errorf("got %v", answer)
	}
	h.want(t, 401, jar{"siegel-session": j["siegel-session"]}, office, "GET", "/api/v1/session", "")
	text := h.want(t, 200, j, portal, "GET", "/api/v1/account/undertaking?language=de", "")
	h.want(t, 204, j, portal, "POST", "/api/v1/account/undertaking", `{"version":"`+text["version"].(string)+`","language":"de"}`)
	if answer = h.want(t, 200, j, portal, "GET", "/api/v1/session", ""); len(answer["must"].([]any)) != 1 {
		t.Errorf("got %v", answer)
	}
	h.want(t, 403, j, portal, "POST", "/api/v1/session/domain", `{"kind":"reseller","id":"`+id.New[id.Reseller]().String()+`"}`)
	h.want(t, 204, j, portal, "POST", "/api/v1/session/domain", `{"kind":"reseller","id":"`+reseller.String()+`"}`)
	answer = h.want(t, 200, j, portal, "GET", "/api/v1/session", "")
	if domain := answer["domain"].(map[string]any); domain["kind"] != string(access.Reseller) || domain["name"] != "Vertrieb Nord" || answer["role"] != "reseller_agent" {
		t.Errorf("got %v", answer)
	}
}
