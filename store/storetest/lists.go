package storetest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

var wide = taskrouter.Page{Size: 100}

func testLists(t *testing.T, f *fixture) {
	ctx := t.Context()
	yes, no := true, false

	activities := func(name string, available *bool) []string {
		l, err := f.s.ListActivities(ctx, f.account, f.ws, name, available, wide)
		require.NoError(t, err)
		return sids(l, func(a *taskrouter.Activity) string { return a.FriendlyName })
	}
	require.Equal(t, []string{"Idle", "Offline"}, activities("", nil))
	require.Equal(t, []string{"Idle"}, activities("Idle", nil))
	require.Equal(t, []string{"Idle"}, activities("", &yes))
	require.Equal(t, []string{"Offline"}, activities("", &no))
	require.Empty(t, activities("Idle", &no))

	channels, err := f.s.ListTaskChannels(ctx, f.account, f.ws, wide)
	require.NoError(t, err)
	require.Equal(t, []*taskrouter.TaskChannel{f.voice, f.chat}, channels)
	channel, err := f.s.FetchTaskChannel(ctx, f.account, f.ws, "fax")
	require.NoError(t, err)
	require.Nil(t, channel)

	workflows, err := f.s.ListWorkflows(ctx, f.account, f.ws, "Main", wide)
	require.NoError(t, err)
	require.Equal(t, []*taskrouter.Workflow{f.workflow}, workflows)
	workflows, err = f.s.ListWorkflows(ctx, f.account, f.ws, "main", wide)
	require.NoError(t, err)
	require.Empty(t, workflows)

	ann, ben := f.newAgent("Ann", 1), f.newAgent("Ben", 2)
	ben.ActivitySID, ben.Available, ben.DateStatusChanged = f.offline.SID, false, at(9)
	f.joinAll(f.queue.SID, ann, ben)
	f.joinAll(f.queue2.SID, ann)
	workers := func(filter taskrouter.WorkerFilter) []string {
		l, err := f.s.ListWorkers(ctx, f.account, f.ws, filter, wide)
		require.NoError(t, err)
		return sids(l, func(w *taskrouter.Worker) string { return w.FriendlyName })
	}
	for name, c := range map[string]struct {
		filter taskrouter.WorkerFilter
		want   []string
	}{
		"all":           {taskrouter.WorkerFilter{}, []string{"Ann", "Ben"}},
		"name":          {taskrouter.WorkerFilter{FriendlyName: "bEN"}, []string{"Ben"}},
		"activity":      {taskrouter.WorkerFilter{ActivitySIDs: []string{f.offline.SID, "WA0"}}, []string{"Ben"}},
		"no activity":   {taskrouter.WorkerFilter{ActivitySIDs: []string{}}, []string{}},
		"available":     {taskrouter.WorkerFilter{Available: &yes}, []string{"Ann"}},
		"not available": {taskrouter.WorkerFilter{Available: &no}, []string{"Ben"}},
		"queue":         {taskrouter.WorkerFilter{QueueSIDs: []string{f.queue2.SID}}, []string{"Ann"}},
		"two queues":    {taskrouter.WorkerFilter{QueueSIDs: []string{f.queue.SID, f.queue2.SID}}, []string{"Ann", "Ben"}},
		"no queue":      {taskrouter.WorkerFilter{QueueSIDs: []string{}}, []string{}},
		"status desc":   {taskrouter.WorkerFilter{ByDateStatusChanged: taskrouter.Descending}, []string{"Ben", "Ann"}},
		"status asc":    {taskrouter.WorkerFilter{ByDateStatusChanged: taskrouter.Ascending}, []string{"Ann", "Ben"}},
	} {
		require.Equal(t, c.want, workers(c.filter), name)
	}

	f.queue.UpdatedAt = at(99)
	f.apply(&dispatch.Changes{Queues: []*taskrouter.TaskQueue{f.queue}})
	for name, c := range map[string]struct {
		filter taskrouter.QueueFilter
		want   []string
	}{
		"all":     {taskrouter.QueueFilter{}, []string{"Sales", "Support"}},
		"name":    {taskrouter.QueueFilter{FriendlyName: "Support"}, []string{"Support"}},
		"case":    {taskrouter.QueueFilter{FriendlyName: "support"}, []string{}},
		"worker":  {taskrouter.QueueFilter{WorkerSID: ben.SID}, []string{"Sales"}},
		"updated": {taskrouter.QueueFilter{ByDateUpdated: taskrouter.Ascending}, []string{"Support", "Sales"}},
		"newest":  {taskrouter.QueueFilter{ByDateUpdated: taskrouter.Descending}, []string{"Sales", "Support"}},
	} {
		l, err := f.s.ListQueues(ctx, f.account, f.ws, c.filter, wide)
		require.NoError(t, err)
		require.Equal(t, c.want, sids(l, func(q *taskrouter.TaskQueue) string { return q.FriendlyName }), name)
	}

	one, two, three := f.newTask(), f.newTask(), f.newTask()
	two.Priority, two.Status, two.QueueSID = 5, taskrouter.TaskReserved, f.queue2.SID
	three.WorkflowSID, three.RoutingTarget = "WW1", "WK1"
	f.apply(&dispatch.Changes{Tasks: written(one, two, three)})
	five := int64(5)
	for name, c := range map[string]struct {
		filter taskrouter.TaskFilter
		want   []string
	}{
		"all":       {taskrouter.TaskFilter{}, []string{one.SID, two.SID, three.SID}},
		"priority":  {taskrouter.TaskFilter{Priority: &five}, []string{two.SID}},
		"status":    {taskrouter.TaskFilter{Statuses: []taskrouter.TaskStatus{taskrouter.TaskPending, taskrouter.TaskCanceled}}, []string{one.SID, three.SID}},
		"no status": {taskrouter.TaskFilter{Statuses: []taskrouter.TaskStatus{}}, []string{}},
		"workflow":  {taskrouter.TaskFilter{WorkflowSIDs: []string{"WW1"}}, []string{three.SID}},
		"queue":     {taskrouter.TaskFilter{QueueSIDs: []string{f.queue2.SID}}, []string{two.SID}},
		"target":    {taskrouter.TaskFilter{RoutingTarget: "WK1"}, []string{three.SID}},
		"together":  {taskrouter.TaskFilter{RoutingTarget: "WK1", Priority: &five}, []string{}},
	} {
		l, err := f.s.ListTasks(ctx, f.account, f.ws, c.filter, wide)
		require.NoError(t, err)
		require.Equal(t, c.want, sids(l, taskSID), name)
	}

	r1, r2, r3 := f.newOffer(one.SID, ann.SID), f.newOffer(one.SID, ben.SID), f.newOffer(two.SID, ann.SID)
	r2.Status = taskrouter.ReservationRejected
	f.apply(&dispatch.Changes{Reservations: []*taskrouter.Reservation{r1, r2, r3}})
	for name, c := range map[string]struct {
		filter taskrouter.ReservationFilter
		want   []string
	}{
		"task":   {taskrouter.ReservationFilter{TaskSID: one.SID}, []string{r1.SID, r2.SID}},
		"worker": {taskrouter.ReservationFilter{WorkerSID: ann.SID}, []string{r1.SID, r3.SID}},
		"status": {taskrouter.ReservationFilter{TaskSID: one.SID, Status: taskrouter.ReservationRejected}, []string{r2.SID}},
	} {
		l, err := f.s.ListReservations(ctx, f.account, f.ws, c.filter, wide)
		require.NoError(t, err)
		require.Equal(t, c.want, sids(l, reservationSID), name)
	}

	// A deleted Task whose row waits for a leg takes its Reservations along.
	two.EndedAt, two.RemoveAt = at(50), at(50)
	f.apply(&dispatch.Changes{Tasks: written(two)})
	l, err := f.s.ListReservations(ctx, f.account, f.ws, taskrouter.ReservationFilter{WorkerSID: ann.SID}, wide)
	require.NoError(t, err)
	require.Equal(t, []string{r1.SID}, sids(l, reservationSID))
	gone, err := f.s.FetchReservation(ctx, f.account, f.ws, r3.SID)
	require.NoError(t, err)
	require.Nil(t, gone)
}

