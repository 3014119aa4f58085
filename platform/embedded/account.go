package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the unprivileged user that a child runs as; nil is our own.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged picks a user where this process is root: Postgres refuses to
// run as root, and nothing else should.
func unprivileged(preferred string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{preferred, "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &account{name, uint32(uid), uint32(gid)}, nil
	}
	return nil, fmt.Errorf("running as root, and there is neither a user %s nor nobody to run a child as", preferred)
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// folder makes dir, readable by nobody but the child's user, and makes sure
// that this user gets there.
func (a *account) folder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if a == nil {
		return os.Chmod(dir, 0o700)
	}
	if err := a.reaches(filepath.Dir(dir)); err != nil {
		return err
	}
	// A folder that was used by another user before changes hands as a whole.
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(a.uid), int(a.gid))
	})
	return errors.Join(err, os.Chmod(dir, 0o700))
}

// reaches explains what Postgres would only call "permission denied".
func (a *account) reaches(dir string) error {
	for ; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		mode, bit := info.Mode().Perm(), fs.FileMode(0o001)
		switch {
		case owner.Uid == a.uid:
			bit = 0o100
		case owner.Gid == a.gid:
			bit = 0o010
		}
		if mode&bit == 0 {
			return fmt.Errorf("user %s cannot enter %s: choose a folder elsewhere, such as below /var/lib or the temporary folder", a.name, dir)
		}
	}
	return nil
}

// maxSocketPath is what fits into a sockaddr_un, its final zero left out.
const maxSocketPath = 107

// socketFolder returns a folder in which a socket of the given name has a path
// that is short enough: below dir, or else a temporary one that is removed by
// the returned function.
func (a *account) socketFolder(dir, socket string) (string, func(), error) {
	inside := filepath.Join(dir, "run")
	if len(filepath.Join(inside, socket)) <= maxSocketPath {
		return inside, func() {}, a.folder(inside)
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		// MkdirTemp adds up to ten digits.
		if len(parent)+len("/siegel-0123456789/")+len(socket) > maxSocketPath {
			continue
		}
		short, err := os.MkdirTemp(parent, "siegel-")
		if err != nil {
			return "", nil, err
		}
		remove := func() { _ = os.RemoveAll(short) }
		if err := a.folder(short); err != nil {
			remove()
			return "", nil, err
		}
		return short, remove, nil
	}
	return "", nil, fmt.Errorf("no folder has a path short enough for the socket %s", socket)
}
