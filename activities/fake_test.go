package activities

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/taskrouter/taskrouter/taskrouter"
)

var (
	errDown = taskrouter.Unavailable(errors.New("connection refused to +15551234567"), "database")
	errGone = taskrouter.NotFoundf("no such task")
	subject = Subject{WorkspaceSID: "WS1", TaskSID: "WT1", Revision: 4}
)

// store answers every call with the same view or error, and notes the calls.
type store struct {
	mu    sync.Mutex
	calls []string
	// err fails every call, writeErr only those after the world was touched.
	err, writeErr error

	order   CallbackOrder
	dial    DialOrder
	leg     *taskrouter.Leg
	outcome CallbackOutcome
	report  DialReport
	carried time.Time
	// saved counts the answers that were taken.
	saved int
}

func (s *store) done(call string, err error) (taskrouter.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	if s.err != nil {
		return taskrouter.View{}, s.err
	}
	if err != nil {
		return taskrouter.View{}, err
	}
	return taskrouter.View{TaskSID: "WT1", Revision: 5, Status: taskrouter.TaskPending}, nil
}

func (s *store) Due(_ context.Context, ws, task string, carried time.Time) (taskrouter.View, error) {
	s.carried = carried
	return s.done("due "+ws+" "+task, s.writeErr)
}

func (s *store) CancelFromOutside(_ context.Context, ws, task string) (taskrouter.View, error) {
	return s.done("cancel "+ws+" "+task, s.writeErr)
}

func (s *store) CallbackOrder(_ context.Context, ws, _, r string) (CallbackOrder, error) {
	_, err := s.done("order "+ws+" "+r, nil)
	return s.order, err
}

func (s *store) CallbackAnswered(_ context.Context, ws, _, r string, o CallbackOutcome) (taskrouter.View, error) {
	s.outcome = o
	s.mu.Lock()
	err := s.writeErr
	s.mu.Unlock()
	v, err := s.done("answered "+ws+" "+r, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.saved++
	}
	return v, err
}

func (s *store) BeginDial(_ context.Context, ws, attempt string) (DialOrder, error) {
	_, err := s.done("begin "+ws+" "+attempt, nil)
	return s.dial, err
}

func (s *store) DialReported(_ context.Context, ws string, r DialReport) (taskrouter.View, error) {
	s.report = r
	return s.done("reported "+ws+" "+r.Attempt, s.writeErr)
}

func (s *store) JoinSeen(_ context.Context, ws, attempt string) (taskrouter.View, error) {
	return s.done("joined "+ws+" "+attempt, s.writeErr)
}

func (s *store) LegHungUp(_ context.Context, ws, attempt string) (taskrouter.View, error) {
	return s.done("hung up "+ws+" "+attempt, s.writeErr)
}

func (s *store) Leg(_ context.Context, ws, attempt string) (*taskrouter.Leg, error) {
	_, err := s.done("leg "+ws+" "+attempt, nil)
	return s.leg, err
}

// phones is a telephone platform.
type phones struct {
	mu      sync.Mutex
	ended   []string
	dialled int
	report  DialReport
	hangUp  error
	// looks is how many looks it takes until legs are over or together.
	looks int
}

func (p *phones) Dial(context.Context, DialOrder) DialReport {
	p.dialled++
	return p.report
}

func (p *phones) HangUp(_ context.Context, l *taskrouter.Leg) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, l.Attempt)
	return p.hangUp
}

func (p *phones) Over(context.Context, *taskrouter.Leg) (bool, error) { return p.look(), nil }

func (p *phones) Together(context.Context, *taskrouter.Leg) (bool, error) { return p.look(), nil }

func (p *phones) look() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks--
	return p.looks < 0
}

// run executes an activity as a worker process would.
func run[T any](t *testing.T, set any, activity any, in any) (T, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(set)
	var out T
	v, err := env.ExecuteActivity(activity, in)
	if err == nil {
		err = v.Get(&out)
	}
	return out, err
}
