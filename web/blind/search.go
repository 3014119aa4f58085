package blind

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// Finding is a word that was found where it must not be.
type Finding struct {
	// Word is what was looked for, as the report calls it; never the word itself.
	Word string `json:"word"`
	// Spelling is how it was written there.
	Spelling string `json:"spelling"`
	// Where is the table, key or file.
	Where string `json:"where"`
}

type pattern struct {
	word, spelling string
	bytes          []byte
}

// search looks for words in bytes, however they are written there, and
// remembers where it found which. It also looks for one planted word, which
// only shows that the search finds.
type search struct {
	patterns []pattern
	planted  []byte
	overlap  int

	found   []Finding
	proven  bool
	bytes   int64
	matched map[Finding]bool
}

// newSearch looks for words by their names. planted is not looked for where it
// is empty.
func newSearch(words map[string]string, planted string) *search {
	s := &search{planted: []byte(planted), matched: map[Finding]bool{}}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		seen := map[string]bool{}
		for _, p := range spellings(words[name]) {
			if !seen[string(p.bytes)] {
				seen[string(p.bytes)] = true
				s.patterns = append(s.patterns, pattern{name, p.spelling, p.bytes})
			}
		}
	}
	for _, p := range s.patterns {
		s.overlap = max(s.overlap, len(p.bytes))
	}
	s.overlap = max(s.overlap, len(planted))
	return s
}

// spellings are the ways in which a word may stand in a store.
func spellings(word string) []pattern {
	plain := []byte(word)
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(word)) {
		little = append(little, byte(unit), byte(unit>>8))
		big = append(big, byte(unit>>8), byte(unit))
	}
	reversed := slices.Clone(plain)
	slices.Reverse(reversed)
	inHex := []byte(hex.EncodeToString(plain))
	var escaped, percent strings.Builder
	for _, b := range plain {
		fmt.Fprintf(&escaped, `\u00%02x`, b)
		fmt.Fprintf(&percent, "%%%02X", b)
	}
	all := []pattern{
		{spelling: "plain", bytes: plain}, {spelling: "utf-16le", bytes: little}, {spelling: "utf-16be", bytes: big},
		{spelling: "hex", bytes: inHex}, {spelling: "hex, upper case", bytes: bytes.ToUpper(inHex)},
		{spelling: "base64 of hex", bytes: middle(inHex, 0)}, {spelling: "JSON escapes", bytes: []byte(escaped.String())},
		{spelling: "percent escapes", bytes: []byte(percent.String())}, {spelling: "reversed", bytes: reversed},
	}
	for shift := range 3 {
		inner := middle(plain, shift)
		all = append(all, pattern{spelling: fmt.Sprintf("base64 at %d", shift), bytes: inner},
			pattern{spelling: fmt.Sprintf("base64url at %d", shift), bytes: []byte(strings.NewReplacer("+", "-", "/", "_").Replace(string(inner)))})
	}
	return all
}

// middle is what base64 makes of a word behind shift other bytes, without the
// digits that its neighbours have a part in.
func middle(word []byte, shift int) []byte {
	text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), word...))
	from := 0
	if shift > 0 {
		from = shift + 1
	}
	return []byte(text[from : (shift+len(word))*8/6])
}

// in looks into a piece of a place.
func (s *search) in(piece []byte, where string) {
	s.bytes += int64(len(piece))
	s.look(piece, where)
}

func (s *search) look(piece []byte, where string) {
	if len(s.planted) > 0 && !s.proven && bytes.Contains(piece, s.planted) {
		s.proven = true
	}
	for _, p := range s.patterns {
		f := Finding{p.word, p.spelling, where}
		if !s.matched[f] && bytes.Contains(piece, p.bytes) {
			s.matched[f] = true
			s.found = append(s.found, f)
		}
	}
}

const block = 1 << 20

// over looks through all that r has. Pieces overlap, so that nothing hides at a
// seam.
func (s *search) over(r io.Reader, where string) error {
	buffer := make([]byte, block+s.overlap)
	kept := 0
	for {
		n, err := r.Read(buffer[kept:])
		if n > 0 {
			s.bytes += int64(n)
			kept += n
			// Small reads are gathered: looking is what takes time.
			if kept == len(buffer) {
				s.look(buffer, where)
				kept = copy(buffer, buffer[kept-s.overlap:])
			}
		}
		if err != nil {
			s.look(buffer[:kept], where)
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// writer is [search.over] for who writes.
func (s *search) writer(where string) io.WriteCloser {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := s.over(r, where)
		_ = r.CloseWithError(err)
		done <- err
	}()
	return &pipe{w, done}
}

type pipe struct {
	*io.PipeWriter
	done <-chan error
}

// Close returns once all that was written has been looked through.
func (p *pipe) Close() error {
	_ = p.PipeWriter.Close() // never fails
	return <-p.done
}
