package workflows

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/internal/logging"
)

// Names of the search attributes. Their values are SIDs and states only:
// search attributes are never encrypted.
const (
	attrAccount   = "TaskRouterAccount"
	attrWorkspace = "TaskRouterWorkspace"
	attrQueue     = "TaskRouterQueue"
	attrStatus    = "TaskRouterStatus"
	attrPriority  = "TaskRouterPriority"
	attrAgent     = "TaskRouterAgent"
)

// statusRemoved stands in the status attribute of a deleted Task.
const statusRemoved = "removed"

// Names in the memo, for people to read.
const (
	memoQueue  = "queue"
	memoFilter = "filter"
)

// SearchAttributes lists every search attribute with its type, for
// registration with a namespace.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	out := map[string]enumspb.IndexedValueType{}
	for _, name := range []string{attrAccount, attrWorkspace, attrQueue, attrStatus, attrPriority, attrAgent} {
		out[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return out
}

// Shown is what operators see of a run from outside, and can change.
type Shown struct {
	Queue    string `json:"queue,omitempty"`
	Status   string `json:"status,omitempty"`
	Priority string `json:"priority,omitempty"`
	Agent    string `json:"agent,omitempty"`

	QueueName string `json:"queue_name,omitempty"`
	Filter    string `json:"filter,omitempty"`
}

func shownOf(v *View) Shown {
	s := Shown{
		Queue: v.QueueSID, Status: string(v.Status), Priority: strconv.FormatInt(v.Priority, 10), Agent: v.AgentSID,
		QueueName: v.QueueName, Filter: filterName(v),
	}
	if v.Removed {
		s.Status = statusRemoved
	}
	return s
}

// startAttributes are the search attributes a run is started with.
func startAttributes(v *View) temporal.SearchAttributes {
	s := shownOf(v)
	updates := []temporal.SearchAttributeUpdate{
		keyword(attrAccount, v.AccountSID), keyword(attrWorkspace, v.WorkspaceSID),
	}
	return temporal.NewSearchAttributes(append(updates, s.changes(Shown{})...)...)
}

// deliveryAttributes are the search attributes of a Delivery.
func deliveryAttributes(accountSID, workspaceSID string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(keyword(attrAccount, accountSID), keyword(attrWorkspace, workspaceSID))
}

// changes are the updates that lead from one set of values to another.
func (s Shown) changes(from Shown) []temporal.SearchAttributeUpdate {
	var out []temporal.SearchAttributeUpdate
	for _, f := range []struct{ name, was, is string }{
		{attrQueue, from.Queue, s.Queue},
		{attrStatus, from.Status, s.Status},
		{attrPriority, from.Priority, s.Priority},
		{attrAgent, from.Agent, s.Agent},
	} {
		if f.was != f.is {
			out = append(out, keyword(f.name, f.is))
		}
	}
	return out
}

// keyword sets a search attribute, or removes it when the value is empty.
func keyword(name, value string) temporal.SearchAttributeUpdate {
	key := temporal.NewSearchAttributeKeyKeyword(name)
	if value == "" {
		return key.ValueUnset()
	}
	return key.ValueSet(value)
}

// memoOf holds the readable names of a run.
func memoOf(v *View) map[string]any {
	return map[string]any{memoQueue: v.QueueName, memoFilter: filterName(v)}
}

// show brings what operators see up to date, only where it changed. It costs an
// event and a visibility write, but never a workflow task of its own.
func (r *taskRun) show() {
	r.describe()
	now := shownOf(&r.view)
	if now == r.shown {
		return
	}
	if changes := now.changes(r.shown); len(changes) > 0 && r.tunables.Searchable {
		if err := workflow.UpsertTypedSearchAttributes(r.ctx, changes...); err != nil {
			r.log.Warn("search attributes not updated", logging.KeyError, err)
		}
	}
	if now.QueueName != r.shown.QueueName || now.Filter != r.shown.Filter {
		if err := workflow.UpsertMemo(r.ctx, memoOf(&r.view)); err != nil {
			r.log.Warn("memo not updated", logging.KeyError, err)
		}
	}
	r.shown = now
}

// describe sets the text the Temporal UI shows for a running workflow. It is
// asked for on demand and leaves no trace in the history.
func (r *taskRun) describe() {
	text := fmt.Sprintf("**%s** in queue %s", shownOf(&r.view).Status, r.view.QueueName)
	if r.view.AgentSID != "" {
		text += ", agent " + r.view.AgentSID
	}
	if !r.view.Deadline.IsZero() {
		text += fmt.Sprintf("\n\nnext: %s at %s", r.view.DeadlineFor, r.view.Deadline.UTC().Format("2006-01-02 15:04:05Z"))
	}
	if text != r.details {
		r.details = text
		workflow.SetCurrentDetails(r.ctx, text)
	}
}

// summaryOf is the line operators see in the list of runs: where the routing
// rules sent the Task at first.
func summaryOf(v *View) string {
	return short(fmt.Sprintf("%s → %s, priority %d", filterName(v), v.QueueName, v.Priority))
}

func filterName(v *View) string {
	switch d := &v.Decision; {
	case d.FilterName != "":
		return d.FilterName
	case d.Filter == -1:
		return "default filter"
	case d.Filter == -2:
		return "direct"
	default:
		return "filter " + strconv.Itoa(d.Filter+1)
	}
}

// maxSummary is the longest summary, in bytes, with room to spare below the
// server's limit of 400.
const maxSummary = 200

// short cuts a text that people named to the size of a summary.
func short(s string) string {
	if len(s) <= maxSummary {
		return s
	}
	n := maxSummary
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
