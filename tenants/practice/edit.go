package practice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// What an edit of the rules is refused for, beside the [Mistakes] of [Setup.Check].
var (
	// ErrRulesChanged is returned where somebody else has edited the rules since.
	ErrRulesChanged = fault.New(fault.Conflict, "rules_changed")
	// ErrUnknownRule is returned where there is nothing to remove.
	ErrUnknownRule = fault.New(fault.NotFound, "unknown_rule")
	// ErrInUse is returned where appointments or other rules still refer to what
	// shall be removed; in the latter case a [Mistake] names them.
	ErrInUse = fault.New(fault.Conflict, "in_use")
	// ErrCapacityInUse is returned where there are appointments on more units
	// than would be left.
	ErrCapacityInUse = fault.New(fault.Conflict, "capacity_in_use")
	// ErrAppointmentsOutside is what an [OutsideError] is.
	ErrAppointmentsOutside = fault.New(fault.Conflict, "appointments_outside")
)

// Edit says how an edit of the rules is meant.
type Edit struct {
	// Version is that of the rules that the editor has seen.
	Version int64
	// Keep saves the edit even where appointments then lie outside of all hours.
	// They stand until the practice moves or cancels them.
	Keep bool
	// Session names the group that comes to a service, practitioner and start.
	// Without it every group of a practitioner counts as one of the service.
	Session func(service id.Service, practitioner id.Practitioner, starts int64) Session
}

// Saved is what came of an edit: the new version, and the appointments that
// now lie outside, which nobody is told of but the caller.
type Saved struct {
	Version int64
	Outside []Affected
}

// OutsideError says that nothing was saved, since these appointments would
// newly lie outside. It is an [ErrAppointmentsOutside].
type OutsideError struct{ Outside []Affected }

func (e *OutsideError) Error() string {
	return fmt.Sprintf("%v: %d appointments", ErrAppointmentsOutside, len(e.Outside))
}

// Unwrap returns the fault.
func (e *OutsideError) Unwrap() error { return ErrAppointmentsOutside }

// Put adds a rule, or puts it in the place of the one with its id, where all
// rules together then make sense. Bookings that were checked against the old
// rules and commit later are refused. It returns [Mistakes], an [OutsideError],
// [ErrRulesChanged], [ErrCapacityInUse] or [ErrUnknownPractice]; then nothing
// has changed.
func (s *Service) Put(ctx context.Context, tenant id.Tenant, rule Rule, how Edit) (Saved, error) {
	saved, err := s.edit(ctx, tenant, how, recorded(ctx, tenant, "put", rule), func(setup *Setup) error {
		rule.put(setup)
		*setup = setup.completed()
		return setup.Check()
	})
	if err != nil {
		kind, _ := rule.name()
		return Saved{}, fmt.Errorf("put %s: %w", kind, err)
	}
	return saved, nil
}

// Remove removes the rule that has the id of the one given; nothing else of it
// is looked at. With a location go its legs and closures, with a practitioner
// or resource its closures. It returns [ErrUnknownRule], [ErrInUse], an
// [OutsideError], [ErrRulesChanged] or [ErrUnknownPractice]; then nothing has
// changed.
func (s *Service) Remove(ctx context.Context, tenant id.Tenant, rule Rule, how Edit) (Saved, error) {
	saved, err := s.edit(ctx, tenant, how, recorded(ctx, tenant, "remove", rule), func(setup *Setup) error {
		if !rule.drop(setup) {
			return ErrUnknownRule
		}
		err := setup.Check()
		var mistakes Mistakes
		if !errors.As(err, &mistakes) {
			return err
		}
		// All was well before: whatever is not now, needs what is gone.
		for i := range mistakes {
			mistakes[i].Err = ErrInUse.Because(mistakes[i].Err)
		}
		return mistakes
	})
	if err != nil {
		kind, _ := rule.name()
		return Saved{}, fmt.Errorf("remove %s: %w", kind, err)
	}
	return saved, nil
}

// recorded is what the audit trail says of an edit.
func recorded(ctx context.Context, tenant id.Tenant, verb string, rule Rule) audit.Entry {
	kind, ref := rule.name()
	return audit.Now(ctx, tenant, strings.TrimSuffix(kind, "s")+"."+verb, ref)
}

