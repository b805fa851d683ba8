package dispatch_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// phones is a bench whose Workflow is fed by a phone number.
type phones struct {
	*bench
	line string
}

func newPhones(t *testing.T, set ...func(*workspace.NewCallQueue)) *phones {
	t.Helper()
	return phonesOn(newBench(t), set...)
}

func phonesOn(b *bench, set ...func(*workspace.NewCallQueue)) *phones {
	b.t.Helper()
	n := workspace.NewCallQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Line", PhoneNumbers: []string{"+431"},
		WorkflowSID: b.workflow(everything(b.queue("Phones"))), Backend: "fake",
	}
	for _, f := range set {
		f(&n)
	}
	q, err := b.config.CreateCallQueue(b.ctx, n)
	require.NoError(b.t, err)
	return &phones{bench: b, line: q.SID}
}

func manual(n *workspace.NewCallQueue) { n.Instruction = "none" }

func (p *phones) ref(sid string) dispatch.CallRef {
	return dispatch.CallRef{AccountSID: p.account, Backend: "fake", CallSID: sid}
}

// ring starts a call and ends its menu; it returns the Task.
func (p *phones) ring(sid string) string {
	p.t.Helper()
	p.start(sid)
	c, err := p.d.CreateCallTask(p.ctx, dispatch.CallTask{CallRef: p.ref(sid), Facts: map[string]string{"lang": "en"}})
	require.NoError(p.t, err)
	require.NotEmpty(p.t, c.TaskSID)
	p.clock.advance(time.Millisecond)
	return c.TaskSID
}

func (p *phones) start(sid string) *taskrouter.Call {
	p.t.Helper()
	c, err := p.d.CallStarted(p.ctx, dispatch.CallFacts{
		CallRef: p.ref(sid), WorkspaceSID: p.ws, CallQueueSID: p.line, From: "+439", To: "+431",
		Facts: taskrouter.Attributes(`{"call_sid":"` + sid + `"}`), FirstStep: "menu",
	})
	require.NoError(p.t, err)
	return c
}

func (p *phones) agentWithPhone(name string) string {
	return p.worker(name, `{"contact_uri":"client:`+name+`"}`)
}

func (p *phones) hangUp(sid string) {
	p.t.Helper()
	require.NoError(p.t, p.d.CallEnded(p.ctx, p.ref(sid), "completed"))
}

// legs lists the legs of a Task that have not ended.
func (p *phones) legs(task string) (ls []*taskrouter.Leg) {
	p.t.Helper()
	p.peek(func(ctx ctxT, tx dispatch.Tx) {
		var err error
		ls, err = tx.Legs(ctx, task)
		require.NoError(p.t, err)
	})
	return ls
}

func (p *phones) leg(attempt string) (l *taskrouter.Leg) {
	p.t.Helper()
	l, err := p.d.Leg(p.ctx, p.ws, attempt)
	require.NoError(p.t, err)
	require.NotNil(p.t, l)
	return l
}

// dial places the one wanted leg of a Task and returns its attempt.
func (p *phones) dial(task string, calls ...string) string {
	p.t.Helper()
	ls := p.legs(task)
	require.Len(p.t, ls, 1)
	o, err := p.d.BeginDial(p.ctx, p.ws, ls[0].Attempt)
	require.NoError(p.t, err)
	require.True(p.t, o.Proceed)
	_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: ls[0].Attempt, CallSIDs: calls, Outcome: dispatch.DialPlaced})
	require.NoError(p.t, err)
	return ls[0].Attempt
}

func (p *phones) document(attempt, call string) dispatch.LegVerdict {
	p.t.Helper()
	v, err := p.d.LegDocument(p.ctx, attempt, call)
	require.NoError(p.t, err)
	return v
}

func (p *phones) fact(attempt, call string, state taskrouter.LegState, cause string) {
	p.t.Helper()
	require.NoError(p.t, p.d.LegFact(p.ctx, dispatch.LegReport{Attempt: attempt, Backend: "fake", CallSID: call, State: state, Cause: cause}))
}

// talk brings a call together with its agent.
func (p *phones) talk(task string) (attempt string) {
	p.t.Helper()
	attempt = p.dial(task, "CAagent")
	require.NotEmpty(p.t, p.document(attempt, "CAagent").Join)
	_, err := p.d.JoinSeen(p.ctx, p.ws, attempt)
	require.NoError(p.t, err)
	return attempt
}

// dismissed reports whether the caller is being sent to the closing words.
func (p *phones) dismissed(task string) bool {
	for _, l := range p.legs(task) {
		if strings.HasSuffix(l.Attempt, "-end") && l.Purpose == taskrouter.LegRedirects {
			return true
		}
	}
	return false
}

