package workflows

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/taskrouter/taskrouter/taskrouter"
)

var errStarted = serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "req", "run")

// server is a Temporal server as far as Client needs one.
type server struct {
	*mocks.Client
	started, signaled []sdkclient.StartWorkflowOptions
	inputs            []TaskInput
	views             []View
	// heard are the views that a running run was signaled.
	heard []View
}

// newServer knows no run unless running is what a signal to it answers.
func newServer(startErr, signalErr error, running ...error) *server {
	s := &server{Client: &mocks.Client{}}
	running = append(running, serviceerror.NewNotFound("no such run"))
	s.On("SignalWorkflow", mock.Anything, "task/WT1", "", SignalNotice, mock.Anything).
		Run(func(a mock.Arguments) { s.heard = append(s.heard, a.Get(4).(View)) }).Return(running[0])
	s.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Run(func(a mock.Arguments) {
			s.started = append(s.started, a.Get(1).(sdkclient.StartWorkflowOptions))
			s.inputs = append(s.inputs, a.Get(3).(TaskInput))
		}).Return(nil, startErr)
	s.On("SignalWithStartWorkflow", mock.Anything, mock.Anything, SignalNotice, mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Run(func(a mock.Arguments) {
			s.views = append(s.views, a.Get(3).(View))
			s.signaled = append(s.signaled, a.Get(4).(sdkclient.StartWorkflowOptions))
		}).Return(nil, signalErr)
	return s
}

func TestDeliver(t *testing.T) {
	open, ended := task(taskrouter.TaskPending), task(taskrouter.TaskCompleted)
	broken := errors.New("unreachable")
	for name, row := range map[string]struct {
		notice               Notice
		startErr, signalErr  error
		wantStart, wantSigns int
		want                 error
	}{
		"first":                          {notice: Notice{First: true, View: open}, wantStart: 1},
		"first, server gone":             {notice: Notice{First: true, View: open}, startErr: broken, wantStart: 1, want: broken},
		"first, repeated":                {notice: Notice{First: true, View: open}, startErr: errStarted, wantStart: 1, wantSigns: 1},
		"later":                          {notice: Notice{View: open}, wantSigns: 1},
		"later, server gone":             {notice: Notice{View: open}, signalErr: broken, wantSigns: 1, want: broken},
		"run over, Task over":            {notice: Notice{View: ended}, signalErr: errStarted, wantSigns: 1},
		"first, run over, Task over":     {notice: Notice{First: true, View: ended}, startErr: errStarted, signalErr: errStarted, wantStart: 1, wantSigns: 1},
		"run over, Task open":            {notice: Notice{View: open}, signalErr: errStarted, wantSigns: 1, want: ErrRunClosed},
		"run over, Task gone altogether": {notice: Notice{View: taskrouter.View{TaskSID: "WT1", Removed: true}}, signalErr: errStarted, wantSigns: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(row.startErr, row.signalErr)
			err := NewClient(s, ClientOptions{}).Deliver(context.Background(), row.notice)
			require.ErrorIs(t, err, row.want)
			require.Len(t, s.started, row.wantStart)
			require.Len(t, s.signaled, row.wantSigns)
			for _, v := range s.views {
				require.Equal(t, FromView(row.notice.View), v, "a signal carries the whole view")
			}
		})
	}
}

// TestDeliverToARun plays the usual case: the run is there, and nothing is
// started.
func TestDeliverToARun(t *testing.T) {
	broken := errors.New("unreachable")
	for name, row := range map[string]struct {
		notice  Notice
		running error
	}{
		"later":              {notice: Notice{View: task(taskrouter.TaskPending)}},
		"ended":              {notice: Notice{View: task(taskrouter.TaskCompleted)}},
		"started twice":      {notice: Notice{First: true, View: task(taskrouter.TaskPending)}},
		"server gone":        {notice: Notice{View: task(taskrouter.TaskPending)}, running: broken},
		"ended, server gone": {notice: Notice{View: task(taskrouter.TaskCompleted)}, running: broken},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(errStarted, errors.New("must not be asked"), row.running)
			require.ErrorIs(t, NewClient(s, ClientOptions{}).Deliver(context.Background(), row.notice), row.running)
			require.Equal(t, []View{FromView(row.notice.View)}, s.heard, "a signal carries the whole view")
			require.Empty(t, s.signaled)
		})
	}
}

func TestRunsAreStartedSoThatOperatorsCanReadThem(t *testing.T) {
	s := newServer(nil, nil)
	v := offer(task(taskrouter.TaskPending), "WR1")
	require.NoError(t, NewClient(s, ClientOptions{Eager: true}).Deliver(context.Background(), Notice{First: true, View: v}))
	o := s.started[0]
	require.Equal(t, "task/WT1", o.ID)
	require.Equal(t, TemporalQueue, o.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, o.WorkflowIDReusePolicy)
	require.True(t, o.EnableEagerStart)
	require.Equal(t, "English → Support, priority 5", o.StaticSummary)
	require.Equal(t, map[string]any{"queue": "Support", "filter": "English"}, o.Memo)

	got := map[string]string{}
	for key, value := range o.TypedSearchAttributes.GetUntypedValues() {
		got[key.GetName()] = value.(string)
	}
	require.Equal(t, map[string]string{
		"TaskRouterAccount": "AC1", "TaskRouterWorkspace": "WS1", "TaskRouterQueue": "WQ1",
		"TaskRouterStatus": "reserved", "TaskRouterPriority": "5", "TaskRouterAgent": "WK1",
	}, got)
	require.Equal(t, slices.Sorted(maps.Keys(SearchAttributes())), slices.Sorted(maps.Keys(got)))
	require.LessOrEqual(t, len(SearchAttributes()), 6)

	in := s.inputs[0]
	require.Equal(t, LogicVersion, in.LogicVersion)
	require.Equal(t, DefaultTunables(), in.Tunables)
	require.Equal(t, shownOf(&in.View), in.Shown, "what the start shows is not shown again")
}

