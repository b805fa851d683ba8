package apiserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// trespass is two accounts with one of everything each: an owner, and an
// intruder who knows every SID the owner has.
type trespass struct {
	owner, intruder *fixture
	rows            *snapshot
}

func newTrespass(t *testing.T) *trespass {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	s := stack.StartOn(t, stack.Ground{DatabaseURL: "sqlite:" + file})
	swapped := *s
	swapped.Account, swapped.Foreign = s.Foreign, s.Account
	x := &trespass{
		owner: furnish(t, s, "+15550100"), intruder: furnish(t, &swapped, "+15550200"),
		rows: &snapshot{
			t: t, db: open(t, "sqlite", file),
			tables: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
		},
	}
	x.owner.deliver()
	x.intruder.deliver()
	return x
}

// each runs a test for every operation of the table with a path that exists for
// its owner. A new operation fails here until the fixture has something for it.
func (x *trespass) each(t *testing.T, test func(t *testing.T, o apiserver.Operation, path string)) {
	for _, o := range apiserver.Operations() {
		t.Run(o.ID, func(t *testing.T) {
			path := x.owner.path(o.Path)
			require.NotContains(t, path, ":", "the fixture has nothing for this path")
			test(t, o, path)
		})
	}
}

// sids are those of the owner.
func (x *trespass) sids() []string {
	f := x.owner
	out := []string{f.Account.SID, f.byKey.SID}
	for _, path := range []string{
		f.workspace, f.activity, f.available, f.worker, f.workerChannel, f.channel, f.queue, f.workflow, f.task, f.reservation,
		f.event, f.delivery, f.callQueue,
	} {
		out = append(out, sidOf(path))
	}
	return out
}

// requireNoneIn makes sure that a text says nothing of the owner.
func (x *trespass) requireNoneIn(t *testing.T, text string) {
	t.Helper()
	for _, sid := range x.sids() {
		require.NotContains(t, text, sid)
	}
}

// collection reports whether an operation is about all Workspaces of whoever
// asks: nothing in it names anybody.
func collection(o apiserver.Operation) bool { return o.Path == "/v1/Workspaces" }

// ofAccount reports whether a path names the account itself.
func ofAccount(o apiserver.Operation) bool { return strings.Contains(o.Path, ":account") }

// TestForeignCredentialsReachNothing asks for what the owner has, with the
// intruder's token and with the intruder's key.
func TestForeignCredentialsReachNothing(t *testing.T) {
	x := newTrespass(t)
	before := x.rows.take()
	for who, as := range map[string]stack.Credentials{"token": x.intruder.Account, "key": x.intruder.byKey} {
		t.Run(who, func(t *testing.T) {
			x.each(t, func(t *testing.T, o apiserver.Operation, path string) {
				if collection(o) {
					if o.Method == http.MethodGet {
						x.requireNoneIn(t, string(x.owner.Do(as, o.Method, path, nil).Body))
					}
					return
				}
				a := x.owner.Do(as, o.Method, path, url.Values{"FriendlyName": {"Mine"}, "Priority": {"9"}})
				if ofAccount(o) {
					refusal(t, a, 401, 20003)
					return
				}
				e := refusal(t, a, 404, 20404)
				require.Equal(t, "The requested resource "+path+" was not found", e.Message)
			})
		})
	}
	require.Empty(t, changed(before, x.rows.take()))
}

// TestForeignSIDsInOwnPathsReachNothing mixes SIDs of the owner into paths of
// the intruder, in each place and in every combination.
func TestForeignSIDsInOwnPathsReachNothing(t *testing.T) {
	x := newTrespass(t)
	before := x.rows.take()
	x.each(t, func(t *testing.T, o apiserver.Operation, path string) {
		pattern := strings.Split(o.Path, "/")
		theirs, own := strings.Split(path, "/"), strings.Split(x.intruder.path(o.Path), "/")
		var places []int // of SIDs below the Workspace or the account
		for i, segment := range pattern {
			if strings.HasPrefix(segment, ":") && segment != ":ws" && segment != ":account" {
				places = append(places, i)
			}
		}
		for mask := 1; mask < 1<<len(places); mask++ {
			mixed := append([]string{}, own...)
			for bit, i := range places {
				if mask&(1<<bit) != 0 {
					mixed[i] = theirs[i]
				}
			}
			for _, as := range []stack.Credentials{x.intruder.Account, x.intruder.byKey} {
				a := x.intruder.Do(as, o.Method, strings.Join(mixed, "/"), url.Values{"FriendlyName": {"Mine"}, "Priority": {"9"}})
				if ofAccount(o) && as == x.intruder.byKey {
					refusal(t, a, 401, 20003)
					continue
				}
				refusal(t, a, 404, 20404)
			}
		}
	})
	require.Empty(t, changed(before, x.rows.take()))
}

