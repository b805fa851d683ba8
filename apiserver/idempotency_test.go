package apiserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

const tokenHeader = "Idempotency-Key"

// clock is a clock to turn, for several goroutines.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Now().UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// mortal is a process that can die at either side of its work: what it has
// written stays, and nothing else happens.
type mortal struct {
	apiserver.Claims
	beforeWork, afterWork atomic.Bool
}

func (m *mortal) TakeClaim(ctx context.Context, c *taskrouter.Claim, expired time.Time) (*taskrouter.Claim, bool, error) {
	out, taken, err := m.Claims.TakeClaim(ctx, c, expired)
	if m.beforeWork.Swap(false) {
		panic(http.ErrAbortHandler)
	}
	return out, taken, err
}

func (m *mortal) AnswerClaim(ctx context.Context, c *taskrouter.Claim, a taskrouter.ClaimAnswer) error {
	if m.afterWork.Swap(false) {
		panic(http.ErrAbortHandler)
	}
	return m.Claims.AnswerClaim(ctx, c, a)
}

// patient is a Workspace behind a mortal process with a clock to turn.
type patient struct {
	*stack.Stack
	*mortal
	*clock
	t         *testing.T
	options   apiserver.Options
	workspace string
}

func newPatient(t *testing.T, change ...func(*apiserver.Options)) *patient {
	t.Helper()
	return newPatientOn(t, "", change...)
}

func newPatientOn(t *testing.T, database string, change ...func(*apiserver.Options)) *patient {
	t.Helper()
	p := &patient{mortal: &mortal{}, clock: newClock(), t: t}
	p.Stack = stack.StartOn(t, stack.Ground{DatabaseURL: database, Now: p.now}, append(change, func(o *apiserver.Options) {
		p.Claims, o.Claims = o.Claims, p.mortal
		p.options = *o
	})...)
	w := decoded(t, p.Do(p.Account, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"Support"}, "Template": {"FIFO"}}), 201)
	p.workspace = "/v1/Workspaces/" + w.text("sid")
	return p
}

// dies sends a request whose process dies before it answers.
func (p *patient) dies(path string, form url.Values, token string) {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	require.NoError(p.t, err)
	r.SetBasicAuth(p.Account.SID, p.Account.Token)
	r.Header.Set(tokenHeader, token)
	resp, err := (&http.Transport{}).RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	require.Error(p.t, err, "no answer")
}

func (p *patient) create(path string, form url.Values, token string) stack.Answer {
	p.t.Helper()
	return p.Do(p.Account, "POST", path, form, tokenHeader, token)
}

// creations is a valid form for each operation that creates something.
func (p *patient) creations() map[string]url.Values {
	p.t.Helper()
	flows := items(p.t, p.Do(p.Account, "GET", p.workspace+"/Workflows", nil))
	queues := items(p.t, p.Do(p.Account, "GET", p.workspace+"/TaskQueues", nil))
	return map[string]url.Values{
		"CreateWorkspace":   {"FriendlyName": {"Sales"}},
		"CreateActivity":    {"FriendlyName": {"Lunch"}},
		"CreateTask":        {"Attributes": {`{"a":1}`}},
		"CreateTaskChannel": {"FriendlyName": {"Mail"}, "UniqueName": {"mail"}},
		"CreateTaskQueue":   {"FriendlyName": {"Tax"}},
		"CreateWorker":      {"FriendlyName": {"Ann"}},
		"CreateWorkflow":    {"FriendlyName": {"Calls"}, "Configuration": {`{"task_routing":{"default_filter":{"queue":"` + queues[0].text("sid") + `"}}}`}},
		"CreateCallQueue":   {"FriendlyName": {"Line"}, "WorkflowSid": {flows[0].text("sid")}, "PhoneNumbers": {"+15550100"}},
	}
}

