package telemetry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/admission"
)

func TestAdmission(t *testing.T) {
	m, d := New(""), admission.New(admission.Options{})
	m.WatchAdmission(d)
	leave, err := d.Enter(t.Context(), admission.Read, admission.Change)
	require.NoError(t, err)
	m.RequestRefused(admission.AccountRate)
	requireLines(t, page(t, m),
		`taskrouter_requests_refused_total{reason="account_rate"} 1`, `taskrouter_requests_refused_total{reason="queue"} 0`,
		`taskrouter_requests_in_work{kind="reads"} 1`, `taskrouter_requests_in_work{kind="writes"} 0`,
		`taskrouter_requests_waiting{kind="reads"} 0`, `taskrouter_requests_waiting{kind="authentications"} 0`,
		`taskrouter_requests_waiting{kind="database"} 0`)
	leave()
	requireLines(t, page(t, m), `taskrouter_requests_in_work{kind="reads"} 0`)
}
