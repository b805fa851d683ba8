package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ErrInDoubt is in the error of a transaction whose commit may have happened: the
// connection was lost before the answer came. Its commands must not be carried
// out again by us; who sent them may.
var ErrInDoubt = errors.New("the answer to a commit was lost")

// Store is the durable state behind the dispatcher.
type Store interface {
	// InWorkspace runs fn in one transaction that holds the Workspace's lock.
	// An unknown Workspace is a KindNotFound error. The transaction commits
	// when fn returns nil, or with changes that were announced as its last, and
	// leaves no trace otherwise. A lost connection or a database that cannot be
	// reached is a KindUnavailable error, with ErrInDoubt when it may have
	// committed. A Task fn
	// will ask for first, if there is one, may be read along with the lock.
	InWorkspace(ctx context.Context, workspaceSID string, fn func(ctx context.Context, tx Tx) error, first ...string) error
	// ReadWorkspace runs fn on one moment of the Workspace, without its lock.
	// An unknown Workspace is a KindNotFound error.
	ReadWorkspace(ctx context.Context, workspaceSID string, fn func(ctx context.Context, s Snapshot) error) error
	Reader
}

// Reader is what the dispatcher reads without the lock.
type Reader interface {
	// WorkspaceOfLeg and WorkspaceOfReservation find the Workspace to lock;
	// empty when unknown.
	WorkspaceOfLeg(ctx context.Context, attempt string) (string, error)
	WorkspaceOfReservation(ctx context.Context, sid string) (string, error)
	// WorkspaceOfCall finds the Workspace of a caller's leg; empty when unknown.
	WorkspaceOfCall(ctx context.Context, ref CallRef) (string, error)
	// DueWorkspaces lists Workspaces that have Tasks with a deadline before
	// now, at most limit.
	DueWorkspaces(ctx context.Context, now time.Time, limit int) ([]string, error)
	// PendingNotices lists notices due at now, oldest first, skipping rows
	// another process holds.
	PendingNotices(ctx context.Context, now time.Time, limit int) ([]Notice, error)
	// CountNotices is the length of the outbox.
	CountNotices(ctx context.Context) (int, error)
	// DeleteNotices removes rows whose revision is not newer than what was sent.
	DeleteNotices(ctx context.Context, sent []Notice) error
	// PostponeNotices moves rows that could not be sent to a later time.
	PostponeNotices(ctx context.Context, notices []Notice, until time.Time) error
	// RemovableTasks lists ended Tasks whose grace period is over.
	RemovableTasks(ctx context.Context, now time.Time, limit int) ([]TaskRef, error)
	// OpenTasks lists Tasks that have not ended, by SID, after a SID: for the
	// reconciler.
	OpenTasks(ctx context.Context, after string, limit int) ([]TaskRef, error)
	// Jobs lists Workspaces with unfinished bulk jobs, oldest first.
	JobWorkspaces(ctx context.Context, limit int) ([]string, error)
}

// TaskRef names a Task and where it lives.
type TaskRef struct{ AccountSID, WorkspaceSID, TaskSID string }

// CallRef names a caller's leg.
type CallRef struct{ AccountSID, Backend, CallSID string }

// Notice is one row of the outbox: the durable run of a Task must learn of a
// revision.
type Notice struct {
	TaskRef
	Revision int64
	DueAt    time.Time
	// First is set until the durable run was started once.
	First bool
}

// LockRow is the row the lock is taken on.
type LockRow struct {
	WorkspaceSID, AccountSID string
	// ConfigRevision grows with each configuration write; EventSeq is the
	// last event's number.
	ConfigRevision, EventSeq int64
	// NextDue is a lower bound of the earliest deadline in the Workspace;
	// zero when there is none.
	NextDue time.Time
}

// Config is everything at rest in a Workspace that dispatch reads. It is
// immutable once loaded; writers replace entries in a copy.
type Config struct {
	Revision   int64
	Workspace  *taskrouter.Workspace
	Activities map[string]*taskrouter.Activity
	Channels   map[string]*taskrouter.TaskChannel
	Queues     map[string]*taskrouter.TaskQueue
	Workflows  map[string]*taskrouter.Workflow
	CallQueues map[string]*taskrouter.CallQueue
}

// Agent is a Worker with its channels.
type Agent struct {
	*taskrouter.Worker
	Channels []*taskrouter.WorkerChannel
}

