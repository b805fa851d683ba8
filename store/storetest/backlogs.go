package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func testBacklogs(t *testing.T, f *fixture) {
	ctx := t.Context()
	got, err := f.s.Backlogs(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, &store.Backlogs{}, got, "nothing waits")

	young, old, other, offered := f.newTask(), f.newTask(), f.newTask(), f.newTask()
	young.QueueEnteredAt, old.QueueEnteredAt, other.QueueEnteredAt = at(50), at(40), at(60)
	young.UpdatedAt, old.UpdatedAt = at(70), at(80)
	other.QueueSID = f.queue2.SID
	offered.Status = taskrouter.TaskReserved
	f.apply(&dispatch.Changes{Tasks: written(young, old, other, offered), Notices: []dispatch.Notice{
		f.notice(young.SID, 1, 90, true), f.notice(old.SID, 1, 85, true),
	}})
	got, err = f.s.Backlogs(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, []store.QueueBacklog{
		{WorkspaceSID: f.ws, QueueSID: f.queue.SID, Waiting: 2, Since: at(40)},
		{WorkspaceSID: f.ws, QueueSID: f.queue2.SID, Waiting: 1, Since: at(60)},
	}, got.Queues, "what is offered does not wait")
	require.Equal(t, int64(2), got.Notices)
	require.Equal(t, at(70), got.NoticesSince)
	require.Empty(t, got.Deliveries)

	f.callback("https://example.com/events", "")
	f.happen(3)
	d := f.take(100)
	require.NotNil(t, d)
	require.True(t, f.advance(d, d.Cursor+1, 101))
	got, err = f.s.Backlogs(ctx, 1)
	require.NoError(t, err)
	require.Len(t, got.Queues, 1, "the limit")
	require.Len(t, got.Deliveries, 1)
	require.Equal(t, f.ws, got.Deliveries[0].WorkspaceSID)
	require.Equal(t, int64(3), got.Deliveries[0].Events)
	require.False(t, got.Deliveries[0].Since.IsZero())
}
