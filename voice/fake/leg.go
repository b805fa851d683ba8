package fake

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// maxTranscript bounds what is remembered of one call.
const maxTranscript = 500

// leg is one call. Everything but the immutable fields is guarded by the
// network's lock; its own goroutine runs its documents.
type leg struct {
	n         *Network
	sid       string
	from, to  string
	direction voice.Direction
	parent    *leg
	caller    Inbound // facts of an inbound call
	timeout   time.Duration

	voiceURL, fallbackURL string
	notices               *notices // nil when nobody listens
	record                *recordOrder

	ctx    context.Context
	cancel context.CancelFunc
	// wake rouses the leg's goroutine after a change that concerns it.
	wake chan struct{}

	state      voice.LegState
	cause      voice.EndCause
	by         string
	sipCode    int
	createdAt  time.Time
	answeredAt time.Time
	endedAt    time.Time

	moved  *target // a redirect that has not been taken yet
	gather *gathering
	prompt string
	heard  []Heard
	room   *room
	// recording is that of the whole leg, nil when it is not recorded.
	recording *recording

	muted    bool
	held     bool
	coached  *leg // the only one in the room that hears this leg
	queued   *queue
	bridge   *leg // the other leg of a Dial
	accepted bool // a dialled leg whose private document is over
	children []*leg
}

// target is a document to fetch.
type target struct {
	url    string
	method string
	extra  map[string]string
}

// Heard is one line of a transcript: what a party heard or did.
type Heard struct {
	At time.Time `json:"at"`
	// Kind is say, play, pause, gather, keys, joined, left, bridged, queued,
	// failed or ignored.
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
}

// addLocked registers a leg that has its immutable fields.
func (n *Network) addLocked(l *leg) {
	l.n = n
	l.sid = n.newCallSID()
	l.wake = make(chan struct{}, 1)
	l.ctx, l.cancel = context.WithCancel(n.ctx)
	l.createdAt = n.opt.Clock.Now()
	n.legs[l.sid] = l
	n.order = append(n.order, l)
	n.pruneLocked()
	n.touchLocked()
}

// pruneLocked forgets the oldest calls that are over.
func (n *Network) pruneLocked() {
	if len(n.order) <= 2*n.opt.KeepEnded {
		return
	}
	ended := 0
	for _, l := range n.order {
		if l.state == voice.Ended {
			ended++
		}
	}
	kept := n.order[:0]
	for _, l := range n.order {
		if l.state == voice.Ended && ended > n.opt.KeepEnded {
			ended--
			delete(n.legs, l.sid)
			continue
		}
		kept = append(kept, l)
	}
	clear(n.order[len(kept):])
	n.order = kept
	if extra := len(n.past) - n.opt.KeepEnded; extra > 0 {
		n.past = append([]*room(nil), n.past[extra:]...)
	}
}

func (l *leg) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// advanceLocked moves a leg forward and reports it. Backward moves are ignored.
func (n *Network) advanceLocked(l *leg, s voice.LegState) bool {
	if s <= l.state {
		return false
	}
	l.state = s
	if s == voice.Answered {
		l.answeredAt = n.opt.Clock.Now()
		if l.record != nil {
			l.recording = n.startRecordingLocked(Recording{Source: RecordedLeg, CallSID: l.sid}, *l.record)
		}
	}
	n.noticeLocked(l)
	l.poke()
	if l.parent != nil {
		l.parent.poke()
	}
	n.touchLocked()
	return true
}

// endLocked ends a leg and everything that depends on it. It reports whether
// the leg was live.
func (n *Network) endLocked(l *leg, cause voice.EndCause, by string) bool {
	if l.state == voice.Ended {
		return false
	}
	l.state, l.cause, l.by = voice.Ended, cause, by
	l.endedAt = n.opt.Clock.Now()
	l.gather, l.moved, l.prompt = nil, nil, ""
	n.leaveLocked(l)
	n.dequeueLocked(l)
	n.endChildrenLocked(l, nil)
	n.unbridgeLocked(l)
	n.endRecordingLocked(l.recording)
	n.noticeLocked(l)
	l.cancel()
	l.poke()
	if l.parent != nil {
		l.parent.poke()
	}
	n.touchLocked()
	return true
}

// endChildrenLocked ends the legs a Dial of l started, but one.
func (n *Network) endChildrenLocked(l, but *leg) {
	for _, c := range l.children {
		if c == but {
			continue
		}
		cause := voice.EndCompleted
		if c.state < voice.Answered {
			cause = voice.EndCanceled
		}
		n.endLocked(c, cause, voice.BySystem)
	}
	l.children = nil
	if but != nil {
		l.children = []*leg{but}
	}
}

// hearLocked adds a line to the transcript.
func (n *Network) hearLocked(l *leg, kind, text string) {
	if len(l.heard) >= maxTranscript {
		l.heard = append(l.heard[:0], l.heard[1:]...)
	}
	l.heard = append(l.heard, Heard{At: n.opt.Clock.Now(), Kind: kind, Text: text})
	n.touchLocked()
}

// legLocked is the public view of a leg.
func (n *Network) legLocked(l *leg) voice.Leg {
	v := voice.Leg{
		CallSID: l.sid, AccountSID: n.opt.AccountSID, From: l.from, To: l.to, Direction: l.direction,
		State: l.state, Cause: l.cause, CreatedAt: l.createdAt, Duration: l.talked(),
	}
	if l.parent != nil {
		v.ParentSID = l.parent.sid
	}
	return v
}

func (l *leg) talked() time.Duration {
	if l.answeredAt.IsZero() || l.endedAt.IsZero() {
		return 0
	}
	return l.endedAt.Sub(l.answeredAt)
}
