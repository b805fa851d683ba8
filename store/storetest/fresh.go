package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/store"
)

// Fresh opens an SQLite database of its own that is migrated and empty, and
// closes it in the end. Migrating each anew would take most of the time of many
// tests, so they get copies of one.
func Fresh(tb testing.TB) *store.Store {
	tb.Helper()
	image, err := migrated()
	require.NoError(tb, err)
	path := filepath.Join(tb.TempDir(), "fresh.db")
	require.NoError(tb, os.WriteFile(path, image, 0o600))
	db, err := store.Open(context.Background(), store.Options{URL: path, Unsynced: true})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

// migrated is the file of a migrated database.
var migrated = sync.OnceValues(func() (image []byte, err error) {
	folder, err := os.MkdirTemp("", "taskrouter-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "migrated.db")
	db, err := store.Open(context.Background(), store.Options{URL: path, Unsynced: true})
	if err != nil {
		return nil, err
	}
	// Closing moves what is in the journal into the file.
	if err := errors.Join(db.Migrate(context.Background()), db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
