package fake_test

import (
	"testing"

	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	voicetest.Run(t, func(t *testing.T) *voicetest.Harness {
		t.Helper()
		r := voicetest.NewReceiver("fake", "http://router.test", nil)
		b := fake.New(fake.Options{Fetcher: fake.HandlerFetcher(r)})
		t.Cleanup(b.Close)
		return &voicetest.Harness{Backend: b, Network: b.Network, Receiver: r, CanHold: true}
	})
}
