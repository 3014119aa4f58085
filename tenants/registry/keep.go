package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siegel/platform/id"
)

// keepEvery is how often somebody looks whether something is due.
const keepEvery = 10 * time.Minute

// Run does what is due, until ctx ends: reminders, erasures, months, looking at
// host names again, and throwing away what has been read. Any number of servers may run it.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		if err := s.Keep(ctx); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "the registry could not do what is due", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Keep does everything that is due now. Doing it twice, or on two servers at
// once, changes nothing: each step says in the database that it was taken.
func (s *Service) Keep(ctx context.Context) error {
	return errors.Join(s.remind(ctx), s.eraseDue(ctx), s.CloseMonths(ctx), s.recheck(ctx), s.sweep(ctx))
}

// reminders are when the owners of a tenant on trial are written to: so long
// before its end.
var reminders = []struct {
	before time.Duration
	ref    string
}{{7 * 24 * time.Hour, "trial7"}, {24 * time.Hour, "trial1"}, {0, "trialend"}}

func (s *Service) remind(ctx context.Context) error {
	now := s.Now().UTC()
	tenants, err := s.names.all(ctx, func(t Tenant) bool {
		return t.Status == Trial && !t.TrialEnds.IsZero() && t.TrialEnds.Sub(now) <= reminders[0].before
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tenants {
		due := 0
		for i, r := range reminders {
			if !now.Before(t.TrialEnds.Add(-r.before)) {
				due = i + 1
			}
		}
		// Whoever raises the number writes; a reminder that was missed is not made up for.
		var one int
		err := s.DB.Global().NewRaw(`update tenant set reminded = ? where id = ? and reminded < ? and status = 'trial' and trial_ends = ? returning 1`,
			due, t.ID, due, t.TrialEnds).Scan(ctx, &one)
		if isNoRows(err) {
			continue
		}
		if err == nil {
			err = s.write(ctx, t.ID, trialMail, reminders[due-1].ref)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remind: %w", err))
		}
	}
	return errors.Join(errs...)
}

// eraseDue erases the tenants whose time after the notice is over.
func (s *Service) eraseDue(ctx context.Context) error {
	now := s.Now().UTC()
	tenants, err := s.names.all(ctx, func(t Tenant) bool {
		return !t.EraseAfter.IsZero() && !now.Before(t.EraseAfter)
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tenants {
		if t.Status != Closed {
			if err := s.Close(ctx, t.ID, "notice"); err != nil && !errors.Is(err, ErrIllegalStep) {
				errs = append(errs, err)
				continue
			}
		}
		if _, err := s.Erase(ctx, t.ID, "notice"); err != nil && !errors.Is(err, ErrUnknownTenant) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) sweep(ctx context.Context) error {
	_, err := s.DB.Global().NewRaw(`delete from registry_change where at < now() - interval '1 day' and version < (select max(version) from registry_change)`).Exec(ctx)
	if err != nil {
		return fmt.Errorf("sweep changes: %w", err)
	}
	_, err = s.DB.Global().NewRaw(`update deletion_certificate set mail_to = '', mail_name = '' where mail_to <> '' and erased < now() - interval '7 days'`).Exec(ctx)
	if err != nil {
		return fmt.Errorf("sweep certificates: %w", err)
	}
	return nil
}

// Scope is whose the messages and the trail of a reseller are, or, where it is
// zero, those of the platform.
func Scope(reseller id.Reseller) id.Tenant {
	var t id.Tenant
	if reseller.IsZero() {
		_ = t.Scan(platformScope)
		return t
	}
	_ = t.Scan(reseller.UUID())
	return t
}

// platformScope stands where a tenant's id is wanted and the platform is meant.
const platformScope = "00000000-0000-7000-8000-000000000001"
