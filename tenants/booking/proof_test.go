package booking_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"siegel/tenants/booking"
)

func TestALTCHAIsReadAsItsOwnLibraryReadsIt(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/altcha.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Key     string
		Vectors []struct {
			Name    string
			Payload booking.Proof
			Good    bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	good := 0
	for _, v := range file.Vectors {
		if got := booking.ALTCHAVerified(v.Payload, []byte(file.Key), time.Now()); got != v.Good {
			t.Errorf("%s: %v, and the library says %v", v.Name, got, v.Good)
		}
		if v.Good {
			good++
		}
	}
	if good < 5 || good == len(file.Vectors) {
		t.Fatalf("%d of %d vectors are good", good, len(file.Vectors))
	}
}

func TestAProofIsGoodForOnePurposeAndOneVisitorOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	p := solve(b.WordChallenge(tenant, visitor(1)))
	if ok, err := b.Worked(ctx, tenant, visitor(2), p); ok || err != nil {
		t.Fatalf("for another network: %v, %v", ok, err)
	}
	other, _ := b.Plant(t, "andere")
	if ok, err := b.Worked(ctx, other.ID, visitor(1), p); ok || err != nil {
		t.Fatalf("for another practice: %v, %v", ok, err)
	}
	if ok, err := b.Worked(ctx, tenant, visitor(1), p); !ok || err != nil {
		t.Fatalf("the first time: %v, %v", ok, err)
	}
	if ok, err := b.Worked(ctx, tenant, visitor(1), p); ok || err != nil {
		t.Fatalf("the second time: %v, %v", ok, err)
	}
}
