package testdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Freeze stops every thread of a process: a signal says only that it will.
func Freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(len(threads), err)
	}
	for _, thread := range threads {
		for stopped := false; !stopped; time.Sleep(time.Millisecond) {
			stat, err := os.ReadFile(thread)
			_, state, _ := strings.Cut(string(stat), ") ")
			stopped = err != nil || strings.HasPrefix(state, "T") // without a file it is gone
		}
	}
}
