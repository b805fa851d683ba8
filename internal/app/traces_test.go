package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/grpc"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/workflows"
)

// frontend is a Temporal cluster that takes runs and does not run them.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	started chan *workflowservice.StartWorkflowExecutionRequest
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f *frontend) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	f.started <- r
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run", Started: true}, nil
}

func (f *frontend) SignalWithStartWorkflowExecution(context.Context, *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{RunId: "run"}, nil
}

func newFrontend(t *testing.T) (f *frontend, address string) {
	t.Helper()
	f = &frontend{started: make(chan *workflowservice.StartWorkflowExecutionRequest, 8)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(s, f)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return f, l.Addr().String()
}

// kept are spans that outlive the process.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

// caller asks a process for something over REST.
type caller struct {
	t           *testing.T
	app         *App
	sid, token  string
	traceparent string
}

func (c caller) do(method, path string, form url.Values) map[string]any {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.SetBasicAuth(c.sid, c.token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.traceparent != "" {
		r.Header.Set("Traceparent", c.traceparent)
		r.Header.Set("Tracestate", "vendor=s3cret-state")
		r.Header.Set("Baggage", "customer=s3cret-baggage")
	}
	w := httptest.NewRecorder()
	c.app.server.Handler.ServeHTTP(w, r)
	require.Less(c.t, w.Code, 300, w.Body.String())
	var body map[string]any
	if w.Body.Len() > 0 {
		require.NoError(c.t, json.Unmarshal(w.Body.Bytes(), &body))
	}
	return body
}

func text(v any) string { s, _ := v.(string); return s }

// TestOneTraceFromTheRequestToTheActivity follows a Task: the request that
// creates it, the transaction that offers it, the run that is started, and the
// activity that asks the customer's application, in one trace.
func TestOneTraceFromTheRequestToTheActivity(t *testing.T) {
	spans := kept{tracetest.NewInMemoryExporter()}
	temporal, address := newFrontend(t)
	heard := make(chan http.Header, 8)
	customer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.Header.Clone()
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"instruction":"accept"}`)
	}))
	t.Cleanup(customer.Close)
	a := process(t, func(o *Options) {
		o.Work, o.spans = false, spans
		o.Config.Temporal.Address = address
		o.Config.Egress.AllowCIDRs = []string{"127.0.0.0/8"}
	})
	require.NoError(t, a.buildWorker())
	sid, token, err := a.Accounts.CreateAccount(t.Context(), "acme")
	require.NoError(t, err)
	c := caller{t: t, app: a, sid: sid, token: token}

	ws := "/v1/Workspaces/" + text(c.do("POST", "/v1/Workspaces", url.Values{"FriendlyName": {"Support"}})["sid"])
	queue := text(c.do("POST", ws+"/TaskQueues", url.Values{"FriendlyName": {"All"}, "TargetWorkers": {"1==1"}})["sid"])
	c.do("POST", ws+"/Workflows", url.Values{
		"FriendlyName": {"Any"}, "Configuration": {`{"task_routing":{"default_filter":{"queue":"` + queue + `"}}}`},
		"AssignmentCallbackUrl": {customer.URL + "/s3cret-path?token=s3cret-query"},
	})
	all, _ := c.do("GET", ws+"/Activities", nil)["activities"].([]any)
	available := ""
	for _, each := range all {
		if m, _ := each.(map[string]any); m["available"] == true {
			available = text(m["sid"])
		}
	}
	c.do("POST", ws+"/Workers", url.Values{"FriendlyName": {"Ann"}, "ActivitySid": {available}})
	spans.Reset()
	c.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	task := text(c.do("POST", ws+"/Tasks", url.Values{"Attributes": {`{"phone":"s3cret-number"}`}})["sid"])

	// The run is started, in the trace of the request.
	start := <-temporal.started
	require.Equal(t, workflows.TaskID(task), start.GetWorkflowId())
	var in workflows.TaskInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(start.GetInput(), &in))
	header := start.GetHeader()
	require.NotContains(t, header.String(), "s3cret", "what callers add stays outside")

	// A worker process runs it, with the header as it came.
	both, err := a.tracing.Runs()
	require.NoError(t, err)
	served, ok := both[0].(interceptor.WorkerInterceptor)
	require.True(t, ok)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(sdkworker.Options{Interceptors: []interceptor.WorkerInterceptor{served}})
	env.SetHeader(header)
	env.SetTestTimeout(time.Minute)
	env.RegisterWorkflow(workflows.Task)
	store := durable{a.dispatch}
	env.RegisterActivity(&activities.Routing{Store: store})
	env.RegisterActivity(&activities.Records{Store: store})
	env.RegisterActivity(&activities.Callbacks{Store: store, Assigner: a.assigner})
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	in.Tunables.Searchable = false
	env.ExecuteWorkflow(workflows.Task, in)
	require.True(t, env.IsWorkflowCompleted())

	// What was sent to Temporal in the background is over.
	require.NoError(t, a.Stop(t.Context()))
	recorded := spans.GetSpans()
	byID := map[trace.SpanID]tracetest.SpanStub{}
	for _, s := range recorded {
		byID[s.SpanContext.SpanID()] = s
	}
	path := func(name string) []string {
		for _, s := range recorded {
			if s.Name != name {
				continue
			}
			out := []string{}
			for known := true; known; s, known = byID[s.Parent.SpanID()] {
				require.Equal(t, "0af7651916cd43dd8448eb211c80319c", s.SpanContext.TraceID().String(), s.Name)
				out = append(out, s.Name)
			}
			return out
		}
		var names []string
		for _, s := range recorded {
			names = append(names, s.Name)
		}
		require.Fail(t, "no span "+name, "there are %v", names)
		return nil
	}
	request := "POST /v1/Workspaces/:ws/Tasks"
	require.Equal(t, []string{"store.commit", "dispatch.transaction", "dispatch.command", request}, path("store.commit"))
	require.Equal(t, []string{
		"HTTP POST", "RunActivity:Ask", "StartActivity:Ask", "RunWorkflow:Task", "StartWorkflow:Task", "dispatch.command", request,
	}, path("HTTP POST"))
	require.Len(t, heard, 1)
	require.Empty(t, (<-heard).Get("Traceparent"), "customers are not told")

	for _, s := range recorded {
		require.NotContains(t, fmt.Sprint(s.Name, s.Attributes, s.Events, s.Status, s.SpanContext.TraceState()), "s3cret")
	}
}

// TestNothingIsTracedUnlessAsked is the default: no span is made anywhere.
func TestNothingIsTracedUnlessAsked(t *testing.T) {
	a := process(t, nil)
	require.Nil(t, a.tracing)
	require.Nil(t, a.tracing.Dispatch(), "a nil pointer in an interface would be called")
	runs, err := a.tracing.Runs()
	require.NoError(t, err)
	require.Nil(t, runs)
	c, err := a.webhookClient(time.Second)
	require.NoError(t, err)
	require.IsType(t, &http.Transport{}, c.Transport)
}
