package store

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// What an erasure needs of the store. Documents are looked at by its caller;
// SQL knows nothing of what is in them. Each step is a transaction of its own.

// taskAttributes is the member of an event's data that holds a document.
const taskAttributes = "task_attributes"

// CallsAfter pages through the calls of a Workspace in the order of their keys.
func (s *Store) CallsAfter(ctx context.Context, ws *taskrouter.Workspace, after dispatch.CallRef, limit int) ([]*taskrouter.Call, error) {
	return find(ctx, s.read, "read calls", (*callRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account_sid = ? AND workspace_sid = ?", ws.AccountSID, ws.SID).
			Where("(account_sid, backend, call_sid) > (?, ?, ?)", ws.AccountSID, after.Backend, after.CallSID).
			OrderExpr("account_sid, backend, call_sid").Limit(int64(limit))
	})
}

// CallsOfTasks returns the calls that became one of some Tasks, live or not.
func (s *Store) CallsOfTasks(ctx context.Context, workspaceSID string, taskSIDs []string) ([]*taskrouter.Call, error) {
	if len(taskSIDs) == 0 {
		return nil, nil
	}
	return find(ctx, s.read, "read calls", (*callRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("workspace_sid = ? AND task_sid IN (?) AND task_sid <> ''", workspaceSID, bun.List(taskSIDs)).OrderExpr("backend, call_sid")
	})
}

// RedactCalls replaces what is known about callers by nothing, in calls that
// have ended, and returns how many it changed.
func (s *Store) RedactCalls(ctx context.Context, workspaceSID string, calls []dispatch.CallRef, number string) (n int, err error) {
	err = s.inWorkspace(ctx, workspaceSID, func(t *transaction) error {
		for _, c := range calls {
			changed, err := s.exec(ctx, t.q, "redact a call", "UPDATE calls SET from_address = '', menu_facts = ?, facts = ?,"+
				" to_address = CASE WHEN to_address = ? THEN '' ELSE to_address END"+
				" WHERE workspace_sid = ? AND backend = ? AND call_sid = ? AND is_ended AND (from_address <> '' OR menu_facts <> ? OR facts <> ?)",
				redacted, redacted, number, workspaceSID, c.Backend, c.CallSID, redacted, redacted)
			if err != nil {
				return err
			}
			n += changed
		}
		return nil
	})
	return n, err
}

const redacted = string(taskrouter.RedactedAttributes)

// inWorkspace is InWorkspace for the store's own statements.
func (s *Store) inWorkspace(ctx context.Context, workspaceSID string, fn func(t *transaction) error) error {
	return s.InWorkspace(ctx, workspaceSID, func(_ context.Context, tx dispatch.Tx) error {
		return fn(tx.(*transaction)) // InWorkspace makes no other
	})
}

// RedactedEvents is what became of the events of some Tasks.
type RedactedEvents struct {
	// Events counts those that were changed, or would be.
	Events int
	// Documents are the attributes they held, ReservationSIDs what they speak of.
	Documents       []taskrouter.Attributes
	ReservationSIDs []string
}

// RedactEvents replaces the Task's attributes in all events of some Tasks. With
// look nothing is changed.
func (s *Store) RedactEvents(ctx context.Context, workspaceSID string, taskSIDs []string, look bool) (*RedactedEvents, error) {
	out := &RedactedEvents{}
	documents, reservations := map[string]bool{}, map[string]bool{}
	work := func(q bun.IDB, b *batch) error {
		var rows []*eventRow
		err := s.dialect.along(q.NewSelect().Model(&rows), "events", "events_task").Column("seq", "data", "reservation_sid").
			Where("workspace_sid = ? AND task_sid IN (?) AND task_sid <> ''", workspaceSID, bun.List(taskSIDs)).OrderExpr("seq").Scan(ctx)
		if err != nil {
			return classify(err, "read the event log")
		}
		for _, r := range rows {
			if r.ReservationSID != "" {
				reservations[r.ReservationSID] = true
			}
			data := decodeMap(r.Data)
			text, ok := data[taskAttributes]
			if !ok || text == redacted {
				continue
			}
			documents[text] = true
			out.Events++
			if b == nil {
				continue
			}
			data[taskAttributes] = redacted
			b.add("UPDATE events SET data = ? WHERE workspace_sid = ? AND seq = ?", encodeMap(data), workspaceSID, r.Seq)
			if len(b.text) >= bytesPerBatch {
				_ = b.send(ctx) // kept in b.err
			}
		}
		return nil
	}
	var err error
	if look {
		err = work(s.read, nil)
	} else {
		err = s.inTransaction(ctx, func(q bun.Tx) error {
			b := newBatch(q, s.write.QueryGen())
			if err := work(q, b); err != nil {
				return err
			}
			return classify(b.send(ctx), "redact events")
		})
	}
	for d := range documents {
		out.Documents = append(out.Documents, taskrouter.Attributes(d))
	}
	for r := range reservations {
		out.ReservationSIDs = append(out.ReservationSIDs, r)
	}
	return out, err
}

