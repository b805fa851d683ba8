package offline_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/rules/offline"
)

const configuration = `{"task_routing":{"filters":[
	{"filter_friendly_name":"French","expression":"language == 'fr'","targets":[{"queue":"french"}]},
	{"filter_friendly_name":"Japanese","expression":"language == 'ja'","targets":[
		{"queue":"japanese","priority":5,"timeout":30,"expression":"worker.level >= task.min","skip_if":"workers.available == 0"},
		{"queue":"everybody","order_by":"worker.level DESC"}]}]}}`

func request() offline.Request {
	return offline.Request{
		Configuration: configuration, Attributes: `{"language":"ja","min":3}`,
		Agents: []offline.Agent{
			{Name: "Ann", Attributes: `{"languages":["en"],"level":2}`},
			{Attributes: `{"languages":["ja"],"level":1}`},
			{Name: "Yuki", Attributes: `{"languages":["ja"],"level":4}`},
		},
		Queues: map[string]string{"japanese": `languages HAS "ja"`},
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r, err := offline.Evaluate(context.Background(), rules.New(rules.Options{}), request())
	require.NoError(t, err)
	require.True(t, r.Matched)
	var b strings.Builder
	require.NoError(t, r.Write(&b))
	require.Equal(t, `FILTER  NAME      VERDICT        EXPRESSION
0       French    false          language == 'fr'
                                   language == "fr" – task.language is "ja"
1       Japanese  true (chosen)  language == 'ja'

TARGET  QUEUE      PRIORITY  TIMEOUT  SKIP  AGENT     FITS  BECAUSE
0       japanese   5         30 s     no    Yuki      yes   
                                            Ann       no    queue: languages HAS "ja" – worker.languages is ["en"]
                                                            target: worker.level >= task.min – worker.level is 2, task.min is 3
                                            worker 2  no    target: worker.level >= task.min – worker.level is 1, task.min is 3
1       everybody  -         -        -     Yuki      yes   
                                            Ann       yes   
                                            worker 2  yes   
`, b.String())
}

func TestSkippedAndRefused(t *testing.T) {
	t.Parallel()
	e := rules.New(rules.Options{})
	in := request()
	in.Agents = in.Agents[:1]
	r, err := offline.Evaluate(context.Background(), e, in)
	require.NoError(t, err)
	require.True(t, r.Targets[0].Skipped, "nobody is in the queue")
	in.Attributes = `{"language":"de"}`
	r, err = offline.Evaluate(context.Background(), e, in)
	require.NoError(t, err)
	require.False(t, r.Matched)
	require.Empty(t, r.Targets)
	var b strings.Builder
	require.NoError(t, r.Write(&b))
	require.Contains(t, b.String(), "would be refused")
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	e := rules.New(rules.Options{})
	for _, spoil := range []func(*offline.Request){
		func(r *offline.Request) { r.Attributes = "[]" },
		func(r *offline.Request) { r.Agents[0].Attributes = "{" },
		func(r *offline.Request) { r.Queues["japanese"] = "HAS" },
	} {
		in := request()
		spoil(&in)
		_, err := offline.Evaluate(context.Background(), e, in)
		require.Error(t, err)
	}
	in := request()
	in.Configuration = `{"task_routing":{"filters":[{"expression":"a ="},{"expression":"b"}]}}`
	_, err := offline.Evaluate(context.Background(), e, in)
	var bad *offline.BadConfiguration
	require.ErrorAs(t, err, &bad)
	require.Len(t, bad.Faults, 4, "both expressions, and the targets that both lack")
	require.Contains(t, err.Error(), "filters[1].expression")
}
