package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// parseCrash reads "point" or "point:n". An empty text never ends the process.
func parseCrash(text string) func(string) {
	if text == "" {
		return nil
	}
	at, count, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	var passed atomic.Int64
	return func(point string) {
		if point == at && passed.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing after this point may run
		}
	}
}
