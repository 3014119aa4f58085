package notify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"siegel/platform/fault"
	"siegel/plugins/sdk"
	"siegel/tenants/notify"
)

// septetsOf counts by 3GPP TS 23.038, written apart from the product's table.
func septetsOf(t interface{ Errorf(string, ...any) }, s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r >= ' ' && r <= '?' && r != '`':
			n++
		case strings.ContainsRune("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", r):
			n++
		case strings.ContainsRune("^{}\\[~]|€", r):
			n += 2
		default:
			t.Errorf("%q is not in the alphabet of text messages", r)
		}
	}
	return n
}

func smsDesk() *desk {
	d := newDesk()
	d.out.Channel, d.out.Address = "sms", "+4915112345678"
	return d
}

func TestTextMessageIsOnePartWhateverThePracticeIsCalled(t *testing.T) {
	t.Parallel()
	d := smsDesk()
	b := setup(t, d)
	ctx := t.Context()
	check := func(t rapid.TB, name, phone, language string) {
		d.texts = nil
		d.facts.Name, d.facts.Phone, d.out.Language = name, phone, language
		err := b.handlers[notify.ConfirmSMS](ctx, message(notify.ConfirmSMS))
		if strings.TrimSpace(name) == "" {
			return
		}
		if err != nil && !errors.Is(err, notify.ErrUnsendable) {
			t.Fatalf("%q: %v", name, err)
		}
		if err == nil {
			if n := septetsOf(t, d.texts[0].Text); n > 160 {
				t.Errorf("%d septets: %q", n, d.texts[0].Text)
			}
			if !strings.HasPrefix(d.texts[0].Text, "123456 ") {
				t.Errorf("the code is not first: %q", d.texts[0].Text)
			}
		}
	}
	for _, name := range []string{
		"Praxis Sonnenberg", "Gemeinschaftspraxis Dr. med. Annegret Müller-Lüdenscheidt und Dr. med. Friedrich-Wilhelm von der Heide",
		"Praxis „Zum Löwen“ – Weiß", "Łódź Clinic", "診療所", "Praxis 👩‍⚕️", "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€", strings.Repeat("x", 1000),
	} {
		for _, language := range []string{"de", "en"} {
			check(t, name, "030 1234567", language)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.String().Draw(t, "name"), rapid.String().Draw(t, "phone"), rapid.SampledFrom([]string{"de", "en"}).Draw(t, "language"))
	})
}

func TestTextMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*desk)
		want   string
	}{
		"NameAndPhone": {func(*desk) {}, "123456 ist Ihr Code für den Termin bei Praxis Sonnenberg. Gültig bis 11:34 Uhr. Nicht von Ihnen? Ignorieren. Tel. 030 1234567"},
		"NoRoomForThePhone": {func(d *desk) {
			d.facts.Name = "Gemeinschaftspraxis am Sonnenberg, Haus der Ärzte"
			d.facts.Phone = "+49 30 1234567-890"
		},
			"123456 ist Ihr Code für den Termin bei Gemeinschaftspraxis am Sonnenberg, Haus der Ärzte. Gültig bis 11:34 Uhr. Nicht von Ihnen? Ignorieren."},
		"Typography": {func(d *desk) { d.facts.Name, d.facts.Phone = "Praxis „Łódź“ – Café 診", "" },
			`123456 ist Ihr Code für den Termin bei Praxis "Lodz" - Café. Gültig bis 11:34 Uhr. Nicht von Ihnen? Ignorieren.`},
		"AcrossMidnight": {func(d *desk) { d.out.Expires = time.Date(2026, 11, 22, 23, 5, 0, 0, time.UTC); d.facts.Phone = "" },
			"123456 ist Ihr Code für den Termin bei Praxis Sonnenberg. Gültig bis 0:05 Uhr. Nicht von Ihnen? Ignorieren."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := smsDesk()
			c.change(d)
			b := setup(t, d)
			m := message(notify.ConfirmSMS)
			if err := b.handlers[m.Kind](t.Context(), m); err != nil {
				t.Fatal(err)
			}
			want := sdk.Message{ID: m.ID.String(), To: "+4915112345678", Sender: "Sonnenberg", Text: c.want}
			if len(d.texts) != 1 || d.texts[0] != want {
				t.Errorf("got  %+v\nwant %+v", d.texts, want)
			}
		})
	}
}

func TestUnusableSenderIsLeftOut(t *testing.T) {
	t.Parallel()
	d := smsDesk()
	d.facts.SMSSender = "Praxis Sonnenberg am Markt"
	b := setup(t, d)
	if err := b.carry(t, notify.ConfirmSMS); err != nil || d.texts[0].Sender != "" {
		t.Errorf("%v, %+v", err, d.texts)
	}
}

func TestUnsendableTextIsRefusedForGood(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*desk){
		"NoCode":            func(d *desk) { d.out.Code = "" },
		"CodeWithText":      func(d *desk) { d.out.Code = "123456 http://eve.example" },
		"NumberWithoutPlus": func(d *desk) { d.out.Address = "015112345678" },
		"MailAddress":       func(d *desk) { d.out.Address = address },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := smsDesk()
			spoil(d)
			b := setup(t, d)
			if err := b.carry(t, notify.ConfirmSMS); !permanent(err) || strings.Contains(err.Error(), d.out.Address) {
				t.Errorf("got %v", err)
			}
			if len(d.texts) != 0 {
				t.Error("it was sent")
			}
		})
	}
}

func TestProviderDecidesWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err       error
		permanent bool
		reason    string
	}{
		"Temporary":   {&sdk.Error{Kind: sdk.Temporary, Detail: "no route to +4915112345678"}, false, "sms_temporary"},
		"NoFunds":     {&sdk.Error{Kind: sdk.Funds}, false, "sms_funds"},
		"NoSuchOne":   {&sdk.Error{Kind: sdk.InvalidRecipient, Detail: "+4915112345678"}, true, "unsendable_message"},
		"Blocked":     {&sdk.Error{Kind: sdk.Blocked}, true, "unsendable_message"},
		"PluginGone":  {fault.New(fault.Unavailable, "plugin_gone").Because(errors.New("+4915112345678")), false, "plugin_gone"},
		"Unspeakable": {errors.New("could not send 123456 to +4915112345678"), false, "sms_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := smsDesk()
			d.smsErr = c.err
			b := setup(t, d)
			err := b.carry(t, notify.ConfirmSMS)
			if err == nil || permanent(err) != c.permanent || fault.From(err).Reason != c.reason {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "4915112345678") || strings.Contains(err.Error(), "123456") || len(d.ended) != 0 {
				t.Errorf("error %q, ended %v", err, d.ended)
			}
		})
	}
}

func TestWithoutAProviderTextsWait(t *testing.T) {
	t.Parallel()
	b := setup(t, smsDesk(), func(c *notify.Config) { c.Route = nil })
	if err := b.carry(t, notify.ConfirmSMS); permanent(err) || fault.From(err).Reason != "sms_not_configured" {
		t.Errorf("got %v", err)
	}
}
