// Package notify says something to a patient: what, to whom, in which words.
//
// A message is queued as ids in the transaction that decides it and carried by
// platform/jobs; [Service] reads address and link at the moment of sending and
// lets them be forgotten right after. It promises that a message names the
// practice, the person, the place and the time, and never specialty, service,
// reason, insurance or the patient; that no address, code or link reaches a log
// or the outbox, in errors neither; and that text messages stay within their
// [Budget]. It does not promise delivery: a receipt that cannot leave within
// its time is given up, the booking stands all the same.
package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/plugins/sdk"
	"siegel/tenants/booking"
)

// The kinds of message, as the outbox names them.
const (
	ConfirmMail = "confirm_mail"
	ConfirmSMS  = "confirm_sms"
	ReceiptMail = "receipt_mail"
	ChangeMail  = "change_mail"
	ChangeSMS   = "change_sms"

	ReminderMail = "reminder_mail"
	ReminderSMS  = "reminder_sms"
)

var (
	// ErrUnsendable is returned for what no mail or text message can carry: a
	// malformed address, name, link or code.
	ErrUnsendable = fault.New(fault.Invalid, "unsendable_message")
	// ErrTooLate is returned for a message whose time is over although its
	// address is still there.
	ErrTooLate = fault.New(fault.Expired, "message_too_late")
)

// Bookings is where a message's content comes from, read at the moment of
// sending. Reading returns a fault of code expired once the address is gone.
type Bookings interface {
	ConfirmationToSend(ctx context.Context, tenant id.Tenant, ref string) (booking.Outgoing, error)
	// ConfirmationSent lets the link's secret be forgotten.
	ConfirmationSent(ctx context.Context, tenant id.Tenant, ref string) error
	ReceiptToSend(ctx context.Context, tenant id.Tenant, ref string) (booking.Outgoing, error)
	// ReceiptSent lets the address be forgotten.
	ReceiptSent(ctx context.Context, tenant id.Tenant, ref string) error
	ChangeToSend(ctx context.Context, tenant id.Tenant, ref string) (booking.Outgoing, error)
	// ChangeSent lets the address be forgotten.
	ChangeSent(ctx context.Context, tenant id.Tenant, ref string) error
}

// Facts are what a message says about its sender.
type Facts struct {
	Name, Phone string
	// Email takes the answers.
	Email string
	// SMSSender is up to 11 letters, digits and spaces, or empty for the
	// provider's default.
	SMSSender string
}

// Practices knows a tenant's public face.
type Practices interface {
	Practice(ctx context.Context, tenant id.Tenant) (Facts, error)
}

// SMS hands a text message to a provider. An error's [sdk.Kind] says whether
// trying again makes sense; the text of an error is not looked at.
type SMS interface {
	Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error)
}

// Config is what sending needs.
type Config struct {
	Bookings  Bookings
	Practices Practices
	// Reminders may be nil: then nobody is reminded.
	Reminders *Reminders
	// Route is who carries a tenant's text messages, in the order of failing
	// over. It may be nil or empty: they then fail until their time is over.
	Route func(ctx context.Context, tenant id.Tenant) ([]Line, error)
	// Deliveries keeps the accounts of text messages; nil keeps none.
	Deliveries *Deliveries
	// SMTPURL is smtp://[user:password@]host[:port] for TLS by STARTTLS, which
	// is demanded unless the host is this machine, or smtps:// for TLS from the
	// first byte (where signing in uses PLAIN). Ports default to 587 and 465.
	SMTPURL string
	// From is the address that mails come from; its domain should be one that
	// the SMTP server may send for.
	From string
	// Domain is the base domain; it names this server to others and stands in
	// message ids. A port is left away.
	Domain string
	// TLS is for an SMTP server with a certificate of a private authority; the
	// system's authorities where nil.
	TLS *tls.Config
	// Logger is slog.Default where nil.
	Logger *slog.Logger
}

// Service sends messages.
type Service struct {
	bookings  Bookings
	practices Practices
	reminders *Reminders
	route     func(context.Context, id.Tenant) ([]Line, error)
	texts     *texts
	mail      *mailer
	words     map[string]*vocabulary
	log       *slog.Logger
}

// NewService checks the configuration and sends nothing.
func NewService(c Config) (*Service, error) {
	if c.Bookings == nil || c.Practices == nil {
		return nil, errors.New("notify: bookings and practices are needed")
	}
	m, err := newMailer(c.SMTPURL, c.From, c.Domain, c.TLS)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	words, err := readWords()
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Route == nil {
		c.Route = func(context.Context, id.Tenant) ([]Line, error) { return nil, nil }
	}
	return &Service{
		bookings: c.Bookings, practices: c.Practices, reminders: c.Reminders, mail: m, words: words, log: c.Logger,
		route: c.Route, texts: newTexts(c.Deliveries, c.Logger),
	}, nil
}

// TextKinds are the kinds that leave as text messages.
func TextKinds() []string { return []string{ConfirmSMS, ChangeSMS, ReminderSMS} }

// Handlers are what a relay calls, by kind.
func (s *Service) Handlers() map[string]jobs.Handler {
	all := map[string]jobs.Handler{
		ConfirmMail: s.handler(s.bookings.ConfirmationToSend, s.sendConfirmMail, s.bookings.ConfirmationSent),
		ConfirmSMS:  s.accounted(s.handler(s.bookings.ConfirmationToSend, s.sendSMS, s.bookings.ConfirmationSent)),
		ReceiptMail: s.handler(s.bookings.ReceiptToSend, s.sendReceiptMail, s.bookings.ReceiptSent),
		ChangeMail:  s.handler(s.bookings.ChangeToSend, s.sendChangeMail, s.bookings.ChangeSent),
		ChangeSMS:   s.accounted(s.handler(s.bookings.ChangeToSend, s.sendSMS, s.bookings.ChangeSent)),

		booking.Changed: func(context.Context, jobs.Message) error { return nil },
	}
	if r := s.reminders; r != nil {
		all[ReminderMail] = s.handler(r.ReminderToSend, s.sendReminderMail, r.ReminderSent)
		all[ReminderSMS] = s.accounted(s.handler(r.ReminderToSend, s.sendSMS, r.ReminderSent))
		all[booking.Changed] = r.BookingChanged
	}
	return all
}

