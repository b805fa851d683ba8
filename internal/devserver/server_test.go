package devserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/internal/devserver"
	"github.com/taskrouter/taskrouter/internal/logging"
)

const (
	childEnv      = "DEVSERVER_TEST_CHILD_DATA"
	temporalQueue = "floor"
	goSignal      = "go"
)

var stateAttribute = temporal.NewSearchAttributeKeyKeyword("TaskState")

// TestMain lets a test run a server in a process it can kill: the test binary
// starts itself again with childEnv set.
func TestMain(m *testing.M) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := devserver.Start(context.Background(), devserver.Options{DataDir: dir, UIPort: -1})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("ready", s.HostPort())
	select {}
}

// waitForSignal is the smallest workflow worth measuring: it waits for one
// signal and returns what the signal said.
func waitForSignal(ctx workflow.Context) (string, error) {
	var got string
	workflow.GetSignalChannel(ctx, goSignal).Receive(ctx, &got)
	return got, nil
}

func dial(t *testing.T, hostPort string) sdkclient.Client {
	t.Helper()
	log, err := logging.New(logging.Options{Level: "error"})
	require.NoError(t, err)
	c, err := sdkclient.Dial(sdkclient.Options{HostPort: hostPort, Logger: logging.ForSDK(log)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, c sdkclient.Client) {
	t.Helper()
	w := sdkworker.New(c, temporalQueue, sdkworker.Options{})
	w.RegisterWorkflow(waitForSignal)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func start(t *testing.T, c sdkclient.Client, id string) sdkclient.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), sdkclient.StartWorkflowOptions{ID: id, TaskQueue: temporalQueue}, waitForSignal)
	require.NoError(t, err)
	return run
}

func finish(t *testing.T, c sdkclient.Client, run sdkclient.WorkflowRun) {
	t.Helper()
	require.NoError(t, c.SignalWorkflow(t.Context(), run.GetID(), run.GetRunID(), goSignal, "hello"))
	var got string
	require.NoError(t, run.Get(t.Context(), &got))
	require.Equal(t, "hello", got)
}

func TestStartInMemory(t *testing.T) {
	s, err := devserver.Start(t.Context(), devserver.Options{
		Namespaces: []string{"second"},
		SearchAttributes: map[string]enumspb.IndexedValueType{
			"TaskState": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			"QueueSid":  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	require.Equal(t, "default", s.Namespace())
	require.True(t, strings.HasPrefix(s.HostPort(), "127.0.0.1:"), s.HostPort())
	require.True(t, strings.HasPrefix(s.UIURL(), "http://127.0.0.1:"), s.UIURL())
	c := dial(t, s.HostPort())
	serve(t, c)

	t.Run("search attributes work at once", func(t *testing.T) {
		run, err := c.ExecuteWorkflow(t.Context(), sdkclient.StartWorkflowOptions{
			ID: "searchable", TaskQueue: temporalQueue,
			TypedSearchAttributes: temporal.NewSearchAttributes(stateAttribute.ValueSet("reserved")),
		}, waitForSignal)
		require.NoError(t, err)
		require.EventuallyWithT(t, func(ct *assertCollect) {
			res, err := c.CountWorkflow(t.Context(), countRequest("TaskState = 'reserved'"))
			require.NoError(ct, err)
			require.EqualValues(ct, 1, res.GetCount())
		}, 10*time.Second, 20*time.Millisecond)
		finish(t, c, run)
	})

	t.Run("further namespaces are alike", func(t *testing.T) {
		other, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: "second"})
		require.NoError(t, err)
		require.Equal(t, enumspb.INDEXED_VALUE_TYPE_KEYWORD, other.GetCustomAttributes()["TaskState"])
		res, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: "second"})
		require.NoError(t, err)
		require.Zero(t, res.GetCount(), "each has its own runs")
	})

	t.Run("latency of the floor", func(t *testing.T) {
		const n = 50
		var took []time.Duration
		for i := range n {
			begin := time.Now()
			finish(t, c, start(t, c, fmt.Sprintf("floor-%d", i)))
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		t.Logf("start, signal, result: median %v, p90 %v, max %v", took[n/2], took[n*9/10], took[n-1])
	})

	t.Run("every port is on the loopback interface", func(t *testing.T) {
		for _, addr := range listeningAddresses(t) {
			require.True(t, net.ParseIP(addr).IsLoopback(), addr)
		}
	})

	t.Run("a taken port is refused", func(t *testing.T) {
		_, port, err := net.SplitHostPort(s.HostPort())
		require.NoError(t, err)
		var n int
		_, err = fmt.Sscan(port, &n)
		require.NoError(t, err)
		_, err = devserver.Start(t.Context(), devserver.Options{FrontendPort: n, UIPort: -1})
		require.ErrorContains(t, err, "temporal port: listen tcp 127.0.0.1:")
		require.ErrorContains(t, err, "address already in use")
	})
}

