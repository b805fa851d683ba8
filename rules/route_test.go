package rules_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/rules"
)

// TestRoutingTraces follows Tasks through configurations: the first step is
// Enter, each later one leaves the target for the given cause.
func TestRoutingTraces(t *testing.T) {
	t.Parallel()
	const end = "END"
	type step struct {
		cause rules.Cause
		queue string
	}
	const (
		initial = rules.CauseInitial
		timeout = rules.CauseTimeout
		skip    = rules.CauseSkip
	)
	const (
		toC    = `"default_filter": {"queue": "C"}`
		isX    = `{"expression": "type=='x'", "targets": `
		isY    = `{"expression": "type=='y'", "targets": `
		always = `{"expression": "1==1", "targets": `
		waitB  = `[{"queue": "B", "timeout": 10}]}`
		skipB  = `[{"queue": "B", "skip_if": "1==1"}]}`
	)
	rows := []struct {
		name, configuration, task string
		steps                     []step
	}{
		{"only a default", `{` + toC + `}`, `{}`, []step{{initial, "C"}, {timeout, "C"}, {skip, "C"}}},
		{"priority rises in the same queue", `{"filters": [` + always + `[{"queue": "C", "priority": 1, "timeout": 300}, {"priority": 10}]}]}`, `{}`, []step{{initial, "C"}, {timeout, "C"}}},
		{"after a timeout the default is not used", `{"filters": [` + isX + waitB + `], ` + toC + `}`, `{"type": "x"}`, []step{{initial, "B"}, {timeout, end}}},
		{"after a skip it is", `{"filters": [` + isX + skipB + `], ` + toC + `}`, `{"type": "x"}`, []step{{initial, "B"}, {skip, "C"}}},
		{"the next matching filter", `{"filters": [` + isX + waitB + `, ` + always + `[{"queue": "C"}]}]}`, `{"type": "x"}`, []step{{initial, "B"}, {timeout, "C"}}},
		{"no further filter matches", `{"filters": [` + isX + waitB + `, ` + isY + `[{"queue": "C"}]}]}`, `{"type": "x"}`, []step{{initial, "B"}, {timeout, end}}},
		{"the first match wins", `{"filters": [{"expression": "a==1", "targets": [{"queue": "A"}]}, ` + always + `[{"queue": "C"}]}]}`, `{"a": 2}`, []step{{initial, "C"}}},
		{"nothing matches", `{"filters": [{"expression": "a==1", "targets": [{"queue": "A"}]}]}`, `{"a": 2}`, []step{{initial, end}}},
		{"a target with its own expression", `{"filters": [` + always + `[{"queue": "A", "expression": "worker.lvl > 3", "timeout": 5}, {"queue": "C"}]}]}`, `{}`, []step{{initial, "A"}, {timeout, "C"}}},
		{"a known agent", `{"filters": [` + always + `[{"queue": "A", "known_worker_sid": "task.k", "skip_if": "1==1"}, {"queue": "C"}]}]}`, `{"k": null}`, []step{{initial, "A"}, {skip, "C"}}},
		{"the last exit decides: skip", `{"filters": [` + always + `[{"queue": "A", "timeout": 5}, {"queue": "B", "skip_if": "1==1"}]}], ` + toC + `}`, `{}`, []step{{initial, "A"}, {timeout, "B"}, {skip, "C"}}},
		{"the last exit decides: timeout", `{"filters": [` + always + `[{"queue": "A", "skip_if": "1==1"}, {"queue": "B", "timeout": 5}]}], ` + toC + `}`, `{}`, []step{{initial, "A"}, {skip, "B"}, {timeout, end}}},
		{"skipped to the end", `{"filters": [` + always + skipB + `]}`, `{}`, []step{{initial, "B"}, {skip, end}}},
		{"empty filters", `{"filters": []}`, `{}`, []step{{initial, end}}},
	}
	engine := rules.New(rules.Options{})
	for _, row := range rows {
		routing, err := engine.ParseConfiguration(row.configuration)
		require.NoError(t, err, row.name)
		task := document(t, row.task)
		var d rules.Decision
		for i, s := range row.steps {
			if i == 0 {
				d = routing.Enter(context.Background(), 0, s.cause, task)
			} else {
				d = routing.Next(context.Background(), d.Position, s.cause, task)
			}
			require.Empty(t, d.Errors)
			require.NoError(t, d.Err)
			if s.queue == end {
				require.True(t, d.End, row.name)
				continue
			}
			require.False(t, d.End, row.name)
			require.Equal(t, s.queue, d.Target.QueueSID, row.name)
			at, ok := routing.At(d.Position)
			require.True(t, ok)
			require.Equal(t, d.Target, at)
		}
	}
}

func TestDecisionDetail(t *testing.T) {
	t.Parallel()
	routing, err := rules.New(rules.Options{}).ParseConfiguration(`{"filters": [
		{"filter_friendly_name": "broken", "expression": "cel:task.gone == 1", "targets": [{"queue": "A"}]},
		{"filter_friendly_name": "other", "expression": "kind == 'a'", "targets": [{"queue": "B"}]},
		{"filter_friendly_name": "ours", "expression": "kind == 'b'", "targets": [{"queue": "C", "timeout": 9}]}
	], "default_filter": {"queue": "D"}}`)
	require.NoError(t, err)
	d := routing.Enter(context.Background(), 0, rules.CauseInitial, document(t, `{"kind": "b"}`))
	require.Equal(t, rules.Position{Filter: 2}, d.Position)
	require.Equal(t, "ours", d.FilterName)
	require.Equal(t, "kind == 'b'", d.FilterExpression)
	require.Equal(t, 3, d.FiltersTested)
	require.Equal(t, 9*time.Second, d.Target.Timeout)
	require.Len(t, d.Errors, 1)
	require.Equal(t, "filters[0].expression", d.Errors[0].Path)
	require.EqualError(t, d.Errors[0].Err, "expression failed: missing key gone")

	d = routing.Enter(context.Background(), 0, rules.CauseInitial, document(t, `{}`))
	require.Equal(t, rules.Position{Filter: rules.DefaultFilter}, d.Position)
	require.Empty(t, d.FilterName)

	for task, want := range map[string]int{`{"kind": "b"}`: 2, `{"kind": "a", "gone": 1}`: 0, `{}`: rules.DefaultFilter} {
		filter, ok := routing.FirstMatch(context.Background(), document(t, task))
		require.True(t, ok)
		require.Equal(t, want, filter)
	}
	require.Equal(t, "skip", rules.CauseSkip.String())
	require.Equal(t, "unknown", rules.Cause(9).String())
}

