package wire_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func values(t *testing.T, query string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(query)
	require.NoError(t, err)
	return v
}

func TestAbsentAndEmptyDiffer(t *testing.T) {
	in, err := wire.ParseWorkspaceUpdate(values(t, "EventCallbackUrl=&EventsFilter=&MultiTaskEnabled="))
	require.NoError(t, err)
	require.Nil(t, in.FriendlyName)
	require.Nil(t, in.DefaultActivitySID)
	require.Empty(t, *in.EventCallbackURL)
	require.Empty(t, *in.EventsFilter)
	require.False(t, *in.MultiTaskEnabled)

	queue, err := wire.ParseTaskQueueUpdate(values(t, "TargetWorkers="))
	require.NoError(t, err)
	require.Empty(t, *queue.TargetWorkers)
	queue, err = wire.ParseTaskQueueUpdate(url.Values{})
	require.NoError(t, err)
	require.Equal(t, wire.TaskQueueForm{}, queue)
}

func TestBooleans(t *testing.T) {
	for text, want := range map[string]bool{
		"true": true, "TRUE": true, "1": true, "yes": true, "Yes": true,
		"false": false, "0": false, "no": false, "": false, "on": false, "2": false,
	} {
		in, err := wire.ParseActivityCreate(url.Values{"FriendlyName": {"x"}, "Available": {text}})
		require.NoError(t, err)
		require.Equal(t, want, in.Available, "%q", text)
	}
}

func TestInstants(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		require.NoError(t, err)
		return v.UTC()
	}
	for text, want := range map[string]string{
		"2026-01-02T03:04:05Z":          "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05+01:00":     "2026-01-02T02:04:05Z",
		"2026-01-02T03:04:05-0530":      "2026-01-02T08:34:05Z",
		"2026-01-02T03:04:05+01":        "2026-01-02T02:04:05Z",
		"2026-01-02T03:04:05.25Z":       "2026-01-02T03:04:05.25Z",
		"2026-01-02T03:04:05.123456789": "2026-01-02T03:04:05.123456789Z",
		"2026-01-02T03:04:05":           "2026-01-02T03:04:05Z",
		"2026-01-02t03:04:05z":          "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05":           "2026-01-02T03:04:05Z",
		"2026-01-02T03:04Z":             "2026-01-02T03:04:00Z",
		"2026-01-02":                    "2026-01-02T00:00:00Z",
		"20260102T030405Z":              "2026-01-02T03:04:05Z",
		" 2026-01-02 ":                  "2026-01-02T00:00:00Z",
	} {
		in, err := wire.ParseTaskCreate(url.Values{"VirtualStartTime": {text}})
		require.NoError(t, err, text)
		require.Equal(t, at(want), in.VirtualStartTime, text)
	}
}

func TestTaskCreate(t *testing.T) {
	in, err := wire.ParseTaskCreate(url.Values{})
	require.NoError(t, err)
	require.Equal(t, wire.TaskCreate{Attributes: "{}"}, in)

	in, err = wire.ParseTaskCreate(url.Values{
		"Attributes": {`{"a":1}`}, "WorkflowSid": {workflowSID}, "Priority": {"2147483647"}, "Timeout": {"1209600"},
		"TaskChannel": {"voice"}, "RoutingTarget": {workerSID}, "IgnoreCapacity": {"no"}, "TaskQueueSid": {queueSID},
		"OperatingUnitSid": {"ignored"},
	})
	require.NoError(t, err)
	no := false
	require.Equal(t, wire.TaskCreate{
		Attributes: `{"a":1}`, WorkflowSID: workflowSID, Priority: 2147483647, Timeout: taskrouter.MaxTaskTimeout,
		TaskChannel: "voice", RoutingTarget: workerSID, IgnoreCapacity: &no, TaskQueueSID: queueSID,
	}, in)
}

func TestTaskList(t *testing.T) {
	in, err := wire.ParseTaskList(values(t, "AssignmentStatus=Pending,reserved&AssignmentStatus=wrapping&Priority=5&WorkflowSid="+workflowSID+
		"&TaskQueueSid="+queueSID+"&Ordering=Priority:desc,VirtualStartTime:asc&HasAddons=true&EvaluateTaskAttributes=a%3D%3D1"))
	require.NoError(t, err)
	require.Equal(t, []taskrouter.TaskStatus{"pending", "reserved", "wrapping"}, in.Statuses)
	require.Equal(t, int64(5), *in.Priority)
	require.Equal(t, []string{workflowSID}, in.WorkflowSIDs)
	require.Equal(t, []string{queueSID}, in.QueueSIDs)
	require.Equal(t, []taskrouter.TaskOrdering{{Field: "Priority", Desc: true}, {Field: "VirtualStartTime"}}, in.Order)
	require.True(t, in.Nothing)
	require.Equal(t, "a==1", in.EvaluateTaskAttributes)
}

