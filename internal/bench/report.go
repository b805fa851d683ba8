package bench

import (
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// Report is what was measured.
type Report struct {
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	Machine  Machine   `json:"machine"`
	Settings Settings  `json:"settings"`
	// Each of these is nil when its scenario did not run.
	Idle  *IdleResult  `json:"idle,omitempty"`
	Floor *LoadResult  `json:"floor,omitempty"`
	Plain *LoadResult  `json:"plain,omitempty"`
	Burst *BurstResult `json:"burst,omitempty"`
	// Ratio is Plain's best throughput divided by the floor's, in each round.
	Ratio []float64 `json:"ratio,omitempty"`
	// Runs is what the durable runs of plain Tasks cost.
	Runs *RunCost `json:"runs,omitempty"`
	// Generator is the use of a Task by the generator and an HTTP server that
	// does nothing; nil when it was not measured.
	Generator *Use     `json:"generator,omitempty"`
	Budgets   []Budget `json:"budgets"`
}

// Machine says where it was measured. Load is what the system reports for the
// last minute before the start, the work of others included.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
	CPUs int    `json:"cpus"`
	Load string `json:"load"`
}

// Settings are the ones that figures depend on.
type Settings struct {
	SameProcess bool    `json:"same_process"`
	Eager       bool    `json:"eager"`
	Rounds      int     `json:"rounds"`
	Tasks       int     `json:"tasks"`
	Concurrency []int   `json:"concurrency"`
	HandleMs    float64 `json:"handle_ms"`
}

// Stretch is one measured stretch of a scenario.
type Stretch struct {
	Round       int      `json:"round"`
	Concurrency int      `json:"concurrency"`
	Asked       int      `json:"asked"`
	Done        int      `json:"done"`
	Failed      int      `json:"failed"`
	Repeated    int      `json:"repeated_offers"`
	Problems    []string `json:"problems,omitempty"`
	// Seconds ends when everything was done and every durable run is over.
	Seconds   float64           `json:"seconds"`
	PerSecond float64           `json:"per_second"`
	Use       Use               `json:"use"`
	Stages    map[string]Spread `json:"stages"`
}

// LoadResult is a scenario under load: all runs, and the median of each figure
// for each concurrency.
type LoadResult struct {
	Runs    []Stretch `json:"runs"`
	Medians []Stretch `json:"medians"`
}

// IdleResult is a system with nothing else to do.
type IdleResult struct {
	Stretch
	// Empty is the time from the start of an empty run until its first workflow
	// task is being done, started the way the router's runs are; EmptyQueued
	// the same without eager start. Nil without Temporal.
	Empty       *Spread `json:"empty,omitempty"`
	EmptyQueued *Spread `json:"empty_queued,omitempty"`
	// Ratio is the median of the offer's latency divided by that of Empty,
	// RatioQueued divided by that of EmptyQueued.
	Ratio       float64 `json:"ratio,omitempty"`
	RatioQueued float64 `json:"ratio_queued,omitempty"`
}

// BurstResult is many Tasks at once.
type BurstResult struct {
	Stretch
	Agents int `json:"agents"`
	// CreateSeconds is how long it took until all Tasks were created.
	CreateSeconds float64 `json:"create_seconds"`
	// OutOfOrder counts Tasks that were offered after a younger one.
	OutOfOrder int `json:"out_of_order"`
}

// RunCost is what the durable runs of a sample of Tasks cost on Temporal; the
// figures are the largest of the sample.
type RunCost struct {
	Sampled int `json:"sampled"`
	Actions int `json:"actions"`
	Events  int `json:"events"`
}

// Budget is a promise about a figure.
type Budget struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	// AtLeast is set when Limit is the smallest value that will do; otherwise
	// it is the largest.
	AtLeast bool `json:"at_least"`
	Met     bool `json:"met"`
}

// What the budgets allow. Those of durable runs are the tests' own.
const (
	minRatio     = 0.5
	maxIdleRatio = 2
)

func atLeast(name string, value, limit float64) Budget {
	return Budget{name, value, limit, true, value >= limit}
}

func atMost(name string, value, limit float64) Budget {
	return Budget{name, value, limit, false, value <= limit}
}

