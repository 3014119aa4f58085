// Command licences writes down whose work a binary and a web app contain, and
// on what terms: a list, then each text once with those that it covers. It
// promises that nothing is left out: a part without a licence's text is an
// error. Two runs over the same input write the same bytes.
//
//	go run ./platform/tools/licences web/app . ./plugins/... > web/app/dist/licences.txt
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// part is something of others' that is in the product.
type part struct {
	name, version string
	dir           string
	// terms are their short name, where no text is found.
	terms string
}

// notice is one text with the parts that it covers.
type notice struct {
	text  string
	parts []string
}

func run(args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("name the folder of the web app, and Go packages")
	}
	parts, err := modules(args[1:])
	if err != nil {
		return err
	}
	bundled, err := packages(args[0])
	if err != nil {
		return err
	}
	return write(out, append(parts, bundled...))
}

// modules are those that the packages are built from, and Go's own library.
func modules(packages []string) ([]part, error) {
	const format = `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`
	list := exec.Command("go", append([]string{"list", "-deps", "-f", format}, packages...)...)
	list.Stderr = os.Stderr
	lines, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	parts := []part{{"Go", strings.TrimPrefix(runtime.Version(), "go"), strings.TrimSpace(string(root)), "BSD-3-Clause"}}
	for line := range strings.Lines(string(lines)) {
		if f := strings.Fields(line); len(f) == 3 {
			parts = append(parts, part{f[0], f[1], f[2], ""})
		}
	}
	return parts, nil
}

// packages are those of npm that are not for development alone.
func packages(app string) ([]part, error) {
	lock, err := os.ReadFile(filepath.Join(app, "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var file struct {
		Packages map[string]struct {
			Version, License string
			Dev              bool
		}
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, fmt.Errorf("read lock file: %w", err)
	}
	var parts []part
	for path, p := range file.Packages {
		if at := strings.LastIndex(path, "node_modules/"); at >= 0 && !p.Dev {
			parts = append(parts, part{path[at+len("node_modules/"):], p.Version, filepath.Join(app, path), p.License})
		}
	}
	return parts, nil
}

var named = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)`)

// texts are what a part says of its terms.
func (p part) texts() ([]string, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	var texts []string
	for _, e := range entries {
		if e.IsDir() || !named.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
		texts = append(texts, string(bytes.TrimSpace(text)))
	}
	return texts, nil
}

func write(out io.Writer, parts []part) error {
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.title(), b.title()) })
	parts = slices.CompactFunc(parts, func(a, b part) bool { return a.title() == b.title() })
	var all []*notice
	for _, p := range parts {
		texts, err := p.texts()
		if err != nil {
			return err
		}
		if len(texts) == 0 {
			if p.terms == "" {
				return fmt.Errorf("%s says nothing of its terms", p.title())
			}
			texts = []string{"Licence: " + p.terms + " (as it declares; it comes without the text)"}
		}
		for _, text := range texts {
			at := slices.IndexFunc(all, func(n *notice) bool { return n.text == text })
			if at < 0 {
				at, all = len(all), append(all, &notice{text: text})
			}
			all[at].parts = append(all[at].parts, p.title())
		}
	}
	var b strings.Builder
	b.WriteString("Siegel is licensed under the Apache License 2.0. It contains the work of others, on these terms.\n")
	for _, n := range all {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 72), strings.Join(n.parts, "\n"), n.text)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (p part) title() string { return p.name + " " + p.version }
