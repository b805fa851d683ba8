package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// supervise asks for a supervisor; params are names and values.
func (p *phones) supervise(reservation string, params ...string) error {
	in := &taskrouter.Instruction{Kind: taskrouter.InstructSupervise, Params: map[string]string{"from": "+431"}}
	for i := 0; i < len(params); i += 2 {
		in.Params[params[i]] = params[i+1]
	}
	_, err := p.d.UpdateReservation(p.ctx, dispatch.ReservationUpdate{Subject: p.subject(reservation), Instruction: in})
	return err
}

// supervisors lists the supervisors' legs of a Task that have not ended.
func (p *phones) supervisors(task string) (legs []*taskrouter.Leg) {
	p.t.Helper()
	for _, l := range p.legs(task) {
		if l.Purpose == taskrouter.LegSupervises {
			legs = append(legs, l)
		}
	}
	return legs
}

// place dials a leg.
func (p *phones) place(attempt string, calls ...string) dispatch.DialOrder {
	p.t.Helper()
	o, err := p.d.BeginDial(p.ctx, p.ws, attempt)
	require.NoError(p.t, err)
	require.True(p.t, o.Proceed)
	_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: attempt, CallSIDs: calls, Outcome: dispatch.DialPlaced})
	require.NoError(p.t, err)
	return o
}

// conversation is a call that talks to ann.
func conversation(t *testing.T, set ...func(*settings)) (p *phones, task, reservation string) {
	p = phonesOn(newBench(t, set...))
	p.agentWithPhone("ann")
	task = p.ring("CA1")
	reservation = p.offer(task).SID
	p.talk(task)
	return p, task, reservation
}

// supervised is a conversation with a supervisor of a mode on the line.
func supervised(t *testing.T, mode taskrouter.SupervisorMode) (p *phones, task, reservation, attempt string) {
	p, task, reservation = conversation(t)
	require.NoError(t, p.supervise(reservation, "supervisor", "client:chief", "supervisor_mode", string(mode)))
	attempt = p.supervisors(task)[0].Attempt
	p.place(attempt, "CAchief")
	require.Equal(t, task, p.document(attempt, "CAchief").Join)
	return p, task, reservation, attempt
}

func viewOf(p *phones, task, attempt string) taskrouter.LegView {
	p.t.Helper()
	v, err := p.d.View(p.ctx, p.ws, task)
	require.NoError(p.t, err)
	for _, l := range v.Legs {
		if l.Attempt == attempt {
			return l
		}
	}
	require.Fail(p.t, "no such leg in the view")
	return taskrouter.LegView{}
}

// One leg a supervisor, whoever it is and whatever the mode.
func TestSupervisorIsCalled(t *testing.T) {
	modes := map[string]taskrouter.SupervisorMode{
		"": taskrouter.SuperviseMonitor, "monitor": taskrouter.SuperviseMonitor,
		"whisper": taskrouter.SuperviseWhisper, "barge": taskrouter.SuperviseBarge,
	}
	for given, mode := range modes {
		for _, who := range []string{"Worker", "address"} {
			t.Run(given+"/"+who, func(t *testing.T) {
				p, task, r := conversation(t)
				before, reservation, seq := p.get(task), p.reservation(r), p.lastSeq()
				chief, worker := "sip:chief@example.com", ""
				if who == "Worker" {
					worker = p.workerIn("chief", `{"contact_uri":"sip:chief@example.com"}`, "Offline")
					chief, seq = worker, p.lastSeq()
				}
				require.NoError(t, p.supervise(r, "supervisor", chief, "supervisor_mode", given))

				legs := p.supervisors(task)
				require.Len(t, legs, 1)
				l := legs[0]
				require.Equal(t, mode, l.Mode)
				require.Equal(t, "sip:chief@example.com", l.To)
				require.Equal(t, "+431", l.From)
				require.Equal(t, worker, l.WorkerSID)
				require.Equal(t, r, l.ReservationSID)
				require.Equal(t, taskrouter.DefaultRingTimeout, l.RingTimeout)
				require.True(t, viewOf(p, task, l.Attempt).Dial)

				order := p.place(l.Attempt, "CAchief")
				require.Empty(t, order.Drain)
				require.Nil(t, order.Instruction, "the Reservation's own instruction is about the agent")
				v := p.document(l.Attempt, "CAchief")
				require.Equal(t, task, v.Join)
				require.Nil(t, v.Instruction)
				require.Equal(t, mode, v.Leg.Mode)
				coach := ""
				if mode == taskrouter.SuperviseWhisper {
					coach = "CAagent"
				}
				require.Equal(t, coach, v.Coach)
				require.Equal(t, v.Coach, p.document(l.Attempt, "CAchief").Coach, "asked twice")
				got := p.leg(l.Attempt)
				require.Equal(t, taskrouter.LegAnswered, got.State)
				require.Zero(t, got.Deadline, "no join has to follow")
				require.False(t, viewOf(p, task, l.Attempt).Confirm)
				require.NoError(t, p.d.RoomJoined(p.ctx, l.Attempt, "CAchief"))
				require.Equal(t, taskrouter.LegJoined, p.leg(l.Attempt).State)

				require.Empty(t, p.eventsAfter(seq))
				require.Equal(t, reservation, p.reservation(r))
				after := p.get(task)
				require.Equal(t, before.Attributes, after.Attributes)
				require.Equal(t, before.Version, after.Version)
				require.Equal(t, taskrouter.TaskAssigned, after.Status)
				requireHealthy(t, p.bench)
			})
		}
	}
}

