package seal_test

import (
	"crypto/ecdsa"
	"errors"
	"strings"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/seal"
)

// successionVectors is a practice whose identity changed: succession.json comes
// from here, succession-browser.json from the browser's side.
type successionVectors struct {
	Tenant       string      `json:"tenant"`
	Now          time.Time   `json:"now"`
	RecoveryCode string      `json:"recovery_code"`
	Directory    seal.Signed `json:"directory"`
	// Fingerprints are those of the identity and of what it came from, the
	// newest first.
	Fingerprints []string         `json:"fingerprints"`
	Account      string           `json:"account"`
	MemberKey    seal.Bytes       `json:"member_key"` // under zeros
	Vouch        seal.Bytes       `json:"vouch"`      // for the oldest
	Hostile      []successionCase `json:"hostile,omitempty"`
}

type successionCase struct {
	Name      string      `json:"name"`
	Directory seal.Signed `json:"directory"`
	Pin       string      `json:"pin,omitempty"`
	Error     string      `json:"error"`
}

// succeeded is directory() after identities 21 and 22 have left.
func succeeded(code seal.RecoveryCode) (seal.Directory, *ecdsa.PrivateKey) {
	d := directory()
	d.Recovery = must(code.Holder(tenantA))
	signer := must(code.Signer(tenantA, d.Recovery))
	point := func(n byte) []byte { return must(identity(n).PublicKey.Bytes()) }
	d.Lineage = []seal.Succession{
		must(seal.SignSuccession(tenantA, identity(21), signer, point(22))),
		must(seal.SignSuccession(tenantA, identity(22), signer, point(6))),
	}
	return d, signer
}

func writeSuccession() error {
	code := seal.RecoveryCode(seed('r')[:16])
	d, signer := succeeded(code)
	good, err := d.Sign(identity(6))
	if err != nil {
		return err
	}
	was := d
	was.Identity, was.Lineage = d.Lineage[0].Identity, nil
	middle := d
	middle.Identity, middle.Lineage = d.Lineage[1].Identity, nil
	member := key(3)
	v := successionVectors{
		Tenant: tenantA, Now: issued().Add(time.Hour), RecoveryCode: code.Words(), Directory: good,
		Fingerprints: []string{d.Fingerprint(), middle.Fingerprint(), was.Fingerprint()},
		Account:      account, MemberKey: must(seal.WrapMemberKey(make([]byte, 32), account, member)),
		Vouch: must(was.Vouch(member, account)),
	}
	for _, h := range hostileSuccessions(d, signer) {
		signed, err := h.directory.Sign(h.by)
		if err != nil {
			return err
		}
		v.Hostile = append(v.Hostile, successionCase{h.name, signed, h.pin, h.reason})
	}
	text := string(good.Document)
	for name, document := range map[string]string{
		"lineage without anybody":   text[:strings.Index(text, `"lineage":`)] + `"lineage":[]}`,
		"word cut short":            strings.Replace(text, d.Lineage[0].Signature.String(), d.Lineage[0].Signature[:63].String(), 1),
		"no countersignature":       strings.Replace(text, `,"countersignature":"`+d.Lineage[0].Countersignature.String()+`"`, ``, 1),
		"signer without its key":    strings.Replace(text, `,"signer_key":"`+d.Recovery.SignerKey.String()+`"`, ``, 1),
		"unknown key of a change":   strings.Replace(text, `"countersignature"`, `"x":1,"countersignature"`, 1),
		"signer's key cut short":    strings.Replace(text, d.Recovery.SignerKey.String(), d.Recovery.SignerKey[:59].String(), 1),
		"older identity off curve":  strings.Replace(text, d.Lineage[0].Identity.String(), offCurve(d.Lineage[0].Identity).String(), 1),
		"identity among its elders": strings.Replace(text, d.Lineage[1].Identity.String(), d.Identity.String(), 1),
	} {
		reason := "directory_malformed"
		if name == "word cut short" || name == "no countersignature" {
			reason = "directory_unsigned"
		}
		if document == text {
			panic("nothing to replace: " + name)
		}
		v.Hostile = append(v.Hostile, successionCase{name, seal.Signed{Document: []byte(document), Signature: signRaw(identity(6), document)}, "", reason})
	}
	return writeVector("succession.json", v)
}

type hostileSuccession struct {
	name, reason, pin string
	directory         seal.Directory
	by                *ecdsa.PrivateKey
}

