package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func TestAnsweringAccepts(t *testing.T) {
	p := newPhones(t, func(n *workspace.NewCallQueue) { n.WrapUp = ptr(int64(10)) })
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	require.Equal(t, taskrouter.TaskReserved, p.status(task))
	attempt := p.dial(task, "CAa")
	require.Equal(t, "client:ann", p.leg(attempt).To)
	require.Equal(t, "+431", p.leg(attempt).From, "the number the caller dialled")
	v := p.document(attempt, "CAa")
	require.Equal(t, task, v.Join)
	require.Equal(t, taskrouter.TaskAssigned, p.status(task))
	require.Contains(t, string(p.get(task).Attributes), `"worker_call_sid":"CAa"`)
	answered := p.leg(attempt)
	p.clock.advance(2 * time.Second)
	require.Empty(t, p.during(func() { require.Equal(t, v.Join, p.document(attempt, "CAa").Join) }), "asked twice")
	require.Equal(t, answered.Deadline, p.leg(attempt).Deadline)
	require.NoError(t, p.d.RoomJoined(p.ctx, attempt, "CAa"))
	require.Equal(t, taskrouter.LegJoined, p.leg(attempt).State)
	p.fact(attempt, "CAa", taskrouter.LegRinging, "")
	require.Equal(t, taskrouter.LegJoined, p.leg(attempt).State, "legs only move forward")
	p.fact(attempt, "CAa", taskrouter.LegEnded, "completed")
	require.Equal(t, taskrouter.TaskWrapping, p.status(task))
	p.hangUp("CA1")
	p.pass(10 * time.Second)
	require.Equal(t, taskrouter.TaskCompleted, p.status(task), "after-call work is over")
	require.Empty(t, p.document("WRunknown-1", "CAa").Join)
	require.Equal(t, "withdrawn", p.document(attempt, "CAa").Reason)
	requireHealthy(t, p.bench)
}

// How the end of a leg before the join is taken.
func TestLegFailures(t *testing.T) {
	for cause, c := range map[string]struct {
		status   taskrouter.ReservationStatus
		reason   string
		activity string
		pause    bool
	}{
		"no-answer": {taskrouter.ReservationTimeout, "", "Offline", false},
		"busy":      {taskrouter.ReservationCanceled, taskrouter.ReasonBusy, "Available", true},
		"failed":    {taskrouter.ReservationCanceled, taskrouter.ReasonDialFailed, "Available", true},
		"completed": {taskrouter.ReservationCanceled, taskrouter.ReasonDialFailed, "Available", true},
	} {
		for _, how := range []string{"reported", "refused"} {
			t.Run(cause+" "+how, func(t *testing.T) {
				p := newPhones(t)
				agent := p.agentWithPhone("ann")
				task := p.ring("CA1")
				r := p.offer(task)
				if how == "reported" {
					p.fact(p.dial(task, "CAa"), "CAa", taskrouter.LegEnded, cause)
				} else {
					attempt := p.legs(task)[0].Attempt
					_, err := p.d.BeginDial(p.ctx, p.ws, attempt)
					require.NoError(t, err)
					_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: attempt, Outcome: dispatch.DialFailed, Cause: cause})
					require.NoError(t, err)
				}
				got := p.reservation(r.SID)
				require.Equal(t, c.status, got.Status)
				require.Equal(t, c.reason, got.ReasonCode)
				require.Equal(t, c.activity, p.activityOf(agent))
				require.Equal(t, taskrouter.TaskPending, p.status(task))
				require.Equal(t, c.pause, p.get(task).OfferNotBefore.After(p.clock.now()))
				if c.pause {
					p.pass(time.Second)
					require.Equal(t, []string{agent}, p.offered(task))
				}
				requireHealthy(t, p.bench)
			})
		}
	}
}

