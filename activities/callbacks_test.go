package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

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
	t.Run("taken", func(t *testing.T) {
		r := &receiver{}
		a := &Callbacks{Store: &store{order: CallbackOrder{Taken: true}}, Assigner: r}
		_, err := run[AssignResult](t, a, a.Assign, in)
		var taken *temporal.ApplicationError
		require.ErrorAs(t, err, &taken)
		require.Equal(t, TypeTaken, taken.Type(), "not one that is tried again")
		require.Zero(t, r.asked)
	})
	t.Run("store down before anything was sent", func(t *testing.T) {
		r := &receiver{}
		a := &Callbacks{Store: &store{err: errDown}, Assigner: r}
		_, err := run[AssignResult](t, a, a.Assign, in)
		requireStoreError(t, err)
		require.Zero(t, r.asked)
	})
}

// slow is a receiver that answers when it is told to.
type slow struct {
	arrived chan struct{}
	answer  chan CallbackOutcome
}

func newSlow() *slow {
	return &slow{arrived: make(chan struct{}, 10), answer: make(chan CallbackOutcome)}
}

func (s *slow) Assign(ctx context.Context, _ CallbackOrder) CallbackOutcome {
	s.arrived <- struct{}{}
	select {
	case o := <-s.answer:
		return o
	case <-ctx.Done():
		return CallbackOutcome{Failed: true}
	}
}

var asked = AssignInput{Subject: subject, ReservationSID: "WR1"}

func TestAskIsAssignForAReceiverInTime(t *testing.T) {
	accept := CallbackOutcome{Instruction: &Instruction{Kind: taskrouter.InstructAccept}}
	for name, row := range map[string]struct {
		store *store
		want  AssignResult
		asked int
	}{
		"no longer due":    {store: &store{}},
		"taken":            {store: &store{order: CallbackOrder{Taken: true}}, want: AssignResult{UnderWay: true}},
		"answer not taken": {store: &store{order: CallbackOrder{Proceed: true}, writeErr: errDown}, want: AssignResult{Unsaved: &accept}, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := &receiver{outcome: accept}
			a := &Callbacks{Store: row.store, Assigner: r, Patience: time.Minute}
			got, err := run[AssignResult](t, a, a.Ask, asked)
			require.NoError(t, err)
			require.Equal(t, row.want, got)
			Drain(a)
			require.Equal(t, row.asked, r.asked)
		})
	}
	t.Run("answered", func(t *testing.T) {
		s := &store{order: CallbackOrder{Proceed: true}}
		a := &Callbacks{Store: s, Assigner: &receiver{outcome: accept}, Patience: time.Minute}
		got, err := run[AssignResult](t, a, a.Ask, asked)
		require.NoError(t, err)
		require.EqualValues(t, 5, got.View.Revision)
		require.Equal(t, accept, s.outcome)
	})
	t.Run("store down before anything was sent", func(t *testing.T) {
		r := &receiver{}
		a := &Callbacks{Store: &store{err: errDown}, Assigner: r}
		_, err := run[AssignResult](t, a, a.Ask, asked)
		requireStoreError(t, err)
		require.Zero(t, r.asked)
		require.Empty(t, a.places, "its place is free again")
	})
	t.Run("a fault of ours", func(t *testing.T) {
		s := &store{order: CallbackOrder{Proceed: true}}
		a := &Callbacks{Store: s, Patience: time.Minute} // asks nobody, which panics
		got, err := run[AssignResult](t, a, a.Ask, asked)
		require.NoError(t, err)
		require.NotNil(t, got.View)
		require.True(t, s.outcome.Failed)
	})
}

func TestAskDoesNotWaitForASlowReceiver(t *testing.T) {
	r, s := newSlow(), &store{order: CallbackOrder{Proceed: true}}
	a := &Callbacks{Store: s, Assigner: r, Patience: time.Millisecond, Limit: 1}
	got, err := run[AssignResult](t, a, a.Ask, asked)
	require.NoError(t, err)
	require.Equal(t, AssignResult{UnderWay: true}, got)
	<-r.arrived
	_, err = run[AssignResult](t, a, a.Ask, asked)
	var full *temporal.ApplicationError
	require.ErrorAs(t, err, &full)
	require.Equal(t, TypeStore, full.Type(), "nothing was done")
	require.True(t, full.NonRetryable(), "the run itself tries again")
	require.Equal(t, []string{"order WS1 WR1"}, s.calls, "beyond the limit nobody takes an order")

	accept := CallbackOutcome{Instruction: &Instruction{Kind: taskrouter.InstructAccept}}
	r.answer <- accept
	Drain(a)
	require.Equal(t, accept, s.outcome, "what it says in the end is stored")
	require.Empty(t, a.places)
}

// TestLateAnswerIsKept: the store is away when a slow receiver answers.
func TestLateAnswerIsKept(t *testing.T) {
	r, s := newSlow(), &store{order: CallbackOrder{Proceed: true}, writeErr: errDown}
	a := &Callbacks{Store: s, Assigner: r, Patience: time.Millisecond}
	_, err := run[AssignResult](t, a, a.Ask, asked)
	require.NoError(t, err)
	r.answer <- CallbackOutcome{}
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.calls) > 2 }, time.Minute, time.Millisecond)
	s.mu.Lock()
	s.writeErr = nil
	s.mu.Unlock()
	Drain(a)
	require.Equal(t, 1, s.saved)
}

func TestInstructionSurvivesItsHistoryForm(t *testing.T) {
	i := &taskrouter.Instruction{Kind: taskrouter.InstructReject, Params: map[string]string{"activity_sid": "WA1"}}
	require.Equal(t, i, FromInstruction(i).Domain())
	require.Nil(t, FromInstruction(nil).Domain())
}
