package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// testAhead begins a transaction with a Task, which may be read along with the
// lock: what it finds is what it would have found anyway, in every order of
// questions, and never older than what the transaction itself wrote.
func testAhead(t *testing.T, f *fixture) {
	task, other := f.newTask(), f.newTask()
	ann, bob := f.newAgent("Ann", 1), f.newAgent("Bob", 2)
	c := changesOf(ann, bob)
	c.Tasks = written(task, other)
	first, second, foreign := f.newOffer(task.SID, ann.SID), f.newOffer(task.SID, bob.SID), f.newOffer(other.SID, ann.SID)
	over := f.newOffer(task.SID, bob.SID)
	over.Status = taskrouter.ReservationRejected
	c.Reservations = []*taskrouter.Reservation{first, second, foreign, over}
	f.apply(c)

	in := func(fn func(ctx context.Context, tx dispatch.Tx), ahead ...string) {
		t.Helper()
		require.NoError(t, f.s.InWorkspace(t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			fn(ctx, tx)
			return nil
		}, ahead...))
	}
	questions := map[string]func(ctx context.Context, tx dispatch.Tx){
		"task": func(ctx context.Context, tx dispatch.Tx) {
			got, err := tx.Tasks(ctx, task.SID)
			require.NoError(t, err)
			require.Equal(t, []*taskrouter.Task{task}, got)
		},
		"another task": func(ctx context.Context, tx dispatch.Tx) {
			got, err := tx.Tasks(ctx, other.SID)
			require.NoError(t, err)
			require.Equal(t, []*taskrouter.Task{other}, got)
		},
		"offers": func(ctx context.Context, tx dispatch.Tx) {
			got, err := tx.OpenReservations(ctx, task.SID)
			require.NoError(t, err)
			require.Equal(t, []*taskrouter.Reservation{first, second}, got)
		},
		"offers of both": func(ctx context.Context, tx dispatch.Tx) {
			got, err := tx.OpenReservations(ctx, task.SID, other.SID)
			require.NoError(t, err)
			require.Equal(t, []*taskrouter.Reservation{first, second, foreign}, got)
		},
		"agent": func(ctx context.Context, tx dispatch.Tx) {
			got, err := tx.Agents(ctx, bob.SID)
			require.NoError(t, err)
			require.Equal(t, []*dispatch.Agent{bob}, got)
		},
		"agents": func(ctx context.Context, tx dispatch.Tx) {
			got, err := tx.Agents(ctx, ann.SID, bob.SID)
			require.NoError(t, err)
			require.ElementsMatch(t, []*dispatch.Agent{ann, bob}, got)
		},
	}
	for _, ask := range questions {
		for _, again := range questions {
			for _, ahead := range [][]string{nil, {task.SID}, {other.SID}, {f.sid("WT")}} {
				in(func(ctx context.Context, tx dispatch.Tx) {
					ask(ctx, tx)
					again(ctx, tx)
					ask(ctx, tx)
				}, ahead...)
			}
		}
	}

	in(func(ctx context.Context, tx dispatch.Tx) {
		moved, busy, ended := *task, *bob.Worker, *second
		moved.Priority, busy.Available, ended.Status = 7, false, taskrouter.ReservationRescinded
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{
			Lock: tx.Lock(), Tasks: written(&moved), Workers: []*taskrouter.Worker{&busy}, Reservations: []*taskrouter.Reservation{&ended},
		}))
		tasks, err := tx.Tasks(ctx, task.SID)
		require.NoError(t, err)
		require.Equal(t, int64(7), tasks[0].Priority)
		open, err := tx.OpenReservations(ctx, task.SID)
		require.NoError(t, err)
		require.Equal(t, []*taskrouter.Reservation{first}, open)
		agents, err := tx.Agents(ctx, bob.SID)
		require.NoError(t, err)
		require.False(t, agents[0].Available)
	}, task.SID)

	elsewhere := f.addWorkspace(f.account, "Elsewhere")
	require.NoError(t, f.s.InWorkspace(t.Context(), elsewhere, func(ctx context.Context, tx dispatch.Tx) error {
		tasks, err := tx.Tasks(ctx, task.SID)
		require.NoError(t, err)
		require.Empty(t, tasks)
		open, err := tx.OpenReservations(ctx, task.SID)
		require.NoError(t, err)
		require.Empty(t, open)
		agents, err := tx.Agents(ctx, ann.SID)
		require.NoError(t, err)
		require.Empty(t, agents)
		return nil
	}, task.SID))
}

// testLast writes changes that are announced as the last of their transaction.
func testLast(t *testing.T, f *fixture) {
	task, bad := f.newTask(), f.newTask()
	in := func(fn func(ctx context.Context, tx dispatch.Tx) error) error {
		return f.s.InWorkspace(t.Context(), f.ws, fn)
	}
	require.NoError(t, in(func(ctx context.Context, tx dispatch.Tx) error {
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: written(task), Last: true})
	}))
	require.Equal(t, task, f.fetchTask(task.SID))

	// One that fails leaves no trace, also of what was written before it.
	before := f.newTask()
	bad.Reason = "\x00"
	requireKind(t, taskrouter.KindInvalid, in(func(ctx context.Context, tx dispatch.Tx) error {
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: written(before)}))
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: written(bad), Last: true})
	}))
	require.Nil(t, f.fetchTask(before.SID))
	require.NoError(t, in(func(context.Context, dispatch.Tx) error { return nil }), "the lock is free")

	// Who breaks the promise is told, and if it was committed, that too.
	err := in(func(ctx context.Context, tx dispatch.Tx) error {
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: written(before), Last: true}))
		return errors.New("boom")
	})
	require.Error(t, err)
	require.Equal(t, f.fetchTask(before.SID) != nil, errors.Is(err, dispatch.ErrInDoubt))
	another := f.newTask()
	err = in(func(ctx context.Context, tx dispatch.Tx) error {
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: written(another), Last: true}))
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: written(f.newTask())})
	})
	require.Equal(t, f.s.Database() == "postgres", err != nil, "nothing is written behind the last")
	require.NotNil(t, f.fetchTask(another.SID))
}
