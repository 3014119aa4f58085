package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"siegel/platform/id"
	"siegel/tenants/privacy"
	"siegel/web/server"
)

type registeredBody struct {
	ID        string `json:"id,omitempty" readOnly:"true"`
	Component string `json:"component" enum:"hosting,database,mail,backup,monitoring,support,reseller,sms,dns"`
	Own       bool   `json:"own" doc:"The operator does it itself"`
	Plugin    string `json:"plugin,omitempty" maxLength:"60" doc:"For sms and dns"`
	Seller    string `json:"seller,omitempty" maxLength:"60" doc:"For reseller: its id"`
	Company   string `json:"company" maxLength:"300"`
	Address   string `json:"address" maxLength:"400"`
	Country   string `json:"country" maxLength:"2" doc:"Where the data are, ISO 3166-1 alpha-2"`
	Purpose   string `json:"purpose" maxLength:"400"`
	Contract  string `json:"contract,omitempty" maxLength:"10" doc:"A date"`
	Secrecy   string `json:"secrecy,omitempty" maxLength:"10" doc:"Since when they have undertaken secrecy (section 203 StGB)"`
}

func (b registeredBody) draft() (privacy.Draft, error) {
	d := privacy.Draft{Component: b.Component, Own: b.Own, Plugin: b.Plugin, Company: b.Company, Address: b.Address, Country: b.Country,
		Purpose: b.Purpose, Contract: b.Contract, Secrecy: b.Secrecy}
	var err error
	if b.Seller != "" {
		d.Seller, err = parse[id.Reseller](b.Seller)
	}
	return d, err
}

type disclosureBody struct {
	ID         string `json:"id,omitempty" readOnly:"true"`
	Received   string `json:"received" maxLength:"10"`
	Authority  string `json:"authority" maxLength:"300"`
	LegalBasis string `json:"legal_basis" maxLength:"400"`
	Concerns   string `json:"concerns,omitempty" maxLength:"60" doc:"The practice, if it is one"`
	Decision   string `json:"decision" enum:"open,refused,given,partly"`
	Given      string `json:"given" maxLength:"1200" doc:"Kinds of data, never the data"`
	Forbidden  string `json:"forbidden" maxLength:"400" doc:"Why the practice may not be told"`
	Told       string `json:"told,omitempty" readOnly:"true"`
}

type breachBody struct {
	ID       string     `json:"id,omitempty" readOnly:"true"`
	Drill    bool       `json:"drill"`
	What     string     `json:"what" maxLength:"1200"`
	Begins   time.Time  `json:"begins"`
	Ends     time.Time  `json:"ends"`
	Noticed  *time.Time `json:"noticed,omitempty" readOnly:"true"`
	Due      *time.Time `json:"due,omitempty" readOnly:"true" doc:"Until when it has to be reported (Art. 33 GDPR)"`
	Reported *time.Time `json:"reported,omitempty" readOnly:"true"`
	Closed   *time.Time `json:"closed,omitempty" readOnly:"true"`
}

type registersAnswer struct {
	Body struct {
		Profile     privacy.Profile  `json:"profile"`
		Lands       []string         `json:"lands"`
		Processors  []registeredBody `json:"processors"`
		Known       []knownBody      `json:"known" doc:"Companies whose details are filled in already"`
		Missing     []needBody       `json:"missing" doc:"What no practice can be booked without"`
		Evidence    []evidenceBody   `json:"evidence"`
		Disclosures []disclosureBody `json:"disclosures"`
		Breaches    []breachBody     `json:"breaches"`
		Versions    []versionBody    `json:"versions"`
	}
}

type knownBody struct {
	Company    string   `json:"company"`
	Address    string   `json:"address"`
	Country    string   `json:"country"`
	Components []string `json:"components"`
	Plugin     string   `json:"plugin"`
}

