package ics

import (
	"fmt"
	"strings"
	"time"
)

// Feed returns the events as a calendar that programs subscribe to: with a
// name and how often to look again (RFC 7986 sections 5.1 and 5.7, and what
// programs before it read), and also without any event. It returns
// [ErrMalformed] as [Publish] does.
func Feed(name string, refresh time.Duration, events ...Event) (string, error) {
	every := "PT" + fmt.Sprint(max(1, int(refresh/time.Minute))) + "M"
	return write("PUBLISH", func(b *strings.Builder) {
		line(b, "NAME", text(name))
		line(b, "X-WR-CALNAME", text(name))
		line(b, "REFRESH-INTERVAL;VALUE=DURATION", every)
		line(b, "X-PUBLISHED-TTL", every)
	}, nil, events)
}
