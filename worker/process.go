package worker

import (
	"fmt"
	"sync"
	"time"

	sdkclient "go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/workflows"
)

// Process serves runs and their activities. Start and Stop may each be called
// more than once.
type Process struct {
	mu      sync.Mutex
	queues  []queue
	started []queue
	stopped bool
	// linger returns when nothing goes on that no queue knows of; patience is
	// how long stopping may take.
	linger   func()
	patience time.Duration
}

// queue is one Temporal queue and who serves it.
type queue struct {
	name   string
	worker sdkworker.Worker
}

// New registers everything and serves nothing yet. The client stays the
// caller's; it must be one the SDK made, shared with workflows.Client when runs
// are started eagerly.
func New(client sdkclient.Client, o Options) (*Process, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("worker options: %w", err)
	}
	if o.CachedRuns > 0 {
		sdkworker.SetStickyWorkflowCacheSize(o.CachedRuns)
	}
	runs := sdkworker.New(client, workflows.TemporalQueue, o.runs())
	runs.RegisterWorkflow(workflows.Task)
	runs.RegisterWorkflow(workflows.Delivery)
	runs.RegisterActivity(o.Routing)
	runs.RegisterActivity(o.Records)
	runs.RegisterActivity(o.Callbacks)
	deliveries := sdkworker.New(client, workflows.DeliveryQueue, o.deliveries())
	deliveries.RegisterActivity(o.Delivery)
	p := &Process{
		queues: []queue{{workflows.TemporalQueue, runs}, {workflows.DeliveryQueue, deliveries}},
		linger: func() { activities.Drain(o.Callbacks) }, patience: o.StopTimeout,
	}
	for _, v := range o.Voice {
		name := workflows.VoiceQueue(v.Name)
		calls := sdkworker.New(client, name, o.calls())
		calls.RegisterActivity(v.Calls)
		p.queues = append(p.queues, queue{name, calls})
	}
	return p, nil
}

// Start begins to serve. The voice queues come first, so that no run meets a
// queue nobody reads. When one cannot be served, none is.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || len(p.started) > 0 {
		return nil
	}
	for i := len(p.queues) - 1; i >= 0; i-- {
		q := p.queues[i]
		if err := q.worker.Start(); err != nil {
			p.stop()
			return fmt.Errorf("serve %s: %w", q.name, err)
		}
		p.started = append(p.started, q)
	}
	return nil
}

// Stop takes no more work, waits for what is under way, at most
// Options.StopTimeout, and returns when nothing of the process runs any more. A
// stopped process cannot be started again.
func (p *Process) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.stop()
}

func (p *Process) stop() {
	over := time.NewTimer(p.patience)
	defer over.Stop()
	var wg sync.WaitGroup
	for _, q := range p.started {
		wg.Go(q.worker.Stop)
	}
	wg.Wait()
	p.started = nil
	quiet := make(chan struct{})
	go func() { defer close(quiet); p.linger() }()
	select {
	case <-quiet:
	case <-over.C: // what is lost with the process is made good for, as when it dies
	}
}
