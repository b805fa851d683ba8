package store

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWorkDoesNotGrow carries out every command in a small Workspace and in one
// with a hundred times as much, and compares how many statements it takes and
// how much they read.
func TestWorkDoesNotGrow(t *testing.T) {
	for _, db := range growthDatabases {
		for _, dim := range []dimension{
			{"tasks", []extent{{100, 20, 10, 1}, {10_000, 20, 10, 1}}},
			{"agents", []extent{{300, 20, 10, 1}, {300, 2_000, 10, 1}}},
		} {
			t.Run(db.name+"/"+dim.name, func(t *testing.T) {
				small, large := newGrowth(t, db.url(t), dim.extents[0]), newGrowth(t, db.url(t), dim.extents[1])
				few, many := small.efforts(), large.efforts()
				for _, name := range few.order {
					a, b := few.most[name], many.most[name]
					t.Logf("%-34s statements %3d %3d   read %7d %7d", name, a.statements, b.statements, a.read, b.read)
				}
				require.Equal(t, few.order, many.order)
			})
		}
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
	g.cycle(func(op operation) { g.spend(op) }) // fills the caches
	for range 3 {
		g.cycle(one)
	}
	for _, op := range slices.Concat(g.lists(), g.upkeep()) {
		one(op)
	}
	return out
}
