package fake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// Errors of the control surface and of the platform's operations.
var (
	// ErrUnknownCall is a CallSID nobody has.
	ErrUnknownCall = errors.New("unknown call")
	// ErrNotInProgress is a call in the wrong state for the operation.
	ErrNotInProgress = errors.New("call is not in progress")
	// ErrNotListening is a key press while no keys are collected.
	ErrNotListening = errors.New("no keys are being collected")
)

// Inbound describes a caller's call.
type Inbound struct {
	From, To string
	// VoiceURL, StatusURL and FallbackURL default to those of the number To.
	VoiceURL, StatusURL, FallbackURL string
	CallerName                       string
	// Geo is sent along, with names such as FromCity.
	Geo map[string]string
}

// PlaceCall makes a caller call a number and returns the CallSID. The platform
// asks voiceURL what to do and tells statusURL when the call is over; both may
// be empty when the number was configured.
func (n *Network) PlaceCall(from, to, voiceURL, statusURL string) string {
	return n.PlaceCallWith(Inbound{From: from, To: to, VoiceURL: voiceURL, StatusURL: statusURL})
}

// PlaceCallWith is PlaceCall with more facts about the caller.
func (n *Network) PlaceCallWith(in Inbound) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if in.VoiceURL == "" {
		if num, ok := n.numberLocked(in.To); ok {
			in.VoiceURL, in.StatusURL, in.FallbackURL = num.VoiceURL, num.StatusURL, num.FallbackURL
		}
	}
	l := &leg{
		from: in.From, to: in.To, direction: voice.Inbound, caller: in,
		voiceURL: in.VoiceURL, fallbackURL: in.FallbackURL, notices: &notices{url: in.StatusURL},
	}
	n.addLocked(l)
	n.advanceLocked(l, voice.Ringing)
	if in.VoiceURL == "" || n.closed {
		n.endLocked(l, voice.EndFailed, voice.BySystem)
		return l.sid
	}
	n.goLocked(func() { l.runDocuments(target{url: in.VoiceURL}) })
	return l.sid
}

// Press makes the party press keys: digits, * and #. ErrNotListening when no
// keys are being collected, as they would be lost.
func (n *Network) Press(callSID, keys string) error {
	if keys == "" || strings.Trim(keys, "0123456789*#ABCD") != "" {
		return fmt.Errorf("keys must be of 0-9, *, #, A-D")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	switch {
	case !ok:
		return ErrUnknownCall
	case l.gather == nil || l.gather.done:
		return ErrNotListening
	}
	n.hearLocked(l, "keys", keys)
	for _, k := range keys {
		l.gather.press(string(k), n.opt.Clock.Now())
	}
	l.poke()
	return nil
}

// Answer picks up a ringing phone.
func (n *Network) Answer(callSID string) error {
	return n.phoneDoes(callSID, func(l *leg) { n.advanceLocked(l, voice.Answered) })
}

// Reject declines a ringing phone; the platform reports busy.
func (n *Network) Reject(callSID string) error { return n.refuse(callSID, voice.EndBusy, 603) }

// Busy makes a ringing phone busy.
func (n *Network) Busy(callSID string) error { return n.refuse(callSID, voice.EndBusy, 486) }

// NoAnswer makes a ringing phone give up at once, as if it had rung out.
func (n *Network) NoAnswer(callSID string) error { return n.refuse(callSID, voice.EndNoAnswer, 480) }

// Fail makes a leg that is being placed fail.
func (n *Network) Fail(callSID string) error { return n.refuse(callSID, voice.EndFailed, 404) }

func (n *Network) refuse(callSID string, cause voice.EndCause, code int) error {
	return n.phoneDoes(callSID, func(l *leg) {
		l.sipCode = code
		n.endLocked(l, cause, voice.ByRemote)
	})
}

// phoneDoes acts on a phone that is being called and has not answered.
func (n *Network) phoneDoes(callSID string, act func(*leg)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	switch {
	case !ok:
		return ErrUnknownCall
	case l.direction == voice.Inbound || l.state >= voice.Answered || l.state < voice.Dialing:
		return ErrNotInProgress
	}
	act(l)
	return nil
}

// HangUp makes the party hang up, whatever the state of the call.
func (n *Network) HangUp(callSID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	if !ok {
		return ErrUnknownCall
	}
	cause := voice.EndCompleted
	if l.state < voice.Answered {
		cause = voice.EndBusy
		if l.direction == voice.Inbound {
			cause = voice.EndCanceled
		}
	}
	if !n.endLocked(l, cause, voice.ByRemote) {
		return ErrNotInProgress
	}
	return nil
}

// Vanish makes a leg disappear from the platform without any notice, as after a
// crash of the platform.
func (n *Network) Vanish(callSID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	if !ok {
		return ErrUnknownCall
	}
	l.notices = nil
	n.endLocked(l, voice.EndLost, "")
	delete(n.legs, callSID)
	for i, o := range n.order {
		if o == l {
			n.order = append(n.order[:i:i], n.order[i+1:]...)
			break
		}
	}
	return nil
}

// Action is what a phone does by itself.
type Action string

// What phones do when called.
const (
	// PhoneManual rings until somebody uses the control surface; the default.
	PhoneManual Action = "manual"
	PhoneAnswer Action = "answer"
	PhoneReject Action = "reject"
	PhoneBusy   Action = "busy"
	// PhoneNoAnswer rings out.
	PhoneNoAnswer Action = "no-answer"
	// PhoneFail cannot be reached at all.
	PhoneFail Action = "fail"
)

// Behaviour is what a phone does, and when.
type Behaviour struct {
	Do Action `json:"do"`
	// After is how long it rings first.
	After time.Duration `json:"after,omitempty"`
	// HangUpAfter ends an answered call after this long; zero never does.
	HangUpAfter time.Duration `json:"hang_up_after,omitempty"`
}

type phone struct {
	pattern string
	does    Behaviour
}

// Auto lets every phone whose target fits the pattern (* stands for any text)
// behave by itself. The pattern set last wins.
func (n *Network) Auto(pattern string, b Behaviour) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.phones = slices.DeleteFunc(n.phones, func(p phone) bool { return p.pattern == pattern })
	n.phones = append(n.phones, phone{pattern, b})
}

// Devices registers a target on several phones, which ring at the same time.
func (n *Network) Devices(target string, count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.devices[target] = count
}

func (n *Network) behaviourLocked(target string) Behaviour {
	for i := len(n.phones) - 1; i >= 0; i-- {
		if matches(n.phones[i].pattern, target) {
			return n.phones[i].does
		}
	}
	return Behaviour{Do: PhoneManual}
}
