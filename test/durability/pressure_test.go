package durability

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// arrivals is the time between two Tasks of REST clients, on average.
	arrivals = 400 * time.Millisecond
	// burst is how many arrive at once when the clock jumped forwards.
	burst = 20
	// creators is how many requests that create Tasks are made at a time.
	creators = 48
	// mostWaiting and mostCallers are how many Tasks, and calls among them, are
	// open before nobody joins them: where the machine is slow, the line must
	// not grow without end.
	mostWaiting = 60
	mostCallers = 8
	// mostRepeats is how many late repeats an agent's client keeps.
	mostRepeats = 8
)

// pressure is the load of the endurance test: that of the random kills, with
// applications that receive callbacks, clients that ask again until they are
// answered, repeat what they said before, and have a clock that jumps.
type pressure struct {
	*load
	clock               *clock
	events, assignments *receiver
	// flows are the Workflows of plain Tasks: with an assignment callback and
	// without.
	flows []string
	// waiting and callers are the open Tasks, and those of calls among them, as
	// far as was seen lately.
	waiting, callers atomic.Int64

	mu sync.Mutex
	// tasks has an entry for each idempotency token that was used: the Task it
	// was answered with, empty as long as it was not.
	tasks map[string]string
	// unanswered are the requests to create a Task that nobody answered yet.
	unanswered []*order
	// strange are answers that must not be given.
	strange []string
}

func newPressure(t *testing.T, w *workspace, seed int64) *pressure {
	t.Helper()
	p := &pressure{
		clock: &clock{}, tasks: map[string]string{},
		events: newReceiver(t, "Sid", nothing), assignments: newReceiver(t, "ReservationSid", instruction),
	}
	w.must(w.path, form("EventCallbackUrl", p.events.URL+"/events"))
	p.load = newLoad(w, seed)
	all, err := w.api().list(w.path+"/Workflows", "workflows")
	require.NoError(t, err)
	var config string
	for _, flow := range all {
		if config = flow.text("configuration"); flow.text("sid") != p.flow {
			// That of the calls: phones that nobody answers ring shorter.
			w.must(w.path+"/Workflows/"+flow.text("sid"), form("TaskReservationTimeout", "6"))
		}
	}
	made := w.must(w.path+"/Workflows", form("FriendlyName", "called", "Configuration", config,
		"TaskReservationTimeout", "8", "AssignmentCallbackUrl", p.assignments.URL+"/offer"))
	p.flows = []string{p.flow, made.text("sid")}
	return p
}

// start sets everybody to work.
func (p *pressure) start(t *testing.T) {
	p.running, p.stopRunning = context.WithCancel(context.Background())
	p.creating, p.stopCreates = context.WithCancel(p.running)
	t.Cleanup(p.stop)
	p.busy.Go(p.arrive)
	p.every(p.creating, 2*time.Second, 2, func(r *rand.Rand) error {
		if p.callers.Load() >= mostCallers {
			return nil
		}
		return p.placeCall(r)
	})
	p.every(p.creating, 500*time.Millisecond, 3, func(*rand.Rand) error { p.count(); return nil })
	for i, agent := range p.agents {
		a := &attendant{pressure: p, path: p.path + "/Workers/" + agent + "/Reservations", agent: agent}
		p.every(p.running, 150*time.Millisecond, uint64(10+i), a.attend)
	}
	for i, agent := range p.onPhone {
		p.every(p.running, time.Second, uint64(50+i), func(*rand.Rand) error { return p.comeBack(agent) })
	}
}

// count looks how long the line is, past the router. While the database is away
// it is as long as it was.
func (p *pressure) count() {
	_ = p.audit(p.creating, func(ctx context.Context, l *ledger) {
		for _, line := range l.rows(ctx, `SELECT count(*) || ' ' || count(*) FILTER (WHERE call_sid <> '') FROM tasks WHERE NOT is_ended`) {
			var waiting, callers int64
			if _, err := fmt.Sscan(line, &waiting, &callers); err != nil {
				l.broken("count: %w", err)
			}
			p.waiting.Store(waiting)
			p.callers.Store(callers)
		}
	})
}

// arrive lets Tasks arrive by the clock of the clients until creating ends.
func (p *pressure) arrive() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	room := make(chan struct{}, creators)
	due, n := p.clock.now(), 0
	for {
		select {
		case <-p.creating.Done():
			return
		case <-tick.C:
		}
		for range burst {
			if p.clock.now().Before(due) || p.waiting.Load() >= mostWaiting {
				break
			}
			r := rand.New(rand.NewPCG(uint64(p.seed), uint64(1000+n)))
			due = due.Add(span{0, 2 * arrivals}.pick(r))
			token := fmt.Sprintf("%d-%d", p.seed, n)
			n++
			select {
			case room <- struct{}{}:
			case <-p.creating.Done():
				return
			}
			p.busy.Go(func() {
				defer func() { <-room }()
				p.create(r, token)
			})
		}
		if now := p.clock.now(); now.After(due) {
			due = now // the rest of the crowd went elsewhere
		}
	}
}

// order is a request to create a Task, the same however often it is made.
type order struct {
	token string
	form  url.Values
}

// order makes up a request.
func (p *pressure) order(r *rand.Rand, token string) *order {
	o := &order{token, form("WorkflowSid", p.flows[r.IntN(len(p.flows))])}
	switch r.IntN(10) {
	case 0:
		o.form.Set("Timeout", "2")
	case 1:
		o.form.Set("Priority", "9")
	case 2, 3:
		o.form.Set("VirtualStartTime", p.clock.now().UTC().Format(time.RFC3339))
	}
	p.open(o)
	return o
}

