package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// Each change of the table gets a waiting Task to an agent, in the transaction
// of the change itself or, for bulk work, in one of its chunks. Every row
// returns the waiting Task and the change.
func TestEveryTriggerMatches(t *testing.T) {
	worker := func(b *bench, sid string, u dispatch.WorkerUpdate) {
		u.Subject = b.subject(sid)
		_, err := b.d.UpdateWorker(b.ctx, u)
		require.NoError(b.t, err)
	}
	rows := map[dispatch.Change]func(b *bench) (task string, change func()){
		dispatch.ReservationEnded: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			b.worker("Ann", "{}")
			first := b.task()
			b.must(b.offer(first).SID, taskrouter.ReservationAccepted)
			return b.task(), func() { require.NoError(b.t, b.set(first, taskrouter.TaskCompleted)) }
		},
		dispatch.ReservationMoved: func(b *bench) (string, func()) {
			q := b.queue("Q")
			b.workflow(routing(target(q), filter("busy == true", target(q, `"expression":"worker.channel.default.assigned_tasks > 0"`))))
			b.worker("Ann", "{}")
			first := b.task()
			return b.task(attributes(`{"busy":true}`), func(n *dispatch.NewTask) { n.Channel = "chat" }), func() {
				b.must(b.offer(first).SID, taskrouter.ReservationAccepted)
			}
		},
		dispatch.WorkerAdded: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			return b.task(), func() { b.worker("Ann", "{}") }
		},
		dispatch.WorkerMoved: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			ann := b.workerIn("Ann", "{}", "Offline")
			return b.task(), func() { b.move(ann, "Available") }
		},
		dispatch.WorkerRewritten: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q", members("team=='x'"))))
			ann := b.worker("Ann", "{}")
			return b.task(), func() { worker(b, ann, dispatch.WorkerUpdate{Attributes: ptr(taskrouter.Attributes(`{"team":"x"}`))}) }
		},
		dispatch.CapacityChanged: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			ann := b.worker("Ann", "{}")
			b.task()
			return b.task(), func() { b.capacity(ann, "default", 2) }
		},
		dispatch.ChannelSwitched: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			ann := b.worker("Ann", "{}")
			on := func(yes bool) {
				_, err := b.d.UpdateChannel(b.ctx, dispatch.ChannelUpdate{Subject: b.subject("default"), WorkerSID: ann, Available: &yes})
				require.NoError(b.t, err)
			}
			on(false)
			return b.task(), func() { on(true) }
		},
		dispatch.TaskEntered: func(b *bench) (string, func()) {
			one := b.queue("One", members("team=='x'"))
			b.workflow(routing("", filter("1==1", target(one, `"timeout":5`), target(b.queue("Two")))))
			b.worker("Ann", "{}")
			return b.task(), func() { b.pass(5 * time.Second) }
		},
		dispatch.TaskResorted: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			b.worker("Ann", "{}")
			b.task()
			task := b.task()
			return task, func() {
				_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Channel: ptr("chat")})
				require.NoError(b.t, err)
			}
		},
		dispatch.TaskRewritten: func(b *bench) (string, func()) {
			b.workflow(routing("", filter("1==1", target(b.queue("Q"), `"expression":"task.team == worker.team"`))))
			b.worker("Ann", `{"team":"x"}`)
			task := b.task(attributes(`{"team":"y"}`))
			return task, func() { b.rewrite(task, `{"team":"x"}`) }
		},
		dispatch.BackoffOver: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")), withCallback)
			b.worker("Ann", "{}")
			task := b.task()
			_, err := b.d.CallbackAnswered(b.ctx, b.ws, task, b.offer(task).SID, dispatch.CallbackOutcome{Failed: true})
			require.NoError(b.t, err)
			return task, func() { b.pass(time.Second) }
		},
		dispatch.QueueRewritten: func(b *bench) (string, func()) {
			q := b.queue("Q", members("team=='x'"))
			b.workflow(everything(q))
			b.worker("Ann", "{}")
			return b.task(), func() {
				_, err := b.config.UpdateQueue(b.ctx, workspace.QueueUpdate{Subject: b.subject(q), TargetWorkers: ptr("1==1")})
				require.NoError(b.t, err)
			}
		},
		dispatch.WorkflowReEvaluated: func(b *bench) (string, func()) {
			flow := b.workflow(everything(b.queue("Empty", members("team=='x'"))))
			full := b.queue("Full")
			b.worker("Ann", "{}")
			return b.task(), func() { b.reconfigure(flow, everything(full), true) }
		},
		dispatch.ActivityRenamed: func(b *bench) (string, func()) {
			b.workflow(routing("", filter("1==1", target(b.queue("Q"), `"expression":"worker.activity_name == 'Desk'"`))))
			b.worker("Ann", "{}")
			return b.task(), func() {
				_, err := b.config.UpdateActivity(b.ctx, workspace.ActivityUpdate{Subject: b.subject(b.activity("Available")), FriendlyName: ptr("Desk")})
				require.NoError(b.t, err)
			}
		},
		dispatch.ChannelAdded: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			b.worker("Ann", "{}")
			b.crowd(4)
			_, err := b.config.CreateTaskChannel(b.ctx, workspace.NewTaskChannel{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "E-mail", UniqueName: "email"})
			require.NoError(b.t, err)
			var tasks []string
			for range 5 { // one for each agent, before all of them have the channel
				tasks = append(tasks, b.task(func(n *dispatch.NewTask) { n.Channel = "email" }))
			}
			return tasks[4], func() {}
		},
		dispatch.MultiTaskingSwitched: func(b *bench) (string, func()) {
			b.workflow(everything(b.queue("Q")))
			b.move(b.worker("Ann", "{}"), "Available")
			first := b.task()
			b.must(b.offer(first).SID, taskrouter.ReservationAccepted)
			for _, a := range b.settings().Activities {
				if a.FriendlyName == "Busy" { // an agent at work is available again
					b.move(b.offer(first).WorkerSID, "Available")
				}
			}
			return b.task(func(n *dispatch.NewTask) { n.Channel = "chat" }), func() {
				_, err := b.config.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{Subject: b.subject(b.ws), MultiTaskEnabled: ptr(true)})
				require.NoError(b.t, err)
			}
		},
	}
	for _, row := range dispatch.Triggers() {
		t.Run(string(row.Change), func(t *testing.T) {
			if !row.Agents && !row.Task && row.Job == "" {
				require.Equal(t, dispatch.QueueReordered, row.Change, "a change that matches nobody")
				return
			}
			arrange := rows[row.Change]
			require.NotNil(t, arrange, "a row without a test")
			b := newBench(t, options(dispatch.Options{ChunkSize: 1}), func(s *settings) {
				s.single = row.Change == dispatch.MultiTaskingSwitched
			})
			task, change := arrange(b)
			if row.Change != dispatch.ChannelAdded {
				require.Equal(t, taskrouter.TaskPending, b.status(task))
			}
			change()
			if row.Job != "" {
				b.sweep()
			}
			require.Equal(t, taskrouter.TaskReserved, b.status(task))
			requireHealthy(t, b)
		})
	}
}

// crowd adds agents.
func (b *bench) crowd(n int) {
	for i := range n {
		b.worker(sprintf("Member %d", i), "{}")
	}
}
