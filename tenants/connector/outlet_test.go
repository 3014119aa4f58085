package connector_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	ical "github.com/arran4/golang-ical"
	"github.com/google/uuid"
	"golang.org/x/text/encoding/charmap"

	"siegel/tenants/connector"
)

// draws is how many random bookings go through each outlet that writes files.
var draws = flag.Int("bookings", 1000, "random bookings through each outlet")

// hostile are payloads for whatever reads the practice's files.
var hostile = []string{
	"=HYPERLINK(\"http://x\")", "+1+1", "-2+3|cmd", "@SUM(A1)", "＝1+1", " =1", "\t=1", "a;b;c", "\"\"\"", "x\";\"y",
	"01380006302", "x\r\n01380006302\r\n", "{given}{family}", "{", "}{", "a\nBEGIN:VEVENT\nSUMMARY:x", "a\\nEND:VCALENDAR", ";X=1:y", "ATTENDEE:mailto:x@y",
	"<script>alert(1)</script>", "{\"event\":\"1\"}", "\\u0000", "\u202egnp.exe", "\u2028new line", "\x00\x01\x1a\x7f", "🦷🧑‍⚕️", "Ł́ódź", "Ğüneş", "مرحبا", "’; drop table",
	strings.Repeat("ä", 400), strings.Repeat("a\u0301", 90), "--flag", "$(id)", "`id`", "%n%s", "..\\..\\x", "../../x",
}

func random(r *rand.Rand) connector.Item {
	word := func() string {
		if r.IntN(3) == 0 {
			return hostile[r.IntN(len(hostile))]
		}
		letters := []rune("abcdefghijklmnopqrstuvwxyzäöüßABCÉçñ -'")
		var b strings.Builder
		for range 1 + r.IntN(20) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		return "N" + b.String()
	}
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	starts := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(2*365*24*12)) * 5 * time.Minute)
	booking := uuid.UUID{}
	for n := range booking {
		booking[n] = byte(r.UintN(256))
	}
	i := connector.Item{
		Booking: booking.String(), Version: 1 + r.Int64N(1e6), Status: "booked", Source: pick("online", "staff"),
		Kind: connector.Kind(pick("booked", "requested", "moved", "cancelled")), Starts: starts, Ends: starts.Add(time.Duration(5+r.IntN(120)) * time.Minute),
		Zone: pick("Europe/Berlin", "Europe/London", "America/New_York"), Service: word(), Practitioner: word(), Location: word(),
		PractitionerID: "prc_" + booking.String(), LocationID: "loc_" + booking.String(), Family: word(), Given: word(),
		BirthDate: pick("", "1970-02-03", "2024-02-29", "1926-12-31"), Gender: pick("", "female", "male", "other", "unknown"),
		Insurance: pick("", "GKV", "PKV"), Email: pick("", "a@b.example"), Phone: pick("", "+49 (721) 1-2/3"), Note: pick("", word()+"\n"+word()),
		Referral: pick("", word()), Booker: pick("", word()), Language: "de", Warning: pick("", "", "differs"),
	}
	if r.IntN(2) == 0 {
		yes := r.IntN(2) == 0
		i.NewPatient = &yes
	}
	i.Event = i.Booking + "-" + strconv.FormatInt(i.Version, 10)
	return i
}

func bookings(t *testing.T, n int) []connector.Item {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	items := make([]connector.Item, n)
	for k := range items {
		items[k] = random(r)
	}
	return items
}

func open(t *testing.T, o connector.Outlet) connector.Tried {
	t.Helper()
	made, err := connector.TryOutlet(o, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// give hands items over and calls between after each hand-over.
func give(t *testing.T, o connector.Tried, items []connector.Item, between func([]connector.Item)) {
	t.Helper()
	for some := range slices.Chunk(items, o.Most()) {
		mark, err := o.Prepare(some)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Hand(t.Context(), some, mark, false); err != nil {
			t.Fatal(err)
		}
		between(some)
	}
}

func TestGDT(t *testing.T) {
	t.Parallel()
	for profile, charset := range map[string]*charmap.Charmap{"generic": charmap.Windows1252, "generic-dos": charmap.CodePage437} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := open(t, connector.Outlet{Kind: "gdt", Folder: dir, GDT: &connector.GDT{Profile: profile}})
			n := *draws
			if profile != "generic" {
				n /= 5 // the same but for the bytes
			}
			give(t, o, bookings(t, n), func(some []connector.Item) {
				files := listed(t, dir)
				if len(files) != 2*len(some) {
					t.Fatalf("%d files for %d bookings", len(files), len(some))
				}
				for n, i := range some {
					for k, kind := range []string{"6301", "6310"} {
						path := filepath.Join(dir, files[2*n+k])
						fields := readGDT(t, path, charset)
						checkGDT(t, fields, kind, i)
						if err := os.Remove(path); err != nil {
							t.Fatal(err)
						}
					}
				}
			})
		})
	}
}

