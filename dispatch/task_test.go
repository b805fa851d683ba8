package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

type events = []taskrouter.EventType

// office is a bench with one queue for everybody and a Workflow to it.
func office(t *testing.T, set ...func(*settings)) *bench {
	t.Helper()
	b := newBench(t, set...)
	b.workflow(everything(b.queue("Everybody")))
	return b
}

// at brings a Task with one agent into a state; the Reservation is nil while
// nobody holds one.
func (b *bench) at(state taskrouter.TaskStatus) (task string, r *taskrouter.Reservation) {
	b.t.Helper()
	if state != taskrouter.TaskPending {
		b.worker("Ann", "{}")
	}
	task = b.task()
	if state == taskrouter.TaskPending {
		return task, nil
	}
	r = b.offer(task)
	if state == taskrouter.TaskReserved {
		return task, r
	}
	if state == taskrouter.TaskCanceled {
		require.NoError(b.t, b.set(task, taskrouter.TaskCanceled))
		return task, r
	}
	b.must(r.SID, taskrouter.ReservationAccepted)
	switch state {
	case taskrouter.TaskWrapping:
		require.NoError(b.t, b.set(task, taskrouter.TaskWrapping))
	case taskrouter.TaskCompleted:
		require.NoError(b.t, b.set(task, taskrouter.TaskCompleted))
	default: // it is there already
	}
	require.Equal(b.t, state, b.status(task))
	return task, r
}

// Every state a client may ask for, from every state.
func TestTaskMovesByRequest(t *testing.T) {
	cancel := "Cannot cancel task %s in workspace %s for account %s because it is not pending or reserved."
	wrap := "Cannot wrap up a task %s in workspace %s for account %s because it's not currently assigned"
	complete := "Cannot complete task %s in workspace %s for account %s because it is not currently assigned."
	type edge struct{ from, to taskrouter.TaskStatus }
	allowed := map[edge]events{
		{taskrouter.TaskPending, taskrouter.TaskCanceled}:   {taskrouter.TaskWasCanceled},
		{taskrouter.TaskReserved, taskrouter.TaskCanceled}:  {taskrouter.ReservationWasCanceled, taskrouter.TaskWasCanceled},
		{taskrouter.TaskAssigned, taskrouter.TaskWrapping}:  {taskrouter.ReservationWrapup, taskrouter.TaskWrapup},
		{taskrouter.TaskAssigned, taskrouter.TaskCompleted}: {taskrouter.ReservationWasCompleted, taskrouter.TaskWasCompleted},
		{taskrouter.TaskWrapping, taskrouter.TaskCompleted}: {taskrouter.ReservationWasCompleted, taskrouter.TaskWasCompleted},
	}
	text := map[taskrouter.TaskStatus]string{
		taskrouter.TaskCanceled: cancel, taskrouter.TaskWrapping: wrap, taskrouter.TaskCompleted: complete,
	}
	for _, from := range taskrouter.TaskStatuses() {
		for _, to := range append(taskrouter.TaskStatuses(), "lost") {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				b := office(t)
				task, _ := b.at(from)
				before := b.get(task)
				var err error
				got := b.during(func() {
					_, err = b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Status: &to, Reason: ptr("because")})
				})
				want, ok := allowed[edge{from, to}]
				if !ok {
					requireKind(t, taskrouter.KindInvalid, err)
					if text[to] != "" {
						require.Equal(t, sprintf(text[to], task, b.ws, b.account), err.Error())
					}
					require.Empty(t, got)
					require.Equal(t, before, b.get(task))
					return
				}
				require.NoError(t, err)
				require.Equal(t, want, got)
				after := b.get(task)
				require.Equal(t, to, after.Status)
				require.Equal(t, "because", after.Reason)
				require.Greater(t, after.Version, before.Version)
				if to.Ended() {
					require.Equal(t, b.clock.now().Add(taskrouter.DefaultGracePeriod), after.RemoveAt)
				}
				requireHealthy(t, b)
			})
		}
	}
}

