package embedded

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"strings"
)

//go:embed mailbox.html
var mailboxHTML string

//go:embed mailbox.css
var mailboxCSS []byte

// mailboxHandler serves the page, the same as JSON, takes text messages, and
// lets tests have mail put off.
func mailboxHandler(b *box) http.Handler {
	page := template.Must(template.New("mailbox").Funcs(template.FuncMap{"pieces": pieces}).Parse(mailboxHTML))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		var html bytes.Buffer
		if err := page.Execute(&html, b.newest()); err != nil {
			http.Error(w, "the page could not be made", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = html.WriteTo(w)
	})
	mux.HandleFunc("GET /mailbox.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(mailboxCSS)
	})
	mux.HandleFunc("GET /messages.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string][]message{"messages": b.newest()})
	})
	mux.HandleFunc("DELETE /messages", func(w http.ResponseWriter, _ *http.Request) {
		b.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /greylist", func(w http.ResponseWriter, r *http.Request) {
		var wanted struct{ Tries int }
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" ||
			json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&wanted) != nil || wanted.Tries < 0 {
			http.Error(w, "tries is wanted, as JSON", http.StatusBadRequest)
			return
		}
		b.putOff(wanted.Tries)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /sms", func(w http.ResponseWriter, r *http.Request) {
		// A form on a foreign page can post, but not as JSON.
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			http.Error(w, "application/json is wanted", http.StatusUnsupportedMediaType)
			return
		}
		var sms struct {
			To, From, Text string
			MessageID      string `json:"message_id"`
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err == nil {
			err = json.Unmarshal(body, &sms)
		}
		if err != nil || sms.To == "" || sms.Text == "" {
			http.Error(w, "to and text are wanted", http.StatusBadRequest)
			return
		}
		b.add(message{Kind: "sms", To: sms.To, From: sms.From, Text: sms.Text, MessageID: sms.MessageID})
		w.WriteHeader(http.StatusAccepted)
	})
	return guard(mux)
}

// guard answers to loopback's names only, and to no script of another page.
func guard(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	checked := foreign.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "not here", http.StatusMisdirectedRequest)
			return
		}
		checked.ServeHTTP(w, r)
	})
}

// piece is a stretch of a text; a link where it has a URL.
type piece struct{ Text, URL string }

var link = regexp.MustCompile(`https?://[^\s<>"']+`)

// pieces finds the links in a text. Nothing but http and https is one.
func pieces(text string) []piece {
	var found []piece
	for {
		at := link.FindStringIndex(text)
		if at == nil {
			break
		}
		// The end of a sentence is not part of its link.
		url := strings.TrimRight(text[at[0]:at[1]], ".,;:!?)]}*_")
		if strings.HasSuffix(url, "://") || url == "http" || url == "https" {
			found = append(found, piece{Text: text[:at[1]]})
			text = text[at[1]:]
			continue
		}
		end := at[0] + len(url)
		if at[0] > 0 {
			found = append(found, piece{Text: text[:at[0]]})
		}
		found = append(found, piece{Text: url, URL: url})
		text = text[end:]
	}
	if text != "" {
		found = append(found, piece{Text: text})
	}
	return found
}
