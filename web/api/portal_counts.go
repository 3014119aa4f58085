package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"siegel/platform/id"
	"siegel/tenants/registry"
	"siegel/web/server"
)

type monthCountBody struct {
	Tenant        id.Tenant `json:"tenant"`
	Slug          string    `json:"slug" doc:"As it is now; empty where the practice is erased"`
	Plan          string    `json:"plan"`
	Status        string    `json:"status"`
	MonthlyCents  *int      `json:"monthly_cents" doc:"null: the price list has no such plan"`
	Bookings      int       `json:"bookings"`
	BookingsStaff int       `json:"bookings_staff"`
	SMSParts      *int      `json:"sms_parts" doc:"null: nobody could tell"`
	SMSMicros     *int64    `json:"sms_micros" doc:"Cost in millionths; null: nobody could tell"`
}

type correctionBody struct {
	Tenant   id.Tenant `json:"tenant"`
	Slug     string    `json:"slug"`
	Concerns string    `json:"concerns"`
	What     string    `json:"what"`
	Delta    int64     `json:"delta"`
	Note     string    `json:"note"`
	Created  time.Time `json:"created"`
}

type countsBody struct {
	Month       string           `json:"month"`
	Zone        string           `json:"zone" doc:"By whose clock the month ends"`
	Closed      time.Time        `json:"closed,omitzero" doc:"Absent while the month runs"`
	Rows        []monthCountBody `json:"rows"`
	Corrections []correctionBody `json:"corrections" doc:"Of earlier months"`
}

// CountsRequest names a month of a reseller (exported as [PreparedBody]).
type CountsRequest struct {
	Month    string `path:"month" maxLength:"7"`
	Reseller string `query:"reseller" maxLength:"60"`
}

type countsFileRequest struct {
	Month    string `path:"month" maxLength:"7"`
	Reseller string `query:"reseller" maxLength:"60"`
	Format   string `query:"format" enum:"csv,json" default:"csv"`
}

type countsAnswer struct{ Body countsBody }

type countsFile struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

type monthsRequest struct {
	Reseller string `query:"reseller" maxLength:"60"`
}

type monthsAnswer struct {
	Body struct {
		Running string   `json:"running"`
		Closed  []string `json:"closed"`
	}
}

type correctRequest struct {
	Reseller string `query:"reseller" maxLength:"60"`
	Body     struct {
		Tenant   id.Tenant `json:"tenant"`
		Concerns string    `json:"concerns" maxLength:"7"`
		What     string    `json:"what" enum:"bookings,bookings_staff,sms_parts,sms_micros,monthly_cents"`
		Delta    int64     `json:"delta"`
		Note     string    `json:"note" maxLength:"300"`
	}
}

func (v Services) counts(ctx context.Context, in CountsRequest) (countsBody, error) {
	reseller, err := seller(ctx, in.Reseller)
	if err != nil {
		return countsBody{}, err
	}
	month, err := registry.ParseMonth(in.Month)
	if err != nil {
		return countsBody{}, err
	}
	c, err := v.Registry.CountsOf(ctx, reseller, month)
	if err != nil {
		return countsBody{}, err
	}
	b := countsBody{Month: string(c.Month), Zone: c.Zone, Closed: c.Closed, Rows: []monthCountBody{}, Corrections: []correctionBody{}}
	for _, r := range c.Rows {
		b.Rows = append(b.Rows, monthCountBody{r.Tenant, r.Slug, r.Plan, string(r.Status), r.MonthlyCents, r.Bookings, r.BookingsStaff, r.SMSParts, r.SMSMicros})
	}
	for _, r := range c.Corrections {
		b.Corrections = append(b.Corrections, correctionBody{r.Tenant, r.Slug, string(r.Concerns), r.What, r.Delta, r.Note, r.Created})
	}
	return b, nil
}