// entryRequest is a row of a register with its id; a new one has none.
type (
	newProcessor     struct{ Body registeredBody }
	changedProcessor struct {
		ID   string `path:"id" maxLength:"36"`
		Body registeredBody
	}
	newEvidence     struct{ Body evidenceBody }
	changedEvidence struct {
		ID   string `path:"id" maxLength:"36"`
		Body evidenceBody
	}
	newDisclosure     struct{ Body disclosureBody }
	changedDisclosure struct {
		ID   string `path:"id" maxLength:"36"`
		Body disclosureBody
	}
	newBreach  struct{ Body breachBody }
	stepBreach struct {
		ID   string `path:"id" maxLength:"36"`
		Body struct {
			Step string `json:"step" enum:"reported,closed"`
		}
	}
	entryRequest struct {
		ID string `path:"id" maxLength:"36"`
	}
	profileRequest struct{ Body privacy.Profile }
)

type affectedAnswer struct {
	Body struct {
		Affected []concernedBody `json:"affected"`
	}
}

type concernedBody struct {
	Tenant   id.Tenant    `json:"tenant"`
	Slug     string       `json:"slug"`
	Bookings []id.Booking `json:"bookings" doc:"Those that were stored before the end of the breach"`
}

// sayPrivacy names the fields that are not as they have to be.
func sayPrivacy(ctx context.Context, err error) error {
	var mistakes privacy.Mistakes
	if !errors.As(err, &mistakes) {
		return err
	}
	p := server.ProblemOf(ctx, err)
	details := make([]map[string]string, len(mistakes))
	for i, m := range mistakes {
		details[i] = map[string]string{"where": "body." + m.Field, "why": m.Why}
	}
	p.Extra = map[string]any{"errors": details}
	return p
}

// entryID reads a row's id.
func entryID(text string) (uuid.UUID, error) {
	found, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, privacy.ErrUnknown
	}
	return found, nil
}

