package apiserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// heldDispatcher lets creations of Tasks through one by one, and everything else at once.
type heldDispatcher struct {
	apiserver.Dispatcher
	next chan struct{}
}

func (d heldDispatcher) CreateTask(ctx context.Context, n dispatch.NewTask) (*taskrouter.Task, error) {
	select {
	case <-d.next:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return d.Dispatcher.CreateTask(ctx, n)
}

// tally counts refusals.
type tally struct {
	mu sync.Mutex
	n  map[admission.Reason]int
}

func (c *tally) refused(r admission.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[admission.Reason]int{}
	}
	c.n[r]++
}

func (c *tally) count(r admission.Reason) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[r]
}

// eventually waits for a condition, however busy the machine is.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 2*time.Minute, 2*time.Millisecond, what)
}

// crowd sends requests from goroutines and keeps the answers.
type crowd struct {
	s       *stack.Stack
	wg      sync.WaitGroup
	mu      sync.Mutex
	answers []stack.Answer
	faults  []error
}

func (c *crowd) post(ctx context.Context, path string, form url.Values) {
	c.wg.Go(func() {
		c.keep(posted(ctx, c.s, path, form))
	})
}

func (c *crowd) keep(a stack.Answer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.faults = append(c.faults, err)
		return
	}
	c.answers = append(c.answers, a)
}

// posted sends a form without a time limit of its own.
func posted(ctx context.Context, s *stack.Stack, path string, form url.Values) (a stack.Answer, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	r.SetBasicAuth(s.Account.SID, s.Account.Token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	a.Status, a.Header = resp.StatusCode, resp.Header
	var body json.RawMessage
	err = json.NewDecoder(resp.Body).Decode(&body)
	a.Body = body
	return a, err
}

func (c *crowd) with(status int) (out []stack.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.answers {
		if a.Status == status {
			out = append(out, a)
		}
	}
	return out
}

// TestBeyondCapacity offers five times what fits. As many as fit are in work and
// in line; all others are refused at once. There are places left for agents'
// answers, and nobody else notices. What was accepted is done.
func TestBeyondCapacity(t *testing.T) {
	const limit, kept, room = 8, 2, 32
	const fits = limit - kept + room
	door := admission.New(admission.Options{Writes: limit, Patience: time.Hour})
	refusals, next := &tally{}, make(chan struct{})
	f := furnishedOn(t, stack.Ground{}, func(o *apiserver.Options) {
		o.Admission, o.Refused, o.Timeout = door, refusals.refused, time.Hour
		o.Voice = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	}, func(o *apiserver.Options) {
		// The fixture's own Task is let through.
		o.Dispatcher = heldDispatcher{o.Dispatcher, next}
		go func() { next <- struct{}{} }()
	})
	c := &crowd{s: f.Stack}
	for i := range 5 * fits {
		c.post(t.Context(), f.workspace+"/Tasks", url.Values{"Attributes": {fmt.Sprintf(`{"topic":"tax","n":%d}`, i)}})
	}
	const refused = 4 * fits
	eventually(t, "all others are refused", func() bool { return len(c.with(503)) == refused })
	inside, waiting := door.Load(admission.Write)
	require.Equal(t, [2]int{limit - kept, room}, [2]int{inside, waiting})
	for _, a := range c.with(503) {
		refusal(t, a, 503, 20503)
		require.Equal(t, "2", a.Header.Get("Retry-After"))
	}
	require.Equal(t, refused, refusals.count(admission.BusyWrites))

	require.Len(t, f.list(f.workspace+"/Tasks", nil), 1, "reading has its own room")
	require.Equal(t, 200, f.Do(stack.Credentials{}, "GET", "/healthz", nil).Status)
	require.Equal(t, 200, f.Do(stack.Credentials{}, "GET", "/readyz", nil).Status)
	require.Equal(t, 204, f.Do(stack.Credentials{}, "POST", "/callqueue/callback", nil).Status, "callers are let in")

	agents := &crowd{s: f.Stack}
	agents.post(t.Context(), f.reservation, url.Values{"ReservationStatus": {"accepted"}})
	eventually(t, "the agent has a place", func() bool { return len(agents.with(200)) == 1 })
	next <- struct{}{}
	eventually(t, "one task is created, and another one follows it in", func() bool {
		inside, waiting := door.Load(admission.Write)
		return len(c.with(201)) == 1 && inside == limit-kept && waiting == room-1
	})

	close(next)
	c.wg.Wait()
	agents.wg.Wait()
	require.Empty(t, c.faults)
	require.Len(t, c.with(503), refused)
	require.Len(t, c.with(201), fits, "what was accepted is done")
	for _, a := range c.with(201) {
		require.Equal(t, "pending", f.get(f.workspace+"/Tasks/"+decoded(t, a, 201).text("sid")).text("assignment_status"))
	}
	require.Len(t, f.list(f.workspace+"/Tasks", url.Values{"PageSize": {"1000"}}), fits+1, "and nothing else")
	inside, waiting = door.Load(admission.Write)
	require.Equal(t, [2]int{}, [2]int{inside, waiting})
	require.Equal(t, "assigned", f.get(f.task).text("assignment_status"))
}

// crowdedDispatcher notes how many changes are in work at a time.
type crowdedDispatcher struct {
	apiserver.Dispatcher
	door *admission.Door

	inside, most, mostWaiting atomic.Int64
}

func (d *crowdedDispatcher) enter() (leave func()) {
	raise(&d.most, d.inside.Add(1))
	_, waiting := d.door.Load(admission.Write)
	raise(&d.mostWaiting, int64(waiting))
	return func() { d.inside.Add(-1) }
}

func raise(most *atomic.Int64, n int64) {
	for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
	}
}

