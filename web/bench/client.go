package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// client is one connection that speaks just enough HTTP/1.1 to cost little
// beside what it measures.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	out  []byte
	body []byte
	// refused counts the answers that a store was not there in time.
	refused *atomic.Int64
}

func dial(addr string, refused *atomic.Int64) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), refused: refused}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// call is one request. Visitor tells people apart: each has a network and a
// browser of its own.
type call struct {
	host, path string
	visitor    int
	key        string // Idempotency-Key
	// cacheControl is sent where it is not empty.
	cacheControl string
	body         []byte // nil is a GET
}

// do sends a request and returns status and body, which is good until the next.
func (c *client) do(q call) (int, []byte, error) {
	method := "GET "
	if q.body != nil {
		method = "POST "
	}
	b := append(c.out[:0], method...)
	b = append(b, q.path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, q.host...)
	// A /24 each, outside of what the server takes for proxies.
	n := q.visitor
	b = fmt.Appendf(b, "\r\nX-Forwarded-For: %d.%d.%d.9\r\nCookie: siegel-visit=%022d\r\n", 128+n>>16&63, n>>8&255, n&255, n)
	if q.key != "" {
		b = append(b, "Idempotency-Key: "...)
		b = append(b, q.key...)
		b = append(b, "\r\n"...)
	}
	if q.cacheControl != "" {
		b = append(b, "Cache-Control: "...)
		b = append(b, q.cacheControl...)
		b = append(b, "\r\n"...)
	}
	if q.body != nil {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(q.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	b = append(b, q.body...)
	c.out = b
	if err := c.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(b); err != nil {
		return 0, nil, err
	}
	return c.read()
}

func (c *client) read() (status int, body []byte, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if len(line) < 12 {
				return 0, nil, errors.New("malformed status line")
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, nil, err
			}
			continue
		}
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
	if length < 0 {
		return 0, nil, errors.New("an answer without a length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.r, c.body)
	return status, c.body, err
}

// patiently is do for clients who obey "come back later", a few times. It is
// counted: on a machine with other work to do the product's timeouts strike.
func (c *client) patiently(q call) (int, []byte, error) {
	status, body, err := c.do(q)
	for tries := 0; err == nil && status == http.StatusServiceUnavailable && tries < 5; tries++ {
		c.refused.Add(1)
		time.Sleep(time.Second)
		status, body, err = c.do(q)
	}
	return status, body, err
}

// expect is patiently for a request that has only one right answer.
func (c *client) expect(want int, q call) ([]byte, error) {
	status, body, err := c.patiently(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.path, err)
	}
	if status != want {
		return nil, fmt.Errorf("%s: %d %s", q.path, status, body)
	}
	return body, nil
}
