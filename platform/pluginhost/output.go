package pluginhost

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"siegel/plugins/sdk"
)

const (
	maxHandshake      = 8 << 10
	maxLine           = 1 << 10
	maxLinesPerSecond = 20
)

// throttle lets the host rest for a millisecond with every sixteenth piece of
// output that it throws away: a plugin that floods waits on its own pipe
// instead of keeping the host busy.
type throttle struct{ pieces int }

func (t *throttle) piece() {
	if t.pieces++; t.pieces%16 == 0 {
		time.Sleep(time.Millisecond)
	}
}

// firstLine reads a plugin's stdout: the handshake, which is the first line,
// and then nothing more, though it keeps the pipe from filling up.
type firstLine struct {
	file *os.File
	read int
	done bool
}

func (l *firstLine) Read(p []byte) (int, error) {
	if l.done || l.read > maxHandshake {
		_, err := io.Copy(&discard{}, l.file)
		if err == nil {
			err = io.EOF
		}
		return 0, err
	}
	n, err := l.file.Read(p)
	l.read += n
	if end := bytes.IndexByte(p[:n], '\n'); end >= 0 {
		l.done = true
		n = end + 1
	}
	return n, err
}

func (l *firstLine) Close() error { return l.file.Close() }

type discard struct{ throttle }

func (d *discard) Write(p []byte) (int, error) {
	d.piece()
	return len(p), nil
}

// stderrLog turns what a plugin writes into log entries, one a line. Beyond
// maxLine a line is cut, beyond maxLinesPerSecond lines are only counted.
type stderrLog struct {
	log *slog.Logger

	mu      sync.Mutex
	line    []byte
	second  time.Time // start of the current second
	written int       // lines in it
	dropped int
	throttle
}

func (l *stderrLog) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(data)
	for len(data) > 0 {
		part, after, ended := bytes.Cut(data, []byte{'\n'})
		room := maxLine - len(l.line)
		if len(part) > room {
			part = part[:room]
			l.piece()
		}
		l.line = append(l.line, part...)
		if ended {
			l.emit()
			l.line = l.line[:0]
		}
		data = after
	}
	return n, nil
}

func (l *stderrLog) emit() {
	if len(bytes.TrimSpace(l.line)) == 0 {
		return
	}
	if now := time.Now(); now.Sub(l.second) >= time.Second {
		if l.dropped > 0 {
			l.log.Warn("plugin wrote too much to stderr", "dropped_lines", l.dropped)
		}
		l.second, l.written, l.dropped = now, 0, 0
	}
	if l.written == maxLinesPerSecond {
		l.dropped++
		l.piece()
		return
	}
	l.written++
	l.log.Info("plugin wrote to stderr", "line", sdk.Clean(string(l.line), maxLine))
}
