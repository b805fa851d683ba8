package rules

import (
	"cmp"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Order is a compiled order_by: which agent of several is preferred. It is
// immutable and safe for concurrent use.
type Order struct {
	source  string
	clauses []orderClause
	live    bool
}

type orderClause struct {
	path       []twilioexpr.Segment
	descending bool
}

// CompileOrder reads clauses such as `worker.finance DESC, worker.support`;
// the direction is ASC when not given. Only this clause syntax exists, there
// is no CEL form. A text that is not such a list is an error of kind invalid.
func (e *Engine) CompileOrder(src string) (*Order, error) {
	list, err := twilioexpr.ParseOrder(src, e.options.syntax())
	if err != nil {
		return nil, taskrouter.Invalidf("Invalid order_by: %v", err)
	}
	o := &Order{source: src}
	for _, c := range list {
		read, err := scopes[PlaceOrderBy].resolve(c.Reference)
		if err != nil {
			return nil, taskrouter.Invalidf("Invalid order_by: %v", err)
		}
		o.clauses = append(o.clauses, orderClause{path: read.Path, descending: c.Descending})
		o.live = o.live || readsLive([]twilioexpr.Read{read})
	}
	return o, nil
}

// Source is the text as it was given.
func (o *Order) Source() string { return o.source }

// Live reports whether the order reads an agent's Activity or channels.
func (o *Order) Live() bool { return o.live }

// Compare is negative when a is preferred to b, positive when b is, and zero
// when the clauses do not tell; the caller then prefers the agent idle for
// longer. Only integers are compared. An agent whose value is missing or of
// another type comes after those that have one, in both directions.
func (o *Order) Compare(a, b WorkerFacts) int {
	for _, c := range o.clauses {
		x, hasX := integerAt(&a, c.path)
		y, hasY := integerAt(&b, c.path)
		switch {
		case hasX != hasY && hasX:
			return -1
		case hasX != hasY:
			return 1
		case !hasX || x == y:
		case c.descending:
			return cmp.Compare(y, x)
		default:
			return cmp.Compare(x, y)
		}
	}
	return 0
}

func integerAt(w *WorkerFacts, path []twilioexpr.Segment) (types.Int, bool) {
	v, ok := w.member(path[0].Name)
	if !ok {
		return 0, false
	}
	n, ok := walk(v, path[1:]).(types.Int)
	return n, ok
}

// walk follows a path from a value; null when it leads nowhere.
func walk(v ref.Val, path []twilioexpr.Segment) ref.Val {
	for _, s := range path {
		if s.IsIndex {
			v = itemOf(v, types.Int(s.Index))
		} else {
			v = fieldOf(v, types.String(s.Name))
		}
	}
	return v
}
