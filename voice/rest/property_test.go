package rest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/rest"
	"github.com/taskrouter/taskrouter/voice/voicetest"
	"github.com/taskrouter/taskrouter/voice/voicetest/platform"
)

// hastyClock makes every wait a thousand times shorter.
type hastyClock struct{ voice.SystemClock }

func (c hastyClock) AfterFunc(d time.Duration, f func()) func() bool {
	return c.SystemClock.AfterFunc(d/1000, f)
}

// Whatever goes wrong, however often, and however often Dial is repeated by
// whichever process: one attempt rings one phone at most once, and a success
// names the leg that rings.
func TestNeverRingsTwice(t *testing.T) {
	t.Parallel()
	faults := rapid.SampledFrom([]platform.Fault{
		{Kind: platform.DropRequest},
		{Kind: platform.DropReply},
		{Kind: platform.Garble},
		{Kind: platform.Array},
		{Kind: platform.Answer, Status: 500},
		{Kind: platform.Answer, Status: 500, Text: "exception"},
		{Kind: platform.Answer, Status: 503, Text: "overload"},
		{Kind: platform.Answer, Status: 429, RetryAfter: 1},
		{Kind: platform.AnswerAfter, Status: 500},
		{Kind: platform.AnswerAfter, Status: 500, Text: "ask timed out"},
		{Kind: platform.AnswerAfter, Status: 504},
	})
	// A list that was answered tells the truth; it may fail to be answered.
	listFaults := rapid.SampledFrom([]platform.Fault{
		{Op: platform.OpList, Kind: platform.DropReply},
		{Op: platform.OpList, Kind: platform.Answer, Status: 500, Times: 3},
		{Op: platform.OpList, Kind: platform.Answer, Status: 429},
	})
	rapid.Check(t, func(rt *rapid.T) {
		flavour := rapid.SampledFrom(flavours).Draw(rt, "flavour")
		ledger := voicetest.NewLedger()
		receiver := voicetest.NewReceiver("pstn", "http://router.test", ledger)
		network := fake.NewNetwork(fake.Options{Emulate: flavour, Fetcher: fake.HandlerFetcher(receiver)})
		p := platform.New(platform.Options{Network: network})
		srv := httptest.NewServer(p)
		defer srv.Close()
		defer p.Close()
		network.SetCallbackFaults(fake.CallbackFaults{
			Suppress: rapid.Bool().Draw(rt, "suppress"), Reorder: rapid.Bool().Draw(rt, "reorder"),
			Duplicate: rapid.Bool().Draw(rt, "duplicate"),
		})
		for range rapid.IntRange(0, 5).Draw(rt, "faults") {
			f := faults.Draw(rt, "fault")
			f.Op = platform.OpOriginate
			p.Script(f)
		}
		for range rapid.IntRange(0, 3).Draw(rt, "list faults") {
			p.Script(listFaults.Draw(rt, "list fault"))
		}
		var placed []string
		for range rapid.IntRange(1, 4).Draw(rt, "dials") {
			d, err := rest.New(rest.Options{
				Name: "pstn", Flavour: flavour, BaseURL: srv.URL + p.BasePath(), AccountSID: network.AccountSID(),
				Token: p.Token(), Ledger: ledger, CallbackWait: time.Millisecond, Clock: hastyClock{},
			})
			require.NoError(rt, err)
			res, err := d.Dial(t.Context(), receiver.DialRequest("WR1-1", target, "WT1"))
			if err != nil {
				require.NotEqual(rt, voice.ClassFatal, voice.Verdict(err), "%v", err)
				continue
			}
			if placed == nil {
				placed = res.CallSIDs
			}
			require.Equal(rt, placed, res.CallSIDs)
		}
		calls := network.Calls()
		require.LessOrEqual(rt, len(calls), 1)
		if placed != nil {
			require.Len(rt, calls, 1)
			require.Equal(rt, []string{calls[0].CallSID}, placed)
		}
	})
}