func TestRestartKeepsState(t *testing.T) {
	dir := t.TempDir() + "/a folder?/temporal"
	first, err := devserver.Start(t.Context(), devserver.Options{DataDir: dir, UIPort: -1})
	require.NoError(t, err)
	require.Empty(t, first.UIURL())
	begin := time.Now()
	run := start(t, dial(t, first.HostPort()), "task/kept")
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "stopping twice is harmless")
	t.Logf("stopped in %v", time.Since(begin))

	begin = time.Now()
	second, err := devserver.Start(t.Context(), devserver.Options{
		DataDir: dir, UIPort: -1,
		SearchAttributes: map[string]enumspb.IndexedValueType{"TaskState": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	t.Logf("restarted in %v", time.Since(begin))
	require.NotEqual(t, first.HostPort(), second.HostPort())

	c := dial(t, second.HostPort())
	listed, err := c.OperatorService().ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: second.Namespace()})
	require.NoError(t, err)
	require.Contains(t, listed.GetCustomAttributes(), "TaskState", "an old namespace gets what is new")
	serve(t, c)
	finish(t, c, c.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()))
}

func TestSearchAttributeOfAnotherType(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		kind enumspb.IndexedValueType
		want string
	}{
		{enumspb.INDEXED_VALUE_TYPE_KEYWORD, ""},
		{enumspb.INDEXED_VALUE_TYPE_INT, "search attribute TaskState is a Keyword, not a Int"},
	} {
		s, err := devserver.Start(t.Context(), devserver.Options{
			DataDir: dir, UIPort: -1,
			SearchAttributes: map[string]enumspb.IndexedValueType{"TaskState": tc.kind},
		})
		if tc.want == "" {
			require.NoError(t, err)
			require.NoError(t, s.Stop())
			continue
		}
		require.EqualError(t, err, tc.want)
	}
}

func TestKilledServerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	addr, child := startChild(t, dir)
	c := dial(t, addr)
	var runs []sdkclient.WorkflowRun
	for i := range 20 {
		runs = append(runs, start(t, c, fmt.Sprintf("task/%d", i)))
	}
	// A second server must not touch what the first one uses.
	_, err := devserver.Start(t.Context(), devserver.Options{DataDir: dir, UIPort: -1})
	require.EqualError(t, err, "the Temporal data directory is in use by another process")

	require.NoError(t, child.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, child.Wait(), &exit)

	addr, _ = startChild(t, dir)
	c = dial(t, addr)
	serve(t, c)
	for _, run := range runs {
		finish(t, c, c.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	}
}

func TestStartRefusesBadOptions(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    devserver.Options
		want string
	}{
		{"port", devserver.Options{FrontendPort: 70000}, "temporal port 70000 is out of range"},
		{"ui port", devserver.Options{UIPort: 70000}, "temporal UI port 70000 is out of range"},
		{"retention", devserver.Options{Retention: time.Minute}, "retention is shorter than an hour"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := devserver.Start(t.Context(), tc.o)
			require.EqualError(t, err, tc.want)
		})
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := devserver.Start(canceled, devserver.Options{UIPort: -1})
	require.ErrorIs(t, err, context.Canceled)
}

// startChild runs this test binary as a server and waits until it serves.
func startChild(t *testing.T, dir string) (addr string, cmd *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
			require.NoError(t, err)
			var exit *exec.ExitError
			require.ErrorAs(t, cmd.Wait(), &exit)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	require.True(t, ok, line)
	return addr, cmd
}
