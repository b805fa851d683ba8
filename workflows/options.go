package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
)

// Tunables travel in the start input, so that a changed setting does not
// change runs under way. Whole seconds, because histories are read by people.
type Tunables struct {
	// Searchable: the namespace knows our search attributes.
	Searchable bool `json:"searchable,omitempty"`
	// CallbackStart and VoiceStart are how long an activity may wait for a
	// worker process: for assignment callbacks, and on a voice instance's queue.
	CallbackStart int `json:"callback_start_s,omitempty"`
	VoiceStart    int `json:"voice_start_s,omitempty"`
	// DialLimit bounds one placement, older legs drained included.
	DialLimit int `json:"dial_limit_s,omitempty"`
	// HangUpTries is how often the end of a leg is asked for.
	HangUpTries int `json:"hang_up_tries,omitempty"`
}

// DefaultTunables are what new runs get unless configured otherwise.
func DefaultTunables() Tunables {
	return Tunables{Searchable: true, CallbackStart: 30, VoiceStart: 5, DialLimit: 30, HangUpTries: 6}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

const (
	// storeLife is set explicitly: left out, a local activity would be given
	// up after a single attempt's time.
	storeLife    = 30 * 24 * time.Hour
	storeAttempt = 5 * time.Second
	storeMaxWait = 30 * time.Second

	// callbackAttempt covers a callback: the order, two requests of 5 s and
	// storing the answer.
	callbackAttempt = activities.CallbackLimit
	// confirmAttempt covers taskrouter.JoinTimeout and two store calls.
	confirmAttempt = 15 * time.Second
	hangUpAttempt  = 10 * time.Second
	// dialTries is how many worker processes may be lost over one placement.
	dialTries = 3
	voiceBeat = 6 * time.Second

	// deliverAttempt covers a minute of sending and the last retries of an
	// event that was on its way then.
	deliverAttempt = 20 * time.Minute
	deliverBeat    = 10 * time.Second

	// storePause is the wait before something is tried again whose activity
	// gave up although only the store stood in the way.
	storePause = 2 * time.Second
)

// storeWrite is the option set of every store call: local, and never given up.
func storeWrite(summary string) workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		StartToCloseTimeout:    storeAttempt,
		ScheduleToCloseTimeout: storeLife,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: storeMaxWait,
		},
	}
}

// callback is the option set of an assignment callback in runs before
// logicLocalCallback. One attempt: each URL may see the request once only.
func (t Tunables) callback(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		ScheduleToStartTimeout: seconds(t.CallbackStart),
		StartToCloseTimeout:    callbackAttempt,
		Summary:                summary,
		RetryPolicy:            once(),
	}
}

// dial is the option set of a placement. A worker process that is lost while
// it places one says nothing about the platform, so another goes on from where
// the attempt was written down: whether there is anything left to place is the
// decision of the store and of the telephone driver, who never ring twice for
// one attempt. A queue nobody reads means that the voice instance is gone.
func (t Tunables) dial(instance, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              VoiceQueue(instance),
		ScheduleToStartTimeout: seconds(t.VoiceStart),
		StartToCloseTimeout:    seconds(t.DialLimit),
		HeartbeatTimeout:       voiceBeat,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 500 * time.Millisecond, MaximumAttempts: dialTries,
			NonRetryableErrorTypes: []string{activities.TypeStore},
		},
	}
}

// confirm is the option set of looking for both parties in the room.
func (t Tunables) confirm(instance, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              VoiceQueue(instance),
		ScheduleToStartTimeout: seconds(t.VoiceStart),
		StartToCloseTimeout:    confirmAttempt,
		HeartbeatTimeout:       voiceBeat,
		Summary:                summary,
		RetryPolicy:            once(),
	}
}

// hangUp is the option set of ending a leg, which may be repeated freely.
func (t Tunables) hangUp(instance, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              VoiceQueue(instance),
		ScheduleToStartTimeout: seconds(t.VoiceStart),
		StartToCloseTimeout:    hangUpAttempt,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
			MaximumAttempts: int32(min(max(t.HangUpTries, 1), 100)),
		},
	}
}

// deliver is the option set of one turn of sending events. It is never given
// up: a worker process that is lost is replaced by another, which goes on from
// the cursor in the store.
func deliver(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           DeliveryQueue,
		StartToCloseTimeout: deliverAttempt,
		HeartbeatTimeout:    deliverBeat,
		Summary:             summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: storeMaxWait,
		},
	}
}

func once() *temporal.RetryPolicy { return &temporal.RetryPolicy{MaximumAttempts: 1} }
