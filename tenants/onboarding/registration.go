package onboarding

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/notify"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

const (
	// registrationsPerEmail and registrationsPerNetwork are how many there may
	// be within that time.
	registrationsPerEmail   = 3
	registrationsPerNetwork = 20
	// stalled is after how long a confirmation that broke off may be tried again.
	stalled = "30 seconds"
)

// Registration is a business that wants to take part.
type Registration struct {
	Preparation
	Slug     string `json:"slug"`
	Language string `json:"language"`
}

// Register keeps a registration for a day and sends a link to its address. It
// returns [Mistakes], the errors of [Config.CheckSlug] as such, and
// [ErrTooMany] for a network that asks too often. Whether the address is known,
// or has asked too often, shows in no answer.
func (s *Service) Register(ctx context.Context, r Registration, from netip.Addr) error {
	c := &checker{}
	r.check(c, s)
	r.Language = language(r.Language)
	if err := s.CheckSlug(ctx, r.Slug); err != nil {
		if fault.From(err).Code == fault.Unavailable || fault.From(err).Code == fault.Internal {
			return err
		}
		c.fail("slug", fault.From(err).Reason)
	}
	if err := c.mistakes.orNil(); err != nil {
		return err
	}
	visitor := s.MAC("registration", networkOf(from))
	details, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	var fromHere, toThere int
	err = s.DB.Batch(ctx, audit.PlatformScope, func(b *postgres.Batch) {
		b.Exec(`delete from registration where expires < now()`)
		b.Row(`select count(*) filter (where visitor = $1), count(*) filter (where email = $2) from registration where visitor = $1 or email = $2`,
			[]any{visitor, r.Email}, &fromHere, &toThere)
	})
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	if fromHere >= registrationsPerNetwork {
		return ErrTooMany.After(time.Hour)
	}
	if toThere >= registrationsPerEmail {
		return nil // enough links are in that mailbox
	}
	key := id.New[id.Registration]()
	err = s.DB.Batch(ctx, audit.PlatformScope, func(b *postgres.Batch) {
		b.Exec(`insert into registration (id, email, visitor, details) values ($1, $2, $3, $4)`, key, r.Email, visitor, string(details))
		jobs.Add(b, jobs.Message{Tenant: audit.PlatformScope, Kind: notify.RegistrationMail, Ref: key.UUID(), TTL: time.Hour})
	})
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	s.Wake()
	return nil
}

// Pending is a registration that waits for its confirmation.
type Pending struct {
	Registration
	// Account is the account that confirming makes, where there is none yet.
	Account id.Account
	// SlugFree says whether the wanted slug can still be had.
	SlugFree bool
}

// Pending reads a registration by its link's token. It returns [ErrExpired].
func (s *Service) Pending(ctx context.Context, token string) (Pending, error) {
	key, err := s.Links.Read(registrationLink, token)
	if err != nil {
		return Pending{}, ErrExpired
	}
	var details []byte
	err = s.DB.Global().NewRaw(`select details from registration where id = ? and expires > now() and confirmed is null`, key).Scan(ctx, &details)
	if errors.Is(err, sql.ErrNoRows) {
		return Pending{}, ErrExpired
	}
	if err != nil {
		return Pending{}, fmt.Errorf("read registration: %w", err)
	}
	var p Pending
	if err := json.Unmarshal(details, &p.Registration); err != nil {
		return Pending{}, fmt.Errorf("read registration: %w", err)
	}
	if err := p.Account.Scan(key.String()); err != nil {
		return Pending{}, fmt.Errorf("read registration: %w", err)
	}
	switch err := s.CheckSlug(ctx, p.Slug); {
	case err == nil:
		p.SlugFree = true
	case fault.From(err).Code == fault.Unavailable, fault.From(err).Code == fault.Internal:
		return Pending{}, err
	}
	return p, nil
}

