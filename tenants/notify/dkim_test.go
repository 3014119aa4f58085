package notify_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"siegel/platform/ics"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
)

var mails = flag.String("mails", "", "a folder to write one mail of each kind into, with the DNS records that their signatures ask for")

// signingKeys are an RSA key of the installation and an Ed25519 key of a
// reseller, in a folder, and what DNS says of them.
func signingKeys(t *testing.T) (notify.SigningKeys, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	ours, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, theirs, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&ours.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	dns := map[string]string{
		"s1._domainkey.siegel.example":         "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der),
		"post._domainkey.termine-sued.example": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
	}
	for name, key := range map[string]crypto.Signer{"s1._domainkey.siegel.example": ours, "post._domainkey.termine-sued.example": theirs} {
		writeKey(t, filepath.Join(dir, name+".pem"), key)
	}
	keys, err := notify.LoadSigningKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys, dns
}

func writeKey(t *testing.T, path string, key any) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// appointmentICS is a calendar as a booking brings it along.
func appointmentICS(t *testing.T, d *desk, sequence int, cancelled bool) string {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := ics.Request(ics.Parties{Organizer: d.facts.Email, Name: d.facts.Name, Attendee: d.out.Address}, ics.Event{
		UID: ics.UID(d.out.BookingID.UUID(), "siegel.example"), Sequence: sequence, Cancelled: cancelled,
		Starts: d.out.Stops[0].Starts, Ends: d.out.Stops[0].Ends, Zone: berlin, Stamp: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		Summary: "Termin: " + d.facts.Name, Location: d.out.Stops[0].Location, Description: "Telefon: " + d.facts.Phone,
	})
	if err != nil {
		t.Fatal(err)
	}
	return calendar
}

