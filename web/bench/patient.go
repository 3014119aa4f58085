package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"
)

// patient is one visitor on the way to an appointment.
type patient struct {
	visitor      int
	practice     *practice
	practitioner string
	starts       time.Time
	host         string
	token        string
	secret       string
}

// patient returns the next visitor, who wants the next slot that nobody has
// wanted yet. Neighbours differ in practice, then in practitioner.
func (f *field) patient(s *side) patient {
	n := *s.used
	*s.used++
	practice := f.practices[n%practiceCount]
	n /= practiceCount
	practitioner := practice.practitioners[n%practitionerCount]
	n /= practitionerCount
	return f.visitorFor(s, practice, practitioner, f.starts[n%len(f.starts)])
}

// patients are made ahead, so that making them is not measured.
func (f *field) patients(s *side, n int) []patient {
	all := make([]patient, n)
	for i := range all {
		all[i] = f.patient(s)
	}
	return all
}

func (f *field) visitorFor(s *side, p *practice, practitioner string, starts time.Time) patient {
	f.visitors++
	return patient{
		visitor: f.visitors, practice: p, practitioner: practitioner, starts: starts, host: p.slug + "." + s.base,
		token: b64(random(16)), secret: b64(random(16)),
	}
}

func secretHash(secret string) []byte {
	raw, _ := base64.RawURLEncoding.DecodeString(secret)
	sum := sha256.Sum256(raw)
	return sum[:]
}

func (p patient) call(path, key string, body []byte) call {
	return call{host: p.host, path: path, visitor: p.visitor, key: key + p.token, body: body}
}

func (p patient) holdCall() call {
	return p.call("/api/v1/holds", "hold", fmt.Appendf(nil,
		`{"token":"%s","service":"svc_%s","practitioner":"prc_%s","location":"loc_%s","starts":"%s"}`,
		p.token, p.practice.service, p.practitioner, p.practice.location, p.starts.UTC().Format(time.RFC3339)))
}

func (p patient) hold(c *client) error {
	_, err := c.expect(http.StatusCreated, p.holdCall())
	return err
}

// The sealed parts are noise of the right length: the server cannot tell.
var (
	noiseEnc, noiseCT = b64(random(1120)), b64(random(2048 + 16))
	noiseCopy         = b64(random(12 + 1024 + 16))
)

func (p patient) book(c *client, kid string) error {
	_, err := c.expect(http.StatusAccepted, p.call("/api/v1/bookings", "book", fmt.Appendf(nil,
		`{"token":"%s","envelope":{"v":1,"suite":2,"tenant":"%s","kid":"%s","envelope_id":"%s","enc":"%s","ct":"%s"},`+
			`"channel":"mail","address":"p%d@bench.example","secret":"%s","secret_hash":"%s","copy":"%s","language":"de"}`,
		p.token, p.practice.tenant, kid, newID(), noiseEnc, noiseCT, p.visitor, p.secret, b64(secretHash(p.secret)), noiseCopy)))
	return err
}

func (p patient) confirmCall(code string) call {
	return p.call("/api/v1/bookings/confirm", "conf", fmt.Appendf(nil, `{"secret":"%s","code":"%s"}`, p.secret, code))
}

func (p patient) confirm(c *client, code string) error {
	_, err := c.expect(http.StatusOK, p.confirmCall(code))
	return err
}

// codes waits until the message of every patient has arrived.
func (s *side) codes(patients []patient) ([]string, error) {
	all := make([]string, len(patients))
	deadline := time.Now().Add(2 * time.Minute)
	for i, p := range patients {
		for ok := false; !ok; {
			if all[i], ok = s.code(p.secret); ok {
				break
			}
			if time.Now().After(deadline) {
				return nil, fmt.Errorf("%d of %d mails did not arrive", len(patients)-i, len(patients))
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return all, nil
}
