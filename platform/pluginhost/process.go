package pluginhost

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// owner is the unprivileged user whom plugins run as.
type owner struct{ uid, gid uint32 }

func lookupOwner(name string) (*owner, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("user for plugins: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user for plugins: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user for plugins: %w", err)
	}
	if uid == 0 {
		return nil, fmt.Errorf("user for plugins: %s is root", name)
	}
	return &owner{uid: uint32(uid), gid: uint32(gid)}, nil
}

// spawner starts processes from one thread that lives as long as the host: the
// kernel sends the parent-death signal when the thread that forked ends, and
// Go is free to end any other.
type spawner struct {
	owner *owner
	work  chan func()
	done  chan struct{}
}

// newSpawner makes the thread; with an owner, what it starts runs as that user.
func newSpawner(o *owner) *spawner {
	s := &spawner{owner: o, work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
		// Inherited by what this thread starts: no set-uid program below it
		// gains anything. Where the kernel cannot, it is one net fewer.
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if o != nil {
			// The thread's real user becomes the plugins', its effective one
			// stays root: only so may it limit them where root lacks
			// CAP_SYS_RESOURCE, as in most containers. Raw calls, since Go's
			// change every thread. Where they fail, limit says so.
			const keep = ^uintptr(0)
			_, _, _ = unix.RawSyscall(unix.SYS_SETRESGID, uintptr(o.gid), keep, keep)
			_, _, _ = unix.RawSyscall(unix.SYS_SETRESUID, uintptr(o.uid), keep, keep)
		}
		for f := range s.work {
			f()
		}
	}()
	return s
}

// start starts cmd as the owner, limited. When it fails, the caller still has
// to wait for a process that cmd may have.
func (s *spawner) start(cmd *exec.Cmd) error {
	if s.owner != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: s.owner.uid, Gid: s.owner.gid}
	}
	result := make(chan error, 1)
	s.work <- func() {
		err := cmd.Start()
		if err == nil {
			err = limit(cmd.Process.Pid)
		}
		result <- err
	}
	return <-result
}

func (s *spawner) stop() {
	close(s.work)
	<-s.done
}

// process is a plugin's process and go-plugin's runner for it. It differs from
// the library's own: the process belongs to its own group, its end is noticed
// even while a grandchild holds its pipes, and the socket it names must lie
// where it was told.
type process struct {
	ctx            context.Context // the process dies with it
	cmd            *exec.Cmd
	spawner        *spawner
	socketDir      string
	stdout, stderr *os.File
	childEnds      []*os.File

	exited chan struct{} // closed when nothing of the process is left

	mu     sync.Mutex
	pid    int // 0 before the start and after the end
	killed bool
}

// newProcess prepares the sealed binary to run under env, with socketDir as
// the place to listen, until ctx ends.
func newProcess(ctx context.Context, s *spawner, binary *os.File, env []string, socketDir string) (*process, error) {
	p := &process{ctx: ctx, spawner: s, socketDir: socketDir, exited: make(chan struct{})}
	if o := s.owner; o != nil {
		if err := os.Chown(socketDir, int(o.uid), int(o.gid)); err != nil {
			return nil, err
		}
	}
	out, outEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	errs, errEnd, err := os.Pipe()
	if err != nil {
		out.Close()
		outEnd.Close()
		return nil, err
	}
	p.stdout, p.stderr, p.childEnds = out, errs, []*os.File{outEnd, errEnd}

	p.cmd = &exec.Cmd{
		Path:       "/proc/self/fd/3", // the first of ExtraFiles
		Args:       []string{binary.Name()},
		ExtraFiles: []*os.File{binary},
		Env:        env,
		Dir:        "/",
		Stdout:     outEnd,
		Stderr:     errEnd,
		SysProcAttr: &syscall.SysProcAttr{
			Setpgid:   true,
			Pdeathsig: syscall.SIGKILL,
		},
	}
	return p, nil
}

// Start starts the process; go-plugin calls it once.
func (p *process) Start(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		close(p.exited)
		return fmt.Errorf("ended before the start")
	}
	err := p.spawner.start(p.cmd)
	if p.cmd.Process == nil {
		close(p.exited)
		return err
	}
	for _, f := range p.childEnds {
		f.Close()
	}
	p.pid = p.cmd.Process.Pid
	forget := context.AfterFunc(p.ctx, p.kill)
	go func(pid int) {
		p.wait(pid)
		forget()
	}(p.pid)
	if err != nil {
		p.killLocked()
	}
	return err
}

// close releases the pipes, once the process has ended or failed to start.
func (p *process) close() {
	for _, f := range append(p.childEnds, p.stdout, p.stderr) {
		f.Close()
	}
}

// limit bounds what a plugin can take from the machine. It has no business
// writing files, and no core dump may carry a message to the disk.
func limit(pid int) error {
	for resource, n := range map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  1 << 20,
		unix.RLIMIT_NOFILE: 256,
		unix.RLIMIT_DATA:   1 << 30,
	} {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: n, Max: n}, nil); err != nil && err != unix.ESRCH {
			return fmt.Errorf("limit resources: %w", err)
		}
	}
	return nil
}

// wait sees the process end, ends its group while its number is still its
// own, reaps it, and gives the readers a moment for what is left in the pipes.
func (p *process) wait(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.mu.Lock()
	p.killLocked()
	_ = p.cmd.Wait() // the state is in cmd.ProcessState
	p.pid = 0
	p.mu.Unlock()
	deadline := time.Now().Add(200 * time.Millisecond)
	p.stdout.SetReadDeadline(deadline)
	p.stderr.SetReadDeadline(deadline)
	close(p.exited)
}

// kill ends the process and its group at once. A stuck plugin would ignore a
// request, and has nothing to lose: messages belong to the outbox.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killLocked()
}

func (p *process) killLocked() {
	p.killed = true
	if p.pid != 0 {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

// state says how the process ended; only after exited is closed.
func (p *process) state() string {
	if p.cmd.ProcessState == nil {
		return "not started"
	}
	return p.cmd.ProcessState.String()
}

// The rest is what go-plugin asks of a runner.

func (p *process) Wait(context.Context) error {
	<-p.exited
	return nil
}

func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

func (p *process) Stdout() io.ReadCloser           { return &firstLine{file: p.stdout} }
func (p *process) Stderr() io.ReadCloser           { return p.stderr }
func (p *process) Name() string                    { return p.cmd.Args[0] }
func (p *process) Diagnose(context.Context) string { return "" }

func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Not empty after the end: go-plugin takes that for "nothing to clean up".
	return strconv.Itoa(p.pid)
}

// PluginToHost refuses to let a plugin send the host to any other socket.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(filepath.Clean(address)) != p.socketDir {
		return "", "", fmt.Errorf("the plugin listens outside its socket folder")
	}
	if info, err := os.Lstat(address); err != nil || info.Mode().Type() != fs.ModeSocket {
		return "", "", fmt.Errorf("the plugin does not listen on a socket")
	}
	return network, address, nil
}

// HostToPlugin is for connections back to the host, of which there are none.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return "", "", fmt.Errorf("plugins do not call the host")
}
