package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
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
	o.URL, o.AccountSID, o.Token, o.Talk = s.url, "AC", "token", 0
	return o
}

func TestRulesAreMeasured(t *testing.T) {
	o := small(t)
	o.Rounds, o.Scenarios = 2, []string{Rules}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, r.Rules, len(measuredRules))
	for _, rule := range r.Rules {
		require.Len(t, rule.Micros, 2, rule.Name)
		require.Positive(t, rule.Micros[0], rule.Name)
	}
	require.Len(t, r.Budgets, 2)
	var table bytes.Buffer
	require.NoError(t, r.Table(&table))
	require.Contains(t, table.String(), "CEL, loop, metered")
}

// TestSlowestRule: of each round, loops left out.
func TestSlowestRule(t *testing.T) {
	all := []RuleResult{
		{Micros: []float64{1, 5}},
		{Micros: []float64{2, 4}},
		{Micros: []float64{9, 9}, Loops: true},
		{Micros: []float64{7, 7}, Metered: true},
	}
	require.Equal(t, []float64{2, 5}, slowestRule(all, false))
	require.Equal(t, []float64{7, 7}, slowestRule(all, true))
	require.Empty(t, slowestRule(nil, true))
}

func TestEveryTaskIsCounted(t *testing.T) {
	o := small(t)
	o.Rounds, o.SameProcess = 2, true
	o.Scenarios = []string{Idle, Plain, Voice, Burst}
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
	require.Len(t, r.Voice.Runs, 4)
	for _, s := range r.Voice.Runs {
		require.Equal(t, o.Calls, s.Done)
		for _, stage := range []string{StageRing, StageJoin, StageComplete, StageDone} {
			require.Equal(t, o.Calls, s.Stages[stage].Count, stage)
			require.Positive(t, s.Stages[stage].P50, stage)
		}
	}
	require.Len(t, r.Series, 12, "two stages of two scenarios, three percentiles")
	for _, s := range r.Series {
		require.Len(t, s.Points, 2)
		require.Equal(t, o.Concurrency[1], s.Points[1].Load)
		require.Positive(t, s.Points[1].Ms)
	}
	require.Empty(t, r.LeftOut)
	require.Equal(t, o.IdleTasks, r.Idle.Done)
	require.Equal(t, o.IdleTasks, r.Idle.Stages[StageOffer].Count)
	require.Equal(t, o.BurstTasks, r.Burst.Done)
	require.Positive(t, r.Generator.AllocatedKB)
	require.Positive(t, r.CallGenerator.AllocatedKB)

	var table bytes.Buffer
	require.NoError(t, r.Table(&table))
	require.Contains(t, table.String(), "generator alone, voice")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"p99_ms"`)
}

func TestTasksNobodyOffersAreLost(t *testing.T) {
	o := small(t)
	o.Listen = "127.0.0.1:0"
	ctx := t.Context()
	c := newClient(&o)
	a, err := hire(ctx, &o, c)
	require.NoError(t, err)
	defer a.close()
	office, err := open(ctx, c, plan{name: "deaf", agents: 1, callback: "http://127.0.0.1:1/"})
	require.NoError(t, err)
	b := &bench{opt: o, agents: a}
	w := &journeys{office: office, agents: a, patience: 20 * time.Millisecond}
	s, _ := b.measure(ctx, Plain, 4, 2, w.one)
	require.Equal(t, 4, s.Failed)
	require.Zero(t, s.Done)
	require.NotEmpty(t, s.Problems)
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
		// Best of each round: 40 ÷ 100, 45 ÷ 100, 41 ÷ 100.
		Plain: &LoadResult{Runs: []Stretch{at(1, 16, 40), at(1, 32, 30), at(2, 16, 45), at(3, 16, 41)}},
		Floor: &LoadResult{Runs: []Stretch{at(1, 16, 90), at(1, 32, 100), at(2, 16, 100), at(3, 16, 100)}},
		Idle:  &IdleResult{Ratios: []float64{2.1, 1.7, 2.2}},
		Runs:  &RunCost{Sampled: 1, Actions: 13, Events: 40},
	}
	r.judge()
	require.Len(t, r.Budgets, 4)
	require.Equal(t, "idle offer ÷ first workflow task of an empty run: 2.10, at most 2: missed by 0.10 (5 %), the rounds differ by 0.50: within noise",
		r.Budgets[1].String())
	require.Contains(t, r.Budgets[3].String(), "met")
	missed := r.Missed()
	require.Len(t, missed, 2)
	require.Equal(t, "plain tasks ÷ floor runs: 0.41, at least 0.5: MISSED by 0.09 (18 %), the rounds differ by 0.05", missed[0].String())
	require.Equal(t, "Temporal actions a task: 13.00, at most 12: MISSED by 1.00 (8 %), the rounds differ by 0.00", missed[1].String())

	text, err := json.Marshal(missed[1])
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Temporal actions a task","value":13,"budget":12,"at_least":false,"noise":0,"rounds":[13],"verdict":"missed"}`, string(text))
}

