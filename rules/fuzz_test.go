package rules_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// FuzzTwilioExpr compiles any text for any place and runs what compiles: no
// panic, no fault of ours, and TaskRouter's own syntax never fails.
func FuzzTwilioExpr(f *testing.F) {
	for _, seed := range []string{
		`1==1`, `a.b[2] != null AND NOT (c HAS "x" or d >- 'y')`, `language NOT IN ["en", 'es', -1.5, null]`, `task.x == worker.sid`,
		`cel:task.a.exists(x, x == 1)`, `worker["a"] && !task.b ? 1 : 2`, `a<-1`, `a <- [1]`, `"\"\\`, `workers.available == 0`, "\u00e9 == '\u2028'", `skill-level > 3`,
	} {
		f.Add(uint8(0), seed)
	}
	engine := rules.New(rules.Options{CacheSize: 16})
	task := document(f, `{"a": [1, "x", null], "b": {"c": true}, "language": "en"}`)
	worker := &rules.WorkerFacts{SID: "WK1", Attributes: task, Channels: map[string]rules.ChannelFacts{"voice": {}}}
	f.Fuzz(func(t *testing.T, place uint8, text string) {
		p := rules.Place(place % 8)
		if p == rules.PlaceOrderBy {
			order, err := engine.CompileOrder(text)
			if err == nil {
				require.Zero(t, order.Compare(*worker, *worker))
			}
			return
		}
		if p == rules.PlaceKnownWorker {
			if ref, err := engine.CompileReference(text); err == nil {
				ref.Lookup(task)
			}
			return
		}
		program, err := engine.Compile(p, text)
		if err != nil {
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), "%v", err)
			return
		}
		_, err = program.Eval(context.Background(), rules.Input{Task: &task, Worker: worker, Workers: &rules.QueueFacts{}})
		if !program.Native() {
			require.NoError(t, err)
		}
		_ = task.DemandKey(program.TaskFields())
	})
}

// FuzzParseConfiguration reads any text: no panic, no fault of ours, and a
// configuration that is accepted can be walked.
func FuzzParseConfiguration(f *testing.F) {
	for _, seed := range []string{
		`{"task_routing": {"filters": [{"expression": "1==1", "targets": [{"queue": "A", "priority": "1", "timeout": 5}, {}]}], "default_filter": {"queue": "C"}}}`,
		`{"filters": [null]}`, `{"default_filter": {"queue": "C", "order_by": "worker.a DESC"}}`, `[]`, ``,
	} {
		f.Add(seed)
	}
	engine := rules.New(rules.Options{CacheSize: 16})
	task := document(f, `{"a": 1}`)
	f.Fuzz(func(t *testing.T, text string) {
		routing, err := engine.ParseConfiguration(text)
		if err != nil {
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), "%v", err)
			return
		}
		d := routing.Enter(context.Background(), 0, rules.CauseInitial, task)
		for i := 0; !d.End && i < 10; i++ {
			require.NotEmpty(t, d.Target.QueueSID)
			d = routing.Next(context.Background(), d.Position, rules.CauseSkip, task)
		}
	})
}

// FuzzParseDocument decodes any text.
func FuzzParseDocument(f *testing.F) {
	f.Add(`{"a": [1, 2.5, {"b": null}], "c": 1e999}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := rules.ParseDocument(taskrouter.Attributes(text))
		if err == nil {
			require.NotEmpty(t, d.DemandKey([]string{rules.WholeDocument, "a", "a[0].b", "a.", "[", "]", ".", "[x]"}))
		}
	})
}
