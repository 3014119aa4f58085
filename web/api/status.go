package api

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/tenants/help"
	"siegel/tenants/keyring"
	"siegel/tenants/registry"
	"siegel/web/server"
)

//go:embed status_page.html
var statusText string

const (
	// statusAge is how old the page about the service may be: within it, however
	// many ask, it is written once.
	statusAge = 10 * time.Second
	// statusMost is how many practices' pages are remembered.
	statusMost = 2000
)

// statusPage is what the page about the service tells.
type statusPage struct {
	Language, Name, Home string
	// Booking is "open", "closed" or "disturbed"; empty where nobody knows.
	Booking string
	Parts   []statusPart
	Told    []statusNews
	// Well says that nothing is wrong, Looked when somebody looked, empty: nobody
	// has yet.
	Well          bool
	Looked, Again string
}

type statusPart struct {
	Part        help.Part
	Well        bool
	Since, Said string
}

type statusNews struct {
	Text, From string
	Warning    bool
}

// statusOf is which page: a practice's, a reseller's portal has the platform's.
type statusOf struct {
	tenant   id.Tenant
	language string
}

func mountStatus(s *server.Server, v Services) {
	text := template.Must(template.New("status").Parse(statusText))
	pages := memo.New[statusOf, []byte](statusAge, statusMost, nil)
	s.Raw("statusPage", fiber.MethodGet, server.StatusPath, func(c *fiber.Ctx) error {
		r, language := server.From(c.UserContext()), spoken(c)
		body, err := pages.Get(c.UserContext(), statusOf{r.Tenant.ID, language}, func(ctx context.Context) ([]byte, error) {
			page := v.statusPage(ctx, r.Tenant, language)
			var b bytes.Buffer
			if err := text.Execute(&b, page); err != nil {
				return nil, fmt.Errorf("write the page about the service: %w", err)
			}
			return inFrame(s.Page("/document.html"), language, "Status – "+page.Name, b.Bytes()), nil
		})
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
		c.Set(fiber.HeaderCacheControl, "public, max-age=10")
		c.Set(fiber.HeaderVary, "Accept-Language")
		return c.Send(body)
	})
}

// statusPage puts together what is known. What cannot be found out is left
// out: the page is for the hour when much cannot.
func (v Services) statusPage(ctx context.Context, tenant registry.Tenant, language string) statusPage {
	page := statusPage{Language: language, Name: v.nameOf(ctx, tenant.ID), Home: "/?lang=" + language, Well: true}
	conditions, looked := v.Status.Conditions()
	for _, one := range conditions {
		page.Well = page.Well && one.Well
		page.Parts = append(page.Parts, statusPart{one.Part, one.Well, one.Since.Format(time.RFC3339), momentIn(language, one.Since)})
	}
	if !looked.IsZero() {
		page.Looked, page.Again = looked.Format(time.RFC3339), momentIn(language, looked)
	}
	vital := !slices.ContainsFunc(conditions, func(c help.Condition) bool {
		return !c.Well && (c.Part == help.Database || c.Part == help.Memory)
	})
	switch closed, err := v.closed(ctx, tenant); {
	case !vital, err != nil:
		page.Booking, page.Well = "disturbed", false
	case tenant.ID.IsZero() && looked.IsZero():
		// nobody knows yet
	case closed != "":
		page.Booking = "closed"
	default:
		page.Booking = "open"
	}
	told, err := v.Help.Public(ctx, tenant.Reseller)
	if err != nil {
		return page
	}
	for _, a := range told {
		words := a.German
		if language == "en" {
			words = a.English
		}
		page.Told = append(page.Told, statusNews{words, momentIn(language, a.Starts), a.Level == "warning"})
	}
	return page
}

// closed says why the public cannot book the practice, empty where it can; the
// zero tenant's is open.
func (v Services) closed(ctx context.Context, tenant registry.Tenant) (reason string, err error) {
	if tenant.ID.IsZero() {
		return "", nil
	}
	if tenant.Paused(time.Now()) != "" {
		return "suspended", nil
	}
	_, open, err := v.Keyring.Current(ctx, tenant.ID)
	if err != nil && !errors.Is(err, keyring.ErrNoKeys) {
		return "", err
	}
	if !open {
		return "keys_missing", nil
	}
	return v.Onboarding.Closed(ctx, tenant.ID)
}

// momentIn is an instant by the clock in Berlin, as "22.11.2026, 14:05 Uhr".
func momentIn(language string, at time.Time) string {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		zone = time.UTC
	}
	if at = at.In(zone); language == "en" {
		return at.Format("2 January 2006, 15:04")
	}
	return at.Format("2.1.2006, 15:04") + " Uhr"
}
