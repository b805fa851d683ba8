package matching

import (
	"iter"
	"slices"
)

// MaxConsidered bounds how many candidates a record names.
const MaxConsidered = 50

// Record says how an assignment was found. It is kept with each Reservation.
type Record struct {
	// Order is "longest idle", "order_by", "known worker" or "direct".
	Order string `json:"order"`
	// Trigger is what made matching run: the Task or a freed agent.
	Trigger     string `json:"trigger"`
	RuleVersion int64  `json:"rule_version"`
	Filter      int    `json:"filter"`
	Target      int    `json:"target"`
	// FailedFilters are the filters above the Task's own that could not be
	// evaluated on it and therefore did not match.
	FailedFilters []FailedFilter `json:"failed_filters,omitempty"`
	Considered    []Considered   `json:"considered"`
	// More counts candidates beyond MaxConsidered.
	More int `json:"more,omitempty"`
}

// FailedFilter is a filter without a value for the Task.
type FailedFilter struct {
	// Path is its place in the configuration.
	Path  string `json:"path"`
	Error string `json:"error"`
}

// Considered is one candidate in the order it was looked at.
type Considered struct {
	SID    string `json:"sid"`
	Reason Reason `json:"passed_over,omitempty"`
}

func (r *Record) add(sid string, why Reason) {
	if len(r.Considered) >= MaxConsidered {
		r.More++
		return
	}
	r.Considered = append(r.Considered, Considered{SID: sid, Reason: why})
}

// Plan is the outcome of matching one Task: who is offered it, in order.
type Plan struct {
	Chosen []string
	Record Record
}

// Assign picks the agents for a Task. Candidates must come longest idle first,
// then by SID; without Compare the walk stops when enough fit, with Compare
// all are ranked.
func Assign(d *Demand, candidates iter.Seq[*Candidate]) Plan {
	p := Plan{Record: Record{Order: "longest idle"}}
	want := max(d.Want, 1)
	if d.Compare == nil {
		for c := range candidates {
			why := d.Check(c)
			p.Record.add(c.WorkerSID, why)
			if why == Fits {
				p.Chosen = append(p.Chosen, c.WorkerSID)
			}
			if len(p.Chosen) == want {
				break
			}
		}
		return p
	}
	p.Record.Order = "order_by"
	var fit []*Candidate
	for c := range candidates {
		if why := d.Check(c); why != Fits {
			p.Record.add(c.WorkerSID, why)
			continue
		}
		fit = append(fit, c)
	}
	slices.SortStableFunc(fit, func(a, b *Candidate) int {
		if c := d.Compare(a.WorkerSID, b.WorkerSID); c != 0 {
			return c
		}
		return longestIdle(a, b)
	})
	for i, c := range fit {
		if i < want {
			p.Chosen = append(p.Chosen, c.WorkerSID)
			p.Record.add(c.WorkerSID, Fits)
			continue
		}
		p.Record.add(c.WorkerSID, Outranked)
	}
	return p
}
