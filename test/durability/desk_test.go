package durability

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// workspace is a Workspace of the test's own.
type workspace struct {
	*system
	path       string
	activities map[string]string
}

func newWorkspace(s *system) *workspace {
	s.t.Helper()
	made := s.must("/Workspaces", form("FriendlyName", "Durability", "MultiTaskEnabled", "true"))
	w := &workspace{system: s, path: "/Workspaces/" + made.text("sid"), activities: map[string]string{}}
	all, err := s.api().list(w.path+"/Activities", "activities")
	require.NoError(s.t, err)
	for _, a := range all {
		w.activities[a.text("friendly_name")] = a.text("sid")
	}
	require.Contains(s.t, w.activities, "Available")
	return w
}

// desk is one agent with a queue, a Workflow and perhaps a telephone line that
// only this agent serves, so that desks do not disturb each other.
type desk struct {
	*workspace
	t     *testing.T
	name  string
	agent string // Worker SID
	queue string
	flow  string // Workflow SID
	line  string // telephone number
	// task is the Task SID once it is known.
	task string
	call string
	// manual: offers of calls are answered at a REST client.
	manual bool
}

// deskOptions are what a desk needs beyond the usual.
type deskOptions struct {
	// Away leaves the agent offline.
	Away bool
	// Offer is the reservation time-out in seconds; 120 when zero.
	Offer int
	// Patience is the first target's time-out in seconds; a second target
	// follows when it is set.
	Patience int
	// Callback is the assignment callback URL.
	Callback string
	// Line gives it a telephone number, with a wrap-up time in seconds.
	Line   string
	WrapUp int
	// Manual leaves offers of calls to REST clients.
	Manual bool
}

func (w *workspace) desk(t *testing.T, name string, o deskOptions) *desk {
	t.Helper()
	d := &desk{workspace: w, t: t, name: name, line: o.Line, manual: o.Manual}
	if o.Offer == 0 {
		o.Offer = 120
	}
	q := w.must(w.path+"/TaskQueues", form("FriendlyName", name, "TargetWorkers", fmt.Sprintf("desk == '%s'", name)))
	d.queue = q.text("sid")
	targets := []map[string]any{{"queue": d.queue}}
	if o.Patience > 0 {
		targets = []map[string]any{{"queue": d.queue, "timeout": o.Patience}, {"queue": d.queue, "priority": 7}}
	}
	config, err := json.Marshal(map[string]any{"task_routing": map[string]any{
		"filters": []any{map[string]any{"filter_friendly_name": "all", "expression": "1 == 1", "targets": targets}},
	}})
	require.NoError(t, err)
	f := form("FriendlyName", name, "Configuration", string(config), "TaskReservationTimeout", fmt.Sprint(o.Offer))
	if o.Callback != "" {
		f.Set("AssignmentCallbackUrl", o.Callback)
	}
	d.flow = w.must(w.path+"/Workflows", f).text("sid")
	activity := "Available"
	if o.Away {
		activity = "Offline"
	}
	d.agent = w.must(w.path+"/Workers", form("FriendlyName", name, "ActivitySid", w.activities[activity],
		"Attributes", fmt.Sprintf(`{"desk":"%s","contact_uri":"client:%s"}`, name, name))).text("sid")
	if o.Line != "" {
		f := form("FriendlyName", name, "PhoneNumbers", o.Line, "WorkflowSid", d.flow, "WrapUp", fmt.Sprint(o.WrapUp))
		if o.Manual {
			f.Set("Instruction", "none")
		}
		w.must(w.path+"/CallQueues", f)
	}
	return d
}

// create makes a Task and remembers it; an error is what a crash may cause.
func (d *desk) create(pairs ...string) error {
	out, err := d.api().post(d.path+"/Tasks", form(append([]string{
		"WorkflowSid", d.flow, "Attributes", fmt.Sprintf(`{"mark":"%s"}`, d.name),
	}, pairs...)...))
	if err == nil {
		d.task = out.text("sid")
	}
	return err
}

// find looks the Task up by its Workflow, as a client does that got no answer.
func (d *desk) find() error {
	all, err := d.api().list(d.path+"/Tasks?WorkflowSid="+d.flow, "tasks")
	if err != nil {
		return err
	}
	for _, t := range all {
		d.task = t.text("sid") // the latest: a failed join leaves a successor
	}
	if d.task == "" {
		return fmt.Errorf("no task of %s", d.name)
	}
	return nil
}

