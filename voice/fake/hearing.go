package fake

import "github.com/taskrouter/taskrouter/voice"

// coachedLocked finds the participant whom alone a leg that enters a room will
// speak to; nil when it speaks to all. It fails for somebody who is not in the
// room, which may be nil. Restcomm does not know the attribute.
func (n *Network) coachedLocked(r *room, conf element) (coached *leg, ok bool) {
	sid := conf.attrs["coach"]
	if sid == "" || n.opt.Emulate == voice.FlavourRestcomm {
		return nil, true
	}
	if r == nil {
		return nil, false
	}
	for _, m := range r.members {
		if m.sid == sid {
			return m, true
		}
	}
	return nil, false
}

// coaches names whom alone the leg speaks to; empty when it speaks to all.
func (l *leg) coaches() string {
	if l.coached == nil {
		return ""
	}
	return l.coached.sid
}

// hears reports whether the leg hears another one of its room.
func (l *leg) hears(other *leg) bool {
	return l.room.started && !l.held && !other.held && !other.muted && (other.coached == nil || other.coached == l)
}
