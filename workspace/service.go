package workspace

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Store is what the configuration needs outside a Workspace's lock.
type Store interface {
	// CreateWorkspace writes a Workspace with its first children and events in
	// one transaction.
	CreateWorkspace(ctx context.Context, w *taskrouter.Workspace, activities []*taskrouter.Activity,
		channels []*taskrouter.TaskChannel, queues []*taskrouter.TaskQueue,
		workflows []*taskrouter.Workflow, events []taskrouter.Event) error
	// ListWorkspaces pages through an account's Workspaces; an empty name does
	// not restrict.
	ListWorkspaces(ctx context.Context, accountSID, friendlyName string, page taskrouter.Page) ([]*taskrouter.Workspace, error)
	// CallQueueByNumber finds who a phone number is bound to, in any account
	// when accountSID is empty; nil when nobody.
	CallQueueByNumber(ctx context.Context, accountSID, backend, number string) (*taskrouter.CallQueue, error)
	// FetchCallQueue reads one; nil when unknown.
	FetchCallQueue(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.CallQueue, error)
}

// Options configure a Service. Zero values take the documented defaults.
type Options struct {
	// MaxActivities a Workspace; default 100.
	MaxActivities int
	// MaxQueues a Workspace; default 5,000.
	MaxQueues int
	// ValidateMenu checks a call queue's menu, a JSON text; nil accepts only
	// call queues without a menu.
	ValidateMenu func(menu string) error
	// Backends are the names of the configured voice back-ends. The first one
	// owns the numbers of a call queue that names none. None configured: any
	// name is accepted and the default is "fake".
	Backends []string
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Defaults of Options.
const (
	defaultMaxActivities = 100
	defaultMaxQueues     = 5000
	defaultBackend       = "fake"
)

func (o Options) withDefaults() Options {
	if o.MaxActivities <= 0 {
		o.MaxActivities = defaultMaxActivities
	}
	if o.MaxQueues <= 0 {
		o.MaxQueues = defaultMaxQueues
	}
	if o.ValidateMenu == nil {
		o.ValidateMenu = func(string) error { return taskrouter.Invalidf("Menu is not supported by this installation") }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Service changes configuration. It is safe for concurrent use. Its methods
// return *taskrouter.Error: KindInvalid for a parameter or a dependent that
// forbids the change, KindNotFound for what does not exist in the account.
type Service struct {
	dispatcher *dispatch.Dispatcher
	store      Store
	engine     *rules.Engine
	log        *zap.Logger
	opts       Options
}

// New makes a Service.
func New(d *dispatch.Dispatcher, st Store, engine *rules.Engine, log *zap.Logger, opts Options) *Service {
	return &Service{dispatcher: d, store: st, engine: engine, log: log.Named("workspace"), opts: opts.withDefaults()}
}

// change runs fn under the Workspace's lock; actor causes the events. fn may run
// more than once when a transaction is repeated, so it assigns its results anew
// each time. It makes all its checks before its first write, and it emits its
// own event before it adds a bulk job: the job's first chunk runs at once, and
// what it causes comes later in the event log. A Workspace that is being deleted
// does not exist any more.
func (s *Service) change(ctx context.Context, account, workspaceSID string, actor taskrouter.Actor, fn func(ctx context.Context, u *dispatch.Unit) error) error {
	if !taskrouter.IsSID(taskrouter.PrefixWorkspace, workspaceSID) {
		return taskrouter.NotFoundf("Workspace %s was not found", workspaceSID)
	}
	return s.dispatcher.InWorkspace(ctx, account, workspaceSID, func(ctx context.Context, u *dispatch.Unit) error {
		if err := u.Load(ctx); err != nil {
			return err
		}
		w := u.Config().Workspace
		if w.Deleting || w.AccountSID != account {
			return taskrouter.NotFoundf("Workspace %s was not found", workspaceSID)
		}
		u.As(actor)
		return fn(ctx, u)
	})
}

// changed writes the log line of a finished configuration change.
func (s *Service) changed(message, workspaceSID string, fields ...zap.Field) {
	s.log.Info(message, append(fields, logging.WorkspaceSID(workspaceSID))...)
}
