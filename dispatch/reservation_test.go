package dispatch_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Every state a client may ask for, from every state.
func TestReservationMovesByRequest(t *testing.T) {
	reach := map[taskrouter.ReservationStatus]func(b *bench, r *taskrouter.Reservation){
		taskrouter.ReservationPending:  func(*bench, *taskrouter.Reservation) {},
		taskrouter.ReservationAccepted: func(b *bench, r *taskrouter.Reservation) { b.must(r.SID, taskrouter.ReservationAccepted) },
		taskrouter.ReservationRejected: func(b *bench, r *taskrouter.Reservation) { b.must(r.SID, taskrouter.ReservationRejected) },
		taskrouter.ReservationTimeout:  func(b *bench, _ *taskrouter.Reservation) { b.pass(taskrouter.DefaultReservationTimeout) },
		taskrouter.ReservationCanceled: func(b *bench, r *taskrouter.Reservation) {
			_, err := b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{Failed: true})
			require.NoError(b.t, err)
		},
		taskrouter.ReservationRescinded: func(b *bench, r *taskrouter.Reservation) {
			for _, o := range b.open(r.TaskSID) {
				if o.SID != r.SID {
					b.must(o.SID, taskrouter.ReservationAccepted)
					return
				}
			}
		},
		taskrouter.ReservationWrapping: func(b *bench, r *taskrouter.Reservation) {
			b.must(r.SID, taskrouter.ReservationAccepted)
			b.must(r.SID, taskrouter.ReservationWrapping)
		},
		taskrouter.ReservationCompleted: func(b *bench, r *taskrouter.Reservation) {
			b.must(r.SID, taskrouter.ReservationAccepted)
			b.must(r.SID, taskrouter.ReservationCompleted)
		},
	}
	type edge struct{ from, to taskrouter.ReservationStatus }
	allowed := map[edge]taskrouter.TaskStatus{
		{taskrouter.ReservationPending, taskrouter.ReservationAccepted}:   taskrouter.TaskAssigned,
		{taskrouter.ReservationPending, taskrouter.ReservationRejected}:   taskrouter.TaskReserved, // the other offer stays
		{taskrouter.ReservationAccepted, taskrouter.ReservationWrapping}:  taskrouter.TaskWrapping,
		{taskrouter.ReservationAccepted, taskrouter.ReservationCompleted}: taskrouter.TaskCompleted,
		{taskrouter.ReservationWrapping, taskrouter.ReservationCompleted}: taskrouter.TaskCompleted,
	}
	for _, from := range taskrouter.ReservationStatuses() {
		for _, to := range append(taskrouter.ReservationStatuses(), "lost") {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				b := newBench(t)
				b.workflow(everything(b.queue("Q", offersTo(2))), withCallback)
				b.worker("Ann", "{}")
				b.worker("Ben", "{}")
				task := b.task()
				r := b.open(task)[0]
				reach[from](b, r)
				before := b.reservation(r.SID)
				require.Equal(t, from, before.Status)
				err := b.answer(r.SID, to)
				want, ok := allowed[edge{from, to}]
				switch {
				case ok:
					require.NoError(t, err)
					require.Equal(t, to, b.reservation(r.SID).Status)
					require.Equal(t, want, b.status(task))
				case from == taskrouter.ReservationRescinded && to == taskrouter.ReservationAccepted:
					requireKind(t, taskrouter.KindGone, err)
				default:
					requireKind(t, taskrouter.KindInvalid, err)
				}
				if !ok {
					require.Equal(t, before, b.reservation(r.SID))
				}
				requireHealthy(t, b)
			})
		}
	}
}

