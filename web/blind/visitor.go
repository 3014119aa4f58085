package blind

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
)

// answerLimit is more than the largest file of the web app has.
const answerLimit = 16 << 20

// visitor is a browser as far as an audit needs one.
type visitor struct {
	client *http.Client
	base   string // scheme and host
}

func newVisitor(client *http.Client, address string) (*visitor, error) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the practice's address is a scheme and a host: https://praxis.example.org")
	}
	own := *client
	if own.Jar, err = cookiejar.New(nil); err != nil {
		return nil, err
	}
	if own.Timeout == 0 {
		own.Timeout = 30 * time.Second
	}
	return &visitor{&own, u.String()}, nil
}

func (v *visitor) fetch(ctx context.Context, address string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	return v.do(r)
}

func (v *visitor) do(r *http.Request) (int, []byte, error) {
	res, err := v.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	return res.StatusCode, content, err
}

// ask speaks the patients' API.
func (v *visitor) ask(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, v.base+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	r.Header.Set("Origin", v.base)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	status, answer, err := v.do(r)
	if err != nil {
		return err
	}
	if status >= 300 {
		var problem struct{ Reason string }
		_ = json.Unmarshal(answer, &problem)
		return fmt.Errorf("%s %s: %d %s", method, path, status, problem.Reason)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// offer is what a practice says of itself.
type offer struct {
	Tenant   id.Tenant
	Name     string
	Booking  string
	Channels []string
	Services []struct {
		ID       id.Service
		Name     string
		Referral bool
		MinAge   *int `json:"min_age"`
	}
	Practitioners, Locations []struct{ ID, Name string }
}

func (o offer) name(of string) string {
	for _, list := range [][]struct{ ID, Name string }{o.Practitioners, o.Locations} {
		for _, x := range list {
			if x.ID == of {
				return x.Name
			}
		}
	}
	return ""
}

// slot is one that an audit may take.
type slot struct {
	Service                struct{ ID, Name string }
	Practitioner, Location string
	Starts                 time.Time
	Ends                   time.Time
	Zone                   string
}

// slots finds as many as are wanted, the latest that are listed: a test should
// stand in nobody's way.
func (v *visitor) slots(ctx context.Context, o offer, n int) ([]slot, error) {
	var found []slot
	for _, s := range o.Services {
		var list struct {
			Zone                     string
			Practitioners, Locations []string
			Slots                    []struct {
				Starts, Ends           time.Time
				Practitioner, Location int
			}
		}
		if err := v.ask(ctx, http.MethodGet, "/api/v1/slots/next?n=20&service="+s.ID.String(), nil, &list); err != nil {
			return nil, err
		}
		for i := len(list.Slots) - 1; i >= 0 && len(found) < n; i-- {
			x := list.Slots[i]
			one := slot{Practitioner: list.Practitioners[x.Practitioner], Location: list.Locations[x.Location], Starts: x.Starts, Ends: x.Ends, Zone: list.Zone}
			one.Service.ID, one.Service.Name = s.ID.String(), s.Name
			found = append(found, one)
		}
		if len(found) == n {
			return found, nil
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the practice offers no time that could be booked")
	}
	return found, nil
}

// booked is a synthetic booking under way.
type booked struct {
	token   seal.Bytes
	secret  seal.Secret
	booking string // bare uuid
	done    bool   // confirmed
}

// book holds a slot and asks for its confirmation, with canaries in every field
// that is sealed.
func (v *visitor) book(ctx context.Context, o offer, key seal.PublicKey, s slot, c canaries, address string) (*booked, error) {
	b := &booked{token: make(seal.Bytes, 16), secret: seal.NewSecret()}
	_, _ = rand.Read(b.token) // never fails
	var held struct {
		Booking      id.Booking `json:"booking_id"`
		Starts, Ends time.Time
	}
	err := v.ask(ctx, http.MethodPost, "/api/v1/holds", map[string]any{
		"token": b.token, "service": s.Service.ID, "practitioner": s.Practitioner, "location": s.Location, "starts": s.Starts.UTC().Format(time.RFC3339),
	}, &held)
	if err != nil {
		return nil, err
	}
	b.booking = held.Booking.UUID()
	tenant := o.Tenant.UUID()
	said := map[string]any{
		"v": 1, "booking_id": b.booking, "tenant": tenant, "service": map[string]string{"id": s.Service.ID, "name": s.Service.Name},
		"practitioner": map[string]string{"id": s.Practitioner, "name": o.name(s.Practitioner)}, "location": map[string]string{"id": s.Location, "name": o.name(s.Location)},
		"starts": s.Starts.UTC().Format(time.RFC3339), "ends": s.Ends.UTC().Format(time.RFC3339), "zone": s.Zone, "language": "de",
		"patient": map[string]string{"family_name": "Siegel-Test " + c.word, "given_name": "Audit " + c.word, "birth_date": "1970-01-01", "gender": "unknown",
			"insurance": "SEL", "email": c.word + "@example.org", "phone": "0721 " + c.digits},
		"new_patient": true, "note": "Nur ein Test. " + c.word, "referral": c.word,
		"booker": map[string]string{"name": "Audit " + c.word, "relation": c.word, "contact": c.word + "@example.org"},
	}
	plain, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	envelope, err := seal.Seal(key, tenant, id.New[id.Envelope]().UUID(), b.booking, plain)
	if err != nil {
		return nil, err
	}
	copied, err := json.Marshal(map[string]any{"v": 1, "service": c.word})
	if err != nil {
		return nil, err
	}
	kept, err := seal.SealCopy(b.secret, tenant, b.booking, copied)
	if err != nil {
		return nil, err
	}
	hash := b.secret.Hash()
	return b, v.ask(ctx, http.MethodPost, "/api/v1/bookings", map[string]any{
		"token": b.token, "envelope": envelope, "copy": kept, "channel": "mail", "address": address, "language": "de",
		"secret": seal.Bytes(b.secret[:]), "secret_hash": seal.Bytes(hash[:]),
	}, nil)
}

var isLink = regexp.MustCompile(`/confirm#([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})`)

// confirm presses the button behind a link out of a mail.
func (v *visitor) confirm(ctx context.Context, all []*booked, link string) error {
	parts := isLink.FindStringSubmatch(link)
	if parts == nil {
		return errors.New("that is no link of a confirmation")
	}
	for _, b := range all {
		if seal.Bytes(b.secret[:]).String() != parts[1] {
			continue
		}
		err := v.ask(ctx, http.MethodPost, "/api/v1/bookings/confirm", map[string]any{"secret": parts[1], "code": parts[2]}, nil)
		b.done = b.done || err == nil
		return err
	}
	return errors.New("the link is of another booking")
}

// leave gives the slots back: what was confirmed is cancelled, the rest let go.
func (v *visitor) leave(ctx context.Context, all []*booked) (err error) {
	for _, b := range all {
		if b.done {
			err = errors.Join(err, v.ask(ctx, http.MethodPost, "/api/v1/bookings/cancel", map[string]any{"secret": seal.Bytes(b.secret[:])}, nil))
		} else {
			err = errors.Join(err, v.ask(ctx, http.MethodPost, "/api/v1/holds/release", map[string]any{"token": b.token}, nil))
		}
	}
	return err
}
