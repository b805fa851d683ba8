package activities

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

var (
	// offered asks for the callback of two Reservations; a third has had its.
	offered = taskrouter.View{WorkspaceSID: "WS1", TaskSID: "WT1", Revision: 3, Offers: []taskrouter.OfferView{
		{ReservationSID: "WR1", CallbackDue: true}, {ReservationSID: "WR2"},
	}}
	quietly = logging.ForSDK(zap.NewNop())
)

func remembered(a *Callbacks) int {
	a.ahead.mu.Lock()
	defer a.ahead.mu.Unlock()
	return len(a.ahead.bySID)
}

// The run is given what came of a callback that was begun before it asked, and
// nobody asks the receiver again.
func TestBegunCallbackIsTheRuns(t *testing.T) {
	t.Parallel()
	accept := CallbackOutcome{Instruction: &Instruction{Kind: taskrouter.InstructAccept}}
	for name, ask := range map[string]func(a *Callbacks) func(context.Context, AssignInput) (AssignResult, error){
		"ask":    func(a *Callbacks) func(context.Context, AssignInput) (AssignResult, error) { return a.Ask },
		"assign": func(a *Callbacks) func(context.Context, AssignInput) (AssignResult, error) { return a.Assign },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := &store{order: CallbackOrder{Proceed: true}}, newSlow()
			a := &Callbacks{Store: s, Assigner: r, Log: quietly, Patience: time.Minute}
			Begin(t.Context(), a, offered)
			Begin(t.Context(), a, offered)
			<-r.arrived
			go func() { r.answer <- accept }()
			got, err := run[AssignResult](t, a, ask(a), asked)
			require.NoError(t, err)
			require.EqualValues(t, 5, got.View.Revision)
			require.Equal(t, accept, s.outcome)
			require.Equal(t, []string{"order WS1 WR1", "answered WS1 WR1"}, s.calls)
			require.Empty(t, r.arrived)
			Begin(t.Context(), a, offered)
			got, err = run[AssignResult](t, a, ask(a), asked)
			require.NoError(t, err)
			require.EqualValues(t, 5, got.View.Revision, "a step that is carried out anew")
			Drain(a)
			require.Empty(t, a.places)
			require.Equal(t, []string{"order WS1 WR1", "answered WS1 WR1"}, s.calls)
		})
	}
}

func TestBegunCallbackOfASlowReceiver(t *testing.T) {
	t.Parallel()
	s, r := &store{order: CallbackOrder{Proceed: true}}, newSlow()
	a := &Callbacks{Store: s, Assigner: r, Log: quietly, Patience: time.Millisecond, Limit: 1}
	Begin(t.Context(), a, offered)
	<-r.arrived
	got, err := run[AssignResult](t, a, a.Ask, asked)
	require.NoError(t, err)
	require.Equal(t, AssignResult{UnderWay: true}, got, "a run must not stand still for it")
	r.answer <- CallbackOutcome{}
	Drain(a)
	require.Equal(t, 1, s.saved, "what it says in the end is stored")
}

// What could not be begun is the run's, as if nobody had tried.
func TestCallbackThatCouldNotBegin(t *testing.T) {
	t.Parallel()
	t.Run("the store is away", func(t *testing.T) {
		t.Parallel()
		s, r := &store{err: errDown}, &receiver{}
		a := &Callbacks{Store: s, Assigner: r, Log: quietly}
		Begin(t.Context(), a, offered)
		a.busy.Wait()
		require.Zero(t, r.asked)
		s.err, s.order = nil, CallbackOrder{Proceed: true}
		got, err := run[AssignResult](t, a, a.Ask, asked)
		require.NoError(t, err)
		require.NotNil(t, got.View)
		require.Equal(t, 1, r.asked)
	})
	t.Run("somebody else was quicker", func(t *testing.T) {
		t.Parallel()
		a := &Callbacks{Store: &store{order: CallbackOrder{Taken: true}}, Assigner: &receiver{}, Log: quietly}
		Begin(t.Context(), a, offered)
		got, err := run[AssignResult](t, a, a.Ask, asked)
		require.NoError(t, err)
		require.Equal(t, AssignResult{UnderWay: true}, got)
		_, err = run[AssignResult](t, a, a.Assign, asked)
		var taken *temporal.ApplicationError
		require.True(t, errors.As(err, &taken) && taken.Type() == TypeTaken, "%v", err)
	})
	t.Run("too many are under way", func(t *testing.T) {
		t.Parallel()
		s, r := &store{order: CallbackOrder{Proceed: true}}, newSlow()
		a := &Callbacks{Store: s, Assigner: r, Log: quietly, Limit: 1}
		Begin(t.Context(), a, offered)
		<-r.arrived
		more := offered
		more.Offers = []taskrouter.OfferView{{ReservationSID: "WR9", CallbackDue: true}}
		Begin(t.Context(), a, more)
		require.Nil(t, a.ahead.find("WR9"))
		r.answer <- CallbackOutcome{}
		Drain(a)
		require.Equal(t, []string{"order WS1 WR1", "answered WS1 WR1"}, s.calls)
	})
	t.Run("the process stops", func(t *testing.T) {
		t.Parallel()
		s := &store{order: CallbackOrder{Proceed: true}}
		a := &Callbacks{Store: s, Assigner: &receiver{}, Log: quietly}
		Drain(a)
		Begin(t.Context(), a, offered)
		require.Empty(t, s.calls)
		require.Empty(t, a.places)
	})
}

