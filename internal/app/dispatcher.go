package app

import (
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
)

// routingOptions is what the settings tell the dispatcher.
func routingOptions(cfg *config.Config) dispatch.Options {
	return dispatch.Options{
		MaxAssignments: cfg.Routing.MaxAssignments, AssignedLimit: cfg.Routing.AssignedLimit,
		GracePeriod: max(cfg.Routing.GracePeriod, time.Microsecond), DefaultCapacity: &cfg.Routing.DefaultCapacity,
		MaxQueueWait: cfg.Limits.QueueWait, Able: able(cfg.Voice.Backends),
	}
}

// NewDispatcher makes a dispatcher over a store for tools that change Tasks
// beside a running system: the durable runs are told by its worker processes.
// The caller closes it.
func NewDispatcher(st *store.Store, cfg *config.Config, log *zap.Logger) *dispatch.Dispatcher {
	return dispatch.New(st, rules.New(rules.Options{}), nil, log, routingOptions(cfg))
}
