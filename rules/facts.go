package rules

import (
	"maps"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// The names of an agent's built-in values. They hide attributes of the same
// name.
const (
	builtinSID          = "sid"
	builtinFriendlyName = "friendly_name"
	builtinActivitySID  = "activity_sid"
	builtinActivityName = "activity_name"
	builtinChannel      = "channel"

	channelConfigured = "configured_capacity"
	channelAssigned   = "assigned_tasks"
	channelPercentage = "available_capacity_percentage"
	channelAvailable  = "available"

	countAvailable   = "available"
	countUnavailable = "unavailable"
)

// isLive reports whether a built-in changes while the agent works, without an
// edit of the agent.
func isLive(name string) bool {
	return name == builtinActivitySID || name == builtinActivityName || name == builtinChannel
}

// ChannelFacts is an agent's load on one channel.
type ChannelFacts struct {
	// ConfiguredCapacity is the number of Tasks the agent takes at once.
	ConfiguredCapacity int
	// AssignedTasks counts Reservations in state accepted.
	AssignedTasks int
	// Used counts Reservations that hold capacity: pending, accepted, wrapping.
	Used int
	// Available is the channel's availability flag.
	Available bool
}

// Percentage is the free capacity, 0 to 100, rounded down; 0 when nothing is
// configured.
func (c ChannelFacts) Percentage() int {
	if c.ConfiguredCapacity <= 0 {
		return 0
	}
	free := min(max(c.ConfiguredCapacity-c.Used, 0), c.ConfiguredCapacity)
	return free * 100 / c.ConfiguredCapacity
}

func (c ChannelFacts) member(name string) (ref.Val, bool) {
	switch name {
	case channelConfigured:
		return types.Int(c.ConfiguredCapacity), true
	case channelAssigned:
		return types.Int(c.AssignedTasks), true
	case channelPercentage:
		return types.Int(c.Percentage()), true
	case channelAvailable:
		return types.Bool(c.Available), true
	}
	return nil, false
}

func (ChannelFacts) members() []string {
	return []string{channelAssigned, channelAvailable, channelPercentage, channelConfigured}
}

// WorkerFacts is an agent as expressions see them: the attributes, overlaid
// with the built-in values. Channels is keyed by unique name.
type WorkerFacts struct {
	SID, FriendlyName         string
	ActivitySID, ActivityName string
	Attributes                Document
	Channels                  map[string]ChannelFacts
}

func (w *WorkerFacts) member(name string) (ref.Val, bool) {
	switch name {
	case builtinSID:
		return types.String(w.SID), true
	case builtinFriendlyName:
		return types.String(w.FriendlyName), true
	case builtinActivitySID:
		return types.String(w.ActivitySID), true
	case builtinActivityName:
		return types.String(w.ActivityName), true
	case builtinChannel:
		return &object{source: channels(w.Channels)}, true
	}
	return w.Attributes.object().member(name)
}

func (w *WorkerFacts) members() []string {
	names := slices.Concat(w.Attributes.object().members(),
		[]string{builtinSID, builtinFriendlyName, builtinActivitySID, builtinActivityName, builtinChannel})
	slices.Sort(names)
	return slices.Compact(names)
}

// channels is `worker.channel`.
type channels map[string]ChannelFacts

func (c channels) member(name string) (ref.Val, bool) {
	facts, ok := c[name]
	if !ok {
		return nil, false
	}
	return &object{source: facts}, true
}

func (c channels) members() []string { return slices.Sorted(maps.Keys(c)) }

// QueueFacts counts the agents of a queue for skip_if: those in an available
// Activity, the others, and by Activity SID. Capacity does not matter.
type QueueFacts struct {
	Available, Unavailable int
	ByActivity             map[string]int
}

// member answers for any Activity: one that nobody is in has no agents.
func (q *QueueFacts) member(name string) (ref.Val, bool) {
	switch name {
	case countAvailable:
		return types.Int(q.Available), true
	case countUnavailable:
		return types.Int(q.Unavailable), true
	}
	n, ok := q.ByActivity[name]
	return types.Int(n), ok || len(name) > 2 && name[:2] == "WA"
}

func (q *QueueFacts) members() []string {
	names := append(slices.Collect(maps.Keys(q.ByActivity)), countAvailable, countUnavailable)
	slices.Sort(names)
	return slices.Compact(names)
}

// Input is what an evaluation may read. A nil document is an empty one.
type Input struct {
	Task    *Document
	Worker  *WorkerFacts
	Workers *QueueFacts
}
