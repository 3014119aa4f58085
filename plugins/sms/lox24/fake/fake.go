// Package fake is LOX24 as its documentation describes it, for tests and
// demonstrations: it takes messages and sends none.
//
// It checks tokens (and blocks whoever shows wrong ones), fields, lengths and
// funds, answers in LOX24's form, keeps the text only where it was not asked to
// delete it, and makes the webhooks. What a test wants instead, it sets with
// [LOX24.Instead].
package fake

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"siegel/plugins/sdk"
)

// Price is what a part costs, in millionths of a euro.
const Price = 75_000

// Message is one that was taken.
type Message struct {
	UUID, Sender, Phone, ServiceCode, CallbackData string
	// Text is what arrived; Kept is what LOX24 has of it after sending.
	Text, Kept string
	Status     int
	Delivery   int
}

// LOX24 is an [http.Handler]. The zero value knows no token.
type LOX24 struct {
	// Token is the only one it knows, as "1234567:abcdef".
	Token string
	// Now is the clock; default time.Now.
	Now func() time.Time

	mu           sync.Mutex
	micros       int64
	messages     []*Message
	requests     int
	wrong        []time.Time // tokens that were not known
	blockedUntil time.Time
	instead      http.HandlerFunc
}

// New makes a fake with one token and an amount in euros.
func New(token string, euros int64) *LOX24 {
	return &LOX24{Token: token, Now: time.Now, micros: euros * 1_000_000}
}

// Instead answers all further requests with h; nil goes back to LOX24's ways.
func (l *LOX24) Instead(h http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instead = h
}

// Requests is how many were made so far.
func (l *LOX24) Requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

// Messages are those that were taken and not only tried.
func (l *LOX24) Messages() []Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Message
	for _, m := range l.messages {
		all = append(all, *m)
	}
	return all
}

// Micros is what is left, in millionths of a euro.
func (l *LOX24) Micros() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.micros
}

// Update sets a message's status_code and dlr_code.
func (l *LOX24) Update(uuid string, status, delivery int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.find(uuid); m != nil {
		m.Status, m.Delivery = status, delivery
	}
}

// Webhook is the body that LOX24 posts after a change. It has no signature.
func (l *LOX24) Webhook(uuid string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.find(uuid)
	if m == nil {
		m = &Message{UUID: uuid}
	}
	return Event("sms.delivery", map[string]any{
		"id": m.UUID, "key_id": 8207, "dlr_code": m.Delivery, "status_code": m.Status, "callback_data": m.CallbackData,
	})
}

// Event is a webhook's body around any data.
func Event(name string, data any) []byte {
	body, _ := json.Marshal(map[string]any{
		"id": newUUID(), "api_version": "2022-05-25", "name": name, "created_at": 1653378603,
		"attempt_total": 4, "attempt_number": 1, "data": data, "notification_task_id": newUUID(),
	})
	return body
}

func (l *LOX24) find(uuid string) *Message {
	for _, m := range l.messages {
		if m.UUID == uuid {
			return m
		}
	}
	return nil
}

func (l *LOX24) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.requests++
	instead := l.instead
	l.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Header().Set("X-LOX24-REQUEST-ID", strings.Repeat("a1B2", 8))
	if status := l.admit(r); status != 0 {
		problem(w, status, "")
		return
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/sms"); {
	case r.URL.Path == "/me" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{
			"@id": "/me", "@type": "client", "id": 4711, "currency": "EUR", "balance_changed_at": 1708192910,
			"is_text_deleted": false, "balance_amount": json.Number(fmt.Sprintf("%.6f", float64(l.micros)/1e6)),
			"services": []string{"direct", "pro", "economy"}, "groups": map[string]string{},
		})
	case r.Method == http.MethodPost && (path == "" || path == "/dryrun"):
		l.post(w, r, path == "/dryrun")
	case strings.HasPrefix(path, "/") && l.find(path[1:]) == nil:
		problem(w, http.StatusNotFound, "")
	case r.Method == http.MethodGet && strings.HasPrefix(path, "/"):
		answer(w, http.StatusOK, l.find(path[1:]).json())
	case r.Method == http.MethodDelete && strings.HasPrefix(path, "/"):
		w.WriteHeader(http.StatusNoContent)
	default:
		problem(w, http.StatusMethodNotAllowed, "")
	}
}

