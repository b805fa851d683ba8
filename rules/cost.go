package rules

import (
	"slices"

	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// The largest values a document can hold: a text as long as the document, an
// array of one-digit numbers, an object of one-letter members.
const (
	largestText   = taskrouter.MaxAttributesLength
	largestArray  = taskrouter.MaxAttributesLength / 2
	largestObject = taskrouter.MaxAttributesLength / 6
)

// documentSizes tells CEL's estimator how large values can get.
type documentSizes struct{}

// EstimateSize bounds a value by its type and origin.
func (documentSizes) EstimateSize(n checker.AstNode) *checker.SizeEstimate {
	most := uint64(largestText)
	switch {
	case slices.Contains(n.Path(), "@items"), slices.Contains(n.Path(), "@keys"):
		// Elements can be many or long, not both: together they are one
		// document, so over a whole loop this is what they come to.
		most = 4
	case n.Type().Kind() == types.ListKind:
		most = largestArray
	case n.Type().Kind() == types.MapKind:
		most = largestObject
	}
	return &checker.SizeEstimate{Min: 0, Max: most}
}

// EstimateCallCost leaves calls to CEL's own figures.
func (documentSizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

// walkText is CEL's cost of walking two texts as long as a document: a tenth
// of a unit a character.
const walkText = 2 * largestText / 10

func fixed(low, high uint64) *checker.CallEstimate {
	return &checker.CallEstimate{CostEstimate: checker.CostEstimate{Min: low, Max: high}}
}

// costOfStep is one look-up.
func costOfStep(checker.CostEstimator, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return fixed(1, 1)
}

// costOfScalars walks two texts at most.
func costOfScalars(checker.CostEstimator, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return fixed(1, 1+walkText)
}

// costOfArray visits each element, and the text of all of them.
func costOfArray(_ checker.CostEstimator, _ *checker.AstNode, args []checker.AstNode) *checker.CallEstimate {
	items := uint64(largestArray)
	for _, a := range args {
		if s := a.ComputedSize(); s != nil && a.Type().Kind() == types.ListKind {
			items = max(items, s.Max)
		}
	}
	return fixed(1, 1+items+walkText)
}

// provenCost is the estimate up to which an evaluation needs no meter.
const provenCost = 50_000

// plainCalls are the CEL functions whose cost the estimate bounds: they do not
// make values larger than their arguments. They include what `exists` and
// `all` expand to.
var plainCalls = map[string]bool{
	operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true,
	operators.Conditional: true, operators.Equals: true, operators.NotEquals: true,
	operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true,
	operators.In: true, operators.Index: true, operators.OptIndex: true, operators.OptSelect: true,
	operators.Negate: true, "size": true, "startsWith": true, "endsWith": true, "contains": true,
	"orValue": true, "hasValue": true, operators.NotStrictlyFalse: true,
	"lowerAscii": true, "upperAscii": true, "trim": true, "substring": true, "indexOf": true,
}

// inspect reports whether a tree is made of plainCalls, so that its estimated
// cost is a proof, and whether it has loops.
func inspect(root ast.Expr) (plain, loops bool) {
	plain = true
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			loops = true
		case ast.CallKind:
			plain = plain && plainCalls[e.AsCall().FunctionName()]
		default:
		}
	}))
	return plain, loops
}
