package customers_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/customers"
)

func fileOf(r customers.Record) customers.File {
	return customers.File{ID: id.New[id.File](), Customer: r.ID, Epoch: 1, Ciphertext: random(12 + customers.FileStep + 16)}
}

func (f *fixture) keep(t *testing.T, file customers.File) {
	t.Helper()
	if err := f.AddFile(t.Context(), f.trade, file); err != nil {
		t.Fatalf("keep a document: %v", err)
	}
}

func (f *fixture) there(t *testing.T, file customers.File) bool {
	t.Helper()
	found, err := f.FindFile(t.Context(), f.trade, file.ID)
	if err != nil && !errors.Is(err, customers.ErrUnknownFile) {
		t.Fatal(err)
	}
	if err == nil && !bytes.Equal(found.Ciphertext, file.Ciphertext) {
		t.Error("another document came back")
	}
	return err == nil
}

// Documents about patients belong into their record: a medical practice has none
// here, whatever its browser asks for.
func TestAMedicalPracticeKeepsNoDocuments(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tenant, r := id.New[id.Tenant](), fresh()
	f.store(t, tenant, r)
	if err := f.AddFile(t.Context(), tenant, fileOf(r)); !errors.Is(err, customers.ErrFilesOff) {
		t.Errorf("got %v", err)
	}
	if taken, err := f.FilesTake(t.Context(), tenant); err != nil || taken != 0 {
		t.Errorf("%d octets were kept, %v", taken, err)
	}
}

func TestADocumentIsKeptOnceAndGoesWhenItIsDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	r := fresh()
	f.store(t, f.trade, r)
	a := fileOf(r)
	f.keep(t, a)
	f.keep(t, a) // the answer was lost
	if !f.there(t, a) {
		t.Fatal("it is not there")
	}
	if taken, err := f.FilesTake(t.Context(), f.trade); err != nil || taken != int64(len(a.Ciphertext)) {
		t.Errorf("%d octets, %v", taken, err)
	}
	other := fileOf(r)
	other.ID = a.ID
	if err := f.AddFile(t.Context(), f.trade, other); !errors.Is(err, customers.ErrMalformedFile) || !f.there(t, a) {
		t.Errorf("another one took its id: %v", err)
	}
	stranger := id.New[id.Tenant]()
	if _, err := f.FindFile(t.Context(), stranger, a.ID); !errors.Is(err, customers.ErrUnknownFile) {
		t.Errorf("somebody else read it: %v", err)
	}
	if err := f.RemoveFile(t.Context(), stranger, a.ID); !errors.Is(err, customers.ErrUnknownFile) || !f.there(t, a) {
		t.Errorf("somebody else deleted it: %v", err)
	}
	if err := f.RemoveFile(t.Context(), f.trade, a.ID); err != nil || f.there(t, a) {
		t.Errorf("it was not deleted: %v", err)
	}
	if err := f.RemoveFile(t.Context(), f.trade, a.ID); !errors.Is(err, customers.ErrUnknownFile) {
		t.Errorf("deleted twice: %v", err)
	}
}

// Who is forgotten leaves no document, nor can one come after that.
func TestWhoIsForgottenLeavesNoDocument(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a, b := fresh(), fresh()
	f.store(t, f.trade, a)
	f.store(t, f.trade, b)
	ours, theirs := fileOf(a), fileOf(b)
	f.keep(t, ours)
	f.keep(t, theirs)
	f.store(t, f.trade, gone(a))
	if f.there(t, ours) || !f.there(t, theirs) {
		t.Error("not exactly the forgotten one's documents are gone")
	}
	for _, r := range []customers.Record{a, fresh()} {
		if err := f.AddFile(t.Context(), f.trade, fileOf(r)); !errors.Is(err, customers.ErrUnknownCustomer) {
			t.Errorf("a document of nobody was kept: %v", err)
		}
	}
	// Two records became one: what moved stays when the other goes.
	c := fresh()
	f.store(t, f.trade, c)
	if err := f.MoveFiles(t.Context(), f.trade, []id.File{theirs.ID, id.New[id.File]()}, a.ID); !errors.Is(err, customers.ErrUnknownCustomer) {
		t.Errorf("moved to nobody: %v", err)
	}
	if err := f.MoveFiles(t.Context(), f.trade, []id.File{theirs.ID, id.New[id.File]()}, c.ID); err != nil {
		t.Fatal(err)
	}
	f.store(t, f.trade, gone(b))
	if !f.there(t, theirs) {
		t.Error("a document was lost when two records became one")
	}
}

// However many come at once, no more are kept than there is room for.
func TestDocumentsKeepToTheirQuota(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Quota = 3 * (12 + customers.FileStep + 16)
	r := fresh()
	f.store(t, f.trade, r)
	var group sync.WaitGroup
	results := make(chan error, 8)
	for range 8 {
		file := fileOf(r)
		group.Go(func() { results <- f.AddFile(t.Context(), f.trade, file) })
	}
	group.Wait()
	close(results)
	kept := 0
	for err := range results {
		switch {
		case err == nil:
			kept++
		case !errors.Is(err, customers.ErrFilesFull):
			t.Errorf("got %v", err)
		}
	}
	if kept != 3 {
		t.Errorf("%d were kept where there is room for 3", kept)
	}
}

func TestMalformedDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	r := fresh()
	f.store(t, f.trade, r)
	for name, change := range map[string]func(*customers.File){
		"without an id":       func(x *customers.File) { x.ID = id.File{} },
		"of nobody":           func(x *customers.File) { x.Customer = id.Customer{} },
		"under no key":        func(x *customers.File) { x.Epoch = 0 },
		"without content":     func(x *customers.File) { x.Ciphertext = nil },
		"not padded":          func(x *customers.File) { x.Ciphertext = random(12 + customers.FileStep + 17) },
		"longer than allowed": func(x *customers.File) { x.Ciphertext = make([]byte, 12+customers.MaxFile+2*customers.FileStep+16) },
	} {
		file := fileOf(r)
		change(&file)
		if err := f.AddFile(t.Context(), f.trade, file); !errors.Is(err, customers.ErrMalformedFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	longest := fileOf(r)
	longest.Ciphertext = make([]byte, 12+customers.MaxFile+customers.FileStep+16)
	f.keep(t, longest)
}
