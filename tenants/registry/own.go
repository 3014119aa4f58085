package registry

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/idna"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// What callers act on when they add and verify host names.
var (
	// ErrMalformedHost is returned for a name that no host on the internet has.
	ErrMalformedHost = fault.New(fault.Invalid, "malformed_host")
	// ErrForbiddenHost is returned for a name of ours: the base or below it.
	ErrForbiddenHost = fault.New(fault.Invalid, "forbidden_host")
	// ErrHostTaken is returned for a name that somebody else has verified.
	ErrHostTaken = fault.New(fault.Conflict, "host_taken")
	// ErrUnknownName is returned for a name that was not added.
	ErrUnknownName = fault.New(fault.NotFound, "unknown_name")
	// ErrTooManyHosts is returned where there are [MaxHosts] already.
	ErrTooManyHosts = fault.New(fault.Limited, "too_many_hosts")
	// ErrUnverified is returned where no challenge was found, or another.
	ErrUnverified = fault.New(fault.Conflict, "host_unverified")
)

// MaxHosts is how many host names a tenant, or bases a reseller, may have.
const MaxHosts = 20

// HostName is a host name of a practice's own, or a base of a reseller's.
type HostName struct {
	// Name is the ASCII form, Shown the one for people.
	Name, Shown string
	// Record and Challenge are what has to stand in DNS as TXT, or, for a
	// practice's host, at Path on that host over http, before it counts.
	Record, Path, Challenge string
	// Verified is when that was found, UTC; zero: not yet.
	Verified time.Time
	// Checked is when it was last looked for, and Problem what came of it: "",
	// "not_found", "other_value", "unreachable".
	Checked time.Time
	Problem string
	// Lost is since when nothing proves a verified one any more, UTC; zero where
	// something does. [LostGrace] later it is verified no more.
	Lost time.Time
	// Preferred says that patients are sent to it.
	Preferred bool
}

const (
	challengeLabel = "_siegel-challenge."
	challengePath  = "/.well-known/siegel-challenge"
)

// CanonicalHost is the one form of a host name that somebody typed: lower-case
// ASCII, international names in punycode (UTS 46, IDNA 2008). It returns
// [ErrMalformedHost].
func CanonicalHost(typed string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(typed))
	name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://"), "/")
	name = strings.TrimSuffix(name, ".")
	ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.BidiRule(), idna.VerifyDNSLength(true)).ToASCII(name)
	if err != nil {
		return "", ErrMalformedHost
	}
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 || len(ascii) > 253 {
		return "", ErrMalformedHost
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
		}) {
			return "", ErrMalformedHost
		}
	}
	last := labels[len(labels)-1]
	if _, err := netip.ParseAddr(ascii); err == nil || strings.Trim(last, "0123456789") == "" {
		return "", ErrMalformedHost
	}
	// Names that never leave a building are nobody's to verify.
	if slices.Contains([]string{"local", "localhost", "internal", "home", "lan", "corp", "invalid", "onion", "arpa"}, last) {
		return "", ErrMalformedHost
	}
	return ascii, nil
}

// shownHost is the form for people. One with letters that look like Latin ones
// and are not stays in punycode, since it may be meant to look like another.
func shownHost(name string) string {
	shown, err := idna.Display.ToUnicode(name)
	if err != nil {
		return name
	}
	for label := range strings.SplitSeq(shown, ".") {
		if lookalike(label) {
			return name
		}
	}
	return shown
}

func lookalike(label string) bool {
	return strings.ContainsFunc(label, func(r rune) bool { return r >= 0x370 && r < 0x590 }) // Greek, Cyrillic, Armenian
}

func (s *Service) newHostName(typed string) (string, error) {
	name, err := CanonicalHost(typed)
	if err != nil {
		return "", err
	}
	if s.base.within(name) || strings.HasSuffix(s.base.name, "."+name) {
		return "", ErrForbiddenHost
	}
	return name, nil
}

func challenge() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process first
	return "siegel-" + base64.RawURLEncoding.EncodeToString(b)
}

// hostTable is where a kind of name is kept.
type hostTable struct{ table, column, owner string }

// The two kinds of name.
var (
	hostsOfTenants = hostTable{"tenant_host", "host", "tenant_id"}
	basesOfOnes    = hostTable{"reseller_base", "base", "reseller_id"}
)

// AddHost adds a domain of a practice's own, for its patients; it counts once it
// is verified. Adding it again changes nothing. It returns [ErrMalformedHost],
// [ErrForbiddenHost], [ErrHostTaken], [ErrTooManyHosts] or [ErrUnknownTenant].
func (s *Service) AddHost(ctx context.Context, tenant id.Tenant, typed string) (HostName, error) {
	if _, err := s.ByID(ctx, tenant); err != nil {
		return HostName{}, err
	}
	return s.addName(ctx, hostsOfTenants, tenant.UUID(), typed)
}

