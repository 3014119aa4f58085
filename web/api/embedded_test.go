package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// huma passes over embedded types that are not exported: what they hold is
// neither described nor read, and nobody is told.
func TestNothingIsEmbeddedThatIsNotExported(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range hidden(file) {
			t.Errorf("%s: %s is embedded, and huma does not look into it: export it", set.Position(found.Pos()), found.Name)
		}
	}
}

// hidden are the embedded types of structs that are not exported.
func hidden(file *ast.File) (found []*ast.Ident) {
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			of := field.Type
			if pointer, ok := of.(*ast.StarExpr); ok {
				of = pointer.X
			}
			if name, ok := of.(*ast.Ident); ok && len(field.Names) == 0 && !name.IsExported() {
				found = append(found, name)
			}
		}
		return true
	})
	return found
}

func TestWhatIsEmbeddedAndHiddenIsFound(t *testing.T) {
	t.Parallel()
	const source = `package x
		type path struct{ ID string }
		type Shown struct{ ID string }
		type request struct {
			path
			Body struct {
				*path
				Shown
				named path
			}
		}`
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found := hidden(file); len(found) != 2 {
		t.Errorf("found %v, want the two", found)
	}
}
