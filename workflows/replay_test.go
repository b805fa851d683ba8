package workflows

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/converter"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/taskrouter/taskrouter/internal/frozen"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// corpus is where recorded histories live: a folder for each logic version,
// recorded anew while it is worked on, and one for each release below released,
// which nobody changes.
const (
	corpus   = "testdata/replay"
	released = "released"
)

// releasedCorpus is the record of what must not change any more.
const releasedCorpus = corpus + "/released.json"

// recordEnv makes the end-to-end tests write histories, and this one their
// counts.
const recordEnv = "UPDATE_REPLAY"

// tally is what a recorded history holds. Its file says so too, so that a
// history that is lost, cut or replaced is noticed.
type tally struct {
	Events  int `json:"events"`
	Actions int `json:"actions"`
}

// TestReplay replays every recorded history: runs that were started by any
// supported release must go on under this one.
func TestReplay(t *testing.T) {
	for version := logicFirst; version <= LogicVersion; version++ {
		folder := filepath.Join(corpus, "v"+strconv.Itoa(version))
		files, err := filepath.Glob(filepath.Join(folder, "*.json.gz"))
		require.NoError(t, err)
		require.NotEmptyf(t, files, "no histories in %s: record them with make replay/record", folder)
		found := map[string]tally{}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				h, err := workflowstest.Load(file)
				require.NoError(t, err)
				require.NoError(t, replay(h))
				u := workflowstest.Measure(h)
				found[filepath.Base(file)] = tally{Events: u.Events, Actions: u.Actions}
			})
		}
		index := filepath.Join(folder, "counts.json")
		if os.Getenv(recordEnv) != "" {
			text, err := json.MarshalIndent(found, "", "  ")
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(index, append(text, '\n'), 0o644))
		}
		text, err := os.ReadFile(index)
		require.NoError(t, err)
		want := map[string]tally{}
		require.NoError(t, json.Unmarshal(text, &want))
		require.Equal(t, want, found)
	}
}

// histories are the files of a folder of the corpus.
func histories(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json.gz"))
	require.NoError(t, err)
	require.NotEmptyf(t, files, "no histories in %s", folder)
	return files
}

// TestReplayReleased replays the histories of every release, none of which was
// changed or lost since. A release adds the histories of all logic versions it
// knows.
func TestReplayReleased(t *testing.T) {
	record, err := frozen.Load(releasedCorpus)
	require.NoError(t, err)
	if release := os.Getenv(frozen.ReleaseEnv); release != "" {
		require.NoError(t, freeze(t, record, corpus, release))
		require.NoError(t, record.Save(releasedCorpus))
	}
	require.NoError(t, record.Check(os.DirFS(corpus)))
	folders, err := filepath.Glob(filepath.Join(corpus, released, "*", "*"))
	require.NoError(t, err)
	for _, folder := range folders {
		for _, file := range histories(t, folder) {
			name, err := filepath.Rel(corpus, file)
			require.NoError(t, err)
			require.True(t, record.Has(filepath.ToSlash(name)), "%s is in no release: new histories go to %s/v%d", name, corpus, LogicVersion)
			t.Run(filepath.ToSlash(name), func(t *testing.T) {
				h, err := workflowstest.Load(file)
				require.NoError(t, err)
				require.NoError(t, replay(h))
			})
		}
	}
}

// freeze copies the histories of today to those of a release.
func freeze(t *testing.T, record frozen.Record, corpus, release string) error {
	t.Helper()
	var names []string
	for version := logicFirst; version <= LogicVersion; version++ {
		v := "v" + strconv.Itoa(version)
		files := histories(t, filepath.Join(corpus, v))
		if err := frozen.Copy(filepath.Join(corpus, released, release, v), files); err != nil {
			return err
		}
		for _, file := range files {
			names = append(names, path.Join(released, release, v, filepath.Base(file)))
		}
	}
	return record.Add(release, os.DirFS(corpus), names)
}

// TestReleaseKeepsItsHistories makes a release, and then loses and changes what
// belongs to it.
func TestReleaseKeepsItsHistories(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(corpus)))
	record := frozen.Record{}
	require.NoError(t, freeze(t, record, folder, "0.1.0"))
	require.Error(t, freeze(t, record, folder, "0.1.0"), "a release is made once")
	require.NoError(t, record.Check(os.DirFS(folder)))
	plain := filepath.Join(folder, released, "0.1.0", "v2", "plain.json.gz")
	h, err := workflowstest.Load(plain)
	require.NoError(t, err)
	require.NoError(t, replay(h))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "v2", "plain.json.gz"), []byte("recorded anew"), 0o600))
	require.NoError(t, record.Check(os.DirFS(folder)), "what is worked on may change")
	require.NoError(t, os.WriteFile(plain, []byte("recorded anew"), 0o600))
	require.ErrorContains(t, record.Check(os.DirFS(folder)), "has changed")
	require.NoError(t, os.Remove(plain))
	require.ErrorContains(t, record.Check(os.DirFS(folder)), "is missing")
}

