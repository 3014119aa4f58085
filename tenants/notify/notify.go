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
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
	RecallMail  = "recall_mail"
	RecallSMS   = "recall_sms"

	ReminderMail = "reminder_mail"
	ReminderSMS  = "reminder_sms"

	WaitingMail    = booking.OfferMailKind
	WaitingSMS     = booking.OfferSMSKind
	WaitingAskMail = booking.AskMailKind
	WaitingAskSMS  = booking.AskSMSKind
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
	RecallToSend(ctx context.Context, tenant id.Tenant, ref string) (booking.Outgoing, error)
	// RecallSent lets the address be forgotten.
	RecallSent(ctx context.Context, tenant id.Tenant, ref string) error
}

// Facts are what a message says about its sender.
type Facts struct {
	// Name is neutral: it names no specialty where the practice chose another
	// one for messages.
	Name, Phone string
	// From is the address of whoever looks after the practice, for mails to come
	// from, or empty.
	From string
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
	// Waiting may be nil: then nobody waits for an earlier time.
	Waiting *booking.Waiting
	// Route is who carries a tenant's text messages, in the order of failing
	// over. It may be nil or empty: they then fail until their time is over.
	Route func(ctx context.Context, tenant id.Tenant) ([]Line, error)
	// Deliveries keeps the accounts of text messages; nil keeps none.
	Deliveries *Deliveries
	// Settings know the practices' own words; nil: nobody has any.
	Settings *Settings
	MailConfig
	// Logger is slog.Default where nil.
	Logger *slog.Logger
}

// Service sends messages.
type Service struct {
	bookings  Bookings
	practices Practices
	reminders *Reminders
	waiting   *booking.Waiting
	settings  *Settings
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
	m, err := newMailer(c.MailConfig)
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
		bookings: c.Bookings, practices: c.Practices, reminders: c.Reminders, waiting: c.Waiting, settings: c.Settings, mail: m, words: words, log: c.Logger,
		route: c.Route, texts: newTexts(c.Deliveries, c.Logger),
	}, nil
}

// ReminderKinds are the kinds of which very many can be due in the same minute.
// Nobody waits for them in front of a screen.
func ReminderKinds() []string { return []string{ReminderMail, ReminderSMS} }

// TextKinds are the other kinds that leave as text messages.
func TextKinds() []string {
	return []string{ConfirmSMS, ChangeSMS, RecallSMS, WaitingSMS, WaitingAskSMS}
}

// Handlers are what a relay calls, by kind.
func (s *Service) Handlers() map[string]jobs.Handler {
	all := map[string]jobs.Handler{
		ConfirmMail: s.handler(s.bookings.ConfirmationToSend, s.bookings.ConfirmationSent),
		ConfirmSMS:  s.handler(s.bookings.ConfirmationToSend, s.bookings.ConfirmationSent),
		ReceiptMail: s.handler(s.bookings.ReceiptToSend, s.bookings.ReceiptSent),
		ChangeMail:  s.handler(s.bookings.ChangeToSend, s.bookings.ChangeSent),
		ChangeSMS:   s.handler(s.bookings.ChangeToSend, s.bookings.ChangeSent),
		RecallMail:  s.handler(s.bookings.RecallToSend, s.bookings.RecallSent),
		RecallSMS:   s.handler(s.bookings.RecallToSend, s.bookings.RecallSent),

		booking.Changed: func(context.Context, jobs.Message) error { return nil },
	}
	if r := s.reminders; r != nil {
		all[ReminderMail] = s.handler(r.ReminderToSend, r.ReminderSent)
		all[ReminderSMS] = s.handler(r.ReminderToSend, r.ReminderSent)
		all[booking.Changed] = r.BookingChanged
	}
	if w := s.waiting; w != nil {
		all[WaitingMail], all[WaitingSMS] = s.handler(w.OfferToSend, w.OfferSent), s.handler(w.OfferToSend, w.OfferSent)
		all[WaitingAskMail], all[WaitingAskSMS] = s.handler(w.AskToSend, w.AskSent), s.handler(w.AskToSend, w.AskSent)
		all[booking.LookKind] = w.Look
		// What has changed may have become free.
		before := all[booking.Changed]
		all[booking.Changed] = func(ctx context.Context, m jobs.Message) error {
			return errors.Join(before(ctx, m), w.Look(ctx, m))
		}
	}
	return all
}

type (
	reader func(context.Context, id.Tenant, string) (booking.Outgoing, error)
	ender  func(context.Context, id.Tenant, string) error
)

// handler reads, sends, keeps account, and lets go of what it read.
func (s *Service) handler(read reader, sent ender) jobs.Handler {
	return func(ctx context.Context, m jobs.Message) error {
		err := s.carry(ctx, m, read)
		s.account(ctx, m, err)
		// An address that will not be written to any more is not kept either. What
		// a patient has yet to confirm they may still correct.
		over := errors.Is(err, ErrUnsendable) || errors.Is(err, ErrTooLate)
		if err == nil || over && m.Kind != ConfirmMail && m.Kind != ConfirmSMS {
			s.forget(ctx, m, sent)
		}
		if errors.Is(err, ErrUnsendable) {
			return jobs.Permanent(err)
		}
		return err
	}
}

