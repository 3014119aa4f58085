package customers

import (
	"context"
	"fmt"
	"math"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// What callers act on.
var (
	// ErrFilesOff is returned where professional law for health care binds the
	// tenant: documents about patients belong into their record, not here.
	ErrFilesOff = fault.New(fault.Forbidden, "files_off")
	// ErrFilesFull is returned where a tenant has all that it may have.
	ErrFilesFull = fault.New(fault.Conflict, "files_full")
	// ErrMalformedFile is returned for a document that no client of ours makes.
	ErrMalformedFile = fault.New(fault.Invalid, "malformed_file")
	// ErrUnknownFile is returned for a document that is not there.
	ErrUnknownFile = fault.New(fault.NotFound, "unknown_file")
	// ErrUnknownCustomer is returned for a record that is not there any more.
	ErrUnknownCustomer = fault.New(fault.NotFound, "unknown_customer")
)

const (
	// FileStep is what the length of a document is rounded up to.
	FileStep = 16 << 10
	// MaxFile is how long a document may be, in octets, before that.
	MaxFile = 5 << 20
	// FileQuota is how many octets of ciphertext a tenant may have unless
	// [Config] says otherwise.
	FileQuota = 500 << 20
	// maxMoved is how many documents move in one request.
	maxMoved = 100
)

// File is a document of a customer. What it is called and of which type it is
// stands in the customer's record.
type File struct {
	ID       id.File
	Customer id.Customer
	Epoch    int // of the book key
	// Ciphertext is nonce (12 bytes), padded content (a multiple of [FileStep])
	// and tag (16 bytes).
	Ciphertext []byte
}

func (f File) check() error {
	padded := len(f.Ciphertext) - nonceSize - tagSize
	if f.ID.IsZero() || f.Customer.IsZero() || f.Epoch < 1 || f.Epoch > math.MaxInt32 || padded < FileStep || padded%FileStep != 0 || padded > MaxFile+FileStep {
		return ErrMalformedFile
	}
	return nil
}

// AddFile keeps a document with a record; the same one a second time changes
// nothing. It returns [ErrMalformedFile], also for another one of the same id,
// [ErrFilesOff], [ErrFilesFull] or [ErrUnknownCustomer].
func (s *Service) AddFile(ctx context.Context, tenant id.Tenant, f File) error {
	if err := f.check(); err != nil {
		return err
	}
	medical, err := s.Medical(ctx, tenant)
	if err != nil {
		return fmt.Errorf("read the trade: %w", err)
	}
	if medical {
		return ErrFilesOff
	}
	var known, same, room bool
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		queueUp(b, tenant)
		b.Row(`select exists (select from customer where tenant_id = $1 and id = $2 and ciphertext is not null),
			(select coalesce(sum(length(ciphertext)), 0) from customer_file where tenant_id = $1 and id <> $3) + $4 <= $5`,
			[]any{tenant, f.Customer, f.ID, int64(len(f.Ciphertext)), s.Quota}, &known, &room)
		b.Exec(`insert into customer_file (tenant_id, id, customer_id, epoch, ciphertext)
			select $1::uuid, $2::uuid, c.id, $4::integer, $5::bytea from customer c
			where c.tenant_id = $1 and c.id = $3 and c.ciphertext is not null
			  and (select coalesce(sum(length(ciphertext)), 0) from customer_file where tenant_id = $1) + length($5::bytea) <= $6
			on conflict (tenant_id, id) do nothing`, tenant, f.ID, f.Customer, f.Epoch, f.Ciphertext, s.Quota)
		b.Row(`select exists (select from customer_file where tenant_id = $1 and id = $2 and customer_id = $3 and ciphertext = $4::bytea)`,
			[]any{tenant, f.ID, f.Customer, f.Ciphertext}, &same)
	})
	switch {
	case err != nil:
		return fmt.Errorf("keep a document: %w", err)
	case same:
		return nil
	case !known:
		return ErrUnknownCustomer
	case !room:
		return ErrFilesFull
	}
	return ErrMalformedFile
}

// queueUp waits for the counter's row, where documents wait for each other, so
// that two at once do not both find the last room; and a record that is deleted
// meanwhile waits for it too.
func queueUp(b *postgres.Batch, tenant id.Tenant) {
	b.Exec(`insert into change_counter (tenant_id, counter) values ($1, 0) on conflict (tenant_id) do update set counter = change_counter.counter`, tenant)
}

// FindFile returns a document. It returns [ErrUnknownFile].
func (s *Service) FindFile(ctx context.Context, tenant id.Tenant, file id.File) (File, error) {
	f := File{ID: file}
	var found *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select customer_id, epoch, ciphertext from customer_file where tenant_id = $1 and id = $2`, []any{tenant, file}, &f.Customer, &f.Epoch, &f.Ciphertext)
	})
	switch {
	case err != nil:
		return File{}, fmt.Errorf("read a document: %w", err)
	case !found.OK:
		return File{}, ErrUnknownFile
	}
	return f, nil
}

// MoveFiles puts documents with another record, when two records become one.
// Those that are not there are left out. It returns [ErrUnknownCustomer] or, for
// more than a hundred, [ErrMalformedFile].
func (s *Service) MoveFiles(ctx context.Context, tenant id.Tenant, files []id.File, to id.Customer) error {
	if len(files) == 0 || len(files) > maxMoved {
		return ErrMalformedFile
	}
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = f.UUID()
	}
	var known bool
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		queueUp(b, tenant)
		b.Row(`select exists (select from customer where tenant_id = $1 and id = $2 and ciphertext is not null)`, []any{tenant, to}, &known)
		b.Exec(`update customer_file f set customer_id = c.id from customer c
			where c.tenant_id = $1 and c.id = $2 and c.ciphertext is not null and f.tenant_id = $1 and f.id = any($3::uuid[])`, tenant, to, ids)
	})
	if err != nil {
		return fmt.Errorf("move documents: %w", err)
	}
	if !known {
		return ErrUnknownCustomer
	}
	return nil
}

// RemoveFile deletes a document. It returns [ErrUnknownFile].
func (s *Service) RemoveFile(ctx context.Context, tenant id.Tenant, file id.File) error {
	var found *postgres.Found
	var one int
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`delete from customer_file where tenant_id = $1 and id = $2 returning 1`, []any{tenant, file}, &one)
	})
	switch {
	case err != nil:
		return fmt.Errorf("delete a document: %w", err)
	case !found.OK:
		return ErrUnknownFile
	}
	return nil
}

// FilesTake is how many octets a tenant's documents take.
func (s *Service) FilesTake(ctx context.Context, tenant id.Tenant) (taken int64, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select coalesce(sum(length(ciphertext)), 0)::bigint from customer_file where tenant_id = $1`, []any{tenant}, &taken)
	})
	if err != nil {
		return 0, fmt.Errorf("count documents: %w", err)
	}
	return taken, nil
}
