package audit

import (
	"context"
	"strconv"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// seat is an agent on a channel.
type seat struct{ worker, channel string }

// capacity is how much an agent takes on a channel at this point of the log.
type capacity struct {
	n int
	// said is set when an event of the log told, not the row.
	said bool
}

// assess finds out what the capacities were at the present point of the log:
// what the next change says they were before, or, without one, what they are.
func (l *replay) assess(ctx context.Context) error {
	l.caps = map[seat]capacity{}
	for seq := l.seq; ; {
		page, err := l.in.m.Events(ctx, seq, taskrouter.WorkerCapacityUpdate, pageSize)
		if err != nil {
			return err
		}
		for _, e := range page {
			s := seat{e.WorkerSID, e.TaskChannelSID}
			if _, seen := l.caps[s]; !seen {
				if n, err := strconv.Atoi(e.Data["worker_channel_previous_capacity"]); err == nil {
					l.caps[s] = capacity{n: n}
				}
			}
			seq = e.Seq
		}
		if len(page) < pageSize {
			break
		}
	}
	for _, w := range l.in.workers {
		for _, c := range w.Channels {
			s := seat{w.SID, c.TaskChannelSID}
			if _, seen := l.caps[s]; !seen {
				l.caps[s] = capacity{n: c.ConfiguredCapacity}
			}
		}
	}
	return nil
}

func (l *replay) resize(e *taskrouter.Event) {
	s := seat{e.WorkerSID, e.TaskChannelSID}
	n, err := strconv.Atoi(e.Data["worker_channel_capacity"])
	if err != nil {
		delete(l.caps, s)
		return
	}
	l.caps[s] = capacity{n: n, said: true}
}

// judgeOffer asks whether an agent may be offered a Task now: whether there is
// room, and whether it was its turn.
func (l *replay) judgeOffer(ctx context.Context, t *taskState, e *taskrouter.Event) error {
	if a := l.agent(e.WorkerSID); a != nil {
		if err := l.judgeRoom(ctx, a, t, e); err != nil {
			return err
		}
	}
	return l.judgeTurn(ctx, t, e)
}

// judgeRoom demands that an agent had room when an offer was made. An agent who
// holds more because capacity was lowered, or because earlier offers ignored
// it, is none of its business: it asks about the new offer.
func (l *replay) judgeRoom(ctx context.Context, a *agentState, t *taskState, e *taskrouter.Event) error {
	s := seat{e.WorkerSID, e.TaskChannelSID}
	have, decidable := l.caps[s]
	held, shown := 0, []Evidence{}
	for _, o := range a.held {
		if o.channel == e.TaskChannelSID {
			held++
			shown = append(shown, o.created)
		}
	}
	over, text := held+1 > have.n, "agent %s is offered a task with %d of %d reservations on channel %s"
	args := []any{e.WorkerSID, held, have.n, e.TaskChannelSID}
	ws := l.in.ws
	switch {
	case decidable && over:
	case !ws.MultiTaskEnabled && len(a.held) > 0 && unchangedSince(ws.CreatedAt, ws.UpdatedAt, e.At):
		text, args, shown = "agent %s works on one task at a time and is offered another with %d open", []any{e.WorkerSID, len(a.held)}, nil
		for _, o := range a.held {
			shown = append(shown, o.created)
		}
	case !decidable:
		l.in.undecidable(OverCapacity)
		return nil
	default:
		return nil
	}
	allowed, sure, err := l.ignoresCapacity(ctx, e)
	switch {
	case err != nil:
		return err
	case allowed:
		l.in.r.Totals.Excepted[OverCapacity]++
	case !sure:
		l.in.undecidable(OverCapacity)
	default:
		l.in.find(OverCapacity, subjects(e.WorkerSID, e.ReservationSID, t.sid), append(shown, evidence(e)), text, args...)
	}
	return nil
}

// ignoresCapacity reports whether an offer was to be made whatever the
// capacity. Only the Reservation itself says so, and it goes with its Task.
func (l *replay) ignoresCapacity(ctx context.Context, e *taskrouter.Event) (yes, sure bool, err error) {
	if !direct(e) {
		return false, true, nil
	}
	r, err := l.in.m.Reservation(ctx, e.ReservationSID)
	if err != nil || r == nil {
		return false, false, err
	}
	return r.IgnoresCapacity, true, nil
}

// direct reports whether the Task of an event names its agent itself.
func direct(e *taskrouter.Event) bool {
	return taskrouter.IsSID(taskrouter.PrefixWorker, e.Data["task_routing_target"])
}
