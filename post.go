package main

import (
	"fmt"
	"net"

	"siegel/platform/config"
	"siegel/tenants/notify"
)

// post is how mails leave, and where they come back to.
func (h *house) post(c config.Config, base string) (notify.MailConfig, error) {
	keys, err := notify.LoadSigningKeys(c.DKIMDir)
	if err != nil {
		return notify.MailConfig{}, err
	}
	if c.BounceDomain != "" {
		if h.bounces, err = notify.NewBounces(c.BounceDomain, []byte(c.Secret), h.carriers.deliveries); err != nil {
			return notify.MailConfig{}, err
		}
		if h.bounced, err = net.Listen("tcp", c.BounceListen); err != nil {
			return notify.MailConfig{}, fmt.Errorf("listen for mails that come back: %w", err)
		}
		h.closers = append(h.closers, func() { _ = h.bounced.Close() })
	}
	return notify.MailConfig{SMTPURL: c.SMTPURL, From: c.MailFrom, Domain: base, Keys: keys, Bounces: h.bounces}, nil
}
