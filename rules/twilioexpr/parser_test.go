package twilioexpr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

var limits = twilioexpr.Limits{Length: 10_000, Depth: 64, Elements: 1_000}

// bare resolves every name to the Task.
func bare(r *twilioexpr.Reference) (twilioexpr.Read, error) {
	return twilioexpr.Read{Root: twilioexpr.RootTask, Path: r.Path}, nil
}

// TestTranslate pins the CEL of each construct.
func TestTranslate(t *testing.T) {
	t.Parallel()
	rows := []struct{ text, want string }{
		{`1==1`, `tr_eq(1, 1)`},
		{`a = "x"`, `tr_eq(tr_field(task, "a"), "x")`},
		{`a != 'x'`, `tr_ne(tr_field(task, "a"), "x")`},
		{`a<>-1`, `tr_ne(tr_field(task, "a"), -1)`},
		{`a<1`, `tr_lt(tr_field(task, "a"), 1)`},
		{`a<=1.0`, `tr_le(tr_field(task, "a"), 1.0)`},
		{`a>-1`, `tr_gt(tr_field(task, "a"), -1)`},
		{`a>=1.25`, `tr_ge(tr_field(task, "a"), 1.25)`},
		{`a >- "x"`, `tr_has(tr_field(task, "a"), "x")`},
		{`a>- 1`, `tr_has(tr_field(task, "a"), 1)`},
		{`a<-b`, `tr_in(tr_field(task, "a"), tr_field(task, "b"))`},
		{`a<-1`, `tr_lt(tr_field(task, "a"), -1)`},
		{`a has b`, `tr_has(tr_field(task, "a"), tr_field(task, "b"))`},
		{`a In [1, 'b', true, Null]`, `tr_in(tr_field(task, "a"), [1, "b", true, null])`},
		{`a NOT IN []`, `tr_not_in(tr_field(task, "a"), [])`},
		{`a contains "x"`, `tr_contains(tr_field(task, "a"), "x")`},
		{`a == null`, `tr_is_null(tr_field(task, "a"))`},
		{`null != a`, `!tr_is_null(tr_field(task, "a"))`},
		{`a < null`, `tr_lt(tr_field(task, "a"), null)`},
		{`a.b[2].c == 1`, `tr_eq(tr_field(tr_item(tr_field(tr_field(task, "a"), "b"), 2), "c"), 1)`},
		{`a == 1 OR b == 2 AND c == 3`, `tr_eq(tr_field(task, "a"), 1) || (tr_eq(tr_field(task, "b"), 2) && tr_eq(tr_field(task, "c"), 3))`},
		{`(a == 1 OR b == 2) AND c == 3`, `(tr_eq(tr_field(task, "a"), 1) || tr_eq(tr_field(task, "b"), 2)) && tr_eq(tr_field(task, "c"), 3)`},
		{`NOT (a == 1)`, `!(tr_eq(tr_field(task, "a"), 1))`},
		{`1 == 1 OR 1 == 2 OR 1 == 3`, `tr_eq(1, 1) || tr_eq(1, 2) || tr_eq(1, 3)`},
		{`a == "q\"\\\'n\n"`, `tr_eq(tr_field(task, "a"), "q\"\\'n\\n")`},
		{"a == 'line\nbreak'", `tr_eq(tr_field(task, "a"), "line\nbreak")`},
		{`a == 9223372036854775807`, `tr_eq(tr_field(task, "a"), 9223372036854775807)`},
		{`a == 9223372036854775808`, `tr_eq(tr_field(task, "a"), 9.223372036854776e+18)`},
		{`a.in.not.and == 1`, `tr_eq(tr_field(tr_field(tr_field(tr_field(task, "a"), "in"), "not"), "and"), 1)`},
	}
	for _, row := range rows {
		x, err := twilioexpr.Parse(row.text, limits)
		require.NoError(t, err, row.text)
		got, err := twilioexpr.Translate(x, bare)
		require.NoError(t, err)
		require.Equal(t, row.want, got.Source, row.text)
	}
}

