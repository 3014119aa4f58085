package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
)

// resellerCommands do from the shell what the platform's portal does.
type resellerCommands struct {
	Create resellerCreate `cmd:"" help:"Register a reseller."`
	List   resellerList   `cmd:"" help:"All resellers."`
	Show   resellerShow   `cmd:"" help:"One reseller: brand, contract model, price list."`
	Limit  resellerLimit  `cmd:"" help:"How many practices it may have, and whether it may make new ones."`
	Invite resellerInvite `cmd:"" help:"Ask somebody by mail to work for it."`
	Counts resellerCounts `cmd:"" help:"What a month came to; without a reseller that of the practices that have none."`
}

// platformCommands are about those who run the installation.
type platformCommands struct {
	Admin platformAdmin `cmd:"" help:"Those who run the installation."`
}

type platformAdmin struct {
	Add    adminAdd    `cmd:"" help:"Make an account an administrator of the platform, or ask somebody by mail to become one."`
	List   adminList   `cmd:"" help:"Who is one."`
	Remove adminRemove `cmd:"" help:"Make somebody none any more."`
}

type shownReseller struct {
	ID         id.Reseller      `json:"id"`
	Name       string           `json:"name"`
	Status     string           `json:"status"`
	Model      string           `json:"contract_model"`
	Zone       string           `json:"zone"`
	Tenants    int              `json:"tenants"`
	MaxTenants *int             `json:"max_tenants,omitempty"`
	Prices     []registry.Price `json:"prices"`
}

func shown(r registry.Reseller) shownReseller {
	return shownReseller{r.ID, r.Brand.Name, string(r.Status), string(r.Model), r.Zone, r.Tenants, r.MaxTenants, r.Prices}
}

func (d *desk) sayReseller(r registry.Reseller) error {
	s := shown(r)
	return d.say(s, func(w io.Writer) {
		fmt.Fprintf(w, "id\t%s\nname\t%s\nstatus\t%s\ncontract\twith %s\nmonths end in\t%s\npractices\t%d\n", s.ID, s.Name, s.Status, s.Model, s.Zone, s.Tenants)
		if s.MaxTenants != nil {
			fmt.Fprintf(w, "at most\t%d\n", *s.MaxTenants)
		}
		for _, p := range s.Prices {
			fmt.Fprintf(w, "plan %s\t%s\t%d.%02d a month\t%.4f a part\n", p.Plan, p.Name, p.MonthlyCents/100, p.MonthlyCents%100, float64(p.SMSPartMicros)/1e6)
		}
	})
}

type resellerCreate struct {
	shell
	Name string `arg:""`
}

func (c resellerCreate) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		r, err := d.registry.NewReseller(ctx, c.Name)
		if err != nil {
			return err
		}
		if err := d.record(ctx, audit.PlatformScope, "reseller.create", r.ID.String()); err != nil {
			return err
		}
		return d.sayReseller(r)
	})
}

type resellerList struct{ shell }

func (c resellerList) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		all, err := d.registry.Resellers(ctx)
		if err != nil {
			return err
		}
		list := make([]shownReseller, 0, len(all))
		for _, r := range all {
			list = append(list, shown(r))
		}
		return d.say(list, func(w io.Writer) {
			_, _ = fmt.Fprintln(w, "ID\tNAME\tSTATUS\tPRACTICES")
			for _, r := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", r.ID, r.Name, r.Status, r.Tenants)
			}
		})
	})
}

// ofOne is what commands about one reseller have.
type ofOne struct {
	shell
	Reseller string `arg:"" help:"rsl_…"`
}

func (o ofOne) find(ctx context.Context, do func(*desk, registry.Reseller) error) error {
	return o.run(ctx, func(d *desk) error {
		reseller, err := parseID[id.Reseller](o.Reseller)
		if err != nil {
			return err
		}
		r, err := d.registry.Reseller(ctx, reseller)
		if err != nil {
			return err
		}
		return do(d, r)
	})
}

type resellerShow struct{ ofOne }

func (c resellerShow) Run(ctx context.Context) error {
	return c.find(ctx, func(d *desk, r registry.Reseller) error { return d.sayReseller(r) })
}

type resellerLimit struct {
	ofOne
	Tenants   int  `help:"How many practices it may have; negative is as many as it likes." default:"-1"`
	Suspended bool `help:"It makes no new practices; those that it has go on."`
}

func (c resellerLimit) Run(ctx context.Context) error {
	return c.find(ctx, func(d *desk, r registry.Reseller) error {
		status, most := registry.Active, &c.Tenants
		if c.Suspended {
			status = registry.Suspended
		}
		if c.Tenants < 0 {
			most = nil
		}
		if err := d.registry.SetLimits(ctx, r.ID, status, most); err != nil {
			return err
		}
		if err := d.record(ctx, audit.PlatformScope, "reseller.limits", r.ID.String()); err != nil {
			return err
		}
		r, err := d.registry.Reseller(ctx, r.ID)
		if err != nil {
			return err
		}
		return d.sayReseller(r)
	})
}

