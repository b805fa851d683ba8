package app

import (
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/voice"
)

// ledger keeps the attempts of a voice back-end in the store.
type ledger struct{ store *store.Store }

var _ voice.Ledger = ledger{}

func toAttempt(a *store.DialAttempt) voice.Attempt {
	return voice.Attempt{
		Backend: a.Backend, ID: a.ID, State: voice.AttemptState(a.State), To: a.To, From: a.From, Placement: a.Placement,
		StartedAt: a.StartedAt, SentAt: a.SentAt, CallSIDs: a.CallSIDs, Failure: voice.Class(a.Failure),
	}
}

// Begin implements voice.Ledger.
func (l ledger) Begin(ctx context.Context, a voice.Attempt) (voice.Attempt, bool, error) {
	got, created, err := l.store.BeginDialAttempt(ctx, &store.DialAttempt{
		Backend: a.Backend, ID: a.ID, State: string(a.State), To: a.To, From: a.From, Placement: a.Placement,
		StartedAt: a.StartedAt, SentAt: a.SentAt, Failure: int(a.Failure),
	})
	if err != nil || got == nil {
		return a, created, err
	}
	return toAttempt(got), created, nil
}

// Save implements voice.Ledger: an abandoned attempt stays abandoned, a placed
// one goes back to no earlier state.
func (l ledger) Save(ctx context.Context, a voice.Attempt) (voice.Attempt, error) {
	got, err := l.store.UpdateDialAttempt(ctx, a.Backend, a.ID, func(s *store.DialAttempt) {
		switch voice.AttemptState(s.State) {
		case voice.AttemptAbandoned:
		case voice.AttemptPlaced:
			if a.State == voice.AttemptAbandoned {
				s.State = string(a.State)
			}
		case voice.AttemptPlacing, voice.AttemptUnknown, voice.AttemptFailed:
			s.State = string(a.State)
		}
		s.Placement, s.StartedAt, s.SentAt, s.Failure = a.Placement, a.StartedAt, a.SentAt, int(a.Failure)
		for _, sid := range a.CallSIDs {
			if !slices.Contains(s.CallSIDs, sid) {
				s.CallSIDs = append(s.CallSIDs, sid)
			}
		}
	})
	if err != nil || got == nil {
		return a, err
	}
	return toAttempt(got), nil
}

// Attempt implements voice.Ledger.
func (l ledger) Attempt(ctx context.Context, backend, id string) (voice.Attempt, bool, error) {
	got, err := l.store.FetchDialAttempt(ctx, backend, id)
	if err != nil || got == nil {
		return voice.Attempt{}, false, err
	}
	return toAttempt(got), true, nil
}

// Reveal implements voice.Ledger.
func (l ledger) Reveal(ctx context.Context, backend, id string, placement int, callSID string) (bool, error) {
	wanted := false
	got, err := l.store.UpdateDialAttempt(ctx, backend, id, func(s *store.DialAttempt) {
		wanted = voice.AttemptState(s.State) != voice.AttemptAbandoned && (placement == 0 || placement == s.Placement)
		if wanted && !slices.Contains(s.CallSIDs, callSID) {
			s.CallSIDs = append(s.CallSIDs, callSID)
		}
	})
	return wanted && got != nil, err
}

// Owner implements voice.Ledger.
func (l ledger) Owner(ctx context.Context, backend, callSID string) (string, error) {
	return l.store.OwnerOfDialledCall(ctx, backend, callSID)
}
