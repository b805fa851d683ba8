package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdkclient "go.temporal.io/sdk/client"
)

// The scenarios.
const (
	// Plain is the shortest journey of a Task, many at a time: created,
	// offered, accepted, completed.
	Plain = "plain"
	// Idle is one Task at a time on a router that does nothing else.
	Idle = "idle"
	// Floor is a run that only waits for one signal.
	Floor = "floor"
	// Voice is a call, many at a time: the menu, an agent's phone that rings,
	// the conversation, the wrap-up.
	Voice = "voice"
	// Burst is many Tasks at once for few agents.
	Burst = "burst"
	// Rules is the evaluation of routing rules, in this process.
	Rules = "rules"
)

// Scenarios lists all of them in the order they run in.
func Scenarios() []string { return []string{Rules, Idle, Floor, Plain, Voice, Burst} }

// Options say what is measured, and where.
type Options struct {
	// URL, AccountSID and Token are those of the router.
	URL, AccountSID, Token string
	// Temporal is connected to the namespace the router uses; nil leaves out
	// the floor, the end of runs and what they cost.
	Temporal sdkclient.Client
	// Eager is set when the router's runs are started eagerly, which the
	// floor's then are too.
	Eager bool
	// SameProcess is set when router and Temporal are in this process, so that
	// its use of processor and memory is theirs.
	SameProcess bool
	// Listen is where assignment callbacks are received; the router must be
	// allowed to reach it. Empty is a free port of the loopback interface.
	Listen string

	// Scenarios are the ones to run; empty runs all.
	Scenarios []string
	// Concurrency lists how many Tasks, each with an agent of its own, are
	// under way at a time.
	Concurrency []int
	// Rounds is how often floor, plain and voice alternate; medians are
	// reported, and how much the rounds differ is the noise.
	Rounds int
	// Tasks is how many each plain and floor run does.
	Tasks int
	// Calls is how many each voice run does.
	Calls int
	// IdleTasks is how many Tasks the idle scenario does, one at a time, in all
	// rounds together.
	IdleTasks int
	// BurstTasks and BurstAgents are those of the burst.
	BurstTasks, BurstAgents int
	// Handle is how long an agent works on a Task.
	Handle time.Duration
	// Talk is how long the two parties of a call talk. It is not part of what
	// is measured. Zero leaves it to chance whether the router has heard that
	// both are in the room before one hangs up.
	Talk time.Duration
	// Patience is how long one Task may take before it counts as lost.
	Patience time.Duration

	// Progress is told how far the named part is; nil for nobody. It is called
	// from several goroutines.
	Progress func(part string, done, total int)
}

// Standard is a measurement of some minutes, the one the budgets are for.
func Standard() Options {
	return Options{
		Concurrency: []int{16, 32, 64}, Rounds: 3, Tasks: 1000, Calls: 300, IdleTasks: 200,
		BurstTasks: 10_000, BurstAgents: 200, Talk: 250 * time.Millisecond, Patience: 2 * time.Minute,
	}
}

// Quick is a measurement of seconds that shows that everything works.
func Quick() Options {
	return Options{
		Concurrency: []int{8, 16}, Rounds: 1, Tasks: 100, Calls: 30, IdleTasks: 10,
		BurstTasks: 100, BurstAgents: 10, Talk: 250 * time.Millisecond, Patience: time.Minute,
	}
}

// verify reports every mistake at once.
func (o *Options) verify() error {
	var problems []error
	if o.URL == "" || o.AccountSID == "" || o.Token == "" {
		problems = append(problems, errors.New("the router's URL, account and token are required"))
	}
	for _, s := range o.Scenarios {
		if !slices.Contains(Scenarios(), s) {
			problems = append(problems, fmt.Errorf("no scenario %q: there are %s", s, strings.Join(Scenarios(), ", ")))
		}
	}
	if o.asksFor(Floor) && o.Temporal == nil {
		problems = append(problems, errors.New("the floor needs the address of the router's Temporal server"))
	}
	if len(o.Concurrency) == 0 || slices.Min(o.Concurrency) < 1 {
		problems = append(problems, errors.New("concurrency must be positive"))
	}
	for name, n := range map[string]int{
		"rounds": o.Rounds, "tasks": o.Tasks, "calls": o.Calls, "idle tasks": o.IdleTasks, "burst tasks": o.BurstTasks, "burst agents": o.BurstAgents,
	} {
		if n < 1 {
			problems = append(problems, fmt.Errorf("%s must be positive", name))
		}
	}
	return errors.Join(problems...)
}

// asksFor reports whether a scenario is named, which is more than wanted: it is
// a mistake when it cannot run.
func (o *Options) asksFor(scenario string) bool { return slices.Contains(o.Scenarios, scenario) }

// wants reports whether a scenario is asked for and can run.
func (o *Options) wants(scenario string) bool {
	if scenario == Floor && o.Temporal == nil {
		return false
	}
	return len(o.Scenarios) == 0 || o.asksFor(scenario)
}

func (o *Options) progress(part string, done, total int) {
	if o.Progress != nil {
		o.Progress(part, done, total)
	}
}