// What cannot be supervised is refused before anything is placed.
func TestSupervisionIsRefused(t *testing.T) {
	chief := []string{"supervisor", "client:chief"}
	whisper := []string{"supervisor", "client:chief", "supervisor_mode", "whisper"}
	incapable := options(dispatch.Options{Able: func(backend string, a dispatch.Ability) bool {
		return backend != "fake" || a != dispatch.AbilityWhisper
	}})
	accepted := func(p *phones) string {
		p.agentWithPhone("ann")
		r := p.offer(p.ring("CA1"))
		p.must(r.SID, taskrouter.ReservationAccepted)
		return r.SID
	}
	for name, row := range map[string]struct {
		set    []func(*settings)
		manual bool
		make   func(p *phones) string
		params []string
		code   int
		text   string
	}{
		"still pending": {make: func(p *phones) string {
			p.agentWithPhone("ann")
			return p.offer(p.ring("CA1")).SID
		}, params: chief, code: 40146},
		"canceled": {make: func(p *phones) string {
			p.agentWithPhone("ann")
			r := p.offer(p.ring("CA1"))
			p.hangUp("CA1")
			return r.SID
		}, params: chief, code: 40146},
		"wrapping": {make: func(p *phones) string {
			r := accepted(p)
			p.must(r, taskrouter.ReservationWrapping)
			return r
		}, params: chief, code: 40146},
		"nobody":             {make: accepted, code: 40147},
		"unknown Worker":     {make: accepted, params: []string{"supervisor", taskrouter.NewSID(taskrouter.PrefixWorker)}, code: 40147},
		"no caller ID":       {make: accepted, params: []string{"supervisor", "client:chief", "from", ""}, code: 40148},
		"whisper too early":  {make: accepted, params: whisper, text: "has not answered"},
		"nobody can whisper": {make: accepted, set: []func(*settings){incapable}, params: whisper, text: "the caller would hear it"},
		"no call": {make: func(p *phones) string {
			p.worker("bob", "{}")
			r := p.offer(p.task())
			p.must(r.SID, taskrouter.ReservationAccepted)
			return r.SID
		}, params: chief, text: "no live call"},
		"agent has no phone": {manual: true, make: func(p *phones) string {
			p.worker("bob", "{}")
			r := p.offer(p.ring("CA1"))
			p.must(r.SID, taskrouter.ReservationAccepted)
			return r.SID
		}, params: chief, text: "has not called the agent"},
		"caller sent away": {manual: true, make: func(p *phones) string {
			p.agentWithPhone("ann")
			r := p.offer(p.ring("CA1"))
			_, err := p.d.UpdateReservation(p.ctx, dispatch.ReservationUpdate{Subject: p.subject(r.SID), Instruction: &taskrouter.Instruction{
				Kind: taskrouter.InstructRedirect, Params: map[string]string{"call_sid": "CA1", "url": "https://example.com/x", "accept": "true"},
			}})
			require.NoError(p.t, err)
			return r.SID
		}, params: chief, text: "has not called the agent"},
	} {
		t.Run(name, func(t *testing.T) {
			var line []func(*workspace.NewCallQueue)
			if row.manual {
				line = append(line, manual)
			}
			p := phonesOn(newBench(t, row.set...), line...)
			r := row.make(p)
			task := p.reservation(r).TaskSID
			before := len(p.legs(task))
			err := p.supervise(r, row.params...)
			requireCode(t, row.code, err)
			require.ErrorContains(t, err, row.text)
			require.Len(t, p.legs(task), before, "nothing is placed")
			requireHealthy(t, p.bench)
		})
	}
}

