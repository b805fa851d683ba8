package taskrouter

import (
	"math"
	"strconv"
	"time"
)

// Counters is what is counted of one subject: a Workspace, a Workflow, a
// TaskQueue or a Worker. Each counts the events of a period that concern it.
type Counters struct {
	TasksCreated, TasksEntered, TasksCanceled, TasksCompleted int64
	TasksDeleted, TasksMoved, TasksTimedOut                   int64

	ReservationsCreated, ReservationsAccepted, ReservationsRejected   int64
	ReservationsTimedOut, ReservationsCanceled, ReservationsRescinded int64

	// UntilAccepted and UntilCanceled are counted from the creation of the
	// Task, InQueue from its entry into the queue to its acceptance.
	UntilAccepted, UntilCanceled, InQueue Durations
}

// Durations sums up spans of time, in whole seconds. Min and Max mean nothing
// when N is 0.
type Durations struct{ N, Total, Min, Max int64 }

// Average is the mean, rounded down; 0 when there is nothing.
func (d Durations) Average() int64 {
	if d.N == 0 {
		return 0
	}
	return d.Total / d.N
}

// Add counts one more span.
func (d *Durations) Add(seconds int64) {
	d.Merge(Durations{N: 1, Total: seconds, Min: seconds, Max: seconds})
}

// Merge adds what another sum counted.
func (d *Durations) Merge(o Durations) {
	switch {
	case o.N == 0:
		return
	case d.N == 0:
		*d = o
		return
	}
	d.N += o.N
	d.Total += o.Total
	d.Min = min(d.Min, o.Min)
	d.Max = max(d.Max, o.Max)
}

// Merge adds what other counters counted.
func (c *Counters) Merge(o *Counters) {
	c.TasksCreated += o.TasksCreated
	c.TasksEntered += o.TasksEntered
	c.TasksCanceled += o.TasksCanceled
	c.TasksCompleted += o.TasksCompleted
	c.TasksDeleted += o.TasksDeleted
	c.TasksMoved += o.TasksMoved
	c.TasksTimedOut += o.TasksTimedOut
	c.ReservationsCreated += o.ReservationsCreated
	c.ReservationsAccepted += o.ReservationsAccepted
	c.ReservationsRejected += o.ReservationsRejected
	c.ReservationsTimedOut += o.ReservationsTimedOut
	c.ReservationsCanceled += o.ReservationsCanceled
	c.ReservationsRescinded += o.ReservationsRescinded
	c.UntilAccepted.Merge(o.UntilAccepted)
	c.UntilCanceled.Merge(o.UntilCanceled)
	c.InQueue.Merge(o.InQueue)
}

// Count is what one event adds to the counters of one subject.
type Count struct {
	SubjectSID string
	Added      Counters
	// Outcome is set when the event ended a wait of Wait whole seconds.
	Outcome Outcome
	Wait    int64
}

// Outcome is how the wait of a Task ended.
type Outcome string

// The outcomes whose waits are kept one by one.
const (
	OutcomeNone     Outcome = ""
	OutcomeAccepted Outcome = "accepted"
	OutcomeCanceled Outcome = "canceled"
)

// tally is the counter of an event type and the subjects it is counted for.
type tally struct {
	add func(*Counters)
	// concerns selects from the subjects of the event.
	concerns func(*Event) []string
	outcome  Outcome
}

// tallies has a row for each event type that is counted.
var tallies = map[EventType]tally{
	TaskCreated:       {add: func(c *Counters) { c.TasksCreated++ }, concerns: workspaceOf},
	WorkflowEntered:   {add: func(c *Counters) { c.TasksEntered++ }, concerns: workflowOf},
	TaskQueueEntered:  {add: func(c *Counters) { c.TasksEntered++ }, concerns: queueOf},
	TaskWasCanceled:   {add: func(c *Counters) { c.TasksCanceled++ }, concerns: taskSubjects, outcome: OutcomeCanceled},
	TaskWasCompleted:  {add: func(c *Counters) { c.TasksCompleted++ }, concerns: taskSubjects},
	TaskDeleted:       {add: func(c *Counters) { c.TasksDeleted++ }, concerns: taskSubjects},
	TaskSystemDeleted: {add: func(c *Counters) { c.TasksDeleted++ }, concerns: taskSubjects},
	TaskQueueMoved:    {add: func(c *Counters) { c.TasksMoved++ }, concerns: movedFrom},
	WorkflowTimeout:   {add: func(c *Counters) { c.TasksTimedOut++ }, concerns: workflowAndAbove},

	ReservationWasCreated:   {add: func(c *Counters) { c.ReservationsCreated++ }, concerns: offerSubjects},
	ReservationWasAccepted:  {add: func(c *Counters) { c.ReservationsAccepted++ }, concerns: offerSubjects, outcome: OutcomeAccepted},
	ReservationWasRejected:  {add: func(c *Counters) { c.ReservationsRejected++ }, concerns: offerSubjects},
	ReservationTimedOut:     {add: func(c *Counters) { c.ReservationsTimedOut++ }, concerns: offerSubjects},
	ReservationWasCanceled:  {add: func(c *Counters) { c.ReservationsCanceled++ }, concerns: offerSubjects},
	ReservationWasRescinded: {add: func(c *Counters) { c.ReservationsRescinded++ }, concerns: offerSubjects},
}

