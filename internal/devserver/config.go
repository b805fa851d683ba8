package devserver

import (
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const (
	clusterName = "active"
	// clusterID names this cluster in its own metadata; it means something
	// only between clusters that replicate, which this one never does.
	clusterID = "5e3a9b0c-4d5f-4c0e-9b1a-7461736b7274"
	storeName = "sqlite"
)

// serverConfig is the static configuration: one cluster, one shard, one store.
func serverConfig(p ports, sql *config.SQL) *config.Config {
	frontend := hostPort(p.frontend)
	return &config.Config{
		Global: config.Global{
			Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: host},
		},
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {
					Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend, ClusterID: clusterID,
				},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(p.frontend),
			string(primitives.HistoryService):  service(p.history),
			string(primitives.MatchingService): service(p.matching),
			string(primitives.WorkerService):   service(p.worker),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
}

func service(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: host}}
}

// serviceHosts tells the services where their fellows are, instead of gossip.
func serviceHosts(p ports) map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(hostPort(p.frontend)),
		primitives.HistoryService:  static.SingleLocalHost(hostPort(p.history)),
		primitives.MatchingService: static.SingleLocalHost(hostPort(p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(hostPort(p.worker)),
	}
}

// limits is the dynamic configuration. The defaults suit a shared cluster of
// many shards; the embedded server has one shard and one tenant, so rates that
// are counted per shard or per tenant are raised until the processor, not a
// limiter, is what a load meets.
func limits() dynamicconfig.StaticClient {
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

		// A search attribute registered a moment ago must be usable now.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,

		dynamicconfig.EnableDeploymentVersions.Key():                   true,
		dynamicconfig.FrontendEnableWorkerVersioningDataAPIs.Key():     true,
		dynamicconfig.FrontendEnableWorkerVersioningWorkflowAPIs.Key(): true,
		dynamicconfig.FrontendEnableWorkerVersioningRuleAPIs.Key():     true,
	}
}
