package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// runs is a notifier that remembers what the durable runs were told.
type runs struct {
	mu   sync.Mutex
	told []telling
	down bool
}

type telling struct {
	dispatch.Notice
	view taskrouter.View
}

func (r *runs) Notify(_ context.Context, n dispatch.Notice, v taskrouter.View) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		return errors.New("temporal is down")
	}
	r.told = append(r.told, telling{n, v})
	return nil
}

func (r *runs) of(task string) (out []telling) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.told {
		if x.TaskSID == task {
			out = append(out, x)
		}
	}
	return out
}

func (r *runs) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// eventually waits for the senders, which work beside the commands.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 2*time.Millisecond, what)
}

func (b *bench) backlog() int {
	b.t.Helper()
	n, err := b.d.Backlog(b.ctx)
	require.NoError(b.t, err)
	return n
}

func TestNotices(t *testing.T) {
	r := &runs{}
	b := office(t, func(s *settings) { s.notifier = r })
	t.Cleanup(func() { require.NoError(t, b.d.Close(context.Background())) })
	b.worker("Ann", "{}")
	task := b.task()
	eventually(t, "the start", func() bool { return len(r.of(task)) == 1 && b.backlog() == 0 })
	first := r.of(task)[0]
	require.True(t, first.First)
	require.Equal(t, taskrouter.TaskReserved, first.view.Status, "one notice a commit, with the state it left")
	require.Equal(t, first.Revision, first.view.Revision)

	// Nothing to do and a later deadline only: it may wait and coalesce.
	offer := b.offer(task).SID
	b.must(offer, taskrouter.ReservationAccepted)
	b.must(offer, taskrouter.ReservationWrapping)
	require.Equal(t, 1, b.backlog())
	b.pass(time.Second)
	require.Len(t, r.of(task), 1)
	b.pass(2 * time.Second)
	eventually(t, "one notice for both", func() bool { return len(r.of(task)) == 2 && b.backlog() == 0 })
	require.Equal(t, taskrouter.TaskWrapping, r.of(task)[1].view.Status)
	require.False(t, r.of(task)[1].First)

	b.must(offer, taskrouter.ReservationCompleted)
	eventually(t, "an end is urgent", func() bool { return len(r.of(task)) == 3 })
	require.True(t, r.of(task)[2].view.Ended())
}

func TestNoticesSurviveAnOutage(t *testing.T) {
	r := &runs{down: true}
	b := office(t, func(s *settings) { s.notifier = r })
	t.Cleanup(func() { require.NoError(t, b.d.Close(context.Background())) })
	task := b.task()
	other := b.task()
	require.NoError(t, b.d.DeleteTask(b.ctx, b.subject(other)))
	require.Equal(t, 2, b.backlog())
	b.pass(10 * time.Second)
	require.Equal(t, 2, b.backlog())
	r.setDown(false)
	b.pass(30 * time.Second)
	eventually(t, "both are told", func() bool { return len(r.of(task)) > 0 && len(r.of(other)) > 0 && b.backlog() == 0 })
	require.True(t, r.of(task)[0].First, "the start was never made")
	// The sending of an earlier view may have been on its way for all this time.
	removed := slices.IndexFunc(r.of(other), func(n telling) bool { return n.view.Removed })
	require.GreaterOrEqual(t, removed, 0)
	require.Positive(t, r.of(other)[removed].view.Revision)
}

// jammed is a notifier that does not get done with what nobody is in a hurry for
// once it is shut.
type jammed struct {
	runs
	shut atomic.Bool
	over chan struct{}
}

func (j *jammed) Notify(ctx context.Context, n dispatch.Notice, v taskrouter.View) error {
	if j.shut.Load() && !v.ToDo() {
		<-j.over
	}
	return j.runs.Notify(ctx, n, v)
}

