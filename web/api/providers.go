package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
	"siegel/tenants/audit"
	"siegel/tenants/notify"
	"siegel/tenants/provider"
	"siegel/web/server"
)

// Carriers are what the operations about providers call.
type Carriers struct {
	Providers  *provider.Service
	Deliveries *notify.Deliveries
	Balances   notify.Balances
	Messages   *notify.Service
	// Host runs the plugins; nil where there are none.
	Host *pluginhost.Host
	// Line is a provider on a message's way.
	Line func(provider.Provider) (notify.Line, error)
	// Reporter reads whose reports come under the last part of a path.
	Reporter func(token string) (id.Provider, error)
}

var errForeignScope = fault.New(fault.NotFound, "not_found")

// scopeOf reads whom the caller wants to look after: the platform, "rsl_…" or
// "ten_…"; by default their own domain. To those of a reseller there is nothing
// but it and its tenants.
func scopeOf(ctx context.Context, s *server.Server, text string) (access.Domain, error) {
	own := server.From(ctx).Domain
	var wanted access.Domain
	switch {
	case text == "":
		return own, nil
	case text == "platform":
		wanted = identity.OfPlatform()
	case strings.HasPrefix(text, "rsl_"):
		reseller, err := parse[id.Reseller](text)
		if err != nil {
			return own, err
		}
		wanted = identity.OfReseller(reseller)
	default:
		tenant, err := parse[id.Tenant](text)
		if err != nil {
			return own, err
		}
		wanted = identity.OfTenant(tenant)
	}
	if wanted == own || (own.Kind == access.Platform && wanted.Kind == access.Reseller) {
		return wanted, nil
	}
	if wanted.Kind != access.Tenant || own.Kind == access.Tenant {
		return own, errForeignScope
	}
	tenant, err := s.Registry.ByID(ctx, identity.TenantOf(wanted))
	if err != nil {
		return own, errForeignScope
	}
	if own.Kind == access.Reseller && identity.OfReseller(tenant.Reseller) != own {
		return own, errForeignScope
	}
	return wanted, nil
}

// recordIn records an act in the trail of whom it concerns.
func (v Services) recordIn(ctx context.Context, scope access.Domain, act, object string, detail map[string]string) {
	of := audit.PlatformScope
	switch scope.Kind {
	case access.Tenant:
		of = identity.TenantOf(scope)
	case access.Reseller:
		var reseller id.Reseller
		_ = reseller.Scan(scope.ID.String()) // never fails: it is a uuid
		of = audit.ResellerScope(reseller)
	}
	e := audit.Now(ctx, of, act, object)
	e.Detail = detail
	if err := v.Audit.Record(ctx, e); err != nil {
		slog.ErrorContext(ctx, "an act is not in the audit trail", "act", act, "err", err)
	}
}

type processorBody struct {
	Company string `json:"company"`
	Address string `json:"address"`
	Country string `json:"country" doc:"ISO 3166-1 alpha-2"`
	EEA     bool   `json:"eea" doc:"Within the European Economic Area"`
}

func sayProcessor(p sdk.Processor) processorBody {
	return processorBody{p.Company, p.Address, p.Country, provider.InEEA(p.Country)}
}

type approvalBody struct {
	State      string    `json:"state" enum:"approved,announced,asked" doc:"asked: only the tenant's own agreement lets it work"`
	Announced  time.Time `json:"announced,omitzero"`
	NoticeEnds time.Time `json:"notice_ends,omitzero"`
	Effective  time.Time `json:"effective,omitzero"`
	Emergency  string    `json:"emergency,omitempty" doc:"Why it took effect before its notice was over"`
	Objections int       `json:"objections"`
	Agreements int       `json:"agreements"`
}

type healthBody struct {
	State    string    `json:"state" enum:"running,pausing,idle"`
	Since    time.Time `json:"since,omitzero"`
	Resumes  time.Time `json:"resumes,omitzero"`
	Restarts int       `json:"restarts"`
	InFlight int       `json:"in_flight"`
	Failure  string    `json:"failure,omitempty"`
	Failed   time.Time `json:"failed,omitzero"`
	Leaving  int       `json:"leaving" doc:"Processes with former settings whose calls are not over"`
}

