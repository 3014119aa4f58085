package booking

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"siegel/platform/id"
)

// A proof of work makes a text message, the eleventh hold of a network, and a
// word to the practice cost a second of computing, and nothing that a person
// would have to see, hear or move. The protocol is ALTCHA's, version 1: find the
// number for which SHA-256(salt + number) is the challenge.

// Challenge is a puzzle for one purpose, good for ten minutes and one use.
type Challenge struct {
	// Algorithm is "SHA-256".
	Algorithm string
	// Challenge is the hash to be found, Salt what stands before the number,
	// both as text; Salt carries when it ends.
	Challenge, Salt string
	// MaxNumber is what the number does not exceed.
	MaxNumber int
	// Signature says that the puzzle is ours: HMAC-SHA-256 of Challenge, in hex.
	Signature string
}

// Proof is a solved [Challenge].
type Proof struct {
	Algorithm, Challenge, Salt, Signature string
	Number                                int
}

// Work is what a proof is for. One for this is none for that.
type Work string

// What is asked a proof for.
const (
	// WorkText is a text message about a hold.
	WorkText Work = "sms"
	// WorkHold is one more hold for a network that has many.
	WorkHold Work = "hold"
	// WorkWord is a word to the practice: a place on its waiting list, the wish
	// to be called, a line.
	WorkWord Work = "word"
)

const (
	altchaAlgorithm = "SHA-256"
	proofTTL        = 10 * time.Minute
	// baseWork is the most that the number can be: half of it on average is a
	// second or two of an old phone.
	baseWork = 1 << 17
	maxWork  = 1 << 26
)

// Challenge makes a puzzle: for a text message about a hold, or, for the zero
// hold, for holding one more slot from a crowded network.
func (s *Service) Challenge(ctx context.Context, tenant id.Tenant, hold id.Hold, v Visitor) (Challenge, error) {
	if !hold.IsZero() {
		return s.puzzle(tenant, WorkText, hold.String(), baseWork), nil
	}
	crowd, err := s.Redis.Crowd(ctx, key(tenant, "network", b64(s.Redis.MAC("network", v.network()))))
	if err != nil {
		return Challenge{}, err
	}
	return s.puzzle(tenant, WorkHold, v.network(), baseWork<<(max(0, crowd-holdsPerNetworkFree)/5)), nil
}

// WordChallenge makes a puzzle for a word to the practice.
func (s *Service) WordChallenge(tenant id.Tenant, v Visitor) Challenge {
	return s.puzzle(tenant, WorkWord, v.network(), baseWork)
}

func (s *Service) puzzle(tenant id.Tenant, w Work, subject string, work int) Challenge {
	work = min(work, maxWork)
	n, err := rand.Int(rand.Reader, big.NewInt(int64(work)+1))
	if err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	// The & at the end keeps digits of the number from becoming some of the salt.
	salt := hex.EncodeToString(random(12)) + "?expires=" + strconv.FormatInt(s.Now().Add(proofTTL).Unix(), 10) + "&"
	challenge := altchaHash(salt, int(n.Int64()))
	return Challenge{
		Algorithm: altchaAlgorithm, Challenge: challenge, Salt: salt, MaxNumber: work,
		Signature: altchaSignature(challenge, s.workKey(tenant, w, subject)),
	}
}

// Worked reports whether p solves a challenge of this tenant for a word of this
// visitor's, and uses it up.
func (s *Service) Worked(ctx context.Context, tenant id.Tenant, v Visitor, p *Proof) (bool, error) {
	return s.proven(ctx, tenant, WorkWord, v.network(), p)
}

// proven reports whether p solves a challenge of this tenant, purpose and
// subject, and uses it up. No proof, or a bad one, is false and no error.
func (s *Service) proven(ctx context.Context, tenant id.Tenant, w Work, subject string, p *Proof) (bool, error) {
	if p == nil || !altchaVerified(*p, s.workKey(tenant, w, subject), s.Now()) {
		return false, nil
	}
	first, err := s.Redis.Raw().SetNX(ctx, key(tenant, "proof", p.Challenge), "", 2*proofTTL).Result()
	if err != nil {
		return false, fmt.Errorf("use up a proof: %w", err)
	}
	return first, nil
}

func (s *Service) workKey(tenant id.Tenant, w Work, subject string) []byte {
	return s.Redis.MAC("challenge", tenant.UUID(), string(w), subject)
}

// altchaVerified reports whether a payload of ALTCHA's protocol solves a
// challenge that was signed under the key and has not expired. What does not
// say when it expires is refused.
func altchaVerified(p Proof, key []byte, now time.Time) bool {
	if p.Algorithm != altchaAlgorithm || p.Number < 0 || p.Number > maxWork || len(p.Salt) > 200 || !strings.HasSuffix(p.Salt, "&") {
		return false
	}
	_, query, _ := strings.Cut(p.Salt, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	until, err := strconv.ParseInt(values.Get("expires"), 10, 64)
	if err != nil || now.Unix() > until {
		return false
	}
	challenge := altchaHash(p.Salt, p.Number)
	return subtle.ConstantTimeCompare([]byte(challenge), []byte(p.Challenge)) == 1 &&
		hmac.Equal([]byte(altchaSignature(challenge, key)), []byte(p.Signature))
}

func altchaHash(salt string, number int) string {
	sum := sha256.Sum256([]byte(salt + strconv.Itoa(number)))
	return hex.EncodeToString(sum[:])
}

func altchaSignature(challenge string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(challenge))
	return hex.EncodeToString(mac.Sum(nil))
}