func TestTaskLifeInEvents(t *testing.T) {
	b := office(t)
	b.worker("Ann", "{}")
	var task string
	require.Equal(t, events{
		taskrouter.TaskCreated, taskrouter.WorkflowEntered, taskrouter.WorkflowTargetMatched,
		taskrouter.TaskQueueEntered, taskrouter.ReservationWasCreated,
	}, b.during(func() { task = b.task() }))
	r := b.offer(task)
	require.Equal(t, events{taskrouter.ReservationWasAccepted}, b.during(func() { b.must(r.SID, taskrouter.ReservationAccepted) }))
	require.Equal(t, events{taskrouter.ReservationWrapup, taskrouter.TaskWrapup}, b.during(func() { b.must(r.SID, taskrouter.ReservationWrapping) }))
	require.Equal(t, events{taskrouter.ReservationWasCompleted, taskrouter.TaskWasCompleted}, b.during(func() { b.must(r.SID, taskrouter.ReservationCompleted) }))
	require.Empty(t, b.during(func() { b.pass(taskrouter.DefaultGracePeriod) }), "an ended task goes silently")
	require.Nil(t, b.get(task))
}

func TestMovingBetweenTargetsInEvents(t *testing.T) {
	b := newBench(t)
	one, two := b.queue("One"), b.queue("Two")
	b.workflow(routing("", filter("1==1", target(one, `"timeout":5`), target(one, `"timeout":5`, `"priority":3`), target(two, `"timeout":5`))))
	task := b.task()
	require.Equal(t, events{taskrouter.TaskQueueTimeout, taskrouter.WorkflowTargetMatched}, b.during(func() { b.pass(5 * time.Second) }))
	from := b.lastSeq()
	b.pass(5 * time.Second)
	es := b.eventsAfter(from)
	require.Len(t, es, 4)
	require.Equal(t, taskrouter.TaskQueueMoved, es[2].Type)
	require.Equal(t, taskrouter.TaskQueueEntered, es[3].Type)
	for k, v := range map[string]string{
		"task_queue_sid": two, "previous_task_queue_sid": one, "previous_task_priority": "3", "target_changed_reason": "timeout",
		"task_sid": task, "workflow_filter_name": "if 1==1",
	} {
		require.Equal(t, v, es[2].Data[k], k)
	}
	require.Equal(t, events{taskrouter.TaskQueueTimeout, taskrouter.WorkflowTimeout, taskrouter.TaskWasCanceled},
		b.during(func() { b.pass(5 * time.Second) }))
	require.Equal(t, taskrouter.ReasonWorkflowTimeout, b.get(task).Reason)
}

func TestDeleteTaskInAnyState(t *testing.T) {
	for state, want := range map[taskrouter.TaskStatus]events{
		taskrouter.TaskPending:   {taskrouter.TaskDeleted},
		taskrouter.TaskReserved:  {taskrouter.ReservationWasCanceled, taskrouter.TaskDeleted},
		taskrouter.TaskAssigned:  {taskrouter.ReservationWasCompleted, taskrouter.TaskDeleted},
		taskrouter.TaskWrapping:  {taskrouter.ReservationWasCompleted, taskrouter.TaskDeleted},
		taskrouter.TaskCompleted: {taskrouter.TaskDeleted},
		taskrouter.TaskCanceled:  {taskrouter.TaskDeleted},
	} {
		t.Run(string(state), func(t *testing.T) {
			b := office(t)
			task, r := b.at(state)
			require.Equal(t, want, b.during(func() { require.NoError(t, b.d.DeleteTask(b.ctx, b.subject(task))) }))
			require.Nil(t, b.get(task))
			requireKind(t, taskrouter.KindNotFound, b.d.DeleteTask(b.ctx, b.subject(task)))
			requireKind(t, taskrouter.KindNotFound, b.set(task, taskrouter.TaskCanceled))
			if r != nil {
				requireKind(t, taskrouter.KindNotFound, b.answer(r.SID, taskrouter.ReservationAccepted))
				require.Zero(t, b.load(r.WorkerSID))
			}
			v, err := b.d.View(b.ctx, b.ws, task)
			require.NoError(t, err)
			require.True(t, v.Removed)
			require.Equal(t, task, v.TaskSID)
			requireHealthy(t, b)
		})
	}
}

