package workspace

import (
	"context"
	"strings"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// maxReservedWorkers is the most simultaneous offers of one Task.
const maxReservedWorkers = 50

// NewQueue asks for a TaskQueue. Nil fields take their defaults.
type NewQueue struct {
	Account, WorkspaceSID string
	FriendlyName          string
	// TargetWorkers is the membership expression. Nil admits every Worker,
	// an empty one admits nobody.
	TargetWorkers *string
	// MaxReservedWorkers is 1 to 50, default 1.
	MaxReservedWorkers *int64
	// TaskOrder is FIFO (the default) or LIFO.
	TaskOrder string
	// The Activities a Worker moves to in a single-tasking Workspace; by
	// default the Workspace's Activities Reserved and Busy, if it has them.
	ReservationActivitySID, AssignmentActivitySID *string
	Actor                                         taskrouter.Actor
	// ClaimedSID, when set, is the SID the TaskQueue gets.
	ClaimedSID string
}

// QueueUpdate changes a TaskQueue; nil fields are left alone.
type QueueUpdate struct {
	dispatch.Subject
	FriendlyName                                  *string
	TargetWorkers                                 *string
	MaxReservedWorkers                            *int64
	TaskOrder                                     *string
	ReservationActivitySID, AssignmentActivitySID *string
}

// CreateQueue adds a TaskQueue; a bulk job finds its members.
func (s *Service) CreateQueue(ctx context.Context, n NewQueue) (*taskrouter.TaskQueue, error) {
	order, err := parseOrder("TaskOrder", n.TaskOrder)
	if err != nil {
		return nil, err
	}
	expression := taskrouter.DefaultTargetWorkers
	if n.TargetWorkers != nil {
		expression = *n.TargetWorkers
	}
	if expression, err = s.checkTargetWorkers(expression); err != nil {
		return nil, err
	}
	if err := firstError(checkFriendlyName(n.FriendlyName), checkSent(n.MaxReservedWorkers, checkReservedWorkers)); err != nil {
		return nil, err
	}
	var out *taskrouter.TaskQueue
	err = s.change(ctx, n.Account, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		c := u.Config()
		if len(c.Queues) >= s.opts.MaxQueues {
			return taskrouter.Invalidf("A Workspace has at most %d TaskQueues", s.opts.MaxQueues)
		}
		if err := checkQueueActivities(n.ReservationActivitySID, n.AssignmentActivitySID, c.Activities); err != nil {
			return err
		}
		sid, err := u.MintSID(ctx, taskrouter.PrefixTaskQueue, n.ClaimedSID)
		if err != nil {
			return err
		}
		q := &taskrouter.TaskQueue{
			SID: sid, AccountSID: n.Account, WorkspaceSID: n.WorkspaceSID, FriendlyName: n.FriendlyName,
			TargetWorkers: expression, ExpressionVersion: 1, MaxReservedWorkers: 1, TaskOrder: order,
			CreatedAt: u.Now(), UpdatedAt: u.Now(),
		}
		if n.MaxReservedWorkers != nil {
			q.MaxReservedWorkers = int(*n.MaxReservedWorkers)
		}
		if !c.Workspace.MultiTaskEnabled {
			activities := sorted(c.Activities)
			q.ReservationActivitySID = activityNamed(activities, activityReserved)
			q.AssignmentActivitySID = activityNamed(activities, activityBusy)
		}
		set(&q.ReservationActivitySID, n.ReservationActivitySID)
		set(&q.AssignmentActivitySID, n.AssignmentActivitySID)
		u.PutQueue(q)
		u.Emit(taskrouter.TaskQueueCreated, taskrouter.Scene{Queue: q})
		out = q
		if expression == "" {
			return nil
		}
		return u.AddJob(ctx, dispatch.JobMembership, q.SID)
	})
	if err != nil {
		return nil, err
	}
	s.changed("task queue created", n.WorkspaceSID, logging.QueueSID(out.SID))
	return out, nil
}

