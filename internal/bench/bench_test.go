package bench

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// small is a measurement against a stub, which has no Temporal.
func small(t *testing.T) Options {
	t.Helper()
	s, err := startStub()
	require.NoError(t, err)
	t.Cleanup(s.close)
	o := Quick()
	o.URL, o.AccountSID, o.Token = s.url, "AC", "token"
	return o
}

func TestEveryTaskIsCounted(t *testing.T) {
	o := small(t)
	o.Rounds, o.SameProcess = 2, true
	seen := make(chan string, 10_000)
	o.Progress = func(part string, _, _ int) { seen <- part }
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Zero(t, r.Failed())
	require.NotEmpty(t, seen)
	require.Nil(t, r.Floor, "there is no Temporal server")
	require.Empty(t, r.Budgets)
	require.Len(t, r.Plain.Runs, 4)
	require.Len(t, r.Plain.Medians, 2)
	for _, s := range r.Plain.Runs {
		require.Equal(t, o.Tasks, s.Done)
		require.Positive(t, s.PerSecond)
		for _, stage := range []string{StageCreate, StageOffer, StageAccept, StageComplete, StageDone} {
			require.Equal(t, o.Tasks, s.Stages[stage].Count, stage)
			require.Positive(t, s.Stages[stage].P50, stage)
			require.GreaterOrEqual(t, s.Stages[stage].P99, s.Stages[stage].P50, stage)
		}
		require.GreaterOrEqual(t, s.Stages[StageDone].Max, s.Stages[StageOffer].P50)
	}
	require.Equal(t, o.IdleTasks, r.Idle.Done)
	require.Equal(t, o.BurstTasks, r.Burst.Done)
	require.Positive(t, r.Generator.AllocatedKB)

	var table bytes.Buffer
	require.NoError(t, r.Table(&table))
	require.Contains(t, table.String(), "generator alone")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"p99_ms"`)
}

func TestTasksNobodyOffersAreLost(t *testing.T) {
	o := small(t)
	o.Scenarios, o.Concurrency, o.Tasks, o.Patience = []string{Plain}, []int{2}, 4, 20*time.Millisecond
	o.Listen = "127.0.0.1:0"
	ctx := t.Context()
	c := newClient(&o)
	a, err := hire(ctx, &o, c)
	require.NoError(t, err)
	defer a.close()
	office, err := open(ctx, c, "deaf", 1, "http://127.0.0.1:1/")
	require.NoError(t, err)
	b := &bench{opt: o, agents: a}
	w := &journeys{office: office, agents: a, patience: o.Patience}
	s, _ := b.measure(ctx, Plain, 4, 2, w.one)
	require.Equal(t, 4, s.Failed)
	require.Zero(t, s.Done)
	require.Contains(t, s.Problems[0], errLost.Error())
	require.Equal(t, 4, (&Report{Plain: (*LoadResult)(nil).with(s)}).Failed())
}

func TestMistakesAreReportedAtOnce(t *testing.T) {
	o := Quick()
	o.Scenarios, o.Concurrency, o.Rounds = []string{"gallop", Floor}, nil, 0
	_, err := Run(t.Context(), o)
	for _, part := range []string{"account", "gallop", "floor", "concurrency", "rounds"} {
		require.ErrorContains(t, err, part)
	}
}

func TestFigures(t *testing.T) {
	s := &samples{}
	for i := 100; i >= 1; i-- {
		s.add(time.Duration(i) * time.Millisecond)
	}
	require.Equal(t, Spread{Count: 100, P50: 50, P90: 90, P99: 99, Max: 100}, s.spread())
	require.Equal(t, Spread{}, (&samples{}).spread())
	require.Zero(t, median(nil))
	require.Equal(t, 2.0, median([]float64{9, 2, 1}))
	require.Equal(t, 1.5, median([]float64{2, 1}))
	require.Equal(t, Spread{Count: 3, P50: 2, P90: 4, P99: 5, Max: 6},
		medianSpread([]Spread{{1, 1, 4, 5, 6}, {1, 2, 3, 4, 5}, {1, 3, 9, 9, 9}}))
	entered := []entry{{"a", 1}, {"b", 2}, {"c", 2}, {"d", 3}}
	order := func(tasks ...string) (out []entry) {
		for i, task := range tasks {
			out = append(out, entry{task, int64(10 + i)})
		}
		return out
	}
	require.Equal(t, 0, overtaken(entered, order("a", "c", "b", "d")), "b and c are equally old")
	require.Equal(t, 1, overtaken(entered, order("b", "a", "c", "d")))
	require.Equal(t, 3, overtaken(entered, order("d", "a", "b", "c")))
}

func TestBudgets(t *testing.T) {
	at := func(round, concurrency int, perSecond float64) Stretch {
		return Stretch{Round: round, Concurrency: concurrency, PerSecond: perSecond}
	}
	r := &Report{
		// Best of each round: 40 ÷ 100, 60 ÷ 100, 30 ÷ 100.
		Plain: &LoadResult{Runs: []Stretch{at(1, 16, 40), at(1, 32, 30), at(2, 16, 60), at(3, 16, 30)}},
		Floor: &LoadResult{Runs: []Stretch{at(1, 16, 90), at(1, 32, 100), at(2, 16, 100), at(3, 16, 100)}},
		Idle:  &IdleResult{Stretch: Stretch{Stages: map[string]Spread{StageOffer: {P50: 6}}}, Empty: &Spread{P50: 4}, EmptyQueued: &Spread{P50: 8}},
		Runs:  &RunCost{Sampled: 1, Actions: 13, Events: 40},
	}
	r.judge()
	require.Len(t, r.Budgets, 4)
	require.InDelta(t, 1.5, r.Idle.Ratio, 1e-9)
	require.InDelta(t, 0.75, r.Idle.RatioQueued, 1e-9)
	missed := r.Missed()
	require.Len(t, missed, 2)
	require.Equal(t, "plain tasks ÷ floor runs: 0.40, at least 0.5: MISSED by 0.10 (20 %)", missed[0].String())
	require.Equal(t, "Temporal actions a task: 13.00, at most 12: MISSED by 1.00 (8 %)", missed[1].String())
	require.Contains(t, r.Budgets[1].String(), "met")
}
