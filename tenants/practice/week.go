package practice

import (
	"context"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// weekStep is how finely a week is looked at.
const weekStep = 15 * time.Minute

// Week says of each quarter of an hour of a week why it is or is not offered to
// patients.
type Week struct {
	Zone        string               `json:"zone"`
	StepMinutes int                  `json:"step_minutes"`
	Windows     map[id.Window]string `json:"windows"`
	Cells       []WeekCell           `json:"cells"`
}

// WeekCell is a quarter of an hour. Window is the one that decided; Detail is
// the name of the quota, the role of the need, or when it comes into sale (RFC
// 3339); Conditions are for whom it is.
type WeekCell struct {
	Starts     time.Time         `json:"starts"`
	Reason     schedule.Reason   `json:"reason"`
	Window     *id.Window        `json:"window,omitempty"`
	Detail     string            `json:"detail,omitempty"`
	Conditions []WeekAlternative `json:"conditions,omitempty"`
}

// WeekAlternative is a group that a slot is for.
type WeekAlternative struct {
	Insurance []string          `json:"insurance" enum:"GKV,PKV,BEI,BG,SEL,SOZ"`
	Patients  schedule.Patients `json:"patients"`
	Quotas    []id.Quota        `json:"quotas,omitempty"`
}

// Week looks at the seven days from q.From on with one practitioner. It
// returns what [Service.FreeSlots] returns.
func (s *Service) Week(ctx context.Context, tenant id.Tenant, q Query) (Week, error) {
	q.To, q.others = q.From+7, true
	m, err := s.consult(ctx, tenant, q)
	if err != nil {
		return Week{}, err
	}
	o, p := m.offer, &m.steps[0].plans[0]
	week := Week{Zone: o.Practice.Zone, StepMinutes: int(weekStep / time.Minute), Windows: map[id.Window]string{}, Cells: []WeekCell{}}
	for _, c := range p.Week(nil, &m.steps[0].loads[0], m.query(), weekStep) {
		cell := WeekCell{Starts: time.Unix(c.Starts, 0).UTC(), Reason: c.Reason}
		if c.Opening >= 0 {
			w := p.Openings[c.Opening].ID
			cell.Window = &w
			week.Windows[w] = o.Openings[o.windows[w]].Name
		}
		switch {
		case c.Reason == schedule.ReasonOffered:
			for _, a := range o.condition(&c.Class).Alternatives {
				cell.Conditions = append(cell.Conditions, WeekAlternative{a.Insurance.Codes(), a.Patients, a.Quotas})
			}
		case c.Reason == schedule.ReasonQuota && c.Detail >= 0 && c.Detail < len(o.Quotas):
			cell.Detail = o.Quotas[c.Detail].Name
		case c.Reason == schedule.ReasonNeed && c.Detail >= 0:
			cell.Detail = p.Needs[c.Detail].Role
		case c.At > 0:
			cell.Detail = time.Unix(c.At, 0).UTC().Format(time.RFC3339)
		}
		week.Cells = append(week.Cells, cell)
	}
	return week, nil
}
