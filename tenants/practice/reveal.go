package practice

import (
	"slices"

	"siegel/tenants/schedule"
)

// Reveal is something that a booking shows the server, although the patient's
// answers are sealed: that who takes this window, or uses up this quota,
// belongs to those whom it is restricted to.
type Reveal struct {
	// Kind is what it tells: insurance, patients (new or known) or service.
	Kind string `json:"kind" enum:"insurance,patients,service"`
	// Where is window or quota, and Name what the practice calls it.
	Where string `json:"where" enum:"window,quota"`
	Name  string `json:"name"`
}

// Reveals returns what bookings show of patients by the window or quota that
// they take, each once.
func (o *Offer) Reveals() []Reveal {
	all := []Reveal{}
	add := func(where, name string, insurance schedule.Insurances, patients schedule.Patients, services int) {
		for _, r := range []struct {
			kind       string
			restricted bool
		}{{"insurance", insurance != 0}, {"patients", patients != schedule.AllPatients}, {"service", services > 0}} {
			if one := (Reveal{r.kind, where, name}); r.restricted && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	for i := range o.Openings {
		if w := &o.Openings[i]; w.Audience == Online && !w.Practitioner.IsZero() {
			add("window", w.Name, w.Insurance, w.Patients, len(w.Services))
		}
	}
	for i := range o.Quotas {
		q := &o.Quotas[i]
		add("quota", q.Name, q.Insurance, q.Patients, len(q.Services))
	}
	return all
}
