package dispatch_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func TestDirectRouting(t *testing.T) {
	b := newBench(t)
	q, other := b.queue("Q"), b.queue("Other", members("team=='none'"))
	w := b.workflow(routing(target(q), filter("1==1", target(other))))
	second := b.workflow(everything(q))
	ann := b.workerIn("Ann", "{}", "Offline")

	task := b.task(toTarget(w))
	require.Equal(t, other, b.get(task).QueueSID, "a Workflow as target is the Workflow")
	_, err := b.create(toTarget(w), inWorkflow(second))
	requireKind(t, taskrouter.KindInvalid, err)

	for _, set := range []func(*dispatch.NewTask){toTarget(q), func(n *dispatch.NewTask) { n.QueueSID = q }} {
		task = b.task(inWorkflow(w), set)
		got := b.get(task)
		require.Equal(t, q, got.QueueSID, "filters are bypassed")
		require.Equal(t, taskrouter.DirectQueue, got.Route.Direct)
		b.pass(time.Hour)
		require.Equal(t, taskrouter.TaskPending, b.status(task))
		b.move(ann, "Available")
		require.Equal(t, []string{ann}, b.offered(task))
		b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
		require.NoError(t, b.set(task, taskrouter.TaskCompleted))
		b.move(ann, "Offline")
	}

	// One agent, whatever they are doing.
	b.capacity(ann, "default", 0)
	task = b.task(inWorkflow(w), toTarget(ann))
	require.Equal(t, []string{ann}, b.offered(task))
	require.Equal(t, q, b.get(task).QueueSID, "the default queue, for statistics")
	require.True(t, b.offer(task).IgnoresCapacity)
	requireHealthy(t, b)
	require.Equal(t, events{taskrouter.ReservationWasRejected, taskrouter.TaskWasCanceled},
		b.during(func() { b.must(b.offer(task).SID, taskrouter.ReservationRejected) }))
	require.Equal(t, taskrouter.ReasonRoutingTarget, b.get(task).Reason)
	task = b.task(inWorkflow(w), toTarget(ann), func(n *dispatch.NewTask) { n.QueueSID = other })
	require.Equal(t, other, b.get(task).QueueSID)
	b.pass(taskrouter.DefaultReservationTimeout)
	require.Equal(t, taskrouter.TaskCanceled, b.status(task), "no answer")
	requireHealthy(t, b)
}

func TestDirectRoutingWithinCapacity(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")))
	ann := b.workerIn("Ann", "{}", "Offline")
	b.worker("Ben", "{}")
	gentle := func(n *dispatch.NewTask) { n.RoutingTarget, n.IgnoreCapacity = ann, ptr(false) }
	task := b.task(gentle)
	require.Equal(t, taskrouter.TaskPending, b.status(task), "only Ann may take it")
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Priority: ptr(int64(5))})
	require.NoError(t, err)
	require.Equal(t, taskrouter.TaskPending, b.status(task), "a new priority is no refusal")
	b.move(ann, "Available")
	require.Equal(t, []string{ann}, b.offered(task))
	waiting := b.task(gentle)
	require.Empty(t, b.offered(waiting))
	requireHealthy(t, b)
	require.Error(t, b.d.DeleteWorker(b.ctx, b.subject(ann)), "she holds an offer")
	b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
	require.NoError(t, b.set(task, taskrouter.TaskCompleted))
	b.must(b.offer(waiting).SID, taskrouter.ReservationAccepted)
	late := b.task(gentle)
	require.NoError(t, b.set(waiting, taskrouter.TaskCompleted))
	require.Equal(t, []string{ann}, b.offered(late))
	b.move(ann, "Offline")
	b.must(b.offer(late).SID, taskrouter.ReservationRejected)
	gone := b.task(gentle)
	require.Equal(t, events{taskrouter.ReservationFailed, taskrouter.TaskWasCanceled, taskrouter.WorkerDeleted},
		b.during(func() { require.NoError(t, b.d.DeleteWorker(b.ctx, b.subject(ann))) }))
	require.Equal(t, taskrouter.TaskCanceled, b.status(gone))
	for _, e := range b.eventsAfter(0) {
		if e.Type == taskrouter.ReservationFailed {
			require.Equal(t, "task", e.ResourceType, "there is no Reservation")
			require.Equal(t, gone, e.ResourceSID)
		}
	}
	requireHealthy(t, b)
}

