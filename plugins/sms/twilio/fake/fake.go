// Package fake is Twilio's messaging as its documentation describes it, for
// tests and demonstrations: it takes messages and sends none.
//
// It checks credentials, sender, recipient, length and how many messages come
// in a second, answers with Twilio's codes, and signs status callbacks. What a
// test wants instead, it sets with [Twilio.Instead].
package fake

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // Twilio's scheme
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"siegel/plugins/sdk"
)

// Message is one that was taken.
type Message struct{ SID, From, ServiceSID, To, Body, StatusCallback string }

// Twilio is an [http.Handler].
type Twilio struct {
	// AccountSID and AuthToken are the only ones it knows.
	AccountSID, AuthToken string
	// PerSecond is how many messages it takes in a second; 0 is no limit.
	PerSecond int
	// OptedOut are numbers that want no messages.
	OptedOut []string
	// Now is the clock.
	Now func() time.Time

	mu       sync.Mutex
	balance  string
	messages []Message
	taken    []time.Time
	requests int
	instead  http.HandlerFunc
}

// New makes a fake with one account, which has so many dollars.
func New(sid, token, dollars string) *Twilio {
	return &Twilio{AccountSID: sid, AuthToken: token, Now: time.Now, balance: dollars}
}

// Instead answers all further requests with h; nil goes back to Twilio's ways.
func (t *Twilio) Instead(h http.HandlerFunc) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.instead = h
}

// Requests is how many were made so far.
func (t *Twilio) Requests() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests
}

// Messages are those that were taken.
func (t *Twilio) Messages() []Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Message(nil), t.messages...)
}

// Callback is the form that Twilio posts when a message's status changes.
func (t *Twilio) Callback(sid, status, errorCode string) url.Values {
	form := url.Values{
		"MessageSid": {sid}, "SmsSid": {sid}, "MessageStatus": {status}, "SmsStatus": {status},
		"To": {"+4915112345678"}, "From": {"Praxis"}, "AccountSid": {t.AccountSID}, "ApiVersion": {"2010-04-01"},
	}
	if errorCode != "" {
		form.Set("ErrorCode", errorCode)
	}
	return form
}

// Sign makes the headers of a form that Twilio posts to an address.
func (t *Twilio) Sign(address string, form url.Values) http.Header {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	mac := hmac.New(sha1.New, []byte(t.AuthToken))
	mac.Write([]byte(address))
	for _, name := range names {
		mac.Write([]byte(name + form.Get(name)))
	}
	return http.Header{
		"Content-Type":       {"application/x-www-form-urlencoded; charset=UTF-8"},
		"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
}

func (t *Twilio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	t.requests++
	instead := t.instead
	t.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	user, password, _ := r.BasicAuth()
	base := "/2010-04-01/Accounts/" + t.AccountSID
	switch {
	case user != t.AccountSID || password != t.AuthToken:
		refuse(w, http.StatusUnauthorized, 20003, "Authenticate")
	case r.URL.Path == base+"/Balance.json" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"account_sid": t.AccountSID, "balance": t.balance, "currency": "USD"})
	case r.URL.Path == base+"/Messages.json" && r.Method == http.MethodPost:
		t.post(w, r)
	default:
		refuse(w, http.StatusNotFound, 20404, "The requested resource "+r.URL.Path+" was not found")
	}
}

var (
	number = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	from   = regexp.MustCompile(`^([A-Za-z0-9 ]{2,11}|\+[1-9][0-9]{1,14})$`)
)

func (t *Twilio) post(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		refuse(w, http.StatusBadRequest, 20001, "Bad request")
		return
	}
	m := Message{
		SID: newSID(), From: r.PostForm.Get("From"), ServiceSID: r.PostForm.Get("MessagingServiceSid"),
		To: r.PostForm.Get("To"), Body: r.PostForm.Get("Body"), StatusCallback: r.PostForm.Get("StatusCallback"),
	}
	now := t.Now()
	recent := t.taken[:0]
	for _, at := range t.taken {
		if now.Sub(at) < time.Second {
			recent = append(recent, at)
		}
	}
	t.taken = recent
	callback, err := url.Parse(m.StatusCallback)
	switch {
	case t.PerSecond > 0 && len(t.taken) >= t.PerSecond:
		refuse(w, http.StatusTooManyRequests, 20429, "Too Many Requests")
		return
	case m.To == "":
		refuse(w, http.StatusBadRequest, 21604, "A 'To' phone number is required.")
		return
	case !number.MatchString(m.To):
		refuse(w, http.StatusBadRequest, 21211, "The 'To' number "+m.To+" is not a valid phone number.")
		return
	case m.From == "" && m.ServiceSID == "":
		refuse(w, http.StatusBadRequest, 21603, "A 'From' phone number is required.")
		return
	case m.From != "" && !from.MatchString(m.From):
		refuse(w, http.StatusBadRequest, 21212, "The 'From' number "+m.From+" is not a valid phone number.")
		return
	case m.Body == "":
		refuse(w, http.StatusBadRequest, 21602, "Message body is required.")
		return
	case utf8.RuneCountInString(m.Body) > 1600:
		refuse(w, http.StatusBadRequest, 21617, "The concatenated message body exceeds the 1600 character limit.")
		return
	case m.StatusCallback != "" && (err != nil || callback.Host == ""):
		refuse(w, http.StatusBadRequest, 21609, "The StatusCallback URL is not valid.")
		return
	}
	for _, number := range t.OptedOut {
		if number == m.To {
			refuse(w, http.StatusBadRequest, 21610, "Attempt to send to unsubscribed recipient "+m.To)
			return
		}
	}
	t.messages, t.taken = append(t.messages, m), append(t.taken, now)
	segments := strconv.Itoa(sdk.Parts(m.Body))
	if m.ServiceSID != "" {
		segments = "0"
	}
	answer(w, http.StatusCreated, map[string]any{
		"account_sid": t.AccountSID, "api_version": "2010-04-01", "body": m.Body, "direction": "outbound-api",
		"error_code": nil, "error_message": nil, "from": m.From, "messaging_service_sid": m.ServiceSID,
		"num_media": "0", "num_segments": segments, "price": nil, "price_unit": "USD", "sid": m.SID,
		"status": "queued", "to": m.To, "uri": "/2010-04-01/Accounts/" + t.AccountSID + "/Messages/" + m.SID + ".json",
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{
		"code": code, "message": message, "status": status,
		"more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
	})
}

func newSID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return "SM" + strings.ToLower(hex.EncodeToString(b))
}
