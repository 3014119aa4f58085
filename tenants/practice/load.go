package practice

import (
	"context"
	"encoding/json"
	"fmt"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

// attempts is how often a read that met an edit starts over.
const attempts = 3

const selectVersion = `select version from practice where tenant_id = $1`

// version reads the version of what the tenant offers.
func (s *Service) version(ctx context.Context, tenant id.Tenant) (int64, error) {
	var (
		version int64
		found   *postgres.Found
	)
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(selectVersion, []any{tenant.UUID()}, &version)
	})
	if err != nil {
		return 0, fmt.Errorf("read practice version: %w", err)
	}
	if !found.OK {
		s.kept.drop(tenant)
		return 0, ErrUnknownPractice
	}
	return version, nil
}

// load reads all that the tenant offers, in one round trip, and keeps it.
func (s *Service) load(ctx context.Context, tenant id.Tenant) (*Offer, error) {
	for range attempts {
		r, err := s.read(ctx, tenant)
		if err != nil {
			return nil, fmt.Errorf("load practice: %w", err)
		}
		if r.version != r.offer.Version {
			continue // each statement sees its own moment; an edit came between
		}
		offer, err := s.build(r)
		if err != nil {
			return nil, fmt.Errorf("load practice: %w", err)
		}
		s.kept.put(offer)
		return offer, nil
	}
	return nil, ErrChanging
}

// rows is what load reads, before it is put together.
type rows struct {
	offer     *Offer
	providers map[id.Service][]provider
	needs     map[id.Service][]Need
	steps     map[id.Chain][]ChainStep
	from      schedule.Date // closures and holidays that ended before were not read
	version   int64         // as it was at the end
}

// provider is a practitioner who offers a service, and the minutes it takes
// there; nil is as long as the service says.
type provider struct {
	practitioner id.Practitioner
	minutes      *int
}

func (s *Service) read(ctx context.Context, tenant id.Tenant) (*rows, error) {
	var (
		r     *rows
		asks  []byte
		found *postgres.Found
		only  = []any{tenant.UUID()}
	)
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// Made here since the batch may run again.
		r = &rows{
			offer:     &Offer{Tenant: tenant},
			providers: map[id.Service][]provider{},
			needs:     map[id.Service][]Need{},
			steps:     map[id.Chain][]ChainStep{},
			from:      schedule.DateOf(s.now().UTC()) - closuresKept,
		}
		p := &r.offer.Practice
		found = b.Row(`
			select version, name, tagline, phone, email, zone, accent, imprint, hours, channels, asks, sms_sender,
			       land, municipality, closed_days, bookings_per_contact, message_name, video_provider, video_address
			  from practice where tenant_id = $1`, only,
			&r.offer.Version, &p.Name, &p.Tagline, &p.Phone, &p.Email, &p.Zone, &p.Accent, &p.Imprint, &p.Hours,
			&p.Channels, &asks, &p.SMSSender, &p.Land, &p.Municipality, &p.ClosedDays, &p.BookingsPerContact, &p.MessageName,
			&p.Video.Provider, &p.Video.Address)
		r.readPlaces(b)
		r.readPeople(b)
		r.readServices(b)
		r.readOpenings(b)
		r.readClosures(b)
		r.readQuotas(b)
		r.readCalendars(b)
		b.Row(selectVersion, only, &r.version)
	})
	if err != nil {
		return nil, err
	}
	if !found.OK {
		s.kept.drop(tenant)
		return nil, ErrUnknownPractice
	}
	if err := json.Unmarshal(asks, &r.offer.Practice.Asks); err != nil {
		return nil, fmt.Errorf("read practice.asks: %w", err)
	}
	return r, nil
}
