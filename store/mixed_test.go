package store

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever adds a table or a column adds a row to the lists, or says here why
// not.
func TestMixedRowsKnowsEveryTable(t *testing.T) {
	s, err := Open(t.Context(), Options{URL: MemoryURL})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(t.Context()))
	tables, err := column[string](t.Context(), s.read, "list tables", "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
	require.NoError(t, err)
	// What a column names by its name; others, such as actor_sid, may name
	// anything.
	targets := map[string]string{
		"activity_sid": "activities", "task_channel_sid": "task_channels", "channel_sid": "task_channels", "queue_sid": "task_queues",
		"workflow_sid": "workflows", "worker_sid": "workers", "task_sid": "tasks", "reservation_sid": "reservations", "call_queue_sid": "call_queues",
	}
	spared := []string{
		"calls.call_queue_sid", // listed, beside the account's own
		// Aggregates of what was: their rows are not found by one key.
		"statistics.task_channel_sid", "statistics_waits.task_channel_sid", "statistics_histograms.task_channel_sid",
		// The Activity of an offer, in a Workspace that takes one Task at a time.
		"reservations.post_work_activity_sid", "reservations.previous_activity_sid",
	}
	for _, table := range tables {
		columns, err := column[string](t.Context(), s.read, "list columns", "SELECT name FROM pragma_table_info(?)", table)
		require.NoError(t, err)
		if !slices.Contains(columns, "workspace_sid") {
			continue
		}
		if slices.Contains(columns, "account_sid") {
			require.True(t, slices.ContainsFunc(owned, func(o struct{ table, key string }) bool { return o.table == table }), "%s is not owned", table)
		}
		for _, c := range columns {
			to := targets[c]
			if to == "" && strings.HasSuffix(c, "_activity_sid") {
				to = "activities"
			}
			if to == "" || slices.Contains(spared, table+"."+c) {
				continue
			}
			require.True(t, slices.ContainsFunc(references, func(r struct{ table, key, column, to string }) bool {
				return r.table == table && r.column == c && r.to == to
			}), "%s.%s refers to %s", table, c, to)
		}
	}
	found, err := s.MixedRows(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Empty(t, found)
}
