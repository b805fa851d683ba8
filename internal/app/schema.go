package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// schemaLook is how often the database is asked whether it was migrated.
const schemaLook = time.Second

var errOldSchema = errors.New("the database has an older schema than this program: run `taskrouter migrate`")

// schemaFits is asked of the database until it does: a schema never gets older.
// A newer one fits too: during an upgrade the migration comes first.
func (a *App) schemaFits(ctx context.Context) error {
	if a.migrated.Load() {
		return nil
	}
	applied, known, err := a.store.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if applied < known {
		a.unmigrated.Store(true)
		return errOldSchema
	}
	a.migrated.Store(true)
	return nil
}

// lookAtSchema comes before the first request. What it cannot find out in time is
// waited for in the background.
func (a *App) lookAtSchema(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, schemaLook)
	defer cancel()
	_ = a.schemaFits(ctx)
}

// awaitSchema waits until the database fits, and says what it waits for. It
// reports whether there is something to do then.
func (a *App) awaitSchema(ctx context.Context) bool {
	said := ""
	tick := time.NewTicker(schemaLook)
	defer tick.Stop()
	for {
		err := a.schemaFits(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			a.log.Warn("not serving yet", logging.Err(err))
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// fitting refuses requests while the database is too old for what they would
// do. Processes of the version before serve it.
func (a *App) fitting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open := r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || r.URL.Path == "/metrics"
		if a.migrated.Load() || !a.unmigrated.Load() || open {
			next.ServeHTTP(w, r)
			return
		}
		e := wire.FromError(taskrouter.Unavailable(errOldSchema, "This process waits for the migration of its database"))
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(e.Status)
		_ = json.NewEncoder(w).Encode(e)
	})
}
