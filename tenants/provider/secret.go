package provider

import (
	"crypto/rand"
	"encoding/json"
	"fmt"

	"siegel/plugins/sdk"
)

// open reads the secrets. It returns [ErrSecrets].
func (s *Service) open(p Provider) (map[string]any, error) {
	if len(p.sealed) == 0 {
		return nil, nil
	}
	if len(p.sealed) < s.seal.NonceSize() {
		return nil, ErrSecrets
	}
	plain, err := s.seal.Open(nil, p.sealed[:s.seal.NonceSize()], p.sealed[s.seal.NonceSize():], p.bound())
	if err != nil {
		return nil, ErrSecrets
	}
	var secrets map[string]any
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, ErrSecrets
	}
	return secrets, nil
}

// close encrypts the secrets for their row.
func (s *Service) close(p Provider, secrets map[string]any) ([]byte, error) {
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, fmt.Errorf("write secrets: %w", err)
	}
	out := make([]byte, s.seal.NonceSize(), s.seal.NonceSize()+len(plain)+s.seal.Overhead())
	if _, err := rand.Read(out); err != nil {
		return nil, fmt.Errorf("write secrets: %w", err)
	}
	return s.seal.Seal(out, out, plain, p.bound()), nil
}

// properties are what a schema says of each setting.
type properties map[string]struct {
	WriteOnly bool `json:"writeOnly"`
}

func propertiesOf(d sdk.Description) (properties, error) {
	var schema struct {
		Properties properties `json:"properties"`
	}
	if err := json.Unmarshal(d.Schema, &schema); err != nil {
		return nil, fmt.Errorf("schema of plugin %q: %w", d.Name, err)
	}
	return schema.Properties, nil
}

// split tells secrets from other settings. A secret that is not among them
// keeps its former value; null or an empty text takes it away, as with any
// other setting.
func (p properties) split(settings, former map[string]any) (open, secret map[string]any, err error) {
	open, secret = map[string]any{}, map[string]any{}
	for name, value := range former {
		if p[name].WriteOnly {
			secret[name] = value
		}
	}
	for name, value := range settings {
		about, known := p[name]
		if !known {
			return nil, nil, ErrSettings
		}
		into := open
		if about.WriteOnly {
			into = secret
		}
		if value == nil || value == "" {
			delete(into, name)
			continue
		}
		into[name] = value
	}
	return open, secret, nil
}
