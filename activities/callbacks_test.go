package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// receiver answers callbacks and counts them.
type receiver struct {
	outcome CallbackOutcome
	asked   int
}

func (r *receiver) Assign(context.Context, CallbackOrder) CallbackOutcome {
	r.asked++
	return r.outcome
}

func TestAssign(t *testing.T) {
	in := AssignInput{Subject: subject, ReservationSID: "WR1"}
	accept := CallbackOutcome{Instruction: &Instruction{Kind: taskrouter.InstructAccept}}
	sip := CallbackOutcome{LogCode: 7, Instruction: &Instruction{
		Kind: taskrouter.InstructConference, Params: map[string]string{"sip_auth_password": "s3cret"},
	}}
	for name, row := range map[string]struct {
		store   *store
		outcome CallbackOutcome
		asked   int
		applied bool
		unsaved *CallbackOutcome
		gone    bool
	}{
		"answered":                 {store: &store{order: CallbackOrder{Proceed: true}}, outcome: accept, asked: 1, applied: true},
		"no longer due":            {store: &store{}},
		"task gone":                {store: &store{err: errGone}, gone: true},
		"answer not taken":         {store: &store{order: CallbackOrder{Proceed: true}, writeErr: errDown}, outcome: accept, asked: 1, unsaved: &accept},
		"secret answer not taken":  {store: &store{order: CallbackOrder{Proceed: true}, writeErr: errDown}, outcome: sip, asked: 1, unsaved: &CallbackOutcome{Failed: true, LogCode: 7}},
		"task gone with an answer": {store: &store{order: CallbackOrder{Proceed: true}, writeErr: errGone}, outcome: accept, asked: 1, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &receiver{outcome: row.outcome}
			a := &Callbacks{Store: row.store, Assigner: r}
			got, err := run[AssignResult](t, a, a.Assign, in)
			require.NoError(t, err)
			require.Equal(t, row.asked, r.asked)
			require.Equal(t, row.unsaved, got.Unsaved)
			switch {
			case row.applied:
				require.EqualValues(t, 5, got.View.Revision)
				require.Equal(t, row.outcome, row.store.outcome)
			case row.gone:
				require.True(t, got.View.Removed)
			default:
				require.Nil(t, got.View)
			}
		})
	}
	t.Run("store down before anything was sent", func(t *testing.T) {
		r := &receiver{}
		a := &Callbacks{Store: &store{err: errDown}, Assigner: r}
		_, err := run[AssignResult](t, a, a.Assign, in)
		requireStoreError(t, err)
		require.Zero(t, r.asked)
	})
}

func TestInstructionSurvivesItsHistoryForm(t *testing.T) {
	i := &taskrouter.Instruction{Kind: taskrouter.InstructReject, Params: map[string]string{"activity_sid": "WA1"}}
	require.Equal(t, i, FromInstruction(i).Domain())
	require.Nil(t, FromInstruction(nil).Domain())
}
