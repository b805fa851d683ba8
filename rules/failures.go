package rules

import (
	"context"
	"fmt"
)

// Failures lists the filters above a position that have no value for a Task
// and therefore did not match it; above the default filter are all of them.
// Only an author's own CEL can fail, so that nothing else is evaluated. When
// ctx ends, the list ends early.
func (r *Routing) Failures(ctx context.Context, pos Position, task Document) []EvalError {
	above := r.filters
	if pos.Filter >= 0 {
		above = r.filters[:min(pos.Filter, len(r.filters))]
	}
	var out []EvalError
	in := Input{Task: &task}
	var spent uint64
	for i := range above {
		f := &above[i]
		if !f.expression.native {
			continue
		}
		_, cost, err := r.test(ctx, f, in, spent)
		spent += cost
		switch {
		case IsInterrupted(err):
			return out
		case err != nil:
			out = append(out, EvalError{Path: filterPath(i), Filter: i, Err: err})
		}
	}
	return out
}

// filterPath names the expression of a filter.
func filterPath(i int) string { return fmt.Sprintf("%s[%d].%s", keyFilters, i, keyExpression) }
