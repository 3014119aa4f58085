package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"siegel/plugins/sdk"
)

// stub answers with what it is told to, however wrong.
type stub struct {
	description sdk.Description
	receipt     sdk.Receipt
	err         error
}

func (s stub) Describe(context.Context) (sdk.Description, error) { return s.description, nil }
func (s stub) Configure(context.Context, sdk.Settings) error     { return s.err }
func (s stub) DryRun(context.Context, sdk.Message) (sdk.Estimate, error) {
	return sdk.Estimate{Parts: s.receipt.Parts}, s.err
}
func (s stub) Send(context.Context, sdk.Message) (sdk.Receipt, error) { return s.receipt, s.err }

func message() sdk.Message {
	return sdk.Message{ID: "0197a-1", To: "+4915112345678", Sender: "Praxis", Text: "Ihr Code: 123456"}
}

func TestErrorTravels(t *testing.T) {
	t.Parallel()
	for _, want := range []sdk.Error{
		{Kind: sdk.Auth, Detail: "the key was refused"},
		{Kind: sdk.Funds},
		{Kind: sdk.RateLimited, RetryAfter: 90 * time.Second},
		{Kind: sdk.InvalidRecipient},
		{Kind: sdk.InvalidSender},
		{Kind: sdk.Content},
		{Kind: sdk.Blocked},
		{Kind: sdk.Temporary},
		{Kind: sdk.BadSettings},
		{Kind: sdk.Unknown},
	} {
		t.Run(string(want.Kind), func(t *testing.T) {
			t.Parallel()
			client, stop := connect(stub{err: &want})
			defer stop()
			_, sendErr := client.Send(t.Context(), message())
			_, dryErr := client.DryRun(t.Context(), message())
			for _, err := range []error{sendErr, dryErr, client.Configure(t.Context(), nil)} {
				var got *sdk.Error
				if !errors.As(err, &got) || *got != want {
					t.Errorf("error = %v, want %v", err, &want)
				}
			}
		})
	}
}

func TestUnexplainedErrorTravelsWithoutItsText(t *testing.T) {
	t.Parallel()
	client, stop := connect(stub{err: errors.New("post https://x/?key=hunter2&to=015112345678")})
	defer stop()
	_, err := client.Send(t.Context(), message())
	if kind, ok := sdk.KindOf(err); !ok || kind != sdk.Unknown {
		t.Errorf("error = %v, want kind unknown", err)
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "0151") {
		t.Errorf("the error repeats what the plugin must not tell: %v", err)
	}
}

func TestMalformedReplyIsThePluginsFault(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]sdk.Receipt{
		"no parts":       {ProviderID: "x"},
		"absurd parts":   {ProviderID: "x", Parts: 1 << 30},
		"long id":        {ProviderID: strings.Repeat("x", 201), Parts: 1},
		"unprintable id": {ProviderID: "x\nerror: y", Parts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, stop := connect(stub{receipt: r})
			defer stop()
			if _, err := client.Send(t.Context(), message()); !errors.Is(err, sdk.ErrMalformedReply) {
				t.Errorf("error = %v, want ErrMalformedReply", err)
			}
		})
	}
}

func TestMessageCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*sdk.Message)
		want   sdk.Kind // empty: nothing is wrong
	}{
		{"Whole", func(*sdk.Message) {}, ""},
		{"DefaultSender", func(m *sdk.Message) { m.Sender = "" }, ""},
		{"SenderNumber", func(m *sdk.Message) { m.Sender = "+493012345" }, ""},
		{"NewLine", func(m *sdk.Message) { m.Text = "a\nb" }, ""},
		{"LongestText", func(m *sdk.Message) { m.Text = strings.Repeat("ä", 1000) }, ""},
		{"IDWithBlank", func(m *sdk.Message) { m.ID = "a b" }, sdk.Content},
		{"NoPlus", func(m *sdk.Message) { m.To = "4915112345678" }, sdk.InvalidRecipient},
		{"NumberTooLong", func(m *sdk.Message) { m.To = "+1234567890123456" }, sdk.InvalidRecipient},
		{"NumberWithNewLine", func(m *sdk.Message) { m.To += "\n" }, sdk.InvalidRecipient},
		{"SenderUmlaut", func(m *sdk.Message) { m.Sender = "Präxis" }, sdk.InvalidSender},
		{"TextTooLong", func(m *sdk.Message) { m.Text = strings.Repeat("ä", 1001) }, sdk.Content},
		{"NotUTF8", func(m *sdk.Message) { m.Text = "\xff" }, sdk.Content},
		{"ControlCharacter", func(m *sdk.Message) { m.Text = "a\x00" }, sdk.Content},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := message()
			c.change(&m)
			if kind, _ := sdk.KindOf(m.Check()); kind != c.want {
				t.Errorf("Check = %v, want kind %q", m.Check(), c.want)
			}
		})
	}
}

