package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestOnlyChangesAreShown(t *testing.T) {
	w := newWorld(t, offer(task(taskrouter.TaskPending), "WR1"))
	w.input.Tunables.Searchable = true
	var upserts []map[string]any
	w.env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(a mock.Arguments) {
		got := map[string]any{}
		for key, value := range a.Get(0).(temporal.SearchAttributes).GetUntypedValues() {
			got[key.GetName()] = value
		}
		upserts = append(upserts, got)
	}).Return(nil)
	w.at(time.Second, func() { w.change(func(v *taskrouter.View) { v.Reason = "nothing operators search for" }) })
	w.at(2*time.Second, func() { w.change(func(v *taskrouter.View) { v.Status = taskrouter.TaskAssigned }) })
	w.at(3*time.Second, func() {
		w.change(func(v *taskrouter.View) { v.QueueSID, v.Status, v.AgentSID = "WQ2", taskrouter.TaskPending, "" })
	})
	w.completeAt(4 * time.Second)
	w.run()
	require.Equal(t, []map[string]any{
		{"TaskRouterStatus": "assigned"},
		{"TaskRouterQueue": "WQ2", "TaskRouterStatus": "pending"}, // the agent is unset, which has no value to list
		{"TaskRouterStatus": "completed"},
	}, upserts)
}

func TestMemoFollowsTheRoute(t *testing.T) {
	w := newWorld(t, task(taskrouter.TaskPending))
	var memos []map[string]any
	w.env.OnUpsertMemo(mock.Anything).Run(func(a mock.Arguments) {
		memos = append(memos, a.Get(0).(map[string]any))
	}).Return(nil)
	w.at(time.Second, func() {
		w.change(func(v *taskrouter.View) {
			v.QueueName, v.Decision.FilterName, v.Decision.Filter = "Everyone", "", taskrouter.FilterDefault
		})
	})
	w.completeAt(2 * time.Second)
	w.run()
	require.Equal(t, []map[string]any{{"queue": "Everyone", "filter": "default filter"}}, memos)
}

func TestRemovedTaskIsShownAsRemoved(t *testing.T) {
	v := FromView(task(taskrouter.TaskPending))
	v.Removed = true
	require.Equal(t, statusRemoved, shownOf(&v).Status)
}

func TestValueThatWentAwayIsUnset(t *testing.T) {
	before := Shown{Queue: "WQ1", Status: "reserved", Priority: "5", Agent: "WK1"}
	after := Shown{Queue: "WQ1", Status: "pending", Priority: "5"}
	require.Len(t, after.changes(before), 2)
	require.Empty(t, after.changes(after))
}
