package fake_test

import (
	"testing"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, ledger := range map[string]func() voice.Ledger{
		"alone":         func() voice.Ledger { return nil },
		"with a ledger": func() voice.Ledger { return voicetest.NewLedger() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			voicetest.Run(t, func(t *testing.T) *voicetest.Harness {
				t.Helper()
				l := ledger()
				r := voicetest.NewReceiver("fake", "http://router.test", l)
				b := fake.New(fake.Options{Fetcher: fake.HandlerFetcher(r), Ledger: l})
				t.Cleanup(b.Close)
				return &voicetest.Harness{Backend: b, Network: b.Network, Receiver: r, CanHold: true}
			})
		})
	}
}
