package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"siegel/platform/access"
	"siegel/platform/config"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/audit"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// tenantCommands do from the shell what the portal's screens do.
type tenantCommands struct {
	Create   tenantCreate   `cmd:"" help:"Register a practice; with --specialty also set it up from a template."`
	List     tenantList     `cmd:"" help:"All practices, those who need somebody first."`
	Show     tenantShow     `cmd:"" help:"One practice: state, troubles, names."`
	Suspend  tenantSuspend  `cmd:"" help:"Stop booking by the public until it is resumed."`
	Resume   tenantResume   `cmd:"" help:"Make a suspended practice what it was before."`
	Plan     tenantPlan     `cmd:"" help:"Set what a practice pays for; a trial is over with it."`
	Notice   tenantNotice   `cmd:"" help:"Say when the contract ends, or withdraw that."`
	Rename   tenantRename   `cmd:"" help:"Give a practice another name in its address; the old one leads to it."`
	Move     tenantMove     `cmd:"" help:"Give a practice to another reseller, or to none; keys and links stay."`
	Handover tenantHandover `cmd:"" help:"Send the owner-to-be the link to take a prepared practice over."`
	Export   tenantExport   `cmd:"" help:"Write everything of a practice to a zip; what is sealed stays sealed."`
	Close    tenantClose    `cmd:"" help:"Make a practice unreachable, for good."`
	Erase    tenantErase    `cmd:"" help:"Delete everything of a closed practice and print the certificate."`
	Host     hostCommands   `cmd:"" help:"Domains of a practice's own."`
	Keep     tenantKeep     `cmd:"" help:"Do what is due: reminders, erasures, closing months. The server does so by itself."`
}

// desk is what the commands work with: the same services as the server's,
// without the server.
type desk struct {
	*house
	out  io.Writer
	json bool
}

// shell are the flags that all of these commands have.
type shell struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// open connects as the server does, from the same environment.
func (s shell) open(ctx context.Context) (*desk, error) {
	c, err := config.Load(os.Environ())
	if err != nil {
		return nil, err
	}
	scheme, base, err := c.Base()
	if err != nil {
		return nil, err
	}
	d := &desk{house: &house{}, out: os.Stdout, json: s.JSON}
	db, err := postgres.Open(ctx, postgres.Config{URL: c.DatabaseURL, MaxConns: 4})
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, db.Close)
	if err := d.connect(ctx, c, db, scheme, base); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *desk) connect(ctx context.Context, c config.Config, db *postgres.DB, scheme, base string) error {
	if err := db.CheckRole(ctx); err != nil {
		return err
	}
	secret := []byte(c.Secret)
	redis, err := redisdb.Open(ctx, redisdb.Config{URL: c.RedisURL, Secret: secret})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() { _ = redis.Close() })
	if err := d.openRegistry(c, db, redis, scheme, base); err != nil {
		return err
	}
	if d.identity, err = identity.NewService(identity.Config{DB: db, Redis: redis, Secret: secret}); err != nil {
		return err
	}
	if d.staff, err = staff.NewService(staff.Config{DB: db}); err != nil {
		return err
	}
	if d.practice, err = practice.NewService(practice.Config{DB: db}); err != nil {
		return err
	}
	if d.keyring, err = keyring.NewService(keyring.Config{DB: db}); err != nil {
		return err
	}
	if d.audit, err = audit.NewService(audit.Config{DB: db, Secret: secret}); err != nil {
		return err
	}
	d.carriers.deliveries = notify.NewDeliveries(db) // for what months came to
	d.onboarding, err = d.onboard(c, db, redis, scheme)
	return err
}

// exit is an error with the exit code that scripts can go by: 2 for what was
// typed, 3 for what is not there, 4 for what does not go now, 5 for a store
// that does not answer.
type exit struct{ err error }

func (e exit) Error() string {
	f := fault.From(e.err)
	if f.Code == fault.Internal {
		return e.err.Error()
	}
	var mistakes registry.Mistakes
	var theirs onboarding.Mistakes
	text := f.Reason
	switch {
	case errors.As(e.err, &mistakes):
		for _, m := range mistakes {
			text += fmt.Sprintf(", %s %s", m.Field, m.Why)
		}
	case errors.As(e.err, &theirs):
		for _, m := range theirs {
			text += fmt.Sprintf(", %s %s", m.Field, m.Why)
		}
	}
	return text
}

func (e exit) Unwrap() error { return e.err }

