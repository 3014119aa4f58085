package main

import (
	"net/http"
	"net/url"
	"testing"

	"siegel/plugins/sdk"
)

// The example of Twilio's own documentation.
func TestSignatureAsDocumented(t *testing.T) {
	t.Parallel()
	form := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"},
		"From": {"+14158675309"}, "To": {"+18005551212"},
	}
	r := sdk.Request{
		Method: http.MethodPost, URL: "https://mycompany.com/myapp.php?foo=1&bar=2",
		Header: http.Header{"X-Twilio-Signature": {"RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
	}
	if !signed(r, form, "12345") {
		t.Error("the documented signature is refused")
	}
	form.Set("Digits", "1235")
	if signed(r, form, "12345") {
		t.Error("the documented signature is accepted for other digits")
	}
}

func TestSpellingsOfAnAddress(t *testing.T) {
	t.Parallel()
	for address, other := range map[string]string{
		"https://a.example/x?y=%2F":     "https://a.example:443/x?y=%2F",
		"http://a.example":              "http://a.example:80",
		"https://a.example:8443/x":      "https://a.example/x",
		"https://[2001:db8::1]:8443/x":  "https://[2001:db8::1]/x",
		"https://[2001:db8::1]/x":       "https://[2001:db8::1]:443/x",
		"https://a.example?q=http://b/": "https://a.example:443?q=http://b/",
	} {
		got := spellings(address)
		if len(got) != 2 || got[0] != address || got[1] != other {
			t.Errorf("spellings(%q) = %q, want %q too", address, got, other)
		}
	}
}
