package practice

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"siegel/platform/fault"
	"siegel/tenants/schedule"
)

// What [Setup.Check] finds wrong. The cause names the thing.
var (
	ErrMissingName      = fault.New(fault.Invalid, "missing_name")
	ErrUnknownZone      = fault.New(fault.Invalid, "unknown_zone")
	ErrInvalidAccent    = fault.New(fault.Invalid, "invalid_accent")
	ErrInvalidChannels  = fault.New(fault.Invalid, "invalid_channels")
	ErrInvalidResource  = fault.New(fault.Invalid, "invalid_resource")
	ErrInvalidDuration  = fault.New(fault.Invalid, "invalid_duration")
	ErrInvalidBuffer    = fault.New(fault.Invalid, "invalid_buffer")
	ErrInvalidStep      = fault.New(fault.Invalid, "invalid_step")
	ErrInvalidLead      = fault.New(fault.Invalid, "invalid_lead")
	ErrInvalidHorizon   = fault.New(fault.Invalid, "invalid_horizon")
	ErrInvalidPrice     = fault.New(fault.Invalid, "invalid_price")
	ErrInvalidPatients  = fault.New(fault.Invalid, "invalid_patients")
	ErrInvalidOpening   = fault.New(fault.Invalid, "invalid_opening")
	ErrInvalidClosure   = fault.New(fault.Invalid, "invalid_closure")
	ErrTooManyDays      = fault.New(fault.Invalid, "too_many_closed_days")
	ErrUnknownReference = fault.New(fault.Invalid, "unknown_reference")
	ErrDuplicateID      = fault.New(fault.Invalid, "duplicate_id")
)

var accentForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// Check returns the first thing that is wrong, as one of the faults above.
func (s Setup) Check() error {
	if err := s.Practice.check(); err != nil {
		return err
	}
	var (
		ids           = map[any]bool{}
		ownedResource = map[any]bool{}
		once          = func(what string, v any) error {
			if ids[v] {
				return ErrDuplicateID.Because(fmt.Errorf("%s %v", what, v))
			}
			ids[v] = true
			return nil
		}
		refers = func(what string, v any) error {
			if !ids[v] {
				return ErrUnknownReference.Because(fmt.Errorf("%s: %v", what, v))
			}
			return nil
		}
	)
	for _, l := range s.Locations {
		what := fmt.Sprintf("location %q", l.Name)
		if err := first(once(what, l.ID), named(what, l.Name), zoned(what, l.Zone)); err != nil {
			return err
		}
	}
	for _, r := range s.Resources {
		what := fmt.Sprintf("resource %q", r.Name)
		if err := first(once(what, r.ID), named(what, r.Name)); err != nil {
			return err
		}
		if !slices.Contains([]string{"practitioner", "room", "device"}, r.Kind) || r.Capacity < 1 || r.Capacity > 100 {
			return ErrInvalidResource.Because(fmt.Errorf("%s: kind %q, capacity %d", what, r.Kind, r.Capacity))
		}
	}
	for _, p := range s.Practitioners {
		what := fmt.Sprintf("practitioner %q", p.Name)
		if err := first(once(what, p.ID), named(what, p.Name), refers(what, p.Resource)); err != nil {
			return err
		}
		if ownedResource[p.Resource] {
			return ErrInvalidResource.Because(fmt.Errorf("%s: shares its resource", what))
		}
		ownedResource[p.Resource] = true
	}
	for _, x := range s.Services {
		what := fmt.Sprintf("service %q", x.Name)
		if err := first(once(what, x.ID), named(what, x.Name), x.check(what)); err != nil {
			return err
		}
		listed := map[any]bool{}
		for _, p := range x.Practitioners {
			if err := refers(what, p); err != nil {
				return err
			}
			if listed[p] {
				return ErrDuplicateID.Because(fmt.Errorf("%s: practitioner %v", what, p))
			}
			listed[p] = true
		}
	}
	for _, o := range s.Openings {
		what := fmt.Sprintf("opening %v", o.ID)
		err := first(once(what, o.ID), refers(what, o.Practitioner), refers(what, o.Location), o.check(what))
		for _, service := range o.Services {
			err = first(err, refers(what, service))
		}
		if err != nil {
			return err
		}
	}
	for _, c := range s.Closures {
		what := fmt.Sprintf("closure %v", c.ID)
		err := first(once(what, c.ID), c.check(what))
		if !c.Practitioner.IsZero() {
			err = first(err, refers(what, c.Practitioner))
		}
		if !c.Location.IsZero() {
			err = first(err, refers(what, c.Location))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p Practice) check() error {
	if err := first(named("practice", p.Name), zoned("practice", p.Zone)); err != nil {
		return err
	}
	if p.Accent != "" && !accentForm.MatchString(p.Accent) {
		return ErrInvalidAccent.Because(fmt.Errorf("%q", p.Accent))
	}
	for _, c := range p.Channels {
		if c != "mail" && c != "sms" {
			return ErrInvalidChannels.Because(fmt.Errorf("%q", c))
		}
	}
	if p.Land != "" || p.Municipality != schedule.Anywhere {
		if err := p.Municipality.Check(p.Land); err != nil {
			return fmt.Errorf("practice: land %q, municipality %q: %w", p.Land, p.Municipality, err)
		}
	}
	if len(p.ClosedDays) > maxClosedDays {
		return ErrTooManyDays.Because(fmt.Errorf("%d", len(p.ClosedDays)))
	}
	for _, day := range p.ClosedDays {
		if err := day.Check(); err != nil {
			return fmt.Errorf("practice: closed day %q: %w", day, err)
		}
	}
	return nil
}

func (x HealthcareService) check(what string) error {
	within := func(e *fault.Error, n, least, most int) error {
		if n < least || n > most {
			return e.Because(fmt.Errorf("%s: %d is not within %d and %d", what, n, least, most))
		}
		return nil
	}
	if x.PriceCents != nil && *x.PriceCents < 0 {
		return ErrInvalidPrice.Because(fmt.Errorf("%s: %d", what, *x.PriceCents))
	}
	return first(
		within(ErrInvalidDuration, x.Minutes, 5, 480),
		within(ErrInvalidBuffer, x.BufferBefore, 0, 120),
		within(ErrInvalidBuffer, x.BufferAfter, 0, 120),
		within(ErrInvalidStep, x.StepMinutes, 5, 240),
		within(ErrInvalidLead, x.LeadMinutes, 0, 730*24*60),
		within(ErrInvalidHorizon, x.HorizonDays, 0, 730),
		conditioned(what, x.Insurance, x.Patients),
	)
}

func (o Opening) check(what string) error {
	if o.Weekday < 1 || o.Weekday > 7 || o.From < 0 || o.Until > 24*60 || o.From >= o.Until ||
		(o.ValidFrom != 0 && o.ValidUntil != 0 && o.ValidFrom > o.ValidUntil) {
		return ErrInvalidOpening.Because(fmt.Errorf("%s: weekday %d, minutes %d to %d, dates %v to %v",
			what, o.Weekday, o.From, o.Until, o.ValidFrom, o.ValidUntil))
	}
	return conditioned(what, o.Insurance, o.Patients)
}

func conditioned(what string, insurance Insurances, patients Patients) error {
	if insurance >= 1<<len(insuranceCodes) {
		return ErrInvalidInsurance.Because(fmt.Errorf("%s: %b", what, insurance))
	}
	if int(patients) >= len(patientWords) {
		return ErrInvalidPatients.Because(fmt.Errorf("%s: %d", what, patients))
	}
	return nil
}

func named(what, name string) error {
	if strings.TrimSpace(name) == "" {
		return ErrMissingName.Because(fmt.Errorf("%s", what))
	}
	return nil
}

func zoned(what, name string) error {
	if _, err := loadZone(name); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// loadZone returns the zone of an IANA name. It returns [ErrUnknownZone] also
// for "Local" and "", which mean something on each machine, and UTC for "UTC".
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, ErrUnknownZone.Because(fmt.Errorf("%q", name))
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrUnknownZone.Because(err)
	}
	return zone, nil
}

// first returns the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