// admit returns the status with which a request is turned away, or 0. More
// than three wrong tokens in a minute block the address for ten.
func (l *LOX24) admit(r *http.Request) int {
	now := l.Now()
	if now.Before(l.blockedUntil) {
		return http.StatusTooManyRequests
	}
	if given := r.Header.Get("X-LOX24-AUTH-TOKEN"); given != "" && given == l.Token {
		return 0
	}
	recent := l.wrong[:0]
	for _, at := range l.wrong {
		if now.Sub(at) < time.Minute {
			recent = append(recent, at)
		}
	}
	l.wrong = append(recent, now)
	if len(l.wrong) > 3 {
		l.blockedUntil = now.Add(10 * time.Minute)
		return http.StatusTooManyRequests
	}
	return http.StatusUnauthorized
}

var (
	phone  = regexp.MustCompile(`^\+[1-9]\d{1,14}$`)
	sender = regexp.MustCompile(`^(\+?[1-9]\d{0,14}|[a-zA-Z0-9 ]{1,11})$`)
)

func (l *LOX24) post(w http.ResponseWriter, r *http.Request, dry bool) {
	var in struct {
		SenderID      string `json:"sender_id"`
		Phone         string `json:"phone"`
		Text          string `json:"text"`
		ServiceCode   string `json:"service_code"`
		CallbackData  string `json:"callback_data"`
		IsTextDeleted bool   `json:"is_text_deleted"`
		IsDeleteText  bool   `json:"is_delete_text"`
		IsUnicode     *bool  `json:"is_unicode"`
		DeliveryAt    int64  `json:"delivery_at"`
		Source        *int   `json:"source"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &in) != nil || r.Header.Get("Content-Type") != "application/json" {
		problem(w, http.StatusBadRequest, "")
		return
	}
	parts := sdk.Parts(in.Text)
	switch {
	case !phone.MatchString(in.Phone):
		problem(w, http.StatusUnprocessableEntity, "phone")
		return
	case !sender.MatchString(in.SenderID):
		problem(w, http.StatusUnprocessableEntity, "sender_id")
		return
	case in.Text == "" || parts > 10:
		problem(w, http.StatusUnprocessableEntity, "text")
		return
	case in.ServiceCode != "direct" && in.ServiceCode != "pro" && in.ServiceCode != "economy":
		problem(w, http.StatusUnprocessableEntity, "service_code")
		return
	case l.micros < int64(parts)*Price:
		problem(w, http.StatusPaymentRequired, "")
		return
	}
	m := &Message{
		UUID: newUUID(), Sender: in.SenderID, Phone: in.Phone, ServiceCode: in.ServiceCode,
		CallbackData: in.CallbackData, Text: in.Text, Kept: in.Text, Status: 100,
	}
	if in.IsTextDeleted || in.IsDeleteText {
		m.Kept = ""
	}
	if !dry {
		l.micros -= int64(parts) * Price
		l.messages = append(l.messages, m)
	}
	answer(w, http.StatusCreated, m.json())
}

func (m *Message) json() map[string]any {
	return map[string]any{
		"@id": "/sms/" + m.UUID, "@type": "sms", "uuid": m.UUID, "text": m.Kept, "sender_id": m.Sender,
		"phone": m.Phone, "delivery_at": 0, "status_code": m.Status, "gateway_sent_at": 1708192910, "source": 0,
		"dlr_code": m.Delivery, "ip": "127.0.0.1", "created_at": 1708192910, "is_unicode": false, "iso2": "DE",
		"voice_lang": nil, "parts_count": sdk.Parts(m.Text), "chars_count": len([]rune(m.Text)),
		"callback_data": m.CallbackData, "bulk_id": nil, "key_id": 8207, "service_code": m.ServiceCode,
		"is_text_deleted": m.Kept == "", "price": float64(sdk.Parts(m.Text)) * Price / 1e6, "is_sent": true,
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// problem answers as LOX24 does, about a field where one is named.
func problem(w http.ResponseWriter, status int, field string) {
	body := map[string]any{
		"type": "https://tools.ietf.org/html/rfc2616#section-10", "title": "An error occurred",
		"detail": http.StatusText(status),
	}
	if field != "" {
		body["detail"] = field + ": This value is not valid."
		body["violations"] = []map[string]any{{
			"propertyPath": field, "message": "This value is not valid.", "code": newUUID(),
		}}
	}
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
