package connector

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/gdt"
)

// GDT says how a practice's software reads GDT 2.1. The format has no record
// for an appointment: what arrives is a patient's master data (6301), a note in
// the chart with date, time and text (6310), or both, as the software is set up to take
// them. Fields that are left out come from the profile.
type GDT struct {
	// Profile is one of [GDTProfiles]; "generic" where empty.
	Profile  string `json:"profile"`
	Charset  string `json:"charset"` // ascii, cp437, latin1
	Receiver string `json:"receiver"`
	Sender   string `json:"sender"`
	// File is a name with {receiver}, {sender} (their first four characters)
	// and {n}, a running number of three digits.
	File string `json:"file"`
	// Records are the records of a booking, in order: a type and what it has.
	Records []GDTRecord `json:"records"`
}

// GDTRecord is one file of a booking.
type GDTRecord struct {
	Type string `json:"type"` // 6301, 6310
	// Fields are numbers and texts with words in braces, which stand for what
	// [GDTWords] has. A field whose words are all empty is left out.
	Fields []GDTField `json:"fields"`
}

// GDTField is one field of a record.
type GDTField struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// master and note are the records that software takes widely.
var (
	gdtPerson = []GDTField{
		{"3000", "{patient}"}, {"3101", "{family}"}, {"3102", "{given}"}, {"3103", "{birth}"}, {"3110", "{sex}"},
	}
	gdtMaster = GDTRecord{"6301", append(gdtPerson[:len(gdtPerson):len(gdtPerson)], GDTField{"3626", "{phone}"})}
	gdtNote   = GDTRecord{"6310", append(gdtPerson[:len(gdtPerson):len(gdtPerson)],
		GDTField{"6200", "{day}"}, GDTField{"6201", "{time}"}, GDTField{"8402", "TERM00"},
		GDTField{"6220", "{what} {date} {clock}, {practitioner}, {service}"}, GDTField{"6220", "{location}"},
		GDTField{"6227", "{note}"})}
)

// GDTProfile is how a kind of software is spoken to, and what people find there.
type GDTProfile struct {
	// Does is "note" (in the chart) or "list" (of patients to take over).
	Does string
	GDT
}

// GDTProfiles are those that are shipped, by name. They say how the standard is
// used, not whose software it is: what a vendor does with a record is set up
// there.
func GDTProfiles() map[string]GDTProfile {
	base := GDT{Charset: "latin1", Receiver: "PRAXIS", Sender: "SIEGEL", File: "{receiver}{sender}.{n}"}
	with := func(does, charset string, records ...GDTRecord) GDTProfile {
		p := GDTProfile{does, base}
		p.Charset, p.Records = charset, records
		return p
	}
	return map[string]GDTProfile{
		"generic":     with("note", "latin1", gdtMaster, gdtNote),
		"generic-dos": with("note", "cp437", gdtMaster, gdtNote),
		"master-data": with("list", "latin1", gdtMaster),
		"chart-note":  with("note", "latin1", gdtNote),
	}
}

var gdtCharsets = map[string]gdt.Charset{"ascii": gdt.ASCII, "cp437": gdt.CP437, "latin1": gdt.Latin1}

// atOnce is how many files are written at the same time.
const atOnce = 16

// gdtOutlet writes each record as a file that appears as a whole.
type gdtOutlet struct {
	Outlet
	set GDT
}

