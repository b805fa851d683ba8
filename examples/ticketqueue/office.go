package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/examples/setup"
)

// office is the agents' program. The router tells it of each reservation; it
// answers for the agent, who then does the work.
type office struct {
	*desk
	url       string
	validator client.RequestValidator
	server    *http.Server
	served    chan error

	// working ends with the office, and workers with their work.
	working context.Context
	stop    context.CancelFunc
	workers sync.WaitGroup

	mu       sync.Mutex
	finished map[string]bool
	failed   error
}

// assignmentPath is where the router calls.
const assignmentPath = "/assignment"

// openOffice starts to listen.
func openOffice(d *desk) (*office, error) {
	l, err := net.Listen("tcp", d.listen)
	if err != nil {
		return nil, err
	}
	o := &office{
		desk: d, url: cmp.Or(strings.TrimSuffix(d.callback, "/"), "http://"+l.Addr().String()) + assignmentPath,
		validator: d.Validator(), served: make(chan error, 1), finished: map[string]bool{},
	}
	o.working, o.stop = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+assignmentPath, o.assignment)
	o.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { o.served <- o.server.Serve(l) }()
	return o, nil
}

// close stops listening, sends the agents home and says what went wrong.
func (o *office) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := o.server.Shutdown(ctx)
	if served := <-o.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	o.stop()
	o.workers.Wait()
	return err
}

// instruction is what the router shall do with a reservation.
type instruction struct {
	Instruction string `json:"instruction"`
	// ActivitySID is what an agent who rejects does from then on.
	ActivitySID string `json:"activity_sid,omitempty"`
}

// assignment is the assignment callback. It has five seconds to answer, so it
// decides and leaves the work to a goroutine.
func (o *office) assignment(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "cannot read the request", http.StatusBadRequest)
		return
	}
	// The signature covers the address that the router was told, not the one
	// that a proxy in front of us made of it.
	if !o.validator.ValidateBody(o.url, body, r.Header.Get("X-Twilio-Signature")) {
		http.Error(w, "the signature is wrong", http.StatusForbidden)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "cannot read the form", http.StatusBadRequest)
		return
	}
	answer, err := o.decide(form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// decide answers for the agent of a reservation.
func (o *office) decide(form url.Values) (instruction, error) {
	var t ticket
	var a skills
	err := errors.Join(json.Unmarshal([]byte(form.Get("TaskAttributes")), &t), json.Unmarshal([]byte(form.Get("WorkerAttributes")), &a))
	if err != nil {
		return instruction{}, err
	}
	agent := form.Get("WorkerName")
	if slices.Contains(a.Refuses, t.Topic) {
		o.story.Say("%s is offered “%s”, refuses and takes a break", agent, t.Subject)
		return instruction{Instruction: "reject", ActivitySID: o.Activity(setup.Unavailable)}, nil
	}
	o.story.Say("%s is offered “%s” and accepts", agent, t.Subject)
	o.workers.Go(func() { o.settle(form.Get("TaskSid"), o.workOn(o.working, agent, t, form.Get("TaskSid"))) })
	return instruction{Instruction: "accept"}, nil
}

// workOn works on a ticket once the router has taken in the agent's answer.
func (o *office) workOn(ctx context.Context, agent string, t ticket, sid string) error {
	err := setup.Await(ctx, o.giveUpAfter, "the ticket is assigned", func() (bool, error) {
		task, err := o.FetchTask(o.SID, sid)
		return err == nil && *task.AssignmentStatus == "assigned", err
	})
	if err != nil {
		return err
	}
	if err := setup.Pause(ctx, o.work); err != nil {
		return err
	}
	o.story.Say("%s is done with “%s”", agent, t.Subject)
	_, err = o.UpdateTask(o.SID, sid, (&api.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("solved"))
	return err
}

// settle notes how the work on a ticket ended.
func (o *office) settle(sid string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished[sid] = true
	if err != nil && o.failed == nil {
		o.failed = fmt.Errorf("work on a ticket: %w", err)
	}
}

// done waits until a ticket is done.
func (o *office) done(ctx context.Context, sid string) error {
	return setup.Await(ctx, o.giveUpAfter, "the ticket is done", func() (bool, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.finished[sid], o.failed
	})
}