func TestABudgetIsMissedByMoreThanTheNoise(t *testing.T) {
	for _, row := range []struct {
		name   string
		budget Budget
		noise  float64
		want   Verdict
	}{
		{"kept exactly", atMost("", 2, []float64{2, 2, 2}), 0, Met},
		{"kept, however much the rounds differ", atMost("", 2, []float64{1, 2, 9}), 8, Met},
		{"missed by as much as the rounds differ", atMost("", 2, []float64{2.5, 3, 3.5}), 1, WithinNoise},
		{"missed by more", atMost("", 2, []float64{3, 3.5, 3.75}), 0.75, Missed},
		{"one round has no noise", atMost("", 2, []float64{2.001}), 0, Missed},
		{"at least: kept", atLeast("", 0.5, []float64{0.5, 0.25, 0.75}), 0.5, Met},
		{"at least: within", atLeast("", 0.5, []float64{0.25, 0.375, 0.5}), 0.25, WithinNoise},
		{"at least: missed", atLeast("", 0.5, []float64{0.25, 0.25, 0.375}), 0.125, Missed},
		{"not a number", atLeast("", 0.5, []float64{math.NaN()}), math.NaN(), Missed},
	} {
		require.Equal(t, row.want, row.budget.Verdict, row.name)
		if !math.IsNaN(row.noise) {
			require.InDelta(t, row.noise, row.budget.Noise, 1e-12, row.name)
		}
	}
}

func TestCallsNeedTelephones(t *testing.T) {
	s, err := startStub()
	require.NoError(t, err)
	t.Cleanup(s.close)
	s.calls = nil
	o := Quick()
	o.URL, o.AccountSID, o.Token, o.Tasks, o.BurstTasks, o.IdleTasks = s.url, "AC", "token", 5, 5, 2
	r, err := Run(t.Context(), o)
	require.NoError(t, err, "calls were not asked for by name")
	require.Nil(t, r.Voice)
	require.Len(t, r.LeftOut, 1)
	require.Contains(t, r.LeftOut[0], "taskrouter dev")

	o.Scenarios = []string{Voice}
	_, err = Run(t.Context(), o)
	require.ErrorIs(t, err, errNoPhones)
}

func TestCallsNobodyAnswersAreLost(t *testing.T) {
	o := small(t)
	k, err := openCallCenter(t.Context(), &o, newClient(&o), time.Now())
	require.NoError(t, err)
	k.patience = 20 * time.Millisecond
	d, _, err := k.desk(t.Context(), "deserted", 0, 0)
	require.NoError(t, err)
	lost := newTally()
	d.one(t.Context(), lost)
	require.EqualValues(t, 1, lost.failed.Load())
	require.Len(t, lost.problems, 1)
	require.Zero(t, lost.done.Load())

	// Whoever waits for the telephones learns that they are gone.
	k.close()
	_, _, err = k.phones.await(t.Context(), "CA0", "it rings", func(call) bool { return true })
	require.ErrorContains(t, err, "broke")
}

func TestABusyRouterIsAskedAgain(t *testing.T) {
	for name, row := range map[string]struct {
		err   error
		after time.Duration
		busy  bool
	}{
		"done":      {nil, 0, false},
		"overload":  {&refused{status: 503, after: 3 * time.Second}, 3 * time.Second, true},
		"too many":  {fmt.Errorf("POST /Tasks: %w", &refused{status: 429}), time.Second, true},
		"bad":       {&refused{status: 400}, 0, false},
		"no answer": {errLost, 0, false},
	} {
		after, yes := busy(row.err)
		require.Equal(t, row.busy, yes, name)
		require.Equal(t, row.after, after, name)
	}
}
