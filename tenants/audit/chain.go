package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/id"
)

// chainEvery is how often waiting entries are looked for, so that each is in
// the chain within a minute, also behind a server that has just died.
const chainEvery = 15 * time.Second

// perBatch bounds what one batch, and so one transaction, takes.
const perBatch = 1000

// Run chains what waits until ctx ends. Any number may run, in any number of
// processes.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(chainEvery)
	defer tick.Stop()
	for {
		if err := s.ChainDue(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the audit trail could not be chained", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ChainDue chains all entries that had been committed when it began.
func (s *Service) ChainDue(ctx context.Context) error {
	for {
		var due []struct {
			ID     int64
			Tenant id.Tenant `bun:"tenant_id"`
		}
		if err := s.db.Global().NewRaw(`select id, tenant_id from audit_due order by id limit 10000`).Scan(ctx, &due); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read what waits for the chain: %w", err)
		}
		waiting := map[id.Tenant][]int64{}
		for _, d := range due {
			waiting[d.Tenant] = append(waiting[d.Tenant], d.ID)
		}
		var failed error
		for tenant, rows := range waiting {
			if err := s.chain(ctx, tenant); err != nil {
				failed = errors.Join(failed, err) // the others' need not wait
				continue
			}
			if _, err := s.db.Global().NewRaw(`delete from audit_due where id in (?)`, bun.List(rows)).Exec(ctx); err != nil {
				return fmt.Errorf("forget what waited for the chain: %w", err)
			}
		}
		if failed != nil || len(due) < 10000 {
			return failed
		}
	}
}

// chain puts all of a tenant's waiting entries into batches.
func (s *Service) chain(ctx context.Context, tenant id.Tenant) error {
	for {
		var n int
		err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) (err error) {
			n, err = s.batch(ctx, tx, tenant)
			return err
		})
		if err != nil {
			return fmt.Errorf("chain %s: %w", tenant, err)
		}
		if n < perBatch {
			return nil
		}
	}
}

// batch chains the oldest waiting entries, at most perBatch.
func (s *Service) batch(ctx context.Context, tx bun.Tx, tenant id.Tenant) (int, error) {
	if _, err := tx.NewRaw(`insert into audit_head (tenant_id) values (?) on conflict do nothing`, tenant).Exec(ctx); err != nil {
		return 0, err
	}
	var head struct {
		Number int64
		Hash   []byte
	}
	if err := tx.NewRaw(`select number, hash from audit_head where tenant_id = ? for update`, tenant).Scan(ctx, &head); err != nil {
		return 0, err
	}
	var entries []stored
	err := tx.NewRaw(`
		select e.id, e.at, e.actor, e.actor_id, e.act, e.object, e.detail, e.address
		from audit_entry e
		where e.tenant_id = ?0 and not exists (select from audit_link l where l.tenant_id = ?0 and l.entry_id = e.id)
		order by e.at, e.id limit ?1`, tenant, perBatch).Scan(ctx, &entries)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || len(entries) == 0 {
		return 0, ignoreNone(err)
	}
	b := batch{Number: head.Number + 1, Made: s.now().UTC().Truncate(time.Microsecond), Entries: len(entries), Previous: head.Hash}
	b.Hash = b.hash(tenant, entries)
	b.Seal = s.seal(b.Hash)
	if _, err := tx.NewRaw(`insert into audit_batch (tenant_id, number, made, entries, previous, hash, seal) values (?, ?, ?, ?, ?, ?, ?)`,
		tenant, b.Number, b.Made, b.Entries, b.Previous, b.Hash, b.Seal).Exec(ctx); err != nil {
		return 0, err
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID.String()
	}
	if _, err := tx.NewRaw(`insert into audit_link (tenant_id, entry_id, batch, place)
		select ?0, id, ?1, place from unnest(string_to_array(?2, ',')::uuid[]) with ordinality entry (id, place)`,
		tenant, b.Number, joined(ids)).Exec(ctx); err != nil {
		return 0, err
	}
	_, err = tx.NewRaw(`update audit_head set number = ?, hash = ? where tenant_id = ?`, b.Number, b.Hash, tenant).Exec(ctx)
	return len(entries), err
}

// stored is an entry as the hashes cover it.
type stored struct {
	ID      uuid.UUID
	At      time.Time
	Actor   string
	ActorID *uuid.UUID
	Act     string
	Object  string
	Detail  string
	Address string
}

// batch is a link of the chain.
type batch struct {
	Number   int64
	Made     time.Time
	Entries  int
	Previous []byte
	Hash     []byte
	Seal     []byte
}

