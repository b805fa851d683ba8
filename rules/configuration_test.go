package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestParseConfiguration(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	routing, err := engine.ParseConfiguration(`{
	  "task_routing": {
	    "filters": [
	      {
	        "filter_friendly_name": "Gold billing", "friendly_name": "ignored",
	        "expression": "topic == 'billing' AND tier == 'gold'",
	        "targets": [
	          {"queue": "WQ1", "priority": 20, "timeout": "45", "expression": "task.language IN worker.languages",
	           "order_by": "worker.billing DESC", "skip_if": "workers.available == 0", "known_worker_sid": "task.agent_sid", "extra": {"kept": true}},
	          {"priority": "40", "queue": null, "timeout": null, "expression": " "},
	          {"queue": "WQ2", "known_worker_friendly_name": "task.agent.name", "friendly_name": "last"}
	        ]
	      },
	      {"friendly_name": "Alias", "expression": "cel:task.vip", "targets": [{"queue": "WQ1", "priority": 7.0}]}
	    ],
	    "default_filter": {"queue": "WQ3", "priority": 1, "expression": "worker.any == 1", "order_by": "worker.x",
	                       "timeout": -5, "skip_if": "nonsense", "known_worker_sid": 5},
	    "unknown": []
	  }
	}`)
	require.NoError(t, err)
	require.Equal(t, []string{"WQ1", "WQ2", "WQ3"}, routing.Queues())
	require.Equal(t, []rules.QueueRef{
		{Path: "filters[0].targets[0].queue", SID: "WQ1"},
		{Path: "filters[0].targets[2].queue", SID: "WQ2"},
		{Path: "filters[1].targets[0].queue", SID: "WQ1"},
		{Path: "default_filter.queue", SID: "WQ3"},
	}, routing.QueueRefs())
	require.Equal(t, "WQ3", routing.DefaultQueue())

	first, ok := routing.At(rules.Position{})
	require.True(t, ok)
	require.Equal(t, "WQ1", first.QueueSID)
	require.EqualValues(t, 20, *first.Priority)
	require.Equal(t, 45*time.Second, first.Timeout)
	require.Equal(t, "task.language IN worker.languages", first.Expression.Source())
	require.Equal(t, "workers.available == 0", first.SkipIf.Source())
	require.Equal(t, "worker.billing DESC", first.OrderBy.Source())
	require.Equal(t, "task.agent_sid", first.KnownWorkerSID.Source())
	require.Nil(t, first.KnownWorkerName)

	second, ok := routing.At(rules.Position{Target: 1})
	require.True(t, ok)
	require.Equal(t, "WQ1", second.QueueSID, "the queue is inherited")
	require.EqualValues(t, 40, *second.Priority)
	require.Zero(t, second.Timeout, "the timeout is not")
	require.Nil(t, second.Expression, "nor is the expression")

	third, ok := routing.At(rules.Position{Target: 2})
	require.True(t, ok)
	require.Nil(t, third.Priority)
	require.Equal(t, "last", third.Name)
	require.Equal(t, "task.agent.name", third.KnownWorkerName.Source())

	alias, ok := routing.At(rules.Position{Filter: 1})
	require.True(t, ok)
	require.EqualValues(t, 7, *alias.Priority)

	fallback, ok := routing.At(rules.Position{Filter: rules.DefaultFilter})
	require.True(t, ok)
	require.Equal(t, "WQ3", fallback.QueueSID)
	require.EqualValues(t, 1, *fallback.Priority)
	require.NotNil(t, fallback.Expression)
	require.NotNil(t, fallback.OrderBy)
	require.Zero(t, fallback.Timeout)
	require.Nil(t, fallback.SkipIf)

	for _, pos := range []rules.Position{{Filter: 2}, {Filter: 0, Target: 3}, {Filter: -2}, {Filter: 0, Target: -1}, {Filter: rules.DefaultFilter, Target: 1}} {
		_, ok := routing.At(pos)
		require.False(t, ok, pos)
	}
}

func TestParseConfigurationForms(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	for text, queue := range map[string]string{
		`{"task_routing": {"default_filter": {"queue": "C"}}}`:                                                     "C",
		`{"default_filter": {"queue": "C"}}`:                                                                       "C",
		`{"filters": [{"expression": "1==1", "targets": [{"queue": "A"}, {}]}]}`:                                   "A",
		`{"task_routing": {"filters": [], "default_filter": {"queue": "C"}}, "filters": "not looked at"}`:          "C",
		`{"task_routing": {"filters": null, "default_filter": {"queue": "C"}}}`:                                    "C",
		`{"task_routing": {"filters": []}}`:                                                                        "",
		`{"task_routing": {"filters": [{"expression":"1==1","targets":[{"queue":"A"}]}], "default_filter": null}}`: "A",
	} {
		routing, err := engine.ParseConfiguration(text)
		require.NoError(t, err, text)
		require.Equal(t, queue, routing.DefaultQueue())
	}
}

