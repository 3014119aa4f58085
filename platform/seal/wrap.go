package seal

import "fmt"

// Kind is what a wrapped key is for.
type Kind string

// The kinds of practice keys. Each is 32 bytes.
const (
	// KindIdentity is the P-256 scalar that signs the directory, epoch 1.
	KindIdentity Kind = "identity"
	// KindData is the X-Wing seed that opens envelopes.
	KindData Kind = "data"
	// KindBook is the AES key of the appointment cards.
	KindBook Kind = "book"
)

const wrappedSize = 32 + tagSize

// Wrap is a practice key sealed for one holder, named by the kid of the
// holder's key: a member's or the recovery key.
//
// That it opens does not say who made it: the key is to be compared with the
// directory, as [Locked] does.
type Wrap struct {
	Kind   Kind   `json:"kind"`
	Epoch  int    `json:"epoch"`
	Holder string `json:"holder"`
	Enc    Bytes  `json:"enc"`
	CT     Bytes  `json:"ct"`
}

// Check says whether w has the form of a wrapped key. It returns
// [ErrMalformedKey].
func (w Wrap) Check() error {
	switch w.Kind {
	case KindIdentity, KindData, KindBook:
	default:
		return ErrMalformedKey
	}
	if w.Epoch < 1 || !isKID(w.Holder) || len(w.Enc) != encSize || len(w.CT) != wrappedSize {
		return ErrMalformedKey
	}
	return nil
}

func (w Wrap) aad(tenant string) string {
	return fmt.Sprintf("%s|%s|%d|%s", tenant, w.Kind, w.Epoch, w.Holder)
}

func (w Wrap) info(tenant string) string {
	return fmt.Sprintf("siegel|wrap|%d|%s", Version, w.aad(tenant))
}

// WrapKey seals a practice key of 32 bytes for a holder. The caller has
// found the holder in the signed directory. It returns [ErrMalformedKey] or
// [ErrMalformedID].
func WrapKey(holder PublicKey, tenant string, kind Kind, epoch int, key []byte) (Wrap, error) {
	if err := requireUUIDs(tenant); err != nil {
		return Wrap{}, err
	}
	if len(key) != 32 {
		return Wrap{}, ErrMalformedKey
	}
	w := Wrap{Kind: kind, Epoch: epoch, Holder: holder.KID()}
	var err error
	if w.Enc, w.CT, err = hpkeSeal(holder, w.info(tenant), w.aad(tenant), key); err != nil {
		return Wrap{}, fmt.Errorf("wrap %s key: %w", kind, err)
	}
	return w, w.Check()
}

// UnwrapKey opens a practice key that was wrapped for the holder. It returns
// [ErrMalformedKey], or [ErrTampered] for another holder's, tenant's, kind's
// or epoch's.
func UnwrapKey(holder PrivateKey, tenant string, w Wrap) ([]byte, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if w.Holder != holder.KID() {
		return nil, ErrTampered
	}
	key, err := hpkeOpen(holder, w.info(tenant), w.aad(tenant), w.Enc, w.CT)
	if err != nil {
		return nil, fmt.Errorf("unwrap %s key: %w", w.Kind, err)
	}
	return key, nil
}
