package taskrouter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestSIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		sid := taskrouter.NewSID(taskrouter.PrefixTask)
		require.True(t, taskrouter.IsSID(taskrouter.PrefixTask, sid))
		require.False(t, taskrouter.IsSID(taskrouter.PrefixWorker, sid))
		require.False(t, seen[sid])
		seen[sid] = true
	}
	digits := strings.Repeat("0", 32)
	for sid, want := range map[string]bool{
		"WT" + digits: true, "WT" + strings.Repeat("aF", 16): true, "WT" + digits[1:]: false, "WT" + digits + "0": false,
		"wt" + digits: false, "WT" + digits[1:] + "g": false, "": false, "WT": false, "WT" + digits[2:] + "é": false,
	} {
		require.Equal(t, want, taskrouter.IsSID(taskrouter.PrefixTask, sid), sid)
	}
}

func TestAttributes(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "{}": true, ` {"a":1}`: true, "\n{\"a\":{\"b\":[1]}}\t": true,
		"[]": false, "null": false, "1": false, `"x"`: false, "{": false, `{"a":}`: false, " ": false, "{\"a\":\"\xff\"}": false,
		`{"a":"` + strings.Repeat("x", taskrouter.MaxAttributesLength) + `"}`:        false,
		`{"a":"` + strings.Repeat("é", taskrouter.MaxAttributesLength-8) + `"}`:      true,
		`{"a":"` + strings.Repeat("é", taskrouter.MaxAttributesLength-8) + `"}     `: false,
	} {
		a, err := taskrouter.ParseAttributes(text)
		if !ok {
			require.Error(t, err, "%.20q", text)
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			continue
		}
		require.NoError(t, err, "%.20q", text)
		if text == "" {
			text = "{}"
		}
		require.Equal(t, taskrouter.Attributes(text), a, "kept as sent")
	}
	merged, err := taskrouter.Attributes(`{"a":1.50,"big":12345678901234567890}`).Merge(map[string]any{"b": "x", "a": true})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":true,"b":"x","big":12345678901234567890}`, string(merged))
	require.Contains(t, string(merged), "12345678901234567890", "numbers keep their digits")
	_, err = taskrouter.Attributes("[").Merge(nil)
	require.Error(t, err)
	_, err = taskrouter.NoAttributes.Merge(map[string]any{"f": func() {}})
	require.Equal(t, taskrouter.KindInternal, taskrouter.KindOf(err))
}

func TestErrors(t *testing.T) {
	cause := errors.New("disk")
	err := fmt.Errorf("commit: %w", taskrouter.Unavailable(cause, "The database is not available"))
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err))
	require.ErrorIs(t, err, cause)
	require.Equal(t, taskrouter.KindInternal, taskrouter.KindOf(cause))
	require.Equal(t, 40140, taskrouter.InvalidCode(40140, "x").Code)
	seen := map[taskrouter.Kind]bool{}
	for _, k := range taskrouter.Kinds() {
		require.False(t, seen[k])
		seen[k] = true
	}
}

func TestInstructionNames(t *testing.T) {
	for _, s := range []string{"accept", "Reject", "DEQUEUE", "call", "redirect", "Conference", "supervise"} {
		k, err := taskrouter.ParseInstructionKind(s)
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(s), string(k))
	}
	_, err := taskrouter.ParseInstructionKind("dance")
	var e *taskrouter.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, taskrouter.CodeUnknownInstruction, e.Code)
	var none *taskrouter.Instruction
	require.Empty(t, none.Param("to"))
	require.False(t, none.Flag("accept"))
	for s, want := range map[string]bool{"true": true, "1": true, "YES": true, " True ": true, "false": false, "": false, "2": false} {
		require.Equal(t, want, taskrouter.ParseBool(s), s)
	}
}

// fullScene has every part an event may tell about.
func fullScene() taskrouter.Scene {
	capacity, rank := 2, int64(3)
	return taskrouter.Scene{
		Workspace: &taskrouter.Workspace{SID: "WS1", AccountSID: "AC1", FriendlyName: "Support"},
		Task: &taskrouter.Task{
			SID: "WT1", Status: taskrouter.TaskCanceled, Reason: "gone", Attributes: "{}", TaskChannelSID: "TC1",
			CreatedAt: noon, VirtualStartTime: noon, QueueEnteredAt: noon,
		},
		Reservation: &taskrouter.Reservation{SID: "WR1"},
		Worker:      &taskrouter.Worker{SID: "WK1", FriendlyName: "Ann", ActivitySID: "WA1", Attributes: "{}"},
		Activity:    &taskrouter.Activity{SID: "WA1", FriendlyName: "Idle"},
		Queue:       &taskrouter.TaskQueue{SID: "WQ1", FriendlyName: "Q"}, Workflow: &taskrouter.Workflow{SID: "WW1", FriendlyName: "F"},
		Channel:       &taskrouter.TaskChannel{SID: "TC1", FriendlyName: "Default", UniqueName: "default"},
		WorkerChannel: &taskrouter.WorkerChannel{TaskChannelSID: "TC1"}, PreviousCapacity: &capacity,
		PreviousActivity: &taskrouter.Activity{SID: "WA0"}, TimeInPreviousActivity: 1500 * time.Millisecond,
		PreviousQueue: &taskrouter.TaskQueue{SID: "WQ0"}, PreviousPriority: &rank,
	}
}

