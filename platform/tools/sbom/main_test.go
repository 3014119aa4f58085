package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/debug"
	"slices"
	"testing"
)

func TestItListsWhatIsInTheBinaryAndThePage(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile("../../../web/app/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "github.com/gofiber/fiber/v2", Version: "v2.52.15"},
		{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v1.0.1"}},
	}}
	var twice [2]bytes.Buffer
	for i := range twice {
		found, err := packages(lock)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(&twice[i], append(found, modules(info)...)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(twice[0].Bytes(), twice[1].Bytes()) {
		t.Error("two runs write different lists")
	}
	var list struct {
		BOMFormat  string
		Components []component
	}
	if err := json.Unmarshal(twice[0].Bytes(), &list); err != nil || list.BOMFormat != "CycloneDX" {
		t.Fatal(err, list.BOMFormat)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(list.Components, func(c component) bool { return c.Name == name && c.Version != "" })
	}
	for _, name := range []string{"go", "github.com/gofiber/fiber/v2", "example.org/new", "@hpke/core", "@noble/hashes"} {
		if !has(name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range []string{"example.org/old", "vitest", "typescript"} {
		if has(name) {
			t.Errorf("%s is in nothing that is shipped", name)
		}
	}
	if err := run([]string{os.Args[0]}, &twice[0]); err != nil {
		t.Errorf("of a binary: %v", err)
	}
}
