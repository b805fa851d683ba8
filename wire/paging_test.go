package wire_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

const listPath = "/v1/Workspaces/" + workspaceSID + "/Tasks"

func paging(t *testing.T, query string) wire.Paging {
	t.Helper()
	q, err := url.ParseQuery(query)
	require.NoError(t, err)
	p, err := wire.ParsePaging(listPath, q, taskrouter.PrefixTask)
	require.NoError(t, err)
	return p
}

func TestParsePaging(t *testing.T) {
	p := paging(t, "")
	require.Equal(t, taskrouter.Page{Size: 50}, p.Page)
	require.Equal(t, taskrouter.Page{Size: 1000}, paging(t, "PageSize=1001").Page)
	require.Equal(t, taskrouter.Page{Size: 1}, paging(t, "PageSize=1&Page=0").Page)
	p = paging(t, "PageSize=2&Page=3&PageToken=PA"+taskSID)
	require.Equal(t, taskrouter.Page{Size: 2, After: taskSID}, p.Page)
	require.Equal(t, 3, p.Number)
	require.Equal(t, taskSID, paging(t, "PageToken=PB"+taskSID).Before)
	mark := taskrouter.Mark(taskSID, 5, -1, 1<<50)
	require.Equal(t, mark, paging(t, "PageToken=PA"+mark).After)

	for query, code := range map[string]int{
		"PageSize=0": 0, "PageSize=-1": 0, "PageSize=x": 0, "PageSize=1.5": 0, "PageSize=": 0, "Page=-1": 0,
		"Page=1": 40153, "PageToken=": 0, "PageToken=PA": 0, "PageToken=PC" + taskSID: 0, "PageToken=" + taskSID: 0,
		"PageToken=PA" + workerSID: 0, "PageToken=PA" + taskSID + "0": 0, "PageToken=PA%00": 0,
		"PageToken=PA" + taskSID + ".": 0, "PageToken=PA" + taskSID + ".1.+": 0, "PageToken=PA" + taskSID + ".1.1.1.1": 0,
	} {
		q, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = wire.ParsePaging(listPath, q, taskrouter.PrefixTask)
		var e *taskrouter.Error
		require.ErrorAs(t, err, &e, query)
		require.Equal(t, taskrouter.KindInvalid, e.Kind, query)
		require.Equal(t, code, e.Code, query)
	}
}

func letters(s string) []string { return strings.Split(s, "") }

func TestCut(t *testing.T) {
	sid := func(s string) string { return s }
	type result struct {
		items               string
		prior, more         bool
		first, last, caseOf string
	}
	for _, tc := range []struct {
		items string
		page  taskrouter.Page
		want  result
	}{
		{"ab", taskrouter.Page{Size: 2}, result{"ab", false, false, "a", "b", "only page"}},
		{"abc", taskrouter.Page{Size: 2}, result{"ab", false, true, "a", "b", "first page"}},
		{"cde", taskrouter.Page{Size: 2, After: "b"}, result{"cd", true, true, "c", "d", "middle page"}},
		{"e", taskrouter.Page{Size: 2, After: "d"}, result{"e", true, false, "e", "e", "last page"}},
		{"abc", taskrouter.Page{Size: 2, Before: "d"}, result{"bc", true, true, "b", "c", "back to the middle"}},
		{"ab", taskrouter.Page{Size: 2, Before: "c"}, result{"ab", false, true, "a", "b", "back to the first"}},
	} {
		s := wire.Cut(letters(tc.items), tc.page, sid)
		require.Equal(t, tc.want, result{strings.Join(s.Items, ""), s.HasPrior, s.HasMore, s.First, s.Last, tc.want.caseOf})
	}
	require.Empty(t, wire.Cut([]string{}, taskrouter.Page{Size: 2, After: "x"}, sid).Items)
}

func TestNewList(t *testing.T) {
	p := paging(t, "Priority=5&AssignmentStatus=pending&AssignmentStatus=reserved&TaskQueueName=A%26B+%C3%A9&PageSize=2&Page=1&PageToken=PA"+workerlike)
	list := wire.NewList("tasks", p, wire.Slice[string]{Items: letters("xy"), First: "WT1", Last: "WT2", HasMore: true, HasPrior: true}, links,
		func(s string) map[string]string { return map[string]string{"sid": s} })
	body, err := json.Marshal(list)
	require.NoError(t, err)
	require.NotContains(t, string(body), "u0026\\")
	filters := "https://router.example.com" + listPath + "?AssignmentStatus=pending&AssignmentStatus=reserved&Priority=5&TaskQueueName=A%26B+%C3%A9&PageSize=2"
	previous, next := filters+"&Page=0&PageToken=PBWT1", filters+"&Page=2&PageToken=PAWT2"
	require.Equal(t, wire.Meta{
		Key: "tasks", Page: 1, PageSize: 2, URL: filters + "&Page=1&PageToken=PA" + workerlike, FirstPageURL: filters + "&Page=0",
		PreviousPageURL: &previous, NextPageURL: &next,
	}, list.Meta)

	var decoded struct {
		Tasks []map[string]string
		Meta  map[string]any
	}
	require.NoError(t, json.Unmarshal(body, &decoded))
	require.Len(t, decoded.Tasks, 2)
	require.Equal(t, "tasks", decoded.Meta["key"])

	empty := wire.NewList("tasks", paging(t, ""), wire.Cut([]string{}, taskrouter.Page{Size: 50}, func(s string) string { return s }), links, func(s string) string { return s })
	body, err = json.Marshal(empty)
	require.NoError(t, err)
	require.Contains(t, string(body), `"tasks":[]`)
	require.Contains(t, string(body), `"next_page_url":null`)
	require.Contains(t, string(body), `"previous_page_url":null`)
}

const workerlike = "WT0000000000000000000000000000000f"
