package callqueue

import (
	"strings"

	"github.com/taskrouter/taskrouter/voice"
)

// dialect is what differs between the platforms in the documents we send. All
// else is common to them.
type dialect struct {
	flavour voice.Flavour
	// language and speaker turn a prompt's language tag and voice into the
	// platform's words.
	language, speaker func(string) string
	// beep turns true, false, onEnter or onExit into a value of the attribute.
	beep func(string) string
	// roomCallbacks: the platform reports who enters and leaves a room.
	roomCallbacks bool
	// waitRepeats: a wait document that has ended is requested again; otherwise
	// it must say so itself.
	waitRepeats bool
	// roomRecord: a room can be recorded by itself; otherwise the Dial is.
	roomRecord bool
	// roomExtras: jitter buffer and trimming can be chosen.
	roomExtras bool
}

// dialects has a row for each flavour.
var dialects = map[voice.Flavour]dialect{
	// https://www.twilio.com/docs/voice/twiml/conference
	voice.FlavourTwilio: {
		flavour: voice.FlavourTwilio, language: verbatim, speaker: verbatim, beep: verbatim,
		roomCallbacks: true, roomRecord: true, roomExtras: true,
	},
	// Two voices, language codes without a region, a plain boolean for the
	// beep, and nothing is reported about rooms.
	voice.FlavourRestcomm: {
		flavour: voice.FlavourRestcomm, language: primaryLanguage, speaker: manOrWoman, beep: anyBeep,
	},
	// The network in memory runs the subset that every platform shares; its
	// prompts take no time, so that a document naming itself would run in circles.
	voice.FlavourFake: {
		flavour: voice.FlavourFake, language: verbatim, speaker: verbatim, beep: verbatim,
		roomCallbacks: true, waitRepeats: true, roomRecord: true,
	},
}

// dialectOf returns a flavour's row. Platforms nobody named imitate Twilio.
func dialectOf(f voice.Flavour) dialect {
	if d, ok := dialects[f]; ok {
		return d
	}
	return dialects[voice.FlavourTwilio]
}

func verbatim(s string) string { return s }

func primaryLanguage(tag string) string {
	primary, _, _ := strings.Cut(tag, "-")
	return strings.ToLower(primary)
}

func manOrWoman(voice string) string {
	switch strings.ToLower(voice) {
	case "":
		return ""
	case "man", "male":
		return "man"
	default:
		return "woman"
	}
}

func anyBeep(value string) string {
	if value == "false" {
		return "false"
	}
	return "true"
}
