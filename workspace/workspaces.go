package workspace

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// The templates of a new Workspace.
const (
	templateNone = "NONE"
	templateFIFO = "FIFO"
)

// NewWorkspace asks for a Workspace. Empty fields take their defaults.
type NewWorkspace struct {
	Account          string
	FriendlyName     string
	EventCallbackURL string
	EventsFilter     string
	// MultiTaskEnabled defaults to true. False gives a single-tasking
	// Workspace: an agent works on one Task at a time.
	MultiTaskEnabled *bool
	// Template is NONE (the default) or FIFO: one queue for everybody and a
	// Workflow that leads to it.
	Template string
	// PrioritizeQueueOrder is FIFO (the default) or LIFO.
	PrioritizeQueueOrder string
	Actor                taskrouter.Actor
	// ClaimedSID, when set, is the SID the Workspace gets.
	ClaimedSID string
}

// WorkspaceUpdate changes the Workspace Subject.WorkspaceSID; nil fields are
// left alone. Empty EventCallbackURL and EventsFilter clear them.
type WorkspaceUpdate struct {
	dispatch.Subject
	FriendlyName         *string
	DefaultActivitySID   *string
	TimeoutActivitySID   *string
	EventCallbackURL     *string
	EventsFilter         *string
	MultiTaskEnabled     *bool
	PrioritizeQueueOrder *string
}

// CreateWorkspace makes a Workspace with its default Activities and
// TaskChannels. The one event is workspace.created: what comes with a Workspace
// is not announced one by one.
func (s *Service) CreateWorkspace(ctx context.Context, n NewWorkspace) (*taskrouter.Workspace, error) {
	order, err := parseOrder("PrioritizeQueueOrder", n.PrioritizeQueueOrder)
	if err != nil {
		return nil, err
	}
	template, err := parseTemplate(n.Template)
	if err != nil {
		return nil, err
	}
	if err := firstError(checkFriendlyName(n.FriendlyName), checkURL("EventCallbackUrl", n.EventCallbackURL),
		checkText("EventsFilter", n.EventsFilter)); err != nil {
		return nil, err
	}
	at := s.opts.Now().UTC().Truncate(time.Microsecond)
	sid := n.ClaimedSID
	if sid == "" {
		sid = taskrouter.NewSID(taskrouter.PrefixWorkspace)
	}
	w := &taskrouter.Workspace{
		SID: sid, AccountSID: n.Account, FriendlyName: n.FriendlyName,
		EventCallbackURL: n.EventCallbackURL, EventsFilter: n.EventsFilter,
		MultiTaskEnabled:     n.MultiTaskEnabled == nil || *n.MultiTaskEnabled,
		PrioritizeQueueOrder: order, CreatedAt: at, UpdatedAt: at,
	}
	start := newStarter(w)
	if template == templateFIFO {
		start.addTemplate()
	}
	created := taskrouter.NewEvent(taskrouter.WorkspaceCreated, at, n.Actor, taskrouter.Scene{Workspace: w})
	created.Seq = 1
	err = s.store.CreateWorkspace(ctx, w, start.activities, start.channels, start.queues, start.workflows, []taskrouter.Event{created})
	if err != nil {
		return nil, err
	}
	s.changed("workspace created", w.SID, logging.AccountSID(w.AccountSID))
	return w, nil
}

func parseTemplate(value string) (string, error) {
	if value == "" {
		return templateNone, nil
	}
	return oneOf("Template", value, templateNone, templateFIFO)
}

