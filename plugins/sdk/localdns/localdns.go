// Package localdns is a DNS server on this machine, for tests and
// demonstrations: it answers for the zones it is given (RFC 1034), takes
// dynamic updates signed with TSIG (RFC 2136, RFC 8945), and lets its records
// be read and changed over HTTP. It is no server for anybody else.
package localdns

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnshost"
)

// Server answers for its zones. It may be used from many goroutines.
type Server struct {
	zones []string
	// keys are the TSIG keys that may update, by name with a dot at its end.
	keys map[string]string

	mu      sync.Mutex
	records []sdk.Record
	instead http.HandlerFunc
}

// New makes a server for zones, such as "example.org".
func New(zones ...string) *Server { return &Server{zones: zones, keys: map[string]string{}} }

// Allow lets whoever has a TSIG key (HMAC-SHA256, secret in base64) update.
// Before [Server.Start].
func (s *Server) Allow(key, secret string) { s.keys[dns.Fqdn(key)] = secret }

// Instead answers further HTTP requests with h; nil goes back to the records.
func (s *Server) Instead(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = h
}

// Start listens on an address such as "127.0.0.1:0", with UDP and TCP on the
// same port, and returns where.
func (s *Server) Start(address string) (listening string, stop func(), err error) {
	packets, stream, err := listen(address)
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	accept := func(h dns.Header) dns.MsgAcceptAction {
		if opcode := int(h.Bits>>11) & 0xF; opcode == dns.OpcodeUpdate {
			return dns.MsgAccept
		}
		return dns.DefaultMsgAcceptFunc(h)
	}
	var ready sync.WaitGroup
	ready.Add(2)
	udp := &dns.Server{PacketConn: packets, Handler: s, TsigSecret: s.keys, MsgAcceptFunc: accept, NotifyStartedFunc: ready.Done}
	tcp := &dns.Server{Listener: stream, Handler: s, TsigSecret: s.keys, MsgAcceptFunc: accept, NotifyStartedFunc: ready.Done}
	var running sync.WaitGroup
	running.Go(func() { _ = udp.ActivateAndServe() })
	running.Go(func() { _ = tcp.ActivateAndServe() })
	ready.Wait()
	return packets.LocalAddr().String(), func() {
		_ = udp.Shutdown()
		_ = tcp.Shutdown()
		running.Wait()
	}, nil
}

// listen finds a port that is free for both; where any will do, it looks for
// one a few times.
func listen(address string) (packets net.PacketConn, stream net.Listener, err error) {
	for range 20 {
		if packets, err = net.ListenPacket("udp", address); err != nil {
			return nil, nil, err
		}
		if stream, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, stream, nil
		}
		packets.Close()
		if !strings.HasSuffix(address, ":0") {
			break
		}
	}
	return nil, nil, err
}

// Records are those under a name; of all names where it is empty.
func (s *Server) Records(name string) []sdk.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.under(name)
}

func (s *Server) under(name string) []sdk.Record {
	var out []sdk.Record
	for _, r := range s.records {
		if name == "" || r.Name == name {
			out = append(out, r)
		}
	}
	return out
}

// Values are the TXT values under a name.
func (s *Server) Values(name string) []string {
	var out []string
	for _, r := range s.Records(name) {
		if r.Type == sdk.TXT {
			out = append(out, r.Value)
		}
	}
	return out
}

// Everything writes down all records in a stable order.
func (s *Server) Everything() string {
	var lines []string
	for _, r := range s.Records("") {
		lines = append(lines, fmt.Sprint(r.Name, " ", r.Type, " ", r.Value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Leads says whether a name leads to a target, by alias or by its addresses.
func (s *Server) Leads(name string, to sdk.Target) bool {
	var leads []sdk.Record
	for _, r := range s.Records(name) {
		if r.Type != sdk.TXT && r.Type != "MX" {
			leads = append(leads, r)
		}
	}
	for _, alias := range []bool{true, false} {
		wanted := to.Wanted(name, alias, 0)
		all := len(wanted) > 0 && len(wanted) == len(leads)
		for _, w := range wanted {
			all = all && slices.ContainsFunc(leads, w.Is)
		}
		if all {
			return true
		}
	}
	return false
}

// Change removes records and adds others.
func (s *Server) Change(remove, add []sdk.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(remove, add)
}

func (s *Server) change(remove, add []sdk.Record) {
	s.records = slices.DeleteFunc(s.records, func(r sdk.Record) bool { return slices.ContainsFunc(remove, r.Is) })
	for _, r := range add {
		if !slices.ContainsFunc(s.records, r.Is) {
			s.records = append(s.records, r)
		}
	}
}

// Records over HTTP.
type (
	// Reading is what GET /records?name=… answers.
	Reading struct {
		Zone    string       `json:"zone"`
		Records []sdk.Record `json:"records"`
	}
	// Writing is what POST /records takes.
	Writing struct {
		Remove []sdk.Record `json:"remove"`
		Add    []sdk.Record `json:"add"`
	}
)

// ServeHTTP answers GET and POST /records. Names in no zone are not found.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	instead := s.instead
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path != "/records":
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		name := r.URL.Query().Get("name")
		zone, ok := dnshost.ZoneOf(name, s.zones)
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Reading{Zone: zone, Records: s.under(name)})
	case r.Method == http.MethodPost:
		var in Writing
		if json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, record := range append(in.Add, in.Remove...) {
			if _, ok := dnshost.ZoneOf(record.Name, s.zones); !ok {
				w.WriteHeader(http.StatusNotFound)
				return
			}
		}
		s.change(in.Remove, in.Add)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// ServeDNS answers one message.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	if q.Opcode == dns.OpcodeUpdate {
		m.SetReply(q)
		m.Rcode = s.update(w, q)
		if t := q.IsTsig(); t != nil && w.TsigStatus() == nil {
			m.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
		}
		_ = w.WriteMsg(m)
		return
	}
	m.SetReply(q)
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(m)
		return
	}
	s.mu.Lock()
	s.answer(m, q.Question[0])
	s.mu.Unlock()
	_ = w.WriteMsg(m)
}