func TestOneCallOneTask(t *testing.T) {
	p := newPhones(t)
	require.Equal(t, taskrouter.CallInMenu, p.start("CA1").State)
	moved, err := p.d.MoveMenu(p.ctx, dispatch.MenuMove{CallRef: p.ref("CA1"), From: "menu", To: "language", Facts: map[string]string{"topic": "tax"}})
	require.NoError(t, err)
	require.Equal(t, "language", moved.MenuStep)
	again, err := p.d.MoveMenu(p.ctx, dispatch.MenuMove{CallRef: p.ref("CA1"), From: "menu", To: "elsewhere"})
	require.NoError(t, err)
	require.Equal(t, "language", again.MenuStep, "a late webhook moves nothing")
	tried, err := p.d.MoveMenu(p.ctx, dispatch.MenuMove{CallRef: p.ref("CA1"), From: "language"})
	require.NoError(t, err)
	require.Equal(t, 1, tried.MenuTries)
	require.Equal(t, "language", p.start("CA1").MenuStep, "starting twice keeps the row")

	tasks := make([]string, 8)
	var all sync.WaitGroup
	for i := range tasks {
		all.Go(func() {
			c, err := p.d.CreateCallTask(p.ctx, dispatch.CallTask{CallRef: p.ref("CA1"), Step: "language", Facts: map[string]string{"lang": "en"}, Attributes: map[string]any{"vip": true}})
			if err == nil {
				tasks[i] = c.TaskSID
			}
		})
	}
	all.Wait()
	for _, sid := range tasks {
		require.Equal(t, tasks[0], sid)
	}
	task := p.get(tasks[0])
	require.JSONEq(t, `{"call_sid":"CA1","topic":"tax","lang":"en","vip":true}`, string(task.Attributes))
	require.Equal(t, "voice", p.settings().Channels[task.TaskChannelSID].UniqueName)
	c, err := p.d.Call(p.ctx, p.ref("CA1"))
	require.NoError(t, err)
	require.Equal(t, task.SID, c.Room)

	unknown, err := p.d.Call(p.ctx, p.ref("CA9"))
	require.NoError(t, err)
	require.Nil(t, unknown)
	stranger := p.ref("CA1")
	stranger.AccountSID = taskrouter.NewSID(taskrouter.PrefixAccount)
	unknown, err = p.d.Call(p.ctx, stranger)
	require.NoError(t, err)
	require.Nil(t, unknown)
}

func TestCallerLeavesTheMenu(t *testing.T) {
	p := newPhones(t)
	p.start("CA1")
	from := p.lastSeq()
	p.hangUp("CA1")
	c, err := p.d.CreateCallTask(p.ctx, dispatch.CallTask{CallRef: p.ref("CA1")})
	require.NoError(t, err)
	require.Equal(t, taskrouter.CallEnded, c.State)
	require.Empty(t, c.TaskSID)
	require.Empty(t, p.eventsAfter(from))
}

// A call that nobody's rules take stays in its menu.
func TestCallWithoutMatch(t *testing.T) {
	b := newBench(t)
	p := phonesOn(b, func(n *workspace.NewCallQueue) {
		n.WorkflowSID = b.workflow(routing("", filter("a==1", target(b.queue("A")))))
	})
	p.start("CA1")
	_, err := p.d.CreateCallTask(p.ctx, dispatch.CallTask{CallRef: p.ref("CA1")})
	requireKind(t, taskrouter.KindInvalid, err)
	c, err := p.d.Call(p.ctx, p.ref("CA1"))
	require.NoError(t, err)
	require.Equal(t, taskrouter.CallInMenu, c.State)
}

