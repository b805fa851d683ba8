package telemetry

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/taskrouter"
)

const (
	deploy     = "../../deploy/"
	operations = "../../docs/operations.md"
)

// named matches the metrics a text names.
var named = regexp.MustCompile(`\b(?:taskrouter|temporal|go|process)_[a-z0-9_]+\b`)

// exported is the names of everything a process exports, series of histograms
// included. Those of the SDK are the constants of its source.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	m := New("test")
	m.HTTPRequest("GET", "/", 200, time.Second)
	m.CommandDone(time.Second, nil)
	m.TransactionDone(dispatch.Transaction{Events: []taskrouter.EventType{taskrouter.TaskCreated, taskrouter.ReservationWasCreated}})
	m.EventSent(Delivered, time.Second)
	m.Assigned(Instructed, time.Second)
	m.WatchBacklogs(&shelf{now: waiting(time.Now())}, zap.NewNop())
	m.WatchAdmission(admission.New(admission.Options{}))
	out := map[string]bool{}
	families, err := m.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		out[f.GetName()] = true
		if len(f.GetMetric()) > 0 && f.GetMetric()[0].GetHistogram() != nil {
			addHistogram(out, f.GetName())
		}
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.temporal.io/sdk").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "common", "metrics", "constants.go"))
	require.NoError(t, err)
	constants := regexp.MustCompile(`=\s+(?:TemporalMetricsPrefix|TemporalRequest|TemporalLongRequest)\s*\+\s*"([a-z_]+)"`)
	names := constants.FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(names), 30, "the SDK declares its metrics elsewhere")
	for _, n := range names {
		for _, prefix := range []string{"temporal_", "temporal_request", "temporal_long_request"} {
			out[prefix+n[1]] = true
			out[suffixed(prefix+n[1], "_total")] = true
			addHistogram(out, suffixed(prefix+n[1], "_seconds"))
		}
	}
	return out
}

func addHistogram(out map[string]bool, name string) {
	out[name], out[name+"_bucket"], out[name+"_sum"], out[name+"_count"] = true, true, true, true
}

// TestDashboard: it is valid, and each metric it shows is exported.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(deploy + "grafana/taskrouter.json")
	require.NoError(t, err)
	var board struct {
		Title  string `json:"title"`
		Panels []struct {
			ID      int    `json:"id"`
			Type    string `json:"type"`
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(text, &board))
	known, shown, ids := exported(t), map[string]bool{}, map[int]bool{}
	for _, p := range board.Panels {
		require.False(t, ids[p.ID], "two panels with the id %d", p.ID)
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			requireExpression(t, known, target.Expr)
			for _, n := range named.FindAllString(target.Expr, -1) {
				shown[n] = true
			}
		}
	}
	for name := range ours(t) {
		require.True(t, shown[name] || shown[name+"_bucket"] || shown[name+"_sum"], "no panel shows %s", name)
	}
}

// ours are the families that are not the SDK's, Go's or the system's.
func ours(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	m := New("test")
	m.WatchBacklogs(&shelf{now: waiting(time.Now())}, zap.NewNop())
	m.WatchAdmission(admission.New(admission.Options{}))
	descriptions := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(descriptions)
	close(descriptions)
	name := regexp.MustCompile(`fqName: "(taskrouter_[a-z_]+)"`)
	for d := range descriptions {
		if found := name.FindStringSubmatch(d.String()); found != nil {
			out[found[1]] = true
		}
	}
	require.Greater(t, len(out), 15)
	return out
}

// requireExpression demands that the metrics of an expression exist and that
// its brackets match.
func requireExpression(t *testing.T, known map[string]bool, expr string) {
	t.Helper()
	names := named.FindAllString(expr, -1)
	if !strings.HasPrefix(expr, "up{") {
		require.NotEmpty(t, names, expr)
	}
	for _, n := range names {
		require.True(t, known[n], "%s is not exported: %s", n, expr)
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		require.Equal(t, strings.Count(expr, pair[:1]), strings.Count(expr, pair[1:]), expr)
	}
}

var (
	alertName = regexp.MustCompile(`(?m)^\s+- alert: (\w+)$`)
	alertExpr = regexp.MustCompile(`(?m)^\s+expr: (?:>-\n((?:\s{10,}.*\n)+)|(.*)\n)`)
)

// TestAlerts: each alert asks for metrics that are exported, and the guide for
// operators says what to do.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile(deploy + "prometheus/alerts.yml")
	require.NoError(t, err)
	guide, err := os.ReadFile(operations)
	require.NoError(t, err)
	known := exported(t)
	names := alertName.FindAllStringSubmatch(string(text), -1)
	exprs := alertExpr.FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, names)
	require.Len(t, exprs, len(names), "each alert has one expression")
	for _, e := range exprs {
		requireExpression(t, known, strings.TrimSpace(e[1]+e[2]))
	}
	seen := map[string]bool{}
	for _, n := range names {
		require.False(t, seen[n[1]], "two alerts are called %s", n[1])
		seen[n[1]] = true
		require.Contains(t, string(guide), "### "+n[1]+"\n", "docs/operations.md says what to do")
	}
	for _, n := range regexp.MustCompile(`(?m)^### (TaskRouter\w+)$`).FindAllStringSubmatch(string(guide), -1) {
		require.True(t, seen[n[1]], "docs/operations.md explains %s, which is no alert", n[1])
	}
}

// TestGuide: the guide for operators names metrics that are exported, and all
// of ours.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile(operations)
	require.NoError(t, err)
	known, said := exported(t), map[string]bool{}
	for _, n := range regexp.MustCompile("`((?:taskrouter|temporal|go|process)_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		said[n[1]] = true
		require.True(t, known[n[1]], "%s is not exported", n[1])
	}
	for name := range ours(t) {
		require.True(t, said[name], "docs/operations.md does not explain %s", name)
	}
}
