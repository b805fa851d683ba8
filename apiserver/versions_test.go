package apiserver_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntityTags(t *testing.T) {
	f := furnished(t)
	for _, path := range []string{f.task, f.worker, f.reservation, f.workerReservation} {
		require.Regexp(t, `^"\d+"$`, f.Do(f.Account, "GET", path, nil).Header.Get("ETag"), path)
	}
	for _, tc := range []struct {
		path string
		good url.Values
	}{
		{f.task, url.Values{"Priority": {"8"}}},
		{f.worker, url.Values{"Attributes": {`{"skills":["tax"],"n":1}`}}},
		{f.reservation, url.Values{"ReservationStatus": {"accepted"}}},
	} {
		before := f.Do(f.Account, "GET", tc.path, nil)
		tag := before.Header.Get("ETag")
		for _, stale := range []string{`"99"`, "99", `W/"99"`, "nonsense"} {
			refusal(t, f.Do(f.Account, "POST", tc.path, tc.good, "If-Match", stale), 412, 20412)
		}
		require.JSONEq(t, string(before.Body), string(f.Do(f.Account, "GET", tc.path, nil).Body), "nothing changed")
		a := f.Do(f.Account, "POST", tc.path, tc.good, "If-Match", tag)
		require.Equal(t, 200, a.Status, "%s", a.Body)
		require.NotEqual(t, tag, a.Header.Get("ETag"))
		refusal(t, f.Do(f.Account, "POST", tc.path, tc.good, "If-Match", tag), 412, 20412)
	}
	for _, path := range []string{f.task, f.worker} {
		refusal(t, f.Do(f.Account, "DELETE", path, nil, "If-Match", `"99"`), 412, 20412)
	}
	require.Equal(t, 204, f.Do(f.Account, "DELETE", f.task, nil, "If-Match", "*").Status)
}

// TestOrderOfChecks shows that existence comes before the version, and the
// version before the parameters.
func TestOrderOfChecks(t *testing.T) {
	f := furnished(t)
	bad := map[string]url.Values{
		f.task:              {"Priority": {"x"}},
		f.worker:            {"ActivitySid": {"x"}},
		f.reservation:       {"ReservationStatus": {"x"}},
		f.workerReservation: {"Instruction": {"dance"}},
	}
	for path, form := range bad {
		a := f.Do(f.Account, "POST", path, form)
		require.Equal(t, 400, a.Status, path)
		refusal(t, f.Do(f.Account, "POST", path, form, "If-Match", `"99"`), 412, 20412)
		missing := path[:len(path)-4] + "ffff"
		refusal(t, f.Do(f.Account, "POST", missing, form, "If-Match", `"99"`), 404, 20404)
	}
	for path, form := range map[string]url.Values{
		f.queue: {"TargetWorkers": {"== =="}}, f.workflow: {"Configuration": {"{"}}, f.activity: {"FriendlyName": {""}},
		f.callQueue: {"WrapUp": {"x"}}, f.channel: {"FriendlyName": {""}},
	} {
		refusal(t, f.Do(f.Account, "POST", path, form), 400, 20001)
		refusal(t, f.Do(f.Account, "POST", path[:len(path)-4]+"ffff", form), 404, 20404)
	}
}
