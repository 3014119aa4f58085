package shred

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"siegel/platform/redisdb"
)

// public is what the database knows of the chain in force.
type public struct {
	chain uuid.UUID
	day   Day
	hash  []byte
}

// inForce reads the chain in force; nil where none was ever begun.
func (c *Chain) inForce(ctx context.Context) (*public, error) {
	var row struct {
		ID   uuid.UUID
		Day  time.Time
		Hash []byte
	}
	err := c.c.DB.Global().NewRaw(`select id, day, hash from shred_chain`).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the chain in force: %w", err)
	}
	return &public{row.ID, DayOf(row.Day), row.Hash}, nil
}

// begin writes the first chain, unless somebody else was faster.
func (c *Chain) begin(ctx context.Context, s state) error {
	result, err := c.c.DB.Global().NewRaw(`insert into shred_chain (id, day, hash) values (?, ?, ?) on conflict do nothing`,
		s.chain, s.day.date(), s.hash()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("begin a chain: %w", err)
	}
	return c.mine(s, result)
}

// replace puts a new chain in the place of a lost one, once.
func (c *Chain) replace(ctx context.Context, lost uuid.UUID, s state) error {
	result, err := c.c.DB.Global().NewRaw(`update shred_chain set id = ?, day = ?, hash = ?, begun = now() where id = ?`,
		s.chain, s.day.date(), s.hash(), lost).Exec(ctx)
	if err != nil {
		return fmt.Errorf("replace a chain: %w", err)
	}
	return c.mine(s, result)
}

// mine remembers a chain that this server has begun.
func (c *Chain) mine(s state, result sql.Result) error {
	n, err := result.RowsAffected()
	if err == nil && n == 1 {
		c.known = &s
	}
	return err
}

// advance writes down where the chain has come to. It only goes up.
func (c *Chain) advance(ctx context.Context, s state) error {
	_, err := c.c.DB.Global().NewRaw(`update shred_chain set day = ?, hash = ? where id = ? and day < ?`,
		s.day.date(), s.hash(), s.chain, s.day.date()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("advance a chain: %w", err)
	}
	return nil
}

const purpose = "shred"

func stateKey() string { return redisdb.GlobalKey("shred", "state") }

func (s state) bytes() []byte {
	out := append([]byte{}, s.chain[:]...)
	out = binary.BigEndian.AppendUint32(out, uint32(s.day))
	return append(out, s.key[:]...)
}

func parseState(b []byte) *state {
	if len(b) != 16+4+32 {
		return nil
	}
	return &state{uuid.UUID(b[:16]), Day(binary.BigEndian.Uint32(b[16:])), [32]byte(b[20:])}
}

// fromRedis returns nil where it is not there, or is none that opens.
func (c *Chain) fromRedis(ctx context.Context) (*state, error) {
	sealed, err := c.c.Redis.Value(ctx, stateKey())
	if err != nil || sealed == nil {
		return nil, err
	}
	plain, err := c.c.Redis.Open(purpose, sealed, stateKey())
	if err != nil {
		return nil, nil //nolint:nilerr // sealed under another secret: as good as lost
	}
	return parseState(plain), nil
}

// toRedis puts the state there unless it is there already. Two servers on
// different sides of midnight may write an older one for a moment: whoever is
// ahead puts it right at the next look.
func (c *Chain) toRedis(ctx context.Context, s state) error {
	there, err := c.fromRedis(ctx)
	if err != nil {
		return err
	}
	if there != nil && there.chain == s.chain && there.day >= s.day {
		return nil
	}
	return c.c.Redis.Keep(ctx, stateKey(), c.c.Redis.Seal(purpose, s.bytes(), stateKey()), 48*time.Hour)
}

func (c *Chain) fromFile() *state {
	if c.c.File == "" {
		return nil
	}
	raw, err := os.ReadFile(c.c.File)
	if err != nil {
		return nil
	}
	return parseState(raw)
}

// toFile replaces the file as a whole, and what it held is overwritten first:
// a key that is over shall not wait in a free block.
func (c *Chain) toFile(s state) error {
	if c.c.File == "" {
		return nil
	}
	if there := c.fromFile(); there != nil && *there == s {
		return nil
	}
	name := make([]byte, 9)
	if _, err := rand.Read(name); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	next := filepath.Join(filepath.Dir(c.c.File), ".shred-"+base64.RawURLEncoding.EncodeToString(name))
	if err := write(next, s.bytes()); err != nil {
		_ = os.Remove(next)
		return fmt.Errorf("keep day keys in a file: %w", err)
	}
	if old, err := os.OpenFile(c.c.File, os.O_WRONLY, 0); err == nil {
		_, _ = old.Write(make([]byte, len(s.bytes())))
		_ = old.Sync()
		_ = old.Close()
	}
	if err := os.Rename(next, c.c.File); err != nil {
		_ = os.Remove(next)
		return fmt.Errorf("keep day keys in a file: %w", err)
	}
	return nil
}

func write(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