func testPaging(t *testing.T, f *fixture) {
	ctx := t.Context()
	var want []string
	var tasks []*taskrouter.Task
	for range 7 {
		task := f.newTask()
		tasks, want = append(tasks, task), append(want, task.SID)
	}
	f.apply(&dispatch.Changes{Tasks: written(tasks...)})
	page := func(p taskrouter.Page, filter taskrouter.TaskFilter) []string {
		l, err := f.s.ListTasks(ctx, f.account, f.ws, filter, p)
		require.NoError(t, err)
		return sids(l, taskSID)
	}
	all := taskrouter.TaskFilter{}
	require.Equal(t, want[:4], page(taskrouter.Page{Size: 3}, all), "one more than asked for")
	require.Equal(t, want[3:], page(taskrouter.Page{Size: 3, After: want[2]}, all))
	require.Equal(t, want[6:], page(taskrouter.Page{Size: 3, After: want[5]}, all))
	require.Empty(t, page(taskrouter.Page{Size: 3, After: want[6]}, all))
	require.Equal(t, want[2:6], page(taskrouter.Page{Size: 3, Before: want[6]}, all), "in list order, the extra row first")
	require.Equal(t, want[:2], page(taskrouter.Page{Size: 3, Before: want[2]}, all))
	require.Empty(t, page(taskrouter.Page{Size: 3, Before: want[0]}, all))
	require.Equal(t, want, page(taskrouter.Page{}, all), "a size is assumed")

	// The item a page continues at may have left the filter.
	tasks[2].Status = taskrouter.TaskCanceled
	f.apply(&dispatch.Changes{Tasks: written(tasks[2])})
	pending := taskrouter.TaskFilter{Statuses: []taskrouter.TaskStatus{taskrouter.TaskPending}}
	require.Equal(t, want[3:], page(taskrouter.Page{Size: 10, After: want[2]}, pending))
	require.Equal(t, want[:2], page(taskrouter.Page{Size: 10, Before: want[2]}, pending))

	// The mark of one that is gone is enough to go on.
	f.apply(&dispatch.Changes{DeleteTasks: []string{want[4]}})
	require.Equal(t, want[5:], page(taskrouter.Page{Size: 10, After: all.Mark(tasks[4])}, all))
	require.Equal(t, want[:4], page(taskrouter.Page{Size: 10, Before: all.Mark(tasks[4])}, all))
	requireKind(t, taskrouter.KindInvalid, func() error {
		_, err := f.s.ListTasks(ctx, f.account, f.ws, all, taskrouter.Page{Size: 2, After: want[4]})
		return err
	}())

	for _, p := range []taskrouter.Page{{Size: 2, After: "WT0"}, {Size: 2, Before: "nonsense"}} {
		_, err := f.s.ListTasks(ctx, f.account, f.ws, all, p)
		requireKind(t, taskrouter.KindInvalid, err)
	}
	other := f.addWorkspace(f.account, "Other")
	_, err := f.s.ListTasks(ctx, f.account, other, all, taskrouter.Page{Size: 2, After: want[1]})
	requireKind(t, taskrouter.KindInvalid, err)

	// Events, newest first.
	c := &dispatch.Changes{}
	for i := range 5 {
		c.Events = append(c.Events, f.event(i, nil))
	}
	f.apply(c)
	seqs := func(p taskrouter.Page) []int64 {
		l, err := f.s.ListEvents(ctx, f.account, f.ws, taskrouter.EventFilter{}, p)
		require.NoError(t, err)
		var out []int64
		for _, e := range l {
			out = append(out, e.Seq)
		}
		return out
	}
	require.Equal(t, []int64{6, 5, 4}, seqs(taskrouter.Page{Size: 2}))
	require.Equal(t, []int64{4, 3, 2}, seqs(taskrouter.Page{Size: 2, After: c.Events[3].SID}))
	require.Equal(t, []int64{6, 5, 4}, seqs(taskrouter.Page{Size: 9, Before: c.Events[1].SID}))
}

