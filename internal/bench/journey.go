package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/workflows"
)

// The stages of a Task. Accept and complete are the time until the request was
// answered, join begins when the agent answers; the others begin when the
// request that creates the Task is sent, or the key is pressed that completes a
// caller's menu.
const (
	// StageCreate ends with the answer to the creation.
	StageCreate = "create"
	// StageOffer ends when the agent's side receives the offer.
	StageOffer = "offer"
	// StageRing ends when the agent's phone rings.
	StageRing = "ring"
	// StageAccept is the acceptance's request.
	StageAccept = "accept"
	// StageJoin ends when both parties are in the room.
	StageJoin = "join"
	// StageComplete is the completion's request.
	StageComplete = "complete"
	// StageDone ends with the answer to the completion.
	StageDone = "done"
	// StageConducted ends when the Task's durable run is over.
	StageConducted = "conducted"
)

// Stages lists all stages in the order of a Task's way.
func Stages() []string {
	return []string{StageCreate, StageOffer, StageRing, StageAccept, StageJoin, StageComplete, StageDone, StageConducted}
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
	// refused counts requests the router was too busy for, early the calls
	// whose party hung up before the router knew that they were joined.
	refused, early atomic.Int64
	// last are the Tasks that were done, for a look at their histories.
	mu       sync.Mutex
	tasks    []string
	problems []string
	ends     sync.WaitGroup // waits for durable runs to end
	watch    chan struct{}  // has a place for each of those who look
}

// watchers are how many runs are waited for at a time, those first whose Tasks
// were done first: looking at more would keep Temporal from ending them.
const watchers = 64

func newTally() *tally {
	t := &tally{stages: map[string]*samples{}, watch: make(chan struct{}, watchers)}
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

// take adds what another stretch measured.
func (t *tally) take(o *tally) {
	for name, s := range o.stages {
		t.stages[name].all = append(t.stages[name].all, s.all...)
	}
}

// finished counts a Task that was done, and leaves somebody waiting for the end
// of its durable run, if that can be seen. Latency counts from began.
func (t *tally) finished(ctx context.Context, task string, began time.Time, temporal sdkclient.Client, patience time.Duration) {
	t.done.Add(1)
	t.mu.Lock()
	t.tasks = append(t.tasks, task)
	t.mu.Unlock()
	if temporal == nil {
		return
	}
	t.ends.Go(func() {
		t.watch <- struct{}{}
		defer func() { <-t.watch }()
		limit, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if err := conducted(limit, temporal, workflows.TaskID(task)); err != nil {
			t.fail(fmt.Errorf("the run of %s: %w", task, err))
			return
		}
		t.stages[StageConducted].add(time.Since(began))
	})
}

// Pauses between two looks for a run that was not started yet: agents can be
// quicker than Temporal. They grow, because looking costs Temporal something.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 400 * time.Millisecond
)

// conducted waits for the end of a durable run.
func conducted(ctx context.Context, temporal sdkclient.Client, id string) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := temporal.GetWorkflow(ctx, id, "").Get(ctx, nil)
		var unknown *serviceerror.NotFound
		if !errors.As(err, &unknown) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
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
	limit, stop := context.WithTimeout(ctx, w.patience)
	defer stop()
	began := time.Now()
	made, err := w.create(limit, t)
	took := time.Since(began)
	created()
	if err != nil {
		t.fail(err)
		return
	}
	j := w.agents.job(made.SID)
	defer w.agents.forget(made.SID)
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
	t.finished(ctx, made.SID, began, w.temporal, w.patience)
}

// create creates a Task. A router that is too busy is asked again when it wants
// to be, as long as the limit allows.
func (w *journeys) create(limit context.Context, t *tally) (resource, error) {
	for {
		made, _, err := w.office.client.post(limit, w.office.path+"/Tasks", "WorkflowSid", w.office.workflow, "Attributes", "{}")
		after, again := busy(err)
		if !again {
			return made, err
		}
		t.refused.Add(1)
		select {
		case <-limit.Done():
			return made, err
		case <-time.After(after):
		}
	}
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
