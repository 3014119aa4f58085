package main

import (
	"bufio"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
)

// sink takes all mail and remembers the code of each confirmation link by the
// secret that stands beside it, and when the mail arrived that says "booked".
type sink struct {
	ln     net.Listener
	codes  sync.Map // secret -> code
	booked sync.Map // secret -> time.Time
}

func newSink() (*sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{ln: ln}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s, nil
}

func (s *sink) url() string { return "smtp://" + s.ln.Addr().String() }

func (s *sink) close() { _ = s.ln.Close() }

// serve speaks as much SMTP (RFC 5321) as a sender needs that is not refused.
func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(line string) bool { _, err := fmt.Fprintf(conn, "%s\r\n", line); return err == nil }
	say("220 sink")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.ToUpper(strings.TrimSpace(line + "    ")[:4]) {
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			s.note(text.String())
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

var link = regexp.MustCompile(`/confirm#([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})`)

var manage = regexp.MustCompile(`/booking#([A-Za-z0-9_-]{22})`)

func (s *sink) note(mail string) {
	// What follows the text, such as a calendar, is in another encoding: as far as it goes.
	text, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(mail)))
	if found := link.FindSubmatch(text); found != nil {
		s.codes.Store(string(found[1]), string(found[2]))
	}
	if found := manage.FindSubmatch(text); found != nil {
		s.booked.Store(string(found[1]), time.Now())
	}
}

// take returns the code that came with a secret, once.
func (s *sink) take(secret string) (string, bool) {
	code, ok := s.codes.LoadAndDelete(secret)
	if !ok {
		return "", false
	}
	return code.(string), true
}