// Hosts are the tenant's own host names, in the order in which they were added.
func (s *Service) Hosts(ctx context.Context, tenant id.Tenant) ([]HostName, error) {
	return s.listNames(ctx, hostsOfTenants, tenant.UUID())
}

// VerifyHost looks for the challenge: as TXT record, then over http. It returns
// [ErrUnverified], [ErrUnknownName], or [ErrHostTaken] where somebody else was
// quicker.
func (s *Service) VerifyHost(ctx context.Context, tenant id.Tenant, name string) (HostName, error) {
	return s.verifyName(ctx, hostsOfTenants, tenant.UUID(), name)
}

// PreferHost sends patients to one of the tenant's verified hosts; an empty name
// sends them to the slug's again. It returns [ErrUnknownName] or [ErrUnverified].
func (s *Service) PreferHost(ctx context.Context, tenant id.Tenant, name string) error {
	_, err := s.DB.Global().NewRaw(`
		update tenant_host set preferred = false where tenant_id = ? and preferred and host <> ?`, tenant, name).Exec(ctx)
	if err == nil && name != "" {
		var result sql.Result
		result, err = s.DB.Global().NewRaw(`update tenant_host set preferred = true where tenant_id = ? and host = ? and verified is not null`, tenant, name).Exec(ctx)
		if err == nil {
			if n, _ := result.RowsAffected(); n == 0 {
				err = ErrUnverified
			}
		}
	}
	s.names.forget()
	if err != nil {
		return fmt.Errorf("prefer host: %w", err)
	}
	return nil
}

// RemoveHost takes a host name away; it leads nowhere within [Age]. It returns
// [ErrUnknownName].
func (s *Service) RemoveHost(ctx context.Context, tenant id.Tenant, name string) error {
	return s.removeName(ctx, hostsOfTenants, tenant.UUID(), name)
}

// AddBase adds a domain below which a reseller's tenants are reached by their
// patients. It returns what [Service.AddHost] returns.
func (s *Service) AddBase(ctx context.Context, reseller id.Reseller, typed string) (HostName, error) {
	typed = strings.TrimPrefix(strings.TrimSpace(typed), "*.")
	if len(typed) > 200 {
		return HostName{}, ErrMalformedHost
	}
	return s.addName(ctx, basesOfOnes, reseller.UUID(), typed)
}

// Bases are the reseller's domains.
func (s *Service) Bases(ctx context.Context, reseller id.Reseller) ([]HostName, error) {
	return s.listNames(ctx, basesOfOnes, reseller.UUID())
}

// VerifyBase looks for the challenge, as TXT record only: a wildcard is proven
// in DNS. It returns what [Service.VerifyHost] returns.
func (s *Service) VerifyBase(ctx context.Context, reseller id.Reseller, name string) (HostName, error) {
	return s.verifyName(ctx, basesOfOnes, reseller.UUID(), name)
}

// RemoveBase takes a domain away. It returns [ErrUnknownName].
func (s *Service) RemoveBase(ctx context.Context, reseller id.Reseller, name string) error {
	return s.removeName(ctx, basesOfOnes, reseller.UUID(), name)
}

func (s *Service) addName(ctx context.Context, in hostTable, owner, typed string) (HostName, error) {
	name, err := s.newHostName(typed)
	if err != nil {
		return HostName{}, err
	}
	db := s.DB.Global()
	var taken bool
	// A base takes all names below it, and a name below somebody's base is taken.
	err = db.NewRaw(`
		select exists (select from tenant_host where verified is not null and (host = ?0 or ?2 and host like '%.' || ?0) and tenant_id::text <> ?1)
		    or exists (select from reseller_base where verified is not null and (base = ?0 or ?0 like '%.' || base or ?2 and base like '%.' || ?0) and reseller_id::text <> ?1)`,
		name, owner, in == basesOfOnes).Scan(ctx, &taken)
	if err != nil {
		return HostName{}, fmt.Errorf("add host: %w", err)
	}
	if taken {
		return HostName{}, ErrHostTaken
	}
	var has int
	if err := db.NewRaw(`select count(*) from `+in.table+` where `+in.owner+` = ? and `+in.column+` <> ?`, owner, name).Scan(ctx, &has); err != nil {
		return HostName{}, fmt.Errorf("add host: %w", err)
	}
	if has >= MaxHosts {
		return HostName{}, ErrTooManyHosts
	}
	_, err = db.NewRaw(`insert into `+in.table+` (`+in.column+`, `+in.owner+`, challenge) values (?, ?, ?) on conflict do nothing`, name, owner, challenge()).Exec(ctx)
	if err != nil {
		return HostName{}, fmt.Errorf("add host: %w", err)
	}
	return s.oneName(ctx, in, owner, name)
}

