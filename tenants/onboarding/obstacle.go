package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
)

// Obstacle is something without which a practice cannot be opened.
type Obstacle struct {
	// Code is stable: see the constants.
	Code string `json:"code" enum:"phone,imprint,agreement,keys,recovery,holder,directory"`
	// Fields are the members that are missing, for [MissingImprint].
	Fields []string `json:"fields,omitempty"`
}

// What may stand in the way.
const (
	MissingPhone     = "phone"     // patients who cannot or will not book online need one
	MissingImprint   = "imprint"   // what the law of the trade wants said
	MissingAgreement = "agreement" // terms and processing agreement are not accepted
	MissingKeys      = "keys"      // nothing to seal to
	MissingRecovery  = "recovery"  // the recovery code was not typed back
	MissingHolder    = "holder"    // nobody but one person holds the keys, and did not say so knowingly
	ExpiredDirectory = "directory" // the list of keys has to be signed again
)

// ObstaclesError says what stands in the way. It is an [ErrObstacles].
type ObstaclesError struct{ Obstacles []Obstacle }

func (e *ObstaclesError) Error() string { return fmt.Sprintf("%v: %d", ErrObstacles, len(e.Obstacles)) }

// Unwrap returns the fault.
func (e *ObstaclesError) Unwrap() error { return ErrObstacles }

// standing is what is remembered of a tenant.
type standing struct {
	business Business
	accepted string // the newest accepted version; empty: none
	// current says that it is the newest there is, with today's parties.
	current bool
}

func (s *Service) stand(ctx context.Context, tenant id.Tenant) (standing, error) {
	return s.standing.Get(ctx, tenant, func(ctx context.Context) (standing, error) {
		b, err := s.Business(ctx, tenant)
		if err != nil {
			return standing{}, err
		}
		st := standing{business: b}
		var provider []byte
		err = s.DB.Batch(ctx, tenant, func(x *postgres.Batch) {
			x.Row(`select version, provider from agreement where tenant_id = $1 order by accepted desc, id desc limit 1`,
				[]any{tenant}, &st.accepted, &provider)
		})
		if err != nil {
			return standing{}, fmt.Errorf("read agreement: %w", err)
		}
		if st.accepted != "" {
			contract, err := s.contract(ctx, tenant)
			if err != nil {
				return standing{}, err
			}
			newest := s.Editions[len(s.Editions)-1].Version
			now := s.between(newest, contract).fingerprint()
			st.current = st.accepted == newest && string(provider) == string(now[:])
		}
		return st, nil
	})
}

// Obstacles are all that stands in the way of opening, in the order in which to
// clear them; none where everything is there. What was accepted and proven may
// be up to [Age] old.
func (s *Service) Obstacles(ctx context.Context, tenant id.Tenant) ([]Obstacle, error) {
	obstacles := []Obstacle{}
	st, err := s.stand(ctx, tenant)
	if err != nil && !errors.Is(err, ErrUnknownBusiness) {
		return nil, err
	}
	b := st.business
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil && !errors.Is(err, practice.ErrUnknownPractice) {
		return nil, fmt.Errorf("read practice: %w", err)
	}
	var phone, email string
	if offer != nil {
		phone, email = offer.Practice.Phone, offer.Practice.Email
	}
	if fields := s.missing(b, email); len(fields) > 0 {
		obstacles = append(obstacles, Obstacle{MissingImprint, fields})
	}
	if !isPhone(phone) {
		obstacles = append(obstacles, Obstacle{Code: MissingPhone})
	}
	if !s.bound(st.accepted) {
		obstacles = append(obstacles, Obstacle{Code: MissingAgreement})
	}
	others, err := s.Others(ctx, tenant)
	if err != nil {
		return nil, err
	}
	obstacles = append(obstacles, others...)
	held, err := s.Keyring.Holding(ctx, tenant)
	switch {
	case errors.Is(err, keyring.ErrNoKeys):
		return append(obstacles, Obstacle{Code: MissingKeys}, Obstacle{Code: MissingRecovery}, Obstacle{Code: MissingHolder}), nil
	case err != nil:
		return nil, err
	}
	if !held.Expires.After(s.Now()) {
		obstacles = append(obstacles, Obstacle{Code: ExpiredDirectory})
	}
	if held.RecoveryProven.IsZero() {
		obstacles = append(obstacles, Obstacle{Code: MissingRecovery})
	}
	if held.Members < 2 && !b.Alone {
		obstacles = append(obstacles, Obstacle{Code: MissingHolder})
	}
	return obstacles, nil
}

