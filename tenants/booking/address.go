package booking

import (
	"net/mail"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Address brings an address of a channel into its one form. It returns
// [ErrAddress] for one that nothing can be sent to, and [ErrChannel].
func (s *Service) Address(c Channel, address string) (string, error) {
	switch c {
	case Mail:
		return mailAddress(address)
	case SMS:
		return s.mobileNumber(address)
	default:
		return "", ErrChannel
	}
}

// mailAddress returns the one form of a mail address that mail is sent to and
// counted by: the bare address, its domain in lower case.
func mailAddress(s string) (string, error) {
	if len(s) > 254 || strings.ContainsAny(s, "\r\n\x00") {
		return "", ErrAddress
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return "", ErrAddress
	}
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:at], strings.ToLower(s[at+1:])
	if local == "" || len(local) > 64 || strings.HasPrefix(domain, "[") || !strings.Contains(domain, ".") {
		return "", ErrAddress
	}
	for _, c := range s {
		if c < '!' || c > '~' {
			return "", ErrAddress // no internationalised mail yet: said, not guessed
		}
	}
	return local + "@" + domain, nil
}

// mobileNumber returns the E.164 form of a number that can get text messages
// in a country that they may go to. A number without country is German.
func (s *Service) mobileNumber(n string) (string, error) {
	if len(n) > 32 {
		return "", ErrAddress
	}
	p, err := phonenumbers.Parse(n, "DE")
	if err != nil || !phonenumbers.IsValidNumber(p) || !slices.Contains(s.Countries, int(p.GetCountryCode())) {
		return "", ErrAddress
	}
	if phonenumbers.GetNumberType(p) != phonenumbers.MOBILE {
		return "", ErrAddress
	}
	return phonenumbers.Format(p, phonenumbers.E164), nil
}
