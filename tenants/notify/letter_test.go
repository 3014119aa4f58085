package notify_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/tenants/notify"
)

func aLetter() notify.Letter {
	return notify.Letter{
		To: "berg@sonnenberg.example", Name: "Dr. Jana Berg", Language: "de",
		Link:     "https://portal.siegel.example/register#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		Practice: "Praxis Sonnenberg", By: "Dr. Anna Sommer", Quote: "Der Kalender lädt nicht.\n\nSeit heute früh.",
		Until: time.Date(2026, 11, 26, 23, 30, 0, 0, time.UTC),
		From:  notify.Sender{Name: "Termine Süd GmbH", Email: "hallo@termine-sued.example", Phone: "07243 000999"},
	}
}

// letters writes through a real mail server what the source returns.
func letters(t *testing.T, source notify.SourceFunc) (*notify.Letters, *mailServer) {
	t.Helper()
	server := startMailServer(t, nil)
	sources := map[string]notify.Source{}
	for _, kind := range notify.LetterKinds() {
		sources[kind] = source
	}
	l, err := notify.NewLetters(notify.LettersConfig{
		Sources: sources, MailConfig: notify.MailConfig{SMTPURL: "smtp://" + server.addr, From: "termine@siegel.example", Domain: "siegel.example:8080"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, server
}

func TestEveryWordOfEveryLetter(t *testing.T) {
	t.Parallel()
	variants := map[string][]string{notify.TrialMail: {"", "ended"}, notify.NoticeMail: {"", "erased"}, notify.EvidenceMail: {"", "over"}, notify.WebhookMail: {"", "gone"}, notify.HostMail: {"", "off", "base", "base_off"}, notify.ReportMail: {"office", "patient"}, notify.ProviderMail: {"", "emergency", "outside", "emergency_outside"}}
	for _, language := range []string{"de", "en"} {
		for _, kind := range notify.LetterKinds() {
			for _, variant := range pick(variants[kind]) {
				name := language + "_" + kind
				if variant != "" {
					name += "_" + variant
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					l, server := letters(t, func(context.Context, id.Tenant, string) (notify.Letter, error) {
						letter := aLetter()
						letter.Language, letter.Variant = language, variant
						return letter, nil
					})
					if err := l.Handlers()[kind](t.Context(), message(kind)); err != nil {
						t.Fatal(err)
					}
					got := read(t, server.one(t).data)
					golden(t, name, "Subject: "+got.subject+"\nFrom: "+got.header.Get("From")+"\nReply-To: "+got.header.Get("Reply-To")+"\n\n"+got.text)
				})
			}
		}
	}
}

func pick(variants []string) []string {
	if variants == nil {
		return []string{""}
	}
	return variants
}

// What a letter may be made of is a closed list, as for messages to patients.
func TestLettersKnowNothingOfPatients(t *testing.T) {
	t.Parallel()
	want := []string{"To", "Name", "Language", "Variant", "Link", "Practice", "By", "Quote", "Until", "Zone", "From"}
	var got []string
	for f := range reflect.TypeFor[notify.Letter]().Fields() {
		got = append(got, f.Name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestALetterWithoutAddresseeIsDropped(t *testing.T) {
	t.Parallel()
	for _, code := range []fault.Code{fault.Expired, fault.NotFound} {
		l, server := letters(t, func(context.Context, id.Tenant, string) (notify.Letter, error) {
			return notify.Letter{}, fault.New(code, "gone")
		})
		if err := l.Handlers()[notify.InvitationMail](t.Context(), message(notify.InvitationMail)); !errors.Is(err, jobs.ErrLapsed) {
			t.Errorf("%v: got %v", code, err)
		}
		if len(server.received()) != 0 {
			t.Error("something was sent")
		}
	}
}

func TestALetterThatIsNoneEndsDead(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*notify.Letter){
		"NoLink":        func(l *notify.Letter) { l.Link = "" },
		"ForeignScheme": func(l *notify.Letter) { l.Link = "javascript:alert(1)" },
		"LinkWithBreak": func(l *notify.Letter) { l.Link = "https://a.example/\nhttps://b.example" },
		"NoAddress":     func(l *notify.Letter) { l.To = "" },
		"TwoAddresses":  func(l *notify.Letter) { l.To = "a@b.example, c@d.example" },
		"NoSender":      func(l *notify.Letter) { l.From.Name = "" },
		"UnknownZone":   func(l *notify.Letter) { l.Zone = "Mars/Olympus" },
	} {
		l, server := letters(t, func(context.Context, id.Tenant, string) (notify.Letter, error) {
			letter := aLetter()
			spoil(&letter)
			return letter, nil
		})
		if err := l.Handlers()[notify.RegistrationMail](t.Context(), message(notify.RegistrationMail)); !permanent(err) {
			t.Errorf("%s: got %v", name, err)
		}
		if len(server.received()) != 0 {
			t.Errorf("%s: something was sent", name)
		}
	}
}

func TestALetterIsNotSentLate(t *testing.T) {
	t.Parallel()
	l, server := letters(t, func(context.Context, id.Tenant, string) (notify.Letter, error) { return aLetter(), nil })
	m := message(notify.TrialMail)
	m.Late = true
	if err := l.Handlers()[notify.TrialMail](t.Context(), m); err == nil || errors.Is(err, jobs.ErrLapsed) {
		t.Errorf("got %v", err)
	}
	if len(server.received()) != 0 {
		t.Error("something was sent")
	}
}

func TestALettersTextStaysOnItsLine(t *testing.T) {
	t.Parallel()
	l, server := letters(t, func(context.Context, id.Tenant, string) (notify.Letter, error) {
		letter := aLetter()
		letter.Practice = "Praxis\r\nBcc: someone@evil.example\r\n\r\nhttps://evil.example \u202eabc"
		return letter, nil
	})
	if err := l.Handlers()[notify.InvitationMail](t.Context(), message(notify.InvitationMail)); err != nil {
		t.Fatal(err)
	}
	got := read(t, server.one(t).data)
	if got.header.Get("Bcc") != "" || strings.ContainsAny(got.subject, "\r\n\u202e") || strings.Contains(got.text, "\u202e") {
		t.Errorf("subject %q, text %q", got.subject, got.text)
	}
}

func TestNewLettersRefusesUnknownKinds(t *testing.T) {
	t.Parallel()
	_, err := notify.NewLetters(notify.LettersConfig{
		Sources:    map[string]notify.Source{"love_letter": notify.SourceFunc(nil)},
		MailConfig: notify.MailConfig{SMTPURL: "smtp://localhost:25", From: "a@b.example", Domain: "b.example"},
	})
	if err == nil {
		t.Error("accepted")
	}
}
