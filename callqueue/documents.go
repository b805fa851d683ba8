package callqueue

import (
	"github.com/taskrouter/taskrouter/taskrouter"
)

// What callers and agents hear when nobody configured anything else.
const (
	textUnavailable = "We are sorry, we cannot take your call right now. Please try again later."
	textNoChoice    = "We did not get your choice. Goodbye."
	textHold        = "Please hold. We will connect you shortly."
	textCallerLeft  = "The caller has hung up."
	textWithdrawn   = "This call is no longer available."
	ourLanguage     = "en-US"
)

// retryPause is how many seconds a caller hears nothing before we are asked
// again.
const retryPause = 2

// renderer makes the documents of one platform.
type renderer struct {
	dialect
	urls URLs
}

func (r renderer) prompt(p Prompt) []element {
	var out []element
	if p.Play != "" {
		out = append(out, play(p.Play))
	}
	if p.Say != "" {
		out = append(out, say(p.Say, r.language(p.Language), r.speaker(p.Voice)))
	}
	return out
}

func (r renderer) ours(text string) element { return say(text, r.language(ourLanguage), "") }

// step asks a question of the menu. A caller who presses nothing is sent to
// the same address as one who presses a key.
func (r renderer) step(name string, s *Step, tries int) document {
	var prompts []element
	if tries > 0 && s.Invalid != "" {
		prompts = append(prompts, say(s.Invalid, r.language(s.Language), r.speaker(s.Voice)))
	}
	prompts = append(prompts, r.prompt(s.Prompt)...)
	again := r.urls.menu(name, tries)
	return document{gather(again, s.Timeout, finishKey(s), prompts), redirect(again)}
}

// finishKey makes sure that a # the menu offers is not taken for the end of
// the input.
func finishKey(s *Step) attribute {
	key := "#"
	if _, taken := s.Choices["#"]; taken {
		key = "*"
		if _, taken := s.Choices["*"]; taken {
			key = ""
		}
	}
	return attribute{"finishOnKey", key}
}

// waiting puts the caller into the waiting room, where the agent will join. The
// room opens with the agent and closes when the caller leaves.
func (r renderer) waiting(account, callSID, room string) document {
	c := element{name: "Conference", text: room, attrs: []attribute{
		{"startConferenceOnEnter", "false"},
		{"endConferenceOnExit", "true"},
		{"beep", r.beep("false")},
		{"waitUrl", r.urls.wait(account, callSID)},
		{"waitMethod", "POST"},
	}}
	if r.roomCallbacks {
		c = c.with("statusCallback", r.urls.room(account, callSID)).
			with("statusCallbackMethod", "POST").
			with("statusCallbackEvent", r.flavour.MarkupStatusEvents(roomEventsAsked...))
	}
	return document{dialRoom(r.urls.Ended(), "", c)}
}

// waitAgain is waiting for a caller who fell out of the room; the pause keeps a
// room that cannot be had from being tried without end at full speed.
func (r renderer) waitAgain(account, callSID, room string) document {
	return append(document{pause(1)}, r.waiting(account, callSID, room)...)
}

// hold is what the waiting caller hears, over and over. Only Play, Say and
// Redirect are known to wait documents everywhere.
func (r renderer) hold(m *Menu, musicURL, self string) document {
	p := Prompt{Say: textHold, Language: ourLanguage}
	if m.Waiting != (Prompt{}) {
		p = m.Waiting
	}
	if musicURL == "" {
		musicURL = r.urls.music()
	}
	d := append(document(r.prompt(p)), play(musicURL))
	if r.waitRepeats {
		return d
	}
	return append(d, redirect(self))
}

// goodbye ends a conversation.
func (r renderer) goodbye(m *Menu) document { return append(r.prompt(m.Goodbye), hangup()) }

// sorry ends a menu nobody could choose in.
func (r renderer) sorry(s *Step) document {
	if s.Sorry == "" {
		return document{r.ours(textNoChoice), hangup()}
	}
	return document{say(s.Sorry, r.language(s.Language), r.speaker(s.Voice)), hangup()}
}

// apology is the answer when there is nothing else to say.
func (r renderer) apology() document { return document{r.ours(textUnavailable), hangup()} }

// retry asks for the same document again a little later.
func (r renderer) retry(self string) document { return document{pause(retryPause), redirect(self)} }

// join puts the agent into the caller's room. The parameters of a conference
// instruction apply; without them the room opens with the agent and closes when
// the agent leaves.
func (r renderer) join(room, attempt string, i *taskrouter.Instruction) document {
	c := element{name: "Conference", text: room}
	record := ""
	conference := i != nil && i.Kind == taskrouter.InstructConference
	if i.RecordsLeg() && !r.flavour.RecordsLegs() {
		record = "true" // elsewhere it was asked for when the leg was placed
	}
	param := func(name, otherwise string) string {
		if v := i.Param(name); conference && v != "" {
			return v
		}
		return otherwise
	}
	flag := func(name, otherwise string) string {
		if taskrouter.ParseBool(param(name, otherwise)) {
			return "true"
		}
		return "false"
	}
	beep := "false"
	if conference {
		beep = "true"
	}
	c = c.with("startConferenceOnEnter", flag("start_conference_on_enter", "true")).
		with("endConferenceOnExit", flag("end_conference_on_exit", "true")).
		with("beep", r.beep(param("beep", beep)))
	if conference {
		if flag("muted", "false") == "true" {
			c = c.with("muted", "true")
		}
		if wait := param("wait_url", ""); wait != "" {
			c = c.with("waitUrl", wait).with("waitMethod", param("wait_method", "POST"))
		}
		c = c.with("maxParticipants", param("max_participants", ""))
		if r.roomExtras {
			c = c.with("jitterBufferSize", param("jitter_buffer_size", "")).with("trim", param("conference_trim", ""))
		}
		switch {
		case i.RecordsRoom() && r.roomRecord:
			c = c.with("record", "record-from-start")
			if heard := param("conference_recording_status_callback", ""); heard != "" {
				c = c.with("recordingStatusCallback", heard).
					with("recordingStatusCallbackMethod", param("conference_recording_status_callback_method", "POST"))
			}
		case i.RecordsRoom():
			record = "true"
		}
	}
	return document{dialRoom(r.urls.legEnded(attempt), record, c)}
}

// refused is the answer to an agent whose call is not there any more.
func (r renderer) refused(reason string) document {
	text := textWithdrawn
	if reason == ReasonCallerLeft {
		text = textCallerLeft
	}
	return document{r.ours(text), hangup()}
}
