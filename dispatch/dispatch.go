package dispatch

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Notifier tells the durable run of a Task about a revision. A nil error means
// delivered; the notice is then removed from the outbox.
type Notifier interface {
	Notify(ctx context.Context, n Notice, v taskrouter.View) error
}

// Options are the dispatcher's tunables; zero values mean the defaults.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// MaxAssignments is how often a Task may be reserved before it is canceled.
	MaxAssignments int
	// AssignedLimit is how long a Task may stay accepted or wrapping.
	AssignedLimit time.Duration
	// GracePeriod is how long an ended Task can still be read.
	GracePeriod time.Duration
	// DefaultCapacity is the capacity of new WorkerChannels; nil means 1.
	DefaultCapacity *int
	// MaxWorkers a Workspace; default 15,000.
	MaxWorkers int
	// OnCommit is called after each commit that changed a Workspace.
	OnCommit func(workspaceSID string)
	// OnWork is called with the view of a Task after a commit that left
	// something to do for it, before its durable run hears of it, and must not
	// wait. It may be called more than once for the same thing.
	OnWork func(ctx context.Context, v taskrouter.View)
	// Observer is told what commands and transactions took; nil measures nothing.
	Observer Observer
	// Tracer follows commands, for traces; nil follows none.
	Tracer Tracer
	// BatchSize bounds how many commands share a transaction.
	BatchSize int
	// ChunkSize is how many rows one step of a bulk job handles.
	ChunkSize int
	// MaxQueueWait is how long commands of a Workspace may wait for their turn
	// before new Tasks are refused with ErrOverloaded; zero refuses none.
	MaxQueueWait time.Duration
	// Able reports whether a voice back-end can do something; nil: each can do
	// everything. An instruction that needs more is refused before it begins.
	Able func(backend string, a Ability) bool
	// Crash is called at named points between durable steps; tests end the
	// process there. Nil does nothing.
	Crash func(point string)
}

// Ability is something not every telephone platform can do.
type Ability string

// AbilityRecordLeg is the recording of a leg from its answer, whatever document
// runs on it.
const AbilityRecordLeg Ability = "record leg"

// AbilityWhisper is that one of those in a room can speak to one other only.
const AbilityWhisper Ability = "whisper"

// defaultMaxWorkers is the limit of the public API.
// https://www.twilio.com/docs/taskrouter/limits
const defaultMaxWorkers = 15000

func (o Options) withDefaults() Options {
	if o.Able == nil {
		o.Able = func(string, Ability) bool { return true }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxAssignments == 0 {
		o.MaxAssignments = taskrouter.DefaultMaxAssignments
	}
	if o.AssignedLimit == 0 {
		o.AssignedLimit = taskrouter.DefaultAssignedLimit
	}
	if o.GracePeriod == 0 {
		o.GracePeriod = taskrouter.DefaultGracePeriod
	}
	if o.MaxWorkers == 0 {
		o.MaxWorkers = defaultMaxWorkers
	}
	if o.BatchSize == 0 {
		o.BatchSize = 32
	}
	if o.ChunkSize == 0 {
		o.ChunkSize = 200
	}
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	return o
}

// Names of the crash points inside the dispatcher.
const (
	// CrashAfterCommit is between a commit and the wake-up of the durable run.
	CrashAfterCommit = "after-commit"
	// CrashAfterSignal is between the wake-up and the removal of its notice.
	CrashAfterSignal = "after-signal"
)

// Dispatcher decides; see the package comment. It is safe for concurrent use.
type Dispatcher struct {
	store    Store
	engine   *rules.Engine
	notifier Notifier
	log      *zap.Logger
	opts     Options

	executors executors
	configs   configCache
	documents documentCache
	outbox    *outbox
	// fewClasses and linePage are the constants, except in tests.
	fewClasses, linePage int
	// looks holds a token for each explanation that is being made.
	looks chan struct{}
}

// New makes a dispatcher. Notifier may be nil: notices then wait for a sweeper
// in another process.
func New(store Store, engine *rules.Engine, notifier Notifier, log *zap.Logger, opts Options) *Dispatcher {
	d := &Dispatcher{
		store: store, engine: engine, notifier: notifier,
		log: log.Named("dispatch"), opts: opts.withDefaults(), looks: make(chan struct{}, maxLooks),
		fewClasses: fewClasses, linePage: linePage,
	}
	d.executors.running = map[string]*executor{}
	d.configs.byWorkspace = map[string]*snapshot{}
	d.documents.init()
	d.outbox = newOutbox(d)
	return d
}

// Close waits until what was handed to the notifier is settled, or ctx ends.
// Undelivered notices stay in the outbox.
func (d *Dispatcher) Close(ctx context.Context) error { return d.outbox.close(ctx) }

// now is the clock in the store's precision.
func (d *Dispatcher) now() time.Time { return d.opts.Now().UTC().Truncate(time.Microsecond) }

// InWorkspace runs fn in the Workspace's serialized transaction. fn must
// report a domain error before its first call that writes; after that only a
// failing store may stop it.
func (d *Dispatcher) InWorkspace(ctx context.Context, account, workspaceSID string, fn func(ctx context.Context, u *Unit) error) error {
	return d.inWorkspace(ctx, work(workspaceSID, ""), account, fn)
}

func (d *Dispatcher) inWorkspace(ctx context.Context, p place, account string, fn func(ctx context.Context, u *Unit) error) error {
	return d.run(ctx, p, func(ctx context.Context, u *Unit) error {
		if account != "" && u.lock().AccountSID != account {
			return workspaceNotFound(p.workspace)
		}
		return fn(ctx, u)
	})
}

func workspaceNotFound(sid string) error {
	return taskrouter.NotFoundf("The requested resource /v1/Workspaces/%s was not found", sid)
}

// place is where a command waits for its turn.
type place struct {
	workspace string
	lane      lane
	// task is the one the command begins with; empty when it is not known, or
	// there is none.
	task string
}

// work is the place of what moves on what has begun.
func work(workspaceSID, taskSID string) place {
	return place{workspace: workspaceSID, lane: laneWork, task: taskSID}
}

// run hands a command to the Workspace's executor and waits for its outcome.
func (d *Dispatcher) run(ctx context.Context, p place, fn func(ctx context.Context, u *Unit) error) error {
	if !taskrouter.IsSID(taskrouter.PrefixWorkspace, p.workspace) {
		return workspaceNotFound(p.workspace)
	}
	return d.executors.submit(ctx, d, p, fn)
}

type executors struct {
	mu      sync.Mutex
	running map[string]*executor
}