// readGDT reads a file as the standard describes it, and nothing that it does not.
func readGDT(t *testing.T, path string, charset *charmap.Charmap) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := len(b)
	fields := map[string][]string{}
	for n := 0; len(b) > 0; n++ {
		if len(b) < 9 {
			t.Fatalf("a rest of %q", b)
		}
		length, err := strconv.Atoi(string(b[:3]))
		if err != nil || length < 9 || length > len(b) {
			t.Fatalf("a length of %q", b[:3])
		}
		line := b[:length]
		b = b[length:]
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.IndexFunc(line[:length-2], unicode.IsControl) >= 0 && charset == nil {
			t.Fatalf("the line %q", line)
		}
		content := line[7 : length-2]
		if bytes.ContainsAny(content, "\r\n\x00\x1a\x7f") {
			t.Fatalf("a control character in %q", content)
		}
		text, err := charset.NewDecoder().Bytes(content)
		if err != nil {
			t.Fatal(err)
		}
		id := string(line[3:7])
		if want := map[int]string{0: "8000", 1: "8100"}[n]; want != "" && id != want {
			t.Fatalf("field %d is %s", n, id)
		}
		fields[id] = append(fields[id], string(text))
	}
	if total, _ := strconv.Atoi(fields["8100"][0]); total != whole {
		t.Fatalf("says %d bytes, has %d", total, whole)
	}
	return fields
}

func checkGDT(t *testing.T, fields map[string][]string, kind string, i connector.Item) {
	t.Helper()
	one := func(id, want string) {
		t.Helper()
		if got := strings.Join(fields[id], ""); got != want {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
	one("8000", kind)
	one("9218", "02.10")
	if len(fields["8000"]) != 1 || len(fields["8100"]) != 1 || len(fields["3000"]) != 1 {
		t.Errorf("fields twice: %v", fields)
	}
	for id := range fields {
		if !slices.Contains([]string{"8000", "8100", "8315", "8316", "9206", "9218", "3000", "3101", "3102", "3103", "3110", "3626", "6200", "6201", "8402", "6220", "6227"}, id) {
			t.Errorf("a field that nobody wrote: %s", id)
		}
	}
	if born, err := time.Parse(time.DateOnly, i.BirthDate); err == nil {
		one("3103", born.Format("02012006"))
	}
	if plain := strings.TrimFunc(i.Family, func(r rune) bool { return r < 0x7f && (unicode.IsLetter(r) || r == ' ') }); plain == "" {
		one("3101", strings.TrimSpace(i.Family))
	}
	if kind == "6310" {
		zone, _ := time.LoadLocation(i.Zone)
		one("6200", i.Starts.In(zone).Format("02012006"))
		one("6201", i.Starts.In(zone).Format("150405"))
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "termine.csv")
	items := bookings(t, *draws)
	give(t, open(t, connector.Outlet{Kind: "csv", File: file}), items, func([]connector.Item) {})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != len(items)+1 {
		t.Fatalf("%d rows of %d, %v", len(rows), len(items), err)
	}
	for n, row := range rows[1:] {
		i := items[n]
		get := func(name string) string { return row[slices.Index(rows[0], name)] }
		if get("event") != i.Event || get("kind") != string(i.Kind) || get("birth_date") != i.BirthDate {
			t.Fatalf("row %d: %v", n, row)
		}
		if got := strings.TrimPrefix(get("family_name"), "'"); got != strings.TrimPrefix(oneLine(i.Family), "'") {
			t.Errorf("family name: got %q, want %q", got, i.Family)
		}
		for _, cell := range row {
			// What a spreadsheet would calculate.
			if first, _ := utf8.DecodeRuneInString(strings.TrimSpace(cell)); strings.ContainsRune("=+-@＝＋－＠", first) {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	if lines := bytes.Count(b, []byte("\n")); lines != len(items)+1 {
		t.Errorf("%d lines for %d bookings", lines, len(items))
	}
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' {
			return ' '
		}
		return r
	}, s)
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "termine.jsonl")
	items := bookings(t, *draws)
	give(t, open(t, connector.Outlet{Kind: "jsonl", File: file}), items, func([]connector.Item) {})
	same(t, file, items)
}

func same(t *testing.T, file string, items []connector.Item) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != len(items) {
		t.Fatalf("%d lines for %d bookings", len(lines), len(items))
	}
	for n, line := range lines {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		i := items[n]
		if got["event"] != i.Event || got["family_name"] != i.Family || got["service"] != i.Service || got["starts"] != i.Starts.Format(time.RFC3339) {
			t.Errorf("got %v, want %+v", got, i)
		}
	}
}

func TestICSFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	items := bookings(t, *draws)
	give(t, open(t, connector.Outlet{Kind: "ics-folder", Folder: dir}), items, func([]connector.Item) {})
	if files := listed(t, dir); len(files) != len(items) {
		t.Fatalf("%d files", len(files))
	}
	for _, i := range items {
		f, err := os.Open(filepath.Join(dir, i.Booking+".ics"))
		if err != nil {
			t.Fatal(err)
		}
		calendar, err := ical.ParseCalendar(f)
		f.Close()
		if err != nil || len(calendar.Events()) != 1 {
			t.Fatalf("%+v: %v", i, err)
		}
		e := calendar.Events()[0]
		starts, err := e.GetStartAt()
		if err != nil || !starts.Equal(i.Starts) || !strings.HasPrefix(e.Id(), i.Booking) {
			t.Errorf("%s starts %v, want %v (%v)", e.Id(), starts, i.Starts, err)
		}
		if cancelled := e.GetProperty(ical.ComponentPropertyStatus); (cancelled != nil && cancelled.Value == "CANCELLED") != (i.Kind == connector.Cancelled) {
			t.Errorf("%s: %v", i.Kind, cancelled)
		}
		if e.GetProperty("ATTENDEE") != nil || e.GetProperty("X") != nil {
			t.Error("a property that nobody wrote")
		}
	}
}

func TestProgramsAndServers(t *testing.T) {
	t.Parallel()
	items := bookings(t, min(*draws, 60))
	t.Run("ACommandGetsABookingOnItsStandardInput", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "out")
		give(t, open(t, connector.Outlet{Kind: "command", Command: []string{"sh", "-c", `cat >> "$0"`, file}}), items, func([]connector.Item) {})
		same(t, file, items)
	})
	t.Run("ACommandThatFailsIsNoHandOver", func(t *testing.T) {
		t.Parallel()
		o := open(t, connector.Outlet{Kind: "command", Command: []string{"sh", "-c", "exit 3"}})
		if err := o.Hand(t.Context(), items[:1], nil, false); err == nil {
			t.Error("success")
		}
	})
	t.Run("AWebhookIsSignedAndNamesItsEvent", func(t *testing.T) {
		t.Parallel()
		var got []string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var i connector.Item
			if json.NewDecoder(r.Body).Decode(&i) != nil || r.Header.Get("Webhook-Id") != i.Event || !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,") {
				w.WriteHeader(400)
			}
			got = append(got, i.Event+i.Family)
		}))
		defer s.Close()
		give(t, open(t, connector.Outlet{Kind: "webhook", URL: s.URL, Secret: "s"}), items, func([]connector.Item) {})
		for n, i := range items {
			if got[n] != i.Event+i.Family {
				t.Errorf("got %q, want %+v", got[n], i)
			}
		}
	})
	t.Run("AWebhookStaysOnThisComputer", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{"http://192.0.2.1/", "http://example.com/", "file:///etc/passwd", "http://localhost.example/", "http://user@127.0.0.1/"} {
			if _, err := connector.TryOutlet(connector.Outlet{Kind: "webhook", URL: url}, t.TempDir()); err == nil {
				t.Errorf("%s is taken", url)
			}
		}
	})
	t.Run("AFHIRServerGetsPatientAndAppointmentOnce", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		stored := map[string]map[string]any{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var resource map[string]any
			if json.NewDecoder(r.Body).Decode(&resource) != nil || r.URL.Path != fmt.Sprintf("/fhir/%v/%v", resource["resourceType"], resource["id"]) || r.Header.Get("Authorization") != "Bearer t" {
				w.WriteHeader(400)
				return
			}
			mu.Lock()
			stored[r.URL.Path] = resource
			mu.Unlock()
		}))
		defer s.Close()
		o := open(t, connector.Outlet{Kind: "fhir", URL: s.URL + "/fhir", Token: "t"})
		give(t, o, items, func(some []connector.Item) {
			if err := o.Hand(t.Context(), some, nil, true); err != nil {
				t.Error(err)
			}
		})
		if len(stored) != 2*len(items) {
			t.Errorf("%d resources of %d bookings", len(stored), len(items))
		}
		for _, i := range items {
			a := stored["/fhir/Appointment/"+i.Booking]
			if a["start"] != i.Starts.Format(time.RFC3339) || a["status"] != "booked" {
				t.Errorf("got %v", a)
			}
			reference := a["participant"].([]any)[0].(map[string]any)["actor"].(map[string]any)["reference"].(string)
			name := stored["/fhir/"+reference]["name"].([]any)[0].(map[string]any)
			if name["family"] != i.Family {
				t.Errorf("got %v, want %q", name, i.Family)
			}
		}
	})
}

