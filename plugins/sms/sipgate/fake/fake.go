// Package fake is sipgate's REST API v2 for short messages as its example
// describes it, for tests and demonstrations: it takes messages and sends none.
// What a test wants instead, it sets with [Sipgate.Instead].
package fake

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"sync"
)

// Message is one that was taken.
type Message struct{ SMSID, Recipient, Message string }

// Sipgate is an [http.Handler].
type Sipgate struct {
	tokenID, token string

	mu       sync.Mutex
	left     int // messages that the account pays for
	messages []Message
	instead  http.HandlerFunc
}

// New makes a fake with one token, whose account pays for some messages.
func New(tokenID, token string, left int) *Sipgate {
	return &Sipgate{tokenID: tokenID, token: token, left: left}
}

// Instead answers all further requests with h; nil goes back to sipgate's ways.
func (s *Sipgate) Instead(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = h
}

// Messages are those that were taken.
func (s *Sipgate) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

var number = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func (s *Sipgate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	instead := s.instead
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	var in Message
	switch {
	case r.URL.Path != "/v2/sessions/sms":
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case user != s.tokenID || password != s.token:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Header.Get("Content-Type") != "application/json":
		w.WriteHeader(http.StatusUnsupportedMediaType)
	case json.NewDecoder(r.Body).Decode(&in) != nil || !number.MatchString(in.Recipient) || in.Message == "":
		w.WriteHeader(http.StatusBadRequest)
	case in.SMSID == "":
		w.WriteHeader(http.StatusInternalServerError)
	case in.SMSID != "s0":
		w.WriteHeader(http.StatusForbidden)
	case s.left <= 0:
		w.WriteHeader(http.StatusPaymentRequired)
	default:
		s.left--
		s.messages = append(s.messages, in)
		w.WriteHeader(http.StatusNoContent)
	}
}
