package rules

import "github.com/taskrouter/taskrouter/rules/twilioexpr"

// MaxConfigurationBytes is the longest Workflow configuration, as documented
// at https://www.twilio.com/docs/taskrouter/limits.
const MaxConfigurationBytes = 1_038_576

// Options bound what an Engine accepts and how much work an expression may
// do. A zero field takes its default.
type Options struct {
	// MaxLength is the longest expression in characters. Default 10,000.
	MaxLength int
	// MaxDepth is the deepest nesting. Default 64.
	MaxDepth int
	// MaxElements is the longest array written in an expression. Default 1,000.
	MaxElements int
	// MaxEstimatedCost is the highest cost, in CEL's cost units, an expression
	// may have in the worst case over the largest documents; beyond it the
	// expression is refused when it is saved. Default 1e10: it admits two
	// nested loops over arrays of that size, not three.
	MaxEstimatedCost uint64
	// MaxCost stops one evaluation, in CEL's cost units. Default 100,000,
	// a few milliseconds.
	MaxCost uint64
	// MaxDecisionCost bounds all native evaluations of one routing decision
	// together; filters beyond it count as failed. Default ten times MaxCost.
	MaxDecisionCost uint64
	// CacheSize is how many compiled expressions are kept. Default 4,096.
	CacheSize int
	// Stored makes the engine permissive: it is for expressions that were
	// accepted earlier, which an upgrade with narrower limits must not break.
	// Limits on size and estimated cost are lifted as far as is safe; limits
	// on running cost stay.
	Stored bool
}

func (o Options) withDefaults() Options {
	o.MaxLength = orDefault(o.MaxLength, 10_000)
	o.MaxDepth = orDefault(o.MaxDepth, 64)
	o.MaxElements = orDefault(o.MaxElements, 1_000)
	o.MaxEstimatedCost = orDefault(o.MaxEstimatedCost, 10_000_000_000)
	o.MaxCost = orDefault(o.MaxCost, 100_000)
	o.MaxDecisionCost = orDefault(o.MaxDecisionCost, 10*o.MaxCost)
	o.CacheSize = orDefault(o.CacheSize, 4_096)
	if o.Stored {
		o.MaxLength = max(o.MaxLength, 100_000)
		o.MaxDepth = max(o.MaxDepth, 100)
		o.MaxElements = max(o.MaxElements, 10_000)
		o.MaxEstimatedCost = ^uint64(0)
	}
	return o
}

func orDefault[T int | uint64](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

func (o Options) syntax() twilioexpr.Limits {
	return twilioexpr.Limits{Length: o.MaxLength, Depth: o.MaxDepth, Elements: o.MaxElements}
}
