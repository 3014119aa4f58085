package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"siegel/platform/fault"
	"siegel/platform/seal"
)

type envelopeVectors struct {
	Seed       seal.Bytes          `json:"seed"`
	Public     seal.Bytes          `json:"public"`
	KID        string              `json:"kid"`
	Cases      []envelopeCase      `json:"cases"`
	Rejections []envelopeRejection `json:"rejections"`
	Good       string              `json:"good"`
	Malformed  []malformedEnvelope `json:"malformed"`
}

type envelopeCase struct {
	Name      string        `json:"name"`
	BookingID string        `json:"booking_id"`
	Envelope  seal.Envelope `json:"envelope"`
	Plaintext string        `json:"plaintext"`
}

type envelopeRejection struct {
	Name      string        `json:"name"`
	BookingID string        `json:"booking_id"`
	Envelope  seal.Envelope `json:"envelope"`
	Error     string        `json:"error"`
}

type malformedEnvelope struct {
	Name   string  `json:"name"`
	Splice *splice `json:"splice"`
	// Text is the good one with the splice.
	Text string `json:"-"`
	// TextOnly is for what is gone once the JSON is decoded.
	TextOnly bool `json:"text_only,omitempty"`
}

func writeEnvelopes() error {
	priv := key(1)
	v := envelopeVectors{Seed: seed(1), Public: priv.PublicKey().Bytes(), KID: priv.KID()}
	for _, c := range []struct {
		name      string
		plaintext []byte
	}{
		{"a booking", bookingJSON(tenantA, booking1, 5)},
		{"a booking, long name", bookingJSON(tenantA, booking1, 100)},
		{"exactly one step", []byte(`"` + strings.Repeat("a", 2046) + `"`)},
		{"one byte beyond a step", []byte(`"` + strings.Repeat("a", 2047) + `"`)},
		{"the longest", []byte(`"` + strings.Repeat("a", 7*2048-2) + `"`)},
	} {
		e, err := seal.Seal(priv.PublicKey(), tenantA, envelope1, booking1, c.plaintext)
		if err != nil {
			return err
		}
		v.Cases = append(v.Cases, envelopeCase{c.name, booking1, e, string(c.plaintext)})
	}
	e, err := seal.Seal(priv.PublicKey(), tenantA, envelope1, booking1, bookingJSON(tenantA, booking1, 5))
	if err != nil {
		return err
	}
	v.Rejections = rejections(e)
	v.Good = string(must(json.Marshal(e)))
	v.Malformed = malformed(e)
	for i := range v.Malformed {
		v.Malformed[i].Splice = spliceOf([]byte(v.Good), []byte(v.Malformed[i].Text))
	}
	return writeVector("envelope.json", v)
}

// rejections are envelopes that have the form and do not open with key 1.
func rejections(e seal.Envelope) []envelopeRejection {
	with := func(change func(*seal.Envelope)) seal.Envelope {
		c := e
		c.Enc, c.CT = bytes.Clone(e.Enc), bytes.Clone(e.CT)
		change(&c)
		return c
	}
	rows := []envelopeRejection{
		{Name: "another tenant", Envelope: with(func(c *seal.Envelope) { c.Tenant = tenantB })},
		{Name: "another kid", Envelope: with(func(c *seal.Envelope) { c.KID = key(2).KID() })},
		{Name: "another envelope id", Envelope: with(func(c *seal.Envelope) { c.EnvelopeID = envelope2 })},
		{Name: "another booking", BookingID: booking2, Envelope: e},
		{Name: "a bit of ct", Envelope: with(func(c *seal.Envelope) { c.CT[100] ^= 1 })},
		{Name: "a bit of the tag", Envelope: with(func(c *seal.Envelope) { c.CT[len(c.CT)-1] ^= 1 })},
		{Name: "a bit of the lattice part of enc", Envelope: with(func(c *seal.Envelope) { c.Enc[0] ^= 1 })},
		{Name: "a bit of the curve part of enc", Envelope: with(func(c *seal.Envelope) { c.Enc[1119] ^= 1 })},
		{Name: "the point of order one", Envelope: with(func(c *seal.Envelope) { clear(c.Enc[1088:]) })},
		{Name: "a longer ct", Envelope: with(func(c *seal.Envelope) { c.CT = append(c.CT, make([]byte, 2048)...) })},
	}
	// An envelope that names key 1 and was sealed with key 2.
	other := must(seal.Seal(key(2).PublicKey(), tenantA, envelope1, booking1, []byte(`{}`)))
	other.KID = e.KID
	rows = append(rows, envelopeRejection{Name: "sealed to another key", Envelope: other})
	for i := range rows {
		rows[i].Error = "tampered"
		if rows[i].BookingID == "" {
			rows[i].BookingID = booking1
		}
	}
	return rows
}

