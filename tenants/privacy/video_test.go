package privacy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"siegel/tenants/privacy"
)

// Whoever carries a practice's visits by video is named as a recipient while it
// does, and that nobody knows the room is said only where each has its own.
func TestTheProviderOfVideoVisitsIsNamed(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	for _, c := range []struct {
		provider, address string
		named, room       bool
	}{
		{"", "", false, false},
		{"Muster Video GmbH", "https://video.example/{room}", true, true},
		{"Muster Video GmbH", "https://video.example/praxis", true, false},
		{"", "", false, false},
	} {
		o.inTenant(t, fmt.Sprintf(`update practice set video_provider = '%s', video_address = '%s', version = version + 1 where tenant_id = $1`, c.provider, c.address))
		for _, kind := range []privacy.Kind{privacy.Statement, privacy.Records} {
			said := func() bool {
				d := o.document(t, kind, "de")
				return has(d, "else.video") == c.named && has(d, "else.video_room") == c.room && strings.Contains(text(d), "Muster Video GmbH") == c.named
			}
			// What a practice offers, servers remember for a moment.
			for deadline := time.Now().Add(20 * time.Second); !said(); {
				if time.Now().After(deadline) {
					t.Fatalf("%s with %q at %q:\n%s", kind, c.provider, c.address, text(o.document(t, kind, "de")))
				}
			}
		}
	}
}
