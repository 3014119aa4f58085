package notify

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
	gomail "github.com/wneessen/go-mail"
)

// SigningKeys sign mails for their domains (DKIM, RFC 6376). The zero value
// signs nothing.
type SigningKeys map[string][]signingKey

type signingKey struct {
	selector string
	signer   crypto.Signer
}

// shortestRSA is in bits (RFC 8301).
const shortestRSA = 2048

// signed are the headers that no one on the way may change or add.
var signed = []string{"From", "From", "Reply-To", "To", "Subject", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}

// LoadSigningKeys reads a folder of private keys (PEM, RSA or Ed25519). Each is
// called as the name under which DNS has its public part:
// <selector>._domainkey.<domain>.pem. An empty dir is no keys.
func LoadSigningKeys(dir string) (SigningKeys, error) {
	keys := SigningKeys{}
	if dir == "" {
		return keys, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("notify: no keys to sign mails with in %s", dir)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pem")
		selector, domain, ok := strings.Cut(name, "._domainkey.")
		if !ok || selector == "" || domain == "" {
			return nil, fmt.Errorf("notify: %s is not called <selector>._domainkey.<domain>.pem", filepath.Base(file))
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("notify: %w", err)
		}
		signer, err := parseSigner(content)
		if err != nil {
			return nil, fmt.Errorf("notify: %s: %w", filepath.Base(file), err)
		}
		keys[strings.ToLower(domain)] = append(keys[strings.ToLower(domain)], signingKey{selector, signer})
	}
	return keys, nil
}

// parseSigner says nothing of what it was given.
func parseSigner(content []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("no private key in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return checkedSigner(key)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("no private key in PKCS #8")
	}
	return checkedSigner(key)
}

func checkedSigner(key any) (crypto.Signer, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a key that cannot sign")
	}
	if rsaKey, ok := key.(*rsa.PrivateKey); ok && rsaKey.N.BitLen() < shortestRSA {
		return nil, fmt.Errorf("an RSA key of fewer than %d bits", shortestRSA)
	}
	return signer, nil
}

// Covers says whether mails from an address would be signed.
func (k SigningKeys) Covers(address string) bool { return len(k[domainOf(address)]) > 0 }

// sign adds a signature for each key of the domain that the mail comes from.
// Nothing may be changed in msg afterwards.
func (k SigningKeys) sign(msg *gomail.Msg, from string) error {
	domain := domainOf(from)
	var all []string
	for _, key := range k[domain] {
		var raw bytes.Buffer
		if _, err := msg.WriteTo(&raw); err != nil {
			return fmt.Errorf("write a mail to be signed: %w", err)
		}
		signer, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: domain, Selector: key.selector, Signer: key.signer, HeaderKeys: signed,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return fmt.Errorf("sign a mail: %w", err)
		}
		_, errWrite := signer.Write(raw.Bytes())
		if err := errors.Join(errWrite, signer.Close()); err != nil {
			return fmt.Errorf("sign a mail: %w", err)
		}
		_, value, _ := strings.Cut(strings.TrimSuffix(signer.Signature(), "\r\n"), ": ")
		all = append(all, value)
	}
	if len(all) > 0 { // the library keeps one header of a name, and this one as it is
		msg.SetGenHeaderPreformatted("DKIM-Signature", strings.Join(all, "\r\nDKIM-Signature: "))
	}
	return nil
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
