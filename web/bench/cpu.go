package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// cores is the processor time that the parts of a side have used, in seconds.
// Other work on the machine changes it far less than it changes a rate.
type cores struct{ server, postgres, redis float64 }

// spent is what a side has used so far. Both sides share the stores: only
// differences over a time in which the other rests say something.
func (f *field) spent(s *side) cores {
	return cores{
		server:   processor(s.cmd.Process.Pid),
		postgres: family(f.demo.Servers["postgres"]),
		redis:    family(f.demo.Servers["redis"]),
	}
}

func (c cores) minus(o cores) cores {
	return cores{c.server - o.server, c.postgres - o.postgres, c.redis - o.redis}
}

func (c cores) plus(o cores) cores {
	return cores{c.server + o.server, c.postgres + o.postgres, c.redis + o.redis}
}

// family is the time of a process and its children.
func family(pid int) float64 {
	sum := processor(pid)
	for _, child := range children(pid) {
		sum += family(child)
	}
	return sum
}

// processor is the user and system time of a process, in seconds; 0 where it
// has ended. See proc(5), /proc/pid/stat; a tick is 10 ms.
func processor(pid int) float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}
