// Package audit keeps a trail of who did what to what, when, from where: one
// of each tenant, of each reseller, and of the platform.
//
// It promises that an entry counts exactly when the transaction that it
// belongs to does, that whoever serves requests can neither change nor delete
// one, and that within a minute it is in a chain of batches in which [Service.Verify]
// finds what was changed, deleted or put elsewhere. It does not promise that
// entries of the last minute are in it, nor that who holds both the database
// and the server's secret could not write another chain; a hash that was
// exported before tells that too.
//
// An entry never holds a patient's data: ids and names of fields, no values.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrMalformed is returned for an entry without tenant or act, or with more
// than fits.
var ErrMalformed = fault.New(fault.Internal, "malformed_audit_entry")

// Actor is who did something.
type Actor struct {
	Kind Kind
	// ID is the account or token; nil for the system and for patients.
	ID uuid.UUID
}

// Kind is as what somebody acted.
type Kind string

// The kinds of actor. Patients are nobody in particular.
const (
	KindPerson   Kind = "person"
	KindToken    Kind = "token"
	KindPatient  Kind = "patient"
	KindSupport  Kind = "support"
	KindReseller Kind = "reseller"
	KindPlatform Kind = "platform"
	KindSystem   Kind = "system"
)

// System is this program on its own; Patient is some patient.
var (
	System  = Actor{Kind: KindSystem}
	Patient = Actor{Kind: KindPatient}
)

// Person is somebody who works in the tenant.
func Person(account id.Account) Actor { return Actor{KindPerson, account.Bytes()} }

// Token is a machine with a token.
func Token(token id.APIToken) Actor { return Actor{KindToken, token.Bytes()} }

// Support is a person whom the tenant has let in for a time.
func Support(account id.Account) Actor { return Actor{KindSupport, account.Bytes()} }

// Reseller is a person of the tenant's reseller.
func Reseller(account id.Account) Actor { return Actor{KindReseller, account.Bytes()} }

// Platform is a person who runs the installation.
func Platform(account id.Account) Actor { return Actor{KindPlatform, account.Bytes()} }

// PlatformScope stands for the platform where a trail or a message wants a tenant.
var PlatformScope = scope("00000000-0000-7000-8000-000000000001")

// ResellerScope stands for a reseller where a trail or a message wants a tenant.
func ResellerScope(r id.Reseller) id.Tenant { return scope(r.UUID()) }

func scope(uuid string) (t id.Tenant) {
	if err := t.UnmarshalText([]byte(t.String()[:len("ten_")] + uuid)); err != nil {
		panic(err) // ids have no other form
	}
	return t
}

// Entry is one act.
type Entry struct {
	Tenant id.Tenant
	Actor  Actor // System where zero
	// Act is subject and verb, such as "window.put".
	Act string
	// Object is the id of what it was done to, as the interface writes it; may
	// be empty. At most 200 bytes.
	Object string
	// Detail says more in ids, names of fields, and words of the program.
	Detail map[string]string
	// IP is where it came from. As much of it is kept as the tenant's setting says.
	IP netip.Addr
}

type whoKey struct{}

type who struct {
	actor Actor
	ip    netip.Addr
}

// With says who acts, and from where, in all that ctx is given to.
func With(ctx context.Context, actor Actor, ip netip.Addr) context.Context {
	full, part := addresses(actor, ip)
	text := string(actor.Kind) + "|"
	if actor.ID != uuid.Nil {
		text += actor.ID.String()
	}
	// For what triggers record.
	ctx = postgres.As(ctx, text+"|"+full+"|"+part)
	return context.WithValue(ctx, whoKey{}, who{actor, ip})
}

// addresses are the whole of an address and what is kept of it by default;
// nothing of a patient's.
func addresses(actor Actor, ip netip.Addr) (full, part string) {
	if !ip.IsValid() || actor.Kind == KindPatient {
		return "", ""
	}
	return ip.Unmap().WithZone("").String(), Truncated(ip)
}