// missing are the members that the law of the trade demands and that are empty.
func (s *Service) missing(b Business, email string) []string {
	var fields []string
	specialty, known := s.specialty(b.Specialty)
	if !known {
		fields = append(fields, "specialty")
	}
	for _, list := range [][]string{always, specialty.Imprint} {
		for _, name := range list {
			if value, _ := b.field(name); *value == "" {
				fields = append(fields, name)
			}
		}
	}
	if _, ok := canonicalEmail(email); !ok {
		fields = append(fields, "email")
	}
	return fields
}

// SetOpen opens or pauses public booking. Opening returns an [ObstaclesError]
// while something is missing; pausing always succeeds. What is booked stays.
func (s *Service) SetOpen(ctx context.Context, tenant id.Tenant, open bool) error {
	if open {
		s.standing.Forget(tenant)
		obstacles, err := s.Obstacles(ctx, tenant)
		if err != nil {
			return err
		}
		if len(obstacles) > 0 {
			return &ObstaclesError{obstacles}
		}
	}
	var found *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		var one int
		found = b.Row(`update business set open = $2, first_opened = case when $2 then coalesce(first_opened, now()) else first_opened end
			where tenant_id = $1 returning 1`, []any{tenant, open}, &one)
		act := "booking.pause"
		if open {
			act = "booking.open"
		}
		audit.Record(b, audit.Now(ctx, tenant, act, ""))
	})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if !found.OK {
		return ErrUnknownBusiness
	}
	s.standing.Forget(tenant)
	return nil
}

// Closed says why the public cannot book, as far as onboarding decides it:
// "not_open" or "agreement"; empty where nothing stands against it. Losing the
// second holder or a field of the imprint later closes nothing: it is shown to
// the practice. An obstacle of Others closes. At most [Age] old.
func (s *Service) Closed(ctx context.Context, tenant id.Tenant) (string, error) {
	st, err := s.stand(ctx, tenant)
	if errors.Is(err, ErrUnknownBusiness) {
		return "not_open", nil
	}
	if err != nil {
		return "", err
	}
	switch {
	case !st.business.Open:
		return "not_open", nil
	case !s.bound(st.accepted):
		return "agreement", nil
	}
	others, err := s.Others(ctx, tenant)
	if err != nil {
		return "", err
	}
	if len(others) > 0 {
		return "not_open", nil
	}
	return "", nil
}

// Overview is what the guided path shows.
type Overview struct {
	Business  Business
	Medical   bool
	Required  []string // members of Business that the trade demands
	Obstacles []Obstacle
	Version   string // of the newest agreement
	Accepted  string // version accepted last, or empty
	Due       bool   // a newer edition waits
	DueUntil  time.Time
	// Keys is zero where there are none yet.
	Keys     keyring.Holding
	Services int
	Windows  int
}

// Overview gathers it. It returns [ErrUnknownBusiness].
func (s *Service) Overview(ctx context.Context, tenant id.Tenant) (Overview, error) {
	s.standing.Forget(tenant)
	st, err := s.stand(ctx, tenant)
	if err != nil && !errors.Is(err, ErrUnknownBusiness) {
		return Overview{}, err
	}
	specialty, _ := s.specialty(st.business.Specialty)
	newest := s.Editions[len(s.Editions)-1]
	o := Overview{Business: st.business, Medical: specialty.Medical, Required: append(append([]string{}, always...), specialty.Imprint...),
		Version: newest.Version, Accepted: st.accepted, Due: st.accepted != "" && !st.current}
	if o.Due {
		o.DueUntil = newest.Required
	}
	if o.Obstacles, err = s.Obstacles(ctx, tenant); err != nil {
		return Overview{}, err
	}
	if o.Keys, err = s.Keyring.Holding(ctx, tenant); err != nil && !errors.Is(err, keyring.ErrNoKeys) {
		return Overview{}, err
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	switch {
	case err == nil:
		o.Services, o.Windows = len(offer.Services), len(offer.Openings)
	case fault.From(err).Code != fault.NotFound:
		return Overview{}, err
	}
	return o, nil
}
