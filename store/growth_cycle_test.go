//go:build !race

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// operation is one command of a cycle, or one question of a client.
type operation struct {
	name string
	do   func(ctx context.Context) error
}

func (g *growth) subject(sid string) dispatch.Subject {
	return dispatch.Subject{AccountSID: g.account, WorkspaceSID: g.ws, SID: sid, Actor: taskrouter.Actor{Type: "account", SID: g.account, Source: "api"}}
}

func (g *growth) create(ctx context.Context, level int) (string, error) {
	t, err := g.d.CreateTask(ctx, dispatch.NewTask{
		AccountSID: g.account, WorkspaceSID: g.ws, Actor: g.subject("").Actor,
		Attributes: taskrouter.Attributes(fmt.Sprintf(`{"line":0,"level":%d,"caller":"+15550100"}`, level)),
	})
	if err != nil {
		return "", err
	}
	return t.SID, nil
}

func (g *growth) answer(ctx context.Context, r *taskrouter.Reservation, to taskrouter.ReservationStatus) error {
	_, err := g.d.UpdateReservation(ctx, dispatch.ReservationUpdate{Subject: g.subject(r.SID), Status: &to})
	return err
}

func (g *growth) move(ctx context.Context, activity string) error {
	_, err := g.d.UpdateWorker(ctx, dispatch.WorkerUpdate{Subject: g.subject(g.opener), ActivitySID: &activity})
	return err
}

// held finds an open Reservation, of a Task or of an agent. It is not measured.
func (g *growth) held(ctx context.Context, read func(ctx context.Context, tx dispatch.Tx) ([]*taskrouter.Reservation, error)) (out *taskrouter.Reservation, err error) {
	err = g.s.InWorkspace(ctx, g.ws, func(ctx context.Context, tx dispatch.Tx) error {
		rs, err := read(ctx, tx)
		if err == nil && len(rs) != 1 {
			err = fmt.Errorf("%d open Reservations, want 1", len(rs))
		}
		if err == nil {
			out = rs[0]
		}
		return err
	})
	return out, err
}

// cycle is a list of commands after which as many Tasks wait as before: one
// joins the line, and the opener comes, takes the first of the line and goes;
// another Task is taken at once by an agent who can take nothing that waits.
func (g *growth) cycle(measure func(op operation)) {
	var waiting, taken string
	var offer *taskrouter.Reservation
	hold := func(read func(ctx context.Context, tx dispatch.Tx) ([]*taskrouter.Reservation, error)) {
		var err error
		offer, err = g.held(context.Background(), read)
		require.NoError(g.tb, err)
	}
	accept := func(ctx context.Context) error { return g.answer(ctx, offer, taskrouter.ReservationAccepted) }
	complete := func(ctx context.Context) error { return g.answer(ctx, offer, taskrouter.ReservationCompleted) }

	measure(operation{"create, waits", func(ctx context.Context) (err error) { waiting, err = g.create(ctx, 1); return err }})
	measure(operation{"agent available", func(ctx context.Context) error { return g.move(ctx, g.available) }})
	hold(func(ctx context.Context, tx dispatch.Tx) ([]*taskrouter.Reservation, error) {
		return tx.OpenReservationsOf(ctx, g.opener)
	})
	measure(operation{"accept", accept})
	measure(operation{"agent leaves", func(ctx context.Context) error { return g.move(ctx, g.offline) }})
	measure(operation{"complete, nobody freed", complete})

	measure(operation{"create, matched", func(ctx context.Context) (err error) { taken, err = g.create(ctx, 0); return err }})
	hold(func(ctx context.Context, tx dispatch.Tx) ([]*taskrouter.Reservation, error) {
		return tx.OpenReservations(ctx, taken)
	})
	measure(operation{"accept, at once", accept})
	measure(operation{"complete, agent freed", complete})
	require.NotEqual(g.tb, waiting, taken)
}

