package pgtest_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec1(t *testing.T, url, statement string) {
	t.Helper()
	conn := connect(t, url)
	_, err := conn.Exec(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func count(t *testing.T, url string) int {
	t.Helper()
	var n int
	require.NoError(t, connect(t, url).QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n))
	return n
}

func TestStartGivesFreshDatabases(t *testing.T) {
	first, second := pgtest.Start(t), pgtest.Start(t)
	require.NotEqual(t, first, second)
	exec1(t, first, "CREATE TABLE things (id int)")
	exec1(t, second, "CREATE TABLE things (id int)")
	exec1(t, first, "INSERT INTO things VALUES (1)")
	require.Equal(t, 1, count(t, first))
	require.Equal(t, 0, count(t, second))
}

func TestDatabaseIsDropped(t *testing.T) {
	var gone string
	t.Run("inner", func(t *testing.T) {
		gone = pgtest.Start(t)
		exec1(t, gone, "CREATE TABLE things (id int)")
	})
	_, err := pgx.Connect(t.Context(), gone)
	require.ErrorContains(t, err, "does not exist")
}

func TestPasswordIsNeeded(t *testing.T) {
	u, err := url.Parse(pgtest.StartCluster(t).Database(t))
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), "guess")
	_, err = pgx.Connect(t.Context(), u.String())
	require.ErrorContains(t, err, "password authentication failed")
}

func TestClusterSurvives(t *testing.T) {
	c := pgtest.StartCluster(t)
	url := c.Database(t)
	exec1(t, url, "CREATE TABLE things (id int)")
	for _, tc := range []struct {
		name string
		cut  func(testing.TB)
	}{
		{"stop", c.Stop}, {"abort", c.Abort}, {"kill", c.Kill},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := count(t, url)
			exec1(t, url, "INSERT INTO things VALUES (1)")
			idle := connect(t, url)
			tc.cut(t)
			_, err := pgx.Connect(t.Context(), url)
			require.Error(t, err)
			c.Resume(t)
			require.Equal(t, before+1, count(t, url), "what was committed is there")
			require.Error(t, idle.Ping(t.Context()), "old connections are gone")
		})
	}
	c.Restart(t)
	require.Equal(t, 3, count(t, url))
	log, err := c.Log()
	require.NoError(t, err)
	require.Contains(t, log, "immediate shutdown")
}

// TestServerOfTheEnvironment runs this test binary again with
// TEST_DATABASE_URL, once with a role that may create databases and once with
// one that may not.
func TestServerOfTheEnvironment(t *testing.T) {
	c := pgtest.StartCluster(t)
	server := c.Database(t)
	exec1(t, server, "CREATE ROLE humble LOGIN PASSWORD 'pw'")
	exec1(t, server, "GRANT CREATE ON DATABASE "+name(t, server)+" TO humble")
	humble, err := url.Parse(server)
	require.NoError(t, err)
	humble.User = url.UserPassword("humble", "pw")
	for _, tc := range []struct{ name, url string }{{"databases", server}, {"schemas", humble.String()}} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestStartGivesFreshDatabases$", "-test.v")
			cmd.Env = append(os.Environ(), pgtest.URLEnv+"="+tc.url)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), "--- PASS: TestStartGivesFreshDatabases")
		})
	}
}

func name(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// TestNothingIsLeftBehind kills a process that uses a cluster and waits until
// the folder and the server are gone.
func TestNothingIsLeftBehind(t *testing.T) {
	const childEnv = "PGTEST_CHILD"
	if dir := os.Getenv(childEnv); dir != "" {
		pgtest.StartCluster(t)
		require.NoError(t, os.WriteFile(dir+"/ready", nil, 0o600))
		select {}
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Chmod(dir+"/..", 0o755)) // PostgreSQL runs as another user
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingIsLeftBehind$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir, "TMPDIR="+dir)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir + "/ready")
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(left) == 1
	}, time.Minute, 20*time.Millisecond)
}
