package rest

import (
	"net/url"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// dialect is everything in which the flavours differ on the wire.
type dialect struct {
	flavour voice.Flavour
	version string
	// timeout bounds one request. Restcomm itself waits up to 10 s several times.
	timeout time.Duration
	// sidFirst puts ".json" behind the SID, not behind the collection.
	sidFirst bool
	// liveStatuses are asked for one by one, in the order a leg goes through
	// them, so that no leg slips through between two requests.
	liveStatuses []string
	muteField    string
	canHold      bool
	// sipUser and sipPassword are the credential fields of a SIP target.
	sipUser, sipPassword string
	// extended tells that Record, TimeLimit and CallToken are understood.
	extended bool
	// unmutes tells that every update without Mute=true unmutes the leg.
	unmutes bool
	// nextPageURI tells that lists link to their next page; otherwise pages are
	// numbered.
	nextPageURI bool
	// looseTargets tells that the To of a call record may be only the user part
	// of what was dialled.
	looseTargets bool
}

var dialects = map[voice.Flavour]dialect{
	voice.FlavourTwilio: {
		flavour: voice.FlavourTwilio, version: "2010-04-01", timeout: 15 * time.Second, sidFirst: true,
		liveStatuses: []string{"queued", "ringing", "in-progress"},
		muteField:    "Muted", canHold: true, sipUser: "SipAuthUsername", sipPassword: "SipAuthPassword",
		extended: true, nextPageURI: true,
	},
	voice.FlavourRestcomm: {
		flavour: voice.FlavourRestcomm, version: "2012-04-24", timeout: 25 * time.Second,
		liveStatuses: []string{"queued", "ringing", "wait-for-answer", "in-progress"},
		muteField:    "Mute", sipUser: "Username", sipPassword: "Password", unmutes: true, looseTargets: true,
	},
}

// collection is the path of a list under the account.
func (d dialect) collection(parts ...string) string {
	p := ""
	for _, part := range parts {
		p += "/" + url.PathEscape(part)
	}
	return p + ".json"
}

// item is the path of one resource; parts ends with its collection.
func (d dialect) item(sid string, parts ...string) string {
	if d.sidFirst {
		return d.collection(append(parts, sid)...)
	}
	return d.collection(parts...) + "/" + url.PathEscape(sid)
}
