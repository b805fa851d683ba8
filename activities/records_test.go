package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// requireStoreError requires an error the durable run retries, without the
// cause in it.
func requireStoreError(t *testing.T, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, TypeStore, app.Type())
	require.False(t, app.NonRetryable())
	require.NotContains(t, err.Error(), "+1555", "the cause stays out of the history")
}

func TestStoreCalls(t *testing.T) {
	attempt := AttemptInput{Subject: subject, Attempt: "WR1-1"}
	carried := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for name, row := range map[string]struct {
		call func(t *testing.T, s *store) (View, error)
		want string
	}{
		"Due": {func(t *testing.T, s *store) (View, error) {
			a := &Records{s}
			return run[View](t, a, a.Due, DueInput{subject, carried})
		}, "due WS1 WT1"},
		"Route": {func(t *testing.T, s *store) (View, error) {
			a := &Routing{s}
			return run[View](t, a, a.Route, DueInput{subject, carried})
		}, "due WS1 WT1"},
		"CancelFromOutside": {func(t *testing.T, s *store) (View, error) {
			a := &Records{s}
			return run[View](t, a, a.CancelFromOutside, subject)
		}, "cancel WS1 WT1"},
		"CallbackAnswered": {func(t *testing.T, s *store) (View, error) {
			a := &Records{s}
			return run[View](t, a, a.CallbackAnswered, AnswerInput{subject, "WR1", CallbackOutcome{Failed: true}})
		}, "answered WS1 WR1"},
		"DialReported": {func(t *testing.T, s *store) (View, error) {
			a := &Records{s}
			return run[View](t, a, a.DialReported, DialReportInput{subject, DialReport{Attempt: "WR1-1"}})
		}, "reported WS1 WR1-1"},
		"JoinSeen": {func(t *testing.T, s *store) (View, error) {
			a := &Records{s}
			return run[View](t, a, a.JoinSeen, attempt)
		}, "joined WS1 WR1-1"},
		"LegHungUp": {func(t *testing.T, s *store) (View, error) {
			a := &Records{s}
			return run[View](t, a, a.LegHungUp, attempt)
		}, "hung up WS1 WR1-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &store{}
			v, err := row.call(t, s)
			require.NoError(t, err)
			require.Equal(t, []string{row.want}, s.calls)
			require.EqualValues(t, 5, v.Revision)
			if !s.carried.IsZero() {
				require.Equal(t, carried, s.carried, "the deadline reaches the store to the microsecond")
			}

			v, err = row.call(t, &store{err: errGone})
			require.NoError(t, err, "what is gone is a view, not an error")
			require.Equal(t, View{WorkspaceSID: "WS1", TaskSID: "WT1", Revision: 4, Removed: true}, v)

			_, err = row.call(t, &store{err: errDown})
			requireStoreError(t, err)
			_, err = row.call(t, &store{err: errors.New("a fault of ours +15551234567")})
			requireStoreError(t, err)
		})
	}
}

func TestEveryKindHasAName(t *testing.T) {
	for _, k := range taskrouter.Kinds() {
		require.NotEqual(t, "unknown", kindName(k))
	}
}