// A crash may leave an append at any length, and a folder with some files named
// and others not; somebody may have read and deleted by then.
func TestFilesAreFinishedWhereverTheyWereLeft(t *testing.T) {
	t.Parallel()
	items := bookings(t, 7)
	t.Run("Lines", func(t *testing.T) {
		t.Parallel()
		for _, kind := range []string{"csv", "jsonl"} {
			file := filepath.Join(t.TempDir(), "x")
			o := open(t, connector.Outlet{Kind: kind, File: file})
			give(t, o, items[:3], func([]connector.Item) {})
			before, _ := os.ReadFile(file)
			mark, err := o.Prepare(items[3:])
			if err != nil {
				t.Fatal(err)
			}
			if err := o.Hand(t.Context(), items[3:], mark, false); err != nil {
				t.Fatal(err)
			}
			want, _ := os.ReadFile(file)
			for cut := len(before); cut <= len(want); cut += 1 + rand.IntN(40) {
				if err := os.Truncate(file, int64(cut)); err != nil {
					t.Fatal(err)
				}
				// What a torn write leaves need not be what was written.
				if cut > len(before) && cut < len(want) {
					f, _ := os.OpenFile(file, os.O_WRONLY, 0)
					_, _ = f.WriteAt([]byte{0}, int64(cut-1))
					f.Close()
				}
				for range 2 {
					if err := o.Hand(t.Context(), items[3:], mark, true); err != nil {
						t.Fatal(err)
					}
				}
				if got, _ := os.ReadFile(file); !bytes.Equal(got, want) {
					t.Fatalf("%s cut at %d: got %q", kind, cut, got)
				}
			}
		}
	})
	t.Run("GDT", func(t *testing.T) {
		t.Parallel()
		for named := range 15 {
			dir := t.TempDir()
			o := open(t, connector.Outlet{Kind: "gdt", Folder: dir})
			mark, err := o.Prepare(items)
			if err != nil {
				t.Fatal(err)
			}
			if len(listed(t, dir)) != 0 {
				t.Fatal("a reader sees what is being prepared")
			}
			var names []string
			if err := json.Unmarshal(mark, &names); err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			read := func() {
				for _, f := range listed(t, dir) {
					seen[f]++
					if err := os.Remove(filepath.Join(dir, f)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, name := range names[:named] {
				if err := os.Rename(filepath.Join(dir, "."+name+".part"), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			read()
			for range 2 {
				if err := o.Hand(t.Context(), items, mark, true); err != nil {
					t.Fatal(err)
				}
				read()
			}
			for _, name := range names {
				if seen[name] != 1 {
					t.Errorf("%d named before: %s was there %d times", named, name, seen[name])
				}
			}
		}
	})
	t.Run("AFolderThatIsAwayIsNoHandOver", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "share")
		o := open(t, connector.Outlet{Kind: "gdt", Folder: dir})
		mark, err := o.Prepare(items)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dir, dir+"-away"); err != nil {
			t.Fatal(err)
		}
		for _, again := range []bool{false, true} {
			if err := o.Hand(context.Background(), items, mark, again); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
		}
		if err := os.Rename(dir+"-away", dir); err != nil {
			t.Fatal(err)
		}
		if err := o.Hand(t.Context(), items, mark, true); err != nil || len(listed(t, dir)) != 14 {
			t.Errorf("%d files, %v", len(listed(t, dir)), err)
		}
	})
}

// listed is what a reader of a folder sees, in order.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}