// Now is an entry of whoever acts in ctx; see [With]. Without that it is the system.
func Now(ctx context.Context, tenant id.Tenant, act, object string) Entry {
	w, ok := ctx.Value(whoKey{}).(who)
	if !ok {
		w.actor = System
	}
	return Entry{Tenant: tenant, Actor: w.actor, IP: w.ip, Act: act, Object: object}
}

// insert adds an entry and says that it waits for the chain. Its placeholders:
// tenant, id, actor, the actor's id, act, detail, the whole address and a part
// of it, object.
const insert = `
	with due as (insert into audit_due (tenant_id) values ($1))
	insert into audit_entry (tenant_id, id, actor, actor_id, act, detail, address, object)
	values ($1, $2, $3, $4, $5, $6, ` + kept + `, $9)`

// kept is as much of an address as the tenant's setting lets.
const kept = `coalesce((select case address when 'full' then $7::text when 'none' then '' end
	from audit_setting where tenant_id = $1), $8::text)`

// Record adds an entry to the caller's batch, so to its transaction. Call it
// after locks are taken. A malformed entry fails the whole batch.
func Record(b *postgres.Batch, e Entry) {
	args, err := e.args()
	if err != nil {
		// A batch is only collected here and cannot be refused before it is
		// sent; the column is not null, so the transaction fails there.
		args[4] = nil
	}
	b.Exec(insert, append(args, e.Object)...)
}

// RecordEach adds an entry for each text that query returns, which is then the
// entry's object. query may change rows and return what it changed; its
// placeholders begin at $9, with args.
func RecordEach(b *postgres.Batch, e Entry, query string, args ...any) {
	common, err := e.args()
	if err != nil {
		common[4] = nil
	}
	b.Exec(`
		with object (name) as (`+query+`),
		due as (insert into audit_due (tenant_id) select $1::uuid from object limit 1)
		insert into audit_entry (tenant_id, id, actor, actor_id, act, detail, address, object)
		select $1::uuid, case when $2::uuid is null then null else gen_random_uuid() end, $3, $4::uuid, $5, $6, `+kept+`, name
		from object`, append(common, args...)...)
}

// RecordTx adds an entry to the caller's transaction.
func RecordTx(ctx context.Context, tx bun.IDB, e Entry) error {
	args, err := e.args()
	if err != nil {
		return err
	}
	// bun numbers placeholders from ?0.
	query := placeholder.ReplaceAllStringFunc(insert, func(p string) string {
		n, _ := strconv.Atoi(p[1:])
		return "?" + strconv.Itoa(n-1)
	})
	if _, err := tx.NewRaw(query, append(args, e.Object)...).Exec(ctx); err != nil {
		return fmt.Errorf("record an act: %w", err)
	}
	return nil
}

var (
	placeholder = regexp.MustCompile(`\$[0-9]+`)
	act         = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)
)

// args are those of insert but for the object.
func (e Entry) args() ([]any, error) {
	if e.Actor.Kind == "" {
		e.Actor = System
	}
	detail := "{}"
	if len(e.Detail) > 0 {
		text, err := json.Marshal(e.Detail) // sorts the keys
		if err != nil {
			return nil, fmt.Errorf("write an act's detail: %w", err)
		}
		detail = string(text)
	}
	var actor any
	if e.Actor.ID != uuid.Nil {
		actor = e.Actor.ID.String()
	}
	full, part := addresses(e.Actor, e.IP)
	args := []any{e.Tenant.UUID(), uuid.Must(uuid.NewV7()).String(), string(e.Actor.Kind), actor, e.Act, detail, full, part}
	if e.Tenant.IsZero() || !act.MatchString(e.Act) || len(e.Object) > maxObject || len(detail) > maxDetail {
		return args, ErrMalformed
	}
	return args, nil
}

const (
	maxObject = 200
	maxDetail = 4000
)

// Truncated is an address without what tells a house from its neighbours: the
// last 8 bits of IPv4, the last 80 of IPv6.
func Truncated(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.Addr().String()
}
