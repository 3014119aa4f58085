//go:build !windows

package connector

import (
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps a second agent out of the folder; it goes with the process.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, ErrRunning
	}
	return func() { _ = f.Close() }, nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// protect leaves the key to the file's mode: there is no key store that is on
// every system.
func protect(secret []byte) ([]byte, error) { return secret, nil }

func unprotect(secret []byte) ([]byte, error) { return secret, nil }
