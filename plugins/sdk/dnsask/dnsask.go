// Package dnsask asks DNS servers what is under a name, without a cache and
// without following aliases, to see whether records have been set.
//
// It promises that every question ends, and that an error is an [*sdk.Error]
// of kind temporary and says nothing but that. It does not promise that other
// servers answer the same yet.
package dnsask

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"siegel/plugins/sdk"
)

// Asker asks its servers in turn until one answers. It may be used from many
// goroutines.
type Asker struct{ servers []string }

// New makes an Asker for servers such as "192.0.2.53" or "[2001:db8::1]:5353".
// Without any, it asks this machine's resolvers. An error is of kind
// [sdk.BadSettings].
func New(servers ...string) (*Asker, error) {
	if len(servers) == 0 {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, sdk.BadSetting("this machine has no resolvers; name one")
		}
		for _, s := range config.Servers {
			servers = append(servers, net.JoinHostPort(s, config.Port))
		}
	}
	a := &Asker{}
	for _, s := range servers {
		address, err := Address(s)
		if err != nil {
			return nil, err
		}
		a.servers = append(a.servers, address)
	}
	if len(a.servers) == 0 {
		return nil, sdk.BadSetting("this machine has no resolvers; name one")
	}
	return a, nil
}

// Address reads a server's address, with or without a port. An error is of
// kind [sdk.BadSettings].
func Address(s string) (string, error) {
	to, err := netip.ParseAddrPort(s)
	if ip, bare := netip.ParseAddr(s); bare == nil {
		to, err = netip.AddrPortFrom(ip, 53), nil
	}
	if err != nil || to.Port() == 0 || to.Addr().IsMulticast() || to.Addr().IsUnspecified() || to.Addr().IsLinkLocalUnicast() {
		return "", sdk.BadSetting("a DNS server is not an address like 192.0.2.53 or 192.0.2.53:5353")
	}
	return to.String(), nil
}

// Records are those of the types A, AAAA, CNAME and TXT, as asked for, of
// exactly that name. That there are none is no error.
func (a *Asker) Records(ctx context.Context, name string, types ...string) ([]sdk.Record, error) {
	var out []sdk.Record
	for _, t := range types {
		m, err := a.ask(ctx, name, dns.StringToType[t])
		if err != nil {
			return nil, err
		}
		for _, rr := range m.Answer {
			if r, ok := Record(rr); ok && r.Name == name && r.Type == t && !slices.ContainsFunc(out, r.Is) {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// Addresses are those that a name leads to in the end, by aliases or not.
func (a *Asker) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := a.ask(ctx, name, t)
		if err != nil {
			return nil, err
		}
		for _, rr := range m.Answer {
			if r, ok := Record(rr); ok && (r.Type == sdk.A || r.Type == sdk.AAAA) {
				if ip, err := netip.ParseAddr(r.Value); err == nil {
					out = append(out, ip)
				}
			}
		}
	}
	return out, nil
}

// Top says whether a name is the top of a zone.
func (a *Asker) Top(ctx context.Context, name string) (bool, error) {
	m, err := a.ask(ctx, name, dns.TypeSOA)
	if err != nil {
		return false, err
	}
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == dns.TypeSOA && strings.EqualFold(rr.Header().Name, dns.Fqdn(name)) {
			return true, nil
		}
	}
	return false, nil
}

func (a *Asker) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	for _, server := range a.servers {
		for _, network := range []string{"udp", "tcp"} {
			client := dns.Client{Net: network, Timeout: 2 * time.Second}
			m, _, err := client.ExchangeContext(ctx, q, server)
			if err != nil || m.Truncated && network == "udp" {
				continue
			}
			if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError {
				return m, nil
			}
			break
		}
	}
	return nil, &sdk.Error{Kind: sdk.Temporary, Detail: "no DNS server answers"}
}

// Record reads a record; ok is false for types that plugins do not set.
func Record(rr dns.RR) (r sdk.Record, ok bool) {
	h := rr.Header()
	r = sdk.Record{Type: dns.TypeToString[h.Rrtype], Name: strings.ToLower(strings.TrimSuffix(h.Name, ".")), TTL: h.Ttl}
	switch rr := rr.(type) {
	case *dns.A:
		r.Value = rr.A.String()
	case *dns.AAAA:
		r.Value = rr.AAAA.String()
	case *dns.CNAME:
		r.Value = strings.ToLower(strings.TrimSuffix(rr.Target, "."))
	case *dns.TXT:
		r.Value = strings.Join(rr.Txt, "")
	default:
		return r, false
	}
	return r, true
}

// Of makes a record for a message to a DNS server. It is nil for one that no
// server would take.
func Of(r sdk.Record) dns.RR {
	h := dns.RR_Header{Name: dns.Fqdn(r.Name), Rrtype: dns.StringToType[r.Type], Class: dns.ClassINET, Ttl: r.TTL}
	switch r.Type {
	case sdk.A:
		return &dns.A{Hdr: h, A: net.ParseIP(r.Value)}
	case sdk.AAAA:
		return &dns.AAAA{Hdr: h, AAAA: net.ParseIP(r.Value)}
	case sdk.CNAME:
		return &dns.CNAME{Hdr: h, Target: dns.Fqdn(r.Value)}
	case sdk.TXT:
		return &dns.TXT{Hdr: h, Txt: []string{r.Value}}
	}
	return nil
}
