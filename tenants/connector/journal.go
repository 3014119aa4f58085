package connector

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"siegel/platform/seal"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// errJournal is returned for a journal that was altered, or belongs to another
// key. It is not gone on with: what was handed over would be again.
var errJournal = errors.New("the journal is damaged: put it aside to begin a new one; what is to come is then handed over anew")

const (
	journalFile = "journal"
	// keepFor is how long a booking stays known after it is over.
	keepFor = 30 * 24 * time.Hour
	// mostOutlets is how many bits there are.
	mostOutlets = 32
	// longestLine is more than any entry has.
	longestLine = 256 << 10
)

// entry is one line. Exactly one of its fields is set.
type entry struct {
	Have  *Item  `json:"have,omitempty"`  // opened and kept
	Begin *begin `json:"begin,omitempty"` // about to be handed over
	Done  *begin `json:"done,omitempty"`  // handed over
	Tick  *tick  `json:"tick,omitempty"`
}

// begin names bookings, each in the state it has by then, and an outlet; mark is
// what the outlet needs to tell after a crash how far it came.
type begin struct {
	Outlet   string          `json:"outlet"`
	Bookings []string        `json:"bookings"`
	Versions []int64         `json:"versions"`
	Mark     json.RawMessage `json:"mark,omitempty"`
}

// tick is a person's word that they have entered a booking by hand.
type tick struct {
	Booking string `json:"booking"`
	Off     bool   `json:"off,omitempty"`
}

// record is what is in memory of a booking; the rest is read from the file.
type record struct {
	version int64
	since   int64 // the version with which it last was news
	offset  int64
	starts  int64 // Unix
	ends    int64
	digest  [8]byte
	kind    Kind
	done    uint32 // outlets that have this state, by bit
	ever    uint32 // outlets that had any state of it
	ticked  bool
	entered bool // somebody ticked a state of it once
	warning bool
}

// journal is the agent's memory: an append-only file of lines, each under
// AES-256-GCM with a key derived from the connector's, so that a copy of the
// file without the key says nothing. A last line that is torn was never relied
// upon and is cut off.
//
// Its records belong to one goroutine, which hands over; others may read, list
// and tick.
type journal struct {
	path    string
	file    *os.File
	size    int64
	aead    cipher.AEAD
	records map[string]*record // by bare booking id
	bits    map[string]uint32
	all     uint32
	open    map[string]*begin // begun and not done, by outlet
	step    func(string)
	mu      sync.Mutex // guards what is above against readers
}

func openJournal(dir string, member seal.PrivateKey, outlets []string, now time.Time, step func(string)) (*journal, error) {
	if len(outlets) > mostOutlets {
		return nil, errors.New("too many outlets")
	}
	seed, err := member.Seed()
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, seed, nil, "siegel|connector|journal|1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	j := &journal{path: filepath.Join(dir, journalFile), aead: aead, records: map[string]*record{}, bits: map[string]uint32{}, open: map[string]*begin{},
		step: step}
	for i, name := range outlets {
		j.bits[name] = 1 << i
		j.all |= 1 << i
	}
	if j.file, err = os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := j.load(); err != nil {
		_ = j.file.Close()
		return nil, err
	}
	if err := j.compact(now); err != nil {
		_ = j.file.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) close() { _ = j.file.Close() }

// load reads the file from the beginning and cuts off a torn end.
func (j *journal) load() error {
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(j.file, longestLine)
	for {
		l, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break // without a line break it was never synced
		}
		if err != nil {
			return errJournal
		}
		e, err := j.decode(l[:len(l)-1])
		if err != nil {
			// A line that is broken at the very end was being written.
			if _, rest := r.Peek(1); errors.Is(rest, io.EOF) {
				break
			}
			return errJournal
		}
		j.apply(e, j.size)
		j.size += int64(len(l))
	}
	return j.file.Truncate(j.size)
}

func (j *journal) decode(l []byte) (e entry, err error) {
	sealed := make([]byte, base64.RawStdEncoding.DecodedLen(len(l)))
	n, err := base64.RawStdEncoding.Decode(sealed, l)
	if err != nil || n < j.aead.NonceSize() {
		return e, errJournal
	}
	plain, err := j.aead.Open(nil, sealed[:j.aead.NonceSize()], sealed[j.aead.NonceSize():n], nil)
	if err != nil {
		return e, errJournal
	}
	return e, json.Unmarshal(plain, &e)
}

