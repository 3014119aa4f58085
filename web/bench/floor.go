package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// floor is what is left of the product when everything is taken away but the
// reads and the writes. It is as fast as these libraries are, on purpose: the
// driver's prepared statements, no tenant in the transaction, records in the
// clear.
type floor struct {
	db      *pgxpool.Pool
	redis   *redis.Client
	tenants map[string]string // slug -> tenant
	zone    *time.Location
}

func serveFloor(ctx context.Context) error {
	config, err := pgxpool.ParseConfig(os.Getenv("FLOOR_DATABASE_URL"))
	if err != nil {
		return err
	}
	config.MaxConns = 16 // as many as the product
	f := &floor{tenants: map[string]string{}, zone: berlin()}
	if f.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	defer f.db.Close()
	opt, err := redis.ParseURL(os.Getenv("FLOOR_REDIS_URL"))
	if err != nil {
		return err
	}
	opt.PoolSize = 64 // as many as the product
	f.redis = redis.NewClient(opt)
	defer f.redis.Close()
	rows, err := f.db.Query(ctx, `select slug, tenant_id::text from practice`)
	if err != nil {
		return err
	}
	var slug, tenant string
	if _, err := pgx.ForEachRow(rows, []any{&slug, &tenant}, func() error { f.tenants[slug] = tenant; return nil }); err != nil {
		return err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
	app.Get("/readyz", func(c *fiber.Ctx) error { return c.SendString("ready\n") })
	app.Get("/api/v1/slots", f.slots)
	app.Post("/api/v1/holds", f.hold)
	app.Post("/api/v1/bookings", f.book)
	app.Post("/api/v1/bookings/confirm", f.confirm)
	ln, err := net.Listen("tcp", os.Getenv("FLOOR_LISTEN"))
	if err != nil {
		return err
	}
	go func() { <-ctx.Done(); _ = app.Shutdown() }()
	return app.Listener(ln)
}

func (f *floor) tenant(c *fiber.Ctx) string {
	slug, _, _ := strings.Cut(string(c.Request().Header.Host()), ".")
	return f.tenants[slug]
}

type heldRecord struct {
	Hold, Booking, Practitioner, Location, Service string
	Starts                                         time.Time
}

var holdScript = redis.NewScript(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if #redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '(' .. ARGV[2]) > 0 then return 0 end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[4], 'PX', 600000)
redis.call('SET', KEYS[3], '1', 'PX', 86400000)
return 1`)

// hold is one script and one look whether the slot is free.
func (f *floor) hold(c *fiber.Ctx) error {
	var in struct {
		Token, Service, Practitioner, Location string
		Starts                                 time.Time
	}
	if err := json.Unmarshal(c.Body(), &in); err != nil {
		return fiber.ErrBadRequest
	}
	ctx, tenant := c.UserContext(), f.tenant(c)
	h := heldRecord{newID(), newID(), in.Practitioner[4:], in.Location[4:], in.Service[4:], in.Starts}
	record, err := json.Marshal(h)
	if err != nil {
		return err
	}
	ends := in.Starts.Add(slotMinutes * time.Minute)
	ok, err := holdScript.Run(ctx, f.redis, []string{"hold:" + h.Practitioner, "held:" + in.Token, "once:" + c.Get("Idempotency-Key")},
		in.Starts.Unix(), ends.Unix(), h.Hold, record).Int()
	if err != nil {
		return err
	}
	if ok == 0 {
		return fiber.ErrConflict
	}
	var busy bool
	if err := f.db.QueryRow(ctx, `select exists (select from occupation where tenant_id = $1 and resource_id = $2
		and starts > $3::timestamptz - interval '1 day' and starts < $4 and ends > $3)`, tenant, h.Practitioner, in.Starts, ends).Scan(&busy); err != nil {
		return err
	}
	if busy {
		return fiber.ErrConflict
	}
	return c.Status(fiber.StatusCreated).JSON(fiber.Map{"hold": "hld_" + h.Hold, "booking_id": "bkg_" + h.Booking,
		"starts": h.Starts, "ends": ends, "expires": time.Now().Add(10 * time.Minute), "extensions_left": 2})
}

type pendingRecord struct {
	Held     heldRecord
	Token    string
	Envelope struct {
		KID        string
		EnvelopeID string `json:"envelope_id"`
		Enc, CT    string
	}
	Copy, Address string
}

var bookScript = redis.NewScript(`
redis.call('INCR', KEYS[3])
redis.call('SET', KEYS[1], ARGV[1], 'PX', 3600000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', 3600000)
redis.call('SET', KEYS[4], '1', 'PX', 86400000)
return 1`)

// keepAccount opens the account of a mail.
const keepAccount = `insert into message_delivery (message_id, tenant_id, booking_id, channel, kind, reserved_on, settled)
	values ($1, $2, $3, 'mail', $4, now(), true)`

// book is one read, one script and one batch that is one transaction.
func (f *floor) book(c *fiber.Ctx) error {
	var in struct {
		pendingRecord
		SecretHash string `json:"secret_hash"`
	}
	if err := json.Unmarshal(c.Body(), &in); err != nil {
		return fiber.ErrBadRequest
	}
	ctx := c.UserContext()
	held, err := f.redis.Get(ctx, "held:"+in.Token).Bytes()
	if errors.Is(err, redis.Nil) {
		return fiber.ErrGone
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(held, &in.Held); err != nil {
		return err
	}
	record, err := json.Marshal(in.pendingRecord)
	if err != nil {
		return err
	}
	if err := bookScript.Run(ctx, f.redis, []string{"pending:" + in.SecretHash, "held:" + in.Token, "mail:" + in.Address,
		"once:" + c.Get("Idempotency-Key")}, record, held).Err(); err != nil {
		return err
	}
	var batch pgx.Batch
	message := newID()
	batch.Queue(`insert into outbox (id, tenant_id, kind, ref, deadline) values ($1, $2, 'confirm_mail', $3, now() + interval '1 hour')`,
		message, f.tenant(c), in.SecretHash)
	batch.Queue(keepAccount, message, f.tenant(c), in.Held.Booking, "confirm_mail")
	if err := f.db.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	return c.Status(fiber.StatusAccepted).JSON(fiber.Map{"booking_id": "bkg_" + in.Held.Booking, "channel": "mail",
		"expires": time.Now().Add(time.Hour), "sends_left": 2})
}

// confirm is one read, one batch that is one transaction, and one removal.
func (f *floor) confirm(c *fiber.Ctx) error {
	var in struct{ Secret, Code string }
	if err := json.Unmarshal(c.Body(), &in); err != nil {
		return fiber.ErrBadRequest
	}
	ctx, tenant := c.UserContext(), f.tenant(c)
	hash := secretHash(in.Secret)
	record, err := f.redis.Get(ctx, "pending:"+b64(hash)).Bytes()
	if errors.Is(err, redis.Nil) {
		return fiber.ErrGone
	}
	if err != nil {
		return err
	}
	var p pendingRecord
	if err := json.Unmarshal(record, &p); err != nil {
		return err
	}
	var (
		h           = p.Held
		ends        = h.Starts.Add(slotMinutes * time.Minute)
		appointment = newID()
		enc, errE   = base64.RawURLEncoding.DecodeString(p.Envelope.Enc)
		ct, errC    = base64.RawURLEncoding.DecodeString(p.Envelope.CT)
		own, errO   = base64.RawURLEncoding.DecodeString(p.Copy)
		batch       pgx.Batch
	)
	if err := errors.Join(errE, errC, errO); err != nil {
		return err
	}
	batch.Queue(`select from resource where tenant_id = $1 and id = $2 for no key update`, tenant, h.Practitioner)
	batch.Queue(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
		values ($1, $2, $3, 'booked', 'online', $4, $4, $5, $6, $7, $6, $8)`, tenant, appointment, h.Booking, h.Practitioner, h.Location, h.Starts, ends, hash)
	batch.Queue(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id) values ($1, $2, 1, $3, $4, $5)`,
		tenant, h.Practitioner, h.Starts, ends, appointment)
	batch.Queue(`insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct) values ($1, $2, $3, $4, 2, $5, $6, $7)`,
		tenant, p.Envelope.EnvelopeID, h.Booking, appointment, p.Envelope.KID, enc, ct)
	batch.Queue(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1, $2, $3, $4)`, tenant, h.Booking, appointment, own)
	batch.Queue(`insert into audit_due (tenant_id) values ($1)`, tenant)
	batch.Queue(`insert into audit_entry (tenant_id, id, actor, act, object, detail, address) values ($1, $2, 'patient', 'appointment.booked', $3, '{}', '')`,
		tenant, newID(), "apt_"+appointment)
	batch.Queue(`insert into statement_shown (tenant_id, booking_id, number)
		select $1, $2, max(number) from statement_version where tenant_id = $1 having max(number) is not null`, tenant, h.Booking)
	message := newID()
	batch.Queue(`insert into outbox (id, tenant_id, kind, ref, deadline) values ($1, $2, 'receipt_mail', $3, now() + interval '1 minute')`, message, tenant, h.Booking)
	batch.Queue(keepAccount, message, tenant, h.Booking, "receipt_mail")
	batch.Queue(`insert into change_counter (tenant_id, counter) values ($1, 1) on conflict (tenant_id) do update set counter = change_counter.counter + 1`, tenant)
	if err := f.db.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	if err := f.redis.Del(ctx, "pending:"+b64(hash), "held:"+p.Token).Err(); err != nil {
		return err
	}
	return c.JSON(fiber.Map{"status": "booked", "appointment": "apt_" + appointment, "booking_id": "bkg_" + h.Booking,
		"starts": h.Starts, "ends": ends, "copy": p.Copy})
}
