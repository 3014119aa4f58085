package notify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
)

// Line is one provider on a message's way.
type Line struct {
	Provider id.Provider
	Plugin   string
	// PriceMicros is what a part costs, in millionths of Currency.
	PriceMicros int64
	Currency    string
	// Open returns the provider's running plugin.
	Open func(ctx context.Context) (SMS, error)
}

// How long a provider is left alone after what it said. A rest doubles with
// each failure in a row, up to the longest.
const (
	restRefused = time.Minute // its account or its settings are wrong
	restLimited = 5 * time.Second
	restFailing = 2 * time.Second
	longestRest = time.Minute
	// failsBefore is how many failures in a row are taken for accidents.
	failsBefore = 3
)

// texts carries text messages along a route, from one provider to the next.
//
// The class of an error decides: what the provider's account or state is to
// blame for goes on to the next, what is wrong with the message itself stops.
// A call without an answer may have sent the message: it goes on all the same,
// since a code that comes twice does less harm than one that does not come.
type texts struct {
	deliveries *Deliveries // nil: no accounts are kept
	log        *slog.Logger
	now        func() time.Time

	mu    sync.Mutex
	rests map[id.Provider]rest
}

// rest is why a provider is left alone, and until when.
type rest struct {
	failures int
	until    time.Time
}

func newTexts(d *Deliveries, log *slog.Logger) *texts {
	return &texts{deliveries: d, log: log, now: time.Now, rests: map[id.Provider]rest{}}
}

// carry hands the message to the first provider that takes it. It returns
// [ErrUnsendable] where none ever will.
func (t *texts) carry(ctx context.Context, job jobs.Message, booking id.Booking, m sdk.Message, route []Line) error {
	message := job.ID
	var bad *sdk.Error
	if errors.As(m.Check(), &bad) && bad.Kind == sdk.InvalidSender {
		// A sender that no network takes is no reason to leave a patient without a code.
		m.Sender = ""
	}
	if err := m.Check(); err != nil {
		return ErrUnsendable.Because(errors.New("the number or the text is malformed"))
	}
	if len(route) == 0 {
		return fault.New(fault.Unavailable, "sms_not_configured")
	}
	last, blocked := error(fault.New(fault.Unavailable, "sms_resting")), 0
	for _, line := range route {
		if t.resting(line) {
			continue
		}
		provider, err := line.Open(ctx)
		if err != nil {
			t.fails(line, err)
			last = spoken(err)
			continue
		}
		if t.deliveries != nil {
			due, err := t.deliveries.begin(ctx, job, booking, line)
			if err != nil {
				return fault.New(fault.Unavailable, "delivery_not_kept").Because(err)
			}
			if !due {
				return nil
			}
		}
		receipt, err := t.hand(ctx, provider, m)
		if err == nil {
			t.answers(line)
			t.keep(ctx, message, func(ctx context.Context) error { return t.deliveries.submitted(ctx, message, line, receipt) })
			return nil
		}
		last = spoken(err)
		kind, known := sdk.KindOf(err)
		if (known && kind != sdk.Unknown) || pluginhost.Unreached(err) {
			t.keep(ctx, message, func(ctx context.Context) error { return t.deliveries.refused(ctx, message, fault.From(last).Reason) })
		}
		switch {
		case known && (kind == sdk.InvalidRecipient || kind == sdk.Content):
			t.answers(line)
			return ErrUnsendable.Because(errors.New("the provider says: " + string(kind)))
		case known && kind == sdk.Blocked:
			t.answers(line)
			blocked++
		default:
			t.fails(line, err)
		}
		if ctx.Err() != nil {
			return last
		}
	}
	if blocked == len(route) {
		return ErrUnsendable.Because(errors.New("every provider says: " + string(sdk.Blocked)))
	}
	return last
}

// hand sends, and once more without the sender's name where only that is
// refused.
func (t *texts) hand(ctx context.Context, provider SMS, m sdk.Message) (sdk.Receipt, error) {
	receipt, err := provider.Send(ctx, m)
	if kind, known := sdk.KindOf(err); known && kind == sdk.InvalidSender && m.Sender != "" {
		m.Sender = ""
		return provider.Send(ctx, m)
	}
	return receipt, err
}