// DemandClass groups waiting Tasks that any given Worker either fits or does
// not fit together.
type DemandClass struct {
	Key          string
	WorkspaceSID string
	QueueSID     string
	ChannelSID   string
	WorkflowSID  string
	// ConfigVersion, Filter and Target name the routing target.
	ConfigVersion  int64
	Filter, Target int
	// WorkerSID is set when only this Worker may take the Tasks: a known
	// worker or a Worker-targeted Task.
	WorkerSID string
	// IgnoreMembership is set for Worker-targeted Tasks: the queue is for
	// statistics only.
	IgnoreMembership bool
	// Sample is the attributes document of one of the Tasks; all others agree
	// with it in every value the target expression reads.
	Sample taskrouter.Attributes
	// Waiting is how many Tasks wait in the class.
	Waiting int
}

// Waiting is a Task's place in the line of its queue.
type Waiting struct {
	TaskSID, QueueSID string
	// Class is the key of its demand class.
	Class                   string
	Priority                int64
	VirtualStart, CreatedAt time.Time
}

// CandidateQuery asks for the members of a queue that could take a Task now.
type CandidateQuery struct {
	QueueSID, ChannelSID string
	// ByChannel orders by idle time on the channel instead of overall.
	ByChannel bool
	// SingleTasking demands that the Worker has no open Reservation at all.
	SingleTasking bool
	// AfterIdle and AfterSID continue after the last row of the page before.
	AfterIdle time.Time
	AfterSID  string
	// Limit bounds the page; 0 returns all.
	Limit int
}

// Tx reads and writes one Workspace under its lock. Reads see what Apply
// wrote. Returned values belong to the caller.
type Tx interface {
	Lock() LockRow
	Config(ctx context.Context) (*Config, error)
	// WorkflowConfiguration is the text of an older version of a configuration.
	WorkflowConfiguration(ctx context.Context, workflowSID string, version int64) (string, error)

	// Tasks returns the rows that exist, in no order; unknown SIDs are left out.
	Tasks(ctx context.Context, sids ...string) ([]*taskrouter.Task, error)
	// DueTasks returns Tasks whose deadline is not after now, earliest first.
	DueTasks(ctx context.Context, now time.Time, limit int) ([]*taskrouter.Task, error)
	// NextDue is the earliest deadline of any Task of the Workspace.
	NextDue(ctx context.Context) (time.Time, error)
	// TasksOfWorkflow pages through not ended Tasks of a Workflow, or of the
	// whole Workspace when it is empty, by SID.
	TasksOfWorkflow(ctx context.Context, workflowSID, after string, limit int) ([]*taskrouter.Task, error)
	// WaitingTasks pages through Tasks of a queue that may be offered now.
	WaitingTasks(ctx context.Context, queueSID, after string, limit int) ([]*taskrouter.Task, error)
	// CountWorkers counts the Workers of the Workspace.
	CountWorkers(ctx context.Context) (int, error)
	// CountTasks counts not ended Tasks by workflow, queue or channel; the
	// first non-empty argument decides.
	CountTasks(ctx context.Context, workflowSID, queueSID, channelSID string) (int, error)

	// OpenReservations returns the pending, accepted and wrapping ones of Tasks.
	OpenReservations(ctx context.Context, taskSIDs ...string) ([]*taskrouter.Reservation, error)
	// OpenReservationsOf returns those of a Worker.
	OpenReservationsOf(ctx context.Context, workerSID string) ([]*taskrouter.Reservation, error)
	// Reservation returns one in any state, or nil.
	Reservation(ctx context.Context, sid string) (*taskrouter.Reservation, error)

	// Agents returns the Workers that exist.
	Agents(ctx context.Context, sids ...string) ([]*Agent, error)
	// AgentNamed finds a Worker by friendly name, without case, or nil.
	AgentNamed(ctx context.Context, name string) (*Agent, error)
	// AllAgents pages through the Workers by SID.
	AllAgents(ctx context.Context, after string, limit int) ([]*Agent, error)
	// Candidates returns members of a queue that are available with room on
	// the channel, longest idle first, then by SID.
	Candidates(ctx context.Context, q CandidateQuery) ([]*Agent, error)
	// IsMember reports whether a Worker is a member of a queue.
	IsMember(ctx context.Context, queueSID, workerSID string) (bool, error)
	// QueuesOf lists the queues a Worker is a member of.
	QueuesOf(ctx context.Context, workerSID string) ([]string, error)
	// Presence counts the members of a queue by Activity SID.
	Presence(ctx context.Context, queueSID string) (map[string]int, error)

	// ClassKeys lists the non-empty demand classes of the queues a Worker is a
	// member of, and those that name the Worker, in no order.
	ClassKeys(ctx context.Context, workerSID string) ([]string, error)
	// Classes returns those that exist, in no order.
	Classes(ctx context.Context, keys ...string) ([]*DemandClass, error)
	// Heads returns the first of all Tasks of some classes in FIFO order, and
	// the first of all of others in LIFO order.
	Heads(ctx context.Context, fifo, lifo []string) ([]*taskrouter.Task, error)
	// Lines returns the first waiting Tasks of each queue, at most as many as
	// limit says: of some queues those that are first in FIFO order, of others
	// those that are first in LIFO order. They come in no order.
	Lines(ctx context.Context, fifo, lifo []string, limit int) ([]Waiting, error)

	// Call returns a caller's leg or nil; CallOfTask the live one of a Task.
	Call(ctx context.Context, ref CallRef) (*taskrouter.Call, error)
	CallOfTask(ctx context.Context, taskSID string) (*taskrouter.Call, error)
	// Leg returns an agent's leg or nil; Legs all not ended ones of Tasks;
	// OpenLegsTo those to a Worker; CountLegs all attempts of a Reservation.
	Leg(ctx context.Context, attempt string) (*taskrouter.Leg, error)
	Legs(ctx context.Context, taskSIDs ...string) ([]*taskrouter.Leg, error)
	OpenLegsTo(ctx context.Context, workerSID string) ([]*taskrouter.Leg, error)
	CountLegs(ctx context.Context, reservationSID string) (int, error)
	// LegsUp reports whether any leg of the Workspace has not ended that is
	// ours to end.
	LegsUp(ctx context.Context) (bool, error)

	// ClaimUnused fails with KindConflict when a claim's resource was created
	// already or the claim no longer stands. It holds the claim until the
	// transaction ends.
	ClaimUnused(ctx context.Context, resourceSID string) error

	// Job returns the oldest unfinished job of the Workspace, or nil.
	Job(ctx context.Context) (*Job, error)

	// Apply writes all changes in one round trip.
	Apply(ctx context.Context, c *Changes) error
}

