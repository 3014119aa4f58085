package api

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/help"
	"siegel/web/server"
)

var errTooManyReports = fault.New(fault.Limited, "too_many_reports")

type announcementBody struct {
	ID      uuid.UUID `json:"id" format:"uuid"`
	Level   string    `json:"level" enum:"info,warning"`
	German  string    `json:"de" minLength:"1" maxLength:"600"`
	English string    `json:"en" minLength:"1" maxLength:"600"`
	Public  bool      `json:"public" doc:"Also shown to everybody, on the page about the service"`
	Starts  time.Time `json:"starts"`
	Ends    time.Time `json:"ends"`
}

type supportAnswer struct {
	Body struct {
		Name          string             `json:"name"`
		Phone         string             `json:"phone"`
		Email         string             `json:"email"`
		Version       string             `json:"version"`
		Announcements []announcementBody `json:"announcements"`
	}
}

type reportRequest struct {
	Body struct {
		Page     string   `json:"page" minLength:"1" maxLength:"80" doc:"Which page, in a word"`
		Version  string   `json:"version" maxLength:"40"`
		Browser  string   `json:"browser" maxLength:"80"`
		Text     string   `json:"text" minLength:"1" maxLength:"2000"`
		Requests []string `json:"requests" maxItems:"10" doc:"request_id of calls that failed"`
	}
}

type problemReportBody struct {
	ID       uuid.UUID `json:"id" format:"uuid"`
	Practice string    `json:"practice" doc:"Its slug"`
	Origin   string    `json:"origin" enum:"patient,office"`
	Page     string    `json:"page"`
	Version  string    `json:"version"`
	Browser  string    `json:"browser"`
	Text     string    `json:"text"`
	Requests []string  `json:"requests"`
	Created  time.Time `json:"created"`
}

type problemReportsAnswer struct {
	Body struct {
		Reports []problemReportBody `json:"reports"`
	}
}

type announcementsAnswer struct {
	Body struct {
		Announcements []announcementBody `json:"announcements"`
	}
}

type announceRequest struct {
	ID   string `path:"id" format:"uuid"`
	Body struct {
		Level   string    `json:"level" enum:"info,warning"`
		German  string    `json:"de" minLength:"1" maxLength:"600"`
		English string    `json:"en" minLength:"1" maxLength:"600"`
		Public  bool      `json:"public,omitempty" doc:"Also show it to everybody, on the page about the service"`
		Starts  time.Time `json:"starts"`
		Ends    time.Time `json:"ends"`
	}
}

type uuidPath struct {
	ID string `path:"id" format:"uuid"`
}

// Reports that somebody may send: from one address an hour, about one practice a
// day; patients' and the office's are counted apart. So many mails a day tell a
// reseller, or the platform, of patients' reports; the portal has them all.
const (
	reportsPerClient = 5
	reportsPerTenant = 50
	reportMails      = 30
)

// version is what the binary was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return "dev"
}

