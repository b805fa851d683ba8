package matching

import "time"

// Candidate is an agent as far as matching needs to know.
type Candidate struct {
	WorkerSID string
	// IdleSince is when the last offer was made to the agent, overall or on
	// the channel when the channel asks for it.
	IdleSince time.Time
	// ActivityAvailable and ChannelAvailable are the two switches.
	ActivityAvailable, ChannelAvailable bool
	// Used and Capacity are the open Reservations and the room on the channel.
	Used, Capacity int
	// Open counts the agent's open Reservations on all channels.
	Open int
	// HoldsTask is set when the agent has an open Reservation for this Task.
	HoldsTask bool
}

// Reason says why a candidate was passed over; empty means it fits.
type Reason string

// The reasons, in the order they are looked at.
const (
	Fits             Reason = ""
	NotMember        Reason = "not a member of the queue"
	NotKnownWorker   Reason = "not the known worker"
	ActivityAway     Reason = "activity is not available"
	ChannelOff       Reason = "channel is switched off"
	NoCapacity       Reason = "no capacity left"
	HoldsTaskAlready Reason = "holds an offer of this task"
	Busy             Reason = "holds another reservation"
	RuleSaysNo       Reason = "target expression is false"
	RuleFailed       Reason = "target expression failed"
	Outranked        Reason = "ranked behind the chosen"
)

// Demand is what a Task asks of an agent.
type Demand struct {
	// Want is how many agents are offered the Task at once.
	Want int
	// SingleTasking allows an agent one open Reservation overall.
	SingleTasking bool
	// IgnoreCapacity skips Activity, channel and capacity.
	IgnoreCapacity bool
	// Rule decides what only the expressions know; nil accepts everyone.
	Rule func(workerSID string) Reason
	// Compare orders agents before idle time; negative means a goes first.
	// Nil orders by idle time alone.
	Compare func(a, b string) int
}

// Check says whether a candidate can take the Task now, and if not, why.
func (d *Demand) Check(c *Candidate) Reason {
	switch {
	case c.HoldsTask:
		return HoldsTaskAlready
	case d.IgnoreCapacity:
	case !c.ActivityAvailable:
		return ActivityAway
	case !c.ChannelAvailable:
		return ChannelOff
	case c.Used >= c.Capacity:
		return NoCapacity
	case d.SingleTasking && c.Open > 0:
		return Busy
	}
	if d.Rule != nil {
		return d.Rule(c.WorkerSID)
	}
	return Fits
}