func TestNamespaceWithoutSearchAttributes(t *testing.T) {
	s := newServer(nil, nil)
	quiet := DefaultTunables()
	quiet.Searchable = false
	c := NewClient(s, ClientOptions{Tunables: quiet})
	require.NoError(t, c.Deliver(context.Background(), Notice{First: true, View: task(taskrouter.TaskPending)}))
	require.Zero(t, s.started[0].TypedSearchAttributes.Size())
}

func TestLateLegOfAnEndedTaskGetsANewRun(t *testing.T) {
	s := newServer(nil, nil)
	v := withLeg(task(taskrouter.TaskCompleted), taskrouter.LegView{Attempt: "WR1-1", HangUp: true})
	require.NoError(t, NewClient(s, ClientOptions{}).Deliver(context.Background(), Notice{View: v}))
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, s.signaled[0].WorkflowIDReusePolicy)
}

func TestRunning(t *testing.T) {
	info := func(closed *timestamppb.Timestamp) *workflowservice.DescribeWorkflowExecutionResponse {
		return &workflowservice.DescribeWorkflowExecutionResponse{
			WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{CloseTime: closed},
		}
	}
	broken := errors.New("unreachable")
	for name, row := range map[string]struct {
		res  *workflowservice.DescribeWorkflowExecutionResponse
		err  error
		want bool
		fail error
	}{
		"running":     {res: info(nil), want: true},
		"over":        {res: info(timestamppb.New(epoch))},
		"unknown":     {err: serviceerror.NewNotFound("no such run")},
		"server gone": {err: broken, fail: broken},
	} {
		t.Run(name, func(t *testing.T) {
			s := &mocks.Client{}
			s.On("DescribeWorkflowExecution", mock.Anything, "task/WT1", "").Return(row.res, row.err)
			got, err := NewClient(s, ClientOptions{}).Running(context.Background(), "WT1")
			require.ErrorIs(t, err, row.fail)
			require.Equal(t, row.want, got)
		})
	}
}

// operator is an operator service that knows some search attributes.
type operator struct {
	operatorservice.OperatorServiceClient
	known map[string]enumspb.IndexedValueType
}

func (o *operator) ListSearchAttributes(_ context.Context, req *operatorservice.ListSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	if req.Namespace != "ns" {
		return nil, serviceerror.NewNotFound("namespace")
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: o.known}, nil
}

func (o *operator) AddSearchAttributes(_ context.Context, req *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	maps.Copy(o.known, req.SearchAttributes)
	return &operatorservice.AddSearchAttributesResponse{}, nil
}

func TestSearchAttributesAreVerifiedAndRegistered(t *testing.T) {
	o := &operator{known: map[string]enumspb.IndexedValueType{
		"TaskRouterQueue": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "TaskRouterAgent": enumspb.INDEXED_VALUE_TYPE_TEXT,
	}}
	s := &mocks.Client{}
	s.On("OperatorService").Return(o)
	c := NewClient(s, ClientOptions{Namespace: "ns"})
	missing, err := c.VerifySearchAttributes(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{
		"TaskRouterAccount", "TaskRouterAgent", "TaskRouterPriority", "TaskRouterStatus", "TaskRouterWorkspace",
	}, missing)
	require.NoError(t, c.RegisterSearchAttributes(context.Background()))
	missing, err = c.VerifySearchAttributes(context.Background())
	require.NoError(t, err)
	require.Empty(t, missing)
	_, err = NewClient(s, ClientOptions{Namespace: "other"}).VerifySearchAttributes(context.Background())
	require.Error(t, err)
}

func TestViewSurvivesItsHistoryForm(t *testing.T) {
	v := withLeg(offer(task(taskrouter.TaskPending), "WR1"),
		taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegRinging, Dial: true, Confirm: true, HangUp: true})
	v.Deadline, v.Offers[0].Deadline = epoch.Add(time.Second), epoch.Add(time.Minute)
	v.Offers[0].CallbackDue, v.Reason, v.Channel, v.Removed = true, "why", "voice", true
	j := FromView(v)
	require.Equal(t, v, j.Domain())
}

func TestSummariesAreBounded(t *testing.T) {
	v := FromView(task(taskrouter.TaskPending))
	v.Decision.FilterName = strings.Repeat("é", 300)
	require.LessOrEqual(t, len(summaryOf(&v)), maxSummary+len("…"))
	require.Equal(t, "default filter", filterName(&View{Decision: FromView(taskrouter.View{Decision: taskrouter.RouteDecision{Filter: taskrouter.FilterDefault}}).Decision}))
	require.Equal(t, "direct", filterName(&View{Decision: FromView(taskrouter.View{Decision: taskrouter.RouteDecision{Filter: taskrouter.FilterBypassed}}).Decision}))
	require.Equal(t, "filter 1", filterName(&View{}))
}