// edit changes the rules under the locks that a booking takes.
func (s *Service) edit(ctx context.Context, tenant id.Tenant, how Edit, act audit.Entry, change func(*Setup) error) (Saved, error) {
	before, err := s.Rules(ctx, tenant)
	if err != nil {
		return Saved{}, err
	}
	if before.Version != how.Version {
		return Saved{}, ErrRulesChanged
	}
	setup := before.setup()
	if err := change(&setup); err != nil {
		return Saved{}, err
	}
	after, err := s.offerOf(before, setup, before.schoolHolidays)
	if err != nil {
		return Saved{}, err
	}
	saved := Saved{Version: after.Version}
	err = s.Change(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		if err := unchanged(ctx, tx, tenant, before.Version); err != nil {
			return err
		}
		if saved.Outside, err = s.outsideOf(ctx, tx, before, after, how); err != nil {
			return err
		}
		if err := forget(ctx, tx, before, after); err != nil {
			return err
		}
		if err := setup.rows(tenant).write(ctx, tx, before.setup().rows(tenant)); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, act)
	})
	switch {
	case postgres.Violates(err, "occupation_resource"):
		return Saved{}, ErrInUse.Because(err)
	case postgres.Violates(err, "closure_pk"): // of one that is long over
		return Saved{}, ErrDuplicateID.Because(err)
	case err != nil:
		return Saved{}, err
	}
	return saved, nil
}

// outsideOf returns the appointments that an edit leaves outside. It returns an
// [OutsideError] where the editor wants to be asked about them, and [Mistakes]
// where the edit does not bear what is booked.
func (s *Service) outsideOf(ctx context.Context, tx bun.Tx, before, after *Offer, how Edit) ([]Affected, error) {
	ahead, err := s.ahead(ctx, tx, before)
	if err != nil {
		return nil, err
	}
	if err := ahead.bear(before, after, how.Session); err != nil {
		return nil, err
	}
	outside := ahead.newlyOutside(before, after)
	if len(outside) > 0 && !how.Keep {
		return nil, &OutsideError{outside}
	}
	return outside, nil
}

// offerOf returns the offer that a setup makes of the one before it, with the
// days without school that calendars then have.
func (s *Service) offerOf(before *Offer, setup Setup, school []schoolDays) (*Offer, error) {
	r := &rows{
		offer: &Offer{
			Tenant: before.Tenant, Version: before.Version + 1,
			Practice: setup.Practice, Locations: setup.Locations, Legs: setup.Legs, Resources: setup.Resources,
			Practitioners: setup.Practitioners, Services: slices.Clone(setup.Services), Chains: slices.Clone(setup.Chains),
			Openings: setup.Openings, Quotas: setup.Quotas, Closures: setup.Closures,
			Calendars: before.Calendars, schoolHolidays: school,
		},
		providers: map[id.Service][]provider{},
		needs:     map[id.Service][]Need{},
		steps:     map[id.Chain][]ChainStep{},
		from:      before.from,
	}
	for _, x := range setup.Services {
		for _, p := range x.Practitioners {
			who := provider{practitioner: p}
			if minutes, ok := x.Durations[p]; ok {
				who.minutes = &minutes
			}
			r.providers[x.ID] = append(r.providers[x.ID], who)
		}
		r.needs[x.ID] = x.Needs
	}
	for _, c := range setup.Chains {
		r.steps[c.ID] = c.Steps
	}
	return s.build(r)
}

// forget deletes what would keep a resource that goes: past occupations, which
// promise nothing any more. A calendar that is imported for it does keep it.
func forget(ctx context.Context, tx bun.Tx, before, after *Offer) error {
	for _, r := range before.Resources {
		if _, stays := after.Resource(r.ID); stays {
			continue
		}
		for _, c := range before.Calendars {
			if c.Resource == r.ID {
				return Mistakes{{"calendars", c.ID.String(), "resource", ErrInUse}}
			}
		}
		_, err := tx.ExecContext(ctx, "delete from occupation where tenant_id = ? and resource_id = ? and ends <= now()", before.Tenant, r.ID)
		if err != nil {
			return fmt.Errorf("forget occupations: %w", err)
		}
	}
	return nil
}
