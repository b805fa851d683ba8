package privacy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// What the durable run of a Task is told holds neither attributes nor telephone
// numbers: histories keep it, and no erasure reaches them.
func TestViewsTellNothingPersonal(t *testing.T) {
	w := newWorld(t, t.TempDir()+"/privacy.db", "sqlite")
	agent := taskrouter.Attributes(`{"lang":"en","contact_uri":"` + bystander + `"}`)
	_, err := w.d.UpdateWorker(t.Context(), dispatch.WorkerUpdate{Subject: w.subject(w.agent), Attributes: &agent})
	require.NoError(t, err)
	told := func(task string) string {
		v, err := w.d.View(t.Context(), w.ws, task)
		require.NoError(t, err)
		require.Equal(t, task, v.TaskSID)
		text, err := json.Marshal(activities.FromView(v))
		require.NoError(t, err)
		return string(text)
	}
	made, err := w.d.CreateTask(t.Context(), dispatch.NewTask{
		AccountSID: w.account, WorkspaceSID: w.ws, Attributes: taskrouter.Attributes(about(phone, "en")), CallSID: "CA1",
	})
	require.NoError(t, err)
	offered := made.SID
	waiting := w.task(about(phone, "ja"))
	w.apply(&dispatch.Changes{Calls: []*taskrouter.Call{w.call("CA1", offered, phone, false)}, Legs: []*taskrouter.Leg{{
		Attempt: "WR1-1", AccountSID: w.account, WorkspaceSID: w.ws, TaskSID: offered, Backend: "fake",
		State: taskrouter.LegWanted, To: bystander, From: phone, URL: "https://example.com/?" + phone,
	}}})
	reserved, pending := told(offered), told(waiting)
	w.finish(offered)
	for _, text := range []string{reserved, pending, told(offered)} {
		for _, secret := range []string{phone, bystander, name} {
			require.NotContains(t, text, secret)
		}
	}
	require.Contains(t, reserved, "WR1-1", "the leg is told")
	require.Contains(t, reserved, w.agent)
}
