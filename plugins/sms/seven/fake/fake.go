// Package fake is seven.io as its documentation describes it, for tests and
// demonstrations: it takes messages and sends none.
//
// It checks the key, sender, recipient, length and funds, refuses the same
// text to the same number for 180 seconds, answers errors with status 200, as
// an object or as the bare code, and signs webhooks. What a test wants
// instead, it sets with [Seven.Instead].
package fake

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // seven's scheme, see the plugin
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"siegel/plugins/sdk"
)

// Price is what a part costs, in millionths of a euro.
const Price = 75_000

// Message is one that was taken.
type Message struct{ ID, From, To, Text, ForeignID string }

// Seven is an [http.Handler].
type Seven struct {
	// Key is the only API key it knows, Secret the one it signs with.
	Key, Secret string
	// Plain makes it answer as older gateways do: errors and the balance bare.
	Plain bool
	// DailyLimit is how many messages a number gets; 0 is no limit.
	DailyLimit int
	// Now is the clock.
	Now func() time.Time

	mu       sync.Mutex
	micros   int64
	messages []Message
	taken    map[string]time.Time // by number and text
	byNumber map[string]int
	requests int
	instead  http.HandlerFunc
}

// New makes a fake with one key and an amount in euros.
func New(key, secret string, euros int64) *Seven {
	return &Seven{
		Key: key, Secret: secret, Now: time.Now, micros: euros * 1_000_000,
		taken: map[string]time.Time{}, byNumber: map[string]int{},
	}
}

// Instead answers all further requests with h; nil goes back to seven's ways.
func (s *Seven) Instead(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = h
}

// Requests is how many were made so far.
func (s *Seven) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Messages are those that were taken and not only tried.
func (s *Seven) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Micros is what is left, in millionths of a euro.
func (s *Seven) Micros() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.micros
}

// Webhook is the body that seven posts when a message's status changes.
func Webhook(id, status string) []byte {
	body, _ := json.Marshal(map[string]any{
		"webhook_event": "dlr", "webhook_timestamp": "2021-08-24T08:08:00+02:00",
		"data": map[string]any{"msg_id": id, "status": status, "timestamp": "2021-08-24 08:08:00.000000"},
	})
	return body
}

// Sign makes the headers of a request that seven sends.
func (s *Seven) Sign(method, url string, body []byte) http.Header {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	stamp, nonce := strconv.FormatInt(s.Now().Unix(), 10), hex.EncodeToString(raw)
	sum := md5.Sum(body) //nolint:gosec // as above
	mac := hmac.New(sha256.New, []byte(s.Secret))
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n%x", stamp, nonce, method, url, sum)
	return http.Header{
		"Content-Type": {"application/json"}, "X-Timestamp": {stamp}, "X-Nonce": {nonce},
		"X-Signature": {hex.EncodeToString(mac.Sum(nil))},
	}
}

func (s *Seven) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	instead := s.instead
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Header.Get("X-Api-Key") != s.Key:
		s.code(w, 900)
	case r.URL.Path == "/api/sms" && r.Method == http.MethodPost:
		s.post(w, r)
	case r.URL.Path == "/api/balance" && r.Method == http.MethodGet && s.Plain:
		fmt.Fprintf(w, "%.3f", float64(s.micros)/1e6)
	case r.URL.Path == "/api/balance" && r.Method == http.MethodGet:
		answer(w, map[string]any{"amount": float64(s.micros) / 1e6, "currency": "EUR"})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

var (
	number = regexp.MustCompile(`^(\+|00)?[1-9][0-9]{6,14}$`)
	from   = regexp.MustCompile(`^([A-Za-z0-9 ._-]{1,11}|\+?[0-9]{1,16})$`)
)

func (s *Seven) post(w http.ResponseWriter, r *http.Request) {
	var in struct {
		To, From, Text string
		ForeignID      string `json:"foreign_id"`
		JSON, Debug    int
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &in) != nil || r.Header.Get("Content-Type") != "application/json" {
		s.code(w, 700)
		return
	}
	parts := sdk.Parts(in.Text)
	key := in.To + "\n" + in.Text
	switch {
	case in.To == "":
		s.code(w, 301)
		return
	case in.Text == "":
		s.code(w, 305)
		return
	case utf8.RuneCountInString(in.Text) > 1520:
		s.code(w, 401)
		return
	case in.From != "" && !from.MatchString(in.From):
		s.code(w, 201)
		return
	case !number.MatchString(in.To):
		s.code(w, 202)
		return
	case s.Now().Sub(s.taken[key]) < 180*time.Second:
		s.code(w, 402)
		return
	case s.DailyLimit > 0 && s.byNumber[in.To] >= s.DailyLimit:
		s.code(w, 403)
		return
	case s.micros < int64(parts)*Price:
		s.code(w, 500)
		return
	}
	var id any
	price := 0.0
	if in.Debug == 0 {
		m := Message{ID: strconv.Itoa(77149000000 + len(s.messages)), From: in.From, To: in.To, Text: in.Text, ForeignID: in.ForeignID}
		s.messages = append(s.messages, m)
		s.taken[key], id = s.Now(), m.ID
		s.byNumber[in.To]++
		s.micros -= int64(parts) * Price
		price = float64(parts) * Price / 1e6
	}
	if in.JSON != 1 {
		_, _ = io.WriteString(w, "100")
		return
	}
	answer(w, map[string]any{
		"success": "100", "total_price": price, "balance": float64(s.micros) / 1e6,
		"debug": strconv.FormatBool(in.Debug == 1), "sms_type": "direct",
		"messages": []map[string]any{{
			"id": id, "sender": in.From, "recipient": strings.TrimPrefix(in.To, "+"), "text": in.Text,
			"encoding": "gsm", "label": nil, "parts": parts, "price": price, "success": true,
			"error": nil, "error_text": nil,
		}},
	})
}

// code answers with an error, which has status 200.
func (s *Seven) code(w http.ResponseWriter, code int) {
	if s.Plain {
		_, _ = fmt.Fprint(w, code)
		return
	}
	answer(w, map[string]any{"success": strconv.Itoa(code)})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