func TestReservationChecks(t *testing.T) {
	b := office(t)
	task, r := b.at(taskrouter.TaskReserved)
	u := dispatch.ReservationUpdate{Subject: b.subject(r.SID), Status: ptr(taskrouter.ReservationAccepted)}
	u.IfMatch = ptr(r.Version + 1)
	_, err := b.d.UpdateReservation(b.ctx, u)
	requireKind(t, taskrouter.KindPrecondition, err)
	u.IfMatch = nil
	u.TaskSID = taskrouter.NewSID(taskrouter.PrefixTask)
	_, err = b.d.UpdateReservation(b.ctx, u)
	requireKind(t, taskrouter.KindNotFound, err)
	u.TaskSID, u.WorkerSID = "", taskrouter.NewSID(taskrouter.PrefixWorker)
	_, err = b.d.UpdateReservation(b.ctx, u)
	requireKind(t, taskrouter.KindNotFound, err)
	u.WorkerSID, u.TaskSID, u.IfMatch = r.WorkerSID, task, &r.Version
	got, err := b.d.UpdateReservation(b.ctx, u)
	require.NoError(t, err)
	require.Equal(t, taskrouter.ReservationAccepted, got.Status)
	require.Equal(t, r.Version+1, got.Version)
	require.Empty(t, b.during(func() {
		_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{Subject: b.subject(r.SID)})
		require.NoError(t, err)
	}), "nothing asked, nothing changed")
	_, err = b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{
		Subject: b.subject(r.SID), Status: ptr(taskrouter.ReservationCompleted), Instruction: &taskrouter.Instruction{Kind: taskrouter.InstructConference},
	})
	requireKind(t, taskrouter.KindInvalid, err)
	require.ErrorContains(t, err, "Unable to execute Conference instruction. Reservation "+r.SID+" is not currently in a Pending state.")
}

func TestReservationTimesOut(t *testing.T) {
	b := office(t)
	ann := b.worker("Ann", "{}")
	task := b.task()
	require.Empty(t, b.during(func() { b.pass(taskrouter.DefaultReservationTimeout - time.Second) }))
	require.Equal(t, events{taskrouter.ReservationTimedOut, taskrouter.WorkerActivityUpdate}, b.during(func() { b.pass(time.Second) }))
	require.Equal(t, taskrouter.TaskPending, b.status(task))
	require.Equal(t, "Offline", b.activityOf(ann))
	require.Zero(t, b.load(ann))
	b.move(ann, "Available")
	require.Equal(t, []string{ann}, b.offered(task))
	requireHealthy(t, b)
}

func TestTargetTimerOfAReservedTask(t *testing.T) {
	b := newBench(t)
	one, two := b.queue("One", members("team=='x'")), b.queue("Two", members("team=='y'"))
	b.workflow(routing("", filter("1==1", target(one, `"timeout":10`), target(two))))
	b.worker("Ann", `{"team":"x"}`)
	task := b.task()
	b.pass(20 * time.Second)
	require.Equal(t, one, b.get(task).QueueSID, "the offer is waited for")
	require.Equal(t, taskrouter.TaskReserved, b.status(task))
	require.Equal(t, events{taskrouter.ReservationWasRejected, taskrouter.TaskQueueTimeout, taskrouter.WorkflowTargetMatched, taskrouter.TaskQueueMoved, taskrouter.TaskQueueEntered},
		b.during(func() { b.must(b.offer(task).SID, taskrouter.ReservationRejected) }))
	require.Equal(t, two, b.get(task).QueueSID)
	requireHealthy(t, b)
}

func TestRejecting(t *testing.T) {
	b := office(t)
	ann, ben := b.worker("Ann", "{}"), b.worker("Ben", "{}")
	lunch := b.addActivity("Lunch", false)
	task := b.task()
	require.Equal(t, []string{ann}, b.offered(task))
	b.must(b.offer(task).SID, taskrouter.ReservationRejected)
	require.Equal(t, []string{ben}, b.offered(task), "who was asked longest ago comes first")
	require.Equal(t, "Available", b.activityOf(ann))
	_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{
		Subject: b.subject(b.offer(task).SID), Status: ptr(taskrouter.ReservationRejected), WorkerActivitySID: "WA0",
	})
	requireKind(t, taskrouter.KindInvalid, err)
	_, err = b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{
		Subject: b.subject(b.offer(task).SID), Status: ptr(taskrouter.ReservationRejected), WorkerActivitySID: lunch,
	})
	require.NoError(t, err)
	require.Equal(t, "Lunch", b.activityOf(ben))
	require.Equal(t, []string{ann}, b.offered(task), "the same agent may be asked again at once")

	_, err = b.d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{Subject: b.subject(ann), RejectPendingReservations: true})
	requireKind(t, taskrouter.KindInvalid, err)
	_, err = b.d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{
		Subject: b.subject(ann), ActivitySID: ptr(b.activity("Offline")), RejectPendingReservations: true,
	})
	require.NoError(t, err)
	require.Equal(t, taskrouter.TaskPending, b.status(task))
	requireHealthy(t, b)
}

