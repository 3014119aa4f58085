package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"siegel/platform/seal"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]byte{"": {}, "AA": {0}, "_-8": {0xff, 0xef}, "AAAA": {0, 0, 0}} {
		got, err := seal.ParseBytes(text)
		if err != nil || !bytes.Equal(got, want) || got.String() != text {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"A", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "\r\nAA", "+/8", "Ä", "AAAAA"} {
		if got, err := seal.ParseBytes(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	t.Run("SeedMakesTheKey", func(t *testing.T) {
		t.Parallel()
		fresh := must(seal.GenerateKey())
		again := must(seal.NewPrivateKey(must(fresh.Seed())))
		if again.KID() != fresh.KID() || len(fresh.PublicKey().Bytes()) != 1216 {
			t.Error("another key")
		}
		if k := must(seal.NewPublicKey(fresh.PublicKey().Bytes())); k.KID() != fresh.KID() {
			t.Error("another kid")
		}
	})
	t.Run("LengthsAreExact", func(t *testing.T) {
		t.Parallel()
		for _, n := range []int{0, 31, 33} {
			if _, err := seal.NewPrivateKey(make([]byte, n)); !errors.Is(err, seal.ErrMalformedKey) {
				t.Errorf("seed of %d: %v", n, err)
			}
		}
		for _, n := range []int{0, 32, 1215, 1217} {
			if _, err := seal.NewPublicKey(make([]byte, n)); !errors.Is(err, seal.ErrMalformedKey) {
				t.Errorf("public key of %d: %v", n, err)
			}
		}
	})
	t.Run("SecretsDoNotPrint", func(t *testing.T) {
		t.Parallel()
		for _, secret := range []struct {
			bytes []byte
			value any
		}{
			{seed(1), key(1)}, {seed(1), seal.BookKey(seed(1))}, {seed(1)[:16], seal.Secret(seed(1)[:16])},
			{seed(1)[:16], seal.RecoveryCode(seed(1)[:16])},
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
				printed := fmt.Sprintf(verb, secret.value)
				for _, form := range []string{fmt.Sprint(secret.bytes), fmt.Sprintf("%x", secret.bytes), string(secret.bytes)} {
					if strings.Contains(printed, strings.Trim(form, "[]")) {
						t.Errorf("%T prints with %s: %s", secret.value, verb, printed)
					}
				}
			}
		}
	})
}

func TestCard(t *testing.T) {
	t.Parallel()
	book, text := seal.BookKey(seed(1)), bookingJSON(tenantA, booking1, 5)
	card := must(seal.SealCard(book, tenantA, booking1, 2, text))
	open := func(k seal.BookKey, tenant, booking string, version int, c []byte) error {
		got, err := seal.OpenCard(k, tenant, booking, version, c)
		if err == nil && !bytes.Equal(got, text) {
			t.Errorf("opened as %q", got)
		}
		return err
	}
	flipped := bytes.Clone(card)
	flipped[0] ^= 1
	for name, row := range map[string]struct{ got, want error }{
		"opens":                 {open(book, tenantA, booking1, 2, card), nil},
		"another key":           {open(seal.BookKey(seed(2)), tenantA, booking1, 2, card), seal.ErrTampered},
		"another tenant":        {open(book, tenantB, booking1, 2, card), seal.ErrTampered},
		"another booking":       {open(book, tenantA, booking2, 2, card), seal.ErrTampered},
		"another version":       {open(book, tenantA, booking1, 1, card), seal.ErrTampered},
		"altered":               {open(book, tenantA, booking1, 2, flipped), seal.ErrTampered},
		"cut":                   {open(book, tenantA, booking1, 2, card[1:]), seal.ErrMalformedCiphertext},
		"nothing":               {open(book, tenantA, booking1, 2, nil), seal.ErrMalformedCiphertext},
		"a name of 100 letters": {seal.CheckCard(must(seal.SealCard(book, tenantA, booking1, 2, bookingJSON(tenantA, booking1, 100)))), nil},
	} {
		if !errors.Is(row.got, row.want) {
			t.Errorf("%s: got %v, want %v", name, row.got, row.want)
		}
	}
	if _, err := seal.SealCard(book, "x|y", booking1, 1, text); !errors.Is(err, seal.ErrMalformedID) {
		t.Errorf("got %v", err)
	}
	if _, err := seal.ParseBookKey(seed(1)[1:]); !errors.Is(err, seal.ErrMalformedKey) {
		t.Errorf("got %v", err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	secret, text := seal.NewSecret(), []byte(`{"v":1}`)
	sealed := must(seal.SealCopy(secret, tenantA, booking1, text))
	if len(sealed) != 12+1024+16 {
		t.Errorf("%d bytes", len(sealed))
	}
	if got, err := seal.OpenCopy(secret, tenantA, booking1, sealed); err != nil || !bytes.Equal(got, text) {
		t.Errorf("got %q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another secret":  func() ([]byte, error) { return seal.OpenCopy(seal.NewSecret(), tenantA, booking1, sealed) },
		"another tenant":  func() ([]byte, error) { return seal.OpenCopy(secret, tenantB, booking1, sealed) },
		"another booking": func() ([]byte, error) { return seal.OpenCopy(secret, tenantA, booking2, sealed) },
	} {
		if got, err := open(); !errors.Is(err, seal.ErrTampered) || got != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if err := seal.CheckCopy(sealed[1:]); !errors.Is(err, seal.ErrMalformedCiphertext) {
		t.Errorf("got %v", err)
	}
	if _, err := seal.SealCopy(secret, tenantA, booking1, make([]byte, 7*1024+1)); !errors.Is(err, seal.ErrTooLong) {
		t.Errorf("got %v", err)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	w := must(seal.WrapKey(key(1).PublicKey(), tenantA, seal.KindBook, 2, seed(9)))
	if got, err := seal.UnwrapKey(key(1), tenantA, w); err != nil || !bytes.Equal(got, seed(9)) {
		t.Fatalf("got %v, %v", got, err)
	}
	with := func(change func(*seal.Wrap)) seal.Wrap {
		c := w
		c.Enc, c.CT = slices.Clone(w.Enc), slices.Clone(w.CT)
		change(&c)
		return c
	}
	for name, row := range map[string]struct {
		holder seal.PrivateKey
		tenant string
		wrap   seal.Wrap
		want   error
	}{
		"another holder":      {key(2), tenantA, w, seal.ErrTampered},
		"holder renamed":      {key(2), tenantA, with(func(c *seal.Wrap) { c.Holder = key(2).KID() }), seal.ErrTampered},
		"another tenant":      {key(1), tenantB, w, seal.ErrTampered},
		"another kind":        {key(1), tenantA, with(func(c *seal.Wrap) { c.Kind = seal.KindData }), seal.ErrTampered},
		"another epoch":       {key(1), tenantA, with(func(c *seal.Wrap) { c.Epoch = 3 }), seal.ErrTampered},
		"altered":             {key(1), tenantA, with(func(c *seal.Wrap) { c.CT[0] ^= 1 }), seal.ErrTampered},
		"unknown kind":        {key(1), tenantA, with(func(c *seal.Wrap) { c.Kind = "sms" }), seal.ErrMalformedKey},
		"epoch zero":          {key(1), tenantA, with(func(c *seal.Wrap) { c.Epoch = 0 }), seal.ErrMalformedKey},
		"ct of another size":  {key(1), tenantA, with(func(c *seal.Wrap) { c.CT = c.CT[1:] }), seal.ErrMalformedKey},
		"holder is no kid":    {key(1), tenantA, with(func(c *seal.Wrap) { c.Holder = "me" }), seal.ErrMalformedKey},
		"a key that is empty": {seal.PrivateKey{}, tenantA, w, seal.ErrTampered},
	} {
		if got, err := seal.UnwrapKey(row.holder, row.tenant, row.wrap); !errors.Is(err, row.want) || got != nil {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, row.want)
		}
	}
	if _, err := seal.WrapKey(key(1).PublicKey(), tenantA, seal.KindBook, 1, seed(9)[1:]); !errors.Is(err, seal.ErrMalformedKey) {
		t.Errorf("got %v", err)
	}
	if got := string(must(json.Marshal(with(func(c *seal.Wrap) { c.Enc, c.CT = seal.Bytes{1}, seal.Bytes{2} })))); got !=
		`{"kind":"book","epoch":2,"holder":"`+key(1).KID()+`","enc":"AQ","ct":"Ag"}` {
		t.Errorf("written as %s", got)
	}
}

type passwordVector struct {
	Password string     `json:"password"`
	Salt     seal.Bytes `json:"salt"`
	SignIn   seal.Bytes `json:"sign_in"`
	Unlock   seal.Bytes `json:"unlock"`
}

func passwords() []passwordVector {
	rows := []passwordVector{
		{Password: password, Salt: salt()},
		{Password: "", Salt: make([]byte, 16)},
		{Password: "Müsli 🥣", Salt: seed(1)[:16]},
		// The same, as a keyboard may write it that keeps the dots apart.
		{Password: "Mu\u0308sli 🥣", Salt: seed(1)[:16]},
	}
	for i, r := range rows {
		rows[i].SignIn, rows[i].Unlock = seal.SplitPassword(r.Password, r.Salt)
	}
	return rows
}

func writePasswords() error { return writeVector("password.json", passwords()) }

func TestSplitPassword(t *testing.T) {
	t.Parallel()
	rows := passwords()
	if want := readVector[[]passwordVector](t, "password.json"); fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", rows, want)
	}
	if !bytes.Equal(rows[2].SignIn, rows[3].SignIn) || !bytes.Equal(rows[2].Unlock, rows[3].Unlock) {
		t.Error("two spellings of one password differ")
	}
	for _, r := range rows {
		if len(r.SignIn) != 32 || len(r.Unlock) != 32 || bytes.Equal(r.SignIn, r.Unlock) {
			t.Errorf("%q: what signs in also unlocks", r.Password)
		}
	}
}

func TestMemberKey(t *testing.T) {
	t.Parallel()
	w := must(seal.WrapMemberKey(seed(1), account, key(3)))
	if k, err := seal.UnwrapMemberKey(seed(1), account, w); err != nil || k.KID() != key(3).KID() {
		t.Errorf("got %v, %v", k, err)
	}
	if _, err := seal.UnwrapMemberKey(seed(2), account, w); !errors.Is(err, seal.ErrWrongPassword) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := seal.UnwrapMemberKey(seed(1), booking1, w); !errors.Is(err, seal.ErrWrongPassword) {
		t.Errorf("another account: %v", err)
	}
	if _, err := seal.UnwrapMemberKey(seed(1), account, w[1:]); !errors.Is(err, seal.ErrMalformedKey) {
		t.Errorf("cut: %v", err)
	}
}

type recoveryVectors struct {
	Codes []struct {
		Secret seal.Bytes `json:"secret"`
		Code   string     `json:"code"`
		Tenant string     `json:"tenant"`
		KID    string     `json:"kid"`
	} `json:"codes"`
	// Typed are spellings of the first code.
	Typed    []string `json:"typed"`
	Mistyped []string `json:"mistyped"`
}

func recoveries() recoveryVectors {
	var v recoveryVectors
	// The first code has both a 0 and a 1, for the spellings below.
	for _, secret := range [][]byte{seed('T')[:16], make([]byte, 16), bytes.Repeat([]byte{0xff}, 16)} {
		for _, tenant := range []string{tenantA, tenantB} {
			c := seal.RecoveryCode(secret)
			v.Codes = append(v.Codes, struct {
				Secret seal.Bytes `json:"secret"`
				Code   string     `json:"code"`
				Tenant string     `json:"tenant"`
				KID    string     `json:"kid"`
			}{secret, c.Words(), tenant, must(c.Key(tenant)).KID()})
		}
	}
	code := v.Codes[0].Code
	v.Typed = []string{
		code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " "), "  " + code + "\n",
		strings.ReplaceAll(code, "0", "O"), strings.ReplaceAll(strings.ToLower(code), "0", "o"),
		strings.ReplaceAll(code, "1", "I"), strings.ReplaceAll(code, "1", "l"),
	}
	swapped := []byte(code)
	for i := 1; i < len(swapped); i++ {
		if swapped[i] != swapped[i-1] && swapped[i] != '-' && swapped[i-1] != '-' {
			swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
			break
		}
	}
	v.Mistyped = []string{
		"", code[:38], code + "0", string(swapped), strings.Repeat("0", 32), "U" + code[1:], "ß" + code[1:],
		strings.Replace(code, "-", "–", 1), v.Codes[0].Code[:34] + v.Codes[2].Code[34:],
	}
	return v
}

func writeRecovery() error { return writeVector("recovery.json", recoveries()) }

func TestRecoveryCode(t *testing.T) {
	t.Parallel()
	v := readVector[recoveryVectors](t, "recovery.json")
	if got := recoveries(); fmt.Sprint(got) != fmt.Sprint(v) {
		t.Errorf("got %v, want %v", got, v)
	}
	for _, typed := range v.Typed {
		if c, err := seal.ParseRecoveryCode(typed); err != nil || !bytes.Equal(c[:], v.Codes[0].Secret) {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range v.Mistyped {
		if _, err := seal.ParseRecoveryCode(typed); !errors.Is(err, seal.ErrRecoveryCode) {
			t.Errorf("%q: %v", typed, err)
		}
	}
	t.Run("EveryWrongLetterIsFound", func(t *testing.T) {
		t.Parallel()
		code := seal.NewRecoveryCode().Words()
		for i := range code {
			for _, letter := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
				wrong := code[:i] + string(letter) + code[i+1:]
				if wrong == code {
					continue
				}
				if _, err := seal.ParseRecoveryCode(wrong); !errors.Is(err, seal.ErrRecoveryCode) {
					t.Fatalf("%s passes for %s", wrong, code)
				}
			}
		}
	})
}