type resellerInvite struct {
	ofOne
	Name  string `arg:""`
	Email string `arg:""`
	Agent bool   `help:"An agent looks after practices and has neither brand, prices nor people."`
}

func (c resellerInvite) Run(ctx context.Context) error {
	return c.find(ctx, func(d *desk, r registry.Reseller) error {
		role := access.ResellerAdmin
		if c.Agent {
			role = access.ResellerAgent
		}
		return d.invite(ctx, registry.PortalInvitation{Reseller: r.ID, Name: c.Name, Email: c.Email, Role: role})
	})
}

func (d *desk) invite(ctx context.Context, i registry.PortalInvitation) error {
	i, err := d.registry.InvitePerson(ctx, i)
	if err != nil {
		return err
	}
	if err := d.record(ctx, registry.Scope(i.Reseller), "person.invite", i.ID.String()); err != nil {
		return err
	}
	return d.say(map[string]any{"invitation": i.ID, "email": i.Email, "role": i.Role, "expires": i.Expires}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is invited as %s; the link comes by mail and is good until %s\n", i.Email, i.Role[len("r:"):], i.Expires.Format("2006-01-02"))
	})
}

type resellerCounts struct {
	shell
	Month    string `arg:"" help:"As 2026-11."`
	Reseller string `help:"rsl_…; without it the practices that have none." placeholder:"ID"`
}

func (c resellerCounts) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		month, err := registry.ParseMonth(c.Month)
		if err != nil {
			return err
		}
		var reseller id.Reseller
		if c.Reseller != "" {
			if reseller, err = parseID[id.Reseller](c.Reseller); err != nil {
				return err
			}
		}
		counts, err := d.registry.CountsOf(ctx, reseller, month)
		if err != nil {
			return err
		}
		return d.say(counts, func(w io.Writer) {
			state := "closed " + counts.Closed.Format("2006-01-02")
			if counts.Closed.IsZero() {
				state = "not closed"
			}
			fmt.Fprintf(w, "%s\t%s\n\nSLUG\tPLAN\tONLINE\tSTAFF\tSMS PARTS\n", counts.Month, state)
			for _, r := range counts.Rows {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", cmp.Or(r.Slug, r.Tenant.String()), r.Plan, r.Bookings, r.BookingsStaff, maybe(r.SMSParts))
			}
			for _, x := range counts.Corrections {
				fmt.Fprintf(w, "%s\tcorrects %s\t%s\t%+d\t%s\n", cmp.Or(x.Slug, x.Tenant.String()), x.Concerns, x.What, x.Delta, x.Note)
			}
		})
	})
}

// maybe is a number, or that nobody could tell.
func maybe(n *int) string {
	if n == nil {
		return "unknown"
	}
	return fmt.Sprint(*n)
}

type adminAdd struct {
	shell
	Email string `arg:""`
	Name  string `help:"Ask somebody by mail who has no account yet." placeholder:"NAME"`
}

func (c adminAdd) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		if c.Name != "" {
			return d.invite(ctx, registry.PortalInvitation{Name: c.Name, Email: c.Email, Role: access.PlatformAdmin})
		}
		account, err := d.registry.AccountOf(ctx, c.Email)
		if err != nil {
			return err
		}
		if err := d.registry.AddPerson(ctx, id.Reseller{}, account, access.PlatformAdmin); err != nil {
			return err
		}
		if err := d.record(ctx, audit.PlatformScope, "person.join", account.String()); err != nil {
			return err
		}
		return d.say(map[string]any{"account": account}, func(w io.Writer) { fmt.Fprintf(w, "%s runs the installation\n", c.Email) })
	})
}

type adminList struct{ shell }

func (c adminList) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		people, err := d.registry.People(ctx, id.Reseller{})
		if err != nil {
			return err
		}
		return d.say(people, func(w io.Writer) {
			for _, p := range people {
				fmt.Fprintf(w, "%s\t%s\n", p.Email, p.Name)
			}
		})
	})
}

type adminRemove struct {
	shell
	Email string `arg:""`
}

func (c adminRemove) Run(ctx context.Context) error {
	return c.run(ctx, func(d *desk) error {
		account, err := d.registry.AccountOf(ctx, c.Email)
		if err != nil {
			return err
		}
		if err := d.registry.RemovePerson(ctx, id.Reseller{}, account); err != nil {
			return err
		}
		return d.record(ctx, audit.PlatformScope, "person.remove", account.String())
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
