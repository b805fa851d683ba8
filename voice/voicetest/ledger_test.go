package voicetest_test

import (
	"testing"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	voicetest.RunLedger(t, func(*testing.T) voice.Ledger { return voicetest.NewLedger() })
}
