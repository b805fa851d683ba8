package twiliotest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/test/twiliotest"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// clock is set by its test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(seconds int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Duration(seconds) * time.Second)
}

// shift is a morning's work: one agent, four Tasks. Ann takes the first after
// 10 seconds and the second after 40, rejects the third, which is canceled
// after 90, and the fourth waits.
type shift struct {
	*bench
	ws, root, queue, other, workflow, ann, available string
	tasks                                            []string
	clock                                            *clock
}

func newShift(t *testing.T, databaseURL string) *shift {
	t.Helper()
	// Real dates matter nowhere; the fraction shows that seconds are cut off.
	s := &shift{clock: &clock{now: time.Date(2026, 5, 4, 9, 58, 0, 600_000_000, time.UTC)}}
	on := stack.StartOn(t, stack.Ground{DatabaseURL: databaseURL, Now: s.clock.Now})
	s.bench = &bench{Stack: on, ApiService: twiliotest.Client(on.URL, on.Account.SID, on.Account.Token).TaskrouterV1, t: t}

	ws, err := s.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Support"))
	require.NoError(t, err)
	s.ws, s.root = *ws.Sid, "/v1/Workspaces/"+*ws.Sid
	activities, err := s.ListActivity(s.ws, (&api.ListActivityParams{}).SetFriendlyName("Available"))
	require.NoError(t, err)
	s.available = *activities[0].Sid
	ann, err := s.CreateWorker(s.ws, (&api.CreateWorkerParams{}).SetFriendlyName("Ann").SetAttributes(`{"tax":true}`))
	require.NoError(t, err)
	s.ann = *ann.Sid
	_, err = s.CreateWorker(s.ws, (&api.CreateWorkerParams{}).SetFriendlyName("Ben"))
	require.NoError(t, err)
	queue := func(name, target string) string {
		q, err := s.CreateTaskQueue(s.ws, (&api.CreateTaskQueueParams{}).SetFriendlyName(name).SetTargetWorkers(target))
		require.NoError(t, err)
		return *q.Sid
	}
	s.queue, s.other = queue("Tax", "tax == true"), queue("Empty", "1==0")
	s.Sweep()
	workflow, err := s.CreateWorkflow(s.ws, (&api.CreateWorkflowParams{}).SetFriendlyName("Calls").SetTaskReservationTimeout(600).
		SetConfiguration(`{"task_routing":{"default_filter":{"queue":"`+s.queue+`"}}}`))
	require.NoError(t, err)
	s.workflow = *workflow.Sid

	s.clock.pass(120) // 10:00:00
	first, second := s.task(), s.task()
	s.clock.pass(10)
	_, err = s.UpdateWorker(s.ws, s.ann, (&api.UpdateWorkerParams{}).SetActivitySid(s.available))
	require.NoError(t, err)
	s.accept(first)
	s.complete(first)
	s.clock.pass(30)
	s.accept(second)
	s.complete(second)
	third := s.task()
	s.clock.pass(5)
	offer := s.offer(third)
	_, err = s.UpdateTaskReservation(s.ws, third, offer, (&api.UpdateTaskReservationParams{}).SetReservationStatus("rejected").SetWorkerActivitySid(*s.offline()))
	require.NoError(t, err)
	s.clock.pass(85)
	_, err = s.UpdateTask(s.ws, third, (&api.UpdateTaskParams{}).SetAssignmentStatus("canceled"))
	require.NoError(t, err)
	s.task() // 10:02:10
	s.clock.pass(20)
	return s
}

func (s *shift) task() string {
	priority := 3
	if len(s.tasks) == 0 {
		priority = 9
	}
	task, err := s.CreateTask(s.ws, (&api.CreateTaskParams{}).SetTaskChannel("voice").SetPriority(priority))
	require.NoError(s.t, err)
	s.tasks = append(s.tasks, *task.Sid)
	return *task.Sid
}

func (s *shift) offline() *string {
	all, err := s.ListActivity(s.ws, (&api.ListActivityParams{}).SetFriendlyName("Offline"))
	require.NoError(s.t, err)
	return all[0].Sid
}

func (s *shift) offer(task string) string {
	offers, err := s.ListTaskReservation(s.ws, task, (&api.ListTaskReservationParams{}).SetReservationStatus("pending"))
	require.NoError(s.t, err)
	require.Len(s.t, offers, 1)
	return *offers[0].Sid
}

