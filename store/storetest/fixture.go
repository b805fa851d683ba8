package storetest

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// epoch is when the tests happen.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// at is an instant some seconds after epoch.
func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// fixture is a store with one Workspace: two Activities, two channels, two
// queues and a Workflow.
type fixture struct {
	t           *testing.T
	s           *store.Store
	account, ws string
	workspace   *taskrouter.Workspace

	idle, offline *taskrouter.Activity
	voice, chat   *taskrouter.TaskChannel
	queue, queue2 *taskrouter.TaskQueue
	workflow      *taskrouter.Workflow
	created       int
}

func newFixture(t *testing.T, s *store.Store) *fixture {
	f := &fixture{t: t, s: s, account: taskrouter.NewSID(taskrouter.PrefixAccount), ws: taskrouter.NewSID(taskrouter.PrefixWorkspace)}
	f.idle = &taskrouter.Activity{SID: f.sid("WA"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: "Idle", Available: true, CreatedAt: at(0), UpdatedAt: at(0)}
	f.offline = &taskrouter.Activity{SID: f.sid("WA"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: "Offline", CreatedAt: at(1), UpdatedAt: at(1)}
	f.voice = &taskrouter.TaskChannel{SID: f.sid("TC"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: "Voice", UniqueName: "voice", CreatedAt: at(0), UpdatedAt: at(0)}
	f.chat = &taskrouter.TaskChannel{SID: f.sid("TC"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: "Chat", UniqueName: "chat", CreatedAt: at(1), UpdatedAt: at(1)}
	f.queue = f.newQueue("Sales", 0)
	f.queue2 = f.newQueue("Support", 1)
	f.workflow = &taskrouter.Workflow{
		SID: f.sid("WW"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: "Main",
		Configuration: `{"task_routing":{}}`, ConfigVersion: 1, TaskReservationTimeout: 2 * time.Minute, CreatedAt: at(0), UpdatedAt: at(0),
	}
	f.workspace = &taskrouter.Workspace{
		SID: f.ws, AccountSID: f.account, FriendlyName: "First", DefaultActivitySID: f.idle.SID, TimeoutActivitySID: f.offline.SID,
		MultiTaskEnabled: true, PrioritizeQueueOrder: taskrouter.FIFO, Version: 1, CreatedAt: at(0), UpdatedAt: at(0),
	}
	require.NoError(t, s.CreateWorkspace(t.Context(), f.workspace,
		[]*taskrouter.Activity{f.idle, f.offline}, []*taskrouter.TaskChannel{f.voice, f.chat},
		[]*taskrouter.TaskQueue{f.queue, f.queue2}, []*taskrouter.Workflow{f.workflow},
		[]taskrouter.Event{{SID: f.sid("EV"), AccountSID: f.account, WorkspaceSID: f.ws, Type: taskrouter.WorkspaceCreated, At: at(0)}}))
	return f
}

func (f *fixture) sid(prefix taskrouter.Prefix) string { return taskrouter.NewSID(prefix) }

func (f *fixture) addWorkspace(account, name string) string {
	w := &taskrouter.Workspace{SID: f.sid("WS"), AccountSID: account, FriendlyName: name, CreatedAt: at(10), UpdatedAt: at(10)}
	require.NoError(f.t, f.s.CreateWorkspace(f.t.Context(), w, nil, nil, nil, nil, nil))
	return w.SID
}

func (f *fixture) newQueue(name string, seconds int) *taskrouter.TaskQueue {
	return &taskrouter.TaskQueue{
		SID: f.sid("WQ"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: name, TargetWorkers: "1==1",
		MaxReservedWorkers: 1, TaskOrder: taskrouter.FIFO, ExpressionVersion: 1, CreatedAt: at(seconds), UpdatedAt: at(seconds),
	}
}

// newTask is a Task in state pending.
func (f *fixture) newTask() *taskrouter.Task {
	f.created++
	return &taskrouter.Task{
		SID: f.sid("WT"), AccountSID: f.account, WorkspaceSID: f.ws, Status: taskrouter.TaskPending, Attributes: "{}",
		Timeout: time.Hour, VirtualStartTime: at(f.created), TaskChannelSID: f.voice.SID, WorkflowSID: f.workflow.SID,
		QueueSID: f.queue.SID, CreatedAt: at(f.created), UpdatedAt: at(f.created), Version: 1, Revision: 1,
	}
}

// newAgent is an available Worker with room for one call and three chats.
func (f *fixture) newAgent(name string, idleSince int) *dispatch.Agent {
	f.created++
	w := &taskrouter.Worker{
		SID: f.sid("WK"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: name, ActivitySID: f.idle.SID, Available: true,
		Attributes: "{}", DateStatusChanged: at(0), LastReservedAt: at(idleSince), Version: 1, EligibilityVersion: 1,
		CreatedAt: at(f.created), UpdatedAt: at(f.created),
	}
	a := &dispatch.Agent{Worker: w}
	for i, c := range []*taskrouter.TaskChannel{f.voice, f.chat} {
		a.Channels = append(a.Channels, &taskrouter.WorkerChannel{
			SID: f.sid("WC"), AccountSID: f.account, WorkspaceSID: f.ws, WorkerSID: w.SID, TaskChannelSID: c.SID,
			TaskChannelName: c.UniqueName, Available: true, ConfiguredCapacity: 1 + 2*i, LastReservedAt: at(idleSince),
			CreatedAt: at(f.created).Add(time.Duration(i)), UpdatedAt: at(f.created),
		})
	}
	for _, c := range a.Channels {
		c.CreatedAt = c.CreatedAt.Truncate(time.Microsecond)
	}
	a.Channels[1].CreatedAt = a.Channels[1].CreatedAt.Add(time.Microsecond)
	return a
}

// newOffer is a pending Reservation.
func (f *fixture) newOffer(task, worker string) *taskrouter.Reservation {
	f.created++
	return &taskrouter.Reservation{
		SID: f.sid("WR"), AccountSID: f.account, WorkspaceSID: f.ws, TaskSID: task, WorkerSID: worker,
		Status: taskrouter.ReservationPending, Version: 1, CreatedAt: at(f.created), UpdatedAt: at(f.created),
	}
}

// changesOf writes agents.
func changesOf(agents ...*dispatch.Agent) *dispatch.Changes {
	c := &dispatch.Changes{}
	for _, a := range agents {
		c.Workers = append(c.Workers, a.Worker)
		c.WorkerChannels = append(c.WorkerChannels, a.Channels...)
	}
	return c
}

func written(tasks ...*taskrouter.Task) []dispatch.TaskWrite {
	out := make([]dispatch.TaskWrite, len(tasks))
	for i, t := range tasks {
		out[i] = dispatch.TaskWrite{Task: t}
	}
	return out
}

// in runs fn under the Workspace's lock.
func (f *fixture) in(fn func(ctx context.Context, tx dispatch.Tx)) {
	f.t.Helper()
	require.NoError(f.t, f.s.InWorkspace(f.t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
		fn(ctx, tx)
		return nil
	}))
}

// apply writes changes in a transaction of their own. Events are numbered.
func (f *fixture) apply(c *dispatch.Changes) {
	f.t.Helper()
	require.NoError(f.t, f.tryApply(c))
}

func (f *fixture) tryApply(c *dispatch.Changes) error {
	return f.s.InWorkspace(f.t.Context(), f.ws, func(ctx context.Context, tx dispatch.Tx) error {
		if c.Lock.WorkspaceSID == "" {
			c.Lock = tx.Lock()
		}
		for i := range c.Events {
			if c.Events[i].Seq == 0 {
				c.Lock.EventSeq++
				c.Events[i].Seq = c.Lock.EventSeq
			}
		}
		return tx.Apply(ctx, c)
	})
}

func (f *fixture) fetchWorkspace() *taskrouter.Workspace {
	f.t.Helper()
	w, err := f.s.FetchWorkspace(f.t.Context(), f.account, f.ws)
	require.NoError(f.t, err)
	return w
}

func (f *fixture) fetchTask(sid string) *taskrouter.Task {
	f.t.Helper()
	task, err := f.s.FetchTask(f.t.Context(), f.account, f.ws, sid)
	require.NoError(f.t, err)
	return task
}

func requireKind(t *testing.T, kind taskrouter.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, taskrouter.KindOf(err), "%v", err)
}

func sids[D any](in []D, sid func(D) string) []string {
	out := make([]string, len(in))
	for i, d := range in {
		out[i] = sid(d)
	}
	return out
}

func taskSID(t *taskrouter.Task) string               { return t.SID }
func reservationSID(r *taskrouter.Reservation) string { return r.SID }
func legAttempt(l *taskrouter.Leg) string             { return l.Attempt }

// filled makes a value in which no field is zero, so that a column that is
// forgotten shows. Fields differ from each other and from those of other seeds.
func filled[T any](seed int) *T {
	v := new(T)
	n := seed * 1000
	fill(reflect.ValueOf(v).Elem(), "", &n)
	return v
}

func fill(v reflect.Value, name string, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(at(*n)))
		return
	case time.Duration:
		v.Set(reflect.ValueOf(time.Duration(*n) * time.Second))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d", name, *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), name, n)
		}
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": fmt.Sprint(*n), "b": "x"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name, n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), v.Type().Field(i).Name, n)
		}
	default:
		panic("storetest: cannot fill a " + v.Kind().String())
	}
}
