package activities

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestResend(t *testing.T) {
	l := newEventLog(many(3)...)
	l.delivery.Cursor = 3
	l.delivery.EventsFilter = "worker.created"
	l.delivery.CallbackURL = "http://ann:s3cret@app/in?token=s3cret"
	l.answer = func(_ context.Context, _ string, e *taskrouter.Event, _ int) (EventReceipt, error) {
		if e.Seq == 2 {
			return EventReceipt{Retry: true, Status: 503}, nil
		}
		return EventReceipt{Delivered: true, Status: 204}, nil
	}
	l.queue(2, 1, 99)
	res, err := l.deliver(t, 5)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Cursor: 3, Resent: 3}, res, "the cursor stays")
	require.ElementsMatch(t, []int64{1, 2}, l.sent, "whatever the filter says, and once each")
	require.Empty(t, l.queued)
	require.Len(t, l.attempts, 3)
	status := map[int64]taskrouter.DeliveryStatus{}
	for _, at := range l.attempts {
		status[at.Seq] = at.Status
		require.Equal(t, 7, at.Number)
		require.NotContains(t, at.Target, "s3cret")
	}
	require.Equal(t, map[int64]taskrouter.DeliveryStatus{
		1: taskrouter.DeliveryDelivered, 2: taskrouter.DeliveryFailed, 99: taskrouter.DeliveryFailed,
	}, status, "an event that is not kept any more has failed")
}

// More than a batch is sent at once, a few at a time.
func TestResendMany(t *testing.T) {
	l := newEventLog(many(2*resendBatch + 1)...)
	l.delivery.Cursor = int64(len(l.events))
	for seq := range l.delivery.Cursor {
		l.queue(seq + 1)
	}
	resent := 0
	for more := true; more; {
		res, err := l.deliver(t, 1)
		require.NoError(t, err)
		more = res.More
		resent += res.Resent
	}
	require.Equal(t, 2*resendBatch+1, resent)
	require.LessOrEqual(t, l.most, resendLanes)
	require.Len(t, l.sent, 2*resendBatch+1)
}

// A receiver that hangs on what is sent again delays nothing else, and a
// Workspace that is gone stays until it was sent.
func TestResendBesideDelivery(t *testing.T) {
	l := newEventLog(many(300)...)
	l.gone = true
	l.delivery.Cursor = 1
	all := make(chan struct{})
	var once sync.Once
	l.answer = func(_ context.Context, _ string, e *taskrouter.Event, _ int) (EventReceipt, error) {
		if e.Seq == 1 {
			<-all
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.sent) == 300 {
			once.Do(func() { close(all) })
		}
		return EventReceipt{Delivered: true, Status: 204}, nil
	}
	l.queue(1)
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, DeliverResult{Over: true, Cursor: 300, Delivered: 299, Resent: 1}, res)
}

// However much is to be sent again: the turn waits for one batch of it.
func TestResendEndsWithTheTurn(t *testing.T) {
	l := newEventLog(many(3 * resendBatch)...)
	for seq := range int64(len(l.events)) {
		l.queue(seq + 1)
	}
	begun, answer := make(chan struct{}, len(l.events)), make(chan struct{})
	l.answer = func(context.Context, string, *taskrouter.Event, int) (EventReceipt, error) {
		begun <- struct{}{}
		<-answer
		return EventReceipt{Delivered: true, Status: 204}, nil
	}
	r := (&Delivery{Store: l, Sender: l}).resend(t.Context(), &l.delivery)
	<-begun
	close(r.turn)
	close(answer)
	<-r.over
	require.NoError(t, r.err)
	require.True(t, r.more)
	require.Equal(t, resendBatch, r.sent)
	require.Len(t, l.queued, 2*resendBatch)
}

// What was not sent for a reason on our side stays queued; what was sent but
// not booked is sent again.
func TestResendFaultsOfOurs(t *testing.T) {
	l := newEventLog(many(2)...)
	l.delivery.Cursor = 2
	l.answer = func(_ context.Context, _ string, e *taskrouter.Event, try int) (EventReceipt, error) {
		if e.Seq == 1 && try == 1 {
			return EventReceipt{}, errDown
		}
		return EventReceipt{Delivered: true, Status: 204}, nil
	}
	l.queue(1, 2)
	_, err := l.deliver(t, 1)
	require.ErrorContains(t, err, "send events again: unavailable")
	require.Len(t, l.queued, 1)
	l.saveErr = errDown
	_, err = l.deliver(t, 1)
	require.Error(t, err)
	l.saveErr = nil
	res, err := l.deliver(t, 1)
	require.NoError(t, err)
	require.Equal(t, 1, res.Resent)
	require.Equal(t, 3, l.tries[1])
	require.Empty(t, l.queued)
}
