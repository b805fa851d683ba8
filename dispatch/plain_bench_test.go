package dispatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// BenchmarkPlainTask is everything the store does for a Task that goes straight
// to a free agent: created and offered, the assignment callback read and
// answered, accepted, completed. Five transactions.
func BenchmarkPlainTask(b *testing.B) {
	for name, url := range map[string]func(*testing.B) string{
		"file":     func(b *testing.B) string { return b.TempDir() + "/plain.db" },
		"postgres": func(b *testing.B) string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			w := newBenchOn(b, openStore(b, url(b)))
			b.ReportAllocs()
			for b.Loop() {
				plainTask(b, w)
			}
		})
	}
}

// newBenchOn makes a Workspace in which every Task finds an agent.
func newBenchOn(b *testing.B, db *store.Store) *bench {
	w := benchOn(b, db)
	q := w.queue("Everybody")
	w.workflow(everything(q), withCallback)
	for range 16 {
		w.worker(taskrouter.NewSID("x"), `{"skills":["en"]}`)
	}
	return w
}

func plainTask(b *testing.B, w *bench) {
	t := w.task(attributes(`{"language":"en","topic":"billing"}`))
	var offer string
	v, err := w.d.View(w.ctx, w.ws, t)
	require.NoError(b, err)
	offer = v.Offers[0].ReservationSID
	_, err = w.d.CallbackOrder(w.ctx, w.ws, t, offer)
	require.NoError(b, err)
	_, err = w.d.CallbackAnswered(w.ctx, w.ws, t, offer, dispatch.CallbackOutcome{})
	require.NoError(b, err)
	for _, s := range []taskrouter.ReservationStatus{taskrouter.ReservationAccepted, taskrouter.ReservationCompleted} {
		_, err := w.d.UpdateReservation(w.ctx, dispatch.ReservationUpdate{
			Subject: w.subject(offer), TaskSID: t, Status: ptr(s),
		})
		require.NoError(b, err)
	}
}