func TestUpdateTask(t *testing.T) {
	b := office(t)
	task := b.task()
	version := b.get(task).Version
	stale := b.subject(task)
	stale.IfMatch = ptr(version + 1)
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: stale, Priority: ptr(int64(3))})
	requireKind(t, taskrouter.KindPrecondition, err)
	stale.IfMatch = &version
	got, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: stale, Priority: ptr(int64(3))})
	require.NoError(t, err)
	require.Equal(t, int64(3), got.Priority)
	require.Empty(t, b.during(func() {
		_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Priority: ptr(int64(3))})
		require.NoError(t, err)
	}), "nothing changed")
	for name, u := range map[string]dispatch.TaskUpdate{
		"status and attributes": {Status: ptr(taskrouter.TaskCanceled), Attributes: ptr(taskrouter.NoAttributes)},
		"priority":              {Priority: ptr(int64(-1))},
		"priority too high":     {Priority: ptr(int64(1) << 31)},
		"future start":          {VirtualStartTime: ptr(b.clock.now().Add(time.Second))},
		"ancient start":         {VirtualStartTime: ptr(time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC))},
		"channel":               {Channel: ptr("carrier pigeon")},
	} {
		u.Subject = b.subject(task)
		_, err := b.d.UpdateTask(b.ctx, u)
		require.Error(t, err, name)
		requireKind(t, taskrouter.KindInvalid, err)
	}
	require.NoError(t, b.set(task, taskrouter.TaskCanceled))
	for name, u := range map[string]dispatch.TaskUpdate{
		"priority": {Priority: ptr(int64(9))}, "channel": {Channel: ptr("chat")}, "reason": {Reason: ptr("late")},
		"start": {VirtualStartTime: ptr(b.clock.now())},
	} {
		u.Subject = b.subject(task)
		_, err := b.d.UpdateTask(b.ctx, u)
		require.Error(t, err, name)
		requireKind(t, taskrouter.KindInvalid, err)
	}
	_, err = b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Attributes: ptr(taskrouter.Attributes(`{"a":1}`))})
	require.NoError(t, err, "attributes may always change")
}

func TestTaskOfAnotherAccountDoesNotExist(t *testing.T) {
	b := office(t)
	task, r := b.at(taskrouter.TaskReserved)
	s := b.subject(task)
	s.AccountSID = taskrouter.NewSID(taskrouter.PrefixAccount)
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: s, Status: ptr(taskrouter.TaskCanceled)})
	requireKind(t, taskrouter.KindNotFound, err)
	requireKind(t, taskrouter.KindNotFound, b.d.DeleteTask(b.ctx, s))
	s.SID = r.SID
	_, err = b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{Subject: s, Status: ptr(taskrouter.ReservationAccepted)})
	requireKind(t, taskrouter.KindNotFound, err)
	s.SID = r.WorkerSID
	_, err = b.d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{Subject: s, FriendlyName: ptr("x")})
	requireKind(t, taskrouter.KindNotFound, err)
	requireKind(t, taskrouter.KindNotFound, b.d.DeleteWorker(b.ctx, s))

	other := benchOn(t, b.db)
	s = other.subject(task)
	_, err = other.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: s, Status: ptr(taskrouter.TaskCanceled)})
	requireKind(t, taskrouter.KindNotFound, err)
	require.Equal(t, taskrouter.TaskReserved, b.status(task))
	for _, ws := range []string{"", "WSx", taskrouter.NewSID(taskrouter.PrefixWorkspace)} {
		_, err := b.d.View(b.ctx, ws, task)
		require.NoError(t, err)
		_, err = b.d.CreateTask(b.ctx, dispatch.NewTask{AccountSID: b.account, WorkspaceSID: ws})
		requireKind(t, taskrouter.KindNotFound, err)
	}
}

