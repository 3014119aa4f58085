package pluginhost

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

const maxBinarySize = 512 << 20

var (
	pluginName   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	checksumLine = regexp.MustCompile(`^([0-9a-f]{64}) [ *]([^/]+)$`)
)

// Found is a plugin in the folder.
type Found struct {
	// Service is what it serves, "sms" or "hosting".
	Service string
	Name    string
	Path    string
	// SHA256 of the file in hex; empty where it could not be read.
	SHA256 string
	// Err says why the plugin would not start; nil where it may.
	Err error
}

// Verify looks at every plugin in the folder and starts none. The error says
// that the folder or the allow-list cannot be used; what is wrong with one
// plugin is in [Found.Err], as [ErrUnverified].
func (h *Host) Verify() ([]Found, error) {
	allowed, err := h.allowList()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(h.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("read plugin folder: %w", err)
	}
	var found []Found
	for _, e := range entries {
		service, name, ok := serviceOf(e.Name())
		if !ok || !pluginName.MatchString(name) {
			continue
		}
		f := Found{Service: service.name, Name: name, Path: filepath.Join(h.cfg.Dir, e.Name())}
		f.SHA256, f.Err = digest(f.Path, io.Discard)
		if f.Err == nil {
			f.Err = allowed.check(e.Name(), f.SHA256)
		}
		found = append(found, f)
	}
	return found, nil
}

// verified returns a sealed copy of the plugin in memory. Hashing the file and
// then starting it by its path would leave a gap in which it can be exchanged.
func (h *Host) verified(s service, name string) (*os.File, error) {
	if !pluginName.MatchString(name) {
		return nil, ErrNotFound.Because(fmt.Errorf("%q is no name of a plugin", name))
	}
	allowed, err := h.allowList()
	if err != nil {
		return nil, ErrUnverified.Because(err)
	}
	file := s.filePrefix() + name
	path := filepath.Join(h.cfg.Dir, file)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound.Because(err)
	}
	if _, listed := allowed[file]; !listed { // before the effort of copying it
		return nil, allowed.check(file, "")
	}

	fd, err := unix.MemfdCreate(file, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory for plugin %q: %w", name, err)
	}
	copied := os.NewFile(uintptr(fd), file)
	sum, err := digest(path, copied)
	if err == nil {
		err = allowed.check(file, sum)
	}
	if err == nil {
		_, err = unix.FcntlInt(copied.Fd(), unix.F_ADD_SEALS,
			unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		copied.Close()
		return nil, fmt.Errorf("copy plugin %q: %w", name, err)
	}
	return copied, nil
}

func digest(path string, copyTo io.Writer) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", ErrUnverified.Because(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", ErrUnverified.Because(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxBinarySize {
		return "", ErrUnverified.Because(fmt.Errorf("%s is not a file or too large", path))
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, copyTo), io.LimitReader(f, maxBinarySize)); err != nil {
		return "", ErrUnverified.Because(err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// allowList maps file names to SHA-256 in hex.
type allowList map[string]string

func (a allowList) check(file, sum string) error {
	switch want, listed := a[file]; {
	case !listed:
		return ErrUnverified.Because(fmt.Errorf("%s is not in the list of checksums", file))
	case want != sum:
		return ErrUnverified.Because(fmt.Errorf("%s has SHA-256 %s, the list of checksums says %s", file, sum, want))
	}
	return nil
}

func (h *Host) allowList() (allowList, error) {
	for _, path := range []string{h.cfg.Dir, h.cfg.Checksums} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("plugin checksums: %w", err)
		}
		if info.Mode().Perm()&0o002 != 0 {
			return nil, fmt.Errorf("plugin checksums: everyone may write to %s", path)
		}
	}
	f, err := os.Open(h.cfg.Checksums)
	if err != nil {
		return nil, fmt.Errorf("plugin checksums: %w", err)
	}
	defer f.Close()
	list := allowList{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := checksumLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("plugin checksums: %s:%d is not a line of sha256sum", h.cfg.Checksums, n)
		}
		if former, twice := list[m[2]]; twice && former != m[1] {
			return nil, fmt.Errorf("plugin checksums: %s:%d names %s a second time", h.cfg.Checksums, n, m[2])
		}
		list[m[2]] = m[1]
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("plugin checksums: %w", err)
	}
	return list, nil
}
