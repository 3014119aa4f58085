package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/tenants/privacy"
	"siegel/web/server"
)

type boundBody struct {
	Subject string `json:"subject"`
	Days    int    `json:"days"`
	Least   int    `json:"least"`
	Most    int    `json:"most"`
}

type deletionBody struct {
	At     time.Time        `json:"at"`
	Counts map[string]int64 `json:"counts"`
}

type evidenceBody struct {
	ID      string `json:"id,omitempty" readOnly:"true"`
	Kind    string `json:"kind" enum:"c5_type1,c5_type2,iso27001,other"`
	Title   string `json:"title" maxLength:"300"`
	Subject string `json:"subject" maxLength:"600"`
	Auditor string `json:"auditor" maxLength:"300"`
	Country string `json:"country" maxLength:"2"`
	Issued  string `json:"issued" maxLength:"10" doc:"A date"`
	Until   string `json:"until" maxLength:"10" doc:"Its last day"`
	State   string `json:"state,omitempty" readOnly:"true" enum:"valid,ending,over"`
}

func sayEvidence(all []privacy.Evidence) []evidenceBody {
	said := make([]evidenceBody, len(all))
	for i, e := range all {
		state := "valid"
		if over, soon := e.Ends(time.Now()); over {
			state = "over"
		} else if soon {
			state = "ending"
		}
		said[i] = evidenceBody{e.ID.String(), e.Kind, e.Title, e.Subject, e.Auditor, e.Country, e.Issued.Format(time.DateOnly), e.Until.Format(time.DateOnly), state}
	}
	return said
}

type needBody struct {
	Component string `json:"component" enum:"hosting,database,mail,backup,monitoring,support,reseller,sms,dns"`
	Name      string `json:"name,omitempty"`
	Outside   bool   `json:"outside,omitempty" doc:"It has an entry, and its data leave the EEA"`
}

func sayNeeds(needs []privacy.Need) []needBody {
	said := make([]needBody, len(needs))
	for i, n := range needs {
		said[i] = needBody(n)
	}
	return said
}

type privacyAnswer struct {
	Body struct {
		Setting   privacy.Setting `json:"setting"`
		Retention []boundBody     `json:"retention"`
		Proofs    []deletionBody  `json:"proofs"`
		Versions  []versionBody   `json:"versions"`
		Evidence  []evidenceBody  `json:"evidence"`
		Missing   []needBody      `json:"missing" doc:"What the operator has yet to enter: the public cannot book before"`
	}
}

type privacySettingRequest struct {
	Body privacy.Setting
}

type retentionRequest struct {
	Body struct {
		Days map[string]int `json:"days" doc:"Subjects that are not named stay as they are"`
	}
}

type trafficBody struct {
	Hour   time.Time `json:"hour"`
	Field  string    `json:"field"`
	Value  string    `json:"value"`
	Visits int64     `json:"visits"`
}

type trafficAnswer struct {
	Body struct {
		Visits []trafficBody `json:"visits"`
	}
}

// trafficShown is how far back sums are shown.
const trafficShown = 31 * 24 * time.Hour

func (v Services) traffic(ctx context.Context, tenant id.Tenant) (*trafficAnswer, error) {
	all, err := v.Privacy.Visits(ctx, tenant, time.Now().Add(-trafficShown))
	if err != nil {
		return nil, err
	}
	answer := &trafficAnswer{}
	answer.Body.Visits = make([]trafficBody, len(all))
	for i, t := range all {
		answer.Body.Visits[i] = trafficBody(t)
	}
	return answer, nil
}

func mountPrivacy(s *server.Server, v Services) {
	read := func(ctx context.Context) (*privacyAnswer, error) {
		tenant, answer := server.From(ctx).Tenant.ID, &privacyAnswer{}
		body := &answer.Body
		var err error
		if body.Setting, err = v.Privacy.Setting(ctx, tenant); err != nil {
			return nil, err
		}
		keep, err := v.Privacy.Retention(ctx, tenant)
		if err != nil {
			return nil, err
		}
		for _, b := range privacy.Bounds() {
			body.Retention = append(body.Retention, boundBody{b.Subject, keep[b.Subject], b.Least, b.Most})
		}
		proofs, err := v.Privacy.Proofs(ctx, tenant)
		if err != nil {
			return nil, err
		}
		body.Proofs = make([]deletionBody, len(proofs))
		for i, p := range proofs {
			body.Proofs[i] = deletionBody{p.At, p.Counts}
		}
		if body.Versions, err = v.versions(ctx, tenant); err != nil {
			return nil, err
		}
		evidence, err := v.Privacy.Evidence(ctx)
		if err != nil {
			return nil, err
		}
		body.Evidence = sayEvidence(evidence)
		needs, err := v.Privacy.Missing(ctx, tenant)
		body.Missing = sayNeeds(needs)
		return answer, err
	}
	server.Register(s, server.Operation{
		ID: "getPrivacy", Method: http.MethodGet, Path: "/api/v1/privacy",
		Summary: "How long the practice keeps what, proofs of deletion, versions of its statement, the operator's evidence",
	}, func(ctx context.Context, _ *none) (*privacyAnswer, error) { return read(ctx) })
	server.Register(s, server.Operation{
		ID: "putPrivacySetting", Method: http.MethodPut, Path: "/api/v1/privacy/setting",
		Summary: "Where questions about data go, and whether page views are counted",
	}, func(ctx context.Context, in *privacySettingRequest) (*privacyAnswer, error) {
		if err := v.Privacy.SetSetting(ctx, server.From(ctx).Tenant.ID, in.Body); err != nil {
			return nil, sayPrivacy(ctx, err)
		}
		counted := "off"
		if in.Body.Traffic {
			counted = "on"
		}
		v.record(ctx, "privacy.put", "", "traffic", counted)
		return read(ctx)
	})
	server.Register(s, server.Operation{
		ID: "putRetention", Method: http.MethodPut, Path: "/api/v1/privacy/retention",
		Summary: "How long the practice keeps what, within bounds",
	}, func(ctx context.Context, in *retentionRequest) (*privacyAnswer, error) {
		if err := v.Privacy.SetRetention(ctx, server.From(ctx).Tenant.ID, in.Body.Days); err != nil {
			return nil, err
		}
		return read(ctx)
	})
	server.Register(s, server.Operation{
		ID: "getTraffic", Method: http.MethodGet, Path: "/api/v1/privacy/traffic",
		Summary: "Hourly sums of page views of the last month",
	}, func(ctx context.Context, _ *none) (*trafficAnswer, error) {
		return v.traffic(ctx, server.From(ctx).Tenant.ID)
	})
}
