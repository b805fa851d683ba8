package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// eventLog is a store of events and a receiver of them.
type eventLog struct {
	mu       sync.Mutex
	events   []*taskrouter.Event
	delivery taskrouter.Delivery
	attempts []taskrouter.DeliveryAttempt
	queued   []*taskrouter.DeliveryAttempt
	gone     bool
	ended    bool
	// sent are the events in the order in which their requests came in.
	sent []int64
	// busy is how many requests are under way, most how many there were.
	busy, most int
	// answer plays the receiver; nil takes everything.
	answer func(ctx context.Context, url string, e *taskrouter.Event, try int) (EventReceipt, error)
	tries  map[int64]int
	// readErr and saveErr fail the store.
	readErr, saveErr error
}

func newEventLog(events ...*taskrouter.Event) *eventLog {
	l := &eventLog{tries: map[int64]int{}}
	l.delivery = taskrouter.Delivery{WorkspaceSID: "WS1", AccountSID: "AC1", CallbackURL: "http://app/", Active: true}
	for i, e := range events {
		e.Seq, e.SID, e.WorkspaceSID, e.AccountSID = int64(i+1), fmt.Sprintf("EV%d", i+1), "WS1", "AC1"
		l.events = append(l.events, e)
	}
	return l
}

func (l *eventLog) TakeDelivery(context.Context, string, time.Time) (*taskrouter.Delivery, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readErr != nil {
		return nil, l.readErr
	}
	if !l.delivery.Active {
		return nil, nil
	}
	l.delivery.Epoch++
	d := l.delivery
	return &d, nil
}

func (l *eventLog) EventsAfter(_ context.Context, _ string, seq int64, limit int) ([]*taskrouter.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.events[min(int(seq), len(l.events)):]
	return rest[:min(limit, len(rest))], nil
}

func (l *eventLog) AdvanceDelivery(_ context.Context, d *taskrouter.Delivery, to int64, attempts []taskrouter.DeliveryAttempt, _ time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.saveErr != nil {
		return false, l.saveErr
	}
	if !l.delivery.Active || d.Epoch != l.delivery.Epoch || d.Cursor != l.delivery.Cursor {
		return false, nil
	}
	l.delivery.Cursor = to
	l.attempts = append(l.attempts, attempts...)
	return true, nil
}

func (l *eventLog) EndDelivery(_ context.Context, d *taskrouter.Delivery) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = l.gone && d.Cursor == int64(len(l.events)) && len(l.queued) == 0
	return l.ended, nil
}

func (l *eventLog) QueuedDeliveries(_ context.Context, _ string, limit int) ([]*taskrouter.DeliveryAttempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*taskrouter.DeliveryAttempt
	for _, at := range l.queued[:min(limit, len(l.queued))] {
		view := *at
		out = append(out, &view)
	}
	return out, nil
}

func (l *eventLog) FetchEvent(_ context.Context, _, _, sid string) (*taskrouter.Event, error) {
	for _, e := range l.events {
		if e.SID == sid {
			return e, nil
		}
	}
	return nil, nil
}

func (l *eventLog) BookDeliveries(_ context.Context, attempts []taskrouter.DeliveryAttempt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.saveErr != nil {
		return l.saveErr
	}
	for _, at := range attempts {
		l.attempts = append(l.attempts, at)
		l.queued = slices.DeleteFunc(l.queued, func(q *taskrouter.DeliveryAttempt) bool { return q.SID == at.SID })
	}
	return nil
}

// queue has events sent again.
func (l *eventLog) queue(seqs ...int64) {
	for _, seq := range seqs {
		l.queued = append(l.queued, &taskrouter.DeliveryAttempt{
			SID: fmt.Sprintf("ED%d", len(l.queued)), WorkspaceSID: "WS1", EventSID: fmt.Sprintf("EV%d", seq), Seq: seq,
			Number: 7, Manual: true, Status: taskrouter.DeliveryQueued,
		})
	}
}

func (l *eventLog) SendEvent(ctx context.Context, url string, e *taskrouter.Event) (EventReceipt, error) {
	l.mu.Lock()
	l.tries[e.Seq]++
	try := l.tries[e.Seq]
	l.sent = append(l.sent, e.Seq)
	l.busy++
	l.most = max(l.most, l.busy)
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.busy--
		l.mu.Unlock()
	}()
	if l.answer == nil {
		return EventReceipt{Delivered: true, Status: 204}, nil
	}
	return l.answer(ctx, url, e, try)
}

// quiet drops what the SDK logs.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// deliver runs the activity once.
func (l *eventLog) deliver(t require.TestingT, retries int) (DeliverResult, error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	env := suite.NewTestActivityEnvironment()
	a := &Delivery{Store: l, Sender: l, Retries: retries, Pause: time.Millisecond}
	env.RegisterActivity(a)
	v, err := env.ExecuteActivity(a.Deliver, DeliverInput{WorkspaceSID: "WS1"})
	if err != nil {
		return DeliverResult{}, err
	}
	var res DeliverResult
	require.NoError(t, v.Get(&res))
	return res, nil
}

