package store

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestTaskIsReadWithTheLock counts messages: what a command asks about a Task it
// named comes with the lock, and its last changes take the commit along.
func TestTaskIsReadWithTheLock(t *testing.T) {
	t.Parallel()
	s := migrated(t, pgtest.Start(t))
	w := &taskrouter.Workspace{SID: taskrouter.NewSID("WS"), AccountSID: taskrouter.NewSID("AC")}
	require.NoError(t, s.CreateWorkspace(t.Context(), w, nil, nil, nil, nil, nil))
	task := &taskrouter.Task{SID: taskrouter.NewSID("WT"), AccountSID: w.AccountSID, WorkspaceSID: w.SID}
	agent := &taskrouter.Worker{SID: taskrouter.NewSID("WK"), AccountSID: w.AccountSID, WorkspaceSID: w.SID, FriendlyName: "Ann"}
	offer := &taskrouter.Reservation{
		SID: taskrouter.NewSID("WR"), AccountSID: w.AccountSID, WorkspaceSID: w.SID, TaskSID: task.SID, WorkerSID: agent.SID,
		Status: taskrouter.ReservationPending,
	}
	rec := &recorder{}
	s.write = s.write.WithQueryHook(rec)
	s.sent = func(text string) { rec.AfterQuery(t.Context(), &bun.QueryEvent{Query: text}) }
	command := func(first ...string) (messages int) {
		require.NoError(t, s.InWorkspace(t.Context(), w.SID, func(ctx context.Context, tx dispatch.Tx) error {
			for range 2 {
				_, err := tx.Tasks(ctx, task.SID)
				require.NoError(t, err)
			}
			open, err := tx.OpenReservations(ctx, task.SID)
			require.NoError(t, err)
			for _, r := range open {
				_, err := tx.Agents(ctx, r.WorkerSID)
				require.NoError(t, err)
			}
			return tx.Apply(ctx, &dispatch.Changes{
				Lock: tx.Lock(), Last: true,
				Tasks: []dispatch.TaskWrite{{Task: task}}, Workers: []*taskrouter.Worker{agent}, Reservations: []*taskrouter.Reservation{offer},
			})
		}, first...))
		return len(slices.DeleteFunc(rec.take(), func(text string) bool { return text == "BEGIN" || text == "COMMIT" }))
	}
	command()
	require.Equal(t, 4, command(), "the lock, the Task with all of it, the Task again, the changes")
	require.Equal(t, 3, command(task.SID), "the lock with all of it, the Task again, the changes")
}