// Confirm makes the tenant that was registered, under a slug that may be
// another by now, with the account as its owner. Confirming again returns the
// same tenant as long as the day lasts. It returns [ErrExpired] and the errors
// of [Config.CheckSlug].
func (s *Service) Confirm(ctx context.Context, token, slug string, owner id.Account) (registry.Tenant, error) {
	p, err := s.Pending(ctx, token)
	if err != nil {
		return registry.Tenant{}, err
	}
	// Of two who confirm at once, one waits for the other's time to run out.
	var made id.Tenant
	err = s.DB.Global().NewRaw(`update registration set claimed = now()
		where id = ? and confirmed is null and expires > now() and (claimed is null or claimed < now() - interval '`+stalled+`')
		returning tenant_id`, p.Account.UUID()).Scan(ctx, &made)
	if errors.Is(err, sql.ErrNoRows) {
		return registry.Tenant{}, ErrExpired
	}
	if err != nil {
		return registry.Tenant{}, fmt.Errorf("confirm registration: %w", err)
	}
	tenant, err := s.make(ctx, p, made, slug, owner)
	if err != nil {
		// What was begun goes on with the next attempt.
		_, _ = s.DB.Global().NewRaw(`update registration set claimed = null where id = ?`, p.Account.UUID()).Exec(context.WithoutCancel(ctx))
		return registry.Tenant{}, err
	}
	return tenant, nil
}

func (s *Service) make(ctx context.Context, p Pending, made id.Tenant, slug string, owner id.Account) (tenant registry.Tenant, err error) {
	if made.IsZero() {
		if slug == "" {
			slug = p.Slug
		}
		if tenant, err = s.Begin(ctx, slug); err != nil {
			return tenant, err
		}
		if _, err := s.DB.Global().NewRaw(`update registration set tenant_id = ? where id = ?`, tenant.ID, p.Account.UUID()).Exec(ctx); err != nil {
			return tenant, fmt.Errorf("confirm registration: %w", err)
		}
	} else if tenant, err = s.Registry.ByID(ctx, made); err != nil {
		return tenant, err
	}
	if err := s.Prepare(ctx, tenant.ID, p.Preparation); err != nil {
		return tenant, err
	}
	if err := s.Staff.Add(ctx, tenant.ID, owner, staff.Owner, nil); err != nil && !errors.Is(err, staff.ErrAlreadyMember) {
		return tenant, fmt.Errorf("confirm registration: %w", err)
	}
	// What was typed has become the practice's own; the row counts for the rest
	// of its day.
	_, err = s.DB.Global().NewRaw(`update registration set confirmed = now(), details = '{}' where id = ?`, p.Account.UUID()).Exec(ctx)
	if err != nil {
		return tenant, fmt.Errorf("confirm registration: %w", err)
	}
	return tenant, nil
}

// registrationLetter is the mail with the link.
func (s *Service) registrationLetter(ctx context.Context, _ id.Tenant, ref string) (notify.Letter, error) {
	var key id.Registration
	if err := key.Scan(ref); err != nil {
		return notify.Letter{}, ErrExpired
	}
	token := s.Links.Make(registrationLink, key.Bytes())
	p, err := s.Pending(ctx, token)
	if err != nil {
		return notify.Letter{}, err
	}
	portal, err := s.Host(ctx, id.Tenant{}, registry.Portal)
	if err != nil {
		return notify.Letter{}, err
	}
	return notify.Letter{
		To: p.Email, Name: p.Contact, Language: p.Language, Practice: p.Company,
		Link: portal + "/register#" + token, From: s.Operator.sender(),
	}, nil
}

// Run purges, and tells of a new version of the agreement, every hour until ctx
// ends.
func (s *Service) Run(ctx context.Context) {
	for {
		if err := s.Tell(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("not all owners were told of the agreement's new version", "err", err)
		}
		if err := s.Purge(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("registrations are kept longer than promised", "err", err)
		}
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
			return
		}
	}
}

// Purge forgets registrations that nobody confirmed, and those that did their work.
func (s *Service) Purge(ctx context.Context) error {
	if _, err := s.DB.Global().NewRaw(`delete from registration where expires < now()`).Exec(ctx); err != nil {
		return fmt.Errorf("purge registrations: %w", err)
	}
	return nil
}
