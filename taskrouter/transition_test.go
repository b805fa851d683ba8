package taskrouter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// offersOf is a Task in a state with Reservations in states, named WR0, WR1 ….
func offersOf(state taskrouter.TaskStatus, held ...taskrouter.ReservationStatus) *taskrouter.Offers {
	o := &taskrouter.Offers{Task: &taskrouter.Task{SID: "WT", WorkspaceSID: "WS", AccountSID: "AC", Status: state, DemandClass: "x"}}
	for i, s := range held {
		o.Open = append(o.Open, &taskrouter.Reservation{SID: "WR" + string(rune('0'+i)), TaskSID: "WT", Status: s})
	}
	return o
}

// natural is what a Task in a state holds.
func natural(state taskrouter.TaskStatus) *taskrouter.Offers {
	switch state {
	case taskrouter.TaskReserved:
		return offersOf(state, taskrouter.ReservationPending, taskrouter.ReservationPending)
	case taskrouter.TaskAssigned:
		return offersOf(state, taskrouter.ReservationAccepted)
	case taskrouter.TaskWrapping:
		return offersOf(state, taskrouter.ReservationWrapping)
	default:
		return offersOf(state)
	}
}

type happened struct {
	typ  taskrouter.EventType
	sid  string
	from taskrouter.ReservationStatus
}

func told(hs []taskrouter.Happening) (out []happened) {
	for _, h := range hs {
		x := happened{typ: h.Type, from: h.From}
		if h.Reservation != nil {
			x.sid = h.Reservation.SID
		}
		out = append(out, x)
	}
	return out
}

const (
	pending  = taskrouter.ReservationPending
	accepted = taskrouter.ReservationAccepted
	wrapping = taskrouter.ReservationWrapping
)

// Every transition from every state of the Task: where it is legal, what it
// says and where it leads; elsewhere it refuses and changes nothing.
func TestTaskTransitions(t *testing.T) {
	fresh := func() []*taskrouter.Reservation { return []*taskrouter.Reservation{{SID: "WRn", Status: pending}} }
	type result struct {
		to    taskrouter.TaskStatus
		says  []happened
		holds int
	}
	for name, c := range map[string]struct {
		do    func(o *taskrouter.Offers) ([]taskrouter.Happening, error)
		legal map[taskrouter.TaskStatus]result
	}{
		"reserve": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.Reserve(fresh(), noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskPending: {taskrouter.TaskReserved, []happened{{taskrouter.ReservationWasCreated, "WRn", ""}}, 1},
			},
		},
		"accept": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.Accept("WR1", noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskReserved: {taskrouter.TaskAssigned, []happened{
					{taskrouter.ReservationWasAccepted, "WR1", pending}, {taskrouter.ReservationWasRescinded, "WR0", pending},
				}, 1},
			},
		},
		"reject one of two": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) {
				return o.EndOffer("WR0", taskrouter.ReservationRejected, "", noon)
			},
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskReserved: {taskrouter.TaskReserved, []happened{{taskrouter.ReservationWasRejected, "WR0", pending}}, 1},
			},
		},
		"wrap": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.Wrap("r", noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskAssigned: {taskrouter.TaskWrapping, []happened{{taskrouter.ReservationWrapup, "WR0", accepted}, {typ: taskrouter.TaskWrapup}}, 1},
			},
		},
		"wrap the reservation": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.WrapReservation("WR0", noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskAssigned: {taskrouter.TaskWrapping, []happened{{taskrouter.ReservationWrapup, "WR0", accepted}, {typ: taskrouter.TaskWrapup}}, 1},
			},
		},
		"complete": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.Complete("r", noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskAssigned: {taskrouter.TaskCompleted, []happened{{taskrouter.ReservationWasCompleted, "WR0", accepted}, {typ: taskrouter.TaskWasCompleted}}, 0},
				taskrouter.TaskWrapping: {taskrouter.TaskCompleted, []happened{{taskrouter.ReservationWasCompleted, "WR0", wrapping}, {typ: taskrouter.TaskWasCompleted}}, 0},
			},
		},
		"complete the reservation": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.CompleteReservation("WR0", noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskAssigned: {taskrouter.TaskCompleted, []happened{{taskrouter.ReservationWasCompleted, "WR0", accepted}, {typ: taskrouter.TaskWasCompleted}}, 0},
				taskrouter.TaskWrapping: {taskrouter.TaskCompleted, []happened{{taskrouter.ReservationWasCompleted, "WR0", wrapping}, {typ: taskrouter.TaskWasCompleted}}, 0},
			},
		},
		"cancel": {
			do: func(o *taskrouter.Offers) ([]taskrouter.Happening, error) { return o.Cancel("r", noon) },
			legal: map[taskrouter.TaskStatus]result{
				taskrouter.TaskPending: {taskrouter.TaskCanceled, []happened{{typ: taskrouter.TaskWasCanceled}}, 0},
				taskrouter.TaskReserved: {taskrouter.TaskCanceled, []happened{
					{taskrouter.ReservationWasCanceled, "WR0", pending}, {taskrouter.ReservationWasCanceled, "WR1", pending}, {typ: taskrouter.TaskWasCanceled},
				}, 0},
			},
		},
	} {
		for _, from := range taskrouter.TaskStatuses() {
			t.Run(name+" from "+string(from), func(t *testing.T) {
				o := natural(from)
				hs, err := c.do(o)
				want, ok := c.legal[from]
				if !ok {
					require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
					require.Error(t, err)
					require.Empty(t, hs)
					require.Equal(t, natural(from), o, "a refusal changes nothing")
					return
				}
				require.NoError(t, err)
				require.Equal(t, want.says, told(hs))
				require.Equal(t, want.to, o.Task.Status)
				require.Len(t, o.Open, want.holds)
				require.Equal(t, int64(1), o.Task.Version)
				require.Equal(t, noon, o.Task.UpdatedAt)
				require.Equal(t, want.to.Ended(), !o.Task.EndedAt.IsZero())
			})
		}
	}
}