// eachCreation runs a test for every operation of the table that creates
// something, in a Workspace of its own. made lists what is new there.
func eachCreation(t *testing.T, test func(t *testing.T, p *patient, path string, form url.Values, made func() []string)) {
	n := 0
	for _, o := range apiserver.Operations() {
		if o.Method != http.MethodPost || !apiserver.Creates(o.ID) {
			continue
		}
		n++
		t.Run(o.ID, func(t *testing.T) {
			p := newPatient(t)
			if o.ID == "CreateNewKey" {
				path := "/2010-04-01/Accounts/" + p.Account.SID + "/Keys.json"
				refusal(t, p.create(path, url.Values{"FriendlyName": {"CI"}}, "t"), 400, 20001)
				require.Empty(t, decoded(t, p.Do(p.Account, "GET", path, nil), 200)["keys"])
				return
			}
			form := p.creations()[o.ID]
			require.NotNil(t, form, "a form for this operation is missing here")
			path := strings.ReplaceAll(o.Path, "/v1/Workspaces/:ws", p.workspace)
			require.NotContains(t, path, ":")
			there := func() []string { return values(items(t, p.Do(p.Account, "GET", path, nil)), "sid") }
			before := there()
			test(t, p, path, form, func() []string {
				return slices.DeleteFunc(there(), func(sid string) bool { return slices.Contains(before, sid) })
			})
		})
	}
	require.GreaterOrEqual(t, n, 9)
}

func TestRepeatedCreationsGetTheFirstAnswer(t *testing.T) {
	eachCreation(t, func(t *testing.T, p *patient, path string, form url.Values, made func() []string) {
		first := p.create(path, form, "t-1")
		require.Equal(t, 201, first.Status, "%s", first.Body)
		require.Empty(t, first.Header.Get("Idempotent-Replayed"))
		p.advance(time.Minute)
		again := p.create(path, form, "t-1")
		require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		require.Equal(t, 201, again.Status)
		require.Equal(t, string(first.Body), string(again.Body))
		for _, name := range []string{"Content-Type", "ETag"} {
			require.Equal(t, first.Header.Get(name), again.Header.Get(name), name)
		}
		require.Len(t, made(), 1)
	})
}

// TestCreationsSurviveTheDeathOfTheirProcess lets it die before the work, and
// after the commit and before the answer.
func TestCreationsSurviveTheDeathOfTheirProcess(t *testing.T) {
	eachCreation(t, func(t *testing.T, p *patient, path string, form url.Values, made func() []string) {
		p.beforeWork.Store(true)
		p.dies(path, form, "t-1")
		require.Empty(t, made())
		a := p.create(path, form, "t-1")
		refusal(t, a, 409, 20409)
		require.Equal(t, "1", a.Header.Get("Retry-After"))
		p.advance(time.Minute)
		p.afterWork.Store(true)
		p.dies(path, form, "t-1")
		require.Len(t, made(), 1)

		p.advance(time.Minute)
		// Another process takes the next request.
		other, err := apiserver.New(zap.NewNop(), p.options)
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.SetBasicAuth(p.Account.SID, p.Account.Token)
		r.Header.Set(tokenHeader, "t-1")
		w := httptest.NewRecorder()
		other.ServeHTTP(w, r)
		require.Equal(t, 201, w.Code, w.Body.String())
		require.Equal(t, "true", w.Header().Get("Idempotent-Replayed"))
		require.Len(t, made(), 1)

		again := p.create(path, form, "t-1")
		require.Equal(t, w.Body.String(), string(again.Body))
		require.Equal(t, []string{decoded(t, again, 201).text("sid")}, made())
	})
}

// TestRemovedCreationsAreNotMadeAgain shows the one case without a resource to
// answer with.
func TestRemovedCreationsAreNotMadeAgain(t *testing.T) {
	eachCreation(t, func(t *testing.T, p *patient, path string, form url.Values, made func() []string) {
		p.afterWork.Store(true)
		p.dies(path, form, "t-1")
		require.Len(t, made(), 1)
		a := p.Do(p.Account, "DELETE", path+"/"+made()[0], nil)
		require.Equal(t, 204, a.Status, "%s", a.Body)
		p.Sweep()
		p.advance(time.Minute)
		for range 2 {
			refusal(t, p.create(path, form, "t-1"), 410, 20410)
		}
		require.Empty(t, made())
	})
}

func TestConcurrentCreationsAreOne(t *testing.T) {
	eachCreation(t, func(t *testing.T, p *patient, path string, form url.Values, made func() []string) {
		answers := make([]stack.Answer, 12)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = p.create(path, form, "t-1") })
		}
		wg.Wait()
		require.Len(t, made(), 1)
		sids := map[string]bool{}
		for _, a := range answers {
			if a.Status == 409 {
				require.Equal(t, "1", a.Header.Get("Retry-After"))
				continue
			}
			sids[decoded(t, a, 201).text("sid")] = true
		}
		require.Len(t, sids, 1)
	})
}

