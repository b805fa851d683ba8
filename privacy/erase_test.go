package privacy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/privacy"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

const (
	phone = "+15555550123"
	// name stands beside the number and must go with it.
	name = "Zaphod"
	// bystander is somebody else.
	bystander = "+15555550999"
)

func (w *world) erase(change func(o *privacy.EraseOptions)) (*privacy.Erased, error) {
	w.t.Helper()
	o := privacy.EraseOptions{WorkspaceSID: w.ws, Attribute: "customer.phone", Value: phone}
	if change != nil {
		change(&o)
	}
	return privacy.Erase(w.t.Context(), w.st, w.d, o)
}

func live(o *privacy.EraseOptions) { o.IncludeLive = true }

func about(number, lang string) string {
	return `{"customer":{"phone":"` + number + `","name":"` + name + `"},"lang":"` + lang + `"}`
}

func (w *world) call(sid, task, from string, ended bool) *taskrouter.Call {
	c := &taskrouter.Call{
		AccountSID: w.account, WorkspaceSID: w.ws, Backend: "fake", CallSID: sid, TaskSID: task, From: from, To: "+15555550001",
		State: taskrouter.CallWaiting, MenuFacts: `{"digits":"` + phone + `"}`, Facts: `{"from":"` + phone + `","caller_name":"` + name + `"}`,
	}
	if ended {
		c.State, c.EndedAt = taskrouter.CallEnded, w.clock.now()
	}
	return c
}

// TestErase puts a person wherever something about people is stored, forgets
// them, and looks through all tables for what is left.
func TestErase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		gone := w.task(about(phone, "en")) // done, and its row is gone
		w.finish(gone)
		formerly := w.task(about(phone, "en")) // changed before it was done
		w.rewrite(formerly, `{"lang":"en"}`)
		w.finish(formerly)
		w.pass(10 * time.Minute)
		require.Nil(t, w.fetch(gone))

		done := w.task(about(phone, "en"))
		reservation := w.finish(done)
		waiting := w.task(about(phone, "ja")) // stands for those who want the same
		second := w.task(`{"customer":{"phone":"` + bystander + `"},"lang":"ja"}`)
		w.remember(done)
		r, err := w.st.FetchReservation(ctx, w.account, w.ws, reservation)
		require.NoError(t, err)
		r.Instruction = &taskrouter.Instruction{Kind: taskrouter.InstructDequeue, Params: map[string]string{"from": phone}}
		leg := &taskrouter.Leg{
			Attempt: reservation + "-1", AccountSID: w.account, WorkspaceSID: w.ws, TaskSID: done, ReservationSID: reservation, WorkerSID: w.agent,
			Backend: "fake", State: taskrouter.LegEnded, To: "+15555550002", From: phone,
		}
		_, _, err = w.st.BeginDialAttempt(ctx, &store.DialAttempt{Backend: "fake", ID: leg.Attempt, To: leg.To, From: phone})
		require.NoError(t, err)
		w.apply(&dispatch.Changes{
			Reservations: []*taskrouter.Reservation{r}, Legs: []*taskrouter.Leg{leg}, Calls: []*taskrouter.Call{
				w.call("CA1", done, phone, true), w.call("CA2", "", phone, true), w.call("CA3", waiting, phone, false),
				w.call("CA4", gone, "anonymous", true), // known to be theirs by its Task only
			},
		})
		everywhere := []string{"calls", "claims", "demand_classes", "dial_attempts", "events", "legs", "reservations", "tasks"}
		require.ElementsMatch(t, everywhere, w.tablesWith(phone), "the test must reach what it is about")
		before, events := w.everything(), w.log()

		// Nothing is changed by looking, nor when somebody waits.
		look, err := w.erase(func(o *privacy.EraseOptions) { o.DryRun = true })
		require.NoError(t, err)
		require.ElementsMatch(t, []string{gone, formerly, done, waiting}, look.Tasks)
		require.Equal(t, []string{waiting}, look.LiveTasks)
		require.Equal(t, []string{"CA3"}, look.LiveCalls)
		require.Equal(t, 3, look.Calls)
		require.Equal(t, 1, look.Claims)
		require.Positive(t, look.Events)
		_, err = w.erase(nil)
		var refused *privacy.LiveTasksError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, []string{waiting}, refused.TaskSIDs)
		require.NotContains(t, err.Error(), phone)
		require.Equal(t, before, w.everything())

		out, err := w.erase(live)
		require.NoError(t, err)
		require.Equal(t, look.Tasks, out.Tasks)
		require.Equal(t, 3, out.Calls)
		require.Equal(t, 1, out.Claims)
		require.Equal(t, 2, out.Reservations, "and its leg")
		require.Equal(t, 1, out.DialAttempts)
		require.Equal(t, []string{"CA3"}, out.LiveCalls)
		require.Equal(t, []string{"calls"}, w.tablesWith(phone), "a call that goes on needs its number")
		require.Equal(t, []string{"calls"}, w.tablesWith(name))
		told, err := json.Marshal(out)
		require.NoError(t, err)
		require.NotContains(t, string(told), phone)

		// What happened, and who else there is, stays.
		now := w.log()
		require.Len(t, now, len(events)+2, "the two rows tell that they were changed")
		for i, e := range events {
			require.Equal(t, e.Type, now[i].Type)
			require.Equal(t, e.TaskSID, now[i].TaskSID)
			if e.TaskSID == second || e.TaskSID == "" {
				require.Equal(t, e, now[i])
			}
		}
		require.Equal(t, taskrouter.TaskPending, w.fetch(waiting).Status)
		require.True(t, w.fetch(waiting).Attributes.Redacted())
		require.Contains(t, string(w.fetch(second).Attributes), bystander)
		require.Contains(t, w.tablesWith(bystander), "demand_classes", "the other one stands for the class")
		w.requireHealthy()

		// When the call is over it is found again, by its number.
		w.apply(&dispatch.Changes{Calls: []*taskrouter.Call{w.call("CA3", waiting, phone, true)}})
		_, err = w.erase(live)
		require.NoError(t, err)
		require.Empty(t, w.tablesWith(phone))
		require.Empty(t, w.tablesWith(name))
		again, err := w.erase(nil)
		require.NoError(t, err)
		require.Empty(t, again.Tasks)
		require.Zero(t, again.Events+again.Calls+again.Claims+again.Reservations+again.DialAttempts)
		w.requireHealthy()

		// The agent comes to the one who waits, and the router goes on.
		w.pass(time.Minute)
		w.requireHealthy()
	})
}

