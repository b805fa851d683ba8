package rules

import (
	"fmt"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// The meter counts a call after it has run. That stops anything that grows
// step by step, but not a single call that is quadratic or whose result is
// many times its arguments. Those are refused here, or held to arguments the
// document bounds.

// refused are functions with no use in a routing rule that would be worth
// what they can cost.
var refused = map[string]bool{
	"format": true, "strings.quote": true, "flatten": true, "distinct": true,
	"sort": true, "@sortByAssociatedKeys": true, "lists.range": true,
}

// longestInsert bounds what replace and join may put in many times.
const longestInsert = 64

// forbid returns an error that names the first call that is refused.
func forbid(root ast.Expr) error {
	var err error
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if err == nil && e.Kind() == ast.CallKind {
			err = forbidCall(e.AsCall())
		}
	}))
	return err
}

func forbidCall(c ast.CallExpr) error {
	name := c.FunctionName()
	switch {
	case refused[name]:
		return fmt.Errorf("function %s is not available", name)
	case name == "replace" && len(c.Args()) >= 2:
		if n, ok := literalText(c.Args()[0]); !ok || n == 0 {
			return fmt.Errorf("replace needs a constant, not empty, to look for")
		}
		if n, ok := literalText(c.Args()[1]); !ok || n > longestInsert {
			return fmt.Errorf("replace needs a constant replacement of at most %d bytes", longestInsert)
		}
	case name == "join" && len(c.Args()) == 1:
		if n, ok := literalText(c.Args()[0]); !ok || n > longestInsert {
			return fmt.Errorf("join needs a constant separator of at most %d bytes", longestInsert)
		}
	case name == "sets.contains", name == "sets.equivalent", name == "sets.intersects":
		for _, a := range c.Args() {
			if _, ok := staticPath(a); !ok && a.Kind() != ast.ListKind {
				return fmt.Errorf("%s needs attributes or written lists", name)
			}
		}
	}
	return nil
}

// literalText returns the length of a text constant in bytes.
func literalText(e ast.Expr) (int, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	s, ok := e.AsLiteral().(types.String)
	return len(s), ok
}
