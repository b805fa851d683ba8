package matching

import (
	"cmp"
	"time"
)

// longestIdle puts the agent first that waited longest since its last offer;
// ties go to the smaller SID.
func longestIdle(a, b *Candidate) int {
	if c := a.IdleSince.Compare(b.IdleSince); c != 0 {
		return c
	}
	return cmp.Compare(a.WorkerSID, b.WorkerSID)
}

// Head is a waiting Task as far as its place in line goes.
type Head struct {
	TaskSID      string
	Priority     int64
	VirtualStart time.Time
	Created      time.Time
	// LIFO is the order of the Task's queue.
	LIFO bool
}

// Before orders waiting Tasks for one agent: queues of the preferred order
// first; in FIFO queues by priority, then by virtual start time, creation and
// SID; in LIFO queues the latest first, whatever the priority.
func Before(a, b *Head, preferLIFO bool) int {
	if a.LIFO != b.LIFO {
		if a.LIFO == preferLIFO {
			return -1
		}
		return 1
	}
	if a.LIFO {
		return cmp.Or(
			b.VirtualStart.Compare(a.VirtualStart),
			b.Created.Compare(a.Created),
			cmp.Compare(b.TaskSID, a.TaskSID),
		)
	}
	return cmp.Or(
		cmp.Compare(b.Priority, a.Priority),
		a.VirtualStart.Compare(b.VirtualStart),
		a.Created.Compare(b.Created),
		cmp.Compare(a.TaskSID, b.TaskSID),
	)
}

// First returns the index of the Task an agent takes, or -1 when there is none.
func First(heads []Head, preferLIFO bool) int {
	best := -1
	for i := range heads {
		if best < 0 || Before(&heads[i], &heads[best], preferLIFO) < 0 {
			best = i
		}
	}
	return best
}
