package practice

import (
	"net/url"
	"regexp"
	"strings"

	"siegel/platform/fault"
)

// What [Setup.Check] finds wrong with visits by video.
var (
	// ErrInvalidVideo is returned for a provider without an address or the other
	// way round, and for an address that is no page of https, or that has the
	// room anywhere but once and behind the host.
	ErrInvalidVideo = fault.New(fault.Invalid, "invalid_video")
	// ErrInvalidHeld is returned for none of the ways to hold a visit.
	ErrInvalidHeld = fault.New(fault.Invalid, "invalid_held")
	// ErrNoVideo is returned for a service by video of a practice without a provider.
	ErrNoVideo = fault.New(fault.Invalid, "no_video")
	// ErrGroupVideo is returned for a group by video whose members would each
	// get a room of their own.
	ErrGroupVideo = fault.New(fault.Invalid, "group_video")
)

// Held is how a service is held.
type Held string

// The ways to hold a service. With [Either] patients choose when they book, and
// the server does not learn what.
const (
	InPerson Held = "in_person"
	ByVideo  Held = "by_video"
	Either   Held = "either"
)

// Room stands in a provider's address for the room of a visit, which is sealed
// in the booking: no server knows it.
const Room = "{room}"

// Video is where a practice holds visits by video; zero is nowhere.
type Video struct {
	// Provider is its name, as patients and the privacy statement have it.
	Provider string `json:"provider"`
	// Address is of https. With [Room] in it each visit has a room of its own;
	// without, all are at that address, such as a waiting room.
	Address string `json:"address"`
}

var (
	videoHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](:[0-9]{1,5})?$`)
	videoRest = regexp.MustCompile(`^([/?#][A-Za-z0-9/?#&=%+@:;,.~_!$'()*-]*)?$`)
)

func (v Video) check(c *checker) {
	c.text("video_provider", v.Provider, maxName)
	switch {
	case (strings.TrimSpace(v.Provider) == "") != (v.Address == ""):
		field := "video_provider"
		if v.Address == "" {
			field = "video_address"
		}
		c.fail(field, ErrInvalidVideo, "one without the other")
	case v.Address != "" && !validAddress(v.Address):
		c.fail("video_address", ErrInvalidVideo, "not a page of https with %s at most once behind the host", Room)
	}
}

func validAddress(address string) bool {
	rest, secure := strings.CutPrefix(address, "https://")
	host, behind := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, behind = rest[:i], rest[i:]
	}
	_, err := url.Parse(strings.Replace(address, Room, "room", 1))
	return secure && err == nil && len(address) <= maxLine && videoHost.MatchString(host) && videoRest.MatchString(strings.Replace(behind, Room, "room", 1))
}

func (x HealthcareService) checkHeld(c *checker) {
	video := c.setup.Practice.Video
	switch x.Held {
	case InPerson:
		return
	case ByVideo, Either:
	default:
		c.fail("held", ErrInvalidHeld, "%q", x.Held)
		return
	}
	switch {
	case video.Address == "":
		c.fail("held", ErrNoVideo, "the practice has no provider")
	case x.Seats > 1 && strings.Contains(video.Address, Room):
		c.fail("held", ErrGroupVideo, "%d seats", x.Seats)
	}
}
