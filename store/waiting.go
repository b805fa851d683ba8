package store

import "context"

// CountWaiting counts the Tasks of an account that wait for an agent, those in
// the pause after a failed offer left out. It adds up the counts of demand
// classes, of which there are fewer than Tasks.
func (s *Store) CountWaiting(ctx context.Context, accountSID string) (int, error) {
	return value[int](ctx, s.read, "count waiting Tasks",
		"SELECT CAST(COALESCE(SUM(c.waiting), 0) AS BIGINT) FROM workspaces AS w"+
			" JOIN demand_classes AS c ON c.workspace_sid = w.sid WHERE w.account_sid = ?", accountSID)
}
