package durability

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// binariesEnv names a folder with ready programs, to spare building them.
const binariesEnv = "DURABILITY_BIN"

// binaries are the programs under test, built once for all tests.
type binaries struct{ router, platform, temporal string }

func binariesIn(dir string) binaries {
	return binaries{router: filepath.Join(dir, "taskrouter"), platform: filepath.Join(dir, "platformd"), temporal: filepath.Join(dir, "devtemporal")}
}

// folder is where programs are built; TestMain makes and removes it.
var folder string

var build = sync.OnceValues(func() (binaries, error) {
	if dir := os.Getenv(binariesEnv); dir != "" {
		return binariesIn(dir), nil
	}
	b := binariesIn(folder)
	for out, pkg := range map[string]string{
		b.router:   "github.com/taskrouter/taskrouter/cmd/taskrouter",
		b.platform: "github.com/taskrouter/taskrouter/test/durability/platformd",
		b.temporal: "github.com/taskrouter/taskrouter/internal/devserver/cmd/devtemporal",
	} {
		var text bytes.Buffer
		// Without the tables for debuggers linking takes half the time.
		c := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, pkg)
		c.Stdout, c.Stderr = &text, &text
		if err := c.Run(); err != nil {
			return b, fmt.Errorf("build %s: %w\n%s", pkg, err, text.String())
		}
	}
	return b, nil
})

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "taskrouter-durability-"); err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for programs:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func built(t *testing.T) binaries {
	t.Helper()
	b, err := build()
	require.NoError(t, err)
	return b
}
