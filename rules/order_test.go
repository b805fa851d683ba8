package rules_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	agent := func(name, attributes string, used int) rules.WorkerFacts {
		return rules.WorkerFacts{
			FriendlyName: name, Attributes: document(t, attributes),
			Channels: map[string]rules.ChannelFacts{"voice": {ConfiguredCapacity: 4, Used: used, AssignedTasks: used}},
		}
	}
	rows := []struct {
		name, order string
		agents      []rules.WorkerFacts
		want        []string
	}{
		{
			"a later clause breaks ties", `worker.finance ASC, worker.support ASC`,
			[]rules.WorkerFacts{agent("Ann", `{"finance": 10, "support": 8}`, 0), agent("Bob", `{"finance": 10, "support": 5}`, 0)},
			[]string{"Bob", "Ann"},
		},
		{
			"who lacks the attribute comes last", `worker.finance ASC, worker.support ASC`,
			[]rules.WorkerFacts{agent("Bob", `{"finance": 10}`, 0), agent("Ann", `{"finance": 10, "support": 8}`, 0)},
			[]string{"Ann", "Bob"},
		},
		{
			"in both directions", `worker.a desc`,
			[]rules.WorkerFacts{agent("none", `{}`, 0), agent("low", `{"a": -3}`, 0), agent("high", `{"a": 4}`, 0)},
			[]string{"high", "low", "none"},
		},
		{
			"only integers count", `worker.a`,
			[]rules.WorkerFacts{agent("text", `{"a": "1"}`, 0), agent("bool", `{"a": true}`, 0), agent("decimal", `{"a": 0.5}`, 0), agent("integer", `{"a": 9}`, 0)},
			[]string{"integer", "text", "bool", "decimal"},
		},
		{
			"nested", `worker.skills.billing DESC, worker.list[1]`,
			[]rules.WorkerFacts{agent("one", `{"skills": {"billing": 1}}`, 0), agent("two", `{"skills": {"billing": 2}, "list": [0, 5]}`, 0), agent("three", `{"skills": {"billing": 2}, "list": [0, 4]}`, 0)},
			[]string{"three", "two", "one"},
		},
		{
			"free capacity", `worker.channel.voice.available_capacity_percentage DESC`,
			[]rules.WorkerFacts{agent("busy", `{}`, 3), agent("free", `{}`, 0)},
			[]string{"free", "busy"},
		},
	}
	for _, row := range rows {
		order, err := engine.CompileOrder(row.order)
		require.NoError(t, err, row.name)
		require.Equal(t, row.order, order.Source())
		slices.SortStableFunc(row.agents, order.Compare)
		var got []string
		for _, a := range row.agents {
			got = append(got, a.FriendlyName)
		}
		require.Equal(t, row.want, got, row.name)
	}
	for text, live := range map[string]bool{`worker.a`: false, `worker.a, worker.channel.voice.assigned_tasks`: true} {
		order, err := engine.CompileOrder(text)
		require.NoError(t, err)
		require.Equal(t, live, order.Live())
	}
}

func TestOrderFaults(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	for text, want := range map[string]string{
		``:                      `Invalid order_by: unexpected end`,
		`level`:                 `Invalid order_by: unexpected name "level", names here begin with worker.`,
		`task.level`:            `unexpected name "task.level"`,
		`worker.level DOWN`:     `unexpected token "DOWN", expected ASC, DESC, a comma or the end at character 14`,
		`worker.level,`:         `unexpected end`,
		`worker.level ASC DESC`: `unexpected token "DESC"`,
		`worker.a == 1`:         `unexpected token "=="`,
		`cel:worker.level`:      `unexpected token ":"`,
	} {
		_, err := engine.CompileOrder(text)
		require.ErrorContains(t, err, want, text)
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
	}
}

// TestOrderIsAnOrder: sorting is well defined whatever the attributes are.
func TestOrderIsAnOrder(t *testing.T) {
	t.Parallel()
	order, err := rules.New(rules.Options{}).CompileOrder(`worker.a DESC, worker.b`)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		x := rules.WorkerFacts{Attributes: drawDocument(t)}
		y := rules.WorkerFacts{Attributes: drawDocument(t)}
		z := rules.WorkerFacts{Attributes: drawDocument(t)}
		require.Equal(t, 0, order.Compare(x, x))
		require.Equal(t, cmp.Compare(order.Compare(x, y), 0), -cmp.Compare(order.Compare(y, x), 0))
		if order.Compare(x, y) <= 0 && order.Compare(y, z) <= 0 {
			require.LessOrEqual(t, order.Compare(x, z), 0)
		}
	})
}

func TestReference(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	task := document(t, `{"sid": "WK1", "nothing": null, "n": 42, "list": ["WK2", null], "o": {"k": {"name": "Ann", "z": null}}}`)
	rows := []struct {
		text, value   string
		found, isNull bool
	}{
		{`task.sid`, "WK1", true, false},
		{`task.o.k.name`, "Ann", true, false},
		{`task.list[0]`, "WK2", true, false},
		{`task.list[1]`, "", false, true},
		{`task.list[2]`, "", false, false},
		{`task.list.x`, "", false, false},
		{`task.o[0]`, "", false, false},
		{`task.n`, "42", true, false},
		{`task.nothing`, "", false, true},
		{`task.o.k.z`, "", false, true},
		{`task.gone`, "", false, false},
		{`task.gone.deeper`, "", false, false},
		{`task.nothing.deeper`, "", false, false},
		{`task.list`, "", false, false},
		{`task.o`, "", false, false},
	}
	for _, row := range rows {
		ref, err := engine.CompileReference(row.text)
		require.NoError(t, err)
		value, found, isNull := ref.Lookup(task)
		require.Equal(t, row.value, value, row.text)
		require.Equal(t, row.found, found, row.text)
		require.Equal(t, row.isNull, isNull, row.text)
		require.Equal(t, row.text, ref.Source())
		require.Equal(t, "task."+ref.TaskField(), row.text)
	}
	for _, text := range []string{``, `task`, `sid`, `worker.sid`, `task.a, task.b`, `task.a ASC`, `"WK1"`, `task.a == 1`} {
		_, err := engine.CompileReference(text)
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), text)
	}
}
