package rules

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// DefaultFilter as a filter index means the configuration's default filter.
const DefaultFilter = -1

// MaxPriority is the highest priority of a Task.
const MaxPriority = 1<<31 - 1

// Routing is a compiled Workflow configuration. It is immutable and safe for
// concurrent use.
type Routing struct {
	filters         []filter
	fallback        *Target
	queues          []QueueRef
	maxDecisionCost uint64
}

type filter struct {
	name       string
	expression *Program
	targets    []Target
}

// Target is one step of a filter, or the default filter.
type Target struct {
	// Name is the label of the target, if it has one; the router gives it no
	// meaning.
	Name string
	// QueueSID is where the Task waits. A target without a queue has the one
	// of the target before it.
	QueueSID string
	// Priority replaces the Task's priority; nil leaves it.
	Priority *int64
	// Timeout is how long the Task waits here; zero is without limit.
	Timeout time.Duration
	// Expression restricts the agents; nil admits the whole queue.
	Expression *Program
	// SkipIf is asked when nobody could be reserved; nil is never.
	SkipIf *Program
	// OrderBy ranks the agents; nil ranks by idle time only.
	OrderBy *Order
	// KnownWorkerSID and KnownWorkerName name the attribute that holds the one
	// agent who may take the Task. At most one of them is set.
	KnownWorkerSID, KnownWorkerName *Reference
}

// QueueRef is a queue a configuration mentions, and where.
type QueueRef struct {
	// Path is for example `filters[0].targets[1].queue`.
	Path string
	SID  string
}

// QueueRefs lists every mention of a queue in the order of the text.
func (r *Routing) QueueRefs() []QueueRef { return append([]QueueRef(nil), r.queues...) }

// Queues lists the distinct queues in the order of their first mention.
func (r *Routing) Queues() []string {
	seen := make(map[string]bool, len(r.queues))
	var out []string
	for _, q := range r.queues {
		if !seen[q.SID] {
			seen[q.SID] = true
			out = append(out, q.SID)
		}
	}
	return out
}

// DefaultQueue is the queue of a Task that names its agent itself and passes
// no filter: the default filter's, else the first target's. It is empty for a
// configuration without targets.
func (r *Routing) DefaultQueue() string {
	switch {
	case r.fallback != nil:
		return r.fallback.QueueSID
	case len(r.filters) > 0:
		return r.filters[0].targets[0].QueueSID
	}
	return ""
}

// Position is a target: filter and target count from zero; Filter is
// DefaultFilter for the default filter, whose only target is zero.
type Position struct{ Filter, Target int }

// At returns the target at a position; false when the configuration has none
// there.
func (r *Routing) At(pos Position) (Target, bool) {
	switch {
	case pos.Filter == DefaultFilter:
		if r.fallback == nil || pos.Target != 0 {
			return Target{}, false
		}
		return *r.fallback, true
	case pos.Filter < 0 || pos.Filter >= len(r.filters):
		return Target{}, false
	case pos.Target < 0 || pos.Target >= len(r.filters[pos.Filter].targets):
		return Target{}, false
	}
	return r.filters[pos.Filter].targets[pos.Target], true
}

// FilterAt returns the name and the expression of the filter at a position; both
// are empty for the default filter and for one that does not exist.
func (r *Routing) FilterAt(pos Position) (name, expression string) {
	if pos.Filter < 0 || pos.Filter >= len(r.filters) {
		return "", ""
	}
	f := &r.filters[pos.Filter]
	return f.name, f.expression.Source()
}

// ParseConfiguration reads and compiles the JSON text of a Workflow's
// configuration. Members it does not know are ignored. The first fault, in
// the order filters before default_filter and of the members of Target, is
// returned as an error of kind invalid that begins with its path, for example
// `filters[2].targets[0].timeout: must be positive`. That the queues exist is
// for the caller to check, with QueueRefs.
//
// The format is described at
// https://www.twilio.com/docs/taskrouter/workflow-configuration.
func (e *Engine) ParseConfiguration(text string) (*Routing, error) {
	if len(text) > MaxConfigurationBytes {
		return nil, taskrouter.Invalidf("Configuration is %d bytes, at most %d are allowed", len(text), MaxConfigurationBytes)
	}
	p := &configurationParser{engine: e, routing: &Routing{maxDecisionCost: e.options.MaxDecisionCost}}
	if err := p.root(text); err != nil {
		return nil, err
	}
	return p.routing, nil
}
