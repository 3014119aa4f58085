package api

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
	"siegel/web/server"
)

// maxImport is how many practices one file may bring.
const maxImport = 500

// importAtOnce is how many practices one request creates: it ends well before
// its time is over, and whoever waits sees how far it has come.
const importAtOnce = 25

type importRow struct {
	Line int `json:"line" doc:"In the file; the heading is 1"`
	PreparedBody
	Plan    string          `json:"plan"`
	Owner   string          `json:"owner"`
	OwnerTo string          `json:"owner_email"`
	Errors  []server.Detail `json:"errors"`
}

type importRequest struct {
	Body struct {
		CSV string `json:"csv" maxLength:"1000000"`
	}
}

type createTenantsRequest struct {
	Body struct {
		CSV  string `json:"csv" maxLength:"1000000"`
		From int    `json:"from,omitempty" minimum:"0" doc:"The line to go on with, as the answer before said; absent for the first request"`
	}
}

type previewAnswer struct {
	Body struct {
		Rows    []importRow `json:"rows"`
		Wrong   int         `json:"wrong" doc:"How many rows have errors"`
		Columns []string    `json:"columns" doc:"Those that were found"`
	}
}

type importedRow struct {
	Line   int       `json:"line"`
	Slug   string    `json:"slug"`
	ID     id.Tenant `json:"id,omitzero"`
	Reason string    `json:"reason,omitempty" doc:"Why not; absent where it was created"`
}

type importAnswer struct {
	Body struct {
		Rows []importedRow `json:"rows"`
		Next int           `json:"next,omitempty" doc:"With which line to go on; absent where all are done"`
	}
}

// What a file is refused for as a whole.
var (
	errNoCSV        = fault.New(fault.Invalid, "malformed_csv")
	errTooManyRows  = fault.New(fault.Invalid, "too_many_rows")
	errImportErrors = fault.New(fault.Conflict, "import_has_errors")
)

// columns of the file, by what people may call them.
func importColumn(heading string) string {
	switch strings.ToLower(strings.TrimSpace(heading)) {
	case "slug", "adresse im netz", "kürzel":
		return "slug"
	case "specialty", "fach", "fachrichtung", "branche":
		return "specialty"
	case "company", "name", "praxis", "firma":
		return "company"
	case "contact", "ansprechpartner", "person":
		return "contact"
	case "street", "straße", "strasse":
		return "street"
	case "postal_code", "plz":
		return "postal_code"
	case "city", "ort", "stadt":
		return "city"
	case "phone", "telefon":
		return "phone"
	case "email", "e-mail":
		return "email"
	case "plan", "tarif":
		return "plan"
	case "owner", "inhaber":
		return "owner"
	case "owner_email", "inhaber e-mail", "e-mail des inhabers":
		return "owner_email"
	default:
		return ""
	}
}

// readImport reads a file of practices: a heading, then one a line, divided by
// semicolons, commas or tabs. It says nothing of what is in the fields.
func readImport(text string) (rows []importRow, columns []string, err error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, nil, errNoCSV
	}
	heading, _, _ := strings.Cut(text, "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.TrimLeadingSpace = ',', true
	for _, comma := range []rune{';', '\t'} {
		if strings.ContainsRune(heading, comma) {
			r.Comma = comma
			break
		}
	}
	head, err := r.Read()
	if err != nil {
		return nil, nil, errNoCSV
	}
	for _, h := range head {
		columns = append(columns, importColumn(h))
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, columns, nil
		}
		if err != nil {
			var at *csv.ParseError
			if errors.As(err, &at) && errors.Is(at.Err, csv.ErrFieldCount) && len(rows) < maxImport {
				rows = append(rows, importRow{Line: at.Line, Errors: []server.Detail{{Where: "line", Why: "field_count"}}})
				continue
			}
			return nil, nil, errNoCSV
		}
		if len(rows) == maxImport {
			return nil, nil, errTooManyRows
		}
		line, _ := r.FieldPos(0)
		row := importRow{Line: line, Errors: []server.Detail{}}
		for i, column := range columns {
			if field := row.field(column); field != nil {
				*field = strings.TrimSpace(fields[i])
			}
		}
		rows = append(rows, row)
	}
}