func replay(h *historypb.History) error {
	r := sdkworker.NewWorkflowReplayer()
	r.RegisterWorkflow(Task)
	r.RegisterWorkflow(Delivery)
	return r.ReplayWorkflowHistory(quiet{}, h)
}

// TestPlainTaskBudget writes down the history of a Task that is offered at once,
// accepted and completed, and counts what it costs.
func TestPlainTaskBudget(t *testing.T) {
	h := plainHistory(t)
	require.NoError(t, replay(h))
	u := workflowstest.Measure(h)
	require.LessOrEqual(t, u.Actions, workflowstest.MaxPlainActions)
	require.LessOrEqual(t, u.Events, workflowstest.MaxPlainEvents)
	require.Equal(t, 6, u.Actions, "start, timer, two signals, two changes of state")
	require.Equal(t, 16, u.Events)

	file := filepath.Join(t.TempDir(), "plain.json.gz")
	require.NoError(t, workflowstest.Save(h, file))
	again, err := workflowstest.Load(file)
	require.NoError(t, err)
	require.Equal(t, u, workflowstest.Measure(again))
}

// TestReplayFindsChangedLogic shows that replay would notice: the history of a
// run that armed no timer is not one of ours.
func TestReplayFindsChangedLogic(t *testing.T) {
	h := plainHistory(t)
	for i, e := range h.Events {
		if e.GetEventType() == enumspb.EVENT_TYPE_TIMER_STARTED {
			e.EventType = enumspb.EVENT_TYPE_MARKER_RECORDED
			e.Attributes = &historypb.HistoryEvent_MarkerRecordedEventAttributes{
				MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{MarkerName: "other"},
			}
			h.Events[i] = e
		}
	}
	require.Error(t, replay(h))
}

// plainHistory is what the server records for a plain Task.
func plainHistory(t *testing.T) *historypb.History {
	t.Helper()
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Deadline, v.DeadlineFor = epoch.Add(2*time.Minute), "WR1 expires"
	start := FromView(v)
	in := TaskInput{LogicVersion: LogicVersion, Tunables: DefaultTunables(), View: start, Shown: shownOf(&start)}
	h := &scribe{t: t}
	h.started(in)
	h.workflowTask()
	h.add(enumspb.EVENT_TYPE_TIMER_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{
		TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
			TimerId: "5", StartToFireTimeout: durationpb.New(2 * time.Minute),
		},
	}})

	v.Revision, v.Status = 2, taskrouter.TaskAssigned
	v.Deadline = epoch.Add(24 * time.Hour)
	h.signaled(FromView(v))
	h.workflowTask()
	h.upserted(attrStatus, "assigned")

	v.Revision, v.Status, v.Offers, v.Deadline = 3, taskrouter.TaskCompleted, nil, time.Time{}
	h.signaled(FromView(v))
	h.workflowTask()
	h.upserted(attrStatus, "completed")
	h.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{},
		},
	})
	return &historypb.History{Events: h.events}
}

// scribe writes a history as the server would.
type scribe struct {
	t      *testing.T
	events []*historypb.HistoryEvent
}

func (s *scribe) add(typ enumspb.EventType, e *historypb.HistoryEvent) {
	e.EventId, e.EventType = int64(len(s.events)+1), typ
	e.EventTime = timestamppb.New(epoch.Add(time.Duration(len(s.events)) * 10 * time.Millisecond))
	s.events = append(s.events, e)
}

func (s *scribe) payloads(v any) *commonpb.Payloads {
	p, err := converter.GetDefaultDataConverter().ToPayloads(v)
	require.NoError(s.t, err)
	return p
}

func (s *scribe) started(in TaskInput) {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				WorkflowType: &commonpb.WorkflowType{Name: "Task"},
				TaskQueue:    &taskqueuepb.TaskQueue{Name: TemporalQueue},
				Input:        s.payloads(in), WorkflowId: TaskID(in.View.TaskSID),
				OriginalExecutionRunId: "run", FirstExecutionRunId: "run", Attempt: 1,
				WorkflowTaskTimeout: durationpb.New(10 * time.Second),
			},
		},
	})
}

func (s *scribe) workflowTask() {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
			WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{Attempt: 1},
		},
	})
	scheduled := int64(len(s.events))
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
			WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: scheduled},
		},
	})
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
			WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
				ScheduledEventId: scheduled, StartedEventId: scheduled + 1,
			},
		},
	})
}

func (s *scribe) signaled(v View) {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
			WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
				SignalName: SignalNotice, Input: s.payloads(v),
			},
		},
	})
}

func (s *scribe) upserted(name, value string) {
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(s.t, err)
	p.Metadata["type"] = []byte("Keyword")
	s.add(enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
			UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
				SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{name: p}},
			},
		},
	})
}