type nameRow struct {
	Name, Challenge, Problem string
	Verified, Checked, Lost  *time.Time
	Preferred                bool
}

func (in hostTable) query(where string) string {
	more := "lost, false as preferred"
	if in == hostsOfTenants {
		more = "lost, preferred"
	}
	return `select ` + in.column + ` as name, challenge, problem, verified, checked, ` + more + ` from ` + in.table +
		` where ` + in.owner + ` = ? ` + where + ` order by created, ` + in.column
}

func (r nameRow) host(in hostTable) HostName {
	h := HostName{Name: r.Name, Shown: shownHost(r.Name), Record: challengeLabel + r.Name, Challenge: r.Challenge, Problem: r.Problem,
		Verified: moment(r.Verified), Checked: moment(r.Checked), Lost: moment(r.Lost), Preferred: r.Preferred}
	if in == hostsOfTenants {
		h.Path = challengePath
	}
	return h
}

func (s *Service) listNames(ctx context.Context, in hostTable, owner string) ([]HostName, error) {
	var rows []nameRow
	if err := s.DB.Global().NewRaw(in.query(""), owner).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list hosts: %w", err)
	}
	hosts := make([]HostName, 0, len(rows))
	for _, r := range rows {
		hosts = append(hosts, r.host(in))
	}
	return hosts, nil
}

func (s *Service) oneName(ctx context.Context, in hostTable, owner, name string) (HostName, error) {
	var r nameRow
	err := s.DB.Global().NewRaw(in.query("and "+in.column+" = ?"), owner, name).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return HostName{}, ErrUnknownName
	}
	if err != nil {
		return HostName{}, fmt.Errorf("read host: %w", err)
	}
	return r.host(in), nil
}

func (s *Service) verifyName(ctx context.Context, in hostTable, owner, name string) (HostName, error) {
	h, err := s.oneName(ctx, in, owner, name)
	if err != nil {
		return HostName{}, err
	}
	problem := s.look(ctx, h)
	if ctx.Err() != nil {
		return HostName{}, ctx.Err()
	}
	_, err = s.DB.Global().NewRaw(`update `+in.table+` set checked = now(), problem = ?0, lost = case when ?0 = '' then null else lost end,
		verified = case when ?0 = '' then coalesce(verified, now()) else verified end
		where `+in.owner+` = ?1 and `+in.column+` = ?2`, problem, owner, name).Exec(ctx)
	s.names.forget()
	if postgres.Violates(err, in.table+"_verified_once") {
		return HostName{}, ErrHostTaken
	}
	if err != nil {
		return HostName{}, fmt.Errorf("verify host: %w", err)
	}
	if h, err = s.oneName(ctx, in, owner, name); err == nil && problem != "" {
		err = ErrUnverified
	}
	return h, err
}

// look says what is wrong with a challenge, or nothing where it stands.
func (s *Service) look(ctx context.Context, h HostName) (problem string) {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	texts, err := s.Resolver.LookupTXT(ctx, h.Record+".")
	var dns *net.DNSError
	switch {
	case err == nil && slices.Contains(texts, h.Challenge):
		return ""
	case err == nil:
		problem = "other_value"
	case errors.As(err, &dns) && dns.IsNotFound:
		problem = "not_found"
	default:
		problem = "unreachable"
	}
	if h.Path == "" {
		return problem
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.Name+h.Path, nil)
	if err != nil {
		return problem
	}
	answer, err := s.HTTP.Do(request)
	if err != nil {
		return problem
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1024))
	if err == nil && answer.StatusCode == http.StatusOK && strings.TrimSpace(string(body)) == h.Challenge {
		return ""
	}
	return problem
}

func (s *Service) removeName(ctx context.Context, in hostTable, owner, name string) error {
	result, err := s.DB.Global().NewRaw(`delete from `+in.table+` where `+in.owner+` = ? and `+in.column+` = ?`, owner, name).Exec(ctx)
	s.names.forget()
	if err != nil {
		return fmt.Errorf("remove host: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return ErrUnknownName
	}
	return nil
}

// publicHTTP fetches from public addresses only and follows nobody elsewhere:
// whoever names a host must not make the server look around in its own network.
func publicHTTP() *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !isPublic(at.Addr().Unmap()) || at.Port() != 80 {
			return errors.New("not a public address")
		}
		return nil
	}}
	return &http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, Proxy: nil, MaxResponseHeaderBytes: 8 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func isPublic(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, block := range []string{"100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "2001:db8::/32", "2002::/16"} {
		if netip.MustParsePrefix(block).Contains(a) {
			return false
		}
	}
	return true
}
