package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// The readers of legs and calls serve webhooks and pollers, which know a
// call's key and no Workspace; only those of call queues are scoped.

// LiveLegs returns the agents' legs on a back-end that have not ended.
func (s *Store) LiveLegs(ctx context.Context, backend string) ([]*taskrouter.Leg, error) {
	return find(ctx, s.read, "list legs", (*legRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("backend = ? AND NOT is_ended", backend).OrderExpr("created_at, attempt")
	})
}

// LiveCalls returns the callers' legs on a back-end that have not ended.
func (s *Store) LiveCalls(ctx context.Context, backend string) ([]*taskrouter.Call, error) {
	return find(ctx, s.read, "list calls", (*callRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("backend = ? AND NOT is_ended", backend).OrderExpr("created_at, call_sid")
	})
}

// FetchLeg returns an agent's leg by its attempt, or nil.
func (s *Store) FetchLeg(ctx context.Context, attempt string) (*taskrouter.Leg, error) {
	return fetch(ctx, s.read, "read a leg", (*legRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("attempt = ?", attempt)
	})
}

// LegByCallSID returns the agent's leg that any of the platform's calls belongs
// to, or nil.
func (s *Store) LegByCallSID(ctx context.Context, backend, callSID string) (*taskrouter.Leg, error) {
	return fetch(ctx, s.read, "read a leg", (*legRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("attempt = (SELECT c.attempt FROM leg_calls AS c WHERE c.backend = ? AND c.call_sid = ?)", backend, callSID)
	})
}

// CallByRef returns a caller's leg, or nil.
func (s *Store) CallByRef(ctx context.Context, ref dispatch.CallRef) (*taskrouter.Call, error) {
	return fetch(ctx, s.read, "read a call", (*callRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account_sid = ? AND backend = ? AND call_sid = ?", ref.AccountSID, ref.Backend, ref.CallSID)
	})
}

// FetchCallQueue returns a call queue, or nil.
func (s *Store) FetchCallQueue(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.CallQueue, error) {
	q, err := one(ctx, s, "read a call queue", (*callQueueRow).domain, accountSID, workspaceSID, sid)
	if err != nil || q == nil {
		return nil, err
	}
	return q, withNumbers(ctx, s.read, []*taskrouter.CallQueue{q})
}

// ListCallQueues pages through call queues.
func (s *Store) ListCallQueues(ctx context.Context, accountSID, workspaceSID string, p taskrouter.Page) ([]*taskrouter.CallQueue, error) {
	queues, err := list(ctx, s.read, "list call queues", (*callQueueRow).domain, within(accountSID, workspaceSID), byCreation, p, everything)
	if err != nil {
		return nil, err
	}
	return queues, withNumbers(ctx, s.read, queues)
}

// CallQueueByNumber returns the call queue a number of a back-end belongs to,
// or nil. An empty account means any: a number belongs to one.
func (s *Store) CallQueueByNumber(ctx context.Context, accountSID, backend, number string) (*taskrouter.CallQueue, error) {
	q, err := fetch(ctx, s.read, "read a call queue", (*callQueueRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("sid = (SELECT n.call_queue_sid FROM call_queue_numbers AS n WHERE n.backend = ? AND n.phone_number = ?)", backend, number)
		return equals(q, "account_sid", accountSID)
	})
	if err != nil || q == nil {
		return nil, err
	}
	return q, withNumbers(ctx, s.read, []*taskrouter.CallQueue{q})
}
