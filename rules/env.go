package rules

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/decls"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

// environments holds what expressions are compiled in. They are built once
// per engine.
type environments struct {
	// familiar runs translations: every document, the library of functions
	// that never fail, no macros.
	familiar *cel.Env
	// native runs CEL as written, per place: just the documents of that place.
	native map[Place]*cel.Env
}

// extensionVersions are pinned: an upgrade of the library must not change
// what a saved expression means.
const (
	stringsVersion  = 5 // the first that counts the cost of its functions
	setsVersion     = 1
	mathVersion     = 2
	listsVersion    = 4 // likewise
	optionalVersion = 1
	formatPrecision = 100
	regexSize       = 1000
)

func newEnvironments(o Options) (*environments, error) {
	familiar := []cel.EnvOption{
		cel.ClearMacros(),
		cel.Variable(string(twilioexpr.RootTask), cel.DynType),
		cel.Variable(string(twilioexpr.RootWorker), cel.DynType),
		cel.Variable(string(twilioexpr.RootWorkers), cel.DynType),
		// Our own parser has bounded length and depth already; the functions
		// make the text longer and the tree deeper.
		cel.ParserExpressionSizeLimit(-1),
		cel.ParserRecursionLimit(10 * (o.MaxDepth + 1)),
	}
	for _, f := range library() {
		familiar = append(familiar, f.option())
	}
	out := &environments{native: map[Place]*cel.Env{}}
	var err error
	if out.familiar, err = cel.NewEnv(familiar...); err != nil {
		return nil, fmt.Errorf("environment of the familiar syntax: %w", err)
	}
	base, err := cel.NewEnv(
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.OptionalTypes(cel.OptionalTypesVersion(optionalVersion)),
		ext.Strings(ext.StringsVersion(stringsVersion), ext.StringsMaxPrecision(formatPrecision)),
		ext.Sets(ext.SetsVersion(setsVersion)),
		ext.Math(ext.MathVersion(mathVersion)),
		ext.Lists(ext.ListsVersion(listsVersion)),
		cel.RegexProgramSizeLimit(regexSize),
	)
	if err != nil {
		return nil, fmt.Errorf("environment of CEL: %w", err)
	}
	for _, places := range [][]Place{
		{PlaceTaskFilter, PlaceTaskList},
		{PlaceQueueWorkers, PlaceWorkerList},
		{PlaceTargetExpression},
		{PlaceSkipIf},
	} {
		var vars []cel.EnvOption
		for _, root := range scopes[places[0]].prefixes {
			value := cel.DynType
			if root == twilioexpr.RootWorkers {
				value = cel.IntType
			}
			vars = append(vars, cel.Variable(string(root), cel.MapType(cel.StringType, value)))
		}
		env, err := base.Extend(vars...)
		if err != nil {
			return nil, fmt.Errorf("environment of %v: %w", places[0], err)
		}
		for _, p := range places {
			out.native[p] = env
		}
	}
	return out, nil
}

// function is one entry of the library behind the familiar syntax. All take
// values of any type and never fail.
type function struct {
	name   string
	args   int
	result *cel.Type
	unary  func(ref.Val) ref.Val
	binary func(l, r ref.Val) ref.Val
	cost   checker.FunctionEstimator
}

func (f function) option() cel.EnvOption {
	id := fmt.Sprintf("%s_%d", f.name, f.args)
	args := make([]*cel.Type, f.args)
	for i := range args {
		args[i] = cel.DynType
	}
	binding := cel.BinaryBinding(f.binary)
	if f.unary != nil {
		binding = cel.UnaryBinding(f.unary)
	}
	declare := cel.Function(f.name, cel.Overload(id, args, f.result, binding), decls.DisableTypeGuards(true))
	cost := cel.CostEstimatorOptions(checker.OverloadCostEstimate(id, f.cost))
	return func(e *cel.Env) (*cel.Env, error) {
		e, err := declare(e)
		if err != nil {
			return nil, err
		}
		return cost(e)
	}
}

// library lists the functions a translation may call.
func library() []function {
	condition := func(name string, cost checker.FunctionEstimator, holds func(l, r ref.Val) bool) function {
		return function{
			name: name, args: 2, result: cel.BoolType, cost: cost,
			binary: func(l, r ref.Val) ref.Val { return types.Bool(holds(l, r)) },
		}
	}
	order := func(name string, holds func(int) bool) function {
		return condition(name, costOfScalars, func(l, r ref.Val) bool {
			c, ok := scalarOrder(l, r)
			return ok && holds(c)
		})
	}
	return []function{
		{name: twilioexpr.FuncField, args: 2, result: cel.DynType, cost: costOfStep, binary: fieldOf},
		{name: twilioexpr.FuncItem, args: 2, result: cel.DynType, cost: costOfStep, binary: itemOf},
		{
			name: twilioexpr.FuncIsNull, args: 1, result: cel.BoolType, cost: costOfStep,
			unary: func(v ref.Val) ref.Val { return types.Bool(isNull(v)) },
		},
		condition(twilioexpr.FuncEqual, costOfScalars, scalarEqual),
		condition(twilioexpr.FuncNotEqual, costOfScalars, scalarNotEqual),
		order(twilioexpr.FuncLess, func(c int) bool { return c < 0 }),
		order(twilioexpr.FuncLessEqual, func(c int) bool { return c <= 0 }),
		order(twilioexpr.FuncGreater, func(c int) bool { return c > 0 }),
		order(twilioexpr.FuncGreaterEqual, func(c int) bool { return c >= 0 }),
		condition(twilioexpr.FuncContains, costOfScalars, textContains),
		condition(twilioexpr.FuncHas, costOfArray, arrayHas),
		condition(twilioexpr.FuncIn, costOfArray, func(l, r ref.Val) bool { return arrayHas(r, l) }),
		condition(twilioexpr.FuncNotIn, costOfArray, func(l, r ref.Val) bool { return arrayLacks(r, l) }),
	}
}
