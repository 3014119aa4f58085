package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/seal"
)

type directoryVectors struct {
	Tenant      string          `json:"tenant"`
	Now         time.Time       `json:"now"`
	Fingerprint string          `json:"fingerprint"`
	Shown       string          `json:"shown"`
	TargetKID   string          `json:"target_kid"`
	Directory   seal.Signed     `json:"directory"`
	Accepted    []directoryCase `json:"accepted"`
	Hostile     []directoryCase `json:"hostile"`
}

// directoryCase is the good directory with a splice; a signature of its own
// where that is not the good one's.
type directoryCase struct {
	Name      string      `json:"name"`
	Document  *splice     `json:"document,omitempty"`
	Signature *seal.Bytes `json:"signature,omitempty"`
	Tenant    string      `json:"tenant"`
	Now       time.Time   `json:"now"`
	Pin       string      `json:"pin,omitempty"`
	Error     string      `json:"error,omitempty"`
}

func (c directoryCase) of(good seal.Signed) seal.Signed {
	s := seal.Signed{Document: c.Document.of(good.Document), Signature: good.Signature}
	if c.Signature != nil {
		s.Signature = *c.Signature
	}
	return s
}

func writeDirectories() error {
	d := directory()
	good, err := d.Sign(identity(6))
	if err != nil {
		return err
	}
	v := directoryVectors{
		Tenant: tenantA, Now: issued().Add(time.Hour), Fingerprint: d.Fingerprint(), Shown: d.ShownFingerprint(),
		TargetKID: d.Current().KID, Directory: good,
	}
	row := func(name, reason string, change func(*directoryCase)) directoryCase {
		c := directoryCase{Name: name, Tenant: tenantA, Now: v.Now, Error: reason}
		change(&c)
		return c
	}
	v.Accepted = []directoryCase{
		row("pinned", "", func(c *directoryCase) { c.Pin = d.Fingerprint() }),
		row("the owner's clock is five minutes ahead", "", func(c *directoryCase) { c.Now = issued().Add(-5 * time.Minute) }),
		row("last second", "", func(c *directoryCase) { c.Now = d.Expires.Add(-time.Second) }),
	}

	signed := func(signature []byte) func(*directoryCase) {
		return func(c *directoryCase) { c.Signature = (*seal.Bytes)(&signature) }
	}
	altered := func(document []byte) func(*directoryCase) {
		return func(c *directoryCase) { c.Document = spliceOf(good.Document, document) }
	}
	flipped := bytes.Clone(good.Signature)
	flipped[63] ^= 1
	v.Hostile = []directoryCase{
		row("no signature", "directory_unsigned", signed([]byte{})),
		row("signature of zeros", "directory_unsigned", signed(make([]byte, 64))),
		row("a bit of the signature", "directory_unsigned", signed(flipped)),
		row("signature too long", "directory_unsigned", signed(append(bytes.Clone(good.Signature), 0))),
		row("signed by another", "directory_unsigned", signed(signRaw(identity(9), string(good.Document)))),
		row("altered after signing", "directory_unsigned", altered(bytes.Replace(good.Document, []byte(`"sequence":2`), []byte(`"sequence":3`), 1))),
		row("space added after signing", "directory_unsigned", altered(append(bytes.Clone(good.Document), ' '))),
		row("another tenant's", "directory_foreign", func(c *directoryCase) { c.Tenant = tenantB }),
		row("expired this second", "directory_expired", func(c *directoryCase) { c.Now = d.Expires }),
		row("issued in the future", "directory_expired", func(c *directoryCase) { c.Now = issued().Add(-5*time.Minute - time.Second) }),
		row("wrong pin", "directory_pin", func(c *directoryCase) { c.Pin = seal.Bytes(seed(1)).String() }),
		row("pin of another length", "directory_pin", func(c *directoryCase) { c.Pin = d.Fingerprint()[:20] }),
		row("foreign, expired and wrongly pinned", "directory_foreign", func(c *directoryCase) {
			c.Tenant, c.Now, c.Pin = tenantB, d.Expires, "x"
		}),
	}
	resign := func(name, reason, document string) {
		v.Hostile = append(v.Hostile, row(name, reason, func(c *directoryCase) {
			signature := signRaw(identity(6), document)
			c.Document, c.Signature = spliceOf(good.Document, []byte(document)), &signature
		}))
	}
	for _, h := range hostileDocuments(string(good.Document)) {
		resign(h.name, h.reason, h.document)
	}
	return writeVector("directory.json", v)
}

