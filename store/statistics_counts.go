package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// The methods of this file answer questions about what happened in a window.
// They read in snapshots of their own and never wait for a writer, nor does a
// writer wait for them.

// ofAccount keeps rows of a Workspace that belongs to the account.
func ofAccount(q *bun.SelectQuery, accountSID, workspaceSID string) *bun.SelectQuery {
	return q.Where("?TableAlias.workspace_sid = ?", workspaceSID).
		Where("EXISTS (SELECT 1 FROM workspace_locks AS l WHERE l.workspace_sid = ? AND l.account_sid = ?)", workspaceSID, accountSID)
}

// Counters returns the counters of each subject, complete. It looks up a few
// hundred rows a subject at most, whatever happened in the window.
func (s *Store) Counters(ctx context.Context, accountSID, workspaceSID string, in taskrouter.CountQuery) (map[string]*taskrouter.Counters, error) {
	out := make(map[string]*taskrouter.Counters, len(in.SubjectSIDs))
	for _, sid := range in.SubjectSIDs {
		out[sid] = &taskrouter.Counters{}
	}
	periods := cover(in.Window.Start, in.Window.End)
	if len(periods) == 0 || len(in.SubjectSIDs) == 0 {
		return out, nil
	}
	var rows []*statisticsRow
	q := s.read.NewSelect().Model(&rows).ColumnExpr("subject_sid, " + s.upserts.sums)
	q = ofAccount(q, accountSID, workspaceSID).
		Where("?TableAlias.period IN (?)", bun.List(periods)).
		Where("?TableAlias.subject_sid IN (?)", bun.List(in.SubjectSIDs))
	q = equals(q, "task_channel_sid", in.ChannelSID).GroupExpr("subject_sid")
	if err := q.Scan(ctx); err != nil {
		return nil, classify(err, "read statistics")
	}
	for _, r := range rows {
		out[r.SubjectSID] = r.domain()
	}
	return out, nil
}

// WaitSplits counts for each subject the waits that ended in the window, split
// at each threshold, in seconds. Its cost grows with the number of different
// lengths of waits in it; see FoldStatistics.
func (s *Store) WaitSplits(ctx context.Context, accountSID, workspaceSID string, in taskrouter.CountQuery, thresholds []int64) (map[string]map[int64]taskrouter.WaitSplit, error) {
	ordered := slices.Compact(slices.Sorted(slices.Values(thresholds)))
	classes := make(map[string]*waitClasses, len(in.SubjectSIDs))
	for _, sid := range in.SubjectSIDs {
		classes[sid] = newWaitClasses(len(ordered))
	}
	if periods := cover(in.Window.Start, in.Window.End); len(periods) > 0 && len(in.SubjectSIDs) > 0 && len(thresholds) > 0 {
		if err := s.readWaits(ctx, accountSID, workspaceSID, in, periods, ordered, classes); err != nil {
			return nil, classify(err, "read statistics")
		}
	}
	out := make(map[string]map[int64]taskrouter.WaitSplit, len(classes))
	for sid, c := range classes {
		out[sid] = c.splits(ordered)
	}
	return out, nil
}

// readWaits counts waits between thresholds. Rows and the histograms they are
// folded into are read in one statement, so that none is seen in both.
func (s *Store) readWaits(ctx context.Context, accountSID, workspaceSID string, in taskrouter.CountQuery, periods, thresholds []int64, into map[string]*waitClasses) error {
	// The database sorts the waits into the classes between two thresholds:
	// class i holds those above i of them.
	class := "0"
	for _, t := range thresholds {
		class += s.write.QueryGen().FormatQuery(" + (CASE WHEN wait > ? THEN 1 ELSE 0 END)", t)
	}
	about := func(q *bun.SelectQuery, periods []int64) *bun.SelectQuery {
		q = ofAccount(q, accountSID, workspaceSID).
			Where("?TableAlias.period IN (?)", bun.List(periods)).
			Where("?TableAlias.subject_sid IN (?)", bun.List(in.SubjectSIDs))
		return equals(q, "task_channel_sid", in.ChannelSID)
	}
	loose := about(s.read.NewSelect().Model((*waitRow)(nil)).
		ColumnExpr("subject_sid, outcome, "+class+" AS class, CAST(SUM(n) AS BIGINT) AS n, '' AS waits"), periods).GroupExpr("1, 2, 3")
	folded := about(s.read.NewSelect().Model((*histogramRow)(nil)).
		ColumnExpr("subject_sid, '' AS outcome, 0 AS class, 0 AS n, waits"), foldable(periods))
	var rows []struct {
		SubjectSID string `bun:"subject_sid"`
		Outcome    string `bun:"outcome"`
		Class      int    `bun:"class"`
		N          int64  `bun:"n"`
		Waits      string `bun:"waits"`
	}
	if err := s.read.NewRaw("? UNION ALL ?", loose, folded).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		c := into[r.SubjectSID]
		switch taskrouter.Outcome(r.Outcome) {
		case taskrouter.OutcomeAccepted:
			c.accepted[r.Class] += r.N
		case taskrouter.OutcomeCanceled:
			c.canceled[r.Class] += r.N
		case taskrouter.OutcomeNone:
			c.add(r.Waits, thresholds)
		}
	}
	return nil
}

