package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func (b *bench) explain(task string) *dispatch.TaskExplanation {
	b.t.Helper()
	x, err := b.d.ExplainTask(b.ctx, b.account, b.ws, task, 100)
	require.NoError(b.t, err)
	return x
}

// of lists what keeps an agent from the Task.
func of(x *dispatch.TaskExplanation, worker string) []string {
	for _, a := range x.Agents {
		if a.WorkerSID != worker {
			continue
		}
		out := []string{}
		for _, o := range a.Obstacles {
			line := string(o.Reason)
			if o.Capacity > 0 || o.Used > 0 {
				line += fmt.Sprintf(" %d/%d", o.Used, o.Capacity)
			}
			if o.Activity != "" {
				line += " " + o.Activity
			}
			for _, c := range o.Clauses {
				line += " | " + c.Text
				for _, v := range c.Values {
					line += " " + v.Name + "=" + v.JSON
				}
			}
			out = append(out, line)
		}
		return out
	}
	return nil
}

func TestExplainWaitingTask(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return store.MemoryURL }, "postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) { explainWaitingTask(t, benchOn(t, openStore(t, url(t)))) })
	}
}

func explainWaitingTask(t *testing.T, b *bench) {
	queue := b.queue("Japanese", members(`languages HAS "ja"`))
	b.workflow(routing("", filter("language == 'ja'", target(queue, `"expression":"worker.level >= task.min AND worker.level < 9"`, `"timeout":30`))))
	away := b.workerIn("Away", `{"languages":["ja"],"level":5}`, "Offline")
	novice := b.worker("Novice", `{"languages":["ja"],"level":1}`)
	busy := b.worker("Busy", `{"languages":["ja"],"level":4}`)
	foreign := b.worker("Foreign", `{"languages":["en"],"level":7}`)
	full := b.task(attributes(`{"language":"ja","min":2}`))
	require.Equal(t, []string{busy}, b.offered(full))
	first := b.task(attributes(`{"language":"ja","min":3}`))
	waiting := b.task(attributes(`{"language":"ja","min":3}`))

	x := b.explain(waiting)
	require.Equal(t, []int{1, 2}, []int{x.Before, x.Waiting})
	require.Equal(t, queue, x.Standing.Queue.SID)
	require.Equal(t, "if language == 'ja'", x.Standing.FilterName)
	require.Equal(t, "worker.level >= task.min AND worker.level < 9", x.Standing.Expression)
	require.Equal(t, b.lastSeq(), x.Seq)
	require.Equal(t, []string{"activity is not available Offline"}, of(x, away))
	require.Equal(t, []string{"target expression is false | worker.level >= task.min worker.level=1 task.min=3"}, of(x, novice))
	require.Equal(t, []string{"no capacity left 1/1"}, of(x, busy))
	require.Equal(t, []string{`not a member of the queue | languages HAS "ja" worker.languages=["en"]`}, of(x, foreign))
	require.Equal(t, foreign, x.Agents[3].WorkerSID, "members come first")
	require.Equal(t, map[matching.Reason]int{matching.ActivityAway: 1, matching.RuleSaysNo: 1, matching.NoCapacity: 1, matching.NotMember: 1}, x.Totals)

	// What it takes, the least first; the task before it goes first everywhere
	// but with the novice, whose edit is judged for this task alone.
	require.NotEmpty(t, x.Nearest)
	for _, r := range x.Nearest {
		require.Equal(t, 1, r.Ahead, r.FriendlyName)
		require.False(t, r.Assigns)
	}
	nearest := b.explain(first).Nearest
	require.Equal(t, []dispatch.Step{{Kind: dispatch.StepActivity, ActivitySID: nearest[0].Steps[0].ActivitySID, Activity: "Available"}}, nearest[0].Steps)
	require.Equal(t, away, nearest[0].WorkerSID)
	require.Equal(t, []dispatch.Step{{Kind: dispatch.StepFinish, Channel: "default", Count: 1}}, nearest[1].Steps)
	require.Equal(t, []rules.Edit{{Path: "level", Op: rules.EditSet, Value: "3"}}, nearest[2].Steps[0].Edits)
	require.Equal(t, []rules.Edit{{Path: "languages", Op: rules.EditAdd, Value: `"ja"`}}, nearest[3].Steps[0].Edits)

	// The agent who sees the lines of both orders.
	last := b.queue("Last", members(`level == 4`), lifo)
	b.sweep()
	older, younger := b.task(toTarget(last)), b.task(toTarget(last))
	require.Equal(t, []int{1, 2}, []int{b.explain(older).Before, b.explain(older).Waiting})
	require.Zero(t, b.explain(younger).Before)
	w, err := b.d.ExplainWorker(b.ctx, b.account, b.ws, busy)
	require.NoError(t, err)
	var next []string
	for _, v := range w.Next {
		next = append(next, v.Task.SID)
	}
	require.Equal(t, []string{first, waiting, younger, older}, next)
	for _, a := range []string{taskrouter.NewSID(taskrouter.PrefixAccount), ""} {
		_, err = b.d.ExplainWorker(b.ctx, a, b.ws, busy)
		requireKind(t, taskrouter.KindNotFound, err)
	}
	requireKind(t, taskrouter.KindNotFound, b.db.ReadWorkspace(b.ctx, taskrouter.NewSID(taskrouter.PrefixWorkspace), nil))
	require.Error(t, b.db.ReadWorkspace(b.ctx, b.ws, func(ctx ctxT, s dispatch.Snapshot) error { return s.Apply(ctx, &dispatch.Changes{}) }))

	offered := b.explain(full)
	require.Empty(t, offered.Agents)
	require.Len(t, offered.Offers, 1)
	require.NotEmpty(t, offered.Offers[0].Decision)
}

