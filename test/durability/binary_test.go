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

// binaries are the programs under test, built once for all tests.
type binaries struct{ router, platform, temporal string }

var build = sync.OnceValues(func() (binaries, error) {
	dir, err := os.MkdirTemp("", "taskrouter-durability-")
	if err != nil {
		return binaries{}, err
	}
	b := binaries{router: filepath.Join(dir, "taskrouter"), platform: filepath.Join(dir, "platformd"), temporal: filepath.Join(dir, "devtemporal")}
	for out, pkg := range map[string]string{
		b.router:   "github.com/taskrouter/taskrouter/cmd/taskrouter",
		b.platform: "github.com/taskrouter/taskrouter/test/durability/platformd",
		b.temporal: "github.com/taskrouter/taskrouter/internal/devserver/cmd/devtemporal",
	} {
		var text bytes.Buffer
		c := exec.Command("go", "build", "-o", out, pkg)
		c.Stdout, c.Stderr = &text, &text
		if err := c.Run(); err != nil {
			return b, fmt.Errorf("build %s: %w\n%s", pkg, err, text.String())
		}
	}
	return b, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(b.router))
	}
	os.Exit(code)
}

func built(t *testing.T) binaries {
	t.Helper()
	b, err := build()
	require.NoError(t, err)
	return b
}