func TestRejectPendingWhileOthersWait(t *testing.T) {
	b := office(t)
	ann := b.worker("Ann", "{}")
	b.capacity(ann, "default", 3)
	var tasks []string
	for range 5 {
		tasks = append(tasks, b.task())
	}
	b.must(b.offer(tasks[0]).SID, taskrouter.ReservationAccepted)
	ben := b.worker("Ben", "{}")
	require.Equal(t, []string{ben}, b.offered(tasks[3]))
	_, err := b.d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{
		Subject: b.subject(ann), ActivitySID: ptr(b.activity("Offline")), RejectPendingReservations: true,
	})
	require.NoError(t, err)
	require.Equal(t, taskrouter.TaskAssigned, b.status(tasks[0]), "accepted work stays")
	require.Equal(t, taskrouter.TaskPending, b.status(tasks[1]))
	require.Equal(t, taskrouter.TaskPending, b.status(tasks[2]))
	requireHealthy(t, b)
}

func TestFailedOffersPause(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	ann := b.worker("Ann", "{}")
	task := b.task()
	for _, seconds := range []int{1, 2, 4, 8, 16, 30, 30} {
		pause := time.Duration(seconds) * time.Second
		r := b.offer(task)
		v, err := b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{Failed: true})
		require.NoError(t, err)
		require.Equal(t, taskrouter.TaskPending, v.Status)
		require.Equal(t, dispatch.ForBackoff, v.DeadlineFor)
		require.Equal(t, b.clock.now().Add(pause), v.Deadline)
		require.Equal(t, taskrouter.ReasonCallbackFailed, b.reservation(r.SID).ReasonCode)
		require.Equal(t, "Available", b.activityOf(ann), "a fault of ours is not the agent's")
		b.pass(pause - time.Millisecond)
		require.Empty(t, b.offered(task))
		b.pass(time.Millisecond)
		require.Equal(t, []string{ann}, b.offered(task))
	}
	_, err := b.d.CallbackAnswered(b.ctx, b.ws, task, b.offer(task).SID, dispatch.CallbackOutcome{Instruction: &taskrouter.Instruction{Kind: taskrouter.InstructAccept}})
	require.NoError(t, err)
	require.Equal(t, taskrouter.TaskAssigned, b.status(task))
	require.Zero(t, b.get(task).FailedOffers)
	requireHealthy(t, b)
}

// While a Task pauses, its agent serves whoever stands behind it.
func TestPausingTaskLetsOthersPass(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	ann := b.worker("Ann", "{}")
	first := b.task(priority(9))
	second := b.task()
	_, err := b.d.CallbackAnswered(b.ctx, b.ws, first, b.offer(first).SID, dispatch.CallbackOutcome{Failed: true})
	require.NoError(t, err)
	require.Equal(t, []string{ann}, b.offered(second))
	require.Empty(t, b.offered(first))
	b.pass(time.Minute)
	b.must(b.offer(second).SID, taskrouter.ReservationRejected)
	require.Equal(t, []string{ann}, b.offered(first))
}

