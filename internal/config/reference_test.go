package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/config"
)

//go:generate go test -run TestReferenceIsDocumented . -update

var update = flag.Bool("update", false, "rewrite the documentation")

// referenceHead is what stands above the generated table.
const referenceHead = `# Configuration

Settings come from four places. A later one wins:

1. the defaults below;
2. a YAML or JSON file, named by ` + "`--config` or `TASKROUTER_CONFIG`" + `;
3. environment variables;
4. flags: the key with dashes, such as ` + "`--temporal-address`" + `.

They are read once, when a process starts. ` + "`taskrouter dev` reads none of them: it has flags of its own, `taskrouter dev --help`" + `.

` + "`taskrouter config check` reports every mistake at once; `taskrouter config show` prints what is in force" + `, without
secrets. A key nobody knows is a mistake, in the file and in the environment: a misspelt one would silently leave the
default in force. Left alone are ` + "`TASKROUTER_URL`, `TASKROUTER_ACCOUNT_SID`, `TASKROUTER_AUTH_TOKEN`" + `,
` + "`TASKROUTER_WORKSPACE_SID` and `TASKROUTER_WORKFLOW_SID`: `dev --env-file`" + ` writes them for clients.

A secret can come from a file: ` + "`url_file` in YAML, `TASKROUTER_DATABASE_URL_FILE`, `--database-url-file`" + `. It has no
flag of its own, because everybody on a machine can read the arguments of a process.

Lists of words are separated by commas. Durations look like ` + "`30s`, `5m` or `24h`" + `.
` + "`voice.backends` is a list of groups; [voice.md](voice.md) has its members. So is `limits.accounts`; [operations.md](operations.md#overload)" + `
shows one.

`

// TestReferenceIsDocumented compares docs/configuration.md with the settings.
func TestReferenceIsDocumented(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := referenceHead + config.Reference()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(have), "run: go generate ./internal/config")
}