type balanceBody struct {
	Micros    *int64    `json:"micros" doc:"Millionths; null where the account does not tell"`
	Currency  string    `json:"currency"`
	LowMicros int64     `json:"low_micros"`
	Low       bool      `json:"low"`
	Failure   string    `json:"failure,omitempty"`
	Asked     time.Time `json:"asked"`
}

type carryingBody struct {
	ID          id.Provider    `json:"id"`
	Kind        string         `json:"kind"`
	Plugin      string         `json:"plugin"`
	Version     string         `json:"version"`
	Name        string         `json:"name"`
	Position    int            `json:"position"`
	Enabled     bool           `json:"enabled"`
	Bootstrap   bool           `json:"bootstrap" doc:"As the server's environment says; not to be changed here"`
	Settings    map[string]any `json:"settings"`
	Secrets     []string       `json:"secrets" doc:"Names of the secrets that are set"`
	PriceMicros int64          `json:"price_micros"`
	Currency    string         `json:"currency"`
	Processor   processorBody  `json:"processor"`
	Approval    approvalBody   `json:"approval"`
	Health      healthBody     `json:"health"`
	Balance     *balanceBody   `json:"balance"`
	Sends       bool           `json:"sends" doc:"New messages go there first"`
}

type pluginBody struct {
	Name         string         `json:"name"`
	Version      string         `json:"version,omitempty"`
	Processor    *processorBody `json:"processor,omitempty"`
	Schema       any            `json:"schema,omitempty"`
	Capabilities []string       `json:"capabilities,omitempty"`
	Problem      string         `json:"problem,omitempty" doc:"Why it does not start, such as plugin_unverified"`
}

type carryingListRequest struct {
	Kind  string `query:"kind" default:"sms" enum:"sms,hosting"`
	Scope string `query:"scope" maxLength:"64" doc:"platform, rsl_… or ten_…; the caller's own by default"`
}

type carryingListAnswer struct {
	Body struct {
		Scope         string         `json:"scope"`
		Tenants       int            `json:"tenants" doc:"How many tenants the scope has"`
		Providers     []carryingBody `json:"providers"`
		Plugins       []pluginBody   `json:"plugins"`
		Inherited     []string       `json:"inherited" doc:"Names of those that send where the scope has none"`
		Waiting       int            `json:"waiting"`
		OldestSeconds int            `json:"oldest_seconds"`
		NoticeDays    int            `json:"notice_days"`
	}
}

// CarryingPath names a provider of a scope (exported since huma passes over
// embedded types that are not).
type CarryingPath struct {
	ID    string `path:"id" maxLength:"64"`
	Scope string `query:"scope" maxLength:"64"`
}

type carryingAnswer struct{ Body carryingBody }

// CarryingSettings are what a provider is set up with (exported as [CarryingPath]).
type CarryingSettings struct {
	Name        string         `json:"name" minLength:"1" maxLength:"60"`
	Settings    map[string]any `json:"settings"`
	PriceMicros int64          `json:"price_micros" minimum:"0" maximum:"100000000"`
	Currency    string         `json:"currency" pattern:"^[A-Z]{3}$"`
	Enabled     bool           `json:"enabled"`
	LowMicros   int64          `json:"low_micros,omitempty" minimum:"0"`
}

type addProviderRequest struct {
	Scope string `query:"scope" maxLength:"64"`
	Body  struct {
		Kind   string `json:"kind" enum:"sms,hosting"`
		Plugin string `json:"plugin" maxLength:"40"`
		CarryingSettings
	}
}

type putCarryingRequest struct {
	CarryingPath
	Body CarryingSettings
}

type orderRequest struct {
	Scope string `query:"scope" maxLength:"64"`
	Body  struct {
		Kind  string        `json:"kind" enum:"sms,hosting"`
		Order []id.Provider `json:"order" maxItems:"50"`
	}
}

type swapAnswer struct {
	Body struct {
		From     string `json:"from" doc:"Who sends now; empty where nobody does"`
		To       string `json:"to"`
		Tenants  int    `json:"tenants" doc:"Whose messages go another way from then on"`
		Stay     int    `json:"stay" doc:"Tenants that objected, or have not agreed, and stay where they are"`
		InFlight int    `json:"in_flight" doc:"Calls under way, which the former one finishes"`
		Waiting  int    `json:"waiting" doc:"Messages in the queue, which the new one sends"`
		Reason   string `json:"reason,omitempty" doc:"Why it cannot be done now"`
	}
}

