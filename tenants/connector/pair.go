package connector

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"siegel/platform/id"
	"siegel/platform/seal"
)

var (
	// ErrAlreadyPaired is returned where the folder belongs to a practice.
	ErrAlreadyPaired = errors.New("this folder is paired already: take another one, or delete pairing.json and the journal")
	// ErrNoDirectory is returned for a practice that has made no keys yet.
	ErrNoDirectory = errors.New("the practice has made no keys yet")
)

// Pair makes a key of its own, shows the office the code that its owner was
// given, and keeps the token that it gets in return. It returns the six words
// that the owner sees as well, if nobody stands between; until the owner has said so,
// the connector can open nothing. It returns [ErrAlreadyPaired],
// [ErrNoDirectory], [ErrAddress], or the office's refusal.
func Pair(ctx context.Context, c Config, address, code string) (words []string, err error) {
	if c.Client == nil {
		c.Client = newClient()
	}
	unlock, err := lock(c.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(c.Dir, pairingFile)); err == nil {
		return nil, ErrAlreadyPaired
	}
	o, err := newOffice(c.Client, address, "")
	if err != nil {
		return nil, err
	}
	member, err := seal.GenerateKey()
	if err != nil {
		return nil, err
	}
	var claimed struct {
		Connector id.Connector `json:"connector"`
		Tenant    id.Tenant    `json:"tenant"`
		Token     string       `json:"token"`
		Directory *seal.Signed `json:"directory"`
	}
	body := map[string]any{"code": code, "public": seal.Bytes(member.PublicKey().Bytes())}
	if err := o.send(ctx, http.MethodPost, "/api/v1/connector/claim", body, &claimed); err != nil {
		return nil, err
	}
	if claimed.Directory == nil {
		return nil, ErrNoDirectory
	}
	d, err := seal.ParseDirectory(claimed.Directory.Document, claimed.Directory.Signature)
	if err != nil {
		return nil, err
	}
	if d.Tenant != claimed.Tenant.UUID() {
		return nil, seal.ErrDirectoryForeign
	}
	p := pairing{
		Office: o.base, Tenant: d.Tenant, Connector: claimed.Connector.UUID(), Token: claimed.Token,
		Pin: d.Fingerprint(), Sequence: d.Sequence, member: member,
	}
	if err := p.write(c.Dir); err != nil {
		return nil, err
	}
	return p.words()
}

func (p pairing) words() ([]string, error) {
	return seal.JoiningWords(p.Tenant, p.Connector, p.Pin, p.member.PublicKey().Bytes())
}