func (d *crowdedDispatcher) CreateTask(ctx context.Context, n dispatch.NewTask) (*taskrouter.Task, error) {
	defer d.enter()()
	return d.Dispatcher.CreateTask(ctx, n)
}

func (d *crowdedDispatcher) UpdateReservation(ctx context.Context, u dispatch.ReservationUpdate) (*taskrouter.Reservation, error) {
	defer d.enter()()
	return d.Dispatcher.UpdateReservation(ctx, u)
}

// TestStorm lets everything run: far more clients than fit create Tasks as fast
// as they can, while an agent works. What is answered with success is there, and
// nothing else; the agent is never refused.
func TestStorm(t *testing.T) {
	const limit, room, clients, each, rounds = 4, 16, 100, 5, 15
	door := admission.New(admission.Options{Writes: limit, Patience: time.Hour})
	refusals, d := &tally{}, &crowdedDispatcher{door: door}
	f := furnishedOn(t, stack.Ground{}, func(o *apiserver.Options) {
		o.Admission, o.Refused, o.Timeout = door, refusals.refused, time.Hour
		d.Dispatcher = o.Dispatcher
		o.Dispatcher = d
	})
	c := &crowd{s: f.Stack}
	var created sync.WaitGroup
	for range clients {
		created.Go(func() {
			for range each {
				a, err := posted(t.Context(), f.Stack, f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
				c.keep(a, err)
			}
		})
	}
	answered := 0
	for range rounds {
		var offers []object
		eventually(t, "the agent is offered the next task", func() bool {
			offers = f.list(f.worker+"/Reservations", url.Values{"ReservationStatus": {"pending"}})
			return len(offers) > 0
		})
		for _, to := range []string{"accepted", "completed"} {
			a, err := posted(t.Context(), f.Stack, f.worker+"/Reservations/"+offers[0].text("sid"), url.Values{"ReservationStatus": {to}})
			require.NoError(t, err)
			require.Equal(t, 200, a.Status, "%s", a.Body)
			answered++
		}
	}
	created.Wait()
	require.Empty(t, c.faults)
	require.Equal(t, 2*rounds, answered)
	accepted, refused := c.with(201), c.with(503)
	require.Len(t, append(accepted, refused...), clients*each, "every answer is one of both")
	require.Equal(t, len(refused), refusals.count(admission.BusyWrites))
	sids := map[string]bool{sidOf(f.task): true}
	for _, a := range accepted {
		sids[decoded(t, a, 201).text("sid")] = true
	}
	listed := f.list(f.workspace+"/Tasks", url.Values{"PageSize": {"1000"}})
	require.Len(t, listed, len(sids))
	for _, o := range listed {
		require.True(t, sids[o.text("sid")])
	}
	require.LessOrEqual(t, d.most.Load(), int64(limit))
	require.LessOrEqual(t, d.mostWaiting.Load(), int64(room))
	t.Logf("%d of %d created; %d in work and %d waiting at most", len(accepted), clients*each, d.most.Load(), d.mostWaiting.Load())
}

// TestWaitsAreShort: who is not let in within a moment is refused, on every path
// of the API and nowhere else.
func TestWaitsAreShort(t *testing.T) {
	door := admission.New(admission.Options{Writes: 1, Reads: 1, Explanations: 1, Authentications: 1, Queries: 1, Patience: time.Millisecond})
	refusals := &tally{}
	f := furnishedOn(t, stack.Ground{}, func(o *apiserver.Options) { o.Admission, o.Refused = door, refusals.refused })
	for _, tc := range []struct {
		kind         admission.Kind
		reason       admission.Reason
		method, path string
	}{
		{admission.Read, admission.BusyReads, "GET", f.task},
		{admission.Read, admission.BusyReads, "POST", f.workspace + "/TaskQueues/RealTimeStatistics"},
		{admission.Query, admission.BusyDatabase, "GET", f.task},
		{admission.Query, admission.BusyDatabase, "GET", f.task + "/Explain"},
		{admission.Write, admission.BusyWrites, "POST", f.task},
		{admission.Write, admission.BusyWrites, "DELETE", f.task},
		{admission.Explain, admission.BusyExplanations, "GET", f.task + "/Explain"},
		{admission.Explain, admission.BusyExplanations, "POST", f.workflow + "/Evaluate"},
		{admission.Authenticate, admission.BusyAuthentications, "GET", f.workspace},
		{admission.Authenticate, admission.BusyAuthentications, "GET", "/v1/Nowhere"},
	} {
		leave, err := door.Enter(t.Context(), tc.kind, admission.Change)
		require.NoError(t, err)
		before := refusals.count(tc.reason)
		a := f.Do(f.Account, tc.method, tc.path, nil)
		refusal(t, a, 503, 20503)
		require.NotEmpty(t, a.Header.Get("Retry-After"))
		require.Equal(t, before+1, refusals.count(tc.reason), tc.path)
		require.Equal(t, 200, f.Do(stack.Credentials{}, "GET", "/healthz", nil).Status)
		leave()
	}
	require.Equal(t, 200, f.Do(f.Account, "GET", f.task, nil).Status)
}

// TestPlacesAreGivenBack: whatever becomes of a request, a panic included.
func TestPlacesAreGivenBack(t *testing.T) {
	door := admission.New(admission.Options{Writes: 1, Reads: 1, Explanations: 1, Authentications: 1, Queries: 1, Everybody: admission.Limits{Concurrent: 1}})
	reader := &brokenReader{}
	s := stack.Start(t, func(o *apiserver.Options) {
		o.Admission, reader.Reader = door, o.Reader
		o.Reader = reader
	})
	for range 3 {
		refusal(t, s.Do(s.Account, "GET", "/v1/Workspaces", nil), 500, 20500)
		refusal(t, s.Do(s.Foreign, "GET", "/v1/Workspaces", nil), 500, 20500)
		refusal(t, s.Do(stack.Credentials{SID: "x", Token: "y"}, "GET", "/v1/Workspaces", nil), 401, 20003)
		refusal(t, s.Do(s.Account, "POST", "/v1/Workspaces/WS1/Tasks", nil), 404, 20404)
	}
	for _, k := range []admission.Kind{admission.Write, admission.Read, admission.Explain, admission.Authenticate, admission.Query} {
		eventually(t, "the last answer may be on its way", func() bool {
			inside, waiting := door.Load(k)
			return inside == 0 && waiting == 0
		})
	}
}

// TestTricklingBodies: a client that announces a body and does not send it is
// let go, and its place is free again.
func TestTricklingBodies(t *testing.T) {
	door := admission.New(admission.Options{Writes: 1})
	s, w := workspaceOf(t, func(o *apiserver.Options) { o.Admission, o.Timeout = door, time.Second })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	head, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+w+"/Activities", nil)
	require.NoError(t, err)
	head.SetBasicAuth(s.Account.SID, s.Account.Token)
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 100\r\n\r\nFriendlyName=", head.URL.Path, head.Header.Get("Authorization"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*time.Minute)))
	answer, err := http.ReadResponse(bufio.NewReader(conn), head)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.GreaterOrEqual(t, answer.StatusCode, 400)
	eventually(t, "its place is free", func() bool {
		inside, waiting := door.Load(admission.Write)
		return inside == 0 && waiting == 0
	})
}