// A platform that cannot whisper still lets supervisors listen and speak.
func TestSupervisionWithoutWhispering(t *testing.T) {
	p, task, r := conversation(t, options(dispatch.Options{Able: func(string, dispatch.Ability) bool { return false }}))
	require.ErrorContains(t, p.supervise(r, "supervisor", "client:a", "supervisor_mode", "whisper"), "the caller would hear it")
	require.NoError(t, p.supervise(r, "supervisor", "client:a", "supervisor_mode", "monitor"))
	require.NoError(t, p.supervise(r, "supervisor", "client:b", "supervisor_mode", "barge"))
	require.Len(t, p.supervisors(task), 2)
}

// Several supervisors take part; none is called twice.
func TestSeveralSupervisors(t *testing.T) {
	p, task, r := conversation(t)
	require.NoError(t, p.supervise(r, "supervisor", "client:a"))
	require.NoError(t, p.supervise(r, "supervisor", "client:b", "supervisor_mode", "barge"))
	first := p.supervisors(task)[0].Attempt
	for _, state := range []func(){
		func() {}, func() { p.place(first, "CAx") }, func() { p.document(first, "CAx") },
		func() { require.NoError(t, p.d.RoomJoined(p.ctx, first, "CAx")) },
	} {
		state()
		require.NoError(t, p.supervise(r, "supervisor", "client:a"))
		require.Len(t, p.supervisors(task), 2, "no second leg to the same address")
	}
	require.ErrorContains(t, p.supervise(r, "supervisor", "client:a", "supervisor_mode", "barge"), "in mode monitor")
	p.fact(first, "CAx", taskrouter.LegEnded, "completed")
	require.NoError(t, p.supervise(r, "supervisor", "client:a", "supervisor_mode", "barge"))
	require.Len(t, p.supervisors(task), 2)
	require.NotEqual(t, first, p.supervisors(task)[1].Attempt)
	for i := range 18 {
		require.NoError(t, p.supervise(r, "supervisor", fmt.Sprintf("client:%d", i)))
	}
	require.ErrorContains(t, p.supervise(r, "supervisor", "client:late"), "20 supervisors")
	seen := map[string]bool{}
	for _, l := range p.legs(task) {
		require.False(t, seen[l.Attempt])
		seen[l.Attempt] = true
	}
	requireHealthy(t, p.bench)
}

// Whatever ends a supervisor's leg changes nothing for the conversation.
func TestSupervisorsLegFails(t *testing.T) {
	attempt := func(p *phones, task string) string { return p.supervisors(task)[0].Attempt }
	ends := map[string]func(p *phones, task string){
		"not placed": func(p *phones, task string) {
			a := attempt(p, task)
			_, err := p.d.BeginDial(p.ctx, p.ws, a)
			require.NoError(p.t, err)
			_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: a, Outcome: dispatch.DialFailed, Cause: "bad address"})
			require.NoError(p.t, err)
		},
		"never reported": func(p *phones, task string) {
			a := attempt(p, task)
			p.place(a, "CAchief")
			p.pass(p.leg(a).Deadline.Sub(p.clock.now()))
			require.True(p.t, p.leg(a).HangUp)
			p.pass(p.leg(a).Deadline.Sub(p.clock.now()))
		},
		"outcome unknown": func(p *phones, task string) {
			a := attempt(p, task)
			_, err := p.d.BeginDial(p.ctx, p.ws, a)
			require.NoError(p.t, err)
			_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: a, Outcome: dispatch.DialUnknown})
			require.NoError(p.t, err)
			p.pass(p.leg(a).Deadline.Sub(p.clock.now()))
			p.pass(p.leg(a).Deadline.Sub(p.clock.now()))
		},
	}
	for _, cause := range []string{"busy", "no-answer", "failed", "canceled", "completed", "lost"} {
		ends[cause+" while ringing"] = func(p *phones, task string) {
			a := attempt(p, task)
			p.place(a, "CAchief")
			p.fact(a, "CAchief", taskrouter.LegEnded, cause)
		}
		ends[cause+" after the answer"] = func(p *phones, task string) {
			a := attempt(p, task)
			p.place(a, "CAchief")
			p.document(a, "CAchief")
			p.pass(taskrouter.JoinTimeout + time.Second)
			require.Equal(p.t, taskrouter.LegAnswered, p.leg(a).State, "a join nobody reports is no failure")
			p.fact(a, "CAchief", taskrouter.LegEnded, cause)
		}
	}
	p, task, r := conversation(t)
	reservation := p.reservation(r)
	for name, end := range ends {
		require.NoError(t, p.supervise(r, "supervisor", "client:chief"), name)
		require.Empty(t, p.during(func() { end(p, task) }), name)
		require.Empty(t, p.supervisors(task), name)
		require.Equal(t, reservation, p.reservation(r), name)
		require.Equal(t, taskrouter.TaskAssigned, p.status(task), name)
		require.Len(t, p.legs(task), 1, "the agent talks on: "+name)
		require.False(t, p.legs(task)[0].HangUp, name)
	}
	requireHealthy(t, p.bench)
}

