package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Table writes the report for people. All times are milliseconds.
func (r *Report) Table(out io.Writer) error {
	m := r.Machine
	fmt.Fprintf(out, "%s/%s, %d CPUs, load %s before the start, %s\n", m.OS, m.Arch, m.CPUs, m.Load, m.Go)
	fmt.Fprintf(out, "%d rounds of %d tasks and %d calls; agents work %.0f ms on a task and talk for %.0f ms, which is not counted;\n"+
		"times are milliseconds, medians of the rounds\n\n",
		r.Settings.Rounds, r.Settings.Tasks, r.Settings.Calls, r.Settings.HandleMs, r.Settings.TalkMs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\tat a time\tdone\tfailed\ta second\tcpu ms each\tallocated KB each")
	for _, l := range r.loads() {
		for _, s := range l.result.Medians {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.1f\t%.2f\t%.0f\n", l.name, s.Concurrency, s.Done, s.Failed, s.PerSecond, s.Use.CPU, s.Use.AllocatedKB)
		}
	}
	if b := r.Burst; b != nil {
		fmt.Fprintf(w, "%s\t%d agents\t%d\t%d\t%.1f\t%.2f\t%.0f\n", Burst, b.Agents, b.Done, b.Failed, b.PerSecond, b.Use.CPU, b.Use.AllocatedKB)
	}
	for _, g := range []struct {
		name string
		use  *Use
	}{{Plain, r.Generator}, {Voice, r.CallGenerator}} {
		if g.use != nil {
			fmt.Fprintf(w, "generator alone, %s\t\t\t\t\t%.2f\t%.0f\n", g.name, g.use.CPU, g.use.AllocatedKB)
		}
	}
	if len(r.Rules) > 0 {
		fmt.Fprintln(w, "\nrule\tµs, median of the rounds")
		for _, rule := range r.Rules {
			fmt.Fprintf(w, "%s\t%.2f\n", rule.Name, median(rule.Micros))
		}
	}
	fmt.Fprintln(w, "\nscenario\tstage\tp50\tp90\tp99\tmax")
	if r.Idle != nil {
		stages(w, Idle, r.Idle.Stages)
		row(w, Idle, "empty run reached", r.Idle.Empty)
		row(w, Idle, "the same, not eager", r.Idle.EmptyQueued)
	}
	for _, l := range r.loads() {
		for _, s := range l.result.Medians {
			stages(w, fmt.Sprint(l.name, " ", s.Concurrency), s.Stages)
		}
	}
	if r.Burst != nil {
		stages(w, Burst, r.Burst.Stages)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	r.remarks(out)
	return nil
}

// remarks are what does not fit into columns.
func (r *Report) remarks(out io.Writer) {
	for _, l := range r.LeftOut {
		fmt.Fprintln(out, "left out:", l)
	}
	if b := r.Burst; b != nil {
		fmt.Fprintf(out, "burst: all created after %.1f s, all done and conducted after %.1f s, %d offered after a younger one\n", b.CreateSeconds, b.Seconds, b.OutOfOrder)
	}
	for _, s := range r.runs() {
		if s.Refused > 0 {
			fmt.Fprintf(out, "%d at a time, round %d: the router was too busy for %d creations, which were tried again\n", s.Concurrency, s.Round, s.Refused)
		}
		if s.Early > 0 {
			fmt.Fprintf(out, "%d calls at a time, round %d: %d were hung up before the router had heard of the join\n", s.Concurrency, s.Round, s.Early)
		}
		if s.Repeated > 0 {
			fmt.Fprintf(out, "%d at a time, round %d: %d offers repeated, or phones that rang in vain\n", s.Concurrency, s.Round, s.Repeated)
		}
	}
	for _, c := range []struct {
		name string
		cost *RunCost
	}{{"task", r.Runs}, {"call", r.CallRuns}} {
		if c.cost != nil {
			fmt.Fprintf(out, "Temporal, a %s: at most %d actions and %d events, %.1f and %.1f in the mean, of %d looked at\n",
				c.name, c.cost.Actions, c.cost.Events, c.cost.MeanActions, c.cost.MeanEvents, c.cost.Sampled)
		}
	}
	if len(r.Ratio) > 0 {
		fmt.Fprintf(out, "plain tasks ÷ floor runs, each round: %.2f\n", r.Ratio)
	}
	if i := r.Idle; i != nil && len(i.Ratios) > 0 {
		fmt.Fprintf(out, "idle offer ÷ empty run reached, each round: %.2f; ÷ the same, not eager: %.2f\n", i.Ratios, i.RatiosQueued)
	}
	for _, b := range r.Budgets {
		fmt.Fprintln(out, b)
	}
	for _, s := range r.runs() {
		for _, p := range s.Problems {
			fmt.Fprintln(out, "problem:", p)
		}
	}
}

// namedLoad is a scenario under load that was measured.
type namedLoad struct {
	name   string
	result *LoadResult
}

func (r *Report) loads() []namedLoad {
	return slices.DeleteFunc([]namedLoad{{Floor, r.Floor}, {Plain, r.Plain}, {Voice, r.Voice}}, func(l namedLoad) bool { return l.result == nil })
}

func stages(w io.Writer, scenario string, of map[string]Spread) {
	for _, name := range Stages() {
		if s, ok := of[name]; ok {
			row(w, scenario, name, &s)
		}
	}
}

func row(w io.Writer, scenario, stage string, s *Spread) {
	if s != nil {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\n", scenario, stage, s.P50, s.P90, s.P99, s.Max)
	}
}
