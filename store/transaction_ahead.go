package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// ahead is what was read because a command is likely to ask for it next: a Task,
// its open Reservations and their Workers. It is given out once, and forgotten
// when something is written.
type ahead struct {
	taskSID, offersOf string
	tasks             []*taskrouter.Task
	reservations      []*taskrouter.Reservation
	agents            map[string]*dispatch.Agent
}

// readAhead reads what is likely to be asked for about a Task, in one round trip
// and behind another query, if there is one.
func (t *transaction) readAhead(ctx context.Context, sid string, before ...*bun.SelectQuery) error {
	var (
		tasks        []*taskRow
		reservations []*reservationRow
		workers      []*workerRow
		channels     []*workerChannelRow
	)
	open := func() *bun.SelectQuery {
		return t.openReservations(t.q.NewSelect().Model((*reservationRow)(nil)).Column("worker_sid"), sid)
	}
	err := t.together(ctx, append(before,
		t.here(t.q.NewSelect().Model(&tasks)).Where("sid = ?", sid),
		t.openReservations(t.q.NewSelect().Model(&reservations), sid).OrderExpr("created_at, sid"),
		t.here(t.q.NewSelect().Model(&workers)).Where("sid IN (?)", open()),
		t.ofWorkers(t.q.NewSelect().Model(&channels)).Where("worker_sid IN (?)", open()),
	)...)
	if err != nil {
		return err
	}
	t.ahead = &ahead{
		taskSID: sid, tasks: mapped(tasks, (*taskRow).domain),
		offersOf: sid, reservations: mapped(reservations, (*reservationRow).domain),
		agents: map[string]*dispatch.Agent{},
	}
	for _, a := range agentsOf(mapped(workers, (*workerRow).domain), mapped(channels, (*workerChannelRow).domain)) {
		t.ahead.agents[a.SID] = a
	}
	return nil
}

// taskAhead returns a Task, read ahead of time if it was not already; there is
// one at most.
func (t *transaction) taskAhead(ctx context.Context, sid string) ([]*taskrouter.Task, error) {
	if t.ahead == nil || t.ahead.taskSID != sid {
		if err := t.readAhead(ctx, sid); err != nil {
			return nil, classify(err, "read a Task")
		}
	}
	t.ahead.taskSID = ""
	return t.ahead.tasks, nil
}

// reservationsAhead returns the open Reservations of a Task if they are known.
func (t *transaction) reservationsAhead(taskSIDs []string) ([]*taskrouter.Reservation, bool) {
	a := t.ahead
	if a == nil || len(taskSIDs) != 1 || a.offersOf != taskSIDs[0] {
		return nil, false
	}
	a.offersOf = ""
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
