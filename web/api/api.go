// Package api is the JSON interface under /api/v1: one file a subject. Each
// operation decodes, calls one method of a service, and encodes; what is
// allowed and what a failure is called is decided elsewhere.
package api

import (
	"siegel/platform/identity"
	"siegel/tenants/audit"
	"siegel/tenants/booking"
	"siegel/tenants/customers"
	"siegel/tenants/domain"
	"siegel/tenants/feed"
	"siegel/tenants/help"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/privacy"
	"siegel/tenants/probe"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
	"siegel/tenants/webhook"
	"siegel/web/server"
)

// Services are what the operations call. Every field is required.
type Services struct {
	Booking    *booking.Service
	Practice   *practice.Service
	Keyring    *keyring.Service
	Inbox      *inbox.Service
	Customers  *customers.Service
	Requests   *privacy.Requests
	Identity   *identity.Service
	Staff      *staff.Service
	Onboarding *onboarding.Service
	Tokens     *staff.Tokens
	Audit      *audit.Service
	Registry   *registry.Service
	Help       *help.Service
	Status     *help.Status
	Reminders  *notify.Reminders
	Waiting    *booking.Waiting
	Embedding  *practice.Embedding
	// MessageSettings are what practices decide about their messages.
	MessageSettings *notify.Settings
	Domains         *domain.Service
	Privacy         *privacy.Service
	Probe           *probe.Service
	// Webhooks tell other systems, Feeds show busy times to calendar programs.
	Webhooks *webhook.Service
	Feeds    *feed.Service
	Carriers
}

// Mount adds all operations to the server.
func Mount(s *server.Server, v Services) {
	mountPractice(s, v)
	mountSlots(s, v)
	mountHolds(s, v)
	mountBookings(s, v)
	mountSessions(s, v)
	mountAccount(s, v)
	mountOIDC(s, v)
	mountKeyring(s, v)
	mountProbe(s, v)
	mountOnboarding(s, v)
	mountPeople(s, v)
	mountAppointments(s, v)
	mountDesk(s, v)
	mountTakeover(s, v)
	mountProposals(s, v)
	mountCustomers(s, v)
	mountFiles(s, v)
	mountPrivacyRequests(s, v)
	mountReminders(s, v)
	mountWaiting(s, v)
	mountCommunications(s, v)
	mountEmbedding(s, v)
	mountMessages(s, v)
	mountDeskSettings(s, v)
	mountRequestSettings(s, v)
	mountRecalls(s, v)
	mountRules(s, v)
	mountCalendars(s, v)
	mountDocument(s)
	mountAudit(s, v)
	mountTokens(s, v)
	mountConnectors(s, v)
	mountWebhooks(s, v)
	mountFeeds(s, v)
	mountPortal(s, v)
	mountHelp(s, v)
	mountStatus(s, v)
	mountProviders(s, v)
	mountCarriers(s, v)
	mountDeliveries(s, v)
	mountDomains(s, v)
	mountDocuments(s, v)
	mountDocumentPages(s, v)
	mountPrivacy(s, v)
	mountRegisters(s, v)
}

// none is an answer or a request without content.
type none struct{}