// TestOverlappingCreationsAreOne holds claims for no time at all, so that
// requests with one token do their work at the same time.
func TestOverlappingCreationsAreOne(t *testing.T) {
	eachCreation(t, func(t *testing.T, p *patient, path string, form url.Values, made func() []string) {
		p.overlap(path, form)
		require.Len(t, made(), 1)
	})
	t.Run("postgres", func(t *testing.T) {
		p := newPatientOn(t, pgtest.Start(t))
		for operation, form := range p.creations() {
			path := map[string]string{
				"CreateWorkspace": "/v1/Workspaces", "CreateTask": p.workspace + "/Tasks", "CreateWorker": p.workspace + "/Workers",
				"CreateActivity": p.workspace + "/Activities",
			}[operation]
			if path != "" {
				before := len(items(t, p.Do(p.Account, "GET", path, nil)))
				p.overlap(path, form)
				require.Len(t, items(t, p.Do(p.Account, "GET", path, nil)), before+1, operation)
			}
		}
	})
}

// overlap sends requests with one token that all do their work.
func (p *patient) overlap(path string, form url.Values) {
	p.t.Helper()
	kept := p.mortal.Claims
	defer func() { p.mortal.Claims = kept }()
	p.mortal.Claims = &eager{Claims: kept}
	answers := make([]stack.Answer, 12)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = p.create(path, form, "t-1") })
	}
	wg.Wait()
	sids := map[string]bool{}
	for _, a := range answers {
		if a.Status != 409 {
			sids[decoded(p.t, a, 201).text("sid")] = true
		}
	}
	require.Len(p.t, sids, 1)
	for sid := range sids {
		p.requireAnnouncedOnce(path, sid)
	}
}

// requireAnnouncedOnce makes sure that the event log has one creation; those of
// CallQueues are not announced.
func (p *patient) requireAnnouncedOnce(path, sid string) {
	p.t.Helper()
	workspace := p.workspace
	if taskrouter.IsSID(taskrouter.PrefixWorkspace, sid) {
		workspace = path + "/" + sid
	}
	made := 0
	for _, e := range items(p.t, p.Do(p.Account, "GET", workspace+"/Events?PageSize=1000", nil)) {
		if e.text("resource_sid") == sid && strings.HasSuffix(e.text("event_type"), ".created") {
			made++
		}
	}
	require.LessOrEqual(p.t, made, 1)
}

// TestLateCreationsAreRefused lets a request do its work that took its claim
// before another one was done with it.
func TestLateCreationsAreRefused(t *testing.T) {
	eachCreation(t, func(t *testing.T, p *patient, path string, form url.Values, made func() []string) {
		p.mortal.Claims = late{p.Claims}
		first := decoded(t, p.create(path, form, "t-1"), 201)
		second := decoded(t, p.create(path, form, "t-1"), 201)
		require.Equal(t, first.text("sid"), second.text("sid"))
		require.Len(t, made(), 1)
		p.requireAnnouncedOnce(path, first.text("sid"))
	})
}

// late sees every claim as it was in the beginning.
type late struct{ apiserver.Claims }

func (l late) TakeClaim(ctx context.Context, c *taskrouter.Claim, expired time.Time) (*taskrouter.Claim, bool, error) {
	out, _, err := l.Claims.TakeClaim(ctx, c, expired)
	if out != nil {
		out.Done, out.Answer = false, nil
	}
	return out, true, err
}

// eager gives every claim free as soon as it is taken.
type eager struct{ apiserver.Claims }

func (e *eager) TakeClaim(ctx context.Context, c *taskrouter.Claim, expired time.Time) (*taskrouter.Claim, bool, error) {
	out, taken, err := e.Claims.TakeClaim(ctx, c, expired)
	if taken {
		_ = e.ReleaseClaim(ctx, out)
	}
	return out, taken, err
}

