// Package release tells which version a program of ours is, and which of two
// is the newer.
package release

import (
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
)

// Own is this program's version as its build noted it (v1.2.3, or a
// pseudo-version with the time of its commit); empty where it was built from
// changed sources or from none that anybody knows.
func Own() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !form.MatchString(info.Main.Version) || strings.HasSuffix(info.Main.Version, "+dirty") {
		return ""
	}
	return info.Main.Version
}

// form is that of a semantic version as Go writes it.
var form = regexp.MustCompile(`^v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$`)

// Newer reports whether one version comes after another (Semantic Versioning
// 2.0.0 section 11). Of what is no version nothing is known: it is not newer.
func Newer(than, other string) bool {
	a, b := form.FindStringSubmatch(than), form.FindStringSubmatch(other)
	if a == nil || b == nil {
		return false
	}
	for n := 1; n <= 3; n++ {
		x, _ := strconv.Atoi(a[n])
		y, _ := strconv.Atoi(b[n])
		if x != y {
			return y > x
		}
	}
	if a[4] == "" || b[4] == "" {
		return a[4] != "" && b[4] == "" // what is released comes after what led to it
	}
	return later(strings.Split(a[4], "."), strings.Split(b[4], "."))
}

// later compares what stands behind the hyphen, part by part: numbers by their
// value and before words, words as text, and fewer before more.
func later(a, b []string) bool {
	for n := range min(len(a), len(b)) {
		if a[n] == b[n] {
			continue
		}
		x, xErr := strconv.ParseUint(a[n], 10, 64)
		y, yErr := strconv.ParseUint(b[n], 10, 64)
		switch {
		case xErr == nil && yErr == nil:
			return y > x
		case xErr == nil || yErr == nil:
			return xErr == nil
		default:
			return b[n] > a[n]
		}
	}
	return len(b) > len(a)
}
