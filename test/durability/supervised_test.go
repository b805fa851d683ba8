package durability

import (
	"context"
	"fmt"
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

// restartAfter is how long a process that ended by itself stays away.
const restartAfter = 500 * time.Millisecond

// supervised is a process that is started again when it ends by itself, as
// service managers do. All its lives write into one file.
type supervised struct {
	name, program string
	args, env     []string
	log           string

	mu     sync.Mutex
	cmd    *exec.Cmd
	wanted bool
	over   chan struct{} // closed when nobody looks after it any more
	lives  int
	// gaveUp counts the lives that ended by themselves with an error;
	// crashes are those that ended in any other way.
	gaveUp  int
	crashes []string
}

func supervise(t *testing.T, dir, name, program string, env []string, args ...string) *supervised {
	t.Helper()
	p := &supervised{name: name, program: program, args: args, env: env, log: filepath.Join(dir, name+".log")}
	t.Cleanup(p.kill)
	return p
}

// up starts the process and does not wait until it is ready.
func (p *supervised) up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted {
		return
	}
	p.wanted, p.over = true, make(chan struct{})
	go p.keep(p.over)
}

func (p *supervised) keep(over chan struct{}) {
	defer close(over)
	for {
		cmd, err := p.launch()
		if cmd == nil && err == nil {
			return
		}
		if err == nil {
			err = cmd.Wait()
		}
		if !p.ended(cmd, err) {
			return
		}
		pause(context.Background(), restartAfter)
	}
}

// launch begins a life unless none is wanted.
func (p *supervised) launch() (*exec.Cmd, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted {
		return nil, nil
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the process has its own copy
	p.lives++
	fmt.Fprintf(out, "=== life %d begins %s\n", p.lives, time.Now().UTC().Format(time.RFC3339Nano))
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), p.env...)
	return p.cmd, p.cmd.Start()
}

// ended books the end of a life and reports whether there is to be another.
func (p *supervised) ended(cmd *exec.Cmd, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted {
		return false
	}
	if cmd != nil && cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 {
		p.gaveUp++
	} else {
		p.crashes = append(p.crashes, fmt.Sprintf("life %d of %s ended by itself: %v", p.lives, p.name, err))
	}
	return true
}

// kill ends the process the hard way.
func (p *supervised) kill() { _ = p.end(syscall.SIGKILL) }

// end sends a signal and waits until the process is gone.
func (p *supervised) end(sig syscall.Signal) *os.ProcessState {
	p.mu.Lock()
	if !p.wanted {
		p.mu.Unlock()
		return nil
	}
	p.wanted = false
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(sig)
	}
	over := p.over
	p.mu.Unlock()
	<-over
	return p.cmd.ProcessState
}

// terminate asks the process to stop, and demands that it ends well.
func (p *supervised) terminate(t *testing.T) {
	t.Helper()
	ended := make(chan *os.ProcessState, 1)
	go func() { ended <- p.end(syscall.SIGTERM) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case state := <-ended:
		require.NotNil(t, state, "%s was not running", p.name)
		require.Zero(t, state.ExitCode(), "%s did not end well", p.name)
	case <-timer.C:
		p.mu.Lock()
		_ = p.cmd.Process.Kill()
		p.mu.Unlock()
		t.Fatalf("%s does not stop in %s; its log is %s", p.name, patience, p.log)
	}
}

// tail is the end of what the process wrote, without what is no trouble.
func (p *supervised) tail() string {
	text, _ := os.ReadFile(p.log)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"level":"info"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-8):], "")
}

// told reports how often the process was started, how often it gave up by
// itself, and how it crashed.
func (p *supervised) told() (lives, gaveUp int, crashes []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lives, p.gaveUp, append([]string(nil), p.crashes...)
}