// WorkerCounters returns the counters of Workers together. With a selection
// its cost grows with the number of Workers that were offered something.
func (s *Store) WorkerCounters(ctx context.Context, accountSID, workspaceSID string, w taskrouter.WorkerSelection, window taskrouter.Window, channelSID string) (*taskrouter.Counters, error) {
	single := w.SID
	if w.Everyone() {
		// An offer is counted once for its Worker and once for the Workspace.
		single = workspaceSID
	}
	if single != "" && w.FriendlyName == "" && w.QueueSIDs == nil && w.SIDs == nil {
		found, err := s.Counters(ctx, accountSID, workspaceSID, taskrouter.CountQuery{
			Window: window, SubjectSIDs: []string{single}, ChannelSID: channelSID,
		})
		return found[single], err
	}
	periods := cover(window.Start, window.End)
	if len(periods) == 0 {
		return &taskrouter.Counters{}, nil
	}
	var rows []*statisticsRow
	q := s.read.NewSelect().Model(&rows).ColumnExpr("'' AS subject_sid, " + s.upserts.sums)
	q = ofAccount(q, accountSID, workspaceSID).
		Where("?TableAlias.period IN (?)", bun.List(periods)).
		Where("?TableAlias.subject_sid > ? AND ?TableAlias.subject_sid < ?", "WK", "WL")
	q = selected(q, "subject_sid", workspaceSID, w)
	q = equals(q, "task_channel_sid", channelSID).Having("COUNT(*) > 0")
	if err := q.Scan(ctx); err != nil {
		return nil, classify(err, "read statistics")
	}
	if len(rows) == 0 {
		return &taskrouter.Counters{}, nil
	}
	return rows[0].domain(), nil
}

// selected keeps rows of the Workers of a selection; column holds their SIDs.
func selected(q *bun.SelectQuery, column, workspaceSID string, w taskrouter.WorkerSelection) *bun.SelectQuery {
	at := "?TableAlias." + column
	if w.SID != "" {
		q = q.Where(at+" = ?", w.SID)
	}
	if w.SIDs != nil {
		q = q.Where(at+" IN (?)", bun.List(w.SIDs))
	}
	if w.FriendlyName != "" {
		q = q.Where(at+" IN (SELECT n.sid FROM workers AS n WHERE n.workspace_sid = ? AND n.name_key = ?)", workspaceSID, nameKey(w.FriendlyName))
	}
	if w.QueueSIDs != nil {
		q = q.Where("EXISTS (SELECT 1 FROM queue_members AS m WHERE m.queue_sid IN (?) AND m.worker_sid = "+at+")", bun.List(w.QueueSIDs))
	}
	return q
}

// stays is how long some stays in an Activity took, in microseconds.
type stays struct {
	ActivitySID string `bun:"activity_sid"`
	N           int64  `bun:"n"`
	Total       int64  `bun:"total"`
	Min         int64  `bun:"least"`
	Max         int64  `bun:"most"`
}

