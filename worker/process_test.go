package worker

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/taskrouter/taskrouter/activities"
)

func options() Options {
	return Options{
		Routing: &activities.Routing{}, Records: &activities.Records{}, Callbacks: &activities.Callbacks{}, Delivery: &activities.Delivery{},
		Voice:       []VoiceInstance{{Name: "one", Calls: &activities.Calls{}}, {Name: "two", Calls: &activities.Calls{}}},
		StopTimeout: time.Second,
	}
}

// frontend is a Temporal server that never has work. It notes who asks.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	mu      sync.Mutex
	changed chan struct{}
	// runs and calls are the queues polled for workflow tasks and activities;
	// versioned holds the builds workflow pollers gave.
	runs, calls []string
	versioned   []string
	refuse      bool
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f *frontend) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	if f.refuse {
		return nil, status.Error(codes.PermissionDenied, "not yours")
	}
	return &workflowservice.DescribeNamespaceResponse{NamespaceInfo: &namespacepb.NamespaceInfo{Name: "default"}}, nil
}

func (f *frontend) PollWorkflowTaskQueue(ctx context.Context, req *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	if req.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_NORMAL {
		f.note(&f.runs, req.GetTaskQueue().GetName())
		f.note(&f.versioned, req.GetDeploymentOptions().GetBuildId())
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (f *frontend) PollActivityTaskQueue(ctx context.Context, req *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	f.note(&f.calls, req.GetTaskQueue().GetName())
	<-ctx.Done()
	return nil, ctx.Err()
}

func (f *frontend) note(list *[]string, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
		slices.Sort(*list)
		close(f.changed)
		f.changed = make(chan struct{})
	}
}

// wait returns when the condition holds.
func (f *frontend) wait(t *testing.T, holds func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		f.mu.Lock()
		ok, changed := holds(), f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			require.FailNow(t, "the process does not poll as it should")
		}
	}
}

// connect makes a client of a running frontend.
func connect(t *testing.T, f *frontend) sdkclient.Client {
	t.Helper()
	f.changed = make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(s, f)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	c, err := sdkclient.NewLazyClient(sdkclient.Options{HostPort: l.Addr().String(), Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		s.Stop()
		<-served
	})
	return c
}

// quiet drops what the SDK logs.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

func TestProcessServesItsQueuesUntilStopped(t *testing.T) {
	f := &frontend{}
	o := options()
	o.BuildID = "v1.2.3"
	p, err := New(connect(t, f), o)
	require.NoError(t, err)
	require.NoError(t, p.Start())
	require.NoError(t, p.Start(), "a second start changes nothing")
	f.wait(t, func() bool { return len(f.runs) == 1 && len(f.calls) == 4 })
	require.Equal(t, []string{"taskrouter"}, f.runs)
	require.Equal(t, []string{"taskrouter", "taskrouter-delivery", "voice/one", "voice/two"}, f.calls)
	require.Equal(t, []string{"v1.2.3"}, f.versioned)
	p.Stop()
	p.Stop()
	require.NoError(t, p.Start(), "a stopped process stays stopped")
	require.Empty(t, p.started)
}

func TestProcessWithoutVersioning(t *testing.T) {
	f := &frontend{}
	o := options()
	o.Voice = nil
	p, err := New(connect(t, f), o)
	require.NoError(t, err)
	require.NoError(t, p.Start())
	f.wait(t, func() bool { return len(f.runs) == 1 && len(f.calls) == 2 })
	require.Equal(t, []string{""}, f.versioned)
	p.Stop()
}

// TestStopWaitsForSlowReceivers: what was left to a goroutine is waited for, but
// not for longer than stopping may take.
func TestStopWaitsForSlowReceivers(t *testing.T) {
	under, stopped := make(chan struct{}), make(chan struct{})
	p := &Process{linger: func() { <-under }, patience: time.Hour}
	go func() { defer close(stopped); p.Stop() }()
	select {
	case <-stopped:
		require.Fail(t, "it did not wait")
	case under <- struct{}{}:
	}
	<-stopped

	hangs := &Process{linger: func() { <-under }, patience: time.Millisecond}
	hangs.Stop()
	close(under)
}

func TestProcessThatMayNotServe(t *testing.T) {
	p, err := New(connect(t, &frontend{refuse: true}), options())
	require.NoError(t, err)
	require.ErrorContains(t, p.Start(), "serve voice/")
	require.Empty(t, p.started)
	p.Stop()
}

func TestOptionsAreChecked(t *testing.T) {
	for name, row := range map[string]struct {
		change func(o *Options)
		want   string
	}{
		"no records":     {func(o *Options) { o.Records = nil }, "required"},
		"no delivery":    {func(o *Options) { o.Delivery = nil }, "required"},
		"no name":        {func(o *Options) { o.Voice[0].Name = "" }, "needs a name"},
		"no calls":       {func(o *Options) { o.Voice[0].Calls = nil }, "needs a name and calls"},
		"instance twice": {func(o *Options) { o.Voice[1].Name = "one" }, `"one" is listed twice`},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			row.change(&o)
			_, err := New(connect(t, &frontend{}), o)
			require.ErrorContains(t, err, row.want)
		})
	}
}
