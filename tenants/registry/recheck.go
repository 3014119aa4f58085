package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"siegel/platform/id"
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

// recheck looks again at verified host names of practices whose last look is a
// day ago. Whose proof is gone is told; after [LostGrace] it counts no more, and
// is told again. That nobody can be asked proves nothing either way.
func (s *Service) recheck(ctx context.Context) error {
	now := s.Now().UTC()
	var due []struct {
		Host     string
		TenantID id.Tenant
	}
	// Who takes one has it to itself until the next day.
	err := s.DB.Global().NewRaw(`
		update tenant_host h set checked = ?0 from (
		  select host, tenant_id from tenant_host
		  where verified is not null and coalesce(checked, verified) <= ?1
		  order by coalesce(checked, verified) limit ?2 for update skip locked) x
		where h.host = x.host and h.tenant_id = x.tenant_id
		returning h.host, h.tenant_id`, now, now.Add(-recheckEvery), recheckMost).Scan(ctx, &due)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("look for hosts: %w", err)
	}
	var errs []error
	for _, d := range due {
		if err := s.recheckOne(ctx, d.TenantID, d.Host, now); err != nil {
			errs = append(errs, fmt.Errorf("look at a host again: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) recheckOne(ctx context.Context, tenant id.Tenant, name string, now time.Time) error {
	h, err := s.oneName(ctx, hostsOfTenants, tenant.UUID(), name)
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
	if problem != "" && problem != "unreachable" && s.leadsHere(ctx, name) {
		problem = ""
	}
	switch {
	case problem == "unreachable":
		return nil
	case problem == "":
		_, err = s.DB.Global().NewRaw(`update tenant_host set problem = '', lost = null where tenant_id = ? and host = ? and (problem <> '' or lost is not null)`, tenant, name).Exec(ctx)
		return err
	case h.Lost.IsZero():
		if _, err = s.DB.Global().NewRaw(`update tenant_host set problem = ?, lost = ? where tenant_id = ? and host = ? and verified is not null`, problem, now, tenant, name).Exec(ctx); err != nil {
			return err
		}
		return s.write(ctx, tenant, hostMail, "hostlost")
	case now.Before(h.Lost.Add(LostGrace)):
		return nil
	}
	_, err = s.DB.Global().NewRaw(`update tenant_host set problem = ?, verified = null, preferred = false where tenant_id = ? and host = ? and lost is not null`, problem, tenant, name).Exec(ctx)
	s.names.forget()
	if err != nil {
		return err
	}
	return s.write(ctx, tenant, hostMail, "hostoff")
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
	return strings.Join(lost, ", "), until, nil
}
