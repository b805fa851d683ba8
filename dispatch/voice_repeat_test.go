package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func dequeueFrom(number string) *taskrouter.Instruction {
	return &taskrouter.Instruction{Kind: taskrouter.InstructDequeue, Params: map[string]string{"from": number}}
}

// A repeated instruction rings nobody twice.
func TestRepeatedInstruction(t *testing.T) {
	for _, in := range []*taskrouter.Instruction{
		dequeueFrom("+431"),
		{Kind: taskrouter.InstructConference},
		{Kind: taskrouter.InstructCall, Params: map[string]string{"from": "+431", "url": "https://example.com/x"}},
	} {
		t.Run(string(in.Kind), func(t *testing.T) {
			p := newPhones(t, manual)
			p.agentWithPhone("ann")
			task := p.ring("CA1")
			require.NoError(t, p.instructs(task, in))
			p.dial(task, "CAa")
			require.NoError(t, p.instructs(task, in))
			require.Len(t, p.legs(task), 1)
			requireHealthy(t, p.bench)
		})
	}
}

// Another instruction takes the place of the one before: of what rings one leg
// is left, and what becomes of the other one changes nothing.
func TestInstructionIsReplaced(t *testing.T) {
	for name, line := range map[string]func(*workspace.NewCallQueue){"by hand": manual, "rings by itself": func(*workspace.NewCallQueue) {}} {
		t.Run(name, func(t *testing.T) {
			p := newPhones(t, line)
			p.agentWithPhone("ann")
			task := p.ring("CA1")
			if name == "by hand" {
				require.NoError(t, p.instructs(task, dequeueFrom("+432")))
			}
			first := p.dial(task, "CAa")
			require.NoError(t, p.instructs(task, dequeueFrom("+433")))
			ls := p.legs(task)
			require.Len(t, ls, 2)
			require.True(t, p.leg(first).HangUp)
			second := ls[1].Attempt
			require.NotEqual(t, first, second)

			o, err := p.d.BeginDial(p.ctx, p.ws, second)
			require.NoError(t, err)
			require.True(t, o.Proceed)
			require.Len(t, o.Drain, 1, "the phone would be busy")
			require.Equal(t, first, o.Drain[0].Attempt)
			require.Equal(t, "+433", o.Leg.From)
			_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: second, CallSIDs: []string{"CAb"}, Outcome: dispatch.DialPlaced})
			require.NoError(t, err)

			require.Empty(t, p.document(first, "CAa").Join, "answered just then")
			require.NotEmpty(t, p.document(second, "CAb").Join)
			_, err = p.d.JoinSeen(p.ctx, p.ws, second)
			require.NoError(t, err)
			p.fact(first, "CAa", taskrouter.LegEnded, "no-answer")
			p.pass(2 * time.Minute)
			require.Equal(t, taskrouter.TaskAssigned, p.status(task), "they talk")
			require.Len(t, p.legs(task), 1)
			p.fact(second, "CAb", taskrouter.LegEnded, "completed")
			require.Equal(t, taskrouter.TaskWrapping, p.status(task))
			requireHealthy(t, p.bench)
		})
	}
}

// A phone that rings for an instruction that was replaced does not connect who
// accepts by request.
func TestAcceptAfterAReplacedInstruction(t *testing.T) {
	p := newPhones(t, manual)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	require.NoError(t, p.instructs(task, dequeueFrom("+432")))
	first := p.dial(task, "CAa")
	require.NoError(t, p.instructs(task, dequeueFrom("+433")))
	p.must(p.offer(task).SID, taskrouter.ReservationAccepted)
	ls := p.legs(task)
	require.Len(t, ls, 2, "the second one rings on")
	require.Equal(t, taskrouter.LegConnects, ls[1].Purpose)
	require.Equal(t, taskrouter.LegAccepts, p.leg(first).Purpose)
}

// The caller's successor stands where the rules put it: behind who came first
// there, even when nobody fits the first target and it is skipped.
func TestSuccessorBehindOthersWhenSkipped(t *testing.T) {
	p := newPhones(t)
	ann := p.agentWithPhone("ann")
	task := p.ring("CA1")
	queue := p.get(task).QueueSID
	attempt := p.dial(task, "CAa")
	p.document(attempt, "CAa")
	flow := p.get(task).WorkflowSID
	waiting := p.task(func(n *dispatch.NewTask) { n.Channel, n.WorkflowSID = "voice", flow }, priority(5))
	p.reconfigure(flow, routing("", filter("1==1",
		target(queue, `"priority":10`, `"expression":"worker.level==9"`, `"skip_if":"1==1"`), target(queue, `"priority":0`))), false)
	p.fact(attempt, "CAa", taskrouter.LegEnded, "completed")
	require.Equal(t, []string{ann}, p.offered(waiting))
	requireHealthy(t, p.bench)
}

// A leg on which the customer's markup runs stands in for none of ours.
func TestCustomersLegBesideOurs(t *testing.T) {
	call := &taskrouter.Instruction{Kind: taskrouter.InstructCall, Params: map[string]string{"from": "+431", "url": "https://example.com/x"}}
	for name, row := range map[string]struct {
		then func(p *phones, attempt string)
		want taskrouter.TaskStatus
	}{
		"talked": {func(p *phones, attempt string) {
			require.NotEmpty(p.t, p.document(attempt, "CAb").Join)
			_, err := p.d.JoinSeen(p.ctx, p.ws, attempt)
			require.NoError(p.t, err)
			p.fact(attempt, "CAb", taskrouter.LegEnded, "completed")
		}, taskrouter.TaskWrapping},
		"busy": {func(p *phones, attempt string) {
			p.fact(attempt, "CAb", taskrouter.LegEnded, "busy")
		}, taskrouter.TaskPending},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPhones(t, manual)
			p.agentWithPhone("ann")
			task := p.ring("CA1")
			require.NoError(t, p.instructs(task, call))
			foreign := p.dial(task, "CAa")
			p.fact(foreign, "CAa", taskrouter.LegAnswered, "")
			require.NoError(t, p.instructs(task, dequeueFrom("+432")))
			ls := p.legs(task)
			require.Len(t, ls, 2)
			require.False(t, p.leg(foreign).HangUp, "it is not ours to end")
			attempt := ls[1].Attempt
			_, err := p.d.BeginDial(p.ctx, p.ws, attempt)
			require.NoError(t, err)
			_, err = p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: attempt, CallSIDs: []string{"CAb"}, Outcome: dispatch.DialPlaced})
			require.NoError(t, err)
			row.then(p, attempt)
			require.Equal(t, row.want, p.status(task))
			requireHealthy(t, p.bench)
		})
	}
}