func TestIdempotencyTokens(t *testing.T) {
	p := newPatient(t)
	path := p.workspace + "/Tasks"
	form := func(n string) url.Values { return url.Values{"Attributes": {`{"n":` + n + `}`}, "Priority": {"1"}} }
	first := decoded(t, p.create(path, form("1"), "a"), 201).text("sid")

	t.Run("other parameters", func(t *testing.T) {
		refusal(t, p.create(path, form("2"), "a"), 422, 20422)
	})
	t.Run("other order of parameters", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader("Priority=1&Attributes="+url.QueryEscape(`{"n":1}`)))
		require.NoError(t, err)
		r.SetBasicAuth(p.Account.SID, p.Account.Token)
		r.Header.Set(tokenHeader, "a")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, first, decoded(t, p.Send(r), 201).text("sid"))
	})
	t.Run("the other header", func(t *testing.T) {
		a := p.Do(p.Account, "POST", path+"/", form("1"), "I-Twilio-Idempotency-Token", "a")
		require.Equal(t, first, decoded(t, a, 201).text("sid"), "and a trailing slash")
		a = p.Do(p.Account, "POST", path, form("1"), "I-Twilio-Idempotency-Token", "a", tokenHeader, "b")
		refusal(t, a, 400, 20001)
		a = p.Do(p.Account, "POST", path, form("1"), "I-Twilio-Idempotency-Token", "a", tokenHeader, "a")
		require.Equal(t, 201, a.Status)
	})
	t.Run("malformed", func(t *testing.T) {
		for _, token := range []string{"", "é", strings.Repeat("a", 256), "a\tb"} {
			refusal(t, p.create(path, form("1"), token), 400, 20001)
		}
		require.Equal(t, 201, p.create(path, form("1"), strings.Repeat("a", 255)).Status)
	})
	t.Run("another path", func(t *testing.T) {
		a := p.create(p.workspace+"/Activities", url.Values{"FriendlyName": {"A"}}, "a")
		require.Equal(t, 201, a.Status)
	})
	t.Run("another account", func(t *testing.T) {
		refusal(t, p.Do(p.Foreign, "POST", path, form("1"), tokenHeader, "a"), 404, 20404)
		one := decoded(t, p.Do(p.Account, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"W"}}, tokenHeader, "w"), 201)
		two := decoded(t, p.Do(p.Foreign, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"W"}}, tokenHeader, "w"), 201)
		require.NotEqual(t, one.text("sid"), two.text("sid"))
	})
	t.Run("updates ignore it", func(t *testing.T) {
		for _, n := range []string{"2", "3"} {
			decoded(t, p.create(path+"/"+first, url.Values{"Priority": {n}}, "a"), 200)
		}
	})
	t.Run("a refusal is not remembered", func(t *testing.T) {
		refusal(t, p.create(path, url.Values{"Attributes": {"no"}}, "c"), 400, 20001)
		require.Equal(t, 201, p.create(path, form("1"), "c").Status)
	})
	t.Run("a day later", func(t *testing.T) {
		p.advance(24 * time.Hour)
		require.Equal(t, first, decoded(t, p.create(path, form("1"), "a"), 201).text("sid"))
		p.advance(time.Microsecond)
		require.NotEqual(t, first, decoded(t, p.create(path, form("1"), "a"), 201).text("sid"))
	})
}

// flaky loses the answers of commits, or fails before them.
type flaky struct {
	apiserver.Dispatcher
	lost, failed atomic.Bool
}

func (f *flaky) CreateTask(ctx context.Context, n dispatch.NewTask) (*taskrouter.Task, error) {
	if f.failed.Swap(false) {
		return nil, taskrouter.Unavailable(context.DeadlineExceeded, "The database is not available")
	}
	task, err := f.Dispatcher.CreateTask(ctx, n)
	if f.lost.Swap(false) {
		return nil, taskrouter.Unavailable(context.DeadlineExceeded, "The database is not available")
	}
	return task, err
}

func TestErrorsOfOursAreNotRemembered(t *testing.T) {
	f := &flaky{}
	p := newPatient(t, func(o *apiserver.Options) { f.Dispatcher, o.Dispatcher = o.Dispatcher, f })
	path, form := p.workspace+"/Tasks", url.Values{"Attributes": {`{}`}}
	f.failed.Store(true)
	refusal(t, p.create(path, form, "a"), 503, 20503)
	require.Equal(t, 201, p.create(path, form, "a").Status, "at once")
	f.lost.Store(true)
	require.Equal(t, 201, p.create(path, form, "b").Status, "the commit is found although its answer was lost")
	require.Len(t, items(t, p.Do(p.Account, "GET", path, nil)), 2)
}