type testRequest struct {
	CarryingPath
	Body struct {
		To   string `json:"to" maxLength:"20"`
		Text string `json:"text" maxLength:"1000"`
		Dry  bool   `json:"dry" doc:"Only ask what it would cost"`
	}
}

type testAnswer struct {
	Body struct {
		Message    string `json:"message,omitempty"`
		Parts      int    `json:"parts"`
		CostMicros int64  `json:"cost_micros"`
		Currency   string `json:"currency"`
		Checked    bool   `json:"checked" doc:"The provider itself has looked at it"`
	}
}

type emergencyRequest struct {
	CarryingPath
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"300"`
	}
}

type objectionBody struct {
	Tenant id.Tenant `json:"tenant"`
	Slug   string    `json:"slug"`
	By     string    `json:"by" doc:"The name of who said so"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

type objectionsAnswer struct {
	Body struct {
		Objections []objectionBody `json:"objections"`
	}
}

func mountProviders(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listMessageProviders", Method: http.MethodGet, Path: "/api/v1/providers",
		Summary: "Providers of a scope in their order, how they do, and the plugins that there are",
	}, func(ctx context.Context, in *carryingListRequest) (*carryingListAnswer, error) {
		scope, err := scopeOf(ctx, s, in.Scope)
		if err != nil {
			return nil, err
		}
		return v.sayProviders(ctx, in.Kind, scope)
	})
	server.Register(s, server.Operation{
		ID: "addMessageProvider", Method: http.MethodPost, Path: "/api/v1/providers", Status: http.StatusCreated, Proven: true,
		Summary: "Set up a provider, last in the order",
	}, func(ctx context.Context, in *addProviderRequest) (*carryingAnswer, error) {
		return v.putProvider(ctx, s, in.Scope, provider.Draft{Kind: in.Body.Kind, Plugin: in.Body.Plugin}, in.Body.CarryingSettings)
	})
	server.Register(s, server.Operation{
		ID: "putMessageProvider", Method: http.MethodPut, Path: "/api/v1/providers/{id}", Proven: true,
		Summary: "Change a provider. Its former process ends once its calls are over",
	}, func(ctx context.Context, in *putCarryingRequest) (*carryingAnswer, error) {
		wanted, err := parse[id.Provider](in.ID)
		if err != nil {
			return nil, err
		}
		return v.putProvider(ctx, s, in.Scope, provider.Draft{ID: wanted}, in.Body)
	})
	server.Register(s, server.Operation{
		ID: "removeMessageProvider", Method: http.MethodDelete, Path: "/api/v1/providers/{id}", Status: http.StatusNoContent, Proven: true,
		Summary: "Take a provider away",
	}, func(ctx context.Context, in *CarryingPath) (*none, error) {
		scope, p, err := v.ofScope(ctx, s, in)
		if err != nil {
			return nil, err
		}
		if err := v.Providers.Remove(ctx, scope, p.ID); err != nil {
			return nil, err
		}
		v.recordIn(ctx, scope, "provider.remove", p.ID.String(), map[string]string{"plugin": p.Plugin})
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "orderMessageProviders", Method: http.MethodPut, Path: "/api/v1/provider-order", Status: http.StatusNoContent,
		Summary: "Put providers into the order of failing over",
	}, func(ctx context.Context, in *orderRequest) (*none, error) {
		scope, err := scopeOf(ctx, s, in.Scope)
		if err != nil {
			return nil, err
		}
		if err := v.Providers.Order(ctx, scope, in.Body.Kind, in.Body.Order); err != nil {
			return nil, err
		}
		v.recordIn(ctx, scope, "provider.order", "", nil)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "previewMessageSwap", Method: http.MethodGet, Path: "/api/v1/providers/{id}/swap",
		Summary: "What a change to this provider would do",
	}, func(ctx context.Context, in *CarryingPath) (*swapAnswer, error) {
		scope, p, err := v.ofScope(ctx, s, in)
		if err != nil {
			return nil, err
		}
		return v.saySwap(ctx, scope, p)
	})
	server.Register(s, server.Operation{
		ID: "swapMessageProvider", Method: http.MethodPost, Path: "/api/v1/providers/{id}/swap", Proven: true,
		Summary: "Have a provider take over; the former one finishes its calls",
	}, func(ctx context.Context, in *CarryingPath) (*carryingListAnswer, error) {
		scope, p, err := v.ofScope(ctx, s, in)
		if err != nil {
			return nil, err
		}
		// Started first: whoever takes over is there when the first message comes.
		line, err := v.Line(p)
		if err == nil && p.Kind == provider.SMS {
			_, err = line.Open(ctx)
		}
		if err != nil {
			return nil, ofPlugin(err)
		}
		if err := v.Providers.First(ctx, scope, p.ID); err != nil {
			return nil, err
		}
		v.recordIn(ctx, scope, "provider.swap", p.ID.String(), map[string]string{"plugin": p.Plugin})
		return v.sayProviders(ctx, p.Kind, scope)
	})
	server.Register(s, server.Operation{
		ID: "testMessageProvider", Method: http.MethodPost, Path: "/api/v1/providers/{id}/test",
		Summary: "Send a test message, or ask what it would cost",
	}, func(ctx context.Context, in *testRequest) (*testAnswer, error) {
		scope, p, err := v.ofScope(ctx, s, &in.CarryingPath)
		if err != nil {
			return nil, err
		}
		return v.test(ctx, scope, p, in)
	})
	server.Register(s, server.Operation{
		ID: "listProviderObjections", Method: http.MethodGet, Path: "/api/v1/providers/{id}/objections",
		Summary: "Which tenants do not want a provider, since when and why",
	}, func(ctx context.Context, in *CarryingPath) (*objectionsAnswer, error) {
		scope, p, err := v.ofScope(ctx, s, in)
		if err != nil {
			return nil, err
		}
		all, err := v.Providers.Objections(ctx, scope, p.Kind, p.Plugin)
		if err != nil {
			return nil, err
		}
		answer := &objectionsAnswer{}
		answer.Body.Objections = each(all, func(o provider.Objection) objectionBody { return objectionBody(o) })
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "hastenMessageProvider", Method: http.MethodPost, Path: "/api/v1/providers/{id}/emergency", Proven: true,
		Summary: "Have an announced provider take effect before its notice is over, in an emergency",
	}, func(ctx context.Context, in *emergencyRequest) (*carryingListAnswer, error) {
		scope, p, err := v.ofScope(ctx, s, &in.CarryingPath)
		if err != nil {
			return nil, err
		}
		if err := v.Providers.Emergency(ctx, scope, p.Kind, p.Plugin, in.Body.Reason, server.From(ctx).Session.Account); err != nil {
			return nil, err
		}
		v.recordIn(ctx, scope, "provider.emergency", p.ID.String(), map[string]string{"plugin": p.Plugin})
		return v.sayProviders(ctx, p.Kind, scope)
	})
}

