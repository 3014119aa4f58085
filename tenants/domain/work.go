package domain

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"siegel/platform/fault"
	"siegel/plugins/sdk"
	"siegel/tenants/registry"
)

// claim is for how long a domain belongs to the replica that works on it. A
// step asks others at most for some seconds each, a certificate for minutes.
const claim = 5 * time.Minute

// Run works on all domains until ctx ends.
func (s *Service) Run(ctx context.Context) {
	for {
		worked, err := s.work(ctx)
		if err != nil && ctx.Err() == nil {
			s.Logger.Warn("domains", "error", err)
		}
		if worked {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.Poll):
		}
	}
}

// work takes one step of one domain that is due; false where none is.
func (s *Service) work(ctx context.Context) (bool, error) {
	var r row
	err := s.DB.Global().NewRaw(`update domain_setup set claimed_until = now() + make_interval(secs => ?)
		where (tenant_id, host) = (
			select tenant_id, host from domain_setup
			 where not stopped and (step <> 'done' or removing) and next_at <= now() and (claimed_until is null or claimed_until < now())
			 order by next_at limit 1 for update skip locked)
		returning `+columns, claim.Seconds()).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find work: %w", err)
	}
	d, err := r.domain()
	if err != nil {
		return false, err
	}
	bounded, cancel := context.WithTimeout(ctx, claim-10*time.Second)
	defer cancel()
	var o outcome
	if d.Removing {
		o = s.takeBack(bounded, d)
	} else {
		o = s.take(bounded, d)
	}
	if ctx.Err() != nil { // the claim ends, and somebody goes on
		return false, ctx.Err()
	}
	return true, s.note(ctx, d, o)
}

// outcome is what came of a step.
type outcome struct {
	done    bool // on to the next
	problem string
	stopped bool
	again   time.Duration // where not done; 0 grows with the tries
	records []Record
	proxy   bool
}

func (s *Service) note(ctx context.Context, d Domain, o outcome) error {
	if o.done && d.Removing {
		_, err := s.DB.Global().NewRaw(`delete from domain_setup where tenant_id = ? and host = ? and removing`, d.Tenant, d.Host).Exec(ctx)
		return err
	}
	next := d.Step
	if o.done {
		steps := append(Steps(), Done)
		next = steps[slices.Index(steps, d.Step)+1]
	}
	if !o.done && !o.stopped && time.Since(d.Since) > s.Patience {
		o.stopped = true
	}
	if !o.done && o.again == 0 {
		o.again = min(2*time.Second<<min(d.tries, 6), time.Minute)
	}
	if o.records == nil {
		o.records = []Record{}
	}
	records, err := json.Marshal(o.records)
	if err != nil {
		return err
	}
	// Not where somebody has begun anew, or wants it back, meanwhile.
	_, err = s.DB.Global().NewRaw(`update domain_setup set step = ?, problem = ?, stopped = ?, records = ?, proxy = proxy or ?,
		tries = case when ? then 0 else tries + 1 end, since = case when ? then now() else since end,
		next_at = now() + make_interval(secs => ?), claimed_until = null
		where tenant_id = ? and host = ? and step = ? and removing = ? and started = ?`,
		string(next), o.problem, o.stopped, string(records), o.proxy, o.done, o.done, o.again.Seconds(),
		d.Tenant, d.Host, string(d.Step), d.Removing, d.Started).Exec(ctx)
	if err == nil {
		_, err = s.DB.Global().NewRaw(`update domain_setup set claimed_until = null where tenant_id = ? and host = ?`, d.Tenant, d.Host).Exec(ctx)
	}
	return err
}

// take takes one step. Nothing in it may be done only once.
func (s *Service) take(ctx context.Context, d Domain) outcome {
	switch d.Step {
	case Ownership:
		return s.prove(ctx, d)
	case Records:
		return s.lead(ctx, d)
	case Propagation:
		return s.spread(ctx, d)
	case Certificate:
		if s.Obtain == nil || d.proxy {
			return outcome{done: true} // somebody else's
		}
		return of(s.Obtain(ctx, d.Host), "no_certificate")
	case Request:
		return of(s.Request(ctx, d.Host, d.Tenant), "no_answer")
	case Done:
	}
	return outcome{done: true}
}

// of is the outcome of something that is tried until it works. Limits say
// themselves when that makes sense.
func of(err error, problem string) outcome {
	if err == nil {
		return outcome{done: true}
	}
	if f := fault.From(err); f.Code == fault.Limited {
		return outcome{problem: f.Reason, again: 10 * time.Minute}
	}
	return outcome{problem: problem}
}

// ofHosting is the outcome of a provider's refusal.
func ofHosting(err error) outcome {
	var e *sdk.Error
	switch {
	case errors.As(err, &e):
		switch e.Kind {
		case sdk.RateLimited:
			return outcome{problem: "rate_limited", again: max(e.RetryAfter, time.Second)}
		case sdk.Temporary, sdk.Unknown:
			return outcome{problem: string(e.Kind)}
		default:
			return outcome{problem: string(e.Kind), stopped: true}
		}
	case fault.From(err).Code == fault.NotFound:
		return outcome{problem: "provider_gone", stopped: true}
	case fault.From(err).Code == fault.Invalid:
		return outcome{problem: "settings", stopped: true}
	}
	return outcome{problem: "plugin"}
}

