package dispatch

import (
	"time"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Bounds of explanations and dry runs, which are for people.
const (
	// maxLooks is how many of them a process makes at a time. Each may read a
	// whole Workspace, on a connection and a processor that routing needs too.
	maxLooks = 2
	// MaxExplainedAgents is the most agents an explanation lists.
	MaxExplainedAgents = 100
	// maxAgentsRead is how many agents of a Workspace are looked at.
	maxAgentsRead = 20_000
	// maxClassesRead is how many demand classes are.
	maxClassesRead = 2_000
	// maxLine is how far a waiting line is followed.
	maxLine = 100
	// maxNear is for how many agents the nearest change is worked out, and
	// maxRemedies how many changes are told.
	maxNear, maxRemedies = 25, 5
	// maxNextTasks is how many waiting Tasks are told for an agent.
	maxNextTasks = 10
	// maxOffersRead bounds the Reservations told of a Task.
	maxOffersRead = 200
)

// The words of explanations, for callers that know neither the rules nor
// matching.
type (
	// Clause is an evaluated expression; see rules.Clause.
	Clause = rules.Clause
	// Edit is one change to an agent's attributes; see rules.Edit.
	Edit = rules.Edit
	// Reason is why an agent is passed over; see matching.Reason.
	Reason = matching.Reason
)

// Obstacle is one thing that keeps an agent from a Task.
type Obstacle struct {
	Reason matching.Reason
	// Activity is the agent's, when it is in the way.
	Activity string
	// Used and Capacity are of the channel, when it has no room; Used counts
	// all open Reservations of an agent who may have only one.
	Used, Capacity int
	// Expression is the one that is not true, and Clauses its clauses that
	// are not, with their values.
	Expression string
	Clauses    []rules.Clause
}

// AgentVerdict is why a waiting Task is not being offered to an agent; without
// Obstacles the agent fits.
type AgentVerdict struct {
	WorkerSID, FriendlyName string
	// Member says that the agent is a member of the Task's queue.
	Member    bool
	Obstacles []Obstacle
	// Earlier are the offers of this Task the agent had before.
	Earlier []*taskrouter.Reservation
}

// StepKind is a kind of change to an agent.
type StepKind string

// The steps. They are to be made in this order.
const (
	StepAttributes StepKind = "attributes"
	StepCapacity   StepKind = "capacity"
	StepChannel    StepKind = "channel"
	StepFinish     StepKind = "finish"
	StepActivity   StepKind = "activity"
)

// Step is one part of a Remedy.
type Step struct {
	Kind StepKind
	// Edits are of StepAttributes.
	Edits []rules.Edit
	// Channel is the unique name of the channel of StepCapacity, StepChannel
	// and StepFinish; Count the new capacity, or how many Tasks are finished.
	Channel string
	Count   int
	// ActivitySID and Activity are of StepActivity.
	ActivitySID, Activity string
}

// Remedy is what would make an agent take a Task.
type Remedy struct {
	WorkerSID, FriendlyName string
	Steps                   []Step
	// Ahead is how many waiting Tasks come first for this agent.
	Ahead int
	// Assigns says that the Task is offered to the agent by the change
	// itself; otherwise those before it use up the room.
	Assigns bool
	// Cost counts what it takes: Tasks to be finished, switches, edits
	// (double), and the Tasks ahead.
	Cost int
}

// Standing is the routing target a Task is in.
type Standing struct {
	// Direct says how the filters were bypassed; Position is then without
	// meaning. Gone is set when the configuration has no such target any more.
	Direct taskrouter.Direct
	Gone   bool
	rules.Position
	ConfigVersion                int64
	FilterName, FilterExpression string
	TargetName                   string
	Expression, SkipIf, OrderBy  string
	Queue                        *taskrouter.TaskQueue // nil when none
	// KnownWorker is the SID or name the target demands.
	KnownWorker string
}

// TaskExplanation is where a Task stands and why.
type TaskExplanation struct {
	Task *taskrouter.Task
	// Seq is the number of the Workspace's last event at the moment the
	// explanation is about, At that moment.
	Seq      int64
	At       time.Time
	Standing Standing
	// JobRunning says that a bulk job has not finished: who is a member of
	// which queue, and what was matched, may lag behind.
	JobRunning bool

	// The rest up to Nearest is of a pending Task. Before is how many waiting
	// Tasks of the queue stand before it, Waiting how many there are.
	Before, Waiting int
	Agents          []AgentVerdict
	// Totals counts the agents by the first thing in their way; Considered is
	// their sum. Truncated says that there are more agents than were read.
	Totals     map[matching.Reason]int
	Considered int
	Truncated  bool
	// Nearest are changes after which an agent takes the Task, the least first.
	Nearest []Remedy

	// Offers are the Reservations made so far, the oldest first.
	Offers []*taskrouter.Reservation
	// MaxAssignments is how often the Task may be offered.
	MaxAssignments int
}

// TaskVerdict is a waiting Task as one agent sees it; without Obstacles it is
// one the agent takes, or would.
type TaskVerdict struct {
	Task      *taskrouter.Task
	Obstacles []Obstacle
}

// QueueVerdict is whether an agent is a member of a queue.
type QueueVerdict struct {
	Queue  *taskrouter.TaskQueue
	Member bool
	// Live says that the queue's expression reads values that change while
	// agents work, so that it is asked at each match.
	Live bool
	// Clauses are those that are not true.
	Clauses []rules.Clause
	// Fault is why the expression cannot be used.
	Fault string
}

// WorkerExplanation is why an agent is idle or busy.
type WorkerExplanation struct {
	Agent      *Agent
	Activity   *taskrouter.Activity // nil when it does not exist any more
	Seq        int64
	At         time.Time
	JobRunning bool
	// MayTake says that the agent can be offered a Task now on some channel.
	MayTake bool
	Offers  []*taskrouter.Reservation
	Queues  []QueueVerdict
	// Next are the first waiting Tasks the agent would take, in order, if it
	// were in an available Activity with nothing else to do.
	Next []TaskVerdict
	// Waiting are the first waiting Tasks of its queues, and why each is not
	// given to it.
	Waiting []TaskVerdict
}
