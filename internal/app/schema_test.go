package app

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/health"
	"github.com/taskrouter/taskrouter/wire"
)

// get asks the API of a process without credentials.
func get(t *testing.T, a *App, path string) (int, wire.Error) {
	t.Helper()
	res, err := http.Get(a.URL() + path)
	require.NoError(t, err)
	defer res.Body.Close()
	var e wire.Error
	if path != "/healthz" && path != "/readyz" { // these answer otherwise
		require.NoError(t, json.NewDecoder(res.Body).Decode(&e))
	}
	return res.StatusCode, e
}

// TestNewerProgramWaits: with a database that was not migrated yet a process
// says so and does nothing, neither requests nor durable work, until it was.
func TestNewerProgramWaits(t *testing.T) {
	core, log := observer.New(zap.WarnLevel)
	a := process(t, func(o *Options) { o.Migrate, o.Log = false, zap.New(core) })
	require.NoError(t, a.Start(t.Context()))
	status, e := get(t, a, "/v1/Workspaces")
	require.Equal(t, 503, status)
	require.Equal(t, 503, e.Status)
	require.NotZero(t, e.Code)
	status, _ = get(t, a, "/healthz")
	require.Equal(t, 200, status, "a restart would not help")
	status, _ = get(t, a, "/readyz")
	require.Equal(t, 503, status)
	require.Eventually(t, func() bool { return log.FilterMessage("not serving yet").Len() == 1 }, time.Minute, 5*time.Millisecond)
	require.Equal(t, errOldSchema.Error(), log.FilterMessage("not serving yet").All()[0].ContextMap()["error"])
	require.Zero(t, log.FilterMessage("background round failed").Len(), "nothing was begun")

	require.NoError(t, a.store.Migrate(t.Context()))
	require.Eventually(t, func() bool { status, _ := get(t, a, "/v1/Workspaces"); return status == 401 }, time.Minute, 20*time.Millisecond)
	require.Equal(t, 1, log.FilterMessage("not serving yet").Len(), "it says it once")
}

// TestOlderProgramIsReady: during an upgrade processes of the version before
// find a schema with migrations they do not know, and go on.
func TestOlderProgramIsReady(t *testing.T) {
	file := filepath.Join(t.TempDir(), "router.db")
	on := func(o *Options) { o.Config.Database.URL = config.NewSecret(file) }
	a := process(t, on)
	_, known, err := a.store.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.NoError(t, a.Stop(t.Context()))
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", known+1)
	require.NoError(t, err)
	require.NoError(t, db.Close())

	for _, migrate := range []bool{false, true} {
		a = process(t, func(o *Options) { on(o); o.Migrate = migrate })
		require.NoError(t, a.Start(t.Context()))
		status, _ := get(t, a, "/v1/Workspaces")
		require.Equal(t, 401, status)
		status, r := a.report(t)
		require.Equal(t, 200, status)
		require.Equal(t, health.OK, r.Checks["schema"])
		require.NoError(t, a.Stop(t.Context()))
	}
}