// ActivityDurations sums up for each Activity the time Workers spent in it
// during a window. Each uninterrupted stay counts once, with its part inside
// the window. Its cost grows with the number of Activity changes since the
// start of the window and with the number of Workers.
func (s *Store) ActivityDurations(ctx context.Context, accountSID, workspaceSID string, w taskrouter.WorkerSelection, window taskrouter.Window) (map[string]taskrouter.Durations, error) {
	from, to := micros(window.Start), micros(window.End)
	// Past stays, cut off at both ends.
	past := s.read.NewSelect().Model((*stayRow)(nil)).ColumnExpr("activity_sid, "+
		"(CASE WHEN until_at < ? THEN until_at ELSE ? END) - (CASE WHEN since_at > ? THEN since_at ELSE ? END) AS spent", to, to, from, from)
	past = ofAccount(past, accountSID, workspaceSID).Where("?TableAlias.until_at > ? AND ?TableAlias.since_at < ?", from, to)
	past = selected(past, "worker_sid", workspaceSID, w)
	if s.dialect.namesIndexes && w.SID != "" {
		past = s.dialect.along(past, "statistics_stays", "statistics_stays_worker")
	}
	// The stays that go on.
	now := s.read.NewSelect().Model((*workerRow)(nil)).ColumnExpr("activity_sid, "+
		"? - (CASE WHEN date_status_changed > ? THEN date_status_changed ELSE ? END) AS spent", to, from, from)
	now = ofAccount(now, accountSID, workspaceSID).Where("?TableAlias.date_status_changed < ?", to)
	now = selected(now, "sid", workspaceSID, w)

	sums := map[string]*stays{}
	for _, part := range []*bun.SelectQuery{past, now} {
		var rows []*stays
		err := s.read.NewSelect().TableExpr("(?) AS p", part).
			ColumnExpr("activity_sid, COUNT(*) AS n, CAST(SUM(spent) AS BIGINT) AS total, MIN(spent) AS least, MAX(spent) AS most").
			GroupExpr("activity_sid").Scan(ctx, &rows)
		if err != nil {
			return nil, classify(err, "read statistics")
		}
		for _, r := range rows {
			sum := sums[r.ActivitySID]
			if sum == nil {
				sums[r.ActivitySID] = r
				continue
			}
			sum.N, sum.Total = sum.N+r.N, sum.Total+r.Total
			sum.Min, sum.Max = min(sum.Min, r.Min), max(sum.Max, r.Max)
		}
	}
	out := make(map[string]taskrouter.Durations, len(sums))
	for sid, r := range sums {
		second := time.Second.Microseconds()
		out[sid] = taskrouter.Durations{N: r.N, Total: r.Total / second, Min: r.Min / second, Max: r.Max / second}
	}
	return out, nil
}

// DeleteStatisticsBefore removes what was counted before t and returns how
// many rows it removed. A call does a bounded part of the work: it is to be
// repeated until nothing is left. For retention: not scoped.
func (s *Store) DeleteStatisticsBefore(ctx context.Context, t time.Time, limit int) (int, error) {
	workspaces, err := column[string](ctx, s.read, "list Workspaces", "SELECT workspace_sid FROM workspace_locks ORDER BY workspace_sid")
	if err != nil {
		return 0, err
	}
	total := 0
	for _, ws := range workspaces {
		for level := range periodSizes {
			first, end := period(level, 0), period(level, t.Unix())
			for _, table := range []string{"statistics", "statistics_waits", "statistics_histograms"} {
				n, err := s.deleteOldest(ctx, table, "period", ws, first, end, limit-total)
				if total += n; err != nil || total >= limit {
					return total, err
				}
			}
		}
		n, err := s.deleteOldest(ctx, "statistics_stays", "until_at", ws, 0, micros(t), limit-total)
		if total += n; err != nil || total >= limit {
			return total, err
		}
	}
	return total, nil
}

// deleteOldest removes the first rows of a range of a key column. All rows of
// one value go together, so that a little more than the limit may be removed.
func (s *Store) deleteOldest(ctx context.Context, table, key, workspaceSID string, from, to int64, limit int) (int, error) {
	// Looked for without the writer's lock: most of the time there is none.
	last, err := column[int64](ctx, s.read, "list old statistics",
		"SELECT ? FROM ? WHERE workspace_sid = ? AND ? >= ? AND ? < ? ORDER BY ? LIMIT ?",
		bun.Ident(key), bun.Ident(table), workspaceSID, bun.Ident(key), from, bun.Ident(key), to, bun.Ident(key), limit)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return s.exec(ctx, s.write, "delete old statistics", "DELETE FROM ? WHERE workspace_sid = ? AND ? >= ? AND ? <= ?",
		bun.Ident(table), workspaceSID, bun.Ident(key), from, bun.Ident(key), last[len(last)-1])
}