// hash is SHA-256 of the parts of the batch and of its entries, each part
// behind its length in four bytes (big-endian): "siegel|audit|1", tenant,
// number, made, previous hash, count; then of each entry id, at, actor,
// actor's id or nothing, act, object, detail, address. Numbers are decimal,
// times RFC 3339 in UTC with six digits.
func (b batch) hash(tenant id.Tenant, entries []stored) []byte {
	h := sha256.New()
	put(h, "siegel|audit|1", tenant.UUID(), fmt.Sprint(b.Number), instant(b.Made), string(b.Previous), fmt.Sprint(len(entries)))
	for _, e := range entries {
		actor := ""
		if e.ActorID != nil {
			actor = e.ActorID.String()
		}
		put(h, e.ID.String(), instant(e.At), e.Actor, actor, e.Act, e.Object, e.Detail, e.Address)
	}
	return h.Sum(nil)
}

func put(h hash.Hash, parts ...string) {
	for _, p := range parts {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(p)))
		h.Write(length[:])
		h.Write([]byte(p))
	}
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// seal is what only who knows the server's secret can put under a hash.
func (s *Service) seal(hash []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(hash)
	return mac.Sum(nil)
}

// Finding is something that is not as it was chained.
type Finding struct {
	Batch int64 // 0: the chain as a whole
	// What is one of entry_changed (or put elsewhere), entry_missing,
	// batch_missing, batch_changed, chain_broken, seal_broken, end_missing.
	What string
}

// Report is what [Service.Verify] found.
type Report struct {
	Batches  int64
	Entries  int64 // chained
	Waiting  int64 // not yet chained
	Head     []byte
	Findings []Finding // none where all is as it was chained
}

// Verify reads a tenant's whole chain again. known is a hash that was exported
// earlier and must still be one of the chain's; nil where there is none.
func (s *Service) Verify(ctx context.Context, tenant id.Tenant, known []byte) (Report, error) {
	var r Report
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		r = Report{}
		return s.verify(ctx, tx, tenant, known, &r)
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify the trail: %w", err)
	}
	return r, nil
}

func (s *Service) verify(ctx context.Context, tx bun.Tx, tenant id.Tenant, known []byte, r *Report) error {
	// With it locked nobody makes a batch meanwhile.
	head := struct {
		Number int64
		Hash   []byte
	}{0, make([]byte, sha256.Size)}
	if err := tx.NewRaw(`select number, hash from audit_head where tenant_id = ? for update`, tenant).Scan(ctx, &head); ignoreNone(err) != nil {
		return err
	}
	var batches []batch
	if err := tx.NewRaw(`select number, made, entries, previous, hash, seal from audit_batch where tenant_id = ? order by number`, tenant).
		Scan(ctx, &batches); ignoreNone(err) != nil {
		return err
	}
	// What is left of a trail whose beginning was deleted begins behind it.
	previous, next, seen := make([]byte, sha256.Size), int64(1), known == nil
	var horizon struct {
		Number int64
		Hash   []byte
	}
	if err := tx.NewRaw(`select number, hash from audit_horizon where tenant_id = ?`, tenant).Scan(ctx, &horizon); ignoreNone(err) != nil {
		return err
	}
	if horizon.Number > 0 {
		previous, next = horizon.Hash, horizon.Number+1
		seen = seen || bytes.Equal(horizon.Hash, known)
	}
	find := func(batch int64, what string) { r.Findings = append(r.Findings, Finding{batch, what}) }
	for _, b := range batches {
		if b.Number != next {
			find(next, "batch_missing")
		}
		if !bytes.Equal(b.Previous, previous) {
			find(b.Number, "chain_broken")
		}
		var entries []stored
		if err := tx.NewRaw(`
			select e.id, e.at, e.actor, e.actor_id, e.act, e.object, e.detail, e.address
			from audit_link l join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id
			where l.tenant_id = ? and l.batch = ? order by l.place`, tenant, b.Number).Scan(ctx, &entries); ignoreNone(err) != nil {
			return err
		}
		switch {
		case len(entries) < b.Entries:
			find(b.Number, "entry_missing")
		case !bytes.Equal(b.hash(tenant, entries), b.Hash):
			find(b.Number, "entry_changed")
		}
		if !hmac.Equal(s.seal(b.Hash), b.Seal) {
			find(b.Number, "seal_broken")
		}
		seen = seen || bytes.Equal(b.Hash, known)
		previous, next = b.Hash, b.Number+1
		r.Batches++
		r.Entries += int64(len(entries))
	}
	if head.Number != next-1 || !bytes.Equal(head.Hash, previous) {
		find(0, "end_missing")
	}
	if !seen {
		find(0, "known_missing")
	}
	r.Head = previous
	return tx.NewRaw(`select count(*) from audit_entry e
		where e.tenant_id = ?0 and not exists (select from audit_link l where l.tenant_id = ?0 and l.entry_id = e.id)`, tenant).Scan(ctx, &r.Waiting)
}

func ignoreNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
