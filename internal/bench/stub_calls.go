package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// stubCalls is the telephone network of a stub: every caller is listened to at
// once, every key makes an agent's phone ring at once, and whoever answers is in
// the room.
type stubCalls struct {
	mu     sync.Mutex
	number int
	// changed is closed and replaced when something is added to news.
	changed chan struct{}
	news    []call
	lines   map[string]string     // phone number → Workspace
	free    map[string][]stubSeat // by Workspace
	live    map[string]*stubCall  // by the caller's and by the agent's CallSID
	tasks   map[string]*stubCall  // by Task and by agent
}

type stubSeat struct{ worker, contact string }

type stubCall struct {
	caller, leg, task, workspace string
	seat                         stubSeat
}

func newStubCalls() *stubCalls {
	return &stubCalls{
		changed: make(chan struct{}), lines: map[string]string{}, free: map[string][]stubSeat{},
		live: map[string]*stubCall{}, tasks: map[string]*stubCall{},
	}
}

// tellLocked adds to the news.
func (n *stubCalls) tellLocked(c call) {
	n.news = append(n.news, c)
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *stubCalls) sidLocked(prefix string) string {
	n.number++
	return fmt.Sprint(prefix, n.number)
}

// seat adds an agent with a phone, and line a phone number.
func (n *stubCalls) seat(workspace, worker, attributes string) {
	var a struct {
		Contact string `json:"contact_uri"`
	}
	if json.Unmarshal([]byte(attributes), &a) != nil || a.Contact == "" {
		return
	}
	n.mu.Lock()
	n.free[workspace] = append(n.free[workspace], stubSeat{worker, a.Contact})
	n.mu.Unlock()
}

func (n *stubCalls) line(workspace, number string) {
	n.mu.Lock()
	n.lines[number] = workspace
	n.mu.Unlock()
}

// completed frees the agent of a Task.
func (n *stubCalls) completed(task string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.tasks[task]; c != nil {
		n.free[c.workspace] = append(n.free[c.workspace], c.seat)
		delete(n.tasks, c.task)
		delete(n.tasks, c.seat.worker)
	}
}

// reservations is what an agent has accepted.
func (n *stubCalls) reservations(worker string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.tasks[worker]; c != nil {
		return fmt.Sprintf(`{"reservations":[{"task_sid":%q}]}`, c.task)
	}
	return `{"reservations":[]}`
}

// stream is GET /dev/calls/changes.
func (n *stubCalls) stream(w http.ResponseWriter, r *http.Request) {
	connection, encoder := http.NewResponseController(w), json.NewEncoder(w)
	for told := 0; connection.Flush() == nil; {
		n.mu.Lock()
		news, changed := n.news[told:], n.changed
		n.mu.Unlock()
		for _, c := range news {
			if encoder.Encode(c) != nil {
				return
			}
		}
		if told += len(news); len(news) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// serve is POST below /dev.
func (n *stubCalls) serve(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	w.WriteHeader(http.StatusOK)
	switch {
	case len(parts) < 4 && parts[1] == "calls":
		c := call{SID: n.sidLocked("CA"), Direction: callInbound, To: r.PostForm.Get("To"), State: "answered", Listening: true}
		n.live[c.SID] = &stubCall{caller: c.SID, workspace: n.lines[c.To]}
		_ = json.NewEncoder(w).Encode(c)
		n.tellLocked(c)
	case len(parts) == 4:
		if c := n.live[parts[2]]; c != nil {
			n.actLocked(c, parts[3])
		}
	}
}

// actLocked is what a party does.
func (n *stubCalls) actLocked(c *stubCall, what string) {
	agent := func(state string, peers ...string) call {
		return call{SID: c.leg, Direction: "outbound-api", To: c.seat.contact, State: state, Bridged: len(peers) > 0, Peers: peers}
	}
	switch what {
	case "press":
		free := n.free[c.workspace]
		if len(free) == 0 {
			return
		}
		c.seat, n.free[c.workspace] = free[0], free[1:]
		c.leg, c.task = n.sidLocked("CA"), n.sidLocked("WT")
		n.live[c.leg], n.tasks[c.task], n.tasks[c.seat.worker] = c, c, c
		n.tellLocked(agent(callRinging))
	case "answer":
		n.tellLocked(agent("answered", c.caller))
	case "hangup":
		delete(n.live, c.caller)
		delete(n.live, c.leg)
		n.tellLocked(call{SID: c.caller, Direction: callInbound, State: callEnded})
		n.tellLocked(agent(callEnded))
	}
}
