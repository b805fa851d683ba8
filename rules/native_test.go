package rules_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestNative evaluates CEL as written.
func TestNative(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	task := document(t, `{"lang": "es", "n": 5, "d": 1.5, "nothing": null, "list": ["a", "b"], "o": {"k": {"x": 1}}, "dash-ed": 1, "b": 1, "a": 2}`)
	in := rules.Input{
		Task: &task,
		Worker: &rules.WorkerFacts{
			SID: "WK1", FriendlyName: "Ann", ActivityName: "Idle", ActivitySID: "WA1",
			Attributes: document(t, `{"languages": ["en", "es"], "sid": "mine", "lvl": 3}`),
			Channels:   map[string]rules.ChannelFacts{"voice": {ConfiguredCapacity: 2, Used: 1}},
		},
		Workers: &rules.QueueFacts{Available: 0, Unavailable: 3, ByActivity: map[string]int{"WA1": 3}},
	}
	const (
		filter = rules.PlaceTaskFilter
		target = rules.PlaceTargetExpression
		skip   = rules.PlaceSkipIf
		queue  = rules.PlaceQueueWorkers
	)
	rows := []struct {
		place      rules.Place
		expression string
		want       bool
		failure    string
	}{
		{filter, `task.lang == "es" && task.n > 4`, true, ""},
		{filter, `cel:task.lang == "es"`, true, ""},
		{filter, ` cel: task.n == 5.0`, true, ""},
		{filter, `cel:1 < 2.5`, true, ""},
		{filter, `cel:task.n == "5"`, false, ""},
		{filter, `cel:task.nothing == null`, true, ""},
		{filter, `cel:has(task.gone)`, false, ""},
		{filter, `cel:has(task.o.k.x) && !has(task.o.gone)`, true, ""},
		{filter, `task.list.exists(x, x == "b")`, true, ""},
		{filter, `task.list[1] == "b" && task["dash-ed"] == 1`, true, ""},
		{filter, `"a" in task && !("gone" in task)`, true, ""},
		{filter, `size(task) == 9`, true, ""},
		{filter, `task.map(k, k)[0] == "a"`, true, ""}, // members in sorted order
		{filter, `task.o == {"k": {"x": 1}}`, true, ""},
		{filter, `task.o != {"k": {"x": 2}} && {"k": {"x": 1}} == task.o`, true, ""},
		{filter, `type(task.o) == map && type(task.d) == double`, true, ""},
		{filter, `task.?gone.orValue("x") == "x"`, true, ""},
		{filter, `task.?o.k.x.orValue(0) == 1`, true, ""},
		{filter, `task.lang.upperAscii() == "ES"`, true, ""},
		{filter, `sets.contains(task.list, ["a"])`, true, ""},
		{filter, `math.greatest(task.n, 7) == 7`, true, ""},
		{filter, `task.list.slice(0, 1) == ["a"]`, true, ""},
		{filter, `task.lang.replace("e", "E") == "Es"`, true, ""},
		{filter, `task.list.join("-") == "a-b"`, true, ""},
		{filter, `task.gone == "x" || task.n == 5`, true, ""},
		{filter, `cel:task.gone == "x"`, false, "expression failed: missing key gone"},
		{filter, `cel:task["go" + task.lang] == "x"`, false, "expression failed: missing key"},
		{filter, `cel:task.lang > 3`, false, "wrong type"},
		{filter, `cel:task.list[9] == "x"`, false, "index out of bounds"},
		{filter, `task.n / 0 == 1`, false, "division by zero"},
		{filter, `int(task.lang) == 1`, false, "expression failed: a value could not be used"},
		{filter, `cel:task.lang`, false, "the result is string, expected bool"},
		{filter, `cel:task.o`, false, "the result is map, expected bool"},
		{filter, `cel:true`, true, ""},
		{target, `task.lang in worker.languages && worker.sid == "WK1"`, true, ""},
		{target, `worker.channel.voice.available_capacity_percentage >= 50 && worker.activity_name == "Idle"`, true, ""},
		{target, `worker.channel.exists(c, worker.channel[c].configured_capacity == 2)`, true, ""},
		{target, `!has(worker.channel.fax) && size(worker) == 7`, true, ""},
		{queue, `worker.lvl + 1 == 4`, true, ""},
		{skip, `workers.available == 0 && workers.unavailable == 3 && workers.WA2 == 0`, true, ""},
		{skip, `workers.WA1 + workers.available > 2`, true, ""},
	}
	for _, row := range rows {
		program, err := engine.Compile(row.place, row.expression)
		require.NoError(t, err, row.expression)
		got, err := program.Eval(context.Background(), in)
		if row.failure != "" {
			require.ErrorContains(t, err, row.failure, row.expression)
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			require.NotContains(t, err.Error(), "es\"")
			continue
		}
		require.NoError(t, err, row.expression)
		require.Equal(t, row.want, got, row.expression)
		require.Equal(t, row.expression, program.Source())
	}
}

