package rules_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
)

// The budget is 1 µs for an evaluation whose cost was proved when compiled,
// and 2 µs with the meter running.
func BenchmarkEval(b *testing.B) {
	engine := rules.New(rules.Options{})
	task := document(b, `{"type": "ticket", "language": "es", "tier": "gold", "level": 4, "tags": ["a", "b"]}`)
	worker := &rules.WorkerFacts{
		SID: "WK1", Attributes: document(b, `{"languages": ["en", "fr", "es"], "skills": ["support", "sales"], "level": 5}`),
		Channels: map[string]rules.ChannelFacts{"voice": {ConfiguredCapacity: 1}},
	}
	in := rules.Input{Task: &task, Worker: worker, Workers: &rules.QueueFacts{}}
	for _, row := range []struct {
		name, expression string
		place            rules.Place
	}{
		{"familiar/one", `type == "ticket"`, rules.PlaceTaskFilter},
		{"familiar/filter", `type == 'ticket' AND tier IN ['silver', 'gold'] AND level > 3`, rules.PlaceTaskFilter},
		{"familiar/queue", `(skills HAS "support") AND (languages HAS "es")`, rules.PlaceQueueWorkers},
		{"familiar/target", `task.language IN worker.languages AND worker.level >= task.level`, rules.PlaceTargetExpression},
		{"familiar/channel", `worker.channel.voice.available_capacity_percentage == 100`, rules.PlaceTargetExpression},
		{"native/proved", `task.language in worker.languages && worker.level >= task.level`, rules.PlaceTargetExpression},
		{"native/proved/loop", `worker.skills.exists(s, s == "sales")`, rules.PlaceTargetExpression},
		{"native/metered", `task.language in worker.languages && worker.level >= task.level`, rules.PlaceTargetExpression},
		{"native/metered/loop", `worker.skills.exists(s, s == "sales")`, rules.PlaceTargetExpression},
	} {
		engine := engine
		if strings.Contains(row.name, "metered") {
			// A limit below what can be proved turns the meter on.
			engine = rules.New(rules.Options{MaxCost: 100})
		}
		program, err := engine.Compile(row.place, row.expression)
		require.NoError(b, err)
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := program.Eval(context.Background(), in); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, text := range []string{`type == 'ticket' AND tier IN ['silver', 'gold'] AND level > 3`, `cel:task.type == 'ticket' && task.level > 3`} {
		b.Run(text[:4], func(b *testing.B) {
			engine := rules.New(rules.Options{CacheSize: 1})
			var i int
			for b.Loop() {
				i++
				if _, err := engine.Compile(rules.PlaceTaskFilter, fmt.Sprintf("%s%*s", text, 1+i%2, " ")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEnter walks a hundred filters of which the last matches.
func BenchmarkEnter(b *testing.B) {
	var filters []string
	for i := range 100 {
		filters = append(filters, fmt.Sprintf(`{"expression": "kind == 'k%d' AND level > 2", "targets": [{"queue": "WQ1"}]}`, i))
	}
	engine := rules.New(rules.Options{})
	routing, err := engine.ParseConfiguration(`{"task_routing": {"filters": [` + strings.Join(filters, ",") + `]}}`)
	require.NoError(b, err)
	task := document(b, `{"kind": "k99", "level": 3}`)
	b.ReportAllocs()
	for b.Loop() {
		if d := routing.Enter(context.Background(), 0, rules.CauseInitial, task); d.Filter != 99 {
			b.Fatal(d)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := rules.New(rules.Options{}).Compile(rules.PlaceTaskFilter, "1==1"); err != nil {
			b.Fatal(err)
		}
	}
}
