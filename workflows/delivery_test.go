package workflows

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/activities"
)

// courier plays the activity of a Delivery.
type courier struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	mu    sync.Mutex
	turns []time.Duration
	queue string
	// play answers the n-th turn, counted from one.
	play func(n int) (activities.DeliverResult, error)
}

func newCourier(t *testing.T, play func(n int) (activities.DeliverResult, error)) *courier {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	c := &courier{t: t, env: suite.NewTestWorkflowEnvironment(), play: play}
	c.env.SetStartTime(epoch)
	c.env.SetTestTimeout(30 * time.Second)
	c.env.RegisterWorkflow(Delivery)
	c.env.RegisterActivityWithOptions(c.turn, activity.RegisterOptions{Name: "Deliver"})
	c.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) { c.queue = info.TaskQueue })
	return c
}

func (c *courier) turn(_ context.Context, in activities.DeliverInput) (activities.DeliverResult, error) {
	c.mu.Lock()
	require.Equal(c.t, "WS1", in.WorkspaceSID)
	c.turns = append(c.turns, c.env.Now().Sub(epoch))
	n := len(c.turns)
	c.mu.Unlock()
	return c.play(n)
}

// wakeAt sends the signal some time after the start.
func (c *courier) wakeAt(d time.Duration) {
	c.env.RegisterDelayedCallback(func() { c.env.SignalWorkflow(SignalWake, wake{}) }, d)
}

var deliveryInput = DeliveryInput{LogicVersion: DeliveryLogicVersion, AccountSID: "AC1", WorkspaceSID: "WS1"}

// run plays the run to its end and returns how it ended.
func (c *courier) run() error {
	c.t.Helper()
	c.env.ExecuteWorkflow(Delivery, deliveryInput)
	require.True(c.t, c.env.IsWorkflowCompleted())
	return c.env.GetWorkflowError()
}

// requireContinued checks that the run goes on as a new one for the same
// Workspace.
func requireContinued(t *testing.T, err error) {
	t.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)
	var in DeliveryInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, deliveryInput, in)
}

func sentAll(int) (activities.DeliverResult, error) { return activities.DeliverResult{Cursor: 7}, nil }

func TestDeliverySleepsUntilWoken(t *testing.T) {
	c := newCourier(t, sentAll)
	c.wakeAt(3 * time.Hour)
	requireContinued(t, c.run())
	require.Equal(t, []time.Duration{0}, c.turns, "the next run sends")
	require.Equal(t, "taskrouter-delivery", c.queue)
	require.Equal(t, 3*time.Hour, c.env.Now().Sub(epoch).Truncate(time.Minute), "it slept until then")
}

func TestDeliveryGoesOnWhileThereIsMore(t *testing.T) {
	c := newCourier(t, func(n int) (activities.DeliverResult, error) {
		return activities.DeliverResult{More: n < 4}, nil
	})
	c.wakeAt(time.Hour)
	requireContinued(t, c.run())
	require.Len(t, c.turns, 4)
}

// A signal that comes while events are sent may speak of one that was written
// after the log was read for the last time.
func TestDeliveryWokenWhileItSends(t *testing.T) {
	var c *courier
	c = newCourier(t, func(n int) (activities.DeliverResult, error) {
		if n == 1 {
			c.env.SignalWorkflow(SignalWake, wake{})
			c.env.SignalWorkflow(SignalWake, wake{})
		}
		return activities.DeliverResult{}, nil
	})
	c.wakeAt(time.Hour)
	requireContinued(t, c.run())
	require.Len(t, c.turns, 2, "two signals, one more turn")
}

func TestDeliveryEnds(t *testing.T) {
	c := newCourier(t, func(int) (activities.DeliverResult, error) { return activities.DeliverResult{Over: true}, nil })
	require.NoError(t, c.run())
	require.Len(t, c.turns, 1)
}

// The URL is set again in the moment in which the run would end.
func TestDeliveryThatIsWantedAgain(t *testing.T) {
	var c *courier
	c = newCourier(t, func(n int) (activities.DeliverResult, error) {
		if n == 1 {
			c.env.SignalWorkflow(SignalWake, wake{})
		}
		return activities.DeliverResult{Over: true}, nil
	})
	require.NoError(t, c.run())
	require.Len(t, c.turns, 2)
}

func TestDeliveryOutlastsAStoreThatIsGone(t *testing.T) {
	c := newCourier(t, func(n int) (activities.DeliverResult, error) {
		if n <= 30 {
			return activities.DeliverResult{}, temporal.NewApplicationError("take delivery: unavailable", activities.TypeStore)
		}
		return activities.DeliverResult{Over: true}, nil
	})
	require.NoError(t, c.run())
	require.Len(t, c.turns, 31)
}

func TestDeliveryWhoseActivityIsGivenUp(t *testing.T) {
	c := newCourier(t, func(n int) (activities.DeliverResult, error) {
		if n == 1 {
			return activities.DeliverResult{}, temporal.NewNonRetryableApplicationError("no such activity", "registration", nil)
		}
		return activities.DeliverResult{Over: true}, nil
	})
	require.NoError(t, c.run())
	require.Equal(t, []time.Duration{0, deliveryPause}, c.turns)
}

func TestDeliveryHistoryIsBounded(t *testing.T) {
	c := newCourier(t, func(int) (activities.DeliverResult, error) { return activities.DeliverResult{More: true}, nil })
	requireContinued(t, c.run())
	require.Len(t, c.turns, maxRounds)
}

func TestDeliveryCanceled(t *testing.T) {
	c := newCourier(t, sentAll)
	c.env.RegisterDelayedCallback(c.env.CancelWorkflow, time.Hour)
	err := c.run()
	require.Error(t, err)
	var canceled *temporal.CanceledError
	require.ErrorAs(t, err, &canceled)
}

func TestWake(t *testing.T) {
	broken := errors.New("unreachable")
	for name, failure := range map[string]error{"woken": nil, "server gone": broken} {
		t.Run(name, func(t *testing.T) {
			s := &mocks.Client{}
			var o sdkclient.StartWorkflowOptions
			s.On("SignalWithStartWorkflow", mock.Anything, "delivery/WS1", SignalWake, wake{}, mock.Anything, mock.Anything, deliveryInput).
				Run(func(a mock.Arguments) { o = a.Get(4).(sdkclient.StartWorkflowOptions) }).Return(nil, failure)
			err := NewClient(s, ClientOptions{}).Wake(context.Background(), "AC1", "WS1")
			require.ErrorIs(t, err, failure)
			require.Equal(t, TemporalQueue, o.TaskQueue)
			require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, o.WorkflowIDReusePolicy)
			require.Equal(t, 2, o.TypedSearchAttributes.Size())
		})
	}
}
