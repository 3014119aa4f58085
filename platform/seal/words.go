package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	wordConsonants = "bdfghjklmnprstwz"
	wordVowels     = "aiou"
	wordCount      = 6
	wordSyllables  = 3
)

// JoiningWords are the six words that two screens show, one of a practice's
// owner and one of whoever joins with a key: alike only if both have the same
// identity of the practice and the same key. They are stretched like a
// password, since whoever stands between may choose on both sides; a call takes
// a tenth of a second. It returns [ErrMalformedID].
func JoiningWords(tenant, account, fingerprint string, public []byte) ([]string, error) {
	if err := requireUUIDs(tenant, account); err != nil {
		return nil, err
	}
	salt := sha256.Sum256([]byte("siegel|words|1|" + tenant + "|" + account))
	both := sha256.Sum256(append([]byte("siegel|words|1|"+fingerprint+"|"), public...))
	stretched, _ := SplitPassword(hex.EncodeToString(both[:]), salt[:SaltSize])
	return spell(stretched), nil
}

// spell says 108 bits in words of three open syllables, which German tells
// apart when spoken.
func spell(b []byte) []string {
	var bits []byte // six at a time
	for i := 0; len(bits) < wordCount*wordSyllables; i += 3 {
		n := uint(b[i])<<16 | uint(b[i+1])<<8 | uint(b[i+2])
		bits = append(bits, byte(n>>18&63), byte(n>>12&63), byte(n>>6&63), byte(n&63))
	}
	words := make([]string, wordCount)
	for i := range words {
		var word strings.Builder
		for _, six := range bits[i*wordSyllables : (i+1)*wordSyllables] {
			word.WriteByte(wordConsonants[six>>2])
			word.WriteByte(wordVowels[six&3])
		}
		words[i] = word.String()
	}
	return words
}
