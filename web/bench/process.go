package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child that is asked to stop, and waited for.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	addr string
}

// start runs a program; what it says goes to a file.
func start(log string, stdout io.Writer, env []string, name string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = stdout, out, append(os.Environ(), env...)
	// Ctrl-C is for this program alone, which then stops its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.done) }()
	return p, nil
}

func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ready waits until a path of the process answers 200.
func (p *process) ready(ctx context.Context, path string) error {
	one := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		select {
		case <-p.done:
			return fmt.Errorf("%s has ended", p.cmd.Path)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		answer, err := one.Get("http://" + p.addr + path)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("%s was not ready in time", p.cmd.Path)
}

// memory is the resident set of a process in MiB.
func memory(pid int) (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of %d", pid)
}

// children are the direct children of a process.
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		content, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// commandLine returns the arguments that a process was started with.
func commandLine(pid int) ([]string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Split(strings.TrimRight(string(content), "\x00"), "\x00"), err
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// demo is what `siegel demo --json` says when it is ready.
type demo struct {
	*process
	Mailbox string         `json:"mailbox"`
	Servers map[string]int `json:"servers"`
}

func startDemo(ctx context.Context, binary, dir string) (*demo, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := start(filepath.Join(dir, "demo.log"), w, nil, binary,
		"demo", "--json", "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "demo"), "--fresh")
	w.Close()
	if err != nil {
		return nil, err
	}
	said := make(chan []byte, 1)
	go func() {
		line, _ := bufio.NewReader(r).ReadBytes('\n')
		said <- line
	}()
	d := &demo{process: p}
	select {
	case line := <-said:
		if err := json.Unmarshal(line, d); err != nil {
			p.stop()
			log, _ := os.ReadFile(filepath.Join(dir, "demo.log"))
			return nil, fmt.Errorf("siegel demo did not start: %s", log)
		}
		return d, nil
	case <-time.After(time.Minute):
		err = fmt.Errorf("siegel demo was not ready in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.stop()
	return nil, err
}
