package pluginhost

import (
	"context"
	"errors"

	"siegel/plugins/sdk"
)

// Provider is a running plugin that sends messages. It stays valid over
// crashes and restarts, until nobody has called it for a while or
// [Host.Close]; ask the host for it again rather than keeping it.
//
// The error's chain has an [*sdk.Error] where the provider or the plugin
// answered with one, one of the sdk's own where that is documented there, and
// otherwise [ErrUnavailable]: then a message may or may not have left, unless
// [Unreached].
type Provider interface {
	// Send hands m to the provider.
	Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error)
	// DryRun says what Send would do.
	DryRun(ctx context.Context, m sdk.Message) (sdk.Estimate, error)
	// ParseDelivery reads a provider's report.
	ParseDelivery(ctx context.Context, r sdk.Request) ([]sdk.Delivery, error)
	// Balance asks for what is left of the account's money.
	Balance(ctx context.Context) (sdk.Balance, error)
	// Describe says what the plugin said of itself when it last started, so
	// that the privacy text can name the provider also while it is down.
	Describe(ctx context.Context) (sdk.Description, error)
}

// SMS returns the plugin of that name for an instance, such as a provider's
// id, started, configured and watched from then on. The same instance with the
// same name and settings is the same process; with others there is a new one,
// and the former ends once nobody calls it any more. It returns [ErrNotFound],
// [ErrUnverified], [ErrSettings] or [ErrUnavailable]; then nothing is left
// running that was not before, and a call after a pause tries anew.
func (h *Host) SMS(ctx context.Context, instance, name string, settings map[string]any) (Provider, error) {
	p, err := h.plugin(ctx, smsService(), instance, name, settings)
	if err != nil {
		return nil, err
	}
	return smsProvider{p}, nil
}

// smsProvider is a plugin that sends messages.
type smsProvider struct{ *provider }

func (p smsProvider) Send(ctx context.Context, m sdk.Message) (r sdk.Receipt, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		r, err = in.sms.Send(ctx, m)
		return err
	})
	return r, err
}

func (p smsProvider) DryRun(ctx context.Context, m sdk.Message) (e sdk.Estimate, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		e, err = in.sms.DryRun(ctx, m)
		return err
	})
	return e, err
}

func (p smsProvider) ParseDelivery(ctx context.Context, r sdk.Request) (d []sdk.Delivery, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		d, err = in.sms.ParseDelivery(ctx, r)
		return err
	})
	return d, err
}

func (p smsProvider) Balance(ctx context.Context) (b sdk.Balance, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		b, err = in.sms.Balance(ctx)
		return err
	})
	return b, err
}

// Unreached says that a call ended before it got to the plugin: nothing has
// happened.
func Unreached(err error) bool {
	var u unreachedError
	return errors.As(err, &u)
}

func unreached(err error) error { return unreachedError{err} }

type unreachedError struct{ error }

func (u unreachedError) Unwrap() error { return u.error }