// TestEmptyInput shows that documents that are not given are empty.
func TestEmptyInput(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	for expression, want := range map[string]bool{
		`task.x == null AND worker.sid == null`: true,
		`size(task) == 0 && size(worker) == 0`:  true,
	} {
		program, err := engine.Compile(rules.PlaceTargetExpression, expression)
		require.NoError(t, err)
		got, err := program.Eval(context.Background(), rules.Input{})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestCompileFaults pins the messages of texts that are refused.
func TestCompileFaults(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	nested := strings.Repeat("(", 65) + "1==1" + strings.Repeat(")", 65)
	rows := []struct {
		place      rules.Place
		expression string
		want       string
	}{
		{rules.PlaceTaskFilter, ``, `Invalid expression: it is empty`},
		{rules.PlaceTaskFilter, ` `, `Invalid expression: it is empty`},
		{rules.PlaceTaskFilter, `vip`, `Invalid expression: unexpected end of expression, expected a comparison operator at character 4`},
		{rules.PlaceTaskFilter, `task.vip`, `Invalid expression: unexpected end of expression, expected a comparison operator at character 9`},
		{rules.PlaceTaskFilter, `true`, `unexpected end of expression`},
		{rules.PlaceTaskFilter, `a = = 1`, `Invalid expression: unexpected token "=", expected a value or a name at character 5`},
		{rules.PlaceTaskFilter, `topic == "x" && a == 1`, `unexpected token "&", expected AND, OR or the end at character 14; as CEL: undeclared reference to 'topic'`},
		{rules.PlaceTaskFilter, `task.a.foo("x")`, `as CEL: undeclared reference to 'foo'`},
		{rules.PlaceTaskFilter, `worker.lvl + 1 > 2`, `as CEL: undeclared reference to 'worker'`},
		{rules.PlaceTaskFilter, `task.a + 1`, `as CEL: the result is int, expected bool`},
		{rules.PlaceTaskFilter, `cel:task.a ==`, `Invalid expression: Syntax error`},
		{rules.PlaceTaskFilter, `cel:`, `Invalid expression: Syntax error`},
		{rules.PlaceTaskFilter, `cel:tr_eq(task.a, 1)`, `undeclared reference to 'tr_eq'`},
		{rules.PlaceTaskFilter, `cel:workers.available == 1`, `undeclared reference to 'workers'`},
		{rules.PlaceTaskFilter, `cel:task.a.matches("(")`, `Invalid expression: `},
		{rules.PlaceTaskFilter, `cel:task.s.replace("", "x") == ""`, `replace needs a constant, not empty, to look for`},
		{rules.PlaceTaskFilter, `cel:task.s.replace("a", task.s) == ""`, `replace needs a constant replacement of at most 64 bytes`},
		{rules.PlaceTaskFilter, `cel:task.a.join(task.s) == ""`, `join needs a constant separator`},
		{rules.PlaceTaskFilter, `cel:"%s".format([task.s]) == ""`, `function format is not available`},
		{rules.PlaceTaskFilter, `cel:lists.range(5).exists(x, x == 1)`, `function lists.range is not available`},
		{rules.PlaceTaskFilter, `cel:[3, 1].sort() == [1, 3]`, `function sort is not available`},
		{rules.PlaceTaskFilter, `cel:[task.b].sortBy(e, e.x) == []`, `function @sortByAssociatedKeys is not available`},
		{rules.PlaceTaskFilter, `cel:sets.contains(task.a + task.a, task.a)`, `sets.contains needs attributes or written lists`},
		{rules.PlaceTaskFilter, nested, `nested deeper than 64`},
		{rules.PlaceTaskFilter, "cel:" + nested[1:] + strings.Repeat(" && !(task.a", 70) + strings.Repeat(")", 70), `Invalid expression: `},
		{rules.PlaceTaskFilter, strings.Repeat("NOT ", 66) + "a == 1", `nested deeper than 64`},
		{rules.PlaceTaskFilter, `a IN [` + strings.Repeat("1,", 1000) + `1]`, `array has more than 1000 elements`},
		{rules.PlaceTaskFilter, `cel:task.a in [` + strings.Repeat("1,", 1000) + `1]`, `array has more than 1000 elements`},
		{rules.PlaceTaskFilter, `a == "` + strings.Repeat("x", 10_000) + `"`, `10007 characters, at most 10000 are allowed`},
		{rules.PlaceTaskFilter, `a` + strings.Repeat(".a", 64) + " == 1", `more than 64 parts`},
		{rules.PlaceTaskFilter, "a == \"\xff\"", `not valid UTF-8`},
		{rules.PlaceTaskFilter, `task.a.all(x, task.b.all(y, task.c.all(z, x == y && y == z)))`, `use fewer nested loops`},
	}
	for _, row := range rows {
		_, err := engine.Compile(row.place, row.expression)
		require.ErrorContains(t, err, row.want, row.expression)
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), row.expression)
		require.NotContains(t, err.Error(), "\n")
	}
}