// table is the counts as a table: corrections are rows of their own, with what
// they add.
func (b countsBody) table() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma = ';'
	rows := [][]string{{"month", "concerns", "tenant", "slug", "plan", "status", "monthly_cents", "bookings", "bookings_staff", "sms_parts", "sms_micros", "note"}}
	for _, r := range b.Rows {
		rows = append(rows, []string{b.Month, b.Month, r.Tenant.String(), r.Slug, cell(r.Plan), r.Status, number(r.MonthlyCents),
			strconv.Itoa(r.Bookings), strconv.Itoa(r.BookingsStaff), number(r.SMSParts), number(r.SMSMicros), ""})
	}
	for _, r := range b.Corrections {
		row := []string{b.Month, r.Concerns, r.Tenant.String(), r.Slug, "", "correction", "", "", "", "", "", cell(r.Note)}
		for i, what := range rows[0] {
			if what == r.What {
				row[i] = strconv.FormatInt(r.Delta, 10)
			}
		}
		rows = append(rows, row)
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func number[T int | int64](n *T) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

// cell keeps a text from being taken for a formula.
func cell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

func mountCounts(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listMonths", Method: http.MethodGet, Path: "/api/v1/portal/counts",
		Summary: "Which months are closed",
	}, func(ctx context.Context, in *monthsRequest) (*monthsAnswer, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		months, err := v.Registry.Months(ctx, reseller)
		if err != nil {
			return nil, err
		}
		running, err := v.Registry.RunningMonth(ctx, reseller)
		if err != nil {
			return nil, err
		}
		answer := &monthsAnswer{}
		answer.Body.Running, answer.Body.Closed = string(running), make([]string, 0, len(months))
		for _, m := range months {
			answer.Body.Closed = append(answer.Body.Closed, string(m))
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getCounts", Method: http.MethodGet, Path: "/api/v1/portal/counts/{month}",
		Summary: "What a month came to, practice by practice",
	}, func(ctx context.Context, in *CountsRequest) (*countsAnswer, error) {
		b, err := v.counts(ctx, *in)
		if err != nil {
			return nil, err
		}
		return &countsAnswer{b}, nil
	})
	server.Register(s, server.Operation{
		ID: "exportCounts", Method: http.MethodGet, Path: "/api/v1/portal/counts/{month}/file",
		File:    []string{"text/csv", "application/json"},
		Summary: "The same as a file, CSV or JSON",
	}, func(ctx context.Context, in *countsFileRequest) (*countsFile, error) {
		b, err := v.counts(ctx, CountsRequest{in.Month, in.Reseller})
		if err != nil {
			return nil, err
		}
		name := "siegel-" + b.Month + "." + in.Format
		answer := &countsFile{Disposition: fmt.Sprintf(`attachment; filename="%s"`, name)}
		if in.Format == "json" {
			answer.ContentType = "application/json"
			answer.Body, err = json.MarshalIndent(b, "", "  ")
		} else {
			answer.ContentType = "text/csv; charset=utf-8"
			answer.Body, err = b.table()
		}
		if err != nil {
			return nil, err
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "correctCounts", Method: http.MethodPost, Path: "/api/v1/portal/corrections", Status: http.StatusNoContent, Proven: true,
		Summary: "Mend a closed month by a row of the running one",
	}, func(ctx context.Context, in *correctRequest) (*none, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		concerns, err := registry.ParseMonth(in.Body.Concerns)
		if err != nil {
			return nil, err
		}
		b := in.Body
		err = v.Registry.Correct(ctx, reseller, registry.Correction{Tenant: b.Tenant, Concerns: concerns, What: b.What, Delta: b.Delta, Note: b.Note}, server.From(ctx).Session.Account)
		if err != nil {
			return nil, sayFields(ctx, err)
		}
		v.recordIn(ctx, server.From(ctx).Domain, "counts.correct", b.Tenant.String(), map[string]string{"month": b.Concerns, "what": b.What, "delta": strconv.FormatInt(b.Delta, 10)})
		return nil, nil
	})
}
