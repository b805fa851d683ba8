package workspace

import (
	"context"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// NewActivity asks for an Activity.
type NewActivity struct {
	Account, WorkspaceSID string
	FriendlyName          string
	Available             bool
	Actor                 taskrouter.Actor
	// ClaimedSID, when set, is the SID the Activity gets.
	ClaimedSID string
}

// ActivityUpdate renames an Activity; its availability never changes.
type ActivityUpdate struct {
	dispatch.Subject
	FriendlyName *string
}

// CreateActivity adds an Activity to a Workspace.
func (s *Service) CreateActivity(ctx context.Context, n NewActivity) (*taskrouter.Activity, error) {
	if err := checkFriendlyName(n.FriendlyName); err != nil {
		return nil, err
	}
	a := &taskrouter.Activity{
		AccountSID: n.Account, WorkspaceSID: n.WorkspaceSID,
		FriendlyName: n.FriendlyName, Available: n.Available,
	}
	err := s.change(ctx, n.Account, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) (err error) {
		if len(u.Config().Activities) >= s.opts.MaxActivities {
			return taskrouter.Invalidf("A Workspace has at most %d Activities", s.opts.MaxActivities)
		}
		if a.SID, err = u.MintSID(ctx, taskrouter.PrefixActivity, n.ClaimedSID); err != nil {
			return err
		}
		a.CreatedAt, a.UpdatedAt = u.Now(), u.Now()
		u.PutActivity(a)
		u.Emit(taskrouter.ActivityCreated, taskrouter.Scene{Activity: a})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed("activity created", n.WorkspaceSID, logging.ActivitySID(a.SID))
	return a, nil
}

// UpdateActivity renames an Activity. Expressions see the new name at once.
func (s *Service) UpdateActivity(ctx context.Context, n ActivityUpdate) (*taskrouter.Activity, error) {
	if err := checkSent(n.FriendlyName, checkFriendlyName); err != nil {
		return nil, err
	}
	var out *taskrouter.Activity
	err := s.change(ctx, n.AccountSID, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		current, err := find(u.Config().Activities, "Activity", n.SID)
		if err != nil {
			return err
		}
		next := *current
		out = &next
		set(&next.FriendlyName, n.FriendlyName)
		if next == *current {
			return nil
		}
		next.UpdatedAt = u.Now()
		u.PutActivity(&next)
		u.Emit(taskrouter.ActivityUpdated, taskrouter.Scene{Activity: &next})
		// An expression that reads the name may fit agents it did not fit before.
		return u.AddJob(ctx, dispatch.JobMatchWorkers, u.Config().Workspace.SID)
	})
	if err != nil {
		return nil, err
	}
	s.changed("activity updated", n.WorkspaceSID, logging.ActivitySID(n.SID))
	return out, nil
}

// DeleteActivity removes an Activity nobody needs. It is refused while the
// Activity is a default of the Workspace or of a queue, or any agent is in it.
func (s *Service) DeleteActivity(ctx context.Context, subject dispatch.Subject) error {
	err := s.change(ctx, subject.AccountSID, subject.WorkspaceSID, subject.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		a, err := find(u.Config().Activities, "Activity", subject.SID)
		if err != nil {
			return err
		}
		if err := checkActivityUnused(u.Config(), a); err != nil {
			return err
		}
		if err := checkNobodyIn(ctx, u.Tx(), a); err != nil {
			return err
		}
		u.DeleteActivity(a.SID)
		u.Emit(taskrouter.ActivityDeleted, taskrouter.Scene{Activity: a})
		return nil
	})
	if err != nil {
		return err
	}
	s.changed("activity deleted", subject.WorkspaceSID, logging.ActivitySID(subject.SID))
	return nil
}

// checkActivityUnused refuses an Activity that the configuration names.
func checkActivityUnused(c *dispatch.Config, a *taskrouter.Activity) error {
	switch a.SID {
	case c.Workspace.DefaultActivitySID:
		return taskrouter.Invalidf("Activity %s is the default Activity of the Workspace", a.SID)
	case c.Workspace.TimeoutActivitySID:
		return taskrouter.Invalidf("Activity %s is the timeout Activity of the Workspace", a.SID)
	}
	for _, q := range sorted(c.Queues) {
		if a.SID == q.ReservationActivitySID || a.SID == q.AssignmentActivitySID {
			return taskrouter.Invalidf("Activity %s is used by TaskQueue %s", a.SID, q.SID)
		}
	}
	return nil
}

// checkNobodyIn walks the agents in pages, because deleting an Activity is rare
// and agents change Activity all the time: an index would cost more than it
// saves.
func checkNobodyIn(ctx context.Context, tx dispatch.Tx, a *taskrouter.Activity) error {
	const page = 500
	for after := ""; ; {
		agents, err := tx.AllAgents(ctx, after, page)
		if err != nil {
			return err
		}
		for _, g := range agents {
			if g.ActivitySID == a.SID {
				return taskrouter.Invalidf("Activity %s is the current Activity of at least one Worker", a.SID)
			}
			after = g.SID
		}
		if len(agents) < page {
			return nil
		}
	}
}
