package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

const (
	role         = "taskrouter"
	startTimeout = 60 * time.Second
	pollInterval = 20 * time.Millisecond
)

// Cluster is a PostgreSQL server a test may stop, kill and start again. Its
// address and its data stay the same.
type Cluster struct {
	bin   string
	dir   string
	port  int
	url   string
	owner *syscall.Credential
	reap  *os.File // held open: the janitor acts when it is closed

	server *exec.Cmd
	done   chan struct{} // closed when server has ended
}

// StartCluster starts a server for one test alone, for tests of outages. It
// skips or fails like Start, and pays no heed to TEST_DATABASE_URL.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c, err := startCluster()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(c.close)
	return c
}

// Database makes an empty database and returns its URL.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return createDatabase(t, c.url)
}

// Stop ends the server in an orderly way: connections are cut, transactions
// rolled back, and everything is on disk.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.signal(t, syscall.SIGINT)
}

// Abort makes the server drop everything at once ("immediate shutdown"): the
// next start recovers from the log.
func (c *Cluster) Abort(t testing.TB) {
	t.Helper()
	c.signal(t, syscall.SIGQUIT)
}

// Kill ends the server the way a power cut would: with SIGKILL.
func (c *Cluster) Kill(t testing.TB) {
	t.Helper()
	c.signal(t, syscall.SIGKILL)
}

// Resume starts a server that was stopped or killed.
func (c *Cluster) Resume(t testing.TB) {
	t.Helper()
	if err := c.start(); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}

// Restart stops the server and starts it again.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	c.Stop(t)
	c.Resume(t)
}

// Log is what the server wrote in all its lives, for tests that failed.
func (c *Cluster) Log() (string, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	return string(text), err
}

func (c *Cluster) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if c.server == nil {
		t.Fatalf("PostgreSQL is not running")
	}
	if err := c.server.Process.Signal(sig); err != nil {
		t.Fatalf("end PostgreSQL: %v", err)
	}
	<-c.done
	c.server = nil
}

func startCluster() (*Cluster, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	owner, err := findOwner()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir, port: port, owner: owner}
	if err := c.janitor(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.init(); err != nil {
		c.close()
		return nil, err
	}
	if err := c.start(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// init makes the data directory, owned by the user who will run the server,
// with a password that only this process knows.
func (c *Cluster) init() error {
	password := rand.Text()
	pwfile := filepath.Join(c.dir, "password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if c.owner != nil {
		for _, path := range []string{c.dir, pwfile} {
			if err := os.Chown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := c.command("initdb", "--pgdata=data", "--username="+role, "--pwfile=password",
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	c.url = (&url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)), Path: "/postgres", RawQuery: "sslmode=disable",
	}).String()
	return nil
}

// start runs the server and waits until it takes statements. A server that was
// killed leaves processes which hold its memory for a moment and make the next
// one refuse to start, so it is tried again until the time is up.
func (c *Cluster) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if c.server == nil {
			if err := c.launch(); err != nil {
				return err
			}
		}
		err := execute(c.url, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			c.server = nil
		default:
		}
		select {
		case <-ctx.Done():
			log, logErr := os.ReadFile(filepath.Join(c.dir, "log"))
			return errors.Join(fmt.Errorf("the server does not answer: %w; its log:\n%s", err, log), logErr)
		case <-tick.C:
		}
	}
}

func (c *Cluster) launch() error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own copy
	cmd := c.command("postgres", "-D", "data", "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+c.dir,
		// Nothing here outlives the machine: what the operating system has
		// taken over survives the death of a process without fsync.
		"-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=200", "-c", "shared_buffers=32MB")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run postgres: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	c.server, c.done = cmd, done
	return nil
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	// A group of its own: an interrupt typed at the terminal is for the test,
	// which then cleans up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setpgid: true}
	return cmd
}

// cleanup ends the server recorded in the data directory and removes the
// folder, once its standard input is closed.
const cleanup = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  n=0
  while [ -f "$1/data/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
fi
rm -rf "$1"`

// janitor starts a shell that cleans up after this process. It waits on a pipe
// that the kernel closes when the process ends, be it by SIGKILL.
func (c *Cluster) janitor() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command("sh", "-c", cleanup, "pgtest-cleanup", c.dir)
	cmd.Dir = "/"
	cmd.Stdin = r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the clean-up: %w", err), w.Close())
	}
	c.reap = w
	go func() { _ = cmd.Wait() }()
	return nil
}

// close ends the cluster early.
func (c *Cluster) close() {
	if c.server != nil {
		_ = c.server.Process.Signal(syscall.SIGQUIT)
		<-c.done
	}
	_ = c.reap.Close()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
