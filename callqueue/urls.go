package callqueue

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/voice"
)

// Prefix is the path below which every webhook lives.
const Prefix = "/callqueue"

// URLs builds the addresses a platform is given. State stands in the path: one
// platform replaces the query of a URL it requests with GET.
type URLs struct {
	// Public is the configured public URL, such as https://router.example.com.
	Public string
	// Secret guards the paths of a platform that does not sign its requests;
	// empty for one that does.
	Secret string
}

func (u URLs) build(segments ...string) string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(u.Public, "/") + Prefix)
	if u.Secret != "" {
		b.WriteString("/s/" + url.PathEscape(u.Secret))
	}
	for _, s := range segments {
		if s != voice.PlacementMark { // replaced before the URL is used
			s = url.PathEscape(s)
		}
		b.WriteString("/" + s)
	}
	return b.String()
}

// Entry is the voice URL of a phone number.
func (u URLs) Entry() string { return u.build("callback") }

// Status is the status callback of a phone number.
func (u URLs) Status() string { return u.build("status") }

// Fallback is the voice fallback of a phone number and of agents' legs.
func (u URLs) Fallback() string { return u.build("fallback") }

// Number says where the calls of a phone number go, for
// voice.NumberConfigurer.
func (u URLs) Number(phoneNumber string) voice.Number {
	return voice.Number{
		PhoneNumber: phoneNumber, VoiceURL: u.Entry(), FallbackURL: u.Fallback(), StatusURL: u.Status(),
	}
}

// Ended is requested when a caller leaves the waiting room. A waiting caller
// whose Task came to an end in another way can be redirected there to hear
// goodbye.
func (u URLs) Ended() string { return u.build("ended") }

// LegAnswer is fetched when an agent answers; it contains voice.PlacementMark.
func (u URLs) LegAnswer(attempt string) string {
	return u.build("leg", attempt, "answer", voice.PlacementMark)
}

// LegStatus hears of the progress of an agent's leg; it contains
// voice.PlacementMark.
func (u URLs) LegStatus(attempt string) string {
	return u.build("leg", attempt, "status", voice.PlacementMark)
}

// LegProgress is LegStatus for a leg whose instruction names a status callback:
// what is heard there is passed on. It says whose call the leg is for.
func (u URLs) LegProgress(attempt, callerSID string) string {
	return u.build("leg", attempt, "progress", callerSID, voice.PlacementMark)
}

// menu is the action of a step's Gather and where a silent caller is sent.
// tries is the number of failures when the document was made: a failure counts
// only once however often it is reported.
func (u URLs) menu(step string, tries int) string {
	return u.build("menu", step, strconv.Itoa(tries))
}

// wait is what the caller of an account hears in the waiting room.
func (u URLs) wait(account, callSID string) string { return u.build("wait", account, callSID) }

// music is the tune of those who have none.
func (u URLs) music() string { return u.build("music.wav") }

// room hears who enters and leaves the room of a caller.
func (u URLs) room(account, callSID string) string { return u.build("conference", account, callSID) }

// legEnded is requested when an agent leaves a room.
func (u URLs) legEnded(attempt string) string { return u.build("leg", attempt, "ended") }