// ofScope finds the provider of a request within what the caller looks after.
func (v Services) ofScope(ctx context.Context, s *server.Server, in *CarryingPath) (access.Domain, provider.Provider, error) {
	scope, err := scopeOf(ctx, s, in.Scope)
	if err != nil {
		return scope, provider.Provider{}, err
	}
	wanted, err := parse[id.Provider](in.ID)
	if err != nil {
		return scope, provider.Provider{}, err
	}
	p, err := v.Providers.Of(ctx, scope, wanted)
	return scope, p, err
}

func (v Services) putProvider(ctx context.Context, s *server.Server, scopeText string, d provider.Draft, b CarryingSettings) (*carryingAnswer, error) {
	scope, err := scopeOf(ctx, s, scopeText)
	if err != nil {
		return nil, err
	}
	d.Name, d.Settings, d.PriceMicros, d.Currency, d.Enabled = b.Name, b.Settings, b.PriceMicros, b.Currency, b.Enabled
	d.By = server.From(ctx).Session.Account
	p, err := v.Providers.Put(ctx, scope, d)
	if err != nil {
		return nil, ofPlugin(err)
	}
	if b.LowMicros > 0 {
		if err := v.Balances.SetLow(ctx, p.ID, b.LowMicros); err != nil {
			return nil, err
		}
	}
	v.recordIn(ctx, scope, "provider.put", p.ID.String(), map[string]string{"plugin": p.Plugin})
	all, err := v.sayProviders(ctx, p.Kind, scope)
	if err != nil {
		return nil, err
	}
	for _, one := range all.Body.Providers {
		if one.ID == p.ID {
			return &carryingAnswer{one}, nil
		}
	}
	return nil, provider.ErrUnknown
}