// TestStoredExpressions shows that an engine for stored expressions accepts
// what narrower limits would refuse.
func TestStoredExpressions(t *testing.T) {
	t.Parallel()
	const loops = `task.a.all(x, task.b.all(y, task.c.all(z, x == y && y == z)))`
	long := `a IN [` + strings.Repeat("1,", 1500) + `1]`
	stored := rules.New(rules.Options{Stored: true})
	for _, text := range []string{loops, long} {
		_, err := rules.New(rules.Options{}).Compile(rules.PlaceTaskFilter, text)
		require.Error(t, err)
		_, err = stored.Compile(rules.PlaceTaskFilter, text)
		require.NoError(t, err)
	}
}

// TestRunningCost shows that an expensive evaluation is stopped.
func TestRunningCost(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	numbers := `[` + strings.Repeat("1,", 1000) + `1]`
	task := document(t, `{"a": `+numbers+`, "b": `+numbers+`, "s": "`+strings.Repeat("a", 4000)+`"}`)
	for _, text := range []string{
		`task.a.all(x, task.b.all(y, x == y))`,
		`task.a.map(x, task.s + task.s).join(",").size() > 1`,
		`(task.a + task.a + task.a + task.a).all(x, (task.a + task.a).all(y, x == y))`,
	} {
		program, err := engine.Compile(rules.PlaceTaskFilter, text)
		require.NoError(t, err, text)
		_, err = program.Eval(context.Background(), rules.Input{Task: &task})
		require.EqualError(t, err, "expression failed: it took more work than is allowed", text)
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	task := document(t, `{"a": [`+strings.Repeat("1,", 1000)+`1]}`)
	program, err := engine.Compile(rules.PlaceTaskFilter, `task.a.map(x, x).all(x, x == 1)`)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = program.Eval(ctx, rules.Input{Task: &task})
	require.True(t, rules.IsInterrupted(err), "%v", err)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, rules.IsInterrupted(nil))

	routing, err := engine.ParseConfiguration(`{"filters": [{"expression": "task.a.map(x, x).all(x, x == 1)", "targets": [{"queue": "A"}]}], "default_filter": {"queue": "C"}}`)
	require.NoError(t, err)
	require.True(t, rules.IsInterrupted(routing.Enter(ctx, 0, rules.CauseInitial, task).Err))
	_, ok := routing.FirstMatch(ctx, task)
	require.False(t, ok)
}

// TestReads pins which Task fields a program reads, and whether it depends on
// what an agent is doing.
func TestReads(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	rows := []struct {
		expression string
		fields     []string
		live       bool
	}{
		{`task.b == 1 AND task.a.b[2].c == worker.x OR task.b == 2`, []string{"a.b[2].c", "b"}, false},
		{`worker.sid == task.x`, []string{"x"}, false},
		{`worker.friendly_name == "Ann"`, nil, false},
		{`worker.activity_name == "Idle"`, nil, true},
		{`worker.activity_sid == "WA1"`, nil, true},
		{`worker.channel.voice.assigned_tasks == 0`, nil, true},
		{`worker.channels.voice == 0`, nil, false},
		{`cel:task.a.b == 1 && task["c"] == 2 && task.d[1].e == 3`, []string{"a.b", "c", "d[1].e"}, false},
		{`cel:task.list.exists(x, x == worker.sid)`, []string{"list"}, false},
		{`cel:has(task.a) && worker["activity_name"] == "Idle"`, []string{"a"}, true},
		{`cel:task.?a.b.orValue(1) == 1 && task[?"c"].orValue(1) == 1`, []string{"a.b", "c"}, false},
		{`cel:task[worker.key] == 1`, []string{"*"}, false},
		{`cel:task["x-y"] == 1`, []string{"*"}, false},
		{`cel:task.a[task.i] == 1`, []string{"a", "i"}, false},
		{`cel:task.all(k, k == "a")`, []string{"*"}, false},
		{`cel:worker[task.key] == 1`, []string{"key"}, true},
		{`cel:size(worker) > 3`, nil, true},
		{`cel:has(worker.channel.voice)`, nil, true},
		{`cel:[task.a, {"k": task.b}.k].exists(x, x == 1)`, []string{"a", "b"}, false},
	}
	for _, row := range rows {
		program, err := engine.Compile(rules.PlaceTargetExpression, row.expression)
		require.NoError(t, err, row.expression)
		require.Equal(t, row.fields, program.TaskFields(), row.expression)
		require.Equal(t, row.live, program.Live(), row.expression)
	}
}

func TestCompileIsCached(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{CacheSize: 2})
	a, err := engine.Compile(rules.PlaceTaskFilter, "a == 1")
	require.NoError(t, err)
	b, err := engine.Compile(rules.PlaceTaskFilter, "a == 1")
	require.NoError(t, err)
	require.Same(t, a, b)
	c, err := engine.Compile(rules.PlaceQueueWorkers, "a == 1")
	require.NoError(t, err)
	require.NotSame(t, a, c)
}
