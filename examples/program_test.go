package examples

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is generous: continuous integration has two slow processors.
const patience = 2 * time.Minute

// programs is the folder of the built programs.
type programs string

// build builds the programs. They link neither the router nor Temporal.
func build(t *testing.T) programs {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "./supportdesk", "./ticketqueue", "./leads")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return programs(dir)
}

// command is a program with an environment and nothing inherited that could
// help it.
func (p programs) command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(string(p), name), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// run runs a program to its end.
func (p programs) run(t *testing.T, env []string, name string, args ...string) (out, errs string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := p.command(ctx, env, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// run runs a program that is to succeed and returns what it printed.
func (s *system) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, errs, err := s.programs.run(t, s.environment(), name, args...)
	require.NoError(t, err, "%s%s", out, errs)
	require.Empty(t, errs)
	return out
}

// process is a program that runs.
type process struct {
	cmd  *exec.Cmd
	errs bytes.Buffer
	// over is closed when it has ended, with err.
	over chan struct{}
	err  error

	mu    sync.Mutex
	out   bytes.Buffer
	moved chan struct{}
}

// Write takes what the program prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.moved <- struct{}{}:
	default:
	}
	return p.out.Write(b)
}

func (p *process) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// start starts a program.
func (s *system) start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &process{cmd: s.programs.command(ctx, s.environment(), name, args...), over: make(chan struct{}), moved: make(chan struct{}, 1)}
	p.cmd.Stdout, p.cmd.Stderr = p, &p.errs
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.over)
	}()
	return p
}

// prints waits until the program has printed something.
func (p *process) prints(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(p.printed(), text) {
		select {
		case <-p.moved:
		case <-p.over:
			require.Contains(t, p.printed(), text, p.errs.String())
			return
		}
	}
}

// ends waits for the end of a program that is to succeed and returns what it
// printed.
func (p *process) ends(t *testing.T) string {
	t.Helper()
	<-p.over
	require.NoError(t, p.err, "%s%s", p.printed(), p.errs.String())
	return p.printed()
}

// interrupted sends a program the signal that asks for its end, and returns
// its complaints.
func (p *process) interrupted(t *testing.T) string {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.over
	require.Equal(t, 1, p.cmd.ProcessState.ExitCode(), "%v: %s", p.err, p.errs.String())
	return p.errs.String()
}