// held is a store whose orders wait until it is let go.
type held struct {
	*store
	arrived, release chan struct{}
}

func (h held) CallbackOrder(ctx context.Context, ws, task, reservation string) (CallbackOrder, error) {
	h.arrived <- struct{}{}
	<-h.release
	return h.store.CallbackOrder(ctx, ws, task, reservation)
}

// While nobody has the order, the run is not told that the callback is under
// way: it would wait for an answer that nobody was asked for.
func TestOrderThatTakesItsTime(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"and fails": true, "and is given": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := &store{order: CallbackOrder{Proceed: true}}, &receiver{}
			h := held{store: s, arrived: make(chan struct{}, 2), release: make(chan struct{})}
			a := &Callbacks{Store: h, Assigner: r, Log: quietly, Patience: time.Millisecond}
			if fails {
				s.err = errDown
			}
			Begin(t.Context(), a, offered)
			<-h.arrived
			over := make(chan struct{})
			var got AssignResult
			var err error
			go func() {
				defer close(over)
				got, err = run[AssignResult](t, a, a.Ask, asked)
			}()
			select {
			case <-over:
				require.Fail(t, "answered before there was an order", "%+v %v", got, err)
			case <-time.After(50 * time.Millisecond): // much longer than its patience
			}
			close(h.release)
			<-over
			Drain(a)
			if fails {
				requireStoreError(t, err) // that of the run's own try
				require.Zero(t, r.asked)
				return
			}
			require.NoError(t, err)
			require.True(t, got.UnderWay || got.View != nil)
			require.Equal(t, 1, r.asked)
		})
	}
}

// An answer that the store does not take is put into the history, as without a
// beginning.
func TestBegunCallbackWithoutAStore(t *testing.T) {
	t.Parallel()
	accept := CallbackOutcome{Instruction: &Instruction{Kind: taskrouter.InstructAccept}}
	s := &store{order: CallbackOrder{Proceed: true}, writeErr: errDown}
	a := &Callbacks{Store: s, Assigner: &receiver{outcome: accept}, Log: quietly, Patience: time.Minute}
	Begin(t.Context(), a, offered)
	got, err := run[AssignResult](t, a, a.Ask, asked)
	require.NoError(t, err)
	require.Equal(t, &accept, got.Unsaved)
	s.mu.Lock()
	s.writeErr = nil
	s.mu.Unlock()
	Drain(a)
}

// A run that never asks, because another process conducts it, leaves nothing
// behind.
func TestBegunCallbackIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{order: CallbackOrder{Proceed: true}}
		a := &Callbacks{Store: s, Assigner: &receiver{}, Log: quietly}
		Begin(t.Context(), a, offered)
		synctest.Wait()
		require.Equal(t, 1, s.saved)
		require.Equal(t, 1, remembered(a))
		Begin(t.Context(), a, offered)
		synctest.Wait()
		require.Equal(t, 1, s.saved, "views that ask for it again change nothing")
		<-time.After(CallbackLimit + time.Millisecond)
		synctest.Wait()
		require.Zero(t, remembered(a))
	})
}

// The answer is stored also when the store is away as it comes.
func TestBegunCallbackIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{order: CallbackOrder{Proceed: true}, writeErr: errDown}
		a := &Callbacks{Store: s, Assigner: &receiver{}, Log: quietly}
		Begin(t.Context(), a, offered)
		synctest.Wait()
		require.Zero(t, s.saved)
		s.mu.Lock()
		s.writeErr = nil
		s.mu.Unlock()
		Drain(a)
		require.Equal(t, 1, s.saved)
	})
}
