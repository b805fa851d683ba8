package voicetest

import (
	"context"
	"slices"
	"sync"

	"github.com/taskrouter/taskrouter/voice"
)

// Ledger is a voice.Ledger in memory.
type Ledger struct {
	mu       sync.Mutex
	attempts map[ledgerKey]voice.Attempt
	owners   map[ledgerKey]string
}

type ledgerKey struct{ backend, id string }

var _ voice.Ledger = (*Ledger)(nil)

// NewLedger makes an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{attempts: map[ledgerKey]voice.Attempt{}, owners: map[ledgerKey]string{}}
}

// Begin stores a new attempt or returns the stored one.
func (l *Ledger) Begin(_ context.Context, a voice.Attempt) (voice.Attempt, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := ledgerKey{a.Backend, a.ID}
	if stored, ok := l.attempts[k]; ok {
		return clone(stored), false, nil
	}
	l.attempts[k] = clone(a)
	return a, true, nil
}

// Save updates a stored attempt; abandoned and placed are kept.
func (l *Ledger) Save(_ context.Context, a voice.Attempt) (voice.Attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := ledgerKey{a.Backend, a.ID}
	stored := l.attempts[k]
	a.CallSIDs = merge(stored.CallSIDs, a.CallSIDs)
	switch {
	case stored.State == voice.AttemptAbandoned:
		a.State = voice.AttemptAbandoned
	case stored.State == voice.AttemptPlaced && a.State != voice.AttemptAbandoned:
		a.State = voice.AttemptPlaced
	}
	for _, sid := range a.CallSIDs {
		l.owners[ledgerKey{a.Backend, sid}] = a.ID
	}
	l.attempts[k] = clone(a)
	return clone(a), nil
}

// Attempt reads a stored attempt.
func (l *Ledger) Attempt(_ context.Context, backend, id string) (voice.Attempt, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.attempts[ledgerKey{backend, id}]
	return clone(a), ok, nil
}

// Reveal adds the leg a callback named.
func (l *Ledger) Reveal(_ context.Context, backend, id string, placement int, callSID string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := ledgerKey{backend, id}
	a, ok := l.attempts[k]
	if !ok {
		return false, nil
	}
	l.owners[ledgerKey{backend, callSID}] = id
	if a.State == voice.AttemptAbandoned || (placement != 0 && placement != a.Placement) {
		return false, nil
	}
	a.CallSIDs = merge(a.CallSIDs, []string{callSID})
	l.attempts[k] = a
	return true, nil
}

// Owner tells which attempt a leg belongs to.
func (l *Ledger) Owner(_ context.Context, backend, callSID string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owners[ledgerKey{backend, callSID}], nil
}

func merge(known, more []string) []string {
	out := slices.Clone(known)
	for _, sid := range more {
		if !slices.Contains(out, sid) {
			out = append(out, sid)
		}
	}
	return out
}

func clone(a voice.Attempt) voice.Attempt {
	a.CallSIDs = slices.Clone(a.CallSIDs)
	return a
}
