package taskrouter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestInstructionRecords(t *testing.T) {
	var none *taskrouter.Instruction
	require.False(t, none.RecordsLeg())
	require.False(t, none.RecordsRoom())
	for mode, want := range map[string]bool{
		"": false, "true": true, "TRUE": true, "1": true, "false": false, "do-not-record": false,
		"record-from-answer": true, "Record-From-Start": true, " true ": true, "record": false,
	} {
		require.Equal(t, want, (&taskrouter.Instruction{Params: map[string]string{"record": mode}}).RecordsLeg(), mode)
		require.Equal(t, want, (&taskrouter.Instruction{Params: map[string]string{"conference_record": mode}}).RecordsRoom(), mode)
	}
}

func TestInstructionAsks(t *testing.T) {
	var none *taskrouter.Instruction
	require.True(t, none.Asks("events", "completed", "completed"))
	require.False(t, none.Asks("events", "ringing", "completed"))
	in := &taskrouter.Instruction{Params: map[string]string{"events": "ringing,answered"}}
	require.True(t, in.Asks("events", "answered"))
	require.False(t, in.Asks("events", "completed", "completed"), "the default is for those who say nothing")
	require.False(t, in.Asks("events", "ring"))
}

// The options of an instruction are about the leg it was placed for, and about
// no other leg of the Reservation.
func TestLegServesInstruction(t *testing.T) {
	serves := map[taskrouter.LegPurpose][]taskrouter.InstructionKind{
		taskrouter.LegAccepts:  {taskrouter.InstructDequeue, taskrouter.InstructConference},
		taskrouter.LegConnects: {taskrouter.InstructDequeue, taskrouter.InstructConference},
		taskrouter.LegForeign:  {taskrouter.InstructCall},
	}
	for _, purpose := range []taskrouter.LegPurpose{
		taskrouter.LegAccepts, taskrouter.LegConnects, taskrouter.LegForeign, taskrouter.LegRedirects, "supervise",
	} {
		l := &taskrouter.Leg{Purpose: purpose}
		require.False(t, l.ServesInstruction(nil))
		for _, kind := range []taskrouter.InstructionKind{
			taskrouter.InstructAccept, taskrouter.InstructReject, taskrouter.InstructDequeue, taskrouter.InstructCall,
			taskrouter.InstructRedirect, taskrouter.InstructConference, taskrouter.InstructSupervise,
		} {
			want := false
			for _, k := range serves[purpose] {
				want = want || k == kind
			}
			require.Equal(t, want, l.ServesInstruction(&taskrouter.Instruction{Kind: kind}), "%s for %s", purpose, kind)
		}
	}
}
