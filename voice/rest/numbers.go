package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/taskrouter/taskrouter/voice"
)

// ConfigureNumber points a number of the account at the router. Requests are
// always asked for by POST: Restcomm's GET drops our own query parameters.
func (d *Driver) ConfigureNumber(ctx context.Context, n voice.Number) (voice.Number, error) {
	if n.SID == "" {
		sid, err := d.findNumber(ctx, n.PhoneNumber)
		if err != nil {
			return n, err
		}
		n.SID = sid
	}
	form := url.Values{"VoiceUrl": {n.VoiceURL}, "VoiceMethod": {http.MethodPost}}
	if n.FallbackURL != "" {
		form.Set("VoiceFallbackUrl", n.FallbackURL)
		form.Set("VoiceFallbackMethod", http.MethodPost)
	}
	if n.StatusURL != "" {
		form.Set("StatusCallback", n.StatusURL)
		form.Set("StatusCallbackMethod", http.MethodPost)
	}
	r, err := d.do(ctx, opNumber, http.MethodPost, d.dialect.item(n.SID, "IncomingPhoneNumbers"), form)
	if err != nil {
		return n, err
	}
	var body numberBody
	if json.Unmarshal(r.body, &body) == nil {
		if body.PhoneNumber != "" {
			n.PhoneNumber = string(body.PhoneNumber)
		}
		if body.VoiceApplicationSID != "" {
			return n, &voice.Error{Class: voice.ClassFatal, Op: opNumber.name, Cause: voice.ErrNumberOverridden}
		}
	}
	return n, nil
}

func (d *Driver) findNumber(ctx context.Context, phoneNumber string) (string, error) {
	sid := ""
	filter := url.Values{"PhoneNumber": {phoneNumber}}
	err := d.list(ctx, opNumber, d.dialect.collection("IncomingPhoneNumbers"), filter, func(p page, _ reply) bool {
		for _, n := range p.Numbers {
			if string(n.PhoneNumber) == phoneNumber {
				sid = string(n.SID)
			}
		}
		return sid == ""
	})
	if err == nil && sid == "" {
		err = &voice.Error{Class: voice.ClassFatal, Op: opNumber.name, Cause: errors.New("the account has no such number")}
	}
	return sid, err
}
