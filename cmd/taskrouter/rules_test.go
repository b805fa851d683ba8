package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// told runs a command about rules.
func told(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	c := rulesCommand()
	c.SilenceUsage, c.SilenceErrors = true, true
	var stdout bytes.Buffer
	c.SetOut(&stdout)
	c.SetArgs(args)
	err = c.ExecuteContext(t.Context())
	return stdout.String(), err
}

func TestRulesCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "workflow.json")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(`{"task_routing":{"filters":[{"expression":"language == 'ja'","targets":[{"queue":"ja"}]}]}}`)
	out, err := told(t, "eval", "-f", file, "-a", `{"language":"ja"}`, "--worker", `Ann={"languages":["en"]}`,
		"--worker", `{"languages":["ja"],"note":"a=b"}`, "--queue", `ja=languages HAS "ja"`)
	require.NoError(t, err)
	require.Contains(t, out, `queue: languages HAS "ja" – worker.languages is ["en"]`)
	require.Contains(t, out, "worker 2  yes")
	out, err = told(t, "eval", "-f", file, "-a", `{"language":"fr"}`, "--json")
	require.Equal(t, 1, exitStatus(err))
	require.Contains(t, out, `"matched": false`)
	out, err = told(t, "check", "-f", file)
	require.NoError(t, err)
	require.Equal(t, "configuration is valid\n", out)

	write(`{"task_routing":{"filters":[{"expression":"a =","targets":[{}]},{"expression":"a == 1"}]}}`)
	for _, command := range []string{"eval", "check"} {
		_, err := told(t, command, "-f", file)
		require.Equal(t, 2, exitStatus(err))
		require.ErrorContains(t, err, "filters[0].targets[0].queue: is required")
		require.ErrorContains(t, err, "filters[1].targets: needs at least one target")
	}
	for _, wrong := range [][]string{{"eval"}, {"check", "-f", file + "x"}, {"eval", "-f", file, "--queue", "x"}} {
		_, err := told(t, wrong...)
		require.Error(t, err)
	}
}
