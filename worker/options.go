package worker

import (
	"errors"
	"fmt"
	"time"

	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
)

// Defaults of Options.
const (
	DefaultStopTimeout = 20 * time.Second
	DefaultRuns        = 200
	DefaultStoreCalls  = 200
	DefaultCallbacks   = activities.DefaultCallbacks
	DefaultCalls       = 100
	DefaultDeliveries  = 200
	DefaultPollers     = 8
	// DefaultDeployment names the deployment builds belong to.
	DefaultDeployment = "taskrouter"
)

// VoiceInstance is one instance of a voice back-end this process can reach.
type VoiceInstance struct {
	// Name is the instance's name, as legs carry it.
	Name  string
	Calls *activities.Calls
}

// Options configure a Process. Zero numbers have defaults.
type Options struct {
	Routing   *activities.Routing
	Records   *activities.Records
	Callbacks *activities.Callbacks
	Delivery  *activities.Delivery
	// Voice may be empty: the process then rings no agents.
	Voice []VoiceInstance

	// BuildID names this build for worker versioning; empty leaves versioning
	// off. Runs move to the newest build, because a Task may live for weeks.
	BuildID string
	// Deployment groups builds; "taskrouter" when empty.
	Deployment string

	// StopTimeout is how long Stop waits for activities under way.
	StopTimeout time.Duration
	// These bound what is done at once: workflow tasks, store calls (local
	// activities), assignment callbacks, activities of one voice instance, and
	// Workspaces whose events are sent.
	MaxRuns, MaxStoreCalls, MaxCallbacks, MaxCalls, MaxDeliveries int
	// Pollers is how many requests wait for workflow tasks.
	Pollers int
	// CachedRuns is how many runs this program keeps in memory between
	// workflow tasks; zero leaves the SDK's 10,000.
	CachedRuns int
	// OnFatal is told of an error a queue cannot be served with any longer, at
	// most once a queue; that queue is then given up.
	OnFatal func(error)
}

// withDefaults fills in what was left out and reports what must not be.
func (o Options) withDefaults() (Options, error) {
	var problems []error
	if o.Routing == nil || o.Records == nil || o.Callbacks == nil || o.Delivery == nil {
		problems = append(problems, errors.New("routing, records, callbacks and delivery are required"))
	}
	seen := map[string]bool{}
	for _, v := range o.Voice {
		switch {
		case v.Name == "" || v.Calls == nil:
			problems = append(problems, errors.New("a voice instance needs a name and calls"))
		case seen[v.Name]:
			problems = append(problems, fmt.Errorf("voice instance %q is listed twice", v.Name))
		}
		seen[v.Name] = true
	}
	o.MaxRuns = or(o.MaxRuns, DefaultRuns)
	o.MaxStoreCalls = or(o.MaxStoreCalls, DefaultStoreCalls)
	o.MaxCallbacks = or(o.MaxCallbacks, DefaultCallbacks)
	o.MaxCalls = or(o.MaxCalls, DefaultCalls)
	o.MaxDeliveries = or(o.MaxDeliveries, DefaultDeliveries)
	o.Pollers = max(or(o.Pollers, DefaultPollers), 2) // one for new runs, one for cached ones
	o.StopTimeout = or(o.StopTimeout, DefaultStopTimeout)
	o.Deployment = or(o.Deployment, DefaultDeployment)
	return o, errors.Join(problems...)
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// runs are the SDK's options for the queue of all runs.
func (o Options) runs() sdkworker.Options {
	s := o.common()
	// A run waits for its callback for a moment, and must not keep others from
	// theirs, or from the store.
	s.MaxConcurrentWorkflowTaskExecutionSize = max(o.MaxRuns, 2) + o.MaxCallbacks
	s.MaxConcurrentWorkflowTaskPollers = o.Pollers
	s.MaxConcurrentLocalActivityExecutionSize = o.MaxStoreCalls + o.MaxCallbacks
	s.MaxConcurrentActivityExecutionSize = o.MaxCallbacks
	s.MaxConcurrentActivityTaskPollers = 2
	// A fault in our logic blocks the run until it is fixed; failing would
	// end the run of an open Task.
	s.WorkflowPanicPolicy = sdkworker.BlockWorkflow
	if o.BuildID != "" {
		s.DeploymentOptions.DefaultVersioningBehavior = workflow.VersioningBehaviorAutoUpgrade
	}
	return s
}

// calls are the SDK's options for the queue of one voice instance.
func (o Options) calls() sdkworker.Options {
	s := o.common()
	s.DisableWorkflowWorker = true
	s.MaxConcurrentActivityExecutionSize = o.MaxCalls
	s.MaxConcurrentActivityTaskPollers = 2
	// A voice instance is an address, not a version: whoever holds the calls
	// must get the activities, so its queue is never versioned.
	s.DeploymentOptions = sdkworker.DeploymentOptions{}
	return s
}

// deliveries are the SDK's options for the queue of sending events. Its input
// is the name of a Workspace, whatever the version.
func (o Options) deliveries() sdkworker.Options {
	s := o.calls()
	s.MaxConcurrentActivityExecutionSize = o.MaxDeliveries
	return s
}

func (o Options) common() sdkworker.Options {
	s := sdkworker.Options{WorkerStopTimeout: o.StopTimeout, OnFatalError: o.OnFatal}
	if o.BuildID != "" {
		s.DeploymentOptions = sdkworker.DeploymentOptions{
			UseVersioning: true,
			Version:       sdkworker.WorkerDeploymentVersion{DeploymentName: o.Deployment, BuildID: o.BuildID},
		}
	}
	return s
}