// A Task whose move was put off stands in line where the move has put it, not
// where it stood while it was offered.
func TestMoveThatWasPutOffMayLoseTheTurn(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	b.workflow(routing("", filter("1==1", target(q, `"timeout":10`), target(q, `"priority":5`))))
	ann := b.workerIn("Ann", "{}", "Offline")
	waiting, urgent := b.task(), b.task(priority(9))
	b.move(ann, "Available")
	require.Equal(t, []string{ann}, b.offered(urgent))
	b.pass(10 * time.Second)
	require.EqualValues(t, 5, b.get(waiting).Priority)
	require.EqualValues(t, 9, b.get(urgent).Priority, "it moves after the offer")
	b.must(b.offer(urgent).SID, taskrouter.ReservationRejected)
	require.EqualValues(t, 5, b.get(urgent).Priority)
	require.Equal(t, []string{ann}, b.offered(waiting), "it came first")
	require.Empty(t, b.offered(urgent))
	require.NoError(t, b.set(waiting, taskrouter.TaskCanceled))
	require.Equal(t, []string{ann}, b.offered(urgent))
	requireHealthy(t, b)
}

func TestCallbackOnce(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	b.worker("Ann", "{}")
	task := b.task()
	r := b.offer(task)
	o, err := b.d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID)
	require.NoError(t, err)
	require.True(t, o.Proceed)
	require.Equal(t, "https://example.com/assign", o.URL)
	require.Equal(t, "default", o.ChannelName)
	again, err := b.d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID)
	require.NoError(t, err)
	require.Equal(t, dispatch.CallbackOrder{Taken: true}, again, "the order is given out once")
	v, err := b.d.View(b.ctx, b.ws, task)
	require.NoError(t, err)
	require.True(t, v.Offers[0].CallbackDue, "a run that begins anew must see that an answer is missing")
	_, err = b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{Instruction: &taskrouter.Instruction{Kind: taskrouter.InstructDequeue}})
	require.NoError(t, err)
	require.Equal(t, taskrouter.ReservationPending, b.reservation(r.SID).Status, "an instruction that cannot be carried out leaves the offer")
	_, err = b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{Failed: true})
	require.NoError(t, err)
	require.Equal(t, taskrouter.ReservationPending, b.reservation(r.SID).Status, "the second answer comes too late")
	o, err = b.d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID)
	require.NoError(t, err)
	require.Zero(t, o, "answered")
}

// TestCallbackLeftOpen: an answer without an instruction is remembered, and is
// nothing that anybody else must hear of.
func TestCallbackLeftOpen(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	b.worker("Ann", "{}")
	task := b.task()
	r := b.offer(task)
	before, err := b.d.View(b.ctx, b.ws, task)
	require.NoError(t, err)
	_, err = b.d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID)
	require.NoError(t, err)
	v, err := b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{})
	require.NoError(t, err)
	require.False(t, v.Offers[0].CallbackDue)
	require.Equal(t, before.Revision, v.Revision, "no notice")
	v, err = b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{Failed: true})
	require.NoError(t, err)
	require.Len(t, v.Offers, 1, "a process that waited in vain comes too late")
}

// TestCallbackLostWithItsProcess: the order was taken and no answer came.
func TestCallbackLostWithItsProcess(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	b.worker("Ann", "{}")
	task := b.task()
	r := b.offer(task)
	_, err := b.d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID)
	require.NoError(t, err)
	v, err := b.d.CallbackAnswered(b.ctx, b.ws, r.TaskSID, r.SID, dispatch.CallbackOutcome{Failed: true})
	require.NoError(t, err)
	require.Empty(t, v.Offers)
	require.Equal(t, taskrouter.ReasonCallbackFailed, b.reservation(r.SID).ReasonCode)
	require.False(t, v.Deadline.IsZero(), "the Task is offered again after a pause")
}

func TestMultiReservation(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q", offersTo(3))))
	ann, ben := b.worker("Ann", "{}"), b.worker("Ben", "{}")
	task := b.task()
	require.ElementsMatch(t, []string{ann, ben}, b.offered(task), "as many as there are")
	cy := b.worker("Cy", "{}")
	require.ElementsMatch(t, []string{ann, ben}, b.offered(task), "nobody joins while offers are open")
	rs := b.open(task)
	b.must(rs[0].SID, taskrouter.ReservationRejected)
	require.Equal(t, taskrouter.TaskReserved, b.status(task))
	b.must(rs[1].SID, taskrouter.ReservationRejected)
	require.ElementsMatch(t, []string{ann, ben, cy}, b.offered(task))
	require.Equal(t, 2, b.get(task).Assignments, "offers made at once count once")
	waiting := b.task()
	rs = b.open(task)
	require.Equal(t, events{
		taskrouter.ReservationWasAccepted, taskrouter.ReservationWasRescinded, taskrouter.ReservationWasRescinded,
		taskrouter.ReservationWasCreated, taskrouter.ReservationWasCreated,
	}, b.during(func() { b.must(rs[0].SID, taskrouter.ReservationAccepted) }))
	require.Len(t, b.offered(waiting), 2, "the others are free for the next one at once")
	requireKind(t, taskrouter.KindGone, b.answer(rs[1].SID, taskrouter.ReservationAccepted))
	requireHealthy(t, b)
}

