package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	sdkclient "go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/worker"
)

// Names on Temporal. They are seen in its UI beside the runs of the router.
const (
	floorQueue  = "taskrouter-bench"
	floorSignal = "go"
	waitRun     = "BenchWait"
	emptyRun    = "BenchEmpty"
)

// floor is a Temporal worker process with two Temporal workflows that do next
// to nothing, with as many slots for runs and pollers as the router's.
type floor struct {
	sdk    sdkclient.Client
	worker sdkworker.Worker
	eager  bool
	prefix string
	number atomic.Int64
	// begun has, for each empty run under way, where to tell that its first
	// workflow task is being done.
	begun sync.Map // workflow id → chan time.Time
}

// layFloor starts the worker process.
func layFloor(o *Options) (*floor, error) {
	f := &floor{sdk: o.Temporal, eager: o.Eager, prefix: "bench/" + strconv.FormatInt(time.Now().UnixNano(), 36) + "/"}
	f.worker = sdkworker.New(o.Temporal, floorQueue, sdkworker.Options{
		MaxConcurrentWorkflowTaskExecutionSize: worker.DefaultRuns, MaxConcurrentWorkflowTaskPollers: worker.DefaultPollers,
		WorkerStopTimeout: worker.DefaultStopTimeout, LocalActivityWorkerOnly: true,
	})
	f.worker.RegisterWorkflowWithOptions(f.wait, workflow.RegisterOptions{Name: waitRun})
	f.worker.RegisterWorkflowWithOptions(f.empty, workflow.RegisterOptions{Name: emptyRun})
	if err := f.worker.Start(); err != nil {
		return nil, fmt.Errorf("start the floor's worker process: %w", err)
	}
	return f, nil
}

func (f *floor) close() { f.worker.Stop() }

// wait is the floor: it waits for one signal.
func (f *floor) wait(ctx workflow.Context) error {
	workflow.GetSignalChannel(ctx, floorSignal).Receive(ctx, nil)
	return nil
}

// empty does nothing but tell this process that it was reached. It has no
// effect on the run, and is not missed when the run is replayed.
func (f *floor) empty(ctx workflow.Context) error {
	if told, ok := f.begun.LoadAndDelete(workflow.GetInfo(ctx).WorkflowExecution.ID); ok {
		told.(chan time.Time) <- time.Now()
	}
	return nil
}

func (f *floor) options(eager bool) sdkclient.StartWorkflowOptions {
	return sdkclient.StartWorkflowOptions{
		ID: f.prefix + strconv.FormatInt(f.number.Add(1), 10), TaskQueue: floorQueue, EnableEagerStart: eager,
	}
}

// one starts a run, signals it and waits for its end.
func (f *floor) one(ctx context.Context, t *tally) {
	began := time.Now()
	run, err := f.sdk.ExecuteWorkflow(ctx, f.options(f.eager), waitRun)
	if err == nil {
		err = f.sdk.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), floorSignal, nil)
	}
	if err == nil {
		err = run.Get(ctx, nil)
	}
	if err != nil {
		t.fail(fmt.Errorf("floor: %w", err))
		return
	}
	t.done.Add(1)
	t.stages[StageConducted].add(time.Since(began))
}

// first reports how long it takes from the start of an empty run until its
// first workflow task is being done.
func (f *floor) first(ctx context.Context, eager bool) (time.Duration, error) {
	o := f.options(eager)
	told := make(chan time.Time, 1)
	f.begun.Store(o.ID, told)
	began := time.Now()
	run, err := f.sdk.ExecuteWorkflow(ctx, o, emptyRun)
	if err != nil {
		return 0, fmt.Errorf("start an empty run: %w", err)
	}
	if err := run.Get(ctx, nil); err != nil {
		return 0, fmt.Errorf("an empty run: %w", err)
	}
	return (<-told).Sub(began), nil
}
