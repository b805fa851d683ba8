package callqueue_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

const (
	account   = "AC00000000000000000000000000000001"
	workspace = "WS00000000000000000000000000000001"
	cqSID     = "CQ00000000000000000000000000000001"
	firstTask = "WT00000000000000000000000000000001"
	nextTask  = "WT00000000000000000000000000000002"
	number    = "+15550100"
	callerNo  = "+15550999"
	callSID   = "CA000000000000000000000000000000aa"
	legSID    = "CA000000000000000000000000000000bb"
	attempt   = "WR00000000000000000000000000000001-1"
	public    = "https://router.example.com"
	token     = "0123456789abcdef"
)

// The dispatcher is what the package is written for.
var _ callqueue.Router = (*dispatch.Dispatcher)(nil)

// world is the router and its records in memory, with the promises the real
// ones make: commands are conditional, repeats change nothing.
type world struct {
	mu    sync.Mutex
	queue *taskrouter.CallQueue
	calls map[dispatch.CallRef]*taskrouter.Call
	legs  map[string]*taskrouter.Leg
	// failReads makes reads of Reservations fail.
	failReads bool
	// reservations are those of every Task.
	reservations []*taskrouter.Reservation
	// status is that of the call's Task.
	status  taskrouter.TaskStatus
	verdict dispatch.LegVerdict
	tasks   []dispatch.CallTask
	ended   []string
	facts   []dispatch.LegReport
	joined  []string
	reveals []int
	wanted  bool
	// fail is what the next command or read returns; failTask what making a
	// Task returns.
	fail, failTask error
	// writes counts commands.
	writes           int
	requireSignature bool
	tokens           []string
}

func newWorld(menu string) *world {
	return &world{
		queue: &taskrouter.CallQueue{
			SID: cqSID, AccountSID: account, WorkspaceSID: workspace, PhoneNumbers: []string{number}, Menu: menu,
			Backend: "main",
		},
		calls: map[dispatch.CallRef]*taskrouter.Call{}, legs: map[string]*taskrouter.Leg{},
		status: taskrouter.TaskPending, wanted: true, tokens: []string{token},
	}
}

func ref() dispatch.CallRef {
	return dispatch.CallRef{AccountSID: account, Backend: "main", CallSID: callSID}
}

// begin locks, and fails as the test asked for.
func (w *world) begin(ctx context.Context) (func(), error) {
	if w.fail != nil && w.fail == errSlow { //nolint:errorlint // our own value
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w.mu.Lock()
	if err := w.fail; err != nil {
		w.mu.Unlock()
		return nil, err
	}
	return w.mu.Unlock, nil
}

// errSlow makes every read and command last until the caller's patience ends.
var errSlow = taskrouter.Unavailable(nil, "slow")

func clone(c *taskrouter.Call) *taskrouter.Call {
	if c == nil {
		return nil
	}
	d := *c
	return &d
}

func (w *world) CallStarted(ctx context.Context, f dispatch.CallFacts) (*taskrouter.Call, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	w.writes++
	if w.calls[f.CallRef] == nil {
		w.calls[f.CallRef] = &taskrouter.Call{
			AccountSID: f.AccountSID, Backend: f.Backend, CallSID: f.CallSID, WorkspaceSID: f.WorkspaceSID,
			CallQueueSID: f.CallQueueSID, From: f.From, To: f.To, State: taskrouter.CallInMenu,
			MenuStep: f.FirstStep, Facts: f.Facts, MenuFacts: taskrouter.NoAttributes,
		}
	}
	return clone(w.calls[f.CallRef]), nil
}

func (w *world) MoveMenu(ctx context.Context, m dispatch.MenuMove) (*taskrouter.Call, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	w.writes++
	c := w.calls[m.CallRef]
	if c == nil {
		return nil, taskrouter.NotFoundf("no such call")
	}
	if c.State != taskrouter.CallInMenu || c.MenuStep != m.From {
		return clone(c), nil
	}
	if m.To == "" {
		c.MenuTries++
		return clone(c), nil
	}
	c.MenuStep, c.MenuTries = m.To, 0
	merged := map[string]any{}
	for k, v := range m.Facts {
		merged[k] = v
	}
	c.MenuFacts, err = c.MenuFacts.Merge(merged)
	return clone(c), err
}

func (w *world) CreateCallTask(ctx context.Context, t dispatch.CallTask) (*taskrouter.Call, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	w.writes++
	if w.failTask != nil {
		return nil, w.failTask
	}
	c := w.calls[t.CallRef]
	if c == nil {
		return nil, taskrouter.NotFoundf("no such call")
	}
	if c.State != taskrouter.CallInMenu || c.MenuStep != t.Step {
		return clone(c), nil
	}
	w.tasks = append(w.tasks, t)
	c.State, c.TaskSID, c.Room = taskrouter.CallWaiting, firstTask, firstTask
	return clone(c), nil
}

func (w *world) Call(ctx context.Context, r dispatch.CallRef) (*taskrouter.Call, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return clone(w.calls[r]), nil
}

func (w *world) CallEnded(ctx context.Context, r dispatch.CallRef, cause string) error {
	done, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	w.writes++
	c := w.calls[r]
	if c == nil {
		return taskrouter.NotFoundf("no such call")
	}
	if c.State != taskrouter.CallEnded {
		c.State, c.EndCause = taskrouter.CallEnded, cause
		w.ended = append(w.ended, cause)
	}
	return nil
}

func (w *world) LegFact(ctx context.Context, r dispatch.LegReport) error {
	done, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	w.writes++
	w.facts = append(w.facts, r)
	return nil
}

func (w *world) LegDocument(ctx context.Context, a, _ string) (dispatch.LegVerdict, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return dispatch.LegVerdict{}, err
	}
	defer done()
	w.writes++
	if w.verdict.Join != "" {
		w.status = taskrouter.TaskAssigned
		answered := *w.legs[a]
		answered.State, answered.AnsweredAt = taskrouter.LegAnswered, time.Unix(1_800_000_000, 0)
		w.legs[a] = &answered
	}
	return w.verdict, nil
}

