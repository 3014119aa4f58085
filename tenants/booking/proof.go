package booking

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"siegel/platform/id"
)

// A proof of work makes the first text message, and the eleventh hold of a
// network, cost a second of computing. The protocol: find a decimal nonce such
// that SHA-256(challenge + ":" + nonce) begins with difficulty zero bits.

// Challenge is a puzzle for one purpose, good for ten minutes and one use.
type Challenge struct {
	Challenge  string
	Difficulty int
}

// Proof is a solved [Challenge].
type Proof struct {
	Challenge string
	Nonce     string
}

const (
	proofTTL       = 10 * time.Minute
	baseDifficulty = 16
	maxNonce       = 20 // digits
)

// Challenge makes a puzzle: for a text message about a hold, or, for the zero
// hold, for holding one more slot from a crowded network.
func (s *Service) Challenge(ctx context.Context, tenant id.Tenant, hold id.Hold, v Visitor) (Challenge, error) {
	purpose, subject, difficulty := "hold", v.network(), baseDifficulty
	if !hold.IsZero() {
		purpose, subject = "sms", hold.String()
	} else {
		crowd, err := s.Redis.Crowd(ctx, key(tenant, "network", b64(s.Redis.MAC("network", v.network()))))
		if err != nil {
			return Challenge{}, err
		}
		difficulty += max(0, crowd-holdsPerNetworkFree) / 5
	}
	text := strings.Join([]string{"1", purpose, strconv.Itoa(difficulty),
		strconv.FormatInt(s.Now().Add(proofTTL).Unix(), 10), b64(random(16))}, ".")
	return Challenge{text + "." + b64(s.challengeMAC(tenant, text, subject)), difficulty}, nil
}

// proven reports whether p solves a challenge of this tenant, purpose and
// subject, and uses it up. No proof, or a bad one, is false and no error.
func (s *Service) proven(ctx context.Context, tenant id.Tenant, purpose, subject string, p *Proof) (bool, error) {
	if p == nil || len(p.Challenge) > 200 || len(p.Nonce) == 0 || len(p.Nonce) > maxNonce {
		return false, nil
	}
	cut := strings.LastIndexByte(p.Challenge, '.')
	fields := strings.Split(p.Challenge, ".")
	if cut < 0 || len(fields) != 6 || fields[0] != "1" || fields[1] != purpose {
		return false, nil
	}
	mac, err := base64.RawURLEncoding.DecodeString(fields[5])
	if err != nil || !hmac.Equal(mac, s.challengeMAC(tenant, p.Challenge[:cut], subject)) {
		return false, nil //nolint:nilerr // what does not parse is no proof
	}
	difficulty, errD := strconv.Atoi(fields[2])
	until, errU := strconv.ParseInt(fields[3], 10, 64)
	if errD != nil || errU != nil || s.Now().Unix() > until || leadingZeros(p) < difficulty {
		return false, nil //nolint:nilerr // nor is what is over, or too easy
	}
	first, err := s.Redis.Raw().SetNX(ctx, key(tenant, "proof", fields[4]), "", 2*proofTTL).Result()
	if err != nil {
		return false, fmt.Errorf("use up a proof: %w", err)
	}
	return first, nil
}

func (s *Service) challengeMAC(tenant id.Tenant, text, subject string) []byte {
	return s.Redis.MAC("challenge", tenant.UUID(), text, subject)
}

func leadingZeros(p *Proof) int {
	sum := sha256.Sum256([]byte(p.Challenge + ":" + p.Nonce))
	n := 0
	for _, b := range sum {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}
