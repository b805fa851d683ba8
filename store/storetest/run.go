package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Run runs the suite. open returns an empty database without tables; the suite
// migrates it and closes it.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, f *fixture)
	}{
		{"accounts", testAccounts},
		{"keys", testKeys},
		{"claims", testClaims},
		{"claims are used once", testClaimsAreUsedOnce},
		{"claims are taken once", testClaimsAreTakenOnce},
		{"workspaces", testWorkspaces},
		{"every field is kept", testRoundTrips},
		{"upserts keep what identifies a row", testUpserts},
		{"configuration", testConfiguration},
		{"configuration cache", testConfigurationCache},
		{"tasks in a transaction", testTasks},
		{"reservations in a transaction", testReservations},
		{"demand classes", testClasses},
		{"heads", testHeads},
		{"lines", testLines},
		{"agents", testAgents},
		{"candidates", testCandidates},
		{"candidates of a large queue", testCandidatesOfLargeQueue},
		{"calls", testCalls},
		{"legs", testLegs},
		{"call queues", testCallQueues},
		{"jobs", testJobs},
		{"notices", testNotices},
		{"notices are claimed once", testNoticeClaims},
		{"what waits", testBacklogs},
		{"sweeper reads", testSweeperReads},
		{"events", testEvents},
		{"retention", testRetention},
		{"purge of tasks", testPurgeTasks},
		{"purge of calls", testPurgeCalls},
		{"purge of events", testPurgeEvents},
		{"counters", testCounters},
		{"counters of workers", testWorkerCounters},
		{"time in activities", testActivityDurations},
		{"census", testCensus},
		{"retention of statistics", testStatisticsRetention},
		{"deliveries", testDeliveries},
		{"a delivery switched off", testDeliverySwitchedOff},
		{"a delivery outlives its workspace", testDeliveryOutlivesWorkspace},
		{"events sent again", testResends},
		{"events sent again are bounded", testResendsAreBounded},
		{"an event sent again outlives its workspace", testResendOutlivesWorkspace},
		{"deleted tasks whose leg is up", testDeletedTasks},
		{"lists and filters", testLists},
		{"paging", testPaging},
		{"paging with ties and orderings", testPagingTies},
		{"hostile texts", testHostileTexts},
		{"lock row", testLockRow},
		{"rollback", testRollback},
		{"a task read with the lock", testAhead},
		{"last changes", testLast},
		{"lock excludes writers", testLockExcludes},
		{"error kinds", testErrorKinds},
		{"rows of another workspace", testForeignRows},
		{"deletes", testDeletes},
		{"workspace deletion", testDeleteWorkspace},
		{"foreign accounts", testForeignAccounts},
		{"large changes", testLargeChanges},
		{"migrate again", testMigrateAgain},
	} {
		t.Run(part.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			require.NoError(t, s.Migrate(t.Context()))
			part.test(t, newFixture(t, s))
		})
	}
}

func testMigrateAgain(t *testing.T, f *fixture) {
	require.NoError(t, f.s.Migrate(t.Context()))
	applied, known, err := f.s.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, known, applied)
	require.NotNil(t, f.fetchWorkspace(), "migrating again keeps the data")
}

func testAccounts(t *testing.T, f *fixture) {
	ctx := t.Context()
	a := filled[taskrouter.Account](1)
	b := filled[taskrouter.Account](2)
	b.SecondaryTokenSealed = nil
	b.VerifyVoiceSignature = false
	require.NoError(t, f.s.CreateAccount(ctx, b))
	require.NoError(t, f.s.CreateAccount(ctx, a))
	requireKind(t, taskrouter.KindConflict, f.s.CreateAccount(ctx, a))

	got, err := f.s.FetchAccount(ctx, a.SID)
	require.NoError(t, err)
	require.Equal(t, a, got)
	got, err = f.s.FetchAccount(ctx, b.SID)
	require.NoError(t, err)
	require.Equal(t, b, got)
	got, err = f.s.FetchAccount(ctx, "AC0")
	require.NoError(t, err)
	require.Nil(t, got)

	a.AuthTokenSealed = []byte{0, 1, 0xff, '\''}
	a.SecondaryTokenSealed = nil
	require.NoError(t, f.s.UpdateAccount(ctx, a))
	all, err := f.s.ListAccounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []*taskrouter.Account{a, b}, all)
	requireKind(t, taskrouter.KindNotFound, f.s.UpdateAccount(ctx, &taskrouter.Account{SID: "AC0"}))
}

func testWorkspaces(t *testing.T, f *fixture) {
	ctx := t.Context()
	require.Equal(t, f.workspace, f.fetchWorkspace())
	got, err := f.s.FetchWorkspace(ctx, f.account, "WS0")
	require.NoError(t, err)
	require.Nil(t, got)

	events, err := f.s.EventsAfter(ctx, f.ws, 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, int64(1), events[0].Seq)
	last, err := f.s.LastEventSeq(ctx, f.ws)
	require.NoError(t, err)
	require.Equal(t, int64(1), last)

	other := f.addWorkspace(f.account, "Second")
	f.addWorkspace(taskrouter.NewSID(taskrouter.PrefixAccount), "Second")
	page := func(name string) []string {
		l, err := f.s.ListWorkspaces(ctx, f.account, name, taskrouter.Page{Size: 10})
		require.NoError(t, err)
		return sids(l, func(w *taskrouter.Workspace) string { return w.SID })
	}
	require.ElementsMatch(t, []string{f.ws, other}, page(""))
	require.Equal(t, []string{other}, page("Second"))
	require.Empty(t, page("second"), "names of Workspaces are compared exactly")

	w := *f.workspace
	w.Deleting = true
	f.apply(&dispatch.Changes{Workspace: &w})
	require.Equal(t, []string{other}, page(""), "a Workspace that is being deleted is not listed")
	require.True(t, f.fetchWorkspace().Deleting)

	all, err := f.s.AllWorkspaces(ctx, "", 100)
	require.NoError(t, err)
	require.Len(t, all, 3)
	all, err = f.s.AllWorkspaces(ctx, all[0].SID, 1)
	require.NoError(t, err)
	require.Len(t, all, 1)

	again := *f.workspace
	requireKind(t, taskrouter.KindConflict, f.s.CreateWorkspace(ctx, &again, nil, nil, nil, nil, nil))
	require.NoError(t, f.s.InWorkspace(ctx, f.ws, func(context.Context, dispatch.Tx) error { return nil }))
}
