// Package api is the JSON interface under /api/v1: one file a subject. Each
// operation decodes, calls one method of a service, and encodes; what is
// allowed and what a failure is called is decided elsewhere.
package api

import (
	"siegel/platform/identity"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
	"siegel/tenants/staff"
	"siegel/web/server"
)

// Services are what the operations call. Every field is required.
type Services struct {
	Booking  *booking.Service
	Practice *practice.Service
	Keyring  *keyring.Service
	Inbox    *inbox.Service
	Identity *identity.Service
	Staff    *staff.Service
}

// Mount adds all operations to the server.
func Mount(s *server.Server, v Services) {
	mountPractice(s, v)
	mountSlots(s, v)
	mountHolds(s, v)
	mountBookings(s, v)
	mountSessions(s, v)
	mountKeyring(s, v)
	mountAppointments(s, v)
	mountDesk(s, v)
	mountRules(s, v)
	mountCalendars(s, v)
}

// none is an answer or a request without content.
type none struct{}
