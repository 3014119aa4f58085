package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// span is time that is taken, in seconds since 1970.
type span struct{ starts, ends int64 }

// slots computes what is free: of what the stores say now, or, for whom an
// answer from a moment ago will do, of a list that lies ready.
func (f *floor) slots(c *fiber.Ctx) error {
	practitioner := strings.TrimPrefix(c.Query("practitioner"), "prc_")
	from, errFrom := time.ParseInLocation(time.DateOnly, c.Query("from"), f.zone)
	to, errTo := time.ParseInLocation(time.DateOnly, c.Query("to"), f.zone)
	if errors.Join(errFrom, errTo) != nil {
		return fiber.ErrBadRequest
	}
	var (
		busy []span
		err  error
	)
	if c.Get(fiber.HeaderCacheControl) == noCache {
		busy, err = f.busy(c.UserContext(), f.tenant(c), practitioner, from, to)
	} else {
		busy, err = f.packed(c.UserContext(), practitioner)
	}
	if err != nil {
		return err
	}
	out := append(make([]byte, 0, 96<<10), `{"zone":"Europe/Berlin","practitioners":["prc_`...)
	out = append(append(out, practitioner...), `"],"slots":[`...)
	first := true
	for at := range free(from, to, busy) {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(out, `{"starts":"`...)
		out = time.Unix(at, 0).UTC().AppendFormat(out, time.RFC3339)
		out = append(out, `","ends":"`...)
		out = time.Unix(at+slotMinutes*60, 0).UTC().AppendFormat(out, time.RFC3339)
		out = append(out, `","practitioner":0,"location":0,"condition":0}`...)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(append(out, `]}`...))
}

// busy reads version, appointments and holds, in one round trip to each store.
func (f *floor) busy(ctx context.Context, tenant, practitioner string, from, to time.Time) ([]span, error) {
	held, err := f.redis.ZRangeByScoreWithScores(ctx, "hold:"+practitioner, &redis.ZRangeBy{
		Min: strconv.FormatInt(from.Unix(), 10), Max: strconv.FormatInt(to.Unix(), 10)}).Result()
	if err != nil {
		return nil, err
	}
	var busy []span
	for _, h := range held {
		busy = append(busy, span{int64(h.Score), int64(h.Score) + slotMinutes*60})
	}
	var batch pgx.Batch
	batch.Queue(`select version from practice where tenant_id = $1`, tenant)
	batch.Queue(`select extract(epoch from starts)::bigint, extract(epoch from ends)::bigint from occupation
		where tenant_id = $1 and resource_id = $2 and starts >= $3 and starts < $4 order by starts`, tenant, practitioner, from, to)
	results := f.db.SendBatch(ctx, &batch)
	defer results.Close()
	var version int64
	if err := results.QueryRow().Scan(&version); err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var s span
		if err := rows.Scan(&s.starts, &s.ends); err != nil {
			return nil, err
		}
		busy = append(busy, s)
	}
	rows.Close()
	slices.SortFunc(busy, func(a, b span) int { return int(a.starts - b.starts) })
	return busy, rows.Err()
}

func packedKey(practitioner string) string { return "packed:" + practitioner }

// packed reads what [field.pack] wrote.
func (f *floor) packed(ctx context.Context, practitioner string) ([]span, error) {
	list, err := f.redis.Get(ctx, packedKey(practitioner)).Bytes()
	if err != nil {
		return nil, err
	}
	busy := make([]span, 0, len(list)/16)
	for ; len(list) >= 16; list = list[16:] {
		busy = append(busy, span{int64(binary.LittleEndian.Uint64(list)), int64(binary.LittleEndian.Uint64(list[8:]))})
	}
	return busy, nil
}

// pack lays the busy list of a practice's first practitioner ready for the floor.
func (f *field) pack(ctx context.Context, p *practice) error {
	rows, err := f.floorDB.Query(ctx, `select extract(epoch from starts)::bigint, extract(epoch from ends)::bigint from occupation
		where tenant_id = $1 and resource_id = $2 order by starts`, p.tenant, p.practitioners[0])
	if err != nil {
		return err
	}
	var (
		s    span
		list []byte
	)
	if _, err := pgx.ForEachRow(rows, []any{&s.starts, &s.ends}, func() error {
		list = binary.LittleEndian.AppendUint64(list, uint64(s.starts))
		list = binary.LittleEndian.AppendUint64(list, uint64(s.ends))
		return nil
	}); err != nil {
		return fmt.Errorf("pack busy list: %w", err)
	}
	return f.floorRedis.Set(ctx, packedKey(p.practitioners[0]), list, 0).Err()
}

// free returns the starts of the slots that are not busy, of weekdays from 8
// to 12 and from 14 to 18. busy is in order.
func free(from, to time.Time, busy []span) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		next := 0
		for day := from; day.Before(to); day = day.AddDate(0, 0, 1) {
			if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
				continue
			}
			for _, opens := range [2]int{8, 14} {
				at := time.Date(day.Year(), day.Month(), day.Day(), opens, 0, 0, 0, day.Location()).Unix()
				for end := at + 4*3600; at < end; at += slotMinutes * 60 {
					for next < len(busy) && busy[next].ends <= at {
						next++
					}
					if next < len(busy) && busy[next].starts < at+slotMinutes*60 {
						continue
					}
					if !yield(at) {
						return
					}
				}
			}
		}
	}
}
