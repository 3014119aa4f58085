package connector_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/seal"
	"siegel/tenants/connector"
)

// A server that wants to read hands out another directory. Which ones the
// connector refuses, and why.
func TestAHostileServersKeysAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tenant, owner, me := uuid.NewString(), uuid.NewString(), uuid.NewString()
	ring, err := seal.NewKeyring(tenant, owner, "sechs gute worte zum testen hier", []byte("sixteen bytes ok"), now)
	if err != nil {
		t.Fatal(err)
	}
	u, err := ring.Stored.Locked().Unlock("sechs gute worte zum testen hier", seal.KDF, ring.Stored.Salt)
	if err != nil {
		t.Fatal(err)
	}
	member, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	data, err := u.Data[u.Directory.Current().KID].Seed()
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(secret []byte) []seal.Wrap {
		w, err := seal.WrapKey(member.PublicKey(), tenant, seal.KindData, 1, secret)
		if err != nil {
			t.Fatal(err)
		}
		return []seal.Wrap{w}
	}
	next := func(change func(*seal.Directory)) seal.Signed {
		d := u.Directory
		d.Sequence, d.Previous = 5, make([]byte, 32)
		d.Members = append(d.Members[:len(d.Members):len(d.Members)], seal.Member{Account: me, Role: seal.RoleConnector, KID: member.KID(), Public: member.PublicKey().Bytes()})
		change(&d)
		signed, err := d.Sign(u.Identity)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	same := func(*seal.Directory) {}
	agent := connector.Paired(u.Directory, me, member, now)
	if _, err := agent.Believe(next(same), wrap(data)); err != nil {
		t.Fatalf("the practice's own: %v", err)
	}

	other, err := seal.NewKeyring(tenant, owner, "sechs gute worte zum testen hier", []byte("sixteen bytes ok"), now)
	if err != nil {
		t.Fatal(err)
	}
	forged := next(same)
	forged.Signature = other.Stored.Directory.Signature
	stranger, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := stranger.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		signed seal.Signed
		wraps  []seal.Wrap
		now    time.Duration
		want   error
	}{
		"AnotherIdentity":     {other.Stored.Directory, nil, 0, seal.ErrDirectoryPin},
		"ASignatureOfAnother": {forged, wrap(data), 0, seal.ErrDirectoryUnsigned},
		"OneThatHasRunOut":    {next(same), wrap(data), 91 * 24 * time.Hour, seal.ErrDirectoryExpired},
		"AnOlderOne":          {next(func(d *seal.Directory) { d.Sequence = 4 }), wrap(data), 0, seal.ErrDirectoryOld},
		"OneWithoutUs":        {next(func(d *seal.Directory) { d.Members = d.Members[:1] }), wrap(data), 0, seal.ErrNotMember},
		"AKeyThatIsNotListed": {next(same), wrap(foreign), 0, seal.ErrTampered},
		"AnotherPractices":    {foreignDirectory(t, owner, now), nil, 0, seal.ErrDirectoryForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := u.Directory
			seen.Sequence = 5
			agent := connector.Paired(seen, me, member, now.Add(c.now))
			if _, err := agent.Believe(c.signed, c.wraps); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func foreignDirectory(t *testing.T, owner string, now time.Time) seal.Signed {
	t.Helper()
	k, err := seal.NewKeyring(uuid.NewString(), owner, "sechs gute worte zum testen hier", []byte("sixteen bytes ok"), now)
	if err != nil {
		t.Fatal(err)
	}
	return k.Stored.Directory
}