func (v Services) registers(ctx context.Context) (*registersAnswer, error) {
	answer := &registersAnswer{}
	b := &answer.Body
	profile, err := v.Privacy.Profile(ctx)
	if err != nil {
		return nil, err
	}
	b.Profile, b.Lands = profile, privacy.Lands()
	entries, err := v.Privacy.Register(ctx)
	if err != nil {
		return nil, err
	}
	b.Processors = make([]registeredBody, len(entries))
	for i, p := range entries {
		b.Processors[i] = registeredBody{ID: p.ID.String(), Component: p.Component, Own: p.Own, Plugin: p.Plugin, Company: p.Company, Address: p.Address,
			Country: p.Country, Purpose: p.Purpose, Contract: dayOf(p.Contract), Secrecy: dayOf(p.Secrecy)}
		if !p.Seller.IsZero() {
			b.Processors[i].Seller = p.Seller.String()
		}
	}
	for _, k := range privacy.Prefilled() {
		b.Known = append(b.Known, knownBody(k))
	}
	needs, err := v.Privacy.LackingEverywhere(ctx)
	if err != nil {
		return nil, err
	}
	b.Missing = sayNeeds(needs)
	evidence, err := v.Privacy.Evidence(ctx)
	if err != nil {
		return nil, err
	}
	b.Evidence = sayEvidence(evidence)
	disclosures, err := v.Privacy.Disclosures(ctx)
	if err != nil {
		return nil, err
	}
	b.Disclosures = make([]disclosureBody, len(disclosures))
	for i, d := range disclosures {
		b.Disclosures[i] = disclosureBody{ID: d.ID.String(), Received: dayOf(d.Received), Authority: d.Authority, LegalBasis: d.LegalBasis,
			Decision: d.Decision, Given: d.Given, Forbidden: d.Forbidden, Told: dayOf(d.Told)}
		if !d.Concerns.IsZero() {
			b.Disclosures[i].Concerns = d.Concerns.String()
		}
	}
	breaches, err := v.Privacy.Breaches(ctx)
	if err != nil {
		return nil, err
	}
	b.Breaches = make([]breachBody, len(breaches))
	for i, x := range breaches {
		b.Breaches[i] = breachBody{x.ID.String(), x.Drill, x.What, x.Begins, x.Ends, maybeTime(x.Noticed), maybeTime(x.Due()), maybeTime(x.Reported), maybeTime(x.Closed)}
	}
	b.Versions, err = v.versions(ctx, id.Tenant{})
	return answer, err
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func mountRegisters(s *server.Server, v Services) {
	// done records an act and answers with how the registers stand now.
	done := func(ctx context.Context, act, object string, err error) (*registersAnswer, error) {
		if err != nil {
			return nil, sayPrivacy(ctx, err)
		}
		v.record(ctx, act, object)
		return v.registers(ctx)
	}
	const root = "/api/v1/portal/privacy"
	server.Register(s, server.Operation{
		ID: "getRegisters", Method: http.MethodGet, Path: root,
		Summary: "The operator's registers: who works with data, evidence, disclosures, breaches",
	}, func(ctx context.Context, _ *none) (*registersAnswer, error) { return v.registers(ctx) })
	server.Register(s, server.Operation{
		ID: "putOperatorProfile", Method: http.MethodPut, Path: root + "/profile",
		Summary: "What the law wants said of the operator",
	}, func(ctx context.Context, in *profileRequest) (*registersAnswer, error) {
		return done(ctx, "operator.put", "", v.Privacy.SetProfile(ctx, in.Body))
	})

	processor := func(ctx context.Context, entry uuid.UUID, b registeredBody) (*registersAnswer, error) {
		d, err := b.draft()
		if err != nil {
			return nil, err
		}
		entry, err = v.Privacy.Enter(ctx, entry, d)
		return done(ctx, "processor.put", entry.String(), err)
	}
	server.Register(s, server.Operation{
		ID: "addProcessor", Method: http.MethodPost, Path: root + "/processors",
		Summary: "Enter who works with data",
	}, func(ctx context.Context, in *newProcessor) (*registersAnswer, error) {
		return processor(ctx, uuid.Nil, in.Body)
	})
	server.Register(s, server.Operation{
		ID: "putProcessor", Method: http.MethodPut, Path: root + "/processors/{id}",
		Summary: "Change an entry",
	}, func(ctx context.Context, in *changedProcessor) (*registersAnswer, error) {
		entry, err := entryID(in.ID)
		if err != nil {
			return nil, err
		}
		return processor(ctx, entry, in.Body)
	})
	server.Register(s, server.Operation{
		ID: "removeProcessor", Method: http.MethodDelete, Path: root + "/processors/{id}",
		Summary: "Take an entry out; what needs it can no longer be booked",
	}, func(ctx context.Context, in *entryRequest) (*registersAnswer, error) {
		entry, err := entryID(in.ID)
		if err == nil {
			err = v.Privacy.Strike(ctx, entry)
		}
		return done(ctx, "processor.remove", in.ID, err)
	})

	evidence := func(ctx context.Context, entry uuid.UUID, b evidenceBody) (*registersAnswer, error) {
		entry, err := v.Privacy.EnterEvidence(ctx, entry, privacy.EvidenceDraft{Kind: b.Kind, Title: b.Title, Subject: b.Subject, Auditor: b.Auditor,
			Country: b.Country, Issued: b.Issued, Until: b.Until})
		return done(ctx, "evidence.put", entry.String(), err)
	}
	server.Register(s, server.Operation{
		ID: "addEvidence", Method: http.MethodPost, Path: root + "/evidence",
		Summary: "Enter an attestation",
	}, func(ctx context.Context, in *newEvidence) (*registersAnswer, error) {
		return evidence(ctx, uuid.Nil, in.Body)
	})
	server.Register(s, server.Operation{
		ID: "putEvidence", Method: http.MethodPut, Path: root + "/evidence/{id}",
		Summary: "Change an attestation",
	}, func(ctx context.Context, in *changedEvidence) (*registersAnswer, error) {
		entry, err := entryID(in.ID)
		if err != nil {
			return nil, err
		}
		return evidence(ctx, entry, in.Body)
	})
	server.Register(s, server.Operation{
		ID: "removeEvidence", Method: http.MethodDelete, Path: root + "/evidence/{id}",
		Summary: "Take an attestation out",
	}, func(ctx context.Context, in *entryRequest) (*registersAnswer, error) {
		entry, err := entryID(in.ID)
		if err == nil {
			err = v.Privacy.StrikeEvidence(ctx, entry)
		}
		return done(ctx, "evidence.remove", in.ID, err)
	})

	disclosure := func(ctx context.Context, entry uuid.UUID, b disclosureBody) (*registersAnswer, error) {
		d := privacy.DisclosureDraft{Received: b.Received, Authority: b.Authority, LegalBasis: b.LegalBasis, Decision: b.Decision, Given: b.Given, Forbidden: b.Forbidden}
		var err error
		if b.Concerns != "" {
			if d.Concerns, err = parse[id.Tenant](b.Concerns); err != nil {
				return nil, err
			}
		}
		entry, err = v.Privacy.EnterDisclosure(ctx, entry, d)
		return done(ctx, "disclosure.put", entry.String(), err)
	}
	server.Register(s, server.Operation{
		ID: "addDisclosure", Method: http.MethodPost, Path: root + "/disclosures",
		Summary: "Enter what an authority asks for",
	}, func(ctx context.Context, in *newDisclosure) (*registersAnswer, error) {
		return disclosure(ctx, uuid.Nil, in.Body)
	})
	server.Register(s, server.Operation{
		ID: "putDisclosure", Method: http.MethodPut, Path: root + "/disclosures/{id}",
		Summary: "Decide about it; the practice is told in its trail unless that is forbidden",
	}, func(ctx context.Context, in *changedDisclosure) (*registersAnswer, error) {
		entry, err := entryID(in.ID)
		if err != nil {
			return nil, err
		}
		return disclosure(ctx, entry, in.Body)
	})

	server.Register(s, server.Operation{
		ID: "addBreach", Method: http.MethodPost, Path: root + "/breaches",
		Summary: "Begin a breach or a drill of one; its clock runs",
	}, func(ctx context.Context, in *newBreach) (*registersAnswer, error) {
		b := in.Body
		breach, err := v.Privacy.Notice(ctx, privacy.Breach{Drill: b.Drill, What: b.What, Begins: b.Begins, Ends: b.Ends})
		return done(ctx, "breach.begin", breach.String(), err)
	})
	server.Register(s, server.Operation{
		ID: "stepBreach", Method: http.MethodPut, Path: root + "/breaches/{id}",
		Summary: "Say that it was reported, or that it is over",
	}, func(ctx context.Context, in *stepBreach) (*registersAnswer, error) {
		breach, err := entryID(in.ID)
		if err == nil {
			err = v.Privacy.Step(ctx, breach, in.Body.Step == "reported")
		}
		return done(ctx, "breach."+in.Body.Step, in.ID, err)
	})
	server.Register(s, server.Operation{
		ID: "getAffected", Method: http.MethodGet, Path: root + "/breaches/{id}/affected",
		Summary: "The practices that a breach concerns, and ids of their bookings",
	}, func(ctx context.Context, in *entryRequest) (*affectedAnswer, error) {
		breach, err := entryID(in.ID)
		if err != nil {
			return nil, err
		}
		_, affected, err := v.Privacy.AffectedBy(ctx, breach)
		if err != nil {
			return nil, err
		}
		answer := &affectedAnswer{}
		answer.Body.Affected = make([]concernedBody, len(affected))
		for i, a := range affected {
			answer.Body.Affected[i] = concernedBody(a)
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getPortalTraffic", Method: http.MethodGet, Path: root + "/traffic",
		Summary: "Hourly sums of page views of the portal",
	}, func(ctx context.Context, _ *none) (*trafficAnswer, error) { return v.traffic(ctx, id.Tenant{}) })
}
