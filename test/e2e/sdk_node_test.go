package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oldestNode is the oldest Node that runs the official library.
const oldestNode = 20

// TestNodeLibrary carries out every operation with the official Node library,
// on a system behind a proxy, on both databases. What is done stands in
// testdata/node.
func TestNodeLibrary(t *testing.T) {
	t.Parallel()
	scripts := installNodeLibrary(t)
	for _, database := range []string{sqlite, postgres} {
		t.Run(database, func(t *testing.T) {
			s, f := startBehindFront(t, database)
			cmd := exec.CommandContext(t.Context(), "node", "--test-reporter=spec", filepath.Join(scripts, "library.test.mjs"))
			cmd.Dir = scripts
			// What is set for other programs must not lead the library elsewhere.
			cmd.Env = append(withoutPrefix(os.Environ(), "TWILIO_", "NODE_OPTIONS=", "NODE_TEST_CONTEXT="),
				"TASKROUTER_URL="+f.url, "TASKROUTER_ACCOUNT_SID="+s.AccountSID, "TASKROUTER_AUTH_TOKEN="+s.AuthToken)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			f.complete(t)
		})
	}
}

// installNodeLibrary installs the library of the lock file beside the scripts,
// outside of the tree, and returns where.
func installNodeLibrary(t *testing.T) string {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	major, _ := strconv.Atoi(strings.TrimPrefix(strings.Split(string(version), ".")[0], "v"))
	if err != nil || major < oldestNode {
		withoutNode(t, "found Node "+string(version))
	}
	if _, err := exec.LookPath("npm"); err != nil {
		withoutNode(t, "found no npm")
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node"))))
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "npm ci: %s", out)
	return dir
}

// withoutNode skips a test on a machine without Node. Continuous integration
// must have it.
func withoutNode(t *testing.T, found string) {
	t.Helper()
	const need = "the tests of the Node library need Node 20 or later with npm: apt-get install nodejs npm, or https://nodejs.org/en/download; "
	if os.Getenv("CI") == "true" {
		t.Fatal(need + found)
	}
	t.Skip(need + found)
}

// withoutPrefix leaves out settings.
func withoutPrefix(env []string, prefixes ...string) []string {
	var out []string
next:
	for _, e := range env {
		for _, p := range prefixes {
			if strings.HasPrefix(e, p) {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}
