package workflows

import (
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/internal/logging"
)

// DeliveryInput starts a Delivery, and the run that continues it.
type DeliveryInput struct {
	LogicVersion int    `json:"logic_version"`
	AccountSID   string `json:"account"`
	WorkspaceSID string `json:"workspace"`
}

// Delivery is the durable run that sends the events of one Workspace to its
// callback URL. It knows of no event: what is to be sent, and how far that has
// come, is in the store, and a signal only says that there may be more.
//
// It sleeps while there is nothing to be sent and continues as new when it is
// woken, so that its history stays a few events long however long it lives. It
// returns when nothing is to be delivered any more: the callback URL or the
// Workspace is gone.
func Delivery(ctx workflow.Context, in DeliveryInput) error {
	knownDeliveryLogic(in.LogicVersion)
	r := &deliveryRun{ctx: ctx, in: in, log: workflow.GetLogger(ctx), news: wakes().channel(ctx)}
	return r.run()
}

// deliveryRun is a Delivery under way.
type deliveryRun struct {
	ctx  workflow.Context
	in   DeliveryInput
	log  log.Logger
	news workflow.ReceiveChannel
	// rounds counts the activities of this run.
	rounds int
}

// maxRounds bounds the history of a run that is never left in peace.
const maxRounds = 100

// run is the journey: send what there is, and wait for more.
func (r *deliveryRun) run() error {
	for {
		r.takeNews() // what they speak of is sent now
		res, err := r.deliver()
		switch {
		case temporal.IsCanceledError(err):
			// Whoever canceled the run gets the peace they want until the next
			// event, which starts another one.
			return err
		case err != nil:
			r.log.Error("delivery given up", logging.KeyWorkspaceSID, r.in.WorkspaceSID, logging.KeyError, err)
			if err := r.pause(); err != nil {
				return err
			}
		case r.takeNews() || res.More:
		case res.Over:
			return nil
		default:
			if err := r.sleep(); err != nil {
				return err
			}
			return r.again()
		}
		if r.rounds >= maxRounds || workflow.GetInfo(r.ctx).GetContinueAsNewSuggested() {
			return r.again()
		}
	}
}

// deliver runs one turn of sending.
func (r *deliveryRun) deliver() (res activities.DeliverResult, err error) {
	r.rounds++
	ctx := workflow.WithActivityOptions(r.ctx, deliver("send events"))
	err = workflow.ExecuteActivity(ctx, delivery.Deliver, activities.DeliverInput{WorkspaceSID: r.in.WorkspaceSID}).Get(ctx, &res)
	return res, err
}

// takeNews takes in every signal that has arrived, and reports whether there
// was one. They say nothing but that there is something to be sent.
func (r *deliveryRun) takeNews() bool {
	found := false
	for {
		if _, ok := wakes().take(r.news); !ok {
			return found
		}
		found = true
	}
}

// sleep waits for the next signal.
func (r *deliveryRun) sleep() error {
	s := workflow.NewSelector(r.ctx)
	s.AddReceive(r.news, func(workflow.ReceiveChannel, bool) { r.takeNews() })
	s.AddReceive(r.ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	s.Select(r.ctx)
	return r.ctx.Err()
}

// pause waits before another try.
func (r *deliveryRun) pause() error {
	return workflow.NewTimerWithOptions(r.ctx, deliveryPause, workflow.TimerOptions{Summary: "try again"}).Get(r.ctx, nil)
}

// again continues as new. A signal that arrived in the meantime is taken along:
// the next run begins with sending.
func (r *deliveryRun) again() error {
	r.takeNews()
	return workflow.NewContinueAsNewError(r.ctx, Delivery, r.in)
}

// deliveryPause is the wait after a round that failed for good.
const deliveryPause = 30 * time.Second