// Fifty agents accept the same Task at the same time.
func TestOneOfFiftyWins(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q", offersTo(50))))
	for i := range 50 {
		b.worker(sprintf("Agent %d", i), "{}")
	}
	task := b.task()
	rs := b.open(task)
	require.Len(t, rs, 50)
	errs := make([]error, len(rs))
	var all sync.WaitGroup
	for i, r := range rs {
		all.Go(func() { errs[i] = b.answer(r.SID, taskrouter.ReservationAccepted) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		requireKind(t, taskrouter.KindGone, err)
	}
	require.Equal(t, 1, won)
	require.Equal(t, taskrouter.TaskAssigned, b.status(task))
	requireHealthy(t, b)
}

// An unknown Activity in a request is a fault; in a callback's answer the agent
// declined all the same.
func TestRejectInstructionNamesAnActivity(t *testing.T) {
	b := office(t)
	b.worker("Ann", "{}")
	r := b.offer(b.task())
	reject := &taskrouter.Instruction{Kind: taskrouter.InstructReject, Params: map[string]string{"activity_sid": taskrouter.NewSID(taskrouter.PrefixActivity)}}
	_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{Subject: b.subject(r.SID), TaskSID: r.TaskSID, Instruction: reject})
	requireCode(t, 40100, err)
	require.Equal(t, taskrouter.ReservationPending, b.reservation(r.SID).Status)
	reject.Params["activity_sid"] = b.activity("Unavailable")
	_, err = b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{Subject: b.subject(r.SID), TaskSID: r.TaskSID, Instruction: reject})
	require.NoError(t, err)
	require.Equal(t, taskrouter.ReservationRejected, b.reservation(r.SID).Status)
	require.Equal(t, "Unavailable", b.activityOf(r.WorkerSID))
}

func TestSuperviseIsChecked(t *testing.T) {
	b := office(t)
	b.worker("Ann", "{}")
	quiet := b.workerIn("Quiet", "{}", "Offline")
	chief := b.workerIn("Chief", `{"contact_uri":"client:chief"}`, "Offline")
	task := b.task()
	r := b.offer(task)
	supervise := func(params map[string]string) error {
		_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{
			Subject: b.subject(r.SID), TaskSID: r.TaskSID, Instruction: &taskrouter.Instruction{Kind: taskrouter.InstructSupervise, Params: params},
		})
		return err
	}
	requireCode(t, 40146, supervise(map[string]string{"supervisor": chief}))
	b.must(r.SID, taskrouter.ReservationAccepted)
	requireCode(t, 40147, supervise(map[string]string{"supervisor": taskrouter.NewSID(taskrouter.PrefixWorker)}))
	requireCode(t, 40147, supervise(map[string]string{"supervisor": quiet}))
	requireCode(t, 40148, supervise(map[string]string{"supervisor": chief}))
	requireCode(t, 0, supervise(map[string]string{"supervisor": chief, "from": "+431"}))
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Attributes: ptr(taskrouter.Attributes(`{"from":"+431"}`))})
	require.NoError(t, err)
	require.ErrorContains(t, supervise(map[string]string{"supervisor": chief}), "no live call")
}

func requireCode(t *testing.T, want int, err error) {
	t.Helper()
	var e *taskrouter.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, taskrouter.KindInvalid, e.Kind)
	require.Equal(t, want, e.Code, e.Message)
}