// TestDecisionCost shows that many expensive filters cannot add up: beyond the
// budget of one decision they count as failed, and the rest still works.
func TestDecisionCost(t *testing.T) {
	t.Parallel()
	const costly = `{"expression": "task.a.map(x, x + 1).all(x, x > 6)", "targets": [{"queue": "A"}]}`
	engine := rules.New(rules.Options{MaxDecisionCost: 20_000})
	routing, err := engine.ParseConfiguration(`{"filters": [` + strings.Repeat(costly+",", 9) + `{"expression": "1==1", "targets": [{"queue": "C"}]}]}`)
	require.NoError(t, err)
	task := document(t, `{"a": [`+strings.Repeat("5,", 500)+`5]}`)
	d := routing.Enter(context.Background(), 0, rules.CauseInitial, task)
	require.Equal(t, "C", d.Target.QueueSID)
	require.NotEmpty(t, d.Errors)
	require.Less(t, len(d.Errors), 9)
	require.ErrorContains(t, d.Errors[0].Err, "used up the work allowed for one decision")
	again := routing.Enter(context.Background(), 0, rules.CauseInitial, task)
	require.Equal(t, d, again)
}

// TestConcurrentUse shares one engine and its programs between goroutines; it
// is meant for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{CacheSize: 4})
	task := document(t, `{"lang": "es", "list": [1, 2, 3]}`)
	worker := &rules.WorkerFacts{SID: "WK1", Attributes: document(t, `{"langs": ["es"]}`), Channels: map[string]rules.ChannelFacts{"voice": {ConfiguredCapacity: 1}}}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				text := []string{
					`task.lang IN worker.langs`, `worker.channel.voice.assigned_tasks == 0`, `task.list HAS 2`,
					`task.list.exists(x, x == 2)`, `worker.langs.map(x, x + "!").exists(x, x == "es!")`, `worker.sid == "WK1"`,
				}[(i+j)%6]
				program, err := engine.Compile(rules.PlaceTargetExpression, text)
				if err != nil {
					t.Error(err)
					return
				}
				if ok, err := program.Eval(context.Background(), rules.Input{Task: &task, Worker: worker}); !ok || err != nil {
					t.Error(text, ok, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestRoutingProperties: a Task always comes to an end or a place of the
// configuration, forwards only, and never to the default filter by a timeout.
func TestRoutingProperties(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	rapid.Check(t, func(t *rapid.T) {
		var filters []string
		for range rapid.IntRange(0, 5).Draw(t, "filters") {
			targets := strings.TrimSuffix(strings.Repeat(`{"queue": "A"},`, rapid.IntRange(1, 3).Draw(t, "targets")), ",")
			filters = append(filters, `{"expression": "`+rapid.SampledFrom([]string{"a == 1", "b == 1", "1 == 1", "cel:task.a == 1"}).Draw(t, "expression")+`", "targets": [`+targets+`]}`)
		}
		text := `{"filters": [` + strings.Join(filters, ",") + `]`
		fallback := rapid.Bool().Draw(t, "default")
		if fallback {
			text += `, "default_filter": {"queue": "C"}`
		}
		routing, err := engine.ParseConfiguration(text + `}`)
		require.NoError(t, err)
		task := drawDocument(t)
		cause := rules.CauseInitial
		d := routing.Enter(context.Background(), 0, cause, task)
		first, ok := routing.FirstMatch(context.Background(), task)
		require.Equal(t, !d.End, ok)
		if ok {
			require.Equal(t, d.Filter, first)
		}
		for steps := 0; !d.End && d.Filter != rules.DefaultFilter; steps++ {
			require.LessOrEqual(t, steps, 15)
			before := d.Position
			cause = rapid.SampledFrom([]rules.Cause{rules.CauseTimeout, rules.CauseSkip}).Draw(t, "cause")
			d = routing.Next(context.Background(), before, cause, task)
			if !d.End && d.Filter != rules.DefaultFilter {
				require.True(t, d.Filter > before.Filter || d.Filter == before.Filter && d.Position.Target == before.Target+1)
			}
		}
		require.Equal(t, fallback && cause != rules.CauseTimeout, !d.End)
	})
}

func TestFilterAt(t *testing.T) {
	t.Parallel()
	r, err := rules.New(rules.Options{}).ParseConfiguration(`{"filters": [{"filter_friendly_name": "Tax", "expression": "a==1", "targets": [{"queue": "A"}]}], "default_filter": {"queue": "C"}}`)
	require.NoError(t, err)
	for _, row := range []struct {
		filter           int
		name, expression string
	}{{0, "Tax", "a==1"}, {1, "", ""}, {rules.DefaultFilter, "", ""}} {
		name, expression := r.FilterAt(rules.Position{Filter: row.filter})
		require.Equal(t, row.name, name)
		require.Equal(t, row.expression, expression)
	}
}