func TestAccountLimits(t *testing.T) {
	refusals, at := &tally{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var everybody admission.Options
	everybody.Everybody, everybody.Now = admission.Limits{PerSecond: 2}, func() time.Time { return at }
	s := stack.Start(t, func(o *apiserver.Options) { o.Admission, o.Refused = admission.New(everybody), refusals.refused })
	require.Equal(t, 200, s.Do(s.Account, "GET", "/v1/Workspaces", nil).Status)
	require.Equal(t, 201, s.Do(s.Account, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"A"}}).Status)
	for _, method := range []string{"GET", "POST", "GET"} {
		a := s.Do(s.Account, method, "/v1/Workspaces", nil)
		refusal(t, a, 429, 20429)
		require.Equal(t, "1", a.Header.Get("Retry-After"))
	}
	require.Equal(t, 3, refusals.count(admission.AccountRate))
	require.Equal(t, 200, s.Do(s.Foreign, "GET", "/v1/Workspaces", nil).Status, "others are not touched")
}

// TestWaitingTasksAreLimited: as many Tasks of an account wait as it may have;
// what agents take makes room.
func TestWaitingTasksAreLimited(t *testing.T) {
	var mu sync.Mutex
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
	var count admission.CountWaiting
	refusals := &tally{}
	f := furnishedOn(t, stack.Ground{}, func(o *apiserver.Options) {
		o.Refused = refusals.refused
		o.Admission = admission.New(admission.Options{
			Everybody: admission.Limits{Waiting: 3}, Now: now,
			CountWaiting: func(ctx context.Context, account string) (int, error) { return count(ctx, account) },
		})
		// The store is the reader.
		counter, ok := o.Reader.(interface {
			CountWaiting(ctx context.Context, accountSID string) (int, error)
		})
		require.True(t, ok)
		count = counter.CountWaiting
	})
	c := &crowd{s: f.Stack}
	for range 15 {
		c.post(t.Context(), f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
	}
	c.wg.Wait()
	require.Empty(t, c.faults)
	// The fixture's Task was created within the same second and is offered: until
	// the next count it is taken for one that waits.
	require.Len(t, c.with(201), 2)
	require.Len(t, c.with(429), 13)
	for _, a := range c.with(429) {
		refusal(t, a, 429, 20429)
		require.Equal(t, "5", a.Header.Get("Retry-After"))
	}
	require.Equal(t, 13, refusals.count(admission.AccountWaiting))
	require.Equal(t, 200, f.Do(f.Account, "POST", f.reservation, url.Values{"ReservationStatus": {"accepted"}}).Status, "agents go on")

	mu.Lock()
	at = at.Add(time.Second)
	mu.Unlock()
	create := func() stack.Answer {
		return f.Do(f.Account, "POST", f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
	}
	require.Equal(t, 201, create().Status)
	refusal(t, create(), 429, 20429)
	require.Len(t, f.list(f.workspace+"/Tasks", url.Values{"AssignmentStatus": {"pending"}}), 3)
}

// overloadedDispatcher has a Workspace whose commands wait for too long.
type overloadedDispatcher struct{ apiserver.Dispatcher }

func (overloadedDispatcher) CreateTask(context.Context, dispatch.NewTask) (*taskrouter.Task, error) {
	return nil, dispatch.ErrOverloaded
}

func TestRefusalsOfTheDispatcher(t *testing.T) {
	refusals, over := &tally{}, false
	s, w := workspaceOf(t, func(o *apiserver.Options) {
		o.Refused, o.Overloaded = refusals.refused, func() bool { return over }
		o.Dispatcher = overloadedDispatcher{o.Dispatcher}
	})
	create := func() stack.Answer {
		return s.Do(s.Account, "POST", w+"/Tasks", url.Values{}, "Idempotency-Key", "a")
	}
	refusal(t, create(), 503, 20503)
	require.Equal(t, 1, refusals.count(admission.LongQueue))
	over = true
	a := create()
	refusal(t, a, 503, 20503)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.Equal(t, 1, refusals.count(admission.Backlog), "the token is free for the next try")
}
