package server

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/platform/id"
)

const (
	pingEvery   = 15 * time.Second
	streamWrite = 10 * time.Second
)

// Changes tells when a tenant's counter has risen above a number.
type Changes interface {
	// Next waits until the counter is above after, or ctx ends.
	Next(ctx context.Context, tenant id.Tenant, after int64) (int64, error)
	// Counter is the number now.
	Counter(ctx context.Context, tenant id.Tenant) (int64, error)
}

// WatchChanges adds the stream that says "changed" and a number, nothing else
// (text/event-stream). The session is looked at again at every ping.
func (s *Server) WatchChanges(changes Changes) {
	s.Raw("watchChanges", fiber.MethodGet, "/api/v1/events", func(c *fiber.Ctx) error {
		r := From(c.UserContext())
		counter, err := changes.Counter(c.UserContext(), r.Tenant.ID)
		if err != nil {
			return refuse(c, err)
		}
		c.Set(fiber.HeaderContentType, "text/event-stream")
		c.Set(fiber.HeaderCacheControl, "no-store")
		c.Set("X-Accel-Buffering", "no")
		conn := c.Context().Conn()
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go func() {
				select {
				case <-s.stop:
					cancel()
				case <-ctx.Done():
				}
			}()
			say := func(format string, args ...any) bool {
				// The deadline counts for one write, not for the stream.
				if conn.SetWriteDeadline(time.Now().Add(streamWrite)) != nil {
					return false
				}
				_, _ = fmt.Fprintf(w, format, args...)
				return w.Flush() == nil
			}
			if !say("retry: 2000\nevent: changed\ndata: %d\n\n", counter) {
				return
			}
			for ctx.Err() == nil {
				wait, done := context.WithTimeout(ctx, s.pingEvery)
				next, err := changes.Next(wait, r.Tenant.ID, counter)
				done()
				if err == nil {
					counter = next
					if !say("event: changed\ndata: %d\n\n", counter) {
						return
					}
					continue
				}
				if ctx.Err() != nil || !s.stillSignedIn(ctx, r) || !say(": ping\n\n") {
					return
				}
			}
		})
		return nil
	})
}

// stillSignedIn looks at a stream's session again, without counting as use.
func (s *Server) stillSignedIn(ctx context.Context, r Request) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if !r.Token.ID.IsZero() {
		token, err := s.Tokens.Find(ctx, r.Tenant.ID, r.bearer)
		r.Token = token
		return err == nil && s.mayToken(r, "watchChanges")
	}
	_, role, err := s.signedIn(ctx, &r, s.Identity.Peek)
	return err == nil && s.Policy.Can(access.Role(role), access.Tenant, "watchChanges")
}
