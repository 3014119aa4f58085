package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// lines appends to a file: CSV and JSON Lines. What it is about to append stands
// in a file of its own before, with the place where it belongs; after a crash
// that place tells how much of it arrived, and the rest is written.
type lines struct {
	Outlet
	staged string
	head   []byte // of a new file
	line   func(Item) []byte
}

// appended is the mark of a hand-over: where in the file it begins.
type appended struct {
	At     int64 `json:"at"`
	Length int64 `json:"length"`
}

func (l *lines) name() string { return l.Name }
func (l *lines) most() int    { return 1000 }

func (l *lines) prepare(items []Item) (json.RawMessage, error) {
	var m appended
	switch info, err := os.Stat(l.File); {
	case err == nil:
		m.At = info.Size()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	var b bytes.Buffer
	if m.At == 0 {
		b.Write(l.head)
	}
	for _, i := range items {
		b.Write(l.line(i))
	}
	m.Length = int64(b.Len())
	if err := stage(l.staged, b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func (l *lines) hand(_ context.Context, _ []Item, mark json.RawMessage, again bool) error {
	var m appended
	if err := json.Unmarshal(mark, &m); err != nil {
		return err
	}
	content, err := os.ReadFile(l.staged)
	if err != nil {
		return err
	}
	if int64(len(content)) != m.Length {
		return fmt.Errorf("%s has changed", l.staged)
	}
	if err := os.MkdirAll(filepath.Dir(l.File), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(l.File, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if again && info.Size() >= m.At+m.Length {
		there := make([]byte, m.Length)
		if _, err := f.ReadAt(there, m.At); err == nil && bytes.Equal(there, content) {
			return f.Sync()
		}
	}
	at := m.At
	switch {
	case info.Size() < m.At:
		// Somebody took the file away since: it goes on in the new one.
		at = info.Size()
	case again && info.Size() < m.At+m.Length:
		// Torn: what is there of it is written over.
	case info.Size() > m.At:
		at = info.Size() // somebody else wrote, too
	}
	if _, err := f.WriteAt(content, at); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(l.File))
}

func jsonLine(i Item) []byte {
	b, err := json.Marshal(i)
	if err != nil {
		panic(err) // texts and times have no other way
	}
	return append(b, '\n')
}

// csvColumns are those of the file, in order.
var csvColumns = []struct {
	name string
	of   func(Item) string
}{
	{"event", func(i Item) string { return i.Event }},
	{"kind", func(i Item) string { return string(i.Kind) }},
	{"booking", func(i Item) string { return i.Booking }},
	{"date", func(i Item) string { return i.Starts.In(i.zone()).Format(time.DateOnly) }},
	{"from", func(i Item) string { return i.Starts.In(i.zone()).Format("15:04") }},
	{"until", func(i Item) string { return i.Ends.In(i.zone()).Format("15:04") }},
	{"practitioner", func(i Item) string { return i.Practitioner }},
	{"location", func(i Item) string { return i.Location }},
	{"service", func(i Item) string { return i.Service }},
	{"family_name", func(i Item) string { return i.Family }},
	{"given_name", func(i Item) string { return i.Given }},
	{"birth_date", func(i Item) string { return i.BirthDate }},
	{"gender", func(i Item) string { return i.Gender }},
	{"insurance", func(i Item) string { return i.Insurance }},
	{"phone", func(i Item) string { return i.Phone }},
	{"email", func(i Item) string { return i.Email }},
	{"new_patient", func(i Item) string {
		if i.NewPatient == nil {
			return ""
		}
		return map[bool]string{true: "yes", false: "no"}[*i.NewPatient]
	}},
	{"note", func(i Item) string { return i.Note }},
	{"referral", func(i Item) string { return i.Referral }},
	{"booker", func(i Item) string { return i.Booker }},
	{"video", func(i Item) string { return i.Video }},
	{"warning", func(i Item) string { return i.Warning }},
}

// csvHead begins a file: the mark by which spreadsheets know UTF-8, and the names.
func csvHead() []byte {
	names := make([]string, len(csvColumns))
	for n, c := range csvColumns {
		names[n] = `"` + c.name + `"`
	}
	return []byte("\ufeff" + strings.Join(names, ";") + "\r\n")
}

func csvLine(i Item) []byte {
	cells := make([]string, len(csvColumns))
	for n, c := range csvColumns {
		cells[n] = csvCell(c.of(i))
	}
	return []byte(strings.Join(cells, ";") + "\r\n")
}

// csvCell is a text that no spreadsheet takes for a formula: such a one gets an
// apostrophe in front. Every cell is quoted, and stays in its line.
func csvCell(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	// Spreadsheets look past blanks, and take the full-width forms as well.
	if first := strings.TrimLeftFunc(s, unicode.IsSpace); first != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(first)[0]) {
		s = "'" + s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
