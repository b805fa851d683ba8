package workspace

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// How long an offer may stay unanswered.
const (
	defaultReservationTimeout = 120 * time.Second
	maxReservationTimeout     = 86400 * time.Second
)

// NewWorkflow asks for a Workflow.
type NewWorkflow struct {
	Account, WorkspaceSID string
	FriendlyName          string
	// Configuration is the routing configuration, a JSON text kept byte for
	// byte.
	Configuration                 string
	AssignmentCallbackURL         string
	FallbackAssignmentCallbackURL string
	// TaskReservationTimeout is in seconds, 1 to 86,400; default 120.
	TaskReservationTimeout *int64
	Actor                  taskrouter.Actor
	// ClaimedSID, when set, is the SID the Workflow gets.
	ClaimedSID string
}

// WorkflowUpdate changes a Workflow; nil fields are left alone. Empty callback
// URLs clear them.
type WorkflowUpdate struct {
	dispatch.Subject
	FriendlyName                  *string
	Configuration                 *string
	AssignmentCallbackURL         *string
	FallbackAssignmentCallbackURL *string
	// TaskReservationTimeout is in seconds and applies to later Reservations.
	TaskReservationTimeout *int64
	// ReEvaluate sends the pending Tasks through the configuration again from
	// its first filter; without it they keep following the one they entered
	// with.
	ReEvaluate bool
}

// CreateWorkflow adds a Workflow.
func (s *Service) CreateWorkflow(ctx context.Context, n NewWorkflow) (*taskrouter.Workflow, error) {
	if n.Configuration == "" {
		return nil, taskrouter.Invalidf("Configuration is required")
	}
	err := firstError(
		checkFriendlyName(n.FriendlyName),
		checkURL("AssignmentCallbackUrl", n.AssignmentCallbackURL),
		checkURL("FallbackAssignmentCallbackUrl", n.FallbackAssignmentCallbackURL),
		checkSent(n.TaskReservationTimeout, checkReservationTimeout),
	)
	if err != nil {
		return nil, err
	}
	routing, err := s.parseConfiguration(n.Configuration)
	if err != nil {
		return nil, err
	}
	w := &taskrouter.Workflow{
		AccountSID: n.Account, WorkspaceSID: n.WorkspaceSID,
		FriendlyName: n.FriendlyName, Configuration: n.Configuration, ConfigVersion: 1,
		AssignmentCallbackURL: n.AssignmentCallbackURL, FallbackAssignmentCallbackURL: n.FallbackAssignmentCallbackURL,
		TaskReservationTimeout: defaultReservationTimeout,
	}
	if n.TaskReservationTimeout != nil {
		w.TaskReservationTimeout = time.Duration(*n.TaskReservationTimeout) * time.Second
	}
	err = s.change(ctx, n.Account, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) (err error) {
		if err := checkQueueRefs(routing, u.Config().Queues); err != nil {
			return err
		}
		if w.SID, err = u.MintSID(ctx, taskrouter.PrefixWorkflow, n.ClaimedSID); err != nil {
			return err
		}
		w.CreatedAt, w.UpdatedAt = u.Now(), u.Now()
		u.PutWorkflow(w)
		u.Emit(taskrouter.WorkflowCreated, taskrouter.Scene{Workflow: w})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed("workflow created", n.WorkspaceSID, logging.WorkflowSID(w.SID))
	return w, nil
}

// UpdateWorkflow changes a Workflow. A new configuration is a new version; the
// older ones stay for the Tasks that follow them.
func (s *Service) UpdateWorkflow(ctx context.Context, n WorkflowUpdate) (*taskrouter.Workflow, error) {
	routing, err := s.checkWorkflowUpdate(n)
	if err != nil {
		return nil, err
	}
	var out *taskrouter.Workflow
	err = s.change(ctx, n.AccountSID, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		current, err := find(u.Config().Workflows, "Workflow", n.SID)
		if err != nil {
			return err
		}
		if routing != nil {
			if err := checkQueueRefs(routing, u.Config().Queues); err != nil {
				return err
			}
		}
		next := *current
		out = &next
		set(&next.FriendlyName, n.FriendlyName)
		set(&next.Configuration, n.Configuration)
		set(&next.AssignmentCallbackURL, n.AssignmentCallbackURL)
		set(&next.FallbackAssignmentCallbackURL, n.FallbackAssignmentCallbackURL)
		if n.TaskReservationTimeout != nil {
			next.TaskReservationTimeout = time.Duration(*n.TaskReservationTimeout) * time.Second
		}
		if next != *current {
			if next.Configuration != current.Configuration {
				next.ConfigVersion++
			}
			next.UpdatedAt = u.Now()
			u.PutWorkflow(&next)
			u.Emit(taskrouter.WorkflowUpdated, taskrouter.Scene{Workflow: &next})
		}
		if !n.ReEvaluate {
			return nil
		}
		return u.AddJob(ctx, dispatch.JobReEvaluate, next.SID)
	})
	if err != nil {
		return nil, err
	}
	s.changed("workflow updated", n.WorkspaceSID, logging.WorkflowSID(n.SID))
	return out, nil
}