// TestSyntaxErrors pins which token is named, and where.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	rows := []struct {
		text, token string
		position    int
		message     string
	}{
		{``, ``, 1, `unexpected end of expression, expected a value or a name`},
		{`a`, ``, 2, `unexpected end of expression, expected a comparison operator`},
		{`skill-level > 3`, `-`, 6, `unexpected token "-", expected a comparison operator`},
		{`a == `, ``, 6, `unexpected end of expression, expected a value or a name`},
		{`a == == 1`, `==`, 6, `unexpected token "==", expected a value or a name`},
		{`(a == 1`, ``, 8, `unexpected end of expression, expected AND, OR or ")"`},
		{`a == 1)`, `)`, 7, `unexpected token ")", expected AND, OR or the end`},
		{`a == 1 b == 2`, `b`, 8, `unexpected token "b", expected AND, OR or the end`},
		{`a == 1 AND`, ``, 11, `unexpected end of expression, expected a value or a name`},
		{`AND == 1`, `AND`, 1, `unexpected token "AND", expected a value or a name`},
		{`a NOT HAS 1`, `HAS`, 7, `unexpected token "HAS", expected IN`},
		{`a == "x`, `"x`, 6, `string without closing quote`},
		{`a == "x\"`, `"x\"`, 6, `string without closing quote`},
		{`größe & 1`, `&`, 7, `unexpected token "&", expected a comparison operator`},
		{`a ! b`, `!`, 3, `unexpected token "!", expected a comparison operator`},
		{`a == b == c`, `==`, 8, `unexpected token "==", expected AND, OR or the end`},
		{`a IN [b]`, `b`, 7, `unexpected token "b", expected a constant`},
		{`a IN [1 2]`, `2`, 9, `unexpected token "2", expected a comma or "]"`},
		{`a IN [1,]`, `]`, 9, `unexpected token "]", expected a constant`},
		{`a. == 1`, `==`, 4, `unexpected token "==", expected a name`},
		{`a[x] == 1`, `x`, 3, `unexpected token "x", expected an element number`},
		{`a[-1] == 1`, `-1`, 3, `unexpected token "-1", expected an element number`},
		{`a[1.5] == 1`, `1.5`, 3, `unexpected token "1.5", expected an element number`},
		{`a[1 == 1`, `==`, 5, `unexpected token "==", expected "]"`},
		{`a == 1.`, `.`, 7, `unexpected token ".", expected AND, OR or the end`},
		{`a == -b`, `-`, 6, `unexpected token "-", expected a value or a name`},
		{`a == ` + strings.Repeat("=", 3), `==`, 6, `unexpected token "==", expected a value or a name`},
		{"a == \xff", ``, 1, `text is not valid UTF-8`},
	}
	for _, row := range rows {
		_, err := twilioexpr.Parse(row.text, limits)
		var syntax *twilioexpr.SyntaxError
		require.ErrorAs(t, err, &syntax, row.text)
		require.Equal(t, row.message, syntax.Message, row.text)
		require.Equal(t, row.token, syntax.Token, row.text)
		require.Equal(t, row.position, syntax.Position, row.text)
		require.False(t, syntax.Limit)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	small := twilioexpr.Limits{Length: 40, Depth: 3, Elements: 2}
	for text, want := range map[string]string{
		`(((1==1)))`:                   ``,
		`((((1==1))))`:                 `expression is nested deeper than 3 at character 5`,
		`NOT NOT NOT NOT 1==1`:         `expression is nested deeper than 3 at character 17`,
		`1 IN [1, 2]`:                  ``,
		`1 IN [1, 2, 3]`:               `array has more than 2 elements at character 6`,
		`a.b.c == 1`:                   ``,
		`a.b.c.d == 1`:                 `name has more than 3 parts at character 1`,
		`"` + strings.Repeat("ü", 39):  `string without closing quote at character 1`,
		`"` + strings.Repeat("ü", 40):  `expression is longer than 40 characters at character 41`,
		strings.Repeat("1==1 OR ", 30): `expression is longer than 40 characters at character 41`,
	} {
		_, err := twilioexpr.Parse(text, small)
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.EqualError(t, err, want, text)
	}
	_, err := twilioexpr.ParseOrder(`a, b, c`, small)
	require.EqualError(t, err, `more than 2 clauses at character 7`)
}

func TestParseOrder(t *testing.T) {
	t.Parallel()
	list, err := twilioexpr.ParseOrder(`worker.a ASC, worker.b[1].asc desc ,worker.c`, limits)
	require.NoError(t, err)
	require.Len(t, list, 3)
	var paths []string
	for _, c := range list {
		paths = append(paths, twilioexpr.PathString(c.Reference.Path))
	}
	require.Equal(t, []string{"worker.a", "worker.b[1].asc", "worker.c"}, paths)
	require.Equal(t, []bool{false, true, false}, []bool{list[0].Descending, list[1].Descending, list[2].Descending})
	require.Equal(t, []bool{true, true, false}, []bool{list[0].Written, list[1].Written, list[2].Written})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`a.b[1] == "x" AND NOT (c IN [1, -2.5])`, `a >-1`, `'\`, `a[`, "\xff", `worker.a DESC, b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if x, err := twilioexpr.Parse(text, limits); err == nil {
			_, err = twilioexpr.Translate(x, bare)
			require.NoError(t, err)
		}
		_, _ = twilioexpr.ParseOrder(text, limits)
		_, _ = twilioexpr.ParseReference(text, limits)
	})
}
