package privacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Profile is what the law wants said of the operator, beside what the
// environment names.
type Profile struct {
	Land              string `json:"land"`
	Responsible       string `json:"responsible"`
	Register          string `json:"register"`
	VATID             string `json:"vat_id"`
	ProtectionOfficer string `json:"protection_officer"`
	// PrivacyEmail is where questions about data go; the operator's address
	// where empty.
	PrivacyEmail string `json:"privacy_email"`
	// Traffic says that visits of the portal are counted.
	Traffic bool `json:"traffic"`
}

// Profile reads it; all of it is empty where nothing was entered.
func (s *Service) Profile(ctx context.Context) (p Profile, err error) {
	err = s.DB.Global().NewRaw(`select land, responsible, register, vat_id, protection_officer, privacy_email, traffic from operator_profile`).
		Scan(ctx, &p.Land, &p.Responsible, &p.Register, &p.VATID, &p.ProtectionOfficer, &p.PrivacyEmail, &p.Traffic)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Profile{}, fmt.Errorf("read the operator's profile: %w", err)
	}
	return p, nil
}

// SetProfile keeps it. It returns [Mistakes].
func (s *Service) SetProfile(ctx context.Context, p Profile) error {
	c := &checker{}
	if p.Land != "" {
		if _, ok := authorities[p.Land]; !ok {
			c.fail("land", "unknown")
		}
	}
	c.text("responsible", &p.Responsible, 200, false, false)
	c.text("register", &p.Register, 200, false, false)
	c.text("vat_id", &p.VATID, 40, false, false)
	c.text("protection_officer", &p.ProtectionOfficer, 300, false, false)
	c.email("privacy_email", &p.PrivacyEmail)
	if err := c.mistakes.orNil(); err != nil {
		return err
	}
	_, err := s.DB.Global().NewRaw(`
		insert into operator_profile (land, responsible, register, vat_id, protection_officer, privacy_email, traffic) values (?0, ?1, ?2, ?3, ?4, ?5, ?6)
		on conflict (one) do update set land = ?0, responsible = ?1, register = ?2, vat_id = ?3, protection_officer = ?4, privacy_email = ?5,
		  traffic = ?6, changed = now()`,
		p.Land, p.Responsible, p.Register, p.VATID, p.ProtectionOfficer, p.PrivacyEmail, p.Traffic).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep the operator's profile: %w", err)
	}
	return nil
}

// privacyEmail is where questions to the operator go.
func (s *Service) privacyEmail(p Profile) string {
	if p.PrivacyEmail != "" {
		return p.PrivacyEmail
	}
	return s.Operator.Email
}
