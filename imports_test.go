package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors from the ground up. Every import points down or stays on its floor.
var floors = []string{"plugins", "platform", "tenants", "web", "."}

// reserved says who may import what comes from outside.
var reserved = map[string][]string{
	"github.com/gofiber/fiber":       {"web", "web/bench"},
	"github.com/valyala/fasthttp":    {"web"},
	"github.com/danielgtaylor/huma":  {"web"},
	"github.com/uptrace/bun":         {"platform/postgres", "platform/jobs", "platform/identity", "platform/certs", "tenants"},
	"github.com/casbin/casbin":       {"platform/access"},
	"github.com/hashicorp/go-plugin": {"platform/pluginhost", "plugins/sdk"},
}

// leaves import nothing of ours but other leaves.
var leaves = []string{"platform/fault", "platform/id", "platform/config", "platform/strictjson", "platform/telemetry"}

// sourceFile is one Go file of the tree with what it imports.
type sourceFile struct {
	name    string // from the root, with slashes
	dir     string
	syntax  *ast.File
	imports []string
}

// sources parses the tree itself: what `go list` says is remembered by the
// test cache, which does not see a file change.
func sources(t *testing.T) []sourceFile {
	t.Helper()
	var all []sourceFile
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || base == "bin" || base == "var") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := sourceFile{name: filepath.ToSlash(name), dir: path.Dir(filepath.ToSlash(name)), syntax: f}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, p)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found only %d files: not at the root of the tree?", len(all))
	}
	return all
}

func floor(dir string) int {
	top, _, _ := strings.Cut(dir, "/")
	return slices.Index(floors, top)
}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if floor(s.dir) < 0 {
			t.Errorf("%s lies on no floor", s.name)
		}
		for _, p := range s.imports {
			target, ours := strings.CutPrefix(p, "siegel/")
			if !ours {
				continue
			}
			if floor(target) > floor(s.dir) {
				t.Errorf("%s imports %s: it points up", s.name, p)
			}
			test := strings.HasSuffix(s.name, "_test.go")
			if slices.Contains(leaves, s.dir) && !slices.Contains(leaves, target) && !test {
				t.Errorf("%s imports %s: %s is a leaf", s.name, p, s.dir)
			}
			if within(s.dir, "plugins/sdk") && !within(target, "plugins/sdk") {
				t.Errorf("%s imports %s: the contract imports nothing of ours", s.name, p)
			}
			if within(s.dir, "plugins") && !within(target, "plugins") {
				t.Errorf("%s imports %s: a plugin is a program of its own", s.name, p)
			}
			if s.dir == "tenants/schema" && !test {
				t.Errorf("%s imports %s: the schema imports nothing of ours", s.name, p)
			}
			for _, room := range []string{"web/e2e", "web/bench", "web/chaos"} {
				if within(s.dir, room) && !within(target, room) {
					t.Errorf("%s imports %s: %s drives the built binary only", s.name, p, room)
				}
			}
		}
	}
}

func TestForeignImportsStayInTheirRooms(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, p := range s.imports {
			for prefix, rooms := range reserved {
				if strings.HasPrefix(p, prefix) && !slices.ContainsFunc(rooms, func(r string) bool { return within(s.dir, r) }) {
					t.Errorf("%s imports %s, which only %v may", s.name, p, rooms)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, "_test.go") {
			continue
		}
		said := s.syntax.Doc != nil && (strings.HasPrefix(s.syntax.Doc.Text(), "Package "+s.syntax.Name.Name+" ") ||
			s.syntax.Name.Name == "main" && strings.HasPrefix(s.syntax.Doc.Text(), "Command "))
		documented[s.dir] = documented[s.dir] || said || ast.IsGenerated(s.syntax)
	}
	for dir, said := range documented {
		if !said {
			t.Errorf("the package in %s has no comment that says what it promises", dir)
		}
	}
}

func TestEveryDependencySaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	said, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		module, version, found := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "require ")), " ")
		if !found || !strings.HasPrefix(version, "v") || strings.Contains(version, "// indirect") {
			continue
		}
		direct++
		// One line may stand for a family: google.golang.org/grpc is go-plugin's wire.
		if name := strings.TrimPrefix(module, "google.golang.org/"); !strings.Contains(string(said), name) {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", module)
		}
	}
	if direct < 10 {
		t.Fatalf("found only %d modules in go.mod", direct)
	}
}
