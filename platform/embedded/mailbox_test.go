package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail"

	"siegel/platform/embedded"
)

type arrived struct {
	ID          int64     `json:"id"`
	Kind        string    `json:"kind"`
	To          string    `json:"to"`
	From        string    `json:"from"`
	Subject     string    `json:"subject"`
	Text        string    `json:"text"`
	Received    time.Time `json:"received"`
	Attachments []string  `json:"attachments"`
	MessageID   string    `json:"message_id"`
}

type mailbox struct{ SMTP, HTTP string }

// runMailbox runs one in this process.
func runMailbox(t *testing.T) mailbox {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- embedded.RunMailbox(ctx, embedded.MailboxConfig{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Ready: in})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the mailbox ended: %v", err)
		}
	})
	var m mailbox
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &m) != nil || m.SMTP == "" {
		t.Fatalf("ready: %s %v", line, err)
	}
	return m
}

func (m mailbox) do(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, m.HTTP+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (m mailbox) messages(t *testing.T) []arrived {
	t.Helper()
	_, text := m.do(t, "GET", "/messages.json", "")
	var found struct{ Messages []arrived }
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if found.Messages == nil {
		t.Errorf("no list: %s", text)
	}
	return found.Messages
}

// raw speaks SMTP by hand, for mails that no client would make.
func (m mailbox) raw(t *testing.T, mail string) {
	t.Helper()
	conn, err := net.Dial("tcp", m.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, step := range []struct{ say, want string }{
		{"", "220"}, {"HELO x\r\n", "250"}, {"MAIL FROM:<a@example.org>\r\n", "250"}, {"RCPT TO:<b@example.org>\r\n", "250"},
		{"DATA\r\n", "354"}, {mail + "\r\n.\r\n", "250"}, {"QUIT\r\n", "221"},
	} {
		if _, err := io.WriteString(conn, step.say); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, step.want) {
			t.Fatalf("to %q: %q %v", step.say, line, err)
		}
	}
}

func TestMailboxTakesRealMail(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	host, port, _ := strings.Cut(m.SMTP, ":")
	number, _ := strconv.Atoi(port)
	client, err := mail.NewClient(host, mail.WithPort(number), mail.WithTLSPolicy(mail.NoTLS))
	if err != nil {
		t.Fatal(err)
	}
	text := "Guten Tag Frau Äußerst,\n\nbitte bestätigen Sie:\nhttp://praxis.localhost:8080/confirm#abc.def\n\n" + strings.Repeat("Größe ", 40)
	for _, encoding := range []mail.Encoding{mail.EncodingQP, mail.EncodingB64} {
		for name, build := range map[string]func(*mail.Msg){
			"plain":       func(*mail.Msg) {},
			"alternative": func(x *mail.Msg) { x.AddAlternativeString(mail.TypeTextHTML, "<p>not this</p>") },
			"attached": func(x *mail.Msg) {
				x.AddAlternativeString(mail.TypeTextHTML, "<p>not this</p>")
				if err := x.AttachReader("Termin Müller.ics", strings.NewReader("BEGIN:VCALENDAR")); err != nil {
					t.Fatal(err)
				}
			},
		} {
			x := mail.NewMsg(mail.WithEncoding(encoding))
			if err := x.FromFormat("Praxis Dr. Öztürk", "praxis@example.org"); err != nil {
				t.Fatal(err)
			}
			if err := x.To("erika@example.org"); err != nil {
				t.Fatal(err)
			}
			x.Subject("Bestätigen Sie Ihren Termin: " + name)
			x.SetBodyString(mail.TypeTextPlain, text)
			build(x)
			if err := client.DialAndSendWithContext(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			got := m.messages(t)[0]
			if got.Kind != "mail" || got.To != "erika@example.org" || got.Subject != "Bestätigen Sie Ihren Termin: "+name ||
				!strings.Contains(got.From, "Praxis Dr. Öztürk") || !strings.Contains(got.From, "praxis@example.org") {
				t.Errorf("%s %s: %+v", encoding, name, got)
			}
			if strings.TrimSpace(got.Text) != strings.TrimSpace(text) {
				t.Errorf("%s %s: text %q", encoding, name, got.Text)
			}
			if name == "attached" && (len(got.Attachments) != 1 || got.Attachments[0] != "Termin Müller.ics") {
				t.Errorf("%s: attachments %q", encoding, got.Attachments)
			}
			if since := time.Since(got.Received); since < -time.Second || since > time.Minute {
				t.Errorf("received %s ago", since)
			}
		}
	}
	if n := len(m.messages(t)); n != 6 {
		t.Errorf("%d messages, want 6", n)
	}
}

func TestMailboxShowsBrokenMailAsItIs(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	for name, tc := range map[string]struct{ mail, text string }{
		"NoHeader":       {"just words", "just words"},
		"NoType":         {"Subject: x\r\n\r\nhello", "hello"},
		"Latin1":         {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe", "Grüße"},
		"NoEnd":          {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello", "hello"},
		"NoBoundary":     {"Content-Type: multipart/mixed\r\n\r\nhello", "(no text)"},
		"OnlyHTML":       {"Content-Type: text/html\r\n\r\n<p>x", "(no text)"},
		"NotUTF8":        {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n/w==", "\uFFFD"},
		"BadBase64":      {"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=***", "hello"},
		"NestedForever":  {nested(200), "(no text)"},
		"TextAttachment": {"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx", "(no text)"},
	} {
		m.raw(t, tc.mail)
		if got := m.messages(t)[0]; strings.TrimSpace(got.Text) != tc.text || got.To != "b@example.org" {
			t.Errorf("%s: %+v, want text %q", name, got, tc.text)
		}
	}
}

func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "Content-Type: text/plain\r\n\r\ndeep"
}

func TestMailboxTakesTextMessages(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	body := `{"to":"+4915112345678","from":"Praxis","text":"Ihr Code: 123456","message_id":"msg-1"}`
	for range 2 {
		if code, text := m.do(t, "POST", "/sms", body, "Content-Type", "application/json"); code != 202 {
			t.Fatalf("%d %s", code, text)
		}
	}
	got := m.messages(t)
	if len(got) != 2 || got[0].ID <= got[1].ID {
		t.Fatalf("%+v, want both, the newest first", got)
	}
	if x := got[0]; x.Kind != "sms" || x.To != "+4915112345678" || x.From != "Praxis" || x.Text != "Ihr Code: 123456" || x.MessageID != "msg-1" {
		t.Errorf("%+v", x)
	}
	for name, tc := range map[string]struct {
		body, kind string
		code       int
	}{
		"Form":    {"to=1&text=2", "application/x-www-form-urlencoded", 415},
		"Plain":   {body, "text/plain", 415},
		"NoText":  {`{"to":"1"}`, "application/json", 400},
		"NoJSON":  {`{`, "application/json", 400},
		"TooLong": {`{"to":"1","text":"` + strings.Repeat("x", 70<<10) + `"}`, "application/json", 400},
	} {
		if code, _ := m.do(t, "POST", "/sms", tc.body, "Content-Type", tc.kind); code != tc.code {
			t.Errorf("%s: %d, want %d", name, code, tc.code)
		}
	}
	if code, _ := m.do(t, "DELETE", "/messages", ""); code != 204 {
		t.Errorf("delete: %d", code)
	}
	if n := len(m.messages(t)); n != 0 {
		t.Errorf("%d messages after all were deleted", n)
	}
}

func TestMailboxRemembersTheLast500(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	for i := range 510 {
		m.do(t, "POST", "/sms", fmt.Sprintf(`{"to":"1","text":"no %d"}`, i), "Content-Type", "application/json")
	}
	got := m.messages(t)
	if len(got) != 500 || got[0].Text != "no 509" || got[499].Text != "no 10" {
		t.Errorf("%d messages from %q to %q", len(got), got[0].Text, got[len(got)-1].Text)
	}
}

func TestMailboxPage(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	if _, html := m.do(t, "GET", "/", ""); !strings.Contains(html, "Nothing has arrived yet") || !strings.Contains(html, `http-equiv="refresh" content="3"`) {
		t.Errorf("empty: %s", html)
	}
	text := `Link (https://praxis.example/confirm#a-b_c.d-e_f). <script>alert(1)</script> javascript:alert(2) "http://x.example/?a=1&b=2" ftp://no https://`
	sms, err := json.Marshal(map[string]string{"to": "<b>1</b>", "text": text})
	if err != nil {
		t.Fatal(err)
	}
	m.do(t, "POST", "/sms", string(sms), "Content-Type", "application/json")
	m.raw(t, "Subject: <img src=x onerror=alert(1)>\r\nContent-Disposition: attachment; filename=\"<i>.ics\"\r\n\r\nx")
	_, html := m.do(t, "GET", "/", "")
	for _, want := range []string{
		`<a href="https://praxis.example/confirm#a-b_c.d-e_f" target="_blank" rel="noreferrer noopener">https://praxis.example/confirm#a-b_c.d-e_f</a>). &lt;script&gt;`,
		`<a href="http://x.example/?a=1&amp;b=2"`, `&lt;b&gt;1&lt;/b&gt;`, `&lt;img src=x`, `&lt;i&gt;.ics`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in %s", want, html)
		}
	}
	for _, bad := range []string{"<script", "<img", "<i>", "<b>", `href="javascript`, `href="ftp`, `href="https://"`} {
		if strings.Contains(html, bad) {
			t.Errorf("%s in %s", bad, html)
		}
	}
	if strings.Index(html, "&lt;img") > strings.Index(html, "&lt;b&gt;1") {
		t.Error("the newest is not first")
	}
	if code, css := m.do(t, "GET", "/mailbox.css", ""); code != 200 || !strings.Contains(css, "prefers-color-scheme: dark") {
		t.Errorf("style: %d", code)
	}
}

func TestMailboxIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(m.HTTP, "http://"))
	for host, want := range map[string]int{
		"localhost:" + port: 200, "127.0.0.1:" + port: 200, "[::1]:" + port: 200,
		"evil.example": 421, "evil.example:" + port: 421, "localhost.evil.example": 421, "10.0.0.1": 421, "": 200,
	} {
		header := []string{"Host", host}
		if host == "" {
			header = nil
		}
		if code, _ := m.do(t, "GET", "/messages.json", "", header...); code != want {
			t.Errorf("host %q: %d, want %d", host, code, want)
		}
	}
	if code, _ := m.do(t, "DELETE", "/messages", "", "Sec-Fetch-Site", "cross-site"); code != 403 {
		t.Errorf("another site deletes: %d", code)
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		if err := embedded.RunMailbox(t.Context(), embedded.MailboxConfig{SMTPAddr: addr, HTTPAddr: "127.0.0.1:0"}); err == nil {
			t.Errorf("it listens for mail on %s", addr)
		}
		if err := embedded.RunMailbox(t.Context(), embedded.MailboxConfig{SMTPAddr: "127.0.0.1:0", HTTPAddr: addr}); err == nil {
			t.Errorf("it shows its page on %s", addr)
		}
	}
}

func TestMailboxIsAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	box, err := embedded.StartMailbox(t.Context(), os.Args[0], "play-mailbox", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Stop() })
	m := mailbox{SMTP: box.SMTP(), HTTP: box.HTTP()}
	m.raw(t, "Subject: hello\r\n\r\nx")
	if got := m.messages(t); len(got) != 1 || got[0].Subject != "hello" {
		t.Errorf("%+v", got)
	}
	// A second one finds the port taken, and says so.
	taken := strings.TrimPrefix(m.HTTP, "http://")
	if _, err := embedded.StartMailbox(t.Context(), os.Args[0], "play-mailbox", taken); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("second: %v", err)
	}
	if err := box.Stop(); err != nil {
		t.Fatal(err)
	}
	gone(t, box.PID())
}

func TestMailIsPutOffAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	m := runMailbox(t)
	send := func(to string) error {
		c, err := smtp.Dial(m.SMTP)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Mail("praxis@example.org"); err != nil {
			t.Fatal(err)
		}
		if err := c.Rcpt(to); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, "Subject: x\r\n\r\nx\r\n")
		return w.Close()
	}
	if status, said := m.do(t, "POST", "/greylist", `{"tries":2}`, "Content-Type", "application/json"); status != http.StatusNoContent {
		t.Fatal(status, said)
	}
	for _, to := range []string{"one@example.org", "two@example.org"} {
		for try := range 3 {
			err := send(to)
			var said *textproto.Error
			if put := errors.As(err, &said) && said.Code == 451; put != (try < 2) {
				t.Errorf("%s, try %d: %v", to, try+1, err)
			}
		}
	}
	if status, _ := m.do(t, "POST", "/greylist", `{"tries":0}`, "Content-Type", "application/json"); status != http.StatusNoContent {
		t.Fatal(status)
	}
	if err := send("three@example.org"); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{"Negative": `{"tries":-1}`, "Garbage": "x"} {
		if status, _ := m.do(t, "POST", "/greylist", body, "Content-Type", "application/json"); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := m.do(t, "POST", "/greylist", `{"tries":1}`); status != http.StatusBadRequest {
		t.Errorf("from a form: %d", status)
	}
}