// UpdateWorkspace changes a Workspace. When nothing differs there is no event
// and the version stays.
func (s *Service) UpdateWorkspace(ctx context.Context, n WorkspaceUpdate) (*taskrouter.Workspace, error) {
	order, err := s.checkWorkspaceUpdate(n)
	if err != nil {
		return nil, err
	}
	mayBecomeSingle, err := s.maySwitchToSingleTasking(ctx, n)
	if err != nil {
		return nil, err
	}
	var out *taskrouter.Workspace
	err = s.change(ctx, n.AccountSID, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		current := u.Config().Workspace
		next := *current
		out = &next
		if err := checkWorkspaceActivities(n, u.Config().Activities); err != nil {
			return err
		}
		if n.MultiTaskEnabled != nil && !*n.MultiTaskEnabled && current.MultiTaskEnabled && !mayBecomeSingle {
			return taskrouter.Invalidf("MultiTaskEnabled cannot be set to false: no other Workspace of the account is single-tasking")
		}
		set(&next.FriendlyName, n.FriendlyName)
		set(&next.DefaultActivitySID, n.DefaultActivitySID)
		set(&next.TimeoutActivitySID, n.TimeoutActivitySID)
		set(&next.EventCallbackURL, n.EventCallbackURL)
		set(&next.EventsFilter, n.EventsFilter)
		set(&next.MultiTaskEnabled, n.MultiTaskEnabled)
		set(&next.PrioritizeQueueOrder, order)
		if next == *current {
			return nil
		}
		next.Version++
		next.UpdatedAt = u.Now()
		u.SetWorkspace(&next)
		u.Emit(taskrouter.WorkspaceUpdated, taskrouter.Scene{Workspace: &next})
		if next.MultiTaskEnabled && !current.MultiTaskEnabled {
			// Agents busy with one Task have room for more from now on.
			return u.AddJob(ctx, dispatch.JobMatchWorkers, next.SID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed("workspace updated", n.WorkspaceSID)
	return out, nil
}

// checkWorkspaceUpdate checks what needs no lock and reads the queue order.
func (s *Service) checkWorkspaceUpdate(n WorkspaceUpdate) (*taskrouter.QueueOrder, error) {
	err := firstError(
		checkSent(n.FriendlyName, checkFriendlyName),
		checkSent(n.EventCallbackURL, func(v string) error { return checkURL("EventCallbackUrl", v) }),
		checkSent(n.EventsFilter, func(v string) error { return checkText("EventsFilter", v) }),
	)
	if err != nil || n.PrioritizeQueueOrder == nil {
		return nil, err
	}
	order, err := parseOrder("PrioritizeQueueOrder", *n.PrioritizeQueueOrder)
	return &order, err
}

func checkWorkspaceActivities(n WorkspaceUpdate, known map[string]*taskrouter.Activity) error {
	return firstError(
		checkSent(n.DefaultActivitySID, func(sid string) error {
			return checkReference("DefaultActivitySid", taskrouter.PrefixActivity, sid, known)
		}),
		checkSent(n.TimeoutActivitySID, func(sid string) error {
			return checkReference("TimeoutActivitySid", taskrouter.PrefixActivity, sid, known)
		}),
	)
}

// maySwitchToSingleTasking reports whether the account already has another
// single-tasking Workspace, the only case in which a Workspace may become one.
// https://www.twilio.com/docs/taskrouter/multitasking
func (s *Service) maySwitchToSingleTasking(ctx context.Context, n WorkspaceUpdate) (bool, error) {
	if n.MultiTaskEnabled == nil || *n.MultiTaskEnabled {
		return false, nil
	}
	const size = 200
	page := taskrouter.Page{Size: size}
	for {
		rows, err := s.store.ListWorkspaces(ctx, n.AccountSID, "", page)
		if err != nil {
			return false, err
		}
		for _, w := range rows {
			if !w.MultiTaskEnabled && !w.Deleting && w.SID != n.WorkspaceSID {
				return true, nil
			}
		}
		if len(rows) <= size {
			return false, nil
		}
		page.After = rows[size-1].SID
	}
}

// DeleteWorkspace makes the Workspace disappear at once and leaves the removal
// of its children to a bulk job. Its call queues go now, so that their phone
// numbers are free again. The one event is workspace.deleted.
func (s *Service) DeleteWorkspace(ctx context.Context, subject dispatch.Subject) error {
	err := s.change(ctx, subject.AccountSID, subject.WorkspaceSID, subject.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		next := *u.Config().Workspace
		next.Deleting = true
		next.Version++
		next.UpdatedAt = u.Now()
		for sid := range u.Config().CallQueues {
			u.DeleteCallQueue(sid)
		}
		u.SetWorkspace(&next)
		u.Emit(taskrouter.WorkspaceDeleted, taskrouter.Scene{Workspace: &next})
		return u.AddJob(ctx, dispatch.JobDeleteWorkspace, next.SID)
	})
	if err != nil {
		return err
	}
	s.changed("workspace deleted", subject.WorkspaceSID)
	return nil
}
