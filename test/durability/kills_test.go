package durability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the kill test takes from the environment.
const (
	// killsEnv is how often the process is killed.
	killsEnv = "DURABILITY_KILLS"
	// seedEnv repeats the moments of an earlier run.
	seedEnv = "DURABILITY_SEED"
)

const (
	defaultKills = 15
	// shortKills is a sign of life, for a build that waits for this test.
	shortKills = 4
)

func number(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

// killPlan is when one life ends.
type killPlan struct {
	// Early kills count from the launch, the others from the moment it is ready.
	early bool
	after time.Duration
}

// schedule makes the moments of death from a seed: most lives are one to two
// seconds long, one in eight ends while it is still starting.
func schedule(seed int64, n int) []killPlan {
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	out := make([]killPlan, n)
	for i := range out {
		out[i] = killPlan{after: time.Second + time.Duration(r.Int64N(int64(time.Second)))}
		if r.IntN(8) == 0 {
			out[i] = killPlan{early: true, after: 50*time.Millisecond + time.Duration(r.Int64N(int64(1500*time.Millisecond)))}
		}
	}
	return out
}

// TestRandomKillsUnderLoad kills the process again and again while clients,
// agents and customers keep it busy. Afterwards every Task that was accepted
// has ended, and nothing that must always hold was ever broken.
func TestRandomKillsUnderLoad(t *testing.T) {
	otherwise := int64(defaultKills)
	if testing.Short() {
		otherwise = shortKills
	}
	kills := int(number(t, killsEnv, otherwise))
	t.Run("embedded", func(t *testing.T) { killAtRandom(t, newSystem(t), kills) })
	if !testing.Short() { // where it is short, the endurance test has them outside too
		t.Run("outside", func(t *testing.T) { killAtRandom(t, newOutside(t), (kills+2)/3) })
	}
}

func killAtRandom(t *testing.T, s *system, kills int) {
	seed := number(t, seedEnv, time.Now().UnixNano())
	t.Logf("%d kills; repeat with %s=%d", kills, seedEnv, seed)
	s.start()
	l := newLoad(newWorkspace(s), seed)
	l.start(t)
	for i, k := range schedule(seed, kills) {
		if k.early {
			s.kill()
			s.launch()
			pause(t.Context(), k.after)
		} else {
			pause(t.Context(), k.after)
		}
		s.kill()
		require.NoError(t, s.autopsy(t.Context()), "after kill %d", i+1)
		s.start()
	}
	l.close()
	until(t, 4*time.Minute, "every task ends", func() error {
		l.dismissCallers()
		return s.audit(t.Context(), atRest)
	})
	l.stop()
	s.rested(patience)
	s.judged()
	s.ringsOnce()

	ends, err := s.endings(t.Context())
	require.NoError(t, err)
	byEnd := map[string]int{}
	for _, end := range ends {
		byEnd[end]++
	}
	for _, sid := range l.accepted() {
		require.NotEmpty(t, ends[sid], "task %s was accepted and has no end", sid)
	}
	require.Greater(t, byEnd["completed"], kills, "too little load to prove anything")
	t.Logf("seed %d: %d kills, %d starts, slowest start %s; %d tasks answered 201, %d in the log, ends %v; %d calls, %d rings; %d refused requests",
		seed, kills, s.starts, slowest(s.startup), len(l.accepted()), len(ends), byEnd, l.placed.count(), l.rings(), l.failures.count())
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// names is a growing list.
type names struct {
	mu  sync.Mutex
	all []string
}

func (n *names) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, s)
}

func (n *names) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.all...)
}

func (n *names) count() int { return len(n.list()) }

// load keeps the router busy, whether it is there or not.
type load struct {
	*workspace
	flow, line string
	agents     []string
	onPhone    []string
	seed       int64
	api_       *api

	running, creating        context.Context
	stopRunning, stopCreates context.CancelFunc
	busy                     sync.WaitGroup
	created, placed          names
	failures                 names
}