// String says what was promised, what was measured, and by how much it misses.
func (b Budget) String() string {
	sign, verdict := "at most", "met"
	if b.AtLeast {
		sign = "at least"
	}
	if !b.Met {
		verdict = fmt.Sprintf("MISSED by %.2f (%.0f %%)", abs(b.Value-b.Limit), 100*abs(b.Value-b.Limit)/b.Limit)
	}
	return fmt.Sprintf("%s: %.2f, %s %g: %s", b.Name, b.Value, sign, b.Limit, verdict)
}

func abs(x float64) float64 { return max(x, -x) }

// judge holds the figures against the budgets, as far as they were measured.
func (r *Report) judge() {
	r.Budgets = []Budget{}
	if r.Floor != nil && r.Plain != nil {
		r.Ratio = ratios(r.Plain.Runs, r.Floor.Runs)
		r.Budgets = append(r.Budgets, atLeast("plain tasks ÷ floor runs", median(r.Ratio), minRatio))
	}
	if r.Idle != nil && r.Idle.Empty != nil {
		offer := r.Idle.Stages[StageOffer].P50
		r.Idle.Ratio, r.Idle.RatioQueued = offer/r.Idle.Empty.P50, offer/r.Idle.EmptyQueued.P50
		r.Budgets = append(r.Budgets, atMost("idle offer ÷ first workflow task of an empty run", r.Idle.Ratio, maxIdleRatio))
	}
	if r.Runs != nil {
		r.Budgets = append(r.Budgets,
			atMost("Temporal actions a task", float64(r.Runs.Actions), workflowstest.MaxPlainActions),
			atMost("history events a task", float64(r.Runs.Events), workflowstest.MaxPlainEvents))
	}
}

// Missed are the budgets that were not kept.
func (r *Report) Missed() []Budget {
	var out []Budget
	for _, b := range r.Budgets {
		if !b.Met {
			out = append(out, b)
		}
	}
	return out
}

// Failed counts what went wrong in all scenarios.
func (r *Report) Failed() int {
	n := 0
	for _, s := range r.runs() {
		n += s.Failed + max(0, s.Asked-s.Done-s.Failed)
	}
	return n
}

// runs are all measured stretches.
func (r *Report) runs() []Stretch {
	var out []Stretch
	for _, l := range []*LoadResult{r.Floor, r.Plain} {
		if l != nil {
			out = append(out, l.Runs...)
		}
	}
	if r.Idle != nil {
		out = append(out, r.Idle.Stretch)
	}
	if r.Burst != nil {
		out = append(out, r.Burst.Stretch)
	}
	return out
}

// ratios divides, in each round, the best throughput of one by that of the other.
func ratios(of, by []Stretch) []float64 {
	best := func(runs []Stretch) []float64 {
		var out []float64
		for _, r := range runs {
			for len(out) < r.Round {
				out = append(out, 0)
			}
			out[r.Round-1] = max(out[r.Round-1], r.PerSecond)
		}
		return out
	}
	over, under := best(of), best(by)
	var out []float64
	for i := range min(len(over), len(under)) {
		if under[i] > 0 {
			out = append(out, over[i]/under[i])
		}
	}
	return out
}

// summarize makes the medians of each concurrency, in the order of the runs.
func (l *LoadResult) summarize() {
	var order []int
	by := map[int][]Stretch{}
	for _, r := range l.Runs {
		if by[r.Concurrency] == nil {
			order = append(order, r.Concurrency)
		}
		by[r.Concurrency] = append(by[r.Concurrency], r)
	}
	l.Medians = nil
	for _, c := range order {
		m := Stretch{Concurrency: c, Stages: map[string]Spread{}}
		var seconds, perSecond []float64
		var use []Use
		stages := map[string][]Spread{}
		for _, r := range by[c] {
			m.Asked, m.Done, m.Failed, m.Repeated = m.Asked+r.Asked, m.Done+r.Done, m.Failed+r.Failed, m.Repeated+r.Repeated
			seconds, perSecond, use = append(seconds, r.Seconds), append(perSecond, r.PerSecond), append(use, r.Use)
			for name, s := range r.Stages {
				stages[name] = append(stages[name], s)
			}
		}
		m.Seconds, m.PerSecond, m.Use = median(seconds), median(perSecond), medianUse(use)
		for name, s := range stages {
			m.Stages[name] = medianSpread(s)
		}
		l.Medians = append(l.Medians, m)
	}
}
