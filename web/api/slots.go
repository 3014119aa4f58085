package api

import (
	"context"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/web/server"
)

// Asked is what all questions about slots have in common (exported since huma
// passes over embedded types that are not). None of them has room
// for what a patient is: whoever asks says what they want, not who they are.
type Asked struct {
	Service      string `query:"service" maxLength:"64" doc:"The service; or else chain"`
	Chain        string `query:"chain" maxLength:"64" doc:"The chain; or else service"`
	Practitioner string `query:"practitioner" default:"any" maxLength:"64" doc:"Whose slots, or any"`
	Seed         string `query:"seed" maxLength:"64" doc:"16 to 64 characters of base64url: any is the same practitioner for the same seed"`

	CacheControl string `header:"Cache-Control" doc:"no-cache: no answer from a second ago"`
	IfNoneMatch  string `header:"If-None-Match" maxLength:"1000"`
}

type slotsQuery struct {
	Asked
	From    string `query:"from" required:"true" maxLength:"10" doc:"The first local date"`
	To      string `query:"to" required:"true" maxLength:"10" doc:"The local date after the last one, at most 62 days later"`
	Persons int    `query:"persons" minimum:"2" maximum:"6" doc:"How many come together"`
	Series  string `query:"series" maxLength:"10" doc:"7x6: every seven days, six times; with first"`
	First   string `query:"first" maxLength:"40" doc:"When the first appointment of the series starts (RFC 3339)"`
}

type daysQuery struct {
	Asked
	From string `query:"from" required:"true" maxLength:"10" doc:"The first local date"`
	To   string `query:"to" maxLength:"10" doc:"The local date after the last one, at most 730 days later; without it up to the horizon"`
}

type nextQuery struct {
	Asked
	N int `query:"n" default:"5" minimum:"1" maximum:"20" doc:"How many of each condition"`
}

// Resolve refuses a parameter that the operation does not have, or that comes twice.
func (*slotsQuery) Resolve(ctx huma.Context) []error {
	return only(ctx, "from", "to", "persons", "series", "first")
}

// Resolve refuses a parameter that the operation does not have, or that comes twice.
func (*daysQuery) Resolve(ctx huma.Context) []error { return only(ctx, "from", "to") }

// Resolve refuses a parameter that the operation does not have, or that comes twice.
func (*nextQuery) Resolve(ctx huma.Context) []error { return only(ctx, "n") }

// only refuses parameters besides those of [Asked] and the ones named. It says
// how many there are, not which: a name is the sender's own text.
func only(ctx huma.Context, names ...string) []error {
	u := ctx.URL()
	values, err := url.ParseQuery(u.RawQuery)
	unknown, repeated := 0, 0
	for name, all := range values {
		if !slices.Contains(names, name) && !slices.Contains([]string{"service", "chain", "practitioner", "seed"}, name) {
			unknown++
		}
		if len(all) > 1 {
			repeated++
		}
	}
	if err == nil && unknown == 0 && repeated == 0 {
		return nil
	}
	return []error{&huma.ErrorDetail{
		Location: "query", Message: fmt.Sprintf("%d unknown and %d repeated parameters", unknown, repeated),
	}}
}

