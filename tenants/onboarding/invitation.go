package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/notify"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

const (
	invitationLife = 14 * 24 * time.Hour
	handoverLife   = 30 * 24 * time.Hour
	// maxSent is how often one invitation is sent.
	maxSent = 10
)

// What invitations and hand-overs are refused for.
var (
	// ErrSentEnough is returned for resending too often.
	ErrSentEnough = fault.New(fault.Limited, "sent_enough")
	// ErrOwned is returned for handing over what has its owner.
	ErrOwned = fault.New(fault.Conflict, "owned")
)

// Invitation is somebody who was asked to join and has not answered.
type Invitation struct {
	ID id.Invitation
	// Handover says that it is a prepared practice's first owner who is asked.
	Handover bool
	Email    string
	Name     string
	Role     staff.Role
	Language string
	// By is who asks, by name.
	By               string
	Sent             int
	Created, Expires time.Time // UTC
}

// Account is the account that accepting makes, where there is none yet.
func (i Invitation) Account() id.Account { return id.Account(i.ID) }

func (i *Invitation) check(c *checker) {
	c.email("email", &i.Email)
	c.line("name", &i.Name, true)
	if !i.Role.Lasting() {
		c.fail("role", "unknown")
	}
	i.Language = language(i.Language)
}

// Invite asks somebody to join a practice, by mail; Email, Name, Role, Language
// and By are looked at. It returns [Mistakes], [ErrAlreadyInvited] or
// staff.ErrAlreadyMember.
func (s *Service) Invite(ctx context.Context, tenant id.Tenant, i Invitation) (Invitation, error) {
	c := &checker{}
	i.check(c)
	if err := c.mistakes.orNil(); err != nil {
		return Invitation{}, err
	}
	i.Handover = false
	return s.invite(ctx, tenant, i, invitationLife)
}

// HandOver asks the owner-to-be of a prepared practice to take it over: Email,
// Name, Language and By are looked at. An earlier hand-over that nobody
// answered is void. It returns [Mistakes], or [ErrOwned].
func (s *Service) HandOver(ctx context.Context, tenant id.Tenant, i Invitation) (Invitation, error) {
	i.Role, i.Handover = staff.Owner, true
	c := &checker{}
	i.check(c)
	if err := c.mistakes.orNil(); err != nil {
		return Invitation{}, err
	}
	return s.invite(ctx, tenant, i, handoverLife)
}

func (s *Service) invite(ctx context.Context, tenant id.Tenant, i Invitation, life time.Duration) (Invitation, error) {
	i.ID, i.Sent = id.New[id.Invitation](), 1
	kind, act := notify.InvitationMail, "person.invite"
	if i.Handover {
		kind, act = notify.HandoverMail, "tenant.hand_over"
	}
	err := s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		if i.Handover {
			var owners int
			if err := tx.NewRaw(`select count(*) from member where tenant_id = ? and role = 'owner'`, tenant).Scan(ctx, &owners); err != nil {
				return err
			}
			if owners > 0 {
				return ErrOwned
			}
			if _, err := tx.NewRaw(`delete from invitation where tenant_id = ? and handover`, tenant).Exec(ctx); err != nil {
				return err
			}
		}
		var members int
		err := tx.NewRaw(`select count(*) from member m join account a on a.id = m.account_id where m.tenant_id = ? and a.email = ?`, tenant, i.Email).Scan(ctx, &members)
		if err != nil {
			return err
		}
		if members > 0 {
			return staff.ErrAlreadyMember
		}
		if _, err := tx.NewRaw(`delete from invitation where tenant_id = ? and expires < now()`, tenant).Exec(ctx); err != nil {
			return err
		}
		err = tx.NewRaw(`insert into invitation (tenant_id, id, handover, email, name, role, language, invited_by, expires)
			values (?, ?, ?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?)) returning created, expires`,
			tenant, i.ID, i.Handover, i.Email, i.Name, string(i.Role), i.Language, i.By, life.Seconds()).Scan(ctx, &i.Created, &i.Expires)
		if err != nil {
			return err
		}
		if err := jobs.AddTx(ctx, tx, jobs.Message{Tenant: tenant, Kind: kind, Ref: i.ID.UUID(), TTL: time.Hour}); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, withRole(audit.Now(ctx, tenant, act, i.ID.String()), i.Role))
	})
	switch {
	case postgres.Violates(err, "invitation_once"):
		return Invitation{}, ErrAlreadyInvited.Because(err)
	case err != nil:
		return Invitation{}, fmt.Errorf("invite: %w", err)
	}
	i.Created, i.Expires = i.Created.UTC(), i.Expires.UTC()
	s.Wake()
	return i, nil
}