func TestAgentLeavesBeforeTheDocument(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	r := p.offer(task)
	attempt := p.dial(task, "CAa")
	p.fact(attempt, "CAa", taskrouter.LegAnswered, "")
	p.fact(attempt, "CAa", taskrouter.LegEnded, "completed")
	require.Equal(t, taskrouter.ReasonAgentLeft, p.reservation(r.SID).ReasonCode)
	require.Equal(t, taskrouter.TaskPending, p.status(task))
}

// An agent with several devices is rung on all of them.
func TestSeveralDevices(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	attempt := p.dial(task, "CAdesk", "CAmobile", "CAhome")
	p.fact(attempt, "CAdesk", taskrouter.LegEnded, "busy")
	require.Equal(t, taskrouter.TaskReserved, p.status(task), "the others still ring")
	require.NotEmpty(t, p.document(attempt, "CAmobile").Join)
	require.Equal(t, "withdrawn", p.document(attempt, "CAhome").Reason, "the first one to answer wins")
	p.fact(attempt, "CAhome", taskrouter.LegEnded, "canceled")
	require.Equal(t, taskrouter.LegAnswered, p.leg(attempt).State)
	_, err := p.d.JoinSeen(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	p.fact(attempt, "CAmobile", taskrouter.LegEnded, "completed")
	require.Equal(t, taskrouter.TaskWrapping, p.status(task))

	p.move(p.agentWithPhone("ben"), "Available")
	task = p.ring("CA2")
	attempt = p.dial(task, "CAx", "CAy")
	p.fact(attempt, "CAx", taskrouter.LegEnded, "busy")
	p.fact(attempt, "CAy", taskrouter.LegEnded, "busy")
	require.Equal(t, taskrouter.TaskPending, p.status(task), "none is left")
}

// A join that is not confirmed gives the caller a new Task in the same place.
func TestJoinFails(t *testing.T) {
	for name, fail := range map[string]func(p *phones, attempt string){
		"time is over":  func(p *phones, _ string) { p.pass(taskrouter.JoinTimeout) },
		"agent hung up": func(p *phones, attempt string) { p.fact(attempt, "CAa", taskrouter.LegEnded, "completed") },
		"timer was ahead": func(p *phones, attempt string) {
			l := p.leg(attempt)
			_, err := p.d.Due(p.ctx, p.ws, l.TaskSID, l.Deadline)
			require.NoError(p.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPhones(t)
			ann := p.agentWithPhone("ann")
			task := p.ring("CA1")
			before := p.get(task)
			other := p.ring("CA2") // stands behind
			p.clock.advance(time.Minute)
			r := p.offer(task)
			attempt := p.dial(task, "CAa")
			p.document(attempt, "CAa")
			fail(p, attempt)
			require.Equal(t, taskrouter.TaskCompleted, p.status(task))
			require.Equal(t, taskrouter.ReasonJoinFailed, p.get(task).Reason)
			require.Equal(t, taskrouter.ReservationCompleted, p.reservation(r.SID).Status)
			c, err := p.d.Call(p.ctx, p.ref("CA1"))
			require.NoError(t, err)
			require.NotEqual(t, task, c.TaskSID)
			require.Equal(t, task, c.Room, "the caller stays in the room")
			next := p.get(c.TaskSID)
			require.Equal(t, "CA1", next.CallSID)
			require.Equal(t, before.VirtualStartTime, next.VirtualStartTime)
			require.Equal(t, []string{ann}, p.offered(next.SID), "the place in line is kept")
			require.Empty(t, p.offered(other))
			for _, l := range p.legs(task) {
				require.True(t, l.HangUp)
			}
			require.False(t, p.dismissed(task))
			require.Equal(t, task, p.document(p.dial(next.SID, "CAb"), "CAb").Join, "the same room")
			requireHealthy(t, p.bench)
		})
	}
}

// Who stood before the caller is served first when the join fails.
func TestJoinFailsBehindOthers(t *testing.T) {
	p := newPhones(t)
	ann := p.agentWithPhone("ann")
	task := p.ring("CA1")
	urgent := p.task(priority(9), func(n *dispatch.NewTask) { n.Channel = "voice"; n.WorkflowSID = p.get(task).WorkflowSID })
	attempt := p.dial(task, "CAa")
	p.document(attempt, "CAa")
	p.fact(attempt, "CAa", taskrouter.LegEnded, "completed")
	require.Equal(t, []string{ann}, p.offered(urgent))
	requireHealthy(t, p.bench)
}

// A caller for whom the rules have no place any more is not left on the line.
func TestJoinFailsWithoutSuccessor(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	attempt := p.dial(task, "CAa")
	p.document(attempt, "CAa")
	flow := p.get(task).WorkflowSID
	p.reconfigure(flow, routing("", filter("a==1", target(p.get(task).QueueSID))), false)
	p.pass(taskrouter.JoinTimeout)
	require.Equal(t, taskrouter.TaskCompleted, p.status(task))
	require.True(t, p.dismissed(task))
	requireHealthy(t, p.bench)
}

func TestAcceptByREST(t *testing.T) {
	p := newPhones(t, manual)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	require.Empty(t, p.legs(task), "manual: nobody is rung yet")
	r := p.offer(task)
	p.must(r.SID, taskrouter.ReservationAccepted)
	ls := p.legs(task)
	require.Len(t, ls, 1)
	require.Equal(t, taskrouter.LegConnects, ls[0].Purpose)
	v, err := p.d.View(p.ctx, p.ws, task)
	require.NoError(t, err)
	require.True(t, v.Legs[0].Dial)
	attempt := p.dial(task, "CAa")
	require.Equal(t, task, p.document(attempt, "CAa").Join)
	_, err = p.d.JoinSeen(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	require.Equal(t, taskrouter.TaskAssigned, p.status(task))

	// Not answered: the caller gets a successor.
	p.agentWithPhone("ben")
	task = p.ring("CA2")
	p.must(p.offer(task).SID, taskrouter.ReservationAccepted)
	p.fact(p.dial(task, "CAb"), "CAb", taskrouter.LegEnded, "no-answer")
	require.Equal(t, taskrouter.TaskCompleted, p.status(task))
	c, err := p.d.Call(p.ctx, p.ref("CA2"))
	require.NoError(t, err)
	require.NotEqual(t, task, c.TaskSID)
	requireHealthy(t, p.bench)
}

func TestAcceptByRESTWhileThePhoneRings(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	attempt := p.dial(task, "CAa")
	p.must(p.offer(task).SID, taskrouter.ReservationAccepted)
	require.Len(t, p.legs(task), 1, "the ringing phone joins")
	require.Equal(t, task, p.document(attempt, "CAa").Join)
}

// The first commit wins: an agent who accepts, or the caller who leaves.
func TestAcceptAgainstCallerLeft(t *testing.T) {
	p := newPhones(t, manual)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	r := p.offer(task)
	p.hangUp("CA1")
	requireKind(t, taskrouter.KindInvalid, p.answer(r.SID, taskrouter.ReservationAccepted))
	task = p.ring("CA2")
	p.must(p.offer(task).SID, taskrouter.ReservationAccepted)
	p.hangUp("CA2")
	require.Equal(t, taskrouter.TaskWrapping, p.status(task))
	require.Equal(t, taskrouter.ReasonHangupEarly, p.get(task).Reason)
}

// A caller whose Task ends without a conversation hears closing words.
func TestWaitingCallersAreDismissed(t *testing.T) {
	for name, end := range map[string]func(p *phones, task string){
		"time to live": func(p *phones, _ string) { p.pass(taskrouter.DefaultTaskTimeout) },
		"canceled":     func(p *phones, task string) { require.NoError(p.t, p.set(task, taskrouter.TaskCanceled)) },
		"deleted":      func(p *phones, task string) { require.NoError(p.t, p.d.DeleteTask(p.ctx, p.subject(task))) },
		"operator": func(p *phones, task string) {
			_, err := p.d.CancelFromOutside(p.ctx, p.ws, task)
			require.NoError(p.t, err)
		},
		"completed unjoined": func(p *phones, task string) {
			p.must(p.offer(task).SID, taskrouter.ReservationAccepted)
			require.NoError(p.t, p.set(task, taskrouter.TaskCompleted))
		},
		"wrapped unjoined": func(p *phones, task string) {
			r := p.offer(task).SID
			p.must(r, taskrouter.ReservationAccepted)
			p.must(r, taskrouter.ReservationWrapping)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPhones(t)
			p.agentWithPhone("ann")
			task := p.ring("CA1")
			attempt := p.dial(task, "CAa")
			end(p, task)
			require.True(t, p.dismissed(task))
			v, err := p.d.View(p.ctx, p.ws, task)
			require.NoError(t, err)
			require.False(t, v.Removed, "the row stays until the legs are down")
			var dial, hangUp int
			for _, l := range v.Legs {
				if l.Dial {
					dial++
				}
				if l.HangUp {
					hangUp++
				}
			}
			require.Equal(t, []int{1, 1}, []int{dial, hangUp})
			require.Empty(t, p.document(attempt, "CAa").Join)
			if name == "deleted" {
				requireKind(t, taskrouter.KindNotFound, p.set(task, taskrouter.TaskCanceled))
			}
			o, err := p.d.BeginDial(p.ctx, p.ws, task+"-end")
			require.NoError(t, err)
			require.True(t, o.Proceed)
			require.Equal(t, "CA1", o.Leg.To)
			_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: task + "-end", Outcome: dispatch.DialPlaced})
			require.NoError(t, err)
			_, err = p.d.LegHungUp(p.ctx, p.ws, attempt)
			require.NoError(t, err)
			p.hangUp("CA1")
			requireHealthy(t, p.bench)
			if name == "deleted" {
				p.pass(time.Second)
				require.Nil(t, p.get(task))
			}
		})
	}
}

