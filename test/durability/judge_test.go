package durability

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/workflows"
)

// judged lets the auditor look at everything that happened, from the first
// event on, beside the router that runs.
func (s *system) judged() {
	s.t.Helper()
	url := s.postgres
	if url == "" {
		url = s.database()
	}
	st, err := store.Open(s.t.Context(), store.Options{URL: url, MaxConns: 2})
	require.NoError(s.t, err)
	defer func() { _ = st.Close() }()
	c, err := s.temporal()
	require.NoError(s.t, err)
	defer c.Close()
	report, err := audit.Run(s.t.Context(), st, rules.New(rules.Options{}), audit.Options{
		Runs: workflows.NewClient(c, workflows.ClientOptions{Namespace: s.env["TEMPORAL_NAMESPACE"]}),
	})
	require.NoError(s.t, err)
	var text strings.Builder
	require.NoError(s.t, report.Print(&text))
	require.True(s.t, report.Clean(), "%s", &text)
	require.Positive(s.t, report.Totals.Events)
	s.t.Log(text.String())
}