func (j *journal) encode(dst *bytes.Buffer, e entry) error {
	plain, err := json.Marshal(e)
	if err != nil {
		return err
	}
	nonce := make([]byte, j.aead.NonceSize(), j.aead.NonceSize()+len(plain)+j.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process first
	sealed := j.aead.Seal(nonce, nonce, plain, nil)
	dst.Write(base64.RawStdEncoding.AppendEncode(nil, sealed))
	dst.WriteByte('\n')
	return nil
}

// apply brings memory to what a line says.
func (j *journal) apply(e entry, offset int64) {
	switch {
	case e.Have != nil:
		i := e.Have
		r := j.records[i.Booking]
		if r == nil {
			r = &record{}
			j.records[i.Booking] = r
		}
		if digest := i.digest(); digest != r.digest {
			r.digest, r.since, r.done, r.ticked = digest, i.Version, 0, false
		}
		r.version, r.offset, r.starts, r.ends = i.Version, offset, i.Starts.Unix(), i.Ends.Unix()
		r.kind, r.warning = i.Kind, i.Warning != ""
	case e.Begin != nil:
		j.open[e.Begin.Outlet] = e.Begin
	case e.Done != nil:
		delete(j.open, e.Done.Outlet)
		for n, b := range e.Done.Bookings {
			r := j.records[b]
			if r == nil || n >= len(e.Done.Versions) {
				continue
			}
			r.ever |= j.bits[e.Done.Outlet]
			if e.Done.Versions[n] >= r.since { // else it was news again meanwhile
				r.done |= j.bits[e.Done.Outlet]
			}
		}
	case e.Tick != nil:
		if r := j.records[e.Tick.Booking]; r != nil {
			r.ticked = !e.Tick.Off
			r.entered = r.entered || r.ticked
		}
	}
}

// append makes lines durable before it returns.
func (j *journal) append(entries ...entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b bytes.Buffer
	offsets := make([]int64, len(entries))
	for i, e := range entries {
		offsets[i] = j.size + int64(b.Len())
		if err := j.encode(&b, e); err != nil {
			return err
		}
	}
	if _, err := j.file.WriteAt(b.Bytes(), j.size); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.size += int64(b.Len())
	for i, e := range entries {
		j.apply(e, offsets[i])
	}
	return nil
}

// read returns the newest state that is kept of a booking.
func (j *journal) read(booking string) (Item, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.item(booking)
}

func (j *journal) item(booking string) (Item, bool, error) {
	r := j.records[booking]
	if r == nil {
		return Item{}, false, nil
	}
	l, err := bufio.NewReaderSize(io.NewSectionReader(j.file, r.offset, j.size-r.offset), 4096).ReadBytes('\n')
	if err != nil {
		return Item{}, false, fmt.Errorf("read the journal: %w", err)
	}
	e, err := j.decode(l[:len(l)-1])
	if err != nil || e.Have == nil {
		return Item{}, false, errJournal
	}
	return *e.Have, true, nil
}

// each gives the bookings that are wanted, by their start.
func (j *journal) each(want func(*record) bool, give func(Item, record)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for b, r := range j.records {
		if want(r) {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(j.records[a].starts, j.records[b].starts) })
	for _, b := range found {
		i, _, err := j.item(b)
		if err != nil {
			return err
		}
		give(i, *j.records[b])
	}
	return nil
}

// compact drops what is long over. The new file takes the old one's place as a
// whole, so that no moment is without one.
func (j *journal) compact(now time.Time) error {
	before := now.Add(-keepFor).Unix()
	old := 0
	for _, r := range j.records {
		if r.ends < before {
			old++
		}
	}
	if old == 0 || old*4 < len(j.records) || len(j.open) > 0 {
		return nil
	}
	var b bytes.Buffer
	next := &journal{path: j.path, aead: j.aead, records: map[string]*record{}, bits: j.bits, open: map[string]*begin{}}
	write := func(e entry) error {
		at := int64(b.Len())
		if err := j.encode(&b, e); err != nil {
			return err
		}
		next.apply(e, at)
		return nil
	}
	for booking, r := range j.records {
		if r.ends < before {
			continue
		}
		i, _, err := j.item(booking)
		if err != nil {
			return err
		}
		errs := []error{write(entry{Have: &i})}
		for name, bit := range j.bits {
			had := []int64{0} // some state, not this one
			if r.done&bit != 0 {
				had[0] = r.version
			}
			if r.ever&bit != 0 {
				errs = append(errs, write(entry{Done: &begin{Outlet: name, Bookings: []string{booking}, Versions: had}}))
			}
		}
		if r.entered {
			errs = append(errs, write(entry{Tick: &tick{Booking: booking}}))
		}
		if r.entered && !r.ticked {
			errs = append(errs, write(entry{Tick: &tick{Booking: booking, Off: true}}))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	if err := writeFile(j.path, b.Bytes()); err != nil {
		return err
	}
	j.step("compacted")
	f, err := os.OpenFile(j.path, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_ = j.file.Close()
	j.file, j.size, j.records = f, int64(b.Len()), next.records
	return nil
}