func TestExplainPausesAndEarlierOffers(t *testing.T) {
	b := office(t)
	ann := b.worker("Ann", `{}`)
	task := b.task()
	require.NoError(t, b.answer(b.offer(task).SID, taskrouter.ReservationRejected))
	offers := b.explain(task).Offers
	require.NotEmpty(t, offers)
	require.Equal(t, ann, offers[0].WorkerSID)
}

func TestExplainSomethingElse(t *testing.T) {
	b := office(t)
	ann := b.worker("Ann", `{"languages":["en"]}`)
	direct := b.task(toTarget(ann))
	require.NotEmpty(t, b.explain(direct).Offers)
	within := b.task(toTarget(ann), func(n *dispatch.NewTask) { n.IgnoreCapacity = ptr(false) })
	x := b.explain(within)
	require.Equal(t, 1, x.Considered, "nobody else is asked")
	require.Equal(t, []string{"no capacity left 1/1"}, of(x, ann))
	require.Equal(t, taskrouter.DirectWorker, x.Standing.Direct)

	for _, sid := range []string{taskrouter.NewSID("WT"), "", "x"} {
		_, err := b.d.ExplainTask(b.ctx, b.account, b.ws, sid, 1)
		requireKind(t, taskrouter.KindNotFound, err)
		_, err = b.d.ExplainWorker(b.ctx, b.account, b.ws, sid)
		requireKind(t, taskrouter.KindNotFound, err)
	}
	other := taskrouter.NewSID(taskrouter.PrefixAccount)
	_, err := b.d.ExplainTask(b.ctx, other, b.ws, direct, 1)
	requireKind(t, taskrouter.KindNotFound, err)
	_, err = b.d.ExplainWorker(b.ctx, other, b.ws, ann)
	requireKind(t, taskrouter.KindNotFound, err)
	_, err = b.d.Evaluate(b.ctx, dispatch.NewEvaluation{AccountSID: other, WorkspaceSID: b.ws, Configuration: ptr("{}")})
	requireKind(t, taskrouter.KindNotFound, err)
}