// ofPlugin says what a plugin refused: the detail is the plugin's own, made
// for those who set it up, and never repeats a value.
func ofPlugin(err error) error {
	kind, known := sdk.KindOf(err)
	if !known {
		return err
	}
	var said *sdk.Error
	errors.As(err, &said)
	p := &server.Problem{Status: http.StatusUnprocessableEntity, Reason: "provider_" + string(kind)}
	if said.Detail != "" {
		p.Extra = map[string]any{"detail": sdk.Clean(said.Detail, 300)}
	}
	return p
}

func (v Services) sayProviders(ctx context.Context, kind string, scope access.Domain) (*carryingListAnswer, error) {
	answer := &carryingListAnswer{}
	b := &answer.Body
	all, err := v.Providers.List(ctx, kind, scope)
	if err != nil {
		return nil, err
	}
	annex, err := v.Providers.Annex(ctx, kind, scope)
	if err != nil {
		return nil, err
	}
	funds, err := v.Balances.Of(ctx, scope, false)
	if err != nil {
		return nil, err
	}
	if b.Tenants, err = v.Providers.Tenants(ctx, scope); err != nil {
		return nil, err
	}
	waiting, oldest, err := v.Deliveries.Waiting(ctx, scope)
	if err != nil {
		return nil, err
	}
	b.Scope, b.Waiting, b.OldestSeconds = sayScopeOf(scope), waiting, int(oldest.Seconds())
	b.NoticeDays = int(v.Providers.Notice.Hours() / 24)
	var processes []pluginhost.Health
	if v.Host != nil {
		processes = v.Host.Health()
	}
	b.Providers, b.Inherited = []carryingBody{}, []string{}
	sends := false
	for _, p := range all {
		one := carryingBody{
			ID: p.ID, Kind: p.Kind, Plugin: p.Plugin, Version: p.Version, Name: p.Name, Position: p.Position,
			Enabled: p.Enabled, Bootstrap: p.Bootstrap, Settings: p.Settings, Secrets: p.Secrets,
			PriceMicros: p.PriceMicros, Currency: p.Currency, Processor: sayProcessor(p.Processor),
			Approval: sayApproval(annex, p), Health: sayHealth(processes, p.ID),
		}
		if one.Secrets == nil {
			one.Secrets = []string{}
		}
		for _, f := range funds {
			if f.Provider == p.ID {
				one.Balance = &balanceBody{Currency: f.Currency, LowMicros: f.LowMicros, Low: f.Low, Failure: f.Failure, Asked: f.Asked}
				if f.Known {
					one.Balance.Micros = &f.Micros
				}
			}
		}
		if one.Enabled && one.Approval.State == "approved" && one.Processor.EEA && !sends {
			one.Sends, sends = true, true
		}
		b.Providers = append(b.Providers, one)
	}
	if !sends && scope.Kind != access.Platform {
		above, err := v.above(ctx, kind, scope)
		if err != nil {
			return nil, err
		}
		b.Inherited = above
	}
	b.Plugins = v.sayPlugins(ctx, kind)
	return answer, nil
}

// above names the providers that serve a scope that has none of its own.
func (v Services) above(ctx context.Context, kind string, scope access.Domain) ([]string, error) {
	if scope.Kind == access.Tenant {
		route, err := v.Providers.Route(ctx, identity.TenantOf(scope), kind)
		return each(route, func(l provider.Line) string { return l.Name }), err
	}
	platform, err := v.Providers.List(ctx, kind, identity.OfPlatform())
	names := []string{}
	for _, p := range platform {
		if p.Enabled {
			names = append(names, p.Name)
		}
	}
	return names, err
}

func sayScopeOf(scope access.Domain) string {
	switch scope.Kind {
	case access.Tenant:
		return identity.TenantOf(scope).String()
	case access.Reseller:
		return "rsl_" + scope.ID.String()
	}
	return "platform"
}

func sayApproval(annex provider.Annex, p provider.Provider) approvalBody {
	a, listed := annex.Find(p)
	b := approvalBody{State: "asked"}
	if listed {
		b = approvalBody{
			State: "announced", Announced: a.Announced, NoticeEnds: a.NoticeEnds, Effective: a.Effective,
			Emergency: a.Emergency, Objections: a.Objections, Agreements: a.Agreements,
		}
		if a.In(time.Now()) {
			b.State = "approved"
		}
	}
	return b
}

