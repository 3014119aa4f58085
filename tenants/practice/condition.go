package practice

import (
	"slices"

	"siegel/platform/fault"
)

// ErrInvalidInsurance is returned for a kind of insurance that the standard lacks.
var ErrInvalidInsurance = fault.New(fault.Invalid, "invalid_insurance")

// Insurances is a set of kinds of insurance by their codes in
// versicherungsart-de-basis. The empty set means all of them.
type Insurances uint8

// The kinds of insurance.
const (
	GKV Insurances = 1 << iota // statutory
	PKV                        // private
	BEI                        // state aid
	BG                         // employers' liability
	SEL                        // self-payers
	SOZ                        // social services
)

var insuranceCodes = [...]string{"GKV", "PKV", "BEI", "BG", "SEL", "SOZ"}

// ParseInsurances reads codes. It returns [ErrInvalidInsurance] for any other word.
func ParseInsurances(codes []string) (Insurances, error) {
	var set Insurances
	for _, code := range codes {
		i := slices.Index(insuranceCodes[:], code)
		if i < 0 {
			return 0, ErrInvalidInsurance
		}
		set |= 1 << i
	}
	return set, nil
}

// Codes returns the set's codes; for the empty set none, never nil.
func (s Insurances) Codes() []string {
	codes := []string{}
	for i, code := range insuranceCodes {
		if s&(1<<i) != 0 {
			codes = append(codes, code)
		}
	}
	return codes
}

// Patients says who may book; the zero value means all.
type Patients uint8

// Who may book.
const (
	AllPatients   Patients = iota
	NewPatients            // not yet known to the practice
	KnownPatients          // already known to the practice
)

var patientWords = [...]string{"all", "new", "known"}

// String returns all, new or known.
func (p Patients) String() string { return patientWords[p] }

// MarshalText writes the word.
func (p Patients) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func parsePatients(word string) (Patients, bool) {
	i := slices.Index(patientWords[:], word)
	return Patients(max(i, 0)), i >= 0
}

// Condition says for whom a slot is. The server does not check it: it never
// learns who books.
type Condition struct {
	Insurance Insurances
	Patients  Patients
}

// and returns the condition under which both hold; ok is false where they
// contradict each other.
func (c Condition) and(d Condition) (both Condition, ok bool) {
	switch {
	case c.Insurance == 0:
		both.Insurance = d.Insurance
	case d.Insurance == 0:
		both.Insurance = c.Insurance
	default:
		if both.Insurance = c.Insurance & d.Insurance; both.Insurance == 0 {
			return Condition{}, false
		}
	}
	switch {
	case c.Patients == AllPatients:
		both.Patients = d.Patients
	case d.Patients == AllPatients || c.Patients == d.Patients:
		both.Patients = c.Patients
	default:
		return Condition{}, false
	}
	return both, true
}
