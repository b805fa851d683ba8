package fake

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// room is a conference, guarded by the network's lock.
type room struct {
	sid, name string
	createdAt time.Time
	started   bool
	over      bool
	members   []*leg
	// endsOnExit are the members whose leaving ends the room.
	endsOnExit map[*leg]bool
	// statusURL and events are those of the first participant.
	statusURL string
	events    []string
	sequence  int
	// record is how the room is to be recorded, recording that it is.
	record    *recordOrder
	recording *recording
}

// Room is a conference as the platform's API shows it.
type Room struct {
	SID, Name    string
	CreatedAt    time.Time
	Started      bool
	Over         bool
	Participants []Participant
}

// Participant is a leg in a Room.
type Participant struct {
	CallSID       string
	Muted, Held   bool
	EndsRoomOnOut bool
	// Coaches is the CallSID of the one it speaks to; empty: it speaks to all.
	Coaches string
}

// Rooms lists the conferences with this name, or all when it is empty, newest
// first, including those that are over.
func (n *Network) Rooms(name string) []Room {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Clone(n.past)
	for _, r := range n.rooms {
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b *room) int { return b.createdAt.Compare(a.createdAt) })
	var out []Room
	for _, r := range all {
		if name != "" && r.name != name {
			continue
		}
		v := Room{SID: r.sid, Name: r.name, CreatedAt: r.createdAt, Started: r.started, Over: r.over}
		for _, m := range r.members {
			v.Participants = append(v.Participants, Participant{m.sid, m.muted, m.held, r.endsOnExit[m], m.coaches()})
		}
		out = append(out, v)
	}
	return out
}

// conference puts the leg into a room until the room ends or the leg leaves.
func (f *frame) conference(d document, dial, conf element) (*target, signal) {
	n, l := f.l.n, f.l
	n.mu.Lock()
	r := n.joinLocked(l, d, conf)
	var rec *recording
	if r != nil {
		rec = n.recordDialLocked(l, d, dial)
	}
	n.mu.Unlock()
	if r == nil {
		return f.dialAction(d, dial, dialOutcome{status: "failed"})
	}
	sig := sigReady
	for sig == sigReady {
		// A leg that is over or was redirected has left the room, too: await tells
		// those from a room that ended.
		in, started := false, false
		sig = f.await(time.Time{}, func() bool {
			in, started = l.room == r, r.started
			return true
		})
		if sig != sigReady || !in {
			break
		}
		if started {
			sig = f.await(time.Time{}, func() bool { return l.room != r })
			continue
		}
		wait := ""
		if conf.attrs["waitUrl"] != "" {
			wait = d.resolve(conf.attrs["waitUrl"])
		} else if !conf.has("waitUrl") {
			f.hear("play", "music")
		}
		sig = f.waiting(wait, conf.attrs["waitMethod"], nil, func() bool { return r.started || l.room != r })
		switch sig {
		case sigStopped:
			sig = sigReady
		case sigLeave: // there is no queue to leave; the rest of the wait is silent
			sig = sigReady
			conf = conf.with("waitUrl", "")
		case sigReady, sigTimeout, sigMoved, sigEnded:
		}
	}
	n.mu.Lock()
	n.endRecordingLocked(rec)
	n.mu.Unlock()
	if sig == sigEnded {
		return f.dialAction(d, dial, dialOutcome{status: n.conferenceStatus(), recording: rec, over: true})
	}
	if sig != sigReady {
		n.mu.Lock()
		n.leaveLocked(l)
		n.mu.Unlock()
		return nil, sig
	}
	return f.dialAction(d, dial, dialOutcome{status: n.conferenceStatus(), recording: rec})
}

// conferenceStatus is the DialCallStatus after a conference.
func (n *Network) conferenceStatus() string {
	if n.opt.Emulate == voice.FlavourRestcomm {
		return "completed"
	}
	return "answered"
}

// joinLocked enters a leg, making the room if need be. It returns nil when the
// leg is over, the room is full, or whom it is to coach is not there.
func (n *Network) joinLocked(l *leg, d document, conf element) *room {
	if l.state == voice.Ended {
		return nil
	}
	name := conf.text
	if name == "" {
		name = conf.attrs["name"]
	}
	r := n.rooms[name]
	coached, ok := n.coachedLocked(r, conf)
	if !ok {
		n.hearLocked(l, "failed", "nobody to coach")
		return nil
	}
	if r == nil {
		r = &room{
			sid: taskrouter.NewSID("CF"), name: name, createdAt: n.opt.Clock.Now(), endsOnExit: map[*leg]bool{},
		}
		if cb := conf.attrs["statusCallback"]; cb != "" {
			r.statusURL, r.events = d.resolve(cb), strings.Fields(conf.attrs["statusCallbackEvent"])
		}
		n.rooms[name] = r
	}
	if limit := conf.number("maxParticipants", 0); limit > 0 && len(r.members) >= limit {
		n.hearLocked(l, "failed", "room is full")
		return nil
	}
	r.members = append(r.members, l)
	r.endsOnExit[l] = conf.flag("endConferenceOnExit", false)
	l.room, l.muted, l.held, l.coached = r, conf.flag("muted", false), false, coached
	n.hearLocked(l, "joined", name)
	n.roomNoticeLocked(r, l, "join")
	if !r.started && conf.flag("startConferenceOnEnter", true) {
		r.started = true
		n.roomNoticeLocked(r, l, "start")
	}
	n.recordRoomLocked(r, d, conf)
	if r.started {
		for _, m := range r.members {
			m.prompt = ""
			m.poke()
		}
	}
	n.touchLocked()
	return r
}

