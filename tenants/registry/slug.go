package registry

import "siegel/platform/fault"

// Why a slug is refused.
var (
	ErrMalformedSlug = fault.New(fault.Invalid, "malformed_slug")
	ErrReservedSlug  = fault.New(fault.Invalid, "reserved_slug")
	ErrSlugTaken     = fault.New(fault.Conflict, "slug_taken")
)

const maxSlug = 50

// checkSlug accepts lower-case ASCII letters, digits and inner hyphens. Two
// hyphens in the third and fourth place are left to encodings such as punycode,
// which would let one tenant look like another.
func checkSlug(slug string) error {
	if !isLabel(slug) {
		return ErrMalformedSlug
	}
	if reserved(slug) {
		return ErrReservedSlug
	}
	return nil
}

func isLabel(s string) bool {
	if len(s) == 0 || len(s) > maxSlug || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	if len(s) >= 4 && s[2] == '-' && s[3] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// reserved says which names below the base belong to the product, or would be
// taken for it by a patient, a mail server or a certificate authority.
func reserved(slug string) bool {
	switch slug {
	case "office", "portal", "www", "api", "app", "admin", "administrator", "root", "system",
		"assets", "static", "cdn", "img", "media", "embed", "widget",
		"mail", "smtp", "imap", "pop", "pop3", "mx", "mta-sts", "autoconfig", "autodiscover",
		"postmaster", "hostmaster", "webmaster", "abuse", "security", "noreply", "no-reply",
		"ns", "ns1", "ns2", "dns", "ftp", "vpn", "ssh", "git",
		"auth", "login", "signin", "sign-in", "logout", "account", "accounts", "sso", "oauth", "id",
		"status", "health", "metrics", "docs", "help", "support", "blog", "about", "legal", "privacy", "imprint",
		"demo", "test", "staging", "dev", "localhost", "local", "internal", "wpad", "isatap",
		"billing", "pay", "payment", "connector", "fhir", "hooks", "webhooks", "siegel":
		return true
	}
	return false
}