// ExitCode is what kong exits with.
func (e exit) ExitCode() int {
	switch fault.From(e.err).Code {
	case fault.Invalid:
		return 2
	case fault.NotFound, fault.Expired:
		return 3
	case fault.Conflict, fault.Limited, fault.Forbidden:
		return 4
	case fault.Unavailable:
		return 5
	default:
		return 1
	}
}

// run opens a desk, does one thing at it, and closes it.
func (s shell) run(ctx context.Context, do func(*desk) error) error {
	d, err := s.open(ctx)
	if err == nil {
		defer d.close()
		err = do(d)
	}
	if err != nil {
		return exit{err}
	}
	return nil
}

// find reads a practice by its slug or its id.
func (d *desk) find(ctx context.Context, name string) (registry.Tenant, error) {
	if tenant, err := parseID[id.Tenant](name); err == nil {
		return d.registry.ByID(ctx, tenant)
	}
	t, err := d.registry.BySlug(ctx, name)
	if errors.Is(err, registry.ErrUnknownHost) {
		return t, registry.ErrUnknownTenant
	}
	return t, err
}

// parseID reads an id in its prefixed form.
func parseID[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](text string) (T, error) {
	var v T
	err := P(&v).UnmarshalText([]byte(text))
	return v, err
}

// record puts what was done into the trail of whom it concerns.
func (d *desk) record(ctx context.Context, whose id.Tenant, act, object string) error {
	return d.audit.Record(ctx, audit.Entry{Tenant: whose, Actor: audit.System, Act: act, Object: object, Detail: map[string]string{"by": "shell"}})
}

// say prints v as JSON, or what text prints.
func (d *desk) say(v any, text func(io.Writer)) error {
	if d.json {
		e := json.NewEncoder(d.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	tab := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	text(tab)
	return tab.Flush()
}

// shownTenant is a practice as the commands print it.
type shownTenant struct {
	ID         id.Tenant   `json:"id"`
	Slug       string      `json:"slug"`
	Name       string      `json:"name"`
	Status     string      `json:"status"`
	Plan       string      `json:"plan"`
	Reseller   id.Reseller `json:"reseller,omitzero"`
	Patients   string      `json:"patients"`
	Office     string      `json:"office"`
	TrialEnds  time.Time   `json:"trial_ends,omitzero"`
	NoticeEnds time.Time   `json:"notice_ends,omitzero"`
	EraseAfter time.Time   `json:"erase_after,omitzero"`
	Owners     int         `json:"owners"`
	Bookings   int         `json:"bookings_30_days"`
	Troubles   []string    `json:"troubles"`
	Unknown    []string    `json:"unknown"`
}

func (d *desk) shown(s registry.State) shownTenant {
	t := shownTenant{ID: s.ID, Slug: s.Slug, Name: s.Name, Status: string(s.Status), Plan: s.Plan, Reseller: s.Reseller,
		Patients: d.registry.PatientsHost(s.Tenant), Office: d.registry.Host(s.Slug, registry.Office),
		TrialEnds: s.TrialEnds, NoticeEnds: s.NoticeEnds, EraseAfter: s.EraseAfter, Owners: s.Owners, Bookings: s.Bookings,
		Troubles: []string{}, Unknown: []string{}}
	for _, x := range s.Troubles {
		t.Troubles = append(t.Troubles, string(x.Code))
	}
	for _, x := range s.Unknown {
		t.Unknown = append(t.Unknown, string(x))
	}
	return t
}

type tenantCreate struct {
	shell
	Slug       string `arg:"" help:"Name in the address, as in <slug>.example.org."`
	Reseller   string `help:"Reseller that looks after it, rsl_…" placeholder:"ID"`
	Plan       string `help:"What it pays for; without one it is on trial."`
	TrialDays  int    `help:"How long the trial is." default:"30"`
	Specialty  string `help:"Template: general_practice, dentist, physiotherapy, …"`
	Company    string `help:"The practice's name."`
	Contact    string `help:"The person, also the first practitioner."`
	Street     string
	PostalCode string
	City       string
	Phone      string
	Email      string
	Owner      string `help:"Who is to take it over, by name."`
	OwnerEmail string `help:"Where the link to take it over goes."`
}

func (c tenantCreate) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		b := registry.Beginning{Slug: c.Slug, Plan: c.Plan, Prepared: c.OwnerEmail != "" || c.Specialty != ""}
		if c.Plan == "" {
			b.Trial = time.Duration(c.TrialDays) * 24 * time.Hour
		}
		if c.Reseller != "" {
			var err error
			if b.Reseller, err = parseID[id.Reseller](c.Reseller); err != nil {
				return err
			}
		}
		p := onboarding.Preparation{Specialty: c.Specialty, Contact: c.Contact, Company: c.Company, Street: c.Street,
			PostalCode: c.PostalCode, City: c.City, Phone: c.Phone, Email: c.Email}
		if c.Specialty != "" {
			if err := d.onboarding.CheckPreparation(p); err != nil {
				return err
			}
		}
		t, err := d.registry.Begin(ctx, b)
		if err != nil {
			return err
		}
		if err := d.record(ctx, t.ID, "tenant.create", t.ID.String()); err != nil {
			return err
		}
		if c.Specialty != "" {
			if err := d.onboarding.Prepare(ctx, t.ID, p); err != nil {
				return err
			}
		}
		if c.OwnerEmail != "" {
			if _, err := d.onboarding.HandOver(ctx, t.ID, onboarding.Invitation{Email: c.OwnerEmail, Name: c.Owner, Language: "de"}); err != nil {
				return err
			}
		}
		return d.show(ctx, t)
	})
}