// hostileSuccessions are signed by the identity that they claim, which makes
// the claim no better.
func hostileSuccessions(good seal.Directory, signer *ecdsa.PrivateKey) []hostileSuccession {
	point := func(n byte) seal.Bytes { return must(identity(n).PublicKey.Bytes()) }
	first := good.Lineage[0]
	pin := func(identity []byte) string {
		d := good
		d.Identity = identity
		return d.Fingerprint()
	}
	edited := func(edit func(*seal.Succession)) seal.Directory {
		d := good
		d.Lineage = append([]seal.Succession(nil), good.Lineage...)
		edit(&d.Lineage[0])
		return d
	}
	stranger := good
	stranger.Identity, stranger.Lineage = point(30), nil
	other := must(seal.SignSuccession(tenantA, identity(31), signer, point(22)))
	foreign := must(seal.SignSuccession(tenantB, identity(21), signer, point(22)))
	another := must(seal.SignSuccession(tenantA, identity(21), signer, point(32)))
	bySelf := must(seal.SignSuccession(tenantA, identity(21), identity(21), point(22)))
	cut := good
	cut.Lineage = good.Lineage[1:]
	return []hostileSuccession{
		{"no lineage at all", "directory_pin", pin(first.Identity), stranger, identity(30)},
		{"the beginning left out", "directory_pin", pin(first.Identity), cut, identity(6)},
		{"a pin of nobody", "directory_pin", pin(point(33)) + "." + pin(point(34)), good, identity(6)},
		{"signed by another than the identity that was", "directory_unsigned", "", edited(func(s *seal.Succession) { s.Signature = other.Signature }), identity(6)},
		{"countersigned by another than the recovery code", "directory_unsigned", "", edited(func(s *seal.Succession) { s.Countersignature = bySelf.Countersignature }), identity(6)},
		{"the old identity's word in both places", "directory_unsigned", "", edited(func(s *seal.Succession) { s.Countersignature = s.Signature }), identity(6)},
		{"of another tenant", "directory_unsigned", "", edited(func(s *seal.Succession) { *s = foreign }), identity(6)},
		{"for another identity", "directory_unsigned", "", edited(func(s *seal.Succession) { *s = another }), identity(6)},
		{"the changes in another order", "directory_unsigned", "", func() seal.Directory {
			d := good
			d.Lineage = []seal.Succession{good.Lineage[1], good.Lineage[0]}
			return d
		}(), identity(6)},
	}
}

func TestSuccessionVectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"succession.json", "succession-browser.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := readVector[successionVectors](t, name)
			d, err := seal.ParseDirectory(v.Directory.Document, v.Directory.Signature)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Fingerprints) != len(d.Lineage)+1 || len(v.Fingerprints) < 2 {
				t.Fatalf("%d fingerprints for a lineage of %d", len(v.Fingerprints), len(d.Lineage))
			}
			for _, pin := range append(v.Fingerprints, "next."+v.Fingerprints[1]) {
				if err := d.Check(v.Tenant, v.Now, pin); err != nil {
					t.Errorf("pin %s: %v", pin, err)
				}
			}
			code := must(seal.ParseRecoveryCode(v.RecoveryCode))
			if _, err := code.Signer(v.Tenant, d.Recovery); err != nil {
				t.Errorf("the code opens no signer: %v", err)
			}
			if _, err := seal.NewRecoveryCode().Signer(v.Tenant, d.Recovery); !errors.Is(err, seal.ErrTampered) {
				t.Errorf("another code: got %v", err)
			}
			for _, c := range v.Hostile {
				d, err := seal.ParseDirectory(c.Directory.Document, c.Directory.Signature)
				if err == nil {
					err = d.Check(v.Tenant, v.Now, c.Pin)
				}
				if err == nil || fault.From(err).Reason != c.Error {
					t.Errorf("%s: got %v, want %q", c.Name, err, c.Error)
				}
			}

			member := must(seal.UnwrapMemberKey(make([]byte, 32), v.Account, v.MemberKey))
			l := seal.Locked{Tenant: v.Tenant, Account: v.Account, Directory: v.Directory, Vouch: v.Vouch}
			u, err := l.UnlockWith(member)
			if err != nil {
				t.Fatalf("somebody who vouched for the first identity: %v", err)
			}
			l.Vouch = u.Vouch
			if u, err = l.UnlockWith(member); err != nil || u.Vouch != nil {
				t.Errorf("the renewed word: %v, renewed again %v", err, u.Vouch != nil)
			}
			l.Vouch = must(seal.Directory{Tenant: v.Tenant, Identity: must(identity(33).PublicKey.Bytes())}.Vouch(member, v.Account))
			if _, err := l.UnlockWith(member); !errors.Is(err, seal.ErrDirectoryPin) {
				t.Errorf("a word for a stranger: got %v", err)
			}
		})
	}
}

func TestSucceeds(t *testing.T) {
	t.Parallel()
	code := seal.NewRecoveryCode()
	after, signer := succeeded(code)
	before := after
	before.Identity, before.Lineage = after.Lineage[1].Identity, after.Lineage[:1]
	if !after.Succeeds(before) || !after.Succeeds(after) {
		t.Error("a countersigned change is refused")
	}
	for name, c := range map[string]struct{ next, before seal.Directory }{
		"back to the older one": {before, after},
		"past forgotten":        {func() seal.Directory { d := after; d.Lineage = after.Lineage[1:]; return d }(), before},
		"no word":               {func() seal.Directory { d := after; d.Lineage = after.Lineage[:1]; return d }(), before},
		"another code than the one that was listed": {after, func() seal.Directory {
			d := before
			d.Recovery = must(seal.NewRecoveryCode().Holder(tenantA))
			return d
		}()},
		"no signer listed": {after, func() seal.Directory { d := before; d.Recovery.Signer = nil; return d }()},
		"same identity, another past": {func() seal.Directory {
			d := before
			d.Lineage = []seal.Succession{must(seal.SignSuccession(tenantA, identity(23), signer, before.Identity))}
			return d
		}(), before},
	} {
		if c.next.Succeeds(c.before) {
			t.Errorf("%s: accepted", name)
		}
	}
}
