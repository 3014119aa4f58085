// Package app carries the browser's part of Siegel: the pages, scripts, styles
// and fonts that Vite built from the sources beside this file.
//
// It promises only what was in dist when the binary was compiled. Before the
// first build dist holds nothing but a placeholder; then [FS] has no pages and
// [Built] is false. It promises nothing about headers or caching: files under
// assets/ carry a hash of their content in their name, all others do not.
package app

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS is the built site: index.html, confirm.html, booking.html, sealed.html,
// office.html, assets/ and .vite/manifest.json at its root.
func FS() fs.FS {
	site, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path; fs.Sub fails for nothing else
	}
	return site
}

// Built reports whether the pages were built before the binary was compiled.
func Built() bool {
	_, err := fs.Stat(dist, "dist/index.html")
	return err == nil
}
