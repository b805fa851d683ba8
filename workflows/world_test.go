package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// epoch lies ahead: a local activity that is retried runs against the real
// clock, and must not be over before it begins.
var epoch = time.Date(2126, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a scripted store, receiver and telephone network around one run.
type world struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment
	// input is what the run starts with.
	input TaskInput

	// mu guards what follows: an activity of a run that is over may still be
	// on its way, and tests look only through methods.
	mu   sync.Mutex
	view taskrouter.View
	// log is what was asked of the world, in order.
	log []string
	// locals are the local activities, in order of their start.
	locals []string
	// taken are the callbacks whose order was given out.
	taken map[string]bool

	// down makes every store call fail.
	down func() bool
	// due plays a deadline; the other scripts play their call. Nil scripts
	// change nothing.
	due      func(v *taskrouter.View, carried time.Time)
	canceled func(v *taskrouter.View)
	answered func(v *taskrouter.View, reservation string, o activities.CallbackOutcome)
	reported func(v *taskrouter.View, r activities.DialReport)
	joined   func(v *taskrouter.View, attempt string)
	hungUp   func(v *taskrouter.View, attempt string)
	// answer is the receiver, place the telephone network.
	answer   func(reservation string) activities.CallbackOutcome
	place    func(attempt string) activities.DialReport
	together bool
	// hangUpErr makes the platform refuse to end legs.
	hangUpErr error

	timers         map[string]time.Duration
	canceledTimers int
}

// newWorld starts with a Task in the given state; the run is not started.
func newWorld(t *testing.T, v taskrouter.View) *world {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	w := &world{t: t, view: v, timers: map[string]time.Duration{}, taken: map[string]bool{}}
	// Nothing may depend on how fast this machine is.
	asks := &activities.Callbacks{Store: w, Assigner: w, Patience: time.Minute}
	t.Cleanup(func() { activities.Drain(asks) })
	w.env = suite.NewTestWorkflowEnvironment()
	w.env.SetStartTime(epoch)
	w.env.SetTestTimeout(30 * time.Second)
	w.env.RegisterWorkflow(Task)
	w.env.RegisterActivity(&activities.Routing{Store: w})
	w.env.RegisterActivity(&activities.Records{Store: w})
	w.env.RegisterActivity(asks)
	w.env.RegisterActivity(&activities.Calls{Store: w, Phones: phones{w}})
	w.env.SetOnTimerScheduledListener(func(id string, d time.Duration) { w.timers[id] = d })
	w.env.SetOnTimerCanceledListener(func(string) { w.canceledTimers++ })
	w.env.SetOnLocalActivityStartedListener(func(info *activity.Info, _ context.Context, _ []any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.locals = append(w.locals, info.ActivityType.Name)
	})
	w.input = TaskInput{LogicVersion: LogicVersion, Tunables: DefaultTunables()}
	w.input.Tunables.Searchable = false
	w.input.View = FromView(v)
	w.input.Shown = shownOf(&w.input.View)
	return w
}

// quiet drops what the SDK logs.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// task is a Task of the given status without offers.
func task(status taskrouter.TaskStatus) taskrouter.View {
	return taskrouter.View{
		AccountSID: "AC1", WorkspaceSID: "WS1", TaskSID: "WT1", Revision: 1, Status: status, Priority: 5,
		WorkflowSID: "WW1", QueueSID: "WQ1", QueueName: "Support",
		Decision: taskrouter.RouteDecision{FilterName: "English", QueueSID: "WQ1", QueueName: "Support", Cause: "created"},
	}
}

// offer puts one pending Reservation on a Task.
func offer(v taskrouter.View, reservation string) taskrouter.View {
	v.Status, v.AgentSID = taskrouter.TaskReserved, "WK1"
	v.Offers = append(slices.Clone(v.Offers), taskrouter.OfferView{
		ReservationSID: reservation, WorkerSID: "WK1", Status: taskrouter.ReservationPending,
	})
	return v
}

// withLeg puts an agent's leg on a Task.
func withLeg(v taskrouter.View, l taskrouter.LegView) taskrouter.View {
	l.ReservationSID, l.Backend, l.Instance = "WR1", "fake", "one"
	v.Legs = append(slices.Clone(v.Legs), l)
	return v
}

// run plays the Task to the end of the run and requires that it ended well.
func (w *world) run() {
	w.t.Helper()
	w.env.ExecuteWorkflow(Task, w.input)
	require.True(w.t, w.env.IsWorkflowCompleted(), "the run must end")
	require.NoError(w.t, w.env.GetWorkflowError())
}

// at plays a step of the story some time after the start.
func (w *world) at(d time.Duration, f func()) { w.env.RegisterDelayedCallback(f, d) }

// change alters the Task in the store and sends the notice.
func (w *world) change(f func(v *taskrouter.View)) { w.send(w.alter(f)) }

func (w *world) alter(f func(v *taskrouter.View)) taskrouter.View {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.view
	v.Offers, v.Legs = slices.Clone(v.Offers), slices.Clone(v.Legs)
	f(&v)
	v.Revision = w.view.Revision + 1
	w.view = v
	return v
}

func (w *world) send(v taskrouter.View) { w.env.SignalWorkflow(SignalNotice, FromView(v)) }

// complete ends the Task after some time.
func (w *world) completeAt(d time.Duration) { w.at(d, func() { w.change(completed) }) }

func completed(v *taskrouter.View) {
	v.Status, v.Offers, v.Deadline = taskrouter.TaskCompleted, nil, time.Time{}
}

// seen is the Task as the store has it.
func (w *world) seen() taskrouter.View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.view
}

// forget deletes the Task from the store.
func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.view = taskrouter.View{}
}

// story is what was asked of the world, in order.
func (w *world) story() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// localNames are the local activities, in order of their start.
func (w *world) localNames() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.locals)
}