func (s *shift) accept(task string) {
	_, err := s.UpdateTaskReservation(s.ws, task, s.offer(task), (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted"))
	require.NoError(s.t, err)
}

func (s *shift) complete(task string) {
	_, err := s.UpdateTask(s.ws, task, (&api.UpdateTaskParams{}).SetAssignmentStatus("completed"))
	require.NoError(s.t, err)
}

// read asks for a path with plain HTTP.
func (s *shift) read(path, query string) map[string]any {
	s.t.Helper()
	a := s.Do(s.Account, "GET", s.root+path+"?"+query, nil)
	require.Equal(s.t, 200, a.Status, "%s", a.Body)
	var out map[string]any
	require.NoError(s.t, json.Unmarshal(a.Body, &out))
	return out
}

// shows checks some values of an object; a dot leads into an inner one.
func shows(t *testing.T, body any, want map[string]any) {
	t.Helper()
	for path, v := range want {
		at := body
		for key := range strings.SplitSeq(path, ".") {
			if p, ok := at.(*any); ok {
				at = *p
			}
			m, ok := at.(map[string]any)
			require.True(t, ok, "%s leads nowhere: %v", path, body)
			require.Contains(t, m, key, path)
			at = m[key]
		}
		if n, ok := v.(int); ok {
			v = float64(n)
		}
		require.Equal(t, v, at, path)
	}
}

func databases() map[string]func(*testing.T) string {
	return map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	}
}

// TestEveryStatistic reads all fifteen with the official client and compares
// the numbers with what happened.
func TestEveryStatistic(t *testing.T) {
	for name, url := range databases() {
		t.Run(name, func(t *testing.T) { newShift(t, url(t)).everyStatistic() })
	}
}

func (s *shift) everyStatistic() {
	t, w, root := s.t, s.ws, s.root
	offers := map[string]any{
		"reservations_created": 3, "reservations_accepted": 2, "reservations_rejected": 1,
		"reservations_timed_out": 0, "reservations_canceled": 0, "reservations_rescinded": 0,
	}
	tasks := map[string]any{
		"avg_task_acceptance_time":           25,
		"wait_duration_until_accepted.min":   10,
		"wait_duration_until_accepted.max":   40,
		"wait_duration_until_accepted.avg":   25,
		"wait_duration_until_accepted.total": 50,
		"wait_duration_until_canceled.avg":   90,
		"tasks_canceled":                     1, "tasks_completed": 2, "tasks_deleted": 0, "tasks_moved": 0,
		"start_time": "2026-05-04T09:47:30Z", "end_time": "2026-05-04T10:02:30Z", "split_by_wait_time": nil,
	}
	now := map[string]any{
		"total_tasks": 4, "tasks_by_status.pending": 1, "tasks_by_status.completed": 2, "tasks_by_status.canceled": 1,
		"tasks_by_status.assigned": 0, "tasks_by_status.reserved": 0, "tasks_by_status.wrapping": 0,
		"tasks_by_priority": map[string]any{"3": float64(1)}, "longest_task_waiting_age": 20, "longest_task_waiting_sid": s.tasks[3],
	}
	under := func(prefix string, in ...map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range in {
			for k, v := range m {
				out[prefix+k] = v
			}
		}
		return out
	}

	// Workspace.
	realtime, err := s.FetchWorkspaceRealTimeStatistics(w, &api.FetchWorkspaceRealTimeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/RealTimeStatistics", realtime)
	shows(t, s.read("/RealTimeStatistics", ""), under("", now, map[string]any{"total_workers": 2}))
	cumulative, err := s.FetchWorkspaceCumulativeStatistics(w, &api.FetchWorkspaceCumulativeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/CumulativeStatistics", cumulative)
	require.Equal(t, 25, cumulative.AvgTaskAcceptanceTime)
	workspaceTasks := map[string]any{"tasks_created": 4, "tasks_timed_out_in_workflow": 0}
	shows(t, s.read("/CumulativeStatistics", ""), under("", offers, tasks, workspaceTasks))
	combined, err := s.FetchWorkspaceStatistics(w, &api.FetchWorkspaceStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/Statistics", combined)
	shows(t, *combined.Cumulative, under("", offers, tasks, workspaceTasks))
	shows(t, *combined.Realtime, now)

	// Workflow.
	at := "/Workflows/" + s.workflow
	wr, err := s.FetchWorkflowRealTimeStatistics(w, s.workflow, &api.FetchWorkflowRealTimeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+at+"/RealTimeStatistics", wr)
	shows(t, s.read(at+"/RealTimeStatistics", ""), now)
	wc, err := s.FetchWorkflowCumulativeStatistics(w, s.workflow, &api.FetchWorkflowCumulativeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+at+"/CumulativeStatistics", wc)
	shows(t, s.read(at+"/CumulativeStatistics", ""), under("", offers, tasks, map[string]any{"tasks_entered": 4, "tasks_timed_out_in_workflow": 0}))
	wb, err := s.FetchWorkflowStatistics(w, s.workflow, &api.FetchWorkflowStatisticsParams{})
	require.NoError(t, err)
	s.same(root+at+"/Statistics", wb)
	shows(t, *wb.Cumulative, offers)

	// TaskQueue.
	at = "/TaskQueues/" + s.queue
	members := map[string]any{"total_eligible_workers": 1, "total_available_workers": 0}
	longest := map[string]any{"longest_relative_task_age_in_queue": 20, "longest_relative_task_sid_in_queue": s.tasks[3]}
	inQueue := map[string]any{"tasks_entered": 4, "wait_duration_in_queue_until_accepted.max": 40, "wait_duration_in_queue_until_accepted.total": 50}
	qr, err := s.FetchTaskQueueRealTimeStatistics(w, s.queue, &api.FetchTaskQueueRealTimeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+at+"/RealTimeStatistics", qr)
	shows(t, s.read(at+"/RealTimeStatistics", ""), under("", now, members, longest))
	qc, err := s.FetchTaskQueueCumulativeStatistics(w, s.queue, &api.FetchTaskQueueCumulativeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+at+"/CumulativeStatistics", qc)
	shows(t, s.read(at+"/CumulativeStatistics", ""), under("", offers, tasks, inQueue))
	qb, err := s.FetchTaskQueueStatistics(w, s.queue, &api.FetchTaskQueueStatisticsParams{})
	require.NoError(t, err)
	s.same(root+at+"/Statistics", qb)
	queues, err := s.ListTaskQueuesStatistics(w, (&api.ListTaskQueuesStatisticsParams{}).SetPageSize(1))
	require.NoError(t, err)
	require.Len(t, queues, 2)
	// Both queues were made at the same instant, so either may come first.
	mine := 0
	if *queues[1].TaskQueueSid == s.queue {
		mine = 1
	}
	require.Equal(t, s.queue, *queues[mine].TaskQueueSid)
	shows(t, *queues[mine].Cumulative, under("", offers, tasks, inQueue))
	shows(t, *queues[mine].Realtime, under("", now, members, longest))
	shows(t, *queues[1-mine].Realtime, map[string]any{"total_tasks": 0, "total_eligible_workers": 0, "longest_task_waiting_sid": nil})
	queues, err = s.ListTaskQueuesStatistics(w, (&api.ListTaskQueuesStatisticsParams{}).SetFriendlyName("Empty"))
	require.NoError(t, err)
	require.Len(t, queues, 1)
	unknown := "WQ" + strings.Repeat("0", 32)
	bulk, err := s.CreateTaskQueueBulkRealTimeStatistics(w, (&api.CreateTaskQueueBulkRealTimeStatisticsParams{}).
		SetBody(map[string]any{"QueueSids": []string{s.queue, unknown}}))
	require.NoError(t, err)
	require.Equal(t, 2, bulk.TaskQueueResponseCount)
	shows(t, (*bulk.TaskQueueData)[0], under("", now, members, map[string]any{"task_queue_sid": s.queue}))
	shows(t, (*bulk.TaskQueueData)[1], map[string]any{"task_queue_sid": unknown, "total_tasks": 0, "total_eligible_workers": 0})

	// Workers. Ann was offline until 10:00:10 and from 10:00:45, Ben all the
	// time; both were made at 9:58:00.
	crew := map[string]any{"total_workers": 2}
	kr, err := s.FetchWorkersRealTimeStatistics(w, &api.FetchWorkersRealTimeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/Workers/RealTimeStatistics", kr)
	shows(t, s.read("/Workers/RealTimeStatistics", ""), crew)
	kc, err := s.FetchWorkersCumulativeStatistics(w, &api.FetchWorkersCumulativeStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/Workers/CumulativeStatistics", kc)
	shows(t, s.read("/Workers/CumulativeStatistics", ""), offers)
	kb, err := s.FetchWorkerStatistics(w, &api.FetchWorkerStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/Workers/Statistics", kb)
	shows(t, *kb.Realtime, crew)
	shows(t, *kb.Cumulative, offers)
	kb, err = s.FetchWorkerStatistics(w, (&api.FetchWorkerStatisticsParams{}).SetTaskQueueName("Tax").SetFriendlyName("ann"))
	require.NoError(t, err)
	shows(t, *kb.Realtime, map[string]any{"total_workers": 1})
	shows(t, *kb.Cumulative, offers)
	for _, nobody := range []*api.FetchWorkerStatisticsParams{
		(&api.FetchWorkerStatisticsParams{}).SetTaskQueueName("None"),
		(&api.FetchWorkerStatisticsParams{}).SetTaskQueueSid(s.other),
		(&api.FetchWorkerStatisticsParams{}).SetFriendlyName("Cid"),
	} {
		kb, err = s.FetchWorkerStatistics(w, nobody)
		require.NoError(t, err)
		shows(t, *kb.Realtime, map[string]any{"total_workers": 0})
		shows(t, *kb.Cumulative, map[string]any{"reservations_created": 0})
	}
	one, err := s.FetchWorkerInstanceStatistics(w, s.ann, &api.FetchWorkerInstanceStatisticsParams{})
	require.NoError(t, err)
	s.same(root+"/Workers/"+s.ann+"/Statistics", one)
	shows(t, *one.Cumulative, offers)
	spent := map[string]map[string]any{}
	durations, _ := (*one.Cumulative).(map[string]any)["activity_durations"].([]any)
	for _, d := range durations {
		m, _ := d.(map[string]any)
		name, _ := m["friendly_name"].(string)
		spent[name] = m
	}
	require.Len(t, spent, 3)
	shows(t, spent["Available"], map[string]any{"total": 35, "min": 35, "max": 35, "avg": 35})
	// The window ends with a whole second: 0.6 seconds are not in it.
	shows(t, spent["Offline"], map[string]any{"total": 234, "min": 104, "max": 130, "avg": 117})
	shows(t, spent["Unavailable"], map[string]any{"total": 0, "min": 0, "max": 0, "avg": 0})
}

// TestStatisticsParameters shows what each parameter leaves out.
func TestStatisticsParameters(t *testing.T) {
	s := newShift(t, "")
	cumulative := func(query string) map[string]any { return s.read("/CumulativeStatistics", query) }
	shows(t, cumulative("Minutes=1"), map[string]any{
		"start_time": "2026-05-04T10:01:30Z", "tasks_created": 1, "tasks_canceled": 1, "reservations_accepted": 0,
	})
	shows(t, cumulative("StartDate=2026-05-04T10:00:00Z&EndDate=2026-05-04T10:00:10Z"), map[string]any{
		"tasks_created": 2, "reservations_accepted": 1, "end_time": "2026-05-04T10:00:10Z", "avg_task_acceptance_time": 10,
	})
	shows(t, cumulative("EndDate=2026-05-04T10:00:09Z"), map[string]any{"tasks_created": 2, "reservations_accepted": 0})
	for channel, want := range map[string]int{"voice": 4, "chat": 0} {
		shows(t, cumulative("TaskChannel="+channel), map[string]any{"tasks_created": want})
		shows(t, s.read("/RealTimeStatistics", "TaskChannel="+channel), map[string]any{"total_tasks": want, "total_workers": 2})
	}
	channels, err := s.ListTaskChannel(s.ws, &api.ListTaskChannelParams{})
	require.NoError(t, err)
	for _, c := range channels {
		want := 0
		if *c.UniqueName == "voice" {
			want = 3
		}
		shows(t, s.read("/Workers/"+s.ann+"/Statistics", "TaskChannel="+*c.Sid), map[string]any{"cumulative.reservations_created": want})
	}
	side := func(accepted, canceled int) map[string]any {
		return map[string]any{"reservations_accepted": float64(accepted), "tasks_canceled": float64(canceled)}
	}
	split := map[string]any{ // waits of 10 and 40 seconds were accepted, one of 90 canceled
		"split_by_wait_time.9":  map[string]any{"above": side(2, 1), "below": side(0, 0)},
		"split_by_wait_time.10": map[string]any{"above": side(1, 1), "below": side(1, 0)},
		"split_by_wait_time.89": map[string]any{"above": side(0, 1), "below": side(2, 0)},
		"split_by_wait_time.90": map[string]any{"above": side(0, 0), "below": side(2, 1)},
	}
	for _, path := range []string{"", "/TaskQueues/" + s.queue, "/Workflows/" + s.workflow} {
		shows(t, s.read(path+"/CumulativeStatistics", "SplitByWaitTime=90,9,10,89"), split)
	}
	shows(t, s.read("/TaskQueues/"+s.other+"/CumulativeStatistics", "SplitByWaitTime=5"), map[string]any{
		"split_by_wait_time.5": map[string]any{"above": side(0, 0), "below": side(0, 0)},
	})

	// Every statistic refuses the same mistakes.
	for _, path := range []string{
		"/Statistics", "/CumulativeStatistics", "/TaskQueues/Statistics", "/TaskQueues/" + s.queue + "/Statistics", "/TaskQueues/" + s.queue + "/CumulativeStatistics",
		"/Workflows/" + s.workflow + "/Statistics", "/Workflows/" + s.workflow + "/CumulativeStatistics",
		"/Workers/Statistics", "/Workers/CumulativeStatistics", "/Workers/" + s.ann + "/Statistics",
	} {
		for query, code := range map[string]int{
			"Minutes=5&StartDate=2026-05-04": 20001, "Minutes=5&EndDate=2026-05-04": 20001, "Minutes=none": 20001, "TaskChannel=fax": 20001,
			"StartDate=2026-05-04T10:00:00Z&EndDate=2026-05-04T09:00:00Z": 20001, "StartDate=2026-04-01": 14241, "Minutes=50000": 14241,
		} {
			s.refusedWith(s.Do(s.Account, "GET", s.root+path+"?"+query, nil), 400, code)
		}
	}
	for _, path := range []string{"/RealTimeStatistics", "/TaskQueues/" + s.queue + "/RealTimeStatistics", "/Workflows/" + s.workflow + "/RealTimeStatistics", "/Workers/RealTimeStatistics"} {
		s.refusedWith(s.Do(s.Account, "GET", s.root+path+"?TaskChannel=fax", nil), 400, 20001)
	}
}

func (s *shift) refusedWith(a stack.Answer, status, code int) {
	s.t.Helper()
	var e struct{ Status, Code int }
	require.NoError(s.t, json.Unmarshal(a.Body, &e))
	require.Equal(s.t, [3]int{status, status, code}, [3]int{a.Status, e.Status, e.Code}, "%s", a.Body)
}

func TestBulkStatistics(t *testing.T) {
	s := newShift(t, "")
	ask := func(sids ...string) error {
		_, err := s.CreateTaskQueueBulkRealTimeStatistics(s.ws, (&api.CreateTaskQueueBulkRealTimeStatisticsParams{}).SetBody(map[string]any{"QueueSids": sids}))
		return err
	}
	status := func(err error) int {
		var e *client.TwilioRestError
		require.ErrorAs(t, err, &e, "%v", err)
		return e.Status
	}
	many := make([]string, 51)
	for i := range many {
		many[i] = s.queue
	}
	require.Equal(t, 400, status(ask()))
	require.Equal(t, 400, status(ask("WQ1")))
	require.Equal(t, 400, status(ask(many...)))
	require.NoError(t, ask(many[:50]...))
	s.refusedWith(s.Do(s.Account, "POST", s.root+"/TaskQueues/RealTimeStatistics", url.Values{"QueueSids": {s.queue}}), 400, 20001)
	// That was five within a second.
	require.Equal(t, http.StatusTooManyRequests, status(ask(s.queue)))
	s.clock.pass(1)
	require.NoError(t, ask(s.queue))
}
