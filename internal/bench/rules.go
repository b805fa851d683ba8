package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// RuleResult is what the evaluation of one routing rule takes.
type RuleResult struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
	// Metered rules count their cost while they run, because it could not be
	// bounded when they were saved.
	Metered bool `json:"metered"`
	// Loops cost as much as there is to go through, so no budget holds them.
	Loops bool `json:"loops,omitempty"`
	// Micros has, for each round, the median of its batches, in microseconds.
	Micros []float64 `json:"us"`
}

// A batch is long enough for the clock, and a round has enough of them for
// interruptions not to matter.
const (
	rulesPerBatch = 2000
	rulesBatches  = 50
)

// The rules that are evaluated: what people write to choose a queue, the members
// of a queue and the agents of a target, in both syntaxes.
var measuredRules = []struct {
	name, expression string
	place            rules.Place
	metered, loops   bool
}{
	{"filter", `type == 'ticket' AND tier IN ['silver', 'gold'] AND level > 3`, rules.PlaceTaskFilter, false, false},
	{"queue", `(skills HAS "support") AND (languages HAS "es")`, rules.PlaceQueueWorkers, false, false},
	{"target", `task.language IN worker.languages AND worker.level >= task.level`, rules.PlaceTargetExpression, false, false},
	{"CEL", `task.language in worker.languages && worker.level >= task.level`, rules.PlaceTargetExpression, false, false},
	{"CEL, loop", `worker.skills.exists(s, s == "sales")`, rules.PlaceTargetExpression, false, true},
	{"CEL, metered", `task.language in worker.languages && worker.level >= task.level`, rules.PlaceTargetExpression, true, false},
	{"CEL, loop, metered", `worker.skills.exists(s, s == "sales")`, rules.PlaceTargetExpression, true, true},
}

// evaluate measures the rules in this process.
func (b *bench) evaluate(ctx context.Context) error {
	task, err := rules.ParseDocument(taskrouter.Attributes(`{"type": "ticket", "language": "es", "tier": "gold", "level": 4, "tags": ["a", "b"]}`))
	if err != nil {
		return err
	}
	skills, err := rules.ParseDocument(taskrouter.Attributes(`{"languages": ["en", "fr", "es"], "skills": ["support", "sales"], "level": 5}`))
	if err != nil {
		return err
	}
	in := rules.Input{
		Task: &task, Workers: &rules.QueueFacts{},
		Worker: &rules.WorkerFacts{SID: "WK", Attributes: skills, Channels: map[string]rules.ChannelFacts{"voice": {ConfiguredCapacity: 1}}},
	}
	// A limit below what can be proved turns the meter on.
	engines := map[bool]*rules.Engine{false: rules.New(rules.Options{}), true: rules.New(rules.Options{MaxCost: 100})}
	var programs []*rules.Program
	for _, r := range measuredRules {
		p, err := engines[r.metered].Compile(r.place, r.expression)
		if err != nil {
			return fmt.Errorf("compile %s: %w", r.name, err)
		}
		if p.Metered() != r.metered {
			return fmt.Errorf("%s: metered is %t", r.name, p.Metered())
		}
		programs = append(programs, p)
		b.report.Rules = append(b.report.Rules, RuleResult{Name: r.name, Expression: r.expression, Metered: r.metered, Loops: r.loops})
	}
	for round := range b.opt.Rounds {
		for i, p := range programs {
			b.opt.progress(fmt.Sprintf("round %d, rules", round+1), i+1, len(programs))
			us, err := evaluations(ctx, p, in)
			if err != nil {
				return fmt.Errorf("%s: %w", measuredRules[i].name, err)
			}
			b.report.Rules[i].Micros = append(b.report.Rules[i].Micros, us)
		}
	}
	return nil
}

// evaluations is the median of some batches, in microseconds each.
func evaluations(ctx context.Context, p *rules.Program, in rules.Input) (float64, error) {
	var took []float64
	for range rulesBatches {
		began := time.Now()
		for range rulesPerBatch {
			ok, err := p.Eval(ctx, in)
			if err != nil {
				return 0, err
			}
			if !ok {
				return 0, fmt.Errorf("%q does not hold", p.Source())
			}
		}
		took = append(took, float64(time.Since(began).Nanoseconds())/1000/rulesPerBatch)
	}
	return median(took), ctx.Err()
}

// slowestRule has, for each round, what the slowest rule of a kind took, of those
// without a loop.
func slowestRule(all []RuleResult, metered bool) (rounds []float64) {
	for _, r := range all {
		if r.Metered != metered || r.Loops {
			continue
		}
		for i, us := range r.Micros {
			if i == len(rounds) {
				rounds = append(rounds, us)
			}
			rounds[i] = max(rounds[i], us)
		}
	}
	return slices.Clip(rounds)
}