// remember stores the answer to the request that created a Task.
func (w *world) remember(task string) {
	w.t.Helper()
	now := time.Now()
	claim := &taskrouter.Claim{AccountSID: w.account, Key: "k", Fingerprint: "f", ResourceSID: task, CreatedAt: now, HeldUntil: now}
	_, _, err := w.st.TakeClaim(w.t.Context(), claim, now.Add(-time.Hour))
	require.NoError(w.t, err)
	body, err := json.Marshal(map[string]any{"sid": task, "attributes": about(phone, "en"), "age": 0})
	require.NoError(w.t, err)
	require.NoError(w.t, w.st.AnswerClaim(w.t.Context(), claim, taskrouter.ClaimAnswer{Status: 201, Body: string(body)}))
}

func TestEraseRefuses(t *testing.T) {
	w := newWorld(t, t.TempDir()+"/privacy.db", "sqlite")
	for what, change := range map[string]func(o *privacy.EraseOptions){
		"no value":     func(o *privacy.EraseOptions) { o.Value = "" },
		"no attribute": func(o *privacy.EraseOptions) { o.Attribute = "" },
		"half a path":  func(o *privacy.EraseOptions) { o.Attribute = "customer." },
	} {
		_, err := w.erase(change)
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), what)
	}
	for _, ws := range []string{"", "WS0", taskrouter.NewSID(taskrouter.PrefixWorkspace)} {
		_, err := w.erase(func(o *privacy.EraseOptions) { o.WorkspaceSID = ws })
		require.Error(t, err, ws)
	}
}