// JobKind names a bulk job.
type JobKind string

// The bulk jobs.
const (
	JobReEvaluate      JobKind = "re-evaluate"
	JobMembership      JobKind = "membership"
	JobDeleteWorkspace JobKind = "delete-workspace"
	JobAddChannel      JobKind = "add-channel"
	JobRemoveChannel   JobKind = "remove-channel"
	JobMatchWorkers    JobKind = "match-workers"
)

// Job is a resumable piece of bulk work, run in chunks.
type Job struct {
	ID           string
	WorkspaceSID string
	Kind         JobKind
	// SubjectSID is the Workflow, queue or channel concerned.
	SubjectSID string
	// Cursor is the SID the next chunk starts behind.
	Cursor    string
	Done      bool
	CreatedAt time.Time
}

// TaskWrite is a Task with the earliest of its deadlines.
type TaskWrite struct {
	*taskrouter.Task
	Deadline time.Time
}

// Membership is one pair of queue and Worker.
type Membership struct{ QueueSID, WorkerSID string }

// Changes is everything one command writes. Rows are inserted or replaced by
// their key; the Delete lists remove rows.
type Changes struct {
	Lock LockRow

	Tasks          []TaskWrite
	Reservations   []*taskrouter.Reservation
	Workers        []*taskrouter.Worker
	WorkerChannels []*taskrouter.WorkerChannel
	Calls          []*taskrouter.Call
	Legs           []*taskrouter.Leg
	Events         []taskrouter.Event
	Notices        []Notice
	// Classes are added to the stored counts: Waiting is a difference.
	Classes []*DemandClass
	Jobs    []*Job

	Join, Leave []Membership

	Workspace  *taskrouter.Workspace
	Activities []*taskrouter.Activity
	Channels   []*taskrouter.TaskChannel
	Queues     []*taskrouter.TaskQueue
	Workflows  []*taskrouter.Workflow
	CallQueues []*taskrouter.CallQueue

	// Claims are the SIDs of resources created here that were claimed before.
	Claims []string

	// DeleteTasks also removes their Reservations and legs; DeleteWorkers
	// their channels and memberships; DeleteQueues their memberships.
	DeleteTasks, DeleteWorkers, DeleteActivities, DeleteChannels []string
	DeleteQueues, DeleteWorkflows, DeleteCallQueues              []string
	// DeleteWorkerChannels removes rows by SID.
	DeleteWorkerChannels []string
	// DeleteWorkspace removes the Workspace with whatever is left of it.
	DeleteWorkspace bool

	// Last promises that nothing else happens in the transaction and that it
	// succeeds: the store may commit along with the changes.
	Last bool
}