// Every event type has a shape: the resource it is about and the fields the
// published reference lists for it.
func TestEveryEventHasAShape(t *testing.T) {
	groups := map[string]string{
		"T": "task_sid", "W": "worker_sid", "R": "reservation_sid", "Q": "task_queue_sid", "F": "workflow_sid",
		"C": "worker_channel_capacity", "K": "task_channel_name", "A": "activity_sid", "P": "previous_task_queue_sid", "V": "worker_previous_activity_sid",
	}
	want := map[string]string{
		"activity.created": "A", "activity.updated": "A", "activity.deleted": "A",
		"reservation.created": "TWRQF", "reservation.accepted": "TWRQF", "reservation.rejected": "TWRQF", "reservation.timeout": "TWRQF",
		"reservation.canceled": "TWRQF", "reservation.rescinded": "TWRQF", "reservation.wrapup": "TWRQF", "reservation.completed": "TWRQF",
		"reservation.failed": "TRQF",
		"task.created":       "TF", "task.updated": "TQF", "task.canceled": "TQF", "task.wrapup": "TQF", "task.completed": "TQF", "task.deleted": "TQF", "task.system-deleted": "TQF",
		"task-channel.created": "K", "task-channel.updated": "K", "task-channel.deleted": "K",
		"task-queue.created": "Q", "task-queue.deleted": "Q", "task-queue.expression.updated": "Q",
		"task-queue.entered": "TQF", "task-queue.timeout": "TQF", "task-queue.moved": "TQFP",
		"worker.created": "W", "worker.activity.update": "WV", "worker.attributes.update": "W", "worker.capacity.update": "WC",
		"worker.channel.availability.update": "WC", "worker.deleted": "W",
		"workflow.created": "F", "workflow.updated": "F", "workflow.deleted": "F",
		"workflow.entered": "TF", "workflow.target-matched": "TF", "workflow.timeout": "TF", "workflow.skipped": "TF",
		"workspace.created": "", "workspace.updated": "", "workspace.deleted": "",
	}
	require.Len(t, taskrouter.EventTypes(), len(want))
	resource := map[string]string{
		"activity": "WA1", "reservation": "WR1", "task": "WT1", "task-channel": "TC1", "task-queue": "WQ1", "worker": "WK1", "workflow": "WW1", "workspace": "WS1",
	}
	for _, typ := range taskrouter.EventTypes() {
		t.Run(string(typ), func(t *testing.T) {
			fields, known := want[string(typ)]
			require.True(t, known)
			e := taskrouter.NewEvent(typ, noon, taskrouter.SystemActor("WS1"), fullScene())
			for g, field := range groups {
				require.Equal(t, strings.Contains(fields, g), e.Data[field] != "", "%s %s", g, field)
			}
			require.Equal(t, resource[e.ResourceType], e.ResourceSID)
			require.NotEmpty(t, e.Description)
			require.Equal(t, "WS1", e.Data["workspace_sid"])
			for k, v := range e.Data {
				require.NotEmpty(t, v, k)
			}
			require.NotPanics(t, func() {
				require.NotEmpty(t, taskrouter.NewEvent(typ, noon, taskrouter.Actor{}, taskrouter.Scene{}).Description)
			}, "a scene with nothing in it")
		})
	}
	require.NotPanics(t, func() { taskrouter.NewEvent("unheard.of", noon, taskrouter.Actor{}, taskrouter.Scene{}) })
}

func TestEventFields(t *testing.T) {
	e := taskrouter.NewEvent(taskrouter.WorkerActivityUpdate, noon, taskrouter.Actor{}, fullScene())
	require.Equal(t, "Worker Ann updated to Idle Activity", e.Description)
	require.Equal(t, "1", e.Data["worker_time_in_previous_activity"])
	require.Equal(t, "1500", e.Data["worker_time_in_previous_activity_ms"])
	e = taskrouter.NewEvent(taskrouter.TaskWasCanceled, noon.Add(90*time.Second), taskrouter.Actor{}, fullScene())
	require.Equal(t, "gone", e.Description)
	require.Equal(t, "gone", e.Data["task_canceled_reason"])
	require.Equal(t, "90", e.Data["task_age"])
	require.Equal(t, "2026-01-02T12:00:00Z", e.Data["task_date_created"])
	require.NotContains(t, e.Data, "task_routing_target", "absent values are left out")
}
