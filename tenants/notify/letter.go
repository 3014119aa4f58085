package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
)

// The kinds of letter, as the outbox names them. Letters go to people who work
// in practices or want to, never to patients.
const (
	// RegistrationMail lets somebody confirm that a business is to be set up.
	RegistrationMail = "registration_mail"
	// InvitationMail asks somebody to join a practice.
	InvitationMail = "invitation_mail"
	// HandoverMail hands a prepared practice to its owner.
	HandoverMail = "handover_mail"
	// RecoveryMail lets somebody set a new password.
	RecoveryMail = "recovery_mail"
	// TrialMail says that a trial ends on a day, or (variant "ended") that it has.
	TrialMail = "trial_mail"
	// AgreementMail says that a new version of the terms waits until a day.
	AgreementMail = "agreement_mail"
	// NoticeMail says that a contract ends on a day, or (variant "erased") that
	// the practice's data are gone.
	NoticeMail = "notice_mail"
	// ProviderMail says that somebody new is to carry messages, or (variant
	// "emergency") does so at once; "outside" and "emergency_outside" of the
	// European Economic Area it takes an agreement. By is the company.
	ProviderMail = "provider_mail"
	// SupportMail tells somebody from support that a practice has let them in
	// until a day.
	SupportMail = "support_mail"
	// HostMail says that nothing proves any more that addresses are the
	// practice's, and that they count until a day, or (variant "off") that they
	// count no more; "base" and "base_off" say the same of a reseller's domains.
	// By is the addresses.
	HostMail = "host_mail"
	// ProbeMail says that nobody of a practice has opened the sealed word of the
	// day by the end of its open day, Until: its bookings may not open either.
	ProbeMail = "probe_mail"
	// StatementMail says that a practice's privacy statement has changed, through
	// others than the practice, on a day. By names the sections.
	StatementMail = "statement_mail"
	// EvidenceMail says that an attestation of the operator's ends on a day, or
	// (variant "over") has ended. By is its title.
	EvidenceMail = "evidence_mail"
	// WebhookMail says that a system elsewhere, By, is told nothing any more since
	// nothing had arrived there since a day, or (variant "gone") since it wanted
	// nothing any more. Practice is a practice's or a reseller's name.
	WebhookMail = "webhook_mail"
	// ReportMail tells those who look after a practice what somebody reported:
	// variant "patient" or "office". By is what came with it, Quote the words.
	ReportMail = "report_mail"
)

// LetterKinds are all kinds of letter.
func LetterKinds() []string {
	return []string{RegistrationMail, InvitationMail, HandoverMail, RecoveryMail, TrialMail, AgreementMail, NoticeMail, ProviderMail, SupportMail, HostMail, ProbeMail, StatementMail, EvidenceMail, WebhookMail, ReportMail}
}

// Letter is what the words of a letter may speak of. There is no field for
// anything of a patient; a report quotes what its writer was asked to keep free
// of it.
type Letter struct {
	// To is the address, Name the addressee's; the name may be empty.
	To, Name string
	// Language is "de" or "en"; anything else is written in German.
	Language string
	// Variant chooses among the wordings of a kind, where it has several.
	Variant string
	// Link is a whole URL. Kinds that ask for something need one.
	Link string
	// Practice is which practice it is about, By who asks, for an invitation.
	Practice, By string
	// Quote is somebody's own words, of several lines, for a report.
	Quote string
	// Until is when the link or the offer ends, or the day it is about, and is
	// said as a day in Zone ("Europe/Berlin" where empty). It may be zero.
	Until time.Time
	Zone  string
	// From is who writes: a reseller's brand, or the platform.
	From Sender
}

// Sender is who a letter comes from, as it says itself.
type Sender struct {
	Name  string
	Email string // takes the answers; empty: the address that mails come from
	Phone string // may be empty
}

// Source reads a letter at the moment of sending. It returns a fault of code
// expired or not_found where there is nobody to write to any more.
type Source interface {
	Letter(ctx context.Context, tenant id.Tenant, ref string) (Letter, error)
}

// SourceFunc is a function as a [Source].
type SourceFunc func(ctx context.Context, tenant id.Tenant, ref string) (Letter, error)

// Letter calls f.
func (f SourceFunc) Letter(ctx context.Context, tenant id.Tenant, ref string) (Letter, error) {
	return f(ctx, tenant, ref)
}

// LettersConfig is what writing to people takes.
type LettersConfig struct {
	// Sources by kind; see [LetterKinds].
	Sources map[string]Source
	MailConfig
}

// Letters writes to people who work in practices: how to get in, and what
// concerns their contract. It promises what a [Service] promises of addresses
// and links; a letter says who writes and why, and nothing of patients.
type Letters struct {
	sources map[string]Source
	mail    *mailer
	words   map[string]*letterWords
	from    string
}