// asked counts the log lines with a prefix.
func (w *world) asked(prefix string) int {
	n := 0
	for _, line := range w.story() {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

var errDown = taskrouter.Unavailable(errors.New("connection refused"), "database")

// apply notes a store call and plays its script.
func (w *world) apply(line string, script func(v *taskrouter.View)) (taskrouter.View, error) {
	w.mu.Lock()
	w.log = append(w.log, line)
	down := w.down != nil && w.down()
	seen := w.view
	w.mu.Unlock()
	switch {
	case down:
		return taskrouter.View{}, errDown
	case seen.TaskSID == "":
		return taskrouter.View{}, taskrouter.NotFoundf("no such task")
	case script == nil:
		return seen, nil
	}
	return w.alter(script), nil
}

func (w *world) Due(_ context.Context, _, _ string, carried time.Time) (taskrouter.View, error) {
	script := func(v *taskrouter.View) { w.due(v, carried) }
	if w.due == nil {
		script = nil
	}
	return w.apply(fmt.Sprintf("due %s", carried.Sub(epoch)), script)
}

func (w *world) CancelFromOutside(context.Context, string, string) (taskrouter.View, error) {
	return w.apply("cancel", w.canceled)
}

func (w *world) CallbackOrder(_ context.Context, _, _, reservation string) (activities.CallbackOrder, error) {
	_, err := w.apply("order "+reservation, nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.taken[reservation]
	w.taken[reservation] = taken || err == nil
	return activities.CallbackOrder{
		Proceed: !taken, Taken: taken, Reservation: &taskrouter.Reservation{SID: reservation},
	}, err
}

func (w *world) CallbackAnswered(_ context.Context, _, _, reservation string, o activities.CallbackOutcome) (taskrouter.View, error) {
	return w.apply(fmt.Sprintf("answered %s failed=%t", reservation, o.Failed), func(v *taskrouter.View) {
		for i := range v.Offers {
			if v.Offers[i].ReservationSID == reservation {
				v.Offers[i].CallbackDue = false
			}
		}
		if w.answered != nil {
			w.answered(v, reservation, o)
		}
	})
}

func (w *world) Assign(_ context.Context, order activities.CallbackOrder) activities.CallbackOutcome {
	w.note("post " + order.Reservation.SID)
	if w.answer == nil {
		return activities.CallbackOutcome{}
	}
	return w.answer(order.Reservation.SID)
}

func (w *world) note(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, line)
}

func (w *world) BeginDial(_ context.Context, _, attempt string) (activities.DialOrder, error) {
	_, err := w.apply("begin "+attempt, nil)
	return activities.DialOrder{Proceed: true, Leg: &taskrouter.Leg{Attempt: attempt}}, err
}

func (w *world) DialReported(_ context.Context, _ string, r activities.DialReport) (taskrouter.View, error) {
	return w.apply(fmt.Sprintf("reported %s %s %s", r.Attempt, r.Outcome, r.Cause), func(v *taskrouter.View) {
		setLeg(v, r.Attempt, func(l *taskrouter.LegView) { l.Dial, l.State = false, taskrouter.LegDialing })
		if w.reported != nil {
			w.reported(v, r)
		}
	})
}

func (w *world) JoinSeen(_ context.Context, _, attempt string) (taskrouter.View, error) {
	return w.apply("joined "+attempt, func(v *taskrouter.View) {
		setLeg(v, attempt, func(l *taskrouter.LegView) { l.Confirm, l.State = false, taskrouter.LegJoined })
		if w.joined != nil {
			w.joined(v, attempt)
		}
	})
}

func (w *world) LegHungUp(_ context.Context, _, attempt string) (taskrouter.View, error) {
	return w.apply("hung up "+attempt, func(v *taskrouter.View) {
		v.Legs = slices.DeleteFunc(v.Legs, func(l taskrouter.LegView) bool { return l.Attempt == attempt })
		if w.hungUp != nil {
			w.hungUp(v, attempt)
		}
	})
}

func (w *world) Leg(_ context.Context, _, attempt string) (*taskrouter.Leg, error) {
	_, err := w.apply("leg "+attempt, nil)
	if err != nil {
		return nil, err
	}
	return &taskrouter.Leg{Attempt: attempt, State: taskrouter.LegAnswered}, nil
}

func setLeg(v *taskrouter.View, attempt string, f func(l *taskrouter.LegView)) {
	for i := range v.Legs {
		if v.Legs[i].Attempt == attempt {
			f(&v.Legs[i])
		}
	}
}

// phones is the telephone network of a world.
type phones struct{ w *world }

func (p phones) Dial(_ context.Context, o activities.DialOrder) activities.DialReport {
	p.w.note("dial " + o.Leg.Attempt)
	if p.w.place == nil {
		return activities.DialReport{Outcome: activities.DialPlaced, CallSIDs: []string{"CA1"}}
	}
	return p.w.place(o.Leg.Attempt)
}

func (p phones) HangUp(_ context.Context, l *taskrouter.Leg) error {
	p.w.note("hang up " + l.Attempt)
	return p.w.hangUpErr
}

func (p phones) Over(context.Context, *taskrouter.Leg) (bool, error) { return true, nil }

func (p phones) Together(context.Context, *taskrouter.Leg) (bool, error) { return p.w.together, nil }

// continued is the input of the next run, when the run continued as new.
func continued(t *testing.T, err error) TaskInput {
	t.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)
	var in TaskInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	return in
}

// recordQueue notes the Temporal queue of the activities that are started.
func recordQueue(queue *string) func(*activity.Info, context.Context, converter.EncodedValues) {
	return func(info *activity.Info, _ context.Context, _ converter.EncodedValues) { *queue = info.TaskQueue }
}
