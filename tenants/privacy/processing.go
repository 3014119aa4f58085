package privacy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/onboarding"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
)

// Processing is the record that a processor keeps of what it does on behalf of
// others (Art. 30 (2) GDPR): the operator's for the zero reseller, otherwise
// that reseller's, with the practices that it looks after. It comes from the
// settings in force, as a practice's papers do. It returns
// [registry.ErrUnknownReseller].
func (s *Service) Processing(ctx context.Context, seller id.Reseller, language string) (Document, error) {
	p, err := s.Profile(ctx)
	if err != nil {
		return Document{}, err
	}
	entries, err := s.Register(ctx)
	if err != nil {
		return Document{}, err
	}
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return Document{}, fmt.Errorf("list tenants: %w", err)
	}
	w := s.write(Processing, language)
	w.section("processor")
	if seller.IsZero() {
		s.operatorIs(w, p)
	} else if err := s.resellerIs(ctx, w, seller); err != nil {
		return Document{}, err
	}

	var rows [][]Sentence
	var outside []string
	done := map[string]bool{}
	for _, t := range tenants {
		if !seller.IsZero() && t.Reseller != seller {
			continue
		}
		b, err := s.behalf(ctx, t, seller)
		if err != nil {
			return Document{}, err
		}
		var does []string
		for _, kind := range b.does {
			done[kind] = true
			does = append(does, w.words["l.does."+kind])
		}
		role := w.sentence("l.role.direct")
		if b.with != "" {
			role = w.sentence("fact.role", params{"party": b.with})
		}
		rows = append(rows, []Sentence{
			w.sentence("fact.controller", params{"name": b.name, "address": b.address}), w.sentence("fact.line", params{"text": b.contact}),
			role, w.sentence("fact.line", params{"text": strings.Join(does, "; ")}),
		})
		for _, a := range b.outside {
			if name := a.company + " (" + w.country(a.country, language) + ")"; !slices.Contains(outside, name) {
				outside = append(outside, name)
			}
		}
	}
	w.section("controllers")
	if len(rows) == 0 {
		w.add("l.none_yet")
	} else {
		slices.SortFunc(rows, func(a, b []Sentence) int { return cmp.Compare(a[0].Text, b[0].Text) })
		w.table([]string{"l.controller", "l.contact", "l.role", "l.does"}, rows)
	}

	w.section("categories")
	var kinds [][]Sentence
	for _, kind := range doing {
		if done[kind] {
			kinds = append(kinds, []Sentence{w.sentence("l.does." + kind), w.sentence("l.does." + kind + ".what")})
		}
	}
	if len(kinds) > 0 {
		w.table([]string{"l.does", "l.what_for"}, kinds)
	}
	w.add("record.persons")
	w.paragraph(w.sentence("people.blind"), w.sentence("limit.page"), w.sentence("limit.times"), w.sentence("limit.contact"))

	w.section("subprocessors")
	if !seller.IsZero() {
		w.add("fact.sub", params{"name": s.Operator.Name, "address": s.Operator.Address})
	}
	var others, own []Processor
	for _, e := range entries {
		switch {
		case e.Component == Reseller && !seller.IsZero(): // itself, or one that has other practices
			continue
		case e.Own:
			own = append(own, e)
		default:
			others = append(others, e)
		}
		if name := e.Company + " (" + w.country(e.Country, language) + ")"; !e.Own && !provider.InEEA(e.Country) && !slices.Contains(outside, name) {
			outside = append(outside, name)
		}
	}
	w.companies(others, own)

	w.section("transfers")
	slices.Sort(outside)
	w.transfers(outside)
	w.measuresOf("l.each_decides")
	w.made(s)
	return w.doc, nil
}

// transfers names to whom data go outside of the EEA.
func (w *writer) transfers(to []string) {
	if len(to) == 0 {
		w.add("record.transfer_none")
		return
	}
	w.add("record.transfer", params{"list": strings.Join(to, ", ")})
}

func (s *Service) resellerIs(ctx context.Context, w *writer, seller id.Reseller) error {
	r, err := s.Registry.Reseller(ctx, seller)
	if err != nil {
		return err
	}
	b := r.Brand
	w.add("fact.controller", params{"name": b.Name, "address": strings.ReplaceAll(strings.TrimSpace(b.Imprint), "\n", ", ")})
	if ways := strings.Trim(b.SupportPhone+", "+b.SupportEmail, ", "); ways != "" {
		w.add("fact.line", params{"text": ways})
	}
	return nil
}

// doing are the categories of what is done for practices, in the order in which
// they are named.
var doing = []string{"care", "booking", "reminders", "texts", "records", "systems", "traffic"}

// behalf is what is done for one controller.
type behalf struct {
	name, address, contact string
	// with is with whom the controller has its contract where it is somebody
	// else: then whoever keeps the record is a processor's processor.
	with    string
	does    []string
	outside []activePlugin
}

func (s *Service) behalf(ctx context.Context, t registry.Tenant, seller id.Reseller) (behalf, error) {
	var b behalf
	var business onboarding.Business
	var name, phone, mail, officer string
	var traffic bool
	err := s.DB.Batch(ctx, t.ID, func(q *postgres.Batch) {
		q.Row(`select company, street, postal_code, city, protection_officer from business where tenant_id = $1`, []any{t.ID},
			&business.Company, &business.Street, &business.PostalCode, &business.City, &officer)
		q.Row(`select name, phone, email from practice where tenant_id = $1`, []any{t.ID}, &name, &phone, &mail)
		q.Row(`select exists (select from privacy_setting where tenant_id = $1 and traffic)`, []any{t.ID}, &traffic)
	})
	if err != nil {
		return b, fmt.Errorf("read on whose behalf: %w", err)
	}
	f := facts{business: business}
	b.name, b.address = cmp.Or(business.Company, name, t.Slug), f.address()
	b.contact = strings.Trim(strings.Join([]string{phone, mail, officer}, ", "), ", ")
	contract, err := s.Contract(ctx, t.ID)
	if err != nil {
		return b, err
	}
	switch direct := contract.WithReseller && contract.Reseller != nil; {
	case seller.IsZero() && direct:
		b.with = contract.Reseller.Name
	case !seller.IsZero() && !direct:
		b.with = s.Operator.Name
	}
	if !seller.IsZero() { // a reseller sets up and helps; the rest is the operator's
		b.does = []string{"care"}
		return b, nil
	}
	plugins, err := s.active(ctx, t.ID)
	if err != nil {
		return b, err
	}
	used, err := s.systems(ctx, t.ID)
	if err != nil {
		return b, err
	}
	reminds, err := s.Reminded(ctx, t.ID)
	if err != nil {
		return b, err
	}
	texts := slices.ContainsFunc(plugins, func(a activePlugin) bool { return a.component == SMS })
	for _, one := range []struct {
		kind string
		on   bool
	}{{"booking", true}, {"reminders", reminds}, {"texts", texts}, {"records", used.records}, {"systems", used.any()}, {"traffic", traffic}} {
		if one.on {
			b.does = append(b.does, one.kind)
		}
	}
	b.outside = (facts{plugins: plugins}).outside()
	return b, nil
}
