package offline

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Write prints a report as tables.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FILTER\tNAME\tVERDICT\tEXPRESSION")
	for _, f := range r.Filters {
		verdict := f.Verdict
		if f.Chosen {
			verdict += " (chosen)"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", f.Index, dash(f.Name), verdict, f.Expression)
		for _, line := range f.Failing {
			fmt.Fprintf(t, "\t\t\t  %s\n", line)
		}
	}
	switch {
	case r.DefaultFilter:
		fmt.Fprintln(t, "default\t-\tchosen\t")
	case !r.Matched:
		fmt.Fprintln(t, "\nNo filter matches and there is no default filter: the task would be refused.")
		return t.Flush()
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TARGET\tQUEUE\tPRIORITY\tTIMEOUT\tSKIP\tAGENT\tFITS\tBECAUSE")
	for _, x := range r.Targets {
		priority, timeout, skip := "-", "-", "-"
		if x.Priority != nil {
			priority = strconv.FormatInt(*x.Priority, 10)
		}
		if x.Timeout > 0 {
			timeout = strconv.FormatInt(x.Timeout, 10) + " s"
		}
		if x.SkipIf != "" {
			skip = map[bool]string{true: "yes", false: "no"}[x.Skipped]
		}
		head := fmt.Sprintf("%d\t%s\t%s\t%s\t%s", x.Index, x.Queue, priority, timeout, skip)
		if len(x.Agents) == 0 {
			fmt.Fprintf(t, "%s\t-\t\t\n", head)
		}
		for _, a := range x.Agents {
			fits, because := "yes", ""
			if !a.Fits {
				fits, because = "no", a.Failing[0]
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", head, a.Name, fits, because)
			head = "\t\t\t\t"
			for _, more := range a.Failing[min(1, len(a.Failing)):] {
				fmt.Fprintf(t, "%s\t\t\t%s\n", head, more)
			}
		}
	}
	return t.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
