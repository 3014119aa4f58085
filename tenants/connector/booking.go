package connector

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// errBooking is returned for what opened and is no booking that a form makes.
var errBooking = errors.New("malformed booking")

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// opened is what was sealed; see the package seal for the format.
type opened struct {
	V            int    `json:"v"`
	BookingID    string `json:"booking_id"`
	Tenant       string `json:"tenant"`
	Service      named  `json:"service"`
	Practitioner named  `json:"practitioner"`
	Location     named  `json:"location"`
	Starts       string `json:"starts"`
	Ends         string `json:"ends"`
	Zone         string `json:"zone"`
	Patient      struct {
		Family    string `json:"family_name"`
		Given     string `json:"given_name"`
		BirthDate string `json:"birth_date"`
		Gender    string `json:"gender"`
		Insurance string `json:"insurance"`
		Email     string `json:"email"`
		Phone     string `json:"phone"`
	} `json:"patient"`
	NewPatient *bool  `json:"new_patient"`
	Note       string `json:"note"`
	Referral   string `json:"referral"`
	Booker     *struct {
		Name     string `json:"name"`
		Relation string `json:"relation"`
		Contact  string `json:"contact"`
	} `json:"booker"`
	// Video is the room of a visit by video.
	Video    string `json:"video"`
	Language string `json:"language"`
}

var (
	isDate     = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	isPhone    = regexp.MustCompile(`^\+?[0-9][0-9 ()/.-]{2,31}$`)
	isMail     = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)
	isLanguage = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	isVideo    = regexp.MustCompile(`^[a-z2-7]{26}$`)
	isID       = regexp.MustCompile(`^[a-z]{3}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

const (
	lineUnits = 400
	noteUnits = 1200
)

// readBooking reads an opened booking. Sealing needs a public key and nothing
// more, so whoever wrote it may have meant harm: what no form of ours makes, and
// another practice's or booking's, is refused.
func readBooking(plaintext []byte, tenant, booking string) (opened, time.Time, time.Time, error) {
	var o opened
	bad := func() (opened, time.Time, time.Time, error) { return opened{}, time.Time{}, time.Time{}, errBooking }
	if strict.Decode(plaintext, &o) != nil || o.V != 1 || o.Tenant != tenant || o.BookingID != booking {
		return bad()
	}
	starts, err := time.Parse(time.RFC3339, o.Starts)
	if err != nil || !strings.HasSuffix(o.Starts, "Z") {
		return bad()
	}
	ends, err := time.Parse(time.RFC3339, o.Ends)
	if err != nil || !strings.HasSuffix(o.Ends, "Z") || !starts.Before(ends) {
		return bad()
	}
	if _, err := time.LoadLocation(o.Zone); err != nil || o.Zone == "" || o.Zone == "Local" {
		return bad()
	}
	for _, n := range []named{o.Service, o.Practitioner, o.Location} {
		if !isID.MatchString(n.ID) || !line(n.Name, false) {
			return bad()
		}
	}
	p := o.Patient
	if _, err := time.Parse(time.DateOnly, p.BirthDate); err != nil || !isDate.MatchString(p.BirthDate) {
		return bad()
	}
	switch {
	case !line(p.Family, false), !line(p.Given, false), !line(o.Referral, true),
		!oneOf(p.Gender, "", "female", "male", "other", "unknown"),
		!oneOf(p.Insurance, "", "GKV", "PKV", "BEI", "BG", "SEL", "SOZ"),
		p.Email != "" && (!isMail.MatchString(p.Email) || !line(p.Email, false) || len(p.Email) > 254),
		p.Phone != "" && !isPhone.MatchString(p.Phone),
		o.Video != "" && !isVideo.MatchString(o.Video),
		!isLanguage.MatchString(o.Language),
		!text(o.Note, noteUnits, true):
		return bad()
	}
	if b := o.Booker; b != nil && (!line(b.Name, false) || !line(b.Relation, false) || !line(b.Contact, false)) {
		return bad()
	}
	return o, starts.UTC(), ends.UTC(), nil
}

func oneOf(s string, words ...string) bool {
	for _, w := range words {
		if s == w {
			return true
		}
	}
	return false
}

func line(s string, empty bool) bool { return (empty || s != "") && text(s, lineUnits, false) }

// text refuses what would not show as what it is.
func text(s string, most int, lines bool) bool {
	if !utf8.ValidString(s) || len(s) > 4*most {
		return false
	}
	for _, r := range s {
		switch {
		case lines && r == '\n':
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Co, r),
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return false
		}
	}
	return true
}