// slotsAnswer is an answer that may be one from a moment ago.
type slotsAnswer struct {
	Status      int
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func mountSlots(s *server.Server, v Services) {
	kept := newAnswers(v.Practice)
	server.Register(s, server.Operation{
		ID: "listSlots", Method: http.MethodGet, Path: "/api/v1/slots",
		Summary: "Free slots of a service or chain between two local dates",
		Writes:  practice.SlotListJSON{},
	}, func(ctx context.Context, in *slotsQuery) (*slotsAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		q, err := in.query(ctx)
		if err != nil {
			return nil, err
		}
		return kept.answer(ctx, &in.Asked, question{operation: "list", query: key(q)}, func(ctx context.Context, tenant id.Tenant) ([]byte, error) {
			list, err := v.Booking.Find(ctx, tenant, q)
			return appendList(list), err
		})
	})
	server.Register(s, server.Operation{
		ID: "listSlotDays", Method: http.MethodGet, Path: "/api/v1/slots/days",
		Summary: "Which days have free slots",
		Writes:  practice.DayListJSON{},
	}, func(ctx context.Context, in *daysQuery) (*slotsAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		q, err := in.query(ctx)
		if err != nil {
			return nil, err
		}
		return kept.answer(ctx, &in.Asked, question{operation: "days", query: key(q)}, func(ctx context.Context, tenant id.Tenant) ([]byte, error) {
			list, err := v.Booking.FindDays(ctx, tenant, q)
			return practice.AppendDaysJSON(make([]byte, 0, 256+64*len(list.Days)), list), err
		})
	})
	server.Register(s, server.Operation{
		ID: "listNextSlots", Method: http.MethodGet, Path: "/api/v1/slots/next",
		Summary: "The first free slots of each condition",
		Writes:  practice.SlotListJSON{},
	}, func(ctx context.Context, in *nextQuery) (*slotsAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		q, err := in.Asked.query(ctx)
		if err != nil {
			return nil, err
		}
		return kept.answer(ctx, &in.Asked, question{operation: "next", query: key(q), n: in.N}, func(ctx context.Context, tenant id.Tenant) ([]byte, error) {
			list, err := v.Booking.FindNext(ctx, tenant, q, in.N)
			return appendList(list), err
		})
	})
}

func appendList(list practice.SlotList) []byte {
	return practice.AppendJSON(make([]byte, 0, 512+160*len(list.Slots)), list)
}

// answers keeps what was answered for a moment.
type answers struct {
	practice *practice.Service
	memo     *memo.Cache[question, answer]
}

// question names an answer. changes is how often something had changed in this
// process before it was asked.
type question struct {
	tenant    id.Tenant
	changes   uint64
	operation string
	query     asking
	n         int
}

// asking is a query without what cannot be compared.
type asking struct {
	service      id.Service
	chain        id.Chain
	practitioner id.Practitioner
	from, to     schedule.Date
	seed         string
	persons      int
	first        int64
	every, count int
}

func key(q practice.Query) asking {
	return asking{q.Service, q.Chain, q.Practitioner, q.From, q.To, q.Seed, q.Persons, q.Series.First.Unix(), q.Series.Every, q.Series.Count}
}

type answer struct {
	body []byte
	etag string
}

const (
	// answerAge is how old an answer may be: nobody is shown a slot that has been
	// taken for longer.
	answerAge = time.Second
	// answersKept bounds memory: an answer of 62 days has some 200 KiB.
	answersKept = 256
)

func newAnswers(p *practice.Service) *answers {
	return &answers{p, memo.New[question, answer](answerAge, answersKept, nil)}
}

// answer answers a question, perhaps with what was answered less than a second
// ago. Cache-Control: no-cache asks anew.
func (a *answers) answer(ctx context.Context, in *Asked, q question, compute func(context.Context, id.Tenant) ([]byte, error)) (*slotsAnswer, error) {
	q.tenant = server.From(ctx).Tenant.ID
	q.changes = a.practice.Changes(q.tenant)
	if noCache(in.CacheControl) {
		a.memo.Forget(q)
	}
	kept, err := a.memo.Get(ctx, q, func(ctx context.Context) (answer, error) {
		body, err := compute(ctx, q.tenant)
		if err != nil {
			return answer{}, err
		}
		return answer{body, etag(body)}, nil
	})
	if err != nil {
		return nil, err
	}
	if matches(in.IfNoneMatch, kept.etag) {
		return &slotsAnswer{Status: http.StatusNotModified, ETag: kept.etag}, nil
	}
	return &slotsAnswer{http.StatusOK, "application/json", kept.etag, kept.body}, nil
}

func noCache(header string) bool {
	for directive := range strings.SplitSeq(header, ",") {
		if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
			return true
		}
	}
	return false
}