type hostileDocument struct{ name, reason, document string }

// hostileDocuments are signed by the right key, which makes them no better.
func hostileDocuments(good string) []hostileDocument {
	d := directory()
	const malformed = "directory_malformed"
	var rows []hostileDocument
	replace := func(name, reason, old, new string) {
		if !strings.Contains(good, old) {
			panic("nothing to replace: " + old)
		}
		rows = append(rows, hostileDocument{name, reason, strings.Replace(good, old, new, 1)})
	}
	current := d.Current()
	replace("current key of suite 3", "directory_suite", `"suite":2,"epoch":3`, `"suite":3,"epoch":3`)
	replace("older key of suite 1", "directory_suite", `"suite":2,"epoch":1`, `"suite":1,"epoch":1`)
	replace("kid of another key", malformed, current.KID, key(8).KID())
	replace("public key of another kid", malformed, current.Public.String(), seal.Bytes(key(8).PublicKey().Bytes()).String())
	replace("member's kid of another key", malformed, d.Members[0].KID, key(8).KID())
	replace("recovery kid of another key", malformed, d.Recovery.KID, key(8).KID())
	short := current.Public[:1215]
	rows = append(rows, hostileDocument{"public key too short", malformed, strings.NewReplacer(
		current.Public.String(), short.String(), current.KID, seal.KID(short)).Replace(good)})
	replace("repeated key", malformed, `{"v":1,`, `{"v":1,"tenant":"`+tenantB+`",`)
	replace("repeated key inside", malformed, `"suite":2,"epoch":3`, `"suite":2,"epoch":3,"epoch":3`)
	replace("repeated key, escaped", malformed, `{"v":1,`, `{"v":1,"\u0076":1,`)
	replace("unknown key", malformed, `{"v":1,`, `{"v":1,"x":"",`)
	replace("unknown key inside", malformed, `"role":"owner"`, `"role":"owner","x":1`)
	replace("key of a prototype", malformed, `{"v":1,`, `{"v":1,"__proto__":{},`)
	replace("folded key", malformed, `"revoked"`, `"Revoked"`)
	replace("missing key", malformed, `"sequence":2,`, ``)
	replace("missing list", malformed, `,"revoked":["`+d.Revoked[0]+`"]`, ``)
	replace("null", malformed, `"revoked":["`+d.Revoked[0]+`"]`, `"revoked":null`)
	replace("number as text", malformed, `"sequence":2`, `"sequence":"2"`)
	replace("number as fraction", malformed, `"sequence":2`, `"sequence":2.0`)
	replace("number as exponent", malformed, `"sequence":2`, `"sequence":2e0`)
	replace("number beyond what a browser counts", malformed, `"sequence":2`, `"sequence":9007199254740993`)
	replace("sequence zero", malformed, `"sequence":2`, `"sequence":0`)
	replace("first, yet with one before", malformed, `"sequence":2`, `"sequence":1`)
	replace("second, without one before", malformed, d.Previous.String(), ``)
	replace("another version", malformed, `{"v":1`, `{"v":2`)
	replace("tenant in upper case", malformed, tenantA, strings.ToUpper(tenantA))
	replace("life of 90 days and a second", malformed, `"expires":"2027-02-20T08:00:00Z"`, `"expires":"2027-02-20T08:00:01Z"`)
	replace("life of nothing", malformed, `"expires":"2027-02-20T08:00:00Z"`, `"expires":"2026-11-22T08:00:00Z"`)
	replace("time with an offset", malformed, `"issued":"2026-11-22T08:00:00Z"`, `"issued":"2026-11-22T09:00:00+01:00"`)
	replace("time with a fraction", malformed, `"issued":"2026-11-22T08:00:00Z"`, `"issued":"2026-11-22T08:00:00.000Z"`)
	replace("a day that is none", malformed, `"issued":"2026-11-22T08:00:00Z"`, `"issued":"2026-11-31T08:00:00Z"`)
	replace("data keys out of order", malformed, `"suite":2,"epoch":3`, `"suite":2,"epoch":1`)
	first, newest := d.BookKeys[0].Check.String(), d.BookKeys[1].Check.String()
	books := `"book_keys":[{"epoch":1,"check":"` + first + `"},{"epoch":4,"check":"` + newest + `"}]`
	replace("book keys are missing", malformed, books+`,`, ``)
	replace("no book key", malformed, books, `"book_keys":[]`)
	replace("book keys of no list", malformed, books, `"book_keys":{"epoch":1,"check":"`+first+`"}`)
	replace("book key of epoch zero", malformed, `"epoch":1,"check"`, `"epoch":0,"check"`)
	replace("book key without an epoch", malformed, `"epoch":1,"check"`, `"check"`)
	replace("book key of an epoch beyond what a browser counts", malformed, `"epoch":4,"check"`, `"epoch":9007199254740993,"check"`)
	replace("data key of an epoch beyond what a browser counts", malformed, `"suite":2,"epoch":3`, `"suite":2,"epoch":9007199254740993`)
	replace("book keys out of order", malformed, `"epoch":1,"check"`, `"epoch":5,"check"`)
	replace("two book keys of an epoch", malformed, `"epoch":4,"check"`, `"epoch":1,"check"`)
	replace("a book key twice", malformed, newest, first)
	replace("book key without a check", malformed, `"epoch":4,"check":"`+newest+`"`, `"epoch":4`)
	replace("book key's check of 15 bytes", malformed, newest, newest[:20])
	replace("book key's check of 32 bytes", malformed, newest, seal.Bytes(seed(1)).String())
	replace("unknown key of a book key", malformed, `"epoch":4,"check"`, `"epoch":4,"key":"","check"`)
	replace("current key revoked", malformed, d.Revoked[0], current.KID)
	replace("member's key revoked", malformed, d.Revoked[0], d.Members[1].KID)
	replace("no owner", malformed, `"role":"owner"`, `"role":"practitioner"`)
	replace("unknown role", malformed, `"role":"owner"`, `"role":"admin"`)
	replace("account listed twice", malformed, booking1, account)
	replace("identity off the curve", malformed, d.Identity.String(), offCurve(d.Identity).String())
	replace("identity compressed", malformed, d.Identity.String(), seal.Bytes(append([]byte{2}, d.Identity[1:33]...)).String())
	replace("base64 with padding", malformed, d.Identity.String(), d.Identity.String()+"=")
	replace("base64 with a line break", malformed, current.KID, current.KID+`\n`)
	replace("kid with stray bits", malformed, d.Revoked[0], d.Revoked[0][:21]+stray(d.Revoked[0][21]))
	rows = append(rows,
		hostileDocument{"something behind", malformed, good + "{}"},
		hostileDocument{"byte order mark", malformed, "\ufeff" + good},
		hostileDocument{"not utf-8", malformed, strings.Replace(good, `{"v":1,`, "{\"v\":1,\"\xff\":1,", 1)},
		hostileDocument{"array", malformed, "[" + good + "]"},
		hostileDocument{"no json", malformed, "directory"},
		hostileDocument{"nothing", malformed, ""},
	)
	return rows
}