// checkWorkflowUpdate checks what needs no lock; the routing is nil when no
// configuration was sent.
func (s *Service) checkWorkflowUpdate(n WorkflowUpdate) (*rules.Routing, error) {
	err := firstError(
		checkSent(n.FriendlyName, checkFriendlyName),
		checkSent(n.AssignmentCallbackURL, func(v string) error { return checkURL("AssignmentCallbackUrl", v) }),
		checkSent(n.FallbackAssignmentCallbackURL, func(v string) error { return checkURL("FallbackAssignmentCallbackUrl", v) }),
		checkSent(n.TaskReservationTimeout, checkReservationTimeout),
	)
	if err != nil || n.Configuration == nil {
		return nil, err
	}
	return s.parseConfiguration(*n.Configuration)
}

// parseConfiguration checks the size, grammar and expressions of a
// configuration; whether its queues exist is checked under the lock.
func (s *Service) parseConfiguration(text string) (*rules.Routing, error) {
	if len(text) > taskrouter.MaxConfigurationSize {
		return nil, taskrouter.Invalidf("Configuration must be at most %d bytes, got %d", taskrouter.MaxConfigurationSize, len(text))
	}
	if err := checkText("Configuration", text); err != nil {
		return nil, err
	}
	return s.engine.ParseConfiguration(text)
}

// checkQueueRefs refuses a configuration that names a queue the Workspace does
// not have, with the path of the first one.
func checkQueueRefs(routing *rules.Routing, queues map[string]*taskrouter.TaskQueue) error {
	for _, ref := range routing.QueueRefs() {
		if queues[ref.SID] == nil {
			return taskrouter.Invalidf("Configuration: %s: TaskQueue %s does not exist in the Workspace", ref.Path, ref.SID)
		}
	}
	return nil
}

func checkReservationTimeout(seconds int64) error {
	return checkRange("TaskReservationTimeout", seconds, 1, int64(maxReservationTimeout/time.Second))
}

// DeleteWorkflow removes a Workflow that neither controls an open Task nor
// serves a call queue.
func (s *Service) DeleteWorkflow(ctx context.Context, subject dispatch.Subject) error {
	err := s.change(ctx, subject.AccountSID, subject.WorkspaceSID, subject.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		w, err := find(u.Config().Workflows, "Workflow", subject.SID)
		if err != nil {
			return err
		}
		open, err := u.CountTasks(ctx, w.SID, "", "")
		if err != nil {
			return err
		}
		if open > 0 {
			return taskrouter.Invalidf("Workflow %s controls %d Tasks that have not ended", w.SID, open)
		}
		for _, q := range sorted(u.Config().CallQueues) {
			if q.WorkflowSID == w.SID {
				return taskrouter.Invalidf("Workflow %s is used by CallQueue %s", w.SID, q.SID)
			}
		}
		u.DeleteWorkflow(w.SID)
		u.Emit(taskrouter.WorkflowDeleted, taskrouter.Scene{Workflow: w})
		return nil
	})
	if err != nil {
		return err
	}
	s.changed("workflow deleted", subject.WorkspaceSID, logging.WorkflowSID(subject.SID))
	return nil
}