func TestKnownWorker(t *testing.T) {
	for name, key := range map[string]string{"by SID": "known_worker_sid", "by name": "known_worker_friendly_name"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			in, out := b.queue("In", members("team=='in'")), b.queue("Out")
			b.workflow(routing("", filter("1==1", target(in, `"`+key+`":"task.who.is"`, `"timeout":10`), target(out, `"expression":"worker.team == 'never'"`))))
			ann, ben := b.worker("Ann", `{"team":"in"}`), b.worker("Ben", `{"team":"in"}`)
			cy := b.worker("Cy", `{"team":"out"}`)
			who := func(sid, friendly string) func(*dispatch.NewTask) {
				if name == "by SID" {
					friendly = sid
				}
				return attributes(`{"who":{"is":"` + friendly + `"}}`)
			}
			from := b.lastSeq()
			task := b.task(who(ben, "bEN"))
			require.Equal(t, []string{ben}, b.offered(task), "although Ann waits longer")
			require.Equal(t, ben, b.eventsAfter(from)[2].Data["known_worker_sid"])
			record := decision(t, b.offer(task))
			require.Equal(t, "known worker", record.Order)
			waiting := b.task(who(ben, "Ben"))
			require.Empty(t, b.offered(waiting), "busy")
			for _, set := range []func(*dispatch.NewTask){who(cy, "Cy"), who("WK0", "Nobody"), attributes(`{"who":{"is":null}}`), attributes(`{}`), attributes(`{"who":{"is":7}}`)} {
				lost := b.task(set)
				require.Equal(t, taskrouter.TaskPending, b.status(lost))
				require.Equal(t, in, b.get(lost).QueueSID)
			}
			from = b.lastSeq()
			b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
			require.NoError(t, b.set(task, taskrouter.TaskCompleted))
			for _, e := range b.eventsAfter(from)[:3] {
				require.Equal(t, ben, e.Data["known_worker_sid"], "%s, in a later transaction", e.Type)
			}
			require.Equal(t, []string{ben}, b.offered(waiting))
			require.Zero(t, b.load(ann))
			requireHealthy(t, b)
			b.pass(10 * time.Second)
			require.Equal(t, in, b.get(waiting).QueueSID)
			requireHealthy(t, b)
		})
	}
}

func decision(t *testing.T, r *taskrouter.Reservation) (record matching.Record) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.Decision), &record))
	return record
}

func TestDecisionRecord(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q", members("team=='a'"))
	w := b.workflow(routing("", filter("1==2", target(q)), filter("1==1", target(q, `"timeout":1`), target("", `"expression":"worker.lvl >= 3"`))))
	_, err := b.config.UpdateWorkflow(b.ctx, workspace.WorkflowUpdate{
		Subject: b.subject(w), Configuration: ptr(routing("", filter("1==2", target(q)), filter("1==1", target(q, `"expression":"worker.lvl >= 9"`, `"timeout":1`), target("", `"expression":"worker.lvl >= 3"`)))),
	})
	require.NoError(t, err)
	low := b.worker("Low", `{"team":"a","lvl":1}`)
	good := b.worker("Good", `{"team":"a","lvl":3}`)
	b.worker("Stranger", `{"team":"b","lvl":9}`)
	b.worker("Later", `{"team":"a","lvl":4}`)
	task := b.task()
	b.pass(time.Second)
	r := decision(t, b.offer(task))
	require.Equal(t, matching.Record{
		Order: "longest idle", Trigger: "task", RuleVersion: 2, Filter: 1, Target: 1,
		Considered: []matching.Considered{{SID: low, Reason: matching.RuleSaysNo}, {SID: good}},
	}, r)
	b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
	next := b.task()
	b.pass(time.Second)
	b.must(b.offer(next).SID, taskrouter.ReservationAccepted)
	third := b.task()
	b.pass(time.Second)
	require.NoError(t, b.set(next, taskrouter.TaskCompleted))
	r = decision(t, b.offer(third))
	require.Equal(t, "agent", r.Trigger)
	require.Len(t, r.Considered, 1)
}

