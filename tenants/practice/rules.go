package practice

import (
	"context"
	"slices"

	"siegel/platform/id"
)

// Rules returns what the tenant offers as it is at this moment, to edit it. It
// returns [ErrUnknownPractice].
func (s *Service) Rules(ctx context.Context, tenant id.Tenant) (*Offer, error) {
	version, err := s.version(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return s.Refresh(ctx, tenant, version)
}

// setup returns what the offer was put together from, imported calendars and
// closures long over apart.
func (o *Offer) setup() Setup {
	return Setup{
		Practice: o.Practice, Locations: o.Locations, Legs: o.Legs, Resources: o.Resources, Practitioners: o.Practitioners,
		Services: o.Services, Openings: o.Openings, Closures: o.Closures, Quotas: o.Quotas, Chains: o.Chains,
	}
}

// Rule is one of the things that a [Setup] is made of: its [Practice], or one
// [Location], [Leg], [Resource], [Practitioner], [HealthcareService],
// [Opening], [Closure], [Quota] or [Chain].
type Rule interface {
	// name returns the kind of rule and its id, in the words of the API.
	name() (kind, ref string)
	// put adds the rule, or takes the place of the one with its id.
	put(s *Setup)
	// drop removes the rule with its id, and what makes no sense without it;
	// false where there is none.
	drop(s *Setup) bool
}

func (Practice) name() (kind, ref string)            { return "practice", "" }
func (l Location) name() (kind, ref string)          { return "locations", l.ID.String() }
func (l Leg) name() (kind, ref string)               { return "legs", l.A.String() + "." + l.B.String() }
func (r Resource) name() (kind, ref string)          { return "resources", r.ID.String() }
func (x Practitioner) name() (kind, ref string)      { return "practitioners", x.ID.String() }
func (x HealthcareService) name() (kind, ref string) { return "services", x.ID.String() }
func (o Opening) name() (kind, ref string)           { return "windows", o.ID.String() }
func (c Closure) name() (kind, ref string)           { return "closures", c.ID.String() }
func (q Quota) name() (kind, ref string)             { return "quotas", q.ID.String() }
func (c Chain) name() (kind, ref string)             { return "chains", c.ID.String() }

func (p Practice) put(s *Setup) { s.Practice = p }

func (l Location) put(s *Setup) {
	s.Locations = replace(s.Locations, l, func(o Location) bool { return o.ID == l.ID })
}

func (l Leg) put(s *Setup) {
	l = l.inOrder()
	s.Legs = replace(s.Legs, l, func(o Leg) bool { return o.A == l.A && o.B == l.B })
}

func (r Resource) put(s *Setup) {
	s.Resources = replace(s.Resources, r, func(o Resource) bool { return o.ID == r.ID })
}

// put keeps the resource that a practitioner has, where none is named, and lets
// it be called as they are.
func (x Practitioner) put(s *Setup) {
	same := func(o Practitioner) bool { return o.ID == x.ID }
	if i := slices.IndexFunc(s.Practitioners, same); i >= 0 {
		old := s.Practitioners[i]
		x.Resource = either(x.Resource, old.Resource)
		s.Resources = slices.Clone(s.Resources)
		for k := range s.Resources {
			if r := &s.Resources[k]; r.ID == old.Resource && r.Kind == "practitioner" && r.Name == old.Name {
				r.Name = x.Name
			}
		}
	}
	s.Practitioners = replace(s.Practitioners, x, same)
}

func (x HealthcareService) put(s *Setup) {
	s.Services = replace(s.Services, x, func(o HealthcareService) bool { return o.ID == x.ID })
}

func (o Opening) put(s *Setup) {
	s.Openings = replace(s.Openings, o, func(x Opening) bool { return x.ID == o.ID })
}

func (c Closure) put(s *Setup) {
	s.Closures = replace(s.Closures, c, func(o Closure) bool { return o.ID == c.ID })
}

func (q Quota) put(s *Setup) {
	s.Quotas = replace(s.Quotas, q, func(o Quota) bool { return o.ID == q.ID })
}

func (c Chain) put(s *Setup) {
	s.Chains = replace(s.Chains, c, func(o Chain) bool { return o.ID == c.ID })
}

// drop finds nothing: there is no practice without its public face.
func (Practice) drop(*Setup) bool { return false }

func (l Location) drop(s *Setup) bool {
	remove(&s.Legs, func(o Leg) bool { return o.A == l.ID || o.B == l.ID })
	remove(&s.Closures, func(o Closure) bool { return o.Location == l.ID })
	return remove(&s.Locations, func(o Location) bool { return o.ID == l.ID })
}

func (l Leg) drop(s *Setup) bool {
	l = l.inOrder()
	return remove(&s.Legs, func(o Leg) bool { return o.A == l.A && o.B == l.B })
}

func (r Resource) drop(s *Setup) bool {
	remove(&s.Closures, func(o Closure) bool { return o.Resource == r.ID })
	return remove(&s.Resources, func(o Resource) bool { return o.ID == r.ID })
}

func (x Practitioner) drop(s *Setup) bool {
	i := slices.IndexFunc(s.Practitioners, func(o Practitioner) bool { return o.ID == x.ID })
	if i < 0 {
		return false
	}
	remove(&s.Closures, func(o Closure) bool { return o.Practitioner == x.ID })
	own := s.Practitioners[i].Resource
	if remove(&s.Resources, func(r Resource) bool { return r.ID == own && r.Kind == "practitioner" }) {
		remove(&s.Closures, func(o Closure) bool { return o.Resource == own })
	}
	return remove(&s.Practitioners, func(o Practitioner) bool { return o.ID == x.ID })
}

func (x HealthcareService) drop(s *Setup) bool {
	return remove(&s.Services, func(o HealthcareService) bool { return o.ID == x.ID })
}

func (o Opening) drop(s *Setup) bool {
	return remove(&s.Openings, func(x Opening) bool { return x.ID == o.ID })
}

func (c Closure) drop(s *Setup) bool {
	return remove(&s.Closures, func(o Closure) bool { return o.ID == c.ID })
}

func (q Quota) drop(s *Setup) bool {
	return remove(&s.Quotas, func(o Quota) bool { return o.ID == q.ID })
}

func (c Chain) drop(s *Setup) bool {
	return remove(&s.Chains, func(o Chain) bool { return o.ID == c.ID })
}

// replace returns a copy of the list with v in the place of the same one, or
// at the end.
func replace[T any](list []T, v T, same func(T) bool) []T {
	list = slices.Clone(list)
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i] = v
		return list
	}
	return append(list, v)
}

// remove takes those out of a copy of the list that are gone, and reports
// whether there were any.
func remove[T any](list *[]T, gone func(T) bool) bool {
	n := len(*list)
	*list = slices.DeleteFunc(slices.Clone(*list), gone)
	return len(*list) < n
}
