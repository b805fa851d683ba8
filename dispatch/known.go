package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Public codes of a known worker that cannot be used. The Task stays in its
// target whatever the code.
const (
	codeKnownNotInQueue = 40152
	codeKnownUnknown    = 40154
)

// knownWorker resolves the known worker of a target for events and the log. A
// JSON null is a deliberate "nobody" and is not reported.
func (u *Unit) knownWorker(ctx context.Context, e *entry, tg rules.Target) error {
	e.scene.knownWorker = ""
	ref := tg.KnownWorkerSID
	if ref == nil {
		ref = tg.KnownWorkerName
	}
	if ref == nil {
		return nil
	}
	doc, err := u.d.documents.get(e.Task.Attributes)
	if err != nil {
		return err
	}
	value, _, isNull := ref.Lookup(doc)
	if isNull {
		return nil
	}
	report := func(code int, why string) {
		u.d.log.Warn("known worker cannot be used", logging.Code(code), logging.Reason(why),
			logging.TaskSID(e.Task.SID), logging.QueueSID(tg.QueueSID))
	}
	var a *Agent
	if value != "" {
		if a, err = u.agentByRef(ctx, value, tg.KnownWorkerSID == nil); err != nil {
			return err
		}
	}
	if a == nil {
		report(codeKnownUnknown, "missing or unknown in this workspace")
		return nil
	}
	e.scene.knownWorker = a.SID
	member, err := u.tx.IsMember(ctx, tg.QueueSID, a.SID)
	if err != nil {
		return err
	}
	if !member {
		report(codeKnownNotInQueue, "not in the target's queue")
	}
	return nil
}

// workerFree reports whether an agent can take anything at all.
func workerFree(a *Agent) bool {
	if !a.Available {
		return false
	}
	for _, c := range a.Channels {
		if c.HasRoom() {
			return true
		}
	}
	return false
}

// setActivity changes a Worker's Activity and says so in the log. It
// does not match; callers decide what the change makes possible.
func (u *Unit) setActivity(a *Agent, sid string) {
	act := u.cfg().Activities[sid]
	if act == nil || a.ActivitySID == sid {
		return
	}
	s := taskrouter.Scene{
		Worker: a.Worker, Activity: act,
		PreviousActivity:       u.cfg().Activities[a.ActivitySID],
		TimeInPreviousActivity: u.at.Sub(a.DateStatusChanged),
	}
	a.ActivitySID, a.Available = sid, act.Available
	a.DateStatusChanged, a.UpdatedAt = u.at, u.at
	a.Version++
	a.EligibilityVersion++
	u.touchAgent(a)
	u.Emit(taskrouter.WorkerActivityUpdate, s)
}