// Every kind of mail is signed by the domain it comes from, says the same as
// plain text and as HTML, and answers go to the practice. With -mails the mails
// are written down for readers in another language (web/e2e/mail.test.mjs).
func TestMailsAreSignedAndSayTheSameTwice(t *testing.T) {
	t.Parallel()
	keys, dns := signingKeys(t)
	for _, language := range []string{"de", "en"} {
		for name, c := range map[string]struct {
			kind   string
			change func(*testing.T, *desk)
		}{
			"confirm":   {notify.ConfirmMail, func(*testing.T, *desk) {}},
			"receipt":   {notify.ReceiptMail, func(t *testing.T, d *desk) { d.out.ICS = appointmentICS(t, d, 0, false) }},
			"requested": {notify.ReceiptMail, func(t *testing.T, d *desk) { d.out.Requested = true; d.out.ICS = appointmentICS(t, d, 0, false) }},
			"moved": {notify.ChangeMail, func(t *testing.T, d *desk) {
				d.out.Change, d.out.Link = booking.ChangeMoved, ""
				d.out.ICS = appointmentICS(t, d, 1, false)
			}},
			"cancelled": {notify.ChangeMail, func(t *testing.T, d *desk) {
				d.out.Change, d.out.Link = booking.ChangeCancelled, "https://praxis-sonnenberg.siegel.example"
				d.out.ICS = appointmentICS(t, d, 2, true)
			}},
			"reseller": {notify.ReceiptMail, func(t *testing.T, d *desk) {
				d.facts.From = "termine@termine-sued.example"
				d.out.ICS = appointmentICS(t, d, 0, false)
			}},
			"unsignable": {notify.ReceiptMail, func(t *testing.T, d *desk) {
				d.facts.From = "termine@elsewhere.example" // nobody gave us its key
				d.out.ICS = appointmentICS(t, d, 0, false)
			}},
		} {
			t.Run(language+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := newDesk()
				d.facts.Name, d.out.Language = "Praxis Sonnenberg & Söhne <Markt>", language
				c.change(t, d)
				b := setup(t, d, func(n *notify.Config) { n.Keys = keys })
				if err := b.carry(t, c.kind); err != nil {
					t.Fatal(err)
				}
				raw := b.one(t).data
				l := read(t, raw)

				domain := "siegel.example"
				if name == "reseller" {
					domain = "termine-sued.example"
				}
				from, err := l.header.AddressList("From")
				if err != nil || !strings.HasSuffix(from[0].Address, "@"+domain) || from[0].Name != d.facts.Name {
					t.Errorf("from %v, %v", from, err)
				}
				verified, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
					if record, ok := dns[strings.TrimSuffix(name, ".")]; ok {
						return []string{record}, nil
					}
					return nil, errors.New("no such name")
				}})
				if err != nil || len(verified) != 1 || verified[0].Err != nil || verified[0].Domain != domain {
					t.Errorf("signed %+v, %v", verified, err)
				}
				if plain := shown(l.html); plain != strings.Join(strings.Fields(l.text), " ") {
					t.Errorf("HTML says\n%s\nplain text\n%s", plain, l.text)
				}
				if regexp.MustCompile(`(?i)<(img|link|script|style|iframe|form|base)|\ssrc=|url\(`).MatchString(l.html) {
					t.Errorf("the mail would load something:\n%s", l.html)
				}
				if !strings.Contains(l.text, d.facts.Phone) {
					t.Error("nobody could call")
				}
				if l.calendar != l.attached {
					t.Errorf("two calendars:\n%s\n%s", l.calendar, l.attached)
				}
				if *mails != "" {
					content, err := json.Marshal(dns)
					if err != nil {
						t.Fatal(err)
					}
					if err := errors.Join(os.WriteFile(filepath.Join(*mails, language+"-"+name+".eml"), raw, 0o644), os.WriteFile(filepath.Join(*mails, "dns.json"), content, 0o644)); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// shown is what a page says, in words.
func shown(page string) string {
	_, body, _ := strings.Cut(page, "<body")
	_, body, _ = strings.Cut(body, ">")
	body = regexp.MustCompile(`</?(a|body|html)\b[^>]*>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(html.UnescapeString(body)), " ")
}

func TestAChangedMailIsNoLongerSigned(t *testing.T) {
	t.Parallel()
	keys, dns := signingKeys(t)
	d := newDesk()
	b := setup(t, d, func(n *notify.Config) { n.Keys = keys })
	if err := b.carry(t, notify.ConfirmMail); err != nil {
		t.Fatal(err)
	}
	raw := b.one(t).data
	for name, changed := range map[string][]byte{
		"Body":         bytes.Replace(raw, []byte("vorgemerkt"), []byte("gebucht"), 1),
		"ReplyTo":      bytes.Replace(raw, []byte("praxis@sonnenberg.example"), []byte("eve@sonnenberg.example"), 1),
		"SecondFrom":   append([]byte("From: eve@siegel.example\r\n"), raw...),
		"OtherSubject": append([]byte("Subject: x\r\n"), raw...),
	} {
		verified, err := dkim.VerifyWithOptions(bytes.NewReader(changed), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			return []string{dns[strings.TrimSuffix(name, ".")]}, nil
		}})
		if err == nil && len(verified) == 1 && verified[0].Err == nil {
			t.Errorf("%s: still signed", name)
		}
	}
}

func TestKeysThatSignNothingAreRefused(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file    string
		content func(t *testing.T, path string)
	}{
		"Empty":     {"", nil},
		"OtherName": {"siegel.example.pem", func(t *testing.T, path string) { writeKey(t, path, weak) }},
		"WeakRSA":   {"s1._domainkey.siegel.example.pem", func(t *testing.T, path string) { writeKey(t, path, weak) }},
		"NotAPEMFile": {"s1._domainkey.siegel.example.pem", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("hunter2"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		dir := t.TempDir()
		if c.content != nil {
			c.content(t, filepath.Join(dir, c.file))
		}
		if _, err := notify.LoadSigningKeys(dir); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if keys, err := notify.LoadSigningKeys(""); err != nil || keys.Covers("a@siegel.example") {
		t.Error(err)
	}
}