func (d *desk) show(ctx context.Context, t registry.Tenant) error {
	state, err := d.registry.StateOf(ctx, t)
	if err != nil {
		return err
	}
	s := d.shown(state)
	return d.say(s, func(w io.Writer) {
		fmt.Fprintf(w, "id\t%s\nslug\t%s\nname\t%s\nstatus\t%s\nplan\t%s\n", s.ID, s.Slug, s.Name, s.Status, s.Plan)
		if !s.Reseller.IsZero() {
			fmt.Fprintf(w, "reseller\t%s\n", s.Reseller)
		}
		for _, x := range []struct {
			name string
			at   time.Time
		}{{"trial ends", s.TrialEnds}, {"notice ends", s.NoticeEnds}, {"erased after", s.EraseAfter}} {
			if !x.at.IsZero() {
				fmt.Fprintf(w, "%s\t%s\n", x.name, x.at.Format(time.RFC3339))
			}
		}
		fmt.Fprintf(w, "patients\t%s\noffice\t%s\nowners\t%d\nbookings\t%d in 30 days\ntroubles\t%s\nunknown\t%s\n",
			s.Patients, s.Office, s.Owners, s.Bookings, words(s.Troubles), words(s.Unknown))
	})
}

func words(all []string) string {
	if len(all) == 0 {
		return "-"
	}
	text := all[0]
	for _, w := range all[1:] {
		text += ", " + w
	}
	return text
}

type tenantList struct {
	shell
	Reseller string `help:"Only those of a reseller, rsl_…" placeholder:"ID"`
}

func (c tenantList) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		domain := identity.OfPlatform()
		if c.Reseller != "" {
			r, err := parseID[id.Reseller](c.Reseller)
			if err != nil {
				return err
			}
			domain = access.Domain{Kind: access.Reseller, ID: r.Bytes()}
		}
		fleet, err := d.registry.Fleet(ctx, domain)
		if err != nil {
			return err
		}
		all := make([]shownTenant, 0, len(fleet))
		for _, s := range fleet {
			all = append(all, d.shown(s))
		}
		return d.say(all, func(w io.Writer) {
			_, _ = fmt.Fprintln(w, "SLUG\tNAME\tSTATUS\tPLAN\tBOOKINGS\tTROUBLES")
			for _, s := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", s.Slug, s.Name, s.Status, s.Plan, s.Bookings, words(s.Troubles))
			}
		})
	})
}

// one is what commands about one practice have.
type one struct {
	shell
	Tenant string `arg:"" help:"Slug or id."`
}

// change finds the practice, does something with it, records it, and shows it.
func (o one) change(ctx context.Context, act string, do func(*desk, registry.Tenant) error) error {
	return o.run(ctx, func(d *desk) error {
		t, err := d.find(ctx, o.Tenant)
		if err != nil {
			return err
		}
		if err := do(d, t); err != nil {
			return err
		}
		if act != "" {
			if err := d.record(ctx, t.ID, act, t.ID.String()); err != nil {
				return err
			}
		}
		if t, err = d.registry.ByID(ctx, t.ID); err != nil {
			return err
		}
		return d.show(ctx, t)
	})
}

type tenantShow struct{ one }

func (c tenantShow) Run(ctx context.Context) error {
	return c.change(ctx, "", func(*desk, registry.Tenant) error { return nil })
}

