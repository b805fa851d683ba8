package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/bench"
	"github.com/taskrouter/taskrouter/internal/pgtest"
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
	files := t.TempDir()
	profile, picture := filepath.Join(files, "cpu"), filepath.Join(files, "plot.svg")
	out, err := benched(t, "--quick", "--json", "--concurrency", "4,8", "--tasks", "24", "--calls", "12", "--idle-tasks", "4",
		"--burst-tasks", "40", "--burst-agents", "5", "--cpuprofile", profile, "--plot", picture)
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
		has(t, s, 24, bench.StageCreate, bench.StageOffer, bench.StageAccept, bench.StageComplete, bench.StageDone, bench.StageConducted)
	}
	require.Len(t, r.Voice.Runs, 2)
	for _, s := range r.Voice.Runs {
		require.Equal(t, 12, s.Done)
		has(t, s, 12, bench.StageRing, bench.StageJoin, bench.StageComplete, bench.StageDone, bench.StageConducted)
	}
	require.Positive(t, r.CallRuns.Actions)
	require.Positive(t, r.CallGenerator.CPU)
	require.Len(t, r.Series, 12)
	require.Empty(t, r.LeftOut)
	for _, s := range r.Floor.Runs {
		require.Equal(t, 24, s.Stages[bench.StageConducted].Count)
	}
	require.Len(t, r.Ratio, 1)
	require.Equal(t, 4, r.Idle.Empty.Count)
	require.Equal(t, 4, r.Idle.EmptyQueued.Count)
	require.Equal(t, 4, r.Idle.Stages[bench.StageOffer].Count)
	require.Len(t, r.Idle.Ratios, 1)
	require.Equal(t, 40, r.Burst.Stages[bench.StageConducted].Count)
	require.Zero(t, r.Burst.OutOfOrder)
	require.Positive(t, r.Runs.Actions)
	require.Positive(t, r.Generator.CPU)
	require.Len(t, r.Budgets, 6)
	for _, b := range r.Budgets[4:] { // those that do not depend on the machine
		require.Equal(t, bench.Met, b.Verdict, b.String())
	}
	for _, file := range []string{profile, picture} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Positive(t, info.Size())
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the state ends with the measurement")
}

// has checks that each of n pieces of work went through the stages.
func has(t *testing.T, s bench.Stretch, n int, stages ...string) {
	t.Helper()
	for _, stage := range stages {
		require.Equal(t, n, s.Stages[stage].Count, stage)
		require.Positive(t, s.Stages[stage].P50, stage)
	}
}

// TestBenchOnPostgres measures in a database of its own, beside one that must
// stay as it is.
func TestBenchOnPostgres(t *testing.T) {
	server := pgtest.Start(t)
	t.Setenv("TMPDIR", t.TempDir())
	out, err := benched(t, "--quick", "--json", "--database", server, "--scenario", "plain,voice", "--concurrency", "4", "--tasks", "12", "--calls", "6")
	require.NoError(t, err)
	var r bench.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r), out)
	require.Zero(t, r.Failed())
	require.Equal(t, 12, r.Plain.Runs[0].Done)
	require.Equal(t, 6, r.Voice.Runs[0].Done)

	c, err := pgx.Connect(t.Context(), server)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	var tables, databases int
	require.NoError(t, c.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`).Scan(&tables))
	require.NoError(t, c.QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname LIKE 'taskrouter_bench_%'`).Scan(&databases))
	require.Zero(t, tables)
	require.Zero(t, databases, "it is dropped")
}

func TestBenchRefusesNonsense(t *testing.T) {
	running := []string{"--url", "http://127.0.0.1:1", "--account", "AC", "--token", "secret"}
	for wrong, args := range map[string][]string{
		"gallop": append(running, "--scenario", "gallop"),
		".pdf":   append(running, "--plot", "x.pdf"),
		"plain":  append(running, "--scenario", "idle", "--plot", "x.svg"),
		"sqlite": {"--database", "mysql://root:secret@localhost"},
	} {
		_, err := benched(t, args...)
		require.ErrorContains(t, err, wrong)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestProgressIsOneLine(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	tell := progressLine(&out, func() time.Time { return now })
	tell("plain", 6, 24)
	tell("plain", 7, 24) // too soon
	now = now.Add(progressInterval)
	tell("plain", 12, 24)
	tell("plain", 24, 24)
	require.Equal(t, "\r\x1b[K[######..................]  25 %  plain: 6 of 24"+
		"\r\x1b[K[############............]  50 %  plain: 12 of 24\r\x1b[K", out.String())
	require.Nil(t, benchProgress(&out), "not a terminal")
}

func TestBenchAssertsBudgets(t *testing.T) {
	missed := &bench.Report{Budgets: []bench.Budget{
		{Name: "speed", Value: 1, Limit: 2, AtLeast: true, Verdict: bench.Missed},
		{Name: "size", Value: 1, Limit: 2, Verdict: bench.Met},
		{Name: "cost", Value: 3, Limit: 2, Noise: 0.5, Verdict: bench.Missed},
		{Name: "chance", Value: 3, Limit: 2, Noise: 2, Verdict: bench.WithinNoise},
	}}
	var out bytes.Buffer
	require.NoError(t, (&benchFlags{}).show(&out, missed))
	err := (&benchFlags{assert: true}).show(&out, missed)
	require.ErrorContains(t, err, "speed: 1.00, at least 2: MISSED by 1.00 (50 %)")
	require.ErrorContains(t, err, "cost")
	require.NotContains(t, err.Error(), "size")
	require.NotContains(t, err.Error(), "chance")
	require.Equal(t, 1, exitStatus(err))
	require.Error(t, (&benchFlags{assert: true}).show(&out, &bench.Report{}), "nothing measured proves nothing")
	lost := &bench.Report{Idle: &bench.IdleResult{Stretch: bench.Stretch{Asked: 3, Done: 2}}}
	require.ErrorContains(t, (&benchFlags{}).show(&out, lost), "1 tasks or runs failed")
}
