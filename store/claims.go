package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store/compiled"
	"github.com/taskrouter/taskrouter/taskrouter"
)

type claimRow struct {
	bun.BaseModel `bun:"table:claims,alias:claims"`

	AccountSID   string `bun:"account_sid,pk"`
	Key          string `bun:"claim_key,pk"`
	Fingerprint  string `bun:"fingerprint"`
	ResourceSID  string `bun:"resource_sid"`
	IsDone       bool   `bun:"is_done"`
	HeldUntil    int64  `bun:"held_until"`
	AnswerStatus int    `bun:"answer_status"`
	AnswerETag   string `bun:"answer_etag"`
	AnswerBody   string `bun:"answer_body"`
	CreatedAt    int64  `bun:"created_at"`
}

func fromClaim(c *taskrouter.Claim) *claimRow {
	return &claimRow{
		AccountSID: c.AccountSID, Key: c.Key, Fingerprint: c.Fingerprint, ResourceSID: c.ResourceSID,
		HeldUntil: micros(c.HeldUntil), CreatedAt: micros(c.CreatedAt),
	}
}

func (r *claimRow) domain() *taskrouter.Claim {
	c := &taskrouter.Claim{
		AccountSID: r.AccountSID, Key: r.Key, Fingerprint: r.Fingerprint, ResourceSID: r.ResourceSID,
		Done: r.IsDone, HeldUntil: instant(r.HeldUntil), CreatedAt: instant(r.CreatedAt),
	}
	if r.AnswerStatus != 0 {
		c.Answer = &taskrouter.ClaimAnswer{Status: r.AnswerStatus, ETag: r.AnswerETag, Body: r.AnswerBody}
	}
	return c
}

// TakeClaim stores a claim and reports true, or returns the one that is stored.
// A stored claim that was made before expired is replaced. One that asks for
// the same, has no answer and is held no longer than c.CreatedAt is taken over:
// then true is reported as well, and the SID is the stored one.
func (s *Store) TakeClaim(ctx context.Context, c *taskrouter.Claim, expired time.Time) (out *taskrouter.Claim, taken bool, err error) {
	const what = "take a claim"
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		result, err := q.NewInsert().Model(fromClaim(c)).On("CONFLICT (account_sid, claim_key) DO NOTHING").Returning("").Exec(ctx)
		if err != nil {
			return classify(err, what)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return classify(err, what)
		}
		if n == 0 {
			// Replaced and taken over at once: an old claim is free.
			replaced, err := s.exec(ctx, q, what, "UPDATE claims SET fingerprint = ?, resource_sid = ?, is_done = FALSE, held_until = ?,"+
				" answer_status = 0, answer_etag = '', answer_body = '', created_at = ?"+
				" WHERE account_sid = ? AND claim_key = ? AND created_at < ?",
				c.Fingerprint, c.ResourceSID, micros(c.HeldUntil), micros(c.CreatedAt), c.AccountSID, c.Key, micros(expired))
			if err != nil {
				return err
			}
			if n = int64(replaced); replaced == 0 {
				over, err := s.exec(ctx, q, what, "UPDATE claims SET held_until = ?"+
					" WHERE account_sid = ? AND claim_key = ? AND fingerprint = ? AND answer_status = 0 AND held_until <= ?",
					micros(c.HeldUntil), c.AccountSID, c.Key, c.Fingerprint, micros(c.CreatedAt))
				if err != nil {
					return err
				}
				n = int64(over)
			}
		}
		taken = n > 0
		out, err = findClaim(ctx, q, c)
		return err
	})
	if err == nil && out == nil { // given up by its holder at this very moment
		return nil, false, taskrouter.Errorf(taskrouter.KindConflict, "The claim was given up")
	}
	return out, taken && err == nil, err
}

func findClaim(ctx context.Context, db bun.IDB, c *taskrouter.Claim) (*taskrouter.Claim, error) {
	return fetch(ctx, db, "read a claim", (*claimRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account_sid = ? AND claim_key = ?", c.AccountSID, c.Key)
	})
}

// ClaimDone reports whether the resource of a claim was created.
func (s *Store) ClaimDone(ctx context.Context, c *taskrouter.Claim) (bool, error) {
	return value[bool](ctx, s.read, "read a claim", "SELECT is_done FROM claims WHERE resource_sid = ?", c.ResourceSID)
}

// AnswerClaim keeps the answer to the request that made the claim; the first
// one stays.
func (s *Store) AnswerClaim(ctx context.Context, c *taskrouter.Claim, a taskrouter.ClaimAnswer) error {
	_, err := s.exec(ctx, s.write, "answer a claim",
		"UPDATE claims SET answer_status = ?, answer_etag = ?, answer_body = ? WHERE resource_sid = ? AND answer_status = 0",
		a.Status, a.ETag, a.Body, c.ResourceSID)
	return err
}

// ReleaseClaim lets the next request take a claim over.
func (s *Store) ReleaseClaim(ctx context.Context, c *taskrouter.Claim) error {
	_, err := s.exec(ctx, s.write, "release a claim", "UPDATE claims SET held_until = 0 WHERE resource_sid = ? AND answer_status = 0", c.ResourceSID)
	return err
}

// DropClaim forgets a claim for which nothing was created.
func (s *Store) DropClaim(ctx context.Context, c *taskrouter.Claim) error {
	_, err := s.exec(ctx, s.write, "drop a claim", "DELETE FROM claims WHERE resource_sid = ? AND NOT is_done", c.ResourceSID)
	return err
}

// DeleteClaimsBefore removes at most limit claims made before a time and
// returns their number.
func (s *Store) DeleteClaimsBefore(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.exec(ctx, s.write, "delete claims", "DELETE "+compiled.Anew+" FROM claims WHERE resource_sid IN"+
		" (SELECT resource_sid FROM claims WHERE created_at < ? ORDER BY created_at LIMIT ?)", micros(before), limit)
}

// claimed reads whether the resource of a claim was created; nothing when no
// claim stands. It holds the row until the transaction ends, so that nobody
// drops it meanwhile.
func claimed(ctx context.Context, s *Store, q bun.Tx, sid string) ([]bool, error) {
	return column[bool](ctx, q, "read a claim", "SELECT is_done FROM claims WHERE resource_sid = ?"+s.dialect.locking(), sid)
}

func errClaimUsed() error {
	return taskrouter.Errorf(taskrouter.KindConflict, "Another request with this idempotency token was carried out")
}

// ClaimUnused implements dispatch.Tx.
func (t *transaction) ClaimUnused(ctx context.Context, sid string) error {
	done, err := claimed(ctx, t.store, t.q, sid)
	if err == nil && (len(done) == 0 || done[0]) {
		err = errClaimUsed()
	}
	return err
}

// fulfilled lists the claims that a new resource fulfils: the one with its SID,
// if any, which must not be done.
func fulfilled(ctx context.Context, s *Store, q bun.Tx, sid string) ([]string, error) {
	done, err := claimed(ctx, s, q, sid)
	switch {
	case err != nil || len(done) == 0:
		return nil, err
	case done[0]:
		return nil, errClaimUsed()
	default:
		return []string{sid}, nil
	}
}

// writeClaims notes which claims this transaction fulfils.
func writeClaims(b *batch, c *dispatch.Changes) {
	if len(c.Claims) > 0 {
		b.add("UPDATE claims SET is_done = TRUE WHERE resource_sid IN (?)", bun.List(c.Claims))
	}
}
