package guard_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"siegel/platform/guard"
)

func TestPublicOnlyRefusesOurOwnNetworks(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1:248:1893:25c8:1946]:443": true, "100.63.255.255:443": true, "100.128.0.0:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "[::ffff:127.0.0.1]:443": false, "0.0.0.0:443": false,
		"10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.0.1:443": false, "[fd00::1]:443": false,
		"169.254.169.254:443": false, "[fe80::1]:443": false, "100.64.0.1:443": false, "[::ffff:100.64.0.1]:443": false,
		"224.0.0.1:443": false, "255.255.255.255:443": false,
	} {
		if err := guard.PublicOnly("tcp", address, nil); (err == nil) != public || err != nil && !errors.Is(err, guard.ErrPrivate) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if guard.PublicOnly("tcp", "praxis.example:443", nil) == nil {
		t.Error("a name is no address")
	}
}

type asked struct{ times int }

func (a *asked) RoundTrip(*http.Request) (*http.Response, error) {
	a.times++
	return &http.Response{}, nil
}

func TestHTTPSOnlySpeaksNothingElse(t *testing.T) {
	t.Parallel()
	next := &asked{}
	for target, passes := range map[string]bool{"https://praxis.example/": true, "http://praxis.example/": false, "ftp://praxis.example/": false} {
		before := next.times
		_, err := guard.HTTPSOnly{Next: next}.RoundTrip(httptest.NewRequest(http.MethodGet, target, nil))
		if (next.times > before) != passes || !passes && !errors.Is(err, guard.ErrScheme) {
			t.Errorf("%s: %v", target, err)
		}
	}
}
