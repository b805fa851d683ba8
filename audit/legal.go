package audit

import (
	"fmt"
	"slices"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// offer is an open Reservation as the log tells of it.
type offer struct {
	sid, worker, channel string
	status               taskrouter.ReservationStatus
	created              Evidence
}

// taskState is a Task as the log tells of it.
type taskState struct {
	sid string
	// whole is set when the log was read from the Task's creation on; only then
	// can an event be out of order.
	whole  bool
	status taskrouter.TaskStatus
	// accepted is the Reservation that was accepted.
	accepted string
	took     Evidence
	offers   map[string]*offer
	// falling is set between the event that says the Task fell out of its
	// Workflow and its cancellation.
	falling bool
	ended   bool
	deleted bool
	// doubted is set after a finding: the rest of its story is not judged.
	doubted bool
	last    Evidence
	rowSeen bool

	place place
}

func newTaskState(sid string) *taskState { return &taskState{sid: sid, offers: map[string]*offer{}} }

// taskStep is what an event of a Task itself demands and does. An empty state
// to go to leaves the state alone.
type taskStep struct {
	from []taskrouter.TaskStatus
	to   taskrouter.TaskStatus
	// over is set when no Reservation may be open any more.
	over bool
	// falls is set when a cancellation must follow.
	falls bool
}

var (
	waiting  = []taskrouter.TaskStatus{taskrouter.TaskPending}
	taken    = []taskrouter.TaskStatus{taskrouter.TaskAssigned, taskrouter.TaskWrapping}
	anyState = []taskrouter.TaskStatus{
		taskrouter.TaskPending, taskrouter.TaskReserved, taskrouter.TaskAssigned, taskrouter.TaskWrapping,
		taskrouter.TaskCompleted, taskrouter.TaskCanceled,
	}
)

// taskSteps are the legal steps of a Task: see
// https://www.twilio.com/docs/taskrouter/lifecycle-task-state.
func taskSteps() map[taskrouter.EventType]taskStep {
	return map[taskrouter.EventType]taskStep{
		taskrouter.WorkflowEntered:       {from: waiting},
		taskrouter.WorkflowTargetMatched: {from: waiting},
		taskrouter.TaskQueueEntered:      {from: waiting},
		taskrouter.TaskQueueMoved:        {from: waiting},
		taskrouter.TaskQueueTimeout:      {from: waiting},
		taskrouter.WorkflowTimeout:       {from: waiting, falls: true},
		taskrouter.WorkflowSkipped:       {from: waiting, falls: true},
		taskrouter.ReservationFailed:     {from: waiting, falls: true},
		taskrouter.TaskUpdated:           {from: anyState},
		taskrouter.TaskWasCanceled:       {from: waiting, to: taskrouter.TaskCanceled, over: true},
		taskrouter.TaskWrapup:            {from: []taskrouter.TaskStatus{taskrouter.TaskAssigned}, to: taskrouter.TaskWrapping},
		taskrouter.TaskWasCompleted:      {from: taken, to: taskrouter.TaskCompleted, over: true},
		taskrouter.TaskDeleted:           {from: anyState, over: true},
		taskrouter.TaskSystemDeleted:     {from: taken, over: true},
	}
}

// offerStep is what an event of a Reservation demands of it and of its Task.
type offerStep struct {
	from []taskrouter.ReservationStatus
	to   taskrouter.ReservationStatus
	task []taskrouter.TaskStatus
}

// offerSteps are the legal steps of a Reservation that exists: see
// https://www.twilio.com/docs/taskrouter/api/reservations.
func offerSteps() map[taskrouter.EventType]offerStep {
	pending := []taskrouter.ReservationStatus{taskrouter.ReservationPending}
	offered := []taskrouter.TaskStatus{taskrouter.TaskReserved}
	assigned := []taskrouter.TaskStatus{taskrouter.TaskAssigned}
	return map[taskrouter.EventType]offerStep{
		taskrouter.ReservationWasAccepted:  {pending, taskrouter.ReservationAccepted, offered},
		taskrouter.ReservationWasRejected:  {pending, taskrouter.ReservationRejected, offered},
		taskrouter.ReservationTimedOut:     {pending, taskrouter.ReservationTimeout, offered},
		taskrouter.ReservationWasCanceled:  {pending, taskrouter.ReservationCanceled, offered},
		taskrouter.ReservationWasRescinded: {pending, taskrouter.ReservationRescinded, assigned},
		taskrouter.ReservationWrapup: {
			[]taskrouter.ReservationStatus{taskrouter.ReservationAccepted}, taskrouter.ReservationWrapping, assigned,
		},
		taskrouter.ReservationWasCompleted: {
			[]taskrouter.ReservationStatus{taskrouter.ReservationAccepted, taskrouter.ReservationWrapping},
			taskrouter.ReservationCompleted, taken,
		},
	}
}

// fault is what is wrong with a step.
type fault struct {
	kind Kind
	text string
}

func illegal(format string, args ...any) *fault {
	return &fault{IllegalOrder, fmt.Sprintf(format, args...)}
}

// book has the tables of legal steps.
type book struct {
	tasks  map[taskrouter.EventType]taskStep
	offers map[taskrouter.EventType]offerStep
}

func newBook() *book { return &book{tasks: taskSteps(), offers: offerSteps()} }

// ofTask reports whether an event is a step of a Task or its Reservations.
func (b *book) ofTask(e *taskrouter.Event) bool {
	if e.TaskSID == "" {
		return false
	}
	if e.Type == taskrouter.TaskCreated || e.Type == taskrouter.ReservationWasCreated {
		return true
	}
	_, task := b.tasks[e.Type]
	_, offer := b.offers[e.Type]
	return task || offer
}

// apply carries out a step. burst is set when the event before it in the log
// offered the same Task. A step that is wrong is carried out as well as can be.
func (b *book) apply(t *taskState, e *taskrouter.Event, burst bool) *fault {
	f := b.step(t, e, burst)
	if !t.whole && t.status != taskrouter.TaskAssigned && t.status != taskrouter.TaskWrapping {
		// Nobody saw it begin: what the event says is all there is.
		t.status = taskrouter.TaskStatus(e.Data["task_assignment_status"])
	}
	t.last = evidence(e)
	if f != nil && f.kind == IllegalOrder && (!t.whole || t.doubted) {
		return nil
	}
	return f
}

func (b *book) step(t *taskState, e *taskrouter.Event, burst bool) *fault {
	switch {
	case e.Type == taskrouter.TaskCreated:
		if t.status != "" {
			return illegal("task %s begins twice", t.sid)
		}
		t.status, t.whole = taskrouter.TaskPending, true
		return nil
	case t.deleted:
		return illegal("%s of task %s after its deletion", e.Type, t.sid)
	case t.falling && e.Type != taskrouter.TaskWasCanceled:
		t.falling = false
		return illegal("%s of task %s between its fall out of the workflow and its cancellation", e.Type, t.sid)
	case e.Type == taskrouter.ReservationWasCreated:
		return b.offered(t, e, burst)
	}
	if s, ok := b.offers[e.Type]; ok {
		return b.moved(t, e, s)
	}
	s := b.tasks[e.Type]
	var f *fault
	switch {
	case !slices.Contains(s.from, t.status):
		f = illegal("%s of task %s, which is %s", e.Type, t.sid, t.status)
	case s.over && len(t.offers) > 0:
		f = illegal("%s of task %s with %d open reservations", e.Type, t.sid, len(t.offers))
	case e.Type == taskrouter.TaskWrapup && !t.wraps():
		f = illegal("%s of task %s without a reservation that wraps up", e.Type, t.sid)
	}
	t.falling = s.falls
	if s.to != "" {
		t.status = s.to
	}
	t.ended = t.ended || s.over
	t.deleted = e.Type == taskrouter.TaskDeleted || e.Type == taskrouter.TaskSystemDeleted
	return f
}

func (t *taskState) wraps() bool {
	if len(t.offers) == 0 {
		return false
	}
	for _, o := range t.offers {
		if o.status != taskrouter.ReservationWrapping {
			return false
		}
	}
	return true
}

func (b *book) offered(t *taskState, e *taskrouter.Event, burst bool) *fault {
	var f *fault
	switch {
	case t.offers[e.ReservationSID] != nil:
		f = illegal("reservation %s begins twice", e.ReservationSID)
	case t.status == taskrouter.TaskReserved && !burst:
		f = illegal("task %s is offered again while offers are open", t.sid)
	case t.status != taskrouter.TaskPending && t.status != taskrouter.TaskReserved:
		f = illegal("task %s is offered although it is %s", t.sid, t.status)
	}
	t.offers[e.ReservationSID] = &offer{
		sid: e.ReservationSID, worker: e.WorkerSID, channel: e.TaskChannelSID,
		status: taskrouter.ReservationPending, created: evidence(e),
	}
	if !t.ended && t.accepted == "" {
		t.status = taskrouter.TaskReserved
	}
	return f
}

func (b *book) moved(t *taskState, e *taskrouter.Event, s offerStep) *fault {
	o := t.offers[e.ReservationSID]
	var f *fault
	switch {
	case e.Type == taskrouter.ReservationWasAccepted && t.accepted != "" && t.accepted != e.ReservationSID:
		f = &fault{AcceptedTwice, fmt.Sprintf("task %s was accepted as %s and as %s", t.sid, t.accepted, e.ReservationSID)}
	case o == nil:
		f = illegal("%s of %s, which is not open", e.Type, e.ReservationSID)
	case !slices.Contains(s.from, o.status):
		f = illegal("%s of %s, which is %s", e.Type, e.ReservationSID, o.status)
	case !slices.Contains(s.task, t.status):
		f = illegal("%s of task %s, which is %s", e.Type, t.sid, t.status)
	}
	switch {
	case o == nil && s.to.Open(): // opened before the log begins
		t.offers[e.ReservationSID] = &offer{sid: e.ReservationSID, worker: e.WorkerSID, channel: e.TaskChannelSID, status: s.to, created: evidence(e)}
	case s.to.Open():
		o.status = s.to
	default:
		delete(t.offers, e.ReservationSID)
	}
	if e.Type == taskrouter.ReservationWasAccepted {
		if t.accepted == "" {
			t.accepted, t.took = e.ReservationSID, evidence(e)
		}
		t.status = taskrouter.TaskAssigned
	}
	if t.status == taskrouter.TaskReserved && len(t.offers) == 0 {
		t.status = taskrouter.TaskPending
	}
	return f
}