// castagnoli is one of two polynomials that processors divide by.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// etag is a strong entity tag (RFC 9110 section 8.8.3): two checksums and the
// length. It has to notice a change, not to withstand an attack, and costs an
// eighth of a SHA-256.
func etag(body []byte) string {
	return fmt.Sprintf(`"%08x%08x%x"`, crc32.Checksum(body, castagnoli), crc32.ChecksumIEEE(body), len(body))
}

// matches evaluates If-None-Match (RFC 9110 section 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// badQuery says which parameter is wrong, and what it should be.
func badQuery(ctx context.Context, reason, name, why string) error {
	return &server.Problem{
		Status: http.StatusBadRequest, Reason: reason, RequestID: server.From(ctx).RequestID,
		Details: []server.Detail{{Where: "query." + name, Why: why}},
	}
}

func (in *Asked) query(ctx context.Context) (q practice.Query, err error) {
	switch {
	case (in.Service == "") == (in.Chain == ""):
		return q, badQuery(ctx, "malformed_request", "service", "expected either service or chain")
	case in.Chain != "":
		err = q.Chain.UnmarshalText([]byte(in.Chain))
	default:
		err = q.Service.UnmarshalText([]byte(in.Service))
	}
	if err == nil && in.Practitioner != "any" {
		err = q.Practitioner.UnmarshalText([]byte(in.Practitioner))
	}
	if err != nil {
		return q, err
	}
	if in.Seed == "" {
		return q, nil
	}
	if len(in.Seed) < 16 || strings.ContainsFunc(in.Seed, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_'
	}) {
		return q, badQuery(ctx, "malformed_request", "seed", "expected 16 to 64 characters of base64url")
	}
	// Few enough that the patients of a moment share answers, enough to be fair.
	h := fnv.New32a()
	h.Write([]byte(in.Seed))
	q.Seed = strconv.Itoa(int(h.Sum32() % 64))
	return q, nil
}

func (in *slotsQuery) query(ctx context.Context) (practice.Query, error) {
	q, err := in.Asked.query(ctx)
	if err != nil {
		return q, err
	}
	if q.From, err = date(ctx, "from", in.From); err != nil {
		return q, err
	}
	if q.To, err = date(ctx, "to", in.To); err != nil {
		return q, err
	}
	if in.Persons > 0 && in.Chain != "" {
		return q, badQuery(ctx, "malformed_request", "persons", "expected 2 to 6, with a service")
	}
	q.Persons = in.Persons
	if in.Series == "" && in.First == "" {
		return q, nil
	}
	wrong := badQuery(ctx, "malformed_request", "series", "expected days and number like 7x6, and first, with a service for one person")
	every, count, _ := strings.Cut(in.Series, "x")
	var errs [3]error
	q.Series.Every, errs[0] = strconv.Atoi(every)
	q.Series.Count, errs[1] = strconv.Atoi(count)
	q.Series.First, errs[2] = time.Parse(time.RFC3339, in.First)
	if errs != [3]error{} || q.Series.Count < 1 || in.Persons > 0 || in.Chain != "" {
		return q, wrong
	}
	return q, nil
}

func (in *daysQuery) query(ctx context.Context) (practice.Query, error) {
	q, err := in.Asked.query(ctx)
	if err != nil {
		return q, err
	}
	if q.From, err = date(ctx, "from", in.From); err != nil || in.To == "" {
		return q, err
	}
	q.To, err = date(ctx, "to", in.To)
	return q, err
}

func date(ctx context.Context, name, text string) (schedule.Date, error) {
	d, err := schedule.ParseDate(text)
	if err != nil {
		return 0, badQuery(ctx, "malformed_date", name, "expected a date like 2026-11-23")
	}
	return d, nil
}