type letterWords struct {
	mails map[string]*template.Template
	days  *vocabulary
}

// NewLetters checks the configuration and sends nothing.
func NewLetters(c LettersConfig) (*Letters, error) {
	m, err := newMailer(c.MailConfig)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	days, err := readWords()
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	l := &Letters{sources: c.Sources, mail: m, from: c.From, words: map[string]*letterWords{}}
	for language, v := range days {
		w := &letterWords{mails: map[string]*template.Template{}, days: v}
		for _, kind := range LetterKinds() {
			t, err := template.ParseFS(wordFiles, "words/"+language+"/letters.txt", "words/"+language+"/"+kind+".txt")
			if err != nil {
				return nil, fmt.Errorf("notify: read words: %w", err)
			}
			w.mails[kind] = t.Option("missingkey=error")
		}
		l.words[language] = w
	}
	for kind := range c.Sources {
		if l.words["de"].mails[kind] == nil {
			return nil, fmt.Errorf("notify: %q is no kind of letter", kind)
		}
	}
	return l, nil
}

// Handlers are what a relay calls, by kind.
func (l *Letters) Handlers() map[string]jobs.Handler {
	handlers := map[string]jobs.Handler{}
	for kind, source := range l.sources {
		handlers[kind] = l.handler(kind, source)
	}
	return handlers
}

func (l *Letters) handler(kind string, source Source) jobs.Handler {
	return func(ctx context.Context, m jobs.Message) error {
		letter, err := source.Letter(ctx, m.Tenant, m.Ref)
		if code := fault.From(err).Code; err != nil && (code == fault.Expired || code == fault.NotFound) {
			return jobs.ErrLapsed
		}
		if err != nil {
			return fmt.Errorf("read letter: %w", err)
		}
		if m.Late {
			return ErrTooLate
		}
		err = l.send(ctx, m.ID, kind, letter)
		if errors.Is(err, ErrUnsendable) {
			return jobs.Permanent(err)
		}
		return err
	}
}

func (l *Letters) send(ctx context.Context, message id.Message, kind string, letter Letter) error {
	subject, body, err := l.write(kind, letter)
	if err != nil {
		return err
	}
	replyTo := letter.From.Email
	if replyTo == "" {
		replyTo = l.from
	}
	return l.mail.send(ctx, mail{
		id: message, to: letter.To, name: oneLine(letter.From.Name), replyTo: replyTo, subject: subject, body: body, link: letter.Link,
	})
}

// letterContent is a letter as the words see it: every text on one line.
type letterContent struct {
	Name, Variant, Link, Practice, By, Until string
	Sender, Phone                            string
	Quote                                    string // each line begins with "> "
}

func (l *Letters) write(kind string, letter Letter) (subject, body string, err error) {
	words, ok := l.words[letter.Language]
	if !ok {
		words = l.words["de"]
	}
	c := letterContent{
		Name: oneLine(letter.Name), Variant: letter.Variant, Link: letter.Link, Practice: oneLine(letter.Practice),
		By: oneLine(letter.By), Sender: oneLine(letter.From.Name), Phone: oneLine(letter.From.Phone),
		Quote: quoted(letter.Quote),
	}
	if c.Sender == "" {
		return "", "", ErrUnsendable.Because(errors.New("the sender has no name"))
	}
	if letter.Link != "" && !isLink(letter.Link) || letter.Link == "" && needsLink(kind) {
		return "", "", ErrUnsendable.Because(errors.New("no link, or a malformed one"))
	}
	if !letter.Until.IsZero() {
		name := letter.Zone
		if name == "" {
			name = "Europe/Berlin"
		}
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			return "", "", ErrUnsendable.Because(errors.New("unknown zone"))
		}
		c.Until = words.days.date(letter.Until.In(zone))
	}
	t := words.mails[kind]
	var s, b strings.Builder
	if err := errors.Join(t.ExecuteTemplate(&s, "subject", c), t.ExecuteTemplate(&b, "body", c)); err != nil {
		return "", "", fmt.Errorf("write letter: %w", err)
	}
	return s.String(), b.String(), nil
}

// quoted marks every line as somebody else's.
func quoted(text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("> "+oneLine(line), " ")
	}
	return strings.Join(lines, "\n")
}

// needsLink holds for letters that are for nothing without a link.
func needsLink(kind string) bool {
	switch kind {
	case RegistrationMail, InvitationMail, HandoverMail, RecoveryMail:
		return true
	default:
		return false
	}
}

// date is the day, as in "Donnerstag, 26. November 2026".
func (v *vocabulary) date(t time.Time) string {
	return v.say("day", map[string]any{
		"Weekday": v.weekdays[t.Weekday()], "Day": t.Day(), "Month": v.months[t.Month()-1], "Year": t.Year(),
	})
}
