package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// agents are all simulated agents. An assignment callback tells them of an
// offer; they accept it, work on the Task and complete it, each step at once.
// They never ask what there is to do.
type agents struct {
	ctx    context.Context
	client *client
	handle time.Duration
	url    string
	server *http.Server
	work   sync.WaitGroup
	// repeated counts offers of Tasks that were offered before.
	repeated atomic.Int64

	mu   sync.Mutex
	jobs map[string]*job // by Task SID
}

// job is one Task on its way. Whoever hears of it first makes it: the callback
// may overtake the answer to the request that created the Task.
type job struct {
	offered  bool
	received time.Time
	accept   time.Duration
	complete time.Duration
	finished time.Time
	err      error
	done     chan struct{}
}

// hire starts the agents' side. It ends with close; ctx ends requests under way.
func hire(ctx context.Context, o *Options, c *client) (*agents, error) {
	listen := o.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen for assignment callbacks: %w", err)
	}
	a := &agents{ctx: ctx, client: c, handle: o.Handle, url: "http://" + l.Addr().String() + "/", jobs: map[string]*job{}}
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = a.server.Serve(l) }()
	return a, nil
}

// close waits for agents who still work.
func (a *agents) close() {
	_ = a.server.Close()
	a.work.Wait()
}

// ServeHTTP receives an assignment callback. The answer carries no instruction:
// the agent decides.
func (a *agents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	task, reservation, workspace := r.FormValue("TaskSid"), r.FormValue("ReservationSid"), r.FormValue("WorkspaceSid")
	if task == "" || reservation == "" || workspace == "" {
		http.Error(w, "not an assignment callback", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusOK)
	j, again := a.offer(task, received)
	if again {
		a.repeated.Add(1)
		return
	}
	a.work.Go(func() {
		j.err = a.serve(j, "/Workspaces/"+workspace+"/Tasks/"+task, reservation)
		j.finished = time.Now()
		close(j.done)
	})
}

// serve does the Task.
func (a *agents) serve(j *job, task, reservation string) (err error) {
	if _, j.accept, err = a.client.post(a.ctx, task+"/Reservations/"+reservation, "ReservationStatus", "accepted"); err != nil {
		return err
	}
	if a.handle > 0 {
		select {
		case <-a.ctx.Done():
			return a.ctx.Err()
		case <-time.After(a.handle):
		}
	}
	_, j.complete, err = a.client.post(a.ctx, task, "AssignmentStatus", "completed")
	return err
}

// offer notes the first offer of a Task.
func (a *agents) offer(task string, received time.Time) (j *job, again bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j = a.jobOf(task)
	if j.offered {
		return j, true
	}
	j.offered, j.received = true, received
	return j, false
}

// job is the job of a Task.
func (a *agents) job(task string) *job {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.jobOf(task)
}

// jobOf finds or makes the job of a Task; the caller holds the lock.
func (a *agents) jobOf(task string) *job {
	j := a.jobs[task]
	if j == nil {
		j = &job{done: make(chan struct{})}
		a.jobs[task] = j
	}
	return j
}

// forget drops the job of a Task that was counted.
func (a *agents) forget(task string) {
	a.mu.Lock()
	delete(a.jobs, task)
	a.mu.Unlock()
}
