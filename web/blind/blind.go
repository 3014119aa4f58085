// Package blind looks at a running installation from outside and from within,
// and says whether what patients write is sealed there: it is what `siegel
// audit` does.
//
// [Run] books as a patient would, with words in every sealed field that nobody
// ever wrote, and then looks for these words, in fifteen spellings, in all that
// it is given access to. In each place it also looks for a word that it planted
// itself: a search that does not find that one proves nothing and is reported as
// such. From outside it compares what is served with the manifest of the web
// app, and the practice's key directory with what was seen before. It cannot see
// what it has no access to, nor a page that is served to others only; the report
// says what was looked at. It imports no service of the installation that it
// judges.
package blind

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"

	"siegel/platform/seal"
)

// Config is what is to be looked at.
type Config struct {
	// Practice is the patients' address, scheme and host. Office is the
	// office's; where it is empty its page is not compared.
	Practice, Office string
	// Address gets the confirmation mails. Where it holds "{}", that becomes a
	// word which is looked for as well.
	Address string
	// Bookings is how many are made; 2 where zero.
	Bookings int
	// Links gives the links out of the confirmation mails, one for each
	// booking, and nil leaves bookings unconfirmed: then rows of appointments
	// are not written.
	Links func(ctx context.Context, n int) ([]string, error)

	// What is searched; each may be empty.
	DatabaseURL, RedisURL string
	Files, Folders        []string

	// Manifest is what is to be served.
	Manifest Manifest
	// Fingerprint is the practice's as it printed it, and State a file in which
	// audits remember what they saw; each may be empty.
	Fingerprint, State string

	Client *http.Client
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Verdict is what an audit comes to.
type Verdict string

// The verdicts.
const (
	// Sealed: nothing was found, and every search is proven.
	Sealed Verdict = "sealed"
	// Leaking: something is where it must not be, or is served otherwise.
	Leaking Verdict = "leaking"
	// Unproven: nothing was found, but not all could be looked at.
	Unproven Verdict = "unproven"
)

// Report is what an audit found, for people and for programs.
type Report struct {
	At       time.Time `json:"at"`
	Practice string    `json:"practice"`
	Name     string    `json:"name"`
	// Bookings were made, and Confirmed of them became appointments.
	Bookings  int `json:"bookings"`
	Confirmed int `json:"confirmed"`
	// Words are what was looked for, as findings call it.
	Words     []string  `json:"words"`
	Places    []Place   `json:"places"`
	Served    Served    `json:"served"`
	Directory Directory `json:"directory"`
	// Problem is why bookings could not be made or taken back.
	Problem string  `json:"problem,omitempty"`
	Verdict Verdict `json:"verdict"`
}

// canaries are words that nobody ever wrote.
type canaries struct{ word, digits, mail string }

// Run makes the audit. The error is only of what kept it from beginning;
// everything else is in the report.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	if c.Bookings == 0 {
		c.Bookings = 2
	}
	if !strings.Contains(c.Address, "@") || c.Bookings < 1 || c.Bookings > 10 {
		return Report{}, errors.New("an audit needs an address for the mails, and makes one to ten bookings")
	}
	v, err := newVisitor(c.Client, c.Practice)
	if err != nil {
		return Report{}, err
	}
	r := Report{At: c.Now().UTC(), Practice: v.base, Places: []Place{}}
	var o offer
	if err := v.ask(ctx, http.MethodGet, "/api/v1/practice", nil, &o); err != nil {
		return Report{}, fmt.Errorf("the practice does not answer: %w", err)
	}
	r.Name = o.Name
	r.Served = v.compare(ctx, c.Manifest, strings.TrimRight(c.Office, "/"))
	directory, key, err := v.directory(ctx, o.Tenant, c.Fingerprint, c.State, c.Now())
	r.Directory = directory

	words := canaries{"k" + random("abcdefghijklmnopqrstuvwxyz", 15), random("123456789", 9), "c" + random("abcdefghijklmnopqrstuvwxyz", 15)}
	wanted := map[string]string{"what was typed": words.word, "the telephone number": words.digits}
	address := c.Address
	if strings.Contains(address, "{}") {
		address = strings.ReplaceAll(address, "{}", words.mail)
		wanted["the address for the confirmation"] = words.mail
	}
	for _, name := range []string{"what was typed", "the telephone number", "the address for the confirmation"} {
		if wanted[name] != "" {
			r.Words = append(r.Words, name)
		}
	}
	if err == nil {
		made, bookErr := r.book(ctx, c, v, o, key, words, address)
		r.search(ctx, c, wanted)
		// Taken back also where the audit was interrupted.
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		bookErr = errors.Join(bookErr, v.leave(leaving, made))
		cancel()
		if bookErr != nil {
			r.Problem = bookErr.Error()
		}
	}
	r.Verdict = r.verdict()
	return r, nil
}

func (r *Report) book(ctx context.Context, c Config, v *visitor, o offer, key seal.PublicKey, words canaries, address string) (made []*booked, err error) {
	if o.Booking != "open" {
		return nil, errors.New("the practice cannot be booked online now")
	}
	slots, err := v.slots(ctx, o, c.Bookings)
	if err != nil {
		return nil, err
	}
	for _, s := range slots {
		b, err := v.book(ctx, o, key, s, words, address)
		if b != nil {
			made = append(made, b)
		}
		if err != nil {
			return made, err
		}
		r.Bookings++
	}
	if c.Links == nil {
		return made, nil
	}
	links, err := c.Links(ctx, len(made))
	if err != nil {
		return made, err
	}
	for _, link := range links {
		if err := v.confirm(ctx, made, link); err != nil {
			return made, err
		}
		r.Confirmed++
	}
	return made, nil
}

func (r *Report) search(ctx context.Context, c Config, words map[string]string) {
	planted := func() string { return "p" + random("abcdefghijklmnopqrstuvwxyz", 23) }
	if c.DatabaseURL != "" {
		r.Places = append(r.Places, searchDatabase(ctx, c.DatabaseURL, words, planted()))
	}
	if c.RedisURL != "" {
		r.Places = append(r.Places, searchRedis(ctx, c.RedisURL, words, planted()))
	}
	for _, path := range c.Files {
		r.Places = append(r.Places, searchFile(path, words, planted()))
	}
	for _, path := range c.Folders {
		r.Places = append(r.Places, searchFolder(path, words, planted()))
	}
}

func (r *Report) verdict() Verdict {
	verdict := Sealed
	if r.Problem != "" || r.Served.Problem != "" || len(r.Places) == 0 || r.Bookings == 0 {
		verdict = Unproven
	}
	for _, p := range r.Places {
		if p.Problem != "" || !p.Proven {
			verdict = Unproven
		}
	}
	for _, p := range r.Places {
		if len(p.Findings) > 0 {
			return Leaking
		}
	}
	if len(r.Served.Altered) > 0 || r.Directory.Problem != "" {
		return Leaking
	}
	return verdict
}

func random(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err) // crypto/rand never fails on supported systems
		}
		b.WriteByte(alphabet[i.Int64()])
	}
	return b.String()
}

// Write writes the report as people read it, in German or English.
func (r Report) Write(w io.Writer, language string) error {
	_, err := io.WriteString(w, r.text(language))
	return err
}
