package store

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// plannedRead is a read whose plan is looked at.
type plannedRead struct {
	read func(ctx context.Context, tx dispatch.Tx) error
	// want is an index that SQLite must use; sorts allows sorting the few
	// rows that are found.
	want  string
	sorts bool
}

// plannedReads is every read that happens under a lock or in a sweeper, and a
// few that clients make. WQlarge has more than manyMembers members.
func plannedReads(s *Store, account, ws string, now time.Time) map[string]plannedRead {
	candidates := func(q dispatch.CandidateQuery) func(context.Context, dispatch.Tx) error {
		return func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Candidates(ctx, q); return err }
	}
	return map[string]plannedRead{
		"tasks":    {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Tasks(ctx, "WT1", "WT2"); return err }},
		"due":      {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.DueTasks(ctx, now, 50); return err }, want: "tasks_deadline", sorts: true},
		"next due": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.NextDue(ctx); return err }, want: "tasks_deadline"},
		"tasks of a workflow": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.TasksOfWorkflow(ctx, "WW1", "WT1", 200)
			return err
		}, want: "tasks_workflow"},
		"waiting": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.WaitingTasks(ctx, "WQ1", "WT1", 200)
			return err
		}, want: "tasks_queue"},
		"count by workflow": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.CountTasks(ctx, "WW1", "", "")
			return err
		}, want: "tasks_workflow"},
		"count by queue": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.CountTasks(ctx, "", "WQ1", "")
			return err
		}, want: "queue_sid=?"},
		"open reservations": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.OpenReservations(ctx, "WT1", "WT2")
			return err
		}, want: "reservations_task", sorts: true},
		"open reservations of": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.OpenReservationsOf(ctx, "WK1")
			return err
		}, want: "reservations_", sorts: true},
		"reservation": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Reservation(ctx, "WR1"); return err }},
		"agents":      {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Agents(ctx, "WK1", "WK2"); return err }},
		"agent named": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.AgentNamed(ctx, "x"); return err }, want: "workers_name"},
		"all agents":  {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.AllAgents(ctx, "WK1", 20); return err }, want: "workers_sweep"},
		"candidates of a small queue": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQ1", ChannelSID: "TC1", Limit: 50}), want: "worker_channels_worker", sorts: true,
		},
		"candidates of a large queue": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQlarge", ChannelSID: "TC1", Limit: 50}), want: "worker_channels_idle",
		},
		"next candidates of a large queue": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQlarge", ChannelSID: "TC1", Limit: 50, AfterSID: "WK1", AfterIdle: now, SingleTasking: true}), want: "worker_channels_idle",
		},
		"candidates by channel": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQlarge", ChannelSID: "TC1", Limit: 50, ByChannel: true}), want: "worker_channels_channel_idle",
		},
		"is member":  {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.IsMember(ctx, "WQ1", "WK1"); return err }},
		"queues of":  {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.QueuesOf(ctx, "WK1"); return err }, want: "queue_members_worker"},
		"presence":   {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Presence(ctx, "WQ1"); return err }, sorts: true},
		"class keys": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.ClassKeys(ctx, "WK1"); return err }},
		"classes":    {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Classes(ctx, "a", "b"); return err }},
		"fifo lines": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Lines(ctx, []string{"WQ1", "WQ2"}, nil, 5)
			return err
		}, want: "tasks_line_fifo"},
		"lifo lines": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Lines(ctx, nil, []string{"WQ1", "WQ2"}, 5)
			return err
		}, want: "tasks_line_lifo"},
		"fifo heads": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Heads(ctx, []string{"a", "b"}, nil)
			return err
		}, want: "tasks_fifo", sorts: true},
		"lifo heads": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Heads(ctx, nil, []string{"a", "b"})
			return err
		}, want: "tasks_lifo", sorts: true},
		"both heads": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Heads(ctx, []string{"a"}, []string{"b"})
			return err
		}, want: "tasks_lifo", sorts: true},
		"call": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Call(ctx, dispatch.CallRef{CallSID: "x"})
			return err
		}},
		"call of":        {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.CallOfTask(ctx, "WT1"); return err }, want: "calls_task"},
		"leg":            {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Leg(ctx, "x"); return err }},
		"legs":           {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Legs(ctx, "WT1", "WT2"); return err }, want: "legs_task", sorts: true},
		"open legs to":   {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.OpenLegsTo(ctx, "WK1"); return err }, want: "legs_worker", sorts: true},
		"count legs":     {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.CountLegs(ctx, "WR1"); return err }, want: "legs_reservation"},
		"job":            {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Job(ctx); return err }, want: "jobs_workspace"},
		"due workspaces": {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.DueWorkspaces(ctx, now, 10); return err }, want: "tasks_deadline", sorts: true},
		"notices":        {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.PendingNotices(ctx, now, 10); return err }, want: "notices_due"},
		"removable":      {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.RemovableTasks(ctx, now, 10); return err }, want: "tasks_remove", sorts: true},
		"open tasks":     {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.OpenTasks(ctx, "WT1", 10); return err }},
		"live legs":      {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.LiveLegs(ctx, "x"); return err }, want: "legs_live", sorts: true},
		"live calls":     {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.LiveCalls(ctx, "x"); return err }, want: "calls_live", sorts: true},
		"leg by call":    {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.LegByCallSID(ctx, "x", "y"); return err }},
		"by number": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.CallQueueByNumber(ctx, "", "x", "y")
			return err
		}},
		"event log": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.EventsAfter(ctx, ws, 5, 100)
			return err
		}},
		"a task's events": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListEvents(ctx, account, ws, taskrouter.EventFilter{TaskSID: "WT1"}, taskrouter.Page{Size: 50})
			return err
		}, want: "events_task"},
		"an agent's events behind a page": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListEvents(ctx, account, ws, taskrouter.EventFilter{WorkerSID: "WK1", Type: "x"}, taskrouter.Page{Size: 50, After: "EV1"})
			return err
		}, want: "events_worker"},
		"events to be sent again": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.QueuedDeliveries(ctx, ws, 64)
			return err
		}, want: "delivery_attempts_queued"},
		"how an event was sent": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListDeliveryAttempts(ctx, &taskrouter.Event{AccountSID: account, WorkspaceSID: ws, Seq: 5}, taskrouter.Page{Size: 50, After: taskrouter.Mark("ED1", 3)})
			return err
		}},
		"deliveries to be woken": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.PendingDeliveries(ctx, []string{ws, "WS2"})
			return err
		}, want: "delivery_attempts_queued"},
		"a page of tasks": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListTasks(ctx, account, ws, taskrouter.TaskFilter{}, taskrouter.Page{Size: 50})
			return err
		}, want: "tasks_list"},
	}
}
