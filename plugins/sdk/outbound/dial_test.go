package outbound

import "testing"

func TestAddressesThatMayBeDialled(t *testing.T) {
	t.Parallel()
	for address, c := range map[string]struct{ provider, local bool }{
		"203.0.113.7:443":          {provider: true},
		"[2001:db8::7]:443":        {provider: true},
		"10.0.0.7:443":             {provider: true}, // a proxy of the operator's
		"127.0.0.1:443":            {local: true},
		"127.8.9.10:8080":          {local: true},
		"[::1]:443":                {local: true},
		"[::ffff:127.0.0.1]:443":   {local: true},
		"169.254.169.254:80":       {},
		"[fe80::1]:443":            {},
		"[::ffff:169.254.0.1]:443": {},
		"0.0.0.0:443":              {},
		"[::]:443":                 {},
		"224.0.0.1:443":            {},
		"provider.example:443":     {},
	} {
		if err := mayDial(address, false); (err == nil) != c.provider {
			t.Errorf("%s for a provider: %v, want ok %v", address, err, c.provider)
		}
		if err := mayDial(address, true); (err == nil) != c.local {
			t.Errorf("%s for this machine: %v, want ok %v", address, err, c.local)
		}
	}
}