// leaveLocked takes a leg out of its room, ending the room when the leg was
// entered that way or was the last one.
func (n *Network) leaveLocked(l *leg) {
	r := l.room
	if r == nil {
		return
	}
	l.room, l.muted, l.held, l.coached = nil, false, false, nil
	r.members = slices.DeleteFunc(r.members, func(m *leg) bool { return m == l })
	ends := r.endsOnExit[l] || len(r.members) == 0
	delete(r.endsOnExit, l)
	n.hearLocked(l, "left", r.name)
	n.roomNoticeLocked(r, l, "leave")
	l.poke()
	if ends {
		n.endRoomLocked(r)
	}
	n.touchLocked()
}

func (n *Network) endRoomLocked(r *room) {
	if r.over {
		return
	}
	r.over = true
	n.endRecordingLocked(r.recording)
	delete(n.rooms, r.name)
	n.past = append(n.past, r)
	n.roomNoticeLocked(r, nil, "end")
	for _, m := range r.members {
		m.room, m.muted, m.held, m.coached = nil, false, false, nil
		n.hearLocked(m, "left", r.name)
		n.roomNoticeLocked(r, m, "leave")
		m.poke()
	}
	r.members = nil
	clear(r.endsOnExit)
}

// roomNoticeLocked posts a conference callback. Twilio has them, Restcomm has not.
func (n *Network) roomNoticeLocked(r *room, l *leg, event string) {
	word := "participant-" + event
	if event == "start" || event == "end" {
		word = "conference-" + event
	}
	n.roomWordLocked(r, l, event, word)
}

// roomWordLocked posts a conference callback whose word is not that of the
// event it was asked for by: unmute is a mute, and unhold a hold.
func (n *Network) roomWordLocked(r *room, l *leg, event, word string) {
	if r.statusURL == "" || n.opt.Emulate != voice.FlavourTwilio || !slices.Contains(r.events, event) {
		return
	}
	form := url.Values{
		"StatusCallbackEvent": {word}, "ConferenceSid": {r.sid}, "FriendlyName": {r.name},
		"AccountSid": {n.opt.AccountSID}, "SequenceNumber": {strconv.Itoa(r.sequence)},
		"Timestamp": {n.opt.Clock.Now().UTC().Format(time.RFC1123Z)},
	}
	r.sequence++
	if l != nil {
		form.Set("CallSid", l.sid)
		form.Set("Muted", strconv.FormatBool(l.muted))
		form.Set("Hold", strconv.FormatBool(l.held))
		form.Set("Coaching", strconv.FormatBool(l.coached != nil))
		form.Set("EndConferenceOnExit", strconv.FormatBool(r.endsOnExit[l]))
	}
	f, to := n.faults, r.statusURL
	if f.applies(word) && f.Suppress {
		return
	}
	n.goLocked(func() {
		n.post(to, form)
		if f.Duplicate && f.applies(word) {
			n.post(to, form)
		}
	})
}

// memberLocked finds a leg in a room, the room given by name or SID.
func (n *Network) memberLocked(roomName, callSID string) (*room, *leg, error) {
	for _, r := range n.rooms {
		if r.name != roomName && r.sid != roomName {
			continue
		}
		for _, m := range r.members {
			if m.sid == callSID {
				return r, m, nil
			}
		}
	}
	return nil, nil, ErrUnknownCall
}

// SetMuted mutes or unmutes a participant; the room is given by name or SID.
func (n *Network) SetMuted(roomName, callSID string, muted bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, l, err := n.memberLocked(roomName, callSID)
	if err == nil {
		l.muted = muted
		n.roomWordLocked(r, l, "mute", map[bool]string{true: "participant-mute", false: "participant-unmute"}[muted])
		n.touchLocked()
	}
	return err
}

// SetHeld holds or resumes a participant; the room is given by name or SID.
func (n *Network) SetHeld(roomName, callSID string, held bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, l, err := n.memberLocked(roomName, callSID)
	if err == nil {
		l.held = held
		n.roomWordLocked(r, l, "hold", map[bool]string{true: "participant-hold", false: "participant-unhold"}[held])
		n.touchLocked()
	}
	return err
}

// Kick takes a participant out of a room; its leg goes on with its markup.
func (n *Network) Kick(roomName, callSID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, l, err := n.memberLocked(roomName, callSID)
	if err == nil {
		n.leaveLocked(l)
	}
	return err
}

// EndRoom ends a conference given by name or SID.
func (n *Network) EndRoom(roomName string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.rooms {
		if r.name == roomName || r.sid == roomName {
			n.endRoomLocked(r)
			n.touchLocked()
			return nil
		}
	}
	return ErrUnknownCall
}
