package identity

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/id"
)

// Agent is a browser and a system in coarse words, such as "Firefox", "Windows":
// enough to know one's own again.
type Agent struct{ Browser, System string }

// AgentOf reads the words out of a User-Agent header and forgets the rest.
func AgentOf(header string) Agent {
	find := func(table [][2]string) string {
		for _, row := range table {
			if strings.Contains(header, row[0]) {
				return row[1]
			}
		}
		return ""
	}
	return Agent{
		// In this order: most say that they are also the ones below.
		Browser: find([][2]string{{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"Edg", "Edge"}, {"OPR/", "Opera"},
			{"SamsungBrowser/", "Samsung Internet"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}),
		System: find([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
			{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}),
	}
}

// Attempt is a sign-in that succeeded or did not.
type Attempt struct {
	At      time.Time // UTC
	Domain  access.Domain
	Method  string // password, totp, recovery, passkey, oidc
	Success bool
	IP      string // as the domain's rule says: a network, or an address
	Agent   Agent
}

// History is the account's attempts, the last ones first, at most 200.
func (s *Service) History(ctx context.Context, account id.Account) ([]Attempt, error) {
	var rows []struct {
		At              time.Time
		DomainKind      string
		DomainID        uuid.UUID
		Method          string
		Success         bool
		IP              string
		Browser, System string
	}
	err := s.db.Global().NewRaw(`
		select at, domain_kind, domain_id, method, success, ip, browser, system
		from sign_in_history where account_id = ? and keep_until > now() order by at desc limit 200`, account,
	).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read sign-in history: %w", err)
	}
	attempts := make([]Attempt, 0, len(rows))
	for _, r := range rows {
		attempts = append(attempts, Attempt{
			At: r.At.UTC(), Domain: access.Domain{Kind: access.Kind(r.DomainKind), ID: r.DomainID},
			Method: r.Method, Success: r.Success, IP: r.IP, Agent: Agent{r.Browser, r.System},
		})
	}
	return attempts, nil
}

// PurgeHistory deletes what is past its retention, and links and devices that
// have run out. It is for a job that runs now and then; [Service.Run] is one.
func (s *Service) PurgeHistory(ctx context.Context) error {
	for _, statement := range []string{
		`delete from sign_in_history where keep_until <= now()`,
		`delete from account_recovery where expires <= now() - interval '1 day'`,
		`delete from trusted_device where expires <= now()`,
		`delete from used_ticket where expires <= now()`,
		`delete from session where expires <= now()`,
	} {
		if _, err := s.db.Global().NewRaw(statement).Exec(ctx); err != nil {
			return fmt.Errorf("purge sign-ins: %w", err)
		}
	}
	return nil
}

// purgeEvery is how often [Service.Run] purges.
const purgeEvery = time.Hour

// Run purges from time to time until ctx ends.
func (s *Service) Run(ctx context.Context) {
	for {
		if err := s.PurgeHistory(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "history of sign-ins was not purged", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(purgeEvery):
		}
	}
}

// note writes one line of the history, for an account that there is.
func (s *Service) note(ctx context.Context, account id.Account, in Entry, method string, success bool) error {
	rule, err := s.Rule(ctx, in.Domain)
	if err != nil {
		return err
	}
	_, err = s.db.Global().NewRaw(`
		insert into sign_in_history (id, account_id, domain_kind, domain_id, keep_until, method, success, ip, browser, system)
		select ?, id, ?, ?, now() + make_interval(days => ?), ?, ?, ?, ?, ? from account where id = ?`,
		uuid.Must(uuid.NewV7()), string(in.Domain.Kind), in.Domain.ID, rule.HistoryDays, method, success,
		rule.shown(in.IP), in.Agent.Browser, in.Agent.System, account,
	).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write sign-in history: %w", err)
	}
	return nil
}

// noteFailure does so beside the request: that there was something to write
// shall not show in how long the answer took.
func (s *Service) noteFailure(ctx context.Context, account id.Account, in Entry, method string) {
	if account.IsZero() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := s.note(ctx, account, in, method, false); err != nil {
			slog.WarnContext(ctx, "a failed sign-in was not noted", "err", err)
		}
	}()
}