const (
	clerks  = 6
	callers = 3
)

// newLoad makes clerks for plain Tasks, of which one has room for three, and
// telephonists for calls.
func newLoad(w *workspace, seed int64) *load {
	l := &load{workspace: w, seed: seed, line: "+15550300", api_: w.api()}
	queues := map[string]string{}
	for _, kind := range []string{"text", "call"} {
		queues[kind] = w.must(w.path+"/TaskQueues", form("FriendlyName", kind, "TargetWorkers", fmt.Sprintf("kind == '%s'", kind))).text("sid")
	}
	config := fmt.Sprintf(`{"task_routing":{"filters":[
		{"filter_friendly_name":"calls","expression":"cel:has(task.called)","targets":[{"queue":"%s"}]},
		{"filter_friendly_name":"texts","expression":"1 == 1","targets":[{"queue":"%s","timeout":3},{"queue":"%s","priority":5}]}]}}`,
		queues["call"], queues["text"], queues["text"])
	l.flow = w.must(w.path+"/Workflows", form("FriendlyName", "load", "Configuration", config, "TaskReservationTimeout", "30")).text("sid")
	quick := w.must(w.path+"/Workflows", form("FriendlyName", "texts", "Configuration", config, "TaskReservationTimeout", "3")).text("sid")
	for i := range clerks + callers {
		kind := "text"
		if i >= clerks {
			kind = "call"
		}
		sid := w.must(w.path+"/Workers", form("FriendlyName", fmt.Sprintf("%s%d", kind, i), "ActivitySid", w.activities["Available"],
			"Attributes", fmt.Sprintf(`{"kind":"%s","contact_uri":"client:%s%d"}`, kind, kind, i))).text("sid")
		if i < clerks {
			l.agents = append(l.agents, sid)
		} else {
			l.onPhone = append(l.onPhone, sid)
		}
		if i == 0 {
			w.must(w.path+"/Workers/"+sid+"/Channels/default", form("Capacity", "3"))
		}
	}
	w.must(w.path+"/CallQueues", form("FriendlyName", "load", "PhoneNumbers", l.line, "WorkflowSid", l.flow, "WrapUp", "1"))
	w.platform.phones("client:call*", "answer", 300*time.Millisecond, 700*time.Millisecond)
	w.platform.phones("client:call6", "no-answer", 0, 0)
	l.flow = quick
	return l
}

// start sets everybody to work.
func (l *load) start(t *testing.T) {
	l.running, l.stopRunning = context.WithCancel(context.Background())
	l.creating, l.stopCreates = context.WithCancel(l.running)
	t.Cleanup(l.stop)
	l.every(l.creating, 200*time.Millisecond, 1, l.createText)
	l.every(l.creating, 900*time.Millisecond, 2, l.placeCall)
	for i, agent := range l.agents {
		l.every(l.running, 100*time.Millisecond, uint64(10+i), func(r *rand.Rand) error { return l.serve(agent, r) })
	}
	for i, agent := range l.onPhone {
		l.every(l.running, time.Second, uint64(50+i), func(*rand.Rand) error { return l.comeBack(agent) })
	}
}

// every does something at intervals with its own random numbers; that the
// router is not there is to be expected.
func (l *load) every(ctx context.Context, interval time.Duration, stream uint64, do func(r *rand.Rand) error) {
	l.busy.Add(1)
	go func() {
		defer l.busy.Done()
		r := rand.New(rand.NewPCG(uint64(l.seed), stream))
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := do(r); err != nil {
					l.failures.add(err.Error())
				}
			}
		}
	}()
}

// close ends the inflow; stop ends everything.
func (l *load) close() { l.stopCreates() }

func (l *load) stop() {
	l.stopRunning()
	l.busy.Wait()
}

// accepted are the Tasks whose creation was answered with success.
func (l *load) accepted() []string { return l.created.list() }

