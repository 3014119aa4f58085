package audit_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/tenants/audit"
	tenantschema "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: platformschema.FS}, postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

var secret = []byte("a secret for tests, thirty-two b.")

type fixture struct {
	*audit.Service
	db     *postgres.DB
	urls   *testdb.DB
	tenant id.Tenant
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{urls: testdb.New(t), tenant: id.New[id.Tenant]()}
	f.db = testdb.OpenURL(t, f.urls.Server)
	var err error
	if f.Service, err = audit.NewService(audit.Config{DB: f.db, Secret: secret}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) record(t *testing.T, acts ...string) {
	t.Helper()
	for _, act := range acts {
		if err := f.Record(t.Context(), audit.Entry{Tenant: f.tenant, Act: act, Object: "win_1", Detail: map[string]string{"b": "2", "a": "1"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *fixture) list(t *testing.T, filter audit.Filter) []audit.Recorded {
	t.Helper()
	found, err := f.List(t.Context(), f.tenant, filter)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (f *fixture) acts(t *testing.T, filter audit.Filter) string {
	t.Helper()
	var acts []string
	for _, r := range f.list(t, filter) {
		acts = append(acts, r.Act)
	}
	return strings.Join(acts, " ")
}

func (f *fixture) chain(t *testing.T) {
	t.Helper()
	if err := f.ChainDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) verify(t *testing.T) audit.Report {
	t.Helper()
	r, err := f.Verify(t.Context(), f.tenant, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// super runs statements past every wall.
func (f *fixture) super(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.urls.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range statements {
		if tag, err := conn.Exec(t.Context(), s); err != nil || !strings.HasPrefix(s, "alter") && tag.RowsAffected() == 0 {
			t.Fatalf("%s: %v, %v", s, tag, err)
		}
	}
}

func TestAnEntryCountsWithItsTransaction(t *testing.T) {
	t.Parallel()
	f := setup(t)
	undone := errors.New("undone")
	e := audit.Entry{Tenant: f.tenant, Act: "window.put"}
	err := f.db.InTenant(t.Context(), f.tenant, func(ctx context.Context, tx bun.Tx) error {
		if err := audit.RecordTx(ctx, tx, e); err != nil {
			t.Error(err)
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	err = f.db.Batch(t.Context(), f.tenant, func(b *postgres.Batch) {
		audit.Record(b, e)
		b.Exec(`select 1 / 0`)
	})
	if err == nil {
		t.Fatal("the batch counts")
	}
	if n := len(f.list(t, audit.Filter{})); n != 0 {
		t.Fatalf("%d entries of what did not happen", n)
	}
	if err := f.db.InTenant(t.Context(), f.tenant, func(ctx context.Context, tx bun.Tx) error { return audit.RecordTx(ctx, tx, e) }); err != nil {
		t.Fatal(err)
	}
	if err := f.db.Batch(t.Context(), f.tenant, func(b *postgres.Batch) {
		audit.RecordEach(b, e, `select 'apt_' || n from generate_series(1, $9::int) n`, 3)
		audit.RecordEach(b, e, `select 'none' where false`)
	}); err != nil {
		t.Fatal(err)
	}
	found := f.list(t, audit.Filter{})
	if len(found) != 4 || !slices.ContainsFunc(found, func(r audit.Recorded) bool { return r.Object == "apt_3" }) {
		t.Fatalf("%+v", found)
	}
}

func TestAnEntrySaysWhoWhatWhenAndFromWhere(t *testing.T) {
	t.Parallel()
	f := setup(t)
	account := id.New[id.Account]()
	began := time.Now()
	ctx := audit.With(t.Context(), audit.Person(account), netip.MustParseAddr("203.0.113.77"))
	e := audit.Now(ctx, f.tenant, "window.put", "win_x")
	e.Detail = map[string]string{"field": "until"}
	if err := f.Record(ctx, e); err != nil {
		t.Fatal(err)
	}
	r := f.list(t, audit.Filter{})[0]
	if r.Actor != audit.Person(account) || r.Act != "window.put" || r.Object != "win_x" || r.Detail["field"] != "until" ||
		r.Address != "203.0.113.0" || r.Batch != 0 || r.At.Before(began.Add(-time.Second)) || time.Since(r.At) > time.Minute || r.At.Location() != time.UTC {
		t.Errorf("%+v", r)
	}
	if got := audit.Now(t.Context(), f.tenant, "a.b", ""); got.Actor != audit.System {
		t.Errorf("nobody acts, and it is %v", got.Actor)
	}
}

func TestTheAddressIsKeptAsTheSettingSays(t *testing.T) {
	t.Parallel()
	f := setup(t)
	from := func(actor audit.Actor, ip string) string {
		e := audit.Entry{Tenant: f.tenant, Actor: actor, Act: "x.y", IP: netip.MustParseAddr(ip)}
		if err := f.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		return f.list(t, audit.Filter{Limit: 1})[0].Address
	}
	person := audit.Person(id.New[id.Account]())
	if got := from(person, "2001:db8:1:2::9"); got != "2001:db8:1::" {
		t.Errorf("by default %s is kept", got)
	}
	for setting, want := range map[audit.Address]string{audit.AddressNone: "", audit.AddressTruncated: "203.0.113.0", audit.AddressFull: "203.0.113.77"} {
		if err := f.SetAddress(t.Context(), f.tenant, setting); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Address(t.Context(), f.tenant); err != nil || got != setting {
			t.Errorf("%s was set and is %s (%v)", setting, got, err)
		}
		if got := from(person, "::ffff:203.0.113.77"); got != want {
			t.Errorf("%s keeps %q, want %q", setting, got, want)
		}
		if got := from(audit.Patient, "203.0.113.77"); got != "" {
			t.Errorf("%s keeps a patient's %s", setting, got)
		}
	}
	if err := f.SetAddress(t.Context(), f.tenant, "all"); !errors.Is(err, audit.ErrUnknownSetting) {
		t.Errorf("an unknown setting: %v", err)
	}
	if !strings.Contains(f.acts(t, audit.Filter{}), "audit.address") {
		t.Error("the change of the setting is not in the trail")
	}
}

func TestMalformedEntriesAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, e := range map[string]audit.Entry{
		"NoTenant":   {Act: "a.b"},
		"NoAct":      {Tenant: f.tenant},
		"Sentence":   {Tenant: f.tenant, Act: "Frau Muster hat abgesagt"},
		"LongObject": {Tenant: f.tenant, Act: "a.b", Object: strings.Repeat("x", 201)},
		"LongDetail": {Tenant: f.tenant, Act: "a.b", Detail: map[string]string{"x": strings.Repeat("x", 4000)}},
	} {
		if err := f.Record(t.Context(), e); !errors.Is(err, audit.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		e.Tenant = f.tenant
		if name == "NoTenant" {
			continue
		}
		for how, add := range map[string]func(b *postgres.Batch){
			"Record":     func(b *postgres.Batch) { audit.Record(b, e) },
			"RecordEach": func(b *postgres.Batch) { audit.RecordEach(b, e, `select 'x'`) },
		} {
			if err := f.db.Batch(t.Context(), f.tenant, add); err == nil {
				t.Errorf("%s, %s: the batch counts", name, how)
			}
		}
	}
	if n := len(f.list(t, audit.Filter{})); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func TestTheServerCanOnlyAdd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.record(t, "a.b")
	f.chain(t)
	for _, table := range []string{"audit_entry", "audit_batch", "audit_link"} {
		for _, statement := range []string{`delete from ` + table, `update ` + table + ` set tenant_id = tenant_id`, `truncate ` + table} {
			err := f.db.Batch(t.Context(), f.tenant, func(b *postgres.Batch) { b.Exec(statement) })
			if err == nil {
				t.Errorf("%s: done", statement)
			}
		}
	}
}

func TestAnotherTenantSeesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.record(t, "a.b")
	f.chain(t)
	other := id.New[id.Tenant]()
	if found, err := f.List(t.Context(), other, audit.Filter{}); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	if r, err := f.Verify(t.Context(), other, nil); err != nil || r.Batches+r.Entries+r.Waiting != 0 || len(r.Findings) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := f.db.Batch(t.Context(), other, func(b *postgres.Batch) { audit.Record(b, audit.Entry{Tenant: f.tenant, Act: "a.b"}) }); err == nil {
		t.Error("one tenant wrote into another's trail")
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	f := setup(t)
	account, token := id.New[id.Account](), id.New[id.APIToken]()
	for _, e := range []audit.Entry{
		{Act: "window.put", Object: "win_1", Actor: audit.Person(account)},
		{Act: "window.remove", Object: "win_2", Actor: audit.Person(account)},
		{Act: "appointment.booked", Object: "apt_1", Actor: audit.Patient},
		{Act: "card.store", Object: "apt_1", Actor: audit.Token(token)},
	} {
		e.Tenant = f.tenant
		if err := f.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	all := f.list(t, audit.Filter{})
	for name, c := range map[string]struct {
		filter audit.Filter
		want   string
	}{
		"All":     {audit.Filter{}, "card.store appointment.booked window.remove window.put"},
		"Act":     {audit.Filter{Act: "window.put"}, "window.put"},
		"Subject": {audit.Filter{Act: "window."}, "window.remove window.put"},
		"Like":    {audit.Filter{Act: "window%"}, ""},
		"Object":  {audit.Filter{Object: "apt_1"}, "card.store appointment.booked"},
		"Actor":   {audit.Filter{Actor: token.Bytes()}, "card.store"},
		"Kind":    {audit.Filter{Kind: audit.KindPatient}, "appointment.booked"},
		"From":    {audit.Filter{From: all[1].At}, "card.store appointment.booked"},
		"To":      {audit.Filter{To: all[1].At}, "window.remove window.put"},
		"Limit":   {audit.Filter{Limit: 2}, "card.store appointment.booked"},
		"Next":    {audit.Filter{Limit: 2, Before: audit.Position{At: all[1].At, ID: all[1].ID}}, "window.remove window.put"},
		"Both":    {audit.Filter{Kind: audit.KindPerson, Act: "window.", Object: "win_2"}, "window.remove"},
	} {
		if got := f.acts(t, c.filter); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatWaitsIsChainedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.record(t, "a.one", "a.two")
	if r := f.verify(t); r.Batches != 0 || r.Waiting != 2 || len(r.Findings) != 0 {
		t.Fatalf("%+v", r)
	}
	var several sync.WaitGroup // as many servers as like
	for range 4 {
		several.Go(func() {
			if err := f.ChainDue(t.Context()); err != nil && fault.From(err).Code == fault.Internal {
				t.Error(err)
			}
		})
	}
	several.Wait()
	if r := f.verify(t); r.Batches != 1 || r.Entries != 2 || r.Waiting != 0 || len(r.Findings) != 0 {
		t.Fatalf("%+v", r)
	}
	f.record(t, "a.three")
	if got := f.list(t, audit.Filter{}); got[0].Batch != 0 || got[1].Batch != 1 || got[2].Batch != 1 {
		t.Errorf("batches %d, %d, %d", got[0].Batch, got[1].Batch, got[2].Batch)
	}
	f.chain(t)
	f.chain(t) // nothing waits
	if r := f.verify(t); r.Batches != 2 || r.Entries != 3 || len(r.Findings) != 0 {
		t.Fatalf("%+v", r)
	}
	var due int
	if err := f.db.Global().NewRaw(`select count(*) from audit_due`).Scan(t.Context(), &due); err != nil || due != 0 {
		t.Errorf("%d wait still (%v)", due, err)
	}
}

// What is chained is what was committed, also where transactions end in
// another order than they began.
func TestALateTransactionIsChainedToo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	written, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- f.db.InTenant(t.Context(), f.tenant, func(ctx context.Context, tx bun.Tx) error {
			err := audit.RecordTx(ctx, tx, audit.Entry{Tenant: f.tenant, Act: "late.act"})
			close(written)
			<-goOn
			return err
		})
	}()
	<-written
	f.record(t, "early.act")
	f.chain(t)
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r := f.verify(t); r.Entries != 1 || r.Waiting != 1 || len(r.Findings) != 0 {
		t.Fatalf("%+v", r)
	}
	f.chain(t)
	if r := f.verify(t); r.Entries != 2 || r.Waiting != 0 || len(r.Findings) != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	const free = `alter table audit_link drop constraint audit_link_entry, drop constraint audit_link_batch, drop constraint audit_link_place`
	for name, c := range map[string]struct {
		tamper []string
		batch  int64
		what   string
	}{
		"ChangedAct":     {[]string{`update audit_entry set act = 'b.x' where act = 'b.two'`}, 2, "entry_changed"},
		"ChangedTime":    {[]string{`update audit_entry set at = at + interval '1 second' where act = 'b.two'`}, 2, "entry_changed"},
		"ChangedActor":   {[]string{`update audit_entry set actor_id = gen_random_uuid() where act = 'b.two'`}, 2, "entry_changed"},
		"ChangedDetail":  {[]string{`update audit_entry set detail = '{}' where act = 'b.two'`}, 2, "entry_changed"},
		"ChangedObject":  {[]string{`update audit_entry set object = 'win_2' where act = 'b.two'`}, 2, "entry_changed"},
		"ChangedAddress": {[]string{`update audit_entry set address = '1.2.3.4' where act = 'b.two'`}, 2, "entry_changed"},
		"Swapped":        {[]string{free, `update audit_link set place = 3 - place where batch = 2`}, 2, "entry_changed"},
		"MovedOn":        {[]string{free, `update audit_link set batch = 3, place = 0 where batch = 2 and place = 2`}, 2, "entry_missing"},
		"Deleted":        {[]string{free, `delete from audit_entry where act = 'b.two'`}, 2, "entry_missing"},
		"Unlinked":       {[]string{`delete from audit_link where batch = 2 and place = 1`}, 2, "entry_missing"},
		"Replaced": {[]string{free, `insert into audit_entry select tenant_id, gen_random_uuid(), at, actor, actor_id, act, object, detail, address from audit_entry where act = 'b.two'`,
			`update audit_link l set entry_id = (select e.id from audit_entry e where act = 'b.two' and not exists (select from audit_link k where k.entry_id = e.id)) where batch = 2 and place = 2`}, 2, "entry_changed"},
		"BatchDeleted":   {[]string{free, `delete from audit_link where batch = 2`, `delete from audit_batch where number = 2`}, 2, "batch_missing"},
		"BatchesClosed":  {[]string{free, `delete from audit_batch where number = 2`, `update audit_batch set number = 2 where number = 3`, `update audit_link set batch = 2 where batch = 3`}, 2, "chain_broken"},
		"BatchesSwapped": {[]string{free, `update audit_batch set number = number + 10 where number > 1`, `update audit_batch set number = case number when 12 then 3 else 2 end where number > 10`}, 2, "chain_broken"},
		"BatchDated":     {[]string{`update audit_batch set made = made - interval '1 day' where number = 2`}, 2, "entry_changed"},
		"HashForged":     {[]string{`update audit_batch set hash = sha256('x') where number = 2`}, 2, "seal_broken"},
		"EndCutOff":      {[]string{free, `delete from audit_batch where number = 3`}, 0, "end_missing"},
		"HeadForged":     {[]string{`update audit_head set number = 2`}, 0, "end_missing"},
		"AllGone":        {[]string{free, `delete from audit_link`, `delete from audit_batch`}, 0, "end_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.record(t, "a.one", "a.two")
			f.chain(t)
			f.record(t, "b.one", "b.two")
			f.chain(t)
			f.record(t, "c.one", "c.two")
			f.chain(t)
			if r := f.verify(t); len(r.Findings) != 0 || r.Batches != 3 {
				t.Fatalf("before: %+v", r)
			}
			f.super(t, c.tamper...)
			if r := f.verify(t); !slices.Contains(r.Findings, audit.Finding{Batch: c.batch, What: c.what}) {
				t.Errorf("%+v", r.Findings)
			}
		})
	}
}

// Who writes the whole chain anew has to know the server's secret, and even
// then a hash exported earlier is no longer in it.
func TestAnotherChainIsFound(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.record(t, "a.one", "a.two")
	f.chain(t)
	known := f.verify(t).Head
	if r, err := f.Verify(t.Context(), f.tenant, known); err != nil || len(r.Findings) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	anew := func(secret string) []audit.Finding {
		f.super(t, `delete from audit_link`, `delete from audit_batch`, `delete from audit_head`, `update audit_entry set object = object || 'x' where act = 'a.one'`)
		f.record(t, "a.new")
		forger, err := audit.NewService(audit.Config{DB: f.db, Secret: []byte(secret)})
		if err != nil {
			t.Fatal(err)
		}
		if err := forger.ChainDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := f.Verify(t.Context(), f.tenant, known)
		if err != nil {
			t.Fatal(err)
		}
		return r.Findings
	}
	if found := anew("another secret, thirty-two bytes!"); !slices.Contains(found, audit.Finding{Batch: 1, What: "seal_broken"}) {
		t.Errorf("without the secret: %v", found)
	}
	if found := anew(string(secret)); !slices.Equal(found, []audit.Finding{{Batch: 0, What: "known_missing"}}) {
		t.Errorf("with the secret: %v", found)
	}
}

func TestTheChainGoesOnOverManyEntries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if err := f.db.Batch(t.Context(), f.tenant, func(b *postgres.Batch) {
		audit.RecordEach(b, audit.Entry{Tenant: f.tenant, Act: "a.many"}, `select n::text from generate_series(1, 2500) n`)
	}); err != nil {
		t.Fatal(err)
	}
	f.chain(t)
	if r := f.verify(t); r.Batches != 3 || r.Entries != 2500 || r.Waiting != 0 || len(r.Findings) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestThePlatformHasATrailOfItsOwn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	reseller := id.New[id.Reseller]()
	for _, scope := range []id.Tenant{audit.PlatformScope, audit.ResellerScope(reseller)} {
		if err := f.Record(t.Context(), audit.Entry{Tenant: scope, Act: "reseller.create", Actor: audit.Platform(id.New[id.Account]())}); err != nil {
			t.Fatal(err)
		}
		if found, err := f.List(t.Context(), scope, audit.Filter{}); err != nil || len(found) != 1 {
			t.Errorf("%v, %v", found, err)
		}
	}
	if audit.PlatformScope.IsZero() || audit.ResellerScope(reseller).UUID() != reseller.UUID() || uuid.Nil.String() == audit.PlatformScope.UUID() {
		t.Error("the scopes are not what they stand for")
	}
}
