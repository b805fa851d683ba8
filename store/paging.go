package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// defaultPageSize applies when a page does not say its size.
const defaultPageSize = 50

// clause is one column of a list's order. All but the last one are integers;
// the last one is the SID and makes the order total.
type clause struct {
	column string
	desc   bool
}

// byCreation is the order of lists unless they say otherwise.
var byCreation = []clause{{column: "created_at"}, {column: "sid"}}

// scope restricts a list to what the caller may see. The item a page continues
// at is looked up in the scope, not among the filtered rows: it may have
// stopped to match the filter meanwhile.
type scope func(*bun.SelectQuery) *bun.SelectQuery

func within(accountSID, workspaceSID string) scope {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.account_sid = ? AND ?TableAlias.workspace_sid = ?", accountSID, workspaceSID)
	}
}

// list reads one page: up to Size+1 rows in the order of the list. With After
// the extra row is the last one, with Before it is the first. A mark that tells
// the place in this order is enough to go on; otherwise its item is looked up,
// and is a KindInvalid error when it does not exist.
func list[R, D any](ctx context.Context, db bun.IDB, what string, domain func(*R) D, sc scope, order []clause, p taskrouter.Page,
	filter func(*bun.SelectQuery) *bun.SelectQuery,
) ([]D, error) {
	return listAny(ctx, db, what, domain, sc, order, p, filter)
}

// listAny is list for rows that pass one of several filters; no row may pass
// two. Each filter can use an index of its own that has the order of the list:
// no more rows are read for each than fit on a page.
func listAny[R, D any](ctx context.Context, db bun.IDB, what string, domain func(*R) D, sc scope, order []clause, p taskrouter.Page,
	filters ...func(*bun.SelectQuery) *bun.SelectQuery,
) ([]D, error) {
	if p.Size <= 0 {
		p.Size = defaultPageSize
	}
	at, backwards := p.After, false
	if p.Before != "" {
		at, backwards = p.Before, true
	}
	page := everything
	if at != "" {
		sid, position, ok := taskrouter.ParseMark(at)
		if !ok || len(position) != len(order)-1 {
			var err error
			if position, err = findPosition[R](ctx, db, what, sc, order, sid); err != nil {
				return nil, err
			}
		}
		page = beyond(order, position, sid, backwards)
	}
	var rows []*R
	q := db.NewSelect().Model(&rows)
	if len(filters) == 1 {
		q = q.Apply(sc).Apply(filters[0]).Apply(page)
	} else {
		var parts []string
		var args []any
		for i, filter := range filters {
			part := db.NewSelect().Model((*R)(nil)).Column("sid").Apply(sc).Apply(filter).Apply(page)
			parts = append(parts, fmt.Sprintf("SELECT sid FROM (?) AS part%d", i))
			args = append(args, inOrder(part, order, backwards).Limit(int64(p.Size+1)))
		}
		q = q.Where("?TableAlias.sid IN ("+strings.Join(parts, " UNION ALL ")+")", args...)
	}
	if err := inOrder(q, order, backwards).Limit(int64(p.Size + 1)).Scan(ctx); err != nil {
		return nil, classify(err, what)
	}
	if backwards {
		slices.Reverse(rows)
	}
	return mapped(rows, domain), nil
}

// inOrder sorts a list.
func inOrder(q *bun.SelectQuery, order []clause, backwards bool) *bun.SelectQuery {
	for _, c := range order {
		direction := " ASC"
		if c.desc != backwards {
			direction = " DESC"
		}
		q = q.OrderExpr("?TableAlias.?"+direction, bun.Ident(c.column))
	}
	return q
}

// findPosition reads where in the order an item stands.
func findPosition[R any](ctx context.Context, db bun.IDB, what string, sc scope, order []clause, sid string) ([]int64, error) {
	numbers := make([]int64, len(order)-1)
	dest := make([]any, 0, len(order))
	q := db.NewSelect().Model((*R)(nil)).Apply(sc).Where("?TableAlias.sid = ?", sid)
	for i := range numbers {
		q = q.ColumnExpr("?TableAlias.?", bun.Ident(order[i].column))
		dest = append(dest, &numbers[i])
	}
	err := q.Scan(ctx, dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, taskrouter.Invalidf("The page does not exist")
	}
	return numbers, classify(err, what)
}

// beyond keeps the rows behind a position, or before it.
func beyond(order []clause, position []int64, sid string, backwards bool) func(*bun.SelectQuery) *bun.SelectQuery {
	argument := func(i int) any {
		if i < len(position) {
			return position[i]
		}
		return sid
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		var alternatives []string
		var args []any
		for i, c := range order {
			var terms []string
			for j := range i {
				terms = append(terms, "?TableAlias.? = ?")
				args = append(args, bun.Ident(order[j].column), argument(j))
			}
			sign := ">"
			if c.desc != backwards {
				sign = "<"
			}
			terms = append(terms, "?TableAlias.? "+sign+" ?")
			args = append(args, bun.Ident(c.column), argument(i))
			alternatives = append(alternatives, "("+strings.Join(terms, " AND ")+")")
		}
		// The bound on the first column follows from the rest; it lets the
		// database start in the middle of an index.
		bound := " >= ?"
		if order[0].desc != backwards {
			bound = " <= ?"
		}
		return q.Where("?TableAlias.?"+bound, bun.Ident(order[0].column), argument(0)).
			Where("("+strings.Join(alternatives, " OR ")+")", args...)
	}
}

// everything is the filter of a list without one.
func everything(q *bun.SelectQuery) *bun.SelectQuery { return q }

// equals restricts a text column unless the text is empty.
func equals(q *bun.SelectQuery, column, text string) *bun.SelectQuery {
	if text == "" {
		return q
	}
	return q.Where("?TableAlias.? = ?", bun.Ident(column), text)
}

// among restricts a text column to some values. A nil list does not restrict;
// an empty one that is not nil matches nothing: it is what is left of a filter
// by names that do not exist.
func among[T ~string](q *bun.SelectQuery, column string, values []T) *bun.SelectQuery {
	if values == nil {
		return q
	}
	return q.Where("?TableAlias.? IN (?)", bun.Ident(column), bun.List(values))
}
