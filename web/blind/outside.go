package blind

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
)

// Manifest is the SHA-256 of each file of the web app, by name, in hex. Whoever
// builds a release publishes it; see [ManifestOf].
type Manifest map[string]string

// ManifestOf is that of a built web app.
func ManifestOf(dist fs.FS) (Manifest, error) {
	m := Manifest{}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, ".") {
			return err
		}
		content, err := fs.ReadFile(dist, name)
		m[name] = digest(content)
		return err
	})
	if err == nil && m["index.html"] == "" {
		err = errors.New("this program was built without the web app")
	}
	return m, err
}

// ReadManifest reads lines as [Manifest.String] and sha256sum write them.
func ReadManifest(r io.Reader) (Manifest, error) {
	m := Manifest{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || !isDigest.MatchString(sum) || name == "" {
			return nil, fmt.Errorf("no line of a manifest: %q", lines.Text())
		}
		m[name] = sum
	}
	return m, lines.Err()
}

var isDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// String is the manifest as sha256sum would print it, in the order of names.
func (m Manifest) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s  %s\n", m[name], name)
	}
	return b.String()
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Served is how the pages that are served compare with the manifest.
type Served struct {
	// Manifest is the SHA-256 of the manifest that they were compared with.
	Manifest string `json:"manifest"`
	Files    int    `json:"files"`
	// Altered are those that are served otherwise, or not at all.
	Altered []string `json:"altered"`
	Problem string   `json:"problem,omitempty"`
}

// pages are where the files are served that are not below /assets/.
var pages = map[string]string{
	"index.html": "/", "confirm.html": "/confirm", "booking.html": "/booking", "sealed.html": "/sealed", "waiting.html": "/waiting", "embed.js": "/embed.js",
}

// compare fetches what patients are served, and the office's page where its
// address is known, as any visitor would.
func (v *visitor) compare(ctx context.Context, m Manifest, office string) Served {
	s := Served{Manifest: digest([]byte(m.String())), Altered: []string{}}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		address, served := pages[name]
		switch {
		case served:
			address = v.base + address
		case strings.HasPrefix(name, "assets/"):
			address = v.base + "/" + name
		case name == "office.html" && office != "":
			address = office + "/"
		default:
			continue // for other hosts
		}
		status, content, err := v.fetch(ctx, address)
		if err != nil {
			s.Problem = err.Error()
			return s
		}
		s.Files++
		if status != http.StatusOK || digest(content) != m[name] {
			s.Altered = append(s.Altered, name)
		}
	}
	return s
}

// Directory is what the practice's key directory is, seen from outside.
type Directory struct {
	Fingerprint string    `json:"fingerprint"`
	Sequence    int64     `json:"sequence"`
	Expires     time.Time `json:"expires"`
	// Compared says with what: pinned, remembered, or "" where there was nothing.
	Compared string `json:"compared"`
	Problem  string `json:"problem,omitempty"`
}

// remembered is what an audit leaves for the next one, by tenant.
type remembered map[string]struct {
	Fingerprint string `json:"fingerprint"`
	Sequence    int64  `json:"sequence"`
}

// directory fetches it and holds it against a fingerprint, and against what the
// audit before saw, where there is either.
func (v *visitor) directory(ctx context.Context, tenant id.Tenant, pin, state string, now time.Time) (d Directory, key seal.PublicKey, err error) {
	fail := func(err error) (Directory, seal.PublicKey, error) {
		d.Problem = err.Error()
		return d, seal.PublicKey{}, err
	}
	var signed seal.Signed
	if err := v.ask(ctx, http.MethodGet, "/api/v1/keys", nil, &signed); err != nil {
		return fail(err)
	}
	found, err := seal.ParseDirectory(signed.Document, signed.Signature)
	if err != nil {
		return fail(err)
	}
	d.Fingerprint, d.Sequence, d.Expires = found.ShownFingerprint(), found.Sequence, found.Expires.UTC()
	if err := found.Check(tenant.UUID(), now, ""); err != nil {
		return fail(err)
	}
	if pin != "" {
		d.Compared = "pinned"
		if !slices.Contains([]string{found.Fingerprint(), bare(found.ShownFingerprint())}, bare(pin)) {
			return fail(errors.New("it is not the practice's: the fingerprint is another"))
		}
	}
	if state != "" {
		before, err := recall(state)
		if err != nil {
			return fail(err)
		}
		if b, ok := before[tenant.UUID()]; ok {
			if d.Compared == "" {
				d.Compared = "remembered"
			}
			switch {
			case found.Sequence < b.Sequence:
				return fail(errors.New("it is older than the one that the last audit saw"))
			case found.Fingerprint() != b.Fingerprint && !found.Follows(b.Fingerprint):
				return fail(errors.New("its identity is another than the one that the last audit saw"))
			}
		}
		one := before[tenant.UUID()]
		one.Fingerprint, one.Sequence = found.Fingerprint(), found.Sequence
		before[tenant.UUID()] = one
		if err := before.keep(state); err != nil {
			return fail(err)
		}
	}
	if key, err = found.Current().Key(); err != nil {
		return fail(err)
	}
	return d, key, nil
}

// bare is a fingerprint without the spaces that people read it by.
func bare(fingerprint string) string { return strings.Join(strings.Fields(fingerprint), "") }

func recall(path string) (remembered, error) {
	r := remembered{}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(content, &r)
}

func (r remembered) keep(path string) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
