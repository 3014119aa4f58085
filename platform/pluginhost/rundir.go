package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	runDirPrefix = "siegel-plugins-"
	maxSocket    = 107
	// What the host's folder, go-plugin's folder in it and the socket add.
	belowBase = "/siegel-plugins-0123456789/plugin-dir0123456789/plugin0123456789"
)

// runDir is the host's own folder for sockets. Its lock lasts as long as the
// host's process, so that whoever comes later can tell a leftover from a
// neighbour.
type runDir struct {
	path string
	lock *os.File
}

// newRunDir sweeps what killed hosts left in base, and makes a folder there.
// With others set, other users can pass through it, but not list it: the
// sockets lie in folders that belong to the plugins' user.
func newRunDir(base string, others bool) (*runDir, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return nil, fmt.Errorf("socket folder: %w", err)
	}
	if len(base)+len(belowBase) > maxSocket {
		return nil, fmt.Errorf("socket folder: the path %s is too long for sockets below it", base)
	}
	sweep(base)

	// Locked before it gets the name that a sweep looks for.
	hidden, err := os.MkdirTemp(base, "."+runDirPrefix)
	if err != nil {
		return nil, fmt.Errorf("socket folder: %w", err)
	}
	d := &runDir{path: filepath.Join(base, strings.TrimPrefix(filepath.Base(hidden), "."))}
	if d.lock, err = lockDir(hidden); err == nil {
		err = os.Rename(hidden, d.path)
	}
	if err == nil && others {
		err = os.Chmod(d.path, 0o711)
	}
	if err != nil {
		if d.lock != nil {
			d.lock.Close()
		}
		return nil, errors.Join(fmt.Errorf("socket folder: %w", err), os.RemoveAll(hidden), os.RemoveAll(d.path))
	}
	return d, nil
}

func (d *runDir) remove() error {
	err := os.RemoveAll(d.path)
	d.lock.Close()
	if err != nil {
		return fmt.Errorf("remove socket folder: %w", err)
	}
	return nil
}

// sweep removes the folders whose lock nobody holds. What it cannot lock or
// remove is somebody else's.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return // making the folder will say why
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), runDirPrefix) {
			continue
		}
		path := filepath.Join(base, e.Name())
		var info unix.Stat_t
		if err := unix.Lstat(path, &info); err != nil || int(info.Uid) != os.Geteuid() {
			continue
		}
		if lock, err := lockDir(path); err == nil {
			os.RemoveAll(path)
			lock.Close()
		}
	}
}

func lockDir(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}
