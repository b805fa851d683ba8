package durability

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/workflows"
)

// Patience on a slow, shared machine.
const (
	startPatience = 60 * time.Second
	patience      = 60 * time.Second
	pollEvery     = 25 * time.Millisecond
)

// system is the router's process, its data and the telephone platform beside
// it. It outlives any number of kills.
type system struct {
	t        *testing.T
	dir      string
	listen   string
	platform *platform
	proc     *process
	env      map[string]string
	starts   int
	startup  []time.Duration
	// postgres and temporalAddress name servers that live on while the router
	// is killed; empty for those inside its process.
	postgres, temporalAddress string
}

// process is one life of the router.
type process struct {
	cmd    *exec.Cmd
	output string
	exited chan struct{}
}

func newSystem(t *testing.T) *system {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &system{t: t, dir: t.TempDir(), listen: l.Addr().String(), platform: startPlatform(t)}
	// The platform knows the router by this address: it stays the same.
	require.NoError(t, l.Close())
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			s.showOutput()
		}
	})
	return s
}

// newOutside makes a system whose PostgreSQL and Temporal are processes of their
// own: only the router dies.
func newOutside(t *testing.T) *system {
	t.Helper()
	s := newSystem(t)
	s.postgres = pgtest.Start(t)
	s.temporalAddress = startTemporal(t)
	return s
}

// startTemporal starts a Temporal server in a process of its own.
func startTemporal(t *testing.T) string {
	t.Helper()
	env := filepath.Join(t.TempDir(), "env")
	keywords := slices.Sorted(maps.Keys(workflows.SearchAttributes()))
	cmd := exec.Command(built(t).temporal, "--namespace", "default", "--keywords", strings.Join(keywords, ","), "--env-file", env)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var said map[string]string
	until(t, startPatience, "Temporal serves", func() (err error) {
		said, err = readEnv(env)
		return err
	})
	return said["TEMPORAL_ADDRESS"]
}

// readEnv reads KEY=value lines.
func readEnv(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		out[k] = v
	}
	return out, nil
}

func (s *system) database() string  { return filepath.Join(s.dir, "data", "taskrouter.db") }
func (s *system) envFile() string   { return filepath.Join(s.dir, "env") }
func (s *system) crashFile() string { return filepath.Join(s.dir, "crash") }

// launch starts the process and does not wait until it is ready.
func (s *system) launch() {
	s.t.Helper()
	_ = os.Remove(s.envFile())
	_ = os.Remove(s.crashFile())
	s.starts++
	p := &process{output: filepath.Join(s.dir, fmt.Sprintf("output.%d", s.starts)), exited: make(chan struct{})}
	out, err := os.Create(p.output)
	require.NoError(s.t, err)
	args := []string{
		"dev", "--data", filepath.Join(s.dir, "data"), "--listen", s.listen,
		"--no-ui", "--env-file", s.envFile(), "--voice-platform", s.platform.url,
	}
	if s.postgres != "" {
		args = append(args, "--database", s.postgres, "--temporal", s.temporalAddress)
	}
	p.cmd = exec.Command(built(s.t).router, args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), "TASKROUTER_CRASH_FILE="+s.crashFile())
	require.NoError(s.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		_ = out.Close()
		close(p.exited)
	}()
	s.proc = p
}

// start starts the process and waits until it is ready.
func (s *system) start() {
	s.t.Helper()
	began := time.Now()
	s.launch()
	s.ready()
	s.startup = append(s.startup, time.Since(began))
}

func (s *system) ready() {
	s.t.Helper()
	until(s.t, startPatience, "the system is ready", func() error {
		select {
		case <-s.proc.exited:
			s.t.Fatalf("the router ended by itself:\n%s", s.tail())
		default:
		}
		env, err := readEnv(s.envFile())
		if err == nil {
			s.env = env
		}
		return err
	})
}

// kill ends the process the hard way.
func (s *system) kill() {
	if s.proc == nil {
		return
	}
	_ = s.proc.cmd.Process.Signal(syscall.SIGKILL)
	<-s.proc.exited
	s.proc = nil
}

// arm makes the process die when it passes the point for the n-th time from now
// on.
func (s *system) arm(point string, n int) {
	s.t.Helper()
	tmp := s.crashFile() + ".new"
	require.NoError(s.t, os.WriteFile(tmp, fmt.Appendf(nil, "%s:%d", point, n), 0o600))
	require.NoError(s.t, os.Rename(tmp, s.crashFile()))
}

// died waits until the armed point has been passed.
func (s *system) died(within time.Duration) bool {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	select {
	case <-s.proc.exited:
	case <-ctx.Done():
		return false
	}
	state, ok := s.proc.cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(s.t, ok && state.Signaled() && state.Signal() == syscall.SIGKILL,
		"the router ended by itself:\n%s", s.tail())
	s.proc = nil
	return true
}

// tail is the end of what the process said last.
func (s *system) tail() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, fmt.Sprintf("output.%d", s.starts)))
	return string(text[max(0, len(text)-4000):])
}

// showOutput logs what the last few lives said, below their greeting.
func (s *system) showOutput() {
	for n := max(1, s.starts-2); n <= s.starts; n++ {
		text, _ := os.ReadFile(filepath.Join(s.dir, fmt.Sprintf("output.%d", n)))
		if before, _, ok := strings.Cut(string(text), "The Task Router is running."); ok {
			_, after, _ := strings.Cut(string(text), "Stop with Ctrl-C.")
			text = []byte(before + after)
		}
		s.t.Logf("life %d of %d said:\n%s", n, s.starts, text[max(0, len(text)-6000):])
	}
}

// until waits for a condition. It says what was wrong last when it never came.
func until(t *testing.T, within time.Duration, what string, ok func() error) {
	t.Helper()
	err := eventually(t.Context(), within, ok)
	require.NoError(t, err, "not in %s: %s", within, what)
}

// eventually looks at intervals until ok returns nil.
func eventually(ctx context.Context, within time.Duration, ok func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// platform is the scripted telephone platform in its own process.
type platform struct {
	t *testing.T
	// url carries the account and its token; control is without them.
	url, control string
}

func startPlatform(t *testing.T) *platform {
	t.Helper()
	cmd := exec.Command(built(t).platform)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var said struct {
		URL string `json:"url"`
	}
	require.NoError(t, json.Unmarshal(line, &said))
	p := &platform{t: t, url: said.URL}
	scheme, rest, _ := strings.Cut(said.URL, "://")
	_, host, _ := strings.Cut(rest, "@")
	p.control = scheme + "://" + host + "/control"
	return p
}
