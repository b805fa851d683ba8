package workspace

import (
	"context"
	"regexp"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// NewTaskChannel asks for a TaskChannel.
type NewTaskChannel struct {
	Account, WorkspaceSID    string
	FriendlyName, UniqueName string
	OptimizedRouting         bool
	Actor                    taskrouter.Actor
	// ClaimedSID, when set, is the SID the TaskChannel gets.
	ClaimedSID string
}

// TaskChannelUpdate changes a TaskChannel; nil fields are left alone. The
// Subject's SID may be the channel's unique name, which itself never changes.
type TaskChannelUpdate struct {
	dispatch.Subject
	FriendlyName     *string
	OptimizedRouting *bool
}

// uniqueName is what can stand in an expression such as
// worker.channel.chat.assigned_tasks.
var uniqueName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

func checkUniqueName(name string) error {
	if name == "" {
		return taskrouter.Invalidf("UniqueName is required")
	}
	if len(name) > taskrouter.MaxFriendlyNameLength || !uniqueName.MatchString(name) {
		return taskrouter.Invalidf("UniqueName must be at most %d letters, digits, _ or $ and not start with a digit",
			taskrouter.MaxFriendlyNameLength)
	}
	if taskrouter.IsSID(taskrouter.PrefixTaskChannel, name) {
		// Paths and parameters take either: a name must not look like a SID.
		return taskrouter.Invalidf("UniqueName must not have the form of a SID")
	}
	return nil
}

// CreateTaskChannel adds a TaskChannel; a bulk job gives every agent a
// WorkerChannel for it.
func (s *Service) CreateTaskChannel(ctx context.Context, n NewTaskChannel) (*taskrouter.TaskChannel, error) {
	if err := firstError(checkFriendlyName(n.FriendlyName), checkUniqueName(n.UniqueName)); err != nil {
		return nil, err
	}
	c := &taskrouter.TaskChannel{
		AccountSID: n.Account, WorkspaceSID: n.WorkspaceSID,
		FriendlyName: n.FriendlyName, UniqueName: n.UniqueName, OptimizedRouting: n.OptimizedRouting,
	}
	err := s.change(ctx, n.Account, n.WorkspaceSID, n.Actor, func(ctx context.Context, u *dispatch.Unit) (err error) {
		if channelNamed(u.Config().Channels, n.UniqueName) != nil {
			return taskrouter.Invalidf("UniqueName %s is already used by a TaskChannel of the Workspace", n.UniqueName)
		}
		if c.SID, err = u.MintSID(ctx, taskrouter.PrefixTaskChannel, n.ClaimedSID); err != nil {
			return err
		}
		c.CreatedAt, c.UpdatedAt = u.Now(), u.Now()
		u.PutChannel(c)
		u.Emit(taskrouter.TaskChannelCreated, taskrouter.Scene{Channel: c})
		return u.AddJob(ctx, dispatch.JobAddChannel, c.SID)
	})
	if err != nil {
		return nil, err
	}
	s.changed("task channel created", n.WorkspaceSID, logging.Channel(c.UniqueName))
	return c, nil
}

// UpdateTaskChannel changes a TaskChannel.
func (s *Service) UpdateTaskChannel(ctx context.Context, n TaskChannelUpdate) (*taskrouter.TaskChannel, error) {
	if err := checkSent(n.FriendlyName, checkFriendlyName); err != nil {
		return nil, err
	}
	var out *taskrouter.TaskChannel
	err := s.change(ctx, n.AccountSID, n.WorkspaceSID, n.Actor, func(_ context.Context, u *dispatch.Unit) error {
		current, err := findChannel(u.Config().Channels, n.SID)
		if err != nil {
			return err
		}
		next := *current
		out = &next
		set(&next.FriendlyName, n.FriendlyName)
		set(&next.OptimizedRouting, n.OptimizedRouting)
		if next == *current {
			return nil
		}
		next.UpdatedAt = u.Now()
		u.PutChannel(&next)
		u.Emit(taskrouter.TaskChannelUpdated, taskrouter.Scene{Channel: &next})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed("task channel updated", n.WorkspaceSID, logging.Channel(out.UniqueName))
	return out, nil
}

// DeleteTaskChannel removes a TaskChannel that no open Task uses; a bulk job
// removes the agents' WorkerChannels. The default channel stays.
func (s *Service) DeleteTaskChannel(ctx context.Context, subject dispatch.Subject) error {
	var name string
	err := s.change(ctx, subject.AccountSID, subject.WorkspaceSID, subject.Actor, func(ctx context.Context, u *dispatch.Unit) error {
		c, err := findChannel(u.Config().Channels, subject.SID)
		if err != nil {
			return err
		}
		name = c.UniqueName
		if c.UniqueName == taskrouter.ChannelDefault {
			return taskrouter.Invalidf("TaskChannel %s is the default TaskChannel and cannot be deleted", c.SID)
		}
		open, err := u.CountTasks(ctx, "", "", c.SID)
		if err != nil {
			return err
		}
		if open > 0 {
			return taskrouter.Invalidf("TaskChannel %s is used by %d Tasks that have not ended", c.SID, open)
		}
		u.DeleteChannel(c.SID)
		u.Emit(taskrouter.TaskChannelDeleted, taskrouter.Scene{Channel: c})
		return u.AddJob(ctx, dispatch.JobRemoveChannel, c.SID)
	})
	if err != nil {
		return err
	}
	s.changed("task channel deleted", subject.WorkspaceSID, logging.Channel(name))
	return nil
}