type (
	reader func(context.Context, id.Tenant, string) (booking.Outgoing, error)
	sender func(context.Context, jobs.Message, booking.Outgoing, Facts) error
	ender  func(context.Context, id.Tenant, string) error
)

// handler reads, sends, and lets go of what it read.
func (s *Service) handler(read reader, send sender, sent ender) jobs.Handler {
	return func(ctx context.Context, m jobs.Message) error {
		out, err := read(ctx, m.Tenant, m.Ref)
		if fault.From(err).Code == fault.Expired {
			return jobs.ErrLapsed
		}
		if err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		if m.Late {
			return ErrTooLate
		}
		facts, err := s.practices.Practice(ctx, m.Tenant)
		if err != nil {
			return fmt.Errorf("read practice: %w", err)
		}
		if err := send(ctx, m, out, facts); err != nil {
			if errors.Is(err, ErrUnsendable) {
				return jobs.Permanent(err)
			}
			return err
		}
		s.forget(ctx, m, sent)
		return nil
	}
}

// forget tells the booking that the message has left. Failing to is no reason
// to send it again: what is kept dies with its own time to live.
func (s *Service) forget(ctx context.Context, m jobs.Message, sent ender) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for {
		err := sent(ctx, m.Tenant, m.Ref)
		// Expired means that somebody confirmed meanwhile, or the time is over.
		if err == nil || fault.From(err).Code == fault.Expired {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			s.log.Warn("a sent message is kept until it expires",
				"message", m.ID.String(), "tenant", m.Tenant.String(), "kind", m.Kind, "reason", fault.From(err).Reason)
			return
		}
	}
}

func (s *Service) sendConfirmMail(ctx context.Context, m jobs.Message, out booking.Outgoing, f Facts) error {
	if !isLink(out.Link) {
		return ErrUnsendable.Because(errors.New("no link to confirm"))
	}
	return s.sendMail(ctx, m, ConfirmMail, out.Link, "", out, f)
}

func (s *Service) sendReceiptMail(ctx context.Context, m jobs.Message, out booking.Outgoing, f Facts) error {
	if out.ManageLink != "" && !isLink(out.ManageLink) {
		return ErrUnsendable.Because(errors.New("malformed link to manage"))
	}
	return s.sendMail(ctx, m, ReceiptMail, out.ManageLink, out.ICS, out, f)
}

func (s *Service) sendChangeMail(ctx context.Context, m jobs.Message, out booking.Outgoing, f Facts) error {
	if out.Link != "" && !isLink(out.Link) {
		return ErrUnsendable.Because(errors.New("malformed link"))
	}
	return s.sendMail(ctx, m, ChangeMail, out.Link, out.ICS, out, f)
}

func (s *Service) sendReminderMail(ctx context.Context, m jobs.Message, out booking.Outgoing, f Facts) error {
	if !isLink(out.ManageLink) {
		return ErrUnsendable.Because(errors.New("malformed link to manage"))
	}
	return s.sendMail(ctx, m, ReminderMail, out.ManageLink, "", out, f)
}

func (s *Service) sendMail(ctx context.Context, m jobs.Message, kind, link, ics string, out booking.Outgoing, f Facts) error {
	subject, body, err := s.vocabulary(out.Language).mail(kind, link, out, f)
	if err != nil {
		return err
	}
	return s.mail.send(ctx, mail{
		id: m.ID, to: out.Address, name: f.Name, replyTo: f.Email,
		subject: subject, body: body, ics: ics,
	})
}

func (s *Service) sendSMS(ctx context.Context, m jobs.Message, out booking.Outgoing, f Facts) error {
	text, err := s.vocabulary(out.Language).sms(m.Kind, out, f)
	if err != nil {
		return err
	}
	route, err := s.route(ctx, m.Tenant)
	if err != nil {
		return fmt.Errorf("find the way of a text message: %w", err)
	}
	return s.texts.carry(ctx, m.Tenant, m.ID, sdk.Message{ID: m.ID.String(), To: out.Address, Sender: f.SMSSender, Text: text}, route)
}

// accounted closes the account of a text message that will not be sent any
// more, so that what was taken of the budget is given back.
func (s *Service) accounted(h jobs.Handler) jobs.Handler {
	return func(ctx context.Context, m jobs.Message) error {
		err := h(ctx, m)
		if s.texts.deliveries == nil || err == nil {
			return err
		}
		state, code := State(""), fault.From(err).Reason
		switch {
		case errors.Is(err, jobs.ErrLapsed):
			state, code = Expired, "address_lapsed"
		case m.Late, errors.Is(err, ErrTooLate):
			state, code = Expired, "too_late"
		case errors.Is(err, ErrUnsendable):
			state = Failed
		default:
			return err
		}
		s.texts.keep(ctx, m.ID, func(ctx context.Context) error { return s.texts.deliveries.ended(ctx, m.ID, state, code) })
		return err
	}
}

func (s *Service) vocabulary(language string) *vocabulary {
	if v, ok := s.words[language]; ok {
		return v
	}
	return s.words["de"]
}
