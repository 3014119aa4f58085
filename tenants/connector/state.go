package connector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"siegel/platform/seal"
	"siegel/platform/strictjson"
)

// What callers act on.
var (
	// ErrNotPaired is returned where the folder knows no practice yet.
	ErrNotPaired = errors.New("not paired with a practice yet: run siegel connector pair")
	// ErrRunning is returned where another agent uses the folder.
	ErrRunning = errors.New("another connector uses this folder")
)

// pairing is what ties the folder to one practice. It is the file to guard.
type pairing struct {
	V         int    `json:"v"`
	Office    string `json:"office"`
	Tenant    string `json:"tenant"`    // bare uuid
	Connector string `json:"connector"` // bare uuid, its account in the directory
	Token     string `json:"token"`
	// Key is the member key's seed, as the operating system keeps secrets:
	// under the user's protection where it has one (Windows), else as it is.
	Key seal.Bytes `json:"key"`
	// Pin is the fingerprint of the identity whose words were shown; Sequence
	// the newest directory that was seen.
	Pin      string `json:"pin"`
	Sequence int64  `json:"sequence"`

	member seal.PrivateKey
}

const pairingFile = "pairing.json"

// strict is how everything is read here that others wrote.
var strict = strictjson.Rules{Depth: 8}

func readPairing(dir string) (pairing, error) {
	b, err := os.ReadFile(filepath.Join(dir, pairingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return pairing{}, ErrNotPaired
	}
	if err != nil {
		return pairing{}, err
	}
	var p pairing
	if err := strict.Decode(b, &p); err != nil {
		return pairing{}, fmt.Errorf("%s: %w", pairingFile, err)
	}
	seed, err := unprotect(p.Key)
	if err != nil {
		return pairing{}, fmt.Errorf("%s: %w", pairingFile, err)
	}
	if p.member, err = seal.NewPrivateKey(seed); err != nil {
		return pairing{}, fmt.Errorf("%s: %w", pairingFile, err)
	}
	return p, nil
}

func (p pairing) write(dir string) error {
	seed, err := p.member.Seed()
	if err != nil {
		return err
	}
	p.V = 1
	if p.Key, err = protect(seed); err != nil {
		return err
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, pairingFile), b)
}

// writeFile replaces a file as a whole: whoever reads it, at whichever moment,
// reads the old or the new one.
func writeFile(path string, content []byte) error {
	part := partOf(path)
	if err := stage(part, content, 0o600); err != nil {
		return err
	}
	return publish(part, path)
}

// partOf is where a file is written before it gets its name: in the same
// folder, under a name that readers of the folder pass over.
func partOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part")
}

func stage(part string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func publish(part, path string) error {
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
