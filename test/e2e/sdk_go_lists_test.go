package e2e

import (
	"fmt"
	"net/url"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// libraryList is a list of the official library. Its methods differ in names
// and types only, so they are called by name.
type libraryList struct {
	// name is the end of the methods' names, key the place of the list in a
	// page.
	name, key string
	// within are the SIDs before the parameters.
	within []string
	// filter is what all requests have in common.
	filter any
	// items is how many there are.
	items int
}

// goLists reads each list whole, limited, page by page in both directions, and
// as a stream.
func goLists(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice, bob, chiyo}, noPhone: true})
	first := c.newTask(t, supportTask)
	for range 3 { // offered to Chiyo and Alice in turns
		offer := await(t, "an offer", func() (string, bool) {
			list, err := s.rest.ListTaskReservation(c.ws, first, (&api.ListTaskReservationParams{}).SetReservationStatus("pending"))
			require.NoError(t, err)
			if len(list) == 0 {
				return "", false
			}
			return *list[0].Sid, true
		})
		c.answer(t, first, offer, "rejected")
	}
	for range 4 {
		c.newTask(t, supportTask)
	}
	// Nobody is free any more, so that nothing moves.
	agent := c.agents[alice.name]
	offers, err := s.rest.ListWorkerReservation(c.ws, agent, &api.ListWorkerReservationParams{})
	require.NoError(t, err)
	reservations, err := s.rest.ListTaskReservation(c.ws, first, &api.ListTaskReservationParams{})
	require.NoError(t, err)
	events, err := s.rest.ListEvent(c.ws, (&api.ListEventParams{}).SetTaskSid(first))
	require.NoError(t, err)
	name := fmt.Sprintf("Listed %d", s.unique())
	configuration := fmt.Sprintf(`{"task_routing":{"default_filter":{"queue":%q}}}`, c.queues[everyoneQueue])
	for i := range 3 {
		_, err := s.rest.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName(name))
		require.NoError(t, err)
		_, err = s.rest.CreateWorkflow(c.ws, (&api.CreateWorkflowParams{}).SetFriendlyName(fmt.Sprint("Workflow ", i)).SetConfiguration(configuration))
		require.NoError(t, err)
	}
	here := []string{c.ws}
	for _, l := range []libraryList{
		{"Workspace", "workspaces", nil, api.ListWorkspaceParams{FriendlyName: &name}, 3},
		{"Activity", "activities", here, api.ListActivityParams{}, 3},
		{"Event", "events", here, api.ListEventParams{TaskSid: &first}, len(events)},
		{"Task", "tasks", here, api.ListTaskParams{AssignmentStatus: &[]string{"pending", "reserved"}}, 5},
		{"TaskChannel", "channels", here, api.ListTaskChannelParams{}, 5},
		{"TaskQueue", "task_queues", here, api.ListTaskQueueParams{}, 3},
		{"TaskQueuesStatistics", "task_queues_statistics", here, api.ListTaskQueuesStatisticsParams{}, 3},
		{"TaskReservation", "reservations", []string{c.ws, first}, api.ListTaskReservationParams{}, len(reservations)},
		{"Worker", "workers", here, api.ListWorkerParams{}, 3},
		{"WorkerChannel", "channels", []string{c.ws, agent}, api.ListWorkerChannelParams{}, 5},
		{"WorkerReservation", "reservations", []string{c.ws, agent}, api.ListWorkerReservationParams{}, len(offers)},
		{"Workflow", "workflows", here, api.ListWorkflowParams{}, 4},
	} {
		t.Run(l.name, func(t *testing.T) {
			require.GreaterOrEqual(t, l.items, 3)
			l.read(t, s)
		})
	}
}

