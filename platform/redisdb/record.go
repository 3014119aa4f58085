package redisdb

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// ErrUnreadable is returned for a record that this server's secret does not
// open, or that stands under another key than it was written for.
var ErrUnreadable = errors.New("redis record does not open")

// keys derives one key a purpose from the server's secret.
type keys struct {
	secret []byte
	aeads  sync.Map // purpose -> cipher.AEAD
	macs   sync.Map // purpose -> []byte
}

func newKeys(secret []byte) (*keys, error) {
	if len(secret) < 32 {
		return nil, errors.New("the server's secret needs at least 32 bytes")
	}
	return &keys{secret: append([]byte(nil), secret...)}, nil
}

func (k *keys) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.secret, nil, "siegel|redis|"+purpose, 32)
	if err != nil {
		panic(err) // only for impossible lengths
	}
	return key
}

func (k *keys) aead(purpose string) cipher.AEAD {
	if a, ok := k.aeads.Load(purpose); ok {
		return a.(cipher.AEAD)
	}
	block, err := aes.NewCipher(k.derive(purpose))
	if err != nil {
		panic(err) // only for impossible lengths
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	k.aeads.Store(purpose, a)
	return a
}

func (k *keys) mac(purpose string) []byte {
	if m, ok := k.macs.Load(purpose); ok {
		return m.([]byte)
	}
	m := k.derive("mac|" + purpose)
	k.macs.Store(purpose, m)
	return m
}

// Seal encrypts a record for the given purpose, bound to the key it stands under.
func (c *Client) Seal(purpose string, plaintext []byte, key string) []byte {
	a := c.keys.aead(purpose)
	out := make([]byte, a.NonceSize(), a.NonceSize()+len(plaintext)+a.Overhead())
	if _, err := rand.Read(out); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return a.Seal(out, out, plaintext, []byte(key))
}

// Open decrypts what [Client.Seal] made. It returns [ErrUnreadable] for anything else.
func (c *Client) Open(purpose string, sealed []byte, key string) ([]byte, error) {
	a := c.keys.aead(purpose)
	if len(sealed) < a.NonceSize() {
		return nil, ErrUnreadable
	}
	plain, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(key))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrUnreadable, purpose)
	}
	return plain, nil
}

// MAC is a keyed hash over unambiguously joined parts, so that Redis can count
// an address without seeing it.
func (c *Client) MAC(purpose string, parts ...string) []byte {
	m := hmac.New(sha256.New, c.keys.mac(purpose))
	var n [4]byte
	for _, p := range parts {
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}