// A conversation that is completed by request is not interrupted by us twice.
func TestAttendedCallersAreNotDismissed(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	attempt := p.talk(task)
	require.NoError(t, p.set(task, taskrouter.TaskCompleted))
	require.False(t, p.dismissed(task))
	require.True(t, p.leg(attempt).HangUp, "the agent's leg ends, and with it the room")
}

func TestLegDeadlines(t *testing.T) {
	p := newPhones(t)
	ann := p.agentWithPhone("ann")
	task := p.ring("CA1")
	r := p.offer(task)
	attempt := p.dial(task, "CAa")
	require.Equal(t, taskrouter.MaxRingTimeout, p.leg(attempt).RingTimeout)
	p.pass(p.leg(attempt).Deadline.Sub(p.clock.now()))
	require.Equal(t, taskrouter.ReservationCanceled, p.reservation(r.SID).Status, "the platform never said how it ended")
	require.True(t, p.leg(attempt).HangUp)
	require.Equal(t, "Available", p.activityOf(ann))
	p.pass(time.Minute)
	require.Equal(t, taskrouter.LegEnded, p.leg(attempt).State, "it resisted, and is given up")
	requireHealthy(t, p.bench)
}

// A leg of the customer's own markup is never ended by us, and its silence
// does not keep the Task busy.
func TestForeignLegGoesSilent(t *testing.T) {
	for _, accept := range []string{"true", "false"} {
		p := newPhones(t, manual)
		p.agentWithPhone("ann")
		task := p.ring("CA1")
		r := p.offer(task)
		_, err := p.d.UpdateReservation(p.ctx, dispatch.ReservationUpdate{Subject: p.subject(r.SID), Instruction: &taskrouter.Instruction{
			Kind: taskrouter.InstructCall, Params: map[string]string{"from": "+431", "url": "https://example.com/x", "accept": accept},
		}})
		require.NoError(t, err)
		attempt := p.dial(task, "CAa")
		p.pass(p.leg(attempt).Deadline.Sub(p.clock.now()))
		require.Equal(t, taskrouter.LegEnded, p.leg(attempt).State)
		v, err := p.d.View(p.ctx, p.ws, task)
		require.NoError(t, err)
		require.True(t, v.Deadline.After(p.clock.now()))
		requireHealthy(t, p.bench)
	}
}

