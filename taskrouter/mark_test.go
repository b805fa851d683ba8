package taskrouter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Int64(), 0, 3).Draw(t, "at")
		sid, at, ok := taskrouter.ParseMark(taskrouter.Mark("WT1", want...))
		require.True(t, ok)
		require.Equal(t, "WT1", sid)
		require.ElementsMatch(t, want, at)
	})
	for _, bad := range []string{"WT1.", "WT1.1.", "WT1.x y", "WT1.1e999999999999999"} {
		_, _, ok := taskrouter.ParseMark(bad)
		require.False(t, ok, bad)
	}
	require.Negative(t, taskrouter.CompareMarks(taskrouter.Mark("B", 1), taskrouter.Mark("A", 2)))
	require.Negative(t, taskrouter.CompareMarks(taskrouter.Mark("A", 2), taskrouter.Mark("B", 2)))
	require.Zero(t, taskrouter.CompareMarks("A", "A"))
}

func TestMarksFollowTheOrder(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	task := &taskrouter.Task{SID: "WT1", Priority: 7, CreatedAt: at(1), VirtualStartTime: at(2)}
	numbers := func(mark string) []int64 {
		_, n, ok := taskrouter.ParseMark(mark)
		require.True(t, ok)
		return n
	}
	require.Equal(t, []int64{1_000_000}, numbers(taskrouter.TaskFilter{}.Mark(task)))
	require.Equal(t, []int64{7, 2_000_000, 1_000_000}, numbers(taskrouter.TaskFilter{Order: []taskrouter.TaskOrdering{
		{Field: taskrouter.OrderByPriority, Desc: true}, {Field: taskrouter.OrderByVirtualStartTime},
	}}.Mark(task)))
	require.Equal(t, []int64{1_000_000}, numbers(taskrouter.TaskFilter{Order: []taskrouter.TaskOrdering{{Field: taskrouter.OrderByDateCreated}}}.Mark(task)))
	worker := &taskrouter.Worker{SID: "WK1", CreatedAt: at(1), DateStatusChanged: at(3)}
	require.Equal(t, []int64{1_000_000}, numbers(taskrouter.WorkerFilter{}.Mark(worker)))
	require.Equal(t, []int64{3_000_000}, numbers(taskrouter.WorkerFilter{ByDateStatusChanged: taskrouter.Descending}.Mark(worker)))
	queue := &taskrouter.TaskQueue{SID: "WQ1", UpdatedAt: at(4)}
	require.Equal(t, []int64{0}, numbers(taskrouter.QueueFilter{}.Mark(queue)))
	require.Equal(t, []int64{4_000_000}, numbers(taskrouter.QueueFilter{ByDateUpdated: taskrouter.Ascending}.Mark(queue)))
}