func newGDT(o Outlet) (outlet, error) {
	var own GDT
	if o.GDT != nil {
		own = *o.GDT
	}
	if own.Profile == "" {
		own.Profile = "generic"
	}
	profile, ok := GDTProfiles()[own.Profile]
	if !ok {
		return nil, fmt.Errorf("unknown profile %q", own.Profile)
	}
	set := profile.GDT
	for _, f := range []struct {
		to   *string
		from string
	}{{&set.Charset, own.Charset}, {&set.Receiver, own.Receiver}, {&set.Sender, own.Sender}, {&set.File, own.File}} {
		if f.from != "" {
			*f.to = f.from
		}
	}
	if len(own.Records) > 0 {
		set.Records = own.Records
	}
	if o.Does == "" {
		o.Does = profile.Does
	}
	if gdtCharsets[set.Charset] == "" {
		return nil, fmt.Errorf("unknown charset %q", set.Charset)
	}
	if !strings.Contains(set.File, "{n}") || filepath.Base(set.File) != set.File || strings.ContainsAny(set.File, `/\`) {
		return nil, errors.New("the file's name needs {n} and is no path")
	}
	made := &gdtOutlet{o, set}
	for _, r := range set.Records {
		if _, err := made.encode(r, Item{}); err != nil {
			return nil, fmt.Errorf("record %q: %w", r.Type, err)
		}
	}
	return made, nil
}

func (g *gdtOutlet) name() string { return g.Name }
func (g *gdtOutlet) most() int    { return 50 }

// prepare writes every record under a name that readers pass over; the mark is
// the names that they will have, in order.
func (g *gdtOutlet) prepare(items []Item) (json.RawMessage, error) {
	if err := os.MkdirAll(g.Folder, 0o700); err != nil {
		return nil, err
	}
	var names []string
	number := 0
	var writing errgroup.Group // a disk syncs many files as fast as one
	writing.SetLimit(atOnce)
	for _, i := range items {
		for _, r := range g.set.Records {
			b, err := g.encode(r, i)
			if err != nil {
				return nil, err
			}
			var name string
			if name, number, err = g.free(number); err != nil {
				return nil, err
			}
			writing.Go(func() error { return stage(partOf(filepath.Join(g.Folder, name)), b, 0o600) })
			names = append(names, name)
		}
	}
	if err := writing.Wait(); err != nil {
		return nil, err
	}
	return json.Marshal(names)
}

// free is the next name that nobody uses: a reader may be behind.
func (g *gdtOutlet) free(after int) (string, int, error) {
	short := func(s string) string { return s[:min(4, len(s))] }
	for n := after + 1; n < 1000; n++ {
		name := strings.NewReplacer("{receiver}", short(g.set.Receiver), "{sender}", short(g.set.Sender), "{n}", fmt.Sprintf("%03d", n)).Replace(g.set.File)
		if _, err := os.Lstat(filepath.Join(g.Folder, name)); errors.Is(err, fs.ErrNotExist) {
			return name, n, nil
		}
	}
	return "", 0, errors.New("nobody reads the folder: it has 999 files")
}

// hand gives the files their names. One that has no other name any more was
// given it before, and may have been read and deleted since.
func (g *gdtOutlet) hand(_ context.Context, _ []Item, mark json.RawMessage, again bool) error {
	var names []string
	if err := json.Unmarshal(mark, &names); err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(g.Folder, name)
		err := os.Rename(partOf(path), path)
		if again && errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(g.Folder); err != nil {
				return err // the share is away, not the file
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return syncDir(g.Folder)
}

func (g *gdtOutlet) encode(r GDTRecord, i Item) ([]byte, error) {
	words := GDTWords(i)
	record := gdt.Record{Type: r.Type, Receiver: g.set.Receiver, Sender: g.set.Sender, Charset: gdtCharsets[g.set.Charset]}
	for _, f := range r.Fields {
		text, empty := fill(f.Text, words)
		if !empty {
			record.Fields = append(record.Fields, gdt.Field{ID: f.ID, Text: text})
		}
	}
	return record.Encode()
}

// fill puts words in the places of their names, once: what a word says is no
// name again. empty says that it had names and none of them a word.
func fill(pattern string, words map[string]string) (text string, empty bool) {
	var b strings.Builder
	named, said := false, false
	for pattern != "" {
		before, rest, open := strings.Cut(pattern, "{")
		name, after, closed := strings.Cut(rest, "}")
		b.WriteString(before)
		if !open || !closed {
			b.WriteString(rest)
			break
		}
		named = true
		if word := words[name]; word != "" {
			said = true
			b.WriteString(word)
		}
		pattern = after
	}
	return b.String(), named && !said
}

// GDTWords are what the words in braces stand for.
func GDTWords(i Item) map[string]string {
	starts := i.Starts.In(i.zone())
	words := map[string]string{
		"family": i.Family, "given": i.Given, "patient": patientNumber(i), "phone": i.Phone, "email": i.Email,
		"insurance": i.Insurance, "practitioner": i.Practitioner, "location": i.Location, "service": i.Service, "note": i.Note,
		"referral": i.Referral, "booker": i.Booker, "booking": i.Booking,
		"day": starts.Format("02012006"), "time": starts.Format("150405"), "date": starts.Format("02.01.2006"), "clock": starts.Format("15:04"),
		"what": map[Kind]string{Booked: "Online-Termin", Requested: "Terminanfrage", Moved: "Termin verlegt auf", Cancelled: "Termin abgesagt:"}[i.Kind],
	}
	if t, err := time.Parse(time.DateOnly, i.BirthDate); err == nil {
		words["birth"] = t.Format("02012006")
	}
	switch i.Gender {
	case "male":
		words["sex"] = "1"
	case "female":
		words["sex"] = "2"
	}
	return words
}

// patientNumber is the same for the same name and birthday: what software that
// demands a number finds a patient by who came online. It is made here and
// known nowhere else.
func patientNumber(i Item) string {
	if i.Family == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.ToLower(i.Family + "\x00" + i.Given + "\x00" + i.BirthDate)))
	return "S" + strconv.FormatUint(binary.BigEndian.Uint64(sum[:8])%1_000_000_000, 10)
}
