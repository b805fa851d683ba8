package rules_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// agentAnd is an input of an agent and a Task.
func agentAnd(t require.TestingT, agent, task string) rules.Input {
	a, err := rules.ParseDocument(taskrouter.Attributes(agent))
	require.NoError(t, err)
	d, err := rules.ParseDocument(taskrouter.Attributes(task))
	require.NoError(t, err)
	return rules.Input{Task: &d, Worker: &rules.WorkerFacts{
		SID: "WK1", FriendlyName: "Ann", ActivityName: "Available", Attributes: a,
		Channels: map[string]rules.ChannelFacts{"voice": {ConfiguredCapacity: 2, AssignedTasks: 1, Used: 1, Available: true}},
	}}
}

// told writes failing clauses as people read them.
func told(cs []rules.Clause) []string {
	out := []string{}
	for _, c := range cs {
		line := c.Text
		for _, v := range c.Values {
			json := v.JSON
			if json == "" {
				json = "missing"
			}
			line += " | " + v.Name + " is " + json
		}
		if c.Fault != "" {
			line += " | " + c.Fault
		}
		out = append(out, line)
	}
	return out
}

func TestFailingClauses(t *testing.T) {
	t.Parallel()
	e := rules.New(rules.Options{})
	const agent, task = `{"languages":["en"],"level":2,"site":{"city":"Kyoto"}}`, `{"language":"ja","min":3}`
	for _, row := range []struct {
		expression string
		want       []string
	}{
		{`worker.languages HAS "ja"`, []string{`worker.languages HAS "ja" | worker.languages is ["en"]`}},
		{
			`worker.languages HAS task.language AND worker.level > 1 AND worker.level >= task.min`,
			[]string{
				`worker.languages HAS task.language | worker.languages is ["en"] | task.language is "ja"`,
				`worker.level >= task.min | worker.level is 2 | task.min is 3`,
			},
		},
		{`worker.level > 5 OR worker.vip == true`, []string{`worker.level > 5 | worker.level is 2`, `worker.vip == true | worker.vip is missing`}},
		{`NOT (worker.site.city == "Kyoto")`, []string{`NOT (worker.site.city == "Kyoto") | worker.site.city is "Kyoto"`}},
		{`worker.channel.voice.assigned_tasks == 0`, []string{`worker.channel.voice.assigned_tasks == 0 | worker.channel.voice.assigned_tasks is 1`}},
		{`worker.level == 2`, []string{}},
		{`"ja" in worker.languages && worker.level >= 2`, []string{`"ja" in worker.languages | worker.languages is ["en"]`}},
		{`(worker.level >= 2 && (worker.level > 3 || worker.languages.exists(l, l == "a||b")))`, []string{
			`worker.level > 3 | worker.level is 2`, `worker.languages.exists(l, l == "a||b") | worker.languages is ["en"]`,
		}},
		{`!(worker.level == 2) && true`, []string{`!(worker.level == 2) | worker.level is 2`}},
		{`cel:worker.vip == true && worker.level == 2`, []string{`worker.vip == true | worker.vip is missing | expression failed: missing key vip`}},
		{`cel:task.?vip.orValue(false) ? worker.level > 1 || false : worker.level > 9`, []string{
			`task.?vip.orValue(false) ? worker.level > 1 || false : worker.level > 9 | task.vip is missing | worker.level is 2`,
		}},
	} {
		c, err := e.Explain(context.Background(), rules.PlaceTargetExpression, row.expression, agentAnd(t, agent, task))
		require.NoError(t, err, row.expression)
		require.Equal(t, row.want, told(c.Failing()), row.expression)
	}
	_, err := e.Explain(context.Background(), rules.PlaceTargetExpression, `worker.a HAS`, rules.Input{})
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
}

// expressions draws conditions over an agent and a Task in one of the syntaxes.
func expressions(native bool) *rapid.Generator[string] {
	and, or, not := " AND ", " OR ", "NOT "
	atoms := []string{
		`worker.level %s 2`, `worker.level %s task.min`, `worker.gone %s 1`, `task.min %s 3`, `worker.site.city %s "Kyoto"`,
	}
	others := []string{`worker.languages HAS "ja"`, `task.language IN worker.languages`, `worker.site.city IN ["Oslo", "Rome"]`, `worker.languages CONTAINS "e"`}
	if native {
		and, or, not = " && ", " || ", "!"
		others = []string{`"ja" in worker.languages`, `task.language in worker.languages`, `has(worker.gone)`, `worker.languages.exists(l, l == "||")`, `worker.vip`}
	}
	leaf := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "other") {
			return rapid.SampledFrom(others).Draw(t, "atom")
		}
		return fmt.Sprintf(rapid.SampledFrom(atoms).Draw(t, "atom"), rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "op"))
	})
	var tree func(depth int) *rapid.Generator[string]
	tree = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			switch kind := rapid.IntRange(0, 4).Draw(t, "kind"); {
			case depth == 0 || kind == 0:
				return leaf.Draw(t, "leaf")
			case kind == 1:
				return not + "(" + tree(depth-1).Draw(t, "x") + ")"
			default:
				parts := rapid.SliceOfN(tree(depth-1), 2, 3).Draw(t, "parts")
				if rapid.Bool().Draw(t, "and") {
					return "(" + strings.Join(parts, and) + ")"
				}
				return "(" + strings.Join(parts, or) + ")"
			}
		})
	}
	return tree(3)
}

