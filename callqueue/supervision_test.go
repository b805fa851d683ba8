package callqueue_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store/storetest"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	configuration "github.com/taskrouter/taskrouter/workspace"
)

// exchange is the real dispatcher and its store between the webhooks and a
// telephone network. It carries out what views ask for in place of the durable
// run.
type exchange struct {
	t       *testing.T
	d       *dispatch.Dispatcher
	net     *fake.Backend
	urls    callqueue.URLs
	account string
	ws      string

	work sync.WaitGroup
	mu   sync.Mutex
	done map[string]bool // what was begun of an attempt
}

func newExchange(t *testing.T) *exchange {
	x := &exchange{t: t, urls: callqueue.URLs{Public: public}, account: taskrouter.NewSID(taskrouter.PrefixAccount), done: map[string]bool{}}
	ctx := t.Context()
	db := storetest.Fresh(t)
	engine := rules.New(rules.Options{})
	x.d = dispatch.New(db, engine, x, zap.NewNop(), dispatch.Options{})
	config := configuration.New(x.d, db, engine, zap.NewNop(), configuration.Options{})
	accounts := newWorld("{}")
	h := callqueue.New(callqueue.Options{
		Router: x.d, Records: db, Accounts: accounts, Validate: validate, PublicURL: public,
		Platforms: []callqueue.Platform{{Name: "main", Flavour: voice.FlavourFake, Default: true}},
		Budget:    10 * time.Second, // the machine may be busy
	})
	x.net = fake.New(fake.Options{Name: "main", Fetcher: fake.HandlerFetcher(h)})
	t.Cleanup(func() {
		x.net.Close()
		require.NoError(t, x.d.Close(context.Background()))
		x.work.Wait()
	})

	now := time.Now()
	require.NoError(t, db.CreateAccount(ctx, &taskrouter.Account{
		SID: x.account, FriendlyName: "Acme", AuthTokenSealed: []byte("x"), CreatedAt: now, UpdatedAt: now,
	}))
	w, err := config.CreateWorkspace(ctx, configuration.NewWorkspace{Account: x.account, FriendlyName: "Support"})
	require.NoError(t, err)
	x.ws = w.SID
	q, err := config.CreateQueue(ctx, configuration.NewQueue{Account: x.account, WorkspaceSID: x.ws, FriendlyName: "Phones"})
	require.NoError(t, err)
	flow, err := config.CreateWorkflow(ctx, configuration.NewWorkflow{
		Account: x.account, WorkspaceSID: x.ws, FriendlyName: "Main", Configuration: `{"task_routing":{"default_filter":{"queue":"` + q.SID + `"}}}`,
	})
	require.NoError(t, err)
	_, err = config.CreateCallQueue(ctx, configuration.NewCallQueue{
		Account: x.account, WorkspaceSID: x.ws, FriendlyName: "Line", PhoneNumbers: []string{number}, WorkflowSID: flow.SID, Backend: "main",
	})
	require.NoError(t, err)
	available, err := config.CreateActivity(ctx, configuration.NewActivity{Account: x.account, WorkspaceSID: x.ws, FriendlyName: "At work", Available: true})
	require.NoError(t, err)
	_, err = x.d.CreateWorker(ctx, dispatch.NewWorker{
		AccountSID: x.account, WorkspaceSID: x.ws, FriendlyName: "Alice", ActivitySID: available.SID, Attributes: `{"contact_uri":"client:alice"}`,
	})
	require.NoError(t, err)
	return x
}

// Notify implements dispatch.Notifier.
func (x *exchange) Notify(_ context.Context, _ dispatch.Notice, v taskrouter.View) error {
	for _, l := range v.Legs {
		if l.Dial && x.first("dial "+l.Attempt) {
			x.work.Go(func() { x.dial(v.WorkspaceSID, l.Attempt) })
		}
		if l.HangUp && x.first("hang up "+l.Attempt) {
			x.work.Go(func() { x.hangUp(v.WorkspaceSID, l.Attempt) })
		}
	}
	return nil
}

func (x *exchange) first(what string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.done[what]
	x.done[what] = true
	return !was
}

// dial does what the durable run's activity does, twice: the first time its
// process is lost before it reports.
func (x *exchange) dial(ws, attempt string) {
	for _, report := range []bool{false, true} {
		o, err := x.d.BeginDial(context.Background(), ws, attempt)
		if err != nil || !o.Proceed {
			return // a notice told of the leg already, or the conversation is over
		}
		l := o.Leg
		res, err := x.net.Dial(context.Background(), voice.DialRequest{
			Attempt: l.Attempt, To: l.To, From: l.From, Timeout: l.RingTimeout,
			AnswerURL: x.urls.LegAnswer(l.Attempt), StatusURL: x.urls.LegStatus(l.Attempt), FallbackURL: x.urls.Fallback(),
		})
		if err != nil || !report {
			continue
		}
		_, _ = x.d.DialReported(context.Background(), ws, dispatch.DialReport{Attempt: attempt, CallSIDs: res.CallSIDs, Outcome: dispatch.DialPlaced})
	}
}

func (x *exchange) hangUp(ws, attempt string) {
	_ = x.net.Hangup(context.Background(), voice.CallRef{Attempt: attempt}, voice.HangupNormal)
	_, _ = x.d.LegHungUp(context.Background(), ws, attempt)
}