// The caller leaves before the platform's reply to our request is known.
func TestReplyAfterTheCallerLeft(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	attempt := p.legs(task)[0].Attempt
	_, err := p.d.BeginDial(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	p.hangUp("CA1")
	v, err := p.d.View(p.ctx, p.ws, task)
	require.NoError(t, err)
	require.False(t, v.Legs[0].HangUp, "nothing to end yet: its SID is unknown")
	v, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: attempt, CallSIDs: []string{"CAa"}, Outcome: dispatch.DialPlaced})
	require.NoError(t, err)
	require.True(t, v.Legs[0].HangUp)
	o, err := p.d.BeginDial(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	require.False(t, o.Proceed, "placed once")
}

// A Workspace that is deleted sends its waiting callers away and ends what
// rings and talks before it forgets them.
func TestDeletedWorkspaceEndsItsCalls(t *testing.T) {
	p := newPhones(t)
	talking := p.ring("CA1")
	require.Empty(t, p.legs(talking))
	p.agentWithPhone("ann")
	p.move(p.agentWithPhone("ben"), "Offline")
	p.talk(talking)
	waiting := p.ring("CA2")
	plain := p.task()
	require.NoError(t, p.config.DeleteWorkspace(p.ctx, p.subject(p.ws)))
	require.NoError(t, p.d.Sweep(p.ctx))
	_, err := p.d.View(p.ctx, p.ws, plain)
	require.NoError(t, err)

	require.True(t, p.dismissed(waiting))
	require.False(t, p.dismissed(talking), "the room ends by itself")
	var agent string
	for _, l := range p.legs(talking) {
		require.True(t, l.HangUp)
		agent = l.Attempt
	}
	_, err = p.d.LegHungUp(p.ctx, p.ws, agent)
	require.NoError(t, err)
	require.NoError(t, p.d.Sweep(p.ctx))
	require.True(t, p.dismissed(waiting), "one is still to be told")
	attempt := p.dial(waiting)
	_, err = p.d.Leg(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	require.NoError(t, p.d.Sweep(p.ctx))
	require.NoError(t, p.d.Sweep(p.ctx))
	err = p.db.InWorkspace(p.ctx, p.ws, func(ctxT, dispatch.Tx) error { return nil })
	requireKind(t, taskrouter.KindNotFound, err)
}

// Patience begins when the Tasks were ended, however long after the request
// that is: nobody may have swept meanwhile, or there may be many Tasks.
func TestDeletedWorkspaceIsPatientFromItsEnd(t *testing.T) {
	p := newPhones(t)
	waiting := p.ring("CA1")
	require.NoError(t, p.config.DeleteWorkspace(p.ctx, p.subject(p.ws)))
	p.clock.advance(10 * time.Minute)
	for range 3 {
		require.NoError(t, p.d.Sweep(p.ctx))
		require.True(t, p.dismissed(waiting))
		p.clock.advance(time.Second)
	}
}

// A leg nobody reports about does not keep a deleted Workspace for ever.
func TestDeletedWorkspaceLosesPatience(t *testing.T) {
	p := newPhones(t)
	p.ring("CA1")
	require.NoError(t, p.config.DeleteWorkspace(p.ctx, p.subject(p.ws)))
	require.NoError(t, p.d.Sweep(p.ctx))
	p.peek(func(ctxT, dispatch.Tx) {})
	p.clock.advance(10 * time.Minute)
	require.NoError(t, p.d.Sweep(p.ctx))
	err := p.db.InWorkspace(p.ctx, p.ws, func(ctxT, dispatch.Tx) error { return nil })
	requireKind(t, taskrouter.KindNotFound, err)
}
