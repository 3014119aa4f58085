package schedule

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

const allInsurances = GKV | PKV | BEI | BG | SEL | SOZ

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

// Valid reports whether the set holds no kind that the standard lacks.
func (s Insurances) Valid() bool { return s&^allInsurances == 0 }

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

// ParsePatients reads what [Patients.String] writes; false for any other word.
func ParsePatients(word string) (Patients, bool) {
	i := slices.Index(patientWords[:], word)
	return Patients(max(i, 0)), i >= 0
}

// Valid reports whether p is one of the three.
func (p Patients) Valid() bool { return int(p) < len(patientWords) }

// String returns all, new or known.
func (p Patients) String() string { return patientWords[p] }

// Words are all that [Patients.String] may return.
func (Patients) Words() []string { return patientWords[:] }

// MarshalText writes the word.
func (p Patients) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Group says which patients: one bit for each kind of insurance and for new
// and known patients of it. Bit 2*i is new patients of the i-th kind in the
// order GKV, PKV, BEI, BG, SEL, SOZ, bit 2*i+1 known ones. The zero value is
// nobody. Groups are cut with & and joined with |.
type Group uint16

// Everyone is all patients.
const Everyone Group = 1<<(2*len(insuranceCodes)) - 1

const (
	allNew   Group = 0x555 & Everyone
	allKnown Group = allNew << 1
)

// Who is a group that a form can ask for: some kinds of insurance, and all,
// new or known patients of each of them.
type Who struct {
	Insurance Insurances
	Patients  Patients
}

// GroupOf returns the group of all who have one of the insurances (empty: any)
// and are such patients.
func GroupOf(insurances Insurances, patients Patients) Group {
	if insurances == 0 {
		insurances = allInsurances
	}
	var g Group
	for i := range insuranceCodes {
		if insurances&(1<<i) != 0 {
			g |= 3 << (2 * i)
		}
	}
	switch patients {
	case NewPatients:
		return g & allNew
	case KnownPatients:
		return g & allKnown
	default:
		return g
	}
}

// Split parts the group into what a form can ask for: none for nobody, one or
// two that do not overlap for all others. All insurances are written as the
// empty set.
func (g Group) Split() []Who {
	fresh, known := g.insurances(0), g.insurances(1)
	switch both := fresh & known; {
	case g&Everyone == 0:
		return nil
	case fresh == known:
		return []Who{who(both, AllPatients)}
	case known == 0:
		return []Who{who(fresh, NewPatients)}
	case fresh == 0:
		return []Who{who(known, KnownPatients)}
	case both == fresh:
		return []Who{who(both, AllPatients), who(known&^both, KnownPatients)}
	case both == known:
		return []Who{who(both, AllPatients), who(fresh&^both, NewPatients)}
	default:
		return []Who{who(fresh, NewPatients), who(known, KnownPatients)}
	}
}

// insurances returns those of which new (0) or known (1) patients belong to the group.
func (g Group) insurances(known int) (set Insurances) {
	for i := range insuranceCodes {
		if g&(1<<(2*i+known)) != 0 {
			set |= 1 << i
		}
	}
	return set
}

func who(insurances Insurances, patients Patients) Who {
	if insurances == allInsurances {
		insurances = 0
	}
	return Who{insurances, patients}
}