func TestExplainWorker(t *testing.T) {
	b := newBench(t)
	mine, others := b.queue("Mine", members(`skills HAS "tax"`)), b.queue("Others", members(`level > 3`))
	flow := b.workflow(routing(target(mine), filter("kind == 'o'", target(others)), filter("kind == 'x'", target(mine, `"expression":"worker.level == 9"`))))
	require.NotEmpty(t, flow)
	ann := b.worker("Ann", `{"skills":["tax"],"level":1}`)
	first := b.task()
	require.Equal(t, []string{ann}, b.offered(first))
	strange := b.task(attributes(`{"kind":"x"}`))
	urgent, foreign := b.task(priority(5)), b.task(attributes(`{"kind":"o"}`))
	second := b.task()
	require.NotEmpty(t, foreign)

	x, err := b.d.ExplainWorker(b.ctx, b.account, b.ws, ann)
	require.NoError(t, err)
	require.True(t, x.MayTake, "on other channels")
	require.Len(t, x.Offers, 1)
	require.Equal(t, []string{"Mine", "Others"}, []string{x.Queues[0].Queue.FriendlyName, x.Queues[1].Queue.FriendlyName})
	require.True(t, x.Queues[0].Member)
	require.Equal(t, "level > 3", x.Queues[1].Clauses[0].Text)
	sids := func(vs []dispatch.TaskVerdict) (out []string) {
		for _, v := range vs {
			out = append(out, v.Task.SID)
		}
		return out
	}
	require.Equal(t, []string{urgent, second}, sids(x.Next))
	require.Equal(t, []string{urgent, strange, second}, sids(x.Waiting))
	require.Equal(t, matching.NoCapacity, x.Waiting[0].Obstacles[0].Reason)
	require.Equal(t, matching.RuleSaysNo, x.Waiting[1].Obstacles[1].Reason)
	require.NoError(t, b.set(first, taskrouter.TaskCanceled))
	require.Equal(t, []string{ann}, b.offered(urgent), "as it was told")
}

func TestEvaluate(t *testing.T) {
	b := newBench(t)
	ja, all := b.queue("Japanese", members(`languages HAS "ja"`)), b.queue("All")
	flow := b.workflow(routing(target(all),
		filter("language == 'ja'", target(ja, `"timeout":20`, `"priority":7`, `"skip_if":"workers.available == 0"`), target(all, `"order_by":"worker.level DESC"`)),
		filter("1==1", target(all)),
	))
	low := b.worker("Low", `{"level":1}`)
	high := b.worker("High", `{"level":9}`)
	b.workerIn("Yuki", `{"languages":["ja"]}`, "Offline")
	before := b.lastSeq()
	in := dispatch.NewEvaluation{AccountSID: b.account, WorkspaceSID: b.ws, WorkflowSID: flow, Attributes: `{"language":"ja"}`, Limit: 10}
	x, err := b.d.Evaluate(b.ctx, in)
	require.NoError(t, err)
	require.Equal(t, []bool{true, true}, []bool{x.Filters[0].Matched, x.Filters[1].Matched})
	require.Equal(t, rules.Position{}, x.Entered)
	require.Len(t, x.Targets, 2)
	one, two := x.Targets[0], x.Targets[1]
	require.Equal(t, []any{1, 0, int64(7), 20 * time.Second, rules.VerdictTrue}, []any{one.Members, one.Fitting, one.Priority, one.Timeout, one.Skip.Verdict})
	require.Equal(t, []dispatch.RankedAgent{{high, "High"}, {low, "Low"}}, two.Agents, "in the order of ranking")
	require.Equal(t, []any{3, 2, int64(7)}, []any{two.Members, two.Fitting, two.Priority})
	require.Equal(t, rules.Position{Target: 1}, x.Rests, "the first target is skipped")
	require.Equal(t, []dispatch.RankedAgent{{high, "High"}}, x.Reserved)

	// Nothing was stored, and creating the task does what was said.
	require.Equal(t, before, b.lastSeq())
	tasks, err := b.db.ListTasks(b.ctx, b.account, b.ws, taskrouter.TaskFilter{}, taskrouter.Page{Size: 5})
	require.NoError(t, err)
	require.Empty(t, tasks)
	require.Equal(t, []string{high}, b.offered(b.task(attributes(`{"language":"ja"}`))))

	text := routing("", filter("language == 'fr'", target(all)), filter("cel:task.gone == 1", target(all)))
	in.Configuration, in.WorkflowSID = &text, ""
	x, err = b.d.Evaluate(b.ctx, in)
	require.NoError(t, err)
	require.True(t, x.End)
	require.Equal(t, "expression failed: missing key gone", x.Filters[1].Clause.Fault)
	text = everything(taskrouter.NewSID(taskrouter.PrefixTaskQueue))
	x, err = b.d.Evaluate(b.ctx, in)
	require.NoError(t, err)
	require.Nil(t, x.Targets[0].Queue, "a queue that does not exist is shown, not refused")
	text = `{"task_routing":{"filters":[{"expression":"== ==","targets":[{}]}]}}`
	_, err = b.d.Evaluate(b.ctx, in)
	require.ErrorContains(t, err, "filters[0].expression")
	for _, wrong := range []dispatch.NewEvaluation{{Attributes: "[]"}, {Priority: -1}, {Channel: "none"}} {
		wrong.AccountSID, wrong.WorkspaceSID, wrong.WorkflowSID = b.account, b.ws, flow
		_, err = b.d.Evaluate(b.ctx, wrong)
		requireKind(t, taskrouter.KindInvalid, err)
	}
}

