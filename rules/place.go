package rules

import (
	"strings"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

// Place says where an expression stands; it decides what its names mean, which
// prefixes they take and which documents it may read.
type Place int

// The places of an expression.
const (
	// PlaceTaskFilter is a filter's expression: bare names are Task attributes.
	PlaceTaskFilter Place = iota
	// PlaceQueueWorkers is a TaskQueue's TargetWorkers: bare names are the
	// agent's attributes and built-in values.
	PlaceQueueWorkers
	// PlaceTargetExpression is a target's expression: `task.` or `worker.` is
	// required.
	PlaceTargetExpression
	// PlaceSkipIf is a target's skip_if: `workers.` or `task.` is required.
	PlaceSkipIf
	// PlaceOrderBy is a target's order_by; see Engine.CompileOrder.
	PlaceOrderBy
	// PlaceKnownWorker is a reference to a Task attribute; see
	// Engine.CompileReference.
	PlaceKnownWorker
	// PlaceWorkerList filters a list of agents: as PlaceQueueWorkers.
	PlaceWorkerList
	// PlaceTaskList filters a list of Tasks: as PlaceTaskFilter.
	PlaceTaskList
)

// String names the place as its parameter is named.
func (p Place) String() string {
	names := [...]string{
		"filter expression", "TargetWorkers", "target expression", "skip_if",
		"order_by", "known worker", "TargetWorkersExpression", "EvaluateTaskAttributes",
	}
	if p < 0 || int(p) >= len(names) {
		return "expression"
	}
	return names[p]
}

// scope is what a place offers: the document of bare names, if any, and the
// documents that can be named by a prefix.
type scope struct {
	bare     twilioexpr.Root
	prefixes []twilioexpr.Root
}

var scopes = map[Place]scope{
	PlaceTaskFilter:       {bare: twilioexpr.RootTask, prefixes: []twilioexpr.Root{twilioexpr.RootTask}},
	PlaceTaskList:         {bare: twilioexpr.RootTask, prefixes: []twilioexpr.Root{twilioexpr.RootTask}},
	PlaceQueueWorkers:     {bare: twilioexpr.RootWorker, prefixes: []twilioexpr.Root{twilioexpr.RootWorker}},
	PlaceWorkerList:       {bare: twilioexpr.RootWorker, prefixes: []twilioexpr.Root{twilioexpr.RootWorker}},
	PlaceTargetExpression: {prefixes: []twilioexpr.Root{twilioexpr.RootTask, twilioexpr.RootWorker}},
	PlaceSkipIf:           {prefixes: []twilioexpr.Root{twilioexpr.RootWorkers, twilioexpr.RootTask}},
	PlaceOrderBy:          {prefixes: []twilioexpr.Root{twilioexpr.RootWorker}},
	PlaceKnownWorker:      {prefixes: []twilioexpr.Root{twilioexpr.RootTask}},
}

// resolve gives a written name its document.
func (s scope) resolve(r *twilioexpr.Reference) (twilioexpr.Read, error) {
	first := r.Path[0].Name
	if len(r.Path) > 1 && !r.Path[1].IsIndex {
		for _, root := range s.prefixes {
			if first == string(root) {
				read := twilioexpr.Read{Root: root, Path: r.Path[1:]}
				if root == twilioexpr.RootWorkers && !isCount(read.Path) {
					return read, &twilioexpr.SyntaxError{
						Position: r.Position, Token: twilioexpr.PathString(r.Path),
						Message: `unknown value "` + twilioexpr.PathString(r.Path) + `", expected workers.available, workers.unavailable or workers.WA…`,
					}
				}
				return read, nil
			}
		}
	}
	if s.bare != "" {
		return twilioexpr.Read{Root: s.bare, Path: r.Path}, nil
	}
	want := make([]string, len(s.prefixes))
	for i, root := range s.prefixes {
		want[i] = string(root) + "."
	}
	name := twilioexpr.PathString(r.Path)
	return twilioexpr.Read{}, &twilioexpr.SyntaxError{
		Position: r.Position, Token: name,
		Message: `unexpected name "` + name + `", names here begin with ` + strings.Join(want, " or "),
	}
}

// isCount reports whether a path below `workers.` names a number of agents.
func isCount(path []twilioexpr.Segment) bool {
	if len(path) != 1 {
		return false
	}
	n := path[0].Name
	return n == countAvailable || n == countUnavailable || strings.HasPrefix(n, "WA")
}
