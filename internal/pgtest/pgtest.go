package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// URLEnv names a server to use instead of a cluster of our own. Its role must
// be allowed to create databases or, failing that, schemas.
const URLEnv = "TEST_DATABASE_URL"

const commandTimeout = 30 * time.Second

// shared is the cluster that all tests of a process use. Starting one takes a
// second or two, making a database in it a few hundredths.
var shared = sync.OnceValues(startCluster)

// Start returns the URL of an empty database that is dropped when the test
// ends. Without an installed PostgreSQL it skips the test, or fails it where
// CI=true promises that there is one.
func Start(t testing.TB) string {
	t.Helper()
	if server := os.Getenv(URLEnv); server != "" {
		return createDatabase(t, server)
	}
	c, err := shared()
	if err != nil {
		missing(t, err)
	}
	return createDatabase(t, c.url)
}

// missing ends a test that has no server.
func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
		t.Skipf("%v: install the Debian package postgresql, or set %s", err, URLEnv)
	}
	t.Fatalf("start PostgreSQL: %v", err)
}

// createDatabase makes a database for one test on a server.
func createDatabase(t testing.TB, server string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	err := execute(server, "CREATE DATABASE "+name)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42501" { // insufficient_privilege
		return createSchema(t, server, name)
	}
	if err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		// An outage test may leave its server down.
		if err := execute(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Logf("drop database %s: %v", name, err)
		}
	})
	return withPath(t, server, name)
}

func createSchema(t testing.TB, server, name string) string {
	t.Helper()
	if err := execute(server, "CREATE SCHEMA "+name); err != nil {
		t.Fatalf("create a schema: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP SCHEMA IF EXISTS "+name+" CASCADE"); err != nil {
			t.Logf("drop schema %s: %v", name, err)
		}
	})
	u := parse(t, server)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func withPath(t testing.TB, server, name string) string {
	t.Helper()
	u := parse(t, server)
	u.Path = "/" + name
	return u.String()
}

// parse never shows the URL: it carries a password.
func parse(t testing.TB, server string) *url.URL {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		t.Fatalf("%s is not a URL such as postgres://user:password@host:5432/database", URLEnv)
	}
	return u
}

// execute runs one statement on a connection of its own.
func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