// An expression that fails passes the agent over and says so.
func TestDecisionRecordNamesFailures(t *testing.T) {
	b := newBench(t)
	b.workflow(routing("", filter("1==1", target(b.queue("Q"), `"expression":"cel: worker.lvl / worker.zero > 1 || worker.ok == true"`))))
	bad := b.worker("Bad", `{"lvl":4,"zero":0}`)
	good := b.worker("Good", `{"lvl":4,"zero":2}`)
	r := decision(t, b.offer(b.task()))
	require.Equal(t, []matching.Considered{{SID: bad, Reason: matching.RuleFailed}, {SID: good}}, r.Considered)
}

// A filter that cannot be evaluated does not match, and the record of each later
// offer says so, whenever it is made.
func TestDecisionRecordNamesFailedFilters(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	b.workflow(routing(target(q),
		filter("cel: task.size / task.zero > 1", target(q)), filter("1==2", target(q)), filter("cel: task.topic == 'tax'", target(q))))
	failed := func(i string, why string) matching.FailedFilter {
		return matching.FailedFilter{Path: "filters[" + i + "].expression", Error: "expression failed: " + why}
	}
	late := b.task(attributes(`{"size":4,"zero":0,"topic":"tax"}`))
	ann := b.worker("Ann", "{}")
	r := decision(t, b.offer(late))
	require.Equal(t, []matching.FailedFilter{failed("0", "division by zero")}, r.FailedFilters)
	require.Equal(t, "agent", r.Trigger)
	require.Equal(t, 2, r.Filter)
	b.must(b.offer(late).SID, taskrouter.ReservationAccepted)
	require.NoError(t, b.set(late, taskrouter.TaskCompleted))

	r = decision(t, b.offer(b.task(attributes(`{"size":4}`))))
	require.Equal(t, []matching.FailedFilter{failed("0", "missing key zero"), failed("2", "missing key topic")}, r.FailedFilters, "the default filter took it")
	b.capacity(ann, "default", 2)
	r = decision(t, b.offer(b.task(attributes(`{"size":4,"zero":1}`))))
	require.Empty(t, r.FailedFilters)
	b.capacity(ann, "default", 3)
	require.Empty(t, decision(t, b.offer(b.task(toTarget(q)))).FailedFilters, "filters were bypassed")
}

// Every event of a Task in a target with a known worker names that worker.
func TestEventsNameTheKnownWorker(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	b.workflow(routing("", filter("1==1", target(q, `"known_worker_friendly_name":"task.who"`, `"timeout":10`))))
	ann := b.workerIn("Ann", "{}", "Offline")
	from := b.lastSeq()
	task := b.task(attributes(`{"who":"ann"}`))
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Priority: ptr(int64(5))})
	require.NoError(t, err)
	b.pass(10 * time.Second)
	named := map[taskrouter.EventType]bool{}
	for _, e := range b.eventsAfter(from) {
		named[e.Type] = e.Data["known_worker_sid"] == ann && e.Data["workflow_filter_expression"] == "1==1"
	}
	require.Equal(t, map[taskrouter.EventType]bool{
		taskrouter.TaskCreated: false, taskrouter.WorkflowEntered: false, // before any target
		taskrouter.WorkflowTargetMatched: true, taskrouter.TaskQueueEntered: true, taskrouter.TaskUpdated: true,
		taskrouter.TaskQueueTimeout: true, taskrouter.WorkflowTimeout: true, taskrouter.TaskWasCanceled: true,
	}, named)
}

