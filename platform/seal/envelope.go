package seal

import "fmt"

// Envelope is a booking sealed to a practice's data key. Its JSON form is
// what the browser sends and the office fetches.
type Envelope struct {
	V          int    `json:"v" words:"1"`
	Suite      int    `json:"suite" words:"2"`
	Tenant     string `json:"tenant"`
	KID        string `json:"kid"`
	EnvelopeID string `json:"envelope_id"`
	Enc        Bytes  `json:"enc"`
	CT         Bytes  `json:"ct"`
}

// maxEnvelopeJSON is above the largest envelope's JSON, spaces included.
const maxEnvelopeJSON = 32 << 10

// ParseEnvelope reads an envelope's JSON and checks it. It returns
// [ErrMalformedEnvelope] for unknown, repeated or missing fields, another
// version or suite, text that is not canonical, and impossible lengths.
func ParseEnvelope(data []byte) (Envelope, error) {
	var e Envelope
	if len(data) > maxEnvelopeJSON {
		return Envelope{}, ErrMalformedEnvelope
	}
	if err := strict.Decode(data, &e); err != nil {
		return Envelope{}, ErrMalformedEnvelope.Because(err)
	}
	if err := e.Check(); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// Check says whether e has the form of an envelope, for one that was decoded
// elsewhere. It returns [ErrMalformedEnvelope]. Whether it opens, only its
// recipient can say; whether tenant and kid are the expected ones, the caller.
func (e Envelope) Check() error {
	switch {
	case e.V != Version, e.Suite != Suite,
		!isUUID(e.Tenant), !isUUID(e.EnvelopeID), !isKID(e.KID),
		len(e.Enc) != encSize,
		!padded(len(e.CT)-tagSize, stepBooking, maxBooking):
		return ErrMalformedEnvelope
	}
	return nil
}

func (e Envelope) info() string { return fmt.Sprintf("siegel|%d|%s|%s", e.V, e.Tenant, e.KID) }

func (e Envelope) aad(bookingID string) string {
	return fmt.Sprintf("%s|%s|%s|%d", e.Tenant, e.EnvelopeID, bookingID, e.V)
}

// Seal seals a booking's JSON to pub. Ids are bare lower-case uuids, else
// [ErrMalformedID]; a plaintext of more than 14 KiB is [ErrTooLong].
func Seal(pub PublicKey, tenant, envelopeID, bookingID string, plaintext []byte) (Envelope, error) {
	if err := requireUUIDs(tenant, envelopeID, bookingID); err != nil {
		return Envelope{}, err
	}
	padded, err := pad(plaintext, stepBooking, maxBooking)
	if err != nil {
		return Envelope{}, err
	}
	e := Envelope{V: Version, Suite: Suite, Tenant: tenant, KID: pub.KID(), EnvelopeID: envelopeID}
	e.Enc, e.CT, err = hpkeSeal(pub, e.info(), e.aad(bookingID), padded)
	if err != nil {
		return Envelope{}, fmt.Errorf("seal envelope: %w", err)
	}
	return e, nil
}

// Open returns the JSON that was sealed, without its padding. It returns
// [ErrMalformedEnvelope] for what is no envelope, and [ErrTampered] where e
// was made for another key, tenant, id or booking, or was altered. Whoever
// knows the public key may have written what comes out.
func Open(priv PrivateKey, e Envelope, bookingID string) ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	if err := requireUUIDs(bookingID); err != nil {
		return nil, err
	}
	if e.KID != priv.KID() {
		return nil, ErrTampered
	}
	padded, err := hpkeOpen(priv, e.info(), e.aad(bookingID), e.Enc, e.CT)
	if err != nil {
		return nil, fmt.Errorf("open envelope: %w", err)
	}
	return unpad(padded), nil
}
