package onboarding

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/notify"
)

// Party is one side of an agreement, as it names itself.
type Party struct {
	Name    string `json:"name"`
	Address string `json:"address"` // one line
	Email   string `json:"email"`
	Phone   string `json:"phone,omitempty"`
}

func (p Party) sender() notify.Sender {
	return notify.Sender{Name: p.Name, Email: p.Email, Phone: p.Phone}
}

// Contract says with whom a practice has its agreement: with the operator, or
// with a reseller whose sub-processor the operator is. Brand is who letters
// come from.
type Contract struct {
	Reseller     *Party // nil: nobody stands between
	WithReseller bool
	Brand        *notify.Sender // nil: the operator
}

// Edition is one version of terms of use and processing agreement.
type Edition struct {
	Version string // a date and a number: "2026-11-1"
	// Required is when public booking needs it, where an older edition was
	// accepted; practices that accepted none need the newest at once.
	Required time.Time
	// Texts by language, "de" and "en": text/template over the parties, in
	// lines that begin with "# ", "## " or "- ", or are paragraphs.
	Texts map[string]string
}

//go:embed terms
var terms embed.FS

// Editions are the texts that come with the product, the newest last.
func Editions() []Edition {
	read := func(version, language string) string {
		text, err := terms.ReadFile("terms/" + version + "." + language + ".txt")
		if err != nil {
			panic(err) // embedded
		}
		return string(text)
	}
	const first = "2026-11-1"
	return []Edition{{Version: first, Required: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Texts: map[string]string{"de": read(first, "de"), "en": read(first, "en")}}}
}

// Agreement is the text that a practice's owner is asked to accept.
type Agreement struct {
	Version  string
	Language string
	// Document is the whole text, with the parties in it.
	Document string
	// Hash is the SHA-256 of Document.
	Hash [sha256.Size]byte

	provider [sha256.Size]byte
}

// Acceptance is who accepted what, when.
type Acceptance struct {
	Version, Language string
	Hash              []byte
	Account           id.Account
	Name              string
	Accepted          time.Time // UTC
	// Document is the text as it was read.
	Document string
}

// parties are what the texts speak of.
type parties struct {
	Version      string
	Practice     Party
	Provider     Party  // whom the agreement is with
	SubProcessor *Party // the operator, where that is a reseller
}

// Agreement is the newest text, between the right parties. It returns
// [ErrUnknownBusiness].
func (s *Service) Agreement(ctx context.Context, tenant id.Tenant, lang string) (Agreement, error) {
	b, err := s.Business(ctx, tenant)
	if err != nil {
		return Agreement{}, err
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Agreement{}, fmt.Errorf("read practice: %w", err)
	}
	contract, err := s.contract(ctx, tenant)
	if err != nil {
		return Agreement{}, err
	}
	edition := s.Editions[len(s.Editions)-1]
	p := s.between(edition.Version, contract)
	p.Practice = Party{Name: b.Company, Address: strings.TrimSpace(b.Street + ", " + b.PostalCode + " " + b.City), Email: offer.Practice.Email, Phone: offer.Practice.Phone}
	lang = language(lang)
	t, err := template.New("agreement").Option("missingkey=error").Parse(edition.Texts[lang])
	if err != nil {
		return Agreement{}, fmt.Errorf("read agreement: %w", err)
	}
	var text strings.Builder
	if err := t.Execute(&text, p); err != nil {
		return Agreement{}, fmt.Errorf("write agreement: %w", err)
	}
	a := Agreement{Version: edition.Version, Language: lang, Document: text.String(), provider: p.fingerprint()}
	a.Hash = sha256.Sum256([]byte(a.Document))
	return a, nil
}

func (s *Service) contract(ctx context.Context, tenant id.Tenant) (Contract, error) {
	if s.Contract == nil {
		return Contract{}, nil
	}
	c, err := s.Config.Contract(ctx, tenant)
	if err != nil {
		return Contract{}, fmt.Errorf("read contract: %w", err)
	}
	return c, nil
}

