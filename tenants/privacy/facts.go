package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/postgres"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/provider"
)

// facts are the settings that documents about a tenant are written from.
type facts struct {
	practice practice.Practice
	reveals  bool
	business onboarding.Business
	medical  bool
	contract onboarding.Contract
	reseller id.Reseller
	register []Processor
	plugins  []activePlugin
	profile  Profile
	setting  Setting
	keep     Retention
	rule     identity.Rule
	reminds  bool
	systems  systems
	// support is whom people and practices turn to when something does not work.
	support string
}

// Setting is what a practice decides about questions and counts.
type Setting struct {
	// Email is where questions about data go; the practice's own where empty.
	Email string `json:"email"`
	// Traffic says that visits of the patients' pages are counted.
	Traffic bool `json:"traffic"`
}

// Setting reads it.
func (s *Service) Setting(ctx context.Context, tenant id.Tenant) (p Setting, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select email, traffic from privacy_setting where tenant_id = $1`, []any{tenant}, &p.Email, &p.Traffic)
	})
	if err != nil {
		return Setting{}, fmt.Errorf("read the practice's setting: %w", err)
	}
	return p, nil
}

// SetSetting keeps it. It returns [Mistakes].
func (s *Service) SetSetting(ctx context.Context, tenant id.Tenant, p Setting) error {
	c := &checker{}
	c.email("email", &p.Email)
	if err := c.mistakes.orNil(); err != nil {
		return err
	}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into privacy_setting (tenant_id, email, traffic) values ($1, $2, $3)
			on conflict (tenant_id) do update set email = excluded.email, traffic = excluded.traffic`, tenant, p.Email, p.Traffic)
	})
	if err != nil {
		return fmt.Errorf("keep the practice's setting: %w", err)
	}
	s.counting.Forget(tenant)
	return nil
}

// facts gathers them. A tenant that was never set up has none but its contract.
func (s *Service) facts(ctx context.Context, tenant id.Tenant) (f facts, err error) {
	t, err := s.Registry.ByID(ctx, tenant)
	if err != nil {
		return facts{}, err
	}
	f.reseller = t.Reseller
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil && fault.From(err).Code != fault.NotFound {
		return facts{}, err
	}
	if offer != nil {
		f.practice = offer.Practice
		f.reveals = len(offer.Profile(s.Now()).Reveals) > 0
	}
	if f.business, err = s.Onboarding.Business(ctx, tenant); err != nil && !errors.Is(err, onboarding.ErrUnknownBusiness) {
		return facts{}, err
	}
	f.medical = true // the stricter reading where nobody said what trade it is
	for _, trade := range s.Onboarding.Specialties() {
		if trade.Code == f.business.Specialty {
			f.medical = trade.Medical
		}
	}
	if f.contract, err = s.Contract(ctx, tenant); err != nil {
		return facts{}, err
	}
	if f.register, err = s.Register(ctx); err != nil {
		return facts{}, err
	}
	if f.plugins, err = s.active(ctx, tenant); err != nil {
		return facts{}, err
	}
	if f.profile, err = s.Profile(ctx); err != nil {
		return facts{}, err
	}
	if f.setting, err = s.Setting(ctx, tenant); err != nil {
		return facts{}, err
	}
	if f.keep, err = s.Retention(ctx, tenant); err != nil {
		return facts{}, err
	}
	if f.rule, err = s.Identity.Rule(ctx, access.Domain{Kind: access.Tenant, ID: tenant.Bytes()}); err != nil {
		return facts{}, err
	}
	if f.systems, err = s.systems(ctx, tenant); err != nil {
		return facts{}, err
	}
	brand, err := s.Registry.BrandOf(ctx, t)
	if err != nil {
		return facts{}, err
	}
	f.support = reachable(brand.Name, brand.SupportPhone, brand.SupportEmail)
	f.reminds, err = s.Reminded(ctx, tenant)
	return f, err
}

// reachable is a name with what there is of telephone and mail.
func reachable(name, phone, email string) string {
	ways := strings.Trim(phone+", "+email, ", ")
	if ways == "" {
		return name
	}
	return name + " (" + ways + ")"
}

// email is where questions to the practice go.
func (f facts) email() string {
	if f.setting.Email != "" {
		return f.setting.Email
	}
	return f.practice.Email
}

// name and address of who is responsible.
func (f facts) name() string {
	if f.business.Company != "" {
		return f.business.Company
	}
	return f.practice.Name
}

func (f facts) address() string {
	b := f.business
	return strings.Trim(strings.TrimSpace(b.Street+", "+strings.TrimSpace(b.PostalCode+" "+b.City)), ", ")
}

func (f facts) texts() bool { return slices.Contains(f.practice.Channels, "sms") }

// processors are those that the statement lists: the entries of what each
// installation has, of this tenant's reseller and of the plugins in use for it.
func (f facts) processors() (others []Processor, own []Processor) {
	for _, p := range f.register {
		switch p.Component {
		case Reseller:
			if p.Seller != f.reseller {
				continue
			}
		case SMS, DNS:
			if !slices.ContainsFunc(f.plugins, func(a activePlugin) bool { return a.is(p) }) {
				continue
			}
			for _, a := range f.plugins {
				if a.is(p) && !p.Own { // the plugin says who it is
					p.Company, p.Address, p.Country = a.company, a.address, a.country
				}
			}
		}
		if p.Own {
			own = append(own, p)
		} else {
			others = append(others, p)
		}
	}
	return others, own
}

// outside are those whose data leave the EEA.
func (f facts) outside() (all []activePlugin) {
	for _, a := range f.plugins {
		if !provider.InEEA(a.country) {
			all = append(all, a)
		}
	}
	return all
}
