package fake

import (
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/voice"
)

// Watch tells of every live call, and then of each call that begins, changes or
// ends, until tell fails, the context is over or the network is closed; it
// returns nil for a closed network and otherwise what ended it. Of changes in
// quick succession only the last is told. The snapshots have no transcripts.
//
// Changes are state, room, peers, being held or muted, the queue, and whether
// keys are being collected.
func (n *Network) Watch(ctx context.Context, tell func(CallSnapshot) error) error {
	w := &watcher{n: n}
	for {
		n.mu.Lock()
		changed, closed := n.changed, n.closed
		news := w.newsLocked()
		n.mu.Unlock()
		for _, s := range news {
			if err := tell(s); err != nil {
				return err
			}
		}
		if closed {
			return nil
		}
		select {
		case <-changed:
		case <-n.ctx.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watcher remembers what it has told of the live calls. What it looks at grows
// with these, not with the calls that are remembered.
type watcher struct {
	n      *Network
	newest *leg
	live   []*leg
	told   map[*leg]moment
}

// moment is what a bystander can tell apart.
type moment struct {
	state        voice.LegState
	gather       *gathering
	room         *room
	started      bool
	peers, aside int // in the room, and how many of them are held
	bridge       *leg
	queued       *queue
	muted, held  bool
}

func momentOf(l *leg) moment {
	m := moment{
		state: l.state, gather: l.gather, room: l.room, bridge: l.bridge, queued: l.queued, muted: l.muted, held: l.held,
	}
	if l.room != nil {
		m.started, m.peers = l.room.started, len(l.room.members)
		for _, o := range l.room.members {
			if o.held {
				m.aside++
			}
		}
	}
	return m
}

// newsLocked takes in what has changed, oldest call first.
func (w *watcher) newsLocked() []CallSnapshot {
	first := w.newest == nil
	if first {
		w.told = map[*leg]moment{}
	}
	var fresh []*leg
	for _, l := range slices.Backward(w.n.order) {
		// The newest one may be forgotten by now; older ones were seen with it.
		if !first && (l == w.newest || l.createdAt.Before(w.newest.createdAt)) {
			break
		}
		if !first || l.state != voice.Ended {
			fresh = append(fresh, l)
		}
	}
	if k := len(w.n.order); k > 0 {
		w.newest = w.n.order[k-1]
	}
	slices.Reverse(fresh)
	w.live = append(w.live, fresh...)
	var news []CallSnapshot
	w.live = slices.DeleteFunc(w.live, func(l *leg) bool {
		is := momentOf(l)
		if was, known := w.told[l]; !known || was != is {
			w.told[l] = is
			s := w.n.snapshotLocked(l)
			s.Transcript = nil
			news = append(news, s)
		}
		if l.state == voice.Ended {
			delete(w.told, l)
			return true
		}
		return false
	})
	return news
}