func (d *desk) online(yes bool) error {
	activity := "Offline"
	if yes {
		activity = "Available"
	}
	_, err := d.api().post(d.path+"/Workers/"+d.agent, form("ActivitySid", d.activities[activity]))
	return err
}

func (d *desk) update(pairs ...string) error {
	_, err := d.api().post(d.path+"/Tasks/"+d.task, form(pairs...))
	return err
}

// offer is the latest Reservation of the Task in a status.
func (d *desk) offer(status string) (record, error) {
	all, err := d.api().list(d.path+"/Tasks/"+d.task+"/Reservations", "reservations")
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.text("reservation_status") == status {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no reservation is %s: %v", status, all)
}

// answer moves the pending Reservation.
func (d *desk) answer(status string) error {
	r, err := d.offer("pending")
	if err != nil {
		return err
	}
	_, err = d.api().post(d.path+"/Tasks/"+d.task+"/Reservations/"+r.text("sid"), form("ReservationStatus", status))
	return err
}

func (d *desk) status() (string, error) {
	out := record{}
	err := d.api().get(d.path+"/Tasks/"+d.task, &out)
	return out.text("assignment_status"), err
}

// becomes waits until the Task has one of the statuses.
func (d *desk) becomes(want ...string) {
	d.t.Helper()
	until(d.t, patience, d.name+" becomes "+strings.Join(want, " or "), func() error {
		if d.task == "" {
			if err := d.find(); err != nil {
				return err
			}
		}
		got, err := d.status()
		if err != nil {
			return err
		}
		for _, w := range want {
			if w == got {
				return nil
			}
		}
		return fmt.Errorf("task %s is %s", d.task, got)
	})
}

// finish drives the Task to its end like a patient agent at a REST client:
// takes the offer, and completes what was taken.
func (d *desk) finish() {
	d.t.Helper()
	until(d.t, 2*patience, d.name+" ends", func() error {
		if err := d.find(); err != nil {
			return err
		}
		status, err := d.status()
		if err != nil {
			return err
		}
		switch status {
		case "completed", "canceled":
			return nil
		case "pending":
			err = d.online(true)
		case "reserved":
			err = d.answer("accepted")
		case "assigned", "wrapping":
			err = d.update("AssignmentStatus", "completed")
		}
		return fmt.Errorf("task %s was %s: %w", d.task, status, err)
	})
}

// phone is the state of the agent's phone: the calls to it that go on.
func (d *desk) phone(want int) {
	d.t.Helper()
	until(d.t, patience, fmt.Sprintf("%d calls at the phone of %s", want, d.name), func() error {
		calls, err := d.platform.calls("to", "client:"+d.name)
		if err != nil {
			return err
		}
		n := 0
		for _, c := range calls {
			if c.live() {
				n++
			}
		}
		if n != want {
			return fmt.Errorf("%d live of %d", n, len(calls))
		}
		return nil
	})
}

// pickUp answers the agent's phone when it rings.
func (d *desk) pickUp() {
	d.t.Helper()
	until(d.t, patience, d.name+" picks up", func() error {
		calls, err := d.platform.calls("to", "client:"+d.name, "state", "ringing")
		if err != nil || len(calls) == 0 {
			return fmt.Errorf("the phone is silent: %w", err)
		}
		return d.platform.act(calls[0].SID, "answer")
	})
}

// talking waits until caller and agent hear each other.
func (d *desk) talking() {
	d.t.Helper()
	until(d.t, patience, d.name+" is in conversation", func() error {
		calls, err := d.platform.calls("sid", d.call, "bridged", "true")
		if err != nil || len(calls) == 0 {
			return fmt.Errorf("the caller is alone: %w", err)
		}
		return nil
	})
}

// dial lets a customer call the line.
func (d *desk) dial() { d.call = d.platform.call("+15557777", d.line, d.listen) }

// hangUp lets the customer go, if they are still there.
func (d *desk) hangUp() { _ = d.platform.act(d.call, "hangup") }

// callbacks is a receiver of assignment callbacks that takes every offer.
type callbacks struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]int // by Reservation SID
}

func newCallbacks(t *testing.T) *callbacks {
	c := &callbacks{seen: map[string]int{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.seen[r.FormValue("ReservationSid")]++
		c.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"instruction":"accept"}`))
	}))
	t.Cleanup(c.Close)
	return c
}

// most is the largest number of requests for one Reservation.
func (c *callbacks) most() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, x := range c.seen {
		n = max(n, x)
	}
	return n
}

// soon is how long the next step may take that nothing delays.
const soon = 60 * time.Second
