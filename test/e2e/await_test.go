package e2e

import (
	"fmt"
	"testing"
	"time"
)

// Generous: continuous integration has two slow processors.
const (
	patience = 2 * time.Minute
	glance   = 25 * time.Millisecond
	// slow is a wait worth mentioning.
	slow = 5 * time.Second
)

// await looks until it sees what is awaited. When that never comes the test
// fails with what was seen last.
func await[T any](t *testing.T, what string, look func() (T, bool)) T {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	began := time.Now()
	for {
		seen, ok := look()
		if ok {
			if waited := time.Since(began); waited > slow {
				t.Logf("waited %.1f s: %s", waited.Seconds(), what)
			}
			return seen
		}
		select {
		case <-limit.C:
			t.Fatalf("waited in vain: %s; last seen: %s", what, describe(seen))
		case <-t.Context().Done():
			t.Fatalf("given up: %s", what)
		case <-tick.C:
		}
	}
}

// until is await for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await(t, what, func() (bool, bool) { ok := holds(); return ok, ok })
}

func describe(v any) string {
	text := fmt.Sprintf("%+v", v)
	if len(text) > 2000 {
		text = text[:2000] + "…"
	}
	return text
}