func TestOrderBy(t *testing.T) {
	b := newBench(t)
	b.workflow(routing("", filter("1==1", target(b.queue("Q", offersTo(3)), `"order_by":"worker.finance ASC, worker.support DESC"`))))
	b.worker("None", `{}`)
	ann := b.worker("Ann", `{"finance":10,"support":5}`)
	ben := b.worker("Ben", `{"finance":10,"support":8}`)
	cy := b.worker("Cy", `{"finance":2}`)
	b.worker("Text", `{"finance":"1"}`)
	task := b.task()
	require.ElementsMatch(t, []string{cy, ben, ann}, b.offered(task))
	r := decision(t, b.open(task)[0])
	require.Equal(t, "order_by", r.Order)
	require.Equal(t, []string{cy, ben, ann}, []string{r.Considered[0].SID, r.Considered[1].SID, r.Considered[2].SID})
	require.Equal(t, matching.Outranked, r.Considered[3].Reason)
}

// Agents who become free together are ranked as if the Task had just come.
func TestFreedTogether(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q", offersTo(3))
	ranked := b.queue("Ranked")
	b.workflow(routing(target(q), filter("ranked == true", target(ranked, `"order_by":"worker.lvl DESC"`))))
	var best string
	for i := range 3 {
		best = b.worker(sprintf("W%d", i), sprintf(`{"lvl":%d}`, i))
	}
	task := b.task()
	first := b.open(task)
	waiting := b.task(attributes(`{"ranked":true}`))
	i := 0
	for first[i].WorkerSID == best {
		i++
	}
	b.must(first[i].SID, taskrouter.ReservationAccepted)
	require.Equal(t, []string{best}, b.offered(waiting))
	requireHealthy(t, b)
}

// F1 to F5 wait in a FIFO queue and L1 to L5 in a LIFO queue of one agent.
func TestMixedOrders(t *testing.T) {
	for prefer, want := range map[string]string{
		"FIFO": "F1 F2 F3 F4 F5 L5 L4 L3 L2 L1", "LIFO": "L5 L4 L3 L2 L1 F1 F2 F3 F4 F5",
	} {
		b := newBench(t)
		_, err := b.config.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{Subject: b.subject(b.ws), PrioritizeQueueOrder: &prefer})
		require.NoError(t, err)
		b.workflow(routing(target(b.queue("F")), filter("last == true", target(b.queue("L", lifo)))))
		names := map[string]string{}
		for i := range 5 {
			names[b.task()] = sprintf("F%d", i+1)
			names[b.task(attributes(`{"last":true}`), priority(int64(9-i)))] = sprintf("L%d", i+1)
		}
		require.Equal(t, want, b.serve(names))
	}
}

// serve lets one new agent work off the Tasks and says in which order.
func (b *bench) serve(names map[string]string) (order string) {
	b.t.Helper()
	b.worker("Server", `{}`)
	for range names {
		for sid, name := range names {
			if b.status(sid) != taskrouter.TaskReserved {
				continue
			}
			b.must(b.offer(sid).SID, taskrouter.ReservationAccepted)
			require.NoError(b.t, b.set(sid, taskrouter.TaskCompleted))
			order += " " + name
			break
		}
	}
	return order[1:]
}

func TestFIFOOrder(t *testing.T) {
	b := office(t)
	at := func(d time.Duration) func(*dispatch.NewTask) {
		return func(n *dispatch.NewTask) { n.VirtualStartTime = b.clock.now().Add(-d) }
	}
	names := map[string]string{}
	names[b.task()] = "last"
	names[b.task(at(time.Hour))] = "older"
	names[b.task(at(2*time.Hour))] = "oldest"
	names[b.task(priority(1))] = "important"
	raised := b.task()
	names[raised] = "raised"
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(raised), Priority: ptr(int64(2))})
	require.NoError(t, err)
	require.Equal(t, "raised important oldest older last", b.serve(names))
}
