package fake

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// Why something was recorded, in the platform's words.
const (
	// RecordedLeg is a leg whose recording was asked for when it was placed.
	RecordedLeg = "OutboundAPI"
	// RecordedDial is the part of a leg a Dial lasted.
	RecordedDial = "DialVerb"
	// RecordedRoom is a conference.
	RecordedRoom = "Conference"
)

// Recording is something that was recorded, or is being recorded. There is no
// sound in it.
type Recording struct {
	SID string
	// Source is RecordedLeg, RecordedDial or RecordedRoom.
	Source string
	// CallSID is the recorded leg, empty for a room.
	CallSID string
	// Room and ConferenceSID name a recorded room.
	Room, ConferenceSID string
	// Channels is 1 or 2.
	Channels int
	// StartedAt and EndedAt are its limits; EndedAt is zero while it goes on.
	StartedAt, EndedAt time.Time
}

// recording is a Recording with those who want to hear of it, guarded by the
// network's lock.
type recording struct {
	Recording
	statusURL, method string
}

// recordOrder says how to record.
type recordOrder struct {
	channels          int
	statusURL, method string
}

// Recordings lists what was recorded, oldest first.
func (n *Network) Recordings() []Recording {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]Recording, len(n.recordings))
	for i, r := range n.recordings {
		out[i] = r.Recording
	}
	return out
}

// orderOf reads how a leg that is placed is to be recorded; nil for not at all.
func orderOf(o Outgoing) *recordOrder {
	if !o.Record {
		return nil
	}
	order := &recordOrder{channels: 1, statusURL: o.Recording.StatusURL, method: o.Recording.StatusMethod}
	if o.Recording.Channels == "dual" {
		order.channels = 2
	}
	return order
}

// startRecordingLocked begins what r describes.
func (n *Network) startRecordingLocked(r Recording, o recordOrder) *recording {
	r.SID, r.Channels, r.StartedAt = taskrouter.NewSID("RE"), o.channels, n.opt.Clock.Now()
	rec := &recording{Recording: r, statusURL: o.statusURL, method: o.method}
	n.recordings = append(n.recordings, rec)
	if extra := len(n.recordings) - n.opt.KeepEnded; extra > 0 {
		n.recordings = slices.Clone(n.recordings[extra:])
	}
	n.touchLocked()
	return rec
}

// endRecordingLocked ends a recording and reports that it can be fetched. Nil,
// and one that has ended, is left as it is.
func (n *Network) endRecordingLocked(r *recording) {
	if r == nil || !r.EndedAt.IsZero() {
		return
	}
	r.EndedAt = n.opt.Clock.Now()
	n.touchLocked()
	if r.statusURL == "" || n.opt.Emulate != voice.FlavourTwilio {
		return // Restcomm reports no recordings
	}
	form := url.Values{
		"AccountSid": {n.opt.AccountSID}, "RecordingSid": {r.SID}, "RecordingUrl": {n.recordingURL(r)},
		"RecordingStatus": {"completed"}, "RecordingDuration": {r.seconds()},
		"RecordingChannels": {strconv.Itoa(r.Channels)}, "RecordingSource": {r.Source},
		"RecordingStartTime": {r.StartedAt.UTC().Format(time.RFC1123Z)},
	}
	if r.ConferenceSID != "" {
		form.Set("ConferenceSid", r.ConferenceSID)
	} else {
		form.Set("CallSid", r.CallSID)
	}
	to, method := r.statusURL, r.method
	n.goLocked(func() {
		resp, err := n.send(n.ctx, method, to, form)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDocument))
		_ = resp.Body.Close()
	})
}

func (r *recording) seconds() string { return strconv.Itoa(int(r.EndedAt.Sub(r.StartedAt).Seconds())) }

// recordingURL is where the recording would be, if there were one.
func (n *Network) recordingURL(r *recording) string {
	return "https://recordings.invalid/" + n.opt.AccountSID + "/" + r.SID
}

// recordingFields says on the final notice of a leg, or on the action of a
// Dial, what was recorded.
func (n *Network) recordingFields(r *recording, set func(name, value string)) {
	if r == nil {
		return
	}
	set("RecordingUrl", n.recordingURL(r))
	if n.opt.Emulate == voice.FlavourRestcomm {
		set("PublicRecordingUrl", n.recordingURL(r))
	}
	set("RecordingSid", r.SID)
	set("RecordingDuration", r.seconds())
}

// recordDialLocked records the leg while a Dial lasts, when the verb asks for
// it: true, or a mode such as record-from-answer-dual.
func (n *Network) recordDialLocked(l *leg, d document, dial element) *recording {
	mode := dial.attrs["record"]
	if mode != "true" && !strings.HasPrefix(mode, "record-from-") {
		return nil
	}
	o := recordOrder{channels: 1, method: dial.attrs["recordingStatusCallbackMethod"]}
	if strings.HasSuffix(mode, "-dual") {
		o.channels = 2
	}
	if cb := dial.attrs["recordingStatusCallback"]; cb != "" {
		o.statusURL = d.resolve(cb)
	}
	return n.startRecordingLocked(Recording{Source: RecordedDial, CallSID: l.sid}, o)
}

// recordRoomLocked notes that a participant wants the room recorded, and begins
// when the room has started. The first who asks says who hears of it.
func (n *Network) recordRoomLocked(r *room, d document, conf element) {
	if r.record == nil && conf.attrs["record"] == "record-from-start" {
		r.record = &recordOrder{channels: 1, method: conf.attrs["recordingStatusCallbackMethod"]}
		if cb := conf.attrs["recordingStatusCallback"]; cb != "" {
			r.record.statusURL = d.resolve(cb)
		}
	}
	if r.record != nil && r.recording == nil && r.started {
		r.recording = n.startRecordingLocked(Recording{Source: RecordedRoom, Room: r.name, ConferenceSID: r.sid}, *r.record)
	}
}
