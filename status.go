package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/help"
	"siegel/tenants/notify"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
)

const (
	// stuckLimit is how long mails may be due before visitors are told.
	stuckLimit = 5 * time.Minute
	// textsLimit is for how long after a failure text messages count as disturbed.
	textsLimit = 5 * time.Minute
)

var (
	errStuck    = errors.New("messages are due and do not leave")
	errNoTexts  = errors.New("no provider of text messages works")
	errNoServer = errors.New("the address of the mail server is malformed")
)

// openStatus makes what the page about the service tells. The carriers have to
// be there.
func (h *house) openStatus(c config.Config, db, relay *postgres.DB, redis *redisdb.Client) (err error) {
	h.status, err = help.NewStatus(help.StatusConfig{DB: db, Checks: map[help.Part]func(context.Context) error{
		help.Database: db.Ping,
		help.Memory:   func(ctx context.Context) error { return redis.Raw().Ping(ctx).Err() },
		help.Mail:     func(ctx context.Context) error { return mailLeaves(ctx, c.SMTPURL, relay) },
		help.Texts:    func(context.Context) error { return h.carriers.textsLeave(time.Now()) },
	}})
	return err
}

// mailLeaves reports whether somebody takes mails, and whether they are brought
// there.
func mailLeaves(ctx context.Context, server string, relay *postgres.DB) error {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return errNoServer
	}
	port := cmp.Or(u.Port(), map[string]string{"smtps": "465"}[u.Scheme], "587")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	_ = conn.Close()
	var late float64
	err = relay.Global().NewRaw(`select coalesce(extract(epoch from now() - min(run_at)), 0)::float8 from outbox
		where status = 'waiting' and run_at <= now() and kind like '%\_mail'`).Scan(ctx, &late)
	if err != nil {
		return nil //nolint:nilerr // that is the database's to tell
	}
	if time.Duration(late*float64(time.Second)) > stuckLimit {
		return errStuck
	}
	return nil
}

// textsLeave reports whether one of the providers works that have been asked to
// carry something since the server started.
func (k *carriers) textsLeave(now time.Time) error {
	if k.host == nil {
		return help.ErrUnused
	}
	err := help.ErrUnused
	for _, one := range k.host.Health() {
		switch {
		case one.Kind != string(provider.SMS) || one.Leaving:
		case one.Running && now.Sub(one.Failed) > textsLimit:
			return nil
		default:
			err = errNoTexts
		}
	}
	return err
}

// reportLetter tells those who look after a practice what somebody reported.
func (h *house) reportLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	r, err := h.help.Report(ctx, ref)
	if err != nil {
		return notify.Letter{}, err
	}
	t, err := h.registry.ByID(ctx, tenant)
	if err != nil {
		return notify.Letter{}, err
	}
	brand, err := h.registry.BrandOf(ctx, registry.Tenant{Reseller: r.Reseller})
	if err != nil {
		return notify.Letter{}, err
	}
	to := cmp.Or(brand.SupportEmail, brand.SenderEmail)
	if to == "" {
		return notify.Letter{}, help.ErrUnknown // the portal shows it all the same
	}
	about := []string{r.Page, r.Version, r.Browser}
	return notify.Letter{
		To: to, Language: "de", Variant: string(r.Origin), Practice: t.Slug, Quote: r.Text, By: said(append(about, r.Requests...)),
		Link: h.registry.Scheme + "://" + h.registry.Host("", registry.Portal) + "/#support", From: h.senderOf(h.registry.Platform),
	}, nil
}

// said puts what is not empty on one line.
func said(parts []string) (line string) {
	for _, p := range parts {
		switch {
		case p == "":
		case line == "":
			line = p
		default:
			line += " · " + p
		}
	}
	return line
}
