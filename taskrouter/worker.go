package taskrouter

import "time"

// Worker is an agent, human or not, that takes Tasks.
type Worker struct {
	SID, AccountSID, WorkspaceSID string
	FriendlyName                  string
	ActivitySID                   string
	// Available repeats the Activity's flag; it says nothing about capacity.
	Available         bool
	Attributes        Attributes
	DateStatusChanged time.Time
	// LastReservedAt is when the last offer was made; creation time at first.
	LastReservedAt time.Time
	// Version is the entity tag. EligibilityVersion grows when something
	// expressions can read at rest changes (attributes, name, Activity).
	Version, EligibilityVersion int64
	CreatedAt, UpdatedAt        time.Time
}

// WorkerChannel is a Worker's capacity on one TaskChannel.
type WorkerChannel struct {
	SID, AccountSID, WorkspaceSID, WorkerSID string
	TaskChannelSID, TaskChannelName          string
	Available                                bool
	ConfiguredCapacity                       int
	// Pending, Accepted and Wrapping count the open Reservations.
	Pending, Accepted, Wrapping int
	// LastReservedAt is when the last offer on this channel was made.
	LastReservedAt       time.Time
	CreatedAt, UpdatedAt time.Time
}

// Used is how many open Reservations hold capacity.
func (c *WorkerChannel) Used() int { return c.Pending + c.Accepted + c.Wrapping }

// HasRoom reports whether one more offer fits.
func (c *WorkerChannel) HasRoom() bool { return c.Available && c.Used() < c.ConfiguredCapacity }

// AvailablePercentage is the free share of the capacity, rounded down, between
// 0 and 100; 0 when no capacity is configured.
func (c *WorkerChannel) AvailablePercentage() int {
	if c.ConfiguredCapacity <= 0 {
		return 0
	}
	free := c.ConfiguredCapacity - c.Used()
	if free <= 0 {
		return 0
	}
	return free * 100 / c.ConfiguredCapacity
}

// Count moves one Reservation from one state to another in the counters. The
// empty state stands for "not there yet".
func (c *WorkerChannel) Count(from, to ReservationStatus) {
	c.add(from, -1)
	c.add(to, 1)
}

func (c *WorkerChannel) add(s ReservationStatus, n int) {
	switch s {
	case ReservationPending:
		c.Pending += n
	case ReservationAccepted:
		c.Accepted += n
	case ReservationWrapping:
		c.Wrapping += n
	case ReservationRejected, ReservationTimeout, ReservationCanceled, ReservationRescinded, ReservationCompleted:
	}
}
