package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Code is what is the matter with a tenant, as a stable word.
type Code string

// The troubles, the worst first.
const (
	KeysMissing        Code = "keys_missing"        // nobody has made the practice's keys
	RecoveryUnproven   Code = "recovery_unproven"   // the recovery code was never typed back
	KeysExpired        Code = "keys_expired"        // the signed directory ran out: booking is closed
	ProbeUnopened      Code = "probe_unopened"      // nobody opened the sealed word of the day in time
	UnreadOld          Code = "unread_old"          // a booking has waited for more than a day
	NoticeOver         Code = "notice_over"         // the contract is over
	TrialEnded         Code = "trial_ended"         // booking pauses
	IsSuspended        Code = "suspended"           // booking pauses
	AgreementMissing   Code = "agreement_missing"   // the newest version is not accepted
	NotHandedOver      Code = "not_handed_over"     // prepared, and nobody owns it
	NoOwner            Code = "no_owner"            // nobody can give rights
	KeysExpiring       Code = "keys_expiring"       // within two weeks
	CertificateExpires Code = "certificate_expires" // a host's, within two weeks
	HostUnverified     Code = "host_unverified"     // a host was added and never verified
	FundsLow           Code = "sms_funds_low"
	TrialEnding        Code = "trial_ending" // within a week
	NoticeGiven        Code = "notice_given"
)

// Level says how bad that is: 2 where the public cannot book or a booking is
// not seen, 1 where somebody has to do something soon, 0 where it is only said.
func (c Code) Level() int {
	switch c {
	case KeysMissing, RecoveryUnproven, KeysExpired, ProbeUnopened, UnreadOld, NoticeOver, TrialEnded, IsSuspended, NoOwner:
		return 2
	case NotHandedOver, NoticeGiven:
		return 0
	default:
		return 1
	}
}

// Trouble is one thing that is the matter.
type Trouble struct {
	Code Code
	// Since or until when, UTC; zero where there is no such time.
	At time.Time
	// Count is how many, where they can be counted.
	Count int
}

// State is what those who look after a tenant may know of it: counts, states
// and the practice's public name.
type State struct {
	Tenant
	Name string // the practice's; empty where it has none yet
	// Troubles, the worst first.
	Troubles []Trouble
	// Unknown are the codes that nobody could answer.
	Unknown []Code
	Owners  int
	// Bookings are how many appointments were made in 30 days; Days are those of
	// the last 14, today last.
	Bookings int
	Days     []int
	// Read is when this was so, UTC.
	Read time.Time
}

// Level is that of its worst trouble.
func (s State) Level() int {
	worst := 0
	for _, t := range s.Troubles {
		worst = max(worst, t.Code.Level())
	}
	return worst
}

// stateAge is how old a state may be that is shown: reading one asks the
// tenant's own rows, and a fleet may be large.
const stateAge = time.Minute

const soon = 14 * 24 * time.Hour