// The clauses together say what the program says, and a set of edits that does
// nothing is proposed only for what is true already.
func TestClausesAddUp(t *testing.T) {
	t.Parallel()
	e := rules.New(rules.Options{})
	rapid.Check(t, func(t *rapid.T) {
		native := rapid.Bool().Draw(t, "native")
		text := expressions(native).Draw(t, "expression")
		if native {
			text = "cel:" + text
		}
		in := agentAnd(t, rapid.SampledFrom([]string{
			`{"level":2,"languages":["en","ja"],"site":{"city":"Kyoto"}}`, `{"level":"3","languages":"en"}`, `{}`, `{"languages":[],"level":2.5,"vip":true}`,
		}).Draw(t, "agent"), rapid.SampledFrom([]string{`{"min":2,"language":"ja"}`, `{}`, `{"min":3.5}`}).Draw(t, "task"))
		p, err := e.Compile(rules.PlaceTargetExpression, text)
		require.NoError(t, err, text)
		ok, err := p.Eval(context.Background(), in)
		c, explainErr := e.Explain(context.Background(), rules.PlaceTargetExpression, text, in)
		require.NoError(t, explainErr, text)
		want := map[bool]rules.Verdict{true: rules.VerdictTrue, false: rules.VerdictFalse}[ok]
		if err != nil {
			want = rules.VerdictFailed
		}
		require.Equal(t, want, c.Verdict, text)
		require.Equal(t, want, sum(c), text)
		require.Equal(t, want != rules.VerdictTrue, len(c.Failing()) > 0, text)
	})
}

// sum works the verdict out from the parts alone.
func sum(c rules.Clause) rules.Verdict {
	if c.Join == "" {
		return c.Verdict
	}
	count := map[rules.Verdict]int{}
	for _, p := range c.Parts {
		count[sum(p)]++
	}
	switch {
	case c.Join == rules.JoinNot && count[rules.VerdictFailed] > 0:
		return rules.VerdictFailed
	case c.Join == rules.JoinNot:
		return map[bool]rules.Verdict{true: rules.VerdictTrue, false: rules.VerdictFalse}[count[rules.VerdictFalse] > 0]
	case c.Join == rules.JoinAnd && count[rules.VerdictFalse] > 0:
		return rules.VerdictFalse
	case c.Join == rules.JoinOr && count[rules.VerdictTrue] > 0:
		return rules.VerdictTrue
	case count[rules.VerdictFailed] > 0:
		return rules.VerdictFailed
	}
	return map[bool]rules.Verdict{true: rules.VerdictTrue, false: rules.VerdictFalse}[c.Join == rules.JoinAnd]
}

func TestRepairs(t *testing.T) {
	t.Parallel()
	e := rules.New(rules.Options{})
	const agent, task = `{"languages":["en"],"level":2,"notes":"new"}`, `{"language":"ja","min":3,"team":"red"}`
	for _, row := range []struct{ expression, want string }{
		{`worker.languages HAS "ja"`, `{"languages":["en","ja"],"level":2,"notes":"new"}`},
		{`task.language IN worker.languages AND worker.level >= task.min`, `{"languages":["en","ja"],"level":3,"notes":"new"}`},
		{`worker.level > 9 AND worker.level < 20 OR worker.team == task.team`, `{"languages":["en"],"level":10,"notes":"new"}`},
		{`NOT (worker.languages HAS "en")`, `{"languages":[],"level":2,"notes":"new"}`},
		{`worker.level != 2`, `{"languages":["en"],"notes":"new"}`},
		{`worker.notes CONTAINS "vip"`, `{"languages":["en"],"level":2,"notes":"new vip"}`},
		{`worker.site.city IN ["Oslo", "Rome"]`, `{"languages":["en"],"level":2,"notes":"new","site":{"city":"Oslo"}}`},
		{`cel:task.language in worker.languages && worker.level > 2`, `{"languages":["en","ja"],"level":3,"notes":"new"}`},
		{`cel:worker.vip`, `{"languages":["en"],"level":2,"notes":"new","vip":true}`},
	} {
		in := agentAnd(t, agent, task)
		sets, err := e.Repairs(context.Background(), rules.PlaceTargetExpression, row.expression, in)
		require.NoError(t, err)
		require.NotEmpty(t, sets, row.expression)
		changed, err := rules.ApplyEdits(agent, sets[0])
		require.NoError(t, err)
		require.JSONEq(t, row.want, string(changed), row.expression)
		c, err := e.Explain(context.Background(), rules.PlaceTargetExpression, row.expression, agentAnd(t, string(changed), task))
		require.NoError(t, err)
		require.Equal(t, rules.VerdictTrue, c.Verdict, row.expression)
	}
	for _, hopeless := range []string{`task.min > 5`, `worker.activity_name == "Lunch"`, `worker.level == task.gone`, `worker.level == worker.min`} {
		sets, err := e.Repairs(context.Background(), rules.PlaceTargetExpression, hopeless, agentAnd(t, agent, task))
		require.NoError(t, err)
		require.Empty(t, sets, hopeless)
	}
	_, err := rules.ApplyEdits(`{"a":1}`, []rules.Edit{{Path: "a", Op: rules.EditAdd, Value: "2"}})
	require.Error(t, err)
}
