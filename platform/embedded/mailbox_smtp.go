package embedded

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/emersion/go-smtp"
)

// smtpBackend takes mail for anyone from anyone.
type smtpBackend struct{ box *box }

func (b smtpBackend) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &smtpSession{box: b.box}, nil
}

type smtpSession struct {
	box  *box
	from string
	to   []string
}

func (s *smtpSession) Reset()        { s.from, s.to = "", nil }
func (s *smtpSession) Logout() error { return nil }

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.box.takes(to) {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, try again later"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *smtpSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := readMail(raw)
	m.Kind = "mail"
	// Where it went is what the envelope said; the header is for reading.
	m.To = valid(strings.Join(s.to, ", "))
	if m.From == "" {
		m.From = valid(s.from)
	}
	s.box.add(m)
	return nil
}

// readMail reads what people see of a mail. One that is broken shows as it is,
// which says more than a refusal.
func readMail(raw []byte) message {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return message{Text: valid(string(raw))}
	}
	m := message{
		From:    decodeWords(parsed.Header.Get("From")),
		Subject: decodeWords(parsed.Header.Get("Subject")),
	}
	var found bool
	readPart(&m, &found, textproto.MIMEHeader(parsed.Header), parsed.Body, 0)
	if !found {
		m.Text = "(no text)"
	}
	return m
}

// maxDepth bounds multiparts within multiparts.
const maxDepth = 8

// readPart takes the first plain text and the names of all files.
func readPart(m *message, found *bool, header textproto.MIMEHeader, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", nil // RFC 2045, 5.2
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" && depth < maxDepth {
		// Raw parts: what is encoded is decoded below, in one place.
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			part, err := parts.NextRawPart()
			if err != nil {
				return // the end, or a broken mail: what was read counts
			}
			readPart(m, found, part.Header, part, depth+1)
		}
	}
	disposition, about, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil {
		disposition, about = "", nil
	}
	name := about["filename"]
	if name == "" {
		name = params["name"]
	}
	switch {
	case disposition == "attachment" || name != "":
		if name == "" {
			name = kind
		}
		m.Attachments = append(m.Attachments, decodeWords(name))
	case kind == "text/plain" && !*found:
		text, err := io.ReadAll(decoded(header.Get("Content-Transfer-Encoding"), body))
		if err == nil || len(text) > 0 {
			*found = true
			m.Text = strings.TrimRight(strings.ReplaceAll(charset(params["charset"], text), "\r\n", "\n"), "\n")
		}
	}
}

func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	}
	return body
}

// charset reads Latin-1 as such and everything else as UTF-8.
func charset(name string, text []byte) string {
	if strings.EqualFold(name, "iso-8859-1") {
		runes := make([]rune, len(text))
		for i, b := range text {
			runes[i] = rune(b)
		}
		return string(runes)
	}
	return valid(string(text))
}

// decodeWords reads the encoded words of a header (RFC 2047).
func decodeWords(s string) string {
	if plain, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		s = plain
	}
	return valid(s)
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