// RedactWork removes the instructions of closed Reservations of some Tasks, and
// a number from agents' legs that have ended. It returns how many rows it
// changed.
func (s *Store) RedactWork(ctx context.Context, workspaceSID string, taskSIDs []string, number string) (n int, err error) {
	err = s.inWorkspace(ctx, workspaceSID, func(t *transaction) error {
		for _, u := range []struct {
			statement string
			args      []any
		}{
			{"UPDATE reservations SET instruction = '' WHERE workspace_sid = ? AND task_sid IN (?) AND NOT is_open AND instruction <> ''", nil},
			{"UPDATE legs SET from_address = '' WHERE workspace_sid = ? AND task_sid IN (?) AND is_ended AND from_address = ?", []any{number}},
			{"UPDATE legs SET to_address = '' WHERE workspace_sid = ? AND task_sid IN (?) AND is_ended AND to_address = ?", []any{number}},
		} {
			changed, err := s.exec(ctx, t.q, "redact reservations", u.statement, append([]any{workspaceSID, bun.List(taskSIDs)}, u.args...)...)
			if err != nil {
				return err
			}
			n += changed
		}
		return nil
	})
	return n, err
}

// sidLength is how long a SID is; the name of an attempt begins with one.
const sidLength = 34

// RedactDialAttempts removes a number from what is remembered of calls to agents
// for some Reservations, once these calls are over, and returns how many it
// changed.
func (s *Store) RedactDialAttempts(ctx context.Context, reservationSIDs []string, number string) (int, error) {
	if len(reservationSIDs) == 0 {
		return 0, nil
	}
	return s.exec(ctx, s.write, "redact dial attempts", "UPDATE dial_attempts SET"+
		" from_address = CASE WHEN from_address = ? THEN '' ELSE from_address END,"+
		" to_address = CASE WHEN to_address = ? THEN '' ELSE to_address END"+
		" WHERE (from_address = ? OR to_address = ?) AND SUBSTR(attempt, 1, ?) IN (?)"+
		" AND NOT EXISTS (SELECT 1 FROM legs AS l WHERE l.attempt = dial_attempts.attempt AND NOT l.is_ended)",
		number, number, number, number, sidLength, bun.List(reservationSIDs))
}

// RedactClaims replaces the attributes in remembered answers to the requests
// that created some Tasks, and returns how many it changed. With look nothing is
// changed.
func (s *Store) RedactClaims(ctx context.Context, taskSIDs []string, look bool) (n int, err error) {
	claims, err := find(ctx, s.read, "read claims", (*claimRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("resource_sid IN (?) AND answer_status <> 0", bun.List(taskSIDs))
	})
	for _, c := range claims {
		body, changed := redactBody(c.Answer.Body)
		if !changed {
			continue
		}
		n++
		if look {
			continue
		}
		// The first answer stays, so that nobody has changed it meanwhile.
		if _, err := s.exec(ctx, s.write, "redact a claim", "UPDATE claims SET answer_body = ? WHERE resource_sid = ?", body, c.ResourceSID); err != nil {
			return n, err
		}
	}
	return n, err
}

// redactBody replaces the attributes in the JSON of a Task. The order of its
// members changes, which means nothing in JSON.
func redactBody(body string) (string, bool) {
	const name = "attributes"
	members := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(body), &members) != nil || members[name] == nil {
		return body, false
	}
	text, err := json.Marshal(redacted)
	if err != nil || string(members[name]) == string(text) {
		return body, false
	}
	members[name] = text
	out, err := json.Marshal(members)
	return string(out), err == nil
}

// sampleCandidates is how many Tasks of a class are looked at for a new sample.
const sampleCandidates = 1000

// RedactSamples replaces the documents that stand for classes of waiting Tasks
// where they are erased by one of another Task of the class; all of them say the
// same to the rules that read them. It returns how many it replaced.
func (s *Store) RedactSamples(ctx context.Context, workspaceSID string, erased func(taskrouter.Attributes) bool) (n int, err error) {
	err = s.inWorkspace(ctx, workspaceSID, func(t *transaction) error {
		classes, err := find(ctx, t.q, "read classes", (*classRow).domain, t.here)
		if err != nil {
			return err
		}
		for _, c := range classes {
			if !erased(c.Sample) {
				continue
			}
			others, err := column[string](ctx, t.q, "read Tasks of a class",
				"SELECT attributes FROM tasks WHERE workspace_sid = ? AND demand_class = ? AND demand_class <> '' LIMIT ?", workspaceSID, c.Key, sampleCandidates)
			if err != nil {
				return err
			}
			for _, other := range others {
				if erased(taskrouter.Attributes(other)) {
					continue
				}
				if _, err := s.exec(ctx, t.q, "replace a sample", "UPDATE demand_classes SET sample = ? WHERE workspace_sid = ? AND class_key = ?",
					other, workspaceSID, c.Key); err != nil {
					return err
				}
				n++
				break
			}
		}
		return nil
	})
	return n, err
}