// In any Workspace, whatever happened to it: a waiting Task is told an
// obstacle for each agent, explaining changes nothing, and making the nearest
// change gives the Task to the agent named.
func TestExplanationsHold(t *testing.T) {
	db := openStore(t, store.MemoryURL)
	for name, set := range map[string]func(*settings){"multitasking": func(*settings) {}, "single-tasking": single} {
		t.Run(name, func(t *testing.T) {
			fewerChecks(t, map[bool]string{true: "10", false: "40"}[testing.Short() || underRace])
			followed := 0
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(benchOn(t, db, set))
				for _, s := range steps(10, 40).Draw(t, "steps") {
					w.do(s)
				}
				w.sweep()
				requireHealthy(t, w.bench, keys(w.lowered)...)
				seq := w.lastSeq()
				for _, task := range w.tasks {
					got := w.get(task)
					if got == nil || got.Status != taskrouter.TaskPending || !got.OfferNotBefore.IsZero() {
						continue
					}
					x := w.explain(task)
					require.False(t, x.JobRunning)
					require.Zero(t, x.Totals[matching.Fits], "a free agent sits beside a waiting task")
					for _, a := range x.Agents {
						require.NotEmpty(t, a.Obstacles)
					}
				}
				require.Equal(t, seq, w.lastSeq(), "explaining is not doing")
				if w.followAdvice(t) {
					followed++
				}
			})
			require.Positive(t, followed, "no Workspace had advice to follow")
		})
	}
}

// followAdvice makes the nearest change of the first waiting Task that has one
// which assigns it; false when there is none.
func (w *world) followAdvice(t *rapid.T) bool {
	for _, task := range w.tasks {
		got := w.get(task)
		if got == nil || got.Status != taskrouter.TaskPending {
			continue
		}
		x := w.explain(task)
		if len(x.Nearest) == 0 || !x.Nearest[0].Assigns {
			continue
		}
		r := x.Nearest[0]
		for _, s := range r.Steps {
			w.carryOut(t, r.WorkerSID, s)
		}
		require.Contains(t, w.offered(task), r.WorkerSID, "%+v: %s %s", r, w.get(task).Attributes, w.get(task).Status)
		return true
	}
	return false
}

