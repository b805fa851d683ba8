package privacy_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a Workspace with an agent who speaks English, and a back door to all
// that is stored.
type world struct {
	t       *testing.T
	st      *store.Store
	door    *sql.DB
	d       *dispatch.Dispatcher
	engine  *rules.Engine
	clock   *clock
	account string
	ws      string
	agent   string
}

// eachDatabase runs a test on both kinds.
func eachDatabase(t *testing.T, test func(t *testing.T, w *world)) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			url, driver := filepath.Join(t.TempDir(), "privacy.db"), "sqlite"
			if kind == "postgres" {
				url, driver = pgtest.Start(t), "pgx"
			}
			test(t, newWorld(t, url, driver))
		})
	}
}

func newWorld(t *testing.T, url, driver string) *world {
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	require.NoError(t, st.Migrate(ctx))
	door, err := sql.Open(driver, url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = door.Close() })

	w := &world{t: t, st: st, door: door, engine: rules.New(rules.Options{}), clock: &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	w.account = taskrouter.NewSID(taskrouter.PrefixAccount)
	w.d = dispatch.New(st, w.engine, nil, zap.NewNop(), dispatch.Options{Now: w.clock.now})
	config := workspace.New(w.d, st, w.engine, zap.NewNop(), workspace.Options{Now: w.clock.now})
	made, err := config.CreateWorkspace(ctx, workspace.NewWorkspace{Account: w.account, FriendlyName: "Support"})
	require.NoError(t, err)
	w.ws = made.SID
	everybody := "1==1"
	queue, err := config.CreateQueue(ctx, workspace.NewQueue{Account: w.account, WorkspaceSID: w.ws, FriendlyName: "All", TargetWorkers: &everybody})
	require.NoError(t, err)
	_, err = config.CreateWorkflow(ctx, workspace.NewWorkflow{
		Account: w.account, WorkspaceSID: w.ws, FriendlyName: "Main", Configuration: fmt.Sprintf(
			`{"task_routing":{"filters":[{"expression":"1==1","targets":[{"queue":%q,"expression":"worker.lang == task.lang"}]}]}}`, queue.SID),
	})
	require.NoError(t, err)
	c, err := st.WorkspaceConfig(ctx, w.account, w.ws)
	require.NoError(t, err)
	for _, a := range c.Activities {
		if a.Available {
			agent, err := w.d.CreateWorker(ctx, dispatch.NewWorker{
				AccountSID: w.account, WorkspaceSID: w.ws, FriendlyName: "Ann", ActivitySID: a.SID, Attributes: `{"lang":"en"}`,
			})
			require.NoError(t, err)
			w.agent = agent.SID
			break
		}
	}
	require.NotEmpty(t, w.agent)
	w.clock.advance(time.Minute)
	return w
}

func (w *world) subject(sid string) dispatch.Subject {
	return dispatch.Subject{AccountSID: w.account, WorkspaceSID: w.ws, SID: sid, Actor: taskrouter.SystemActor(w.ws)}
}

// task creates a Task; one in English is offered to the agent.
func (w *world) task(attributes string) string {
	w.t.Helper()
	t, err := w.d.CreateTask(w.t.Context(), dispatch.NewTask{
		AccountSID: w.account, WorkspaceSID: w.ws, Attributes: taskrouter.Attributes(attributes), Timeout: 14 * 24 * time.Hour,
	})
	require.NoError(w.t, err)
	w.clock.advance(time.Second)
	return t.SID
}

func (w *world) rewrite(task, attributes string) {
	w.t.Helper()
	a := taskrouter.Attributes(attributes)
	_, err := w.d.UpdateTask(w.t.Context(), dispatch.TaskUpdate{Subject: w.subject(task), Attributes: &a})
	require.NoError(w.t, err)
}

// finish has the agent do a Task that was offered, and returns the Reservation.
func (w *world) finish(task string) (reservation string) {
	w.t.Helper()
	require.NoError(w.t, w.st.InWorkspace(w.t.Context(), w.ws, func(ctx context.Context, tx dispatch.Tx) error {
		rs, err := tx.OpenReservations(ctx, task)
		require.Len(w.t, rs, 1)
		reservation = rs[0].SID
		return err
	}))
	for _, to := range []taskrouter.ReservationStatus{taskrouter.ReservationAccepted, taskrouter.ReservationCompleted} {
		_, err := w.d.UpdateReservation(w.t.Context(), dispatch.ReservationUpdate{Subject: w.subject(reservation), Status: &to})
		require.NoError(w.t, err)
		w.clock.advance(time.Second)
	}
	return reservation
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.advance(d)
	require.NoError(w.t, w.d.Sweep(w.t.Context()))
}

// apply writes rows that the tests do not make in the long way.
func (w *world) apply(c *dispatch.Changes) {
	w.t.Helper()
	require.NoError(w.t, w.st.InWorkspace(w.t.Context(), w.ws, func(ctx context.Context, tx dispatch.Tx) error {
		c.Lock = tx.Lock()
		return tx.Apply(ctx, c)
	}))
}

func (w *world) fetch(task string) *taskrouter.Task {
	w.t.Helper()
	t, err := w.st.FetchTask(w.t.Context(), w.account, w.ws, task)
	require.NoError(w.t, err)
	return t
}

func (w *world) log() []*taskrouter.Event {
	w.t.Helper()
	all, err := w.st.EventsAfter(w.t.Context(), w.ws, 0, 1000)
	require.NoError(w.t, err)
	return all
}

// requireHealthy demands an audit without findings.
func (w *world) requireHealthy() {
	w.t.Helper()
	r, err := audit.Run(w.t.Context(), w.st, w.engine, audit.Options{Now: w.clock.now, Retention: 365 * 24 * time.Hour, Lag: time.Hour})
	require.NoError(w.t, err)
	var text strings.Builder
	require.NoError(w.t, r.Print(&text))
	require.True(w.t, r.Clean(), text.String())
}

// tables lists the tables of the router.
func (w *world) tables() (out []string) {
	w.t.Helper()
	statement := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if w.st.Database() == "postgres" {
		statement = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	rows, err := w.door.QueryContext(w.t.Context(), statement)
	require.NoError(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(w.t, rows.Scan(&name))
		out = append(out, name)
	}
	require.NoError(w.t, rows.Err())
	require.Greater(w.t, len(out), 20)
	return out
}

// everything is all that is stored, by table: a text for each row.
func (w *world) everything() map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	for _, table := range w.tables() {
		out[table] = w.rows(table)
	}
	return out
}

// rows are the rows of a table as texts.
func (w *world) rows(table string) (out []string) {
	w.t.Helper()
	rows, err := w.door.QueryContext(w.t.Context(), "SELECT * FROM "+table)
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(w.t, err)
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(w.t, rows.Scan(into...))
		var text strings.Builder
		for i, v := range values {
			fmt.Fprintf(&text, "%s=%s ", columns[i], v.String)
		}
		out = append(out, text.String())
	}
	require.NoError(w.t, rows.Err())
	return out
}

// tablesWith are the tables in which a text stands somewhere.
func (w *world) tablesWith(text string) []string {
	w.t.Helper()
	out := []string{}
	for _, table := range w.tables() {
		for _, row := range w.everything()[table] {
			if strings.Contains(row, text) {
				out = append(out, table)
				break
			}
		}
	}
	return out
}
