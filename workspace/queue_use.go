package workspace

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// checkDoesNotLeadTo refuses a queue that a Workflow may still send Tasks to:
// by its configuration, or by an older one that open Tasks entered with and
// keep following.
func (s *Service) checkDoesNotLeadTo(ctx context.Context, u *dispatch.Unit, w *taskrouter.Workflow, queueSID string) error {
	if s.mentions(w.Configuration, queueSID) {
		return taskrouter.Invalidf("TaskQueue %s is used by Workflow %s", queueSID, w.SID)
	}
	if w.ConfigVersion <= 1 {
		return nil
	}
	older, err := olderVersionsInUse(ctx, u.Tx(), w)
	if err != nil {
		return err
	}
	for _, version := range older {
		text, err := u.Tx().WorkflowConfiguration(ctx, w.SID, version)
		if err != nil {
			return err
		}
		if s.mentions(text, queueSID) {
			return taskrouter.Invalidf("TaskQueue %s is used by Tasks that follow an earlier configuration of Workflow %s", queueSID, w.SID)
		}
	}
	return nil
}

// olderVersionsInUse lists the earlier versions of a configuration that open
// Tasks follow. It walks the Workflow's Tasks, which deleting a queue is rare
// enough to afford.
func olderVersionsInUse(ctx context.Context, tx dispatch.Tx, w *taskrouter.Workflow) ([]int64, error) {
	const page = 500
	versions := map[int64]bool{}
	for after := ""; ; {
		tasks, err := tx.TasksOfWorkflow(ctx, w.SID, after, page)
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			after = t.SID
			mayMove := t.Status == taskrouter.TaskPending || t.Status == taskrouter.TaskReserved
			if mayMove && t.Route.Direct == taskrouter.DirectNone && t.Route.ConfigVersion != w.ConfigVersion {
				versions[t.Route.ConfigVersion] = true
			}
		}
		if len(tasks) < page {
			return slices.Sorted(maps.Keys(versions)), nil
		}
	}
}

// mentions reports whether a configuration names a queue. Only texts that
// could name it are parsed: a SID may be written with escapes in JSON.
func (s *Service) mentions(configuration, queueSID string) bool {
	if !strings.Contains(configuration, queueSID) && !strings.Contains(configuration, `\u`) {
		return false
	}
	routing, err := s.engine.ParseConfiguration(configuration)
	if err != nil {
		// Accepted once and not understood any more: believe the text.
		return strings.Contains(configuration, queueSID)
	}
	return slices.Contains(routing.Queues(), queueSID)
}
