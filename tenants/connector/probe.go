package connector

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"siegel/platform/seal"
)

var errProbe = errors.New("what is in the sealed word of the day is none")

// openProbe opens the sealed word of the day, where one waits, and sends it
// back: that is how the office knows that bookings still open here. It is asked
// for once an hour, and what fails keeps no booking waiting.
func (a *Agent) openProbe(ctx context.Context) {
	if a.Now().Sub(a.probed) < probeEvery {
		return
	}
	err := a.tryProbe(ctx)
	var refused *refusedError
	if errors.As(err, &refused) && refused.Status == 404 { // an office that sends none
		err = nil
	}
	a.trouble("probe", err)
	if err != nil {
		slog.Warn("the sealed word of the day was not opened", "err", err)
	}
	if ctx.Err() == nil {
		a.probed = a.Now()
	}
}

func (a *Agent) tryProbe(ctx context.Context) error {
	p, err := a.office.probe(ctx)
	if err != nil || p.Envelope == nil {
		return err
	}
	e := *p.Envelope
	if e.Tenant != a.pairing.Tenant {
		return seal.ErrTampered
	}
	plaintext, err := a.keys.Open(e, e.EnvelopeID)
	if err != nil {
		return err
	}
	word, err := readProbe(plaintext)
	if err != nil {
		return err
	}
	return a.office.answerProbe(ctx, e.EnvelopeID, word)
}

// readProbe lets nothing through but a word: a patient's line is bound to its
// own id too, and is nobody's to send back.
func readProbe(plaintext []byte) (seal.Bytes, error) {
	const size = 32
	var said map[string]seal.Bytes
	if err := json.Unmarshal(plaintext, &said); err != nil || len(said) != 1 || len(said["probe"]) != size {
		return nil, errProbe
	}
	return said["probe"], nil
}
