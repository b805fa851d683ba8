package callqueue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

func TestAddressOf(t *testing.T) {
	call := &taskrouter.Call{From: callerNo, To: number, Facts: taskrouter.NoAttributes}
	named := &taskrouter.Call{From: callerNo, To: number, Facts: `{"caller_name": "Ada"}`}
	dequeue := func(to, from string) *taskrouter.Instruction {
		return &taskrouter.Instruction{Kind: taskrouter.InstructDequeue, Params: map[string]string{"to": to, "from": from}}
	}
	for name, c := range map[string]struct {
		instruction *taskrouter.Instruction
		contact     string
		call        *taskrouter.Call
		want        callqueue.Address
	}{
		"contact, dialled number":      {nil, "+15550300", call, callqueue.Address{To: "+15550300", From: number}},
		"instruction's target":         {dequeue("+15550400", ""), "+15550300", call, callqueue.Address{To: "+15550400", From: number}},
		"instruction's identity":       {dequeue("", "+15550500"), "+15550300", call, callqueue.Address{To: "+15550300", From: "+15550500"}},
		"SIP shows the caller":         {nil, "sip:alice@pbx.example.com", call, callqueue.Address{To: "sip:alice@pbx.example.com", From: number, CallerName: callerNo}},
		"SIP shows the name":           {nil, "sip:alice@pbx.example.com", named, callqueue.Address{To: "sip:alice@pbx.example.com", From: number, CallerName: "Ada"}},
		"client shows the caller":      {nil, "client:alice", call, callqueue.Address{To: "client:alice", From: number, CallerName: callerNo}},
		"caller's own number is shown": {dequeue("", callerNo), "client:alice", named, callqueue.Address{To: "client:alice", From: callerNo}},
		"no call":                      {nil, "client:alice", nil, callqueue.Address{To: "client:alice"}},
		"nothing known":                {nil, "", nil, callqueue.Address{}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, callqueue.AddressOf(c.instruction, c.contact, c.call))
		})
	}
}

func TestURLs(t *testing.T) {
	u := callqueue.URLs{Public: public + "/"}
	require.Equal(t, voice.Number{
		PhoneNumber: number, VoiceURL: public + "/callqueue/callback", FallbackURL: public + "/callqueue/fallback",
		StatusURL: public + "/callqueue/status",
	}, u.Number(number))
	require.Equal(t, public+"/callqueue/leg/"+attempt+"/answer/{placement}", u.LegAnswer(attempt))
	require.Equal(t, public+"/callqueue/leg/"+attempt+"/status/{placement}", u.LegStatus(attempt))
	require.Equal(t, public+"/callqueue/leg/a%2Fb%20%7Bx/status/{placement}", u.LegStatus("a/b {x"))
	require.Equal(t, public+"/callqueue/ended", u.Ended())
	require.Equal(t, public+"/callqueue/s/s3%2Fcret/callback", callqueue.URLs{Public: public, Secret: "s3/cret"}.Entry())
}