// open notes that a request will be made. Its Task carries the token.
func (p *pressure) open(o *order) {
	o.form.Set("Attributes", fmt.Sprintf(`{"token":"%s"}`, o.token))
	p.note(o.token, "")
}

// create makes a Task and asks until there is an answer. Some clients ask once
// more although they were answered, and some change their minds.
func (p *pressure) create(r *rand.Rand, token string) {
	o := p.order(r, token)
	sid := p.insist(p.creating, o)
	if sid == "" {
		p.leave(o)
		return
	}
	switch r.IntN(10) {
	case 0, 1:
		if again := p.insist(p.creating, o); again != "" && again != sid {
			p.odd("token %s was answered with %s and with %s", o.token, sid, again)
		}
	case 2:
		_, _ = p.watch(p.api_.post(p.path+"/Tasks/"+sid, form("AssignmentStatus", "canceled", "Reason", "changed my mind")))
	}
}

// insist repeats a request until it is answered with a Task.
func (p *pressure) insist(ctx context.Context, o *order) string {
	for ctx.Err() == nil {
		made, err := p.watch(p.api_.once(o.token).post(p.path+"/Tasks", o.form))
		if err == nil {
			p.created.add(made.text("sid"))
			p.note(o.token, made.text("sid"))
			return made.text("sid")
		}
		var no *refused
		switch {
		case !errors.As(err, &no) || no.status == http.StatusConflict || no.status/100 != 4:
			pause(ctx, 300*time.Millisecond)
		case no.status == http.StatusBadRequest && o.form.Has("VirtualStartTime"):
			// The client's clock is ahead of the router's. This is another
			// request; the one that was refused must have made nothing.
			p.refuse(o.token)
			o.form.Del("VirtualStartTime")
			o.token += "-now"
			p.open(o)
		default:
			p.odd("token %s was refused: %v", o.token, no)
			return ""
		}
	}
	return ""
}

// refuse forgets a request that was refused: no Task may carry its token.
func (p *pressure) refuse(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tasks, token)
}

// note books the Task of a token.
func (p *pressure) note(token, sid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks[token] = sid
}

// leave keeps a request nobody answered in time; settle asks again.
func (p *pressure) leave(o *order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unanswered = append(p.unanswered, o)
}

// settle asks again until every request to create a Task was answered, or the
// context ends.
func (p *pressure) settle(ctx context.Context) {
	p.mu.Lock()
	open := p.unanswered
	p.unanswered = nil
	p.mu.Unlock()
	for _, o := range open {
		if p.insist(ctx, o) == "" {
			p.leave(o)
		}
	}
}

// suspect notes an answer that no request may get: outages are 503.
func (p *pressure) suspect(err error) {
	var no *refused
	if errors.As(err, &no) && no.status == http.StatusInternalServerError {
		p.odd("%v", no)
	}
}

// watch looks at an answer and passes it on.
func (p *pressure) watch(made record, err error) (record, error) {
	p.suspect(err)
	if err != nil {
		p.failures.add(err.Error())
	}
	return made, err
}

func (p *pressure) odd(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strange = append(p.strange, fmt.Sprintf(format, args...))
}

// told is the Task each token was answered with, and what must not be.
func (p *pressure) told() (tasks map[string]string, strange []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.tasks), slices.Clone(p.strange)
}

// setbacks counts the requests that failed, by the status of their answer.
func (p *pressure) setbacks() map[string]int {
	out := map[string]int{}
	for _, text := range p.failures.list() {
		kind, _, answered := strings.Cut(text, ":")
		if !answered || !strings.HasPrefix(kind, "status ") {
			kind = "no answer"
		}
		out[kind]++
	}
	return out
}

// attendant is the client of an agent: it looks at what is to be done, and
// repeats, late, what was done before.
type attendant struct {
	*pressure
	agent, path string
	turn        int
	said        []request
}

// request is one that was made, to be made again.
type request struct {
	path string
	form url.Values
}

func (a *attendant) attend(r *rand.Rand) error {
	a.turn++
	status := []string{"pending", "accepted", "pending", "accepted", "wrapping"}[a.turn%5]
	open, err := a.api_.list(a.path+"?ReservationStatus="+status, "reservations")
	if err != nil {
		a.suspect(err)
		return err
	}
	for _, x := range open {
		if q, ok := a.next(x, r); ok {
			_, _ = a.watch(a.api_.post(q.path, q.form))
			a.said = append(a.said, q)
			a.said = a.said[max(0, len(a.said)-mostRepeats):]
		}
	}
	if len(a.said) > 0 && r.IntN(10) == 0 {
		q := a.said[r.IntN(len(a.said))]
		_, _ = a.watch(a.api_.post(q.path, q.form))
	}
	if r.IntN(40) == 0 {
		return a.stretch(a.agent)
	}
	return nil
}

// next is what an agent does about a Reservation.
func (a *attendant) next(x record, r *rand.Rand) (request, bool) {
	task := a.pressure.path + "/Tasks/" + x.text("task_sid")
	switch x.text("reservation_status") {
	case "pending":
		answer := request{a.path + "/" + x.text("sid"), form("ReservationStatus", "accepted")}
		switch n := r.IntN(20); {
		case n < 15:
			return answer, true
		case n < 17:
			answer.form.Set("ReservationStatus", "rejected")
			return answer, true
		}
	case "accepted":
		if r.IntN(3) == 0 {
			return request{task, form("AssignmentStatus", "wrapping")}, true
		}
		return request{task, form("AssignmentStatus", "completed")}, true
	case "wrapping":
		return request{task, form("AssignmentStatus", "completed")}, true
	}
	return request{}, false
}
