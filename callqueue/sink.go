package callqueue

import (
	"context"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// Sink stores the facts that reach us by other ways than webhooks, above all by
// the poller. An attempt in the event tells an agent's leg from a caller's.
type Sink struct {
	Router  Router
	Records Records
	// AccountOf finds the account of a caller's leg, empty when it is unknown.
	// Without it commands are given with an empty account.
	AccountOf func(ctx context.Context, backend, callSID string) (string, error)
}

var _ voice.Sink = (*Sink)(nil)

// VoiceEvent implements voice.Sink. Facts about legs nobody knows are dropped.
func (s *Sink) VoiceEvent(ctx context.Context, e voice.Event) error {
	err := s.store(ctx, e)
	if err != nil && taskrouter.KindOf(err) == taskrouter.KindNotFound {
		return nil
	}
	return err
}

func (s *Sink) store(ctx context.Context, e voice.Event) error {
	if e.Attempt == "" {
		return s.caller(ctx, e)
	}
	if e.Joined != nil {
		if !*e.Joined {
			return nil
		}
		leg, err := s.Records.FetchLeg(ctx, e.Attempt)
		if err != nil || leg == nil {
			return err
		}
		_, err = s.Router.JoinSeen(ctx, leg.WorkspaceSID, leg.Attempt)
		return err
	}
	report := dispatch.LegReport{
		Attempt: e.Attempt, Backend: e.Backend, CallSID: e.CallSID, State: legState(e.State), Cause: string(e.Cause),
	}
	if report.State == taskrouter.LegEnded && report.Cause == "" {
		report.Cause = string(voice.EndFailed)
	}
	return s.Router.LegFact(ctx, report)
}

// caller: of a caller's leg only the end matters.
func (s *Sink) caller(ctx context.Context, e voice.Event) error {
	if e.State != voice.Ended {
		return nil
	}
	ref := dispatch.CallRef{Backend: e.Backend, CallSID: e.CallSID}
	if s.AccountOf != nil {
		account, err := s.AccountOf(ctx, e.Backend, e.CallSID)
		if err != nil || account == "" {
			return err
		}
		ref.AccountSID = account
	}
	return s.Router.CallEnded(ctx, ref, callerCause(e.Cause))
}
