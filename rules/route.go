package rules

import (
	"context"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Cause is why a Task looks for a target.
type Cause int

// The causes.
const (
	// CauseInitial is a Task that is created or re-evaluated.
	CauseInitial Cause = iota
	// CauseTimeout is a target whose time ran out.
	CauseTimeout
	// CauseSkip is a target whose skip_if was true.
	CauseSkip
)

// String names the cause.
func (c Cause) String() string {
	switch c {
	case CauseInitial:
		return "initial"
	case CauseTimeout:
		return "timeout"
	case CauseSkip:
		return "skip"
	}
	return "unknown"
}

// Decision is the next step of a Task.
type Decision struct {
	// End says that there is no target. At creation that refuses the Task;
	// later it cancels it.
	End bool
	// Position and Target say where the Task goes, unless End.
	Position
	Target Target
	// FilterName and FilterExpression are those of the filter; empty for the
	// default filter.
	FilterName, FilterExpression string
	// Errors are the filters that failed and therefore did not match.
	Errors []EvalError
	// FiltersTested counts the filters whose expression was evaluated.
	FiltersTested int
	// Err is not nil when ctx ended before the decision was complete. It then
	// means nothing and must not be acted upon.
	Err error
}

// EvalError is a filter whose expression has no value for the Task.
type EvalError struct {
	// Path is for example `filters[3].expression`.
	Path   string
	Filter int
	Err    error
}

// Enter looks for the first matching filter from index `from` downwards and
// goes to its first target. When none matches, the default filter takes the
// Task unless the cause is a timeout: after a timeout it is never used.
func (r *Routing) Enter(ctx context.Context, from int, cause Cause, task Document) Decision {
	var d Decision
	in := Input{Task: &task}
	var spent uint64
	for i := max(from, 0); i < len(r.filters); i++ {
		f := &r.filters[i]
		d.FiltersTested++
		matched, cost, err := r.test(ctx, f, in, spent)
		spent += cost
		switch {
		case IsInterrupted(err):
			d.Err = err
			return d
		case err != nil:
			d.Errors = append(d.Errors, EvalError{Path: filterPath(i), Filter: i, Err: err})
		case matched:
			r.arrive(&d, Position{Filter: i})
			return d
		}
	}
	if r.fallback != nil && cause != CauseTimeout {
		r.arrive(&d, Position{Filter: DefaultFilter})
		return d
	}
	d.End = true
	return d
}

// Next leaves the target at pos for the one below it in the same filter, or,
// after the last, for the next matching filter. A default filter is never left
// this way: its own target is returned.
func (r *Routing) Next(ctx context.Context, pos Position, cause Cause, task Document) Decision {
	below := Position{Filter: pos.Filter, Target: pos.Target + 1}
	if pos.Filter == DefaultFilter {
		below = Position{Filter: DefaultFilter}
	}
	if _, ok := r.At(below); ok {
		var d Decision
		r.arrive(&d, below)
		return d
	}
	return r.Enter(ctx, pos.Filter+1, cause, task)
}

// FirstMatch returns the filter a new Task with these attributes would enter:
// DefaultFilter and true when only the default filter takes it, false when
// nothing does. A Task that is re-evaluated keeps its place when this is the
// filter it is in. When ctx ends the answer is false as well.
func (r *Routing) FirstMatch(ctx context.Context, task Document) (int, bool) {
	d := r.Enter(ctx, 0, CauseInitial, task)
	return d.Filter, !d.End && d.Err == nil
}

// test evaluates a filter within what the decision may still cost.
func (r *Routing) test(ctx context.Context, f *filter, in Input, spent uint64) (bool, uint64, error) {
	if f.expression.metered && spent > r.maxDecisionCost {
		return false, 0, taskrouter.Invalidf("expression not evaluated: the filters before it used up the work allowed for one decision")
	}
	return f.expression.eval(ctx, in)
}

// arrive fills a decision with the target at a position that exists.
func (r *Routing) arrive(d *Decision, pos Position) {
	d.Position = pos
	d.Target, _ = r.At(pos)
	d.FilterName, d.FilterExpression = r.FilterAt(pos)
}