func event(typ taskrouter.EventType, task, worker string) *taskrouter.Event {
	return &taskrouter.Event{Type: typ, TaskSID: task, WorkerSID: worker}
}

func many(n int) []*taskrouter.Event {
	var out []*taskrouter.Event
	for i := range n {
		out = append(out, event(taskrouter.TaskCreated, fmt.Sprintf("WT%d", i), ""))
	}
	return out
}

func TestDeliverSendsTheLog(t *testing.T) {
	l := newEventLog(many(1500)...)
	l.answer = func(context.Context, string, *taskrouter.Event, int) (EventReceipt, error) {
		return EventReceipt{Delivered: true, Status: 200}, nil
	}
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Cursor: 1500, Delivered: 1500}, res)
	require.LessOrEqual(t, l.most, deliveryLanes)
	require.Len(t, l.sent, 1500)
	for i, at := range l.attempts {
		require.Equal(t, int64(i+1), at.Seq, "booked in order")
		require.Equal(t, fmt.Sprintf("EV%d", i+1), at.EventSID)
		require.Equal(t, 1, at.Number)
		require.True(t, taskrouter.IsSID(taskrouter.PrefixDelivery, at.SID))
		require.Equal(t, "http://app/", at.Target)
		require.False(t, at.SentAt.IsZero())
	}
	res, err = l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Cursor: 1500}, res)
	require.Len(t, l.sent, 1500, "nothing is sent twice")
}

func TestDeliverFilters(t *testing.T) {
	l := newEventLog(event(taskrouter.TaskCreated, "WT1", ""), event(taskrouter.TaskWasCompleted, "WT1", ""), event(taskrouter.WorkerCreated, "", "WK1"))
	l.delivery.EventsFilter = "task.completed, worker.created, never.heard.of"
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Cursor: 3, Delivered: 2, Skipped: 1}, res)
	require.ElementsMatch(t, []int64{2, 3}, l.sent)
	require.Equal(t, taskrouter.DeliveryFiltered, l.attempts[0].Status)
	require.Zero(t, l.attempts[0].Number)
	require.True(t, l.attempts[0].SentAt.IsZero())
}

func TestDeliverRetries(t *testing.T) {
	const delivered, failed = taskrouter.DeliveryDelivered, taskrouter.DeliveryFailed
	type line struct {
		status taskrouter.DeliveryStatus
		code   int
	}
	for name, row := range map[string]struct {
		retries int
		answers []EventReceipt // the last one stays
		want    []line
	}{
		"delivered":            {1, []EventReceipt{{Delivered: true, Status: 204}}, []line{{delivered, 204}}},
		"delivered at last":    {1, []EventReceipt{{Retry: true, Status: 503}, {Delivered: true, Status: 200}}, []line{{failed, 503}, {delivered, 200}}},
		"given up":             {1, []EventReceipt{{Retry: true, Status: 500}}, []line{{failed, 500}, {failed, 500}}},
		"no answer at all":     {3, []EventReceipt{{Retry: true, Fault: taskrouter.FaultTimeout}}, []line{{failed, 0}, {failed, 0}, {failed, 0}, {failed, 0}}},
		"no retries":           {0, []EventReceipt{{Retry: true, Status: 500}}, []line{{failed, 500}}},
		"refused":              {5, []EventReceipt{{Status: 404}}, []line{{failed, 404}}},
		"refused after a time": {5, []EventReceipt{{Retry: true}, {Status: 410}}, []line{{failed, 0}, {failed, 410}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEventLog(event(taskrouter.TaskCreated, "WT1", ""), event(taskrouter.TaskWasCompleted, "WT1", ""))
			l.answer = func(_ context.Context, _ string, e *taskrouter.Event, try int) (EventReceipt, error) {
				if e.Seq == 2 {
					return EventReceipt{Delivered: true, Status: 200}, nil
				}
				return row.answers[min(try, len(row.answers))-1], nil
			}
			res, err := l.deliver(t, row.retries)
			require.NoError(t, err)
			require.Equal(t, int64(2), res.Cursor, "an event that failed is passed")
			require.Equal(t, 2, res.Delivered+res.Failed)
			require.Len(t, l.attempts, len(row.want)+1, "each request is a line")
			for i, want := range row.want {
				at := l.attempts[i]
				require.Equal(t, want, line{at.Status, at.ResponseStatus})
				require.Equal(t, i+1, at.Number)
				require.Equal(t, row.answers[min(i+1, len(row.answers))-1].Fault, at.Fault)
			}
			require.Equal(t, int64(2), l.sent[len(l.sent)-1], "the next one of the Task waits")
		})
	}
}

