package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// binariesEnv names a folder with ready programs, to spare building them.
const binariesEnv = "E2E_BIN"

// builder builds the programs once for the test binary.
type builder struct {
	once sync.Once
	dir  string
	err  error
}

var programs builder

func (b *builder) build() {
	if b.dir = os.Getenv(binariesEnv); b.dir != "" {
		return
	}
	if b.dir, b.err = os.MkdirTemp("", "taskrouter-e2e-"); b.err != nil {
		return
	}
	// Without the tables for debuggers linking takes half the time.
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", b.dir+"/", "./cmd/taskrouter", "./internal/devserver/cmd/devtemporal")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		b.err = fmt.Errorf("build: %w: %s", err, out)
	}
}

// close removes what was built.
func (b *builder) close() error {
	if b.dir == "" || os.Getenv(binariesEnv) != "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// process is a program of ours under test.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// program finds a built program.
func program(t *testing.T, name string) string {
	t.Helper()
	programs.once.Do(programs.build)
	require.NoError(t, programs.err)
	return filepath.Join(programs.dir, name)
}

// run runs a program to its end and returns what it wrote.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, name), args...)
	cmd.Env = append(os.Environ(), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s", name, args, errs.String())
	return string(out)
}

// start starts a program that is killed, if it still runs, when the test ends.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{name: strings.Join(append([]string{name}, args[:min(len(args), 1)]...), " "), done: make(chan struct{})}
	p.cmd = exec.Command(program(t, name), args...)
	p.cmd.Env = append(os.Environ(), env...)
	pipe, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
		}
		_ = p.cmd.Wait() // how it ended is in its state
	}()
	t.Cleanup(func() {
		if p.running() {
			_ = p.cmd.Process.Kill()
			<-p.done
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.name, p.written())
		}
	})
	return p
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// terminate asks a process to stop, as service managers do, and demands that it
// ends well.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	until(t, p.name+" stops", func() bool { return !p.running() })
	require.Zero(t, p.cmd.ProcessState.ExitCode(), "%s: %s", p.name, p.written())
}

// environment waits for the file a process writes once it is ready.
func (p *process) environment(t *testing.T, file string) map[string]string {
	t.Helper()
	return await(t, p.name+" is ready", func() (map[string]string, bool) {
		require.True(t, p.running(), "%s ended: %s", p.name, p.written())
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, false
		}
		env := map[string]string{}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			k, v, _ := strings.Cut(line, "=")
			env[k] = v
		}
		return env, true
	})
}
