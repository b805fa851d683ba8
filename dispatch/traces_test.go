package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Worked examples of a Task's way through a configuration. A holds one
// available agent, B nobody, C everyone.
func TestTraces(t *testing.T) {
	type names struct{ A, B, C string }
	const skipped = "Task canceled on Workflow skip"
	for name, c := range map[string]struct {
		configure  func(q names) string
		attributes string
		// at lists the queue and priority after a time; a status instead of a
		// queue is an end.
		at      map[time.Duration]string
		prio    map[time.Duration]int64
		refused bool
		reason  string
	}{
		"default filter only": {
			configure: func(q names) string { return routing(target(q.C)) }, attributes: `{}`,
			at: map[time.Duration]string{0: "C", time.Hour: "C"},
		},
		"same queue, other priority": {
			configure: func(q names) string {
				return routing("", filter("1==1", target(q.B, `"priority":1,"timeout":300`), target("", `"priority":10`)))
			},
			attributes: `{}`,
			at:         map[time.Duration]string{0: "B", 299 * time.Second: "B", 300 * time.Second: "B", time.Hour: "B"},
			prio:       map[time.Duration]int64{0: 1, 299 * time.Second: 1, 300 * time.Second: 10, time.Hour: 10},
		},
		"no default after a timeout": {
			configure:  func(q names) string { return routing(target(q.C), filter("type=='x'", target(q.B, `"timeout":10`))) },
			attributes: `{"type":"x"}`, reason: taskrouter.ReasonWorkflowTimeout,
			at: map[time.Duration]string{9 * time.Second: "B", 10 * time.Second: "canceled"},
		},
		"default after a skip": {
			configure: func(q names) string {
				return routing(target(q.C), filter("type=='x'", target(q.B, `"skip_if":"1==1"`)))
			},
			attributes: `{"type":"x"}`, at: map[time.Duration]string{0: "C"},
		},
		"skip by presence": {
			configure: func(q names) string {
				return routing(target(q.C), filter("type=='x'", target(q.B, `"skip_if":"workers.available == 0"`)))
			},
			attributes: `{"type":"x"}`, at: map[time.Duration]string{0: "C"},
		},
		"presence counts the busy": {
			configure: func(q names) string {
				return routing(target(q.C), filter("type=='x'", target(q.A, `"expression":"worker.lvl > 9","skip_if":"workers.available == 0"`)))
			},
			attributes: `{"type":"x"}`, at: map[time.Duration]string{0: "A"},
		},
		"next matching filter after a timeout": {
			configure: func(q names) string {
				return routing("", filter("type=='x'", target(q.B, `"timeout":10`)), filter("1==1", target(q.C)))
			},
			attributes: `{"type":"x"}`, at: map[time.Duration]string{9 * time.Second: "B", 10 * time.Second: "C"},
		},
		"no other matching filter": {
			configure: func(q names) string {
				return routing("", filter("type=='x'", target(q.B, `"timeout":10`)), filter("type=='y'", target(q.C)))
			},
			attributes: `{"type":"x"}`, reason: taskrouter.ReasonWorkflowTimeout,
			at: map[time.Duration]string{10 * time.Second: "canceled"},
		},
		"second filter": {
			configure:  func(q names) string { return routing("", filter("a==1", target(q.A)), filter("1==1", target(q.C))) },
			attributes: `{"a":2}`, at: map[time.Duration]string{0: "C"},
		},
		"nothing matches": {
			configure:  func(q names) string { return routing("", filter("a==1", target(q.A))) },
			attributes: `{"a":2}`, refused: true,
		},
		"nobody good enough in time": {
			configure: func(q names) string {
				return routing("", filter("1==1", target(q.A, `"expression":"worker.lvl > 3","timeout":5`), target(q.C)))
			},
			attributes: `{}`, at: map[time.Duration]string{4 * time.Second: "A", 5 * time.Second: "C"},
		},
		"known worker is null": {
			configure: func(q names) string {
				return routing("", filter("1==1", target(q.A, `"known_worker_sid":"task.k","skip_if":"1==1"`), target(q.C)))
			},
			attributes: `{"k":null}`, at: map[time.Duration]string{0: "C"},
		},
		"everything skipped": {
			configure:  func(q names) string { return routing("", filter("1==1", target(q.B, `"skip_if":"1==1"`))) },
			attributes: `{}`, reason: skipped, at: map[time.Duration]string{0: "canceled"},
		},
		"the last exit decides": {
			configure: func(q names) string {
				return routing(target(q.C), filter("1==1", target(q.B, `"timeout":5`), target(q.B, `"skip_if":"1==1"`)))
			},
			attributes: `{}`, at: map[time.Duration]string{4 * time.Second: "B", 5 * time.Second: "C"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			q := names{A: b.queue("A", members("team=='a'")), B: b.queue("B", members("team=='b'")), C: b.queue("C")}
			byName := map[string]string{q.A: "A", q.B: "B", q.C: "C"}
			b.worker("Ann", `{"team":"a","lvl":2}`)
			b.workflow(c.configure(q))
			from := b.lastSeq()
			start := b.clock.now()
			task, err := b.create(attributes(c.attributes))
			if c.refused {
				requireKind(t, taskrouter.KindInvalid, err)
				require.Empty(t, b.eventsAfter(from), "nothing is stored")
				return
			}
			require.NoError(t, err)
			require.Equal(t, taskrouter.TaskPending, task.Status, "the answer shows the task as it entered")
			require.NotEmpty(t, task.QueueSID)
			for _, at := range sortedTimes(c.at) {
				if due := start.Add(at); due.After(b.clock.now()) {
					b.pass(due.Sub(b.clock.now()))
				}
				got := b.get(task.SID)
				if got.Status == taskrouter.TaskCanceled {
					require.Equal(t, "canceled", c.at[at], "after %s", at)
					require.Equal(t, c.reason, got.Reason)
					continue
				}
				require.Equal(t, c.at[at], byName[got.QueueSID], "after %s", at)
				if want, ok := c.prio[at]; ok {
					require.Equal(t, want, got.Priority)
				}
				if got.Status == taskrouter.TaskReserved { // keep the offer from ending meanwhile
					b.must(b.offer(task.SID).SID, taskrouter.ReservationAccepted)
				}
			}
			requireHealthy(t, b)
		})
	}
}

func sortedTimes[V any](m map[time.Duration]V) []time.Duration {
	var out []time.Duration
	for d := range m {
		out = append(out, d)
	}
	for i := range out {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}
