package certs

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/uuid"

	"siegel/platform/postgres"
)

// store keeps certmagic's tree of files in Postgres, sealed.
type store struct {
	db   *postgres.DB
	aead cipher.AEAD
	// lease is for how long a lock holds that nobody renews.
	lease time.Duration

	mu    sync.Mutex
	locks map[string]held // those of this process
}

type held struct {
	holder uuid.UUID
	cancel context.CancelFunc
	done   chan struct{}
}

var _ certmagic.Storage = (*store)(nil)

func newStore(db *postgres.DB, secret []byte, lease time.Duration) (*store, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "siegel|certificates|1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &store{db: db, aead: aead, lease: lease, locks: map[string]held{}}, nil
}

func (s *store) seal(key string, value []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process first
	return s.aead.Seal(nonce, nonce, value, []byte(key))
}

func (s *store) open(key string, sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("certificate file: too short")
	}
	value, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(key))
	if err != nil {
		return nil, fmt.Errorf("certificate file was sealed with another secret or has been changed: %w", err)
	}
	return value, nil
}

// Store is part of [certmagic.Storage].
func (s *store) Store(ctx context.Context, key string, value []byte) error {
	_, err := s.db.Global().NewRaw(`insert into certificate_file (key, value) values (?, ?)
		on conflict (key) do update set value = excluded.value, modified = now()`, key, s.seal(key, value)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("store certificate file: %w", err)
	}
	return nil
}

// Load is part of [certmagic.Storage].
func (s *store) Load(ctx context.Context, key string) ([]byte, error) {
	var sealed []byte
	err := s.db.Global().NewRaw(`select value from certificate_file where key = ?`, key).Scan(ctx, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("load certificate file: %w", err)
	}
	return s.open(key, sealed)
}

// below is what a key that begins with a folder's is compared to.
const below = `starts_with(key, ? || '/')`

// Delete is part of [certmagic.Storage].
func (s *store) Delete(ctx context.Context, key string) error {
	_, err := s.db.Global().NewRaw(`delete from certificate_file where key = ? or `+below, key, key).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete certificate file: %w", err)
	}
	return nil
}

// Exists is part of [certmagic.Storage].
func (s *store) Exists(ctx context.Context, key string) bool {
	var there bool
	err := s.db.Global().NewRaw(`select exists (select from certificate_file where key = ? or `+below+`)`, key, key).Scan(ctx, &there)
	return err == nil && there
}

// List is part of [certmagic.Storage].
func (s *store) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	var keys []string
	var err error
	if path == "" {
		err = s.db.Global().NewRaw(`select key from certificate_file order by key`).Scan(ctx, &keys)
	} else {
		err = s.db.Global().NewRaw(`select key from certificate_file where `+below+` order by key`, path).Scan(ctx, &keys)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list certificate files: %w", err)
	}
	folder := ""
	if path != "" {
		folder = path + "/"
	}
	var out []string
	for _, key := range keys {
		parts := strings.Split(strings.TrimPrefix(key, folder), "/")
		depth := 1
		if recursive {
			depth = len(parts)
		}
		for n := 1; n <= depth; n++ {
			if name := folder + strings.Join(parts[:n], "/"); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	if len(out) == 0 {
		return nil, fs.ErrNotExist
	}
	return out, nil
}

// Stat is part of [certmagic.Storage].
func (s *store) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	var row struct {
		Size     int64
		Modified time.Time
	}
	err := s.db.Global().NewRaw(`select length(value) as size, modified from certificate_file where key = ?`, key).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		if s.Exists(ctx, key) {
			return certmagic.KeyInfo{Key: key}, nil
		}
		return certmagic.KeyInfo{}, fs.ErrNotExist
	}
	if err != nil {
		return certmagic.KeyInfo{}, fmt.Errorf("look at certificate file: %w", err)
	}
	overhead := int64(s.aead.NonceSize() + s.aead.Overhead())
	return certmagic.KeyInfo{Key: key, Modified: row.Modified, Size: row.Size - overhead, IsTerminal: true}, nil
}

// Lock is part of [certmagic.Storage]. It is a lease that is renewed until
// Unlock: Postgres's clock decides, and no connection is kept.
func (s *store) Lock(ctx context.Context, name string) error {
	holder := uuid.New()
	for {
		taken, err := s.take(ctx, name, holder)
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if taken {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(s.lease/10, 500*time.Millisecond)):
		}
	}
	renew, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h := held{holder: holder, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(h.done)
		for {
			select {
			case <-renew.Done():
				return
			case <-time.After(s.lease / 3):
			}
			// Where it fails, the next time may do; where the lock is lost,
			// two replicas ask the authority, and the later answer stays.
			_, _ = s.take(renew, name, holder)
		}
	}()
	s.mu.Lock()
	s.locks[name] = h
	s.mu.Unlock()
	return nil
}

func (s *store) take(ctx context.Context, name string, holder uuid.UUID) (bool, error) {
	result, err := s.db.Global().NewRaw(`insert into certificate_lock as l (name, holder, expires)
		values (?, ?, now() + make_interval(secs => ?))
		on conflict (name) do update set holder = excluded.holder, expires = excluded.expires
		where l.holder = excluded.holder or l.expires < now()`, name, holder, s.lease.Seconds()).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// Unlock is part of [certmagic.Storage].
func (s *store) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	h, ok := s.locks[name]
	delete(s.locks, name)
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("unlock %s: not locked here", name)
	}
	h.cancel()
	<-h.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := s.db.Global().NewRaw(`delete from certificate_lock where name = ? and holder = ?`, name, h.holder).Exec(ctx)
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
