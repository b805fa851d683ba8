package privacy_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/privacy"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func (w *world) purge(age time.Duration, change func(o *privacy.PurgeOptions)) (privacy.Purged, error) {
	w.t.Helper()
	o := privacy.PurgeOptions{Before: w.clock.now().Add(-age), Now: w.clock.now}
	if change != nil {
		change(&o)
	}
	return privacy.Purge(w.t.Context(), w.st, o)
}

// statistics are the rows of what was counted.
func (w *world) statistics() map[string][]string {
	w.t.Helper()
	out := w.everything()
	maps.DeleteFunc(out, func(table string, _ []string) bool { return !strings.HasPrefix(table, "statistics") })
	for _, rows := range out {
		slices.Sort(rows)
	}
	require.NotEmpty(w.t, out["statistics"])
	return out
}

func TestPurge(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		waiting := w.task(about(bystander, "ja"))
		var ended []string
		for range 3 {
			sid := w.task(about(phone, "en"))
			w.finish(sid)
			ended = append(ended, sid)
		}
		w.apply(&dispatch.Changes{Calls: []*taskrouter.Call{
			w.call("CA1", ended[0], phone, true), w.call("CA2", waiting, bystander, true), w.call("CA3", waiting, bystander, false),
		}})
		w.clock.advance(2 * time.Minute) // within the grace period: the rows are there
		w.clock.advance(48 * time.Hour)
		young := w.task(about(phone, "en"))
		w.finish(young)
		before, counted := w.everything(), w.statistics()

		look, err := w.purge(24*time.Hour, func(o *privacy.PurgeOptions) { o.DryRun = true })
		require.NoError(t, err)
		require.Equal(t, 3, look.Tasks)
		require.Equal(t, 1, look.Calls)
		require.Positive(t, look.Events)
		require.Equal(t, before, w.everything())
		for what, change := range map[string]func(o *privacy.PurgeOptions){
			"another account": func(o *privacy.PurgeOptions) { o.AccountSID = taskrouter.NewSID(taskrouter.PrefixAccount) },
			"nothing is old":  func(o *privacy.PurgeOptions) { o.Before = w.clock.now().Add(-1000 * time.Hour) },
		} {
			out, err := w.purge(24*time.Hour, change)
			require.NoError(t, err)
			require.True(t, out.Empty(), what)
		}
		_, err = w.purge(24*time.Hour, func(o *privacy.PurgeOptions) { o.WorkspaceSID = taskrouter.NewSID(taskrouter.PrefixWorkspace) })
		require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))

		// Killed after the first step, and begun again.
		ctx, kill := context.WithCancel(t.Context())
		first, err := privacy.Purge(ctx, w.st, privacy.PurgeOptions{
			WorkspaceSID: w.ws, Before: w.clock.now().Add(-24 * time.Hour), Now: w.clock.now, Progress: func(privacy.Purged) { kill() },
		})
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, first.Empty())
		require.Zero(t, first.Calls)
		rest, err := w.purge(24*time.Hour, nil)
		require.NoError(t, err)
		require.Equal(t, look.Tasks, first.Tasks+rest.Tasks)
		require.Equal(t, look.Calls, first.Calls+rest.Calls)
		require.Equal(t, look.Events, first.Events+rest.Events)
		none, err := w.purge(24*time.Hour, nil)
		require.NoError(t, err)
		require.True(t, none.Empty())

		for _, sid := range ended {
			// The outbox still has to tell the runs; nobody empties it here.
			require.Subset(t, []string{"notices"}, w.tablesWith(sid))
		}
		require.NotNil(t, w.fetch(waiting))
		require.NotNil(t, w.fetch(young))
		calls := strings.Join(w.everything()["calls"], "\n")
		require.NotContains(t, calls, "CA1")
		require.Contains(t, calls, "CA2", "the call of a Task that has not ended")
		require.Contains(t, calls, "CA3")
		require.Equal(t, counted, w.statistics())
		w.requireHealthy()
	})
}