// prove proves whose the name is, by a TXT record that the provider sets or
// somebody does.
func (s *Service) prove(ctx context.Context, d Domain) outcome {
	name, err := s.Names.AddHost(ctx, d.Tenant, d.Host) // gives the challenge, also the second time
	if err != nil {
		return ofName(err)
	}
	if !name.Verified.IsZero() {
		return outcome{done: true}
	}
	byHand := []Record{{Type: sdk.TXT, Name: name.Record, Value: name.Challenge}}
	hosting, _, about, err := s.open(ctx, d.Tenant, d.Provider)
	if err != nil {
		return ofHosting(err)
	}
	if about.Has(sdk.Challenges) {
		err := hosting.AddChallenge(ctx, sdk.Challenge{Name: name.Record, Value: name.Challenge})
		switch kind, _ := sdk.KindOf(err); {
		case err == nil:
			byHand = nil
		case kind == sdk.InvalidHost: // its DNS is elsewhere
		default:
			return ofHosting(err)
		}
	}
	if _, err = s.Names.VerifyHost(ctx, d.Tenant, d.Host); err != nil {
		o := ofName(err)
		o.records = byHand
		if byHand != nil && o.again == 0 {
			o.again = 15 * time.Second
		}
		return o
	}
	return outcome{done: true}
}

func ofName(err error) outcome {
	switch {
	case errors.Is(err, registry.ErrUnverified):
		return outcome{problem: "unverified"}
	case fault.From(err).Code == fault.Internal, fault.From(err).Code == fault.Unavailable:
		return outcome{problem: "temporary"}
	}
	return outcome{problem: fault.From(err).Reason, stopped: true} // taken, too many
}

// lead has the provider lead the name to us.
func (s *Service) lead(ctx context.Context, d Domain) outcome {
	hosting, to, about, err := s.open(ctx, d.Tenant, d.Provider)
	if err != nil {
		return ofHosting(err)
	}
	status, err := hosting.EnsureHost(ctx, d.Host, to, d.replace)
	if err != nil {
		return ofHosting(err)
	}
	o := outcome{again: status.Again, proxy: about.Has(sdk.Proxy)}
	for _, r := range status.Records {
		o.records = append(o.records, Record{Type: r.Type, Name: r.Name, Value: r.Value, Present: r.Present})
	}
	switch status.State {
	case sdk.HostReady:
		o.done, o.records = true, nil
	case sdk.HostFailed:
		o.problem, o.stopped = "failed", true
	default:
		o.problem = "waiting"
		if len(o.records) > 0 {
			o.problem = "by_hand"
		}
	}
	return o
}

// spread waits until DNS leads the name to where the target is. A proxy's
// addresses are the provider's, who has looked itself.
func (s *Service) spread(ctx context.Context, d Domain) outcome {
	to, err := s.Target(ctx, d.Tenant)
	if err != nil {
		return outcome{problem: "temporary"}
	}
	got, err := s.Addresses(ctx, d.Host)
	switch {
	case err != nil:
		return outcome{problem: "dns_silent"}
	case len(got) == 0:
		return outcome{problem: "dns_missing"}
	case d.proxy:
		return outcome{done: true}
	}
	want := to.Addresses
	if len(want) == 0 {
		if want, err = s.Addresses(ctx, to.Name); err != nil {
			return outcome{problem: "dns_silent"}
		}
	}
	if slices.ContainsFunc(got, func(a netip.Addr) bool { return !slices.Contains(want, a) }) {
		return outcome{problem: "dns_elsewhere"}
	}
	return outcome{done: true}
}

// takeBack undoes it all. Nobody is led to the name any more before its records
// go, and it stays the practice's until they are gone.
func (s *Service) takeBack(ctx context.Context, d Domain) outcome {
	name, err := s.named(ctx, d)
	if err != nil {
		return outcome{problem: "temporary"}
	}
	if name != nil && name.Preferred {
		if err := s.Names.PreferHost(ctx, d.Tenant, ""); err != nil {
			return outcome{problem: "temporary"}
		}
	}
	if d.Step != Ownership && s.Forget != nil && !d.proxy {
		if err := s.Forget(ctx, d.Host); err != nil {
			return outcome{problem: "temporary"}
		}
	}
	hosting, to, about, err := s.open(ctx, d.Tenant, d.Provider)
	if fault.From(err).Code == fault.NotFound {
		return s.dropName(ctx, d) // nobody is left who could take records back
	}
	if err != nil {
		return ofHosting(err)
	}
	var left []sdk.Record
	if d.Step != Ownership { // before that, nothing was made
		if left, err = hosting.RemoveHost(ctx, d.Host, to); err != nil {
			return ofHosting(err)
		}
	}
	if about.Has(sdk.Challenges) && name != nil {
		err := hosting.RemoveChallenge(ctx, sdk.Challenge{Name: name.Record, Value: name.Challenge})
		if kind, _ := sdk.KindOf(err); err != nil && kind != sdk.InvalidHost {
			return ofHosting(err)
		}
	}
	if len(left) > 0 && about.Has(sdk.Manual) {
		o := outcome{problem: "remove_by_hand", again: 15 * time.Second}
		for _, r := range left {
			o.records = append(o.records, Record{Type: r.Type, Name: r.Name, Value: r.Value, Present: true})
		}
		return o
	}
	return s.dropName(ctx, d)
}

func (s *Service) dropName(ctx context.Context, d Domain) outcome {
	if err := s.Names.RemoveHost(ctx, d.Tenant, d.Host); err != nil && !errors.Is(err, registry.ErrUnknownName) {
		return outcome{problem: "temporary"}
	}
	return outcome{done: true}
}

// named is the name in the registry; nil where it is gone.
func (s *Service) named(ctx context.Context, d Domain) (*registry.HostName, error) {
	names, err := s.Names.Hosts(ctx, d.Tenant)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if n.Name == d.Host {
			return &n, nil
		}
	}
	return nil, nil
}