type tenantSuspend struct {
	one
	Reason string `help:"Shown to the practice."`
}

func (c tenantSuspend) Run(ctx context.Context) error {
	return c.change(ctx, "tenant.suspend", func(d *desk, t registry.Tenant) error { return d.registry.Suspend(ctx, t.ID, c.Reason) })
}

type tenantResume struct{ one }

func (c tenantResume) Run(ctx context.Context) error {
	return c.change(ctx, "tenant.resume", func(d *desk, t registry.Tenant) error { return d.registry.Resume(ctx, t.ID) })
}

type tenantPlan struct {
	one
	Plan string `arg:""`
}

func (c tenantPlan) Run(ctx context.Context) error {
	return c.change(ctx, "tenant.set_plan", func(d *desk, t registry.Tenant) error { return d.registry.SetPlan(ctx, t.ID, c.Plan) })
}

type tenantNotice struct {
	one
	Ends     time.Time `help:"Last moment of the contract, RFC 3339." format:"2006-01-02T15:04:05Z07:00"`
	Withdraw bool      `help:"Take a notice back."`
	Reason   string
}

func (c tenantNotice) Run(ctx context.Context) error {
	if c.Withdraw {
		return c.change(ctx, "tenant.notice_withdraw", func(d *desk, t registry.Tenant) error { return d.registry.WithdrawNotice(ctx, t.ID) })
	}
	return c.change(ctx, "tenant.notice", func(d *desk, t registry.Tenant) error { return d.registry.GiveNotice(ctx, t.ID, c.Ends, c.Reason) })
}

type tenantRename struct {
	one
	Slug string `arg:""`
}

func (c tenantRename) Run(ctx context.Context) error {
	return c.change(ctx, "tenant.rename", func(d *desk, t registry.Tenant) error { return d.registry.Rename(ctx, t.ID, c.Slug) })
}

type tenantMove struct {
	one
	Reseller string `arg:"" optional:"" help:"Where to, rsl_…; without it the practice belongs to none."`
}

func (c tenantMove) Run(ctx context.Context) error {
	return c.change(ctx, "tenant.move", func(d *desk, t registry.Tenant) (err error) {
		var to id.Reseller
		if c.Reseller != "" {
			if to, err = parseID[id.Reseller](c.Reseller); err != nil {
				return err
			}
		}
		return d.registry.Move(ctx, t.ID, to)
	})
}

type tenantHandover struct {
	one
	Name  string `arg:"" help:"Who is to take it over."`
	Email string `arg:""`
}

func (c tenantHandover) Run(ctx context.Context) error {
	return c.change(ctx, "", func(d *desk, t registry.Tenant) error {
		_, err := d.onboarding.HandOver(ctx, t.ID, onboarding.Invitation{Email: c.Email, Name: c.Name, Language: "de"})
		return err
	})
}

type tenantExport struct {
	one
	To string `arg:"" help:"File to write; it must not exist." type:"path"`
}

func (c tenantExport) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		t, err := d.find(ctx, c.Tenant)
		if err != nil {
			return err
		}
		// Beside its name until it is whole, so that half an export is never one.
		f, err := os.CreateTemp(filepath.Dir(c.To), ".siegel-export-*")
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(f.Name()) }()
		err = d.registry.Export(ctx, t.ID, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if err := os.Link(f.Name(), c.To); err != nil {
			return err
		}
		if err := d.record(ctx, t.ID, "tenant.export", t.ID.String()); err != nil {
			return err
		}
		return d.say(map[string]string{"file": c.To}, func(w io.Writer) { _, _ = fmt.Fprintln(w, c.To) })
	})
}

type tenantClose struct {
	one
	Reason string
}

func (c tenantClose) Run(ctx context.Context) error {
	return c.change(ctx, "tenant.close", func(d *desk, t registry.Tenant) error { return d.registry.Close(ctx, t.ID, c.Reason) })
}

type tenantErase struct {
	one
	Yes    string `help:"The slug, typed once more." required:"" placeholder:"SLUG"`
	Reason string
}

var errMistyped = fault.New(fault.Invalid, "slug_mistyped")