// The process that placed a supervisor's leg was lost before it could say so.
func TestSupervisorIsPlacedOnce(t *testing.T) {
	p, task, r := conversation(t)
	require.NoError(t, p.supervise(r, "supervisor", "client:chief"))
	attempt := p.supervisors(task)[0].Attempt
	for range 2 {
		o, err := p.d.BeginDial(p.ctx, p.ws, attempt)
		require.NoError(t, err)
		require.True(t, o.Proceed)
		require.Equal(t, attempt, o.Leg.Attempt, "the driver tells repeats by the attempt")
	}
	p.fact(attempt, "CAchief", taskrouter.LegRinging, "")
	o, err := p.d.BeginDial(p.ctx, p.ws, attempt)
	require.NoError(t, err)
	require.False(t, o.Proceed)
}

// A supervisor leaves with the conversation, however it ends.
func TestSupervisorLeavesWithTheConversation(t *testing.T) {
	ends := map[string]func(p *phones, task, r string){
		"agent hangs up":  func(p *phones, _, r string) { p.fact(r+"-1", "CAagent", taskrouter.LegEnded, "completed") },
		"caller hangs up": func(p *phones, _, _ string) { p.hangUp("CA1") },
		"wrapping":        func(p *phones, _, r string) { p.must(r, taskrouter.ReservationWrapping) },
		"completed":       func(p *phones, _, r string) { p.must(r, taskrouter.ReservationCompleted) },
		"task completed":  func(p *phones, task, _ string) { require.NoError(p.t, p.set(task, taskrouter.TaskCompleted)) },
		"task deleted":    func(p *phones, task, _ string) { require.NoError(p.t, p.d.DeleteTask(p.ctx, p.subject(task))) },
		"limit":           func(p *phones, _, _ string) { p.pass(taskrouter.DefaultAssignedLimit) },
		"Workspace deleted": func(p *phones, _, _ string) {
			require.NoError(p.t, p.config.DeleteWorkspace(p.ctx, p.subject(p.ws)))
			require.NoError(p.t, p.d.Sweep(p.ctx))
		},
	}
	stages := map[string]func(p *phones, attempt, call string){
		"wanted": func(*phones, string, string) {},
		"placing": func(p *phones, attempt, _ string) {
			_, err := p.d.BeginDial(p.ctx, p.ws, attempt)
			require.NoError(p.t, err)
		},
		"ringing": func(p *phones, attempt, call string) { p.place(attempt, call) },
		"answered": func(p *phones, attempt, call string) {
			p.place(attempt, call)
			p.document(attempt, call)
		},
		"joined": func(p *phones, attempt, call string) {
			p.place(attempt, call)
			p.document(attempt, call)
			require.NoError(p.t, p.d.RoomJoined(p.ctx, attempt, call))
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			p, task, r := conversation(t)
			attempts := map[string]string{}
			for stage, bring := range stages {
				require.NoError(t, p.supervise(r, "supervisor", "client:"+stage))
				for _, l := range p.supervisors(task) {
					if l.To == "client:"+stage {
						attempts[stage] = l.Attempt
					}
				}
				bring(p, attempts[stage], "CA"+stage)
			}
			end(p, task, r)
			require.False(t, p.dismissed(task), "the caller was attended")
			for stage, attempt := range attempts {
				l := p.leg(attempt)
				if stage == "wanted" {
					require.Equal(t, taskrouter.LegEnded, l.State)
				} else {
					require.True(t, l.HangUp, stage)
					require.Equal(t, stage != "placing", viewOf(p, task, attempt).HangUp, "ended once its call is known: "+stage)
				}
				require.Empty(t, p.document(attempt, "CA"+stage).Join, stage)
				_, err := p.d.LegHungUp(p.ctx, p.ws, attempt)
				require.NoError(t, err)
			}
			require.Empty(t, p.supervisors(task))
			if name != "Workspace deleted" {
				requireHealthy(t, p.bench)
			}
		})
	}
}

