package dispatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// instructs gives an instruction for the one open offer of a Task.
func (p *phones) instructs(task string, i *taskrouter.Instruction) error {
	p.t.Helper()
	rs := p.open(task)
	require.Len(p.t, rs, 1)
	_, err := p.d.UpdateReservation(p.ctx, dispatch.ReservationUpdate{Subject: p.subject(rs[0].SID), TaskSID: task, Instruction: i})
	return err
}

// Who places a leg learns the options of the instruction it is placed for, and
// learns them again after a lost process.
func TestLegKnowsItsInstruction(t *testing.T) {
	p := newPhones(t, manual)
	p.agentWithPhone("ann")
	task := p.ring("CA1")
	require.NoError(t, p.instructs(task, &taskrouter.Instruction{
		Kind: taskrouter.InstructConference, Params: map[string]string{"sip_auth_password": "s3cret", "record": "true"},
	}))
	attempt := p.legs(task)[0].Attempt
	for range 2 {
		o, err := p.d.BeginDial(p.ctx, p.ws, attempt)
		require.NoError(t, err)
		require.True(t, o.Proceed)
		require.True(t, o.Instruction.RecordsLeg())
		require.Equal(t, "s3cret", o.Instruction.Param("sip_auth_password"))
		require.Equal(t, "CA1", o.Caller.CallSID)
	}
}

// A recording the platform cannot make is refused before anything begins; where
// our own document can ask for it, it is not.
func TestRecordingNeedsAPlatform(t *testing.T) {
	call := func(record string) *taskrouter.Instruction {
		return &taskrouter.Instruction{Kind: taskrouter.InstructCall, Params: map[string]string{
			"from": "+431", "url": "https://example.com/x", "accept": "true", "record": record,
		}}
	}
	for _, c := range []struct {
		name    string
		able    bool
		in      *taskrouter.Instruction
		refused bool
	}{
		{name: "able", able: true, in: call("record-from-answer")},
		{name: "unable", in: call("record-from-answer"), refused: true},
		{name: "not asked for", in: call("do-not-record")},
		{name: "not said", in: call("")},
		{name: "in our document", in: &taskrouter.Instruction{
			Kind: taskrouter.InstructDequeue, Params: map[string]string{"from": "+431", "record": "record-from-answer"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			able := func(backend string, a dispatch.Ability) bool {
				return backend == "fake" && (c.able || a != dispatch.AbilityRecordLeg)
			}
			p := phonesOn(newBench(t, options(dispatch.Options{Able: able})), manual)
			p.agentWithPhone("ann")
			task := p.ring("CA1")
			err := p.instructs(task, c.in)
			if !c.refused {
				require.NoError(t, err)
				require.Len(t, p.legs(task), 1)
				return
			}
			var refusal *taskrouter.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, taskrouter.KindInvalid, refusal.Kind)
			require.Empty(t, p.legs(task))
			r := p.open(task)[0]
			require.Equal(t, taskrouter.ReservationPending, r.Status, "nothing was accepted")
			require.Nil(t, r.Instruction)
		})
	}
}