func (s *Service) between(version string, c Contract) parties {
	p := parties{Version: version, Provider: s.Operator}
	if c.WithReseller && c.Reseller != nil {
		operator := s.Operator
		p.Provider, p.SubProcessor = *c.Reseller, &operator
	}
	return p
}

// fingerprint tells whether the other side is still the same: by name, since a
// new telephone number is no new contract.
func (p parties) fingerprint() [sha256.Size]byte {
	names := []string{p.Provider.Name}
	if p.SubProcessor != nil {
		names = append(names, p.SubProcessor.Name)
	}
	text, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings
	}
	return sha256.Sum256(text)
}

// sender is who writes to the practice's people.
func (s *Service) sender(ctx context.Context, tenant id.Tenant) (notify.Sender, error) {
	c, err := s.contract(ctx, tenant)
	if err != nil {
		return notify.Sender{}, err
	}
	if c.Brand != nil && c.Brand.Name != "" {
		return *c.Brand, nil
	}
	return s.Operator.sender(), nil
}

// Accept keeps that a person accepted the text with this hash. It returns
// [ErrAgreementChanged] where that is not the one of [Service.Agreement] now.
func (s *Service) Accept(ctx context.Context, tenant id.Tenant, account id.Account, name, lang string, hash []byte) error {
	a, err := s.Agreement(ctx, tenant, lang)
	if err != nil {
		return err
	}
	if !bytes.Equal(a.Hash[:], hash) {
		return ErrAgreementChanged
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into agreement (tenant_id, id, version, language, provider, hash, document, account_id, name) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			tenant, uuid.Must(uuid.NewV7()), a.Version, a.Language, a.provider[:], a.Hash[:], a.Document, account, name)
		entry := audit.Now(ctx, tenant, "agreement.accept", a.Version)
		entry.Detail = map[string]string{"version": a.Version, "hash": hex.EncodeToString(a.Hash[:])}
		audit.Record(b, entry)
	})
	if err != nil {
		return fmt.Errorf("accept agreement: %w", err)
	}
	s.standing.Forget(tenant)
	return nil
}

// Acceptances are all of a tenant's, the latest first.
func (s *Service) Acceptances(ctx context.Context, tenant id.Tenant) ([]Acceptance, error) {
	var all []Acceptance
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select version, language, hash, document, account_id, name, accepted from agreement where tenant_id = $1 order by accepted desc, id desc`,
			[]any{tenant}, func(rows pgx.Rows) error {
				var a Acceptance
				if err := rows.Scan(&a.Version, &a.Language, &a.Hash, &a.Document, &a.Account, &a.Name, &a.Accepted); err != nil {
					return err
				}
				a.Accepted = a.Accepted.UTC()
				all = append(all, a)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read agreements: %w", err)
	}
	return all, nil
}

// AgreementDue says whether an owner who accepted an older edition, or one with
// other parties, is to be asked again. A practice that has accepted none is not
// asked here: that is an obstacle to opening.
func (s *Service) AgreementDue(ctx context.Context, tenant id.Tenant) (bool, error) {
	st, err := s.stand(ctx, tenant)
	if errors.Is(err, ErrUnknownBusiness) {
		return false, nil
	}
	if err != nil || st.accepted == "" {
		return false, err
	}
	return !st.current, nil
}

// AgreementAccepted says whether the newest edition is accepted, with the
// parties that there are now.
func (s *Service) AgreementAccepted(ctx context.Context, tenant id.Tenant) (bool, error) {
	st, err := s.stand(ctx, tenant)
	if errors.Is(err, ErrUnknownBusiness) {
		return false, nil
	}
	return st.current, err
}

// bound says whether what was accepted last still carries public booking: it is
// the newest edition, or the one after it is not required yet.
func (s *Service) bound(version string) bool {
	for i, e := range s.Editions {
		if e.Version == version {
			return i == len(s.Editions)-1 || s.Now().Before(s.Editions[i+1].Required)
		}
	}
	return false
}
