package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
)

func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	e := rules.New(rules.Options{})
	for text, want := range map[string][]string{
		`{"task_routing":{"default_filter":{"queue":"WQ1"}}}`: nil,
		`{`:                       {"Configuration must be valid JSON"},
		`[]`:                      {"Configuration must be a JSON object"},
		`{"task_routing":{}}`:     {"task_routing: needs filters or default_filter"},
		`{"default_filter":"no"}`: {"default_filter: must be an object"},
		`{"task_routing":{"filters":[
			{"expression":"a ==","targets":[{"queue":"WQ1","timeout":0},{"priority":"x"}]},
			{"expression":"a == 1","targets":[{"queue":"WQ1"}]},
			{"expression":"a == 1"},{"targets":[]}],"default_filter":{}}}`: {
			"filters[0].expression: Invalid expression: unexpected end of expression, expected a value or a name at character 5",
			"filters[0].targets[0].timeout: must be between 1 and 2147483647",
			"filters[0].targets[1].priority: must be an integer",
			"filters[2].targets: needs at least one target",
			"filters[3].expression: is required",
			"filters[3].targets: needs at least one target",
			"default_filter.queue: is required",
		},
	} {
		var got []string
		for _, err := range e.CheckConfiguration(text) {
			got = append(got, err.Error())
		}
		require.Equal(t, want, got, text)
	}
}
