package durability

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// autopsy looks at the data as death left it, before anything can put it right:
// every open Task has a run that goes on or a notice that will start one. It
// reads copies, so that the next life still has to recover by itself.
func (s *system) autopsy(ctx context.Context) error {
	if s.postgres != "" {
		return nil // its Temporal is alive and may be anywhere
	}
	copies, err := os.MkdirTemp(s.dir, "autopsy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(copies) }()
	router, err := copied(s.database(), copies)
	if err != nil {
		return err
	}
	temporal, err := copied(filepath.Join(s.dir, "data", "temporal", "temporal.db"), copies)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+router)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1) // what is attached belongs to a connection
	if _, err := db.ExecContext(ctx, "ATTACH ? AS temporal", temporal); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	l := &ledger{tx: tx}
	always(ctx, l)
	l.none(ctx, "open task without a run or a notice", fmt.Sprintf(`SELECT t.sid || ' ' || t.status || ' revision ' || t.revision
		FROM tasks t WHERE NOT t.is_ended
		AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.task_sid = t.sid)
		AND NOT EXISTS (SELECT 1 FROM temporal.current_executions x WHERE x.workflow_id = 'task/' || t.sid AND x.status = %d)`, running))
	return errors.Join(l.errs...)
}

// running is Temporal's number for an execution that goes on.
const running = 1

// copied copies a SQLite file with the log that belongs to it.
func copied(path, dir string) (string, error) {
	to := filepath.Join(dir, filepath.Base(path))
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + suffix)
		if errors.Is(err, os.ErrNotExist) && suffix != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+suffix, text, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	return to, nil
}

// TestAutopsyFindsWhatIsMissing makes sure that the look at the dead sees
// something: a run is taken away from an open Task.
func TestAutopsyFindsWhatIsMissing(t *testing.T) {
	s := newSystem(t)
	s.start()
	d := newWorkspace(s).desk(t, "lost", deskOptions{Away: true})
	require.NoError(t, d.create())
	until(t, patience, "the notice is sent", func() error {
		return s.audit(t.Context(), func(ctx context.Context, l *ledger) {
			l.none(ctx, "notice", `SELECT task_sid FROM notices`)
		})
	})
	s.kill()
	require.NoError(t, s.autopsy(t.Context()))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "data", "temporal", "temporal.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `DELETE FROM current_executions WHERE workflow_id = ?`, "task/"+d.task)
	require.NoError(t, errors.Join(err, db.Close()))
	require.ErrorContains(t, s.autopsy(t.Context()), "open task without a run or a notice: "+d.task)
}