func (w *world) JoinSeen(ctx context.Context, _, a string) (taskrouter.View, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return taskrouter.View{}, err
	}
	defer done()
	w.writes++
	w.joined = append(w.joined, a)
	return taskrouter.View{}, nil
}

func (w *world) View(ctx context.Context, ws, task string) (taskrouter.View, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return taskrouter.View{}, err
	}
	defer done()
	return taskrouter.View{WorkspaceSID: ws, TaskSID: task, Status: w.status, Removed: w.status == ""}, nil
}

func (w *world) CallQueueByNumber(ctx context.Context, acct, backend, n string) (*taskrouter.CallQueue, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if (acct != "" && acct != account) || backend != w.queue.Backend || !slices.Contains(w.queue.PhoneNumbers, n) {
		return nil, nil
	}
	return w.queue, nil
}

func (w *world) FetchLeg(ctx context.Context, a string) (*taskrouter.Leg, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return w.legs[a], nil
}

func (w *world) LegByCallSID(ctx context.Context, backend, sid string) (*taskrouter.Leg, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, l := range w.legs {
		if l.Backend == backend && slices.Contains(l.CallSIDs, sid) {
			return l, nil
		}
	}
	return nil, nil
}

func (w *world) TaskReservations(ctx context.Context, acct, ws string, tasks ...string) ([]*taskrouter.Reservation, error) {
	done, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if w.failReads {
		return nil, taskrouter.Unavailable(nil, "store is down")
	}
	var out []*taskrouter.Reservation
	for _, r := range w.reservations {
		if r.AccountSID == acct && r.WorkspaceSID == ws && slices.Contains(tasks, r.TaskSID) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *world) RequireSignature(context.Context, string) (bool, error) {
	return w.requireSignature, nil
}

func (w *world) SigningTokens(context.Context, string) ([]string, error) { return w.tokens, nil }

func (w *world) Reveal(_ context.Context, _, _ string, placement int, _ string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reveals = append(w.reveals, placement)
	return w.wanted, nil
}

func (w *world) call() *taskrouter.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return clone(w.calls[ref()])
}

// placeCall puts a call into a state without going through the webhooks.
func (w *world) placeCall(c taskrouter.Call) {
	c.AccountSID, c.Backend, c.CallSID, c.WorkspaceSID = account, "main", callSID, workspace
	c.From, c.To, c.CallQueueSID = callerNo, number, cqSID
	w.calls[ref()] = &c
}

func (w *world) placeLeg(l taskrouter.Leg) {
	l.Attempt, l.AccountSID, l.WorkspaceSID, l.Backend = attempt, account, workspace, "main"
	if l.TaskSID == "" {
		l.TaskSID = firstTask
	}
	l.CallSIDs = []string{legSID}
	w.legs[attempt] = &l
}

// handler serves the world on one platform.
func (w *world) handler(flavour voice.Flavour, change ...func(*callqueue.Options)) *callqueue.Handler {
	o := callqueue.Options{
		Router: w, Records: w, Accounts: w, Ledger: w, Validate: validate, PublicURL: public,
		Platforms: []callqueue.Platform{{Name: "main", Flavour: flavour, Default: true}},
		Budget:    100 * time.Millisecond, Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
	for _, f := range change {
		f(&o)
	}
	return callqueue.New(o)
}

// sign is the public signature scheme.
func sign(rawURL string, form url.Values, key string) string {
	mac := hmac.New(sha1.New, []byte(key))
	_, _ = mac.Write([]byte(rawURL))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, v := range form[name] {
			_, _ = mac.Write([]byte(name + v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func validate(rawURL string, form url.Values, key, signature string) bool {
	return hmac.Equal([]byte(sign(rawURL, form, key)), []byte(signature))
}

// params is a voice request of a caller as Twilio sends it; pairs are added.
func params(pairs ...string) url.Values {
	v := url.Values{
		"CallSid": {callSID}, "AccountSid": {"AC000000000000000000000000platform"}, "From": {callerNo}, "To": {number},
		"Caller": {callerNo}, "Called": {number}, "CallStatus": {"in-progress"}, "ApiVersion": {"2010-04-01"},
		"Direction": {"inbound"},
	}
	return with(v, pairs...)
}

// legParams is a request about the agent's leg.
func legParams(pairs ...string) url.Values {
	v := params("CallSid", legSID, "Direction", "outbound-api", "From", number, "To", "client:alice")
	return with(v, pairs...)
}

func with(v url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func request(path string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// post asks for a document that must be had.
func post(t *testing.T, h http.Handler, path string, form url.Values) string {
	t.Helper()
	rec := do(h, request(path, form))
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	require.Equal(t, "text/xml; charset=utf-8", rec.Header().Get("Content-Type"))
	return rec.Body.String()
}

// notify sends a notice that must be taken.
func notify(t *testing.T, h http.Handler, path string, form url.Values) {
	t.Helper()
	rec := do(h, request(path, form))
	require.Equal(t, http.StatusNoContent, rec.Code, rec.Body.String())
	require.Empty(t, rec.Body.String())
}

func attributesOf(t *testing.T, task dispatch.CallTask) map[string]any {
	t.Helper()
	b, err := json.Marshal(task.Attributes)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(b, &m))
	return m
}