// await waits for a call to a party, or of a caller's number.
func (x *exchange) await(party string, holds func(fake.CallSnapshot) bool) (got fake.CallSnapshot) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(x.t, x.net.Wait(ctx, func(calls []fake.CallSnapshot) bool {
		i := slices.IndexFunc(calls, func(c fake.CallSnapshot) bool {
			return (c.To == party || c.CallSID == party) && holds(c)
		})
		if i >= 0 {
			got = calls[i]
		}
		return i >= 0
	}), party)
	return got
}

func (x *exchange) pickUp(party string) string {
	x.t.Helper()
	sid := x.await(party, func(c fake.CallSnapshot) bool { return c.State == voice.Ringing.String() }).CallSID
	require.NoError(x.t, x.net.Answer(sid))
	return sid
}

// calls counts the calls that were ever made to a party.
func (x *exchange) calls(party string) (n int) {
	for _, c := range x.net.Calls() {
		if c.To == party {
			n++
		}
	}
	return n
}

// talk connects a caller with Alice.
func (x *exchange) talk() (caller, agent, task, reservation string) {
	x.t.Helper()
	caller = x.net.PlaceCall(callerNo, number, x.urls.Entry(), x.urls.Status())
	agent = x.pickUp("client:alice")
	x.await(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	call, err := x.d.Call(x.t.Context(), dispatch.CallRef{AccountSID: x.account, Backend: "main", CallSID: caller})
	require.NoError(x.t, err)
	v := x.view(call.TaskSID)
	require.Len(x.t, v.Offers, 1)
	return caller, agent, call.TaskSID, v.Offers[0].ReservationSID
}

func (x *exchange) view(task string) taskrouter.View {
	x.t.Helper()
	v, err := x.d.View(x.t.Context(), x.ws, task)
	require.NoError(x.t, err)
	return v
}

func (x *exchange) supervise(reservation, supervisor string, mode taskrouter.SupervisorMode) {
	x.t.Helper()
	r, err := x.d.UpdateReservation(x.t.Context(), dispatch.ReservationUpdate{
		Subject: dispatch.Subject{AccountSID: x.account, WorkspaceSID: x.ws, SID: reservation},
		Instruction: &taskrouter.Instruction{Kind: taskrouter.InstructSupervise, Params: map[string]string{
			"supervisor": supervisor, "supervisor_mode": string(mode), "from": number,
		}},
	})
	require.NoError(x.t, err)
	require.Equal(x.t, taskrouter.ReservationAccepted, r.Status)
}

// legs counts the legs of a Task that have not ended.
func (x *exchange) legs(task string, n int) {
	x.t.Helper()
	require.Eventually(x.t, func() bool { return len(x.view(task).Legs) == n }, 30*time.Second, 5*time.Millisecond)
}

// A supervisor joins a conversation through the real dispatcher and is heard by
// those the mode says; whoever comes or goes, the conversation is the agent's.
func TestSupervisorsJourney(t *testing.T) {
	for mode, heardBy := range map[taskrouter.SupervisorMode]string{
		taskrouter.SuperviseMonitor: "", taskrouter.SuperviseWhisper: "agent", taskrouter.SuperviseBarge: "caller agent",
	} {
		t.Run(string(mode), func(t *testing.T) {
			x := newExchange(t)
			caller, agent, task, reservation := x.talk()
			x.supervise(reservation, "client:chief", mode)
			chief := x.pickUp("client:chief")
			c := x.await(chief, func(c fake.CallSnapshot) bool { return c.Room == task })
			require.ElementsMatch(t, []string{caller, agent}, c.Hears)
			for who, sid := range map[string]string{"caller": caller, "agent": agent} {
				c, _ := x.net.Call(sid)
				require.Equal(t, strings.Contains(heardBy, who), slices.Contains(c.Hears, chief), who)
				require.True(t, c.Bridged)
			}
			x.supervise(reservation, "client:chief", mode)
			require.Equal(t, 1, x.calls("client:chief"), "nobody is called twice")

			// One who is busy and one who goes change nothing.
			x.supervise(reservation, "client:busy", mode)
			busy := x.await("client:busy", func(c fake.CallSnapshot) bool { return c.State == voice.Ringing.String() }).CallSID
			require.NoError(t, x.net.Busy(busy))
			x.legs(task, 2)
			require.NoError(t, x.net.HangUp(chief))
			x.legs(task, 1)
			require.Equal(t, taskrouter.TaskAssigned, x.view(task).Status)
			c, _ = x.net.Call(caller)
			require.True(t, c.Bridged)

			// Back again, and still ringing elsewhere, when the agent hangs up.
			x.supervise(reservation, "client:chief", mode)
			chief = x.pickUp("client:chief")
			x.await(chief, func(c fake.CallSnapshot) bool { return c.Room == task })
			x.supervise(reservation, "client:late", mode)
			late := x.await("client:late", func(c fake.CallSnapshot) bool { return c.State == voice.Ringing.String() }).CallSID
			require.NoError(t, x.net.HangUp(agent))
			for _, sid := range []string{chief, late, caller} {
				x.await(sid, over)
			}
			x.legs(task, 0)
			require.Equal(t, taskrouter.TaskWrapping, x.view(task).Status)
		})
	}
}