// keep writes down what has happened, also where the caller's time is over:
// what is not kept is sent again.
func (t *texts) keep(ctx context.Context, message id.Message, write func(context.Context) error) {
	if t.deliveries == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := write(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			t.log.Error("what became of a text message could not be kept", "message", message.String(), "error", err)
			return
		}
	}
}

func (t *texts) resting(l Line) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now().Before(t.rests[l.Provider].until)
}

func (t *texts) answers(l Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rests, l.Provider)
}

// fails lets a provider rest as its error says.
func (t *texts) fails(l Line, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rests) > 10_000 { // providers come and go; whoever still fails comes back
		clear(t.rests)
	}
	r := t.rests[l.Provider]
	r.failures++
	doubled := min(r.failures, 10)
	var pause time.Duration
	kind, known := sdk.KindOf(err)
	var said *sdk.Error
	switch {
	case known && (kind == sdk.Auth || kind == sdk.Funds || kind == sdk.BadSettings):
		pause = restRefused
		t.log.Error("a provider of text messages needs somebody", "provider", l.Provider.String(), "plugin", l.Plugin, "reason", string(kind))
	case known && kind == sdk.RateLimited:
		pause = restLimited
		if errors.As(err, &said) && said.RetryAfter > 0 {
			pause = min(said.RetryAfter, longestRest)
		}
	case known && kind == sdk.InvalidSender:
	case pluginhost.Unreached(err): // the host knows best when it is back, and says no at once
	case r.failures >= failsBefore:
		pause = min(restFailing<<(doubled-failsBefore), longestRest)
		t.log.Warn("a provider of text messages fails and rests", "provider", l.Provider.String(), "plugin", l.Plugin, "pause", pause)
	}
	r.until = t.now().Add(pause)
	t.rests[l.Provider] = r
}

// spoken keeps only the reason of a failure: a provider's words may repeat the
// number.
func spoken(err error) error {
	if kind, known := sdk.KindOf(err); known {
		return fault.New(fault.Unavailable, "sms_"+string(kind))
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.New(fault.Unavailable, f.Reason)
	}
	return fault.New(fault.Unavailable, "sms_failed")
}

// testsADay is how many test messages a scope may send within a day.
const testsADay = 20

// ErrTests is returned for more test messages than a day has.
var ErrTests = fault.New(fault.Limited, "too_many_tests").After(time.Hour)

// TestText sends one message with one provider, for somebody who sets it up,
// and keeps account of it under their scope. The error is the provider's own.
func (s *Service) TestText(ctx context.Context, scope access.Domain, line Line, to, text string) (id.Message, sdk.Receipt, error) {
	message := id.New[id.Message]()
	d := s.texts.deliveries
	if d == nil {
		return message, sdk.Receipt{}, fault.New(fault.Unavailable, "delivery_not_kept")
	}
	if err := (sdk.Message{ID: message.String(), To: to, Text: text}).Check(); err != nil {
		return message, sdk.Receipt{}, err
	}
	provider, err := line.Open(ctx)
	if err != nil {
		return message, sdk.Receipt{}, err
	}
	if allowed, err := d.beginTest(ctx, scope, message, line); err != nil || !allowed {
		return message, sdk.Receipt{}, errors.Join(ErrTests, err)
	}
	receipt, err := provider.Send(ctx, sdk.Message{ID: message.String(), To: to, Text: text})
	if err != nil {
		s.texts.keep(ctx, message, func(ctx context.Context) error {
			return d.ended(ctx, message, Failed, fault.From(spoken(err)).Reason)
		})
		return message, sdk.Receipt{}, err
	}
	s.texts.answers(line) // it works again, whatever it did before
	s.texts.keep(ctx, message, func(ctx context.Context) error { return d.submitted(ctx, message, line, receipt) })
	return message, receipt, nil
}