// One event whose receiver hangs holds up its own Task and Worker, and nobody
// else's.
func TestDeliverDelaysNobodyElse(t *testing.T) {
	l := newEventLog(
		event(taskrouter.ReservationWasCreated, "WT1", "WK1"), event(taskrouter.TaskUpdated, "WT1", ""),
		event(taskrouter.WorkerActivityUpdate, "", "WK1"), event(taskrouter.WorkspaceUpdated, "", ""),
		event(taskrouter.ReservationWasCreated, "WT2", "WK2"), event(taskrouter.ReservationWasAccepted, "WT2", "WK1"),
	)
	free := make(chan struct{})
	var once sync.Once
	l.answer = func(ctx context.Context, _ string, e *taskrouter.Event, _ int) (EventReceipt, error) {
		l.mu.Lock()
		others := l.tries[4] > 0 && l.tries[5] > 0
		l.mu.Unlock()
		if others {
			once.Do(func() { close(free) })
		}
		if e.Seq == 1 {
			<-free
			l.mu.Lock()
			held := l.tries[2]+l.tries[3]+l.tries[6] > 0
			l.mu.Unlock()
			if held {
				return EventReceipt{}, errors.New("overtaken")
			}
		}
		return EventReceipt{Delivered: true, Status: 200}, nil
	}
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, 6, res.Delivered)
}

func TestDeliverEnds(t *testing.T) {
	l := newEventLog(many(3)...)
	l.gone = true
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Over: true, Cursor: 3, Delivered: 3}, res, "the last events are sent first")
	require.True(t, l.ended)
	l.delivery.Active = false
	res, err = l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Over: true}, res)
}

// A former owner moves no cursor and gives up.
func TestDeliverSuperseded(t *testing.T) {
	l := newEventLog(many(300)...)
	l.answer = func(_ context.Context, _ string, e *taskrouter.Event, _ int) (EventReceipt, error) {
		if e.Seq == 5 {
			l.mu.Lock()
			l.delivery.Epoch++
			l.mu.Unlock()
		}
		return EventReceipt{Delivered: true, Status: 200}, nil
	}
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.True(t, res.More)
	require.False(t, res.Over)
	require.Equal(t, l.delivery.Cursor, res.Cursor)
	require.Zero(t, l.busy, "nothing of it is on its way any more")
}

func TestDeliverWithoutAStore(t *testing.T) {
	l := newEventLog(many(3)...)
	l.readErr = errDown
	_, err := l.deliver(t, 1)
	require.ErrorContains(t, err, "take delivery: unavailable")
	require.NotContains(t, err.Error(), "+1555", "causes stay out of histories")
	l.readErr, l.saveErr = nil, errDown
	_, err = l.deliver(t, 1)
	require.ErrorContains(t, err, "deliver events: unavailable")
	require.Zero(t, l.delivery.Cursor)
	l.saveErr = nil
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, 3, res.Delivered, "sent again: at least once")
}

// A reason on our side settles nothing, and what was settled before is booked.
func TestDeliverThatCannotBeSigned(t *testing.T) {
	l := newEventLog(event(taskrouter.TaskCreated, "WT1", ""), event(taskrouter.TaskUpdated, "WT1", ""), event(taskrouter.TaskWasCompleted, "WT1", ""))
	l.answer = func(_ context.Context, _ string, e *taskrouter.Event, try int) (EventReceipt, error) {
		if e.Seq == 2 && try == 1 {
			return EventReceipt{}, errDown
		}
		return EventReceipt{Delivered: true, Status: 200}, nil
	}
	_, err := l.deliver(t, 1)
	require.ErrorContains(t, err, "deliver events: unavailable")
	require.Equal(t, int64(1), l.delivery.Cursor)
	require.Equal(t, []int64{1, 2}, l.sent, "nothing overtakes it")
	_, err = l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 2, 3}, l.sent)
}

// Whatever the receiver does, the events of each Task and of each Worker arrive
// in order, each is settled, and the log is booked without a gap.
func TestDeliveryOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(rt, "events")
		var events []*taskrouter.Event
		for range n {
			events = append(events, event(taskrouter.TaskUpdated,
				rapid.SampledFrom([]string{"", "WT1", "WT2", "WT3"}).Draw(rt, "task"),
				rapid.SampledFrom([]string{"", "WK1", "WK2"}).Draw(rt, "worker")))
		}
		failing := map[int64]int{}
		for seq := range int64(n) {
			failing[seq+1] = rapid.IntRange(0, 3).Draw(rt, "failures")
		}
		l := newEventLog(events...)
		l.answer = func(_ context.Context, _ string, e *taskrouter.Event, try int) (EventReceipt, error) {
			if try <= failing[e.Seq] {
				return EventReceipt{Retry: true, Status: 503}, nil
			}
			return EventReceipt{Delivered: true, Status: 200}, nil
		}
		res, err := l.deliver(rt, 2)
		require.NoError(rt, err)
		require.Equal(rt, int64(n), res.Cursor)
		require.Equal(rt, n, res.Delivered+res.Failed)
		settled := map[int64]bool{}
		for _, at := range l.attempts {
			settled[at.Seq] = true
		}
		require.Len(rt, settled, n)
		latest := map[string]int64{}
		for _, seq := range l.sent {
			for _, key := range subjects(l.events[seq-1]) {
				require.GreaterOrEqual(rt, seq, latest[key], "%s out of order", key)
				latest[key] = seq
			}
		}
	})
}
