package bench

import "time"

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
	Voice *LoadResult  `json:"voice,omitempty"`
	Burst *BurstResult `json:"burst,omitempty"`
	Rules []RuleResult `json:"rules,omitempty"`
	// LeftOut are scenarios that were wanted only if they can run, each with
	// the reason why it could not.
	LeftOut []string `json:"left_out,omitempty"`
	// Ratio is Plain's best throughput divided by the floor's, in each round.
	Ratio []float64 `json:"ratio,omitempty"`
	// Runs is what the durable runs of plain Tasks cost, CallRuns those of
	// calls.
	Runs     *RunCost `json:"runs,omitempty"`
	CallRuns *RunCost `json:"call_runs,omitempty"`
	// Generator is the use of a Task by the generator and an HTTP server that
	// does nothing, CallGenerator that of a call; nil when not measured.
	Generator     *Use `json:"generator,omitempty"`
	CallGenerator *Use `json:"call_generator,omitempty"`
	// Series is latency over load, as it is drawn.
	Series  []Series `json:"series,omitempty"`
	Budgets []Budget `json:"budgets"`
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
	Calls       int     `json:"calls"`
	Concurrency []int   `json:"concurrency"`
	HandleMs    float64 `json:"handle_ms"`
	TalkMs      float64 `json:"talk_ms"`
}

// Stretch is one measured stretch of a scenario.
type Stretch struct {
	Round       int `json:"round"`
	Concurrency int `json:"concurrency"`
	Asked       int `json:"asked"`
	Done        int `json:"done"`
	Failed      int `json:"failed"`
	// Repeated counts offers of Tasks that were offered before, or phones that
	// rang in vain.
	Repeated int `json:"repeated_offers"`
	// Refused counts creations the router was too busy for; they were tried
	// again. Early counts calls that were hung up before the router had heard
	// that both parties were in the room.
	Refused  int      `json:"refused,omitempty"`
	Early    int      `json:"hung_up_early,omitempty"`
	Problems []string `json:"problems,omitempty"`
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
	// Ratios has, for each round, the median of the offer's latency divided by
	// that of Empty; RatiosQueued divided by that of EmptyQueued.
	Ratios       []float64 `json:"ratios,omitempty"`
	RatiosQueued []float64 `json:"ratios_queued,omitempty"`
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

// RunCost is what the durable runs of a sample of Tasks cost on Temporal: the
// largest of the sample, and the mean. A run that starts when its Task is done
// already has nothing to conduct and costs less.
type RunCost struct {
	Sampled     int     `json:"sampled"`
	Actions     int     `json:"actions"`
	Events      int     `json:"events"`
	MeanActions float64 `json:"mean_actions"`
	MeanEvents  float64 `json:"mean_events"`
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
	for _, l := range r.loads() {
		out = append(out, l.result.Runs...)
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
			m.Refused, m.Early = m.Refused+r.Refused, m.Early+r.Early
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
