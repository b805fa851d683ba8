package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table writes the report for people. All times are milliseconds.
func (r *Report) Table(out io.Writer) error {
	m := r.Machine
	fmt.Fprintf(out, "%s/%s, %d CPUs, load %s before the start, %s\n", m.OS, m.Arch, m.CPUs, m.Load, m.Go)
	fmt.Fprintf(out, "%d rounds of %d, agents work %.0f ms on a task; times are milliseconds, medians of the rounds\n\n",
		r.Settings.Rounds, r.Settings.Tasks, r.Settings.HandleMs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\tat a time\tdone\tfailed\ta second\tcpu ms each\tallocated KB each")
	for _, c := range []struct {
		name   string
		result *LoadResult
	}{{Floor, r.Floor}, {Plain, r.Plain}} {
		if c.result == nil {
			continue
		}
		for _, s := range c.result.Medians {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.1f\t%.2f\t%.0f\n", c.name, s.Concurrency, s.Done, s.Failed, s.PerSecond, s.Use.CPU, s.Use.AllocatedKB)
		}
	}
	if b := r.Burst; b != nil {
		fmt.Fprintf(w, "%s\t%d agents\t%d\t%d\t%.1f\t%.2f\t%.0f\n", Burst, b.Agents, b.Done, b.Failed, b.PerSecond, b.Use.CPU, b.Use.AllocatedKB)
	}
	if g := r.Generator; g != nil {
		fmt.Fprintf(w, "generator alone\t\t\t\t\t%.2f\t%.0f\n", g.CPU, g.AllocatedKB)
	}
	fmt.Fprintln(w, "\nscenario\tstage\tp50\tp90\tp99\tmax")
	if r.Idle != nil {
		stages(w, Idle, r.Idle.Stages)
		row(w, Idle, "empty run reached", r.Idle.Empty)
		row(w, Idle, "the same, not eager", r.Idle.EmptyQueued)
	}
	for _, l := range []struct {
		name   string
		result *LoadResult
	}{{Floor, r.Floor}, {Plain, r.Plain}} {
		if l.result == nil {
			continue
		}
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
	if b := r.Burst; b != nil {
		fmt.Fprintf(out, "burst: all created after %.1f s, all done and conducted after %.1f s, %d offered after a younger one\n", b.CreateSeconds, b.Seconds, b.OutOfOrder)
	}
	if len(r.Ratio) > 0 {
		fmt.Fprintf(out, "plain tasks ÷ floor runs, each round: %.2f\n", r.Ratio)
	}
	if i := r.Idle; i != nil && i.Empty != nil {
		fmt.Fprintf(out, "idle offer ÷ empty run reached: %.2f; ÷ the same, not eager: %.2f\n", i.Ratio, i.RatioQueued)
	}
	for _, b := range r.Budgets {
		fmt.Fprintln(out, b)
	}
	for _, s := range r.runs() {
		for _, p := range s.Problems {
			fmt.Fprintln(out, "problem:", p)
		}
	}
	return nil
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