// carryOut makes one step of a change.
func (w *world) carryOut(t *rapid.T, worker string, s dispatch.Step) {
	switch s.Kind {
	case dispatch.StepAttributes:
		a, err := rules.ApplyEdits(w.agent(worker).Attributes, s.Edits)
		require.NoError(t, err)
		_, err = w.d.UpdateWorker(w.ctx, dispatch.WorkerUpdate{Subject: w.subject(worker), Attributes: &a})
		require.NoError(t, err)
	case dispatch.StepCapacity:
		w.capacity(worker, s.Channel, s.Count)
	case dispatch.StepChannel:
		_, err := w.d.UpdateChannel(w.ctx, dispatch.ChannelUpdate{Subject: w.subject(s.Channel), WorkerSID: worker, Available: ptr(true)})
		require.NoError(t, err)
	case dispatch.StepFinish:
		for range s.Count {
			w.finishOne(t, worker, s.Channel)
		}
	case dispatch.StepActivity:
		_, err := w.d.UpdateWorker(w.ctx, dispatch.WorkerUpdate{Subject: w.subject(worker), ActivitySID: &s.ActivitySID})
		require.NoError(t, err)
	}
}

// finishOne completes one open Reservation of an agent on a channel, those
// that were accepted first.
func (w *world) finishOne(t *rapid.T, worker, channel string) {
	var found *taskrouter.Reservation
	w.peek(func(ctx ctxT, tx dispatch.Tx) {
		rs, err := tx.OpenReservationsOf(ctx, worker)
		require.NoError(t, err)
		cfg, err := tx.Config(ctx)
		require.NoError(t, err)
		for _, r := range rs {
			if cfg.Channels[r.TaskChannelSID].UniqueName == channel && (found == nil || found.Status == taskrouter.ReservationPending) {
				found = r
			}
		}
	})
	require.NotNil(t, found, "nothing to finish")
	if found.Status == taskrouter.ReservationPending {
		w.must(found.SID, taskrouter.ReservationAccepted)
	}
	w.must(found.SID, taskrouter.ReservationCompleted)
}

func TestExplainTooManyOffers(t *testing.T) {
	b := office(t, options(dispatch.Options{MaxAssignments: 1}))
	ann := b.worker("Ann", `{}`)
	task := b.task()
	require.Equal(t, []string{ann}, b.offered(task))
	away := b.activity("Offline")
	_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{
		Subject: b.subject(b.offer(task).SID), Status: ptr(taskrouter.ReservationRejected), WorkerActivitySID: away,
	})
	require.NoError(t, err)
	x := b.explain(task)
	require.Equal(t, []string{"activity is not available Offline"}, of(x, ann))
	require.Len(t, x.Agents[0].Earlier, 1)
	require.False(t, x.Nearest[0].Assigns, "another offer would cancel it")
	b.move(ann, "Available")
	require.Equal(t, taskrouter.TaskCanceled, b.status(task))
}

func TestExplainLiveValues(t *testing.T) {
	b := newBench(t)
	queue := b.queue("Calm", members(`activity_name == "Calm" AND level > 2`))
	b.workflow(everything(queue))
	calm := b.addActivity("Calm", true)
	ann := b.worker("Ann", `{"level":1}`)
	b.sweep()
	task := b.task()
	x := b.explain(task)
	require.Equal(t, []string{`not a member of the queue | activity_name == "Calm" worker.activity_name="Available" | level > 2 worker.level=1`}, of(x, ann))
	require.Equal(t, []dispatch.Step{
		{Kind: dispatch.StepAttributes, Edits: []rules.Edit{{Path: "level", Op: rules.EditSet, Value: "3"}}},
		{Kind: dispatch.StepActivity, ActivitySID: calm, Activity: "Calm"},
	}, x.Nearest[0].Steps)
	require.True(t, x.Nearest[0].Assigns)
	w, err := b.d.ExplainWorker(b.ctx, b.account, b.ws, ann)
	require.NoError(t, err)
	require.False(t, w.Queues[0].Member)
	require.True(t, w.Queues[0].Live)
}