func sayHealth(processes []pluginhost.Health, of id.Provider) healthBody {
	b := healthBody{State: "idle"}
	for _, h := range processes {
		switch {
		case h.Instance != of.String():
			continue
		case h.Leaving:
			b.Leaving++
			b.InFlight += h.InFlight
			continue
		}
		b.State, b.Since, b.Restarts, b.InFlight = "running", h.Since, h.Restarts, b.InFlight+h.InFlight
		b.Failure, b.Failed = h.Failure, h.Failed
		if !h.Running {
			b.State, b.Resumes = "pausing", h.Resumes
		}
	}
	return b
}

// sayPlugins lists what is in the folder, also what would not start.
func (v Services) sayPlugins(ctx context.Context, kind string) []pluginBody {
	plugins := []pluginBody{}
	if v.Host == nil {
		return plugins
	}
	found, err := v.Host.Verify()
	if err != nil {
		slog.ErrorContext(ctx, "plugins cannot be listed", "err", err)
		return plugins
	}
	for _, f := range found {
		if f.Service != kind {
			continue
		}
		one := pluginBody{Name: f.Name}
		d, err := v.Host.Catalogue(ctx, kind, f.Name)
		if f.Err != nil {
			err = f.Err
		}
		if err != nil {
			one.Problem = fault.From(err).Reason
		} else {
			processor := sayProcessor(d.Processor)
			one.Version, one.Schema, one.Processor = d.Version, d.Schema, &processor
			one.Capabilities = each(d.Capabilities, func(c sdk.Capability) string { return string(c) })
		}
		plugins = append(plugins, one)
	}
	return plugins
}

func (v Services) saySwap(ctx context.Context, scope access.Domain, p provider.Provider) (*swapAnswer, error) {
	all, err := v.sayProviders(ctx, p.Kind, scope)
	if err != nil {
		return nil, err
	}
	answer := &swapAnswer{}
	b := &answer.Body
	b.To, b.Waiting, b.Tenants = p.Name, all.Body.Waiting, all.Body.Tenants
	at := slices.IndexFunc(all.Body.Providers, func(one carryingBody) bool { return one.ID == p.ID })
	next := all.Body.Providers[at]
	b.Stay = next.Approval.Objections
	if !next.Processor.EEA {
		b.Stay = max(b.Tenants-next.Approval.Agreements, 0)
	}
	b.Tenants = max(b.Tenants-b.Stay, 0)
	for _, one := range all.Body.Providers {
		if one.Sends {
			b.From, b.InFlight = one.Name, one.Health.InFlight
		}
	}
	switch {
	case next.Sends:
		b.Reason = "sends_already"
	case !next.Enabled:
		b.Reason = "switched_off"
	case next.Approval.State == "announced":
		b.Reason = "provider_unapproved"
	case !next.Processor.EEA && next.Approval.Agreements == 0:
		b.Reason = "outside_eea"
	}
	return answer, nil
}

func (v Services) test(ctx context.Context, scope access.Domain, p provider.Provider, in *testRequest) (*testAnswer, error) {
	if p.Kind != provider.SMS {
		return nil, provider.ErrUnknown
	}
	line, err := v.Line(p)
	if err != nil {
		return nil, err
	}
	answer := &testAnswer{}
	b := &answer.Body
	b.Currency = p.Currency
	if in.Body.Dry {
		opened, err := line.Open(ctx)
		if err != nil {
			return nil, ofPlugin(err)
		}
		dry, ok := opened.(pluginhost.Provider)
		if !ok {
			return nil, provider.ErrUnknown
		}
		estimate, err := dry.DryRun(ctx, sdk.Message{ID: "dry-run", To: in.Body.To, Text: in.Body.Text})
		if err != nil {
			return nil, ofPlugin(err)
		}
		if d, err := dry.Describe(ctx); err == nil {
			b.Checked = d.Has(sdk.CheckedDryRun)
		}
		b.Parts, b.CostMicros = estimate.Parts, int64(estimate.Parts)*p.PriceMicros
		return answer, nil
	}
	message, receipt, err := v.Messages.TestText(ctx, scope, line, in.Body.To, in.Body.Text)
	if err != nil {
		return nil, ofPlugin(err)
	}
	v.recordIn(ctx, scope, "provider.test", p.ID.String(), map[string]string{"plugin": p.Plugin})
	b.Message, b.Parts, b.CostMicros = message.String(), receipt.Parts, int64(receipt.Parts)*p.PriceMicros
	return answer, nil
}
