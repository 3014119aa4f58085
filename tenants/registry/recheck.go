package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

const (
	// recheckEvery is how often a verified host name is looked at again.
	recheckEvery = 24 * time.Hour
	// LostGrace is how long one counts whose proof is gone, once that was told.
	LostGrace = 7 * 24 * time.Hour
	// recheckMost is how many are looked at in one round: each may take seconds.
	recheckMost = 50
)

// hostMail is the kind of letter about a host whose proof is gone.
const hostMail = "host_mail"

// recheck looks again at verified host names of practices and domains of
// resellers whose last look is a day ago. Whose proof is gone is told; after
// [LostGrace] it counts no more, and is told again. That nobody can be asked
// proves nothing either way.
func (s *Service) recheck(ctx context.Context) error {
	return errors.Join(s.recheckAll(ctx, hostsOfTenants), s.recheckAll(ctx, basesOfOnes))
}

func (s *Service) recheckAll(ctx context.Context, in hostTable) error {
	now := s.Now().UTC()
	var due []struct{ Name, Owner string }
	// Who takes one has it to itself until the next day.
	err := s.DB.Global().NewRaw(`
		update `+in.table+` h set checked = ?0 from (
		  select `+in.column+` as name, `+in.owner+` as owner from `+in.table+`
		  where verified is not null and coalesce(checked, verified) <= ?1
		  order by coalesce(checked, verified) limit ?2 for update skip locked) x
		where h.`+in.column+` = x.name and h.`+in.owner+` = x.owner
		returning x.name, x.owner::text as owner`, now, now.Add(-recheckEvery), recheckMost).Scan(ctx, &due)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("look for hosts: %w", err)
	}
	var errs []error
	for _, d := range due {
		if err := s.recheckOne(ctx, in, d.Owner, d.Name, now); err != nil {
			errs = append(errs, fmt.Errorf("look at a host again: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) recheckOne(ctx context.Context, in hostTable, owner, name string, now time.Time) error {
	h, err := s.oneName(ctx, in, owner, name)
	if errors.Is(err, ErrUnknownName) {
		return nil
	}
	if err != nil {
		return err
	}
	problem := s.look(ctx, h)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	leading := name
	if in == basesOfOnes {
		leading = "siegel-check." + name // any name below it
	}
	if problem != "" && problem != "unreachable" && s.leadsHere(ctx, leading) {
		problem = ""
	}
	update, where := `update `+in.table+` set `, ` where `+in.owner+` = ? and `+in.column+` = ? `
	switch {
	case problem == "unreachable":
		return nil
	case problem == "":
		_, err = s.DB.Global().NewRaw(update+`problem = '', lost = null`+where+`and (problem <> '' or lost is not null)`, owner, name).Exec(ctx)
		return err
	case h.Lost.IsZero():
		if _, err = s.DB.Global().NewRaw(update+`problem = ?, lost = ?`+where+`and verified is not null`, problem, now, owner, name).Exec(ctx); err != nil {
			return err
		}
		return s.tellOf(ctx, in, owner, false)
	case now.Before(h.Lost.Add(LostGrace)):
		return nil
	}
	gone := `problem = ?, verified = null`
	if in == hostsOfTenants {
		gone += `, preferred = false`
	}
	_, err = s.DB.Global().NewRaw(update+gone+where+`and lost is not null`, problem, owner, name).Exec(ctx)
	s.names.forget()
	if err != nil {
		return err
	}
	return s.tellOf(ctx, in, owner, true)
}

// tellOf queues the letters about a name whose proof is gone: to the owners of
// the practice, or to the reseller.
func (s *Service) tellOf(ctx context.Context, in hostTable, owner string, off bool) error {
	if in == basesOfOnes {
		what := "baselost"
		if off {
			what = "baseoff"
		}
		return s.writeReseller(ctx, owner, what)
	}
	var tenant id.Tenant
	if err := tenant.Scan(owner); err != nil {
		return err
	}
	what := "hostlost"
	if off {
		what = "hostoff"
	}
	return s.write(ctx, tenant, hostMail, what)
}

// writeReseller queues a letter to a reseller, beside one of its practices: one
// that has none loses nothing.
func (s *Service) writeReseller(ctx context.Context, reseller, what string) error {
	var tenant id.Tenant
	err := s.DB.Global().NewRaw(`select id from tenant where reseller_id = ? and status <> 'closed' order by created, id limit 1`, reseller).Scan(ctx, &tenant)
	if isNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue letter: %w", err)
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		jobs.Add(b, jobs.Message{Tenant: tenant, Kind: hostMail, Ref: what + "_" + reseller, TTL: mailTTL})
	})
	if err != nil {
		return fmt.Errorf("queue letter: %w", err)
	}
	s.Wake()
	return nil
}

// baseLetter tells a reseller of its domains whose proof is gone.
func (s *Service) baseLetter(ctx context.Context, ref string, off bool) (Letter, error) {
	var reseller id.Reseller
	if reseller.Scan(ref) != nil {
		return Letter{}, ErrNobody
	}
	r, err := s.Reseller(ctx, reseller)
	if errors.Is(err, ErrUnknownReseller) {
		return Letter{}, ErrNobody
	}
	if err != nil {
		return Letter{}, err
	}
	bases, err := s.Bases(ctx, reseller)
	if err != nil {
		return Letter{}, err
	}
	l := Letter{To: cmp.Or(r.Brand.SupportEmail, r.Brand.SenderEmail), Language: "de", Variant: "base", Practice: r.Brand.Name, Zone: r.Zone,
		Link: s.Scheme + "://" + s.Host("", Portal) + "/#domains", From: s.Platform}
	if off {
		l.Variant = "base_off"
	}
	l.By, l.Until = lostOf(bases, off)
	if l.By == "" || l.To == "" {
		return Letter{}, ErrNobody
	}
	return l, nil
}

// leadsHere reports whether a name has an address of the portal's: its owner
// still sends visitors here, also where the challenge is gone.
func (s *Service) leadsHere(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	portal, _, _ := strings.Cut(s.base.portal, ":")
	ours, err := s.Resolver.LookupHost(ctx, portal+".")
	if err != nil {
		return false
	}
	theirs, err := s.Resolver.LookupHost(ctx, name+".")
	return err == nil && slices.ContainsFunc(theirs, func(address string) bool {
		ip := net.ParseIP(address)
		return ip != nil && slices.ContainsFunc(ours, func(our string) bool { return ip.Equal(net.ParseIP(our)) })
	})
}

// lostHosts names what a letter is about: the tenant's hosts that are lost, or, with
// off, that count no more because of it; and when the first of them ends.
func (s *Service) lostHosts(ctx context.Context, tenant id.Tenant, off bool) (names string, until time.Time, err error) {
	hosts, err := s.Hosts(ctx, tenant)
	if err != nil {
		return "", until, err
	}
	names, until = lostOf(hosts, off)
	return names, until, nil
}

func lostOf(hosts []HostName, off bool) (names string, until time.Time) {
	var lost []string
	for _, h := range hosts {
		if h.Lost.IsZero() || h.Verified.IsZero() != off {
			continue
		}
		lost = append(lost, h.Shown)
		if ends := h.Lost.Add(LostGrace); until.IsZero() || ends.Before(until) {
			until = ends
		}
	}
	return strings.Join(lost, ", "), until
}
