package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// phone is the telephone of a development system, played over its REST surface
// as a person on a laptop would.
type phone struct{ web web }

// call is one side of a conversation.
type call struct {
	phone phone
	sid   string
}

// dial makes a customer call a number.
func (p phone) dial(t *testing.T, from, to string) call {
	t.Helper()
	r := p.web.post(t, "/dev/calls", url.Values{"From": {from}, "To": {to}})
	require.Equal(t, http.StatusCreated, r.status, r.body)
	var c fake.CallSnapshot
	r.decode(t, &c)
	return call{p, c.CallSID}
}

// calls lists every call there is.
func (p phone) calls(t *testing.T) []fake.CallSnapshot {
	t.Helper()
	r := p.web.get(t, "/dev/calls")
	require.Equal(t, http.StatusOK, r.status, r.body)
	var list struct {
		Calls []fake.CallSnapshot `json:"calls"`
	}
	r.decode(t, &list)
	return list.Calls
}

// to lists the calls made to a phone.
func (p phone) to(t *testing.T, target string) []fake.CallSnapshot {
	t.Helper()
	var out []fake.CallSnapshot
	for _, c := range p.calls(t) {
		if c.To == target && c.Direction != voice.Inbound {
			out = append(out, c)
		}
	}
	return out
}

// rings waits until a phone rings.
func (p phone) rings(t *testing.T, target string) call {
	t.Helper()
	return await(t, target+" rings", func() (call, bool) {
		for _, c := range p.to(t, target) {
			if c.State == voice.Ringing.String() {
				return call{p, c.CallSID}, true
			}
		}
		return call{}, false
	})
}

// called waits for the first call to a phone, whatever has become of it.
func (p phone) called(t *testing.T, target string) call {
	t.Helper()
	return await(t, target+" is called", func() (call, bool) {
		if calls := p.to(t, target); len(calls) > 0 {
			return call{p, calls[0].CallSID}, true
		}
		return call{}, false
	})
}

// silent makes sure a phone was never called.
func (p phone) silent(t *testing.T, targets ...string) {
	t.Helper()
	for _, target := range targets {
		require.Empty(t, p.to(t, target), "%s was called", target)
	}
}

// now is the call at this moment.
func (c call) now(t *testing.T) fake.CallSnapshot {
	t.Helper()
	r := c.phone.web.get(t, "/dev/calls/"+c.sid)
	require.Equal(t, http.StatusOK, r.status, r.body)
	var s fake.CallSnapshot
	r.decode(t, &s)
	return s
}

// do is what the party does: answer, reject, busy, no-answer, hangup.
func (c call) do(t *testing.T, action string) {
	t.Helper()
	r := c.phone.web.post(t, "/dev/calls/"+c.sid+"/"+action, url.Values{})
	require.Equal(t, http.StatusOK, r.status, r.body)
}

// press waits for a prompt and presses a key.
func (c call) press(t *testing.T, prompt, key string) {
	t.Helper()
	c.hears(t, prompt)
	until(t, "keys are collected", func() bool { return c.now(t).Listening })
	r := c.phone.web.post(t, "/dev/calls/"+c.sid+"/press", url.Values{"Digits": {key}})
	require.Equal(t, http.StatusOK, r.status, r.body)
}

// hears waits until something containing the text was said.
func (c call) hears(t *testing.T, text string) {
	t.Helper()
	await(t, "heard: "+text, func() ([]fake.Heard, bool) {
		heard := c.now(t).Transcript
		for _, h := range heard {
			if strings.Contains(h.Text, text) {
				return heard, true
			}
		}
		return heard, false
	})
}

// ends waits until the call is over.
func (c call) ends(t *testing.T) fake.CallSnapshot {
	t.Helper()
	return await(t, "the call ends", func() (fake.CallSnapshot, bool) {
		s := c.now(t)
		return s, !s.Live()
	})
}

// talks waits until two parties hear each other.
func talks(t *testing.T, a, b call) {
	t.Helper()
	type pair struct{ a, b fake.CallSnapshot }
	await(t, "both hear each other", func() (pair, bool) {
		p := pair{a.now(t), b.now(t)}
		return p, p.a.Bridged && p.b.Bridged && slices.Contains(p.a.Peers, b.sid) && slices.Contains(p.b.Peers, a.sid)
	})
}
