package practice

import (
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// SlotListJSON says by types what [AppendJSON] writes by hand. Slots point into
// the tables of practitioners, locations and conditions by index, itineraries
// and series into the slots.
type SlotListJSON struct {
	Zone          string            `json:"zone"`
	From          schedule.Date     `json:"from"`
	To            schedule.Date     `json:"to"`
	Practitioners []id.Practitioner `json:"practitioners"`
	Locations     []id.Location     `json:"locations"`
	Conditions    []ConditionJSON   `json:"conditions"`
	Slots         []SlotJSON        `json:"slots"`
	Itineraries   [][]int           `json:"itineraries,omitempty" doc:"Of a chain or several persons; then slots count only in these"`
	Series        []OccurrenceJSON  `json:"series,omitempty"`
	Days          []SlotDayJSON     `json:"days" doc:"The slots, or where there are any the itineraries, parted by local date, in order; of a series none"`
	Closed        []ClosedJSON      `json:"closed"`
	WalkIn        []WalkInJSON      `json:"walk_in" doc:"Open consultation hours: nothing to book, people come"`
}

// SlotDayJSON is a local date and how many slots it has.
type SlotDayJSON struct {
	Date  string `json:"date"`
	Count int    `json:"count"`
}

// DayListJSON says by types what [AppendDaysJSON] writes by hand.
type DayListJSON struct {
	Zone       string          `json:"zone"`
	From       schedule.Date   `json:"from"`
	To         schedule.Date   `json:"to"`
	Conditions []ConditionJSON `json:"conditions"`
	Days       []DayJSON       `json:"days"`
	Closed     []ClosedJSON    `json:"closed"`
}

// DayJSON is a local date with free slots, and the conditions that there are
// some for.
type DayJSON struct {
	Date       string  `json:"date"`
	Free       int     `json:"free"`
	Conditions []int32 `json:"conditions"`
}

// ClosedJSON is a day without a slot, and why.
type ClosedJSON struct {
	Date   string     `json:"date"`
	Reason string     `json:"reason" enum:"holiday,closure,full,quota,later"`
	Name   string     `json:"name,omitempty" doc:"Of a public holiday"`
	Text   string     `json:"text,omitempty" doc:"Of a closure"`
	Opens  *time.Time `json:"opens,omitempty" doc:"From when on what is not in sale yet will be"`
}

// ConditionJSON is for whom a slot is: one of the alternatives has to fit, and
// all the rest.
type ConditionJSON struct {
	Alternatives []AlternativeJSON `json:"alternatives"`
	MinAge       *int              `json:"min_age,omitempty"`
	MaxAge       *int              `json:"max_age,omitempty"`
	Referral     bool              `json:"referral,omitempty"`
	PriceCents   *int              `json:"price_cents,omitempty"`
}

// AlternativeJSON is whom a slot is for, and the quotas that they use up.
type AlternativeJSON struct {
	Insurance []string   `json:"insurance" enum:"GKV,PKV,BEI,BG,SEL,SOZ" doc:"Empty: all"`
	Patients  string     `json:"patients" enum:"all,new,known"`
	Quotas    []id.Quota `json:"quotas,omitempty"`
}

// SlotJSON is one slot.
type SlotJSON struct {
	Starts       time.Time `json:"starts"`
	Ends         time.Time `json:"ends"`
	Practitioner int32     `json:"practitioner"`
	Location     int32     `json:"location"`
	Condition    int32     `json:"condition"`
	Step         int32     `json:"step,omitempty"`
}

// OccurrenceJSON is one appointment of a series: the index of its slot where it
// is free, and of others near it where it is not.
type OccurrenceJSON struct {
	Starts       time.Time `json:"starts"`
	Reason       string    `json:"reason" enum:"free,none,holiday,closure,full,quota,later"`
	Slot         *int      `json:"slot,omitempty"`
	Alternatives []int     `json:"alternatives"`
}

// WalkInJSON is an open consultation hour.
type WalkInJSON struct {
	Starts       time.Time `json:"starts"`
	Ends         time.Time `json:"ends"`
	Practitioner int32     `json:"practitioner"`
	Location     int32     `json:"location"`
	Name         string    `json:"name"`
}
