package devserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

const databaseFile = "temporal.db"

// openDatabase prepares the database that holds Temporal's state: schema and
// namespace exist when it returns.
func openDatabase(o Options) (*config.SQL, error) {
	sql := memoryDatabase()
	if o.DataDir != "" {
		path, err := createDatabase(o.DataDir)
		if err != nil {
			return nil, err
		}
		sql = fileDatabase(path)
	}
	var namespaces []*sqliteschema.NamespaceConfig
	for _, name := range append([]string{o.Namespace}, o.Namespaces...) {
		ns, err := sqliteschema.NewNamespaceConfig(clusterName, name, false, o.SearchAttributes)
		if err != nil {
			return nil, fmt.Errorf("describe the Temporal namespace %s: %w", name, err)
		}
		ns.Detail.Config.Retention = durationpb.New(o.Retention)
		namespaces = append(namespaces, ns)
	}
	if err := sqliteschema.CreateNamespaces(sql, namespaces...); err != nil {
		if strings.Contains(err.Error(), "database is locked") {
			return nil, errors.New("the Temporal data directory is in use by another process")
		}
		return nil, fmt.Errorf("create the Temporal namespaces: %w", err)
	}
	return sql, nil
}

func memoryDatabase() *config.SQL {
	return &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      "taskrouter-" + rand.Text(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
}

// fileDatabase opens an existing file. A write-ahead log with normal
// synchronisation loses nothing when the process is killed; after a power cut
// the last transactions may be missing, but the file is whole. The exclusive
// lock keeps a second server away from the same directory.
func fileDatabase(path string) *config.SQL {
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: uriPath(path),
		ConnectAttributes: map[string]string{
			"mode":         "rw",
			"busy_timeout": "2000",
			"journal_mode": "wal",
			"locking_mode": "exclusive",
			"synchronous":  "normal",
		},
	}
}

// createDatabase makes the file with its tables unless it exists, and returns
// its path. The tables are made under another name, so that a process killed
// half-way leaves no database without them.
func createDatabase(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("create the Temporal data directory: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("create the Temporal data directory: %w", err)
	}
	path := filepath.Join(dir, databaseFile)
	switch _, err := os.Stat(path); {
	case err == nil:
		return path, nil
	case !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("open the Temporal database: %w", err)
	}
	fresh := path + "." + rand.Text() + ".new"
	err = sqliteschema.SetupSchema(&config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      uriPath(fresh),
		ConnectAttributes: map[string]string{"mode": "rwc"},
	})
	if err != nil {
		return "", fmt.Errorf("create the Temporal database: %w", errors.Join(err, os.Remove(fresh)))
	}
	if err := os.Chmod(fresh, 0o600); err != nil {
		return "", fmt.Errorf("create the Temporal database: %w", err)
	}
	// A link fails where a rename would replace the database another process
	// has just made.
	if err := os.Link(fresh, path); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("create the Temporal database: %w", err)
	}
	if err := os.Remove(fresh); err != nil {
		return "", fmt.Errorf("create the Temporal database: %w", err)
	}
	return path, nil
}

// uriPath escapes what would end the path in a SQLite URI.
func uriPath(path string) string {
	return (&url.URL{Path: path}).EscapedPath()
}
