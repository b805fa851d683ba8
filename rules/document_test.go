package rules_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestParseDocument(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, ` `, `{}`, "\n{ }\n", `{"a": 1e400, "a": -1e400}`} {
		_, err := rules.ParseDocument(taskrouter.Attributes(text))
		require.NoError(t, err, text)
	}
	for _, text := range []string{`[]`, `null`, `1`, `{`, `{} {}`, `{"a": }`, strings.Repeat(`{"a":`, 600) + `1` + strings.Repeat(`}`, 600)} {
		_, err := rules.ParseDocument(taskrouter.Attributes(text))
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), text)
	}
}

func TestDemandKey(t *testing.T) {
	t.Parallel()
	d := document(t, `{"b": {"y": 1, "x": [true, null, 2.0, "q\""]}, "a": "es", "n": null}`)
	rows := []struct {
		paths []string
		want  string
	}{
		{nil, `[]`},
		{[]string{"a"}, `["es"]`},
		{[]string{"a", "gone", "n"}, `["es",~,null]`},
		{[]string{"b.x[0]", "b.x[2]", "b.x[9]", "b.y.z", "a[0]", "b[0]"}, `[true,2d,~,~,~,~]`},
		{[]string{"b"}, `[{"x":[true,null,2d,"q\""],"y":1}]`},
		{[]string{rules.WholeDocument}, `[{"a":"es","b":{"x":[true,null,2d,"q\""],"y":1},"n":null}]`},
	}
	for _, row := range rows {
		require.Equal(t, row.want, d.DemandKey(row.paths))
	}
	require.Equal(t, `[~,{}]`, rules.Document{}.DemandKey([]string{"a", rules.WholeDocument}))
}

// drawValue makes a small JSON value; few names and values, so that documents
// often agree on some fields.
func drawValue(t *rapid.T, depth int) any {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.IntRange(-2, 2).Draw(t, "int")
	case 3:
		return rapid.SampledFrom([]float64{-1.5, 0, 1, 2.5}).Draw(t, "double")
	case 4:
		return rapid.SampledFrom([]string{"", "a", "b", "1", "2.5", "true"}).Draw(t, "text")
	case 5:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			out = append(out, drawValue(t, depth-1))
		}
		return out
	}
	return drawObject(t, depth-1)
}

func drawObject(t *rapid.T, depth int) map[string]any {
	out := map[string]any{}
	for _, name := range []string{"a", "b", "c"} {
		if rapid.Bool().Draw(t, "has "+name) {
			out[name] = drawValue(t, depth)
		}
	}
	return out
}

func drawDocument(t *rapid.T) rules.Document {
	text, err := json.Marshal(drawObject(t, 2))
	require.NoError(t, err)
	d, err := rules.ParseDocument(taskrouter.Attributes(text))
	require.NoError(t, err)
	return d
}

func drawOperand(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		`a`, `b`, `c`, `task.a`, `a.b`, `b[1]`, `c.a.b`, `1`, `-2`, `2.5`, `"a"`, `'1'`, `true`, `null`, `["a", 1, null]`, `[]`,
	}).Draw(t, "operand")
}

func drawExpression(t *rapid.T, depth int) string {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 3).Draw(t, "form")
	}
	switch kind {
	case 1:
		return "(" + drawExpression(t, depth-1) + ") AND " + drawExpression(t, depth-1)
	case 2:
		return drawExpression(t, depth-1) + " or (" + drawExpression(t, depth-1) + ")"
	case 3:
		return "NOT (" + drawExpression(t, depth-1) + ")"
	}
	operator := rapid.SampledFrom([]string{"==", "=", "!=", "<>", "<", "<=", ">", ">=", "CONTAINS", "HAS", "IN", "NOT IN", ">- ", "<- "}).Draw(t, "operator")
	return drawOperand(t) + " " + operator + " " + drawOperand(t)
}

// TestFamiliarProperties: any expression of the grammar compiles, never fails,
// answers the same twice, is turned round by NOT, and sees nothing of a
// document but the fields it says it reads.
func TestFamiliarProperties(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	rapid.Check(t, func(t *rapid.T) {
		text := drawExpression(t, 3)
		program, err := engine.Compile(rules.PlaceTaskFilter, text)
		require.NoError(t, err, text)
		negated, err := engine.Compile(rules.PlaceTaskFilter, "NOT ("+text+")")
		require.NoError(t, err)
		require.False(t, program.Native())

		one, two := drawDocument(t), drawDocument(t)
		eval := func(p *rules.Program, d rules.Document) bool {
			got, err := p.Eval(context.Background(), rules.Input{Task: &d})
			require.NoError(t, err, text)
			return got
		}
		matched := eval(program, one)
		require.Equal(t, matched, eval(program, one))
		require.Equal(t, !matched, eval(negated, one))
		if fields := program.TaskFields(); one.DemandKey(fields) == two.DemandKey(fields) {
			require.Equal(t, eval(program, one), eval(program, two), text)
		}
	})
}

// TestOperatorProperties: the operators agree with each other the way the
// documented rules say.
func TestOperatorProperties(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	programs := map[string]*rules.Program{}
	for _, text := range []string{`a == b`, `b == a`, `a != b`, `a < b`, `b > a`, `a > b`, `a <= b`, `a IN b`, `b HAS a`, `a NOT IN b`, `a == null`, `a != null`} {
		p, err := engine.Compile(rules.PlaceTaskFilter, text)
		require.NoError(t, err)
		programs[text] = p
	}
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		is := func(text string) bool {
			got, err := programs[text].Eval(context.Background(), rules.Input{Task: &d})
			require.NoError(t, err)
			return got
		}
		require.Equal(t, is(`a == b`), is(`b == a`))
		require.False(t, is(`a == b`) && is(`a != b`))
		require.Equal(t, is(`a < b`), is(`b > a`))
		require.False(t, is(`a < b`) && is(`a > b`))
		require.False(t, is(`a < b`) && is(`a == b`))
		require.False(t, is(`a < b`) && !is(`a <= b`))
		require.Equal(t, is(`a IN b`), is(`b HAS a`))
		require.False(t, is(`a IN b`) && is(`a NOT IN b`))
		require.NotEqual(t, is(`a == null`), is(`a != null`))
	})
}
