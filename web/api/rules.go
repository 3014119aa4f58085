package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/web/server"
)

type rulesAnswer struct {
	Body struct {
		Version       int64               `json:"version"`
		Practice      practiceValue       `json:"practice"`
		Locations     []locationValue     `json:"locations"`
		Resources     []resourceValue     `json:"resources"`
		Practitioners []practitionerValue `json:"practitioners"`
		Services      []serviceValue      `json:"services"`
		Windows       []windowValue       `json:"windows"`
		Closures      []closureValue      `json:"closures"`
		Quotas        []quotaValue        `json:"quotas"`
		Chains        []chainValue        `json:"chains"`
		Calendars     []calendarValue     `json:"calendars"`
		Legs          []legValue          `json:"legs"`
	}
}

type weekQuery struct {
	Service      string `query:"service" required:"true" maxLength:"64"`
	Practitioner string `query:"practitioner" required:"true" maxLength:"64"`
	From         string `query:"from" required:"true" maxLength:"10" doc:"The first of seven local dates"`
}

type weekAnswer struct{ Body practice.Week }

// ruleValue is a rule as JSON has it.
type ruleValue interface {
	// ref is its id, as the path has it too.
	ref() string
	rule() practice.Rule
}

type putRuleRequest[V ruleValue] struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Version int64 `json:"version" minimum:"1"`
		// Outside says what shall happen where appointments would then lie
		// outside of all hours.
		Outside string `json:"outside" enum:"ask,keep"`
		Value   V      `json:"value"`
	}
}

type removeRuleRequest struct {
	ID      string `path:"id" maxLength:"100"`
	Version int64  `query:"version" required:"true" minimum:"1"`
	Outside string `query:"outside" default:"ask" enum:"ask,keep"`
}

type savedAnswer struct {
	Body struct {
		Version int64          `json:"version"`
		Outside []affectedBody `json:"outside"`
	}
}

func mountRules(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getRules", Method: http.MethodGet, Path: "/api/v1/rules",
		Summary: "All that the practice offers, to edit it",
	}, func(ctx context.Context, _ *none) (*rulesAnswer, error) {
		o, err := v.Practice.Rules(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &rulesAnswer{}
		b := &answer.Body
		b.Version, b.Practice = o.Version, sayPractice(o.Practice)
		b.Locations, b.Legs = each(o.Locations, sayLocation), each(o.Legs, sayLeg)
		b.Resources, b.Practitioners = each(o.Resources, sayResource), each(o.Practitioners, sayPractitioner)
		b.Services, b.Chains = each(o.Services, sayService), each(o.Chains, sayChain)
		b.Windows, b.Closures = each(o.Openings, sayWindow), each(o.Closures, sayClosure)
		b.Quotas, b.Calendars = each(o.Quotas, sayQuota), each(o.Calendars, sayCalendar)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getRulesWeek", Method: http.MethodGet, Path: "/api/v1/rules/week",
		Summary: "Why each quarter of an hour of a week is or is not offered",
	}, func(ctx context.Context, in *weekQuery) (*weekAnswer, error) {
		service, err := parse[id.Service](in.Service)
		if err != nil {
			return nil, err
		}
		practitioner, err := parse[id.Practitioner](in.Practitioner)
		if err != nil {
			return nil, err
		}
		from, err := parse[schedule.Date](in.From)
		if err != nil {
			return nil, err
		}
		week, err := v.Booking.Week(ctx, server.From(ctx).Tenant.ID, service, practitioner, from)
		if err != nil {
			return nil, err
		}
		return &weekAnswer{week}, nil
	})
	putRule[practiceValue](s, v, "practice", "Practice")
	editRule[locationValue](s, v, "locations", "Location", func(ref string) (practice.Rule, error) {
		l, err := parse[id.Location](ref)
		return practice.Location{ID: l}, err
	})
	editRule[legValue](s, v, "legs", "Leg", func(ref string) (practice.Rule, error) {
		from, to, _ := strings.Cut(ref, ".")
		a, err := parse[id.Location](from)
		if err != nil {
			return nil, err
		}
		b, err := parse[id.Location](to)
		return practice.Leg{A: a, B: b}, err
	})
	editRule[resourceValue](s, v, "resources", "Resource", func(ref string) (practice.Rule, error) {
		r, err := parse[id.Resource](ref)
		return practice.Resource{ID: r}, err
	})
	editRule[practitionerValue](s, v, "practitioners", "Practitioner", func(ref string) (practice.Rule, error) {
		p, err := parse[id.Practitioner](ref)
		return practice.Practitioner{ID: p}, err
	})
	editRule[serviceValue](s, v, "services", "Service", func(ref string) (practice.Rule, error) {
		x, err := parse[id.Service](ref)
		return practice.HealthcareService{ID: x}, err
	})
	editRule[windowValue](s, v, "windows", "Window", func(ref string) (practice.Rule, error) {
		w, err := parse[id.Window](ref)
		return practice.Opening{ID: w}, err
	})
	editRule[closureValue](s, v, "closures", "Closure", func(ref string) (practice.Rule, error) {
		c, err := parse[id.Closure](ref)
		return practice.Closure{ID: c}, err
	})
	editRule[quotaValue](s, v, "quotas", "Quota", func(ref string) (practice.Rule, error) {
		q, err := parse[id.Quota](ref)
		return practice.Quota{ID: q}, err
	})
	editRule[chainValue](s, v, "chains", "Chain", func(ref string) (practice.Rule, error) {
		c, err := parse[id.Chain](ref)
		return practice.Chain{ID: c}, err
	})
}