func mountHelp(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getSupport", Method: http.MethodGet, Path: "/api/v1/support",
		Summary: "Whom an office turns to, and what it is told",
	}, func(ctx context.Context, _ *none) (*supportAnswer, error) {
		tenant := server.From(ctx).Tenant
		brand, err := s.Registry.BrandOf(ctx, tenant)
		if err != nil {
			return nil, err
		}
		told, err := v.Help.Current(ctx, tenant.Reseller)
		if err != nil {
			return nil, err
		}
		answer := &supportAnswer{}
		b := &answer.Body
		b.Name, b.Phone, b.Email, b.Version = brand.Name, brand.SupportPhone, brand.SupportEmail, version()
		b.Announcements = each(told, sayAnnouncement)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "reportProblem", Method: http.MethodPost, Path: "/api/v1/problems", Status: http.StatusNoContent,
		Summary: "Report a problem to those who look after the practice",
	}, func(ctx context.Context, in *reportRequest) (*none, error) {
		r := server.From(ctx)
		b, origin := in.Body, help.Office
		if r.Role == string(access.Patient) {
			origin = help.Patient
		}
		if !s.Few(ctx, reportsPerClient, time.Hour, "report", r.Client.String()) ||
			!s.Few(ctx, reportsPerTenant, 24*time.Hour, "report-"+string(origin), r.Tenant.ID.UUID()) {
			return nil, errTooManyReports.After(time.Hour)
		}
		tell := origin == help.Office || s.Few(ctx, reportMails, 24*time.Hour, "report-mail", r.Tenant.Reseller.UUID())
		return nil, v.Help.Add(ctx, help.Report{
			Tenant: r.Tenant.ID, Reseller: r.Tenant.Reseller, Origin: origin,
			Page: b.Page, Version: b.Version, Browser: b.Browser, Text: b.Text, Requests: b.Requests,
		}, tell)
	})
	server.Register(s, server.Operation{
		ID: "listProblems", Method: http.MethodGet, Path: "/api/v1/portal/problems",
		Summary: "What people reported",
	}, func(ctx context.Context, _ *none) (*problemReportsAnswer, error) {
		reports, err := v.Help.Reports(ctx, resellerOf(ctx))
		if err != nil {
			return nil, err
		}
		answer := &problemReportsAnswer{}
		answer.Body.Reports = make([]problemReportBody, len(reports))
		for i, r := range reports {
			slug := ""
			if t, err := s.Registry.ByID(ctx, r.Tenant); err == nil {
				slug = t.Slug // one that is gone has none
			}
			answer.Body.Reports[i] = problemReportBody{r.ID, slug, string(r.Origin), r.Page, r.Version, r.Browser, r.Text, r.Requests, r.Created}
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "settleProblem", Method: http.MethodDelete, Path: "/api/v1/portal/problems/{id}", Status: http.StatusNoContent,
		Summary: "A reported problem is dealt with: forget the report",
	}, func(ctx context.Context, in *uuidPath) (*none, error) {
		report, err := uuid.Parse(in.ID)
		if err != nil {
			return nil, id.ErrMalformed
		}
		return nil, v.Help.Settle(ctx, resellerOf(ctx), report)
	})
	server.Register(s, server.Operation{
		ID: "listAnnouncements", Method: http.MethodGet, Path: "/api/v1/portal/announcements",
		Summary: "What offices are told, now and later",
	}, func(ctx context.Context, _ *none) (*announcementsAnswer, error) {
		all, err := v.Help.Announcements(ctx, resellerOf(ctx))
		if err != nil {
			return nil, err
		}
		answer := &announcementsAnswer{}
		answer.Body.Announcements = each(all, sayAnnouncement)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "putAnnouncement", Method: http.MethodPut, Path: "/api/v1/portal/announcements/{id}", Status: http.StatusNoContent,
		Summary: "Tell offices something",
	}, func(ctx context.Context, in *announceRequest) (*none, error) {
		announcement, err := uuid.Parse(in.ID)
		if err != nil {
			return nil, id.ErrMalformed
		}
		b := in.Body
		return nil, v.Help.Announce(ctx, help.Announcement{
			ID: announcement, Reseller: resellerOf(ctx), Level: b.Level, German: strings.TrimSpace(b.German), English: strings.TrimSpace(b.English),
			Public: b.Public, Starts: b.Starts, Ends: b.Ends,
		})
	})
	server.Register(s, server.Operation{
		ID: "removeAnnouncement", Method: http.MethodDelete, Path: "/api/v1/portal/announcements/{id}", Status: http.StatusNoContent,
		Summary: "Offices are no longer told",
	}, func(ctx context.Context, in *uuidPath) (*none, error) {
		announcement, err := uuid.Parse(in.ID)
		if err != nil {
			return nil, id.ErrMalformed
		}
		return nil, v.Help.Withdraw(ctx, resellerOf(ctx), announcement)
	})
}

// resellerOf is the reseller that acts in the portal; zero for the platform.
func resellerOf(ctx context.Context) (reseller id.Reseller) {
	if d := server.From(ctx).Domain; d.Kind == access.Reseller {
		_ = reseller.Scan(d.ID.String()) // never fails: it is a uuid
	}
	return reseller
}

func sayAnnouncement(a help.Announcement) announcementBody {
	return announcementBody{a.ID, a.Level, a.German, a.English, a.Public, a.Starts, a.Ends}
}
