package staff_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/staff"
)

// tokens returns tokens on the database, and the clock they look at.
func tokens(t *testing.T, db *postgres.DB) (*staff.Tokens, *atomic.Int64) {
	t.Helper()
	later := &atomic.Int64{}
	s, err := staff.NewTokens(staff.Config{DB: db, Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	return s, later
}

func aToken() staff.Token {
	return staff.Token{Name: "Praxissoftware", Scopes: []access.Role{access.ScopeReadRules, access.ScopeReadAppointments}, Creator: id.New[id.Account](), Expires: time.Now().Add(time.Hour)}
}

func TestATokenLetsInUntilItIsOver(t *testing.T) {
	t.Parallel()
	s, later := tokens(t, open(t))
	ours, theirs := id.New[id.Tenant](), id.New[id.Tenant]()
	text, made, err := s.Create(t.Context(), ours, aToken())
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), ours, text)
	if err != nil || found.ID != made.ID || !slices.Equal(found.Scopes, []access.Role{access.ScopeReadAppointments, access.ScopeReadRules}) {
		t.Fatalf("%+v, %v", found, err)
	}
	if _, err := s.Find(t.Context(), theirs, text); !errors.Is(err, staff.ErrTokenRefused) {
		t.Errorf("another tenant lets it in: %v", err)
	}
	listed, err := s.List(t.Context(), ours)
	if err != nil || len(listed) != 1 || listed[0].LastUsed.IsZero() {
		t.Errorf("%+v, %v", listed, err)
	}
	later.Store(int64(time.Hour + time.Second))
	if _, err := s.Find(t.Context(), ours, text); !errors.Is(err, staff.ErrTokenRefused) {
		t.Errorf("it is over: %v", err)
	}
}

func TestOnlyTheWholeTokenLetsIn(t *testing.T) {
	t.Parallel()
	s, _ := tokens(t, open(t))
	tenant := id.New[id.Tenant]()
	text, _, err := s.Create(t.Context(), tenant, aToken())
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) string {
		b := []byte(text)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		return string(b)
	}
	for name, wrong := range map[string]string{
		"Empty": "", "Prefix": "siegel_", "OtherSecret": flip(60), "OtherID": flip(10), "Short": text[:len(text)-1], "Long": text + "A",
		"NoPrefix": strings.TrimPrefix(text, "siegel_"), "UpperPrefix": "SIEGEL_" + text[7:], "Padded": text + "=", "Space": text + " ", "Zeros": "siegel_" + strings.Repeat("A", 64),
	} {
		if _, err := s.Find(t.Context(), tenant, wrong); !errors.Is(err, staff.ErrTokenRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARevokedTokenIsRefusedEverywhereWithinASecond(t *testing.T) {
	t.Parallel()
	db := open(t)
	here, _ := tokens(t, db)
	there, _ := tokens(t, db)
	tenant := id.New[id.Tenant]()
	text, made, err := here.Create(t.Context(), tenant, aToken())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.Find(t.Context(), tenant, text); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := here.Revoke(t.Context(), tenant, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	revoked := time.Now()
	for {
		asked := time.Now()
		_, err := there.Find(t.Context(), tenant, text)
		if errors.Is(err, staff.ErrTokenRefused) {
			break
		}
		if asked.Sub(revoked) > staff.Age {
			t.Fatalf("still let in: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := here.Revoke(t.Context(), tenant, id.New[id.APIToken]()); !errors.Is(err, staff.ErrUnknownToken) {
		t.Errorf("revoke none: %v", err)
	}
	if err := here.Revoke(t.Context(), id.New[id.Tenant](), made.ID); !errors.Is(err, staff.ErrUnknownToken) {
		t.Errorf("revoke another tenant's: %v", err)
	}
	var acts []string
	if err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Rows(`select act from audit_entry order by at, id`, nil, func(rows pgx.Rows) error {
			var act string
			err := rows.Scan(&act)
			acts = append(acts, act)
			return err
		})
	}); err != nil || !slices.Equal(acts, []string{"token.create", "token.revoke"}) {
		t.Errorf("the trail says %v (%v)", acts, err)
	}
}

func TestWhatNoTokenCanBeIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := tokens(t, open(t))
	tenant := id.New[id.Tenant]()
	for name, c := range map[string]struct {
		change func(*staff.Token)
		want   error
	}{
		"NoName":      {func(t *staff.Token) { t.Name = " " }, staff.ErrMalformedToken},
		"LongName":    {func(t *staff.Token) { t.Name = strings.Repeat("ä", 81) }, staff.ErrMalformedToken},
		"Control":     {func(t *staff.Token) { t.Name = "a\nb" }, staff.ErrMalformedToken},
		"Over":        {func(t *staff.Token) { t.Expires = time.Now().Add(-time.Second) }, staff.ErrMalformedToken},
		"TooLong":     {func(t *staff.Token) { t.Expires = time.Now().AddDate(2, 0, 0) }, staff.ErrMalformedToken},
		"NoScope":     {func(t *staff.Token) { t.Scopes = nil }, staff.ErrUnknownScope},
		"RoleAsScope": {func(t *staff.Token) { t.Scopes = []access.Role{access.Owner} }, staff.ErrUnknownScope},
		"Unknown":     {func(t *staff.Token) { t.Scopes = []access.Role{"s:everything"} }, staff.ErrUnknownScope},
	} {
		token := aToken()
		c.change(&token)
		if _, _, err := s.Create(t.Context(), tenant, token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := 0; ; n++ {
		if _, _, err := s.Create(t.Context(), tenant, aToken()); errors.Is(err, staff.ErrTooManyTokens) {
			break
		} else if err != nil || n > 60 {
			t.Fatalf("%d tokens, %v", n, err)
		}
	}
}

// What somebody wrote into the table past the service is no role.
func TestAScopeThatIsWrittenInIsNoRole(t *testing.T) {
	t.Parallel()
	db := open(t)
	s, _ := tokens(t, db)
	tenant := id.New[id.Tenant]()
	text, made, err := s.Create(t.Context(), tenant, aToken())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Exec(`update api_token set scopes = '{r:owner,s:rules.read,owner}' where id = $1`, made.ID)
	}); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Find(t.Context(), tenant, text); err != nil || !slices.Equal(found.Scopes, []access.Role{access.ScopeReadRules}) {
		t.Errorf("%+v, %v", found.Scopes, err)
	}
}
