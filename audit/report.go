package audit

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Kind is which promise a finding is about.
type Kind string

// The kinds of findings.
const (
	// OverCapacity: an agent was offered more than their capacity.
	OverCapacity Kind = "over-capacity"
	// AcceptedTwice: a Task was accepted more than once.
	AcceptedTwice Kind = "accepted-twice"
	// Unfinished: a Task has neither ended nor is anything driving it.
	Unfinished Kind = "unfinished"
	// IdleBesideWaiting: a Task waits beside a free agent who fits.
	IdleBesideWaiting Kind = "idle-beside-waiting"
	// LogGap: numbers are missing from the event log.
	LogGap Kind = "log-gap"
	// IllegalOrder: an event follows one it must not follow.
	IllegalOrder Kind = "illegal-order"
	// RowMismatch: a row contradicts the log or another row.
	RowMismatch Kind = "row-mismatch"
	// OutOfTurn: an agent got a Task while an earlier one waited for them.
	OutOfTurn Kind = "out-of-turn"
	// MixedAccounts: a row belongs to one account and its Workspace to another,
	// or it refers to another Workspace.
	MixedAccounts Kind = "mixed-accounts"
)

// Kinds lists every kind of finding.
func Kinds() []Kind {
	return []Kind{
		OverCapacity, AcceptedTwice, Unfinished, IdleBesideWaiting, LogGap, IllegalOrder, RowMismatch, OutOfTurn, MixedAccounts,
	}
}

// Evidence is an event that a finding rests on.
type Evidence struct {
	Seq  int64                `json:"seq"`
	At   time.Time            `json:"at"`
	Type taskrouter.EventType `json:"type"`
}

func evidence(e *taskrouter.Event) Evidence { return Evidence{Seq: e.Seq, At: e.At, Type: e.Type} }

// Finding is a broken promise.
type Finding struct {
	Kind         Kind   `json:"kind"`
	AccountSID   string `json:"account_sid"`
	WorkspaceSID string `json:"workspace_sid"`
	// Subjects are the SIDs concerned, the most telling first.
	Subjects []string `json:"subjects"`
	Text     string   `json:"text"`
	// Events are those the finding rests on, oldest first; empty when it rests
	// on rows alone.
	Events []Evidence `json:"events,omitempty"`
}

// Totals is how much was examined.
type Totals struct {
	Workspaces int `json:"workspaces"`
	// Tasks counts each Task that begins in the part of the log that was read,
	// and those that have a row but begin before it.
	Tasks        int `json:"tasks"`
	Events       int `json:"events"`
	Reservations int `json:"reservations"`
	// Runs counts the Tasks whose durable run was asked about.
	Runs int `json:"runs"`
	// Undecidable counts, by kind, what could not be judged.
	Undecidable map[Kind]int `json:"undecidable"`
	// Excepted counts, by kind, what an exception allows.
	Excepted map[Kind]int `json:"excepted"`
}

// Report is the outcome of an audit.
type Report struct {
	Findings []Finding `json:"findings"`
	// Omitted counts, by kind, the findings beyond the limit.
	Omitted map[Kind]int `json:"omitted,omitempty"`
	Totals  Totals       `json:"totals"`

	perKind map[Kind]int
	limit   int
}

func newReport(limit int) *Report {
	return &Report{
		Findings: []Finding{}, Omitted: map[Kind]int{}, perKind: map[Kind]int{}, limit: limit,
		Totals: Totals{Undecidable: map[Kind]int{}, Excepted: map[Kind]int{}},
	}
}

// Clean reports whether every promise was kept, as far as could be decided.
func (r *Report) Clean() bool { return len(r.Findings) == 0 && len(r.Omitted) == 0 }

// add keeps a finding unless there are too many of its kind already.
func (r *Report) add(f Finding) {
	if r.perKind[f.Kind]++; r.perKind[f.Kind] > r.limit {
		r.Omitted[f.Kind]++
		return
	}
	slices.SortFunc(f.Events, func(a, b Evidence) int { return cmp.Compare(a.Seq, b.Seq) })
	f.Events = slices.Compact(f.Events)
	r.Findings = append(r.Findings, f)
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s  %s\n  workspace %s of account %s\n", strings.ToUpper(string(f.Kind)), f.Text, f.WorkspaceSID, f.AccountSID)
		if len(f.Subjects) > 0 {
			fmt.Fprintf(&b, "  subjects  %s\n", strings.Join(f.Subjects, " "))
		}
		for _, e := range f.Events {
			fmt.Fprintf(&b, "  event     %d  %s  %s\n", e.Seq, e.At.UTC().Format("2006-01-02T15:04:05.000000Z"), e.Type)
		}
		b.WriteByte('\n')
	}
	found := len(r.Findings)
	for _, k := range slices.Sorted(maps.Keys(r.Omitted)) {
		fmt.Fprintf(&b, "%d more findings of kind %s\n", r.Omitted[k], k)
		found += r.Omitted[k]
	}
	t := &r.Totals
	fmt.Fprintf(&b, "examined     %d workspaces, %d tasks, %d events, %d reservations, %d runs\n",
		t.Workspaces, t.Tasks, t.Events, t.Reservations, t.Runs)
	fmt.Fprintf(&b, "undecidable  %s\nexcepted     %s\nfindings     %d\n", counts(t.Undecidable), counts(t.Excepted), found)
	_, err := io.WriteString(w, b.String())
	return err
}

func counts(m map[Kind]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], k))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
