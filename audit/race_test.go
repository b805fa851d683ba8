//go:build race

package audit_test

// underRace: the race detector makes everything ten times slower. What one
// goroutine does is tried less often with it, and in full without it.
const underRace = true
