package privacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/onboarding"
	"siegel/tenants/provider"
)

// The components that somebody works with data for. Each installation has the
// first six.
const (
	Hosting    = "hosting"
	Database   = "database"
	Mail       = "mail"
	Backup     = "backup"
	Monitoring = "monitoring"
	Support    = "support"
	Reseller   = "reseller"
	SMS        = "sms"
	DNS        = "dns"
)

// always are the components that each installation has.
var always = []string{Hosting, Database, Mail, Backup, Monitoring, Support}

// inside are those whose data may not leave the EEA.
var inside = []string{Hosting, Database, Backup}

// Processor is an entry of the register: who works for the operator with data.
type Processor struct {
	ID        uuid.UUID
	Component string
	// Own says that the operator does it itself.
	Own bool
	// Plugin is whose provider it is, for SMS and DNS.
	Plugin string
	// Seller is whom it is about, for Reseller.
	Seller           id.Reseller
	Company, Address string
	// Country is where the data are, ISO 3166-1 alpha-2.
	Country string
	Purpose string
	// Contract and Secrecy are the days of the processing agreement and of the
	// undertaking to keep professional secrets.
	Contract, Secrecy time.Time
	Changed           time.Time
}

// Known is a company whose details are filled in already.
type Known struct {
	Company, Address, Country string
	Components                []string
	Plugin                    string
}

// Prefilled are the companies that an operator is likely to name.
func Prefilled() []Known {
	return []Known{
		{"LOX24 GmbH", "Seestraße 109, 13353 Berlin", "DE", []string{SMS}, "lox24"},
		{"Mittwald CM Service GmbH & Co. KG", "Königsberger Straße 4–6, 32339 Espelkamp", "DE", []string{Hosting, Database, Mail, Backup}, "mittwald"},
		{"IONOS SE", "Elgendorfer Straße 57, 56410 Montabaur", "DE", []string{Hosting, Database, Mail, Backup}, "ionos"},
		{"1blu AG", "Stromstraße 1–5, 10555 Berlin", "DE", []string{Hosting, Mail}, "1blu"},
	}
}

// ErrEntered is returned where there is an entry of that plugin or reseller.
var ErrEntered = fault.New(fault.Conflict, "processor_entered")

// Register is all that was entered.
func (s *Service) Register(ctx context.Context) ([]Processor, error) {
	var rows []struct {
		ID                        uuid.UUID
		Component                 string
		Own                       bool
		Plugin                    string
		Seller                    id.Reseller
		Company, Address, Country string
		Purpose                   string
		Contract, Secrecy         *time.Time
		Changed                   time.Time
	}
	err := s.DB.Global().NewRaw(`select id, component, own, plugin, seller, company, address, country, purpose, contract, secrecy, changed
		from processor order by array_position(array['hosting', 'database', 'mail', 'backup', 'monitoring', 'support', 'reseller', 'sms', 'dns'], component),
		company, id`).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	all := make([]Processor, len(rows))
	for i, r := range rows {
		all[i] = Processor{ID: r.ID, Component: r.Component, Own: r.Own, Plugin: r.Plugin, Seller: r.Seller, Company: r.Company,
			Address: r.Address, Country: r.Country, Purpose: r.Purpose, Changed: r.Changed.UTC()}
		if r.Contract != nil {
			all[i].Contract = *r.Contract
		}
		if r.Secrecy != nil {
			all[i].Secrecy = *r.Secrecy
		}
	}
	return all, nil
}

// Draft is an entry as it is typed; days are dates.
type Draft struct {
	Component, Plugin         string
	Own                       bool
	Seller                    id.Reseller
	Company, Address, Country string
	Purpose                   string
	Contract, Secrecy         string
}

func (d *Draft) check() (contract, secrecy time.Time, err error) {
	c := &checker{}
	if !slices.Contains(append([]string{Reseller, SMS, DNS}, always...), d.Component) {
		c.fail("component", "unknown")
	}
	c.text("company", &d.Company, 200, !d.Own, false)
	c.text("address", &d.Address, 300, !d.Own, false)
	c.text("purpose", &d.Purpose, 300, true, false)
	c.text("plugin", &d.Plugin, 60, d.Component == SMS || d.Component == DNS, false)
	c.country("country", d.Country)
	contract, secrecy = c.day("contract", d.Contract, !d.Own), c.day("secrecy", d.Secrecy, !d.Own)
	if (d.Component == Reseller) == d.Seller.IsZero() {
		c.fail("seller", "missing")
	}
	if d.Component != SMS && d.Component != DNS && d.Plugin != "" {
		c.fail("plugin", "unknown")
	}
	return contract, secrecy, c.mistakes.orNil()
}