func workspaceOf(e *Event) []string { return []string{e.WorkspaceSID} }
func workflowOf(e *Event) []string  { return []string{e.WorkflowSID} }
func queueOf(e *Event) []string     { return []string{e.QueueSID} }

func workflowAndAbove(e *Event) []string { return []string{e.WorkspaceSID, e.WorkflowSID} }
func taskSubjects(e *Event) []string     { return []string{e.WorkspaceSID, e.WorkflowSID, e.QueueSID} }

func offerSubjects(e *Event) []string {
	return []string{e.WorkspaceSID, e.WorkflowSID, e.QueueSID, e.WorkerSID}
}

// movedFrom counts a move for the queue the Task left.
func movedFrom(e *Event) []string {
	return []string{e.WorkspaceSID, e.WorkflowSID, e.Data["previous_task_queue_sid"]}
}

// Counts says what an event adds to which counters. Counters of a queue belong
// to the one the Task was in at that moment. Most types add nothing.
func (e *Event) Counts() []Count {
	row, ok := tallies[e.Type]
	if !ok {
		return nil
	}
	wait, waited := e.seconds("task_age")
	queued, inQueue := e.seconds("task_age_in_queue")
	var out []Count
	for _, sid := range row.concerns(e) {
		if sid == "" {
			continue
		}
		n := Count{SubjectSID: sid}
		row.add(&n.Added)
		if row.outcome != OutcomeNone && waited {
			n.Outcome, n.Wait = row.outcome, wait
		}
		switch n.Outcome {
		case OutcomeAccepted:
			n.Added.UntilAccepted.Add(wait)
			if inQueue && sid == e.QueueSID {
				n.Added.InQueue.Add(queued)
			}
		case OutcomeCanceled:
			n.Added.UntilCanceled.Add(wait)
		case OutcomeNone:
		}
		if sid == e.WorkerSID {
			n.Outcome = OutcomeNone // the waits of one Worker's Tasks are not split
		}
		out = append(out, n)
	}
	return out
}

// MaxWait is the longest wait that is told apart, in seconds.
const MaxWait = math.MaxInt32

func (e *Event) seconds(key string) (int64, bool) {
	n, err := strconv.ParseInt(e.Data[key], 10, 64)
	if err != nil {
		return 0, false
	}
	return min(max(n, 0), MaxWait), true
}

// Stay is the time a Worker spent in an Activity without a break.
type Stay struct {
	WorkerSID, ActivitySID string
	Since, Until           time.Time
}

// EndedStay is the stay that an event ended; false when it ended none, or one
// that took no time.
func (e *Event) EndedStay() (Stay, bool) {
	if e.Type != WorkerActivityUpdate {
		return Stay{}, false
	}
	ms, err := strconv.ParseInt(e.Data["worker_time_in_previous_activity_ms"], 10, 64)
	activity := e.Data["worker_previous_activity_sid"]
	if err != nil || ms <= 0 || activity == "" || e.WorkerSID == "" {
		return Stay{}, false
	}
	since := e.At.Add(-time.Duration(ms) * time.Millisecond)
	return Stay{WorkerSID: e.WorkerSID, ActivitySID: activity, Since: since, Until: e.At}, true
}

// Window is a span of time in whole seconds. Counters include both of its
// first and its last second.
type Window struct{ Start, End time.Time }

// CountQuery asks for counters.
type CountQuery struct {
	Window Window
	// SubjectSIDs are the subjects; what was not counted for one is zero.
	SubjectSIDs []string
	// ChannelSID restricts to one TaskChannel; empty does not.
	ChannelSID string
}

// WaitSplit is how many waits ended below a threshold, or at it, and above.
type WaitSplit struct{ AcceptedBelow, AcceptedAbove, CanceledBelow, CanceledAbove int64 }

// WorkerSelection selects Workers for statistics. Zero fields do not restrict.
type WorkerSelection struct {
	SID string
	// FriendlyName is compared without case.
	FriendlyName string
	// QueueSIDs keeps members of any of these queues.
	QueueSIDs []string
	// SIDs keeps these Workers; nil does not restrict.
	SIDs []string
}

// Everyone reports whether no Worker is left out.
func (w WorkerSelection) Everyone() bool {
	return w.SID == "" && w.FriendlyName == "" && w.QueueSIDs == nil && w.SIDs == nil
}

// TaskCensusQuery asks for the Tasks there are now.
type TaskCensusQuery struct {
	// QueueSIDs restricts to queues, and counts each of them on its own;
	// without them all Tasks are counted together, under the empty SID.
	QueueSIDs               []string
	WorkflowSID, ChannelSID string
}

// TaskCensus is how many Tasks there are, those included that ended and can
// still be read.
type TaskCensus struct {
	ByStatus map[TaskStatus]int64
	// ByPriority counts Tasks that are pending or reserved.
	ByPriority map[int64]int64
	// Oldest is the pending or reserved Task that was created first,
	// LongestInQueue the one that entered its queue first; a SID is empty
	// when there is none.
	Oldest, LongestInQueue WaitingTask
}

// WaitingTask is a Task and since when it waits.
type WaitingTask struct {
	SID   string
	Since time.Time
}

// Total is the number of all Tasks.
func (c *TaskCensus) Total() int64 {
	var n int64
	for _, k := range c.ByStatus {
		n += k
	}
	return n
}