func TestWorkerAndQueueLists(t *testing.T) {
	in, err := wire.ParseWorkerList(values(t, "Available=yes&Ordering=DateStatusChanged:desc&FriendlyName=Ann"))
	require.NoError(t, err)
	require.True(t, *in.Available)
	require.Equal(t, taskrouter.Descending, in.ByDateStatusChanged)
	queues, err := wire.ParseTaskQueueList(values(t, "WorkerSid="+workerSID+"&Ordering=DateUpdated:asc&EvaluateWorkerAttributes=%7B%22a%22%3A1%7D"))
	require.NoError(t, err)
	require.Equal(t, workerSID, queues.WorkerSID)
	require.Equal(t, taskrouter.Ascending, queues.ByDateUpdated)
	require.Equal(t, taskrouter.Attributes(`{"a":1}`), *queues.EvaluateWorkerAttributes)
}

func TestEventWindow(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for query, want := range map[string][2]time.Time{
		"":           {now.Add(-15 * time.Minute), {}},
		"Minutes=60": {now.Add(-time.Hour), {}},
		"StartDate=2026-01-01T00:00:00Z&Minutes=5": {time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), {}},
		"EndDate=2026-01-01T00:00:05Z":             {{}, time.Date(2026, 1, 1, 0, 0, 5, 999999000, time.UTC)},
		"EndDate=2026-01-01T00:00:05.5Z":           {{}, time.Date(2026, 1, 1, 0, 0, 5, 500000000, time.UTC)},
		"StartDate=2026-01-01&EndDate=2026-01-01":  {time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 23, 59, 59, 999999000, time.UTC)},
		"Sid=" + eventSID:                          {},
	} {
		in, err := wire.ParseEventList(values(t, query), now)
		require.NoError(t, err, query)
		require.Equal(t, want, [2]time.Time{in.Since, in.Until}, query)
	}
}

func TestCallQueueForm(t *testing.T) {
	in, err := wire.ParseCallQueueCreate(values(t, "FriendlyName=Main&WorkflowSid="+workflowSID+"&PhoneNumbers=%2B15550100,%2B15550101&PhoneNumbers=agent&Instruction=DEQUEUE&WrapUp=30"))
	require.NoError(t, err)
	require.Equal(t, []string{"+15550100", "+15550101", "agent"}, in.PhoneNumbers)
	require.Equal(t, "dequeue", *in.Instruction)
	require.Equal(t, int64(30), *in.WrapUp)
	in, err = wire.ParseCallQueueUpdate(values(t, "PhoneNumbers="))
	require.NoError(t, err)
	require.NotNil(t, in.PhoneNumbers)
	require.Empty(t, in.PhoneNumbers)
}

