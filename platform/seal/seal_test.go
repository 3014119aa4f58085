package seal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"siegel/platform/seal"
)

var update = flag.Bool("update", false, "write the vectors anew")

const (
	tenantA   = "0197f000-0000-7000-8000-00000000000a"
	tenantB   = "0197f000-0000-7000-8000-00000000000b"
	account   = "0197f000-0000-7000-8000-0000000000ac"
	booking1  = "0197f000-0000-7000-8000-000000000b01"
	booking2  = "0197f000-0000-7000-8000-000000000b02"
	envelope1 = "0197f000-0000-7000-8000-000000000e01"
	envelope2 = "0197f000-0000-7000-8000-000000000e02"
	password  = "korrekt Pferd Batterie Heftklammer"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *update {
		for _, write := range []func() error{writeEnvelopes, writeDirectories, writeKeyring, writePasswords, writeRecovery, writeSuccession} {
			if err := write(); err != nil {
				fmt.Fprintln(os.Stderr, "write vectors:", err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

func issued() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }

// seed is a fixed seed, different for each n.
func seed(n byte) []byte {
	s := sha256.Sum256([]byte{'s', 'e', 'e', 'd', n})
	return s[:]
}

func salt() []byte { return seed('s')[:seal.SaltSize] }

func key(n byte) seal.PrivateKey { return must(seal.NewPrivateKey(seed(n))) }

func identity(n byte) *ecdsa.PrivateKey {
	return must(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed(n)))
}

// directory is a practice's second directory, made of fixed keys: data keys
// 1 and 2, owner 3, front desk 4, recovery 5, identity 6, book keys b and k.
func directory() seal.Directory {
	public := func(n byte) seal.Bytes { return key(n).PublicKey().Bytes() }
	return seal.Directory{
		Tenant: tenantA, Sequence: 2, Previous: seed('p'),
		Issued: issued(), Expires: issued().Add(seal.DirectoryLife),
		Identity: must(identity(6).PublicKey.Bytes()),
		DataKeys: []seal.DataKey{
			{KID: key(1).KID(), Suite: seal.Suite, Epoch: 1, Public: public(1)},
			{KID: key(2).KID(), Suite: seal.Suite, Epoch: 3, Public: public(2)},
		},
		BookKeys: []seal.BookEntry{
			seal.BookKey(seed('b')).Entry(tenantA, 1),
			seal.BookKey(seed('k')).Entry(tenantA, 4),
		},
		Members: []seal.Member{
			{Account: account, Role: seal.RoleOwner, KID: key(3).KID(), Public: public(3)},
			{Account: booking1, Role: seal.RoleFrontDesk, KID: key(4).KID(), Public: public(4)},
		},
		Recovery: seal.Holder{KID: key(5).KID(), Public: public(5)},
		Revoked:  []string{key(7).KID()},
	}
}

// signRaw signs any bytes, as only a broken or hostile owner would.
func signRaw(k *ecdsa.PrivateKey, document string) seal.Bytes {
	sum := sha256.Sum256([]byte(document))
	r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

// bookingJSON is a booking as the form writes it, with a given name of n letters.
func bookingJSON(tenant, booking string, n int) []byte {
	name := make([]rune, n)
	for i := range name {
		name[i] = []rune("Þóra")[i%4]
	}
	return must(json.Marshal(map[string]any{
		"v": 1, "booking_id": booking, "tenant": tenant,
		"service":      map[string]string{"id": "svc_0197f000-0000-7000-8000-000000000501", "name": "Vorsorge"},
		"practitioner": map[string]string{"id": "prc_0197f000-0000-7000-8000-000000000901", "name": "Dr. Ada Żak"},
		"location":     map[string]string{"id": "loc_0197f000-0000-7000-8000-000000000701", "name": "Praxis am Markt"},
		"starts":       "2026-11-26T08:20:00Z", "ends": "2026-11-26T08:40:00Z", "zone": "Europe/Berlin",
		"patient": map[string]string{
			"family_name": "O’Neill-Łuczak", "given_name": string(name), "birth_date": "1984-02-29",
			"insurance": "GKV", "email": "thora@example.org",
		},
		"new_patient": true, "note": "Bitte Rollstuhlrampe.\nDanke 🙏", "language": "de",
	}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func vector(name string) string { return filepath.Join("testdata", "vectors", name) }

func writeVector(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(vector(name), append(b, '\n'), 0o644)
}

// splice is how a vector says a text that differs little from a good one:
// remove so many bytes at an offset and insert others.
type splice struct {
	At     int        `json:"at"`
	Remove int        `json:"remove"`
	Insert seal.Bytes `json:"insert"`
}

// spliceOf is the one splice that makes bad of good.
func spliceOf(good, bad []byte) *splice {
	most := min(len(good), len(bad))
	at := 0
	for at < most && good[at] == bad[at] {
		at++
	}
	tail := 0
	for tail < most-at && good[len(good)-1-tail] == bad[len(bad)-1-tail] {
		tail++
	}
	return &splice{At: at, Remove: len(good) - tail - at, Insert: append(seal.Bytes{}, bad[at:len(bad)-tail]...)}
}

func (s *splice) of(good []byte) []byte {
	if s == nil {
		return good
	}
	return slices.Concat(good[:s.At], s.Insert, good[s.At+s.Remove:])
}

func readVector[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	b, err := os.ReadFile(vector(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}