// TestConfigurationFaults pins each fault and the path it names.
func TestConfigurationFaults(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	target := func(members string) string {
		return `{"filters": [{"expression": "1==1", "targets": [{"queue": "A"}, {` + members + `}]}]}`
	}
	rows := []struct{ text, want string }{
		{``, `Configuration must be valid JSON`},
		{`{`, `Configuration must be valid JSON`},
		{`{} {}`, `Configuration must be valid JSON`},
		{`[]`, `Configuration must be a JSON object`},
		{`null`, `Configuration must be a JSON object`},
		{`"{}"`, `Configuration must be a JSON object`},
		{`{}`, `task_routing: needs filters or default_filter`},
		{`{"Task_Routing": {"default_filter": {"queue": "C"}}}`, `task_routing: needs filters or default_filter`},
		{`{"task_routing": null}`, `task_routing: must be an object`},
		{`{"task_routing": []}`, `task_routing: must be an object`},
		{`{"task_routing": {"filters": null}}`, `task_routing: needs filters or default_filter`},
		{`{"filters": {}}`, `filters: must be an array`},
		{`{"filters": [1]}`, `filters[0]: must be an object`},
		{`{"filters": [null]}`, `filters[0]: must be an object`},
		{`{"filters": [{"filter_friendly_name": 1}]}`, `filters[0].filter_friendly_name: must be a string`},
		{`{"filters": [{"targets": [{"queue": "A"}]}]}`, `filters[0].expression: is required`},
		{`{"filters": [{"expression": "", "targets": [{"queue": "A"}]}]}`, `filters[0].expression: is required`},
		{`{"filters": [{"expression": 1, "targets": [{"queue": "A"}]}]}`, `filters[0].expression: must be a string`},
		{`{"filters": [{"expression": "a-b == 1", "targets": [{"queue": "A"}]}]}`, `filters[0].expression: Invalid expression: unexpected token "-", expected a comparison operator at character 2`},
		{`{"filters": [{"expression": "1==1"}]}`, `filters[0].targets: needs at least one target`},
		{`{"filters": [{"expression": "1==1", "targets": []}]}`, `filters[0].targets: needs at least one target`},
		{`{"filters": [{"expression": "1==1", "targets": {}}]}`, `filters[0].targets: must be an array`},
		{`{"filters": [{"expression": "1==1", "targets": [[]]}]}`, `filters[0].targets[0]: must be an object`},
		{`{"filters": [{"expression": "1==1", "targets": [{}]}]}`, `filters[0].targets[0].queue: is required`},
		{`{"filters": [{"expression": "1==1", "targets": [{"priority": 1}, {"queue": "A"}]}]}`, `filters[0].targets[0].queue: is required`},
		{target(`"queue": 5`), `filters[0].targets[1].queue: must be a string`},
		{target(`"priority": -1`), `filters[0].targets[1].priority: must be between 0 and 2147483647`},
		{target(`"priority": 2147483648`), `filters[0].targets[1].priority: must be between 0 and 2147483647`},
		{target(`"priority": 1e30`), `filters[0].targets[1].priority: must be between 0 and 2147483647`},
		{target(`"priority": "99999999999999999999"`), `filters[0].targets[1].priority: must be between 0 and 2147483647`},
		{target(`"priority": 1.5`), `filters[0].targets[1].priority: must be an integer`},
		{target(`"priority": "high"`), `filters[0].targets[1].priority: must be an integer`},
		{target(`"priority": ""`), `filters[0].targets[1].priority: must be an integer`},
		{target(`"priority": "NaN"`), `filters[0].targets[1].priority: must be an integer`},
		{target(`"priority": true`), `filters[0].targets[1].priority: must be an integer`},
		{target(`"timeout": 0`), `filters[0].targets[1].timeout: must be between 1 and 2147483647`},
		{target(`"timeout": "-3"`), `filters[0].targets[1].timeout: must be between 1 and 2147483647`},
		{target(`"timeout": {}`), `filters[0].targets[1].timeout: must be an integer`},
		{target(`"expression": "level > 3"`), `filters[0].targets[1].expression: Invalid expression: unexpected name "level"`},
		{target(`"skip_if": "worker.x == 1"`), `filters[0].targets[1].skip_if: Invalid expression: unexpected name "worker.x"`},
		{target(`"order_by": "level"`), `filters[0].targets[1].order_by: Invalid order_by: unexpected name "level"`},
		{target(`"order_by": 1`), `filters[0].targets[1].order_by: must be a string`},
		{target(`"known_worker_sid": "WK1"`), `filters[0].targets[1].known_worker_sid: Invalid reference: unexpected name "WK1"`},
		{target(`"known_worker_friendly_name": "task.a b"`), `filters[0].targets[1].known_worker_friendly_name: Invalid reference`},
		{target(`"known_worker_sid": "task.a", "known_worker_friendly_name": "task.b"`), `filters[0].targets[1].known_worker_friendly_name: excludes known_worker_sid`},
		{`{"default_filter": []}`, `default_filter: must be an object`},
		{`{"default_filter": {}}`, `default_filter.queue: is required`},
		{`{"default_filter": {"queue": "C", "priority": -1}}`, `default_filter.priority: must be between`},
		{`{"default_filter": {"queue": "C", "expression": "x"}}`, `default_filter.expression: Invalid expression`},
		{`{"default_filter": {"queue": "C", "order_by": "x"}}`, `default_filter.order_by: Invalid order_by`},
		// The first fault of several, in the order of the text.
		{`{"filters": [{"expression": "1==1", "targets": [{"queue": "A", "timeout": 0, "priority": -1}]}, {}], "default_filter": 5}`, `filters[0].targets[0].priority`},
		{`{"filters": [{"expression": "1==1", "targets": [{"queue": "A"}]}, {}], "default_filter": 5}`, `filters[1].expression`},
		{`{"default_filter": {"queue": "C"}, "pad": "` + strings.Repeat(" ", rules.MaxConfigurationBytes) + `"}`, `at most 1038576 are allowed`},
	}
	for _, row := range rows {
		_, err := engine.ParseConfiguration(row.text)
		require.ErrorContains(t, err, row.want, row.text[:min(len(row.text), 200)])
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
	}
}