func malformed(e seal.Envelope) []malformedEnvelope {
	good := string(must(json.Marshal(e)))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			panic("nothing to replace: " + old)
		}
		return strings.Replace(good, old, new, 1)
	}
	resized := func(enc, ct int) string {
		c := e
		resize := func(b seal.Bytes, n int) seal.Bytes {
			return append(bytes.Clone(b), make([]byte, max(0, n-len(b)))...)[:n]
		}
		c.Enc, c.CT = resize(e.Enc, enc), resize(e.CT, ct)
		return string(must(json.Marshal(c)))
	}
	return []malformedEnvelope{
		{Name: "unknown field", Text: replace(`{"v"`, `{"x":1,"v"`)},
		{Name: "plaintext field", Text: replace(`{"v"`, `{"family_name":"Meier","v"`)},
		{Name: "missing field", Text: replace(`"v":1,`, ``)},
		{Name: "repeated field", Text: replace(`{"v":1`, `{"v":1,"v":1`), TextOnly: true},
		{Name: "repeated field, escaped", Text: replace(`{"v":1`, `{"v":1,"\u0076":1`), TextOnly: true},
		{Name: "folded field", Text: replace(`"kid"`, `"Kid"`)},
		{Name: "null", Text: replace(`"v":1`, `"v":null`)},
		{Name: "version as text", Text: replace(`"v":1`, `"v":"1"`)},
		{Name: "another version", Text: replace(`"v":1`, `"v":2`)},
		{Name: "suite 1", Text: replace(`"suite":2`, `"suite":1`)},
		{Name: "suite 3", Text: replace(`"suite":2`, `"suite":3`)},
		{Name: "tenant in upper case", Text: replace(e.Tenant, strings.ToUpper(e.Tenant))},
		{Name: "tenant with a prefix", Text: replace(e.Tenant, "ten_"+e.Tenant)},
		{Name: "tenant without hyphens", Text: replace(e.Tenant, strings.ReplaceAll(e.Tenant, "-", ""))},
		{Name: "kid with padding", Text: replace(e.KID, e.KID+"==")},
		{Name: "kid with stray bits", Text: replace(e.KID, e.KID[:21]+stray(e.KID[21]))},
		{Name: "kid of 15 bytes", Text: replace(e.KID, e.KID[:20])},
		{Name: "line break in kid", Text: replace(e.KID, e.KID+`\n`)},
		{Name: "enc too short", Text: resized(1119, 2064)},
		{Name: "enc too long", Text: resized(1121, 2064)},
		{Name: "no ct", Text: resized(1120, 0)},
		{Name: "ct without padding", Text: resized(1120, 2063)},
		{Name: "ct of a tag", Text: resized(1120, 16)},
		{Name: "ct beyond 16 KiB", Text: resized(1120, 8*2048+16)},
		{Name: "array", Text: "[" + good + "]"},
		{Name: "something behind", Text: good + "{}", TextOnly: true},
		{Name: "nothing", Text: "", TextOnly: true},
	}
}