func offCurve(point seal.Bytes) seal.Bytes {
	c := bytes.Clone(point)
	c[64] ^= 1
	return c
}

func TestDirectoryVectors(t *testing.T) {
	t.Parallel()
	v := readVector[directoryVectors](t, "directory.json")
	d, err := seal.ParseDirectory(v.Directory.Document, v.Directory.Signature)
	if err != nil {
		t.Fatal(err)
	}
	if d.Fingerprint() != v.Fingerprint || d.ShownFingerprint() != v.Shown || d.Current().KID != v.TargetKID {
		t.Errorf("got %s, %s, %s", d.Fingerprint(), d.ShownFingerprint(), d.Current().KID)
	}
	if len(v.Accepted) == 0 || len(v.Hostile) == 0 {
		t.Fatal("vectors are missing")
	}
	for _, c := range append(v.Accepted, v.Hostile...) {
		signed := c.of(v.Directory)
		d, err := seal.ParseDirectory(signed.Document, signed.Signature)
		if err == nil {
			err = d.Check(c.Tenant, c.Now, c.Pin)
		}
		reason := ""
		if err != nil {
			reason = fault.From(err).Reason
		}
		if reason != c.Error {
			t.Errorf("%s: got %q (%v), want %q", c.Name, reason, err, c.Error)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	t.Run("ReadsWhatItSigned", func(t *testing.T) {
		t.Parallel()
		signed := must(directory().Sign(identity(6)))
		d, err := seal.ParseDirectory(signed.Document, signed.Signature)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := must(json.Marshal(d)), must(json.Marshal(directory())); !bytes.Equal(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
		k, err := d.Current().Key()
		if err != nil || k.KID() != key(2).KID() {
			t.Errorf("current key is %v, %v", k, err)
		}
		if m, ok := d.Member(account); !ok || m.KID != key(3).KID() {
			t.Errorf("member is %v, %v", m, ok)
		}
		if _, ok := d.Member(booking2); ok {
			t.Error("found a member that is none")
		}
		if k, ok := d.Book(1); !ok || !bytes.Equal(k.Check, directory().BookKeys[0].Check) || d.CurrentBook().Epoch != 4 {
			t.Errorf("book keys are %v", d.BookKeys)
		}
		if k, ok := d.Book(2); ok {
			t.Errorf("found a book key that is none: %v", k)
		}
	})
	t.Run("SignsForItsIdentityAlone", func(t *testing.T) {
		t.Parallel()
		if _, err := directory().Sign(identity(9)); !errors.Is(err, seal.ErrMalformedDirectory) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("SignsNothingThatWouldNotParse", func(t *testing.T) {
		t.Parallel()
		d := directory()
		d.Expires = d.Expires.Add(time.Second)
		if _, err := d.Sign(identity(6)); !errors.Is(err, seal.ErrMalformedDirectory) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ForeignSuiteGivesNoKey", func(t *testing.T) {
		t.Parallel()
		k := directory().Current()
		k.Suite = 3
		if _, err := k.Key(); !errors.Is(err, seal.ErrDirectorySuite) {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzParseDirectory(f *testing.F) {
	f.Add([]byte(must(directory().Sign(identity(6))).Document))
	f.Fuzz(func(t *testing.T, document []byte) {
		// Signed rightly, so that the fuzzer gets behind the signature.
		d, err := seal.ParseDirectory(document, signRaw(identity(6), string(document)))
		if err != nil {
			if !errors.Is(err, seal.ErrMalformedDirectory) && !errors.Is(err, seal.ErrDirectoryUnsigned) {
				t.Fatalf("a parser's error says %v", err)
			}
			return
		}
		again, err := d.Sign(identity(6))
		if err != nil {
			t.Fatalf("parses, but would not be signed: %v", err)
		}
		if e, err := seal.ParseDirectory(again.Document, again.Signature); err != nil || e.Fingerprint() != d.Fingerprint() {
			t.Fatalf("does not read back: %v", err)
		}
		_ = d.Check(tenantA, issued(), "")
	})
}