// lists are what clients ask for. Each asks for a page that exists in a
// Workspace of any extent.
func (g *growth) lists() []operation {
	page := taskrouter.Page{Size: 50}
	tasks := func(f taskrouter.TaskFilter, p taskrouter.Page) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := g.s.ListTasks(ctx, g.account, g.ws, f, p)
			return err
		}
	}
	workers := func(f taskrouter.WorkerFilter) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := g.s.ListWorkers(ctx, g.account, g.ws, f, page)
			return err
		}
	}
	reservations := func(f taskrouter.ReservationFilter) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := g.s.ListReservations(ctx, g.account, g.ws, f, page)
			return err
		}
	}
	events := func(f taskrouter.EventFilter) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := g.s.ListEvents(ctx, g.account, g.ws, f, page)
			return err
		}
	}
	yes := true
	middle := g.sid("WT", g.extent.tasks/2)
	return []operation{
		{"tasks", tasks(taskrouter.TaskFilter{}, page)},
		{"tasks, from the middle", tasks(taskrouter.TaskFilter{}, taskrouter.Page{Size: 50, After: middle})},
		{"tasks, assigned", tasks(taskrouter.TaskFilter{Statuses: []taskrouter.TaskStatus{taskrouter.TaskAssigned}}, page)},
		{"tasks, reserved or wrapping", tasks(taskrouter.TaskFilter{Statuses: []taskrouter.TaskStatus{taskrouter.TaskReserved, taskrouter.TaskWrapping}}, page)},
		{"tasks, of a queue", tasks(taskrouter.TaskFilter{QueueSIDs: g.queues[:1]}, page)},
		{"tasks, of a workflow", tasks(taskrouter.TaskFilter{WorkflowSIDs: []string{g.flow}}, page)},
		{"tasks, by priority", tasks(taskrouter.TaskFilter{Order: []taskrouter.TaskOrdering{{Field: taskrouter.OrderByPriority, Desc: true}}}, page)},
		{"tasks, newest first", tasks(taskrouter.TaskFilter{Order: []taskrouter.TaskOrdering{{Field: taskrouter.OrderByDateCreated, Desc: true}}}, page)},
		{"tasks, of a priority", tasks(taskrouter.TaskFilter{Priority: new(int64)}, page)},
		{"workers", workers(taskrouter.WorkerFilter{})},
		{"workers, available", workers(taskrouter.WorkerFilter{Available: &yes})},
		{"workers, in an activity", workers(taskrouter.WorkerFilter{ActivitySIDs: []string{g.offline}})},
		{"workers, of a queue", workers(taskrouter.WorkerFilter{QueueSIDs: g.queues[:1]})},
		{"workers, by name", workers(taskrouter.WorkerFilter{FriendlyName: "Agent 3"})},
		{"reservations of a task", reservations(taskrouter.ReservationFilter{TaskSID: g.some[0]})},
		{"reservations of a worker", reservations(taskrouter.ReservationFilter{WorkerSID: g.crew[2%len(g.crew)]})},
		{"events", events(taskrouter.EventFilter{})},
		{"events of a task", events(taskrouter.EventFilter{TaskSID: g.some[0]})},
		{"events of a worker", events(taskrouter.EventFilter{WorkerSID: g.crew[0]})},
		{"events of a type", events(taskrouter.EventFilter{Type: taskrouter.TaskUpdated})},
		{"a task", func(ctx context.Context) error { _, err := g.s.FetchTask(ctx, g.account, g.ws, middle); return err }},
	}
}

// upkeep is what every process does every second or so.
func (g *growth) upkeep() []operation {
	now := func() time.Time { return g.now() }
	return []operation{
		{"due workspaces", func(ctx context.Context) error { _, err := g.s.DueWorkspaces(ctx, now(), 200); return err }},
		{"due notices", func(ctx context.Context) error {
			_, err := g.s.PendingNotices(ctx, now().Add(-time.Hour), 500)
			return err
		}},
		{"removable tasks", func(ctx context.Context) error {
			_, err := g.s.RemovableTasks(ctx, now().Add(-time.Hour), 500)
			return err
		}},
		{"jobs", func(ctx context.Context) error { _, err := g.s.JobWorkspaces(ctx, 20); return err }},
		{"deliveries to be woken", func(ctx context.Context) error {
			_, err := g.s.PendingDeliveries(ctx, []string{g.ws})
			return err
		}},
		{"a page of the reconciler", func(ctx context.Context) error { _, err := g.s.OpenTasks(ctx, "", 100); return err }},
	}
}
