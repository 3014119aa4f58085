package onboarding

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/practice"
)

// Business is what the law wants said of who offers appointments (§ 5 DDG), and
// whether booking is open. Phone and e-mail are the practice's own.
type Business struct {
	Specialty  string
	Company    string
	Street     string
	PostalCode string
	City       string
	// Responsible is the person who answers for what is offered.
	Responsible string
	// Chamber is whom professionals belong to.
	Chamber string
	// ProfessionalTitle was conferred in TitleState.
	ProfessionalTitle, TitleState string
	// ProfessionalRules names the rules that bind them and where to read them.
	ProfessionalRules string
	// Association is the KV or KZV.
	Association string
	// Register is where the company is entered, with its number.
	Register string
	VATID    string
	// ProtectionOfficer is the data-protection officer.
	ProtectionOfficer string
	// Alone says that one person holds the keys, knowingly.
	Alone bool

	// Open is what the owner has switched; FirstOpened is zero before.
	Open        bool
	FirstOpened time.Time
}

// field is a member by its name in the API.
func (b *Business) field(name string) (*string, bool) {
	switch name {
	case "company":
		return &b.Company, true
	case "street":
		return &b.Street, true
	case "postal_code":
		return &b.PostalCode, true
	case "city":
		return &b.City, true
	case "responsible":
		return &b.Responsible, true
	case "chamber":
		return &b.Chamber, true
	case "professional_title":
		return &b.ProfessionalTitle, true
	case "title_state":
		return &b.TitleState, true
	case "professional_rules":
		return &b.ProfessionalRules, true
	case "association":
		return &b.Association, true
	case "register":
		return &b.Register, true
	case "vat_id":
		return &b.VATID, true
	case "protection_officer":
		return &b.ProtectionOfficer, true
	default:
		return nil, false
	}
}

// always are the members that every imprint needs.
var always = []string{"company", "street", "postal_code", "city"}

// Preparation is what a practice is set up from.
type Preparation struct {
	Specialty  string `json:"specialty"`
	Contact    string `json:"contact"` // the person, also the first practitioner
	Company    string `json:"company"`
	Street     string `json:"street"`
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	Phone      string `json:"phone"`
	Email      string `json:"email"`
}

func (p *Preparation) check(c *checker, s *Service) {
	c.line("contact", &p.Contact, true)
	c.line("company", &p.Company, true)
	c.line("street", &p.Street, true)
	c.line("postal_code", &p.PostalCode, true)
	c.line("city", &p.City, true)
	c.phone("phone", &p.Phone)
	c.email("email", &p.Email)
	if _, ok := s.specialty(p.Specialty); !ok {
		c.fail("specialty", "unknown")
	}
}

// CheckPreparation returns the [Mistakes] for which [Service.Prepare] would
// refuse.
func (s *Service) CheckPreparation(p Preparation) error {
	c := &checker{}
	p.check(c, s)
	return c.mistakes.orNil()
}

// Prepare sets up a new tenant from the template of its trade: location,
// person, services, hours, and what is known for the imprint. What is there
// already stays. Booking stays closed. It returns [Mistakes].
func (s *Service) Prepare(ctx context.Context, tenant id.Tenant, p Preparation) error {
	c := &checker{}
	p.check(c, s)
	if err := c.mistakes.orNil(); err != nil {
		return err
	}
	specialty, _ := s.specialty(p.Specialty)
	b := Business{Specialty: p.Specialty, Company: p.Company, Street: p.Street, PostalCode: p.PostalCode, City: p.City, Responsible: p.Contact}
	setup, err := specialty.setup(p)
	if err != nil {
		return err
	}
	setup.Practice.Imprint = b.imprint(p.Phone, p.Email)
	if err := s.Practice.Create(ctx, tenant, setup); err != nil && !errors.Is(err, practice.ErrPracticeExists) {
		return fmt.Errorf("prepare practice: %w", err)
	}
	err = s.DB.Batch(ctx, tenant, func(x *postgres.Batch) {
		x.Exec(`insert into business (tenant_id, specialty, company, street, postal_code, city, responsible)
			values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant_id) do nothing`,
			tenant, b.Specialty, b.Company, b.Street, b.PostalCode, b.City, b.Responsible)
	})
	if err != nil {
		return fmt.Errorf("prepare business: %w", err)
	}
	s.standing.Forget(tenant)
	return nil
}