func (l *load) createText(r *rand.Rand) error {
	f := form("WorkflowSid", l.flow, "Attributes", fmt.Sprintf(`{"n":%d}`, r.IntN(1000)))
	switch r.IntN(10) {
	case 0:
		f.Set("Timeout", "2")
	case 1:
		f.Set("Priority", "9")
	}
	made, err := l.api_.post(l.path+"/Tasks", f)
	if err != nil {
		return err
	}
	l.created.add(made.text("sid"))
	if r.IntN(20) == 0 {
		_, err = l.api_.post(l.path+"/Tasks/"+made.text("sid"), form("AssignmentStatus", "canceled"))
	}
	return err
}

func (l *load) placeCall(r *rand.Rand) error {
	sid := l.platform.call(fmt.Sprintf("+1555%07d", r.IntN(10_000_000)), l.line, l.listen)
	l.placed.add(sid)
	if r.IntN(4) == 0 { // some do not wait
		pause(l.running, time.Duration(r.Int64N(int64(2*time.Second))))
		_ = l.platform.act(sid, "hangup")
	}
	return nil
}

// serve does one thing an agent at a REST client may do next: takes an offer,
// declines it, lets it lapse, goes on with what was taken.
func (l *load) serve(agent string, r *rand.Rand) error {
	path := l.path + "/Workers/" + agent + "/Reservations"
	all, err := l.api_.list(path, "reservations")
	if err != nil {
		return err
	}
	for _, x := range all {
		f := form()
		task := l.path + "/Tasks/" + x.text("task_sid")
		switch x.text("reservation_status") {
		case "pending":
			switch n := r.IntN(20); {
			case n < 14:
				f.Set("ReservationStatus", "accepted")
			case n < 17:
				f.Set("ReservationStatus", "rejected")
			default:
				continue
			}
			_, err = l.api_.post(path+"/"+x.text("sid"), f)
		case "accepted":
			if r.IntN(3) == 0 {
				_, err = l.api_.post(task, form("AssignmentStatus", "wrapping"))
			} else {
				_, err = l.api_.post(task, form("AssignmentStatus", "completed"))
			}
		case "wrapping":
			_, err = l.api_.post(task, form("AssignmentStatus", "completed"))
		}
		var no *refused
		if err != nil && !errors.As(err, &no) {
			return err // the router is gone
		}
	}
	if r.IntN(40) == 0 {
		return l.stretch(agent)
	}
	return nil
}

// stretch lets an agent leave for a moment; a rejected offer may have moved
// them to an Activity in which they get no work.
func (l *load) stretch(agent string) error {
	for _, activity := range []string{"Unavailable", "Available"} {
		err := errors.New("not yet")
		for err != nil && l.running.Err() == nil {
			if _, err = l.api_.post(l.path+"/Workers/"+agent, form("ActivitySid", l.activities[activity])); err != nil {
				pause(l.running, 100*time.Millisecond)
			}
		}
	}
	return nil
}

// comeBack makes an agent available again whom an unanswered phone made
// unavailable.
func (l *load) comeBack(agent string) error {
	path := l.path + "/Workers/" + agent
	now := record{}
	if err := l.api_.get(path, &now); err != nil {
		return err
	}
	if now.text("activity_name") == "Available" {
		return nil
	}
	_, err := l.api_.post(path, form("ActivitySid", l.activities["Available"]))
	return err
}

// dismissCallers ends the calls of customers nobody talks to any more. Those
// who wait for an agent stay.
func (l *load) dismissCallers() {
	var all []record
	if err := l.platform.do(http.MethodGet, "/calls", nil, &all); err != nil {
		return
	}
	for _, c := range all {
		if c.text("state") != "ended" && c.text("direction") == "inbound" && c.text("room") == "" {
			_ = l.platform.act(c.text("call_sid"), "hangup")
		}
	}
}

// rings is how often an agent's phone was rung.
func (l *load) rings() int {
	placed, err := l.platform.placements()
	if err != nil {
		return -1
	}
	return len(placed)
}