// TestMalformedForms shows that each fault is a refusal that names its
// parameter.
func TestMalformedForms(t *testing.T) {
	long := strings.Repeat("x", 65)
	task := func(v url.Values) error { _, err := wire.ParseTaskCreate(v); return err }
	taskUpdate := func(v url.Values) error { _, err := wire.ParseTaskUpdate(v); return err }
	tasks := func(v url.Values) error { _, err := wire.ParseTaskList(v); return err }
	workspace := func(v url.Values) error { _, err := wire.ParseWorkspaceCreate(v); return err }
	workspaceUpdate := func(v url.Values) error { _, err := wire.ParseWorkspaceUpdate(v); return err }
	queue := func(v url.Values) error { _, err := wire.ParseTaskQueueUpdate(v); return err }
	newQueue := func(v url.Values) error { _, err := wire.ParseTaskQueueCreate(v); return err }
	queues := func(v url.Values) error { _, err := wire.ParseTaskQueueList(v); return err }
	workflow := func(v url.Values) error { _, err := wire.ParseWorkflowUpdate(v); return err }
	newWorkflow := func(v url.Values) error { _, err := wire.ParseWorkflowCreate(v); return err }
	worker := func(v url.Values) error { _, err := wire.ParseWorkerUpdate(v); return err }
	newWorker := func(v url.Values) error { _, err := wire.ParseWorkerCreate(v); return err }
	workers := func(v url.Values) error { _, err := wire.ParseWorkerList(v); return err }
	capacity := func(v url.Values) error { _, err := wire.ParseWorkerChannelUpdate(v); return err }
	channel := func(v url.Values) error { _, err := wire.ParseTaskChannelCreate(v); return err }
	activity := func(v url.Values) error { _, err := wire.ParseActivityCreate(v); return err }
	events := func(v url.Values) error { _, err := wire.ParseEventList(v, time.Now()); return err }
	callQueue := func(v url.Values) error { _, err := wire.ParseCallQueueUpdate(v); return err }
	offers := func(v url.Values) error { _, err := wire.ParseReservationList(v, wire.TaskView); return err }
	for _, tc := range []struct {
		parse func(url.Values) error
		query string
		names string
	}{
		{workspace, "", "FriendlyName"},
		{workspace, "FriendlyName=+", "FriendlyName"},
		{workspace, "FriendlyName=" + long, "FriendlyName"},
		{workspace, "FriendlyName=x&Template=LIFO", "Template"},
		{workspace, "FriendlyName=x&PrioritizeQueueOrder=FILO", "PrioritizeQueueOrder"},
		{workspace, "FriendlyName=x&EventCallbackUrl=ftp://a.example", "EventCallbackUrl"},
		{workspace, "FriendlyName=x&EventCallbackUrl=/relative", "EventCallbackUrl"},
		{workspace, "FriendlyName=x&EventCallbackUrl=http://", "EventCallbackUrl"},
		{workspace, "FriendlyName=%FF", "FriendlyName"},
		{workspace, "FriendlyName=a%00b", "FriendlyName"},
		{workspaceUpdate, "FriendlyName=", "FriendlyName"},
		{workspaceUpdate, "DefaultActivitySid=", "DefaultActivitySid"},
		{workspaceUpdate, "TimeoutActivitySid=WK" + activitySID[2:], "TimeoutActivitySid"},
		{activity, "Available=true", "FriendlyName"},
		{channel, "FriendlyName=x", "UniqueName"},
		{channel, "UniqueName=x", "FriendlyName"},
		{channel, "FriendlyName=x&UniqueName=a-b", "UniqueName"},
		{channel, "FriendlyName=x&UniqueName=1a", "UniqueName"},
		{channel, "FriendlyName=x&UniqueName=" + long, "UniqueName"},
		{newQueue, "TargetWorkers=1==1", "FriendlyName"},
		{queue, "MaxReservedWorkers=0", "MaxReservedWorkers"},
		{queue, "MaxReservedWorkers=51", "MaxReservedWorkers"},
		{queue, "MaxReservedWorkers=two", "MaxReservedWorkers"},
		{queue, "TaskOrder=", "TaskOrder"},
		{queue, "ReservationActivitySid=x", "ReservationActivitySid"},
		{queues, "EvaluateWorkerAttributes=a%3D%3D1", "EvaluateWorkerAttributes"},
		{queues, "EvaluateWorkerAttributes=", "EvaluateWorkerAttributes"},
		{queues, "EvaluateWorkerAttributes=[]", "EvaluateWorkerAttributes"},
		{queues, "WorkerSid=x", "WorkerSid"},
		{queues, "Ordering=Name:asc", "Ordering"},
		{newWorkflow, "FriendlyName=x", "Configuration"},
		{newWorkflow, "Configuration={}", "FriendlyName"},
		{workflow, "TaskReservationTimeout=0", "TaskReservationTimeout"},
		{workflow, "TaskReservationTimeout=86401", "TaskReservationTimeout"},
		{workflow, "AssignmentCallbackUrl=x", "AssignmentCallbackUrl"},
		{newWorker, "", "FriendlyName"},
		{newWorker, "FriendlyName=x&Attributes=[]", "Attributes"},
		{worker, "Attributes=%7B", "Attributes"},
		{worker, "Attributes=%7B%22a%22:%22" + strings.Repeat("x", 4096) + "%22%7D", "Attributes"},
		{worker, "ActivitySid=WA1", "ActivitySid"},
		{workers, "Ordering=DateStatusChanged:up", "Ordering"},
		{workers, "ActivitySid=x", "ActivitySid"},
		{capacity, "Capacity=-1", "Capacity"},
		{capacity, "Capacity=many", "Capacity"},
		{capacity, "Capacity=2147483648", "Capacity"},
		{task, "Priority=-1", "Priority"},
		{task, "Priority=2147483648", "Priority"},
		{task, "Priority=1.0", "Priority"},
		{task, "Priority=9223372036854775808", "Priority"},
		{task, "Timeout=0", "Timeout"},
		{task, "Timeout=1209601", "Timeout"},
		{task, "TaskChannel=", "TaskChannel"},
		{task, "WorkflowSid=", "WorkflowSid"},
		{task, "TaskQueueSid=WQ", "TaskQueueSid"},
		{task, "RoutingTarget=" + taskSID, "RoutingTarget"},
		{task, "VirtualStartTime=yesterday", "VirtualStartTime"},
		{task, "VirtualStartTime=2026-13-01", "VirtualStartTime"},
		{task, "VirtualStartTime=1700000000", "VirtualStartTime"},
		{task, "Attributes=null", "Attributes"},
		{taskUpdate, "AssignmentStatus=done", "AssignmentStatus"},
		{taskUpdate, "Reason=" + strings.Repeat("x", 4097), "Reason"},
		{tasks, "AssignmentStatus=pending,done", "AssignmentStatus"},
		{tasks, "Ordering=DateCreated:asc,VirtualStartTime:asc", "Ordering"},
		{tasks, "Ordering=Priority:asc,Priority:desc", "Ordering"},
		{tasks, "Ordering=Age:asc", "Ordering"},
		{tasks, "Priority=high", "Priority"},
		{events, "Minutes=0", "Minutes"},
		{events, "StartDate=x", "StartDate"},
		{events, "StartDate=2026-01-02&EndDate=2026-01-01", "StartDate"},
		{events, "Sid=x", "Sid"},
		{callQueue, "Instruction=call", "Instruction"},
		{callQueue, "WrapUp=-1", "WrapUp"},
		{callQueue, "HoldMusicUrl=music", "HoldMusicUrl"},
		{offers, "ReservationStatus=open", "ReservationStatus"},
		{offers, "WorkerSid=x", "WorkerSid"},
	} {
		t.Run(tc.query, func(t *testing.T) {
			err := tc.parse(values(t, tc.query))
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			require.ErrorContains(t, err, tc.names)
		})
	}
}

