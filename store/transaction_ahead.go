package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// ahead is what was read along with a Task because a command is likely to ask
// for it next. It is given out once, and forgotten when something is written.
type ahead struct {
	taskSID      string
	reservations []*taskrouter.Reservation
	agents       map[string]*dispatch.Agent
}

// taskAhead reads a Task, its open Reservations and their Workers in one round
// trip.
func (t *transaction) taskAhead(ctx context.Context, sid string) ([]*taskrouter.Task, error) {
	var (
		tasks        []*taskRow
		reservations []*reservationRow
		workers      []*workerRow
		channels     []*workerChannelRow
	)
	open := func() *bun.SelectQuery {
		return t.openReservations(t.q.NewSelect().Model((*reservationRow)(nil)).Column("worker_sid"), sid)
	}
	err := t.together(ctx,
		t.here(t.q.NewSelect().Model(&tasks)).Where("sid = ?", sid),
		t.openReservations(t.q.NewSelect().Model(&reservations), sid).OrderExpr("created_at, sid"),
		t.here(t.q.NewSelect().Model(&workers)).Where("sid IN (?)", open()),
		t.ofWorkers(t.q.NewSelect().Model(&channels)).Where("worker_sid IN (?)", open()),
	)
	if err != nil {
		return nil, classify(err, "read a Task")
	}
	t.ahead = &ahead{taskSID: sid, reservations: mapped(reservations, (*reservationRow).domain), agents: map[string]*dispatch.Agent{}}
	for _, a := range agentsOf(mapped(workers, (*workerRow).domain), mapped(channels, (*workerChannelRow).domain)) {
		t.ahead.agents[a.SID] = a
	}
	return mapped(tasks, (*taskRow).domain), nil
}

// reservationsAhead returns the open Reservations of a Task if they are known.
func (t *transaction) reservationsAhead(taskSIDs []string) ([]*taskrouter.Reservation, bool) {
	a := t.ahead
	if a == nil || len(taskSIDs) != 1 || a.taskSID != taskSIDs[0] {
		return nil, false
	}
	a.taskSID = ""
	return a.reservations, true
}

// agentAhead returns a Worker if it is known.
func (t *transaction) agentAhead(sids []string) (*dispatch.Agent, bool) {
	if t.ahead == nil || len(sids) != 1 {
		return nil, false
	}
	a, ok := t.ahead.agents[sids[0]]
	delete(t.ahead.agents, sids[0])
	return a, ok
}

// together carries out several queries, each with a model to fill, in one round
// trip.
func (t *transaction) together(ctx context.Context, queries ...*bun.SelectQuery) error {
	var text []byte
	var err error
	for _, q := range queries {
		if text, err = q.AppendQuery(t.store.read.QueryGen(), text); err != nil {
			return err
		}
		text = append(text, ";\n"...)
	}
	if t.store.sent != nil {
		t.store.sent(string(text))
	}
	// The text goes past bun: it has no arguments left to format, and values
	// may contain a question mark.
	rows, err := t.q.Tx.QueryContext(ctx, string(text))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // errors were seen by Err
	for _, q := range queries {
		if _, err := q.GetModel().ScanRows(ctx, rows); err != nil {
			return err
		}
		rows.NextResultSet()
	}
	return rows.Err()
}