func TestCreateTaskChecks(t *testing.T) {
	b := office(t)
	for name, set := range map[string]func(*dispatch.NewTask){
		"timeout too short":    func(n *dispatch.NewTask) { n.Timeout = time.Millisecond },
		"timeout too long":     func(n *dispatch.NewTask) { n.Timeout = taskrouter.MaxTaskTimeout + time.Second },
		"negative priority":    priority(-1),
		"huge priority":        priority(1 << 31),
		"unknown channel":      func(n *dispatch.NewTask) { n.Channel = "fax" },
		"unknown workflow":     inWorkflow(taskrouter.NewSID(taskrouter.PrefixWorkflow)),
		"unknown queue":        func(n *dispatch.NewTask) { n.QueueSID = taskrouter.NewSID(taskrouter.PrefixTaskQueue) },
		"unknown target queue": toTarget(taskrouter.NewSID(taskrouter.PrefixTaskQueue)),
		"unknown target agent": toTarget(taskrouter.NewSID(taskrouter.PrefixWorker)),
		"target is no SID":     toTarget("Ann"),
		"future start":         func(n *dispatch.NewTask) { n.VirtualStartTime = b.clock.now().Add(time.Minute) },
		"capacity, no agent":   func(n *dispatch.NewTask) { n.IgnoreCapacity = ptr(true) },
		"too deep to be read":  attributes(deep(3000)),
	} {
		from := b.lastSeq()
		_, err := b.create(set)
		require.Error(t, err, name)
		requireKind(t, taskrouter.KindInvalid, err)
		require.Empty(t, b.eventsAfter(from), name)
	}
	b.workflow(everything(b.queue("Other")))
	_, err := b.create()
	requireKind(t, taskrouter.KindInvalid, err)
	require.Equal(t, "WorkflowSid field is required", err.Error())
}

func TestTimeToLive(t *testing.T) {
	for _, state := range []taskrouter.TaskStatus{taskrouter.TaskPending, taskrouter.TaskReserved} {
		b := office(t)
		if state == taskrouter.TaskReserved {
			b.worker("Ann", "{}")
		}
		task := b.task(func(n *dispatch.NewTask) { n.Timeout = time.Minute })
		b.pass(time.Minute - time.Second)
		require.Equal(t, state, b.status(task))
		from := b.lastSeq()
		b.pass(2 * time.Second)
		require.Equal(t, taskrouter.TaskCanceled, b.status(task))
		require.Equal(t, "Task TTL Exceeded", b.get(task).Reason)
		es := b.eventsAfter(from)
		require.Equal(t, "Task TTL Exceeded", es[len(es)-1].Description)
		require.Equal(t, "Task TTL Exceeded", es[len(es)-1].Data["task_canceled_reason"])
		requireHealthy(t, b)
	}
}

func TestAssignedLimit(t *testing.T) {
	for _, state := range []taskrouter.TaskStatus{taskrouter.TaskAssigned, taskrouter.TaskWrapping} {
		b := office(t, options(dispatch.Options{AssignedLimit: time.Hour}))
		task, r := b.at(state)
		b.pass(time.Hour - time.Minute)
		require.Equal(t, state, b.status(task))
		require.Equal(t, events{taskrouter.ReservationWasCompleted, taskrouter.TaskSystemDeleted}, b.during(func() { b.pass(time.Minute) }))
		require.Nil(t, b.get(task))
		require.Zero(t, b.load(r.WorkerSID))
		requireHealthy(t, b)
	}
}

func TestWrapUpEndsByItself(t *testing.T) {
	b := office(t)
	b.worker("Ann", "{}")
	task := b.task(func(n *dispatch.NewTask) { n.WrapUp = 30 * time.Second })
	waiting := b.task()
	r := b.offer(task)
	b.must(r.SID, taskrouter.ReservationAccepted)
	b.pass(time.Hour)
	require.Equal(t, taskrouter.TaskAssigned, b.status(task))
	b.must(r.SID, taskrouter.ReservationWrapping)
	b.pass(29 * time.Second)
	require.Equal(t, taskrouter.TaskWrapping, b.status(task))
	require.Equal(t, events{taskrouter.ReservationWasCompleted, taskrouter.TaskWasCompleted, taskrouter.ReservationWasCreated},
		b.during(func() { b.pass(time.Second) }))
	require.Equal(t, taskrouter.TaskReserved, b.status(waiting), "the agent is free for the next one at once")
}

func TestMaxAssignments(t *testing.T) {
	b := office(t, options(dispatch.Options{MaxAssignments: 3}))
	b.worker("Ann", "{}")
	task := b.task()
	for range 3 {
		b.must(b.offer(task).SID, taskrouter.ReservationRejected)
	}
	require.Equal(t, taskrouter.TaskCanceled, b.status(task))
	require.Equal(t, taskrouter.ReasonMaxAssignments, b.get(task).Reason)
	requireHealthy(t, b)
}
