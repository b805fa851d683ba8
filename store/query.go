package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// find reads all rows a query selects. build adds the conditions; what is the
// verb for errors.
func find[R, D any](ctx context.Context, db bun.IDB, what string, domain func(*R) D, build func(*bun.SelectQuery) *bun.SelectQuery) ([]D, error) {
	var rows []*R
	if err := build(db.NewSelect().Model(&rows)).Scan(ctx); err != nil {
		return nil, classify(err, what)
	}
	return mapped(rows, domain), nil
}

// findOne reads the first row a query selects; found is false when there is
// none.
func findOne[R, D any](ctx context.Context, db bun.IDB, what string, domain func(*R) D, build func(*bun.SelectQuery) *bun.SelectQuery) (d D, found bool, err error) {
	all, err := find(ctx, db, what, domain, func(q *bun.SelectQuery) *bun.SelectQuery { return build(q).Limit(1) })
	if err != nil || len(all) == 0 {
		return d, false, err
	}
	return all[0], true, nil
}

// fetch is findOne for pointers: nil when there is no such row.
func fetch[R, D any](ctx context.Context, db bun.IDB, what string, domain func(*R) *D, build func(*bun.SelectQuery) *bun.SelectQuery) (*D, error) {
	d, _, err := findOne(ctx, db, what, domain, build)
	return d, err
}

// column reads one column of all rows of a statement.
func column[T any](ctx context.Context, db bun.IDB, what, statement string, args ...any) ([]T, error) {
	var out []T
	if err := db.NewRaw(statement, args...).Scan(ctx, &out); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, classify(err, what)
	}
	return out, nil
}

// value reads one column of the first row; the zero value when there is none.
func value[T any](ctx context.Context, db bun.IDB, what, statement string, args ...any) (T, error) {
	var out T
	if err := db.NewRaw(statement, args...).Scan(ctx, &out); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return out, classify(err, what)
	}
	return out, nil
}