// TestOffersDoNotWaitBehindABurst: while the runs of many new Tasks are being
// started, the one that has an agent hears of it at once.
func TestOffersDoNotWaitBehindABurst(t *testing.T) {
	j := &jammed{over: make(chan struct{})}
	b := newBench(t, func(s *settings) { s.notifier = j })
	release := sync.OnceFunc(func() { close(j.over) })
	t.Cleanup(func() { release(); require.NoError(t, b.d.Close(context.Background())) })
	b.workflow(everything(b.queue("Everybody")), withCallback)
	first := b.task()
	eventually(t, "its start", func() bool { return len(j.of(first)) == 1 })
	j.shut.Store(true)
	for range 40 { // more than there are senders
		b.task()
	}
	b.worker("Ann", "{}")
	eventually(t, "the offer", func() bool { return len(j.of(first)) == 2 })
	require.True(t, j.of(first)[1].view.ToDo())
	release()
	eventually(t, "the others", func() bool { return b.backlog() == 0 })
}

// gated is a notifier each of whose requests takes until it is let through.
type gated struct {
	runs
	arrived chan string // the Task
	through chan struct{}
}

func (g *gated) Notify(ctx context.Context, n dispatch.Notice, v taskrouter.View) error {
	g.arrived <- n.TaskSID
	<-g.through
	return g.runs.Notify(ctx, n, v)
}

// TestNothingOvertakesTheStartOfARun: what happens to a Task while its run is
// being started is told afterwards, and told once.
func TestNothingOvertakesTheStartOfARun(t *testing.T) {
	g := &gated{arrived: make(chan string, 100), through: make(chan struct{})}
	b := office(t, func(s *settings) { s.notifier = g })
	release := sync.OnceFunc(func() { close(g.through) })
	t.Cleanup(func() { release(); require.NoError(t, b.d.Close(context.Background())) })
	b.worker("Ann", "{}")
	task := b.task()
	require.Equal(t, task, <-g.arrived)
	offer := b.offer(task).SID
	b.must(offer, taskrouter.ReservationAccepted)
	b.must(offer, taskrouter.ReservationCompleted)
	b.clock.advance(time.Minute)
	require.NoError(t, b.d.Sweep(b.ctx), "a sweep finds the rows, and leaves them to who has them")
	other := b.task()
	require.Equal(t, other, <-g.arrived, "other Tasks do not wait for it")
	require.Empty(t, g.arrived)
	release()
	eventually(t, "both are told", func() bool { return len(g.of(task)) == 2 && b.backlog() == 0 })
	told := g.of(task)
	require.True(t, told[0].First)
	require.Equal(t, taskrouter.TaskReserved, told[0].view.Status)
	require.False(t, told[1].First)
	require.True(t, told[1].view.Ended())
}

// TestManySendersOfOneTask: whatever the order in which senders come by, the
// last thing a run hears is how its Task ended, and the start is told first.
func TestManySendersOfOneTask(t *testing.T) {
	r := &runs{}
	b := office(t, func(s *settings) { s.notifier = r })
	t.Cleanup(func() { require.NoError(t, b.d.Close(context.Background())) })
	b.worker("Ann", "{}")
	for range 200 {
		task := b.task()
		offer := b.offer(task).SID
		b.must(offer, taskrouter.ReservationAccepted)
		b.must(offer, taskrouter.ReservationCompleted)
		eventually(t, "the end", func() bool { told := r.of(task); return len(told) > 0 && told[len(told)-1].view.Ended() })
		require.True(t, r.of(task)[0].First)
	}
	eventually(t, "all are told", func() bool { return b.backlog() == 0 })
}

