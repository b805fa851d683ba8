package dispatch

import (
	"context"
	"maps"
	"strconv"
	"sync"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// snapshot is a Workspace's configuration with what was compiled from it.
type snapshot struct {
	*Config
	// routings holds compiled configurations by Workflow and version, shared
	// among snapshots: a version never changes.
	routings *routingCache
	// sole is the only Workflow, or nil.
	sole *taskrouter.Workflow
	// live says whether a queue reads live values; nil until somebody asks.
	live *bool
}

type routingCache struct {
	mu sync.Mutex
	m  map[string]*rules.Routing
	// live is set once any of them has a target that reads live values.
	live bool
	// classes are the demand classes that were asked lately.
	classes classCache
}

func newRoutingCache() *routingCache { return &routingCache{m: map[string]*rules.Routing{}} }

type configCache struct {
	mu          sync.Mutex
	byWorkspace map[string]*snapshot
}

// get returns the snapshot of a revision, loading it when it is not the one
// that was cached.
func (c *configCache) get(ctx context.Context, ws string, revision int64, tx Tx) (*snapshot, error) {
	c.mu.Lock()
	s := c.byWorkspace[ws]
	c.mu.Unlock()
	if s != nil && s.Revision == revision {
		return s, nil
	}
	cfg, err := tx.Config(ctx)
	if err != nil {
		return nil, err
	}
	n := newSnapshot(cfg)
	if s != nil {
		n.routings = s.routings
	}
	return n, nil
}

func (c *configCache) put(ws string, s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byWorkspace[ws]; old == nil || old.Revision <= s.Revision {
		c.byWorkspace[ws] = s
	}
}

func (c *configCache) drop(ws string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byWorkspace, ws)
}

func newSnapshot(cfg *Config) *snapshot {
	s := &snapshot{Config: cfg, routings: newRoutingCache()}
	s.settle()
	return s
}

func (s *snapshot) settle() {
	s.sole = nil
	if len(s.Workflows) == 1 {
		for _, w := range s.Workflows {
			s.sole = w
		}
	}
}

// clone copies the maps so that a writer can change them.
func (s *snapshot) clone() *snapshot {
	c := *s.Config
	c.Activities = maps.Clone(c.Activities)
	c.Channels = maps.Clone(c.Channels)
	c.Queues = maps.Clone(c.Queues)
	c.Workflows = maps.Clone(c.Workflows)
	c.CallQueues = maps.Clone(c.CallQueues)
	return &snapshot{Config: &c, routings: s.routings, sole: s.sole}
}

// channel finds a TaskChannel by SID or unique name, or nil.
func (s *snapshot) channel(ref string) *taskrouter.TaskChannel {
	if c := s.Channels[ref]; c != nil {
		return c
	}
	for _, c := range s.Channels {
		if c.UniqueName == ref {
			return c
		}
	}
	return nil
}

// routing returns a compiled configuration. A stored configuration that does
// not parse any more (it did when it was saved) is an internal error.
func (u *Unit) routing(ctx context.Context, workflowSID string, version int64) (*rules.Routing, error) {
	cache := u.cfg().routings
	key := workflowSID + "/" + strconv.FormatInt(version, 10)
	cache.mu.Lock()
	r := cache.m[key]
	cache.mu.Unlock()
	if r != nil {
		return r, nil
	}
	var text string
	if w := u.cfg().Workflows[workflowSID]; w != nil && w.ConfigVersion == version {
		text = w.Configuration
	} else {
		var err error
		if text, err = u.tx.WorkflowConfiguration(ctx, workflowSID, version); err != nil {
			return nil, err
		}
	}
	r, err := u.d.engine.ParseConfiguration(text)
	if err != nil {
		return nil, &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "stored configuration does not parse", Cause: err}
	}
	cache.mu.Lock()
	cache.m[key] = r
	cache.live = cache.live || liveRouting(r)
	cache.mu.Unlock()
	return r, nil
}

// broken reports whether a routing cannot be had because what is stored does
// not parse or is gone. The Tasks that follow it wait for their time to live or
// a re-evaluation; everything else in the Workspace goes on. A store that does
// not answer is another matter.
func (u *Unit) broken(err error, workflowSID string) bool {
	if err == nil {
		return false
	}
	switch taskrouter.KindOf(err) {
	case taskrouter.KindInternal, taskrouter.KindNotFound, taskrouter.KindInvalid:
		u.d.log.Error("stored routing configuration cannot be used", logging.WorkflowSID(workflowSID), logging.Err(err))
		return true
	default:
		return false
	}
}

// queueProgram compiles a queue's membership expression; nil when the queue
// matches nobody.
func (u *Unit) queueProgram(q *taskrouter.TaskQueue) *rules.Program {
	if q.TargetWorkers == "" {
		return nil
	}
	p, err := u.d.engine.Compile(rules.PlaceQueueWorkers, q.TargetWorkers)
	if err != nil {
		// It compiled when it was saved: visible, and nobody matches.
		u.d.log.Error("stored queue expression does not compile", logging.QueueSID(q.SID), logging.Err(err))
		return nil
	}
	return p
}

// documentCache keeps decoded attributes documents by their text: the same
// text has the same meaning whoever owns it, and a transaction that was rolled
// back leaves nothing wrong behind.
type documentCache struct {
	mu sync.Mutex
	m  map[taskrouter.Attributes]rules.Document
}

// maxDocuments bounds the cache; it is emptied when full, which costs one
// decoding each and needs no bookkeeping.
const maxDocuments = 20000

func (c *documentCache) init() { c.m = map[taskrouter.Attributes]rules.Document{} }

func (c *documentCache) get(a taskrouter.Attributes) (rules.Document, error) {
	c.mu.Lock()
	doc, ok := c.m[a]
	c.mu.Unlock()
	if ok {
		return doc, nil
	}
	doc, err := rules.ParseDocument(a)
	if err != nil {
		return doc, err
	}
	c.mu.Lock()
	if len(c.m) >= maxDocuments {
		clear(c.m)
	}
	c.m[a] = doc
	c.mu.Unlock()
	return doc, nil
}
