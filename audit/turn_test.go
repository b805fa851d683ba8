package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// Whoever could not have been served does not count, with the skills the agent
// had then.
func TestTurnBySkills(t *testing.T) {
	w := newWorld(t, openDatabase(t, "sqlite"))
	all := w.queue("All", "1==1")
	w.workflow(routing(all, filter("kind == 'skill'", all, `"expression":"task.lang IN worker.langs"`)))
	ann := w.worker("Ann", `{"langs":["en"]}`, "Available")
	japanese := w.task(`{"kind":"skill","lang":"ja"}`, priority(9))
	w.answer(w.task(`{}`), ann, taskrouter.ReservationAccepted)
	require.Empty(t, w.requireHealthy().Totals.Undecidable)

	// She learns it while she is busy, and may take the call from then on.
	_, err := w.d.UpdateWorker(w.ctx, dispatch.WorkerUpdate{Subject: w.subject(ann), Attributes: ptr(taskrouter.Attributes(`{"langs":["en","ja"]}`))})
	require.NoError(t, err)
	require.Empty(t, w.requireHealthy().Totals.Undecidable, "what she learned later does not accuse")

	w.exec(`UPDATE events SET data = replace(data, '[\"en\"]', '[\"ja\"]') WHERE worker_sid = ? AND type = 'reservation.created'`, ann)
	r := w.audit()
	require.Len(t, r.Findings, 1)
	require.Equal(t, audit.OutOfTurn, r.Findings[0].Kind)
	require.Contains(t, r.Findings[0].Subjects, japanese)
}

// The order of a queue is not in the log: what was before its last change is
// beyond judgement.
func TestTurnBeforeTheOrderChanged(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"))
	all := w.queue("All", "1==1")
	w.workflow(routing(all))
	ann := w.worker("Ann", `{}`, "Available")
	busy := w.task(`{}`)
	w.answer(busy, ann, taskrouter.ReservationAccepted)
	first, second, third := w.task(`{}`), w.task(`{}`), w.task(`{}`)
	w.answer(busy, ann, taskrouter.ReservationCompleted)
	require.Len(t, w.offers(first), 1, "first in, first out")
	order := "LIFO"
	_, err := w.config.UpdateQueue(w.ctx, workspace.QueueUpdate{Subject: w.subject(all), TaskOrder: &order})
	require.NoError(t, err)
	require.Equal(t, 1, w.requireHealthy().Totals.Undecidable[audit.OutOfTurn])
	w.pass(time.Minute)
	w.answer(first, ann, taskrouter.ReservationAccepted)
	w.answer(first, ann, taskrouter.ReservationCompleted)
	require.Len(t, w.offers(third), 1, "last in, first out")
	require.Equal(t, 1, w.requireHealthy().Totals.Undecidable[audit.OutOfTurn], "since then it is judged")
	require.Empty(t, w.offers(second))
}

// A Task for a known worker accuses only when that worker is surely meant.
func TestTurnOfKnownWorkers(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"))
	all := w.queue("All", "1==1")
	w.workflow(routing(all, filter("kind == 'known'", all, `"known_worker_friendly_name":"task.who"`)))
	w.worker("Ann", `{}`, "Available")
	w.worker("Ben", `{}`, "Offline")
	w.task(`{"kind":"known","who":"ben"}`, priority(9))
	w.task(`{"kind":"known","who":"nobody"}`, priority(9))
	require.Len(t, w.offers(w.task(`{}`)), 1)
	require.Equal(t, 1, w.requireHealthy().Totals.Undecidable[audit.OutOfTurn], "nobody knows who nobody was")
}
