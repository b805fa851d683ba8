package durability

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// afterWebhook is between the answer to an event callback and the move of the
// cursor behind the event.
const afterWebhook = "after-webhook"

// audience receives events and remembers them in the order they came.
type audience struct {
	*httptest.Server
	mu sync.Mutex
	// ids are the events of each Task, each once; times how often each came.
	ids   map[string][]string
	times map[string]int
	wrong []string
}

func newAudience(t *testing.T) *audience {
	a := &audience{ids: map[string][]string{}, times: map[string]int{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		id, task := r.Header.Get("webhook-id"), r.FormValue("TaskSid")
		if id == "" || id != r.FormValue("Sid") {
			a.wrong = append(a.wrong, id)
		}
		if a.times[id]++; a.times[id] == 1 {
			a.ids[task] = append(a.ids[task], id)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(a.Close)
	return a
}

// heard lists the events of a Task that came, and how often any came again.
func (a *audience) heard(t *testing.T, task string) (ids []string, again int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Empty(t, a.wrong)
	for _, n := range a.times {
		again += n - 1
	}
	return append(ids, a.ids[task]...), again
}

// count is how many different events came.
func (a *audience) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.times)
}

// TestEventsSurviveEveryDeath dies after an event was sent and before that is
// booked, in each state of a Task, and between a commit and the wake-up of
// delivery. Every event of the Task arrives, in order.
func TestEventsSurviveEveryDeath(t *testing.T) {
	s := newSystem(t)
	s.start()
	app := newAudience(t)
	w := newWorkspace(s)
	w.must(w.path, form("EventCallbackUrl", app.URL+"/events"))
	d := w.desk(t, "events", deskOptions{})
	for _, step := range []struct {
		point, state string
		strike       func()
	}{
		{afterWebhook, "reserved", func() { _ = d.create() }},
		{afterWebhook, "assigned", func() { _ = d.answer("accepted") }},
		{afterCommit, "wrapping", func() { _ = d.update("AssignmentStatus", "wrapping", "Reason", "talked") }},
		{afterWebhook, "completed", func() { _ = d.update("AssignmentStatus", "completed") }},
	} {
		until(t, patience, "delivery is at rest", func() error {
			all, err := w.api().list(w.path+"/Events", "events")
			// The first one was there before the URL.
			if have := app.count(); err == nil && have != len(all)-1 {
				err = fmt.Errorf("%d of %d events arrived", have, len(all)-1)
			}
			return err
		})
		w.arm(step.point, 1)
		step.strike()
		require.True(t, w.died(soon), "the point was not passed")
		w.start()
		if d.task == "" {
			until(t, patience, "the task is found", d.find)
		}
		d.becomes(step.state)
		until(t, patience, "every event of the task arrived, "+step.state, func() error {
			all, err := w.api().list(w.path+"/Events?TaskSid="+d.task, "events")
			if err != nil {
				return err
			}
			var want []string
			for i := len(all) - 1; i >= 0; i-- {
				want = append(want, all[i].text("sid"))
			}
			if got, _ := app.heard(t, d.task); fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("%d of %d events arrived: %v, log %v", len(got), len(want), got, want)
			}
			return nil
		})
	}
	_, again := app.heard(t, d.task)
	require.Positive(t, again, "what was sent before a death is sent again")
	t.Logf("%d events came again after three deaths", again)
}
