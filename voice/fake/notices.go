package fake

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// CallbackFaults make status callbacks as unreliable as real ones.
type CallbackFaults struct {
	// Suppress loses notices, Duplicate sends each twice, Reorder lets each
	// second one overtake the one before it.
	Suppress  bool `json:"suppress,omitempty"`
	Duplicate bool `json:"duplicate,omitempty"`
	Reorder   bool `json:"reorder,omitempty"`
	// Delay holds each notice back.
	Delay time.Duration `json:"delay,omitempty"`
	// Events limits the faults to notices of these words; empty means all.
	Events []string `json:"events,omitempty"`
}

// SetCallbackFaults replaces the faults for notices that are still to be sent.
func (n *Network) SetCallbackFaults(f CallbackFaults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// notices is where and how the progress of a leg is reported.
type notices struct {
	url string
	// perCall tells the callback of one call from the callback of a number.
	perCall  bool
	events   []string
	sequence int
	pending  []notice
	running  bool
	held     *notice
}

type notice struct {
	word string
	form url.Values
}

// noticeLocked queues the notice of a leg's new state, if anybody asked for it.
func (n *Network) noticeLocked(l *leg) {
	s := l.notices
	if s == nil || s.url == "" || n.closed {
		return
	}
	word, ok := n.noticeWord(l)
	if !ok {
		return
	}
	form := n.paramsLocked(l)
	form.Set("CallStatus", n.noticeStatus(l, word))
	form.Set("Timestamp", n.opt.Clock.Now().UTC().Format(time.RFC1123Z))
	if s.perCall || n.opt.Emulate == voice.FlavourTwilio {
		form.Set("CallbackSource", "call-progress-events")
	}
	if s.perCall {
		seq := s.sequence
		if n.opt.Emulate == voice.FlavourRestcomm {
			seq = slices.Index(voice.StatusEvents(), word)
		}
		form.Set("SequenceNumber", strconv.Itoa(seq))
		s.sequence++
	}
	if l.state == voice.Ended {
		form.Set("CallDuration", strconv.Itoa(int(l.talked().Seconds())))
		n.recordingFields(l.recording, form.Set)
		if l.sipCode != 0 && n.opt.Emulate == voice.FlavourTwilio {
			form.Set("SipResponseCode", strconv.Itoa(l.sipCode))
		}
	}
	s.pending = append(s.pending, notice{word: word, form: form})
	if !s.running {
		s.running = true
		n.goLocked(func() { n.deliver(l, s) })
	}
}

// noticeWord names the event, and tells whether it is reported at all.
func (n *Network) noticeWord(l *leg) (string, bool) {
	words := map[voice.LegState]string{
		voice.Dialing: "initiated", voice.Ringing: "ringing", voice.Answered: "answered", voice.Ended: "completed",
	}
	word, ok := words[l.state]
	restcomm := n.opt.Emulate == voice.FlavourRestcomm
	switch {
	case !ok:
		return "", false
	case l.notices.perCall && restcomm:
		return word, true // subscribes to all four whatever is asked
	case l.notices.perCall:
		events := l.notices.events
		return word, slices.Contains(events, word) || (len(events) == 0 && word == "completed")
	case restcomm:
		return word, true
	default:
		return word, word == "completed"
	}
}

// noticeStatus is the CallStatus of a notice.
func (n *Network) noticeStatus(l *leg, word string) string {
	if n.opt.Emulate == voice.FlavourRestcomm && l.notices.perCall {
		return word // "completed" for every end
	}
	if word == "initiated" {
		return word
	}
	return statusWord(l)
}

// statusWord is the platform's word for the state of a leg.
func statusWord(l *leg) string {
	switch l.state {
	case voice.Queued, voice.Dialing:
		return "queued"
	case voice.Ringing:
		return "ringing"
	case voice.Answered:
		return "in-progress"
	default:
		if l.cause == voice.EndLost {
			return string(voice.EndFailed)
		}
		return string(l.cause)
	}
}

// deliver sends a leg's notices in order until none is left.
func (n *Network) deliver(l *leg, s *notices) {
	for {
		n.mu.Lock()
		faults := n.faults
		if len(s.pending) == 0 || n.closed {
			held := s.held
			if held != nil && l.state == voice.Ended && !n.closed {
				s.held = nil
				n.mu.Unlock()
				n.post(s.url, held.form)
				continue
			}
			s.running = false
			n.mu.Unlock()
			return
		}
		next := s.pending[0]
		s.pending = s.pending[1:]
		batch := s.disturbed(next, faults)
		n.mu.Unlock()
		if faults.Delay > 0 && faults.applies(next.word) {
			if voice.Pause(n.ctx, n.opt.Clock, faults.Delay) != nil {
				continue
			}
		}
		for _, b := range batch {
			n.post(s.url, b.form)
		}
	}
}

// disturbed is what is sent now in place of one notice.
func (s *notices) disturbed(next notice, f CallbackFaults) []notice {
	var batch []notice
	switch {
	case !f.applies(next.word):
		batch = append(batch, next)
	case f.Suppress:
	case f.Reorder && s.held == nil:
		s.held = &next
		return nil
	case f.Duplicate:
		batch = append(batch, next, next)
	default:
		batch = append(batch, next)
	}
	if s.held != nil {
		batch = append(batch, *s.held)
		s.held = nil
	}
	return batch
}

func (f CallbackFaults) applies(word string) bool {
	return len(f.Events) == 0 || slices.Contains(f.Events, word)
}
