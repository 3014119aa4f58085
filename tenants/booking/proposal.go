package booking

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// StatusProposed is that of a request for which the practice offers other times
// (FHIR proposed): its own time is free again, and its patient chooses.
const StatusProposed = "proposed"

const (
	// MaxProposals is how many other times a practice can offer at once.
	MaxProposals = 3

	proposalsLeast = time.Hour
	proposalsMost  = 14 * 24 * time.Hour
)

var (
	// ErrMalformedProposals is returned for no other time or more than
	// [MaxProposals], for twice the same, for an offer that stands for less
	// than an hour or more than two weeks, and for a request of several visits.
	ErrMalformedProposals = fault.New(fault.Invalid, "malformed_proposals")
	// ErrProposalGone is returned where the offer is over, or was never made.
	ErrProposalGone = fault.New(fault.Expired, "proposal_gone")
)

// Proposal is a time that a practice offers instead of the one that was
// asked for. It is not held: whoever is first has it.
type Proposal struct {
	Number       int
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time // UTC
	// Expires is until when it can be taken, UTC.
	Expires time.Time
	// Free says that nobody has it, as far as the practitioner's time goes.
	Free bool
}

// proposalRecord is what an appointment at such a time takes. Which service
// it is, it does not say.
type proposalRecord struct {
	Takes         []taking   `json:"takes"`
	Counts        []counting `json:"counts,omitempty"`
	Override      string     `json:"override,omitempty"`
	CancelMinutes int        `json:"cancel_minutes"`
	MoveMinutes   int        `json:"move_minutes"`
	Capacity      int        `json:"capacity"`
}

// Propose answers a request with other times, which stand for a while: the time
// that was asked for is free again, and its patient takes one of them by the
// link. Proposing again replaces what was offered.
//
// It returns [ErrUnknownBooking], [ErrWrongStatus] for one that is no request,
// [ErrMalformedProposals], or the faults of [Service.BookAtDesk] for a time.
func (s *Service) Propose(ctx context.Context, tenant id.Tenant, appointment id.Appointment, times []DeskTime, within time.Duration) error {
	if len(times) == 0 || len(times) > MaxProposals || within < proposalsLeast || within > proposalsMost {
		return ErrMalformedProposals
	}
	for i, t := range times {
		if err := t.check(); err != nil {
			return err
		}
		if slices.ContainsFunc(times[:i], func(o DeskTime) bool { return o.Starts.Equal(t.Starts) && o.Practitioner == t.Practitioner }) {
			return ErrMalformedProposals
		}
	}
	o, err := s.standing(ctx, tenant, appointment)
	switch {
	case err != nil:
		return err
	case o.Status != StatusPending && o.Status != StatusProposed:
		return ErrWrongStatus
	case !o.Set.IsZero():
		return ErrMalformedProposals
	}
	type proposed struct {
		slot
		heldItem
		record []byte
	}
	proposals := make([]proposed, len(times))
	for i, t := range times {
		t.Overflow = false
		x, desk, found, err := s.atDesk(ctx, tenant, t, o.Takes)
		if err != nil {
			return err
		}
		record, err := json.Marshal(proposalRecord{
			Takes: x.Takes, Counts: x.Counts, Override: desk.reason,
			CancelMinutes: found.service.CancelMinutes, MoveMinutes: found.service.MoveMinutes, Capacity: found.Capacity,
		})
		if err != nil {
			return fmt.Errorf("write a proposal: %w", err)
		}
		proposals[i] = proposed{found, x, record}
	}
	var now string
	args := []any{tenant.UUID(), appointment.UUID()}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`update appointment set status = 'proposed', sequence = sequence + 1
			where tenant_id = $1 and id = $2 and status in ('pending', 'proposed') returning status`, args, &now)
		const standing = ` where a.tenant_id = $1 and a.id = $2 and a.status = 'proposed'`
		b.Exec(`delete from occupation o using appointment a, resource r`+standing+` and `+ofAppointment, args...)
		b.Exec(`delete from quota_use q using appointment a`+standing+` and q.tenant_id = a.tenant_id and q.appointment_id = a.id`, args...)
		b.Exec(`delete from proposal where tenant_id = $1 and appointment_id = $2`, args...)
		for i, p := range proposals {
			b.Exec(`insert into proposal (tenant_id, appointment_id, number, practitioner_id, location_id, starts, ends, expires, takes)
				select a.tenant_id, a.id, $3, $4, $5, $6, $7, least(now() + $8 * interval '1 second', $6), $9 from appointment a`+standing,
				tenant.UUID(), appointment.UUID(), i, p.Practitioner.UUID(), p.Location.UUID(), p.slot.Starts, p.slot.Ends,
				int(within/time.Second), string(p.record))
		}
		happened(b, tenant, o.Booking)
		jobs.Add(b, jobs.Message{Tenant: tenant, Kind: LapseKind, Ref: o.Booking.UUID(), After: within, TTL: lapseTTL})
		inbox.RaiseCounter(b, tenant)
	})
	if err != nil {
		return fmt.Errorf("propose other times: %w", err)
	}
	if now != StatusProposed {
		return ErrWrongStatus // somebody else has answered
	}
	s.changed(ctx, tenant)
	return nil
}

