package bench

import (
	"fmt"
	"math"
	"slices"

	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// Verdict says whether a budget was kept.
type Verdict string

// What a measurement says about a budget. A machine that others use as well
// measures something else each time, so a budget counts as missed only when it
// is missed by more than the rounds of the same measurement differ.
const (
	Met         Verdict = "met"
	WithinNoise Verdict = "within noise"
	Missed      Verdict = "missed"
)

// Budget is a promise about a figure, and what became of it.
type Budget struct {
	Name string `json:"name"`
	// Value is the median of the rounds.
	Value float64 `json:"value"`
	Limit float64 `json:"budget"`
	// AtLeast is set when Limit is the smallest value that will do; otherwise
	// it is the largest.
	AtLeast bool `json:"at_least"`
	// Noise is the largest of the rounds less the smallest. It is zero when
	// there was one round, and for what is counted.
	Noise   float64   `json:"noise"`
	Rounds  []float64 `json:"rounds,omitempty"`
	Verdict Verdict   `json:"verdict"`
}

// What the budgets allow. Those of durable runs are the tests' own.
const (
	minRatio     = 0.5
	maxIdleRatio = 2
	// maxRule and maxMetered are microseconds an evaluation.
	maxRule    = 1
	maxMetered = 2
)

func atLeast(name string, limit float64, rounds []float64) Budget {
	return judged(Budget{Name: name, Limit: limit, AtLeast: true, Rounds: rounds})
}

func atMost(name string, limit float64, rounds []float64) Budget {
	return judged(Budget{Name: name, Limit: limit, Rounds: rounds})
}

// judged fills in what follows from the rounds.
func judged(b Budget) Budget {
	b.Value = median(b.Rounds)
	if len(b.Rounds) > 0 {
		b.Noise = slices.Max(b.Rounds) - slices.Min(b.Rounds)
	}
	switch by := b.missedBy(); {
	case by <= 0:
		b.Verdict = Met
	case by <= b.Noise:
		b.Verdict = WithinNoise
	default: // also when a figure is not a number
		b.Verdict = Missed
	}
	return b
}

// missedBy is how far the value is on the wrong side of the limit; negative on
// the right one.
func (b Budget) missedBy() float64 {
	if b.AtLeast {
		return b.Limit - b.Value
	}
	return b.Value - b.Limit
}

// String says what was promised, what was measured, and by how much it misses.
func (b Budget) String() string {
	sign := "at most"
	if b.AtLeast {
		sign = "at least"
	}
	verdict := string(b.Verdict)
	if b.Verdict != Met {
		by := math.Abs(b.missedBy())
		verdict = fmt.Sprintf("missed by %.2f (%.0f %%), the rounds differ by %.2f", by, 100*by/b.Limit, b.Noise)
		if b.Verdict == Missed {
			verdict = "MISSED" + verdict[len("missed"):]
		} else {
			verdict += ": within noise"
		}
	}
	return fmt.Sprintf("%s: %.2f, %s %g: %s", b.Name, b.Value, sign, b.Limit, verdict)
}

// judge holds the figures against the budgets, as far as they were measured.
func (r *Report) judge() {
	r.Budgets = []Budget{}
	if len(r.Rules) > 0 {
		r.Budgets = append(r.Budgets,
			atMost("µs a rule, cost proved, the slowest without a loop", maxRule, slowestRule(r.Rules, false)),
			atMost("µs a rule, metered, the slowest without a loop", maxMetered, slowestRule(r.Rules, true)))
	}
	if r.Floor != nil && r.Plain != nil {
		r.Ratio = ratios(r.Plain.Runs, r.Floor.Runs)
		r.Budgets = append(r.Budgets, atLeast("plain tasks ÷ floor runs", minRatio, r.Ratio))
	}
	if r.Idle != nil && len(r.Idle.Ratios) > 0 {
		r.Budgets = append(r.Budgets, atMost("idle offer ÷ first workflow task of an empty run", maxIdleRatio, r.Idle.Ratios))
	}
	if r.Runs != nil {
		r.Budgets = append(r.Budgets,
			atMost("Temporal actions a task", workflowstest.MaxPlainActions, []float64{float64(r.Runs.Actions)}),
			atMost("history events a task", workflowstest.MaxPlainEvents, []float64{float64(r.Runs.Events)}))
	}
}

// Missed are the budgets that were not kept.
func (r *Report) Missed() []Budget {
	var out []Budget
	for _, b := range r.Budgets {
		if b.Verdict != Met && b.Verdict != WithinNoise {
			out = append(out, b)
		}
	}
	return out
}
