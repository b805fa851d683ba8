package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// DialAttempt is what is known about the placing of an agent's leg.
type DialAttempt struct {
	Backend, ID string
	State       string
	To, From    string
	// Placement counts the requests sent.
	Placement         int
	StartedAt, SentAt time.Time
	CallSIDs          []string
	// Failure is the class of the last error.
	Failure int
}

type dialAttemptRow struct {
	bun.BaseModel `bun:"table:dial_attempts,alias:dial_attempts"`

	Backend   string `bun:"backend,pk"`
	ID        string `bun:"attempt,pk"`
	State     string `bun:"state"`
	To        string `bun:"to_address"`
	From      string `bun:"from_address"`
	Placement int    `bun:"placement"`
	StartedAt int64  `bun:"started_at"`
	SentAt    int64  `bun:"sent_at"`
	Failure   int    `bun:"failure"`
}

type dialAttemptCallRow struct {
	bun.BaseModel `bun:"table:dial_attempt_calls,alias:dial_attempt_calls"`

	Backend string `bun:"backend,pk"`
	CallSID string `bun:"call_sid,pk"`
	ID      string `bun:"attempt"`
}

func fromDialAttempt(a *DialAttempt) *dialAttemptRow {
	return &dialAttemptRow{
		Backend: a.Backend, ID: a.ID, State: a.State, To: a.To, From: a.From, Placement: a.Placement,
		StartedAt: micros(a.StartedAt), SentAt: micros(a.SentAt), Failure: a.Failure,
	}
}

func (r *dialAttemptRow) domain() *DialAttempt {
	return &DialAttempt{
		Backend: r.Backend, ID: r.ID, State: r.State, To: r.To, From: r.From, Placement: r.Placement,
		StartedAt: instant(r.StartedAt), SentAt: instant(r.SentAt), Failure: r.Failure,
	}
}

// BeginDialAttempt stores a new attempt, or returns the one stored before with
// created false.
func (s *Store) BeginDialAttempt(ctx context.Context, a *DialAttempt) (stored *DialAttempt, created bool, err error) {
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		res, err := q.NewInsert().Model(fromDialAttempt(a)).On("CONFLICT DO NOTHING").Exec(ctx)
		if err != nil {
			return classify(err, "begin a dial attempt")
		}
		if n, err := res.RowsAffected(); err == nil && n == 1 {
			stored, created = a, true
			return nil
		}
		stored, err = s.dialAttempt(ctx, q, a.Backend, a.ID, false)
		return err
	})
	return stored, created, err
}

// FetchDialAttempt returns an attempt with the calls known for it, or nil.
func (s *Store) FetchDialAttempt(ctx context.Context, backend, id string) (*DialAttempt, error) {
	return s.dialAttempt(ctx, s.read, backend, id, false)
}

func (s *Store) dialAttempt(ctx context.Context, q bun.IDB, backend, id string, lock bool) (*DialAttempt, error) {
	a, err := fetch(ctx, q, "read a dial attempt", (*dialAttemptRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("backend = ? AND attempt = ?", backend, id)
		if lock {
			q = s.dialect.forUpdate(q)
		}
		return q
	})
	if err != nil || a == nil {
		return nil, err
	}
	a.CallSIDs, err = column[string](ctx, q, "read the calls of a dial attempt",
		"SELECT call_sid FROM dial_attempt_calls WHERE backend = ? AND attempt = ? ORDER BY call_sid", backend, id)
	return a, err
}

// UpdateDialAttempt changes a stored attempt under its row's lock and returns
// it as it stands; nil when there is none. Calls are only ever added.
func (s *Store) UpdateDialAttempt(ctx context.Context, backend, id string, change func(a *DialAttempt)) (out *DialAttempt, err error) {
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		out, err = s.dialAttempt(ctx, q, backend, id, true)
		if err != nil || out == nil {
			return err
		}
		known := slices.Clone(out.CallSIDs)
		change(out)
		if _, err := q.NewUpdate().Model(fromDialAttempt(out)).WherePK().Exec(ctx); err != nil {
			return classify(err, "save a dial attempt")
		}
		for _, sid := range out.CallSIDs {
			if slices.Contains(known, sid) {
				continue
			}
			row := &dialAttemptCallRow{Backend: backend, CallSID: sid, ID: id}
			if _, err := q.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
				return classify(err, "save a dialled call")
			}
		}
		return nil
	})
	return out, err
}

// OwnerOfDialledCall tells which attempt a call belongs to; empty when none.
func (s *Store) OwnerOfDialledCall(ctx context.Context, backend, callSID string) (string, error) {
	return value[string](ctx, s.read, "read the owner of a call",
		"SELECT attempt FROM dial_attempt_calls WHERE backend = ? AND call_sid = ?", backend, callSID)
}

// DeleteDialAttemptsBefore removes attempts begun before a time, at most limit,
// and returns how many. A leg lives for hours at most; what is older can
// neither be placed again nor be asked about.
func (s *Store) DeleteDialAttemptsBefore(ctx context.Context, before time.Time, limit int) (int, error) {
	n := 0
	err := s.inTransaction(ctx, func(q bun.Tx) error {
		var rows []*dialAttemptRow
		err := q.NewSelect().Model(&rows).Where("started_at < ?", micros(before)).OrderExpr("started_at").Limit(int64(limit)).Scan(ctx)
		if err != nil {
			return classify(err, "find old dial attempts")
		}
		for _, r := range rows {
			if _, err := s.exec(ctx, q, "delete dialled calls", "DELETE FROM dial_attempt_calls WHERE backend = ? AND attempt = ?", r.Backend, r.ID); err != nil {
				return err
			}
			if _, err := s.exec(ctx, q, "delete a dial attempt", "DELETE FROM dial_attempts WHERE backend = ? AND attempt = ?", r.Backend, r.ID); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	return n, err
}