// UpdateQueue changes a TaskQueue. A new expression is announced and its
// members are found by a bulk job; other changes emit no event. A new order
// applies to the waiting Tasks at once, as they are taken by index.
func (s *Service) UpdateQueue(ctx context.Context, n QueueUpdate) (*taskrouter.TaskQueue, error) {
	order, expression, err := s.checkQueueUpdate(n)
	if err != nil {
		return nil, err
	}
	var out *taskrouter.TaskQueue
	err = s.change(ctx, n.AccountSID, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		current, err := find(u.Config().Queues, "TaskQueue", n.SID)
		if err != nil {
			return err
		}
		if err := checkQueueActivities(n.ReservationActivitySID, n.AssignmentActivitySID, u.Config().Activities); err != nil {
			return err
		}
		next := *current
		out = &next
		set(&next.FriendlyName, n.FriendlyName)
		set(&next.TargetWorkers, expression)
		set(&next.TaskOrder, order)
		set(&next.ReservationActivitySID, n.ReservationActivitySID)
		set(&next.AssignmentActivitySID, n.AssignmentActivitySID)
		if n.MaxReservedWorkers != nil {
			next.MaxReservedWorkers = int(*n.MaxReservedWorkers)
		}
		if next == *current {
			return nil
		}
		next.UpdatedAt = u.Now()
		if next.TargetWorkers == current.TargetWorkers {
			u.PutQueue(&next)
			return nil
		}
		next.ExpressionVersion++
		u.PutQueue(&next)
		u.Emit(taskrouter.TaskQueueExpressionUpdated, taskrouter.Scene{Queue: &next})
		return u.AddJob(ctx, dispatch.JobMembership, next.SID)
	})
	if err != nil {
		return nil, err
	}
	s.changed("task queue updated", n.WorkspaceSID, logging.QueueSID(n.SID))
	return out, nil
}

func (s *Service) checkQueueUpdate(n QueueUpdate) (order *taskrouter.QueueOrder, expression *string, err error) {
	if err := firstError(checkSent(n.FriendlyName, checkFriendlyName), checkSent(n.MaxReservedWorkers, checkReservedWorkers)); err != nil {
		return nil, nil, err
	}
	if n.TaskOrder != nil {
		o, err := parseOrder("TaskOrder", *n.TaskOrder)
		if err != nil {
			return nil, nil, err
		}
		order = &o
	}
	if n.TargetWorkers != nil {
		e, err := s.checkTargetWorkers(*n.TargetWorkers)
		if err != nil {
			return nil, nil, err
		}
		expression = &e
	}
	return order, expression, nil
}

// checkTargetWorkers compiles a membership expression and returns it as it is
// kept: blank ones are empty and match nobody.
func (s *Service) checkTargetWorkers(expression string) (string, error) {
	if strings.TrimSpace(expression) == "" {
		return "", nil
	}
	if err := checkText("TargetWorkers", expression); err != nil {
		return "", err
	}
	_, err := s.engine.Compile(rules.PlaceQueueWorkers, expression)
	return expression, err
}

func checkReservedWorkers(n int64) error {
	return checkRange("MaxReservedWorkers", n, 1, maxReservedWorkers)
}

func checkQueueActivities(reservation, assignment *string, known map[string]*taskrouter.Activity) error {
	return firstError(
		checkSent(reservation, func(sid string) error {
			return checkReference("ReservationActivitySid", taskrouter.PrefixActivity, sid, known)
		}),
		checkSent(assignment, func(sid string) error {
			return checkReference("AssignmentActivitySid", taskrouter.PrefixActivity, sid, known)
		}),
	)
}

// DeleteQueue removes a TaskQueue with no open Tasks that no Workflow leads to.
func (s *Service) DeleteQueue(ctx context.Context, subject dispatch.Subject) error {
	err := s.change(ctx, subject.AccountSID, subject.WorkspaceSID, subject.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		q, err := find(u.Config().Queues, "TaskQueue", subject.SID)
		if err != nil {
			return err
		}
		open, err := u.CountTasks(ctx, "", q.SID, "")
		if err != nil {
			return err
		}
		if open > 0 {
			return taskrouter.Invalidf("TaskQueue %s holds %d Tasks that have not ended", q.SID, open)
		}
		for _, w := range sorted(u.Config().Workflows) {
			if err := s.checkDoesNotLeadTo(ctx, u, w, q.SID); err != nil {
				return err
			}
		}
		u.DeleteQueue(q.SID)
		u.Emit(taskrouter.TaskQueueDeleted, taskrouter.Scene{Queue: q})
		return nil
	})
	if err != nil {
		return err
	}
	s.changed("task queue deleted", subject.WorkspaceSID, logging.QueueSID(subject.SID))
	return nil
}
