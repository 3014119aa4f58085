package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/audit"
	"siegel/web/server"
)

// record adds to the tenant's trail what whoever acts in ctx has just done.
// That it could not be recorded undoes nothing; where an act and its entry must
// not part, the subject records it in its own transaction.
func (v Services) record(ctx context.Context, act, object string, detail ...string) {
	e := audit.Now(ctx, trailOf(ctx), act, object)
	for i := 0; i+1 < len(detail); i += 2 {
		if e.Detail == nil {
			e.Detail = map[string]string{}
		}
		e.Detail[detail[i]] = detail[i+1]
	}
	if err := v.Audit.Record(ctx, e); err != nil {
		slog.ErrorContext(ctx, "an act is not in the audit trail", "act", act, "err", err)
	}
}

// trailOf is whose trail a request's acts are in: the tenant's, or in the portal
// the reseller's or the platform's. What concerns one tenant belongs into its own.
func trailOf(ctx context.Context) id.Tenant {
	switch r := server.From(ctx); {
	case !r.Tenant.ID.IsZero():
		return r.Tenant.ID
	case r.Domain.Kind == access.Reseller:
		return audit.ResellerScope(resellerOf(ctx))
	default:
		return audit.PlatformScope
	}
}

var errMalformedFilter = fault.New(fault.Invalid, "malformed_filter")

// AuditQuery says which entries are meant. It is exported for huma, which passes
// over embedded types that are not.
type AuditQuery struct {
	From   string `query:"from" maxLength:"40" doc:"First instant, RFC 3339"`
	To     string `query:"to" maxLength:"40" doc:"Instant behind the last, RFC 3339"`
	Act    string `query:"act" maxLength:"80" doc:"One act, or all of a subject with a dot at its end"`
	Object string `query:"object" maxLength:"200"`
	Actor  string `query:"actor" maxLength:"64" doc:"Id of an account or a token"`
	Kind   string `query:"kind" enum:",person,token,patient,support,reseller,platform,system"`
}

