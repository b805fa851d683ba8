package workflows

import (
	"strings"

	"github.com/taskrouter/taskrouter/activities"
)

// TemporalQueue is the Temporal queue of every run and of every activity that
// is not bound to a voice instance.
const TemporalQueue = "taskrouter"

// DeliveryQueue is the Temporal queue of sending events. It has slots of its
// own, so that slow receivers of events delay no assignment callback.
const DeliveryQueue = "taskrouter-delivery"

// Names of what is sent to a run, kept in recorded histories.
const (
	// SignalNotice carries a View.
	SignalNotice = "notice"
	// SignalWake tells a Delivery that there are events to be sent.
	SignalWake = "wake"
	// QueryState answers with a State.
	QueryState = "state"
)

// DeadlineForTarget is the View.DeadlineFor text of a deadline that belongs to
// the routing rules. A run applies such a deadline with the activity Route.
const DeadlineForTarget = "target times out"

const (
	taskPrefix     = "task/"
	deliveryPrefix = "delivery/"
	voicePrefix    = "voice/"
)

// TaskID is the id of the run of a Task.
func TaskID(taskSID string) string { return taskPrefix + taskSID }

// DeliveryID is the id of the run that delivers the events of a Workspace.
func DeliveryID(workspaceSID string) string { return deliveryPrefix + workspaceSID }

// VoiceQueue is the Temporal queue of one instance of a voice back-end.
func VoiceQueue(instance string) string { return voicePrefix + instance }

// routing reports whether a deadline belongs to the routing rules.
func routing(deadlineFor string) bool { return strings.HasPrefix(deadlineFor, "target") }

// voiceInstance is where the activities of a leg run. A back-end that has one
// instance only is named by the back-end.
func voiceInstance(l activities.Leg) string {
	if l.Instance != "" {
		return l.Instance
	}
	return l.Backend
}
