package workspace

import (
	"context"
	"slices"
	"time"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// NewCallQueue asks for a call queue: numbers that lead through a menu into a
// Workflow.
type NewCallQueue struct {
	Account, WorkspaceSID string
	FriendlyName          string
	// PhoneNumbers are E.164 numbers or SIP user names; each belongs to one
	// call queue of its back-end.
	PhoneNumbers []string
	WorkflowSID  string
	// Menu is the menu's JSON text; empty leads straight to the Task.
	Menu         string
	HoldMusicURL string
	// Instruction is dequeue (the default) or none.
	Instruction string
	// Backend is the voice back-end that owns the numbers; empty is the first
	// one configured.
	Backend string
	// WrapUp is in seconds, 0 to 86,400; 0 waits for the agent.
	WrapUp *int64
	Actor  taskrouter.Actor
	// ClaimedSID, when set, is the SID the call queue gets.
	ClaimedSID string
}

// CallQueueUpdate changes a call queue; nil fields are left alone. Empty Menu
// and HoldMusicURL clear them.
type CallQueueUpdate struct {
	dispatch.Subject
	FriendlyName *string
	PhoneNumbers *[]string
	WorkflowSID  *string
	Menu         *string
	HoldMusicURL *string
	Instruction  *string
	Backend      *string
	WrapUp       *int64
}

// CreateCallQueue adds a call queue.
func (s *Service) CreateCallQueue(ctx context.Context, n NewCallQueue) (*taskrouter.CallQueue, error) {
	instruction, err := parseInstruction(n.Instruction)
	if err != nil {
		return nil, err
	}
	backend, err := s.checkBackend(n.Backend)
	if err != nil {
		return nil, err
	}
	err = firstError(checkFriendlyName(n.FriendlyName), checkPhoneNumbers(n.PhoneNumbers),
		checkURL("HoldMusicUrl", n.HoldMusicURL), s.checkMenu(n.Menu), checkSent(n.WrapUp, checkWrapUp))
	if err != nil {
		return nil, err
	}
	q := &taskrouter.CallQueue{
		AccountSID: n.Account, WorkspaceSID: n.WorkspaceSID,
		FriendlyName: n.FriendlyName, PhoneNumbers: slices.Clone(n.PhoneNumbers), WorkflowSID: n.WorkflowSID,
		Menu: n.Menu, HoldMusicURL: n.HoldMusicURL, Instruction: instruction, Backend: backend,
	}
	if n.WrapUp != nil {
		q.WrapUp = time.Duration(*n.WrapUp) * time.Second
	}
	if q.WorkflowSID == "" {
		return nil, taskrouter.Invalidf("WorkflowSid is required")
	}
	if err := s.checkNumbersFree(ctx, q); err != nil {
		return nil, err
	}
	err = s.change(ctx, n.Account, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) (err error) {
		if err := checkReference("WorkflowSid", taskrouter.PrefixWorkflow, n.WorkflowSID, u.Config().Workflows); err != nil {
			return err
		}
		if q.SID, err = u.MintSID(ctx, taskrouter.PrefixCallQueue, n.ClaimedSID); err != nil {
			return err
		}
		q.CreatedAt, q.UpdatedAt = u.Now(), u.Now()
		u.PutCallQueue(q)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed("call queue created", n.WorkspaceSID, logging.Backend(q.Backend))
	return q, nil
}

// UpdateCallQueue changes a call queue; calls that are in the old menu finish
// in it.
func (s *Service) UpdateCallQueue(ctx context.Context, n CallQueueUpdate) (*taskrouter.CallQueue, error) {
	if err := s.checkCallQueueUpdate(ctx, &n); err != nil {
		return nil, err
	}
	var out *taskrouter.CallQueue
	err := s.change(ctx, n.AccountSID, n.WorkspaceSID, n.Actor, func(_ context.Context, u *dispatch.Unit) error {
		current, err := find(u.Config().CallQueues, "CallQueue", n.SID)
		if err != nil {
			return err
		}
		err = checkSent(n.WorkflowSID, func(sid string) error {
			return checkReference("WorkflowSid", taskrouter.PrefixWorkflow, sid, u.Config().Workflows)
		})
		if err != nil {
			return err
		}
		next := n.applied(current)
		out = next
		if sameCallQueue(next, current) {
			return nil
		}
		next.UpdatedAt = u.Now()
		u.PutCallQueue(next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed("call queue updated", n.WorkspaceSID, logging.Backend(out.Backend))
	return out, nil
}

// DeleteCallQueue removes a call queue and frees its numbers. Calls it has
// already turned into Tasks go on.
func (s *Service) DeleteCallQueue(ctx context.Context, subject dispatch.Subject) error {
	err := s.change(ctx, subject.AccountSID, subject.WorkspaceSID, subject.Actor, func(_ context.Context, u *dispatch.Unit) error {
		q, err := find(u.Config().CallQueues, "CallQueue", subject.SID)
		if err != nil {
			return err
		}
		u.DeleteCallQueue(q.SID)
		return nil
	})
	if err != nil {
		return err
	}
	s.changed("call queue deleted", subject.WorkspaceSID)
	return nil
}
