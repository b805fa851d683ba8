package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/bench"
)

// benched runs the command as a shell would.
func benched(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := root()
	c.SetArgs(append([]string{"bench"}, args...))
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	err = c.ExecuteContext(t.Context())
	return stdout.String(), err
}

// TestBench measures nothing: it shows that each scenario runs on a whole
// system, that its figures add up and that nothing gets lost.
func TestBench(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	profile := filepath.Join(t.TempDir(), "cpu")
	out, err := benched(t, "--quick", "--json", "--concurrency", "4,8", "--tasks", "24", "--idle-tasks", "4",
		"--burst-tasks", "40", "--burst-agents", "5", "--cpuprofile", profile)
	require.NoError(t, err)
	var r bench.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r), out)

	require.Zero(t, r.Failed())
	require.True(t, r.Settings.SameProcess)
	require.Len(t, r.Plain.Runs, 2)
	require.Len(t, r.Floor.Runs, 2)
	for _, s := range r.Plain.Runs {
		require.Equal(t, 24, s.Done)
		require.Zero(t, s.Repeated)
		require.Positive(t, s.PerSecond)
		for _, stage := range bench.Stages() {
			require.Equal(t, 24, s.Stages[stage].Count, stage)
			require.Positive(t, s.Stages[stage].P50, stage)
		}
	}
	for _, s := range r.Floor.Runs {
		require.Equal(t, 24, s.Stages[bench.StageConducted].Count)
	}
	require.Len(t, r.Ratio, 1)
	require.Equal(t, 4, r.Idle.Empty.Count)
	require.Equal(t, 4, r.Idle.EmptyQueued.Count)
	require.Equal(t, 4, r.Idle.Stages[bench.StageOffer].Count)
	require.Positive(t, r.Idle.Ratio)
	require.Equal(t, 40, r.Burst.Stages[bench.StageConducted].Count)
	require.Zero(t, r.Burst.OutOfOrder)
	require.Positive(t, r.Runs.Actions)
	require.Positive(t, r.Generator.CPU)
	require.Len(t, r.Budgets, 4)
	for _, b := range r.Budgets[2:] { // those that do not depend on the machine
		require.True(t, b.Met, b.String())
	}
	info, err := os.Stat(profile)
	require.NoError(t, err)
	require.Positive(t, info.Size())
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the state ends with the measurement")
}

func TestBenchRefusesNonsense(t *testing.T) {
	_, err := benched(t, "--url", "http://127.0.0.1:1", "--account", "AC", "--token", "secret", "--scenario", "gallop")
	require.ErrorContains(t, err, "gallop")
	require.NotContains(t, err.Error(), "secret")
}

func TestBenchAssertsBudgets(t *testing.T) {
	missed := &bench.Report{Budgets: []bench.Budget{
		{Name: "speed", Value: 1, Limit: 2, AtLeast: true}, {Name: "size", Value: 1, Limit: 2, Met: true}, {Name: "cost", Value: 3, Limit: 2},
	}}
	var out bytes.Buffer
	require.NoError(t, (&benchFlags{}).show(&out, missed))
	err := (&benchFlags{assert: true}).show(&out, missed)
	require.ErrorContains(t, err, "speed: 1.00, at least 2: MISSED by 1.00 (50 %)")
	require.ErrorContains(t, err, "cost")
	require.NotContains(t, err.Error(), "size")
	require.Equal(t, 1, exitStatus(err))
	require.Error(t, (&benchFlags{assert: true}).show(&out, &bench.Report{}), "nothing measured proves nothing")
	lost := &bench.Report{Idle: &bench.IdleResult{Stretch: bench.Stretch{Asked: 3, Done: 2}}}
	require.ErrorContains(t, (&benchFlags{}).show(&out, lost), "1 tasks or runs failed")
}