func (c tenantErase) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		t, err := d.find(ctx, c.Tenant)
		if err != nil {
			return err
		}
		if c.Yes != t.Slug {
			return errMistyped
		}
		certificate, err := d.registry.Erase(ctx, t.ID, c.Reason)
		if err != nil {
			return err
		}
		if err := d.record(ctx, registry.Scope(t.Reseller), "tenant.erase", t.ID.String()); err != nil {
			return err
		}
		shown := map[string]any{"certificate": certificate.ID, "tenant": certificate.Tenant, "erased": certificate.Erased,
			"tables": certificate.Tables, "redis_keys": certificate.RedisKeys, "people": certificate.People}
		return d.say(shown, func(w io.Writer) {
			fmt.Fprintf(w, "certificate of deletion\t%s\ntenant\t%s\nerased\t%s\npeople\t%d\nredis keys\t%d\n",
				certificate.ID, certificate.Tenant, certificate.Erased.Format(time.RFC3339), certificate.People, certificate.RedisKeys)
			for _, name := range sortedKeys(certificate.Tables) {
				fmt.Fprintf(w, "%s\t%d rows\n", name, certificate.Tables[name])
			}
		})
	})
}

type tenantKeep struct{ shell }

func (c tenantKeep) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error { return d.registry.Keep(ctx) })
}

type hostCommands struct {
	Add    hostAdd    `cmd:"" help:"Add a domain and print the DNS record that proves it."`
	List   hostList   `cmd:"" help:"All domains of a practice."`
	Verify hostVerify `cmd:"" help:"Look for the DNS record; the domain counts from then on."`
	Prefer hostPrefer `cmd:"" help:"Send patients to a domain, or without one to the usual address."`
	Remove hostRemove `cmd:"" help:"Take a domain away."`
}

func (d *desk) sayHosts(ctx context.Context, t registry.Tenant) error {
	hosts, err := d.registry.Hosts(ctx, t.ID)
	if err != nil {
		return err
	}
	type shownHost struct {
		Name      string    `json:"name"`
		Shown     string    `json:"shown"`
		Record    string    `json:"record"`
		Challenge string    `json:"challenge"`
		Verified  time.Time `json:"verified,omitzero"`
		Problem   string    `json:"problem,omitempty"`
		Preferred bool      `json:"preferred"`
	}
	all := []shownHost{}
	for _, h := range hosts {
		all = append(all, shownHost{h.Name, h.Shown, h.Record, h.Challenge, h.Verified, h.Problem, h.Preferred})
	}
	return d.say(all, func(w io.Writer) {
		for _, h := range all {
			state := "not verified"
			if !h.Verified.IsZero() {
				state = "verified"
			}
			if h.Preferred {
				state += ", patients are sent here"
			}
			fmt.Fprintf(w, "%s\t%s\t%s TXT %s\n", h.Shown, state, h.Record, h.Challenge)
		}
	})
}

// hosts changes a practice's domains and lists them.
func (o one) hosts(ctx context.Context, act, name string, do func(*desk, registry.Tenant) error) error {
	return o.run(ctx, func(d *desk) error {
		t, err := d.find(ctx, o.Tenant)
		if err != nil {
			return err
		}
		if do != nil {
			if err := do(d, t); err != nil {
				return err
			}
			if err := d.record(ctx, t.ID, act, name); err != nil {
				return err
			}
		}
		return d.sayHosts(ctx, t)
	})
}

type hostList struct{ one }

func (c hostList) Run(ctx context.Context) error { return c.hosts(ctx, "", "", nil) }

type hostAdd struct {
	one
	Name string `arg:""`
}

func (c hostAdd) Run(ctx context.Context) error {
	return c.hosts(ctx, "host.add", c.Name, func(d *desk, t registry.Tenant) error {
		_, err := d.registry.AddHost(ctx, t.ID, c.Name)
		return err
	})
}

type hostVerify struct {
	one
	Name string `arg:""`
}

func (c hostVerify) Run(ctx context.Context) error {
	return c.hosts(ctx, "host.verify", c.Name, func(d *desk, t registry.Tenant) error {
		_, err := d.registry.VerifyHost(ctx, t.ID, c.Name)
		return err
	})
}

type hostPrefer struct {
	one
	Name string `arg:"" optional:""`
}

func (c hostPrefer) Run(ctx context.Context) error {
	return c.hosts(ctx, "host.prefer", c.Name, func(d *desk, t registry.Tenant) error { return d.registry.PreferHost(ctx, t.ID, c.Name) })
}

type hostRemove struct {
	one
	Name string `arg:""`
}

func (c hostRemove) Run(ctx context.Context) error {
	return c.hosts(ctx, "host.remove", c.Name, func(d *desk, t registry.Tenant) error { return d.registry.RemoveHost(ctx, t.ID, c.Name) })
}
