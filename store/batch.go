package store

import (
	"context"
	"reflect"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// rowsPerStatement bounds the rows of one INSERT; bytesPerBatch is the length
// of text from which a batch is sent before it is complete.
const (
	rowsPerStatement = 500
	bytesPerBatch    = 4 << 20
)

// batch collects statements with their values written into them and sends them
// as one text: one round trip however many tables a command touches. What
// becomes of the text is package compiled's business.
type batch struct {
	q    bun.Tx
	gen  schema.QueryGen
	text []byte
	err  error
	// sent is told each text; see Store.sent.
	sent func(text string)
}

func newBatch(q bun.Tx, gen schema.QueryGen) *batch {
	return &batch{q: q, gen: gen, text: make([]byte, 0, 4096)}
}

// add appends one statement; ? stands for an argument, as in bun.
func (b *batch) add(statement string, args ...any) {
	if b.err != nil {
		return
	}
	b.text = b.gen.AppendQuery(b.text, statement, args...)
	b.text = append(b.text, ";\n"...)
}

// send runs what has been collected.
func (b *batch) send(ctx context.Context) error {
	if b.err != nil || len(b.text) == 0 {
		return b.err
	}
	// The text goes past bun: it has no arguments left to format, and values
	// may contain a question mark.
	text := string(b.text)
	_, b.err = b.q.Tx.ExecContext(ctx, text)
	b.text = b.text[:0]
	if b.sent != nil {
		b.sent(text)
	}
	return b.err
}

// insert appends the rows with the given ON clause; an empty one lets a
// repeated key fail.
func insert[R any](ctx context.Context, b *batch, rows []*R, on string) {
	for len(rows) > 0 && b.err == nil {
		n := min(len(rows), rowsPerStatement)
		chunk := rows[:n]
		rows = rows[n:]
		q := b.q.NewInsert().Model(&chunk).Returning("")
		if on != "" {
			q = q.On(on)
		}
		var text []byte
		if text, b.err = q.AppendQuery(b.gen, b.text); b.err != nil {
			return
		}
		b.text = append(text, ";\n"...)
		if len(b.text) >= bytesPerBatch {
			_ = b.send(ctx) // kept in b.err
		}
	}
}

// upserts holds the ON clause of every table that replaces rows by their key.
type upserts struct {
	workspaces, activities, channels, queues, workflows, callQueues string
	workers, workerChannels, workerChannelsAlone                    string
	tasks, reservations, calls, legs, legCalls, jobs                string
	notices, classes                                                string
	// sums are the columns of statistics, added up over many rows.
	sums string
}

func newUpserts(db *bun.DB) upserts {
	// What identifies a row and when it was made never changes.
	fixed := []string{"account_sid", "workspace_sid", "created_at"}
	return upserts{
		sums:       statisticsSums(),
		workspaces: replace[workspaceRow](db, fixed...),
		activities: replace[activityRow](db, fixed...),
		channels:   replace[channelRow](db, fixed...),
		queues:     replace[queueRow](db, fixed...),
		workflows:  replace[workflowRow](db, fixed...),
		callQueues: replace[callQueueRow](db, fixed...),
		workers:    replace[workerRow](db, fixed...),
		workerChannels: replace[workerChannelRow](db,
			append(fixed, "worker_sid", "task_channel_sid")...),
		workerChannelsAlone: replace[workerChannelRow](db,
			append(fixed, "worker_sid", "task_channel_sid", "worker_available", "worker_idle_at")...),
		tasks:        replace[taskRow](db, fixed...),
		reservations: replace[reservationRow](db, append(fixed, "task_sid", "worker_sid")...),
		calls:        replace[callRow](db, fixed...),
		legs:         replace[legRow](db, append(fixed, "task_sid", "reservation_sid", "worker_sid")...),
		legCalls:     replace[legCallRow](db),
		jobs:         replace[jobRow](db, fixed...),
		// The latest revision, the earliest time; a start that was not made
		// yet stays due.
		notices: "CONFLICT (task_sid) DO UPDATE SET" +
			" revision = CASE WHEN EXCLUDED.revision > notices.revision THEN EXCLUDED.revision ELSE notices.revision END," +
			" due_at = CASE WHEN EXCLUDED.due_at < notices.due_at THEN EXCLUDED.due_at ELSE notices.due_at END," +
			" is_first = (notices.is_first OR EXCLUDED.is_first)",
		// Waiting is a difference.
		classes: "CONFLICT (workspace_sid, class_key) DO UPDATE SET waiting = demand_classes.waiting + EXCLUDED.waiting",
	}
}

// replace is the clause that overwrites the row with the same primary key,
// except for the fixed columns.
func replace[R any](db *bun.DB, fixed ...string) string {
	table := db.Table(reflect.TypeFor[R]())
	keep := map[string]bool{}
	for _, name := range fixed {
		keep[name] = true
	}
	var keys, sets []string
	for _, f := range table.PKs {
		keys = append(keys, f.Name)
	}
	for _, f := range table.DataFields {
		if !keep[f.Name] {
			sets = append(sets, f.Name+" = EXCLUDED."+f.Name)
		}
	}
	return "CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(sets, ", ")
}