func (s *Server) answer(m *dns.Msg, q dns.Question) {
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	zone, ok := dnshost.ZoneOf(name, s.zones)
	if !ok {
		m.Rcode = dns.RcodeRefused
		return
	}
	m.Authoritative = true
	for range 8 { // aliases
		records := s.under(name)
		if len(records) == 0 && name != zone && !s.below(name) {
			if len(m.Answer) == 0 {
				m.Rcode = dns.RcodeNameError
			}
			break
		}
		next := ""
		for _, r := range records {
			rr, err := toRR(r)
			if err != nil {
				continue
			}
			kind := rr.Header().Rrtype
			if kind == q.Qtype || kind == dns.TypeCNAME || q.Qtype == dns.TypeANY {
				m.Answer = append(m.Answer, rr)
			}
			if kind == dns.TypeCNAME && q.Qtype != dns.TypeCNAME {
				next = r.Value
			}
		}
		if name == zone && q.Qtype == dns.TypeSOA {
			m.Answer = append(m.Answer, soa(zone))
		}
		if _, ours := dnshost.ZoneOf(next, s.zones); next == "" || !ours {
			break
		}
		name = next
	}
	if len(m.Answer) == 0 {
		m.Ns = append(m.Ns, soa(zone))
	}
}

// below says whether there are names below one that has no records itself.
func (s *Server) below(name string) bool {
	return slices.ContainsFunc(s.records, func(r sdk.Record) bool { return strings.HasSuffix(r.Name, "."+name) })
}

func soa(zone string) dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: dns.Fqdn(zone), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 1},
		Ns:  "ns." + dns.Fqdn(zone), Mbox: "hostmaster." + dns.Fqdn(zone), Serial: 1, Refresh: 60, Retry: 60, Expire: 60, Minttl: 1,
	}
}

func toRR(r sdk.Record) (dns.RR, error) {
	value := r.Value
	switch r.Type {
	case sdk.CNAME:
		value = dns.Fqdn(value)
	case sdk.TXT:
		return &dns.TXT{
			Hdr: dns.RR_Header{Name: dns.Fqdn(r.Name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: r.TTL}, Txt: []string{value},
		}, nil
	}
	return dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(r.Name), r.TTL, r.Type, value))
}

// update carries out a dynamic update, all of it or nothing.
func (s *Server) update(w dns.ResponseWriter, q *dns.Msg) (rcode int) {
	if q.IsTsig() == nil || w.TsigStatus() != nil {
		return dns.RcodeNotAuth
	}
	if len(q.Question) != 1 || q.Question[0].Qtype != dns.TypeSOA {
		return dns.RcodeFormatError
	}
	zone := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	if !slices.Contains(s.zones, zone) {
		return dns.RcodeNotAuth
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var remove, add []sdk.Record
	for _, rr := range q.Ns {
		r := fromRR(rr)
		if _, ok := dnshost.ZoneOf(r.Name, []string{zone}); !ok {
			return dns.RcodeNotZone
		}
		switch rr.Header().Class {
		case dns.ClassNONE: // this one
			remove = append(remove, r)
		case dns.ClassANY: // all of the type
			for _, there := range s.under(r.Name) {
				if there.Type == r.Type || rr.Header().Rrtype == dns.TypeANY {
					remove = append(remove, there)
				}
			}
		default:
			add = append(add, r)
		}
	}
	s.change(remove, add)
	return dns.RcodeSuccess
}

func fromRR(rr dns.RR) sdk.Record {
	h := rr.Header()
	r := sdk.Record{
		Type: dns.TypeToString[h.Rrtype], Name: strings.ToLower(strings.TrimSuffix(h.Name, ".")), TTL: h.Ttl,
	}
	switch rr := rr.(type) {
	case *dns.A:
		r.Value = rr.A.String()
	case *dns.AAAA:
		r.Value = rr.AAAA.String()
	case *dns.CNAME:
		r.Value = strings.TrimSuffix(rr.Target, ".")
	case *dns.TXT:
		r.Value = strings.Join(rr.Txt, "")
	}
	return r
}