func (l libraryList) read(t *testing.T, s *system) {
	t.Helper()
	all := l.list(t, s, 0, 0)
	require.Len(t, all, l.items)
	distinct := map[string]bool{}
	for _, sid := range all {
		distinct[sid] = true
	}
	require.Len(t, distinct, l.items)
	require.Equal(t, all, l.list(t, s, 2, 0), "page by page")
	require.Equal(t, all[:2], l.list(t, s, 0, 2), "limited")
	require.Equal(t, all[:3], l.list(t, s, 2, 3), "limited within a page")
	require.Equal(t, all, l.stream(t, s, 2))

	// The way there, and back.
	var pages [][]string
	token, number := "", ""
	for {
		sids, meta := l.page(t, s, token, number)
		require.Equal(t, []any{l.key, 2, len(pages)}, []any{meta.Key, meta.PageSize, meta.Page})
		require.NotEmpty(t, sids)
		pages = append(pages, sids)
		if len(pages) == 1 {
			require.Nil(t, meta.PreviousPageUrl)
		} else {
			token, number = pageOf(t, *meta.PreviousPageUrl)
			back, _ := l.page(t, s, token, number)
			require.Equal(t, pages[len(pages)-2], back)
		}
		if meta.NextPageUrl == nil {
			break
		}
		token, number = pageOf(t, *meta.NextPageUrl)
	}
	var walked []string
	for _, p := range pages {
		walked = append(walked, p...)
	}
	require.Equal(t, all, walked)
	require.Len(t, pages, (l.items+1)/2)

	out := l.call(s, "Page", 2, 0, "", "1")
	refused(t, out[1].Interface().(error), 400, 40153, "")
}

// pageOf reads what leads to a page from its URL.
func pageOf(t *testing.T, address string) (token, number string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	require.NotEmpty(t, u.Query().Get("PageToken"))
	return u.Query().Get("PageToken"), u.Query().Get("Page")
}

// call calls one of the library's methods for the list. Sizes of 0 are left to
// the library.
func (l libraryList) call(s *system, method string, pageSize, limit int, more ...string) []reflect.Value {
	params := reflect.New(reflect.TypeOf(l.filter))
	params.Elem().Set(reflect.ValueOf(l.filter))
	for field, n := range map[string]int{"PageSize": pageSize, "Limit": limit} {
		if n > 0 {
			params.Elem().FieldByName(field).Set(reflect.ValueOf(&n))
		}
	}
	var args []reflect.Value
	for _, sid := range l.within {
		args = append(args, reflect.ValueOf(sid))
	}
	args = append(args, params)
	for _, m := range more {
		args = append(args, reflect.ValueOf(m))
	}
	return reflect.ValueOf(s.rest).MethodByName(method + l.name).Call(args)
}

func (l libraryList) list(t *testing.T, s *system, pageSize, limit int) []string {
	t.Helper()
	out := l.call(s, "List", pageSize, limit)
	require.Nil(t, out[1].Interface())
	var sids []string
	for i := range out[0].Len() {
		sids = append(sids, sidOf(out[0].Index(i)))
	}
	return sids
}

func (l libraryList) stream(t *testing.T, s *system, pageSize int) []string {
	t.Helper()
	out := l.call(s, "Stream", pageSize, 0)
	var sids []string
	for item, ok := out[0].Recv(); ok; item, ok = out[0].Recv() {
		sids = append(sids, sidOf(item))
	}
	fault, _ := out[1].Recv()
	require.Nil(t, fault.Interface())
	return sids
}

// page reads a page of two.
func (l libraryList) page(t *testing.T, s *system, token, number string) ([]string, api.ListActivityResponseMeta) {
	t.Helper()
	out := l.call(s, "Page", 2, 0, token, number)
	require.Nil(t, out[1].Interface())
	response := out[0].Elem()
	items := response.Field(0)
	var sids []string
	for i := range items.Len() {
		sids = append(sids, sidOf(items.Index(i)))
	}
	return sids, response.FieldByName("Meta").Interface().(api.ListActivityResponseMeta)
}

// sidOf is what tells items of a list apart.
func sidOf(item reflect.Value) string {
	sid := item.FieldByName("Sid")
	if !sid.IsValid() {
		sid = item.FieldByName("TaskQueueSid")
	}
	return sid.Elem().String()
}