type auditListQuery struct {
	AuditQuery
	Before string `query:"before" maxLength:"100" doc:"What the page before says under next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

type auditExportQuery struct {
	AuditQuery
	Format string `query:"format" enum:"csv,json" default:"csv"`
}

type auditActor struct {
	Kind string `json:"kind" enum:"person,token,patient,support,reseller,platform,system"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

type auditEntry struct {
	ID      string            `json:"id"`
	At      time.Time         `json:"at"`
	Actor   auditActor        `json:"actor"`
	Act     string            `json:"act"`
	Object  string            `json:"object,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
	Address string            `json:"address,omitempty"`
	Batch   int64             `json:"batch" doc:"0: not yet chained"`
}

type auditAnswer struct {
	Body struct {
		Entries []auditEntry `json:"entries"`
		Next    string       `json:"next,omitempty" doc:"For the next page; empty on the last"`
	}
}

type auditExport struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

type auditFinding struct {
	Batch int64  `json:"batch"`
	What  string `json:"what"`
}

type verifyQuery struct {
	Known string `query:"known" maxLength:"64" doc:"A chain's hash from an earlier export, in hex"`
}

type verifyAnswer struct {
	Body struct {
		Intact   bool           `json:"intact"`
		Batches  int64          `json:"batches"`
		Entries  int64          `json:"entries"`
		Waiting  int64          `json:"waiting"`
		Head     string         `json:"head"`
		Findings []auditFinding `json:"findings"`
	}
}

type auditSetting struct {
	Body struct {
		Address string `json:"address" enum:"none,truncated,full" doc:"How much of an IP address is kept of who works here"`
	}
}

// mostExported bounds what one export brings; a narrower filter brings the rest.
const mostExported = 50_000

func mountAudit(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listAudit", Method: http.MethodGet, Path: "/api/v1/audit",
		Summary: "Who did what, the latest first",
	}, func(ctx context.Context, in *auditListQuery) (*auditAnswer, error) {
		f, err := in.filter()
		if err != nil {
			return nil, err
		}
		if f.Before, err = positionOf(in.Before); err != nil {
			return nil, err
		}
		f.Limit = in.Limit + 1
		found, err := v.Audit.List(ctx, server.From(ctx).Tenant.ID, f)
		if err != nil {
			return nil, err
		}
		answer := &auditAnswer{}
		if len(found) > in.Limit {
			found = found[:in.Limit]
			last := found[in.Limit-1]
			answer.Body.Next = last.At.Format(time.RFC3339Nano) + "~" + last.ID.String()
		}
		answer.Body.Entries = each(found, sayAudit)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "exportAudit", Method: http.MethodGet, Path: "/api/v1/audit/export",
		File:    []string{"text/csv", "application/json"},
		Summary: "The trail as a file, with the chain's last hash", Proven: true,
	}, func(ctx context.Context, in *auditExportQuery) (*auditExport, error) {
		f, err := in.filter()
		if err != nil {
			return nil, err
		}
		tenant := server.From(ctx).Tenant.ID
		report, err := v.Audit.Verify(ctx, tenant, nil)
		if err != nil {
			return nil, err
		}
		var all []audit.Recorded
		for len(all) < mostExported {
			f.Limit = 1000
			page, err := v.Audit.List(ctx, tenant, f)
			if err != nil {
				return nil, err
			}
			all = append(all, page...)
			if len(page) < f.Limit {
				break
			}
			last := page[len(page)-1]
			f.Before = audit.Position{At: last.At, ID: last.ID}
		}
		v.record(ctx, "audit.export", "", "format", in.Format)
		entries := each(all, sayAudit)
		if in.Format == "json" {
			body, err := json.Marshal(map[string]any{"head": hex.EncodeToString(report.Head), "entries": entries})
			return &auditExport{"application/json", `attachment; filename="audit.json"`, body}, err
		}
		return &auditExport{"text/csv; charset=utf-8", `attachment; filename="audit.csv"`, auditCSV(entries, hex.EncodeToString(report.Head))}, nil
	})
	server.Register(s, server.Operation{
		ID: "verifyAudit", Method: http.MethodGet, Path: "/api/v1/audit/verify",
		Summary: "Read the trail's chain again and say what is not as it was",
	}, func(ctx context.Context, in *verifyQuery) (*verifyAnswer, error) {
		known, err := hex.DecodeString(in.Known)
		if err != nil || len(known) != 0 && len(known) != 32 {
			return nil, errMalformedFilter
		}
		if len(known) == 0 {
			known = nil
		}
		r, err := v.Audit.Verify(ctx, server.From(ctx).Tenant.ID, known)
		if err != nil {
			return nil, err
		}
		answer := &verifyAnswer{}
		b := &answer.Body
		b.Intact, b.Batches, b.Entries, b.Waiting, b.Head = len(r.Findings) == 0, r.Batches, r.Entries, r.Waiting, hex.EncodeToString(r.Head)
		b.Findings = each(r.Findings, func(f audit.Finding) auditFinding { return auditFinding{f.Batch, f.What} })
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getAuditSetting", Method: http.MethodGet, Path: "/api/v1/audit/setting",
		Summary: "How much of an IP address is kept",
	}, func(ctx context.Context, _ *none) (*auditSetting, error) {
		kept, err := v.Audit.Address(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &auditSetting{}
		answer.Body.Address = string(kept)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "putAuditSetting", Method: http.MethodPut, Path: "/api/v1/audit/setting", Status: http.StatusNoContent,
		Summary: "Say how much of an IP address is kept from now on",
	}, func(ctx context.Context, in *auditSetting) (*none, error) {
		return nil, v.Audit.SetAddress(ctx, server.From(ctx).Tenant.ID, audit.Address(in.Body.Address))
	})
}

func (q AuditQuery) filter() (f audit.Filter, err error) {
	for text, at := range map[*string]*time.Time{&q.From: &f.From, &q.To: &f.To} {
		if *text == "" {
			continue
		}
		if *at, err = time.Parse(time.RFC3339Nano, *text); err != nil {
			return f, errMalformedFilter
		}
	}
	if q.Actor != "" {
		_, text, _ := strings.Cut(q.Actor, "_")
		if f.Actor, err = uuid.Parse(text); err != nil {
			return f, errMalformedFilter
		}
	}
	f.Act, f.Object, f.Kind = q.Act, q.Object, audit.Kind(q.Kind)
	return f, nil
}

// positionOf reads what a page says under next.
func positionOf(text string) (p audit.Position, err error) {
	if text == "" {
		return p, nil
	}
	at, entry, _ := strings.Cut(text, "~")
	if p.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return p, errMalformedFilter
	}
	if p.ID, err = uuid.Parse(entry); err != nil {
		return p, errMalformedFilter
	}
	return p, nil
}

func sayAudit(r audit.Recorded) auditEntry {
	e := auditEntry{ID: r.ID.String(), At: r.At, Act: r.Act, Object: r.Object, Detail: r.Detail, Address: r.Address, Batch: r.Batch}
	e.Actor.Kind, e.Actor.Name = string(r.Actor.Kind), r.Name
	if r.Actor.ID != uuid.Nil {
		e.Actor.ID = "acc_" + r.Actor.ID.String()
		if r.Actor.Kind == audit.KindToken {
			e.Actor.ID = "tok_" + r.Actor.ID.String()
		}
	}
	return e
}

// auditCSV is for spreadsheets, which take some texts for formulas.
func auditCSV(entries []auditEntry, head string) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	row := func(cells ...string) {
		for i, c := range cells {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				cells[i] = "'" + c
			}
		}
		_ = w.Write(cells) // a buffer takes everything
	}
	row("at", "kind", "actor", "name", "act", "object", "detail", "address", "batch", "id")
	for _, e := range entries {
		keys := make([]string, 0, len(e.Detail))
		for k, value := range e.Detail {
			keys = append(keys, k+": "+value)
		}
		slices.Sort(keys)
		batch := ""
		if e.Batch > 0 {
			batch = strconv.FormatInt(e.Batch, 10)
		}
		row(e.At.UTC().Format(time.RFC3339Nano), e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Act, e.Object, strings.Join(keys, "; "), e.Address, batch, e.ID)
	}
	row("chain", "", "", "", "", head)
	w.Flush()
	return out.Bytes()
}