func withRole(e audit.Entry, role staff.Role) audit.Entry {
	e.Detail = map[string]string{"role": string(role)}
	return e
}

// Invitations are those that nobody has answered, the latest last.
func (s *Service) Invitations(ctx context.Context, tenant id.Tenant) ([]Invitation, error) {
	all := []Invitation{}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select id, handover, email, name, role, language, invited_by, sent, created, expires
			from invitation where tenant_id = $1 order by created, id`, []any{tenant}, func(rows pgx.Rows) error {
			var i Invitation
			if err := scanInvitation(rows.Scan, &i); err != nil {
				return err
			}
			all = append(all, i)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read invitations: %w", err)
	}
	return all, nil
}

func scanInvitation(scan func(...any) error, i *Invitation) error {
	err := scan(&i.ID, &i.Handover, &i.Email, &i.Name, &i.Role, &i.Language, &i.By, &i.Sent, &i.Created, &i.Expires)
	i.Created, i.Expires = i.Created.UTC(), i.Expires.UTC()
	return err
}

// Resend sends an invitation again and begins its time anew. It returns
// [ErrUnknownInvitation] or [ErrSentEnough].
func (s *Service) Resend(ctx context.Context, tenant id.Tenant, invitation id.Invitation) error {
	err := s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		var rows []struct {
			Handover bool
			Sent     int
		}
		if err := tx.NewRaw(`select handover, sent from invitation where tenant_id = ? and id = ? for update`, tenant, invitation).Scan(ctx, &rows); err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrUnknownInvitation
		}
		if rows[0].Sent >= maxSent {
			return ErrSentEnough
		}
		kind, life := notify.InvitationMail, invitationLife
		if rows[0].Handover {
			kind, life = notify.HandoverMail, handoverLife
		}
		_, err := tx.NewRaw(`update invitation set sent = sent + 1, expires = now() + make_interval(secs => ?) where tenant_id = ? and id = ?`,
			life.Seconds(), tenant, invitation).Exec(ctx)
		if err != nil {
			return err
		}
		if err := jobs.AddTx(ctx, tx, jobs.Message{Tenant: tenant, Kind: kind, Ref: invitation.UUID(), TTL: time.Hour}); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, audit.Now(ctx, tenant, "person.invite_again", invitation.String()))
	})
	if err != nil {
		return fmt.Errorf("resend invitation: %w", err)
	}
	s.Wake()
	return nil
}

// Withdraw makes an invitation void. It returns [ErrUnknownInvitation].
func (s *Service) Withdraw(ctx context.Context, tenant id.Tenant, invitation id.Invitation) error {
	var found *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		var one int
		found = b.Row(`delete from invitation where tenant_id = $1 and id = $2 returning 1`, []any{tenant, invitation}, &one)
		audit.Record(b, audit.Now(ctx, tenant, "person.withdraw_invitation", invitation.String()))
	})
	if err != nil {
		return fmt.Errorf("withdraw invitation: %w", err)
	}
	if !found.OK {
		return ErrUnknownInvitation
	}
	return nil
}

// Invited reads an invitation to a tenant by its link's token. It returns
// [ErrExpired].
func (s *Service) Invited(ctx context.Context, tenant id.Tenant, token string) (Invitation, error) {
	key, handover, err := s.readInvitation(token)
	if err != nil {
		return Invitation{}, ErrExpired
	}
	return s.invitation(ctx, tenant, key, handover)
}

func (s *Service) readInvitation(token string) (key uuid.UUID, handover bool, err error) {
	if key, err = s.Links.Read(invitationLink, token); err == nil {
		return key, false, nil
	}
	key, err = s.Links.Read(handoverLink, token)
	return key, true, err
}

func (s *Service) invitation(ctx context.Context, tenant id.Tenant, key uuid.UUID, handover bool) (Invitation, error) {
	var i Invitation
	found := false
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select id, handover, email, name, role, language, invited_by, sent, created, expires
			from invitation where tenant_id = $1 and id = $2 and handover = $3 and expires > now()`,
			[]any{tenant, key, handover}, func(rows pgx.Rows) error {
				found = true
				return scanInvitation(rows.Scan, &i)
			})
	})
	if err != nil {
		return Invitation{}, fmt.Errorf("read invitation: %w", err)
	}
	if !found {
		return Invitation{}, ErrExpired
	}
	return i, nil
}

