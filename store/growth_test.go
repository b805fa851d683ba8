//go:build !race

package store

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// growingReads are the operations that read more where there is more, and why
// they may.
var growingReads = map[string]string{
	"tasks, by priority": wholeReads["tasks, by priority"],
}

// TestWorkDoesNotGrow carries out every command in a small Workspace and in one
// with many times as much, and compares how many statements it takes and how
// much they read. It counts and looks at no clock. The small one has enough
// for a page of each list.
func TestWorkDoesNotGrow(t *testing.T) {
	for _, db := range growthDatabases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			small := newGrowth(t, db.url(t), extent{tasks: 400, agents: 600, classes: 10, queues: 1})
			large := newGrowth(t, db.url(t), extent{tasks: 6_000, agents: 2_000, classes: 10, queues: 1})
			few, many := small.efforts(), large.efforts()
			require.Equal(t, few.order, many.order)
			for _, name := range few.order {
				a, b := few.most[name], many.most[name]
				t.Logf("%-28s statements %2d %2d  read %6d %6d", name, a.statements, b.statements, a.read, b.read)
				if growingReads[name] != "" {
					continue
				}
				require.LessOrEqual(t, b.statements, a.statements, "%s: statements", name)
				// Rows of pages differ a little; a walk would be ten times as long.
				require.LessOrEqual(t, b.read, a.read+a.read/2+50, "%s: what is read", name)
			}
		})
	}
}

// efforts are the efforts of operations: of several tries the greatest.
type efforts struct {
	order []string
	most  map[string]effort
}

func (g *growth) efforts() *efforts {
	out := &efforts{most: map[string]effort{}}
	one := func(op operation) {
		spent, _ := g.spend(op)
		have, known := out.most[op.name]
		if !known {
			out.order = append(out.order, op.name)
		}
		out.most[op.name] = effort{max(have.statements, spent.statements), max(have.read, spent.read)}
	}
	g.cycle(func(op operation) { g.spend(op) }) // fills the caches; the first of a class looks at all who are free
	for range 3 {
		g.cycle(one)
	}
	for _, op := range slices.Concat(g.lists(), g.upkeep()) {
		one(op)
	}
	return out
}
