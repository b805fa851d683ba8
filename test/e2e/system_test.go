package e2e

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/test/twiliotest"
)

// Databases every scenario runs on.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// system is a running Task Router with an account, seen from outside.
type system struct {
	*dev.System
	database string
	// rest is the official client library.
	rest *api.ApiService
	// web speaks plain HTTP where the library cannot.
	web   web
	phone phone
	// temporal is what an operator has.
	temporal sdkclient.Client

	counter atomic.Int64
	// recorded counts the histories of each scenario.
	recorded sync.Map
}

// startSystem starts a system that ends with the test.
func startSystem(t *testing.T, database string, change ...func(*dev.Options)) *system {
	t.Helper()
	o := dev.Options{Listen: "127.0.0.1:0", Ephemeral: true, NoUI: true, Version: "e2e"}
	o.TemporalAddress, o.Namespace = conductor.namespace(t)
	if database == postgres {
		o.Database = pgtest.Start(t)
	}
	address := o.TemporalAddress
	for _, f := range change {
		f(&o)
	}
	o.Log = logger(t)
	sys, err := dev.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dev.StopTimeout)
		defer cancel()
		require.NoError(t, sys.Stop(ctx))
	})
	s := &system{System: sys, database: database}
	s.connect(t, sys.App.URL(), sys.AccountSID, sys.AuthToken)
	s.temporal = dialTemporal(t, address, o.Namespace)
	return s
}

// connect sets up the clients.
func (s *system) connect(t *testing.T, url, account, token string) {
	t.Helper()
	s.rest = twiliotest.Client(url, account, token).TaskrouterV1
	s.web = web{url: url, account: account, token: token}
	s.phone = phone{web: s.web}
}

func dialTemporal(t *testing.T, address, namespace string) sdkclient.Client {
	t.Helper()
	c, err := sdkclient.NewLazyClient(sdkclient.Options{HostPort: address, Namespace: namespace, Logger: logging.ForSDK(zap.NewNop())})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// logger shows warnings with the test they belong to.
func logger(t *testing.T) *zap.Logger {
	t.Helper()
	return zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
}

// unique returns a number nobody else in the system has.
func (s *system) unique() int64 { return s.counter.Add(1) }
