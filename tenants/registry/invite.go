package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// PortalLink is the purpose of the link with which somebody who was invited
// joins; see platform/link.
const PortalLink = "portal"

const invitationMail = "invitation_mail"

const portalInvitationLife = 7 * 24 * time.Hour

// What callers act on.
var (
	ErrAlreadyInvited    = fault.New(fault.Conflict, "already_invited")
	ErrUnknownInvitation = fault.New(fault.NotFound, "unknown_invitation")
	// ErrInvitationOver is returned for a link that is used up or too old.
	ErrInvitationOver = fault.New(fault.Expired, "link_expired")
	// ErrSentEnough is returned for sending one again too often.
	ErrSentEnough = fault.New(fault.Limited, "sent_enough")
)

// maxSent is how often one invitation is sent.
const maxSent = 10

// PortalInvitation is somebody who was asked to work for a reseller, or for the
// platform where it is zero.
type PortalInvitation struct {
	ID               id.Invitation
	Reseller         id.Reseller
	Of               string // the reseller's name
	Email, Name      string
	Role             access.Role
	Language         string
	By               string
	Created, Expires time.Time // UTC
}

// InvitePerson asks somebody, by mail. It returns [Mistakes],
// [ErrAlreadyInvited] or [ErrUnknownReseller].
func (s *Service) InvitePerson(ctx context.Context, i PortalInvitation) (PortalInvitation, error) {
	i.Email = strings.ToLower(strings.TrimSpace(i.Email))
	var wrong Mistakes
	if checked, err := (Brand{Name: "x", SenderEmail: i.Email}).Check(); err != nil || checked.SenderEmail == "" {
		wrong = append(wrong, Mistake{"email", "malformed"})
	}
	if i.Name = strings.TrimSpace(i.Name); i.Name == "" || !isText(i.Name, 120) {
		wrong = append(wrong, Mistake{"name", "malformed"})
	}
	switch {
	case i.Reseller.IsZero() && i.Role == access.PlatformAdmin:
	case !i.Reseller.IsZero() && (i.Role == access.ResellerAdmin || i.Role == access.ResellerAgent):
	default:
		wrong = append(wrong, Mistake{"role", "unknown"})
	}
	if err := wrong.orNil(); err != nil {
		return PortalInvitation{}, err
	}
	if i.Language != "en" {
		i.Language = "de"
	}
	i.ID = id.New[id.Invitation]()
	whose := Scope(i.Reseller)
	err := s.DB.InTenant(ctx, whose, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw(`delete from portal_invitation where expires < now()`).Exec(ctx); err != nil {
			return err
		}
		err := tx.NewRaw(`insert into portal_invitation (id, reseller_id, email, name, role, language, invited_by, expires)
			values (?, ?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?)) returning created, expires`,
			i.ID, i.Reseller, i.Email, i.Name, bare(i.Role), i.Language, i.By, portalInvitationLife.Seconds()).Scan(ctx, &i.Created, &i.Expires)
		if err != nil {
			return err
		}
		return jobs.AddTx(ctx, tx, jobs.Message{Tenant: whose, Kind: invitationMail, Ref: i.ID.UUID(), TTL: time.Hour})
	})
	switch {
	case postgres.Violates(err, "portal_invitation_once"):
		return PortalInvitation{}, ErrAlreadyInvited
	case postgres.Violates(err, "portal_invitation_reseller"):
		return PortalInvitation{}, ErrUnknownReseller
	case err != nil:
		return PortalInvitation{}, fmt.Errorf("invite: %w", err)
	}
	s.Wake()
	return i, nil
}

const invitationColumns = `i.id, i.reseller_id, coalesce(r.name, '') as of, i.email, i.name, i.role, i.language, i.invited_by, i.created, i.expires
	from portal_invitation i left join reseller r on r.id = i.reseller_id`

type invitationRow struct {
	ID                                         id.Invitation
	ResellerID                                 id.Reseller
	Of, Email, Name, Role, Language, InvitedBy string
	Created, Expires                           time.Time
}

func (r invitationRow) invitation() PortalInvitation {
	return PortalInvitation{r.ID, r.ResellerID, r.Of, r.Email, r.Name, access.Role("r:" + r.Role), r.Language, r.InvitedBy, r.Created.UTC(), r.Expires.UTC()}
}

// InvitedPeople are those who have not answered, the latest last.
func (s *Service) InvitedPeople(ctx context.Context, reseller id.Reseller) ([]PortalInvitation, error) {
	var rows []invitationRow
	err := s.DB.Global().NewRaw(`select `+invitationColumns+` where i.reseller_id is not distinct from ?::uuid and i.expires > now() order by i.created, i.id`, reseller).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	all := make([]PortalInvitation, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.invitation())
	}
	return all, nil
}

// PortalInvitation reads an invitation that still counts. It returns
// [ErrInvitationOver].
func (s *Service) PortalInvitation(ctx context.Context, invitation id.Invitation) (PortalInvitation, error) {
	var r invitationRow
	err := s.DB.Global().NewRaw(`select `+invitationColumns+` where i.id = ? and i.expires > now()`, invitation).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return PortalInvitation{}, ErrInvitationOver
	}
	if err != nil {
		return PortalInvitation{}, fmt.Errorf("read invitation: %w", err)
	}
	return r.invitation(), nil
}

// JoinPortal makes an account what an invitation says, which is used up by that.
// It returns [ErrInvitationOver].
func (s *Service) JoinPortal(ctx context.Context, invitation id.Invitation, account id.Account) error {
	i, err := s.PortalInvitation(ctx, invitation)
	if err != nil {
		return err
	}
	result, err := s.DB.Global().NewRaw(`delete from portal_invitation where id = ? and expires > now()`, invitation).Exec(ctx)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return ErrInvitationOver
	}
	return s.AddPerson(ctx, i.Reseller, account, i.Role)
}

// ResendPerson sends an invitation of a reseller's, or of the platform's, again
// and begins its time anew. It returns [ErrUnknownInvitation] or [ErrSentEnough].
func (s *Service) ResendPerson(ctx context.Context, reseller id.Reseller, invitation id.Invitation) error {
	whose := Scope(reseller)
	err := s.DB.InTenant(ctx, whose, func(ctx context.Context, tx bun.Tx) error {
		var sent int
		err := tx.NewRaw(`update portal_invitation set sent = sent + 1, expires = now() + make_interval(secs => ?)
			where id = ? and reseller_id is not distinct from ?::uuid returning sent`, portalInvitationLife.Seconds(), invitation, reseller).Scan(ctx, &sent)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrUnknownInvitation
		case err != nil:
			return err
		case sent > maxSent:
			return ErrSentEnough
		}
		return jobs.AddTx(ctx, tx, jobs.Message{Tenant: whose, Kind: invitationMail, Ref: invitation.UUID(), TTL: time.Hour})
	})
	if err != nil {
		return fmt.Errorf("resend invitation: %w", err)
	}
	s.Wake()
	return nil
}

// WithdrawPerson makes an invitation of a reseller's, or of the platform's,
// void. It returns [ErrUnknownInvitation].
func (s *Service) WithdrawPerson(ctx context.Context, reseller id.Reseller, invitation id.Invitation) error {
	result, err := s.DB.Global().NewRaw(`delete from portal_invitation where id = ? and reseller_id is not distinct from ?::uuid`, invitation, reseller).Exec(ctx)
	if err != nil {
		return fmt.Errorf("withdraw invitation: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return ErrUnknownInvitation
	}
	return nil
}
