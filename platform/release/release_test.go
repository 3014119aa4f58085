package release_test

import (
	"testing"

	"siegel/platform/release"
)

func TestNewer(t *testing.T) {
	t.Parallel()
	rising := []string{
		"v0.0.0-20261120101010-aaaaaaaaaaaa", "v0.0.0-20261122101010-111111111111", "v0.9.10", "v1.0.0-alpha", "v1.0.0-alpha.1", "v1.0.0-alpha.beta",
		"v1.0.0-beta.2", "v1.0.0-beta.11", "v1.0.0-rc.1", "v1.0.0", "v1.0.1-0.20261122101010-111111111111", "v1.0.1", "v1.10.0", "v2.0.0",
	}
	for n, a := range rising {
		for m, b := range rising {
			if got := release.Newer(a, b); got != (m > n) {
				t.Errorf("%s comes after %s: %v", b, a, got)
			}
		}
	}
	for _, none := range []string{"", "(devel)", "1.0.0", "v1.0", "v1.0.0.0", "vx.y.z", "v99999999999.0.0"} {
		if release.Newer("v0.0.1", none) || release.Newer(none, "v0.0.1") {
			t.Errorf("%q is a version", none)
		}
	}
}
