package apiserver_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLiveQueuesShowWhoBelongs has a queue whose members change without an
// edit: everybody is stored as its member, and nobody may see that.
func TestLiveQueuesShowWhoBelongs(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	ben := f.make(w+"/Workers", url.Values{"FriendlyName": {"Ben"}})
	at := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Present"}, "TargetWorkers": {`activity_name == "Available"`}})
	idle := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Idle"}, "TargetWorkers": {`channel.default.assigned_tasks == 0 AND channel.default.available_capacity_percentage == 100`}})
	nobody := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Nobody"}, "TargetWorkers": {``}})
	f.Sweep()

	workers := func(query string) []string { return values(f.list(w+"/Workers?"+query, nil), "friendly_name") }
	require.Equal(t, []string{"Ann"}, workers("TaskQueueSid="+sidOf(at)))
	require.Equal(t, []string{"Ann"}, workers("TaskQueueName=Present"))
	require.Equal(t, []string{"Ben"}, workers("TaskQueueSid="+sidOf(idle)), "Ann holds an offer")
	require.Equal(t, []string{}, workers("TaskQueueSid="+sidOf(nobody)))
	require.Equal(t, []string{}, workers("TaskQueueSid="+sidOf(at)+"&TargetWorkersExpression="+url.QueryEscape(`friendly_name == "Ben"`)))

	queues := func(query string) []string { return values(f.list(w+"/TaskQueues?"+query, nil), "friendly_name") }
	require.Equal(t, []string{"Tax", "Present"}, queues("WorkerSid="+sidOf(f.worker)))
	require.Equal(t, []string{"Idle"}, queues("WorkerSid="+sidOf(ben)))
	require.Equal(t, []string{"Tax"}, queues("WorkerSid="+sidOf(f.worker)+"&EvaluateWorkerAttributes="+url.QueryEscape(`{"skills":["tax"]}`)))
	require.Equal(t, []string{}, queues("WorkerSid="+newSID("WK")))

	now := f.get(at + "/RealTimeStatistics")
	require.EqualValues(t, 1, now["total_eligible_workers"])
	require.EqualValues(t, 1, now["total_available_workers"])
	now = f.get(idle + "/RealTimeStatistics")
	require.EqualValues(t, 1, now["total_eligible_workers"])
	require.EqualValues(t, 0, now["total_available_workers"])

	all := f.get(w + "/Workers/Statistics?TaskQueueSid=" + sidOf(at))
	realtime, _ := all["realtime"].(map[string]any)
	require.EqualValues(t, 1, realtime["total_workers"])
	cumulative, _ := all["cumulative"].(map[string]any)
	require.EqualValues(t, 1, cumulative["reservations_created"])
	all = f.get(w + "/Workers/Statistics?TaskQueueName=Idle")
	cumulative, _ = all["cumulative"].(map[string]any)
	require.EqualValues(t, 0, cumulative["reservations_created"])
}
