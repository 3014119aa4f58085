package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Attach has write make the content of the answer, however long it is, in a file
// that nobody else can open and that goes with the answer. So memory does not
// grow with it, and what fails while it is made is told as any other failure,
// not by a file that breaks off.
func Attach(ctx context.Context, write func(io.Writer) error) (err error) {
	r, ok := ctx.Value(requestKey{}).(*Request)
	if !ok {
		return fmt.Errorf("attach: no request")
	}
	f, err := os.CreateTemp("", ".siegel-answer-*")
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	if err := os.Remove(f.Name()); err != nil { // it stays as long as it is open
		return fmt.Errorf("attach: %w", err)
	}
	if err := write(f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	r.attached, r.attachedSize = f, int(size)
	return nil
}

// sendAttached answers with what was attached, unless the request failed after.
func (r *Request) sendAttached(c *fiber.Ctx, err error) {
	if r.attached == nil {
		return
	}
	if err != nil || c.Response().StatusCode() != fiber.StatusOK {
		_ = r.attached.Close()
		return
	}
	c.Context().SetBodyStream(&paced{r.attached, c.Context().Conn()}, r.attachedSize)
}

// paced is a file on its way over a connection. The deadline counts for one part
// of it, not for all: a slow line gets a long file too.
type paced struct {
	*os.File
	conn net.Conn
}

// Read implements [io.Reader].
func (p *paced) Read(b []byte) (int, error) {
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return p.File.Read(b)
}

// WriteTo is not the file's, which would send all of it at once.
func (p *paced) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{p})
}
