package rest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/rest"
	"github.com/taskrouter/taskrouter/voice/voicetest"
	"github.com/taskrouter/taskrouter/voice/voicetest/platform"
)

var flavours = []voice.Flavour{voice.FlavourTwilio, voice.FlavourRestcomm}

// bench is a driver in front of a scripted platform.
type bench struct {
	*voicetest.Harness
	platform *platform.Server
	ledger   *voicetest.Ledger
	options  rest.Options
	driver   *rest.Driver
}

func newBench(t *testing.T, flavour voice.Flavour) *bench {
	t.Helper()
	ledger := voicetest.NewLedger()
	receiver := voicetest.NewReceiver("pstn", "http://router.test", ledger)
	network := fake.NewNetwork(fake.Options{Emulate: flavour, Fetcher: fake.HandlerFetcher(receiver)})
	p := platform.New(platform.Options{Network: network})
	srv := httptest.NewServer(p)
	t.Cleanup(func() {
		p.Close()
		srv.CloseClientConnections()
		srv.Close()
	})
	b := &bench{platform: p, ledger: ledger, options: rest.Options{
		Name: "pstn", Flavour: flavour, BaseURL: srv.URL + p.BasePath(),
		AccountSID: network.AccountSID(), Token: p.Token(), Ledger: ledger,
		CallbackWait: 300 * time.Millisecond,
	}}
	b.driver = b.newDriver(t)
	b.Harness = &voicetest.Harness{
		Backend: b.driver, Network: network, Receiver: receiver, CanHold: flavour == voice.FlavourTwilio,
	}
	return b
}

// newDriver makes another driver on the same ledger, as after a restart.
func (b *bench) newDriver(t *testing.T) *rest.Driver {
	t.Helper()
	d, err := rest.New(b.options)
	require.NoError(t, err)
	return d
}

func eachFlavour(t *testing.T, run func(t *testing.T, f voice.Flavour)) {
	t.Helper()
	for _, f := range flavours {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			run(t, f)
		})
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		voicetest.Run(t, func(t *testing.T) *voicetest.Harness {
			t.Helper()
			return newBench(t, f).Harness
		})
	})
}
