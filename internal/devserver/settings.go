package devserver

import (
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

const (
	// freshFor is how long the services are made to read anew what they know of
	// the namespace, once something was registered with it. One that could not
	// read tries again after a second.
	freshFor = 3 * time.Second
	// freshInterval is how often they do so meanwhile.
	freshInterval = 100 * time.Millisecond
)

// settings is the dynamic configuration. A search attribute that was registered
// a moment ago must be usable at once, so at first each use of one reads the
// definitions from the database. That costs a start more than a millisecond,
// and ends once all services have read what was registered.
type settings struct {
	fixed   dynamicconfig.StaticClient
	fresh   dynamicconfig.StaticClient
	settled atomic.Bool
}

func newSettings() *settings {
	return &settings{
		fixed: fixedSettings(),
		fresh: dynamicconfig.StaticClient{
			dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): []dynamicconfig.ConstrainedValue{{Value: true}},
			dynamicconfig.NamespaceCacheRefreshInterval.Key():           []dynamicconfig.ConstrainedValue{{Value: freshInterval}},
		},
	}
}

// GetValue implements dynamicconfig.Client.
func (s *settings) GetValue(key dynamicconfig.Key) []dynamicconfig.ConstrainedValue {
	if !s.settled.Load() {
		if v := s.fresh.GetValue(key); v != nil {
			return v
		}
	}
	return s.fixed.GetValue(key)
}

// settle ends the reading anew: at once, or, when something was registered, after
// the services had the time to read it.
func (s *settings) settle(registered bool) {
	if !registered {
		s.settled.Store(true)
		return
	}
	time.AfterFunc(freshFor, func() { s.settled.Store(true) })
}

// fixedSettings are those that never change. The defaults suit a shared cluster of
// many shards; the embedded server has one shard and one tenant, so rates that
// are counted per shard or per tenant are raised until the processor, not a
// limiter, is what a load meets.
func fixedSettings() dynamicconfig.StaticClient {
	const (
		polls    = 2000
		requests = 20000
	)
	return dynamicconfig.StaticClient{
		// At the default of 20 polls a second a lone Temporal workflow takes
		// tens of milliseconds from start to end.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   polls,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      polls,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): polls,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():   polls,

		dynamicconfig.FrontendRPS.Key():                                  requests,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():           requests,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): polls,
		dynamicconfig.HistoryRPS.Key():                                   requests,
		dynamicconfig.MatchingRPS.Key():                                  requests,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                    requests,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                     requests,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                    requests,
		dynamicconfig.VisibilityPersistenceMaxReadQPS.Key():              requests,
		dynamicconfig.VisibilityPersistenceMaxWriteQPS.Key():             requests,

		dynamicconfig.EnableDeploymentVersions.Key():                   true,
		dynamicconfig.FrontendEnableWorkerVersioningDataAPIs.Key():     true,
		dynamicconfig.FrontendEnableWorkerVersioningWorkflowAPIs.Key(): true,
		dynamicconfig.FrontendEnableWorkerVersioningRuleAPIs.Key():     true,
	}
}
