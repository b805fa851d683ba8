package rest

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/voice"
)

// Participants lists the legs in a room.
func (d *Driver) Participants(ctx context.Context, room string) ([]string, error) {
	rooms, err := d.rooms(ctx, room)
	if err != nil {
		return nil, err
	}
	var sids []string
	for _, cf := range rooms {
		err := d.list(ctx, opMembers, d.dialect.collection("Conferences", cf, "Participants"), nil, func(p page, _ reply) bool {
			for _, m := range p.Participants {
				sid := m.CallSID
				if sid == "" {
					sid = m.SID
				}
				if sid != "" {
					sids = append(sids, string(sid))
				}
			}
			// Restcomm lists the records of the legs instead.
			for _, c := range p.Calls {
				if l := c.leg(); l.CallSID != "" && l.State != voice.Ended {
					sids = append(sids, l.CallSID)
				}
			}
			return true
		})
		if voice.Verdict(err) == voice.ClassGone {
			continue // the room ended in between
		}
		if err != nil {
			return nil, err
		}
	}
	return sids, nil
}

// rooms finds the SIDs of the rooms of this name that are not over. A room that
// nobody has started yet counts.
func (d *Driver) rooms(ctx context.Context, name string) ([]string, error) {
	var sids []string
	filter := url.Values{"FriendlyName": {name}}
	err := d.list(ctx, opRooms, d.dialect.collection("Conferences"), filter, func(p page, _ reply) bool {
		for _, c := range p.Conferences {
			got := string(c.FriendlyName)
			// Restcomm may put the account before the name.
			if got != name && !strings.HasSuffix(got, ":"+name) {
				continue
			}
			if !strings.EqualFold(string(c.Status), "completed") && c.SID != "" {
				sids = append(sids, string(c.SID))
			}
		}
		return true
	})
	return sids, err
}

// Mute silences a leg in a room, or lets it be heard again.
func (d *Driver) Mute(ctx context.Context, call voice.CallRef, room string, muted bool) error {
	form := url.Values{d.dialect.muteField: {strconv.FormatBool(muted)}}
	return d.updateParticipant(ctx, opMute, call, room, form)
}

// Hold takes a leg out of a room's conversation, or back in. Restcomm cannot.
func (d *Driver) Hold(ctx context.Context, call voice.CallRef, room string, held bool) error {
	if !d.dialect.canHold {
		return &voice.Error{Class: voice.ClassUnsupported, Op: opHold.name}
	}
	return d.updateParticipant(ctx, opHold, call, room, url.Values{"Hold": {strconv.FormatBool(held)}})
}

func (d *Driver) updateParticipant(ctx context.Context, op operation, call voice.CallRef, room string, form url.Values) error {
	rooms, err := d.rooms(ctx, room)
	if err != nil {
		return err
	}
	gone := error(&voice.Error{Class: voice.ClassGone, Op: op.name})
	for _, cf := range rooms {
		path := d.dialect.item(call.CallSID, "Conferences", cf, "Participants")
		_, err := d.do(ctx, op, http.MethodPost, path, form)
		if voice.Verdict(err) != voice.ClassGone {
			return err
		}
		gone = err
	}
	return gone
}