// Business returns what is known. It returns [ErrUnknownBusiness].
func (s *Service) Business(ctx context.Context, tenant id.Tenant) (Business, error) {
	var b Business
	var found *postgres.Found
	var first *time.Time
	err := s.DB.Batch(ctx, tenant, func(x *postgres.Batch) {
		found = x.Row(`select specialty, company, street, postal_code, city, responsible, chamber, professional_title, title_state,
			professional_rules, association, register, vat_id, protection_officer, alone, open, first_opened
			from business where tenant_id = $1`, []any{tenant},
			&b.Specialty, &b.Company, &b.Street, &b.PostalCode, &b.City, &b.Responsible, &b.Chamber, &b.ProfessionalTitle, &b.TitleState,
			&b.ProfessionalRules, &b.Association, &b.Register, &b.VATID, &b.ProtectionOfficer, &b.Alone, &b.Open, &first)
	})
	if err != nil {
		return Business{}, fmt.Errorf("read business: %w", err)
	}
	if !found.OK {
		return Business{}, ErrUnknownBusiness
	}
	if first != nil {
		b.FirstOpened = first.UTC()
	}
	return b, nil
}

// SetBusiness keeps the facts of a business with the practice's phone and
// e-mail, and writes the imprint that patients read from them. Open and
// FirstOpened are not looked at. Fields that the trade demands may be missing:
// they are an obstacle, not a mistake. It returns [Mistakes].
func (s *Service) SetBusiness(ctx context.Context, tenant id.Tenant, b Business, phone, email string) error {
	c := &checker{}
	if phone != "" {
		c.phone("phone", &phone)
	}
	if email != "" {
		c.email("email", &email)
	}
	for _, name := range []string{"company", "street", "postal_code", "city", "responsible", "chamber", "professional_title",
		"title_state", "association", "register", "vat_id"} {
		value, _ := b.field(name)
		c.line(name, value, false)
	}
	c.text("professional_rules", &b.ProfessionalRules)
	c.text("protection_officer", &b.ProtectionOfficer)
	if _, ok := s.specialty(b.Specialty); !ok {
		c.fail("specialty", "unknown")
	}
	if err := c.mistakes.orNil(); err != nil {
		return err
	}
	err := s.DB.Batch(ctx, tenant, func(x *postgres.Batch) {
		x.Exec(`insert into business (tenant_id, specialty, company, street, postal_code, city, responsible, chamber, professional_title, title_state,
				professional_rules, association, register, vat_id, protection_officer, alone)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
			on conflict (tenant_id) do update set specialty = $2, company = $3, street = $4, postal_code = $5, city = $6, responsible = $7,
				chamber = $8, professional_title = $9, title_state = $10, professional_rules = $11, association = $12, register = $13,
				vat_id = $14, protection_officer = $15, alone = $16`,
			tenant, b.Specialty, b.Company, b.Street, b.PostalCode, b.City, b.Responsible, b.Chamber, b.ProfessionalTitle, b.TitleState,
			b.ProfessionalRules, b.Association, b.Register, b.VATID, b.ProtectionOfficer, b.Alone)
		audit.Record(x, audit.Now(ctx, tenant, "business.put", ""))
	})
	if err != nil {
		return fmt.Errorf("set business: %w", err)
	}
	s.standing.Forget(tenant)
	return s.writeImprint(ctx, tenant, b, phone, email)
}

// writeImprint puts phone, e-mail and imprint into the practice's public face.
func (s *Service) writeImprint(ctx context.Context, tenant id.Tenant, b Business, phone, email string) error {
	for range 5 {
		rules, err := s.Practice.Rules(ctx, tenant)
		if errors.Is(err, practice.ErrUnknownPractice) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("write imprint: %w", err)
		}
		p := rules.Practice
		text := b.imprint(phone, email)
		if text == p.Imprint && phone == p.Phone && email == p.Email {
			return nil
		}
		p.Imprint, p.Phone, p.Email = text, phone, email
		_, err = s.Practice.Put(ctx, tenant, p, practice.Edit{Version: rules.Version, Keep: true})
		if err == nil || !errors.Is(err, practice.ErrRulesChanged) {
			return err
		}
	}
	return practice.ErrChanging
}

// imprint is the text that the law wants (§ 5 DDG), in German, which is whom it
// is owed to. What is unknown is left out.
func (b Business) imprint(phone, email string) string {
	var lines []string
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, label+value)
		}
	}
	add("", b.Company)
	add("", b.Street)
	add("", strings.TrimSpace(b.PostalCode+" "+b.City))
	add("Telefon: ", phone)
	add("E-Mail: ", email)
	lines = append(lines, "")
	add("Verantwortlich: ", b.Responsible)
	title := b.ProfessionalTitle
	if title != "" && b.TitleState != "" {
		title += " (verliehen in: " + b.TitleState + ")"
	}
	add("Berufsbezeichnung: ", title)
	add("Kammer: ", b.Chamber)
	add("Kassenärztliche oder Kassenzahnärztliche Vereinigung: ", b.Association)
	add("Berufsrecht: ", b.ProfessionalRules)
	add("Register: ", b.Register)
	add("Umsatzsteuer-Identifikationsnummer: ", b.VATID)
	add("Datenschutzbeauftragte Person: ", b.ProtectionOfficer)
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
