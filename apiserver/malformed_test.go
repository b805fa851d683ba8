package apiserver_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// mistake is a request that a client got wrong.
type mistake struct {
	// name is what is wrong.
	name         string
	method, path string
	// form is the query of a GET or DELETE and the body of a POST, as written.
	form string
	// headers are pairs of name and value; an empty value removes the header.
	headers []string
	status  int
	code    int
}

// Most mistakes are answered with 400 and the code of invalid parameters.
func get(name, path, query string) mistake {
	return mistake{name: name, method: http.MethodGet, path: path, form: query, status: 400, code: 20001}
}

func post(name, path, form string) mistake {
	return mistake{name: name, method: http.MethodPost, path: path, form: form, status: 400, code: 20001}
}

func del(name, path string) mistake {
	return mistake{name: name, method: http.MethodDelete, path: path, status: 400, code: 20001}
}

// as is a mistake with another answer.
func (m mistake) as(status, code int) mistake {
	m.status, m.code = status, code
	return m
}

// with is a mistake with headers.
func (m mistake) with(headers ...string) mistake {
	m.headers = headers
	return m
}

// field writes one parameter.
func field(name, value string) string { return url.QueryEscape(name) + "=" + url.QueryEscape(value) }

// mistakes are the requests of all tables.
func mistakes(f *fixture, other *neighbour) []mistake {
	return slices.Concat(
		wrongCredentials(f), wrongPaths(f, other), wrongBodies(f), wrongTags(f), wrongPages(f, other),
		wrongWorkspaces(f, other), wrongActivities(f), wrongChannels(f), wrongQueues(f, other), wrongWorkflows(f, other),
		wrongWorkers(f, other), wrongTasks(f, other), wrongReservations(f, other), wrongEvents(f, other),
		wrongCallQueues(f, other), wrongStatistics(f, other),
	)
}

// neighbour is another Workspace of the same account, whose SIDs are of the
// right form and mean nothing in the first one.
type neighbour struct {
	workspace, activity, channel, queue, workflow, worker, task, event string
}

func newNeighbour(f *fixture) *neighbour {
	w := f.make("/v1/Workspaces", url.Values{"FriendlyName": {"Neighbour"}})
	n := &neighbour{
		workspace: w,
		activity:  f.make(w+"/Activities", url.Values{"FriendlyName": {"Tea"}}),
		channel:   f.make(w+"/TaskChannels", url.Values{"FriendlyName": {"Fax"}, "UniqueName": {"fax"}}),
		queue:     f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Law"}, "TargetWorkers": {"1==2"}}),
		worker:    f.make(w+"/Workers", url.Values{"FriendlyName": {"Ben"}}),
	}
	n.workflow = f.make(w+"/Workflows", url.Values{
		"FriendlyName": {"Mail"}, "Configuration": {`{"task_routing":{"default_filter":{"queue":"` + sidOf(n.queue) + `"}}}`},
	})
	n.task = f.make(w+"/Tasks", url.Values{})
	n.event = w + "/Events/" + f.list(w+"/Events", url.Values{"PageSize": {"1"}})[0].text("sid")
	return n
}

// TestMalformedRequests sends what clients get wrong. Each is refused with the
// right status and code, nothing ends in a fault of ours, and no row of any
// table is another one afterwards.
func TestMalformedRequests(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "test.db")
		malformed(t, "sqlite:"+file, &snapshot{
			t: t, db: open(t, "sqlite", file),
			tables: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
		}, 1)
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.Start(t)
		malformed(t, url, &snapshot{
			t: t, db: open(t, "pgx", url),
			tables: "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name",
		}, 25)
	})
}

// malformed makes all mistakes against one database and compares its rows
// after every few of them.
func malformed(t *testing.T, database string, s *snapshot, every int) {
	var asked atomic.Int64
	f := furnishedOn(t, stack.Ground{DatabaseURL: database}, func(o *apiserver.Options) {
		// Leaves time between requests, of which only so many a second are let in.
		o.Now = func() time.Time { return time.Now().Add(time.Duration(asked.Add(1)) * time.Second) }
	})
	f.deliver()
	other := newNeighbour(f)
	all := mistakes(f, other)
	require.GreaterOrEqual(t, len(all), 150)
	names, requests := map[string]bool{}, map[string]bool{}
	before := s.take()
	for i, m := range all {
		request := fmt.Sprint(m.method, m.path, m.form, m.headers)
		require.False(t, names[m.name], "two mistakes are called %q", m.name)
		require.False(t, requests[request], "%s is not a mistake of its own", m.name)
		names[m.name], requests[request] = true, true
		t.Run(m.name, func(t *testing.T) {
			g := *f
			g.t = t
			refusal(t, g.err(m), m.status, m.code)
		})
		if (i+1)%every == 0 || i == len(all)-1 {
			after := s.take()
			require.Empty(t, changed(before, after), "after %s", m.name)
		}
	}
}

// err makes a mistake.
func (f *fixture) err(m mistake) stack.Answer {
	f.t.Helper()
	path, body := m.path, ""
	if m.method == http.MethodPost {
		body = m.form
	} else if m.form != "" {
		path += "?" + m.form
	}
	r, err := http.NewRequest(m.method, f.URL, strings.NewReader(body))
	require.NoError(f.t, err)
	// As written: a client library would mend it.
	target := r.URL.Host
	r.URL.Opaque = "//" + target + path
	r.SetBasicAuth(f.Account.SID, f.Account.Token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(m.headers); i += 2 {
		if m.headers[i+1] == "" {
			r.Header.Del(m.headers[i])
		} else {
			r.Header.Set(m.headers[i], m.headers[i+1])
		}
	}
	if r.Header.Get("Transfer-Encoding") != "" {
		r.Header.Del("Transfer-Encoding")
		r.ContentLength = -1
	}
	return f.Send(r)
}

// snapshot reads every row of a database, beside the server.
type snapshot struct {
	t      *testing.T
	db     *sql.DB
	tables string
}

func open(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// take returns the rows of each table as text, in an order of their own.
func (s *snapshot) take() map[string][]string {
	s.t.Helper()
	out := map[string][]string{}
	for _, table := range s.query(s.tables) {
		name := strings.Trim(table, "[]")
		if !strings.Contains(name, "goose") {
			out[name] = s.query("SELECT * FROM " + name)
		}
	}
	require.Contains(s.t, out, "events")
	require.NotEmpty(s.t, out["tasks"])
	return out
}

// changed lists the rows that are in one of two snapshots only.
func changed(before, after map[string][]string) []string {
	var out []string
	for table, rows := range after {
		for _, row := range rows {
			if !slices.Contains(before[table], row) {
				out = append(out, table+" has "+row)
			}
		}
		for _, row := range before[table] {
			if !slices.Contains(rows, row) {
				out = append(out, table+" had "+row)
			}
		}
	}
	return out
}

func (s *snapshot) query(statement string) []string {
	s.t.Helper()
	rows, err := s.db.QueryContext(s.t.Context(), statement)
	require.NoError(s.t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(s.t, err)
	var out []string
	for rows.Next() {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		require.NoError(s.t, rows.Scan(dest...))
		out = append(out, fmt.Sprint(values))
	}
	require.NoError(s.t, rows.Err())
	return out
}
