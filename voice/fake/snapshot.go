package fake

import (
	"slices"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// CallSnapshot is one call as a bystander sees it.
type CallSnapshot struct {
	CallSID   string          `json:"call_sid"`
	ParentSID string          `json:"parent_sid,omitempty"`
	Direction voice.Direction `json:"direction"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	// State is the canonical word of the leg state.
	State string         `json:"state"`
	Cause voice.EndCause `json:"cause,omitempty"`
	// EndedBy is "remote" (the party) or "system" (the router or its document).
	EndedBy    string    `json:"ended_by,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	// Prompt is what was said last and may still be acted on.
	Prompt string `json:"prompt,omitempty"`
	// Listening tells that keys are being collected.
	Listening bool `json:"listening"`
	// Room is the conference the leg is in; Peers are the others in it.
	Room        string   `json:"room,omitempty"`
	RoomStarted bool     `json:"room_started,omitempty"`
	Peers       []string `json:"peers,omitempty"`
	// Queue is the queue the leg waits in.
	Queue string `json:"queue,omitempty"`
	// Bridged tells that the leg and at least one other can hear each other.
	Bridged bool `json:"bridged"`
	// Hears are those of the Peers whom the party hears.
	Hears      []string `json:"hears,omitempty"`
	Muted      bool     `json:"muted,omitempty"`
	Held       bool     `json:"held,omitempty"`
	Transcript []Heard  `json:"transcript,omitempty"`
}

// Live tells that the call is not over.
func (c CallSnapshot) Live() bool { return c.State != voice.Ended.String() }

// Heard tells whether the party heard a prompt with this exact text.
func (c CallSnapshot) Heard(text string) bool {
	return slices.ContainsFunc(c.Transcript, func(h Heard) bool { return h.Text == text })
}

// Calls lists the remembered calls, oldest first.
func (n *Network) Calls() []CallSnapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.snapshotsLocked()
}

// Call reads one call.
func (n *Network) Call(callSID string) (CallSnapshot, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	if !ok {
		return CallSnapshot{}, false
	}
	return n.snapshotLocked(l), true
}

func (n *Network) snapshotsLocked() []CallSnapshot {
	out := make([]CallSnapshot, len(n.order))
	for i, l := range n.order {
		out[i] = n.snapshotLocked(l)
	}
	return out
}

func (n *Network) snapshotLocked(l *leg) CallSnapshot {
	s := CallSnapshot{
		CallSID: l.sid, Direction: l.direction, From: l.from, To: l.to,
		State: l.state.String(), Cause: l.cause, EndedBy: l.by,
		CreatedAt: l.createdAt, AnsweredAt: l.answeredAt, EndedAt: l.endedAt,
		Prompt: l.prompt, Listening: l.gather != nil, Muted: l.muted, Held: l.held,
		Transcript: slices.Clone(l.heard),
	}
	if l.parent != nil {
		s.ParentSID = l.parent.sid
	}
	if l.queued != nil {
		s.Queue = l.queued.name
	}
	switch {
	case l.room != nil:
		s.Room, s.RoomStarted = l.room.name, l.room.started
		for _, m := range l.room.members {
			if m != l {
				s.Peers = append(s.Peers, m.sid)
				if l.hears(m) {
					s.Hears = append(s.Hears, m.sid)
					s.Bridged = s.Bridged || m.hears(l)
				}
			}
		}
	case l.bridge != nil:
		s.Peers, s.Hears, s.Bridged = []string{l.bridge.sid}, []string{l.bridge.sid}, true
	}
	return s
}
