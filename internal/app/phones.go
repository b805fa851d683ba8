package app

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// phones reaches agents through one voice back-end.
type phones struct {
	backend voice.Backend
	urls    callqueue.URLs
	rooms   rooms
	crash   func(string)
	log     *zap.Logger
}

// rooms finds the caller's leg of a Task.
type rooms interface {
	CallOfTask(ctx context.Context, workspaceSID, taskSID string) (*taskrouter.Call, error)
}

// Dial places a leg, or carries out a redirect of the caller's.
func (p *phones) Dial(ctx context.Context, o activities.DialOrder) activities.DialReport {
	l := o.Leg
	report := activities.DialReport{Attempt: l.Attempt, Outcome: activities.DialPlaced}
	if l.Purpose == taskrouter.LegRedirects {
		target := l.URL
		if target == "" {
			target = p.urls.Ended() // the closing words
		}
		err := p.backend.Redirect(ctx, voice.CallRef{CallSID: l.To}, target)
		p.crash(CrashAfterOriginate)
		if err != nil {
			p.log.Warn("caller not redirected", zap.String(logging.KeyAttempt, l.Attempt), logging.Err(err))
			report.Outcome, report.Cause = activities.DialFailed, "redirect failed"
		}
		return report
	}
	req := voice.DialRequest{
		Attempt: l.Attempt, To: l.To, From: l.From, Timeout: l.RingTimeout,
		AnswerURL: p.urls.LegAnswer(l.Attempt), StatusURL: p.urls.LegStatus(l.Attempt), FallbackURL: p.urls.Fallback(),
	}
	if l.Purpose == taskrouter.LegForeign {
		req.AnswerURL = l.URL
	}
	p.instruct(&req, o)
	res, err := p.backend.Dial(ctx, req)
	p.crash(CrashAfterOriginate)
	report.CallSIDs = res.CallSIDs
	if err == nil {
		return report
	}
	p.log.Warn("agent not dialled", zap.String(logging.KeyAttempt, l.Attempt), logging.Err(err))
	switch voice.Verdict(err) {
	case voice.ClassUnknownOutcome:
		report.Outcome, report.Cause = activities.DialUnknown, "unknown outcome"
	case voice.ClassAttemptFatal:
		report.Outcome, report.Cause = activities.DialFailed, "bad address"
	case voice.ClassNone, voice.ClassFatal, voice.ClassRetryable, voice.ClassGone, voice.ClassUnsupported:
		report.Outcome, report.Cause = activities.DialFailed, "failed"
	}
	return report
}

// instruct applies what the instruction says about the agent's leg. What is
// about the room stands in the document the agent gets.
func (p *phones) instruct(req *voice.DialRequest, o activities.DialOrder) {
	i := o.Instruction
	if i == nil {
		return
	}
	if i.RecordsLeg() && p.backend.Flavour().RecordsLegs() {
		req.Record = true
		req.Recording = voice.Recording{
			Channels: i.Param("recording_channels"), StatusURL: i.Param("recording_status_callback"),
			StatusMethod: i.Param("recording_status_callback_method"),
		}
	}
	if o.Caller != nil && callqueue.HasStatusCallback(i) {
		req.StatusURL = p.urls.LegProgress(o.Leg.Attempt, o.Caller.CallSID)
	}
	req.SIPUser, req.SIPPassword = i.Param("sip_auth_username"), i.Param("sip_auth_password")
}

// HangUp ends a leg. Without a CallSID every leg of its attempt is ended.
func (p *phones) HangUp(ctx context.Context, l *taskrouter.Leg) error {
	refs := []voice.CallRef{{CallSID: l.CallSID, Attempt: l.Attempt}}
	if l.CallSID == "" && len(l.CallSIDs) > 0 {
		refs = refs[:0]
		for _, sid := range l.CallSIDs {
			refs = append(refs, voice.CallRef{CallSID: sid, Attempt: l.Attempt})
		}
	}
	var errs []error
	for _, ref := range refs {
		errs = append(errs, p.backend.Hangup(ctx, ref, voice.HangupSuperseded))
	}
	return errors.Join(errs...)
}

// Over asks the platform whether a leg has ended.
func (p *phones) Over(ctx context.Context, l *taskrouter.Leg) (bool, error) {
	sids := l.CallSIDs
	if l.CallSID != "" {
		sids = []string{l.CallSID}
	}
	for _, sid := range sids {
		leg, err := p.backend.Inspect(ctx, sid)
		if err != nil {
			return false, err
		}
		if leg.State != voice.Ended {
			return false, nil
		}
	}
	return true, nil
}

// Together asks the platform whether both parties are in the caller's room.
func (p *phones) Together(ctx context.Context, l *taskrouter.Leg) (bool, error) {
	call, err := p.rooms.CallOfTask(ctx, l.WorkspaceSID, l.TaskSID)
	if err != nil || call == nil || l.CallSID == "" {
		return false, err
	}
	in, err := p.backend.Participants(ctx, call.Room)
	if err != nil {
		return false, err
	}
	return slices.Contains(in, call.CallSID) && slices.Contains(in, l.CallSID), nil
}

// linesOpen gives the poller the legs the store believes to be live.
type linesOpen struct{ store lines }

type lines interface {
	LiveLegs(ctx context.Context, backend string) ([]*taskrouter.Leg, error)
	LiveCalls(ctx context.Context, backend string) ([]*taskrouter.Call, error)
}

// LiveLegs implements voice.LegBook.
func (b linesOpen) LiveLegs(ctx context.Context, backend string) ([]voice.Leg, error) {
	legs, err := b.store.LiveLegs(ctx, backend)
	if err != nil {
		return nil, err
	}
	calls, err := b.store.LiveCalls(ctx, backend)
	if err != nil {
		return nil, err
	}
	var out []voice.Leg
	for _, l := range legs {
		for _, sid := range l.CallSIDs {
			out = append(out, voice.Leg{CallSID: sid, Attempt: l.Attempt, State: legState(l.State), CreatedAt: l.CreatedAt})
		}
	}
	for _, c := range calls {
		out = append(out, voice.Leg{CallSID: c.CallSID, State: voice.Answered, CreatedAt: c.CreatedAt, AccountSID: c.AccountSID})
	}
	return out, nil
}

func legState(s taskrouter.LegState) voice.LegState {
	switch s {
	case taskrouter.LegRinging:
		return voice.Ringing
	case taskrouter.LegAnswered, taskrouter.LegJoined:
		return voice.Answered
	case taskrouter.LegEnded:
		return voice.Ended
	case taskrouter.LegWanted, taskrouter.LegPlacing, taskrouter.LegDialing:
	}
	return voice.Dialing
}
