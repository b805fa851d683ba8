package rules

import (
	"slices"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/stretchr/testify/require"
)

// TestLibrary lists every function a translation may call, with the release
// that introduced it and what it answers. A function is added here, never
// removed: saved expressions may use it.
func TestLibrary(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, since string
		calls       map[string]any
	}{
		{"tr_field", "1.0", map[string]any{`tr_field(task, "n")`: int64(5), `tr_field(task, "gone")`: nil, `tr_field(1, "a")`: nil}},
		{"tr_item", "1.0", map[string]any{`tr_item([7], 0)`: int64(7), `tr_item([7], 1)`: nil, `tr_item("x", 0)`: nil, `tr_item([7], -1)`: nil}},
		{"tr_is_null", "1.0", map[string]any{`tr_is_null(null)`: true, `tr_is_null(0)`: false, `tr_is_null([])`: false}},
		{"tr_eq", "1.0", map[string]any{`tr_eq(1, 1.0)`: true, `tr_eq("1", 1)`: true, `tr_eq([1], [1])`: false, `tr_eq(null, null)`: true}},
		{"tr_ne", "1.0", map[string]any{`tr_ne(1, 2)`: true, `tr_ne([1], 2)`: false, `tr_ne(null, 1)`: true, `tr_ne("1", 1)`: false}},
		{"tr_lt", "1.0", map[string]any{`tr_lt(1, 2)`: true, `tr_lt("1", 2)`: true, `tr_lt(null, 2)`: false, `tr_lt("a", 2)`: false}},
		{"tr_le", "1.0", map[string]any{`tr_le(2, 2)`: true, `tr_le(true, true)`: false}},
		{"tr_gt", "1.0", map[string]any{`tr_gt(2, 1)`: true, `tr_gt("b", "a")`: true}},
		{"tr_ge", "1.0", map[string]any{`tr_ge(2, 2.0)`: true, `tr_ge(2, 2.5)`: false}},
		{"tr_contains", "1.0", map[string]any{`tr_contains("abc", "b")`: true, `tr_contains(123, 2)`: true, `tr_contains(["b"], "b")`: false}},
		{"tr_has", "1.0", map[string]any{`tr_has([1, 2], 2)`: true, `tr_has("abc", "b")`: false}},
		{"tr_in", "1.0", map[string]any{`tr_in(2, [1, 2])`: true, `tr_in("b", "abc")`: false}},
		{"tr_not_in", "1.0", map[string]any{`tr_not_in(3, [1, 2])`: true, `tr_not_in(2, [1, 2])`: false, `tr_not_in(3, 3)`: false}},
	}
	e := New(Options{})
	envs, err := e.environments()
	require.NoError(t, err)
	doc, err := ParseDocument(`{"n": 5}`)
	require.NoError(t, err)
	vars := new(activation)
	vars.set(Input{Task: &doc})
	var listed []string
	for _, row := range rows {
		listed = append(listed, row.name)
		for call, want := range row.calls {
			ast, issues := envs.familiar.Compile(call)
			require.NoError(t, issues.Err(), call)
			program, err := envs.familiar.Program(ast, cel.EvalOptions(cel.OptOptimize))
			require.NoError(t, err)
			got, _, err := program.Eval(vars)
			require.NoError(t, err, call)
			if want == nil {
				require.True(t, isNull(got), call)
				continue
			}
			require.Equal(t, want, got.Value(), call)
		}
	}
	var have []string
	for _, f := range library() {
		have = append(have, f.name)
	}
	slices.Sort(have)
	slices.Sort(listed)
	require.Equal(t, listed, have)
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache[int, int](2)
	require.Equal(t, 10, c.put(1, 10))
	require.Equal(t, 10, c.put(1, 11), "the first value stays")
	c.put(2, 20)
	_, _ = c.get(1)
	c.put(3, 30)
	require.Equal(t, 2, c.len())
	_, ok := c.get(2)
	require.False(t, ok, "the least recently used value goes")
	v, ok := c.get(1)
	require.True(t, ok)
	require.Equal(t, 10, v)
}

// TestMeter shows which CEL expressions run with their cost counted.
func TestMeter(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	for text, metered := range map[string]bool{
		`task.a == "x" && worker.b > 3`:                        false,
		`task.a.lowerAscii() in worker.b`:                      false,
		`worker.skills.exists(s, s == task.skill)`:             false,
		`task.a.all(x, worker.b.exists(y, x == y))`:            true,
		`task.a.map(x, x + 1).size() > 2`:                      true,
		`task.a.split(",").exists(x, x == "b")`:                true,
		`task.a.matches("^a+$")`:                               true,
		`task.?a.orValue("x") == "x" ? true : task.b.size()>1`: false,
	} {
		p, err := e.Compile(PlaceTargetExpression, celPrefix+text)
		require.NoError(t, err, text)
		require.Equal(t, metered, p.metered, text)
	}
}
