package e2e

import "testing"

// scenario is a story with its own contact centre.
type scenario struct {
	name string
	tell func(t *testing.T, s *system)
}

// scenarios run on both databases, side by side on one system each. Their names
// are those of the histories in the replay corpus.
var scenarios = []scenario{
	{"plain", plainTask},
	{"menu", menuToWrapUp},
	{"demo", demoCall},
	{"rejected", phoneRejected},
	{"busy", phoneBusy},
	{"timeout", phoneNotAnswered},
	{"escalated", escalated},
	{"last-target", lastTargetTimesOut},
	{"abandoned-waiting", callerLeavesWhileWaiting},
	{"abandoned-ringing", callerLeavesWhileRinging},
	{"accepted-by-rest", acceptedByREST},
	{"callback-accept", callbackAccepts},
	{"callback-dequeue", callbackDequeues},
	{"callback-fallback", callbackFallsBack},
	{"callback-failing", callbackFails},
	{"ttl", timeToLive},
	{"canceled-outside", canceledInTemporal},
	{"canceled-outside-assigned", assignedTaskCanceledInTemporal},
	{"deleted", deletedTask},
	{"deleted-calling", deletedWhileCallerWaits},
	{"duplicates", duplicateWebhooks},
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, database := range []string{sqlite, postgres} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := startSystem(t, database)
			judgedInTheEnd(t, s)
			for _, sc := range scenarios {
				t.Run(sc.name, func(t *testing.T) {
					t.Parallel()
					sc.tell(t, s)
				})
			}
		})
	}
}
