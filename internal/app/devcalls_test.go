package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice/fake"
)

// TestChangesOfCallsAreStreamed reads the stream until the server wants to stop.
func TestChangesOfCallsAreStreamed(t *testing.T) {
	net := fake.New(fake.Options{})
	t.Cleanup(net.Close)
	handler, stop := (&App{voices: &voices{fake: net}}).newDevCalls()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	client := &http.Client{Timeout: 30 * time.Second}
	resp, err := client.Get(srv.URL + "/dev/calls/changes")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)

	phone := net.Originate(fake.Outgoing{To: "client:alice", URL: srv.URL})[0]
	lines := json.NewDecoder(resp.Body)
	for state := ""; state != "ringing"; {
		var c fake.CallSnapshot
		require.NoError(t, lines.Decode(&c))
		require.Equal(t, phone, c.CallSID)
		state = c.State
	}
	stop()
	var c fake.CallSnapshot
	require.Error(t, lines.Decode(&c), "the stream is over")
}
