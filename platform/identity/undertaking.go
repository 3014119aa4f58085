package identity

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"time"

	"siegel/platform/id"
)

// UndertakingVersion is the wording in force. Another one asks everybody again.
const UndertakingVersion = "2026-11"

var (
	//go:embed undertaking/de.txt
	undertakingDe string
	//go:embed undertaking/en.txt
	undertakingEn string
)

// Undertaking is what people of the platform, of resellers and of support
// accept before they see anything (section 203 StGB).
type Undertaking struct {
	Version  string
	Language string // de or en
	Text     string
	Hash     []byte // SHA-256 of the text
}

// UndertakingIn is the wording in a language; German where there is no other.
func UndertakingIn(language string) Undertaking {
	u := Undertaking{Version: UndertakingVersion, Language: "de", Text: undertakingDe}
	if language == "en" {
		u.Language, u.Text = "en", undertakingEn
	}
	sum := sha256.Sum256([]byte(u.Text))
	u.Hash = sum[:]
	return u
}

// Undertake records that the account accepts the wording of that version. It
// returns [ErrMalformedRule] for another version than the one in force. Accepted
// once, it stays as it was accepted.
func (s *Service) Undertake(ctx context.Context, account id.Account, version, language string) error {
	if version != UndertakingVersion {
		return ErrMalformedRule
	}
	u := UndertakingIn(language)
	_, err := s.db.Global().NewRaw(`
		insert into undertaking (account_id, version, language, text_hash) values (?, ?, ?, ?) on conflict do nothing`,
		account, u.Version, u.Language, u.Hash).Exec(ctx)
	if err != nil {
		return fmt.Errorf("undertake: %w", err)
	}
	s.sessions.Clear()
	return nil
}

// Undertook is who accepted what.
type Undertook struct {
	Account  id.Account
	Name     string
	Version  string
	Accepted time.Time // UTC
}

// Undertakings are the last ones that these accounts accepted, by name. An
// account that accepted none is listed with an empty version.
func (s *Service) Undertakings(ctx context.Context, accounts []id.Account) ([]Undertook, error) {
	list := make([]Undertook, 0, len(accounts))
	for _, account := range accounts {
		u := Undertook{Account: account}
		var accepted *time.Time
		var version *string
		found, err := s.row(ctx, `
			select a.name, u.version, u.accepted from account a
			left join undertaking u on u.account_id = a.id
			where a.id = $1 order by u.accepted desc nulls last limit 1`, []any{account}, &u.Name, &version, &accepted)
		if err != nil {
			return nil, fmt.Errorf("read undertakings: %w", err)
		}
		if !found {
			continue
		}
		if version != nil && accepted != nil {
			u.Version, u.Accepted = *version, accepted.UTC()
		}
		list = append(list, u)
	}
	return list, nil
}
