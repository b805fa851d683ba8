package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// View is a Task as its run sees it.
type View = activities.View

// FromView converts the domain's view.
func FromView(v taskrouter.View) View { return activities.FromView(v) }

// TaskInput starts a run. It is also the input of the next one when a run
// continues as new, so it holds the whole state.
type TaskInput struct {
	LogicVersion int      `json:"logic_version"`
	Tunables     Tunables `json:"tunables"`
	View         View     `json:"view"`
	// Started names what was already begun although the view still asks for it.
	Started []string `json:"started,omitempty"`
	// Shown is what operators can search for at present.
	Shown Shown `json:"shown"`
}

// State answers QueryState.
type State struct {
	View View `json:"view"`
	// InFlight names what is being done.
	InFlight []string `json:"in_flight,omitempty"`
}

// signalOf is a signal with the type of its payload.
type signalOf[T any] struct{ name string }

// notices carries news of the Task.
func notices() signalOf[View] { return signalOf[View]{SignalNotice} }

// wake says that there may be something to be delivered.
type wake struct{}

// wakes carries the news that a Workspace has new events.
func wakes() signalOf[wake] { return signalOf[wake]{SignalWake} }

// channel is where the signal arrives.
func (s signalOf[T]) channel(ctx workflow.Context) workflow.ReceiveChannel {
	return workflow.GetSignalChannel(ctx, s.name)
}

// take returns a signal that has arrived, without waiting.
func (s signalOf[T]) take(ch workflow.ReceiveChannel) (v T, ok bool) {
	ok = ch.ReceiveAsync(&v)
	return v, ok
}
