package dispatch_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Two processes on one PostgreSQL, many clients each, random commands: the
// promises hold at the end, and the commits are shared.
func TestTwoProcesses(t *testing.T) {
	url := pgtest.Start(t)
	m := &meddler{}
	b := benchOn(t, openStore(t, url), meddled(m))
	w := newWorld(b)
	for i := range 6 {
		require.NoError(t, w.newWorker(step{a: 0, b: i, c: i}))
	}
	second, err := store.Open(b.ctx, store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Close()) })
	other := &meddler{Store: second}
	processes := []*dispatch.Dispatcher{b.d, dispatch.New(other, auditEngine, nil, nopLog, dispatch.Options{Now: b.clock.now})}

	clients, each := 24, 15
	if testing.Short() {
		clients, each = 12, 8
	}
	shared := &shelf{}
	before := m.commits.Load() + other.commits.Load()
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(c), 7))
			for range each {
				requireLawful(t, shared.command(b, processes[c%2], w, r))
			}
		})
	}
	all.Wait()
	commits := m.commits.Load() + other.commits.Load() - before
	require.Less(t, commits, int64(clients*each), "commits for %d commands", clients*each)
	requireHealthy(t, b)
	b.pass(5 * time.Minute)
	requireHealthy(t, b)
}

// requireLawful accepts what a client may be told.
func requireLawful(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case taskrouter.KindOf(err) == taskrouter.KindInvalid, taskrouter.KindOf(err) == taskrouter.KindNotFound, taskrouter.KindOf(err) == taskrouter.KindGone:
	default:
		t.Errorf("a client was told: %v", err)
	}
}

// shelf holds the Tasks the clients know of.
type shelf struct {
	mu    sync.Mutex
	tasks []string
}

func (s *shelf) put(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, sid)
}

func (s *shelf) take(r *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pick(s.tasks, r.IntN(1000))
}

func (s *shelf) command(b *bench, d *dispatch.Dispatcher, w *world, r *rand.Rand) error {
	what := r.IntN(10)
	switch {
	case what < 3:
		t, err := d.CreateTask(b.ctx, dispatch.NewTask{
			AccountSID: b.account, WorkspaceSID: b.ws, Attributes: w.attributes(step{a: r.IntN(9), b: r.IntN(9), c: r.IntN(9)}), Priority: int64(r.IntN(4)),
		})
		if err == nil {
			s.put(t.SID)
		}
		return err
	case what < 7:
		rs, err := b.db.ListReservations(b.ctx, b.account, b.ws, taskrouter.ReservationFilter{TaskSID: s.take(r)}, taskrouter.Page{Size: 50})
		if err != nil || len(rs) == 0 {
			return err
		}
		to := []taskrouter.ReservationStatus{taskrouter.ReservationAccepted, taskrouter.ReservationAccepted, taskrouter.ReservationRejected, taskrouter.ReservationWrapping, taskrouter.ReservationCompleted}[r.IntN(5)]
		_, err = d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{Subject: b.subject(rs[r.IntN(len(rs))].SID), Status: &to})
		return err
	case what == 7:
		to := []taskrouter.TaskStatus{taskrouter.TaskCanceled, taskrouter.TaskWrapping, taskrouter.TaskCompleted}[r.IntN(3)]
		_, err := d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(s.take(r)), Status: &to})
		return err
	case what == 8:
		to := w.activity3[r.IntN(3)]
		_, err := d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{Subject: b.subject(pick(w.workers, r.IntN(99))), ActivitySID: &to})
		return err
	default:
		b.clock.advance(time.Millisecond)
		return d.Sweep(context.WithoutCancel(b.ctx))
	}
}