// FuzzForms shows that no form or query can end the program: it is read, or it
// is refused as invalid.
func FuzzForms(f *testing.F) {
	f.Add("FriendlyName=x&Attributes={}&Priority=1&VirtualStartTime=2026-01-02&Ordering=Priority:desc&PageToken=PA1")
	f.Add("Instruction=conference&To=sip:a@b&StatusCallbackEvent=answered&MaxParticipants=3&AssignmentStatus=pending,,reserved")
	f.Add("StartDate=9999-12-31T23:59:59.999999999Z&EndDate=0001-01-01&Minutes=1&Timeout=&PhoneNumbers=,&WrapUp=-0")
	f.Fuzz(func(t *testing.T, query string) {
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		errs := []error{}
		add := func(_ any, err error) { errs = append(errs, err) }
		add(wire.ParsePaging("/x", v, taskrouter.PrefixTask))
		add(wire.ParseWorkspaceCreate(v))
		add(wire.ParseWorkspaceUpdate(v))
		add(wire.ParseActivityList(v))
		add(wire.ParseTaskChannelCreate(v))
		add(wire.ParseTaskQueueCreate(v))
		add(wire.ParseTaskQueueList(v))
		add(wire.ParseWorkflowUpdate(v))
		add(wire.ParseWorkerCreate(v))
		add(wire.ParseWorkerList(v))
		add(wire.ParseWorkerChannelUpdate(v))
		add(wire.ParseTaskCreate(v))
		add(wire.ParseTaskUpdate(v))
		add(wire.ParseTaskList(v))
		add(wire.ParseEventList(v, time.Unix(0, 0)))
		add(wire.ParseCallQueueUpdate(v))
		add(wire.ParseReservationUpdate(v, wire.TaskView))
		add(wire.ParseReservationList(v, wire.WorkerView))
		add(wire.ParseStatistics(v, time.Unix(1800000000, 0)))
		add(wire.ParseRealTimeStatistics(v))
		for _, err := range errs {
			if err != nil {
				require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			}
		}
	})
}

// FuzzBulkQueues reads any body as the list of TaskQueues of bulk statistics.
func FuzzBulkQueues(f *testing.F) {
	f.Add([]byte(`{"QueueSids":["WQ00000000000000000000000000000001"],"QueueSids":[]}`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Add([]byte(`{"queuesids":["` + strings.Repeat("[", 100)))
	f.Fuzz(func(t *testing.T, body []byte) {
		sids, err := wire.ParseBulkQueues(body)
		if err != nil {
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			return
		}
		require.NotEmpty(t, sids)
		require.LessOrEqual(t, len(sids), wire.MaxBulkQueues)
		for _, sid := range sids {
			require.True(t, taskrouter.IsSID(taskrouter.PrefixTaskQueue, sid))
		}
	})
}