func (s *Service) carry(ctx context.Context, m jobs.Message, read reader) error {
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
	err = s.send(ctx, m, out, facts)
	if err == nil || out.Other.Address == "" || !errors.Is(err, ErrUnsendable) && m.Attempts < failsBefore {
		return err
	}
	// The other way, for what does not arrive by the first.
	what, _, _ := strings.Cut(m.Kind, "_")
	m.Kind = what + "_" + out.Other.Channel
	out.Channel, out.Address = out.Other.Channel, out.Other.Address
	if s.send(ctx, m, out, facts) == nil {
		return nil
	}
	return err
}

func (s *Service) send(ctx context.Context, m jobs.Message, out booking.Outgoing, f Facts) error {
	v := s.vocabulary(out.Language)
	words, _ := shape(wordingOf(m.Kind, out))
	w, own, err := s.settings.wording(ctx, m.Tenant, words, v.language)
	if err != nil {
		return fmt.Errorf("read the practice's words: %w", err)
	}
	if !own {
		w = v.wordings[words.Name]
	}
	if words.Text() {
		return s.sendText(ctx, m, v, w, own, out, f)
	}
	return s.sendMail(ctx, m, v, words, w, out, f)
}

// account closes the account of a message that will not be sent any more, so
// that the office sees it and what was taken of a budget is given back.
func (s *Service) account(ctx context.Context, m jobs.Message, err error) {
	d := s.texts.deliveries
	if d == nil || err == nil {
		return
	}
	reason := fault.From(err).Reason
	switch {
	case errors.Is(err, jobs.ErrLapsed):
		s.texts.keep(ctx, m.ID, func(ctx context.Context) error { return d.ended(ctx, m.ID, Expired, "address_lapsed") })
	case m.Late, errors.Is(err, ErrTooLate):
		s.texts.keep(ctx, m.ID, func(ctx context.Context) error { return d.ended(ctx, m.ID, Expired, "too_late") })
	case errors.Is(err, ErrUnsendable):
		s.texts.keep(ctx, m.ID, func(ctx context.Context) error { return d.ended(ctx, m.ID, Failed, reason) })
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

func (s *Service) sendMail(ctx context.Context, m jobs.Message, v *vocabulary, words Shape, w Wording, out booking.Outgoing, f Facts) error {
	link, needed := out.Link, m.Kind == ConfirmMail || m.Kind == WaitingAskMail || m.Kind == RecallMail
	if m.Kind == ReceiptMail || m.Kind == ReminderMail || m.Kind == WaitingMail {
		link, needed = out.ManageLink, m.Kind != ReceiptMail
	}
	if (link != "" || needed) && !isLink(link) {
		return ErrUnsendable.Because(errors.New("a malformed link"))
	}
	subject, body, err := v.mail(words, w, link, out, f)
	if err != nil {
		return err
	}
	d := s.texts.deliveries
	if d != nil && m.Attempts > 1 {
		left, err := d.left(ctx, m.ID)
		if err != nil {
			return fault.New(fault.Unavailable, "delivery_not_kept").Because(err)
		}
		if left {
			return nil
		}
	}
	if m.Kind == ConfirmMail || m.Kind == ReminderMail {
		out.ICS = ""
	}
	err = s.mail.send(ctx, mail{
		id: m.ID, to: out.Address, from: f.From, name: f.Name, replyTo: f.Email,
		subject: subject, body: body, link: link, ics: out.ICS,
	})
	if d != nil && err == nil {
		s.texts.keep(ctx, m.ID, func(ctx context.Context) error { return d.mailed(ctx, m, out.BookingID) })
	} else if d != nil {
		s.texts.keep(ctx, m.ID, func(ctx context.Context) error { return d.notMailed(ctx, m, out.BookingID, fault.From(err).Reason) })
	}
	return err
}

func (s *Service) sendText(ctx context.Context, m jobs.Message, v *vocabulary, w Wording, own bool, out booking.Outgoing, f Facts) error {
	most := 1
	if own {
		most = mostParts
	}
	text, err := v.sms(m.Kind, w, most, out, f)
	if err != nil {
		return err
	}
	route, err := s.route(ctx, m.Tenant)
	if err != nil {
		return fmt.Errorf("find the way of a text message: %w", err)
	}
	return s.texts.carry(ctx, m, out.BookingID, sdk.Message{ID: m.ID.String(), To: out.Address, Sender: f.SMSSender, Text: text}, route)
}

func (s *Service) vocabulary(language string) *vocabulary {
	if v, ok := s.words[language]; ok {
		return v
	}
	return s.words["de"]
}