func (r *importRow) field(column string) *string {
	switch column {
	case "slug":
		return &r.Slug
	case "specialty":
		return &r.Specialty
	case "company":
		return &r.Company
	case "contact":
		return &r.Contact
	case "street":
		return &r.Street
	case "postal_code":
		return &r.PostalCode
	case "city":
		return &r.City
	case "phone":
		return &r.Phone
	case "email":
		return &r.Email
	case "plan":
		return &r.Plan
	case "owner":
		return &r.Owner
	case "owner_email":
		return &r.OwnerTo
	default:
		return nil
	}
}

func (r importRow) wanted() wanted { return wanted{r.PreparedBody, r.Plan, r.Owner, r.OwnerTo} }

// previewImport reads a file and says of each row what is wrong with it. Rows
// before the line from are left out.
func (v Services) previewImport(ctx context.Context, text string, from int) (rows []importRow, columns []string, wrong int, err error) {
	if rows, columns, err = readImport(text); err != nil {
		return nil, nil, 0, err
	}
	rows = slices.DeleteFunc(rows, func(r importRow) bool { return r.Line < from })
	plans, err := v.plans(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	lines := map[string]int{}
	for i := range rows {
		row := &rows[i]
		if len(row.Errors) == 0 {
			row.Errors = append(row.Errors, v.checkWanted(ctx, row.wanted())...)
			if first, twice := lines[row.Slug]; twice && first > 0 {
				row.Errors = append(row.Errors, server.Detail{Where: "body.slug", Why: "twice"})
			}
			if row.Plan != "" && plans != nil && !plans[row.Plan] {
				row.Errors = append(row.Errors, server.Detail{Where: "body.plan", Why: "unknown"})
			}
			lines[row.Slug] = row.Line
		}
		if len(row.Errors) > 0 {
			wrong++
		}
	}
	return rows, columns, wrong, nil
}

// plans are those of the caller's price list; nil is any.
func (v Services) plans(ctx context.Context) (map[string]bool, error) {
	own := registry.ResellerOf(server.From(ctx).Domain)
	if own.IsZero() {
		return nil, nil
	}
	reseller, err := v.Registry.Reseller(ctx, own)
	if err != nil {
		return nil, err
	}
	plans := map[string]bool{}
	for _, p := range reseller.Prices {
		plans[p.Plan] = true
	}
	return plans, nil
}

func mountImport(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "previewTenants", Method: http.MethodPost, Path: "/api/v1/portal/imports/preview", Body: 2 << 20,
		Summary: "Read a file of practices and say what is wrong with it; nothing is saved",
	}, func(ctx context.Context, in *importRequest) (*previewAnswer, error) {
		rows, columns, wrong, err := v.previewImport(ctx, in.Body.CSV, 0)
		if err != nil {
			return nil, err
		}
		answer := &previewAnswer{}
		answer.Body.Rows, answer.Body.Columns, answer.Body.Wrong = rows, columns, wrong
		if rows == nil {
			answer.Body.Rows = []importRow{}
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "createTenants", Method: http.MethodPost, Path: "/api/v1/portal/imports", Body: 2 << 20,
		Summary: "Create the practices of a file that has no errors, some at a time: ask again with the line that the answer says",
	}, func(ctx context.Context, in *createTenantsRequest) (*importAnswer, error) {
		rows, _, wrong, err := v.previewImport(ctx, in.Body.CSV, in.Body.From)
		switch {
		case err != nil:
			return nil, err
		case wrong > 0 || len(rows) == 0:
			return nil, errImportErrors
		}
		answer := &importAnswer{}
		if len(rows) > importAtOnce {
			answer.Body.Next = rows[importAtOnce].Line
			rows = rows[:importAtOnce]
		}
		answer.Body.Rows = make([]importedRow, 0, len(rows))
		for _, row := range rows {
			done := importedRow{Line: row.Line, Slug: row.Slug}
			tenant, _, err := v.create(ctx, row.wanted())
			if err != nil {
				// Somebody was quicker, or the limit is reached: the others go on.
				done.Reason = fault.From(err).Reason
				var mistakes onboarding.Mistakes
				if errors.As(err, &mistakes) && len(mistakes) > 0 {
					done.Reason = mistakes[0].Field + "_" + mistakes[0].Why
				}
			}
			done.ID = tenant.ID
			answer.Body.Rows = append(answer.Body.Rows, done)
		}
		return answer, nil
	})
}
