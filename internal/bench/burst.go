package bench

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// senders is how many requests that create Tasks of a burst are under way at a
// time: enough to keep the router busy, few enough for any machine's sockets.
const senders = 64

// burstPace is how long a Task of a burst may have to wait for each of the
// others.
const burstPace = 200 * time.Millisecond

// burst creates many Tasks as fast as the router takes them, for few agents.
func (b *bench) burst(ctx context.Context) error {
	w, err := b.journeys(ctx, Burst, b.opt.BurstAgents)
	if err != nil {
		return err
	}
	w.patience = b.opt.Patience + time.Duration(b.opt.BurstTasks)*burstPace
	t := newTally()
	n := b.opt.BurstTasks
	repeated, use, began := b.repeated(), usageNow(), time.Now()
	var journeys sync.WaitGroup
	slots := make(chan struct{}, senders)
	var created time.Duration
	var last sync.WaitGroup
	for range n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case slots <- struct{}{}:
		}
		last.Add(1)
		journeys.Go(func() {
			w.send(ctx, t, func() { <-slots; last.Done() })
			b.opt.progress(Burst, int(t.done.Load()+t.failed.Load()), n)
		})
	}
	last.Wait()
	created = time.Since(began)
	journeys.Wait()
	t.ends.Wait()
	r := &BurstResult{Stretch: b.finish(t, n, senders, repeated, use, time.Since(began)), Agents: b.opt.BurstAgents, CreateSeconds: created.Seconds()}
	if r.OutOfOrder, err = w.office.outOfOrder(ctx, time.Since(began)); err != nil {
		return err
	}
	b.report.Burst = r
	return nil
}

// outOfOrder counts the Tasks that were offered after a younger one. All have
// the same priority, so the log must show first offers in the order in which
// Tasks entered the queue. Tasks that entered in the same millisecond, as those
// do that were created in one transaction, are equally old.
func (o *office) outOfOrder(ctx context.Context, window time.Duration) (int, error) {
	entered, err := o.log(ctx, "task-queue.entered", window)
	if err != nil {
		return 0, err
	}
	offered, err := o.log(ctx, "reservation.created", window)
	if err != nil {
		return 0, err
	}
	return overtaken(entered, offered), nil
}

// entry is an Event of a Task.
type entry struct {
	task string
	ms   int64
}

// overtaken counts the Tasks that were offered after one that entered later.
func overtaken(entered, offered []entry) int {
	at := map[string]int64{}
	for _, e := range entered {
		at[e.task] = e.ms
	}
	n, latest := 0, int64(0)
	for _, e := range offered {
		if at[e.task] < latest {
			n++
		}
		latest = max(latest, at[e.task])
	}
	return n
}

// log lists the first Event of a type of each Task, oldest first.
func (o *office) log(ctx context.Context, event string, window time.Duration) ([]entry, error) {
	var newestFirst []entry
	query := url.Values{"EventType": {event}, "PageSize": {"1000"}, "Minutes": {fmt.Sprint(int(window.Minutes()) + 2)}}
	for path := o.path + "/Events?" + query.Encode(); path != ""; {
		var page struct {
			Events []struct {
				Data map[string]string `json:"event_data"`
				Ms   int64             `json:"event_date_ms"`
			} `json:"events"`
			Meta struct {
				Next *string `json:"next_page_url"`
			} `json:"meta"`
		}
		if err := o.client.get(ctx, path, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			newestFirst = append(newestFirst, entry{e.Data["task_sid"], e.Ms})
		}
		path = ""
		if page.Meta.Next != nil {
			next, err := url.Parse(*page.Meta.Next)
			if err != nil {
				return nil, fmt.Errorf("next page: %w", err)
			}
			path = o.path + "/Events?" + next.RawQuery
		}
	}
	seen := map[string]bool{}
	var out []entry
	for i := len(newestFirst) - 1; i >= 0; i-- {
		if e := newestFirst[i]; !seen[e.task] {
			seen[e.task] = true
			out = append(out, e)
		}
	}
	return out, nil
}
