package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/workflows"
)

// The stages of a Task. Accept and complete are the time until the request was
// answered; the others begin when the request that creates the Task is sent.
const (
	// StageCreate ends with the answer to the creation.
	StageCreate = "create"
	// StageOffer ends when the agent's side receives the offer.
	StageOffer = "offer"
	// StageAccept is the acceptance's request.
	StageAccept = "accept"
	// StageComplete is the completion's request.
	StageComplete = "complete"
	// StageDone ends with the answer to the completion.
	StageDone = "done"
	// StageConducted ends when the Task's durable run is over.
	StageConducted = "conducted"
)

// Stages lists the stages in the order of a Task's way.
func Stages() []string {
	return []string{StageCreate, StageOffer, StageAccept, StageComplete, StageDone, StageConducted}
}

// errLost is a Task that nobody finished in time.
var errLost = errors.New("a task was not done in time")

// maxProblems is how many different failures are kept in words.
const maxProblems = 5

// tally is what became of the Tasks, or runs, of one measured stretch.
type tally struct {
	stages map[string]*samples
	done   atomic.Int64
	failed atomic.Int64
	// last are the Tasks that were done, for a look at their histories.
	mu       sync.Mutex
	tasks    []string
	problems []string
	ends     sync.WaitGroup // waits for durable runs to end
}

func newTally() *tally {
	t := &tally{stages: map[string]*samples{}}
	for _, s := range Stages() {
		t.stages[s] = &samples{}
	}
	return t
}

func (t *tally) fail(err error) {
	t.failed.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.problems) < maxProblems {
		t.problems = append(t.problems, err.Error())
	}
}

// spreads are those of the stages that were measured.
func (t *tally) spreads() map[string]Spread {
	out := map[string]Spread{}
	for name, s := range t.stages {
		if sp := s.spread(); sp.Count > 0 {
			out[name] = sp
		}
	}
	return out
}

// journeys sends Tasks on their way and sees them through.
type journeys struct {
	office   *office
	agents   *agents
	temporal sdkclient.Client // nil: the ends of runs are not seen
	patience time.Duration
}

// one sees a Task through until it is done over REST, and leaves somebody
// waiting for the end of its durable run.
func (w *journeys) one(ctx context.Context, t *tally) { w.send(ctx, t, func() {}) }

// send is one that says when the creation was answered.
func (w *journeys) send(ctx context.Context, t *tally, created func()) {
	began := time.Now()
	made, took, err := w.office.client.post(ctx, w.office.path+"/Tasks", "WorkflowSid", w.office.workflow, "Attributes", "{}")
	created()
	if err != nil {
		t.fail(err)
		return
	}
	j := w.agents.job(made.SID)
	defer w.agents.forget(made.SID)
	limit, stop := context.WithTimeout(ctx, w.patience)
	defer stop()
	select {
	case <-limit.Done():
		t.fail(fmt.Errorf("%w: %s", errLost, made.SID))
		return
	case <-j.done:
	}
	if j.err != nil {
		t.fail(j.err)
		return
	}
	t.stages[StageCreate].add(took)
	t.stages[StageOffer].add(j.received.Sub(began))
	t.stages[StageAccept].add(j.accept)
	t.stages[StageComplete].add(j.complete)
	t.stages[StageDone].add(j.finished.Sub(began))
	t.done.Add(1)
	t.mu.Lock()
	t.tasks = append(t.tasks, made.SID)
	t.mu.Unlock()
	if w.temporal != nil {
		t.ends.Go(func() { w.awaitEnd(ctx, t, made.SID, began) })
	}
}

// awaitEnd waits until the durable run of a Task is over.
func (w *journeys) awaitEnd(ctx context.Context, t *tally, task string, began time.Time) {
	limit, stop := context.WithTimeout(ctx, w.patience)
	defer stop()
	if err := w.temporal.GetWorkflow(limit, workflows.TaskID(task), "").Get(limit, nil); err != nil {
		t.fail(fmt.Errorf("the run of %s: %w", task, err))
		return
	}
	t.stages[StageConducted].add(time.Since(began))
}

// closedLoop does n pieces of work, at most so many at a time: each of them
// begins when one before has ended. It returns early when ctx ends.
func closedLoop(ctx context.Context, n, concurrency int, progress func(done int), work func()) {
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range min(concurrency, n) {
		wg.Go(func() {
			for next.Add(1) <= int64(n) && ctx.Err() == nil {
				work()
				progress(int(done.Add(1)))
			}
		})
	}
	wg.Wait()
}