// TestForeignSIDsInParametersReachNothing sends SIDs of the owner in every
// parameter that takes one, with each operation on what the intruder has. The
// intruder's own rows may change; none may speak of the owner.
func TestForeignSIDsInParametersReachNothing(t *testing.T) {
	x := newTrespass(t)
	f, as := x.owner, x.intruder.Account
	before := x.rows.take()
	params := map[string][]string{
		"ActivitySid": {f.activity}, "WorkerActivitySid": {f.available}, "DefaultActivitySid": {f.activity}, "TimeoutActivitySid": {f.activity},
		"ReservationActivitySid": {f.activity}, "AssignmentActivitySid": {f.activity}, "DequeuePostWorkActivitySid": {f.activity},
		"PostWorkActivitySid": {f.activity}, "TaskQueueSid": {f.queue}, "WorkflowSid": {f.workflow}, "WorkerSid": {f.worker},
		"TaskSid": {f.task}, "ReservationSid": {f.reservation}, "TaskChannel": {f.channel}, "TaskChannelSid": {f.channel}, "Sid": {f.event},
		"RoutingTarget": {f.worker, f.queue, f.workflow},
	}
	// What some operations need beside the parameter.
	base := url.Values{
		"FriendlyName": {"Mine"}, "UniqueName": {"mine"}, "Attributes": {"{}"}, "ReservationStatus": {"accepted"},
		"Configuration": {`{"task_routing":{"default_filter":{"queue":"` + sidOf(f.queue) + `"}}}`},
	}
	x.each(t, func(t *testing.T, o apiserver.Operation, _ string) {
		path := x.intruder.path(o.Path)
		send := func(name, value string) {
			form := url.Values{}
			if o.Method == http.MethodPost {
				for k, v := range base {
					form[k] = v
				}
			}
			form.Set(name, value)
			a := x.intruder.Do(as, o.Method, path, form)
			require.NotEqual(t, 500, a.Status, "%s", a.Body)
			if a.Status >= 300 {
				return // a refusal may repeat what it refuses
			}
			var body map[string]any
			require.NoError(t, json.Unmarshal(a.Body, &body), "%s", a.Body)
			for _, key := range []string{"meta", "uri", "first_page_uri"} { // pages repeat the filters that were asked for
				delete(body, key)
			}
			text, err := json.Marshal(body)
			require.NoError(t, err)
			x.requireNoneIn(t, string(text))
		}
		if o.Method == http.MethodDelete {
			return
		}
		for name, paths := range params {
			for _, p := range paths {
				send(name, sidOf(p))
			}
		}
		if o.Method == http.MethodGet {
			for _, sid := range x.sids() {
				send("PageToken", "PA"+sid)
				send("PageToken", "PB"+sid)
			}
		}
	})
	for _, row := range changed(before, x.rows.take()) {
		x.requireNoneIn(t, row)
	}
}

// TestForeignQueuesCountNothing asks for the figures of the owner's queue.
func TestForeignQueuesCountNothing(t *testing.T) {
	x := newTrespass(t)
	figures := func(queue string) string {
		r, err := http.NewRequest(http.MethodPost, x.intruder.URL+x.intruder.workspace+"/TaskQueues/RealTimeStatistics",
			strings.NewReader(`{"TaskQueueSids":["`+queue+`"]}`))
		require.NoError(t, err)
		r.SetBasicAuth(x.intruder.Account.SID, x.intruder.Account.Token)
		r.Header.Set("Content-Type", "application/json")
		a := x.intruder.Send(r)
		return strings.ReplaceAll(string(a.Body), queue, "WQ")
	}
	require.Equal(t, figures(newSID("WQ")), figures(sidOf(x.owner.queue)))
}

// TestKeysReachWhatTheirAccountReaches walks the table with a key of the owner.
func TestKeysReachWhatTheirAccountReaches(t *testing.T) {
	x := newTrespass(t)
	x.each(t, func(t *testing.T, o apiserver.Operation, path string) {
		if o.Method != http.MethodGet {
			return
		}
		a := x.owner.Do(x.owner.byKey, o.Method, path, nil)
		if ofAccount(o) {
			refusal(t, a, 401, 20003)
			return
		}
		require.Equal(t, 200, a.Status, "%s", a.Body)
	})
}