// What the end of the caller's leg means in each state, told twice.
func TestCallerLeft(t *testing.T) {
	for name, c := range map[string]struct {
		reach  func(p *phones, task string)
		status taskrouter.TaskStatus
		reason string
		events events
		// hangUp says whether the agent's leg must be ended.
		hangUp bool
	}{
		"pending": {
			reach:  func(p *phones, task string) { p.must(p.offer(task).SID, taskrouter.ReservationRejected) },
			status: taskrouter.TaskCanceled, reason: "hangup", events: events{taskrouter.TaskWasCanceled},
		},
		"reserved, not dialled": {
			reach: func(*phones, string) {}, status: taskrouter.TaskCanceled, reason: "hangup",
			events: events{taskrouter.ReservationWasCanceled, taskrouter.TaskWasCanceled},
		},
		"reserved, being placed": {
			reach: func(p *phones, task string) {
				_, err := p.d.BeginDial(p.ctx, p.ws, p.legs(task)[0].Attempt)
				require.NoError(p.t, err)
			},
			status: taskrouter.TaskCanceled, reason: "hangup", hangUp: true,
			events: events{taskrouter.ReservationWasCanceled, taskrouter.TaskWasCanceled},
		},
		"reserved, ringing": {
			reach:  func(p *phones, task string) { p.fact(p.dial(task, "CAa"), "CAa", taskrouter.LegRinging, "") },
			status: taskrouter.TaskCanceled, reason: "hangup", hangUp: true,
			events: events{taskrouter.ReservationWasCanceled, taskrouter.TaskWasCanceled},
		},
		"answered, document not fetched": {
			reach:  func(p *phones, task string) { p.fact(p.dial(task, "CAa"), "CAa", taskrouter.LegAnswered, "") },
			status: taskrouter.TaskCanceled, reason: "hangup", hangUp: true,
			events: events{taskrouter.ReservationWasCanceled, taskrouter.TaskWasCanceled},
		},
		"assigned, not joined": {
			reach:  func(p *phones, task string) { require.NotEmpty(p.t, p.document(p.dial(task, "CAa"), "CAa").Join) },
			status: taskrouter.TaskWrapping, reason: "hangup before connect", hangUp: true,
			events: events{taskrouter.ReservationWrapup, taskrouter.TaskWrapup},
		},
		"assigned, talking": {
			reach:  func(p *phones, task string) { p.talk(task) },
			status: taskrouter.TaskWrapping, events: events{taskrouter.ReservationWrapup, taskrouter.TaskWrapup},
		},
		"wrapping": {
			reach:  func(p *phones, task string) { p.fact(p.talk(task), "CAagent", taskrouter.LegEnded, "completed") },
			status: taskrouter.TaskWrapping, events: events{},
		},
		"completed": {
			reach: func(p *phones, task string) {
				p.fact(p.talk(task), "CAagent", taskrouter.LegEnded, "completed")
				require.NoError(p.t, p.set(task, taskrouter.TaskCompleted))
			},
			status: taskrouter.TaskCompleted, events: events{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPhones(t)
			agent := p.agentWithPhone("ann")
			task := p.ring("CA1")
			if name == "pending" {
				lunch := p.addActivity("Lunch", false)
				r := p.offer(task)
				_, err := p.d.UpdateReservation(p.ctx, dispatch.ReservationUpdate{Subject: p.subject(r.SID), Status: ptr(taskrouter.ReservationRejected), WorkerActivitySID: lunch})
				require.NoError(t, err)
			} else {
				c.reach(p, task)
			}
			activity := p.activityOf(agent)
			require.Equal(t, c.events, p.during(func() { p.hangUp("CA1") }))
			require.Empty(t, p.during(func() { p.hangUp("CA1") }), "told twice")
			got := p.get(task)
			require.Equal(t, c.status, got.Status)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, activity, p.activityOf(agent))
			require.False(t, p.dismissed(task), "there is nobody to say goodbye to")
			ls := p.legs(task)
			if c.hangUp {
				require.Len(t, ls, 1)
				require.True(t, ls[0].HangUp)
				if v := p.document(ls[0].Attempt, "CAa"); v.Join != "" {
					t.Fatal("the agent must not enter an empty room")
				}
			} else {
				for _, l := range ls {
					require.False(t, l.HangUp)
				}
			}
			if c.status == taskrouter.TaskCanceled && activity == "Available" {
				next := p.ring("CA2")
				require.Equal(t, []string{agent}, p.offered(next), "the agent gets the next call at once")
				o, err := p.d.BeginDial(p.ctx, p.ws, p.legs(next)[0].Attempt)
				require.NoError(t, err)
				require.True(t, o.Proceed)
				if c.hangUp {
					require.Len(t, o.Drain, 1, "the old leg ends first")
				}
			}
			requireHealthy(t, p.bench)
		})
	}
}

// The conversation's other end: a joined leg outlives the caller by seconds.
func TestAgentsLegOutlivesTheCaller(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	attempt := p.talk(task)
	p.hangUp("CA1")
	require.False(t, p.leg(attempt).HangUp)
	p.pass(5 * time.Second)
	require.True(t, p.leg(attempt).HangUp)
	v, err := p.d.LegHungUp(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	require.Empty(t, v.Legs)
	require.Equal(t, taskrouter.TaskWrapping, p.status(task))
	require.NoError(t, p.set(task, taskrouter.TaskCompleted))
	require.False(t, p.dismissed(task))
	requireHealthy(t, p.bench)
}

func TestMediaServerLost(t *testing.T) {
	p := newPhones(t)
	task := p.ring("CA1")
	require.NoError(t, p.d.BackendLost(p.ctx, []dispatch.CallRef{p.ref("CA1")}))
	require.Equal(t, taskrouter.ReasonMediaLost, p.get(task).Reason)
}
