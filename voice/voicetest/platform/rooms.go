package platform

import (
	"net/http"
	"time"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

func (s *Server) listRooms(c call) answer {
	var rooms []any
	for _, r := range s.net.Rooms(c.form.Get("FriendlyName")) {
		status := s.roomStatus(r)
		if want := c.form.Get("Status"); want != "" && want != status {
			continue
		}
		rooms = append(rooms, map[string]any{
			"sid": r.SID, "friendly_name": r.Name, "status": status, "account_sid": s.net.AccountSID(),
			"date_created": r.CreatedAt.UTC().Format(time.RFC1123Z),
		})
	}
	return s.paged(c, "conferences", rooms)
}

func (s *Server) roomStatus(r fake.Room) string {
	switch {
	case s.restcomm && r.Over:
		return "COMPLETED"
	case s.restcomm && r.Started:
		return "RUNNING_MODERATOR_PRESENT"
	case s.restcomm:
		return "RUNNING_MODERATOR_ABSENT"
	case r.Over:
		return "completed"
	case r.Started:
		return "in-progress"
	default:
		return "init"
	}
}

func (s *Server) updateRoom(c call) answer {
	if s.restcomm || !c.post || c.form.Get("Status") != "completed" {
		return s.refuse(http.StatusBadRequest, 20001, "not supported")
	}
	if s.net.EndRoom(c.parts[1]) != nil {
		return s.refuse(http.StatusNotFound, 20404, "no such conference")
	}
	return answer{status: http.StatusOK, value: map[string]any{"sid": c.parts[1], "status": "completed"}}
}

func (s *Server) room(sid string) (fake.Room, bool) {
	for _, r := range s.net.Rooms("") {
		if r.SID == sid {
			return r, true
		}
	}
	return fake.Room{}, false
}

func (s *Server) listParticipants(c call) answer {
	r, ok := s.room(c.parts[1])
	if !ok {
		return s.unknownLeg()
	}
	var rows []any
	for _, p := range r.Participants {
		rows = append(rows, s.participantJSON(r, p))
	}
	member := "participants"
	if s.restcomm {
		member = "calls" // it shows the records of the legs
	}
	return s.paged(c, member, rows)
}

func (s *Server) participantJSON(r fake.Room, p fake.Participant) map[string]any {
	if s.restcomm {
		return map[string]any{"sid": p.CallSID, "conference_sid": r.SID, "muted": p.Muted, "hold": false}
	}
	return map[string]any{
		"call_sid": p.CallSID, "conference_sid": r.SID, "muted": p.Muted, "hold": p.Held,
		"end_conference_on_exit": p.EndsRoomOnOut,
	}
}

func (s *Server) participant(c call) answer {
	room, sid := c.parts[1], c.parts[3]
	muteField := "Muted"
	if s.restcomm {
		muteField = "Mute"
	}
	var err error
	switch {
	case c.raw.Method == http.MethodDelete && !s.restcomm:
		if err = s.net.Kick(room, sid); err == nil {
			return answer{status: http.StatusNoContent}
		}
	case c.post && c.form.Get(muteField) != "":
		err = s.net.SetMuted(room, sid, c.form.Get(muteField) == "true")
	case c.post && c.form.Get("Hold") != "" && !s.restcomm:
		err = s.net.SetHeld(room, sid, c.form.Get("Hold") == "true")
	case c.post:
		return s.refuse(http.StatusBadRequest, 20001, "nothing to update")
	}
	if err != nil {
		return s.unknownLeg()
	}
	r, _ := s.room(room)
	for _, p := range r.Participants {
		if p.CallSID == sid {
			return answer{status: http.StatusOK, value: s.participantJSON(r, p)}
		}
	}
	return s.unknownLeg()
}

func (s *Server) listNumbers(c call) answer {
	var rows []any
	for _, n := range s.net.Numbers() {
		if fits(c.form, "PhoneNumber", n.PhoneNumber) {
			rows = append(rows, numberJSON(n))
		}
	}
	member := "incoming_phone_numbers"
	if s.restcomm {
		member = "incomingPhoneNumbers"
	}
	return s.paged(c, member, rows)
}

func (s *Server) updateNumber(c call) answer {
	for _, n := range s.net.Numbers() {
		if n.SID != c.parts[1] {
			continue
		}
		if c.post {
			set := func(to *string, field string) {
				if c.form.Has(field) {
					*to = c.form.Get(field)
				}
			}
			set(&n.VoiceURL, "VoiceUrl")
			set(&n.FallbackURL, "VoiceFallbackUrl")
			set(&n.StatusURL, "StatusCallback")
			s.net.AddNumber(n)
		}
		return answer{status: http.StatusOK, value: numberJSON(n)}
	}
	return s.refuse(http.StatusNotFound, 20404, "no such number")
}

func numberJSON(n voice.Number) map[string]any {
	return map[string]any{
		"sid": n.SID, "phone_number": n.PhoneNumber, "voice_url": n.VoiceURL, "voice_method": "POST",
		"voice_fallback_url": n.FallbackURL, "status_callback": n.StatusURL, "voice_application_sid": nil,
	}
}
