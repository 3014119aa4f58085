package pluginhost

import (
	"context"
	"fmt"

	"siegel/plugins/sdk"
)

// Catalogue says what the plugin of that service ("sms", "hosting") and name
// is, before there are settings for it. It starts the plugin for that once for
// each state of its file. It returns [ErrNotFound], [ErrUnverified] or that it
// is unavailable.
func (h *Host) Catalogue(ctx context.Context, serviceName, name string) (sdk.Description, error) {
	var of service
	for _, s := range []service{smsService(), hostingService()} {
		if s.name == serviceName {
			of = s
		}
	}
	if of.name == "" {
		return sdk.Description{}, ErrNotFound.Because(fmt.Errorf("%q is no service of plugins", serviceName))
	}
	// Hashed anew each time: a changed binary is not to be shown as what it was.
	binary, err := h.verified(of, name)
	if err != nil {
		return sdk.Description{}, err
	}
	info, err := binary.Stat()
	if err == nil {
		err = binary.Close()
	}
	if err != nil {
		return sdk.Description{}, of.unavailable.Because(err)
	}
	sum, err := h.listed(of, name)
	if err != nil {
		return sdk.Description{}, err
	}
	key := fmt.Sprintf("%s %s %s %d", of.name, name, sum, info.Size())

	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return sdk.Description{}, unreached(of.unavailable.Because(fmt.Errorf("the plugin host is closed")))
	}
	known, found := h.known[key]
	if !found {
		h.running.Add(1)
	}
	h.mu.Unlock()
	if found {
		return known, nil
	}
	defer h.running.Done()
	p := newProvider(h, of, "catalogue", name, nil)
	in, err := p.start()
	if err != nil {
		return sdk.Description{}, err
	}
	in.close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) > 100 {
		clear(h.known)
	}
	h.known[key] = in.description
	return in.description, ctx.Err()
}

// listed is the plugin's checksum by the allow-list.
func (h *Host) listed(of service, name string) (string, error) {
	allowed, err := h.allowList()
	if err != nil {
		return "", ErrUnverified.Because(err)
	}
	return allowed[of.filePrefix()+name], nil
}