func TestDescriptionCheck(t *testing.T) {
	t.Parallel()
	good, _ := (&pigeons{}).Describe(t.Context())
	if err := good.Check(); err != nil {
		t.Fatalf("Check = %v, want nil", err)
	}
	for name, change := range map[string]func(*sdk.Description){
		"NoName":          func(d *sdk.Description) { d.Name = "" },
		"NameWithSlash":   func(d *sdk.Description) { d.Name = "../x" },
		"NoVersion":       func(d *sdk.Description) { d.Version = "" },
		"NoCompany":       func(d *sdk.Description) { d.Processor.Company = "" },
		"NoAddress":       func(d *sdk.Description) { d.Processor.Address = "" },
		"CountryName":     func(d *sdk.Description) { d.Processor.Country = "Germany" },
		"SchemaOfAString": func(d *sdk.Description) { d.Schema = json.RawMessage(`{"type":"string"}`) },
		"SchemaNotJSON":   func(d *sdk.Description) { d.Schema = json.RawMessage(`{`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := good
			change(&d)
			if err := d.Check(); !errors.Is(err, sdk.ErrMalformedReply) {
				t.Errorf("Check = %v, want ErrMalformedReply", err)
			}
		})
	}
}

func TestSettingsDecodeNeverRepeatsAValue(t *testing.T) {
	t.Parallel()
	var into struct {
		Token int `json:"token"`
	}
	for _, s := range []string{`{"token":"hunter2"}`, `{"tokn":"hunter2"}`, `"hunter2"`, `{"token":hunter2}`, `{"token":1}"hunter2"`, ``} {
		err := sdk.Settings(s).Decode(&into)
		if kind, _ := sdk.KindOf(err); kind != sdk.BadSettings {
			t.Errorf("Decode(%s) = %v, want kind settings", s, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Decode(%s) = %v, which repeats the value", s, err)
		}
	}
	if err := sdk.Settings(`{"token":7}`).Decode(&into); err != nil || into.Token != 7 {
		t.Errorf("Decode = %v, token %d; want 7", err, into.Token)
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"Short", "Grüße", 1},
		{"FullPart", strings.Repeat("a", 160), 1},
		{"OneMore", strings.Repeat("a", 161), 2},
		{"TwoFullParts", strings.Repeat("a", 306), 2},
		{"ThreeParts", strings.Repeat("a", 307), 3},
		{"ExtensionCountsTwice", strings.Repeat("€", 80), 1},
		{"ExtensionOneMore", strings.Repeat("€", 80) + "a", 2},
		{"ExtensionIsNotSplit", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3},
		{"OtherAlphabet", strings.Repeat("ж", 70), 1},
		{"OtherAlphabetOneMore", strings.Repeat("ж", 71), 2},
		{"OneForeignCharacterChangesAll", strings.Repeat("a", 70) + "ж", 2},
		{"SurrogatesCountTwice", strings.Repeat("😀", 35), 1},
		{"SurrogatesAreNotSplit", strings.Repeat("😀", 67), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := sdk.Parts(c.text); got != c.want {
				t.Errorf("Parts = %d, want %d", got, c.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"Plain", "Guthaben: 12,50 €", "Guthaben: 12,50 €"},
		{"NewLine", "a\nlevel=ERROR", `a\u000alevel=ERROR`},
		{"TerminalSequence", "\x1b[31m", `\u001b[31m`},
		{"ChangeOfDirection", "a\u202eb", `a\u202eb`},
		{"NotUTF8", "a\xffb", `a\ufffdb`},
		{"Number", "to +4915112345678 failed", "to +[digits] failed"},
		{"NumberAtTheEnd", "to 015112345678", "to [digits]"},
		{"ShortNumber", "status 123456", "status 123456"},
		{"Cut", strings.Repeat("ä", 60), strings.Repeat("ä", 50)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := sdk.Clean(c.in, 100); got != c.want {
				t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\n\x1b\u202e\xff 4915112345678", 20)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		limit = max(0, min(limit, 1000))
		out := sdk.Clean(in, limit)
		if len(out) > limit || !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("Clean(%q, %d) = %q", in, limit, out)
		}
	})
}