// Enter adds an entry, or changes the one with that id. It returns [Mistakes],
// [ErrEntered] or [ErrUnknown].
func (s *Service) Enter(ctx context.Context, entry uuid.UUID, d Draft) (uuid.UUID, error) {
	contract, secrecy, err := d.check()
	if err != nil {
		return uuid.Nil, err
	}
	query := `update processor set component = ?1, own = ?2, plugin = ?3, seller = ?4, company = ?5, address = ?6, country = ?7, purpose = ?8,
		contract = ?9::date, secrecy = ?10::date, changed = now() where id = ?0`
	if entry == uuid.Nil {
		entry = uuid.Must(uuid.NewV7())
		query = `insert into processor (id, component, own, plugin, seller, company, address, country, purpose, contract, secrecy)
			values (?0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9::date, ?10::date)`
	}
	res, err := s.DB.Global().NewRaw(query, entry.String(), d.Component, d.Own, d.Plugin, d.Seller, d.Company, d.Address, d.Country, d.Purpose,
		dayOrNil(contract), dayOrNil(secrecy)).Exec(ctx)
	switch {
	case postgres.Violates(err, "processor_seller_once"), postgres.Violates(err, "processor_plugin_once"):
		return uuid.Nil, ErrEntered
	case postgres.Violates(err, "processor_seller"):
		return uuid.Nil, Mistakes{{"seller", "unknown"}}
	case err != nil:
		return uuid.Nil, fmt.Errorf("enter a processor: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return uuid.Nil, errors.Join(ErrUnknown, err)
	}
	s.register.Clear()
	s.missing.Clear()
	return entry, nil
}

// Strike takes an entry out. It returns [ErrUnknown].
func (s *Service) Strike(ctx context.Context, entry uuid.UUID) error {
	res, err := s.DB.Global().NewRaw(`delete from processor where id = ?`, entry.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("strike a processor: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	s.register.Clear()
	s.missing.Clear()
	return nil
}

// Need is a component in use that stands against booking: it has no entry, or
// its data are outside the EEA.
type Need struct {
	Component string
	// Name tells which of several: a plugin or a reseller.
	Name string
	// Outside says that there is an entry, and that its data leave the EEA.
	Outside bool
}

// The obstacles to opening that are the operator's to clear.
const (
	MissingProcessors = "processors"
	OutsideEEA        = "outside_eea"
)

// Obstacles are those of a tenant, at most [Age] old.
func (s *Service) Obstacles(ctx context.Context, tenant id.Tenant) ([]onboarding.Obstacle, error) {
	needs, err := s.Missing(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var lacking, outside []string
	for _, n := range needs {
		if n.Outside {
			outside = append(outside, n.Component)
		} else {
			lacking = append(lacking, n.Component)
		}
	}
	var obstacles []onboarding.Obstacle
	if len(lacking) > 0 {
		obstacles = append(obstacles, onboarding.Obstacle{Code: MissingProcessors, Fields: lacking})
	}
	if len(outside) > 0 {
		obstacles = append(obstacles, onboarding.Obstacle{Code: OutsideEEA, Fields: outside})
	}
	return obstacles, nil
}

// Missing is what stands against booking with a tenant; nothing where each
// component in use has its entry and servers and backups are in the EEA. At
// most [Age] old.
func (s *Service) Missing(ctx context.Context, tenant id.Tenant) ([]Need, error) {
	return s.missing.Get(ctx, tenant, func(ctx context.Context) ([]Need, error) {
		entries, err := s.register.Get(ctx, struct{}{}, s.Register)
		if err != nil {
			return nil, err
		}
		t, err := s.Registry.ByID(ctx, tenant)
		if err != nil {
			return nil, err
		}
		needs := lacking(entries)
		if !t.Reseller.IsZero() && !slices.ContainsFunc(entries, func(p Processor) bool { return p.Seller == t.Reseller }) {
			needs = append(needs, Need{Component: Reseller, Name: t.Reseller.String()})
		}
		active, err := s.active(ctx, tenant)
		if err != nil {
			return nil, err
		}
		for _, a := range active {
			if !a.tenants && !slices.ContainsFunc(entries, a.is) {
				needs = append(needs, Need{Component: a.component, Name: a.plugin})
			}
		}
		return needs, nil
	})
}

// lacking is what each installation needs and does not have in its register.
func lacking(entries []Processor) (needs []Need) {
	for _, component := range always {
		found := false
		for _, e := range entries {
			if e.Component != component {
				continue
			}
			found = true
			if slices.Contains(inside, component) && !provider.InEEA(e.Country) {
				needs = append(needs, Need{Component: component, Name: e.Company, Outside: true})
			}
		}
		if !found {
			needs = append(needs, Need{Component: component})
		}
	}
	return needs
}

// LackingEverywhere is what stands against booking with any practice.
func (s *Service) LackingEverywhere(ctx context.Context) ([]Need, error) {
	entries, err := s.Register(ctx)
	if err != nil {
		return nil, err
	}
	return lacking(entries), nil
}

// activePlugin is a provider that a tenant's messages or names go to.
type activePlugin struct {
	component, plugin         string
	company, address, country string
	// tenants says that it is the tenant's own contract.
	tenants bool
}

func (a activePlugin) is(p Processor) bool { return p.Component == a.component && p.Plugin == a.plugin }

// active are the plugins in use for a tenant, as they describe themselves: who
// carries its text messages where it offers them, and who serves its domains
// where it has some.
func (s *Service) active(ctx context.Context, tenant id.Tenant) ([]activePlugin, error) {
	var all []activePlugin
	add := func(component, kind string) error {
		lines, err := s.Providers.Route(ctx, tenant, kind)
		for _, l := range lines {
			a := activePlugin{component, l.Plugin, l.Processor.Company, l.Processor.Address, l.Processor.Country, string(l.Scope.Kind) == "tenant"}
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
		return err
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil && fault.From(err).Code != fault.NotFound {
		return nil, err
	}
	if offer != nil && slices.Contains(offer.Practice.Channels, "sms") {
		if err := add(SMS, provider.SMS); err != nil {
			return nil, err
		}
	}
	hosts, err := s.Registry.Hosts(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if len(hosts) > 0 {
		if err := add(DNS, provider.Hosting); err != nil {
			return nil, err
		}
	}
	return all, nil
}
