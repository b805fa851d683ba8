package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestSQLiteStatisticsPlans shows that statistics are read along their indexes
// and that counts of what there is need no table but the index.
func TestSQLiteStatisticsPlans(t *testing.T) {
	t.Parallel()
	s := migrated(t, MemoryURL)
	rec := &recorder{}
	s.read = s.read.WithQueryHook(rec)
	now := time.Now()
	window := taskrouter.Window{Start: now.Add(-24 * time.Hour), End: now}
	in := taskrouter.CountQuery{Window: window, SubjectSIDs: []string{"WQ1", "WQ2"}}
	for name, part := range map[string]struct {
		read func(ctx context.Context) error
		want []string
	}{
		"counters": {
			func(ctx context.Context) error { _, err := s.Counters(ctx, "AC1", "WS1", in); return err },
			[]string{"SEARCH statistics USING PRIMARY KEY (workspace_sid=? AND period=? AND subject_sid=?)"},
		},
		"splits": {func(ctx context.Context) error {
			_, err := s.WaitSplits(ctx, "AC1", "WS1", in, []int64{5})
			return err
		}, []string{"SEARCH statistics_waits USING PRIMARY KEY (workspace_sid=? AND period=? AND subject_sid=?)"}},
		"counters of some workers": {func(ctx context.Context) error {
			_, err := s.WorkerCounters(ctx, "AC1", "WS1", taskrouter.WorkerSelection{QueueSIDs: []string{"WQ1"}}, window, "")
			return err
		}, []string{"SEARCH statistics USING PRIMARY KEY (workspace_sid=? AND period=?"}},
		"time of all": {func(ctx context.Context) error {
			_, err := s.ActivityDurations(ctx, "AC1", "WS1", taskrouter.WorkerSelection{}, window)
			return err
		}, []string{"SEARCH statistics_stays USING PRIMARY KEY (workspace_sid=? AND until_at>?)"}},
		"time of one": {func(ctx context.Context) error {
			_, err := s.ActivityDurations(ctx, "AC1", "WS1", taskrouter.WorkerSelection{SID: "WK1"}, window)
			return err
		}, []string{"statistics_stays_worker (worker_sid=? AND until_at>?)"}},
		"tasks": {func(ctx context.Context) error {
			_, err := s.TaskCensus(ctx, "AC1", "WS1", taskrouter.TaskCensusQuery{})
			return err
		}, []string{"tasks_census (workspace_sid=?)"}},
		"tasks of queues": {func(ctx context.Context) error {
			_, err := s.TaskCensus(ctx, "AC1", "WS1", taskrouter.TaskCensusQuery{QueueSIDs: []string{"WQ1"}})
			return err
		}, []string{"tasks_census (workspace_sid=? AND queue_sid=?)"}},
		"workers": {func(ctx context.Context) error {
			_, err := s.WorkerCensus(ctx, "AC1", "WS1", taskrouter.WorkerSelection{})
			return err
		}, []string{"workers_activity (workspace_sid=?)"}},
		"members": {func(ctx context.Context) error {
			_, err := s.MemberCensus(ctx, "AC1", "WS1", []string{"WQ1"})
			return err
		}, []string{"SEARCH m USING"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, part.read(t.Context()))
			plan := explain(t, s, rec.take())
			for _, want := range part.want {
				require.Contains(t, plan, want)
			}
			require.NotRegexp(t, `(?m)^SCAN (tasks|workers|statistics|m|w)\b`, plan)
		})
	}
}