// Fleet is the state of all tenants that a domain looks after and that are not
// closed: the reseller's, or everybody's for the platform. Those who need
// somebody come first. A state is at most a minute old.
func (s *Service) Fleet(ctx context.Context, domain access.Domain) ([]State, error) {
	tenants, err := s.names.all(ctx, func(t Tenant) bool { return t.Status != Closed && within(domain, t) })
	if err != nil {
		return nil, fmt.Errorf("list fleet: %w", err)
	}
	states := make([]State, len(tenants))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, t := range tenants {
		group.Go(func() (err error) {
			states[i], err = s.StateOf(ctx, t)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(states, func(a, b State) int {
		if d := b.Level() - a.Level(); d != 0 {
			return d
		}
		if d := len(b.Troubles) - len(a.Troubles); d != 0 {
			return d
		}
		return strings.Compare(strings.ToLower(a.Name+a.Slug), strings.ToLower(b.Name+b.Slug))
	})
	return states, nil
}

// within says whether somebody who acts in the domain looks after the tenant.
func within(domain access.Domain, t Tenant) bool {
	switch domain.Kind {
	case access.Platform:
		return true
	case access.Reseller:
		return !t.Reseller.IsZero() && t.Reseller.Bytes() == domain.ID
	default:
		return false
	}
}

// LookedAfter finds a tenant that a domain looks after. Any other is
// [ErrUnknownTenant], as one that does not exist.
func (s *Service) LookedAfter(ctx context.Context, domain access.Domain, tenant id.Tenant) (Tenant, error) {
	t, err := s.ByID(ctx, tenant)
	if err != nil {
		return Tenant{}, err
	}
	if !within(domain, t) {
		return Tenant{}, ErrUnknownTenant
	}
	return t, nil
}

// StateOf is a tenant's state, at most a minute old unless its registry entry
// changed.
func (s *Service) StateOf(ctx context.Context, t Tenant) (State, error) {
	state, err := s.states.Get(ctx, t.ID, func(ctx context.Context) (State, error) { return s.readState(ctx, t) })
	if err != nil {
		return State{}, fmt.Errorf("read state: %w", err)
	}
	if state.Tenant != t { // changed since, elsewhere
		s.states.Forget(t.ID)
		return s.readState(ctx, t)
	}
	return state, nil
}

func (s *Service) readState(ctx context.Context, t Tenant) (State, error) {
	now := s.Now().UTC()
	state := State{Tenant: t, Read: now, Days: make([]int, 14)}
	var (
		expires        *time.Time
		proven         bool
		unread         int
		oldest         *time.Time
		unopened       *time.Time
		days           []int
		practice, keys *postgres.Found
	)
	err := s.DB.Batch(ctx, t.ID, func(b *postgres.Batch) {
		practice = b.Row(`select name from practice where tenant_id = $1`, []any{t.ID}, &state.Name)
		keys = b.Row(`select d.expires, k.recovery_proven is not null from key_directory d join keyring k on k.tenant_id = d.tenant_id
			where d.tenant_id = $1 order by d.sequence desc limit 1`, []any{t.ID}, &expires, &proven)
		b.Row(`select due from probe where tenant_id = $1 and opened is null and due <= $2`, []any{t.ID, now}, &unopened)
		b.Row(`select count(*), min(received) from envelope where tenant_id = $1`, []any{t.ID}, &unread, &oldest)
		b.Row(`select count(*) from member where tenant_id = $1 and role = 'owner'`, []any{t.ID}, &state.Owners)
		// Counted by when they were made, never by when they are.
		b.Row(`select count(*) from appointment where tenant_id = $1 and created > $2::timestamptz - interval '30 days' and replaces_id is null and source <> 'takeover' and not test`, []any{t.ID, now}, &state.Bookings)
		b.Row(`select coalesce(array_agg(n order by day), '{}') from (
			  select d.day, count(a.id)::int as n
			  from generate_series(0, 13) as d(day)
			  left join appointment a on a.tenant_id = $1 and a.replaces_id is null and a.source <> 'takeover' and not a.test
			    and a.created > $2::timestamptz - make_interval(days => 14 - d.day) and a.created <= $2::timestamptz - make_interval(days => 13 - d.day)
			  group by d.day) x`, []any{t.ID, now}, &days)
	})
	if err != nil {
		return State{}, err
	}
	if len(days) == 14 {
		state.Days = days
	}
	add := func(code Code, at time.Time, count int) {
		state.Troubles = append(state.Troubles, Trouble{code, at, count})
	}
	switch {
	case !keys.OK:
		add(KeysMissing, time.Time{}, 0)
	case !proven:
		add(RecoveryUnproven, time.Time{}, 0)
	case expires != nil && !now.Before(*expires):
		add(KeysExpired, expires.UTC(), 0)
	case expires != nil && expires.Sub(now) < soon:
		add(KeysExpiring, expires.UTC(), 0)
	}
	if unopened != nil {
		add(ProbeUnopened, unopened.UTC(), 0)
	}
	if oldest != nil && now.Sub(*oldest) > 24*time.Hour {
		add(UnreadOld, oldest.UTC(), unread)
	}
	switch t.Paused(now) {
	case "suspended":
		add(IsSuspended, time.Time{}, 0)
	case "trial_ended":
		add(TrialEnded, t.TrialEnds, 0)
	case "notice_over":
		add(NoticeOver, t.NoticeEnds, 0)
	default:
		if t.Status == Trial && !t.TrialEnds.IsZero() && t.TrialEnds.Sub(now) < 7*24*time.Hour {
			add(TrialEnding, t.TrialEnds, 0)
		}
		if !t.NoticeEnds.IsZero() {
			add(NoticeGiven, t.NoticeEnds, 0)
		}
	}
	switch {
	case !t.SetUp:
		add(NotHandedOver, time.Time{}, 0)
	case state.Owners == 0:
		add(NoOwner, time.Time{}, 0)
	}
	if err := s.askOthers(ctx, t, now, &state); err != nil {
		return State{}, err
	}
	_ = practice
	slices.SortStableFunc(state.Troubles, func(a, b Trouble) int { return b.Code.Level() - a.Code.Level() })
	return state, nil
}

// askOthers adds what the sources say. That one cannot say is neither fine nor
// a reason to say nothing of the rest.
func (s *Service) askOthers(ctx context.Context, t Tenant, now time.Time, state *State) error {
	unknown := func(code Code) { state.Unknown = append(state.Unknown, code) }
	if s.Sources.Agreement == nil {
		unknown(AgreementMissing)
	} else if accepted, err := s.Sources.Agreement(ctx, t.ID); err != nil {
		unknown(AgreementMissing)
	} else if !accepted {
		state.Troubles = append(state.Troubles, Trouble{Code: AgreementMissing})
	}
	hosts, err := s.Hosts(ctx, t.ID)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if h.Verified.IsZero() || !h.Lost.IsZero() {
			state.Troubles = append(state.Troubles, Trouble{Code: HostUnverified})
			continue
		}
		if s.Sources.Certificate == nil {
			unknown(CertificateExpires)
		} else if ends, err := s.Sources.Certificate(ctx, h.Name); err != nil {
			unknown(CertificateExpires)
		} else if ends.Sub(now) < soon {
			state.Troubles = append(state.Troubles, Trouble{Code: CertificateExpires, At: ends.UTC()})
		}
	}
	state.Unknown = slices.Compact(state.Unknown)
	if s.Sources.Funds == nil {
		unknown(FundsLow)
	} else if low, err := s.Sources.Funds(ctx, t.ID); err != nil {
		unknown(FundsLow)
	} else if low {
		state.Troubles = append(state.Troubles, Trouble{Code: FundsLow})
	}
	return ctx.Err()
}
