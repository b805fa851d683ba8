package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Where tests of durability say at which point the process is to die. Nothing
// else sets them.
const (
	// crashAtEnv holds "point" or "point:n", for the n-th time it is passed.
	crashAtEnv = "TASKROUTER_CRASH_AT"
	// crashFileEnv names a file that holds the same. It may appear while the
	// process runs; passes are counted from then on.
	crashFileEnv = "TASKROUTER_CRASH_FILE"
)

// crashPoint makes what is called at each named point; nil when no point is
// deadly.
func crashPoint() func(string) {
	at := os.Getenv(crashAtEnv)
	file := os.Getenv(crashFileEnv)
	if file == "" {
		return parseCrash(at)
	}
	var armed crasher
	return func(point string) {
		text, err := os.ReadFile(file)
		if err == nil {
			armed.pass(string(text), point)
		}
	}
}

// parseCrash reads "point" or "point:n". An empty text never ends the process.
func parseCrash(text string) func(string) {
	if text == "" {
		return nil
	}
	var c crasher
	return func(point string) { c.pass(text, point) }
}

// crasher counts how often a point was passed.
type crasher struct{ passed atomic.Int64 }

// pass ends the process, as SIGKILL from outside would, when it is time.
func (c *crasher) pass(text, point string) {
	at, count, _ := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	if point == at && c.passed.Add(1) == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing after this point may run
	}
}
