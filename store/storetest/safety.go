package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// hostileTexts try to end a literal, to start a comment, to look like an
// argument, or to be changed on the way.
var hostileTexts = []string{
	`'; DROP TABLE tasks; --`, `\'; DROP TABLE tasks; --`, `\\'`, `'`, `''`, `"`, `\`, `E'\x27'`, "$$", "$1", "?", "??", "?0", "?TableAlias", "?TablePKs",
	"%s %d", "/* */", "--", ";", "a\nb\r\n\tc", "\u2028", "\u0001\u001f\u007f", "naïve Ærø 日本語 🙂 \U0010ffff", "\ufeffx", " trailing ", "",
	`{"a":"\u0000 \\ ' \" 😀"}`, "x'00'", "::text", "@>", "NULL", strings.Repeat("'", 999),
}

func testHostileTexts(t *testing.T, f *fixture) {
	ctx := t.Context()
	for i, text := range hostileTexts {
		task := f.newTask()
		task.Attributes, task.Reason, task.RoutingTarget = taskrouter.Attributes(text), text, text
		agent := f.newAgent(fmt.Sprintf("%d%s", i, text), i)
		offer := f.newOffer(task.SID, agent.SID)
		offer.Instruction = &taskrouter.Instruction{Kind: "call", Params: map[string]string{text: text}}
		event := f.event(i, func(e *taskrouter.Event) { e.Description, e.Data = text, map[string]string{"k" + text: text} })
		call := &taskrouter.Call{AccountSID: f.account, WorkspaceSID: f.ws, Backend: "fake", CallSID: "CA" + text, From: text, Facts: taskrouter.Attributes(text), CreatedAt: at(0)}
		leg := &taskrouter.Leg{AccountSID: f.account, WorkspaceSID: f.ws, Backend: "fake", Attempt: fmt.Sprint(i), CallSIDs: []string{"CB" + text}}
		c := changesOf(agent)
		c.Tasks, c.Reservations, c.Calls, c.Legs = written(task), []*taskrouter.Reservation{offer}, []*taskrouter.Call{call}, []*taskrouter.Leg{leg}
		c.Events = []taskrouter.Event{event}
		c.Classes = []*dispatch.DemandClass{{Key: "c" + text, Waiting: 1, WorkerSID: agent.SID, Sample: taskrouter.Attributes(text)}}
		f.apply(c)

		require.Equal(t, task, f.fetchTask(task.SID))
		worker, err := f.s.FetchWorker(ctx, f.account, f.ws, agent.SID)
		require.NoError(t, err)
		require.Equal(t, agent.Worker, worker)
		r, err := f.s.FetchReservation(ctx, f.account, f.ws, offer.SID)
		require.NoError(t, err)
		require.Equal(t, offer, r)
		e, err := f.s.FetchEvent(ctx, f.account, f.ws, event.SID)
		require.NoError(t, err)
		require.Equal(t, event.Data, e.Data)
		require.Equal(t, text, e.Description)
		got, err := f.s.CallByRef(ctx, dispatch.CallRef{AccountSID: f.account, Backend: "fake", CallSID: call.CallSID})
		require.NoError(t, err)
		require.Equal(t, call, got)
		l, err := f.s.LegByCallSID(ctx, "fake", "CB"+text)
		require.NoError(t, err)
		require.Equal(t, leg, l)
		// As an argument of a query.
		if text != "" {
			found, err := f.s.ListTasks(ctx, f.account, f.ws, taskrouter.TaskFilter{RoutingTarget: text}, wide)
			require.NoError(t, err)
			require.Equal(t, []string{task.SID}, sids(found, taskSID))
		}
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			a, err := tx.AgentNamed(ctx, agent.FriendlyName)
			require.NoError(t, err)
			require.Equal(t, agent, a)
			keys, err := tx.ClassKeys(ctx, agent.SID)
			require.NoError(t, err)
			classes, err := tx.Classes(ctx, keys...)
			require.NoError(t, err)
			require.Equal(t, taskrouter.Attributes(text), classes[0].Sample)
		})
	}
	// Invalid UTF-8 is made valid; it does not reach the database.
	task := f.newTask()
	task.Reason = "a\xff'\xc3"
	f.apply(&dispatch.Changes{Tasks: written(task)})
	require.Equal(t, "a\ufffd'\ufffd", f.fetchTask(task.SID).Reason)

	// NUL is refused, wherever it comes from.
	for _, text := range []string{"\x00", "a\x00'; DROP TABLE tasks; --"} {
		bad := f.newTask()
		bad.Reason = text
		requireKind(t, taskrouter.KindInvalid, f.tryApply(&dispatch.Changes{Tasks: written(bad)}))
		require.Nil(t, f.fetchTask(bad.SID))
		_, err := f.s.FetchTask(ctx, f.account, f.ws, text)
		requireKind(t, taskrouter.KindInvalid, err)
		_, err = f.s.ListWorkers(ctx, f.account, f.ws, taskrouter.WorkerFilter{FriendlyName: text}, wide)
		requireKind(t, taskrouter.KindInvalid, err)
	}
}

func testLockRow(t *testing.T, f *fixture) {
	var before dispatch.LockRow
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		before = tx.Lock()
		require.Equal(t, f.ws, before.WorkspaceSID)
		require.Equal(t, f.account, before.AccountSID)
		require.Equal(t, int64(1), before.EventSeq)
		require.True(t, before.NextDue.IsZero())

		next := before
		next.NextDue = at(7)
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: next}))
		require.Equal(t, at(7), tx.Lock().NextDue)
	})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		require.Equal(t, at(7), tx.Lock().NextDue)
		// Counters do not go back, and changes without a lock row keep it.
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Tasks: written(f.newTask())}))
		require.Equal(t, at(7), tx.Lock().NextDue)
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: dispatch.LockRow{WorkspaceSID: f.ws}}))
		require.Equal(t, before, tx.Lock())
		// An event moves the counter even when the caller forgot it.
		e := f.event(1, nil)
		e.Seq = 2
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: before, Events: []taskrouter.Event{e}}))
		require.Equal(t, int64(2), tx.Lock().EventSeq)
	})
	err := f.s.InWorkspace(t.Context(), "WS0", func(context.Context, dispatch.Tx) error {
		t.Error("called without a lock")
		return nil
	})
	requireKind(t, taskrouter.KindNotFound, err)
}

func testRollback(t *testing.T, f *fixture) {
	boom := errors.New("boom")
	write := func(ctx context.Context, tx dispatch.Tx, task *taskrouter.Task) {
		e := f.event(1, nil)
		lock := tx.Lock()
		lock.EventSeq++
		lock.NextDue = at(3)
		e.Seq = lock.EventSeq
		queue := *f.queue
		queue.FriendlyName = "Renamed"
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{
			Lock: lock, Tasks: written(task), Events: []taskrouter.Event{e}, Queues: []*taskrouter.TaskQueue{&queue},
			Notices: []dispatch.Notice{f.notice(task.SID, 1, 0, true)},
		}))
	}
	requireUntouched := func(task *taskrouter.Task) {
		t.Helper()
		require.Nil(t, f.fetchTask(task.SID))
		require.Zero(t, f.countNotices())
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			require.Equal(t, int64(1), tx.Lock().EventSeq)
			require.True(t, tx.Lock().NextDue.IsZero())
			c, err := tx.Config(ctx)
			require.NoError(t, err)
			require.Equal(t, "Sales", c.Queues[f.queue.SID].FriendlyName)
		})
	}
	t.Run("error", func(t *testing.T) {
		task := f.newTask()
		err := f.s.InWorkspace(t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			write(ctx, tx, task)
			return boom
		})
		require.ErrorIs(t, err, boom)
		requireUntouched(task)
	})
	t.Run("panic", func(t *testing.T) {
		task := f.newTask()
		require.PanicsWithValue(t, "boom", func() {
			_ = f.s.InWorkspace(t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
				write(ctx, tx, task)
				panic("boom")
			})
		})
		requireUntouched(task)
	})
	t.Run("canceled context", func(t *testing.T) {
		task := f.newTask()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := f.s.InWorkspace(ctx, f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			write(ctx, tx, task)
			cancel()
			return nil
		})
		requireKind(t, taskrouter.KindUnavailable, err)
		require.ErrorIs(t, err, context.Canceled)
		requireUntouched(task)
	})
	t.Run("context canceled before a read", func(t *testing.T) {
		task := f.newTask()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := f.s.InWorkspace(ctx, f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			write(ctx, tx, task)
			cancel()
			_, err := tx.Tasks(ctx, task.SID)
			return err
		})
		requireKind(t, taskrouter.KindUnavailable, err)
		requireUntouched(task)
	})
	t.Run("failed write whose error was dropped", func(t *testing.T) {
		task, bad := f.newTask(), f.newTask()
		bad.Reason = "\x00"
		err := f.s.InWorkspace(t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			write(ctx, tx, task)
			require.Error(t, tx.Apply(ctx, &dispatch.Changes{Tasks: written(bad)}))
			return nil
		})
		requireKind(t, taskrouter.KindInvalid, err)
		requireUntouched(task)
	})
}

// testLockExcludes counts with a read and a write that only add up when nobody
// comes between them.
func testLockExcludes(t *testing.T, f *fixture) {
	const writers, rounds = 4, 25
	other := f.addWorkspace(f.account, "Other")
	task := f.newTask()
	f.apply(&dispatch.Changes{Tasks: written(task)})
	inside := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range rounds {
				err := f.s.InWorkspace(t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
					select {
					case inside <- struct{}{}:
						defer func() { <-inside }()
					default:
						return errors.New("two writers hold one lock")
					}
					tasks, err := tx.Tasks(ctx, task.SID)
					if err != nil {
						return err
					}
					tasks[0].Priority++
					lock := tx.Lock()
					lock.EventSeq++
					e := taskrouter.Event{SID: taskrouter.NewSID("EV"), AccountSID: f.account, WorkspaceSID: f.ws, Seq: lock.EventSeq, At: at(0)}
					return tx.Apply(ctx, &dispatch.Changes{Lock: lock, Tasks: written(tasks[0]), Events: []taskrouter.Event{e}})
				})
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	// Readers and the writers of another Workspace are not in the way.
	wg.Go(func() {
		for range rounds {
			if _, err := f.s.FetchTask(t.Context(), f.account, f.ws, task.SID); err != nil {
				t.Errorf("read: %v", err)
			}
			err := f.s.InWorkspace(t.Context(), other, func(ctx context.Context, tx dispatch.Tx) error {
				return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Jobs: []*dispatch.Job{{ID: "j", CreatedAt: at(1)}}})
			})
			if err != nil {
				t.Errorf("write elsewhere: %v", err)
			}
		}
	})
	wg.Wait()
	require.Equal(t, int64(writers*rounds), f.fetchTask(task.SID).Priority)
	events, err := f.s.EventsAfter(t.Context(), f.ws, 0, 1000)
	require.NoError(t, err)
	require.Len(t, events, writers*rounds+1)
	for i, e := range events {
		require.Equal(t, int64(i+1), e.Seq)
	}
}

func testErrorKinds(t *testing.T, f *fixture) {
	ann := f.newAgent("Ann", 1)
	f.apply(changesOf(ann))
	twin := f.newAgent("aNN", 1)
	err := f.tryApply(changesOf(twin))
	requireKind(t, taskrouter.KindInvalid, err)
	f.requirePublic(err)

	channel := *f.voice
	channel.SID = f.sid("TC")
	err = f.tryApply(&dispatch.Changes{Channels: []*taskrouter.TaskChannel{&channel}})
	requireKind(t, taskrouter.KindInvalid, err)
	f.requirePublic(err)

	// The same channel twice on one Worker can only be a race.
	second := *ann.Channels[0]
	second.SID = f.sid("WC")
	err = f.tryApply(&dispatch.Changes{WorkerChannels: []*taskrouter.WorkerChannel{&second}})
	requireKind(t, taskrouter.KindConflict, err)
	f.requirePublic(err)

	// A name is free again once its owner changes it; both in one command.
	ann.FriendlyName = "Anna"
	f.apply(changesOf(ann))
	f.apply(changesOf(twin))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.s.FetchTask(ctx, f.account, f.ws, "WT1")
	requireKind(t, taskrouter.KindUnavailable, err)
	err = f.s.InWorkspace(ctx, f.ws, func(context.Context, dispatch.Tx) error { return nil })
	requireKind(t, taskrouter.KindUnavailable, err)
	f.requirePublic(err)
}

// requirePublic makes sure that what clients read has no SQL in it.
func (f *fixture) requirePublic(err error) {
	f.t.Helper()
	var e *taskrouter.Error
	require.ErrorAs(f.t, err, &e)
	for _, word := range []string{"SELECT", "INSERT", "SQLSTATE", "constraint", "name_key", "workspace_sid"} {
		require.NotContains(f.t, e.Message, word)
	}
}

func testForeignRows(t *testing.T, f *fixture) {
	c, _ := f.everything(1)
	spoil := func(name string, change func(c *dispatch.Changes)) {
		c, _ := f.everything(1)
		change(c)
		requireKind(t, taskrouter.KindInternal, f.tryApply(c))
		require.Nil(t, f.fetchTask(c.Tasks[0].SID), name)
	}
	spoil("workspace", func(c *dispatch.Changes) { c.Workspace.SID = "WS0" })
	spoil("activity", func(c *dispatch.Changes) { c.Activities[0].WorkspaceSID = "WS0" })
	spoil("channel", func(c *dispatch.Changes) { c.Channels[0].WorkspaceSID = "WS0" })
	spoil("queue", func(c *dispatch.Changes) { c.Queues[0].WorkspaceSID = "WS0" })
	spoil("workflow", func(c *dispatch.Changes) { c.Workflows[0].WorkspaceSID = "" })
	spoil("call queue", func(c *dispatch.Changes) { c.CallQueues[0].WorkspaceSID = "WS0" })
	spoil("worker", func(c *dispatch.Changes) { c.Workers[0].WorkspaceSID = "WS0" })
	spoil("worker channel", func(c *dispatch.Changes) { c.WorkerChannels[0].WorkspaceSID = "WS0" })
	spoil("task", func(c *dispatch.Changes) { c.Tasks[0].WorkspaceSID = "WS0" })
	spoil("reservation", func(c *dispatch.Changes) { c.Reservations[0].WorkspaceSID = "WS0" })
	spoil("call", func(c *dispatch.Changes) { c.Calls[0].WorkspaceSID = "WS0" })
	spoil("leg", func(c *dispatch.Changes) { c.Legs[0].WorkspaceSID = "WS0" })
	spoil("event", func(c *dispatch.Changes) { c.Events[0].WorkspaceSID = "WS0" })

	// Deletes and reads of another Workspace touch nothing.
	f.apply(c)
	other := f.addWorkspace(f.account, "Other")
	require.NoError(t, f.s.InWorkspace(t.Context(), other, func(ctx context.Context, tx dispatch.Tx) error {
		tasks, err := tx.Tasks(ctx, c.Tasks[0].SID)
		require.NoError(t, err)
		require.Empty(t, tasks)
		agents, err := tx.Agents(ctx, c.Workers[0].SID)
		require.NoError(t, err)
		require.Empty(t, agents)
		l, err := tx.Leg(ctx, c.Legs[0].Attempt)
		require.NoError(t, err)
		require.Nil(t, l)
		_, err = tx.WorkflowConfiguration(ctx, c.Workflows[0].SID, c.Workflows[0].ConfigVersion)
		requireKind(t, taskrouter.KindNotFound, err)
		return tx.Apply(ctx, &dispatch.Changes{
			Lock: tx.Lock(), DeleteTasks: []string{c.Tasks[0].SID}, DeleteWorkers: []string{c.Workers[0].SID},
			DeleteActivities: []string{c.Activities[0].SID}, DeleteChannels: []string{c.Channels[0].SID}, DeleteQueues: []string{c.Queues[0].SID},
			DeleteWorkflows: []string{c.Workflows[0].SID}, DeleteCallQueues: []string{c.CallQueues[0].SID},
			DeleteWorkerChannels: []string{c.WorkerChannels[0].SID},
		})
	}))
	f.requireStored(t.Context(), c)
}

func testForeignAccounts(t *testing.T, f *fixture) {
	ctx := t.Context()
	c, event := f.everything(1)
	f.apply(c)
	other := f.addWorkspace(f.account, "Other")
	for _, who := range [][2]string{{"AC0", f.ws}, {f.account, other}} {
		account, ws := who[0], who[1]
		check := func(name string, found bool, err error) {
			t.Helper()
			require.NoError(t, err, name)
			require.False(t, found, name)
		}
		if account == "AC0" {
			w, err := f.s.FetchWorkspace(ctx, account, ws)
			check("workspace", w != nil, err)
			config, err := f.s.WorkspaceConfig(ctx, account, ws)
			check("configuration", config != nil, err)
			lw, err := f.s.ListWorkspaces(ctx, account, "", wide)
			check("workspaces", len(lw) > 0, err)
		}
		a, err := f.s.FetchActivity(ctx, account, ws, c.Activities[0].SID)
		check("activity", a != nil, err)
		tc, err := f.s.FetchTaskChannel(ctx, account, ws, c.Channels[0].UniqueName)
		check("channel", tc != nil, err)
		q, err := f.s.FetchQueue(ctx, account, ws, c.Queues[0].SID)
		check("queue", q != nil, err)
		w, err := f.s.FetchWorkflow(ctx, account, ws, c.Workflows[0].SID)
		check("workflow", w != nil, err)
		k, err := f.s.FetchWorker(ctx, account, ws, c.Workers[0].SID)
		check("worker", k != nil, err)
		wcs, err := f.s.WorkerChannels(ctx, account, ws, c.Workers[0].SID)
		check("worker channels", len(wcs) > 0, err)
		wc, err := f.s.FetchWorkerChannel(ctx, account, ws, c.Workers[0].SID, c.WorkerChannels[0].SID)
		check("worker channel", wc != nil, err)
		task, err := f.s.FetchTask(ctx, account, ws, c.Tasks[0].SID)
		check("task", task != nil, err)
		r, err := f.s.FetchReservation(ctx, account, ws, c.Reservations[0].SID)
		check("reservation", r != nil, err)
		rs, err := f.s.TaskReservations(ctx, account, ws, c.Reservations[0].TaskSID)
		check("reservations of task", len(rs) > 0, err)
		e, err := f.s.FetchEvent(ctx, account, ws, event.SID)
		check("event", e != nil, err)
		cq, err := f.s.FetchCallQueue(ctx, account, ws, c.CallQueues[0].SID)
		check("call queue", cq != nil, err)

		las, err := f.s.ListActivities(ctx, account, ws, "", nil, wide)
		check("activities", len(las) > 0, err)
		lcs, err := f.s.ListTaskChannels(ctx, account, ws, wide)
		check("channels", len(lcs) > 0, err)
		lqs, err := f.s.ListQueues(ctx, account, ws, taskrouter.QueueFilter{}, wide)
		check("queues", len(lqs) > 0, err)
		lws, err := f.s.ListWorkflows(ctx, account, ws, "", wide)
		check("workflows", len(lws) > 0, err)
		lks, err := f.s.ListWorkers(ctx, account, ws, taskrouter.WorkerFilter{}, wide)
		check("workers", len(lks) > 0, err)
		lts, err := f.s.ListTasks(ctx, account, ws, taskrouter.TaskFilter{}, wide)
		check("tasks", len(lts) > 0, err)
		lrs, err := f.s.ListReservations(ctx, account, ws, taskrouter.ReservationFilter{TaskSID: c.Reservations[0].TaskSID}, wide)
		check("reservations", len(lrs) > 0, err)
		les, err := f.s.ListEvents(ctx, account, ws, taskrouter.EventFilter{}, wide)
		check("events", len(les) > 0, err)
		lcq, err := f.s.ListCallQueues(ctx, account, ws, wide)
		check("call queues", len(lcq) > 0, err)
	}
}