// Join makes an account a member, as an invitation says, which is used up by
// that. Somebody who is a member already stays what they are. It returns
// [ErrExpired], and [ErrOwned] for a hand-over of what has its owner.
func (s *Service) Join(ctx context.Context, tenant id.Tenant, token string, account id.Account) error {
	key, handover, err := s.readInvitation(token)
	if err != nil {
		return ErrExpired
	}
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		var roles []string
		err := tx.NewRaw(`delete from invitation where tenant_id = ? and id = ? and handover = ? and expires > now() returning role`, tenant, key, handover).Scan(ctx, &roles)
		if err != nil {
			return err
		}
		if len(roles) == 0 {
			return ErrExpired
		}
		if handover {
			var owners int
			if err := tx.NewRaw(`select count(*) from member where tenant_id = ? and role = 'owner'`, tenant).Scan(ctx, &owners); err != nil {
				return err
			}
			if owners > 0 {
				return ErrOwned
			}
		}
		_, err = tx.NewRaw(`insert into member (tenant_id, account_id, role) values (?, ?, ?) on conflict (tenant_id, account_id) do nothing`, tenant, account, roles[0]).Exec(ctx)
		if err != nil {
			return err
		}
		entry := audit.Now(ctx, tenant, "person.join", account.String())
		entry.Actor = audit.Person(account)
		return audit.RecordTx(ctx, tx, withRole(entry, staff.Role(roles[0])))
	})
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	s.Staff.Forget(tenant, account)
	if handover {
		return s.HandedOver(ctx, tenant)
	}
	return nil
}

// invitationLetter is the mail with the link, for both kinds.
func (s *Service) invitationLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	key, err := uuid.Parse(ref)
	if err != nil {
		return notify.Letter{}, ErrExpired
	}
	i, err := s.invitation(ctx, tenant, key, false)
	purpose := invitationLink
	if errors.Is(err, ErrExpired) {
		i, err = s.invitation(ctx, tenant, key, true)
		purpose = handoverLink
	}
	if err != nil {
		return notify.Letter{}, err
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return notify.Letter{}, fmt.Errorf("read practice: %w", err)
	}
	office, err := s.Host(ctx, tenant, registry.Office)
	if err != nil {
		return notify.Letter{}, err
	}
	from, err := s.sender(ctx, tenant)
	if err != nil {
		return notify.Letter{}, err
	}
	return notify.Letter{
		To: i.Email, Name: i.Name, Language: i.Language, Practice: offer.Practice.Name, By: i.By,
		Link: office + "/join#" + s.Links.Make(purpose, key), Until: i.Expires, Zone: offer.Practice.Zone, From: from,
	}, nil
}