// stray is the next letter of the alphabet: the same byte, other unused bits.
func stray(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

func TestEnvelopeVectors(t *testing.T) {
	t.Parallel()
	v := readVector[envelopeVectors](t, "envelope.json")
	priv, err := seal.NewPrivateKey(v.Seed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(priv.PublicKey().Bytes(), v.Public) || priv.KID() != v.KID {
		t.Fatal("the seed gives another key")
	}
	if len(v.Cases) == 0 || len(v.Rejections) == 0 || len(v.Malformed) == 0 {
		t.Fatal("vectors are missing")
	}
	for _, c := range v.Cases {
		got, err := seal.Open(priv, c.Envelope, c.BookingID)
		if err != nil || string(got) != c.Plaintext {
			t.Errorf("%s: got %.40q, %v", c.Name, got, err)
		}
	}
	for _, c := range v.Rejections {
		got, err := seal.Open(priv, c.Envelope, c.BookingID)
		if err == nil || fault.From(err).Reason != c.Error || got != nil {
			t.Errorf("%s: got %.40q, %v, want %s", c.Name, got, err, c.Error)
		}
	}
	if _, err := seal.ParseEnvelope([]byte(v.Good)); err != nil {
		t.Error(err)
	}
	for _, c := range v.Malformed {
		if _, err := seal.ParseEnvelope(c.Splice.of([]byte(v.Good))); !errors.Is(err, seal.ErrMalformedEnvelope) {
			t.Errorf("%s: got %v", c.Name, err)
		}
	}
}

func TestParseEnvelope(t *testing.T) {
	t.Parallel()
	e := must(seal.Seal(key(1).PublicKey(), tenantA, envelope1, booking1, []byte(`{}`)))
	t.Run("ReadsWhatItWrote", func(t *testing.T) {
		t.Parallel()
		got, err := seal.ParseEnvelope(must(json.Marshal(e)))
		if err != nil || !bytes.Equal(must(json.Marshal(got)), must(json.Marshal(e))) {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("OrderAndSpaceDoNotMatter", func(t *testing.T) {
		t.Parallel()
		var loose map[string]any
		if err := json.Unmarshal(must(json.Marshal(e)), &loose); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.ParseEnvelope(must(json.MarshalIndent(loose, " ", "\t"))); err != nil {
			t.Error(err)
		}
	})
	t.Run("RefusesMegabytesUnread", func(t *testing.T) {
		t.Parallel()
		huge := append(must(json.Marshal(e)), bytes.Repeat([]byte(" "), 1<<20)...)
		if _, err := seal.ParseEnvelope(huge); !errors.Is(err, seal.ErrMalformedEnvelope) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSeal(t *testing.T) {
	t.Parallel()
	pub := key(1).PublicKey()
	for _, row := range []struct {
		name                      string
		pub                       seal.PublicKey
		tenant, envelope, booking string
		size                      int
		want                      error
	}{
		{"TenantIsAUUID", pub, "ten_" + tenantA, envelope1, booking1, 10, seal.ErrMalformedID},
		{"EnvelopeIsAUUID", pub, tenantA, "", booking1, 10, seal.ErrMalformedID},
		{"BookingCannotCarryABar", pub, tenantA, envelope1, booking1[:35] + "|", 10, seal.ErrMalformedID},
		{"FourteenKiBAtMost", pub, tenantA, envelope1, booking1, 7*2048 + 1, seal.ErrTooLong},
		{"ZeroKeyIsNoKey", seal.PublicKey{}, tenantA, envelope1, booking1, 10, seal.ErrMalformedKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := seal.Seal(row.pub, row.tenant, row.envelope, row.booking, make([]byte, row.size))
			if !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
	t.Run("LengthDoesNotTellTheName", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(1, 100).Draw(t, "letters")
			short := must(seal.Seal(pub, tenantA, envelope1, booking1, bookingJSON(tenantA, booking1, 1)))
			long := must(seal.Seal(pub, tenantA, envelope2, booking2, bookingJSON(tenantA, booking2, n)))
			if len(short.CT) != len(long.CT) {
				t.Fatalf("a name of 1 letter gives %d bytes, one of %d gives %d", len(short.CT), n, len(long.CT))
			}
		})
	})
	t.Run("NoEncTwice", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for range 2000 {
			e := must(seal.Seal(pub, tenantA, envelope1, booking1, []byte(`{}`)))
			seen[string(e.Enc)] = true
		}
		if len(seen) != 2000 {
			t.Errorf("%d of 2000 are distinct", len(seen))
		}
	})
	t.Run("OpensAsItWasSealed", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			text := must(json.Marshal(rapid.StringN(0, 500, 7000).Draw(t, "text")))
			e := must(seal.Seal(pub, tenantA, envelope1, booking1, text))
			got, err := seal.Open(key(1), e, booking1)
			if err != nil || !bytes.Equal(got, text) {
				t.Fatalf("got %q, %v", got, err)
			}
		})
	})
}

// Whoever alters the database may exchange any columns of two rows.
func TestOpenSwapped(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := must(seal.Seal(key(1).PublicKey(), tenantA, envelope1, booking1, bookingJSON(tenantA, booking1, 3)))
		b := must(seal.Seal(key(1).PublicKey(), tenantA, envelope2, booking2, bookingJSON(tenantA, booking2, 3)))
		if rapid.Bool().Draw(t, "other tenant") {
			b = must(seal.Seal(key(2).PublicKey(), tenantB, envelope2, booking2, bookingJSON(tenantB, booking2, 3)))
		}
		mixed, booking := a, booking1
		swaps := 0
		swap := func(name string, do func()) {
			if rapid.Bool().Draw(t, name) {
				do()
				swaps++
			}
		}
		swap("booking", func() { booking = booking2 })
		swap("envelope id", func() { mixed.EnvelopeID = b.EnvelopeID })
		swap("enc", func() { mixed.Enc = b.Enc })
		swap("ct", func() { mixed.CT = b.CT })
		got, err := seal.Open(key(1), mixed, booking)
		whole := swaps == 0 || swaps == 4 && b.Tenant == tenantA
		if whole != (err == nil) || !whole && (!errors.Is(err, seal.ErrTampered) || got != nil) {
			t.Fatalf("%d swaps: got %.40q, %v", swaps, got, err)
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add(must(json.Marshal(must(seal.Seal(key(1).PublicKey(), tenantA, envelope1, booking1, []byte(`{}`))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := seal.ParseEnvelope(data)
		if err != nil {
			if !errors.Is(err, seal.ErrMalformedEnvelope) {
				t.Fatalf("a parser's error says %v", err)
			}
			return
		}
		again, err := seal.ParseEnvelope(must(json.Marshal(e)))
		if err != nil || again.KID != e.KID || !bytes.Equal(again.CT, e.CT) || !bytes.Equal(again.Enc, e.Enc) {
			t.Fatalf("does not read back: %v", err)
		}
		if _, err := seal.Open(key(2), e, booking2); err == nil {
			t.Fatal("opened with a key it was not made for")
		}
	})
}