// Every end of an offer, from every state of the Reservation.
func TestOfferEnds(t *testing.T) {
	ends := map[taskrouter.ReservationStatus]taskrouter.EventType{
		taskrouter.ReservationRejected: taskrouter.ReservationWasRejected,
		taskrouter.ReservationTimeout:  taskrouter.ReservationTimedOut,
		taskrouter.ReservationCanceled: taskrouter.ReservationWasCanceled,
	}
	for _, from := range taskrouter.ReservationStatuses() {
		for _, to := range taskrouter.ReservationStatuses() {
			o := offersOf(taskrouter.TaskReserved, from)
			hs, err := o.EndOffer("WR0", to, "why", noon)
			if from != pending || ends[to] == "" {
				require.Error(t, err, "%s to %s", from, to)
				require.Equal(t, offersOf(taskrouter.TaskReserved, from), o)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, []happened{{ends[to], "WR0", pending}}, told(hs))
			require.Equal(t, "why", hs[0].Reservation.ReasonCode)
			require.Equal(t, noon, hs[0].Reservation.EndedAt)
			require.Equal(t, taskrouter.TaskPending, o.Task.Status, "nobody is asked any more")
		}
	}
	_, err := offersOf(taskrouter.TaskReserved, pending).EndOffer("WR9", taskrouter.ReservationRejected, "", noon)
	require.Error(t, err)
}

func TestDeleteInAnyState(t *testing.T) {
	for _, from := range taskrouter.TaskStatuses() {
		for _, system := range []bool{false, true} {
			o := natural(from)
			held := len(o.Open)
			typ, remove := taskrouter.TaskDeleted, o.Delete
			if system {
				typ, remove = taskrouter.TaskSystemDeleted, o.SystemDelete
			}
			hs := remove(noon)
			require.Len(t, hs, held+1)
			require.Equal(t, typ, hs[held].Type)
			require.Empty(t, o.Open)
			require.Empty(t, o.Task.DemandClass)
			for _, h := range hs[:held] {
				require.False(t, h.Reservation.Status.Open())
				require.Equal(t, h.From == pending, h.Reservation.Status == taskrouter.ReservationCanceled)
			}
		}
	}
}

func TestAcceptForgetsFailures(t *testing.T) {
	o := offersOf(taskrouter.TaskReserved, pending)
	o.Task.FailedOffers, o.Task.OfferNotBefore = 3, noon.Add(time.Minute)
	_, err := o.Accept("WR0", noon)
	require.NoError(t, err)
	require.Zero(t, o.Task.FailedOffers)
	require.True(t, o.Task.OfferNotBefore.IsZero())
	require.Equal(t, noon, o.Task.AssignedAt)
}

func TestOfferBackoff(t *testing.T) {
	for n, seconds := range map[int]int{-1: 0, 0: 0, 1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 30, 7: 30, 1 << 20: 30} {
		require.Equal(t, time.Duration(seconds)*time.Second, taskrouter.OfferBackoff(n), "%d", n)
	}
}

func TestExpiresAt(t *testing.T) {
	for _, s := range taskrouter.TaskStatuses() {
		task := taskrouter.Task{Status: s, CreatedAt: noon, Timeout: time.Minute}
		waiting := s == taskrouter.TaskPending || s == taskrouter.TaskReserved
		require.Equal(t, waiting, !task.ExpiresAt().IsZero())
	}
}

func TestChannelCounters(t *testing.T) {
	for _, c := range []struct{ capacity, used, want int }{
		{0, 0, 0}, {1, 0, 100}, {1, 1, 0}, {3, 2, 33}, {3, 1, 66}, {2, 5, 0}, {-1, 0, 0}, {7, 0, 100},
	} {
		w := taskrouter.WorkerChannel{ConfiguredCapacity: c.capacity, Accepted: c.used, Available: true}
		require.Equal(t, c.want, w.AvailablePercentage(), "%+v", c)
		require.Equal(t, c.used < c.capacity, w.HasRoom())
	}
	// Whatever way a Reservation goes, it holds capacity exactly while open.
	for _, from := range append(taskrouter.ReservationStatuses(), "") {
		for _, to := range taskrouter.ReservationStatuses() {
			w := taskrouter.WorkerChannel{}
			w.Count("", pending)
			w.Count("", accepted)
			w.Count("", wrapping)
			w.Count(from, to)
			want := 3
			if from.Open() {
				want--
			}
			if to.Open() {
				want++
			}
			require.Equal(t, want, w.Used(), "%s to %s", from, to)
		}
	}
}

func TestLegStatesMoveForward(t *testing.T) {
	order := []taskrouter.LegState{
		taskrouter.LegWanted, taskrouter.LegPlacing, taskrouter.LegDialing, taskrouter.LegRinging,
		taskrouter.LegAnswered, taskrouter.LegJoined, taskrouter.LegEnded,
	}
	for i, a := range order {
		for j, b := range order {
			require.Equal(t, i < j, a.Before(b))
		}
	}
}
