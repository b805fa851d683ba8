package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// progressInterval is how often a line of progress is written at most.
	progressInterval = 100 * time.Millisecond
	// progressWidth is that of the bar, in characters.
	progressWidth = 24
)

// benchProgress keeps one changing line on a terminal, and is nil elsewhere.
func benchProgress(w io.Writer) func(part string, done, total int) {
	file, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return progressLine(w, time.Now)
}

// progressLine writes over one line, and removes it when a part is done.
func progressLine(w io.Writer, now func() time.Time) func(part string, done, total int) {
	var mu sync.Mutex
	var last time.Time
	return func(part string, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if done >= total {
			fmt.Fprint(w, "\r\x1b[K")
			last = time.Time{}
			return
		}
		if at := now(); at.Sub(last) >= progressInterval {
			last = at
			filled := progressWidth * done / total
			fmt.Fprintf(w, "\r\x1b[K[%s%s] %3d %%  %s: %d of %d", strings.Repeat("#", filled), strings.Repeat(".", progressWidth-filled),
				100*done/total, part, done, total)
		}
	}
}
