package identity

import (
	"context"
	"fmt"
	"net/netip"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Rule is what a domain decides about signing in.
type Rule struct {
	// SecondFactor wants one of everybody. In the portal it is always wanted.
	SecondFactor bool
	// FullIP keeps whole addresses in the history, not just networks.
	FullIP bool
	// HistoryDays is for how long the history is kept, 1 to 365.
	HistoryDays int
}

// historyDays is the retention where nobody decided.
const historyDays = 90

// platformScope stands for the platform where a row wants a tenant.
const platformScope = "00000000-0000-7000-8000-000000000001"

// Scope is the domain as row-level security knows it: its own id, and one that
// stands for the platform.
func Scope(domain access.Domain) (scope id.Tenant) {
	text := domain.ID.String()
	if domain.Kind == access.Platform {
		text = platformScope
	}
	_ = scope.Scan(text) // never fails: it is a uuid
	return scope
}

// Rule reads a domain's rule. The answer is at most [Age] old.
func (s *Service) Rule(ctx context.Context, domain access.Domain) (Rule, error) {
	return s.rules.Get(ctx, domain, func(ctx context.Context) (Rule, error) {
		rule := Rule{HistoryDays: historyDays}
		err := s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
			b.Row(`select second_factor, full_ip, history_days from sign_in_rule where tenant_id = $1`,
				[]any{Scope(domain)}, &rule.SecondFactor, &rule.FullIP, &rule.HistoryDays)
		})
		if err != nil {
			return Rule{}, fmt.Errorf("read sign-in rule: %w", err)
		}
		rule.SecondFactor = rule.SecondFactor || domain.Kind != access.Tenant
		return rule, nil
	})
}

// SetRule changes a domain's rule. What the history keeps already is kept
// shorter too, never longer. It returns [ErrMalformedRule].
func (s *Service) SetRule(ctx context.Context, domain access.Domain, rule Rule) error {
	if rule.HistoryDays < 1 || rule.HistoryDays > 365 {
		return ErrMalformedRule
	}
	err := s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		b.Exec(`
			insert into sign_in_rule (tenant_id, second_factor, full_ip, history_days) values ($1, $2, $3, $4)
			on conflict (tenant_id) do update
			set second_factor = excluded.second_factor, full_ip = excluded.full_ip, history_days = excluded.history_days`,
			Scope(domain), rule.SecondFactor, rule.FullIP, rule.HistoryDays)
		b.Exec(`
			update sign_in_history set keep_until = least(keep_until, at + make_interval(days => $3))
			where domain_kind = $1 and domain_id = $2`,
			string(domain.Kind), domain.ID.String(), rule.HistoryDays)
	})
	if err != nil {
		return fmt.Errorf("set sign-in rule: %w", err)
	}
	s.rules.Forget(domain)
	return nil
}

// shown is an address as the rule has it kept: whole, or the network alone
// (IPv4 /24, IPv6 /48).
func (r Rule) shown(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return ""
	}
	if r.FullIP {
		return ip.String()
	}
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	p, _ := ip.Prefix(bits) // never fails: the length fits
	return p.String()
}