// TestWorkIsTold: whoever makes callbacks hears of an offer by its commit, also
// while Temporal is away.
func TestWorkIsTold(t *testing.T) {
	r := &runs{down: true}
	var mu sync.Mutex
	var heard []taskrouter.View
	b := newBench(t, func(s *settings) {
		s.notifier = r
		s.options.OnWork = func(_ context.Context, v taskrouter.View) { mu.Lock(); defer mu.Unlock(); heard = append(heard, v) }
	})
	t.Cleanup(func() { require.NoError(t, b.d.Close(context.Background())) })
	b.workflow(everything(b.queue("Everybody")), withCallback)
	waiting := b.task()
	require.Empty(t, heard, "nothing is to be done")
	b.worker("Ann", "{}")
	require.Len(t, heard, 1)
	require.Equal(t, waiting, heard[0].TaskSID)
	require.Equal(t, b.ws, heard[0].WorkspaceSID)
	require.Equal(t, b.offer(waiting).SID, heard[0].Offers[0].ReservationSID)
	require.True(t, heard[0].Offers[0].CallbackDue)
}

// stubborn is a notifier that refuses some Tasks for ever.
type stubborn struct {
	runs
	refused map[string]bool
	asked   int
}

func (s *stubborn) Notify(ctx context.Context, n dispatch.Notice, v taskrouter.View) error {
	s.mu.Lock()
	s.asked++
	refuse := s.refused == nil || s.refused[n.TaskSID]
	s.mu.Unlock()
	if refuse {
		return errors.New("refused")
	}
	return s.runs.Notify(ctx, n, v)
}

func (s *stubborn) refuse(these map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused, s.asked = these, 0
}

func (s *stubborn) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func TestSweepGivesUpEarlyAndStarvesNobody(t *testing.T) {
	r := &stubborn{}
	b := office(t, func(s *settings) { s.notifier = r })
	t.Cleanup(func() { require.NoError(t, b.d.Close(context.Background())) })
	var tasks []string
	for range 8 {
		tasks = append(tasks, b.task())
	}
	eventually(t, "each was tried at once", func() bool { return r.count() >= len(tasks) })
	slices.Sort(tasks)
	refused := map[string]bool{tasks[0]: true, tasks[1]: true, tasks[2]: true}

	r.refuse(nil)
	b.clock.advance(time.Minute)
	require.NoError(t, b.d.Sweep(b.ctx))
	require.Equal(t, 3, r.count(), "a round must not wait for each of them while Temporal is down")

	r.refuse(refused)
	for range 4 {
		b.clock.advance(6 * time.Second)
		require.NoError(t, b.d.Sweep(b.ctx))
	}
	for _, task := range tasks[3:] {
		require.NotEmpty(t, r.of(task), "the others come before those that failed")
	}
}

func TestReconcile(t *testing.T) {
	b := office(t)
	lost, running, ended := b.task(), b.task(), b.task()
	require.NoError(t, b.set(ended, taskrouter.TaskCanceled))
	notices := func() map[string]bool {
		list, err := b.db.PendingNotices(b.ctx, b.clock.now().Add(time.Hour), 100)
		require.NoError(t, err)
		require.NoError(t, b.db.DeleteNotices(b.ctx, list))
		out := map[string]bool{}
		for _, n := range list {
			out[n.TaskSID] = n.First
		}
		return out
	}
	require.Len(t, notices(), 3)
	require.NoError(t, b.d.Reconcile(b.ctx, func(_ context.Context, ref dispatch.TaskRef) (bool, error) { return ref.TaskSID == running, nil }))
	require.Equal(t, map[string]bool{lost: true}, notices())
}

func TestCancelFromOutside(t *testing.T) {
	for _, state := range taskrouter.TaskStatuses() {
		b := office(t)
		task, _ := b.at(state)
		v, err := b.d.CancelFromOutside(b.ctx, b.ws, task)
		require.NoError(t, err)
		want := taskrouter.TaskCanceled
		if state == taskrouter.TaskAssigned || state == taskrouter.TaskWrapping || state == taskrouter.TaskCompleted {
			want = taskrouter.TaskCompleted
		}
		require.Equal(t, want, v.Status)
		requireHealthy(t, b)
	}
}