// testPagingTies walks lists in both directions with every ordering, over rows
// most of which are equal in what they are ordered by.
func testPagingTies(t *testing.T, f *fixture) {
	ctx := t.Context()
	r := rand.New(rand.NewPCG(1, 2))
	var tasks []*taskrouter.Task
	for range 41 {
		task := f.newTask()
		task.CreatedAt, task.Priority, task.VirtualStartTime = at(r.IntN(3)), int64(r.IntN(3)), at(r.IntN(3))
		tasks = append(tasks, task)
	}
	f.apply(&dispatch.Changes{Tasks: written(tasks...)})
	by := func(fields ...any) (out []taskrouter.TaskOrdering) {
		for i := 0; i < len(fields); i += 2 {
			out = append(out, taskrouter.TaskOrdering{Field: fields[i].(taskrouter.TaskOrderField), Desc: fields[i+1].(bool)})
		}
		return out
	}
	for _, order := range [][]taskrouter.TaskOrdering{
		nil,
		by(taskrouter.OrderByDateCreated, true),
		by(taskrouter.OrderByPriority, true),
		by(taskrouter.OrderByPriority, false, taskrouter.OrderByVirtualStartTime, true),
		by(taskrouter.OrderByVirtualStartTime, false, taskrouter.OrderByPriority, true),
		by(taskrouter.OrderByPriority, true, taskrouter.OrderByDateCreated, true),
	} {
		filter := taskrouter.TaskFilter{Order: order}
		want := slices.Clone(tasks)
		slices.SortFunc(want, func(a, b *taskrouter.Task) int { return compareTasks(order, a, b) })
		read := func(p taskrouter.Page) []*taskrouter.Task {
			l, err := f.s.ListTasks(ctx, f.account, f.ws, filter, p)
			require.NoError(t, err)
			return l
		}
		const size = 6
		var forward []string
		p := taskrouter.Page{Size: size}
		for {
			l := read(p)
			forward = append(forward, sids(l[:min(size, len(l))], taskSID)...)
			if len(l) <= size {
				break
			}
			p = taskrouter.Page{Size: size, After: l[size-1].SID}
		}
		require.Equal(t, sids(want, taskSID), forward, "%+v", order)
		var backward []string
		p = taskrouter.Page{Size: size, Before: forward[len(forward)-1]}
		for {
			l := read(p)
			more := len(l) > size
			if more {
				l = l[1:]
			}
			backward = append(sids(l, taskSID), backward...)
			if !more {
				break
			}
			p = taskrouter.Page{Size: size, Before: l[0].SID}
		}
		require.Equal(t, forward[:len(forward)-1], backward, "%+v", order)
	}
}

func compareTasks(order []taskrouter.TaskOrdering, a, b *taskrouter.Task) int {
	for _, o := range append(slices.Clone(order), taskrouter.TaskOrdering{Field: taskrouter.OrderByDateCreated}) {
		var c int
		switch o.Field {
		case taskrouter.OrderByPriority:
			c = int(a.Priority - b.Priority)
		case taskrouter.OrderByVirtualStartTime:
			c = a.VirtualStartTime.Compare(b.VirtualStartTime)
		case taskrouter.OrderByDateCreated:
			c = a.CreatedAt.Compare(b.CreatedAt)
		}
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	if a.SID < b.SID {
		return -1
	}
	return 1
}