// editRule adds the operations that put and remove rules of one kind, of which
// named makes one that has nothing but the id in a path.
func editRule[V ruleValue](s *server.Server, v Services, kind, one string, named func(ref string) (practice.Rule, error)) {
	putRule[V](s, v, kind, one)
	server.Register(s, server.Operation{
		ID: "remove" + one, Method: http.MethodDelete, Path: "/api/v1/rules/" + kind + "/{id}",
		Summary: "Remove one of the practice's " + kind,
	}, func(ctx context.Context, in *removeRuleRequest) (*savedAnswer, error) {
		rule, err := named(in.ID)
		if err != nil {
			return nil, err
		}
		saved, err := v.Practice.Remove(ctx, server.From(ctx).Tenant.ID, rule, v.edit(ctx, in.Version, in.Outside))
		return saySaved(ctx, saved, err, kind, in.ID)
	})
}

// putRule adds the operation that puts rules of one kind.
func putRule[V ruleValue](s *server.Server, v Services, kind, one string) {
	server.Register(s, server.Operation{
		ID: "put" + one, Method: http.MethodPut, Path: "/api/v1/rules/" + kind + "/{id}",
		Summary: "Add one of the practice's " + kind + ", or change it",
	}, func(ctx context.Context, in *putRuleRequest[V]) (*savedAnswer, error) {
		if in.ID != in.Body.Value.ref() {
			return nil, id.ErrMalformed
		}
		saved, err := v.Practice.Put(ctx, server.From(ctx).Tenant.ID, in.Body.Value.rule(), v.edit(ctx, in.Body.Version, in.Body.Outside))
		return saySaved(ctx, saved, err, kind, in.ID)
	})
}

// edit says how an edit is meant; outside is "ask" or "keep".
func (v Services) edit(ctx context.Context, version int64, outside string) practice.Edit {
	return practice.Edit{Version: version, Keep: outside == "keep", Session: v.Booking.Sessions(server.From(ctx).Tenant.ID)}
}

func saySaved(ctx context.Context, saved practice.Saved, err error, kind, ref string) (*savedAnswer, error) {
	if err != nil {
		return nil, refusal(ctx, err, kind, ref)
	}
	answer := &savedAnswer{}
	answer.Body.Version, answer.Body.Outside = saved.Version, each(saved.Outside, sayAffected)
	return answer, nil
}

// refusal adds to an edit's fault where it is, and which appointments stand in
// its way.
func refusal(ctx context.Context, err error, kind, ref string) error {
	const most = 20
	p := server.ProblemOf(ctx, err)
	p.Extra = map[string]any{}
	var outside *practice.OutsideError
	if errors.As(err, &outside) {
		p.Extra["outside"] = each(outside.Outside, sayAffected)
	}
	var mistakes practice.Mistakes
	if !errors.As(err, &mistakes) {
		return p
	}
	for _, m := range mistakes[:min(len(mistakes), most)] {
		where := m.Kind + "." + m.ID + "." + m.Field
		if m.Kind == kind && (m.ID == ref || m.ID == "") {
			where = "body.value." + m.Field
			if _, said := p.Extra["field"]; !said {
				p.Extra["field"] = m.Field
			}
		}
		p.Details = append(p.Details, server.Detail{Where: where, Why: fault.From(m.Err).Reason})
	}
	return p
}

// parse reads an id or a date out of a path or query.
func parse[T any, P interface {
	*T
	UnmarshalText(text []byte) error
}](text string) (T, error) {
	var v T
	err := P(&v).UnmarshalText([]byte(text))
	return v, err
}
