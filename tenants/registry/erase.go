package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// ErrNotClosedTenant is returned for erasing a tenant that is not closed.
var ErrNotClosedTenant = fault.New(fault.Conflict, "tenant_not_closed")

// ErrUnknownCertificate is returned for an id that no certificate has.
var ErrUnknownCertificate = fault.New(fault.NotFound, "unknown_certificate")

// Certificate says that a tenant is gone. It holds nothing of what was in it.
type Certificate struct {
	ID       uuid.UUID
	Tenant   id.Tenant
	Reseller id.Reseller
	Reason   string
	Erased   time.Time // UTC
	// Tables are how many rows there were in each.
	Tables map[string]int64
	// RedisKeys are how many keys went, People how many accounts that worked
	// nowhere else.
	RedisKeys, People int
}

// Erase deletes everything of a closed tenant, in every table that the
// catalogue knows and in Redis, and certifies it. What stays are the numbers of
// closed months, the hash of its slugs, so that nobody gets them again, and the
// certificate. It returns [ErrUnknownTenant] or [ErrNotClosedTenant].
func (s *Service) Erase(ctx context.Context, tenant id.Tenant, reason string) (Certificate, error) {
	if !isText(reason, 300) {
		return Certificate{}, ErrMalformed
	}
	t, err := s.now(ctx, tenant)
	if err != nil {
		return Certificate{}, err
	}
	if t.Status != Closed {
		return Certificate{}, ErrNotClosedTenant
	}
	if err := s.freezeLast(ctx, t); err != nil {
		return Certificate{}, err
	}
	// Before the rows: what is gone in Postgres makes nothing new in Redis.
	keys, err := s.eraseRedis(ctx, tenant)
	if err != nil {
		return Certificate{}, err
	}
	c := Certificate{ID: uuid.Must(uuid.NewV7()), Tenant: tenant, Reseller: t.Reseller, Reason: reason, RedisKeys: keys}
	owners, err := s.owners(ctx, tenant)
	if err != nil {
		return Certificate{}, err
	}
	err = s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		to, name, language := "", "", "de"
		if len(owners) > 0 {
			err := tx.NewRaw(`select email, name, language from account where id = ?`, owners[0]).Scan(ctx, &to, &name, &language)
			if err != nil && !isNoRows(err) {
				return err
			}
		}
		var rows []struct {
			Relation string
			Erased   int64
		}
		c.Tables = map[string]int64{}
		if err := tx.NewRaw(`select relation, erased from erase_tenant(?)`, tenant).Scan(ctx, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			if r.Relation == "account" {
				c.People = int(r.Erased)
			} else {
				c.Tables[r.Relation] += r.Erased
			}
		}
		tables, err := json.Marshal(c.Tables)
		if err != nil {
			return err
		}
		return tx.NewRaw(`
			insert into deletion_certificate (id, tenant, reseller_id, reason, tables, redis_keys, people, mail_to, mail_name, language)
			values (?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?) returning erased`,
			c.ID.String(), tenant, t.Reseller, reason, string(tables), keys, c.People, to, name, language).Scan(ctx, &c.Erased)
	})
	s.names.forget()
	s.states.Forget(tenant)
	switch {
	case postgres.Violates(err, "tenant_erase_closed"):
		return Certificate{}, ErrUnknownTenant
	case err != nil:
		return Certificate{}, fmt.Errorf("erase tenant: %w", err)
	}
	c.Erased = c.Erased.UTC()
	// Again, for what came in between.
	if more, err := s.eraseRedis(ctx, tenant); err == nil {
		c.RedisKeys += more
	}
	if len(owners) > 0 {
		whose := Scope(t.Reseller)
		err := s.DB.Batch(ctx, whose, func(b *postgres.Batch) {
			jobs.Add(b, jobs.Message{Tenant: whose, Kind: noticeMail, Ref: "erased_" + c.ID.String(), TTL: mailTTL})
		})
		if err != nil {
			return c, fmt.Errorf("queue certificate: %w", err)
		}
		s.Wake()
	}
	return c, nil
}

// freezeLast closes the months of a tenant that is about to go.
func (s *Service) freezeLast(ctx context.Context, t Tenant) error {
	zone, prices, err := s.clockOf(ctx, t.Reseller)
	if err != nil {
		return err
	}
	var created time.Time
	if err := s.DB.Global().NewRaw(`select created from tenant where id = ?`, t.ID).Scan(ctx, &created); err != nil {
		return fmt.Errorf("read tenant: %w", err)
	}
	running := MonthOf(s.Now(), zone)
	// Of those before the last closed one there are rows already.
	for month := max(MonthOf(created, zone), MonthOf(s.Now().AddDate(0, -3, 0), zone)); month <= running; month = month.next() {
		from, until := month.In(zone)
		c, its, err := s.count(ctx, t, from, until, prices)
		if err != nil {
			return err
		}
		if its {
			if err := s.freeze(ctx, t.Reseller, month, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) eraseRedis(ctx context.Context, tenant id.Tenant) (int, error) {
	if s.Redis == nil {
		return 0, nil
	}
	return s.Redis.ForgetTenant(ctx, tenant)
}

// Certificates are those of the tenants that a reseller looked after, or of all
// for the platform where it is zero, the newest first.
func (s *Service) Certificates(ctx context.Context, reseller id.Reseller) ([]Certificate, error) {
	var rows []struct {
		ID         string
		Tenant     id.Tenant
		ResellerID id.Reseller
		Reason     string
		Erased     time.Time
		Tables     string
		RedisKeys  int
		People     int
	}
	err := s.DB.Global().NewRaw(`select id::text as id, tenant, reseller_id, reason, erased, tables::text as tables, redis_keys, people from deletion_certificate
		where ?0::uuid is null or reseller_id = ?0 order by erased desc, id limit 500`, reseller).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	all := make([]Certificate, 0, len(rows))
	for _, r := range rows {
		c := Certificate{Tenant: r.Tenant, Reseller: r.ResellerID, Reason: r.Reason, Erased: r.Erased.UTC(), RedisKeys: r.RedisKeys, People: r.People}
		if c.ID, err = uuid.Parse(r.ID); err == nil {
			err = json.Unmarshal([]byte(r.Tables), &c.Tables)
		}
		if err != nil {
			return nil, fmt.Errorf("stored certificate: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