// Proposals are the times that can be taken instead of a request's, in the
// order in which the practice named them; none where it has named none, or
// their time is over.
func (s *Service) Proposals(ctx context.Context, tenant id.Tenant, appointment id.Appointment) (found []Proposal, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = nil
		b.Rows(`select p.number, p.practitioner_id, p.location_id, p.starts, p.ends, p.expires,
				(select count(distinct o.unit) from practitioner w join occupation o on o.tenant_id = w.tenant_id and o.resource_id = w.resource_id
				 where w.tenant_id = p.tenant_id and w.id = p.practitioner_id and o.starts > p.starts - interval '1 day'
				   and o.starts < p.ends and o.ends > p.starts) < (p.takes->>'capacity')::int
			from proposal p join appointment a on a.tenant_id = p.tenant_id and a.id = p.appointment_id
			where p.tenant_id = $1 and p.appointment_id = $2 and a.status = 'proposed' and p.expires > now()
			order by p.number`, []any{tenant.UUID(), appointment.UUID()}, func(rows pgx.Rows) error {
			var a Proposal
			err := rows.Scan(&a.Number, &a.Practitioner, &a.Location, &a.Starts, &a.Ends, &a.Expires, &a.Free)
			a.Starts, a.Ends, a.Expires = a.Starts.UTC(), a.Ends.UTC(), a.Expires.UTC()
			found = append(found, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	return found, nil
}

// TakeProposal is the patient's choice, by the secret of the link: the
// booking keeps its id and counts at once. starts is that of the choice, so that
// nobody takes what was offered meanwhile under the same number; copy is the
// patient's copy for it. Repeating gives the same answer.
//
// It returns [ErrUnknownBooking], [ErrProposalGone], [ErrMalformedCopy], an
// [Overtaken] where somebody else was quicker, or [ErrQuotaFull].
func (s *Service) TakeProposal(ctx context.Context, tenant id.Tenant, secret []byte, number int, starts time.Time, copy []byte) (Booking, error) {
	if seal.CheckCopy(copy) != nil {
		return Booking{}, ErrMalformedCopy
	}
	before, err := s.View(ctx, tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	if before.Status == StatusBooked && before.Starts.Equal(starts) {
		return before, nil
	}
	if before.Status != StatusProposed {
		return Booking{}, ErrProposalGone
	}
	next := id.New[id.Appointment]()
	err = s.replace(ctx, tenant, []id.Appointment{before.Appointment}, func(all []standing) ([]replacement, error) {
		if all[0].Status != StatusProposed {
			return nil, ErrProposalGone
		}
		r, err := s.proposal(ctx, tenant, before.Appointment, number, starts)
		if err != nil {
			return nil, err
		}
		r.appointment, r.copy, r.status = next, copy, StatusBooked
		return []replacement{r}, nil
	})
	if err != nil {
		return Booking{}, err
	}
	s.changed(ctx, tenant)
	return s.View(ctx, tenant, secret)
}

// proposal reads what a choice would take.
func (s *Service) proposal(ctx context.Context, tenant id.Tenant, of id.Appointment, number int, starts time.Time) (replacement, error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return replacement{}, err
	}
	var (
		a      Proposal
		text   string
		record proposalRecord
		row    *postgres.Found
	)
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select practitioner_id, location_id, starts, ends, takes::text from proposal
			where tenant_id = $1 and appointment_id = $2 and number = $3 and starts = $4 and expires > now()`,
			[]any{tenant.UUID(), of.UUID(), number, starts}, &a.Practitioner, &a.Location, &a.Starts, &a.Ends, &text)
	})
	if err != nil {
		return replacement{}, fmt.Errorf("read a proposal: %w", err)
	}
	if !row.OK {
		return replacement{}, ErrProposalGone
	}
	if err := json.Unmarshal([]byte(text), &record); err != nil || len(record.Takes) == 0 {
		return replacement{}, errUnreadableRecord
	}
	who, known := offer.Practitioner(a.Practitioner)
	place, here := offer.Location(a.Location)
	if !known || !here || who.Resource != record.Takes[0].Resource {
		return replacement{}, ErrProposalGone // not with this practice any more
	}
	zone, err := time.LoadLocation(place.Zone)
	if err != nil {
		return replacement{}, fmt.Errorf("zone of a location: %w", err)
	}
	plan := &practice.Plan{Resource: who.Resource}
	plan.Service.Seats = record.Takes[0].Seats
	for _, leg := range offer.Legs {
		plan.Legs = append(plan.Legs, schedule.Leg{A: leg.A, B: leg.B, Takes: time.Duration(leg.Minutes) * time.Minute})
	}
	return replacement{
		slot: slot{
			Resource: who.Resource, Capacity: record.Capacity, Starts: a.Starts.UTC(), Ends: a.Ends.UTC(), Busy: record.Takes[0].Busy, Zone: zone,
			service: practice.HealthcareService{CancelMinutes: record.CancelMinutes, MoveMinutes: record.MoveMinutes},
			plan:    plan, opening: &schedule.Opening{Location: a.Location}, offer: offer,
		},
		item: heldItem{
			Practitioner: a.Practitioner, Location: a.Location, Starts: a.Starts.Unix(), Ends: a.Ends.Unix(),
			Takes: record.Takes, Counts: record.Counts,
		},
		desk: deskChoice{reason: record.Override},
	}, nil
}