// A join that fails ends the Reservation and with it the supervision; the
// caller's next Task is not supervised.
func TestSupervisorLeavesWithAFailedJoin(t *testing.T) {
	p := newPhones(t, manual)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	r := p.offer(task).SID
	p.must(r, taskrouter.ReservationAccepted)
	agent := p.dial(task, "CAagent")
	require.NoError(t, p.supervise(r, "supervisor", "client:chief", "supervisor_mode", "barge"))
	chief := p.supervisors(task)[0].Attempt
	p.place(chief, "CAchief")
	require.Equal(t, task, p.document(chief, "CAchief").Join, "who is early waits with the caller")
	p.fact(agent, "CAagent", taskrouter.LegEnded, "no-answer")
	require.Equal(t, taskrouter.TaskCompleted, p.status(task))
	require.True(t, p.leg(chief).HangUp)
	c, err := p.d.Call(p.ctx, p.ref("CA1"))
	require.NoError(t, err)
	require.NotEqual(t, task, c.TaskSID)
	require.Empty(t, p.supervisors(c.TaskSID))
	requireHealthy(t, p.bench)
}

// A supervisor in the room is nobody who takes care of the caller.
func TestSupervisorAttendsNobody(t *testing.T) {
	p := newPhones(t, manual)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	r := p.offer(task).SID
	p.must(r, taskrouter.ReservationAccepted)
	require.NoError(t, p.supervise(r, "supervisor", "client:chief"))
	chief := p.supervisors(task)[0].Attempt
	p.place(chief, "CAchief")
	p.document(chief, "CAchief")
	require.NoError(t, p.d.RoomJoined(p.ctx, chief, "CAchief"))

	p.hangUp("CA1")
	require.Equal(t, taskrouter.TaskWrapping, p.status(task))
	require.Equal(t, taskrouter.ReasonHangupEarly, p.get(task).Reason, "no agent was there")

	p.agentWithPhone("ben")
	task = p.ring("CA2")
	r = p.offer(task).SID
	p.must(r, taskrouter.ReservationAccepted)
	require.NoError(t, p.supervise(r, "supervisor", "client:chief"))
	chief = p.supervisors(task)[0].Attempt
	p.place(chief, "CAchief2")
	p.document(chief, "CAchief2")
	require.NoError(t, p.d.RoomJoined(p.ctx, chief, "CAchief2"))
	require.NoError(t, p.set(task, taskrouter.TaskCompleted))
	require.True(t, p.dismissed(task), "nobody else would end the caller's wait")
}

// Only legs to the supervisor's own Worker are waited for before the phone
// rings.
func TestSupervisorsPhoneIsFreedFirst(t *testing.T) {
	p, task, r, first := supervised(t, taskrouter.SuperviseMonitor)
	chief := p.workerIn("chief", `{"contact_uri":"client:boss"}`, "Offline")
	require.NoError(t, p.supervise(r, "supervisor", chief))
	second := p.supervisors(task)[1].Attempt
	p.place(second, "CAboss")
	p.hangUp("CA1")
	for _, attempt := range []string{first, second} {
		require.True(t, p.leg(attempt).HangUp)
	}

	p.agentWithPhone("ben")
	task = p.ring("CA2")
	r = p.offer(task).SID
	p.talk(task)
	require.NoError(t, p.supervise(r, "supervisor", "client:somebody"))
	require.NoError(t, p.supervise(r, "supervisor", chief))
	drained := map[string][]string{}
	for _, l := range p.supervisors(task) {
		for _, o := range p.place(l.Attempt, "CA"+l.To).Drain {
			drained[l.To] = append(drained[l.To], o.Attempt)
		}
	}
	require.Equal(t, map[string][]string{"client:boss": {second}}, drained)
}
